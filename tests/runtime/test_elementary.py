"""Elementary functions made of sums and products: near the true values, and right at the edges."""

import math

import mpmath
import numpy as np
import pytest

from tidu.engines.build import module_of
from tidu.engines.compiler.calls import compiled as machine_code
from tidu.runtime import elementary
from tidu.runtime.summation import LANES

FUNCTIONS = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}
EDGES = [
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    5e-324,
    -1e-300,
    1e-8,
    709.78,
    709.79,
    1e300,
    -708.3,
    -745.1,
    -746.0,
    -1e300,
    36.9,
]


def sampled():
    random = np.random.default_rng(5)
    spread = [random.uniform(-1, 1, 300), random.normal(size=300) * 20, random.uniform(-740, 705, 300)]
    return [*np.concatenate([*spread, 10.0 ** random.uniform(-300, 0, 100)]).tolist()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_a_few_units_in_the_last_place(name):
    with mpmath.workdps(40):
        for x in sampled():
            true = FUNCTIONS[name](mpmath.mpf(x))
            error = abs(mpmath.mpf(getattr(elementary, name)(x)) - true)
            assert error <= 4 * math.ulp(float(true)), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_edges(name):
    numpy_has = {"sigmoid": lambda x: 1 / (1 + np.exp(-x))}.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        for x in EDGES:
            expected = float(numpy_has(np.float64(x)))
            assert getattr(elementary, name)(x) == pytest.approx(expected, rel=1e-15, abs=5e-324), x
    assert math.isnan(getattr(elementary, name)(math.nan))


OF_A_TILE = """
from tidu.runtime.elementary import {name}
from tidu.runtime.tiles import each_sample


def memory():
    pass


def of_sample(s, x, out):
    out[s] = {name}(x[s])


def apply(x, out):
    each_sample(of_sample, len(x), x, out)
"""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_eight_at_a_time_have_the_same_bits(name):
    source = OF_A_TILE.format(name=name)
    compiled, plain = machine_code(source, "apply"), module_of(source, "test").apply
    x = np.array([*EDGES, math.nan, *sampled()])
    x = np.resize(x, len(x) + -len(x) % LANES)
    out, expected = np.zeros_like(x), np.zeros_like(x)
    compiled(x, out)
    plain(x.tolist(), expected)
    assert np.array_equal(out, expected, equal_nan=True)
    assert np.array_equal(np.signbit(out), np.signbit(expected))
