"""Pictures: what is drawn is what was given, in every format, and nothing global changes."""

import matplotlib
import numpy as np
import pytest

import tidu
from tidu.errors import DataError, SettingError
from tidu.pictures import figure as figures
from tidu.pictures.boundaries import Points, boundaries
from tidu.pictures.figure import FORMATS, label
from tidu.text import use_language

X = np.linspace(-1, 1, 20)


@pytest.fixture(scope="module")
def run():
    return tidu.fit("y = w*x + b", {"x": X, "y": 2 * X + 1}, lr=0.3, epochs=30)


def test_the_picture_of_a_run_has_its_curve_and_its_line(run):
    loss, fit = run.plot().axes
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), run.history.loss)
    dots, line = fit.lines
    np.testing.assert_array_equal(dots.get_ydata(), 2 * X + 1)
    np.testing.assert_allclose(line.get_ydata(), run.params["w"] * line.get_xdata() + run.params["b"], rtol=1e-12)


def test_two_features_leave_the_loss_curve_alone():
    run = tidu.fit("y = v*x + w*z", {"x": X, "z": X**2, "y": X}, epochs=3)
    assert len(run.plot().axes) == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("suffix", FORMATS)
def test_formats(run, tmp_path, suffix):
    run.plot(tmp_path / f"p{suffix}")
    assert (tmp_path / f"p{suffix}").stat().st_size > 1000


def test_bad_paths_are_sentences(run, tmp_path):
    with pytest.raises(SettingError, match="txt"):
        run.plot(tmp_path / "p.txt")
    with pytest.raises(DataError, match="no folder"):
        run.plot(tmp_path / "nowhere" / "p.png")


def test_drawing_leaves_matplotlib_as_it_was(run, tmp_path):
    before = dict(matplotlib.rcParams)
    run.plot(tmp_path / "p.png")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
def test_diverged_runs_and_walks_can_be_drawn(tmp_path):
    run = tidu.fit("y = w*x", {"x": X * 100, "y": X}, lr=10.0, init={"w": 1})
    assert run.diverged
    run.plot(tmp_path / "run.png")
    for function, start in (("x**2", {"x": 1.0}), ("x**2 + y**2", {"x": 1.0, "y": 2.0}), ("x**4", {"x": 10.0})):
        tidu.minimize(function, start, lr=2.0).plot(tmp_path / "walk.png")


def test_scans_of_one_and_two_parameters(tmp_path):
    data = {"x": X, "y": 2 * X + 1}
    curve = tidu.scan("y = w*x", data, {"w": "0:4:0.1"})
    (axes,) = curve.plot().axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), curve.cost)
    tidu.scan("y = w*x + b", data, {"w": "0:4:0.5", "b": "0:2:0.5"}).plot(tmp_path / "map.png")
    tidu.scan("y = w*x + b", data, {"w": "0:4:0.5", "b": [1.0]}).plot(tmp_path / "thin.png")


def test_boundaries_pass_where_the_score_is_0():
    lines = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, -0.5], [1.0, 2.0, 0.0], [1.0, 1.0, 50.0]])
    x1, x2 = np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])
    (axes,) = boundaries([Points("two", x1, x2, np.array([False, True, True]), lines)]).axes
    drawn = axes.lines[:-2]  # the last two are the points
    assert len(drawn) == 3  # of no weight there is no line
    for line, (w1, w2, b) in zip(drawn, lines[1:], strict=True):
        for at in (line.get_xy1(), line.get_xy2()):
            assert w1 * at[0] + w2 * at[1] + b == pytest.approx(0, abs=1e-12)
    assert [t.get_text() for t in axes.texts] == ["2", "3"]  # the fourth does not cross the picture
    assert axes.lines[-2].get_xdata().tolist() == [1, 1]


def test_without_a_chinese_font_pictures_speak_english(monkeypatch):
    use_language("zh")
    try:
        monkeypatch.setattr(figures, "cjk_font", lambda: None)
        assert label("epoch") == "epoch"
        monkeypatch.setattr(figures, "cjk_font", lambda: "Some CJK Font")
        assert label("epoch") == "轮"
    finally:
        use_language("en")
