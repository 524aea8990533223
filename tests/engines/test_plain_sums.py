"""Sums in plain Python with `sample` written out: the bits of the function that is called for each sample."""

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.engines import plain_sums
from tidu.engines.build import module_of
from tidu.runtime import summation
from tidu.runtime.summation import CHUNK, LANES

SOURCE = '''"""A module as the writers write it."""

from tidu.runtime.ieee import exp


def sample(i, x, _0, runs):
    """Two sums."""
    # forward
    product = x[i] * runs
    y_hat = exp(product) - _0
    return (y_hat * y_hat, 2.0 * y_hat)
'''
ROWS = CHUNK + 3 * LANES + 5
X = [math.sin(k) * 10.0 ** (k % 7) * 1e-3 for k in range(ROWS)]
SAMPLE = module_of(SOURCE).sample


@pytest.mark.parametrize("rows", [1, LANES - 1, LANES, LANES + 1, 32, 100, CHUNK - 1, CHUNK, CHUNK + 1, ROWS])
def test_around_every_threshold(rows):
    expected = summation.summed(SAMPLE, range(rows), X, 0.25, -1e-2)
    assert plain_sums.summed(SAMPLE, range(rows), X, 0.25, -1e-2) == expected
    # The promised order, spelt out.
    of_all = [SAMPLE(i, X, 0.25, -1e-2) for i in range(rows)]
    assert expected == tuple(_in_order([parts[k] for parts in of_all]) for k in range(2))


def _in_order(numbers):
    total = None
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        whole = len(chunk) // LANES * LANES
        lanes = [0.0] * LANES
        for k in range(whole):
            lanes[k % LANES] += chunk[k]
        (a, b, c, d, e, f, g, h), rest = lanes, 0.0
        part = ((a + e) + (c + g)) + ((b + f) + (d + h))
        for number in chunk[whole:]:
            rest += number
        part = rest if not whole else part if whole == len(chunk) else part + rest
        total = part if total is None else total + part
    return total


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=60), st.floats(-1e3, 1e3), st.floats())
def test_in_any_order_of_the_samples(order, a, b):
    expected = summation.summed(SAMPLE, order, X, a, b)
    assert repr(plain_sums.summed(SAMPLE, order, X, a, b)) == repr(expected)


def test_an_error_is_in_the_line_of_the_module_that_is_shown():
    with pytest.raises(IndexError) as caught:
        plain_sums.summed(SAMPLE, range(10), [1.0], 0.0, 1.0)
    lines = []
    trace = caught.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == sys.modules[SAMPLE.__module__].__spec__.origin:
            lines.append(SOURCE.splitlines()[trace.tb_lineno - 1].strip())
        trace = trace.tb_next
    assert lines == ["product = x[i] * runs"]
