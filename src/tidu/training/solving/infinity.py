"""Optima that only a limit would reach: a cost that falls for ever while parameters grow.

Classes that a model tells apart without a mistake want scores of ±∞ (Albert & Anderson 1984); a saturating curve on
data that do not saturate wants an infinite ceiling. Read by the solvers, which then stop looking, and by what they say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.simplify import ZERO
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Passes

Array = npt.NDArray[np.float64]
GROWTH = 10.0  # of a parameter, while the cost falls by less than LITTLE of itself: on its way to infinity
LITTLE = 1e-3
LEVEL = 1e-9  # share of a cost by which it differs from another that is the same
MOST_CELLS = 200_000  # rows × parameters of a linear programme that takes well under a second
CERTAIN = 12.0  # a score whose probability is 1 to five decimals and more


def runaways(passes: Passes, names: Sequence[str]) -> tuple[str, ...]:
    """The parameters that grew and grew near the end of the way, and changed next to nothing by it."""
    if len(passes.points) < 3:
        return ()
    end, cost = passes.points[-1].tolist(), passes.costs[-1]
    near = next(k for k, c in enumerate(passes.costs) if c <= cost + LITTLE * abs(cost))
    before = passes.points[near].tolist()
    return tuple(
        name
        for name, last, first in zip(names, end, before, strict=True)
        if abs(last) > GROWTH * abs(first) > 0.0 and abs(last) > GROWTH
    )


def flat_further_out(objective: Objective, at: Array) -> tuple[str, ...]:
    """The parameters that fit as well where they are ten times as large, though not where they are 0.

    A cost of least squares is level beyond them: a step that is steep enough, a decay that is over at once.
    """
    if objective.is_linear or objective.program.of_arrays:
        return ()
    with np.errstate(all="ignore"):
        cost, further = objective.cost(at), objective.costs_apart(at, GROWTH * at)
        none = objective.costs_apart(at, np.zeros_like(at))
        same = np.abs(further - cost) <= LEVEL * (abs(cost) + LEVEL * np.abs(none))
        found = same & ~(np.abs(none - cost) <= np.maximum(LITTLE * abs(cost), LEVEL * np.abs(none)))
    names = objective.program.parameter_names
    return tuple(name for name, is_flat in zip(names, found, strict=True) if is_flat)


def is_separated(objective: Objective, at: Array) -> bool:
    """Whether a logistic cost has its optimum at infinity: some direction improves rows and worsens none.

    Of a model that is linear in its parameters a linear programme finds such a direction if there is one (Konis 2007);
    another model is taken for one that does where it is right, and certain, about every row.
    """
    program = objective.program
    assert program.target is not None
    if program.penalty is not ZERO:
        return False
    largest, least, signs = 0.0, math.inf, np.zeros(0)
    for score, target in objective.values_in_chunks([program.score, program.target], at):
        signs = 2.0 * target - 1.0
        if not all_finite(score):
            return False
        largest = max(largest, float(np.max(np.abs(score))))
        least = min(least, float(np.min(signs * score)))
    if largest < CERTAIN:
        return False
    if not objective.is_linear:
        return least > CERTAIN
    if least > 0.0:
        return True
    if objective.is_long or objective.rows_count * objective.p > MOST_CELLS:
        return False
    slopes = objective.values_of(jacobian_of(program.score, program.parameters), at).T * signs[:, None]
    return _improves_some(slopes / np.maximum(np.max(np.abs(slopes), axis=0), 1e-300))


def _improves_some(rows: Array) -> bool:
    """Whether there is w with rows @ w >= 0 everywhere and > 0 somewhere."""
    from scipy.optimize import linprog

    found = linprog(-np.sum(rows, axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1.0, 1.0), method="highs")
    return bool(found.status == 0 and math.isfinite(found.fun) and -found.fun > 1e-7 * len(rows))
