"""L1 penalties, solved exactly: in one orthant the cost is smooth, and a method within bounds finds its lowest point.

A parameter that is 0 stays there while the slope of the rest of the cost is at most l1 (the subgradient condition;
Tibshirani 1996, Andrew & Gao 2007); else it enters with the sign that lowers the cost. Called by `attempts.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tidu.language.expr import Expr, evaluation_order, substitute
from tidu.training.solving.convergence import GAIN, Bounds, is_minimum, resolution
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Passes

Array = npt.NDArray[np.float64]
Solving = Callable[[Objective, Array, Bounds, Passes], None]  # goes on from the last of the passes, within bounds
MOST_ROUNDS = 50  # orthants, and for each parameter two more
BEYOND = 1e-12  # of l1: how far beyond it a slope may be by rounding


def has_corners(objective: Objective) -> bool:
    """Whether the penalty has corners."""
    return bool(_sizes(objective.program.penalty))


def orthant_steps(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes, solving: Solving) -> bool:
    """Add points to `passes`, orthant by orthant; whether the last is a minimum."""
    cost, slope = objective.cost_and_gradient(start)
    if not all_finite(cost, slope):
        return False
    passes.add(start, cost, slope)
    limits = bounds or (np.full(objective.p, -np.inf), np.full(objective.p, np.inf))
    smooth, l1 = without_corners(objective)
    at, signs = start, np.sign(start) * (l1 > 0.0)
    for k in range(MOST_ROUNDS + 2 * objective.p):
        _cost, slope = smooth.cost_and_gradient(at)
        if not all_finite(slope):
            return False
        entering = _entering(at, slope, l1, limits)
        signs = np.where(at == 0.0, entering, signs)
        if k and not np.any(entering):
            break
        before = passes.costs[-1]
        here = objective.with_penalty(_in_orthant(objective, signs))
        low = np.where(l1 == 0.0, limits[0], np.where(signs > 0.0, np.maximum(limits[0], 0.0), limits[0]))
        high = np.where(l1 == 0.0, limits[1], np.where(signs < 0.0, np.minimum(limits[1], 0.0), limits[1]))
        resting = (l1 > 0.0) & (signs == 0.0)
        solving(here, at, (np.where(resting, 0.0, low), np.where(resting, 0.0, high)), passes)
        passes.cut_to_best()
        at = passes.points[-1]
        if k and not passes.costs[-1] < before:
            break
    return _is_lowest(objective, at, smooth, l1, limits)


def _entering(at: Array, slope: Array, l1: Array, limits: Bounds) -> Array:
    """The sign with which each parameter leaves 0 because that lowers the cost; 0 for the others."""
    sign = np.where((at == 0.0) & (np.abs(slope) > l1 * (1.0 + BEYOND)), -np.sign(slope), 0.0) * (l1 > 0.0)
    barred = ((sign > 0.0) & (limits[1] <= 0.0)) | ((sign < 0.0) & (limits[0] >= 0.0))
    return np.where(barred, 0.0, sign)


def _is_lowest(objective: Objective, at: Array, smooth: Objective, l1: Array, limits: Bounds) -> bool:
    """Whether the parameters that are not 0 are at a minimum, and none of the others would gain by leaving 0."""
    signs = np.sign(at) * (l1 > 0.0)
    here = objective.with_penalty(_in_orthant(objective, signs))
    resting = (l1 > 0.0) & (at == 0.0)
    if not is_minimum(here, at, (np.where(resting, 0.0, limits[0]), np.where(resting, 0.0, limits[1]))):
        return False
    cost, slope = smooth.cost_and_gradient(at)
    beyond = np.where(_entering(at, slope, l1, limits) != 0.0, np.abs(slope) - l1, 0.0)
    if not np.any(beyond):
        return True
    curvature = smooth.hessian_diagonal(at)
    with np.errstate(all="ignore"):
        gain = np.where(beyond > 0.0, 0.5 * beyond**2 / np.where(curvature > 0.0, curvature, 0.0), 0.0)
    cost = objective.cost(at)
    return float(np.max(gain)) <= max(GAIN * abs(cost), resolution(objective, at, cost))


# -- the penalty in an orthant ------------------------------------------------------------------------
def _sizes(penalty: Expr) -> list[Expr]:
    """The |w| in a penalty."""
    return [node for node in evaluation_order([penalty]) if node.args and node.op.name == "abs"]


def _in_orthant(objective: Objective, signs: Array) -> Expr:
    """The penalty with sign·w in the place of each |w|."""
    places = dict(zip(objective.program.parameters, signs.tolist(), strict=True))
    return substitute(
        objective.penalty, {size: places[size.args[0]] * size.args[0] for size in _sizes(objective.penalty)}
    )


def without_corners(objective: Objective) -> tuple[Objective, Array]:
    """The objective without its L1 penalty, and of each parameter the factor of |w| in it."""
    smooth = objective.with_penalty(_in_orthant(objective, np.zeros(objective.p)))
    ahead = objective.with_penalty(_in_orthant(objective, np.ones(objective.p)))
    at = np.zeros(objective.p)
    return smooth, ahead.penalty_gradient(at) - smooth.penalty_gradient(at)
