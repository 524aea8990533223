"""The cost over two parameters, seen from above: contours that are smooth in the narrowest valley, and paths.

The grid need not be straight: `insight.picturing.cost_slices` makes one that follows the valley's floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tidu.pictures.figure import COLOURS, Axes, Figure, blank, drawn
from tidu.pictures.numbers import Array, Series
from tidu.pictures.plane_figures import legend_above, legend_outside

if TYPE_CHECKING:
    from matplotlib.contour import QuadContourSet

STEEPEST = 12  # contour lines
LINES = "#43536b"  # of the contours: seen on the palest and on the darkest
MOST_DOTS = 60  # of a path that are marked


@dataclass(frozen=True)
class CostMap:
    """The cost J at `x[i, j]`, `y[i, j]`, arrays of shape (n, m); nan where it is not finite.

    `lowest` is the lowest cost in sight, `minimum` where that is, if it is known; `note` says what is held where there
    are more parameters. `limits` are those of x, then of y.
    """

    names: tuple[str, str]
    x: Array
    y: Array
    height: Array
    lowest: float
    limits: tuple[float, float, float, float]
    paths: tuple[Series, ...] = ()
    minimum: tuple[float, float] | None = None
    title: str = ""
    note: str = ""

    @property
    def levels(self) -> Array:
        """Heights of the contour lines: their distances above the lowest grow like squares, as a bowl's do."""
        inside = (
            (self.x >= self.limits[0]) & (self.x <= self.limits[1])
            & (self.y >= self.limits[2]) & (self.y <= self.limits[3]) & np.isfinite(self.height)
        )  # fmt: skip
        high = float(self.height[inside].max()) if inside.any() else self.lowest + 1.0
        span = max(high - self.lowest, 1e-300)
        return np.asarray(self.lowest + span * ((np.arange(STEEPEST) + 0.5) / STEEPEST) ** 2)

    @property
    def root_levels(self) -> Array:
        """The square roots of their distances above the lowest, from 0; where all is level, 0 and 1."""
        roots = np.unique(np.append(0.0, np.sqrt(np.maximum(self.levels - self.lowest, 0.0))))
        return roots if len(roots) > 1 else np.array([0.0, 1.0])


@drawn
def cost_map_figure(cost_map: CostMap, minimum: str = "", scale: str = "") -> Figure:
    """Filled contours, the paths with their starts and ends, and the minimum.

    `minimum` is its name; with a `scale`, a bar of that name says how high each colour is.
    """
    figure, (axes,) = blank(width=7.2, height=4.8)
    filled = draw_cost_map(axes, cost_map, minimum)
    if scale:
        roots = cost_map.root_levels[::2]
        bar = figure.colorbar(filled, ax=axes, label=scale, ticks=roots)
        heights = [float(f"{cost_map.lowest + root**2:.3g}") for root in roots]
        bar.ax.set_yticklabels([f"{height:g}".replace("-", "\N{MINUS SIGN}") for height in heights])
        legend_above(axes)
    if cost_map.title:
        figure.suptitle(cost_map.title, fontsize="medium", x=0.02, ha="left")
    return figure


def draw_cost_map(axes: Axes, cost_map: CostMap, minimum: str = "", dots: bool = True) -> QuadContourSet:
    """One map; with `dots`, the places after single steps are marked on the paths."""
    root = np.sqrt(np.maximum(np.ma.masked_invalid(cost_map.height) - cost_map.lowest, 0.0))  # straight across a bowl
    levels = cost_map.root_levels
    filled = axes.contourf(cost_map.x, cost_map.y, root, levels=levels, cmap="Blues_r", alpha=0.55, extend="max")
    axes.contour(cost_map.x, cost_map.y, root, levels=levels[1:], colors=[LINES], linewidths=0.6)
    inks = COLOURS[1:5]
    for k, path in enumerate(cost_map.paths):
        colour = inks[k % len(inks)]
        few = dots and len(path.x) <= MOST_DOTS
        axes.plot(path.x, path.y, color=colour, linewidth=1.8, marker="." if few else None, markersize=5,
                  label=path.name or None, zorder=10 - k)  # fmt: skip
        axes.plot(path.x[-1:], path.y[-1:], "o", color=colour, markersize=6, markeredgecolor="white", zorder=11)
    if cost_map.paths:
        start = cost_map.paths[0]
        axes.plot(start.x[:1], start.y[:1], "s", color="black", markersize=5.5, markeredgecolor="white",
                  zorder=12)  # fmt: skip
    if cost_map.minimum is not None:
        axes.plot(*([v] for v in cost_map.minimum), "*", color="black", markersize=12, markeredgecolor="white",
                  label=minimum or None, linestyle="none", zorder=12)  # fmt: skip
    axes.set_xlim(cost_map.limits[0], cost_map.limits[1])
    axes.set_ylim(cost_map.limits[2], cost_map.limits[3])
    axes.set_xlabel(cost_map.names[0] + (f"\n{cost_map.note}" if cost_map.note else ""))
    axes.set_ylabel(cost_map.names[1])
    axes.grid(False)
    legend_outside(axes)
    return filled


@drawn
def cost_map_frames(cost_map: CostMap, minimum: str, scale: str, count: int) -> list[Figure]:
    """An animation of the paths as they grow, on one map."""
    longest = max((len(p.x) for p in cost_map.paths), default=1)
    figures = []
    for end in np.unique(np.geomspace(1, longest, count).round().astype(int)):
        grown = tuple(Series(p.name, p.x[:end], p.y[:end]) for p in cost_map.paths)
        figures.append(cost_map_figure(replace(cost_map, paths=grown), minimum, scale))
    return figures
