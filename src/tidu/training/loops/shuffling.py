"""Shuffled samples of data larger than the cache, put into the order of their epoch, part by part, beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.training.loops.parts import PartsAhead
from tidu.training.orders import Rows, order_of_epoch

Array = npt.NDArray[np.float64]
BLOCK = 4096  # rows


class ShuffledParts(PartsAhead):
    """The data in the order of an epoch.

    Fetching samples from all over memory costs more than learning them, and least where the cells of one lie together:
    so they are kept as rows, once.
    """

    def __init__(
        self, columns: Sequence[Array], per_step: int, epochs: int, seed: int, by_blocks: bool = False
    ) -> None:
        super().__init__(len(columns[0]), per_step, epochs)
        self.source, self.seed, self.by_blocks = _side_by_side(columns), seed, by_blocks
        self.memory = [np.empty((self.longest, len(columns)), columns[0].dtype) for _ in range(2)]
        self.columns = [tuple(memory.T) for memory in self.memory]
        self.drawn: tuple[int, Rows] = (-1, np.empty(0, np.int64))  # an epoch, and its order

    def filled(self, epoch: int, number: int, which: int) -> tuple[Array, ...]:
        """A part's columns, in one of the two memories."""
        if epoch != self.drawn[0]:
            self.drawn = epoch, order_of_epoch(self.seed, epoch, self.rows, self.by_blocks)
        samples = self.drawn[1][number * self.size : (number + 1) * self.size]
        np.take(self.source, samples, axis=0, out=self.memory[which][: len(samples)], mode="clip")  # it writes in place
        return self.columns[which]


def _side_by_side(columns: Sequence[Array]) -> Array:
    """Columns as rows; a block of rows at a time, which stays in the cache until it is whole."""
    rows = np.empty((len(columns[0]), len(columns)), columns[0].dtype)
    for start in range(0, len(rows), BLOCK):
        for k, column in enumerate(columns):
            rows[start : start + BLOCK, k] = column[start : start + BLOCK]
    return rows
