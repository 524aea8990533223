"""Loops over tiles: the bits of plain Python when compiled, and the steps of whole batches to the last digits."""

import numpy as np
import pytest

import tidu
from cut import fit_in_slices
from tidu.content.losses import LOSSES
from tidu.content.models import ACTIVATIONS
from tidu.content.optimizers import OPTIMIZERS
from tidu.training.training import Budget

random = np.random.default_rng(3)
ROWS = 70
X = random.normal(size=(ROWS, 3))
REAL = np.sin(X.sum(axis=1))
TARGETS = {
    "softmax": np.array(["a", "b", "c"])[np.digitize(REAL, [-0.3, 0.3])],
    "poisson": np.round(np.abs(3 * REAL)),
    **dict.fromkeys(("logistic", "hinge", "perceptron"), (REAL > 0) * 1),
}
GIVEN = {"optimizer": "gd", "lr": 0.01, "batch_size": 7, "epochs": 2, "seed": 1}
DATA = {f"x{k}": X[:, k] for k in range(3)}


def fits(formula, target=REAL, **options):
    """The same fit by plain Python, by machine code, and on whole batches."""
    given = GIVEN | options
    return [tidu.fit(formula, DATA | {"y": target}, engine=e, **given) for e in ("python", "compiled", "array")]


def assert_same(formula, target=REAL, **options):
    plain, compiled, whole = fits(formula, target, **options)
    assert [r.engine for r in (plain, compiled, whole)] == ["python", "compiled", "array"]
    assert plain.stopped == compiled.stopped == whole.stopped
    assert np.array_equal(plain.history.values, compiled.history.values)
    for name, value in plain.params.items():
        assert np.array_equal(value, compiled.params[name]), name
        assert value == pytest.approx(whole.params[name], rel=1e-11, abs=1e-13), name
    return compiled


PAIRS = [(a, list(OPTIMIZERS)[k % len(OPTIMIZERS)]) for k, a in enumerate(ACTIVATIONS)]
PAIRS += [("tanh", name) for name in OPTIMIZERS if name not in {o for _a, o in PAIRS}]


@pytest.mark.parametrize(("activation", "optimizer"), PAIRS)
def test_activations_and_optimizers(activation, optimizer):
    assert_same(f'y = mlp(..., hidden=[5, 8], activation="{activation}")', optimizer=optimizer)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss):
    assert_same("y = mlp(..., hidden=[9])", TARGETS.get(loss, REAL), loss=loss)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": None},
        {"shuffle": False, "record": "step"},
        {"l2": 0.1, "l1": 0.01, "clip_value": 0.05, "optimizer": "adam", "lr": "0.1*cosine(20)"},
        {"lr": "0.1*warmup(3)", "optimizer": "adam"},
        {"tol": 1e-3, "epochs": 30},
        {"until_loss": 0.4, "epochs": 30},
    ],
)
def test_settings(options):
    assert_same("y = mlp(..., hidden=[9])", **options)


@pytest.mark.parametrize(
    "formula", ["y = a*exp(-b*x1) + mlp(..., hidden=[4])", "y = mlp(..., hidden=[1, 1])", "y = mlp(x0, hidden=[70])"]
)
def test_models(formula):
    assert_same(formula)


def test_classes_of_a_linear_model():
    assert_same("y = linear(...)", TARGETS["softmax"], loss="softmax")


def test_batches_larger_than_a_tile():
    many = {name: np.tile(values, 9) for name, values in (DATA | {"y": REAL}).items()}
    runs = [
        tidu.fit("y = mlp(..., hidden=[6])", many, batch_size=150, epochs=2, lr=0.1, engine=e)
        for e in ("python", "compiled")
    ]
    assert np.array_equal(runs[0].params["W1"], runs[1].params["W1"])
    assert runs[0].loss == runs[1].loss


def test_a_divergence_leaves_the_last_good_state():
    plain, compiled, _whole = fits("y = mlp(..., hidden=[9])", lr=1e3, epochs=50)
    assert plain.stopped == compiled.stopped == "diverged"
    assert plain.steps == compiled.steps
    for name, value in plain.params.items():
        assert np.array_equal(value, compiled.params[name])
        assert np.isfinite(value).all()


def test_slices_change_nothing():
    whole = assert_same("y = mlp(..., hidden=[9])", optimizer="adam", epochs=4)
    given = GIVEN | {"optimizer": "adam", "epochs": 4, "engine": "compiled"}
    cut = fit_in_slices("y = mlp(..., hidden=[9])", DATA | {"y": REAL}, Budget(steps=1), **given)
    assert np.array_equal(whole.history.values, cut.history.values)
    assert np.array_equal(whole.params["W2"], cut.params["W2"])


def test_auto_takes_tiles_for_long_work_on_small_networks():
    def chosen(**options):
        return tidu.fit("y = mlp(..., hidden=[4])", DATA | {"y": REAL}, **options)

    assert chosen(epochs=3).engine == "array"
    long = chosen(epochs=200_000, until_loss=1e9)
    assert long.engine == "compiled"
    assert "tiles" in long.engine_reason
    assert "each_unit(forward_1, 4, m," in long.source


@pytest.mark.parametrize(
    ("engine", "options"),
    [("python", {"clip_norm": 0.1}), ("compiled", {"clip_norm": 0.1}), ("compiled", {"dtype": "float32"})],
)
def test_what_tiles_do_not_have(engine, options):
    with pytest.raises(tidu.TiduError, match="loop over tiles"):
        tidu.fit("y = mlp(..., hidden=[4])", DATA | {"y": REAL}, engine=engine, epochs=1, **options)


def test_names_of_the_users():
    names = ["take", "TILE", "np"]
    data = dict(zip(names, X.T, strict=True)) | {"memory": REAL}
    runs = [
        tidu.fit("memory = cell*mlp(...)", data, epochs=2, lr=0.1, engine=e) for e in ("python", "compiled", "array")
    ]
    assert np.array_equal(runs[0].params["W1"], runs[1].params["W1"])
    assert runs[0].loss == pytest.approx(runs[2].loss, rel=1e-12)
