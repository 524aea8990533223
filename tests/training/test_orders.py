"""The order of an epoch by blocks: every row once, by seed and epoch alone, and mixed within windows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidu.training import orders
from tidu.training.orders import BlockOrder, order_of_epoch

BLOCK, WINDOW = 5, 3


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "BLOCK_ROWS", BLOCK)
        patch.setattr(orders, "WINDOW_BLOCKS", WINDOW)
        yield


@given(st.integers(1, 8 * BLOCK * WINDOW), st.integers(0, 5), st.integers(0, 5))
def test_windows_of_whole_blocks(rows, seed, epoch):
    order = order_of_epoch(seed, epoch, rows, by_blocks=True)
    assert sorted(order.tolist()) == list(range(rows))
    blocks = np.random.default_rng([seed, epoch]).permutation(-(-rows // BLOCK))
    starts = BlockOrder(seed, epoch, rows).starts().tolist()
    assert (starts[0], starts[-1], len(starts)) == (0, rows, -(-len(blocks) // WINDOW) + 1)
    for k, (begin, end) in enumerate(pairwise(starts)):
        within = {*blocks[k * WINDOW : (k + 1) * WINDOW].tolist()}
        assert {*(order[begin:end] // BLOCK).tolist()} == within


def test_every_place_is_as_likely():
    places = np.array([order_of_epoch(0, epoch, 12, by_blocks=True) for epoch in range(4000)])
    counts = np.array([np.bincount(places[:, k], minlength=12) for k in range(12)])
    assert counts.min() > 0  # any row at any place
    expected = len(places) / 12
    assert np.abs(counts[:, :10] - expected).max() < 6 * np.sqrt(len(places) / 5)


def test_seed_epoch_and_window_give_other_orders():
    found = {tuple(order_of_epoch(seed, epoch, 30, by_blocks=True)) for seed in range(5) for epoch in range(5)}
    assert len(found) == 25
