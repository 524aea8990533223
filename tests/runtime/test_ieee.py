"""The elementary functions: the C library's bits where the result is finite, NumPy's elsewhere, never an exception."""

from __future__ import annotations

import inspect
import math

import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidu.runtime import ieee

# What each function is in NumPy, and in Python's own `math` where that has it (the bits must then agree).
ORACLES = {
    "exp": (np.exp, math.exp),
    "expm1": (np.expm1, math.expm1),
    "log": (np.log, math.log),
    "log1p": (np.log1p, math.log1p),
    "log2": (np.log2, math.log2),
    "log10": (np.log10, math.log10),
    "sqrt": (np.sqrt, math.sqrt),
    "sin": (np.sin, math.sin),
    "cos": (np.cos, math.cos),
    "tan": (np.tan, math.tan),
    "asin": (np.arcsin, math.asin),
    "acos": (np.arccos, math.acos),
    "atan": (np.arctan, math.atan),
    "sinh": (np.sinh, math.sinh),
    "cosh": (np.cosh, math.cosh),
    "tanh": (np.tanh, math.tanh),
    "asinh": (np.arcsinh, math.asinh),
    "acosh": (np.arccosh, math.acosh),
    "atanh": (np.arctanh, math.atanh),
    "erf": (scipy.special.erf, math.erf),
    "erfc": (scipy.special.erfc, math.erfc),
    "fabs": (np.abs, math.fabs),
    "sign": (np.sign, None),
    "floor": (np.floor, math.floor),
    "ceil": (np.ceil, math.ceil),
    "exp2": (np.exp2, math.exp2),
    "atan2": (np.arctan2, math.atan2),
    "fmod": (np.fmod, math.fmod),
    "mod": (np.remainder, None),
    "hypot": (np.hypot, None),
    "logaddexp": (np.logaddexp, None),
    "isfinite": (np.isfinite, math.isfinite),
    "sigmoid": (scipy.special.expit, None),
    "softplus": (lambda x: np.logaddexp(x, 0.0), None),
    "log_cosh": (lambda x: np.logaddexp(x, -x) - math.log(2.0), None),
    "divide": (np.divide, lambda a, b: a / b),
    "power": (lambda a, b: abs(a) if b == 0.5 and a in (0.0, -np.inf) else np.power(a, b), math.pow),  # not a root
    "maximum": (np.maximum, None),
    "minimum": (np.minimum, None),
    "where": (np.where, None),
    "logical_and": (np.logical_and, None),
    "logical_or": (np.logical_or, None),
    "logical_not": (np.logical_not, None),
}
PUBLIC = [
    name
    for name, value in vars(ieee).items()
    if not name.startswith("_") and inspect.isroutine(value) and name not in ("Callable", "annotations")
]
NUMBERS = [math.nan, -1.0, 1.0, 0.5, -0.5, 709.8, -745.2, 2.0, 3.0, 1e-320]
ANY = st.floats(allow_nan=False) | st.sampled_from(NUMBERS) | st.integers(-9, 9)
OF_TWO = ("divide", "power", "maximum", "minimum", "atan2", "fmod", "mod", "hypot", "logaddexp")
TAKES = {
    **dict.fromkeys(OF_TWO, (ANY, ANY)),
    "where": (st.booleans(), ANY, ANY),
    **dict.fromkeys(("logical_and", "logical_or"), (st.booleans(), st.booleans())),
    "logical_not": (st.booleans(),),
}


def test_every_function_has_an_oracle_and_every_oracle_a_function():
    assert set(PUBLIC) == set(ORACLES)


@pytest.mark.parametrize("name", ORACLES)
def test_against_numpy_everywhere(name):
    function, (numpy_function, _exact) = getattr(ieee, name), ORACLES[name]
    takes = TAKES.get(name, (ANY,))

    @given(st.tuples(*takes))
    @example((0.0,) * len(takes))
    @example((-0.0,) * len(takes))
    @settings(deadline=None, max_examples=200)
    def check(arguments):
        value = function(*arguments)
        with np.errstate(all="ignore"):
            expected = numpy_function(*(a if isinstance(a, bool) else np.float64(a) for a in arguments))
        # SciPy loses two digits in the tail of erfc, libraries differ below 1e-307, and logaddexp cancels near 0.
        least = 1e-15 if name in ("log_cosh", "logaddexp") else 1e-307
        assert value == pytest.approx(float(expected), rel=1e-13, abs=least, nan_ok=True)
        if value == 0.0 and name in ("divide", "power", "sqrt", "floor", "sin", "log1p"):
            assert math.copysign(1.0, value) == math.copysign(1.0, expected)

    check()


@pytest.mark.parametrize("name", [name for name, (_numpy, exact) in ORACLES.items() if exact is not None])
def test_the_bits_are_those_of_pythons_math_wherever_that_gives_a_number(name):
    function, (_numpy, exact) = getattr(ieee, name), ORACLES[name]
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 1, 300), random.normal(0, 50, 100), random.uniform(-1, 1, 100)]).tolist()
    checked = 0
    for a, b in zip(points, points[::-1], strict=True):
        arguments = (a, b) if name in OF_TWO else (a,)
        try:
            expected = exact(*arguments)
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        checked += 1
        assert function(*arguments) == expected
    assert checked > 50


@pytest.mark.parametrize(
    "name", [n for n in PUBLIC if n not in ("isfinite", "maximum", "minimum", "where") and not n.startswith("logical_")]
)
def test_a_whole_number_goes_in_and_a_float_comes_out(name):
    assert type(getattr(ieee, name)(*((2, 3) if name in OF_TWO else (1,)))) is float


def _exactly(name: str, x: float) -> float:
    with mpmath.workdps(60):
        x = mpmath.mpf(x)
        if name == "sigmoid":
            return float(1 / (1 + mpmath.exp(-x)))
        if name == "softplus":
            return float(mpmath.log1p(mpmath.exp(x)))
        return float(mpmath.log(mpmath.cosh(x)))


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "log_cosh"])
def test_no_digit_is_lost_to_cancellation(name):
    function = getattr(ieee, name)
    sizes = [1e-9, 1e-4, 0.01, 0.3, 0.7, 0.999, 1.0, 1.001, 2.0, 5.0, 20.0, 36.0, 40.0, 300.0, 700.0]
    for x in [*sizes, *(-s for s in sizes)]:
        # Two or three roundings of 1.1e-16 each.
        assert function(x) == pytest.approx(_exactly(name, x), rel=7e-16, abs=0.0)
