"""The descent itself: the generated loop run in slices, until a bound, a bad step or the user ends it.

The state of a training is one plain value, `TrainingState`; a slice takes one and gives the next, and never less than
whole steps. What a slice computes does not depend on where the slices are cut.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.schedules import EPOCH, STEP
from tidu.engines.build import module_of
from tidu.engines.loop import (
    Batch,
    LoopShape,
    Stopped,
    arguments_of,
    cost_source,
    history_columns,
    state_at_start,
    train_source,
)
from tidu.engines.program import Program
from tidu.language.expr import evaluate, evaluation_order
from tidu.text import _
from tidu.training.history import History

Array = npt.NDArray[np.float64]
SLICE_SECONDS = 0.1  # short enough for a smooth progress bar and a prompt Ctrl-C, long enough to cost nothing
FIRST_SLICE_SAMPLES = 20_000
PATIENCE = 2.0  # seconds of plain Python that cost less than starting the compiler
SECONDS_A_NODE, SECONDS_A_STEP = 3e-8, 5e-7  # of plain Python, roughly
MOST_BACK = 8  # steps to go back, at most, for a point at which the cost is finite
MOST_ORDERED = 2_000_000  # row numbers of shuffled epochs held at once


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next step depends on, beside data and settings."""

    parameters: tuple[float, ...]
    optimizer: tuple[float, ...]
    epoch: int = 0
    step: int = 0
    start: int = 0  # rows of this epoch that are done
    epoch_loss: float = 0.0  # sum of the losses of these rows
    gradient: tuple[float, ...] = ()  # of the last step
    random: Mapping[str, Any] = field(default_factory=dict)  # the generator's, before this epoch's permutation


@dataclass(frozen=True)
class Limits:
    """When to stop: after `steps` steps at the latest; `bound` says which word the user gave that bound in."""

    steps: int
    bound: str = "epochs"
    until_loss: float | None = None
    tol: float | None = None


