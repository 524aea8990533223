"""`lr="auto"`: a rate from the curvature, or where curvature sets no limit, from short trials.

Also the range test itself, which descends from the same start with one rate after another and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.optimizers import optimizer_named
from tidu.text import _
from tidu.training.descent import Descent, descend
from tidu.training.problem import Problem
from tidu.training.solving.network import objective_of
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import (
    FEWEST_ROWS,
    batch_curvature,
    largest_curvature,
    on_enough_rows,
    spectrum_of,
)
from tidu.training.solving.stability import LinearRule, linear_rule, safe_rate
from tidu.training.training import TRIAL_STEPS, Budget, Training

Array = npt.NDArray[np.float64]
LATE_POINTS = 8  # at which a trial's cost is looked at
RATES = tuple(float(f"{m}e{e}") for e in range(-6, 2) for m in (1, 3))  # 1e-6, 3e-6, ... 10, 30
NETWORK_TRIAL_STEPS = 40
NETWORK_RATES = RATES[4:-2]  # 1e-4 ... 3
STIFF = 1e4  # ratio of curvatures from which no rate is good for all directions


@dataclass(frozen=True)
class RangeTest:
    """Costs within the last half of `steps` steps from the same start, one for each rate; nan where it diverged.

    Of several points, the highest cost: a rate that throws the parameters about is not the best, wherever it ends.
    """

    rates: tuple[float, ...]
    costs: tuple[float, ...]
    start_cost: float
    steps: int

    @property
    def best(self) -> float | None:
        """The rate with the lowest cost; None where none came below the start."""
        finite = [(c, r) for c, r in zip(self.costs, self.rates, strict=True) if c < self.start_cost]
        return min(finite)[1] if finite else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rates": list(self.rates),
            "costs": list(self.costs),
            "start_cost": self.start_cost,
            "steps": self.steps,
            "best": self.best,
        }


def range_test(problem: Problem, rates: Sequence[float] = RATES, steps: int = TRIAL_STEPS) -> RangeTest:
    """Descend for a few steps with each rate, from the same start and over the same batches."""
    objective = on_enough_rows(objective_of(problem.program, problem.columns))
    trial = replace(problem, validation=None).changed(
        steps=steps, epochs=None, until_loss=None, tol=None, record="step", dtype="float64", fast=False,
        patience=None, min_improvement=0.0, plateau={},
    )  # fmt: skip
    costs = []
    for lr in rates:
        if problem.program.of_arrays:
            costs.append(_worst_on_the_way(objective, trial.changed(lr=lr), steps))
        else:
            end = descend(trial.changed(lr=lr))
            costs.append(math.nan if end.stopped == "diverged" else _worst_of_late(objective, end))
    return RangeTest(tuple(rates), tuple(costs), objective.cost(objective.flat(problem.start)), steps)


def _worst_of_late(objective: Objective, descent: Descent) -> float:
    h = descent.history
    rows = np.unique(np.linspace(len(h) // 2, len(h) - 1, LATE_POINTS).round().astype(int))
    points = np.column_stack([h[name] for name in h.parameters])[rows]
    return max(objective.cost(point) for point in points)


def _worst_on_the_way(objective: Objective, trial: Problem, steps: int) -> float:
    """The same of a network, whose history does not have its parameters."""
    worst = -math.inf
    with Training(trial) as training:
        state = training.start()
        for step in np.unique(np.linspace(steps // 2 + 1, steps, LATE_POINTS).round().astype(int)).tolist():
            state, _rows, why = training.advance(state, Budget(steps=step - state.step))
            if why == "diverged":
                return math.nan
            worst = max(worst, objective.cost(objective.flat(state.parameters)))
    return worst


def automatic_rate(problem: Problem) -> tuple[float, str]:
    """A rate for this problem, and the sentence that says where it comes from."""
    optimizer = optimizer_named(problem.settings.optimizer)
    rule = linear_rule(optimizer)
    if rule is not None:
        found = _from_curvature(problem, rule)
        if found is not None:
            return found
    test = _trials_of_a_network(problem) if problem.program.of_arrays else range_test(problem)
    if test.best is not None:
        return test.best, _("learning rate {lr:g}: the best of {count} in trials of {steps} steps each").format(
            lr=test.best, count=len(test.rates), steps=test.steps
        )
    return optimizer.default_lr, _(
        "learning rate {lr:g}, the default: neither the curvature at the start nor trials say anything better"
    ).format(lr=optimizer.default_lr)


def _trials_of_a_network(problem: Problem) -> RangeTest:
    """A range test that takes seconds: fewer steps, and steps of the whole set on no more rows than say enough."""
    assert problem.table is not None
    if problem.settings.batch_size is None and problem.rows > FEWEST_ROWS:
        rows = np.linspace(0, problem.rows - 1, FEWEST_ROWS).round().astype(np.intp)
        problem = replace(problem, table=problem.table.few(rows))
    return range_test(problem, NETWORK_RATES, NETWORK_TRIAL_STEPS)


def _from_curvature(problem: Problem, rule: LinearRule) -> tuple[float, str] | None:
    settings = problem.settings
    everything = objective_of(problem.descended, problem.columns)
    objective = on_enough_rows(everything)
    at = objective.flat(problem.descent_start)
    spectrum = None if problem.program.of_arrays else spectrum_of(objective, at)
    largest = largest_curvature(objective, at) if spectrum is None else float(np.max(np.abs(spectrum.values)))
    if largest is None:
        return None
    whole = settings.batch_size is None or settings.batch_size >= problem.rows
    curvature = batch_curvature(objective, at, largest, settings.batch_size)
    if not (math.isfinite(curvature) and curvature > 0.0):
        return None
    lr = safe_rate(rule, curvature)
    if not whole:  # what a rule adds up over several steps is allowed on the whole set, and not on noisy batches
        lr /= max(1.0, rule.gain(lr))
    if not whole:
        words = _("learning rate {lr:.6g} from the curvature at the start, safe for batches of {size}")
    elif lr * curvature < 1.0:
        words = _("learning rate {lr:.6g} from the curvature at the start: half the limit of {optimizer}")
    else:
        words = _("learning rate {lr:.6g} from the curvature at the start: 1/λmax, half the limit of gradient descent")
    said = words.format(lr=lr, size=settings.batch_size, optimizer=settings.optimizer_in_full)
    if objective is not everything:
        said += _(", as {rows} of the {all} rows show it").format(rows=objective.rows_count, all=problem.rows)
    if spectrum is not None and whole and not settings.scale and STIFF < spectrum.condition < math.inf:
        said += _(
            ". The flattest direction needs about {condition:.2g} steps for each that the steepest needs; --scale "
            "removes the difference, and --optimizer lm needs no rate"
        ).format(condition=spectrum.condition)
    return lr, said
