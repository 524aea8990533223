"""Steps larger than a part of the data: sums over chunks of samples, which are read from disk and added in order.

`OpenedChunks` is where a chunk becomes its sums; who calls it for which chunk, and when, changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.chunks import Chunk
from tidu.engines.build import module_of
from tidu.machine import pool_of
from tidu.runtime import summation
from tidu.runtime.summation import CHUNK, Sums, added
from tidu.training.loops.from_disk import DiskSamples, samples_of
from tidu.training.loops.loop import Array, Loop
from tidu.training.state import TrainingState
from tidu.training.work import Work


@dataclass(frozen=True)
class ShuffledEpoch:
    """Stands for the order of an epoch, from which a loop takes samples."""

    epoch: int

    def __getitem__(self, samples: slice) -> ShuffledSamples:
        return ShuffledSamples(self.epoch, samples.start, samples.stop)


@dataclass(frozen=True)
class ShuffledSamples:
    """Stands for samples of an epoch's order: those from the place `start` to `stop`."""

    epoch: int
    start: int
    stop: int


@dataclass(frozen=True)
class ColumnAt:
    """Stands for a column among the arguments of a sum: the one at this place among the columns of a chunk."""

    place: int


@dataclass(frozen=True)
class SumText:
    """What is computed of a chunk: the text of a loop, and how it is run."""

    source: str
    machine_code: bool
    fast: bool
    dtype: str

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        """A column as the text's functions read it."""
        return np.ascontiguousarray(numbers, dtype=self.dtype) if self.machine_code else numbers.tolist()

    def function(self) -> Callable[..., Sums]:
        """The sums over `count` samples, whose columns hold nothing else."""
        if self.machine_code:
            from tidu.engines.compiler.calls import sums_over_range

            over_range = sums_over_range(self.source, self.fast)
            return lambda count, *arguments: over_range(0, count, *arguments)
        sample = module_of(self.source).sample
        return lambda count, *arguments: summation.summed(sample, range(count), *arguments)


class OpenedChunks:
    """Chunks of samples, and their sums; on this machine or on a worker (`OpenedJob`). Threads may share it."""

    def __init__(self, text: SumText, samples: DiskSamples) -> None:
        self.text, self.samples, self.function = text, samples, text.function()
        self.keeps = samples.seed is None

    def read(self, chunk: Chunk, memory: Array | None = None) -> list[Any]:
        """The columns of a chunk, in `memory` of shape (columns, samples) where that fits."""
        fits = memory is not None and memory.shape[1] == chunk.count
        here = memory if memory is not None and fits else np.empty((len(self.samples.columns), chunk.count))
        self.samples.read(chunk.epoch, chunk.first, here)
        return [self.text.kept(column) for column in here]

    def size(self, chunk: Chunk) -> int:
        """Bytes that its columns take; a number of a list is a pointer and an object."""
        return len(self.samples.columns) * chunk.count * (8 if self.text.machine_code else 32)

    def sums(self, chunk: Chunk, columns: Sequence[Any], arguments: Sequence[Any]) -> Sums:
        """The sums over a chunk."""
        given = [columns[a.place] if isinstance(a, ColumnAt) else a for a in arguments]
        return self.function(chunk.count, *given)


class ChunkLoop(Loop):
    """Plain Python around each step, whose sums are of chunks from disk; threads share these."""

    def __init__(self, work: Work, machine_code: bool) -> None:
        self.text = SumText(work.source, machine_code, work.fast, work.shape.dtype)
        self.pool = pool_of(work.threads - 1)
        super().__init__(work)
        self.opened = OpenedChunks(self.text, samples_of(work))
        self.places = {id(column): ColumnAt(k) for k, column in enumerate(work.columns)}
        self.fixed["columns"] = tuple(work.columns)  # which `summed` reads
        self.memory = [np.empty((len(work.columns), CHUNK)) for _ in range(work.threads)]  # one for each thread

    def parts_of(self, work: Work) -> None:
        """Samples come chunk by chunk."""

    def function_of(self, source: str) -> Callable[..., Any]:
        train = module_of(source).train
        return FunctionType(train.__code__, train.__globals__ | {"summed": self.summed})

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return self.text.kept(numbers)

    def blank_history(self, rows: int) -> Any:
        return [()] * rows

    def drawn_for(self, state: TrainingState, last_step: int) -> dict[str, Any]:
        """Stands for the orders of the epochs that these steps touch."""
        epochs = range(state.epoch, (last_step - 1) // self.work.steps_per_epoch + 1)
        return {"orders": [ShuffledEpoch(epoch) for epoch in epochs]}

    def summed(self, _sample: object, samples: range | ShuffledSamples, *arguments: Any) -> Sums:
        """`summation.summed`, over samples that are on disk."""
        epoch = samples.epoch if isinstance(samples, ShuffledSamples) else 0
        firsts = range(samples.start, samples.stop, CHUNK)
        chunks = [Chunk(epoch, first, min(CHUNK, samples.stop - first)) for first in firsts]
        return added(self.sums_of_chunks(chunks, [self.places.get(id(a), a) for a in arguments]))

    def sums_of_chunks(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Sums]:
        """The sums of each chunk, in their order: the threads of this machine share them."""
        parts: list[Sums] = [()] * len(chunks)
        left = iter(range(len(chunks)))  # whoever is done takes the next

        def work(memory: Array) -> None:
            for k in left:
                parts[k] = self.opened.sums(chunks[k], self.opened.read(chunks[k], memory), arguments)

        others = [self.pool.submit(work, memory) for memory in self.memory[1 : len(chunks)]]
        work(self.memory[0])
        for other in others:
            other.result()
        return parts

    def close(self) -> None:
        super().close()
        self.pool.shutdown()
