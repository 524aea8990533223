"""A descent: a training advanced from its start to its end, with the callbacks told between two advances.

The one driver of every engine: timing, Ctrl-C, the rows of the history and the events are here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.training.callbacks import Advanced, Began, Diverged, Ended, EpochEnded, Listeners
from tidu.training.engine_choice import Engine
from tidu.training.history import History
from tidu.training.problem import Problem
from tidu.training.state import TrainingState
from tidu.training.training import Budget, Execution, Training

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Descent:
    """How a descent ended. `stopped` is epochs, steps, loss, converged, diverged, interrupted, or a callback's word.

    `state` is in the parameters of the descent, `history` in the user's.
    """

    state: TrainingState
    history: History
    stopped: str
    seconds: float
    source: str
    engine: Engine
    rows: Array | None = None  # of the history, as the loop wrote them; None of a solver


@dataclass(frozen=True)
class Standing:
    """Where a training was left: its state, and the rows of its history so far, of shape (rows, columns)."""

    state: TrainingState
    rows: Array


def descend(
    problem: Problem,
    execution: Execution | None = None,
    listeners: Listeners | None = None,
    standing: Standing | None = None,
) -> Descent:
    """Train a problem from its start, or from where it stands, until a bound, a bad step, a callback or Ctrl-C ends it.

    Whatever the engine and the threads, the result has the same bits; `fast`, float32 and whole batches have others.
    """
    execution, listeners = execution or Execution(), listeners or Listeners()
    began = time.perf_counter()
    with Training(problem, execution) as training:
        state, values, stopped = _advanced_to_the_end(training, execution, listeners, standing)
        state = training.on_host(state)
        history = training.history(values, state)
        seconds = time.perf_counter() - began
        if stopped == "diverged":
            listeners.tell(Diverged(state.step + 1, state))
        listeners.tell(Ended(stopped, state, history))
        return Descent(state, history, stopped, seconds, training.source, training.engine, values)


def _advanced_to_the_end(
    training: Training, execution: Execution, listeners: Listeners, standing: Standing | None
) -> tuple[TrainingState, Array, str]:
    """The state at the end, the rows of the history, and the word for why it ended."""
    most = training.limits.steps
    state, stopped, last_loss = training.start(), "", math.nan
    recorded: list[Array] = [np.empty((0, training.loop.width))]
    if standing is not None:
        state = standing.state
        recorded.append(standing.rows)
        last_loss = float(standing.rows[-1, 0]) if len(standing.rows) else last_loss
        stopped = training.limits.bound if state.step >= most else ""
    try:
        listeners.tell(Began(training.problem, state, most, training.engine.name, training.source, execution.device))
        while not stopped and listeners.stop is None:
            epoch = state.epoch
            budget = _to_the_end_of_the_epoch(training, state) if listeners.each_epoch else execution.slice
            state, rows, stopped = training.advance(state, budget)
            recorded.append(rows)
            if listeners.callbacks:
                last_loss = float(rows[-1, 0]) if len(rows) else last_loss
                listeners.tell(Advanced(state.step, most, last_loss, training.on_host(state), rows))
                if state.epoch > epoch:
                    listeners.tell(EpochEnded(epoch, last_loss, training.on_host(state)))
        if not stopped and listeners.stop is not None:
            stopped = listeners.stop.reason
    except KeyboardInterrupt:  # the slice that it hit is lost, the state before it is not
        stopped = stopped or "interrupted"
    return state, np.concatenate(recorded), stopped


def _to_the_end_of_the_epoch(training: Training, state: TrainingState) -> Budget:
    per_epoch = training.work.steps_per_epoch
    return Budget(steps=per_epoch - state.step % per_epoch)
