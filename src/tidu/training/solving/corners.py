"""Losses that are straight with a corner (`absolute`, `quantile`), solved exactly: a linear programme at each step.

A model that is linear in its parameters needs one (Charnes, Cooper & Ferguson 1955; Koenker & Bassett 1978). Another is
replaced by its tangent within a box around the point, which shrinks where the tangent promises too much (Osborne &
Watson 1971). The end is a vertex: some rows are fitted exactly, and it is solved for once more, to the last digit.
It is a minimum where the tangent promises nothing lower, for then nothing near is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.engines.program import Program
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluation_order, substitute, symbol
from tidu.language.simplify import ZERO
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Passes

Array = npt.NDArray[np.float64]
MOST_STEPS = 200
PROMISE = 1e-10  # of the cost: a decrease that the tangents promise which is none
WORTH = 0.1  # share of the promise from which a step is taken
ROUNDING = 1e-14  # of the targets: a cost that is nothing but rounding


def is_straight(program: Program) -> bool:
    """Whether the loss of a sample is straight in its score, with corners, and compares with a number."""
    return (
        not program.of_arrays
        and program.target is not None
        and program.penalty is ZERO
        and gradient(program.slope, [program.score])[0] is ZERO
    )


@dataclass(frozen=True)
class Corners:
    """Of each sample: the score at the corner, and the slopes on its two sides."""

    places: Array
    left: Array
    right: Array


def corners_of(objective: Objective) -> Corners | None:
    """The corners of the loss, read off its slopes; None where it is no convex loss with its corner at the target."""
    program = objective.program
    assert program.target is not None
    at = np.zeros(objective.p)
    [target] = objective.values_of([program.target], at)
    score = symbol("score", "hyper")
    slope = substitute(program.slope, {program.score: score})
    if any(p in evaluation_order([slope]) for p in program.parameters):
        return None
    sides = []
    for step in (-1.0, 1.0):
        moved: Expr = program.target + step
        sides.append(objective.values_of([substitute(slope, {score: moved})], at)[0])
    left, right = sides
    return Corners(target, left, right) if np.all(left <= 0.0) and np.all(right >= 0.0) else None


def straight_steps(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    """Add points to `passes`, each lower than the one before; whether the last is a minimum."""
    corners = corners_of(objective)
    cost, slope = objective.cost_and_gradient(start)
    if corners is None or not all_finite(cost, slope):
        return False
    passes.add(start, cost, slope)
    at, box = start, math.inf if objective.is_linear else 1.0
    floor = ROUNDING * float(np.mean(np.abs(corners.places) * (corners.right - corners.left)))
    outputs = [objective.program.score, *jacobian_of(objective.program.score, objective.program.parameters)]
    for _k in range(MOST_STEPS):
        values = objective.values_of(outputs, at)
        if not all_finite(values):
            return False
        residuals, jacobian = values[0] - corners.places, values[1:].T
        lengths = np.max(np.abs(jacobian), axis=0)
        lengths[lengths == 0.0] = 1.0
        size = max(float(np.max(np.abs(residuals))), 1e-300)
        units = size / lengths
        while True:
            step = _programme(corners, residuals, jacobian, units, box, bounds, at)
            if step is None:
                return False
            promised = cost - _cost(corners, residuals + jacobian @ step)
            if promised <= PROMISE * abs(cost) + floor:
                return True
            new = at + step
            if bounds is not None:
                new = np.clip(new, *bounds)
            new_cost, new_slope = objective.cost_and_gradient(new)
            if all_finite(new_cost, new_slope) and cost - new_cost >= WORTH * promised:
                break
            box = 0.25 * min(box, float(np.max(np.abs(step) / units)))
            if box < 1e-15:
                return False
        if cost - new_cost >= 0.75 * promised:
            box *= 4.0
        at, cost = new, new_cost
        passes.add(at, cost, new_slope)
    return False


def _cost(corners: Corners, residuals: Array) -> float:
    return float(np.mean(np.maximum(corners.left * residuals, corners.right * residuals)))


def _programme(
    corners: Corners, residuals: Array, jacobian: Array, units: Array, box: float, bounds: Bounds | None, at: Array
) -> Array | None:
    """The step that makes Σ of the straight losses of residuals + J·step least, within the box and the bounds.

    Its dual is solved, which has a row for each parameter instead of one for each sample: weights of the samples
    between their slopes, which hold each other in balance. The step is the price of the balance.
    """
    from scipy.optimize import linprog

    p = jacobian.shape[1]
    size = max(float(np.max(np.abs(residuals))), 1e-300)
    scaled = jacobian * units / size
    up, down = np.full(p, box), np.full(p, box)
    if bounds is not None:
        up, down = np.minimum(up, (bounds[1] - at) / units), np.minimum(down, (at - bounds[0]) / units)
    walls = [(k, limit, sign) for sign, limits in ((1.0, up), (-1.0, down)) for k, limit in enumerate(limits)
             if math.isfinite(limit)]  # fmt: skip
    extra = np.zeros((p, len(walls)))
    for j, (k, _limit, sign) in enumerate(walls):
        extra[k, j] = sign
    found = linprog(
        np.concatenate([-residuals / size, [limit for _k, limit, _sign in walls]]),
        A_eq=np.hstack([scaled.T, extra]),
        b_eq=np.zeros(p),
        bounds=[*zip(corners.left, corners.right, strict=True), *[(0.0, None)] * len(walls)],
        method="highs",
    )
    if found.status != 0:
        return None
    step: Array = np.asarray(found.eqlin.marginals) * units
    exact = _at_vertex(corners, residuals, jacobian, step)
    return exact if np.all(exact <= up * units) and np.all(-exact <= down * units) else step


def _at_vertex(corners: Corners, residuals: Array, jacobian: Array, step: Array) -> Array:
    """The step, solved for once more from the rows that it fits exactly, where that is no worse."""
    left = residuals + jacobian @ step
    p = jacobian.shape[1]
    nearest = np.argsort(np.abs(left), kind="stable")[:p]
    rows = jacobian[nearest]
    lengths = np.max(np.abs(rows), axis=0)
    if np.any(lengths == 0.0) or np.linalg.cond(rows / lengths) > 1e12:
        return step
    exact = step - np.linalg.solve(rows / lengths, left[nearest]) / lengths
    before, after = _cost(corners, left), _cost(corners, residuals + jacobian @ exact)
    return exact if after <= before * (1.0 + 1e-9) else step
