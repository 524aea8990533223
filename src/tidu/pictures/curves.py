"""Curves: the loss over time, several series side by side, the cost along one parameter."""

from __future__ import annotations

import numpy as np

from tidu.pictures.figure import BLUE, RED, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array

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
def cost_curve(parameter: str, values: Array, cost: Array, best: float) -> Figure:
    """The cost along one parameter, with its lowest point marked."""
    figure, (axes,) = blank(width=7.0)
    axes.plot(values, cost, color=BLUE, marker="." if len(values) <= 80 else None)
    axes.plot([best], [np.nanmin(cost)], "o", color=RED, label=f"{parameter} = {best:g}")
    axes.set_xlabel(parameter)
    axes.set_ylabel(label("cost J"))
    axes.legend()
    return figure
