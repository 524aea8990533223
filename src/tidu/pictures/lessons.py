"""The pictures that lessons need besides the general ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidu.pictures.curves import draw_series
from tidu.pictures.figure import COLOURS, GREY, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array, Series
from tidu.pictures.surfaces import Surface, draw_paths

Panel = tuple[str, str, Sequence[Series], bool]  # x label, y label, curves, whether y is logarithmic


@drawn
def panels(*parts: Panel) -> Figure:
    """Curves side by side."""
    figure, axes = blank(columns=len(parts), width=5.5)
    for ax, (x_label, y_label, series, log) in zip(axes, parts, strict=True):
        draw_series(ax, [Series(label(s.name) if s.name else "", s.x, s.y) for s in series], label(x_label),
                    label(y_label), log)  # fmt: skip
    return figure


@drawn
def points_and_curves(points: Series, curves: Sequence[Series], x_label: str, y_label: str) -> Figure:
    """Samples as dots, and curves over them."""
    figure, (axes,) = blank(width=7.0)
    axes.plot(points.x, points.y, ".", color=GREY, markersize=6, label=label(points.name))
    for k, curve in enumerate(curves):
        axes.plot(curve.x, curve.y, color=COLOURS[(k + 1) % len(COLOURS)], linewidth=1.8, label=label(curve.name))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend()
    return figure


@drawn
def batches_picture(samples: int, batch_size: int) -> Figure:
    """Which samples feed which update in one epoch: the full batch above, mini-batches below."""
    figure, axes = blank(rows=2, width=9.0, height=1.9)
    for ax, size in zip(axes, (samples, batch_size), strict=True):
        _batch_row(ax, samples, size)
    axes[0].set_title(label("full batch: one update an epoch"), loc="left")
    axes[1].set_title(label("mini-batches: an update after each"), loc="left")
    return figure


def _batch_row(axes: Axes, samples: int, size: int) -> None:
    from matplotlib.patches import FancyBboxPatch

    for k, first in enumerate(range(0, samples, size)):
        last = min(first + size, samples)
        colour = COLOURS[k % len(COLOURS)]
        for i in range(first, last):
            style = "round,pad=0,rounding_size=0.15"
            axes.add_patch(
                FancyBboxPatch((i + 0.08, 0.1), 0.84, 0.8, boxstyle=style, facecolor=colour, alpha=0.25, lw=0)
            )
            axes.text(i + 0.5, 0.5, str(i + 1), ha="center", va="center")
        axes.annotate("", xy=(last + 0.0, -0.75), xytext=((first + last) / 2, 0.0), arrowprops={"arrowstyle": "->",
                      "color": colour, "connectionstyle": "arc3,rad=0.15"})  # fmt: skip
        axes.text(last, -0.85, label("update {k}").format(k=k + 1), color=colour, ha="right", va="top")
    axes.set_xlim(-0.2, samples + 0.4)
    axes.set_ylim(-1.6, 1.1)
    axes.set_axis_off()


@drawn
def valley_picture(surface: Surface, paths: Sequence[Series], parameters: Panel) -> Figure:
    """A path over the contours of a cost, and the parameters along it."""
    figure, axes = blank(columns=2, width=6.0)
    low, high = float(np.nanmin(surface.height)), float(np.nanmax(surface.height))
    levels: Array = low + np.geomspace(max(high - low, 1e-12) * 1e-5, high - low, 18)
    draw_paths(axes[0], surface, [Series(label(p.name), p.x, p.y) for p in paths], levels)
    x_label, y_label, series, log = parameters
    draw_series(axes[1], series, label(x_label), label(y_label), log)
    return figure
