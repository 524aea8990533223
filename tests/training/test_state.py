"""The order of an epoch, which is defined: it follows from the seed and the number of the epoch alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidu.training.orders import order_of_epoch

WHOLE = st.integers(0, 2**32)


@pytest.mark.parametrize(
    ("seed", "epoch", "order"),
    [
        (0, 0, [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]),
        (0, 1, [9, 1, 3, 8, 7, 6, 0, 4, 2, 5]),
        (7, 3, [3, 5, 4, 7, 8, 0, 9, 2, 1, 6]),
    ],
)
def test_it_is_the_same_on_every_machine(seed, epoch, order):
    """Written down once with NumPy 2.4; its stream of random numbers is promised to stay."""
    assert order_of_epoch(seed, epoch, 10).tolist() == order


@given(WHOLE, WHOLE, st.integers(1, 300))
def test_every_row_comes_once(seed, epoch, rows):
    order = order_of_epoch(seed, epoch, rows)
    assert sorted(order.tolist()) == list(range(rows))
    assert order.tolist() == order_of_epoch(seed, epoch, rows).tolist()


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(order_of_epoch(seed, epoch, 20)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_every_place_is_as_likely_as_any_other():
    places = np.array([order_of_epoch(1, epoch, 5) for epoch in range(5000)])
    counts = np.array([[np.sum(places[:, place] == row) for row in range(5)] for place in range(5)])
    # A count is binomial, 1000 ± 28; five standard deviations for the largest of 25.
    assert np.abs(counts - 1000).max() < 5 * 28.3
