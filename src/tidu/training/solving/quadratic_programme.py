"""A quadratic programme: straight losses with corners and an L2 penalty, such as a support vector machine.

Each corner is rounded off, less and less, and Newton's method goes on from the last point (Chapelle
2007). Which rows
lie at their corner is then known, and the point is solved for exactly; it is returned only if it proves to be lowest:
there are slopes between those of the two sides that hold each other in balance (Karush 1939; Kuhn & Tucker 1951).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
ROUNDINGS = 10.0 ** -np.arange(0.0, 13.0)  # of the largest residual: how far from its corner a loss is rounded off
MOST_STEPS = 200  # of Newton's method, for each rounding
LEAST_SHIFT = 1e-14  # of the steepest curvature: what is added to every curvature (Levenberg 1944)
WORTH = 1e-4  # share of the decrease that the slope promises from which a step is taken
MOST_AT_CORNERS = 2_000
GAP = 1e-10  # of the cost: how far above its lower bound it may be
SOLVED = 1e-9  # of the largest residual: what a row at its corner may be away from it by rounding
BALANCE = 1e-9  # of what balances each other: what may be left of the slope


def lowest_point(
    residuals: Array, jacobian: Array, left: Array, right: Array, rows: int, l2: Array, at: Array, units: Array,
    bounds: tuple[Array, Array] | None,
) -> Array | None:  # fmt: skip
    """The w at which Σ max(left·r, right·r)/rows + ½·Σ l2·w² is lowest, r being residuals + jacobian·(w − at).

    Parameters
    ----------
    residuals, left, right : of shape (m,); the slopes may be infinite
    jacobian : of shape (m, p)
    l2, at, units : of shape (p,); steps of `units` are of like size
    bounds : the least and greatest w; None for no bounds

    Returns
    -------
    w of shape (p,), or None where rounding hides which rows lie at their corner.
    """
    if bounds is not None:
        residuals, jacobian, left, right = _with_walls(residuals, jacobian, left, right, at, bounds)
    scaled, weights = jacobian * units, l2 * units**2
    constant = residuals - jacobian @ at
    size = _size(residuals, constant)
    u = at / units
    for rounding in ROUNDINGS * size:
        u = _rounded_off(constant, scaled, left, right, rows, weights, u, rounding)
        slopes = np.clip((constant + scaled @ u) / rounding, left, right)
        exact = _at_corners(constant, scaled, left, right, rows, weights, u, slopes)
        if exact is not None:
            found: Array = exact * units
            return found if bounds is None else np.clip(found, *bounds)
    return None


def _size(*arrays: Array) -> float:
    return max(1e-300, *(float(np.max(np.abs(a))) for a in arrays))


def _with_walls(
    residuals: Array, jacobian: Array, left: Array, right: Array, at: Array, bounds: tuple[Array, Array]
) -> tuple[Array, Array, Array, Array]:
    """With a row for each bound, whose loss is 0 inside and infinite outside."""
    unit = np.eye(len(at))
    for bound, slopes in zip(bounds, ((-np.inf, 0.0), (0.0, np.inf)), strict=True):
        there = np.isfinite(bound)
        residuals = np.concatenate([residuals, (at - bound)[there]])
        jacobian = np.vstack([jacobian, unit[there]])
        left, right = (
            np.concatenate([side, np.full(there.sum(), slope)])
            for side, slope in zip((left, right), slopes, strict=True)
        )
    return residuals, jacobian, left, right


def _rounded_off(
    constant: Array, jacobian: Array, left: Array, right: Array, rows: int, l2: Array, u: Array, rounding: float
) -> Array:
    """The lowest point of the cost with its corners rounded off, by Newton's method from `u`."""

    def cost_at(u: Array) -> float:
        r = constant + jacobian @ u
        slopes = np.clip(r / rounding, left, right)
        return float(np.sum(slopes * r - 0.5 * rounding * slopes**2)) / rows + 0.5 * float(l2 @ u**2)

    cost, steepest = cost_at(u), float(np.sum(jacobian**2)) / (rounding * rows) + float(np.max(l2, initial=0.0))
    shift = LEAST_SHIFT
    for _k in range(MOST_STEPS):
        r = constant + jacobian @ u
        slopes = np.clip(r / rounding, left, right)
        slope = jacobian.T @ slopes / rows + l2 * u
        inside = jacobian[(left < r / rounding) & (r / rounding < right)]
        hessian = inside.T @ inside / (rounding * rows) + np.diag(l2)
        while shift <= 1.0:  # with a shift as large as the steepest curvature, every step goes down
            step = np.linalg.solve(hessian + shift * steepest * np.eye(len(u)), -slope)
            after = cost_at(u + step)
            if after < cost + WORTH * float(slope @ step):
                break
            shift *= 10.0
        if not after < cost:
            break
        u, cost, shift = u + step, after, max(LEAST_SHIFT, shift / 10.0)
    return u


def _at_corners(
    constant: Array, jacobian: Array, left: Array, right: Array, rows: int, l2: Array, u: Array, slopes: Array
) -> Array | None:
    """The point at which the rows between their slopes lie at their corners; None unless it is proved to be lowest."""
    at_corner = (left < slopes) & (slopes < right)
    count, p = int(at_corner.sum()), jacobian.shape[1]
    if count > MOST_AT_CORNERS:
        return None
    corner = jacobian[at_corner]
    matrix = np.block([[np.diag(l2), corner.T / rows], [corner, np.zeros((count, count))]])
    left_over = np.concatenate([jacobian.T @ slopes / rows + l2 * u, (constant + jacobian @ u)[at_corner]])
    moves = np.linalg.lstsq(matrix, -left_over, rcond=None)[0]  # the shortest, where more than one point is lowest
    u = u + moves[:p]
    held = slopes.copy()
    held[at_corner] = np.clip(slopes[at_corner] + moves[p:], left[at_corner], right[at_corner])
    residuals = constant + jacobian @ u
    nothing = at_corner & (np.abs(residuals) <= SOLVED * _size(residuals, constant))
    residuals = np.where(nothing, 0.0, residuals)
    with np.errstate(all="ignore"):
        losses = np.where(residuals == 0.0, 0.0, np.maximum(left * residuals, right * residuals))
        lower = np.where(residuals == 0.0, 0.0, held * residuals)
    balance = np.abs(jacobian.T @ held / rows + l2 * u)
    forces = np.abs(jacobian).T @ np.abs(held) / rows + np.abs(l2 * u)
    cost = float(np.sum(losses)) / rows + 0.5 * float(l2 @ u**2)
    gap = float(np.sum(losses - lower)) / rows
    return u if np.all(balance <= BALANCE * forces) and gap <= GAP * abs(cost) else None
