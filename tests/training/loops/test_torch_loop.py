"""The loop on PyTorch's devices: the numbers of NumPy's loop, the same ends, no waiting within a slice."""

import builtins
import sys

import numpy as np
import pytest
import torch

import tidu
from oracles import ARRAY_OPS, OPS
from tidu.content.models import ACTIVATIONS
from tidu.content.schedules import SCHEDULES
from tidu.runtime import arrays, torch_arrays
from tidu.training.descent import descend
from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.training import Budget, Execution

ROWS = 40
random = np.random.default_rng(5)
X = random.normal(size=(ROWS, 3))
REAL = np.tanh(X @ [1.0, -2.0, 0.5]) + 0.1 * random.normal(size=ROWS)
TARGETS = {
    "logistic": (REAL > 0).astype(float),
    "hinge": (REAL > 0).astype(float),
    "perceptron": (REAL > 0).astype(float),
    "softmax": np.digitize(REAL, [-0.5, 0.5]).astype(float),
    "poisson": random.poisson(np.exp(REAL)).astype(float),
}
NETWORK = "y = mlp(x0, x1, x2, hidden=[4], activation='tanh')"
# The libraries add the terms of a product of matrices in different orders; 20 steps carry that on.
DIGITS = {"rtol": 1e-12, "atol": 1e-14}


def fitted(formula=NETWORK, device=None, target=REAL, **options):
    data = {f"x{k}": X[:, k] for k in range(3)} | {"y": target, "n": 1.0 + np.arange(ROWS) % 3}
    return tidu.fit(formula, data, device=device, **{"lr": 0.01, "seed": 3, "batch_size": 7, "steps": 20, **options})


def assert_same(theirs, ours, digits=DIGITS):
    assert (theirs.stopped, theirs.steps, theirs.epochs) == (ours.stopped, ours.steps, ours.epochs)
    for name, value in ours.params.items():
        np.testing.assert_allclose(theirs.params[name], value, **digits)
    np.testing.assert_allclose(theirs.history.values, ours.history.values, **digits)


@pytest.mark.parametrize("optimizer", tidu.OPTIMIZERS)
@pytest.mark.parametrize("loss", tidu.LOSSES)
def test_twenty_steps_are_those_of_numpy(loss, optimizer):
    given = {"target": TARGETS.get(loss, REAL), "loss": loss, "optimizer": optimizer}
    theirs, ours = fitted(device="cpu", **given), fitted(**given)
    assert_same(theirs, ours)
    assert theirs.engine == ours.engine == "array"
    assert f"PyTorch {torch.__version__} on cpu" in theirs.engine_reason
    assert "torch." in theirs.source
    assert "np." not in theirs.source


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    formula = f"y = mlp(x0, x1, x2, hidden=[5, 4], activation={activation!r})"
    assert_same(fitted(formula, "cpu"), fitted(formula))