@dataclass(frozen=True)
class Engine:
    """What ran the loop, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Descent:
    """How a descent ended. `stopped` is epochs, steps, loss, converged, diverged or interrupted."""

    state: TrainingState
    history: History
    stopped: str
    seconds: float
    source: str
    engine: Engine


Progress = Callable[[int, int, float], None]  # steps done, steps in all, the last loss


def engine_for(wish: str, program: Program, steps: int, per_step: int) -> Engine:
    """The engine that was asked for; for `auto`, plain Python where that is done before a compiler has begun."""
    nodes = len(evaluation_order([program.loss, *program.gradient]))
    seconds = steps * (per_step * nodes * SECONDS_A_NODE + len(program.new_state) * SECONDS_A_NODE + SECONDS_A_STEP)
    return engine_for_seconds(wish, seconds)


def engine_for_seconds(wish: str, seconds: float) -> Engine:
    """The engine that was asked for; for `auto`, by how long plain Python would take."""
    if wish == "python":
        return Engine("python", _("the loop as plain Python"))
    if wish == "numba":
        return Engine("numba", _("the loop compiled by Numba"))
    if seconds < PATIENCE:
        return Engine("python", _("the loop as plain Python: short work"))
    return Engine(
        "numba", _("the loop compiled by Numba: about {seconds:.0f} s of plain Python").format(seconds=seconds)
    )


def batch_of(rows: int, batch_size: int | None) -> Batch:
    """The shape of loop for this batch size."""
    if rows == 0:
        return Batch.NONE
    if batch_size is None or batch_size >= rows:
        return Batch.ALL
    return Batch.ONE if batch_size == 1 else Batch.SOME


def descend(
    program: Program,
    columns: Sequence[npt.NDArray[np.float64]],
    parameters: Sequence[float],
    limits: Limits,
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    record: str = "epoch",
    engine: str = "auto",
    progress: Progress | None = None,
) -> Descent:
    """Run the loop of `program` on columns, each of shape (rows,), in the order of `program.columns`.

    `engine` is `python`, `numba` or `auto`; whichever it is, the result has the same bits.
    """
    rows = len(columns[0]) if columns else 0
    batch = batch_of(rows, batch_size)
    mini = batch in (Batch.ONE, Batch.SOME)
    shape = LoopShape(batch, shuffle and mini, record, limits.tol is not None)
    source = train_source(program, shape)
    per_step = {Batch.ONE: 1, Batch.SOME: batch_size or 1}.get(batch, max(rows, 1))
    chosen = engine_for(engine, program, limits.steps, per_step)
    kind = _CompiledLoop if chosen.name == "numba" else _PlainLoop
    loop = kind(program, shape, source, columns, per_step, rows, limits)
    state = TrainingState(
        tuple(float(p) for p in parameters),
        state_at_start(program, shape, parameters),
        random=np.random.default_rng(seed).bit_generator.state,
    )
    began = time.perf_counter()
    recorded: list[Array] = [np.empty((0, len(history_columns(program))))]
    earlier: deque[TrainingState] = deque(maxlen=2 * MOST_BACK)  # where the last slices began
    stopped = ""
    slice_steps = max(1, FIRST_SLICE_SAMPLES // per_step)
    try:
        while not stopped:
            slice_began = time.perf_counter()
            last_step = min(limits.steps, state.step + loop.affordable(slice_steps))
            earlier.append(state)
            state, rows_done, why = loop.run(state, last_step)
            recorded.append(rows_done)
            if why is not Stopped.GOING:
                stopped = why.name.lower()
            elif state.step >= limits.steps:
                stopped = limits.bound
            if progress is not None:
                progress(state.step, limits.steps, float(recorded[-1][-1, 0]) if len(recorded[-1]) else math.nan)
            taken = time.perf_counter() - slice_began
            # From the steps that were done, not those hoped for: what cannot be afforded must not pile up.
            done = last_step - earlier[-1].step
            slice_steps = max(1, int(done * min(4.0, max(0.25, SLICE_SECONDS / max(taken, 1e-6)))))
    except KeyboardInterrupt:  # the slice that it hit is lost, the state before it is not
        stopped = stopped or "interrupted"
    values = np.concatenate(recorded)
    if stopped == "diverged":
        state = _last_good(loop, program, columns, state, earlier)
        values = values[: state.step if record == "step" else state.epoch]
    if record == "epoch" and state.start:
        values = np.vstack([values, _row_of_unfinished_epoch(program, state)])
    history = _history(program, record, values, state, loop.steps_per_epoch)
    return Descent(state, history, stopped, time.perf_counter() - began, source, chosen)


class _Loop(ABC):
    """The generated function, with what stays the same from slice to slice; how numbers are kept is a subclass's."""

    def __init__(
        self,
        program: Program,
        shape: LoopShape,
        source: str,
        columns: Sequence[npt.NDArray[np.float64]],
        per_step: int,
        rows: int,
        limits: Limits,
    ) -> None:
        self.shape, self.rows, self.width = shape, rows, len(history_columns(program))
        self.steps_per_epoch = -(-max(rows, 1) // per_step)
        self.train = self.function_of(source)
        self.drawn: tuple[int, Any, Any] = (-1, None, None)  # the last epoch's order, and the generator after it
        self.names = arguments_of(program, shape)
        self.fixed: dict[str, Any] = {
            "columns": tuple(self.kept(c) for c in columns),
            "batch_size": per_step,
            "settings": (program.rate.value,) if program.rate.is_constant else (),
            "until_loss": -math.inf if limits.until_loss is None else limits.until_loss,
            "tol": limits.tol,
        }

    @abstractmethod
    def function_of(self, source: str) -> Callable[..., Any]:
        """The function that runs this source."""

    @abstractmethod
    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        """A column, or the order of the samples in an epoch, as the function reads it."""

    @abstractmethod
    def blank_history(self, rows: int) -> Any:
        """Where the function writes rows of the history."""

    def affordable(self, steps: int) -> int:
        """`steps`, cut so that not too many shuffled epochs are held at once."""
        if not self.shape.shuffled:
            return steps
        return min(steps, max(1, MOST_ORDERED // self.rows) * self.steps_per_epoch)

    def run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        """One slice: from a state to the next, with the rows that it recorded."""
        orders, generators = self.orders(state, last_step)
        count = last_step - state.step
        rows = count if self.shape.record == "step" else count // self.steps_per_epoch + 1
        history = self.blank_history(rows)
        changing = {
            "orders": orders,
            "parameters": state.parameters,
            "state": state.optimizer,
            "position": (state.epoch, state.step, state.start, state.epoch_loss),
            "last_step": last_step,
            "history": history,
        }
        values = self.fixed | changing
        parameters, optimizer, position, gradient, row, why = self.train(*(values[name] for name in self.names))
        epoch, step, start, epoch_loss = position
        random = generators[epoch - state.epoch] if generators else state.random
        if why == Stopped.DIVERGED:  # this gradient is the bad step's; the state is that before it
            gradient = state.gradient if step == state.step else self.run(state, step)[0].gradient
        new = TrainingState(parameters, optimizer, epoch, step, start, epoch_loss, gradient, random)
        return new, np.array(history[:row], dtype=np.float64).reshape(row, self.width), Stopped(why)

    def orders(self, state: TrainingState, last_step: int) -> tuple[Any, list[Mapping[str, Any]]]:
        """The permutation of each epoch that the slice touches, and the generator before each and after all."""
        if not self.shape.shuffled:
            return [], []
        generator = np.random.default_rng()
        generator.bit_generator.state = dict(state.random)
        orders: list[Any] = []
        before: list[Mapping[str, Any]] = []
        for epoch in range(state.epoch, (last_step - 1) // self.steps_per_epoch + 1):
            before.append(generator.bit_generator.state)
            if epoch == self.drawn[0]:  # drawn for the slice before, which ended in mid-epoch
                orders.append(self.drawn[1])
                generator.bit_generator.state = self.drawn[2]
            else:
                orders.append(self.kept(generator.permutation(self.rows)))
        self.drawn = (state.epoch + len(orders) - 1, orders[-1], generator.bit_generator.state)
        return self.together(orders), [*before, generator.bit_generator.state]

    def together(self, orders: list[Any]) -> Any:
        """The orders of several epochs as the function reads them."""
        return orders


class _PlainLoop(_Loop):
    """Plain Python, on lists of floats: what it reads fastest."""

    def function_of(self, source: str) -> Callable[..., Any]:
        return module_of(source).train  # type: ignore[no-any-return]

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return numbers.tolist()

    def blank_history(self, rows: int) -> Any:
        return [()] * rows


class _CompiledLoop(_Loop):
    """Machine code, on arrays."""

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.native import compiled

        return compiled(source)

    def kept(self, numbers: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(numbers)

    def blank_history(self, rows: int) -> Any:
        return np.empty((rows, self.width))

    def together(self, orders: list[Any]) -> Any:
        return np.stack(orders)


def _last_good(
    loop: _Loop, program: Program, columns: Sequence[Array], state: TrainingState, earlier: Sequence[TrainingState]
) -> TrainingState:
    """The state before the first bad step: finite parameters at which the cost is finite too.

    A step may end at finite parameters from which nothing can be computed. That step is the bad one, and what came
    before it is computed again, from the last of the `earlier` states that lies before it.
    """
    candidate = state
    for step in range(state.step, max(state.step - MOST_BACK, -1), -1):
        if step < state.step:
            from_here = [s for s in earlier if s.step <= step]
            if not from_here:
                break
            candidate = from_here[-1] if from_here[-1].step == step else loop.run(from_here[-1], step)[0]
        if _cost_is_finite(program, columns, candidate.parameters):
            return candidate
    return state


def _cost_is_finite(program: Program, columns: Sequence[Array], parameters: tuple[float, ...]) -> bool:
    if not columns:
        return math.isfinite(evaluate(program.loss, dict(zip(program.parameters, parameters, strict=True))))
    cost = module_of(cost_source(program), "cost").cost
    return math.isfinite(cost(tuple(c.tolist() for c in columns), parameters))


def _row_of_unfinished_epoch(program: Program, state: TrainingState) -> tuple[float, ...]:
    """A row for an epoch that was cut short: the mean loss of the rows that it saw."""
    lr = evaluate(program.rate, {STEP: float(state.step - 1), EPOCH: float(state.epoch)})
    norm = math.sqrt(sum(g * g for g in state.gradient))
    return (state.epoch_loss / state.start, norm, lr, *state.parameters, *state.gradient)


def _history(program: Program, record: str, values: Array, state: TrainingState, steps_per_epoch: int) -> History:
    k = np.arange(len(values), dtype=np.int64)
    epoch, step = (k // steps_per_epoch, k) if record == "step" else (k, (k + 1) * steps_per_epoch - 1)
    if record == "epoch" and state.start and len(values):
        step[-1] = state.step - 1
    return History(program.parameter_names, record, epoch, step, values)
