"""Kinds of pictures: the numbers in each against NumPy, every format, both languages, and what is not there."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

import tidu
from tidu.errors import DataError, SettingError
from tidu.insight.picturing.kinds import KINDS, Request, kinds_for, picture_of, sketch_of
from tidu.insight.picturing.of_classes import confusion_of, regions_of
from tidu.insight.picturing.of_runs import fit_frames, fit_planes, gradient_planes, residual_planes
from tidu.insight.picturing.passages import spread_evenly, spread_growing
from tidu.pictures.planes import Bars
from tidu.text import use_language

X = np.linspace(0.0, 3.0, 24)
DATA = {"x": X, "y": 2.0 * X + 1.0 + 0.2 * np.cos(9.0 * X)}


@pytest.fixture(scope="module")
def line():
    return tidu.fit("y = w*x + b", DATA, lr=0.05, epochs=12, batch_size=6)


@pytest.fixture(scope="module")
def classes():
    generator = np.random.default_rng(2)
    k = np.arange(60) % 3
    points = generator.normal(size=(60, 2)) + 3.0 * np.array([[0, 1], [1, -1], [-1, -1]])[k]
    data = {"u": points[:, 0], "v": points[:, 1], "c": np.array(["one", "three", "two"])[k]}
    return tidu.fit("c = linear(u, v)", data, loss="softmax", lr=0.1, epochs=60), data


def run_for(kind, line, classes):
    if kind in ("profiles", "pairs", "bands"):
        return tidu.fit("y = w*x + b", DATA, optimizer="lm")
    return classes[0] if kind in ("confusion", "boundary") else line


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_a_figure_and_a_sketch(kind, line, classes):
    run = run_for(kind, line, classes)
    assert kind in kinds_for(run)
    assert len(picture_of(run, kind, Request()).axes) >= 1
    text = sketch_of(run, kind, Request())
    assert len(text.splitlines()) >= 3
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_speaks_chinese(kind, line, classes):
    run = run_for(kind, line, classes)
    use_language("zh")
    try:
        text = sketch_of(run, kind, Request())
        figure = picture_of(run, kind, Request())
        words = "".join(t.get_text() for t in figure.findobj(match=Text))
    finally:
        use_language("en")
    if kind != "boundary":  # which has the data's own words alone
        assert any("\u4e00" <= c <= "\u9fff" for c in text)
        assert any("\u4e00" <= c <= "\u9fff" for c in words)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("kind", "suffix"), [
    *itertools.product(["loss", "contours", "graph", "batches"], [".png", ".svg", ".pdf"]),
    ("fit", ".gif"), ("fit", ".webp"), ("contours", ".webp"), ("graph", ".mmd"), ("graph", ".dot"),
])  # fmt: skip
def test_files_are_of_the_format_that_they_are_called(kind, suffix, line, tmp_path):
    path = tmp_path / f"picture{suffix}"
    line.plot(path, kind)
    content = path.read_bytes()
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".gif": b"GIF8", ".webp": b"RIFF",
              ".mmd": b"%% y = w*x + b", ".dot": b"digraph"}  # fmt: skip
    assert content.startswith(begins[suffix])
    if suffix in (".gif", ".webp"):
        with Image.open(path) as animation:
            assert animation.n_frames > 10
            assert animation.size[0] > 500


def test_loss_curves_are_the_histories(line):
    axes = line.plot(kind="loss", axis="log", beside=tidu.fit("y = w*x + b", DATA, lr=0.01, epochs=12)).axes[0]
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), line.history.loss)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["gd, batches of 6", "gd, full batch"]


def test_parameters_pass_where_a_loop_by_hand_does():
    run = tidu.fit("y = w*x + b", DATA, lr=0.05, epochs=6)
    axes = run.plot(kind="parameters").axes[0]
    w = b = 0.0
    by_hand = [(w, b)]
    for _k in range(6):
        r = w * X + b - DATA["y"]
        w, b = w - 0.05 * np.mean(2 * r * X), b - 0.05 * np.mean(2 * r)
        by_hand.append((w, b))
    for place, curve in enumerate(axes.lines):
        np.testing.assert_allclose(curve.get_ydata(), [p[place] for p in by_hand], rtol=1e-12)


def test_the_fit_evolves_from_the_start_to_the_end(line):
    first, *_between, last = fit_planes(line)
    np.testing.assert_array_equal(first.curves[1].y, 0.0)
    x = last.curves[1].x
    np.testing.assert_allclose(last.curves[1].y, line.params["w"] * x + line.params["b"], rtol=1e-12)
    frames = fit_frames(line)
    assert len({f.limits for f in frames}) == 1
    assert 20 < len(frames) <= 40
    assert {tuple(c.name for c in f.curves) for f in frames} == {("data", "model")}  # or the axes would jump
    assert [f.title.split()[-1] for f in frames[:3]] == ["0", "1", "2"]


def test_residuals_are_target_minus_prediction(line):
    over, spread = residual_planes(line)
    expected = DATA["y"] - (line.params["w"] * X + line.params["b"])
    np.testing.assert_allclose(over.curves[0].y, expected, atol=1e-12)
    counts, edges = np.histogram(expected, len(spread.bars.heights))
    np.testing.assert_array_equal(spread.bars.heights, counts)
    np.testing.assert_allclose(spread.bars.edges, edges, rtol=1e-9)


def test_gradients_of_rows_and_their_mean_are_numpys(line):
    step = 5
    trace, batch = line.trace(step), line.batch_of(step)
    w, b = trace.before["w"], trace.before["b"]
    of_w = 2 * (w * X + b - DATA["y"]) * X
    (plane,) = gradient_planes(line, step, ("w",))
    assert plane.rules[0].at == pytest.approx(np.mean(of_w[list(batch)]), rel=1e-12)
    np.testing.assert_array_equal(plane.bars.heights, np.histogram(of_w, len(plane.bars.heights))[0])


def test_confusion_and_regions_are_those_of_the_predictions(classes):
    run, data = classes
    predicted = run.predict(data)
    table = confusion_of(run)
    for i, j in itertools.product(range(3), repeat=2):
        both = (data["c"] == table.classes[i]) & (predicted == table.classes[j])
        assert table.counts[i, j] == both.sum()
    regions = regions_of(run)
    a, b = np.meshgrid(regions.x[::30], regions.y[::30])
    there = run.predict({"u": a.ravel(), "v": b.ravel()}).reshape(a.shape)
    winner = regions.logits[::30, ::30].argmax(axis=2)
    assert (np.array(regions.classes)[winner] == there).all()
    for k, name in enumerate(regions.classes):
        assert ((regions.numbers == k) == (data["c"] == name)).all()


def test_batches_are_those_of_the_steps(line):
    words = [t.get_text() for t in line.plot(kind="batches").axes[0].texts]
    rows = [int(t) for t in words if t.isdecimal()]
    assert rows == [row for step in range(4) for row in line.batch_of(step)]


def test_what_is_not_there_is_a_sentence(line, classes, tmp_path):
    for kind, run, words in (
        ("los", line, "did you mean 'loss'"),
        ("confusion", line, "models of classes"),
        ("boundary", line, "models of classes"),
        ("residuals", classes[0], "confusion"),
        ("fit", classes[0], "one feature"),
    ):
        with pytest.raises(SettingError, match=words):
            run.plot(kind=kind)
    with pytest.raises(SettingError, match="does not move"):
        line.plot(tmp_path / "l.gif", "loss")
    with pytest.raises(SettingError, match="--kind graph"):
        line.plot(tmp_path / "l.dot", "loss")
    with pytest.raises(SettingError, match="it is for: parameters, profiles, pairs, contours, gradients"):
        line.plot(kind="loss", of="w")
    with pytest.raises(SettingError, match="did you mean 'step'"):
        line.plot(kind="graph", stap=3)
    with pytest.raises(SettingError, match="axis must be"):
        line.plot(kind="loss", axis="cubic")
    with pytest.raises(DataError, match="--data"):
        line.without_data().plot(kind="residuals")


def test_a_solver_has_the_pictures_that_need_no_steps():
    run = tidu.fit("y = w*x + b", DATA, optimizer="lm")
    assert kinds_for(run) == ["overview", "loss", "parameters", "fit", "bands", "residuals", "profiles", "pairs"]
    for kind in kinds_for(run):
        run.plot(kind=kind)
    with pytest.raises(SettingError, match="solver"):
        run.plot(kind="batches")


def test_a_run_without_data_still_has_its_curves(line):
    bare = line.without_data()
    assert len(bare.plot().axes) == 1
    np.testing.assert_array_equal(bare.plot(kind="parameters").axes[0].lines[0].get_ydata()[1:], line.history["w"])


@pytest.mark.parametrize("last", [0, 1, 5, 39, 40, 41, 1000, 10**6])
def test_steps_are_spread_from_the_first_to_the_last(last):
    for spread in (spread_evenly, spread_growing):
        steps = spread(last, 40)
        assert steps[0] == 0
        assert steps[-1] == last
        assert steps == sorted(set(steps))
        assert len(steps) <= 41


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0], [1e300, 1e300], [np.nan, 2.0, 3.0]])
def test_bars_of_any_numbers(values):
    bars = Bars.of(np.array(values, dtype=float))
    assert len(bars.edges) == len(bars.heights) + 1
    assert bars.heights.sum() == np.isfinite(values).sum()


def test_sketches_need_no_matplotlib(tmp_path):
    import subprocess
    import sys

    elsewhere = ("confusion", "boundary", "bands", "profiles", "pairs")
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import tidu\n"
        "r = tidu.fit('y = w*x + b', {'x': [0., 1, 2], 'y': [1., 3, 5]}, lr=0.1, epochs=5)\n"
        f"print([len(r.sketch(k)) > 20 for k in {[k for k in KINDS if k not in elsewhere]!r}])\n"
        "r = tidu.fit('y = w*x + b', {'x': [0., 1, 2], 'y': [1., 3, 6]}, optimizer='lm')\n"
        "print(len(r.sketch('profiles')) > 20, len(r.sketch('pairs')) > 20, len(r.sketch('bands')) > 20)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(tmp_path), check=True)
    assert "False" not in done.stdout
