"""Shuffled samples of data larger than the cache, put into the order of their epoch, part by part, beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.training.state import order_of_epoch

Array = npt.NDArray[np.float64]
BLOCK = 4096  # rows
PART = 1 << 17  # samples that are put in order at once: many, for a slice has its price, yet few megabytes


@dataclass(frozen=True)
class Part:
    """A part of an epoch: its columns in their order, and the order of the whole epoch."""

    epoch: int
    number: int
    columns: tuple[Array, ...]
    order: npt.NDArray[np.int64]


class ShuffledParts:
    """The data in the order of an epoch, part by part; a thread prepares the next part while this one is learned.

    Fetching samples from all over memory costs more than learning them, and least where the cells of one lie together:
    so they are kept as rows, once. A part is small enough to be written into the same memory again and again.
    `place` is their order there: one after another.
    """

    def __init__(self, columns: Sequence[Array], per_step: int, epochs: int, seed: int) -> None:
        self.source, self.rows, self.epochs, self.seed = _side_by_side(columns), len(columns[0]), epochs, seed
        self.size = (
            max(1, PART // per_step) * per_step
        )  # samples in a part: whole steps, or all rows where they are fewer
        self.parts = -(-self.rows // self.size)
        most = min(self.size, self.rows)
        self.memory = [np.empty((most, len(columns)), columns[0].dtype) for _ in range(2)]
        self.columns = [tuple(memory.T) for memory in self.memory]
        self.place = np.arange(most)[np.newaxis, :]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="tidu")
        self.here: Part | None = None
        self.ahead: Future[Part] | None = None

    def part(self, epoch: int, start: int) -> Part:
        """The part in which sample `start` of an epoch is."""
        wanted = epoch, start // self.size
        if self.here is None or (self.here.epoch, self.here.number) != wanted:
            ready = self.ahead.result() if self.ahead is not None else None
            known = ready is not None and (ready.epoch, ready.number) == wanted
            self.here = ready if ready is not None and known else self.drawn(*wanted)
            self.ahead = self.pool.submit(self.following, self.here) if self.has_more(self.here) else None
        return self.here

    def has_more(self, part: Part) -> bool:
        """Whether there is a part after this one."""
        return part.number + 1 < self.parts or part.epoch + 1 < self.epochs

    def following(self, part: Part) -> Part:
        """The part after this one."""
        if part.number + 1 < self.parts:
            return self.taken(part.epoch, part.number + 1, part.order)
        return self.drawn(part.epoch + 1, 0)

    def drawn(self, epoch: int, number: int) -> Part:
        """A part of an epoch whose order has yet to be drawn."""
        return self.taken(epoch, number, order_of_epoch(self.seed, epoch, self.rows))

    def taken(self, epoch: int, number: int, order: npt.NDArray[np.int64]) -> Part:
        """A part's samples, in the memory that the part before does not use."""
        which = (epoch * self.parts + number) % 2
        samples = order[number * self.size : (number + 1) * self.size]
        np.take(self.source, samples, axis=0, out=self.memory[which][: len(samples)], mode="clip")  # it writes in place
        return Part(epoch, number, self.columns[which], order)

    def close(self) -> None:
        """End the thread."""
        self.pool.shutdown(cancel_futures=True)


def _side_by_side(columns: Sequence[Array]) -> Array:
    """Columns as rows; a block of rows at a time, which stays in the cache until it is whole."""
    rows = np.empty((len(columns[0]), len(columns)), columns[0].dtype)
    for start in range(0, len(rows), BLOCK):
        for k, column in enumerate(columns):
            rows[start : start + BLOCK, k] = column[start : start + BLOCK]
    return rows
