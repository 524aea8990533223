"""Newton's method in a trust region, with the exact Hessian: `newton` itself, and how every solver's end is finished.

The subproblem is solved through the eigenvalues (Conn, Gould & Toint 2000, ch. 7), so a saddle is left along the
direction that bends down, also where the gradient is 0. What is not finite is a barrier: a step that ends there is
taken back, and the region shrinks.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tidu.training.solving.convergence import Bounds, Model, model_at
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Passes

Array = npt.NDArray[np.float64]
SMALLEST_RADIUS = 1e-16  # in units of the first
LARGEST_RADIUS = 1e16
VISIBLE = 1e-6  # of the cost
WORTH = 1e-4  # share of the predicted decrease from which a step is taken
GOOD, POOR = 0.75, 0.25  # shares of it at which the region grows, and shrinks
UNSEEN = 1e-11  # of the cost: a predicted decrease that rounding of the cost hides
NO_WORSE = 1e-13  # of the cost: what a step within rounding may cost
TOO_LONG = 1.1  # a step that is cut to the radius rather than computed anew
DONE = 1e-30  # of the cost: a predicted gain from which there is nothing left to do


def newton_steps(
    objective: Objective, start: Array, bounds: Bounds | None, passes: Passes, most: int, done: float = DONE
) -> None:
    """Add points to `passes`, each lower than the one before, until no step is, or `most` were made.

    A predicted gain of the share `done` of the cost is none.
    """
    model = model_at(objective, start, bounds)
    if model is None:
        return
    passes.add(model.at, model.cost, model.gradient)
    radius = first = max(1.0, float(np.linalg.norm(model.at[model.free] / model.units)))
    for _k in range(most):
        if model.gain <= done * abs(model.cost) and not model.bends_down:
            return
        taken = _taken(objective, model, bounds, radius, first)
        if taken is None:
            return
        at, radius = taken
        after = model_at(objective, at, bounds)
        if after is None:  # the cost is finite there, and its curvature is not
            return
        passes.add(after.at, after.cost, after.gradient)
        model = after


def _taken(
    objective: Objective, model: Model, bounds: Bounds | None, radius: float, first: float
) -> tuple[Array, float] | None:
    """The next point and the radius after it; None where no step of any length helps."""
    while model.bends_down and radius < LARGEST_RADIUS * first:  # out of a saddle, until the cost can show it
        if 0.5 * abs(float(model.values[0])) * radius**2 > VISIBLE * abs(model.cost):
            break
        radius *= 4.0
    while radius > SMALLEST_RADIUS * first:
        step = trust_region_step(model, radius)
        at = model.at.copy()
        at[model.free] += model.units * step
        if bounds is not None:
            at = np.clip(at, *bounds)
        if np.array_equal(at, model.at):
            return None
        cost, gradient = objective.cost_and_gradient(at)
        predicted = -_change(model, at)
        length = float(np.linalg.norm(step))
        if all_finite(cost, gradient):
            if predicted <= UNSEEN * abs(model.cost):
                if _gradient_falls(model, gradient) and cost <= model.cost + NO_WORSE * abs(model.cost):
                    return at, radius
            elif model.cost - cost >= WORTH * predicted:
                share = (model.cost - cost) / predicted
                if share > GOOD and length > 0.9 * radius:
                    return at, 3.0 * radius
                return at, (0.5 * length if share < POOR else max(radius, length))
        radius = 0.25 * min(radius, length)
    return None


def _change(model: Model, at: Array) -> float:
    """What the quadratic model says a move to `at` does to the cost."""
    along = model.vectors.T @ ((at - model.at)[model.free] / model.units)
    return float(model.slopes @ along + 0.5 * np.sum(model.values * along**2))


def _gradient_falls(model: Model, gradient: Array) -> bool:
    """Whether the gradient is smaller, in the measure of the curvatures."""
    slopes = model.vectors.T @ (model.units * gradient[model.free])
    curvature = np.maximum(np.abs(model.values), 1e-13)
    return bool(np.sum(slopes**2 / curvature) < 0.5 * np.sum(model.slopes**2 / curvature))


def trust_region_step(model: Model, radius: float) -> Array:
    """The step of length at most `radius` with the lowest quadratic model, in the model's units."""
    values, slopes = model.values, model.slopes
    if not len(values):
        return np.zeros(0)
    lowest = float(values[0])

    def along(shift: float) -> Array:
        with np.errstate(all="ignore"):
            return np.where(slopes == 0.0, 0.0, -slopes / (values + shift))

    if lowest > 0.0 and (whole := float(np.linalg.norm(along(0.0)))) <= radius and math.isfinite(whole):
        return model.vectors @ along(0.0)
    size = max(float(np.max(np.abs(values))), 1e-300)
    low = max(0.0, -lowest) + 1e-14 * size
    step = along(low)
    length = float(np.linalg.norm(step))
    if length <= radius:  # the hard case: all that the gradient wants is inside, and the cost bends down
        rest = math.sqrt(max(radius**2 - length**2, 0.0)) if model.bends_down else 0.0
        towards = model.vectors[:, 0] * (
            1.0 if model.vectors[np.argmax(np.abs(model.vectors[:, 0])), 0] > 0.0 else -1.0
        )
        return model.vectors @ step + rest * towards
    shift = low
    for _k in range(40):  # the root of 1/radius − 1/length by Newton's method, from the side where the step is longer
        if length <= TOO_LONG * radius:
            break
        bend = float(np.sum(step**2 / (values + shift)))
        shift += (length / radius - 1.0) * length**2 / bend
        step = along(shift)
        length = float(np.linalg.norm(step))
    return model.vectors @ step * min(1.0, radius / length)
