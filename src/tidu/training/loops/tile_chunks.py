"""Large steps of a network: sums over groups of 65,536 samples, which are read from disk and added in order.

`OpenedTiles` is where the samples of a group become its sums, on this machine or on a worker; what each group gives
and how these are added is `tiles.each_chunk`, so who computes a group changes no bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.chunks import Chunk
from tidu.engines.array_loop import inputs_of
from tidu.engines.build import module_of
from tidu.engines.program import Program
from tidu.machine import pool_of
from tidu.runtime import tiles
from tidu.runtime.tiles import GROUP
from tidu.training.judging.evaluation import inputs_from
from tidu.training.loops.chunks import ColumnAt, ShuffledEpoch
from tidu.training.loops.compiled_loops import TileLoop
from tidu.training.loops.from_disk import DiskSamples, samples_of
from tidu.training.loops.loop import Array
from tidu.training.state import TrainingState
from tidu.training.work import Work

# What is added to a generated module: the sums of a group as a function of its own.
_SUMS = """
from tidu.runtime.tiles import each_chunk


def sums_of_group(first, last, *arguments):
    each_chunk({chunk}, first, last, *arguments)
"""


@dataclass(frozen=True)
class RoomAt:
    """Stands for an array of `memory()` among the arguments of a chunk: the one at this place."""

    place: int


@dataclass(frozen=True)
class Begin:
    """Stands for where a batch begins, as masks of dropout count from there."""

    sample: int


@dataclass(frozen=True)
class TileText:
    """What is computed of a group: the text of a loop over tiles, and how it is run."""

    program: Program
    source: str
    machine_code: bool
    dtype: str

    def inputs(self, columns: Sequence[Array]) -> list[npt.NDArray[Any]]:
        """What the text reads of columns in the program's order."""
        inputs = inputs_from(self.program, columns)
        return [np.ascontiguousarray(a, dtype=self.dtype if a.dtype.kind == "f" else None) for a in inputs]

    def function(self, chunk: str) -> Callable[..., None]:
        """`each_chunk` of the text's function of this name."""
        if self.machine_code:
            from tidu.engines.compiler.calls import compiled

            return compiled(self.source + _SUMS.format(chunk=chunk), "sums_of_group")
        of_chunk = getattr(module_of(self.source), chunk)
        return lambda first, last, *arguments: tiles.each_chunk(of_chunk, first, last, *arguments)


class OpenedTiles:
    """Groups of samples, and their sums; on this machine or on a worker (`OpenedJob`). Threads may share it."""

    def __init__(self, text: TileText, samples: DiskSamples) -> None:
        self.text, self.samples = text, samples
        self.keeps = samples.seed is None
        self.here = threading.local()  # a thread has memory of its own, and an entry that remembers its arguments

    def read(self, chunk: Chunk) -> list[npt.NDArray[Any]]:
        """What the text reads of a group's samples."""
        columns = np.empty((len(self.samples.columns), chunk.count))
        self.samples.read(chunk.epoch, chunk.first, columns)
        return self.text.inputs([*columns])

    def size(self, chunk: Chunk) -> int:
        """Bytes of what the text reads, as far as columns tell."""
        return len(self.samples.columns) * chunk.count * np.dtype(self.text.dtype).itemsize

    def sums(self, chunk: Chunk, columns: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """The sums over a group; `arguments` are the name of the chunk's function and what it is given."""
        name, *told = arguments
        if not hasattr(self.here, "room"):
            self.here.room, self.here.functions = module_of(self.text.source).memory(), {}
        if name not in self.here.functions:
            self.here.functions[name] = self.text.function(name)
        given = [self._given(each, chunk, columns) for each in told]
        with np.errstate(all="ignore"):
            self.here.functions[name](0, chunk.count, *given)
        return given[0].copy()

    def _given(self, told: Any, chunk: Chunk, columns: Sequence[Any]) -> Any:
        if isinstance(told, ColumnAt):
            return columns[told.place]
        if isinstance(told, RoomAt):
            return self.here.room[told.place]
        if isinstance(told, ShuffledEpoch):  # the samples are in their order
            return np.arange(chunk.count)
        if isinstance(told, Begin):
            return told.sample - chunk.first
        return np.array(told) if isinstance(told, np.ndarray) else told  # what was sent here cannot be written to


class TileChunkLoop(TileLoop):
    """Plain Python around each step, whose sums are of groups of samples from disk; threads share these."""

    def __init__(self, work: Work, machine_code: bool) -> None:
        self.pool = pool_of(work.threads - 1)
        self.text = TileText(work.program, work.source, machine_code, work.shape.dtype)
        self.machine_code = machine_code
        super().__init__(work, machine_code)
        self.opened = OpenedTiles(self.text, samples_of(work))
        self.fixed["memory"] = self.room
        self.fixed["columns"] = tuple(ColumnAt(k) for k in range(len(inputs_of(work.program))))
        self.rooms = {id(array): RoomAt(k) for k, array in enumerate(self.room)}

    def parts_of(self, work: Work) -> None:
        """Samples come group by group."""

    def function_of(self, source: str) -> Callable[..., Any]:
        module = module_of(source)
        self.room = module.memory()
        replaced: dict[str, Callable[..., Any]] = {}
        if self.machine_code:
            from tidu.engines.compiler.threaded_tiles import ThreadedTiles

            replaced = ThreadedTiles(source, self.pool, [self.room]).functions
        replaced["each_chunk"] = self.each_chunk
        return FunctionType(module.train.__code__, module.train.__globals__ | replaced)

    def drawn_for(self, state: TrainingState, last_step: int) -> dict[str, Any]:
        """Stands for the orders of the epochs that these steps touch."""
        epochs = range(state.epoch, (last_step - 1) // self.work.steps_per_epoch + 1)
        return {"orders": [ShuffledEpoch(epoch) for epoch in epochs]}

    def each_chunk(
        self, chunk: Callable[..., Any], first: int, last: int, sums: Array, group: Array, whole: Array, *arguments: Any
    ) -> None:
        """`tiles.each_chunk`, over samples that are on disk."""
        order = next((a for a in arguments if isinstance(a, ShuffledEpoch)), ShuffledEpoch(0))
        groups = [Chunk(order.epoch, begin, min(GROUP, last - begin)) for begin in range(first, last, GROUP)]
        told = [self.rooms.get(id(a), a) for a in (sums, group, whole, *arguments)]
        if self.work.program.masks:  # which are given the seed, the step, and where the batch begins
            told[5 + self.work.shape.shuffled] = Begin(first)
        found = self.sums_of_chunks(groups, [chunk.__name__, *told])
        np.copyto(sums, found[0])
        for each in found[1:]:
            np.add(sums, each, out=sums)

    def sums_of_chunks(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
        """The sums of each group, in their order: the threads of this machine share them."""

        def of_chunk(chunk: Chunk) -> Any:
            return self.opened.sums(chunk, self.opened.read(chunk), arguments)

        if len(chunks) == 1 or self.work.threads == 1:
            return [of_chunk(chunk) for chunk in chunks]
        return [*self.pool.map(of_chunk, chunks)]

    def close(self) -> None:
        super().close()
        self.pool.shutdown()
