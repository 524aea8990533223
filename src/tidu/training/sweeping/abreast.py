"""Runs abreast: many settings of one program, trained side by side in one pass of the compiled loop.

The runs differ in their learning rates and in where they start; data, batches and bounds are the same. Each has the
bits that `tidu.fit` gives it alone. Called by `sweep`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.scalar_loop import Stopped
from tidu.runtime.summation import LANES
from tidu.training.judging.evaluation import cost_of
from tidu.training.loops.compiled_loops import CompiledLoop
from tidu.training.problem import Limits
from tidu.training.state import TrainingState
from tidu.training.training import MOST_BACK, MOST_GROWTH, SLICE, Budget
from tidu.training.work import Work

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
FIRST_SLICE_SAMPLES = 20_000_000  # of all runs
MOST_RECORDED = 4_000_000  # losses held at once
PARTS_A_THREAD = 4  # so that threads whose runs stop early take over from the others


@dataclass(frozen=True)
class Standing:
    """Where some runs stand, all at the same step: a column of each array for each run."""

    position: TrainingState  # without parameters and optimizer state, which each run has its own of
    runs: Numbers  # which they are
    lr: Array
    parameters: Array  # (parameters, runs)
    optimizer: Array  # (state, runs)
    epoch_loss: Array  # (runs,), the sum over this epoch's samples so far
    loss: Array  # (runs,), the mean of the last whole epoch

    def of(self, chosen: npt.NDArray[Any]) -> Standing:
        """Some of the runs, in arrays of their own."""
        return replace(
            self,
            runs=self.runs[chosen],
            lr=self.lr[chosen],
            parameters=self.parameters[:, chosen],
            optimizer=self.optimizer[:, chosen],
            epoch_loss=self.epoch_loss[chosen],
            loss=self.loss[chosen],
        )


@dataclass(frozen=True)
class Ends:
    """How runs ended: an entry, or a column, for each."""

    parameters: Array  # (parameters, runs)
    loss: Array  # as `Run.loss`
    stopped: list[str]
    epochs: Numbers
    steps: Numbers
    curves: Array  # (runs, points): the losses of some epochs; nan where a run had stopped


class RunsAbreast(CompiledLoop):
    """The compiled loop for groups of eight runs, shared by threads."""

    def __init__(self, work: Work, limits: Limits, budget: Budget = SLICE) -> None:
        super().__init__(work)
        self.limits, self.budget = limits, budget
        self.slice_steps = 0  # until it is known how many runs there are
        self.threads = ThreadPoolExecutor(max(1, work.threads - 1), thread_name_prefix="tidu")

    def function_of(self, source: str) -> Callable[..., Any]:
        from tidu.engines.compiler.calls import compiled

        return compiled(source, "train_runs", self.work.fast)

    def close(self) -> None:
        super().close()
        self.threads.shutdown()

    def advance(self, at: Standing, budget: Budget) -> tuple[Standing, Numbers, Array]:
        """All runs some steps further: see `run_to` for what comes of it, and `Training.advance` for budgets."""
        began = time.perf_counter()
        wanted = budget.steps
        if wanted is None:
            self.slice_steps = self.slice_steps or max(1, FIRST_SLICE_SAMPLES // (self.work.per_step * len(at.runs)))
            most = max(1, MOST_RECORDED // len(at.runs)) * self.work.steps_per_epoch
            wanted = min(self.slice_steps, most)
        last_step = min(self.limits.steps, self.last_step_of_slice(at.position, wanted))
        assert last_step > at.position.step, "a slice makes at least one step"
        new, ended, histories = self.run_to(at, last_step)
        if budget.seconds is not None:
            taken = max(time.perf_counter() - began, 1e-6)
            growth = min(MOST_GROWTH, max(0.25, budget.seconds / taken))
            self.slice_steps = max(1, int((last_step - at.position.step) * growth))
        return new, ended, histories

    def run_to(self, at: Standing, last_step: int) -> tuple[Standing, Numbers, Array]:
        """All runs to `last_step`, or until each stops.

        Returns where they are then; for each run the reason (of `Stopped`), epoch, step, start and rows of its end;
        and the losses of the epochs, of shape (groups, rows, 8). The common position is that of the runs that go on.
        """
        work, position, count = self.work, at.position, len(at.runs)
        per_epoch = work.steps_per_epoch
        drawn = self.drawn_for(position, last_step)
        groups = -(-count // LANES)
        places = np.minimum(np.arange(groups * LANES), count - 1)
        ends = np.zeros((count, 5), dtype=np.int64)
        histories = np.empty((groups, (last_step - position.step) // per_epoch + 1, LANES))
        new = at.of(np.arange(count))
        checked = np.empty(count)
        values = self.fixed | drawn

        def train(first: int, last: int) -> None:
            self.train(
                values["columns"], values["first_row"], values["rows"],
                values.get("orders", np.zeros((1, 1), dtype=np.int64)), work.per_step, new.lr,
                new.parameters, new.optimizer, (position.epoch, position.step, position.start), new.epoch_loss,
                checked, last_step, work.until_loss, math.nan if work.tol is None else work.tol, histories, places,
                ends, first, last,
            )  # fmt: skip

        self._shared(train, groups)
        epoch, in_epoch = divmod(last_step, per_epoch)
        ends[ends[:, 0] == 0, 1:] = (epoch, last_step, in_epoch * work.per_step, epoch - position.epoch)
        k, rows = np.arange(count), ends[:, 4]
        loss = np.where(rows > 0, histories[k // LANES, rows - 1, k % LANES], at.loss)
        there = replace(position, epoch=epoch, step=last_step, start=in_epoch * work.per_step)
        return replace(new, position=there, loss=loss), ends, histories

    def _shared(self, train: Callable[[int, int], None], groups: int) -> None:
        """Call `train` on parts of the groups, each by the thread that is free."""
        parts = min(groups, self.work.threads * PARTS_A_THREAD if self.work.threads > 1 else 1)
        bounds = [k * groups // parts for k in range(parts + 1)]
        left = pairwise(bounds)  # whoever is done takes the next

        def work() -> None:
            for first, last in left:
                train(first, last)

        others = [self.threads.submit(work) for _ in range(min(self.work.threads, parts) - 1)]
        try:
            work()
        finally:
            for other in others:
                other.result()


def abreast(
    loop: RunsAbreast,
    rates: Array,
    starts: Array,
    curve_epochs: Numbers,
    progress: Callable[[int, float], None],
) -> Ends:
    """Train all runs: their learning rates of shape (runs,) and first values of shape (parameters, runs).

    `curve_epochs` says of which epochs to keep the loss, from 0 and in order. `progress` is called with the steps
    done, of all runs, and the lowest loss.
    """
    work = loop.work
    count = starts.shape[1]
    starts = starts.astype(np.float64)
    constants = [np.full((1, count), start) for _symbol, _new, start in work.program.new_state]
    before = [starts] if work.shape.stops_on_change else []  # as `state_at_start` has it for one run
    at = Standing(
        TrainingState(()),
        np.arange(count),
        rates,
        starts,
        np.vstack([np.empty((0, count)), *constants, *before]),
        np.zeros(count),
        np.full(count, math.nan),
    )
    ends = Ends(
        starts.copy(),
        np.full(count, math.nan),
        [loop.limits.bound] * count,
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.full((count, len(curve_epochs)), math.nan),
    )
    with closing(loop):
        _train(loop, at, ends, curve_epochs, progress)
    ends.curves[ends.epochs[:, np.newaxis] <= curve_epochs] = math.nan  # after a divergence, some are taken back
    return ends


def _train(
    loop: RunsAbreast, at: Standing, ends: Ends, curve_epochs: Numbers, progress: Callable[[int, float], None]
) -> None:
    """Advance until all runs have stopped; fills `ends`."""
    work = loop.work
    earlier: deque[Standing] = deque(maxlen=2 * MOST_BACK)  # where the last slices began
    cost = cost_of(work.program, work.columns, calls=MOST_BACK)
    try:
        while len(at.runs) and at.position.step < loop.limits.steps:
            earlier.append(at)
            new, ended, histories = loop.advance(at, loop.budget)
            first, last = np.searchsorted(curve_epochs, (at.position.epoch, new.position.epoch))
            shown = histories[:, curve_epochs[first:last] - at.position.epoch].swapaxes(1, 2)
            shown = shown.reshape(len(histories) * LANES, last - first)
            ends.curves[at.runs, first:last] = shown[: len(at.runs)]
            _end(new, ended, ends)
            for k in np.flatnonzero(ended[:, 0] == Stopped.DIVERGED):
                _step_back(loop, earlier, int(new.runs[k]), ends, cost)
            at = new.of(ended[:, 0] == Stopped.GOING)
            progress(int(ends.steps.sum()), float(np.min(ends.loss, initial=math.inf, where=ends.loss == ends.loss)))
    except KeyboardInterrupt:  # the slice that it hit is lost, the state before it is not
        for run in at.runs:
            ends.stopped[run] = "interrupted"


def _end(at: Standing, ended: Numbers, ends: Ends) -> None:
    """Write down where the runs are."""
    runs = at.runs
    ends.parameters[:, runs] = at.parameters
    ends.epochs[runs], ends.steps[runs], start = ended[:, 1], ended[:, 2], ended[:, 3]
    with np.errstate(all="ignore"):
        ends.loss[runs] = np.where(start > 0, at.epoch_loss / start, at.loss)
    for run, why in zip(runs.tolist(), ended[:, 0].tolist(), strict=True):
        if why != Stopped.GOING:
            ends.stopped[run] = Stopped(why).name.lower()


def _step_back(
    loop: RunsAbreast, earlier: Sequence[Standing], run: int, ends: Ends, cost: Callable[[Sequence[float]], float]
) -> None:
    """End a diverged run at the last step before at which the cost is finite, as `descent` does."""
    step = int(ends.steps[run])
    if math.isfinite(cost(ends.parameters[:, run].tolist())):
        return
    for target in range(step - 1, max(step - MOST_BACK, -1), -1):
        from_here = [at for at in earlier if at.position.step <= target]
        if not from_here:
            return
        at = from_here[-1].of(from_here[-1].runs == run)
        ended = np.array([[0, at.position.epoch, at.position.step, at.position.start, 0]])
        if at.position.step < target:
            at, ended, _histories = loop.run_to(at, target)
        if math.isfinite(cost(at.parameters[:, 0].tolist())):
            ended[0, 0] = Stopped.DIVERGED
            _end(at, ended, ends)
            return
