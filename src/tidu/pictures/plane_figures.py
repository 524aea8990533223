"""Planes drawn with matplotlib: the look of every curve, dot and bar, and a legend that lies over nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tidu.pictures.figure import COLOURS, GREY, Axes, Figure, blank, drawn
from tidu.pictures.planes import DATA, Curve, Plane

MOST_POINTS = 20_000  # drawn as dots; more would hide the curve and fill the file
BESIDE = 3  # entries of a legend that stand above the axes; more stand to the right


@drawn
def plane_figure(planes: Sequence[Plane], title: str = "", width: float = 6.4, height: float = 4.2) -> Figure:
    """Planes side by side."""
    figure, axes = blank(columns=len(planes), width=width if len(planes) == 1 else 0.84 * width, height=height)
    for ax, plane in zip(axes, planes, strict=True):
        draw_plane(ax, plane)
    if title:
        figure.suptitle(title, fontsize="medium", x=0.02, ha="left")
    return figure


@drawn
def stacked_figure(above: Plane, below: Plane, width: float = 6.4, height: float = 5.4) -> Figure:
    """Two planes over one x: the lower one, a quarter of the height, explains the upper."""
    figure, (top, bottom) = blank(rows=2, width=width, height=height / 2, shared=True, shares=(3.0, 1.0))
    draw_plane(top, above)
    draw_plane(bottom, below)
    top.tick_params(labelbottom=False)
    return figure


@drawn
def plane_grid(planes: Sequence[Plane], columns: int = 3, width: float = 4.0, height: float = 3.1) -> Figure:
    """Planes in rows of so many, without legends: for comparing shapes."""
    columns = min(columns, len(planes))
    rows = -(-len(planes) // columns)
    figure, axes = blank(columns=columns, rows=rows, width=width, height=height)
    for ax, plane in zip(axes, planes, strict=False):
        draw_plane(ax, replace(plane, curves=tuple(replace(c, name="") for c in plane.curves)))
    for ax in axes[len(planes) :]:
        ax.set_visible(False)
    return figure


def draw_plane(axes: Axes, plane: Plane) -> None:
    """All that a plane holds."""
    if plane.bars is not None:
        axes.stairs(plane.bars.heights, plane.bars.edges, fill=True, color=COLOURS[0], alpha=0.45)
        axes.stairs(plane.bars.heights, plane.bars.edges, color=COLOURS[0], linewidth=1.0)
    for band in plane.bands:
        axes.fill_between(band.x, band.low, band.high, color=COLOURS[band.ink], alpha=band.alpha, linewidth=0,
                          label=band.name or None, zorder=1)  # fmt: skip
    for curve in plane.curves:
        _draw_curve(axes, curve)
    if plane.log_x:
        axes.set_xscale("log")
    for rule in plane.rules:
        line = axes.axvline if rule.axis == "x" else axes.axhline
        line(rule.at, color=COLOURS[rule.ink], linewidth=1.3, linestyle="--", label=rule.name or None)
    if plane.log_y:
        axes.set_yscale("log")
    if plane.limits is not None:
        axes.set_xlim(plane.limits[0], plane.limits[1])
        axes.set_ylim(plane.limits[2], plane.limits[3])
    axes.set_xlabel(plane.x_label)
    axes.set_ylabel(plane.y_label)
    if plane.title:
        axes.set_title(plane.title, loc="left")
    legend_outside(axes, above=not plane.title)
    _ticks_at_whole_numbers(axes, plane)


def _draw_curve(axes: Axes, curve: Curve) -> None:
    colour, width, alpha = ink_of(curve.ink)
    every = max(1, len(curve.x) // MOST_POINTS) if curve.style == "dots" else 1
    how = {
        "line": {"linewidth": width, "marker": "o" if len(curve.x) == 1 else None},
        "points": {"linewidth": width, "marker": "o", "markersize": 4},
        "dots": {"linestyle": "none", "marker": ".", "markersize": 5 if len(curve.x) < 3000 else 2.5},
    }[curve.style]
    behind = 3 if curve.ink != DATA else 2
    if curve.spread is not None:
        axes.errorbar(curve.x[::every], curve.y[::every], curve.spread[::every], fmt="none", ecolor=GREY,
                      elinewidth=1.0, capsize=2.0, zorder=behind)  # fmt: skip
    axes.plot(curve.x[::every], curve.y[::every], color=colour, alpha=alpha, label=curve.name or None, zorder=behind,
              **how)  # type: ignore[arg-type]  # fmt: skip


def ink_of(ink: float) -> tuple[str | tuple[float, ...], float, float]:
    """Colour, width of the line and opacity."""
    if ink == DATA:
        return GREY, 1.0, 0.85
    if isinstance(ink, float):  # of curves that follow each other: from pale to strong
        from matplotlib import colormaps

        shade = tuple(float(c) for c in colormaps["plasma"](0.88 * (1.0 - ink)))
        return shade, 1.2 + 1.2 * (ink == 1.0), 1.0
    return COLOURS[int(ink) % len(COLOURS)], 1.7, 1.0


def legend_outside(axes: Axes, above: bool = True) -> None:
    """A legend above the axes, or to the right of them where it is long: never over what is drawn."""
    handles, names = axes.get_legend_handles_labels()
    if not names:
        return
    length = sum(len(name) for name in names)
    if above and len(names) <= BESIDE and length <= 60:
        axes.legend(handles, names, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(names), borderaxespad=0.3)
    else:
        axes.legend(handles, names, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")


def legend_above(axes: Axes) -> None:
    """A legend above the axes, in as many rows as it needs: where something else stands to the right."""
    handles, names = axes.get_legend_handles_labels()
    if names:
        axes.legend(handles, names, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=min(BESIDE, len(names)),
                    borderaxespad=0.3, fontsize="small" if len(names) > BESIDE else None)  # fmt: skip


def _ticks_at_whole_numbers(axes: Axes, plane: Plane) -> None:
    """No tick at step 2.5, and none at half a row."""
    from matplotlib.ticker import MaxNLocator

    if plane.bars is not None:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if not plane.curves or plane.bars is not None or plane.limits is not None:
        return
    x = np.concatenate([c.x for c in plane.curves])
    x = x[np.isfinite(x)]
    if len(x) and np.array_equal(x, np.round(x)) and not any(c.style == "dots" for c in plane.curves):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
