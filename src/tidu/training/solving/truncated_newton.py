"""Newton's method for many numbers: each step by conjugate gradients on products with the Hessian, never the Hessian.

The iteration ends where it has come far enough, at the edge of the trust region, or along a direction in which the cost
bends down, which it follows to the edge (Steihaug 1983; Nocedal & Wright 2006, alg. 7.2). `newton` of networks, and the
test of whether an end of theirs is a minimum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Passes

Array = npt.NDArray[np.float64]
MOST_PRODUCTS = 250  # with the Hessian, for one step
WORTH = 1e-4  # share of the predicted decrease from which a step is taken
GOOD, POOR = 0.75, 0.25  # shares of it at which the region grows, and shrinks
UNSEEN = 1e-11  # of the cost: a predicted decrease that rounding of the cost hides
NO_WORSE = 1e-13  # of the cost: what a step within rounding may cost
SMALLEST = 1e-14  # of the length of the parameters: the radius at which no step of any length helps
CLOSE = 1e-2  # of the gradient: what is left of it once the system is solved, for a judgement


@dataclass(frozen=True)
class Step:
    """A step of conjugate gradients: the decrease that the quadratic model promises, and how the iteration ended."""

    step: Array
    promised: float
    on_edge: bool = False
    bends_down: bool = False
    left: float = 0.0  # of the gradient


def conjugate_step(product: Callable[[Array], Array], gradient: Array, radius: float, tolerance: float) -> Step:
    """The step towards the minimum of g·d + ½ d·H d within the radius, until the gradient left is at most so long."""
    step = np.zeros_like(gradient)
    bent = np.zeros_like(gradient)  # H · step
    residual, direction = gradient, -gradient
    square = float(residual @ residual)

    def ended(step: Array, bent: Array, **how: bool) -> Step:
        promised = -float(gradient @ step) - 0.5 * float(step @ bent)
        return Step(step, promised, left=float(np.linalg.norm(gradient + bent)), **how)

    for _k in range(min(MOST_PRODUCTS, 2 * len(gradient))):
        if math.sqrt(square) <= tolerance:
            break
        bend = product(direction)
        curvature = float(direction @ bend)
        if not math.isfinite(curvature):
            break
        down = curvature <= 0.0
        length = math.inf if down else square / curvature
        further = step + length * direction if math.isfinite(length) else step
        if down or float(np.linalg.norm(further)) >= radius:
            to_edge = _to_edge(step, direction, radius)
            return ended(step + to_edge * direction, bent + to_edge * bend, on_edge=True, bends_down=down)
        step, bent = further, bent + length * bend
        residual = residual + length * bend
        new_square = float(residual @ residual)
        direction = -residual + new_square / square * direction
        square = new_square
    return ended(step, bent)


def _to_edge(step: Array, direction: Array, radius: float) -> float:
    """How far along the direction the edge of the region is."""
    a, b = float(direction @ direction), float(step @ direction)
    c = float(step @ step) - radius**2
    return (-b + math.sqrt(max(b * b - a * c, 0.0))) / a


def truncated_newton_steps(
    objective: Objective, start: Array, passes: Passes, most: int, tolerance: float = 0.0
) -> None:
    """Add points to `passes`, each lower than the one before, until no step is by more than the tolerance.

    At most `most` steps are made. The tolerance is in units of the cost, or of 1 where the cost is smaller.
    """
    at = start
    cost, gradient = objective.cost_and_gradient(at)
    if not all_finite(cost, gradient):
        return
    passes.add(at, cost, gradient)
    radius = max(1.0, 0.1 * float(np.linalg.norm(at)))
    done = False
    for _k in range(most):
        norm = float(np.linalg.norm(gradient))
        if norm == 0.0 or done:
            return
        here = at
        found = conjugate_step(
            lambda v, here=here: objective.hessian_product(here, v),  # type: ignore[misc]
            gradient, radius, min(0.5, math.sqrt(norm)) * norm,
        )  # fmt: skip
        new = at + found.step
        if np.array_equal(new, at):
            return
        new_cost, new_gradient = objective.cost_and_gradient(new)
        length = float(np.linalg.norm(found.step))
        share = -math.inf
        if all_finite(new_cost, new_gradient) and found.promised > 0.0:
            share = (cost - new_cost) / found.promised
            if found.promised <= UNSEEN * abs(cost):  # the cost no longer shows it; the gradient does
                if new_cost > cost + NO_WORSE * abs(cost) or float(np.linalg.norm(new_gradient)) >= norm:
                    return
                share = 0.5
        if share >= WORTH:
            done = cost - new_cost <= tolerance * max(1.0, abs(cost)) and not found.on_edge
            at, cost, gradient = new, new_cost, new_gradient
            passes.add(at, cost, gradient)
            radius = 2.0 * radius if share > GOOD and found.on_edge else 0.5 * length if share < POOR else radius
        else:
            radius = 0.25 * min(radius, length)
            if radius <= SMALLEST * max(1.0, float(np.linalg.norm(at))):
                return


def left_to_gain(objective: Objective, at: Array, gradient: Array) -> float:
    """What a Newton step no longer than the parameters would still gain, at most."""
    norm = float(np.linalg.norm(gradient))
    if norm == 0.0:
        return 0.0
    radius = max(1.0, float(np.linalg.norm(at)))
    found = conjugate_step(lambda v: objective.hessian_product(at, v), gradient, radius, CLOSE * norm)
    return found.promised if found.on_edge or found.left <= 2.0 * CLOSE * norm else norm * radius
