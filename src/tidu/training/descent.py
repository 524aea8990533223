"""A descent: a training advanced from its start to its end, with the callbacks told between two advances.

The one driver of every engine: timing, Ctrl-C, the rows of the history and the events are here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tidu.training.callbacks import (
    ONLY_ATTEMPT,
    Advanced,
    Attempt,
    Began,
    Diverged,
    Ended,
    EpochEnded,
    Listeners,
    Stop,
)
from tidu.training.early_stopping import EarlyStopping, Judged
from tidu.training.engine_choice import Engine
from tidu.training.history import History
from tidu.training.kept_states import stride_of
from tidu.training.problem import Problem
from tidu.training.recorded_rows import RecordedRows
from tidu.training.state import TrainingState
from tidu.training.training import Budget, Execution, Training

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Descent:
    """How a descent ended. `stopped` is epochs, steps, loss, converged, diverged, interrupted, or a callback's word.

    `state` is in the parameters of the descent, `history` in the user's. `judged` and `best`, the state of the lowest
    loss, are there where early stopping was asked for; `kept` are states on the way, of a long descent.
    """

    state: TrainingState
    history: History
    stopped: str
    seconds: float
    source: str
    engine: Engine
    rows: Array | None = None  # of the history, as the loop wrote them; None of a solver
    judged: Judged | None = None
    best: TrainingState | None = None
    kept: tuple[TrainingState, ...] = ()
    attempt: Attempt = ONLY_ATTEMPT
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Where a training was left: its state, and the rows of its history so far, of shape (rows, columns).

    `judged`, `best`, `kept` and `attempt` as in `Descent`.
    """

    state: TrainingState
    rows: Array
    judged: Judged | None = None
    best: TrainingState | None = None
    kept: tuple[TrainingState, ...] = ()
    attempt: Attempt = ONLY_ATTEMPT


def descend(
    problem: Problem,
    execution: Execution | None = None,
    listeners: Listeners | None = None,
    standing: Standing | None = None,
    attempt: Attempt = ONLY_ATTEMPT,
) -> Descent:
    """Train a problem from its start, or from where it stands, until a bound, a bad step, a callback or Ctrl-C ends it.

    Whatever the engine and the threads, the result has the same bits; `fast`, float32 and whole batches have others.
    """
    execution, listeners = execution or Execution(), listeners or Listeners()
    began = time.perf_counter()
    with Training(problem, execution) as training:
        known = () if standing is None else (standing.judged, standing.best)
        judge = EarlyStopping.of(training, *known)
        kept = [] if standing is None else list(standing.kept)
        state, values, stopped = _advanced_to_the_end(training, execution, listeners, standing, judge, kept, attempt)
        state = training.on_host(state)
        history = training.history(values, state)
        seconds = time.perf_counter() - began
        if stopped == "diverged":
            listeners.tell(Diverged(state.step + 1, state))
        listeners.tell(Ended(stopped, state, history))
        judged, best = (None, None) if judge is None else (judge.judged(state), judge.best)
        source, engine = training.source, training.engine
        told = training.loop.notes
        return Descent(
            state, history, stopped, seconds, source, engine, values, judged, best, tuple(kept), attempt, told
        )


def _advanced_to_the_end(
    training: Training,
    execution: Execution,
    listeners: Listeners,
    standing: Standing | None,
    judge: EarlyStopping | None,
    kept: list[TrainingState],
    attempt: Attempt,
) -> tuple[TrainingState, Array, str]:
    """The state at the end, the rows of the history, and the word for why it ended; states on the way go to `kept`."""
    stride = stride_of(training)
    most = training.limits.steps
    state, stopped, last_loss = training.start(), "", math.nan
    recorded = RecordedRows(training.loop.width)
    if standing is not None:
        state = standing.state
        recorded.add(standing.rows)
        last_loss = float(standing.rows[-1, 0]) if len(standing.rows) else last_loss
        stopped = training.limits.bound if state.step >= most else ""
    each_epoch = judge is not None or listeners.each_epoch
    enough: Stop | None = None  # which the judge of this descent says; one that is begun anew has another
    reached = state  # with all that is known of it
    try:
        since = 0 if judge is None else judge.since
        begun = Began(
            training.problem, state, most, training.engine.name, training.source, execution.device, since, attempt
        )
        known = 0 if judge is None else len(judge.losses)  # losses that the callbacks know of
        enough = None if judge is None else judge(begun)
        listeners.tell(begun)
        while not stopped and (listeners.stop or enough) is None:
            epoch = state.epoch
            budget = _to_the_end_of_the_epoch(training, state) if each_epoch else execution.slice
            state, rows, stopped = training.advance(state, _no_further(budget, stride - state.step % stride))
            recorded.add(rows)
            ended = None
            if each_epoch or listeners.callbacks:
                last_loss = float(rows[-1, 0]) if len(rows) else last_loss
                here = training.on_host(state)
                ended = EpochEnded(epoch, last_loss, here) if state.epoch > epoch else None
                if judge is not None and ended is not None:
                    enough = judge(ended)
            reached = state
            if not stopped and state.step % stride == 0:
                kept.append(training.on_host(state))
            if each_epoch or listeners.callbacks:
                advanced = Advanced(state.step, most, last_loss, here, rows)
                if judge is not None:
                    advanced = replace(advanced, judged=judge.losses[known:], best=judge.best)
                    known = len(judge.losses)
                listeners.tell(advanced)
                if ended is not None:
                    listeners.tell(ended)
        wish = listeners.stop or enough
        if not stopped and wish is not None:
            stopped = wish.reason
    except KeyboardInterrupt:  # the slice that it hit is lost, the state before it is not
        state, stopped = reached, "interrupted"
    return state, recorded.values(), stopped


def _no_further(budget: Budget, steps: int) -> Budget:
    return replace(budget, steps=steps if budget.steps is None else min(steps, budget.steps))


def _to_the_end_of_the_epoch(training: Training, state: TrainingState) -> Budget:
    per_epoch = training.work.steps_per_epoch
    return Budget(steps=per_epoch - state.step % per_epoch)
