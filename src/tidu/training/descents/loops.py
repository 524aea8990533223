"""The generated loop with the data that it reads: plain, compiled, or with threads that share each step's samples.

`descent` runs one of these from state to state. What is kept where, and in which order samples are drawn, is decided
here; what a step computes is the loop's text and nothing else.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.build import module_of
from tidu.engines.program import Program
from tidu.engines.scalar_loop import LoopShape, Stopped, arguments_of, history_columns
from tidu.runtime.summation import CHUNK

Array = npt.NDArray[np.float64]
MOST_ORDERED = 2_000_000  # row numbers of shuffled epochs held at once
BLOCK = 4096  # rows
PART = 1 << 17  # samples that are put in order at once: many, for a slice has its price, yet few megabytes
BEYOND_CACHE = 1 << 20  # bytes of data; where more is read in a random order, the processor waits for memory


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next step depends on, beside data and settings."""

    parameters: tuple[Any, ...]  # floats, or arrays
    optimizer: tuple[Any, ...]
    epoch: int = 0
    step: int = 0
    start: int = 0  # rows of this epoch that are done
    epoch_loss: float = 0.0  # sum of the losses of these rows
    gradient: tuple[Any, ...] = ()  # of the last step
    random: Mapping[str, Any] = field(default_factory=dict)  # the generator's, before this epoch's permutation


