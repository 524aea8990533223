"""In which order the samples of an epoch are drawn: it follows from the seed and the number of the epoch alone.

By rows, any sample may come at any place. By blocks, blocks of 8,192 rows are drawn, and then the samples of each 32
blocks among themselves (a window): data on disk are then read in long pieces. Both are defined for data in memory too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK_ROWS = 8192  # that lie together: long enough for a disk
WINDOW_BLOCKS = 32  # that are mixed: many places of the data in each batch, and few megabytes
BLOCKS = "blocks"  # the value of the option `shuffle`
Rows = npt.NDArray[np.int64]


def order_of_epoch(seed: int, epoch: int, rows: int, by_blocks: bool = False) -> Rows:
    """The numbers of the rows in the order in which this epoch takes them, of shape (rows,)."""
    if not by_blocks:
        return np.random.default_rng([seed, epoch]).permutation(rows)
    order = BlockOrder(seed, epoch, rows)
    return np.concatenate([order.window(k) for k in range(order.windows)])


@dataclass(frozen=True)
class BlockOrder:
    """The order by blocks, window by window."""

    seed: int
    epoch: int
    rows: int

    @property
    def windows(self) -> int:
        """How many there are."""
        return -(-self._blocks // WINDOW_BLOCKS)

    @property
    def _blocks(self) -> int:
        return -(-self.rows // BLOCK_ROWS)

    def blocks(self) -> Rows:
        """The numbers of the blocks in the order in which they come."""
        return np.random.default_rng([self.seed, self.epoch]).permutation(self._blocks)

    def starts(self) -> Rows:
        """The place in the epoch at which each window begins, and the end of the last."""
        lengths = np.minimum(BLOCK_ROWS, self.rows - self.blocks() * BLOCK_ROWS)
        return np.concatenate([[0], np.add.accumulate(lengths)[WINDOW_BLOCKS - 1 :: WINDOW_BLOCKS], [self.rows]])[
            : self.windows + 1
        ]

    def pieces(self, window: int) -> list[range]:
        """The rows of a window's blocks, in the order in which the blocks come."""
        chosen = self.blocks()[window * WINDOW_BLOCKS : (window + 1) * WINDOW_BLOCKS].tolist()
        return [range(b * BLOCK_ROWS, min((b + 1) * BLOCK_ROWS, self.rows)) for b in chosen]

    def within(self, window: int, count: int) -> Rows:
        """How the samples of a window are mixed, of shape (count,)."""
        return np.random.default_rng([self.seed, self.epoch, window + 1]).permutation(count)

    def window(self, window: int) -> Rows:
        """The rows of a window in their order."""
        rows = np.concatenate([np.arange(p.start, p.stop) for p in self.pieces(window)])
        return rows[self.within(window, len(rows))]
