"""What a cluster computes: a job opens the data where it runs, and gives the sums of one chunk after another.

`SumsOfChunks` is the one function behind which the workers stand. Another system of workers (Ray, MPI) is another such
function; the loop that calls it adds what comes back in the order of the chunks, whoever computed them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tidu.runtime.summation import CHUNK


@dataclass(frozen=True)
class Chunk:
    """Samples of an epoch that are summed together: `count` of them from the place `first` on."""

    epoch: int
    first: int
    count: int

    @property
    def place(self) -> int:
        """By which a worker keeps it from step to step."""
        return self.first // CHUNK


class SumsOfChunks(Protocol):
    """The one function behind which workers stand."""

    def __call__(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
        """The sums of each chunk, in the order of the chunks; `arguments` are those of this step."""


class OpenedJob(Protocol):
    """A job where it runs, with its data at hand. Several threads may use it at once."""

    keeps: bool  # whether a chunk has the same samples in every epoch, so that it is worth keeping

    def read(self, chunk: Chunk) -> Any:
        """The columns of a chunk as `sums` takes them."""

    def size(self, chunk: Chunk) -> int:
        """Bytes that its columns take."""

    def sums(self, chunk: Chunk, columns: Any, arguments: Sequence[Any]) -> Any:
        """The sums over a chunk."""


class Job(Protocol):
    """What goes to each worker once, pickled: everything about the sums except the arguments of a step."""

    def opened(self) -> OpenedJob:
        """The job on the machine where this is called; DataError if the data cannot be read there."""
