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
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import batch_curvature, spectrum_of
from tidu.training.solving.stability import LinearRule, linear_rule, safe_rate

Array = npt.NDArray[np.float64]
TRIAL_STEPS = 100
LATE_POINTS = 8  # at which a trial's cost is looked at
RATES = tuple(float(f"{m}e{e}") for e in range(-6, 2) for m in (1, 3))  # 1e-6, 3e-6, ... 10, 30
STIFF = 1e4  # ratio of curvatures from which no rate is good for all directions
SMALLER = 0.25  # by how much a rate is taken back that diverges after all


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
    objective = Objective(problem.program, problem.columns)
    trial = replace(problem, validation=None).changed(
        steps=steps, epochs=None, until_loss=None, tol=None, record="step", dtype="float64", fast=False,
        patience=None, min_improvement=0.0,
    )  # fmt: skip
    costs = []
    for lr in rates:
        end = descend(trial.changed(lr=lr))
        costs.append(math.nan if end.stopped == "diverged" else _worst_of_late(objective, end))
    return RangeTest(tuple(rates), tuple(costs), objective.cost(np.array(problem.start, dtype=np.float64)), steps)


def _worst_of_late(objective: Objective, descent: Descent) -> float:
    h = descent.history
    rows = np.unique(np.linspace(len(h) // 2, len(h) - 1, LATE_POINTS).round().astype(int))
    points = np.column_stack([h[name] for name in h.parameters])[rows]
    return max(objective.cost(point) for point in points)


def automatic_rate(problem: Problem) -> tuple[float, str]:
    """A rate for this problem, and the sentence that says where it comes from."""
    optimizer = optimizer_named(problem.settings.optimizer)
    rule = linear_rule(optimizer)
    if rule is not None:
        found = _from_curvature(problem, rule)
        if found is not None:
            return found
    test = range_test(problem)
    if test.best is not None:
        return test.best, _("learning rate {lr:g}: the best of {count} in trials of {steps} steps each").format(
            lr=test.best, count=len(test.rates), steps=test.steps
        )
    return optimizer.default_lr, _(
        "learning rate {lr:g}, the default: neither the curvature at the start nor trials say anything better"
    ).format(lr=optimizer.default_lr)


def _from_curvature(problem: Problem, rule: LinearRule) -> tuple[float, str] | None:
    settings = problem.settings
    objective = Objective(problem.descended, problem.columns)
    at = np.array(problem.descent_start, dtype=np.float64)
    spectrum = spectrum_of(objective, at)
    if spectrum is None:
        return None
    largest = float(np.max(np.abs(spectrum.values)))
    whole = settings.batch_size is None or settings.batch_size >= objective.rows_count
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
    if whole and not settings.scale and STIFF < spectrum.condition < math.inf:
        said += _(
            ". The flattest direction needs about {condition:.2g} steps for each that the steepest needs; --scale "
            "removes the difference, and --optimizer lm needs no rate"
        ).format(condition=spectrum.condition)
    return lr, said
