"""The methods that make the steps: least squares (`lm`), `lbfgs` and `newton`, on exact derivatives.

SciPy makes the steps of the first two; what is ours is the derivatives, the units, and what happens outside the domain
of a model, where a cost that is not finite is a barrier. None of them says whether it has converged: `convergence.py`
says that, of every end alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import hessian_of, jacobian_of
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.corners import straight_steps
from tidu.training.solving.newton import newton_steps
from tidu.training.solving.objective import LONG_PASS, Objective, all_finite
from tidu.training.solving.passes import MOST_TRIES, Blocked, Passes

Array = npt.NDArray[np.float64]
Method = Callable[[Objective, Array, "Bounds | None", Passes], None]
FLAT = 1e-15  # SciPy's tolerances: as near to machine precision as it takes them
MOST_ITERATIONS = 15_000  # of lbfgs, from the given start
SETTLED = 1e-9  # what a step must gain in a network with hidden units, whose cost may fall for ever
SETTLED_OF_LONG = 1e-7  # ... where a pass is long, and less is not worth it
SHARE_OF_LONG = 1e-6  # ... of lm, as a share of the cost, in each of so many steps
STEPS_OF_LONG = 5
WALL = 10.0  # how much higher than what the last step could gain the cost is made to look outside the domain


def _least_squares(objective: Objective, start: Array, passes: Passes, **options: Any) -> None:
    from scipy.optimize import least_squares

    factor = objective.program.residual_factor
    assert factor is not None

    def jacobian(at: Array) -> Array:
        residuals, rows = objective.residuals_and_jacobian(at)
        n = objective.rows_count
        passes.add(at, factor * float(residuals @ residuals) / n, 2.0 * factor / n * (rows.T @ residuals))
        if not all_finite(rows) or _gains_little(objective, passes):
            raise Blocked  # no step can be computed from here, or none is worth it
        return rows

    if not all_finite(objective.residuals(start)):
        return
    result = least_squares(
        objective.residuals, start, jac=jacobian, x_scale="jac", ftol=tolerance_of(objective), xtol=FLAT, gtol=FLAT,
        max_nfev=passes.tries, **options,
    )  # fmt: skip
    jacobian(result.x)


def _lm(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """A trust region in the shape of the Jacobian's columns (Branch, Coleman & Li 1999)."""
    _least_squares(objective, start, passes, method="trf", **({} if bounds is None else {"bounds": bounds}))


