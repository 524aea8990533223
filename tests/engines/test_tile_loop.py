"""Loops over tiles: the bits of plain Python when compiled, and the steps of whole batches to the last digits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from cut import fit_in_slices
from tidu.content.losses import LOSSES
from tidu.content.models import ACTIVATIONS
from tidu.content.optimizers import OPTIMIZERS
from tidu.runtime.arrays import dropout_mask
from tidu.training.loops import choosing
from tidu.training.loops.compiled_loops import ThreadedTileLoop, TileLoop
from tidu.training.problem import Problem
from tidu.training.training import Budget, Execution, Training

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
    chosen = GIVEN | options
    return [tidu.fit(formula, DATA | {"y": target}, engine=e, **chosen) for e in ("python", "compiled", "array")]


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
    chosen = GIVEN | {"optimizer": "adam", "epochs": 4, "engine": "compiled"}
    cut = fit_in_slices("y = mlp(..., hidden=[9])", DATA | {"y": REAL}, Budget(steps=1), **chosen)
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


def test_names_of_the_users():
    names = ["take", "chunk", "np"]
    data = dict(zip(names, X.T, strict=True)) | {"memory": REAL}
    runs = [
        tidu.fit("memory = cell*mlp(...)", data, epochs=2, lr=0.1, engine=e) for e in ("python", "compiled", "array")
    ]
    assert np.array_equal(runs[0].params["W1"], runs[1].params["W1"])
    assert runs[0].loss == pytest.approx(runs[2].loss, rel=1e-12)


# -- dropout, the length of the gradient, float32 ---------------------------------------------------------
DROPPED = 'y = mlp(..., hidden=[5, 8], activation="{}", dropout=0.3)'
MODES = {
    "dropout": {"formula": DROPPED},
    "clip_norm": {"clip_norm": 0.05, "clip_value": 0.04, "l2": 0.01},
    "float32": {"dtype": "float32"},
    "all": {"formula": DROPPED, "clip_norm": 0.05, "dtype": "float32", "l1": 0.01},
}
EVERY = [(k, loss) for k, loss in enumerate(LOSSES)]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("k", "loss"), EVERY)
def test_modes(mode, k, loss):
    k += 7 * list(MODES).index(mode)
    activation, optimizer = list(ACTIVATIONS)[k % len(ACTIVATIONS)], list(OPTIMIZERS)[k % len(OPTIMIZERS)]
    options = dict(MODES[mode])
    formula = options.pop("formula", 'y = mlp(..., hidden=[5, 8], activation="{}")').format(activation)
    plain, compiled, whole = fits(formula, TARGETS.get(loss, REAL), loss=loss, optimizer=optimizer, **options)
    assert plain.stopped == compiled.stopped == whole.stopped
    assert np.array_equal(plain.history.values, compiled.history.values)
    far = 2e-3 if "dtype" in options else 1e-10
    for name, value in plain.params.items():
        assert np.array_equal(value, compiled.params[name]), name
        assert np.asarray(value).dtype == options.get("dtype", "float64") or not np.ndim(value)
        assert value == pytest.approx(whole.params[name], rel=far, abs=far), name


def test_clipping_is_by_the_length_of_the_whole_gradient():
    run = tidu.fit("y = mlp(..., hidden=[5])", DATA | {"y": REAL}, engine="compiled", clip_norm=0.05, record="step",
                   lr=0.1, batch_size=32, epochs=3)  # fmt: skip
    free = tidu.fit("y = mlp(..., hidden=[5])", DATA | {"y": REAL}, engine="compiled", record="step", lr=0.1,
                    batch_size=32, epochs=3)  # fmt: skip
    assert free.history.gradient_norm[0] > 0.05
    assert run.history.gradient_norm[0] == pytest.approx(0.05, rel=1e-12)


def test_single_precision_rounds_what_is_kept_and_nothing_else():
    options = {"engine": "compiled", "lr": 0.1, "batch_size": None, "steps": 1, "epochs": None}
    narrow, exact = (tidu.fit("y = mlp(..., hidden=[9])", DATA | {"y": REAL}, dtype=d, **options)
                     for d in ("float32", "float64"))  # fmt: skip
    for name, value in exact.params.items():
        assert narrow.params[name] == np.float32(narrow.params[name]) if not np.ndim(value) else True
        assert narrow.params[name] == pytest.approx(value, rel=3e-7, abs=3e-7), name
    assert "np.zeros((9, WIDTH), np.float32)" in narrow.source
    assert "float(np.float32(new_w))" in narrow.source


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 9) | st.integers(60, 68) | st.integers(250, 262) | st.integers(505, 520),
    st.sampled_from([1, 7, 8, 9, 31, 32, 33]), st.booleans(), st.booleans(), st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def test_sizes_around_tiles_chunks_and_eights(rows, units, dropped, clipped, dtype):
    x = np.random.default_rng(rows).normal(size=(2, rows))
    data = {"a": x[0], "b": x[1], "y": np.sin(x[0] + x[1])}
    formula = f"y = mlp(a, b, hidden=[{units}]{', dropout=0.4' if dropped else ''})"
    options = {"batch_size": None, "lr": 0.1, "steps": 2, "epochs": None, "dtype": dtype}
    options |= {"clip_norm": 0.1} if clipped else {}
    plain, compiled = (tidu.fit(formula, data, engine=e, **options) for e in ("python", "compiled"))
    assert plain.loss == compiled.loss or rows == 0
    for name, value in plain.params.items():
        assert np.array_equal(value, compiled.params[name]), name


@pytest.mark.parametrize("batch_size", [None, 16, 70])
def test_dropout_and_clipping_are_torchs_with_the_same_masks(batch_size):
    rows, steps = 150, 4
    x = np.random.default_rng(3).normal(size=(rows, 3))
    data = {f"x{k}": x[:, k] for k in range(3)} | {"y": np.tanh(x @ [1.0, -2.0, 0.5])}
    run = tidu.fit("y = mlp(..., hidden=[6, 5], activation='tanh', dropout=0.25)", data, engine="compiled", lr=0.2,
                   batch_size=batch_size, shuffle=False, steps=steps, epochs=None, seed=3, clip_norm=0.1)  # fmt: skip
    leaves = {n: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for n, v in run.start.items()}
    theirs = torch.optim.SGD(list(leaves.values()), lr=0.2)
    size = batch_size or rows
    batches = [slice(k, min(k + size, rows)) for k in range(0, rows, size)]
    for step in range(steps):
        taken = batches[step % len(batches)]
        h, y = torch.tensor(x[taken]), torch.tensor(data["y"][taken])
        for k, units in ((1, 6), (2, 5)):
            mask = dropout_mask(3, step, k, (len(h), units), 0.25)
            h = torch.tanh(h @ leaves[f"W{k}"].T + leaves[f"b{k}"]) * torch.tensor(mask)
        theirs.zero_grad()
        ((h @ leaves["W3"] + leaves["b3"] - y) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(list(leaves.values()), 0.1)
        theirs.step()
    for name, leaf in leaves.items():
        # clip_grad_norm_ divides by the length and 1e-6
        np.testing.assert_allclose(run.params[name], leaf.detach().numpy(), rtol=0, atol=1e-5)


def test_slices_change_nothing_with_dropout_clipping_and_single_precision():
    chosen = GIVEN | {"optimizer": "adam", "epochs": 3, "engine": "compiled", "clip_norm": 0.1, "dtype": "float32"}
    formula = DROPPED.format("tanh")
    whole = tidu.fit(formula, DATA | {"y": REAL}, **chosen)
    cut = fit_in_slices(formula, DATA | {"y": REAL}, Budget(steps=1), **chosen)
    assert np.array_equal(whole.history.values, cut.history.values)
    assert np.array_equal(whole.params["W2"], cut.params["W2"])


# -- threads ------------------------------------------------------------------------------------------------
@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(
    st.integers(250, 262) | st.integers(505, 520) | st.integers(1000, 1100), st.sampled_from([None, 257, 400]),
    st.sampled_from(["", ", dropout=0.4"]), st.sampled_from(["float64", "float32"]),
    st.sampled_from([{}, {"clip_norm": 0.1}, {"clip_norm": 0.1, "clip_value": 0.05, "optimizer": "adam"}]),
    st.booleans(),
)  # fmt: skip
def test_threads_change_no_bit(rows, batch_size, dropout, dtype, more, by_step):
    x = np.random.default_rng(rows).normal(size=(2, rows))
    data = {"a": x[0], "b": x[1], "y": np.sin(x[0] + x[1])}
    options = {"batch_size": batch_size, "lr": 0.1, "epochs": 2, "dtype": dtype, "tol": 1e-9, **more}
    options |= {"record": "step"} if by_step else {}
    formula = f"y = mlp(a, b, hidden=[9, 3]{dropout})"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "WORTH_THREADS", 0.0)
        one, *others = (tidu.fit(formula, data, engine="compiled", threads=n, **options) for n in (1, 2, 4))
    for other in others:
        assert np.array_equal(one.history.values, other.history.values)
        for name, value in one.params.items():
            assert np.array_equal(value, other.params[name]), name


def test_threads_share_what_is_long_and_more_than_a_chunk():
    def loop_of(rows, units, threads=2):
        x = np.zeros(rows)
        problem = Problem.read(f"y = mlp(x, hidden=[{units}, {units}])", {"x": x, "y": x}, {"lr": 0.1, "epochs": 1})
        with Training(problem, Execution("compiled", threads=threads)) as training:
            return type(training.loop)

    assert loop_of(512, 128) is ThreadedTileLoop
    assert loop_of(256, 128) is TileLoop  # one chunk
    assert loop_of(512, 4) is TileLoop  # short
    assert loop_of(512, 128, threads=1) is TileLoop


def test_a_divergence_on_threads_leaves_the_last_good_state(monkeypatch):
    monkeypatch.setattr(choosing, "WORTH_THREADS", 0.0)
    many = {name: np.tile(values, 9) for name, values in (DATA | {"y": REAL}).items()}
    one, two = (
        tidu.fit("y = mlp(..., hidden=[9])", many, lr=1e3, epochs=50, engine="compiled", threads=n) for n in (1, 2)
    )
    assert one.stopped == two.stopped == "diverged"
    assert one.steps == two.steps
    assert all(np.array_equal(value, two.params[name]) for name, value in one.params.items())