FUNCTIONS = [n for n, op in OPS.items() if op.formula_name and not op.boolean and n not in ("sign", "floor", "ceil")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_formulas_of_numbers_with_every_function(name):
    """Plain Python is the oracle of both loops on arrays."""
    op = OPS[name]
    data = {f"x{k}": random.uniform(max(low, -3), min(high, 3), ROWS) for k, (low, high) in enumerate(op.domain)}
    arguments = "x0 > 0.5, a*x1, b*x2" if name == "where" else ", ".join(f"a*x{k}" for k in range(len(data)))
    if name == "atan2":  # of a*x0 and a*x1 it does not depend on a, and adam would follow the rounding
        arguments = "a*x0, b*x1"
    formula = f"y = {op.formula_name}({arguments}) + b"
    options = {"init": {"a": 0.98, "b": 0.5}, "lr": 1e-4, "batch_size": 7, "steps": 20, "optimizer": "adam"}
    plain, ours, theirs = (
        tidu.fit(formula, data | {"y": REAL}, **options, **how)
        for how in ({"engine": "python"}, {"engine": "array"}, {"device": "cpu"})
    )
    assert_same(ours, plain)
    assert_same(theirs, plain)
    assert ours.engine == "array"
    assert ours.history["a"][-1] == ours.params["a"]
    assert all(type(v) is float for run in (ours, theirs) for v in run.params.values())


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": None},
        {"batch_size": 1},
        {"shuffle": False},
        {"record": "step"},
        {"record": "step", "batch_size": None},
        {"l1": 0.1, "l2": 0.2, "clip_norm": 0.3},
        {"clip_value": 0.05},
        {"weights": "n", "formula": "y = mlp(x0, x2, hidden=[3])"},
        {"weights": "n", "formula": "y = a*x0 + b*x2", "batch_size": 9},
        {"formula": "y = a*exp(-b*x0) + mlp(x1, x2, hidden=[3], activation='tanh')", "init": {"a": 0.5, "b": 0.1}},
        {"formula": "y = linear(x0, x2)"},
        {"formula": "y = c", "init": {"c": 0.2}, "tol": 1e-12},
        {"steps": 400, "tol": 2e-3},
        {"steps": 400, "until_loss": 0.2, "lr": 0.1},
        {"epochs": 3, "steps": None},
    ],
)
def test_every_shape_of_loop(options):
    ours, theirs = (fitted(device=device, engine="array", **options) for device in (None, "cpu"))
    assert_same(theirs, ours)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_numbers_on_the_host_do_not_widen_single_precision(schedule, device):
    arguments = {"step": "5, 0.5", "exponential": "0.01", "cosine": "100", "inverse_time": "0.1", "warmup": "10"}
    lr = f"0.01 * {schedule}({arguments.get(schedule, '')})" if schedule in arguments else "0.01"
    for optimizer in tidu.OPTIMIZERS:
        run = fitted(device=device, dtype="float32", optimizer=optimizer, lr=lr, l1=0.01, clip_norm=1.0)
        assert {v.dtype.name for v in run.params.values() if np.ndim(v)} == {"float32"}
        # Single precision has 7 digits; adadelta and its like divide by roots of tiny numbers.
        exact = fitted(optimizer=optimizer, lr=lr, l1=0.01, clip_norm=1.0)
        np.testing.assert_allclose(run.params["W1"], exact.params["W1"], atol=2e-4)


def test_a_rate_that_is_not_finite_ends_the_run_in_words():
    for device in (None, "cpu"):
        run = fitted(device=device, lr="0.1/t")  # t begins at 0
        assert (run.stopped, run.steps) == ("diverged", 0)


@pytest.mark.parametrize("record", ["epoch", "step"])
@pytest.mark.parametrize(
    "options",
    [
        {"formula": "y = mlp(x0, x1, x2, hidden=[4], activation='identity')", "lr": 5.0, "steps": 900},
        {"formula": "y = mlp(x0, x1, x2, hidden=[4], activation='identity')", "lr": 1e200, "steps": 900},
        {"formula": "y = a*x0 + b", "lr": 1.0, "steps": 20_000, "batch_size": None, "target": 1e150 * REAL},
        {"formula": "y = log(a*x0**2 + b)", "lr": 1.0, "steps": 900, "init": {"a": 1.0, "b": 0.1}},
        {"formula": "y = exp(a*x0)", "lr": 1.0, "steps": 900, "init": {"a": 400.0}},
    ],
)
def test_a_divergence_is_narrowed_down_to_its_step(options, record):
    ours, theirs = (fitted(device=device, engine="array", record=record, **options) for device in (None, "cpu"))
    assert ours.stopped == "diverged"
    # Growing without bound, the two part: at 1e300 a last digit is not what is asked for, the step is.
    assert_same(theirs, ours, {"rtol": 1e-6})


def test_where_the_slices_are_cut_changes_no_bit():
    data = {f"x{k}": X[:, k] for k in range(3)} | {"y": REAL}
    problem = Problem.read(NETWORK, data, {"optimizer": "adam", "batch_size": 7, "steps": 37})
    whole, cut = (run_of(problem, Execution(device="cpu", slice=Budget(steps=steps))) for steps in (10**6, 1))
    np.testing.assert_array_equal(cut.history.values, whole.history.values)
    np.testing.assert_array_equal(cut.params["W1"], whole.params["W1"])


