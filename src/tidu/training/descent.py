"""The descent itself: the generated loop run in slices, until a bound, a bad step or the user ends it.

The state of a training is one plain value, `TrainingState`; a slice takes one and gives the next, and never less than
whole steps. What a slice computes does not depend on where the slices are cut.
"""

from __future__ import annotations

import math
import time
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
    history_columns,
    state_at_start,
    train_source,
)
from tidu.engines.program import Program
from tidu.language.expr import evaluate
from tidu.training.history import History

SLICE_SECONDS = 0.1  # short enough for a smooth progress bar and a prompt Ctrl-C, long enough to cost nothing
FIRST_SLICE_SAMPLES = 20_000
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
class Descent:
    """How a descent ended. `stopped` is epochs, steps, loss, converged, diverged or interrupted."""

    state: TrainingState
    history: History
    stopped: str
    seconds: float
    source: str


Progress = Callable[[int, int, float], None]  # steps done, steps in all, the last loss


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
    progress: Progress | None = None,
) -> Descent:
    """Run the loop of `program` on columns, each of shape (rows,), in the order of `program.columns`."""
    rows = len(columns[0]) if columns else 0
    batch = batch_of(rows, batch_size)
    mini = batch in (Batch.ONE, Batch.SOME)
    shape = LoopShape(batch, shuffle and mini, record, limits.tol is not None)
    source = train_source(program, shape)
    per_step = {Batch.ONE: 1, Batch.SOME: batch_size or 1}.get(batch, max(rows, 1))
    steps_per_epoch = -(-max(rows, 1) // per_step)
    loop = _Loop(program, shape, source, columns, per_step, rows, limits)
    state = TrainingState(
        tuple(float(p) for p in parameters),
        state_at_start(program, shape, parameters),
        random=np.random.default_rng(seed).bit_generator.state,
    )
    began = time.perf_counter()
    recorded: list[tuple[float, ...]] = []
    stopped = ""
    slice_steps = max(1, FIRST_SLICE_SAMPLES // per_step)
    while not stopped:
        slice_began = time.perf_counter()
        last_step = min(limits.steps, state.step + loop.affordable(slice_steps, steps_per_epoch))
        try:
            state, rows_done, why = loop.run(state, last_step, steps_per_epoch)
        except KeyboardInterrupt:
            stopped = "interrupted"
            break
        recorded += rows_done
        if why is not Stopped.GOING:
            stopped = why.name.lower()
        elif state.step >= limits.steps:
            stopped = limits.bound
        if progress is not None:
            progress(state.step, limits.steps, recorded[-1][0] if recorded else math.nan)
        taken = time.perf_counter() - slice_began
        slice_steps = max(1, int(slice_steps * min(4.0, max(0.25, SLICE_SECONDS / max(taken, 1e-6)))))
    if record == "epoch" and state.start:
        recorded.append(_row_of_unfinished_epoch(program, state))
    history = _history(program, record, recorded, state, steps_per_epoch)
    return Descent(state, history, stopped, time.perf_counter() - began, source)


class _Loop:
    """The generated function, with what stays the same from slice to slice."""

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
        self.shape, self.rows = shape, rows
        self.train = module_of(source).train
        self.names = arguments_of(program, shape)
        self.fixed: dict[str, Any] = {
            "columns": tuple(c.tolist() for c in columns),  # lists of floats: what plain Python reads fastest
            "batch_size": per_step,
            "settings": (program.rate.value,) if program.rate.is_constant else (),
            "until_loss": -math.inf if limits.until_loss is None else limits.until_loss,
            "tol": limits.tol,
        }

    def affordable(self, steps: int, steps_per_epoch: int) -> int:
        """`steps`, cut so that not too many shuffled epochs are held at once."""
        if not self.shape.shuffled:
            return steps
        return min(steps, max(1, MOST_ORDERED // self.rows) * steps_per_epoch)

    def run(
        self, state: TrainingState, last_step: int, steps_per_epoch: int
    ) -> tuple[TrainingState, list[tuple[float, ...]], Stopped]:
        """One slice: from a state to the next, with the rows that it recorded."""
        orders, generators = self.orders(state, last_step, steps_per_epoch)
        count = last_step - state.step
        rows = count if self.shape.record == "step" else count // steps_per_epoch + 1
        history: list[tuple[float, ...]] = [()] * rows
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
        new = TrainingState(parameters, optimizer, epoch, step, start, epoch_loss, gradient, random)
        return new, history[:row], Stopped(why)

    def orders(
        self, state: TrainingState, last_step: int, steps_per_epoch: int
    ) -> tuple[list[list[int]], list[Mapping[str, Any]]]:
        """The permutation of each epoch that the slice touches, and the generator before each and after all."""
        if not self.shape.shuffled:
            return [], []
        generator = np.random.default_rng()
        generator.bit_generator.state = dict(state.random)
        orders, before = [], []
        for _epoch in range(state.epoch, (last_step - 1) // steps_per_epoch + 1):
            before.append(generator.bit_generator.state)
            orders.append(generator.permutation(self.rows).tolist())
        return orders, [*before, generator.bit_generator.state]


def _row_of_unfinished_epoch(program: Program, state: TrainingState) -> tuple[float, ...]:
    """A row for an epoch that was cut short: the mean loss of the rows that it saw."""
    lr = evaluate(program.rate, {STEP: float(state.step - 1), EPOCH: float(state.epoch)})
    norm = math.sqrt(sum(g * g for g in state.gradient))
    return (state.epoch_loss / state.start, norm, lr, *state.parameters, *state.gradient)


def _history(
    program: Program, record: str, recorded: list[tuple[float, ...]], state: TrainingState, steps_per_epoch: int
) -> History:
    width = len(history_columns(program))
    values = np.array(recorded, dtype=np.float64).reshape(len(recorded), width)
    k = np.arange(len(recorded), dtype=np.int64)
    epoch, step = (k // steps_per_epoch, k) if record == "step" else (k, (k + 1) * steps_per_epoch - 1)
    if record == "epoch" and state.start and len(recorded):
        step[-1] = state.step - 1
    return History(program.parameter_names, record, epoch, step, values)
