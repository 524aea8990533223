"""The pictures that lessons need besides the general ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidu.pictures.curves import draw_series
from tidu.pictures.figure import COLOURS, GREY, Figure, blank, drawn, label
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
def valley_picture(surface: Surface, paths: Sequence[Series], parameters: Panel) -> Figure:
    """A path over the contours of a cost, and the parameters along it."""
    figure, axes = blank(columns=2, width=6.0)
    low, high = float(np.nanmin(surface.height)), float(np.nanmax(surface.height))
    levels: Array = low + np.geomspace(max(high - low, 1e-12) * 1e-5, high - low, 18)
    draw_paths(axes[0], surface, [Series(label(p.name), p.x, p.y) for p in paths], levels)
    x_label, y_label, series, log = parameters
    draw_series(axes[1], series, label(x_label), label(y_label), log)
    return figure
