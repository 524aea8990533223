"""Shuffled parts: each holds the samples of its place in the epoch, in whatever order parts are asked for."""

from concurrent.futures import wait

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidu.training.loops import parts as parts_module
from tidu.training.loops import shuffling
from tidu.training.loops.shuffling import ShuffledParts

SMALL_PART, SMALL_BLOCK = 12, 5
# Threads read ahead, so on a busy machine an example takes long, which says nothing about it.
patient = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def shuffled(draw):
    """Rows, samples a step, epochs and seed, around the sizes of a part; and the places to look at, in any order."""
    rows, per_step = draw(st.integers(1, 5 * SMALL_PART + 1)), draw(st.integers(1, 2 * SMALL_PART + 1))
    epochs, seed = draw(st.integers(1, 4)), draw(st.integers(0, 9))
    places = st.tuples(st.integers(0, epochs - 1), st.integers(0, rows - 1))
    return rows, per_step, epochs, seed, draw(st.sampled_from(["float64", "float32"])), draw(st.lists(places))


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module.PartsAhead.__init__, "__defaults__", (SMALL_PART,))
        patch.setattr(shuffling, "BLOCK", SMALL_BLOCK)
        yield


def assert_part_is_right(parts, columns, epoch, start):
    part = parts.part(epoch, start)
    if parts.ahead is not None:
        wait([parts.ahead], timeout=30)  # the part after it is ready, and must not have been written over this one
    order = np.random.default_rng([parts.seed, epoch]).permutation(parts.rows)
    here = order[part.number * parts.size : (part.number + 1) * parts.size]
    assert (part.epoch, part.number) == (epoch, start // parts.size)
    for column, taken in zip(columns, part.columns, strict=True):
        assert taken.dtype == column.dtype
        np.testing.assert_array_equal(taken[: len(here)], column[here])
    return len(here)


@patient
@given(shuffled())
def test_parts_are_those_of_the_epoch(drawn):
    rows, per_step, epochs, seed, dtype, places = drawn
    columns = [np.arange(k * 1000.0, k * 1000.0 + rows).astype(dtype) for k in range(3)]
    parts = ShuffledParts(columns, per_step, epochs, seed)
    try:
        assert parts.size % per_step == 0  # a step lies within a part
        assert parts.place.tolist() == [list(range(min(parts.size, rows)))]
        for epoch in range(epochs):
            start = 0
            while start < rows:
                start += assert_part_is_right(parts, columns, epoch, start)
            assert start == rows
        for epoch, start in places:
            assert_part_is_right(parts, columns, epoch, start)
    finally:
        parts.close()


@patient
@given(shuffled())
def test_the_last_part_prepares_none(drawn):
    rows, per_step, epochs, seed, dtype, _places = drawn
    parts = ShuffledParts([np.zeros(rows, dtype)], per_step, epochs, seed)
    try:
        parts.part(epochs - 1, rows - 1)
        assert parts.ahead is None
        parts.part(0, 0)
        assert (parts.ahead is None) == (epochs * parts.parts == 1)
    finally:
        parts.close()


def test_columns_side_by_side():
    for rows in (1, SMALL_BLOCK - 1, SMALL_BLOCK, SMALL_BLOCK + 1, 3 * SMALL_BLOCK + 2):
        columns = [np.random.default_rng(k).normal(size=rows) for k in range(4)]
        np.testing.assert_array_equal(shuffling._side_by_side(columns), np.stack(columns, axis=1))
