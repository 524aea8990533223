"""Curves: the loss over time, several series side by side, the cost along one parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidu.pictures.figure import BLUE, COLOURS, RED, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array, Series

HIGHEST = 1e250  # above it matplotlib's own arithmetic overflows


def loss_curve(axes: Axes, record: str, loss: Array) -> None:
    """Loss over epochs or steps, on a logarithmic axis where it falls far."""
    time = np.arange(len(loss))
    loss = np.where(np.abs(loss) < HIGHEST, loss, np.nan)
    axes.plot(time, loss, color=BLUE, linewidth=1.6, marker="o" if len(loss) == 1 else None)
    axes.set_xlabel(label("epoch") if record == "epoch" else label("step"))
    axes.set_ylabel(label("loss"))
    finite = loss[np.isfinite(loss)]
    if len(finite) and finite.min() > 0 and finite.max() > 30 * finite.min():
        axes.set_yscale("log")


@drawn
def series_picture(series: Sequence[Series], x_label: str, y_label: str, title: str = "", log: bool = False) -> Figure:
    """Several curves in one pair of axes, with a legend."""
    figure, (axes,) = blank(width=7.0)
    draw_series(axes, series, x_label, y_label, log)
    axes.set_title(title)
    return figure


def draw_series(axes: Axes, series: Sequence[Series], x_label: str, y_label: str, log: bool = False) -> None:
    """Curves with their names."""
    for k, s in enumerate(series):
        axes.plot(s.x, s.y, color=COLOURS[k % len(COLOURS)], linewidth=1.6, label=s.name)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if log:
        axes.set_yscale("log")
    if all(len(s.x) <= 12 for s in series):  # few epochs: a tick at each, none between
        axes.set_xticks(sorted({float(x) for s in series for x in s.x if float(x).is_integer()}))
    if len(series) > 1:
        axes.legend()


@drawn
def cost_curve(parameter: str, values: Array, cost: Array, best: float) -> Figure:
    """The cost along one parameter, with its lowest point marked."""
    figure, (axes,) = blank(width=7.0)
    axes.plot(values, cost, color=BLUE, marker="." if len(values) <= 80 else None)
    axes.plot([best], [np.nanmin(cost)], "o", color=RED, label=f"{parameter} = {best:g}")
    axes.set_xlabel(parameter)
    axes.set_ylabel(label("cost J"))
    axes.legend()
    return figure
