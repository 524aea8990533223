"""Losses that are straight with a corner (`absolute`, `quantile`, `hinge`, `perceptron`), solved exactly.

A model that is linear in its parameters needs one linear programme (Charnes, Cooper & Ferguson 1955; Koenker & Bassett
1978). Another is replaced by its tangent within a box around the point, which shrinks where the tangent promises too
much (Osborne & Watson 1971). The end is a vertex: some rows are fitted exactly, and it is solved for once more, to the
last digit. It is a minimum where the tangent promises nothing lower. An L1 penalty is a row for each parameter; with an
L2 penalty the programme is quadratic (`quadratic_programme.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.engines.program import Program
from tidu.language.calculus import gradient
from tidu.language.expr import evaluation_order, substitute, symbol
from tidu.language.simplify import ZERO
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.orthants import without_corners
from tidu.training.solving.passes import Passes
from tidu.training.solving.quadratic_programme import lowest_point

Array = npt.NDArray[np.float64]
MOST_ROWS_OF_PROGRAMMES = 50_000  # rows of a linear programme that takes seconds
MOST_STEPS = 200
PROMISE = 1e-10  # of the cost: a decrease that the tangents promise which is none
WORTH = 0.1  # share of the promise from which a step is taken
ROUNDING = 1e-14  # of the targets: a cost that is nothing but rounding
BESIDE = 1e-3  # of a corner: where slopes are read, together with 1


def is_straight(program: Program) -> bool:
    """Whether the loss of a sample is straight in its score, with corners, and compares with a number."""
    return not program.of_arrays and program.target is not None and gradient(program.slope, [program.score])[0] is ZERO


@dataclass(frozen=True)
class Corners:
    """Of each row: the score at the corner, and the slopes on its two sides; `rows` is what costs are divided by."""

    places: Array
    left: Array
    right: Array
    rows: int

    def cost(self, residuals: Array) -> float:
        """The mean of the losses, `residuals` being how far the scores are from their corners."""
        return float(np.sum(np.maximum(self.left * residuals, self.right * residuals))) / self.rows

    def with_margin(self) -> Corners:
        """The same with every corner one further into the flat side: the corners of the hinge for the perceptron's."""
        return replace(self, places=self.places + np.where(self.left == 0.0, -1.0, 1.0))

    def with_penalty(self, l1: Array) -> Corners:
        """The same with a row for each parameter in which there is an L1 penalty, with the parameter as its score."""
        slopes = l1[l1 > 0.0] * self.rows
        return Corners(
            np.concatenate([self.places, np.zeros(len(slopes))]),
            np.concatenate([self.left, -slopes]),
            np.concatenate([self.right, slopes]),
            self.rows,
        )


def corners_of(objective: Objective) -> Corners | None:
    """The corners of the loss, read off its slopes; None where it is not convex with one, at the target or at 0."""
    program = objective.program
    assert program.target is not None
    at = np.zeros(objective.p)
    score = symbol("score", "hyper")
    slope = substitute(program.slope, {program.score: score})
    if any(p in evaluation_order([slope]) for p in program.parameters):
        return None
    [target] = objective.values_of([program.target], at)
    shifts = (-1.0, -BESIDE, BESIDE, 1.0)
    for place, values in ((program.target, target), (ZERO, np.zeros_like(target))):
        slopes = [objective.values_of([substitute(slope, {score: place + shift})], at)[0] for shift in shifts]
        left, near_left, near_right, right = slopes
        one_corner = np.array_equal(left, near_left) and np.array_equal(right, near_right)
        if one_corner and np.all(left <= 0.0) and np.all(right >= 0.0) and np.any(left < right):
            return Corners(values, left, right, objective.rows_count)
    return None


def separates(objective: Objective) -> bool:
    """Whether the parameters of a linear model can put every score on its right side, for a perceptron's loss."""
    corners = corners_of(objective)
    return corners is not None and _with_margin(objective, corners, np.zeros(objective.p), None) is not None


def straight_steps(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    """Add points to `passes`, each lower than the one before; whether the last is a minimum."""
    corners = corners_of(objective)
    cost, slope = objective.cost_and_gradient(start)
    smooth, l1 = without_corners(objective)
    l2 = smooth.penalty_gradient(np.ones(objective.p))
    curved = bool(np.any(l2))
    if corners is None or not all_finite(cost, slope) or (curved and not objective.is_linear):
        return False
    passes.add(start, cost, slope)
    if not np.any(corners.places) and objective.is_linear and objective.penalty is ZERO:
        apart = _with_margin(objective, corners, start, bounds)
        if apart is not None:
            passes.add(apart, *objective.cost_and_gradient(apart))
            passes.settled = True
            return True
    at, box = start, math.inf if objective.is_linear else 1.0
    floor = ROUNDING * float(np.mean(np.abs(corners.places) * (corners.right - corners.left)))
    corners = corners.with_penalty(l1)
    for _k in range(MOST_STEPS):
        tangent = _tangent(objective, corners, l1, at)
        if tangent is None:
            return False
        residuals, jacobian, units = tangent
        if curved:
            new = lowest_point(residuals, jacobian, corners.left, corners.right, corners.rows, l2, at, units, bounds)
            if new is None:
                return False
            passes.add(new, *objective.cost_and_gradient(new))
            passes.settled = True
            return True
        while True:
            step = _programme(corners, residuals, jacobian, units, box, bounds, at)
            if step is None:
                return False
            promised = cost - corners.cost(residuals + jacobian @ step)
            if promised <= PROMISE * abs(cost) + floor:
                return True
            new = at + step
            new[(l1 > 0.0) & (np.abs(new) <= ROUNDING * units)] = 0.0
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


def _tangent(objective: Objective, corners: Corners, l1: Array, at: Array) -> tuple[Array, Array, Array] | None:
    """How far each score is from its corner, its slopes, and units in which steps of 1 matter."""
    outputs = [objective.program.score, *jacobian_of(objective.program.score, objective.program.parameters)]
    values = objective.values_of(outputs, at)
    if not all_finite(values):
        return None
    penalised = l1 > 0.0
    residuals = np.concatenate([values[0], at[penalised]]) - corners.places
    jacobian = np.vstack([values[1:].T, np.eye(objective.p)[penalised]])
    lengths = np.max(np.abs(values[1:].T), axis=0, initial=0.0)
    lengths[lengths == 0.0] = 1.0
    return residuals, jacobian, max(float(np.max(np.abs(residuals))), 1e-300) / lengths


def _with_margin(objective: Objective, corners: Corners, start: Array, bounds: Bounds | None) -> Array | None:
    """Parameters that put every score on the right side with a margin of 1; None where there are none.

    A perceptron's loss has its lowest value, 0, also where every score is 0, which tells nothing apart.
    """
    corners = corners.with_margin()
    tangent = _tangent(objective, corners, np.zeros(objective.p), start)
    if tangent is None:
        return None
    residuals, jacobian, units = tangent
    step = _programme(corners, residuals, jacobian, units, math.inf, bounds, start)
    if step is None or corners.cost(residuals + jacobian @ step) > 1e-9:
        return None
    return start + step


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
    if len(rows) < p or np.any(lengths == 0.0) or np.linalg.cond(rows / lengths) > 1e12:
        return step
    exact = step - np.linalg.solve(rows / lengths, left[nearest]) / lengths
    before, after = corners.cost(left), corners.cost(residuals + jacobian @ exact)
    return exact if after <= before * (1.0 + 1e-9) else step