@dataclass(frozen=True)
class Work:
    """What a loop runs on: columns of shape (rows,) in the program's order, and what stays the same in every step."""

    program: Program
    shape: LoopShape
    source: str
    columns: Sequence[Array]
    per_step: int  # samples
    steps: int  # at most
    until_loss: float = -math.inf
    tol: float | None = None
    threads: int = 1
    fast: bool = False
    seed: int = 0  # of dropout
    device: str | None = None  # of PyTorch; None is NumPy's, where the loop is on arrays

    @property
    def rows(self) -> int:
        """Samples in all; 0 for a plain function."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def steps_per_epoch(self) -> int:
        """The last of them may have fewer samples."""
        return -(-max(self.rows, 1) // self.per_step)


def loop_on_host(engine: str, work: Work) -> Loop:
    """The loop of an engine, `python`, `compiled` or `array` in NumPy; close it when done."""
    if engine == "array":
        return _ArrayLoop(work)
    if work.program.of_arrays:
        return _TileLoop(work, machine_code=engine == "compiled")
    if engine == "python":
        return _PlainLoop(work)
    if work.shape.summed and work.threads > 1 and work.per_step >= 2 * CHUNK:
        return _ThreadedLoop(work)
    return _CompiledLoop(work)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Loop(ABC):
    """The generated function, with what stays the same from slice to slice; how numbers are kept is a subclass's."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.width = len(history_columns(work.program))
        self.train = self.function_of(work.source)
        self.drawn: tuple[int, Any, Any] = (-1, None, None)  # the last epoch's order, and the generator after it
        self.names = arguments_of(work.program, work.shape)
        rate = work.program.rate
        self.fixed: dict[str, Any] = {
            "columns": tuple(self.kept(c) for c in work.columns),
            "first_row": 0,
            "rows": work.rows,
            "batch_size": work.per_step,
            "settings": (rate.value,) if rate.is_constant else (),
            "seed": work.seed,
            "until_loss": work.until_loss,
            "tol": work.tol,
        }

    @abstractmethod
    def function_of(self, source: str) -> Callable[..., Any]:
        """The function that runs this source."""

    @abstractmethod
    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        """A column, or the order of the samples in an epoch, as the function reads it."""

    def fresh(self, value: Any) -> Any:
        """A parameter, or a part of the optimizer's state, as the function may have it."""
        return value

    @abstractmethod
    def blank_history(self, rows: int) -> Any:
        """Where the function writes rows of the history."""

    def rows_of(self, written: Any) -> Array:
        """The rows of the history that a slice has written, of shape (rows, columns)."""
        return np.array(written, dtype=np.float64).reshape(-1, self.width)

    def on_host(self, state: TrainingState) -> TrainingState:
        """A state as floats and NumPy's arrays."""
        return state

    def close(self) -> None:  # noqa: B027  # most have none
        """Let go of threads."""

    def last_step_of_slice(self, state: TrainingState, steps: int) -> int:
        """Where a slice of about `steps` steps ends: so that not too many shuffled epochs are held at once."""
        if self.work.shape.shuffled:
            steps = min(steps, max(1, MOST_ORDERED // self.work.rows) * self.work.steps_per_epoch)
        return state.step + steps

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        """One slice: from a state to the next, with the rows that it recorded."""
        drawn, generators = self.drawn_for(state, last_step) if self.work.shape.shuffled else ({}, [])
        count = last_step - state.step
        rows = count if self.work.shape.record == "step" else count // self.work.steps_per_epoch + 1
        history = self.blank_history(rows)
        changing = {
            "parameters": tuple(map(self.fresh, state.parameters)),
            "state": tuple(map(self.fresh, state.optimizer)),
            "position": (state.epoch, state.step, state.start, state.epoch_loss),
            "last_step": last_step,
            "history": history,
        }
        values = self.fixed | changing | drawn
        parameters, optimizer, position, gradient, row, why = self.train(*(values[name] for name in self.names))
        epoch, step, start, epoch_loss = position
        random = generators[epoch - state.epoch] if generators else state.random
        if why == Stopped.DIVERGED:  # what is there may be the bad step's
            before = state if step == state.step else self.run(state, step)[0]
            parameters, optimizer, gradient = before.parameters, before.optimizer, before.gradient
        new = TrainingState(parameters, optimizer, epoch, step, start, epoch_loss, gradient, random)
        return new, self.rows_of(history[:row]), Stopped(why)

    def drawn_for(self, state: TrainingState, last_step: int) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
        """The permutation of each epoch that the slice touches, and the generator before each and after all."""
        generator = np.random.default_rng()
        generator.bit_generator.state = dict(state.random)
        orders: list[Any] = []
        before: list[Mapping[str, Any]] = []
        for epoch in range(state.epoch, (last_step - 1) // self.work.steps_per_epoch + 1):
            before.append(generator.bit_generator.state)
            if epoch == self.drawn[0]:  # drawn for the slice before, which ended in mid-epoch
                orders.append(self.drawn[1])
                generator.bit_generator.state = self.drawn[2]
            else:
                orders.append(self.kept(generator.permutation(self.work.rows)))
        self.drawn = (state.epoch + len(orders) - 1, orders[-1], generator.bit_generator.state)
        return {"orders": self.together(orders)}, [*before, generator.bit_generator.state]

    def together(self, orders: list[Any]) -> Any:
        """The orders of several epochs as the function reads them."""
        return orders


class _PlainLoop(Loop):
    """Plain Python, on lists of floats: what it reads fastest."""

    def function_of(self, source: str) -> Callable[..., Any]:
        return module_of(source).train  # type: ignore[no-any-return]

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return numbers.tolist()

    def blank_history(self, rows: int) -> Any:
        return [()] * rows


class _ArrayLoop(Loop):
    """NumPy on whole batches."""

    def function_of(self, source: str) -> Callable[..., Any]:
        return module_of(source).train  # type: ignore[no-any-return]

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(numbers, dtype=self.work.shape.dtype if numbers.dtype.kind == "f" else None)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        narrow = replace(
            state,
            parameters=tuple(map(self.narrow, state.parameters)),
            optimizer=tuple(map(self.narrow, state.optimizer)),
        )
        with np.errstate(all="ignore"):  # what is not finite ends the run, in words
            return super().run(narrow, last_step)

    def narrow(self, value: Any) -> Any:
        """A parameter in the precision of this run; a number too, or it would widen what it meets."""
        return np.asarray(value, dtype=self.work.shape.dtype)[()]

    def on_host(self, state: TrainingState) -> TrainingState:
        return with_numbers(state, lambda value: value if np.ndim(value) else float(value), float)


def with_numbers(
    state: TrainingState, changed: Callable[[Any], Any], changed_total: Callable[[Any], Any]
) -> TrainingState:
    """A state in which each number and array is changed, and the running sum of losses in a way of its own."""
    return replace(
        state,
        parameters=tuple(map(changed, state.parameters)),
        optimizer=tuple(map(changed, state.optimizer)),
        gradient=tuple(map(changed, state.gradient)),
        epoch_loss=changed_total(state.epoch_loss),
    )


class _TileLoop(Loop):
    """Loops over tiles of samples, as plain Python or machine code; both write on the arrays that they are given."""

    def __init__(self, work: Work, machine_code: bool) -> None:
        self.machine_code = machine_code
        super().__init__(work)
        self.names = [*self.names, "memory"]
        self.fixed["memory"] = module_of(work.source).memory()

    def function_of(self, source: str) -> Callable[..., Any]:
        if not self.machine_code:
            return module_of(source).train  # type: ignore[no-any-return]
        from tidu.engines.compiler.calls import compiled

        return compiled(source)

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(numbers, dtype=np.float64 if numbers.dtype.kind == "f" else None)

    def together(self, orders: list[Any]) -> Any:
        return np.stack(orders)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def fresh(self, value: Any) -> Any:
        return np.array(value, dtype=np.float64) if np.ndim(value) else float(value)

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        with np.errstate(all="ignore"):  # what is not finite ends the run, in words
            new, recorded, why = super().run(state, last_step)
        return replace(new, gradient=tuple(map(self.fresh, new.gradient))), recorded, why


class _CompiledLoop(Loop):
    """Machine code, on arrays. Large data that is drawn in a random order is put into that order beforehand."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        large = work.rows * len(work.columns) * 8 > BEYOND_CACHE
        epochs = -(-work.steps // work.steps_per_epoch)
        columns = [self.kept(c) for c in work.columns] if work.shape.shuffled and large else []
        self.shuffled = Shuffled(columns, work.per_step, epochs) if columns else None

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

    def close(self) -> None:
        if self.shuffled is not None:
            self.shuffled.close()

    def last_step_of_slice(self, state: TrainingState, steps: int) -> int:
        last = super().last_step_of_slice(state, steps)
        return last if self.shuffled is None else min(last, self.last_step_of_part(state))

    def last_step_of_part(self, state: TrainingState) -> int:
        """The step after which samples of another part are learnt."""
        assert self.shuffled is not None
        steps = self.shuffled.size // self.work.per_step  # of a whole part; the last part of an epoch may have fewer
        end = (state.start // self.shuffled.size + 1) * steps
        return state.epoch * self.work.steps_per_epoch + min(end, self.work.steps_per_epoch)

    def drawn_for(self, state: TrainingState, last_step: int) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
        if self.shuffled is None:
            return super().drawn_for(state, last_step)
        if last_step > self.last_step_of_part(state):
            raise AssertionError("a slice of shuffled samples lies within a part")
        part = self.shuffled.part(state.epoch, state.start, state.random)
        given = {"columns": part.columns, "orders": self.shuffled.place, "first_row": -part.number * self.shuffled.size}
        return given, [state.random, part.after]


class _ThreadedLoop(_CompiledLoop):
    """Plain Python around each step, whose sums several threads of machine code share."""

    def __init__(self, work: Work) -> None:
        self.pool = ThreadPoolExecutor(max(1, work.threads - 1), thread_name_prefix="tidu")
        super().__init__(work)

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.compiler.calls import summed_by_threads

        train = module_of(source).train
        summed = summed_by_threads(source, self.pool, self.work.threads, self.work.fast)
        return FunctionType(train.__code__, train.__globals__ | {"summed": summed})

    def close(self) -> None:
        super().close()
        self.pool.shutdown()


@dataclass(frozen=True)
class _Part:
    """A part of an epoch: its columns in their order, the order of the whole epoch, the generator after drawing it."""

    epoch: int
    number: int
    columns: tuple[Array, ...]
    order: npt.NDArray[np.int64]
    after: Mapping[str, Any]


class Shuffled:
    """The data in the order of an epoch, part by part; a thread prepares the next part while this one is learnt.

    Fetching samples from all over memory costs more than learning them, and least where the cells of one lie together:
    so they are kept as rows, once. A part is small enough to be written into the same memory again and again.
    `place` is their order there: one after another.
    """

    def __init__(self, columns: Sequence[Array], per_step: int, epochs: int) -> None:
        self.source, self.rows, self.epochs = _side_by_side(columns), len(columns[0]), epochs
        self.size = (
            max(1, PART // per_step) * per_step
        )  # samples in a part: whole steps, or all rows where they are fewer
        self.parts = -(-self.rows // self.size)
        most = min(self.size, self.rows)
        self.memory = [np.empty((most, len(columns)), columns[0].dtype) for _ in range(2)]
        self.columns = [tuple(memory.T) for memory in self.memory]
        self.place = np.arange(most)[np.newaxis, :]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="tidu")
        self.here: _Part | None = None
        self.ahead: Future[_Part] | None = None

    def part(self, epoch: int, start: int, random: Mapping[str, Any]) -> _Part:
        """The part in which sample `start` of an epoch is; its order is drawn by a generator in the state `random`."""
        wanted = epoch, start // self.size
        if self.here is None or (self.here.epoch, self.here.number) != wanted:
            ready = self.ahead.result() if self.ahead is not None else None
            known = ready is not None and (ready.epoch, ready.number) == wanted
            self.here = ready if ready is not None and known else self.prepared(*wanted, random)
            self.ahead = self.pool.submit(self.following, self.here) if self.has_more(self.here) else None
        return self.here

    def has_more(self, part: _Part) -> bool:
        """Whether there is a part after this one."""
        return part.number + 1 < self.parts or part.epoch + 1 < self.epochs

    def following(self, part: _Part) -> _Part:
        """The part after this one."""
        if part.number + 1 < self.parts:
            return self.taken(part.epoch, part.number + 1, part.order, part.after)
        return self.prepared(part.epoch + 1, 0, part.after)

    def prepared(self, epoch: int, number: int, random: Mapping[str, Any]) -> _Part:
        """A part of an epoch whose order has yet to be drawn."""
        generator = np.random.default_rng()
        generator.bit_generator.state = dict(random)
        return self.taken(epoch, number, generator.permutation(self.rows), generator.bit_generator.state)

    def taken(self, epoch: int, number: int, order: npt.NDArray[np.int64], after: Mapping[str, Any]) -> _Part:
        """A part's samples, in the memory that the part before does not use."""
        which = (epoch * self.parts + number) % 2
        samples = order[number * self.size : (number + 1) * self.size]
        np.take(self.source, samples, axis=0, out=self.memory[which][: len(samples)], mode="clip")  # it writes in place
        return _Part(epoch, number, self.columns[which], order, after)

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
