"""Pictures of walks down plain functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tidu.pictures.cost_maps import CostMap, draw_cost_map
from tidu.pictures.curves import loss_curve
from tidu.pictures.figure import BLUE, ORANGE, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array, Series
from tidu.pictures.valley_grids import follow_the_floor

ALONG, ACROSS = 61, 61  # points of the grid, along the valley and across it
FARTHEST = 1e60  # points beyond it, of a walk that diverges, are not drawn


@drawn
def descent_picture(
    function: str, values: Array, names: Sequence[str], path: Array, value_at: Callable[..., float]
) -> Figure:
    """The value over the steps and, for one or two variables, the path over the function."""
    path = path[(np.abs(path) < FARTHEST).all(axis=1)]
    figure, axes = blank(columns=2 if len(names) <= 2 else 1)
    loss_curve(axes[0], "step", values)
    axes[0].set_ylabel(label("value"))
    axes[0].set_title(function)
    if len(names) == 1:
        _walk_on_curve(axes[1], names[0], path[:, 0], value_at)
    elif len(names) == 2:
        draw_cost_map(axes[1], map_of(names, path, value_at))
    return figure


def map_of(names: Sequence[str], path: Array, value_at: Callable[..., float]) -> CostMap:
    """The function around a path of two variables, on a grid that follows the floor of its valley."""
    ends = []
    for k in range(2):
        low, high = path[:, k].min(), path[:, k].max()
        margin = 0.25 * max(high - low, 0.1 * max(abs(low), abs(high)), 1e-3)
        ends += [float(low - margin), float(high + margin)]
    limits = (ends[0], ends[1], ends[2], ends[3])
    x, y, height = follow_the_floor(value_at, limits, ALONG, ACROSS)
    finite = height[np.isfinite(height)]
    lowest = float(finite.min()) if len(finite) else 0.0
    return CostMap((names[0], names[1]), x, y, height, lowest, limits, (Series("", path[:, 0], path[:, 1]),))


def _walk_on_curve(axes: Axes, name: str, path: Array, value_at: Callable[..., float]) -> None:
    low, high = path.min(), path.max()
    margin = max(0.3 * (high - low), 0.1 * abs(high), 1e-3)
    around = np.linspace(min(low, -high if low >= 0 else low) - margin, high + margin, 300)
    axes.plot(around, [value_at(float(x)) for x in around], color=BLUE)
    axes.plot(path, [value_at(float(x)) for x in path], color=ORANGE, marker="o", markersize=4, linewidth=1)
    axes.set_xlabel(name)
    axes.set_ylabel(label("value"))
