"""Surfaces of two parameters, seen from above: contours of a cost, and the paths that descent takes over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidu.pictures.figure import COLOURS, GREY, RED, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array, Series


@dataclass(frozen=True)
class Surface:
    """Heights over a grid: `height[i, j]` stands at (`x[i]`, `y[j]`)."""

    x_name: str
    y_name: str
    x: Array
    y: Array
    height: Array


@drawn
def cost_map(surface: Surface, best: tuple[float, float]) -> Figure:
    """Filled contours of the cost over two parameters, with its lowest point marked."""
    figure, (axes,) = blank(width=6.5, height=5.0)
    if min(surface.height.shape) < 2:
        axes.scatter(*np.meshgrid(surface.x, surface.y, indexing="ij"), c=surface.height)
    else:
        filled = axes.contourf(surface.x, surface.y, shaped(surface.height).T, levels=24, cmap="viridis")
        figure.colorbar(filled, ax=axes, label=label("cost J (spread out near the minimum)"))
    axes.plot(*best, "o", color=RED, label=f"{surface.x_name} = {best[0]:g}, {surface.y_name} = {best[1]:g}")
    axes.set_xlabel(surface.x_name)
    axes.set_ylabel(surface.y_name)
    axes.legend()
    return figure


def shaped(height: Array) -> Array:
    """Heights on a scale that shows the valley: the logarithm above the lowest point, as far as it is positive."""
    above = height - np.nanmin(height)
    spread = np.nanmax(above[np.isfinite(above)])
    scaled: Array = np.log10(above + max(spread, 1e-300) * 1e-4)
    return scaled


def draw_paths(axes: Axes, surface: Surface, paths: Sequence[Series], levels: Array | int = 24) -> None:
    """Contour lines with paths over them, each with its start marked."""
    axes.contour(surface.x, surface.y, surface.height.T, levels=levels, colors=[GREY], linewidths=0.6, alpha=0.7)
    for k, path in enumerate(paths):
        colour = COLOURS[k % len(COLOURS)]
        axes.plot(path.x, path.y, color=colour, linewidth=1.6, marker=".", markersize=3, label=path.name)
        axes.plot(path.x[:1], path.y[:1], "o", color=colour)
    axes.set_xlabel(surface.x_name)
    axes.set_ylabel(surface.y_name)
    axes.set_xlim(surface.x.min(), surface.x.max())
    axes.set_ylim(surface.y.min(), surface.y.max())
    if len(paths) > 1:
        axes.legend()


@drawn
def path_picture(surface: Surface, paths: Sequence[Series], title: str = "", levels: Array | int = 24) -> Figure:
    """Contour lines with the paths of one or several descents."""
    figure, (axes,) = blank(width=6.5, height=5.0)
    draw_paths(axes, surface, paths, levels)
    axes.set_title(title)
    return figure
