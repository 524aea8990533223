"""Samples that come part by part: whole steps of an epoch, prepared while the part before is being learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.machine import pool_of

if TYPE_CHECKING:
    from concurrent.futures import Future

PART = 1 << 17  # samples that are prepared at once: many, for a slice has its price, yet few megabytes


@dataclass(frozen=True)
class Part:
    """A part of an epoch: its columns in the order of the epoch."""

    epoch: int
    number: int
    columns: tuple[Any, ...]


class PartsAhead(ABC):
    """The samples of an epoch, part by part; a thread prepares the next part while this one is learned.

    A part is whole steps, and small enough to be written into the same memory again and again. `place` is the order of
    the samples there: one after another.
    """

    def __init__(self, rows: int, per_step: int, epochs: int, most: int = PART) -> None:
        self.rows, self.epochs = rows, epochs
        self.size = max(1, most // per_step) * per_step  # samples in a part: whole steps, at least one
        self.parts = -(-rows // self.size)
        self.longest = min(self.size, rows)
        self.place = np.arange(self.longest)[np.newaxis, :]
        self.pool = pool_of(1)
        self.here: Part | None = None
        self.ahead: Future[Part] | None = None

    @abstractmethod
    def filled(self, epoch: int, number: int, which: int) -> tuple[Any, ...]:
        """A part's columns, in the first or the second memory: the one that the part before does not use."""

    def part(self, epoch: int, start: int) -> Part:
        """The part in which sample `start` of an epoch is."""
        wanted = epoch, start // self.size
        if self.here is None or (self.here.epoch, self.here.number) != wanted:
            ready = self.ahead.result() if self.ahead is not None else None
            known = ready is not None and (ready.epoch, ready.number) == wanted
            self.here = ready if ready is not None and known else self.taken(*wanted)
            self.ahead = self.pool.submit(self.following, self.here) if self.has_more(self.here) else None
        return self.here

    def has_more(self, part: Part) -> bool:
        """Whether there is a part after this one."""
        return part.number + 1 < self.parts or part.epoch + 1 < self.epochs

    def following(self, part: Part) -> Part:
        """The part after this one."""
        last = part.number + 1 == self.parts
        return self.taken(part.epoch + last, 0 if last else part.number + 1)

    def taken(self, epoch: int, number: int) -> Part:
        """A part of an epoch."""
        return Part(epoch, number, self.filled(epoch, number, (epoch * self.parts + number) % 2))

    def close(self) -> None:
        """End the thread."""
        self.pool.shutdown(cancel_futures=True)
