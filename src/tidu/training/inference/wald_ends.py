"""Whether Wald's intervals can be believed: how far the cost has risen at their ends, for a few passes over the data.

Wald's interval takes the cost for a parabola. So at its ends, with the other parameters at their best, τ (the signed
root of the rise, in standard errors) would be the quantile exactly. Here the others follow by steps of Newton's method
with the curvature at the minimum, which mostly settle at once; where they do not, by a refit. From τ and its slope
follows about where the profile's interval ends (Bates & Watts 1988, sec. 6.1). Called by the notes of a fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tidu.training.inference.profiles import Measure, refitted
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.objective import Objective, all_finite

Array = npt.NDArray[np.float64]
STEPS = 4  # of the others, before they are refitted
SETTLED = 1e-3  # of the square of the quantile: what another step may still gain; ends are then right to about 1%


def ends_beside_wald(
    objective: Objective, best: Array, covariance: Array, measure: Measure, bounds: Bounds | None = None
) -> Mapping[str, tuple[float, float]]:
    """About where the profile's interval of each parameter ends, from Wald's ends; nan where the cost says nothing.

    Parameters
    ----------
    best, covariance : of the estimates, of shapes (p,) and (p, p); nan where the data do not determine them.
    """
    errors = np.sqrt(np.diag(covariance))
    clean = np.where(np.isfinite(covariance), covariance, 0.0)
    cost = objective.cost(best)
    found = {}
    with np.errstate(all="ignore"):
        for k, error in enumerate(errors):
            if not (math.isfinite(error) and error > 0.0):
                continue
            low, high = (_end(objective, best, clean, k, way, cost, measure, bounds) for way in (-1.0, 1.0))
            found[objective.names[k]] = low, high
    return found


def _end(
    objective: Objective,
    best: Array,
    covariance: Array,
    k: int,
    way: float,
    cost: float,
    measure: Measure,
    bounds: Bounds | None,
) -> float:
    """One end of the profile's interval: a step of Newton's method on τ from Wald's end."""
    error = math.sqrt(covariance[k, k])
    along = covariance[:, k] / error  # of all parameters, for a standard error of this
    others = covariance - np.outer(along, along)  # the inverse of the curvature with this one held
    at = best + way * measure.quantile * along
    if bounds is not None and not bounds[0][k] < at[k] < bounds[1][k]:
        return float(at[k])  # which is said of bounds
    rise, slope = _followed(objective, at, others, cost, measure) if bounds is None else (math.nan, at)
    if not math.isfinite(rise):
        end = refitted(objective, at, [k], bounds)
        if end is None:
            return math.nan
        rise, slope = measure.scale * (end[1] - cost), 0.5 * measure.scale * end[2]
    tau = math.sqrt(max(rise, 0.0))
    steepness = way * float(slope[k]) * error / tau if tau > 0.0 else 0.0
    if not steepness > 0.0:
        return math.nan
    return float(best[k] + way * error * (measure.quantile + (measure.quantile - tau) / steepness))


def _followed(objective: Objective, at: Array, others: Array, cost: float, measure: Measure) -> tuple[float, Array]:
    """τ² and half its slope where the others have followed, from `at`; nan where a few steps do not settle that."""
    for _step in range(STEPS):
        here, gradient = objective.cost_and_gradient(at)
        slope = 0.5 * measure.scale * gradient
        if not all_finite(here, slope):
            break
        step = -(others @ slope)
        gain = -float(slope @ step)
        if gain <= SETTLED * measure.quantile**2:
            return measure.scale * (here - cost) - gain, slope
        at = at + step
    return math.nan, at