def minpack(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """The same problem by the code of Moré, Garbow & Hillstrom 1980: another way down, which may end elsewhere."""
    if objective.rows_count < objective.p:
        return
    _least_squares(objective, start, passes, method="lm")


def lbfgs(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """A quasi-Newton method with limited memory (Liu & Nocedal 1989), in units of the curvature at its start."""
    from scipy.optimize import minimize

    of_network = objective.program.of_arrays
    unit = np.ones(objective.p) if of_network else _lengths(objective, start)
    cost, slope = objective.cost_and_gradient(start)
    if not all_finite(cost, slope):
        return
    passes.add(start, cost, slope)
    last: list[tuple[Array, float, Array]] = [(start, cost, slope)]
    good = [last[0]]

    def place(u: Array) -> Array:  # within the bounds, whatever rounding the units bring
        return u * unit if bounds is None else np.clip(u * unit, *bounds)

    def value(u: Array) -> tuple[float, Array]:
        at = place(u)
        cost, slope = objective.cost_and_gradient(at)
        if not all_finite(cost, slope):
            return _wall(*good[0], at, unit)
        last[:] = [(at, cost, slope)]
        return cost, slope * unit

    def accepted(u: Array) -> None:
        at, cost, slope = last[0]
        if not np.array_equal(at, place(u)):
            at = place(u)
            cost, slope = objective.cost_and_gradient(at)
        good[:] = [(at, cost, slope)]
        passes.add(at, cost, slope)

    settled = tolerance_of(objective) if of_network else 0.0
    most = MOST_ITERATIONS if passes.tries == MOST_TRIES else passes.tries
    limits = None if bounds is None else list(zip(bounds[0] / unit, bounds[1] / unit, strict=True))
    minimize(  # with both tolerances at 0 it ends where the line search finds nothing lower
        value, start / unit, jac=True, method="L-BFGS-B", callback=accepted, bounds=limits,
        options={"maxiter": most, "maxfun": 10 * most, "ftol": settled, "gtol": 0.0, "maxcor": 20},
    )  # fmt: skip


def tolerance_of(objective: Objective) -> float:
    """The gain from which a method takes no further step: the last digit, except in a network with hidden units."""
    if not objective.program.of_arrays or objective.is_linear:
        return FLAT
    return SETTLED if objective.rows_count * objective.p <= LONG_PASS else SETTLED_OF_LONG


def _gains_little(objective: Objective, passes: Passes) -> bool:
    """Whether lm creeps along a valley of a network of long passes; SciPy ends where its model foresaw as little."""
    if tolerance_of(objective) != SETTLED_OF_LONG or len(passes.costs) <= STEPS_OF_LONG:
        return False
    before, now = passes.costs[-1 - STEPS_OF_LONG], passes.costs[-1]
    return before - now <= STEPS_OF_LONG * SHARE_OF_LONG * abs(now)


def _wall(good: Array, cost: float, slope: Array, at: Array, unit: Array) -> tuple[float, Array]:
    """A value and slope outside the domain that send a line search back towards the last good point."""
    way = (at - good) / unit
    distance = float(way @ way)
    height = WALL * (abs(cost) + float(np.abs(slope * unit) @ np.abs(way)))
    if not (np.isfinite(distance) and np.isfinite(height) and distance > 0.0):
        raise Blocked
    return cost + height, 2.0 * height / distance * way


def _newton(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """A trust region with the exact Hessian."""
    newton_steps(objective, start, bounds, passes, passes.tries)


def direct(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """A model that is linear in all its parameters: one step of least squares, the shortest where many fit alike."""
    factor = objective.program.residual_factor
    assert factor is not None
    at = start
    for _step in range(2):  # the second takes away what rounding left of the first
        residuals, jacobian = objective.residuals_and_jacobian(at)
        if not all_finite(residuals, jacobian):
            return
        n = objective.rows_count
        passes.add(at, factor * float(residuals @ residuals) / n, 2.0 * factor / n * (jacobian.T @ residuals))
        lengths = np.linalg.norm(jacobian, axis=0)
        lengths[lengths == 0.0] = 1.0
        at = at + np.linalg.lstsq(jacobian / lengths, -residuals, rcond=None)[0] / lengths
    passes.add(at, *objective.cost_and_gradient(at))


def _lp(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    """A linear programme at each step, for losses that are straight with corners."""
    straight_steps(objective, start, bounds, passes)


METHODS: dict[str, Method] = {"lm": _lm, "lbfgs": lbfgs, "newton": _newton, "lp": _lp}


def _lengths(objective: Objective, start: Array) -> Array:
    """Units in which the cost curves alike along each parameter, at the start; 1 where it does not curve."""
    if objective.program.residual_factor is not None:
        _r, rows = objective.residuals_and_jacobian(start)
        curvature = 2.0 * objective.program.residual_factor * (np.sum(rows**2, axis=0) / objective.rows_count)
    else:
        second = [hessian_of([g], [p])[0] for g, p in zip(objective.program.gradient, objective.program.parameters,
                                                         strict=True)]  # fmt: skip
        curvature = np.abs(objective.mean_of(second, start))
        if not np.any(curvature > 0.0):  # beyond the corner of a Huber loss, say: as if the loss were (ŷ − y)²
            slopes = jacobian_of(objective.program.score, objective.program.parameters)
            squares = [np.sum(part**2, axis=1) for part in objective.values_in_chunks(slopes, start)]
            curvature = np.sum(squares, axis=0) / objective.rows_count
    good = np.isfinite(curvature) & (curvature > 0.0)
    return np.where(good, 1.0 / np.sqrt(np.where(good, curvature, 1.0)), 1.0)
