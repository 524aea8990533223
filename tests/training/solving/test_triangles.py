"""R of rows that come in pieces is that of LAPACK, up to signs, however many rows and columns there are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.training.solving.triangles import PIECE, in_pieces, triangle_of

SIZES = st.one_of(st.integers(1, 30), st.sampled_from([PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 3]))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 9), st.integers(-200, 200), st.integers(0, 99))
def test_the_triangle_of_lapack(rows, p, exponent, seed):
    columns = np.random.default_rng(seed).normal(size=(p, rows)) * 10.0**exponent
    upper = triangle_of(in_pieces(columns))
    assert upper.shape == (p, p)
    assert np.array_equal(upper, np.triu(upper))
    known = np.zeros((p, p))
    known[: min(rows, p)] = np.linalg.qr(columns.T, mode="r")
    if rows >= p:
        assert np.abs(upper) == pytest.approx(np.abs(known), rel=1e-9, abs=1e-13 * np.abs(known).max())
    gram = (upper.T / 10.0**exponent) @ (upper / 10.0**exponent)
    whole = (columns / 10.0**exponent) @ (columns.T / 10.0**exponent)
    assert gram == pytest.approx(whole, rel=1e-12, abs=1e-12 * np.abs(whole).max())


def test_columns_of_zeros_and_columns_that_agree():
    x = np.random.default_rng(1).normal(size=5000)
    columns = np.array([np.zeros(5000), x, 2.0 * x, x**2])
    upper = triangle_of(in_pieces(columns))
    assert upper.T @ upper == pytest.approx(columns @ columns.T, rel=1e-12)
    assert not np.any(upper[:, 0])
    assert np.linalg.matrix_rank(upper) == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(bad):
    columns = np.ones((3, 2 * PIECE))
    columns[1, 70] = bad
    assert not np.all(np.isfinite(triangle_of(in_pieces(columns))))


def test_long_columns_keep_their_digits():
    """Errors do not grow with the number of pieces: against sums that are rounded once."""
    columns = np.random.default_rng(2).normal(loc=3.0, size=(2, 50 * PIECE))
    upper = triangle_of(in_pieces(columns))
    assert abs(upper[0, 0]) == pytest.approx(math.sqrt(math.fsum((columns[0] ** 2).tolist())), rel=1e-14)
