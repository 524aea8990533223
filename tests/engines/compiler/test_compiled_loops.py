"""The compiled loop gives the bits of the plain Python loop: parameters, state and the whole history."""

import inspect
import itertools
import math
import os

import numpy as np
import pytest

import tidu
from oracles import OF_ONE_SCORE
from tidu.content.losses import COUNT, LOSSES, REAL, SIGN, ZERO_ONE
from tidu.engines.compiler.calls import compiled
from tidu.errors import SettingError
from tidu.runtime import ieee
from tidu.runtime.summation import CHUNK, summed

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
    runs = [tidu.fit(formula, data, engine=engine, epochs=6, **options) for engine in ("python", "compiled")]
    plain, compiled = runs
    assert (plain.engine, compiled.engine) == ("python", "compiled")
    assert plain.source == compiled.source
    np.testing.assert_array_equal(compiled.history.values, plain.history.values)
    assert compiled.params == plain.params
    assert dict(compiled.optimizer_state) == dict(plain.optimizer_state)
    assert (compiled.stopped, compiled.epochs, compiled.steps) == (plain.stopped, plain.epochs, plain.steps)


MODELS = [
    (LINE, {}),
    ("y = a*exp(-b*x) + c*z", {"a": 1.0, "b": 0.1}),
    ("y = where(x > 0, a*x, b*x) + tanh(c*z)", {"a": 0.2, "c": 0.1}),
]
BATCHES = [1, 7, 32, None]
EVERYTHING = list(itertools.product(OF_ONE_SCORE, tidu.OPTIMIZERS, MODELS, BATCHES))


