"""The compiled loop gives the bits of the plain Python loop: parameters, state and the whole history."""

import inspect
import itertools
import math

import numba
import numpy as np
import pytest

import tidu
from tidu import ieee
from tidu.content.losses import COUNT, LOSSES, REAL, SIGN, ZERO_ONE
from tidu.engines import native
from tidu.engines.build import loop_folder

ROWS = 40
random = np.random.default_rng(5)
X, Z, NOISE = random.normal(size=(3, ROWS))
TARGETS = {
    REAL: 2 * X - Z + 0.3 * NOISE,
    ZERO_ONE: (X + NOISE > 0).astype(float),
    SIGN: np.where(X + NOISE > 0, 1.0, -1.0),
    COUNT: np.floor(np.abs(3 * NOISE)),
}
LINE = "y = w*x + b"


def assert_same_bits(formula, data, **options):
    runs = [tidu.fit(formula, data, engine=engine, epochs=6, **options) for engine in ("python", "numba")]
    plain, compiled = runs
    assert (plain.engine, compiled.engine) == ("python", "numba")
    assert plain.source == compiled.source
    np.testing.assert_array_equal(compiled.history.values, plain.history.values)
    assert compiled.params == plain.params
    assert dict(compiled.optimizer_state) == dict(plain.optimizer_state)
    assert (compiled.stopped, compiled.epochs, compiled.steps) == (plain.stopped, plain.epochs, plain.steps)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss(loss):
    assert_same_bits(LINE, {"x": X, "y": TARGETS[LOSSES[loss].targets]}, loss=loss, batch_size=7)


@pytest.mark.parametrize("optimizer", list(tidu.OPTIMIZERS))
def test_every_optimizer(optimizer):
    assert_same_bits(LINE, {"x": X, "y": TARGETS[REAL]}, optimizer=optimizer, batch_size=1)


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y = w1*x**2 + w2*x + w3", {}),
        ("y = a*exp(-b*x) + c", {"init": {"a": 1, "b": 0.1}, "record": "step", "batch_size": 32}),
        ("y = a*sin(w*x) + v*z", {"init": {"a": 1, "w": 1}, "tol": 1e-3, "batch_size": 7, "shuffle": False}),
        ("y = where(x > 0, a*x, b*x) + c*tanh(z)", {"l1": 0.1, "l2": 0.1, "clip_norm": 0.5}),
        ("y = w*x + b", {"lr": "0.1 * warmup(3) * cosine(20)", "until_loss": 1.5, "batch_size": 32}),
    ],
)
def test_models_and_shapes_of_loop(formula, options):
    assert_same_bits(formula, {"x": X, "z": Z, "y": TARGETS[REAL]}, **options)


@pytest.mark.parametrize("formula", ["y = a*exp(900*x) + b", "y = a/x + b", "y = w*log(x) + b"])
def test_divergence_at_the_same_step(formula):
    data = {"x": np.append(X, 0.0), "y": np.append(TARGETS[REAL], 1.0)}
    assert_same_bits(formula, data, init={"w": 1.0} if "w" in formula else {"a": 1.0})


def test_a_plain_function_on_long_work_is_compiled():
    far = {"engine": tidu.minimize("x**2 + y**2", {"x": 1.0, "y": 2.0}, lr=1e-9, steps=3_000_000).engine}
    assert far == {"engine": "numba"}


VALUES = [
    *(random.normal(size=60) * 10.0 ** random.integers(-5, 4, 60)).tolist(),
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 710.0, -710.0, 745.5, -745.5, 1e308, -1e308, math.inf, -math.inf, math.nan,
]  # fmt: skip
FUNCTIONS = {
    name: function
    for name, function in vars(ieee).items()
    if callable(function) and not name.startswith("_") and name not in ("Callable", "isfinite")
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_every_function_of_the_loops(name):
    function = FUNCTIONS[name]
    two = name in ("divide", "power", "maximum", "minimum")
    if not two:
        compiled = numba.njit(error_model="numpy")(lambda x: function(x))
        arguments = [(v,) for v in VALUES]
    else:
        assert len(inspect.signature(function).parameters) == 2
        compiled = numba.njit(error_model="numpy")(lambda a, b: function(a, b))
        arguments = list(itertools.product(VALUES[::4] + VALUES[-16:], repeat=2))
    assert native  # which tells the compiler what these functions are
    for given in arguments:
        expected, got = function(*given), compiled(*given)
        if expected != expected:
            assert got != got, given
        else:
            assert (got, math.copysign(1, got)) == (expected, math.copysign(1, expected)), given


def test_a_damaged_cache_is_rebuilt(tmp_path):
    data = {"x": X, "y": TARGETS[REAL]}
    formula = "y = w*x + 0.125*b"  # of this test alone
    first = tidu.fit(formula, data, engine="numba", epochs=3)
    files = list((loop_folder() / "__pycache__").glob("*.train-*.nb*"))
    assert files
    for file in files:
        file.write_bytes(b"not a cache")
    module = native.module_of(first.source)
    del module.compiled_train
    assert tidu.fit(formula, data, engine="numba", epochs=3).params == first.params
