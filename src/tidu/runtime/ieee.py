"""The elementary functions with IEEE 754 results: what overflows is inf, what is undefined is nan.

Python's own `math` raises instead, which would end a training run in the middle of a sum; compiled code does
not. The generated loops import their functions from here, so that every reader of a loop sees the same values.
A number in, a float out; for finite results the bits are those of the C library, which `math` calls too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import atan as atan
from math import atan2 as atan2
from math import cosh as _cosh
from math import erf as erf
from math import erfc as erfc
from math import fabs as fabs
from math import inf, nan
from math import isfinite as isfinite
from math import sinh as _sinh
from math import tanh as tanh


def exp(x: float) -> float:
    """e**x; inf above 709.78."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def exp2(x: float) -> float:
    """2**x; inf from 1024 on."""
    try:
        return math.exp2(x)
    except OverflowError:
        return inf


def expm1(x: float) -> float:
    """e**x - 1 without cancellation near 0; inf above 709.78."""
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    """Natural logarithm; -inf at 0, nan below."""
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    """log(1 + x) without cancellation near 0; -inf at -1, nan below."""
    if x > -1.0:
        return math.log1p(x)
    return -inf if x == -1.0 else nan


def log2(x: float) -> float:
    """Logarithm to base 2; -inf at 0, nan below."""
    if x > 0.0:
        return math.log2(x)
    return -inf if x == 0.0 else nan


def log10(x: float) -> float:
    """Logarithm to base 10; -inf at 0, nan below."""
    if x > 0.0:
        return math.log10(x)
    return -inf if x == 0.0 else nan


def sqrt(x: float) -> float:
    """Square root; nan below 0."""
    return math.sqrt(x) if x >= 0.0 else nan


def _periodic(function: Callable[[float], float]) -> Callable[[float], float]:
    def value(x: float) -> float:
        return function(x) if isfinite(x) else nan

    value.__doc__ = f"{function.__name__} of x radians; nan at the infinities."
    value.__name__ = function.__name__
    return value


sin = _periodic(math.sin)
cos = _periodic(math.cos)
tan = _periodic(math.tan)


def asin(x: float) -> float:
    """Inverse sine in radians; nan outside [-1, 1]."""
    return math.asin(x) if -1.0 <= x <= 1.0 else nan


def acos(x: float) -> float:
    """Inverse cosine in radians; nan outside [-1, 1]."""
    return math.acos(x) if -1.0 <= x <= 1.0 else nan


def sinh(x: float) -> float:
    """Hyperbolic sine; ±inf beyond 710.47."""
    try:
        return _sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def cosh(x: float) -> float:
    """Hyperbolic cosine; inf beyond ±710.47."""
    try:
        return _cosh(x)
    except OverflowError:
        return inf


def asinh(x: float) -> float:
    """Inverse hyperbolic sine."""
    return math.asinh(x)


def acosh(x: float) -> float:
    """Inverse hyperbolic cosine; nan below 1."""
    return math.acosh(x) if x >= 1.0 else nan


def atanh(x: float) -> float:
    """Inverse hyperbolic tangent; ±inf at ±1, nan beyond."""
    if -1.0 < x < 1.0:
        return math.atanh(x)
    return math.copysign(inf, x) if x in (1.0, -1.0) else nan


def divide(a: float, b: float) -> float:
    """a / b; a zero divisor gives ±inf, or nan for 0 / 0."""
    return a / b if b != 0.0 else a * math.copysign(inf, b)


def power(a: float, b: float) -> float:
    """a ** b as C's pow has it: nan for a negative base with a fractional exponent, inf where it overflows."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -inf if a < 0.0 and math.fmod(b, 2.0) in (1.0, -1.0) else inf
    except ValueError:
        if a != 0.0:
            return nan
        odd = math.fmod(b, 2.0) in (1.0, -1.0)
        return math.copysign(inf, a) if odd else inf


def sign(x: float) -> float:
    """-1, 0 or 1; nan for nan."""
    if x > 0.0:
        return 1.0
    if x < 0.0:
        return -1.0
    return x * 0.0


def floor(x: float) -> float:
    """The largest whole number not above x, as a float."""
    return math.copysign(float(math.floor(x)), x) if isfinite(x) else x  # floor(-0.0) is -0.0


def ceil(x: float) -> float:
    """The smallest whole number not below x, as a float."""
    return math.copysign(float(math.ceil(x)), x) if isfinite(x) else x  # ceil(-0.5) is -0.0


def fmod(a: float, b: float) -> float:
    """What is left of a when b is taken away as often as it fits, with the sign of a; nan for b = 0 or infinite a."""
    return math.fmod(a, b) if isfinite(a) and b != 0.0 else nan


def mod(a: float, b: float) -> float:
    """a modulo b, with the sign of b."""
    rest = fmod(a, b)
    if rest == 0.0:
        return 0.0 if b > 0.0 else -0.0
    if b > 0.0:
        return rest + b if rest < 0.0 else rest
    return rest + b if rest > 0.0 else rest


def hypot(a: float, b: float) -> float:
    """The length of (a, b), without overflow."""
    x = fabs(a)
    y = fabs(b)
    if x == inf or y == inf:
        return inf
    large = maximum(x, y)
    if large == 0.0:
        return 0.0
    ratio = minimum(x, y) / large
    return large * sqrt(1.0 + ratio * ratio)


def logaddexp(a: float, b: float) -> float:
    """log(e**a + e**b), without overflow."""
    if a == b:
        return a + math.log(2.0)
    return maximum(a, b) + math.log1p(math.exp(-fabs(a - b)))


def maximum(a: float, b: float) -> float:
    """The larger; nan if either is."""
    if a != a:
        return a
    return a if a >= b else b


def minimum(a: float, b: float) -> float:
    """The smaller; nan if either is."""
    if a != a:
        return a
    return a if a <= b else b


def where(condition: bool, a: float, b: float) -> float:
    """`a` where the condition holds, `b` elsewhere; both are computed."""
    return a if condition else b


def logical_and(a: bool, b: bool) -> bool:
    """Whether both hold."""
    return a and b


def logical_or(a: bool, b: bool) -> bool:
    """Whether either holds."""
    return a or b


def logical_not(a: bool) -> bool:
    """Whether it does not hold."""
    return not a


def sigmoid(x: float) -> float:
    """1 / (1 + e**-x), without overflow on either side."""
    z = math.exp(-fabs(x))
    return (1.0 if x >= 0.0 else z) / (1.0 + z)


def softplus(x: float) -> float:
    """log(1 + e**x), without overflow on either side."""
    return maximum(x, 0.0) + math.log1p(math.exp(-fabs(x)))


def log_cosh(x: float) -> float:
    """log(cosh(x)), without overflow far out and without cancellation near 0."""
    size = fabs(x)
    if size < 1.0:
        s = _sinh(size)
        return 0.5 * math.log1p(s * s)  # not s**2: C's pow rounds it otherwise now and then
    return size + math.log1p(math.exp(-2.0 * size)) - math.log(2.0)