def chosen():
    """Each loss with each optimizer, models and batches in turn; all combinations if TIDU_TEST_EVERYTHING is set."""
    if os.environ.get("TIDU_TEST_EVERYTHING"):
        return EVERYTHING
    pairs = itertools.product(OF_ONE_SCORE, tidu.OPTIMIZERS)
    return [(loss, o, MODELS[k % 3], BATCHES[k // 3 % 4]) for k, (loss, o) in enumerate(pairs)]


@pytest.mark.sampled(30)
@pytest.mark.parametrize(
    ("loss", "optimizer", "model", "batch_size"), chosen(), ids=lambda v: v[0].split(" ")[2] if type(v) is tuple else v
)
def test_every_loss_with_every_optimizer(loss, optimizer, model, batch_size):
    formula, init = model
    data = {"x": X, "z": Z, "y": TARGETS[LOSSES[loss].targets]}
    assert_same_bits(formula, data, loss=loss, optimizer=optimizer, init=init, batch_size=batch_size, lr=0.05)


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


@pytest.mark.parametrize("formula", ["y = exp(900*a*x) + b", "y = a/x + b", "y = log(w*x) + b"])
def test_divergence_at_the_same_step(formula):
    data = {"x": np.append(X, 0.0), "y": np.append(TARGETS[REAL], 1.0)}
    assert_same_bits(formula, data, init={"w": 1.0} if "w" in formula else {"a": 1.0})


def test_a_plain_function_on_long_work_is_compiled():
    far = {"engine": tidu.minimize("x**2 + y**2", {"x": 1.0, "y": 2.0}, lr=1e-9, steps=3_000_000).engine}
    assert far == {"engine": "compiled"}


VALUES = [
    *(random.normal(size=60) * 10.0 ** random.integers(-5, 4, 60)).tolist(),
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 710.0, -710.0, 745.5, -745.5, 1e308, -1e308, math.inf, -math.inf, math.nan,
]  # fmt: skip
FUNCTIONS = {
    name: function
    for name, function in vars(ieee).items()
    if callable(function) and not name.startswith("_") and name not in ("Callable", "isfinite")
}


BOTH = [False, True]
OF_TWO = ("divide", "power", "maximum", "minimum", "atan2", "fmod", "mod", "hypot", "logaddexp")
TAKES = {
    **dict.fromkeys(OF_TWO, [VALUES[::4] + VALUES[-16:]] * 2),
    "where": [BOTH, VALUES[::9], VALUES[-8:]],
    "logical_and": [BOTH, BOTH],
    "logical_or": [BOTH, BOTH],
    "logical_not": [BOTH],
}


def same(got, expected):
    if expected != expected:
        return got != got
    return got == expected and math.copysign(1, got) == math.copysign(1, expected)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_every_function_of_the_loops(name):
    function = FUNCTIONS[name]
    takes = TAKES.get(name, [VALUES])
    names = "abc"[: len(takes)]
    assert len(inspect.signature(function).parameters) == len(takes)
    given = ", ".join(f"{x} > 0.5" if kind is BOTH else x for x, kind in zip(names, takes, strict=True))
    text = f"from tidu.runtime.ieee import {name}\ndef f({', '.join(names)}):\n    return {name}({given})\n"
    machine_code = compiled(text, "f")
    for values in itertools.product(*takes):
        assert same(machine_code(*map(float, values)), function(*values)), values


# -- eight samples at a time ------------------------------------------------------------------------
SUMS = """
from tidu.runtime.ieee import *
from tidu.runtime.summation import summed

def by_range(first, last, *arguments):
    return summed(sample, range(first, last), *arguments)

def in_order(order, *arguments):
    return summed(sample, order, *arguments)

"""


def summed_both_ways(text, arguments):
    """A function of samples that gives `summed` of a sample function, as Python and compiled."""
    scope = dict(vars(ieee))
    exec(text, scope)
    by_range, in_order = compiled(SUMS + text, "by_range"), compiled(SUMS + text, "in_order")
    as_lists = [a.tolist() if isinstance(a, np.ndarray) else a for a in arguments]

    def both(samples):
        plain = summed(scope["sample"], samples, *as_lists)
        if isinstance(samples, range):
            return plain, by_range(samples.start, samples.stop, *arguments)
        return plain, in_order(np.array(samples), *arguments)

    return both


@pytest.mark.parametrize("arity", [1, 2, 3])
def test_every_function_on_eight_samples(arity):
    names = [n for n in FUNCTIONS if len(TAKES.get(n, [VALUES])) == arity]
    product = list(itertools.product(*[VALUES, VALUES[::4] + VALUES[-16:], VALUES[-8:]][:arity]))
    columns = [np.array([row[k] for row in product]) for k in range(arity)]
    lines, outputs = [], []
    for name in names:
        takes = TAKES.get(name, [VALUES])
        value = f"{name}({', '.join(f'c{k}[i] > 0.5' if takes[k] is BOTH else f'c{k}[i]' for k in range(arity))})"
        lines.append(f"{name}_ = {f'where({value}, 1.0, 2.0)' if name.startswith('logical') else value}")
        # What is not finite would hide the rest of its sum; and only 1/v tells 0.0 from -0.0.
        lines.append(f"finite = {name}_ - {name}_ == 0.0")
        outputs += [f"where(finite_{name}, {name}_, 0.5) * 1e-300", f"where({name}_ > 1e308, 1.0, 3.0)"]
        outputs += [f"where({name}_ == 0.0, where(divide(1.0, {name}_) > 0.0, 1.0, 3.0), 5.0)"]
        lines[-1] = f"finite_{name} = {name}_ - {name}_ == 0.0"
    arguments = ", ".join(f"c{k}" for k in range(arity))
    text = f"def sample(i, {arguments}):\n    " + "\n    ".join([*lines, f"return {', '.join(outputs)}"])
    both = summed_both_ways(text, columns)
    for first in range(0, len(product) - 16, 16):
        plain, compiled = both(range(first, first + 16))
        assert compiled == plain, first


OPERATIONS = ["x + w", "w - x", "x * y", "x / y", "w / x", "-x", "x + 1", "2 * y", "1.0", "w"]
OPERATIONS += [f"where(x {sign} {other}, x, w)" for sign in ("<", "<=", ">", ">=", "==", "!=") for other in ("y", "w")]


def test_arithmetic_on_eight_samples():
    values = np.random.default_rng(3).choice([-1.5, 0.25, 0.5, 1.0, 3.0], (2, 60))
    text = f"def sample(i, xs, ys, w):\n    x = xs[i]\n    y = ys[i]\n    return {', '.join(OPERATIONS)}"
    rows = np.ascontiguousarray(values.T)
    by_columns = summed_both_ways(text, (*values, 0.5))
    by_rows = summed_both_ways(text, (rows[:, 0], rows[:, 1], 0.5))
    for count in (1, 7, 8, 9, 45):
        order = np.random.default_rng(4).permutation(60)[:count].tolist()
        for samples in (range(5, 5 + count), order):
            plain, compiled = by_columns(samples)
            assert compiled == plain
            assert by_rows(samples) == (plain, plain)


def test_chunks():
    x = np.random.default_rng(5).normal(size=3 * CHUNK + 5)
    both = summed_both_ways("def sample(i, x, w):\n    return w * x[i], x[i]", (x, 0.3))
    for samples in (CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5):
        plain, compiled = both(range(samples))
        assert compiled == plain
        assert plain[1] == pytest.approx(math.fsum(x[:samples]), rel=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"batch_size": 150_000}, {"batch_size": 150_000, "shuffle": False}], ids=str)
def test_threads_share_the_work_and_change_no_bit(threads, options):
    rng = np.random.default_rng(6)
    x, z = rng.normal(size=(2, 310_000))
    data = {"x": x, "z": z, "y": np.tanh(x) + 0.1 * z}
    runs = [
        tidu.fit("y = tanh(a*x) + b*z", data, epochs=2, lr=0.1, engine="compiled", threads=t, **options)
        for t in (threads, 1)
    ]
    np.testing.assert_array_equal(runs[0].history.values, runs[1].history.values)
    assert runs[0].params == runs[1].params


# -- other bits, on demand -----------------------------------------------------------------------------
@pytest.mark.parametrize("batch_size", [1, 7, 32, None])
@pytest.mark.parametrize(
    "formula", [LINE, "y = a*exp(-b*x/9) + tanh(c*z)", "y = sigmoid(w*x + v*z) + where(x > 0, b, 0)"]
)
@pytest.mark.parametrize(
    # A step rounds to 6e-8 or 1.1e-16; 200 steps towards a minimum forget most of it.
    ("mode", "tolerance"),
    [({"dtype": "float32"}, 2e-5), ({"fast": True}, 1e-13)],
    ids=["float32", "fast"],
)
def test_float32_and_fast_stay_near_the_exact_run(formula, batch_size, mode, tolerance):
    data = {"x": X, "z": Z, "y": TARGETS[REAL]}
    options = {"lr": 0.05, "epochs": 200, "batch_size": batch_size, "init": {"a": 1.0} if "a*" in formula else {}}
    exact, other = tidu.fit(formula, data, **options), tidu.fit(formula, data, **options, **mode)
    assert other.engine == "compiled"
    assert next(iter(mode.values())) in (True, "float32")
    assert ("float32" if "dtype" in mode else "fast") in other.engine_reason
    for name, value in exact.params.items():
        assert other.params[name] == pytest.approx(value, rel=tolerance, abs=tolerance)
    if "dtype" in mode:
        assert all(np.float32(v) == v for v in other.params.values())
        assert other.params != exact.params


@pytest.mark.parametrize("threads", [1, 2])
def test_float32_on_threads(threads):
    x = np.random.default_rng(8).normal(size=200_000)
    run = tidu.fit(LINE, {"x": x, "y": 3 * x - 1}, dtype="float32", threads=threads, epochs=30, lr=0.3)
    assert run.params == {"w": np.float32(run.params["w"]), "b": np.float32(run.params["b"])}
    assert run.params["w"] == pytest.approx(3.0, abs=1e-5)
    one = tidu.fit(LINE, {"x": x, "y": 3 * x - 1}, dtype="float32", threads=1, epochs=30, lr=0.3)
    assert run.params == one.params


def test_the_plain_loop_is_exact_only():
    for mode in ({"fast": True}, {"dtype": "float32"}):
        with pytest.raises(SettingError, match=r"for the engine compiled.*, not for 'python'"):
            tidu.fit(LINE, {"x": X, "y": X}, engine="python", **mode)