def test_digits_are_learnt_alike():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    data = {f"p{k}": column for k, column in enumerate((images / 16.0).T)} | {"digit": labels}
    options = {"loss": "softmax", "optimizer": "adam", "lr": 0.005, "batch_size": 64, "epochs": 5, "test_size": 0.2}
    ours, theirs = (
        tidu.fit("digit = mlp(..., hidden=[32], activation='tanh')", data, device=device, **options)
        for device in (None, "cpu")
    )
    assert theirs.test_metrics["accuracy"] == ours.test_metrics["accuracy"] > 0.9
    np.testing.assert_allclose(theirs.history.loss, ours.history.loss, rtol=1e-9)


def test_no_step_waits_for_a_number_of_the_device(monkeypatch):
    """What reads a tensor is counted: as often for a slice of 200 steps as for one of 20."""
    data = {"x0": X[:, 0], "x1": X[:, 1], "x2": X[:, 2], "y": REAL}
    problem = Problem.read(NETWORK, data, {"optimizer": "adam", "batch_size": 10})

    def reads(steps):
        count = 0

        def counting(method):
            def counted(self, *args, **kwargs):
                nonlocal count
                count += 1
                return method(self, *args, **kwargs)

            return counted

        with monkeypatch.context() as patch:
            for name in ("item", "__bool__", "__float__", "cpu", "numpy", "tolist", "__array__"):
                patch.setattr(torch.Tensor, name, counting(getattr(torch.Tensor, name)))
            descend(problem.changed(steps=steps), Execution(device="cpu", slice=Budget(steps=10**9)))
        return count

    assert reads(200) == reads(20) > 0


def test_it_reads_as_one_writes_it_by_hand():
    source = fitted("y = mlp(x0, x1, hidden=[5], activation='leaky_relu')", "cpu", batch_size=None).source
    assert (
        """
        # forward
        sum_1 = x @ W1.T + b1
        greater_1 = sum_1 > 0.0
        choice_1 = where(greater_1, sum_1, 0.01 * sum_1)
        y_hat = choice_1 @ W2 + b2
        residual = y_hat - y
        loss = residual * residual
"""
        in source
    )
    assert source.startswith('"""Training loop on arrays')
    assert "\nimport torch\n" in source


def test_predictions_and_files_know_no_device(tmp_path):
    run = fitted(device="cpu", loss="softmax", target=TARGETS["softmax"])
    data = {f"x{k}": X[:, k] for k in range(3)}
    run.save(tmp_path / "m.tidu")
    again = tidu.load(tmp_path / "m.tidu")
    np.testing.assert_array_equal(again.probabilities(data), run.probabilities(data))
    assert isinstance(run.params["W1"], np.ndarray)
    assert again.engine == "array"


# -- what torch lacks -------------------------------------------------------------------------------
OF_TWO = ("arctan2", "hypot", "logaddexp", "fmod", "remainder")


def test_both_libraries_have_the_same_functions():
    ours, theirs = (
        {n for n, f in vars(m).items() if callable(f) and n.islower() and not n.startswith("_")}
        for m in (arrays, torch_arrays)
    )
    assert ours - {"all_finite"} | {"maximum", "minimum", *OF_TWO, "degrees", "radians"} == theirs


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "log_cosh", "erf", "erfc"])
def test_functions_of_one_number_far_out_and_near_0(name):
    x = np.array([-1e308, -800.0, -30.0, -20.5, -1.0, -1e-9, 0.0, 1e-9, 1.0, 20.5, 30.0, 800.0, 1e308, np.inf, np.nan])
    with np.errstate(all="ignore"):
        expected = getattr(arrays, name)(x)
    np.testing.assert_allclose(getattr(torch_arrays, name)(torch.tensor(x)).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["first_largest", "logsumexp", "softmax", "scatter"])
def test_functions_of_axes_and_keys(name):
    for shapes, attrs in ARRAY_OPS[name].cases:
        x = random.integers(-2, 3, size=shapes[0]).astype(float)  # several are equal
        expected = getattr(arrays, name)(x, *attrs)
        found = getattr(torch_arrays, name)(torch.tensor(x), *attrs)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)


