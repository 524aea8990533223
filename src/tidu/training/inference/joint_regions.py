"""The joint region of two parameters: where the cost has risen to a level, with the other parameters at their best.

Its edge is followed from point to point, along the tangent and back onto it along the slope, which a profile knows; so
it may bend like a banana, or be open (Bates & Watts 1988, sec. 6.1.3, as contours). All lengths are in units in which
Wald's ellipse is a circle. Called for the picture of pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.training.inference.profiles import Measure, refitted
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
SHORT, LONG = 0.05, 0.2  # strides along the edge, of the quantile: the first, and the longest where it is straight
SHORTEST = 1e-3  # ... before the edge is lost
TURN = 0.12  # of the direction, at most, from one point to the next, in radians
ON_EDGE = 1e-4  # of the square of the quantile: how near to the level a point is
CORRECTIONS = 8
MOST_POINTS = 800
FAR = 4.0  # quantiles from the minimum at which a region is open, as far as a picture shows
ELLIPSE, STARTS = 91, 8  # points of Wald's, and those from which edges are looked for


@dataclass(frozen=True)
class Pair:
    """The joint region of two parameters.

    Attributes
    ----------
    edge : of shape (n, 2); it ends where it began, unless the region is open or the edge cannot be followed on. Rows
        of nan stand between the sides of an open one.
    ellipse : Wald's, of shape (m, 2).
    """

    names: tuple[str, str]
    edge: Array
    ellipse: Array


class _Rise:
    """τ² and its slope as functions of two parameters, in units of Wald's ellipse, with the others at their best."""

    def __init__(
        self, objective: Objective, best: Array, covariance: Array, both: list[int], measure: Measure,
        bounds: Bounds | None,
    ) -> None:  # fmt: skip
        self.objective, self.best, self.both, self.measure, self.bounds = objective, best, both, measure, bounds
        self.units = np.linalg.cholesky(covariance[np.ix_(both, both)])
        self.drift = covariance[:, both] @ np.linalg.inv(covariance[np.ix_(both, both)]) @ self.units
        self.cost = objective.cost(best)
        self.level = measure.quantile**2

    def values(self, u: Array) -> Array:
        """The two parameters at points of shape (..., 2)."""
        return np.asarray(self.best[self.both] + u @ self.units.T)

    def at(self, u: Array, near: Array) -> tuple[float, Array, Array] | None:
        """τ² − the level, its slope and all parameters, fitted from those `near`; None where nothing can be fitted."""
        start = near.copy()
        start[self.both] = self.values(u)
        found = refitted(self.objective, start, self.both, self.bounds)
        if found is None or not np.allclose(found[0][self.both], start[self.both], rtol=1e-12, atol=0.0):
            return None
        at, cost, gradient = found
        slope = self.measure.scale * (self.units.T @ gradient[self.both])
        return self.measure.scale * (cost - self.cost) - self.level, slope, at

    def onto(self, u: Array, near: Array) -> tuple[Array, Array, Array] | None:
        """The point of the edge that is found from `u` along the slope, with the slope and all parameters there."""
        for _step in range(CORRECTIONS):
            found = self.at(u, near)
            if found is None or not np.all(np.isfinite(found[1])) or not found[1].any():
                return None
            off, slope, near = found
            if abs(off) <= ON_EDGE * self.level:
                return u, slope, near
            back = off / float(slope @ slope) * slope
            u = u - back * min(1.0, self.measure.quantile / max(float(np.linalg.norm(back)), 1e-300))
        return None


def pair_of(
    objective: Objective,
    best: Array,
    covariance: Array,
    places: tuple[int, int],
    measure: Measure,
    bounds: Bounds | None = None,
) -> Pair:
    """Where the cost rises to the square of the measure's quantile, with the other parameters at their best.

    The edge is empty where no point of it can be found.
    """
    rise = _Rise(objective, best, covariance, [*places], measure, bounds)
    turns = np.linspace(0.0, 2.0 * np.pi, ELLIPSE)
    circle = measure.quantile * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    with np.errstate(all="ignore"):
        edge = _edge(rise, circle)
    names = objective.names[places[0]], objective.names[places[1]]
    return Pair(names, rise.values(edge), rise.values(circle))


def _edge(rise: _Rise, circle: Array) -> Array:
    """The edge, in units of Wald's ellipse: one closed line, or of an open region the lines on its sides."""
    lines: list[Array] = []
    for u in circle[:: len(circle) // STARTS]:
        first = rise.onto(u, rise.best + rise.drift @ u)
        if first is None or any(_is_near(line, first[0], LONG * rise.measure.quantile) for line in lines):
            continue
        ahead, closed = _followed(rise, first, 1.0)
        if closed:
            return np.array([first[0], *ahead, first[0]])
        behind, _closed = _followed(rise, first, -1.0)
        lines += [np.array([*behind[::-1], first[0], *ahead])]
    between = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, between)][:-1]) if lines else np.zeros((0, 2))


def _is_near(line: Array, u: Array, reach: float) -> bool:
    """Whether a point lies on a line, or next to it."""
    return bool(np.min(np.linalg.norm(line - u, axis=1)) <= reach)


def _followed(rise: _Rise, first: tuple[Array, Array, Array], way: float) -> tuple[list[Array], bool]:
    """The points of the edge from the first one on, and whether it came back."""
    quantile = rise.measure.quantile
    here, slope, near = first
    stride, points = SHORT * quantile, list[Array]()
    while len(points) < MOST_POINTS and stride > SHORTEST * quantile:
        tangent = way * np.array([-slope[1], slope[0]]) / math.hypot(*slope)
        ahead = rise.onto(here + stride * tangent, near)
        if ahead is None or _turned(slope, ahead[1]) > TURN or float(np.linalg.norm(ahead[0] - here)) > 2.0 * stride:
            stride *= 0.5
            continue
        step = ahead[0] - here
        if len(points) > 3 and _passes(first[0] - here, step):
            return points, True
        here, slope, near = ahead
        points.append(here)
        if float(np.linalg.norm(here)) > FAR * quantile:
            break
        stride = min(1.5 * stride, LONG * quantile)
    return points, False


def _turned(one: Array, other: Array) -> float:
    """The angle between two slopes."""
    return math.atan2(abs(float(one[0] * other[1] - one[1] * other[0])), float(one @ other))


def _passes(first: Array, step: Array) -> bool:
    """Whether a step passes the first point, both as seen from where it begins."""
    length = float(np.linalg.norm(step))
    along = float(first @ step) / length
    aside = abs(float(first[0] * step[1] - first[1] * step[0])) / length
    return 0.0 <= along <= length and aside <= 0.3 * length
