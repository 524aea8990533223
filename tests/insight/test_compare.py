"""Comparisons: costs and limits against NumPy, equal samples, and the sentence that says what made the difference."""

import numpy as np
import pytest

import tidu
from tidu.errors import SettingError
from tidu.insight.compare import compared
from tidu.text import use_language

GENERATOR = np.random.default_rng(1)
X = np.linspace(0.0, 5.0, 40)
DATA = {"x": X, "y": 2.0 * X + 1.0 + 0.3 * GENERATOR.normal(size=40)}
FORMULA = "y = w*x + b"


def cost(run):
    return np.mean((run.params["w"] * X + run.params["b"] - DATA["y"]) ** 2)


def test_the_three_ways_see_equal_samples_and_have_numpys_costs():
    found = tidu.compare(FORMULA, DATA, lr=0.02, epochs=25)
    assert [e.run.settings.batch_size for e in found.entries] == [None, 10, 1]
    assert [e.run.steps for e in found.entries] == [25, 100, 1000]
    assert [e.samples for e in found.entries] == [1000, 1000, 1000]
    for e in found.entries:
        assert e.cost == pytest.approx(cost(e.run), rel=1e-12)
    assert found.best.cost == min(e.cost for e in found.entries)
    assert list(found.differing) == ["batch_size"]
    hessian = 2.0 * np.cov(np.stack([X, np.ones(40)]), bias=True) + 2.0 * np.outer([X.mean(), 1], [X.mean(), 1])
    assert found.entries[0].limit == pytest.approx(2.0 / np.linalg.eigvalsh(hessian)[-1], rel=1e-9)


def test_curves_are_costs_over_all_rows():
    found = tidu.compare(FORMULA, DATA, lr=0.02, epochs=5)
    for curve, e in zip(found.plane().curves, found.entries, strict=True):
        assert curve.x[0] == 0
        assert curve.x[-1] == 200
        assert curve.y[0] == pytest.approx(np.mean(DATA["y"] ** 2), rel=1e-12)  # from 0
        assert curve.y[-1] == pytest.approx(e.cost, rel=1e-12)


@pytest.mark.parametrize(
    ("variants", "options", "words"),
    [
        ([{"batch_size": None}, {"batch_size": 4}], {"lr": 0.005, "epochs": 3}, "10 times as many updates"),
        ([{"lr": 0.001}, {"lr": 0.05}], {"epochs": 20}, "of its limit"),
        ([{"lr": 0.5}, {"lr": 0.05}], {"epochs": 400}, "diverged: its learning rate 0.5 is"),
        ([{"optimizer": "gd", "lr": 0.05}, {"optimizer": "adam", "lr": 0.03}], {"epochs": 30}, "still falling"),
        ([{"lr": 0.05}, {"lr": 0.06}], {"epochs": 3000}, "ended alike"),
    ],
)
def test_what_made_the_difference(variants, options, words):
    found = tidu.compare(FORMULA, DATA, variants, **options)
    assert any(words in sentence for sentence in found.sentences), found.sentences


def test_runs_that_there_are_are_compared_too():
    runs = [tidu.fit(FORMULA, DATA, lr=0.02, epochs=n, batch_size=8) for n in (2, 4)]
    found = compared(runs)
    assert not found.equal_samples
    assert "80" in found.sentences[0]
    assert "160" in found.sentences[0]
    bare = compared([r.without_data() for r in runs])
    assert [e.cost for e in bare.entries] == [r.loss for r in runs]
    assert [e.limit for e in bare.entries] == [None, None]
    assert bare.plane().curves[0].y.tolist() == runs[0].history.loss.tolist()


def test_networks_have_no_limit_and_are_compared():
    found = tidu.compare("y = mlp(x, hidden=[3])", DATA, [{"seed": 1}, {"seed": 2}], lr=0.01, epochs=3)
    assert [e.limit for e in found.entries] == [None, None]
    assert all(np.isfinite(e.cost) for e in found.entries)


def test_bad_variants_are_sentences():
    with pytest.raises(SettingError, match="two trainings"):
        tidu.compare(FORMULA, DATA, [{}])
    with pytest.raises(SettingError, match="epochs"):
        tidu.compare(FORMULA, DATA, [{"epochs": 3}, {}])
    with pytest.raises(SettingError, match="batch_size"):
        tidu.compare(FORMULA, DATA, [{"batchsize": 3}, {}])


def test_the_picture_speaks_chinese(tmp_path):
    found = tidu.compare(FORMULA, DATA, lr=0.02, epochs=3)
    use_language("zh")
    try:
        assert found.plane().x_label == "学过的样本数"
        assert "样本" in found.sentences[0]
    finally:
        use_language("en")
    found.plot(tmp_path / "c.svg")
    assert b"<svg" in (tmp_path / "c.svg").read_bytes()
    assert set(found.to_dict()) == {"runs", "differing", "best", "equal_samples", "sentences"}