def test_numbers_beside_tensors():
    x = torch.tensor([-1.0, float("nan"), 2.0], dtype=torch.float64)
    for ours, numpys in ((torch_arrays.maximum, np.maximum), (torch_arrays.minimum, np.minimum)):
        for a, b in ((x, 0.5), (0.5, x), (x, torch.flip(x, [0]))):
            np.testing.assert_array_equal(ours(a, b).numpy(), numpys(np.asarray(a), np.asarray(b)))
    chosen = torch_arrays.where(x > 0.0, 1.0, 0.1, torch.float64)
    np.testing.assert_array_equal(chosen.numpy(), [0.1, 0.1, 1.0])
    assert torch_arrays.where(True, 1.0, x) == 1.0
    np.testing.assert_array_equal(torch_arrays.whole_power(x, 5).numpy(), np.asarray(x) ** 5.0)


# -- refusals ---------------------------------------------------------------------------------------
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
NO_MPS = pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"device": "gpu"}, "device must be 'cpu', 'cuda', a GPU by its number.* not 'gpu'"),
        ({"device": "cuda:-1"}, "not 'cuda:-1'"),
        ({"device": 0}, "not 0"),
        ({"device": ""}, "not ''"),
        pytest.param({"device": "cuda"}, "no device 'cuda': PyTorch .* finds no CUDA GPU.*'cpu'", marks=NO_GPU),
        pytest.param({"device": "mps"}, "no device 'mps' here: it is the GPU of a Mac", marks=NO_MPS),
        ({"device": "cpu", "engine": "compiled"}, "device is for the engine array, not for 'compiled'"),
        ({"device": "cpu", "fast": True}, "fast is for the engine compiled, not for 'array'"),
        ({"engine": "array", "fast": True}, "fast is for the engine compiled, not for 'array'"),
        ({"device": "cpu", "optimizer": "lm", "lr": None, "batch_size": None}, "not for 'lm'; name an optimizer"),
        ({"device": "cpu", "optimizer": "auto", "lr": None, "batch_size": None}, "not for 'auto'; name an optimizer"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_sentence(options, says):
    with pytest.raises(tidu.TiduError, match=says):
        fitted("y = a*x0 + b", **{"steps": 3, **options})


def test_a_mac_computes_in_single_precision(monkeypatch):
    from tidu.training.devices import check_device

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    check_device("mps", "float32")
    with pytest.raises(tidu.TiduError, match="single precision only; give dtype float32"):
        check_device("mps", "float64")


def test_gpus_are_numbered(monkeypatch):
    from tidu.training.devices import check_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device("cuda:1", "float64")
    with pytest.raises(tidu.TiduError, match="no device 'cuda:2': GPUs are numbered from cuda:0 to cuda:1"):
        check_device("cuda:2", "float64")


def test_without_torch_there_is_a_sentence(monkeypatch):
    there = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return there(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "tidu.training.devices", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(tidu.TiduError, match=r"needs PyTorch; install it with: pip install 'tidu\[torch\]'"):
        fitted(device="cpu")


@pytest.mark.parametrize(
    "message", [torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")]
)
def test_what_does_not_fit_is_a_sentence(monkeypatch, message):
    def full(*_args, **_kwargs):
        raise message

    monkeypatch.setattr(torch, "tanh", full)
    with pytest.raises(tidu.TiduError, match=r"memory of 'cpu' is too small for 40 rows in steps of 7; .* float32"):
        fitted(device="cpu")
    monkeypatch.setattr(torch, "tanh", lambda x: x @ x)  # any other fault is ours, and is not hidden
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fitted(device="cpu")


def test_rates_and_scaling_find_their_way_to_a_device():
    for options in ({"lr": "auto"}, {"lr": None, "scale": True}):
        given = {"formula": "y = a*x0 + b*x1 + c", "batch_size": None, "steps": 30, **options}
        ours, theirs = (fitted(device=device, **given) for device in (None, "cpu"))
        assert theirs.settings.lr == ours.settings.lr
        assert_same(theirs, ours)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
@pytest.mark.parametrize("optimizer", tidu.OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_on_a_gpu(optimizer, dtype):
    theirs, ours = (fitted(device=device, optimizer=optimizer, dtype=dtype) for device in ("cuda:0", None))
    digits = {"rtol": 1e-10, "atol": 1e-12} if dtype == "float64" else {"rtol": 1e-2, "atol": 2e-4}
    assert_same(theirs, ours, digits)
    assert "cuda:0" in theirs.engine_reason
