"""The last digits of a least-squares fit: Newton steps that look at the gradient, where the cost no longer changes.

At a minimum the cost is flat: parameters that are off by 1e-8 change it by 1e-16, which float64 cannot see. The
projection of the residuals on the Jacobian's columns, Qᵀr with J = QR, is not flat there, and its rounding error is
amplified by the condition of J, not by its square, as that of Jᵀr would be (Björck 1996, ch. 2). Of more than a chunk
of rows, J and r are those that stand for all rows (`Objective.residuals_and_jacobian`), with the same Qᵀr.
"""

from __future__ import annotations

import contextlib
import math

import numpy as np
import numpy.typing as npt

from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Enough, Passes

Array = npt.NDArray[np.float64]
STEPS = 12  # at most; two or three are usual
MOST_SUMMED_EXACTLY = 200_000  # products; beyond these rounding averages out, and exact sums take seconds


def polished(objective: Objective, passes: Passes, bounds: tuple[Array, Array] | None) -> None:
    """Add Newton steps to `passes` for as long as they bring Qᵀr down; nothing where J has not full rank."""
    factor = objective.program.residual_factor
    assert factor is not None
    at = passes.points[passes.best]
    free = np.ones(len(at), dtype=bool) if bounds is None else (bounds[0] < at) & (at < bounds[1])
    if not free.any() or objective.rows_count < free.sum():
        return
    best = _step(objective, at, free)
    if best is None:
        return
    ends = [at]
    for _k in range(STEPS):
        size, step, _cost, _gradient = best
        candidate = ends[-1] + step
        if np.array_equal(candidate, ends[-1]) or not _inside(candidate, bounds):
            break
        new = _step(objective, candidate, free)
        if new is None or not new[0] < size:
            break
        ends.append(candidate)
        best = new
    if len(ends) == 1:
        return
    _size, _next, cost, gradient = best
    # The cost is that of its neighbours to the last digits, and may be larger in the very last.
    lowest = passes.costs[passes.best]
    if cost > lowest * (1.0 + 1e-9) + 1e-300:
        return
    passes.cut_to_best()
    with contextlib.suppress(Enough):  # it is the last pass in any case
        passes.add(ends[-1], cost, gradient)
    passes.settled = True


def _inside(at: Array, bounds: tuple[Array, Array] | None) -> bool:
    return bounds is None or bool(np.all((bounds[0] <= at) & (at <= bounds[1])))


def _step(objective: Objective, at: Array, free: npt.NDArray[np.bool_]) -> tuple[float, Array, float, Array] | None:
    """‖Qᵀr‖, the Newton step, the cost and its gradient; None where there is no step."""
    factor = objective.program.residual_factor
    assert factor is not None
    residuals, jacobian = objective.residuals_and_jacobian(at)
    curvature = objective.residual_curvature(at)
    if not all_finite(residuals, jacobian, curvature):
        return None
    lengths = np.linalg.norm(jacobian[:, free], axis=0)
    if not np.all(lengths > 0.0):
        return None
    q, r = np.linalg.qr(jacobian[:, free] / lengths)
    if np.linalg.cond(r) > 1e12:
        return None
    along = _exact_product(q, residuals)
    inverse = np.linalg.inv(r)
    bend = inverse.T @ (curvature[np.ix_(free, free)] / np.outer(lengths, lengths)) @ inverse
    matrix = np.eye(len(r)) + (bend + bend.T) / 2.0
    eigenvalues = np.linalg.eigvalsh(matrix)
    if eigenvalues[0] <= 1e-12 * eigenvalues[-1]:  # no minimum: a Newton step would climb, or not be a number
        return None
    step = np.zeros_like(at)
    step[free] = -np.linalg.solve(r, np.linalg.solve(matrix, along)) / lengths
    n = objective.rows_count
    cost = factor * math.fsum((residuals * residuals).tolist()) / n
    gradient = 2.0 * factor / n * _exact_product(jacobian, residuals)
    return float(np.linalg.norm(along)), step, cost, gradient


def _exact_product(matrix: Array, vector: Array) -> Array:
    """matrixᵀ · vector, each sum rounded once."""
    if matrix.size > MOST_SUMMED_EXACTLY:
        return matrix.T @ vector
    return np.array([math.fsum((column * vector).tolist()) for column in matrix.T])
