"""Pictures of walks down plain functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tidu.pictures.curves import loss_curve
from tidu.pictures.figure import BLUE, ORANGE, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array, Series
from tidu.pictures.surfaces import Surface, draw_paths

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
        surface = surface_of(names, path, value_at)
        draw_paths(axes[1], surface, [Series("", path[:, 0], path[:, 1])])
    return figure


def surface_of(names: Sequence[str], path: Array, value_at: Callable[..., float], points: int = 80) -> Surface:
    """The function around a path of two variables, on a grid."""
    axes = []
    for k in range(2):
        low, high = path[:, k].min(), path[:, k].max()
        margin = 0.25 * max(high - low, 0.1 * max(abs(low), abs(high)), 1e-3)
        axes.append(np.linspace(low - margin, high + margin, points))
    height = np.array([[value_at(float(a), float(b)) for b in axes[1]] for a in axes[0]])
    return Surface(names[0], names[1], axes[0], axes[1], height)


def _walk_on_curve(axes: Axes, name: str, path: Array, value_at: Callable[..., float]) -> None:
    low, high = path.min(), path.max()
    margin = max(0.3 * (high - low), 0.1 * abs(high), 1e-3)
    around = np.linspace(min(low, -high if low >= 0 else low) - margin, high + margin, 300)
    axes.plot(around, [value_at(float(x)) for x in around], color=BLUE)
    axes.plot(path, [value_at(float(x)) for x in path], color=ORANGE, marker="o", markersize=4, linewidth=1)
    axes.set_xlabel(name)
    axes.set_ylabel(label("value"))
