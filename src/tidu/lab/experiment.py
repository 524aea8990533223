"""`Experiment`: a training that can be looked at at any step, forward and back.

Where it stands is a function of the step alone: `at(step)` comes to the same bits from whichever state was kept nearest
before it. So going back is going forward from an earlier state, and no second record of a run exists.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.optimizers import optimizer_named
from tidu.engines.scalar_loop import recorded_parameters
from tidu.engines.trace import Trace
from tidu.errors import SettingError
from tidu.insight.explain import Explainer, ToldStep, rows_to_trace
from tidu.text import _
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.solving.network import objective_of
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import on_enough_rows
from tidu.training.solving.stability import LinearRule, linear_rule
from tidu.training.state import TrainingState
from tidu.training.training import Advance, Budget, Execution, Training, history_of

Array = npt.NDArray[np.float64]
MOST_KEPT = 2000  # states; beyond, every other one is let go of
MOST_BYTES = 64_000_000  # that kept states may take
MOST_ROWS = 100_000  # rows of history; beyond, every other one is let go of
MOST_COLUMNS = 24  # of wide data, that a table and an explanation show
SLICES = 50  # of a long way: so many states are kept on it, from which one can go back quickly


class Unwanted(SettingError):
    """Nobody waits any more for what is being computed."""


@dataclass(frozen=True)
class Moment:
    """Where an experiment stands: the state before step `step`, and why it goes no further, else empty."""

    step: int
    state: TrainingState
    why: str
    parameters: dict[str, Any]  # of the formula, by name


class Track:
    """The history by steps, thinned as it grows: `steps[k]` is how many steps were done, `values[k]` its row."""

    def __init__(self, width: int) -> None:
        self.stride = 1
        self.steps = np.empty(0, dtype=np.int64)
        self.values = np.empty((0, width))

    def add(self, first: int, rows: Array) -> None:
        """The rows of the steps from `first` on, as `advance` gave them; those that are known already are not new."""
        steps = first + 1 + np.arange(len(rows), dtype=np.int64)
        new = steps % self.stride == 0
        if len(self.steps):
            new &= steps > self.steps[-1]
        self.steps = np.concatenate([self.steps, steps[new]])
        self.values = np.concatenate([self.values, rows[new]])
        while len(self.steps) > MOST_ROWS:
            self.stride *= 2
            kept = self.steps % self.stride == 0
            self.steps, self.values = self.steps[kept], self.values[kept]

    def between(self, after: int, until: int, most: int) -> tuple[npt.NDArray[np.int64], Array]:
        """At most `most` rows of the steps in (after, until], evenly spread, the last among them."""
        low, high = np.searchsorted(self.steps, [after, until], side="right")
        chosen = np.arange(low, high)
        if len(chosen) > most:
            chosen = np.unique(np.linspace(low, high - 1, most).round().astype(np.int64))
        return self.steps[chosen], self.values[chosen]


class Experiment:
    """A problem whose training can be looked at at any step.

    Parameters
    ----------
    problem : without bounds on epochs or steps of its own; a row of history for each step.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.training = Training(problem, Execution())
        start = self.training.start()
        self.kept: dict[int, TrainingState] = {0: start}
        self.track = Track(self.training.loop.width)
        self.cost: Callable[[Sequence[Any]], float] | None = None  # over all rows; `views` makes it when it is asked
        self.end: int | None = None  # the step behind which there is nothing
        self.why = ""
        self.batch: tuple[int, Sequence[int]] | None = None  # of which step, and its rows
        self.ended = False  # whether nobody waits for it any more

    def close(self) -> None:
        """Let go of the loop's threads."""
        self.training.loop.close()

    @property
    def of_function(self) -> bool:
        """Whether a function is minimised as it stands, and nothing is predicted."""
        return self.problem.formula is None

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one pass over the data."""
        return self.training.work.steps_per_epoch

    def toward(self, step: int, seconds: float = math.inf) -> Moment:
        """The moment at `step`, or as far on the way as `seconds` allow (one slice at least), or where it ends."""
        wanted = step if self.end is None else min(step, self.end)
        began = time.perf_counter()
        near = max(k for k in self.kept if k <= wanted)
        state, slice_steps = self.kept[near], max(1, (wanted - near) // SLICES)
        while state.step < wanted:
            budget = Budget(min(slice_steps, wanted - state.step), None if math.isinf(seconds) else seconds / 4)
            before = state
            advanced: Advance = self.training.advance(state, budget)
            state = advanced.state
            self.track.add(before.step, advanced.rows)
            if advanced.why:
                self.end, self.why = state.step, advanced.why
                self._keep(state)
                break
            assert state.step > before.step, "an experiment goes on"
            self._keep(state)
            if self.ended or time.perf_counter() - began >= seconds:
                break
        return self.moment(state)

    def check_wanted(self) -> None:
        """Raise `Unwanted` once nobody waits for what is being computed."""
        if self.ended:
            raise Unwanted(_("nobody waits for this any more"))

    def moment(self, state: TrainingState) -> Moment:
        """What is to be said of a state."""
        own = self.training.on_host(state)
        values = self.problem.parameters_at(own)
        named = dict(zip(self.problem.program.parameter_names, values, strict=True))
        return Moment(state.step, own, self.why if state.step == self.end else "", named)

    def _keep(self, state: TrainingState) -> None:
        self.kept[state.step] = state
        size = sum(np.size(v) for many in (state.parameters, state.optimizer, state.gradient) for v in many) * 8
        if len(self.kept) > MOST_KEPT or len(self.kept) * size > MOST_BYTES:
            steps = sorted(self.kept)
            keep = {0, steps[-1], *steps[::2]}
            self.kept = {k: self.kept[k] for k in steps if k in keep}

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """The parameters that a row of the history has, behind loss, length of the gradient and rate."""
        return recorded_parameters(self.problem.descended)

    @cached_property
    def objective(self) -> Objective:
        """The cost, for its curvature; of a large network on some of its rows."""
        return on_enough_rows(objective_of(self.problem.descended, self.problem.columns))

    @cached_property
    def linear_rule(self) -> LinearRule | None:
        """The optimizer's rule as a matrix, which says what learning rate is too large; None where it is not linear."""
        return linear_rule(optimizer_named(self.problem.settings.optimizer))

    @cached_property
    def limit_at_one(self) -> float:
        """The learning rate that a curvature of 1 allows; inf where there is no limit."""
        return math.inf if self.linear_rule is None else self.linear_rule.limit(1.0)

    @cached_property
    def explainer(self) -> Explainer:
        """What tells its steps."""
        return Explainer(self.problem, MOST_COLUMNS)

    def told(self, moment: Moment, row: int | None) -> tuple[Trace, ToldStep]:
        """The update that begins at a moment, with the values of a row of its batch, or of the first."""
        batch = self.batch_at(moment.step)
        chosen = tuple(batch[:1]) if row is None else (row,)
        trace = self.training.trace(moment.state, rows_to_trace(batch, chosen))
        return trace, self.explainer.told(self.run(moment, 1), trace, chosen)

    def run(self, moment: Moment, most: int = MOST_ROWS) -> Run:
        """The run that ends at this moment: what explains, diagnoses, exports and keeps it takes one.

        `most` is how many rows its history may have.
        """
        problem = replace(self.problem, settings=replace(self.problem.settings, epochs=None, steps=max(1, moment.step)))
        _steps, rows = self.track.between(0, moment.step, most)
        engine = self.training.engine
        return Run(
            problem, moment.state, history_of(problem, problem.rows, rows, moment.state), moment.why or "steps",
            problem.rows, 0.0, self.training.source, engine.name, engine.reason, notes=problem.notes,
        )  # fmt: skip

    def batch_at(self, step: int) -> Sequence[int]:
        """The rows that feed the update that begins at `step`."""
        if self.batch is None or self.batch[0] != step:  # several views ask for that of one step
            self.batch = (step, self.training.batch_of(step))
        return self.batch[1]
