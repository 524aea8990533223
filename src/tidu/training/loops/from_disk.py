"""Samples from disk: an epoch in its order, whatever that is, and parts of it read ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import DiskColumn, read_columns
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.loops.parts import PART, PartsAhead
from tidu.training.orders import BlockOrder
from tidu.training.work import Work

Array = npt.NDArray[np.float64]
MOST_NUMBERS = 1 << 22  # of a part: 32 MB
MOST_IN_STEP = 1 << 27  # numbers of a step that is computed as a whole: 1 GB


class DiskSamples:
    """Columns of a file, in the order of the data or of an epoch that is shuffled by blocks. Threads may share it."""

    def __init__(self, columns: Sequence[DiskColumn], seed: int | None) -> None:
        """In the order of the data, where `seed` is None."""
        self.columns, self.rows, self.seed = columns, len(columns[0]), seed
        self.windows: dict[tuple[int, int], Array] = {}  # the last two, mixed
        self.lock = threading.Lock()
        self.order: BlockOrder | None = None
        self.starts: list[int] = []

    def read(self, epoch: int, first: int, into: Array) -> None:
        """Fill `into`, of shape (columns, samples), with the samples of an epoch from the place `first` on."""
        if self.seed is None:
            read_columns(self.columns, first, into)
            return
        with self.lock:
            order, starts = self._order(epoch)
            window = int(np.searchsorted(starts, first, side="right")) - 1
            done = 0
            while done < into.shape[1]:
                begin, end = starts[window : window + 2]
                taken = min(end - first - done, into.shape[1] - done)
                place = first + done - begin
                into[:, done : done + taken] = self._window(order, window)[:, place : place + taken]
                done, window = done + taken, window + 1

    def _order(self, epoch: int) -> tuple[BlockOrder, list[int]]:
        assert self.seed is not None
        if self.order is None or self.order.epoch != epoch:
            self.order = BlockOrder(self.seed, epoch, self.rows)
            self.starts = self.order.starts().tolist()
        return self.order, self.starts

    def _window(self, order: BlockOrder, number: int) -> Array:
        """The samples of a window in their order, of shape (columns, samples)."""
        key = order.epoch, number
        if key not in self.windows:
            pieces = order.pieces(number)
            read = np.empty((len(self.columns), sum(map(len, pieces))))
            done = 0
            for piece in pieces:
                read_columns(self.columns, piece.start, read[:, done : done + len(piece)])
                done += len(piece)
            mixed = np.take(read, order.within(number, read.shape[1]), axis=1)
            self.windows = {**dict([*self.windows.items()][-1:]), key: mixed}
        return self.windows[key]


class DiskParts(PartsAhead):
    """Parts of an epoch, read from disk; `prepared` makes of columns what the loop reads."""

    def __init__(self, work: Work, prepared: Callable[[tuple[Array, ...]], tuple[Any, ...]]) -> None:
        count = len(work.columns)
        _check_size(min(work.per_step, work.rows), count)
        epochs = -(-work.steps // work.steps_per_epoch)
        super().__init__(work.rows, work.per_step, epochs, min(PART, MOST_NUMBERS // count))
        self.samples = samples_of(work)
        self.prepared = prepared
        self.memory = [np.empty((count, self.longest)) for _ in range(2)]

    def filled(self, epoch: int, number: int, which: int) -> tuple[Any, ...]:
        """A part's columns as the loop reads them."""
        first = number * self.size
        here = self.memory[which][:, : self.rows - first]
        self.samples.read(epoch, first, here)
        return self.prepared(tuple(here))


def samples_of(work: Work) -> DiskSamples:
    """The samples of a loop whose columns are on disk."""
    return DiskSamples(work.columns, work.seed if work.shape.shuffled else None)


def _check_size(samples: int, columns: int) -> None:
    if samples * columns > MOST_IN_STEP:
        raise SettingError(
            _(
                "a step of {samples} samples takes {size:.3g} GB, and this loop needs all of them at once; give a "
                "smaller batch size"
            ).format(samples=samples, size=samples * columns * 8e-9)
        )
