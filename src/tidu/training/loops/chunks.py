"""Steps larger than a part of the data: sums over chunks of samples, which are read from disk and added in order.

`sums_of` is the one function in which a chunk becomes its sums; who calls it for which chunk, and when, changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import DiskColumn
from tidu.engines.build import module_of
from tidu.runtime import summation
from tidu.runtime.summation import CHUNK, Sums, added
from tidu.training.loops.from_disk import DiskSamples, samples_of
from tidu.training.loops.loop import Array, Loop
from tidu.training.state import TrainingState
from tidu.training.work import Work


@dataclass(frozen=True)
class Chunk:
    """Samples of an epoch that are summed together: `count` of them from the place `first` on."""

    epoch: int
    first: int
    count: int


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


class ChunkLoop(Loop):
    """Plain Python around each step, whose sums are of chunks from disk; threads share these."""

    def __init__(self, work: Work, machine_code: bool) -> None:
        self.machine_code = machine_code
        self.pool = ThreadPoolExecutor(max(1, work.threads - 1), thread_name_prefix="tidu")
        super().__init__(work)
        self.samples: DiskSamples = samples_of(work)
        self.fixed["columns"] = tuple(work.columns)  # which `summed` reads
        self.memory = [np.empty((len(work.columns), CHUNK)) for _ in range(work.threads)]  # one for each thread

    def parts_of(self, work: Work) -> None:
        """Samples come chunk by chunk."""

    def function_of(self, source: str) -> Callable[..., Any]:
        self.sums_of = chunk_sums(source, self.machine_code, self.work.fast)
        train = module_of(source).train
        return FunctionType(train.__code__, train.__globals__ | {"summed": self.summed})

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        if not self.machine_code:
            return numbers.tolist()
        return np.ascontiguousarray(numbers, dtype=self.work.shape.dtype)

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
        parts: list[Sums] = [()] * len(chunks)
        left = iter(range(len(chunks)))  # whoever is done takes the next

        def work(memory: Array) -> None:
            for k in left:
                parts[k] = self.sums_of_chunk(chunks[k], memory, arguments)

        others = [self.pool.submit(work, memory) for memory in self.memory[1 : len(chunks)]]
        work(self.memory[0])
        for other in others:
            other.result()
        return added(parts)

    def sums_of_chunk(self, chunk: Chunk, memory: Array, arguments: Sequence[Any]) -> Sums:
        """The sums over a chunk; its columns take the places of those that are on disk."""
        here = memory if chunk.count == memory.shape[1] else np.empty((len(memory), chunk.count))
        self.samples.read(chunk.epoch, chunk.first, here)
        columns = {id(column): numbers for column, numbers in zip(self.work.columns, here, strict=True)}
        given = [self.kept(columns[id(a)]) if isinstance(a, DiskColumn) else a for a in arguments]
        return self.sums_of(chunk.count, *given)

    def close(self) -> None:
        super().close()
        self.pool.shutdown()


def chunk_sums(source: str, machine_code: bool, fast: bool) -> Callable[..., Sums]:
    """The function of a loop's text that gives the sums over `count` samples, whose columns hold nothing else."""
    if machine_code:
        from tidu.engines.compiler.calls import sums_over_range

        over_range = sums_over_range(source, fast)
        return lambda count, *arguments: over_range(0, count, *arguments)
    sample = module_of(source).sample
    return lambda count, *arguments: summation.summed(sample, range(count), *arguments)
