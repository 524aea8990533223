"""Loops as machine code: numbers, tiles of samples, and threads that share the samples of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.build import module_of
from tidu.engines.scalar_loop import Stopped
from tidu.machine import pool_of
from tidu.runtime.permutation import WORD
from tidu.training.loops.loop import Array, Loop
from tidu.training.loops.parts import PartsAhead
from tidu.training.loops.shuffling import ShuffledParts
from tidu.training.state import TrainingState
from tidu.training.work import Work

BEYOND_CACHE = 1 << 20  # bytes of data; where more is read in a random order, the processor waits for memory


class TileLoop(Loop):
    """Loops over tiles of samples, as plain Python or machine code; both write on the arrays that they are given."""

    def __init__(self, work: Work, machine_code: bool) -> None:
        self.machine_code = machine_code
        super().__init__(work)
        self.names = [*self.names, "memory"]
        self.fixed["memory"] = module_of(work.source).memory()
        if machine_code:  # which has whole numbers of 64 bits
            words = range(0, max(work.seed.bit_length(), 1), 32)
            self.fixed["seed"] = np.array([work.seed >> shift & WORD for shift in words])

    def function_of(self, source: str) -> Callable[..., Any]:
        if not self.machine_code:
            return module_of(source).train  # type: ignore[no-any-return]
        from tidu.engines.compiler.calls import compiled

        return compiled(source)

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(numbers, dtype=self.work.shape.dtype if numbers.dtype.kind == "f" else None)

    def on_host(self, state: TrainingState) -> TrainingState:
        kind = self.work.shape.dtype  # of parameters, which have been rounded; the rest of a state is in double
        return replace(state, parameters=tuple(p.astype(kind) if np.ndim(p) else p for p in state.parameters))

    def together(self, orders: list[Any]) -> Any:
        return np.stack(orders)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def fresh(self, value: Any) -> Any:
        return np.array(value, dtype=np.float64) if np.ndim(value) else float(value)

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        with np.errstate(all="ignore"):  # what is not finite ends the run, in words
            new, recorded, why = super().run(state, last_step)
        new = replace(new, gradient=tuple(map(self.fresh, new.gradient)))
        return new.with_numbers(lambda value: value if np.ndim(value) else float(value)), recorded, why


class ThreadedTileLoop(TileLoop):
    """Plain Python around each step, whose chunks several threads of machine code share."""

    def __init__(self, work: Work) -> None:
        self.pool = pool_of(work.threads - 1)
        super().__init__(work, machine_code=True)
        self.fixed["memory"] = self.rooms[0]

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.compiler.threaded_tiles import ThreadedTiles

        module = module_of(source)
        self.rooms = [module.memory() for _ in range(self.work.threads)]
        replaced = ThreadedTiles(source, self.pool, self.rooms).functions
        return FunctionType(module.train.__code__, module.train.__globals__ | replaced)

    def close(self) -> None:
        super().close()
        self.pool.shutdown()


class CompiledLoop(Loop):
    """Machine code, on arrays. Large data that is drawn in a random order is put into that order beforehand."""

    def parts_of(self, work: Work) -> PartsAhead | None:
        if work.on_disk or not work.shape.shuffled or work.rows * len(work.columns) * 8 <= BEYOND_CACHE:
            return super().parts_of(work)
        epochs = -(-work.steps // work.steps_per_epoch)
        return ShuffledParts([self.kept(c) for c in work.columns], work.per_step, epochs, work.seed, work.by_blocks)

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.compiler.calls import compiled

        return compiled(source, fast=self.work.fast)

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        is_column = numbers.dtype == np.float64
        return np.ascontiguousarray(numbers, dtype=self.work.shape.dtype if is_column else numbers.dtype)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def together(self, orders: list[Any]) -> Any:
        return np.stack(orders)


class ThreadedLoop(CompiledLoop):
    """Plain Python around each step, whose sums several threads of machine code share."""

    def __init__(self, work: Work) -> None:
        self.pool = pool_of(work.threads - 1)
        super().__init__(work)

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.compiler.calls import summed_by_threads

        train = module_of(source).train
        summed = summed_by_threads(source, self.pool, self.work.threads, self.work.fast)
        return FunctionType(train.__code__, train.__globals__ | {"summed": summed})

    def close(self) -> None:
        super().close()
        self.pool.shutdown()
