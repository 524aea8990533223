"""Elementary functions that a processor can compute for eight numbers at once, with the same bits as one at a time.

Made of nothing but sums, products, quotients and powers of two, in one fixed order, so that Python and machine vectors
agree. Loops over tiles call these; they are within a few units in the last place, and calls of the C library, which
has one number at a time, would cost more than the rest of a small network.

e**x is 2**k e**r with |r| ≤ ln 2 / 2, and e**r - 1 = r + r²/2 + r³/6 + ... has thirteen terms, to 4e-18.
"""

from __future__ import annotations

import math

from tidu.runtime.ieee import fabs, maximum, minimum, where

PER_LN2 = 1.0 / math.log(2.0)
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # ln 2 in two parts; k * LN2_HIGH is exact
NEAREST = 1.5 * 2.0**52  # added and taken away again, it rounds to a whole number
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1.0 / math.factorial(n) for n in range(2, 14))


def power_of_two(k: float) -> float:
    """2**k for a whole number k from -1022 to 1023; nan for nan."""
    return math.ldexp(1.0, int(k)) if k == k else k


def series(r: float) -> float:
    """e**r - 1 for |r| ≤ ln 2 / 2."""
    r2 = r * r
    r4 = r2 * r2
    low = (C2 + C3 * r) + r2 * (C4 + C5 * r)
    high = ((C6 + C7 * r) + r2 * (C8 + C9 * r)) + r4 * ((C10 + C11 * r) + r2 * (C12 + C13 * r))
    return r + r2 * (low + r4 * high)


def expm1(x: float) -> float:
    """e**x - 1."""
    a = minimum(maximum(x, -40.0), 710.0)
    k = (a * PER_LN2 + NEAREST) - NEAREST
    half = power_of_two(k - 1.0)  # 2**k itself may be too large
    return 2.0 * (half * series((a - k * LN2_HIGH) - k * LN2_LOW) + (half - 0.5))


def exp(x: float) -> float:
    """e**x."""
    a = minimum(maximum(x, -750.0), 710.0)
    k = (a * PER_LN2 + NEAREST) - NEAREST
    first = (k * 0.5 + NEAREST) - NEAREST  # in two factors, for results near the largest and smallest numbers
    e = 1.0 + series((a - k * LN2_HIGH) - k * LN2_LOW)
    return e * power_of_two(first) * power_of_two(k - first)


def tanh(x: float) -> float:
    """Hyperbolic tangent."""
    a = minimum(fabs(x), 20.0)
    k = (a * (2.0 * PER_LN2) + NEAREST) - NEAREST
    scale = power_of_two(k)
    e = scale * series((2.0 * a - k * LN2_HIGH) - k * LN2_LOW) + (scale - 1.0)  # e**(2|x|) - 1
    t = e / (e + 2.0)
    return where(x < 0.0, -t, t)


def sigmoid(x: float) -> float:
    """1 / (1 + e**-x), without overflow on either side."""
    z = exp(-fabs(x))
    return where(x >= 0.0, 1.0, z) / (1.0 + z)
