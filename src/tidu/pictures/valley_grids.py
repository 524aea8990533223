"""Grids that follow the floor of a valley, for contours that are smooth in one far longer than wide.

A straight grid steps over such a floor, and its contours are jagged. Here the grid is even along one parameter, and
across, at each place, the lowest point is found first and the grid is dense around it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tidu.pictures.numbers import Array

NARROWINGS = 60  # of the interval that holds the lowest point of a line: to the last digits that matter
TRIED_LINES, TRIED_PLACES = 9, 33  # on which it is seen whether lines cross more than one valley
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def follow_the_floor(
    cost: Callable[[float, float], float], limits: tuple[float, float, float, float], along: int, across: int
) -> tuple[Array, Array, Array]:
    """A grid of shape (along, across) over the limits, dense around the lowest point of each of its lines.

    Lines run across the valley: along the parameter in which the cost, at the scale of the picture, curves most, or
    along the other, if the lines of the first cross two valleys. Where both do, the grid is straight.
    """
    left, right, low, high = limits
    steepest = 0 if _curvature(cost, limits, 0) > _curvature(cost, limits, 1) else 1
    for axis in (steepest, 1 - steepest):
        if _one_valley_each(cost, limits, axis):
            if axis == 1:
                return follow_lines(cost, (left, right), (low, high), along, across)
            y, x, height = follow_lines(lambda b, a: cost(a, b), (low, high), (left, right), along, across)
            return x, y, height
    x, y = np.meshgrid(np.linspace(left, right, along), np.linspace(low, high, across), indexing="ij")
    height = np.array([cost(a, b) for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)])
    return x, y, np.where(np.isfinite(height), height, np.nan).reshape(x.shape)


def _one_valley_each(
    cost: Callable[[float, float], float], limits: tuple[float, float, float, float], axis: int
) -> bool:
    """Whether the cost, on lines along an axis, falls and then only rises."""
    lines = np.linspace(limits[2 - 2 * axis], limits[3 - 2 * axis], TRIED_LINES).tolist()
    places = np.linspace(limits[2 * axis], limits[2 * axis + 1], TRIED_PLACES).tolist()
    for line in lines:
        heights = np.array([cost(line, p) if axis else cost(p, line) for p in places])
        heights = heights[np.isfinite(heights)]
        change = np.diff(heights)
        change = change[np.abs(change) > 1e-9 * np.ptp(heights)] if len(heights) else change
        if np.any((change[:-1] > 0.0) & (change[1:] < 0.0)):
            return False
    return True


def _curvature(cost: Callable[[float, float], float], limits: tuple[float, float, float, float], axis: int) -> float:
    """The second difference across the picture, in the middle of it."""
    middle = [0.5 * (limits[0] + limits[1]), 0.5 * (limits[2] + limits[3])]
    half = 0.5 * (limits[2 * axis + 1] - limits[2 * axis])
    values = []
    for shift in (-half, 0.0, half):
        point = list(middle)
        point[axis] += shift
        values.append(cost(*point))
    bend = values[0] - 2.0 * values[1] + values[2]
    return bend if np.isfinite(bend) else np.inf


def follow_lines(
    cost: Callable[[float, float], float], along: tuple[float, float], across: tuple[float, float], n: int, m: int
) -> tuple[Array, Array, Array]:
    """Lines at even places of the first argument; on each, places of the second that are dense around its lowest."""
    low, high = across
    span, below = high - low, m // 2
    even = np.linspace(*along, n)
    u = np.repeat(even[:, np.newaxis], m, axis=1)
    v, height = np.empty((n, m)), np.empty((n, m))
    for k, a in enumerate(even.tolist()):
        at = _lowest(lambda b, a=a: cost(a, b), low - span, high + span)  # type: ignore[misc]
        floor = min(max(at, low), high)  # where the floor leaves the picture, one half of the line has no length
        v[k, : below + 1] = floor - (floor - low) * _dense_at_0(below + 1)[::-1]
        v[k, below:] = floor + (high - floor) * _dense_at_0(m - below)
        height[k] = [cost(a, b) for b in v[k].tolist()]
    height[~np.isfinite(height)] = np.nan
    return u, v, height


def _dense_at_0(count: int) -> Array:
    """`count` places from 0 to 1, the first ones a thousandth apart and each gap larger than the one before."""
    if count == 1:
        return np.zeros(1)
    t = np.linspace(0.0, 1.0, count)
    return np.asarray(np.sinh(6.0 * t) / np.sinh(6.0))


def _lowest(line: Callable[[float], float], low: float, high: float) -> float:
    """The lowest point of a line that falls and then rises, by golden sections (Kiefer 1953)."""
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_a, at_b = line(a), line(b)
    for _k in range(NARROWINGS):
        if not at_b < at_a:  # the lowest is on the left; so too where b is not finite
            high, b, at_b = b, a, at_a
            a = high - GOLDEN * (high - low)
            at_a = line(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + GOLDEN * (high - low)
            at_b = line(b)
    return 0.5 * (low + high)
