"""Functions of whole arrays against NumPy's own, to the bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tidu.runtime.arrays import all_finite, where

PRECISIONS = [np.float32, np.float64]
# Drawing arrays element by element is slow on a busy machine, which says nothing about them.
few = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PRECISION = st.sampled_from(PRECISIONS)


@st.composite
def choices(draw):
    """A condition, and two things to choose from: arrays that broadcast with it, or plain numbers."""
    dtype = draw(PRECISION)
    numbers = st.floats(width=32)  # inf, nan and -0.0 are among them
    shape = draw(array_shapes(max_dims=3, max_side=6))
    shapes = st.sampled_from([shape, shape[1:], (1, *shape[1:])])
    either = st.one_of(numbers, shapes.flatmap(lambda s: arrays(dtype, s, elements=numbers)))
    return draw(arrays(bool, shape)), draw(either), draw(either), dtype


@few
@given(choices())
def test_where_is_that_of_numpy(drawn):
    condition, a, b, dtype = drawn
    found = where(condition, a, b, dtype)
    expected = np.where(condition, np.asarray(a, dtype), np.asarray(b, dtype))
    assert found.dtype == dtype
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("condition", [True, False, np.True_])
def test_where_of_one_condition(condition):
    np.testing.assert_array_equal(where(condition, np.ones(3), 0.0), np.where(condition, np.ones(3), 0.0))


def test_where_of_two_precisions():
    mixed = where(np.array([True, False]), np.ones(2, np.float32), np.full(2, 1e300))
    np.testing.assert_array_equal(mixed, [1.0, 1e300])


@few
@given(PRECISION.flatmap(lambda d: arrays(d, array_shapes(max_dims=2, min_side=0), elements=st.floats(width=32))))
def test_all_finite_looks_at_every_number(numbers):
    with np.errstate(all="ignore"):
        assert all_finite(1.0, numbers) == np.isfinite(numbers).all()
        assert not all_finite(numbers, np.nan)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_squares_that_overflow_are_of_finite_numbers(dtype):
    large = np.full((3, 4), np.finfo(dtype).max)
    with np.errstate(all="ignore"):
        assert all_finite(1e300, large, large.T)
        large[1, 2] = -np.inf
        assert not all_finite(1e300, large)
