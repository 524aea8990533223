"""The descent itself: the generated loop run in slices, until a bound, a bad step or the user ends it.

The state of a training is one plain value, `TrainingState`; a slice takes one and gives the next, and never less than
whole steps. What a slice computes does not depend on where the slices are cut.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.content.schedules import EPOCH, STEP
from tidu.engines.array_loop import array_train_source
from tidu.engines.program import Program
from tidu.engines.scalar_loop import (
    SUMMED_FROM,
    Batch,
    LoopShape,
    Stopped,
    recorded_parameters,
    state_at_start,
    train_source,
)
from tidu.engines.side_by_side import runs_source
from tidu.language.expr import evaluate
from tidu.training.descents.engines import Engine, engine_for, for_engine, loop_of
from tidu.training.descents.loops import Loop, TrainingState, Work, cores
from tidu.training.history import History
from tidu.training.judging.evaluation import cost_is_finite, inputs_from

Array = npt.NDArray[np.float64]
SLICE_SECONDS = 0.1  # short enough for a smooth progress bar and a prompt Ctrl-C, long enough to cost nothing
FIRST_SLICE_SAMPLES = {"python": 20_000, "compiled": 1_000_000, "array": 10_000}
MOST_GROWTH = 16.0  # from one slice to the next
MOST_BACK = 8  # steps to go back, at most, for a point at which the cost is finite


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
    engine: Engine


Progress = Callable[[int, int, float], None]  # steps done, steps in all, the last loss


def batch_of(rows: int, batch_size: int | None) -> Batch:
    """The shape of loop for this batch size."""
    if rows == 0:
        return Batch.NONE
    if batch_size is None or batch_size >= rows:
        return Batch.ALL
    return Batch.ONE if batch_size == 1 else Batch.SOME


def work_of(
    program: Program,
    columns: Sequence[npt.NDArray[np.float64]],
    limits: Limits,
    batch_size: int | None = None,
    shuffle: bool = False,
    record: str = "epoch",
    threads: int | None = None,
    dtype: str = "float64",
    fast: bool = False,
    side_by_side: bool = False,
    seed: int = 0,
    engine: str = "auto",
    device: str | None = None,
) -> Work:
    """What these arguments of `descend` make a loop do; with `side_by_side`, a loop for several runs."""
    rows = len(columns[0]) if columns else 0
    batch = batch_of(rows, batch_size)
    mini = batch in (Batch.ONE, Batch.SOME)
    on_arrays = program.of_arrays or engine == "array" or device is not None
    if on_arrays:
        batch = Batch.SOME if mini else batch
        columns = inputs_from(program, columns)
    per_step = {Batch.ONE: 1, Batch.SOME: batch_size or 1}.get(batch, max(rows, 1))
    summed = per_step >= SUMMED_FROM and not on_arrays
    namespace = "numpy" if device is None else "torch"
    shape = LoopShape(batch, shuffle and mini, record, limits.tol is not None, summed, dtype, side_by_side, namespace)
    source_of = array_train_source if on_arrays else runs_source if side_by_side else train_source
    return Work(
        program,
        shape,
        source_of(program, shape),
        columns,
        per_step,
        limits.steps,
        -math.inf if limits.until_loss is None else limits.until_loss,
        limits.tol,
        threads or cores(),
        fast,
        seed,
        device,
    )


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
    threads: int | None = None,
    dtype: str = "float64",
    fast: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> Descent:
    """Run the loop of `program` on columns, each of shape (rows,), in the order of `program.columns`.

    `engine` is `python`, `compiled` or `auto`, and `threads` how many may share a step, by default one a core; whatever
    they are, the result has the same bits. `dtype="float32"` and `fast` give other bits, and are compiled. With
    `engine="array"`, or with a `device`, the loop is one on whole batches, whose last digits differ.
    """
    work = work_of(
        program, columns, limits, batch_size, shuffle, record, threads, dtype, fast,
        seed=seed, engine=engine, device=device,
    )  # fmt: skip
    state = TrainingState(
        tuple(p if np.ndim(p) else float(p) for p in parameters),
        state_at_start(program, work.shape, parameters),
        random=np.random.default_rng(seed).bit_generator.state,
    )
    chosen = engine_for(engine, work)
    work = for_engine(chosen.name, work)
    began = time.perf_counter()
    with closing(loop_of(chosen.name, work)) as loop:
        first_slice = max(1, FIRST_SLICE_SAMPLES[chosen.name] // work.per_step)
        state, history, stopped = _descended(loop, state, limits, first_slice, progress)
    return Descent(state, history, stopped, time.perf_counter() - began, work.source, chosen)


def _descended(
    loop: Loop, state: TrainingState, limits: Limits, slice_steps: int, progress: Progress | None
) -> tuple[TrainingState, History, str]:
    """The state at the end, the whole history, and the word for why it ended."""
    work = loop.work
    recorded: list[Array] = [np.empty((0, loop.width))]
    earlier: deque[TrainingState] = deque(maxlen=2 * MOST_BACK)  # where the last slices began
    stopped = ""
    try:
        while not stopped:
            slice_began = time.perf_counter()
            last_step = min(limits.steps, loop.last_step_of_slice(state, slice_steps))
            assert last_step > state.step or state.step >= limits.steps, "a slice makes at least one step"
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
            slice_steps = max(1, int(done * min(MOST_GROWTH, max(0.25, SLICE_SECONDS / max(taken, 1e-6)))))
    except KeyboardInterrupt:  # the slice that it hit is lost, the state before it is not
        stopped = stopped or "interrupted"
    values = np.concatenate(recorded)
    record = work.shape.record
    if stopped == "diverged":
        state = _last_good(loop, state, earlier)
        values = values[: state.step if record == "step" else state.epoch]
    state = loop.on_host(state)
    if record == "epoch" and state.start:
        values = np.vstack([values, _row_of_unfinished_epoch(work.program, state)])
    return state, _history(work.program, record, values, state, work.steps_per_epoch), stopped


def _last_good(loop: Loop, state: TrainingState, earlier: Sequence[TrainingState]) -> TrainingState:
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
        if cost_is_finite(loop.work.program, loop.work.columns, loop.on_host(candidate).parameters):
            return candidate
    return state


def _row_of_unfinished_epoch(program: Program, state: TrainingState) -> tuple[float, ...]:
    """A row for an epoch that was cut short: the mean loss of the rows that it saw."""
    lr = evaluate(program.rate, {STEP: float(state.step - 1), EPOCH: float(state.epoch)})
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float(np.sum(np.multiply(g, g))) for g in state.gradient))
    numbers = () if program.of_arrays else (*state.parameters, *state.gradient)
    return (state.epoch_loss / state.start, norm, lr, *numbers)


def _history(program: Program, record: str, values: Array, state: TrainingState, steps_per_epoch: int) -> History:
    k = np.arange(len(values), dtype=np.int64)
    epoch, step = (k // steps_per_epoch, k) if record == "step" else (k, (k + 1) * steps_per_epoch - 1)
    if record == "epoch" and state.start and len(values):
        step[-1] = state.step - 1
    return History(recorded_parameters(program), record, epoch, step, values)
