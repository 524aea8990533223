"""`Training`: a problem with the loop that trains it. Its one way forward is `advance`, from a state to a state."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tidu.cluster.connecting import Cluster
from tidu.content.plateau import Plateau
from tidu.content.schedules import EPOCH, REDUCTION, STEP
from tidu.copying import replaced
from tidu.data.disk_table import are_on_disk
from tidu.engines.array_loop import array_train_source
from tidu.engines.program import Program
from tidu.engines.scalar_loop import (
    Batch,
    LoopShape,
    Stopped,
    recorded_parameters,
    shape_of,
    state_at_start,
    train_source,
)
from tidu.engines.side_by_side import runs_source
from tidu.engines.tile_loop import tile_train_source
from tidu.engines.writer import LoopText
from tidu.errors import SettingError
from tidu.language.expr import evaluate
from tidu.machine import cores
from tidu.text import _
from tidu.training.constraints import check_execution, check_shared
from tidu.training.engine_choice import Engine, engine_for
from tidu.training.epoch_loss import EpochLoss
from tidu.training.history import History
from tidu.training.judging.evaluation import cost_is_finite, inputs_from
from tidu.training.loops.choosing import loop_of
from tidu.training.loops.loop import ArrayLoop, Loop
from tidu.training.orders import BLOCKS, order_of_epoch
from tidu.training.problem import Problem
from tidu.training.recorded_rows import RecordedRows, like
from tidu.training.settings import Settings
from tidu.training.state import TrainingState
from tidu.training.work import Work

if TYPE_CHECKING:
    from tidu.engines.trace import Trace

Array = npt.NDArray[np.float64]
FIRST_SLICE_SAMPLES = {"python": 20_000, "compiled": 1_000_000, "array": 10_000}
TRIAL_STEPS = 100  # with each of the rates of a range test
MOST_GROWTH = 16.0  # from one slice to the next
MOST_BACK = 8  # steps to go back, at most, for a point at which the cost is finite


@dataclass(frozen=True)
class Budget:
    """How far one `advance` may go: a number of steps, or about so many seconds; at least one step in any case."""

    steps: int | None = None
    seconds: float | None = None


SLICE = Budget(seconds=0.1)  # short enough for a smooth progress bar and a prompt Ctrl-C, long enough to cost nothing


@dataclass(frozen=True)
class Execution:
    """How a problem is computed, which changes no bit of a result, or says so; see `tidu.fit` for the options."""

    engine: str = "auto"
    threads: int | None = None  # all cores
    device: str | None = None
    cluster: Cluster | None = None
    slice: Budget = SLICE  # between two looks at callbacks and Ctrl-C

    @property
    def on_arrays(self) -> bool:
        """Whether whole batches are asked for."""
        return self.engine == "array" or self.device is not None

    def check(self, settings: Settings) -> None:
        """Refuse what there is not, and settings that cannot be computed like this."""
        cluster = None if self.cluster is None else self.cluster.name
        check_execution(settings, engine=self.engine, threads=self.threads, device=self.device, cluster=cluster)
        if self.cluster is not None:
            check_shared(settings)
        if self.device is not None:
            from tidu.training.devices import check_device  # it imports torch

            check_device(self.device, settings.dtype)


class Advance(NamedTuple):
    """Where `advance` came to, the rows of history on the way, and the word for why it ended; empty if it did not."""

    state: TrainingState
    rows: Array
    why: str


class Training:
    """A problem with the loop that trains it; a context manager, for a loop may hold threads.

    Attributes
    ----------
    source : the loop that runs, as text.
    engine : what runs it, and why.
    """

    def __init__(self, problem: Problem, execution: Execution | None = None) -> None:
        execution = execution or Execution()
        self.problem = problem
        self.limits = problem.limits
        work = work_of(problem, execution)
        self.engine: Engine = engine_for(execution.engine, work)
        if work.program.of_arrays and self.engine.name != "array":
            work = replace(work, source=tile_train_source(work.program, work.shape))
        self.work, self.source = work, work.source
        self.loop: Loop = loop_of(self.engine.name, work)
        self.plateau = Plateau.of(problem.settings.plateau)
        self.slice_steps = max(1, FIRST_SLICE_SAMPLES[self.engine.name] // work.per_step)
        # States that were passed; computing one anew takes time, and gives the same.
        self.passed: deque[TrainingState] = deque(maxlen=2 * MOST_BACK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.loop.close()

    @cached_property
    def epoch_loss(self) -> EpochLoss:
        """What an epoch is judged by, as a function of the user's parameters."""
        return EpochLoss(self.problem, self.limits.steps // self.work.steps_per_epoch)

    def start(self) -> TrainingState:
        """The state before the first step."""
        begin = tuple(p if np.ndim(p) else float(p) for p in self.problem.descent_start)
        carried = state_at_start(self.work.program, self.work.shape, begin)
        count = len(self.work.program.new_state)
        return TrainingState(begin, carried[:count], carried[count:])

    def advance(self, state: TrainingState, budget: Budget = SLICE) -> Advance:
        """The state some steps further on: within the budget, at least one step, never beyond the problem's limits.

        It depends on its arguments alone: however a training is cut into calls, it comes to the same bits. After a
        step that is not finite, the state is the last one at which the cost is finite, which may lie before `state`.
        """
        began = time.perf_counter()
        last_step = self.limits.steps
        if budget.steps is not None:
            last_step = min(last_step, state.step + max(1, budget.steps))
        recorded = [np.empty((0, self.loop.width))]
        why = Stopped.GOING
        while why is Stopped.GOING and state.step < last_step:
            slice_began = time.perf_counter()
            wanted = self.slice_steps if budget.seconds is not None else last_step - state.step
            end = self._end_of_slice(state, min(last_step, state.step + wanted))
            assert end > state.step, "a slice makes at least one step"
            self.passed.append(state)
            state, rows, why = self._run(state, end)
            recorded.append(rows)
            now = time.perf_counter()
            if budget.seconds is not None:
                # From the steps that were done, not those hoped for: what cannot be afforded must not pile up.
                done, taken = end - self.passed[-1].step, max(now - slice_began, 1e-6)
                growth = min(MOST_GROWTH, max(0.25, budget.seconds / taken))
                self.slice_steps = max(1, int(done * growth))
                if now - began >= 0.5 * budget.seconds:
                    break
        values = np.concatenate(recorded)
        if why is Stopped.DIVERGED:
            return Advance(self._last_good(state), values, "diverged")
        if why is not Stopped.GOING:
            return Advance(state, values, why.name.lower())
        return Advance(state, values, self.limits.bound if state.step >= self.limits.steps else "")

    def trace(self, state: TrainingState, rows: Sequence[int] = ()) -> Trace:
        """Every value of the step that `advance` takes from this state, and of the chosen rows of its batch.

        It has the bits of the loop, except of a loop in PyTorch, which has other last digits.

        Raises
        ------
        SettingError : the training ends here; a row that this step does not take; a loop that has no trace.
        """
        from tidu.engines.trace import StepState, trace_of

        work, state = self.work, self.on_host(state)
        if state.step >= self.limits.steps:
            raise SettingError(
                _("the training ends after step {step}; trace one of its steps, from 0").format(step=state.step)
            )
        at = StepState(state.parameters, state.optimizer, state.step, state.epoch, state.reduction)
        batch, columns = self.batch_of(state.step), [np.asarray(column) for column in self.problem.columns]
        return trace_of(work.program, work.shape, at, columns, batch, rows, work.seed, self.traced_loop)

    @cached_property
    def traced_loop(self) -> LoopText | None:
        """The loop that a trace reads; None where there is none."""
        from tidu.engines.trace import loop_text_of

        return loop_text_of(self.work.program, self.work.shape, isinstance(self.loop, ArrayLoop))

    def batch_of(self, step: int) -> Sequence[int]:
        """The rows that a step takes, by their numbers from 0, in its order."""
        work = self.work
        epoch, in_epoch = divmod(step, work.steps_per_epoch)
        own = slice(in_epoch * work.per_step, (in_epoch + 1) * work.per_step)
        if not work.shape.shuffled:
            return range(work.rows)[own]
        rows: list[int] = order_of_epoch(work.seed, epoch, work.rows, work.by_blocks)[own].tolist()
        return rows

    def on_host(self, state: TrainingState) -> TrainingState:
        """The state as floats and NumPy's arrays, wherever its numbers are."""
        return self.loop.on_host(state)

    def _last_good(self, state: TrainingState) -> TrainingState:
        """The state before the first bad step: finite parameters at which the cost is finite too.

        A step may end at finite parameters from which nothing can be computed. That step is the bad one, and what came
        before it is computed again, from the last state that was passed before it.
        """
        candidate = state
        for step in range(state.step, max(state.step - MOST_BACK, -1), -1):
            if step < state.step:
                before = next((s for s in reversed(self.passed) if s.step <= step), None) or self.start()
                candidate = before if before.step == step else self._run_to(before, step)
            if cost_is_finite(self.work.program, self.work.columns, self.on_host(candidate).parameters):
                return candidate
        return state

    def _run_to(self, state: TrainingState, step: int) -> TrainingState:
        while state.step < step:
            state = self._run(state, self._end_of_slice(state, step))[0]
        return state

    def _end_of_slice(self, state: TrainingState, last_step: int) -> int:
        """Where the loop returns at the latest: with a rate that follows the loss, after each epoch."""
        end = min(last_step, self.loop.last_step_of_slice(state, last_step - state.step))
        return end if self.plateau is None else min(end, (state.epoch + 1) * self.work.steps_per_epoch)

    def _run(self, state: TrainingState, last_step: int) -> tuple[TrainingState, Array, Stopped]:
        """What the loop makes of a state; after an epoch, the rate falls where its loss says so."""
        new, rows, why = self.loop.run(state, last_step)
        if self.plateau is not None and new.epoch > state.epoch:
            loss = self.epoch_loss(self.problem.parameters_at(self.on_host(new)))
            new = replace(new, plateau=self.plateau.after(new.plateau, loss))
        return new, rows, why

    def history(self, values: Array, state: TrainingState) -> History:
        """The history of a training that stands at `state`, from all the rows of `advance`."""
        return history_of(self.problem, self.work.rows, values, state)


def history_of(problem: Problem, rows: int, values: Array, state: TrainingState) -> History:
    """The history of a training on `rows` samples that stands at `state`, from all the rows of `advance`.

    An epoch that was cut short has a row of its own.
    """
    program, s = problem.descended, problem.settings
    per_epoch = -(-max(rows, 1) // min(s.batch_size or max(rows, 1), max(rows, 1)))
    values = values[: state.step if s.record == "step" else state.epoch]
    unfinished = s.record == "epoch" and state.start > 0
    if unfinished:
        longer = RecordedRows(values.shape[1])
        longer.add(values)
        longer.add(np.array([_row_of_unfinished_epoch(program, state)]))
        values = longer.values()
    by_step, shape = s.record == "step", (len(values),)
    epoch = like(values, shape, np.int64, lambda a, b: np.arange(a, b) // (per_epoch if by_step else 1))
    stride = 1 if by_step else per_epoch
    step = like(values, shape, np.int64, lambda a, b: stride * np.arange(1 + a, 1 + b) - 1)
    if unfinished:
        step[-1] = state.step - 1
    history = History(recorded_parameters(program), s.record, epoch, step, values)
    return history if problem.rescaling is None else problem.rescaling.history(history)


def work_of(problem: Problem, execution: Execution, side_by_side: bool = False) -> Work:
    """What a problem makes a loop do; with `side_by_side`, a loop for several runs."""
    s, program = problem.settings, problem.descended
    columns, rows = problem.columns, problem.rows
    on_arrays = program.of_arrays or execution.on_arrays
    if on_arrays and not are_on_disk(columns):
        columns = tuple(inputs_from(program, columns))
    namespace = "numpy" if execution.device is None else "torch"
    shape = replaced(loop_shape(s, rows, on_arrays, namespace), side_by_side=side_by_side)
    per_step = (s.batch_size or 1) if shape.batch in (Batch.ONE, Batch.SOME) else max(rows, 1)
    source_of = array_train_source if on_arrays else runs_source if side_by_side else train_source
    limits = problem.limits
    return Work(
        program,
        shape,
        source_of(program, shape),
        columns,
        per_step,
        limits.steps,
        -math.inf if limits.until_loss is None else limits.until_loss,
        limits.tol,
        execution.threads or cores(),
        s.fast,
        s.seed,
        s.shuffle == BLOCKS,
        execution.device,
        execution.cluster,
    )


def loop_shape(settings: Settings, rows: int, on_arrays: bool, namespace: str = "numpy") -> LoopShape:
    """The loop that these settings make over so many rows; `on_arrays` for whole batches."""
    shape = shape_of(rows, settings.batch_size, on_arrays)
    return replaced(
        shape,
        shuffled=bool(settings.shuffle) and shape.batch in (Batch.ONE, Batch.SOME),
        record=settings.record,
        stops_on_change=settings.tol is not None,
        dtype=settings.dtype,
        namespace=namespace,
    )


def _row_of_unfinished_epoch(program: Program, state: TrainingState) -> tuple[float, ...]:
    """A row for an epoch that was cut short: the mean loss of the rows that it saw."""
    time = {STEP: float(state.step - 1), EPOCH: float(state.epoch), REDUCTION: state.reduction}
    lr = evaluate(program.rate, time)
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float(np.sum(np.multiply(g, g))) for g in state.gradient))
    numbers = () if program.of_arrays else (*state.parameters, *state.gradient)
    return (state.epoch_loss / state.start, norm, lr, *numbers)
