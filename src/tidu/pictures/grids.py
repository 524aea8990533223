"""Sweeps: the last loss against what was varied, over one axis or two, and the loss curves of the runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.pictures.curves import HIGHEST
from tidu.pictures.figure import BLUE, ORANGE, RED, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array

DECADES = 30.0  # largest by smallest, from which a logarithmic scale shows more
MOST_CURVES = 12


@drawn
def loss_against(
    name: str, values: Sequence[float | str], loss: Array, epochs: npt.NDArray[np.int64], curves: Array
) -> Figure:
    """The last loss against the values of one axis, and the loss curves of some of the runs.

    `loss` is nan for runs that diverged, which are marked at the top.
    """
    figure, (left, right) = blank(columns=2)
    x, finite = _positions(left, name, values), np.isfinite(loss) & (np.abs(loss) < HIGHEST)
    order = np.argsort(x, kind="stable")
    left.plot(x[order], np.where(finite, loss, np.nan)[order], color=BLUE, marker="." if len(x) < 100 else None)
    left.set_ylabel(label("last loss"))
    if spans(loss[finite]):
        left.set_yscale("log")
    if finite.any():
        best = int(np.argmin(np.where(finite, loss, np.inf)))
        left.plot(x[best], loss[best], "o", color=ORANGE, label=label("lowest"))
    top = left.get_xaxis_transform()
    if not finite.all():
        left.plot(x[~finite], np.ones((~finite).sum()), "x", color=RED, transform=top, clip_on=False,
                  label=label("diverged"))  # fmt: skip
    if left.get_legend_handles_labels()[0]:
        left.legend()
    _curves(right, name, values, epochs, curves)
    return figure


def _curves(axes: Axes, name: str, values: Sequence[float | str], epochs: npt.NDArray[np.int64], curves: Array) -> None:
    """Loss curves of at most a dozen runs, evenly spread."""
    curves = np.where(np.abs(curves) < HIGHEST, curves, np.nan)
    spread = np.unique(np.linspace(0, len(values) - 1, min(MOST_CURVES, len(values))).round().astype(int))
    chosen = [k for k in spread.tolist() if np.isfinite(curves[k]).any()]
    colours = _colours(len(chosen))
    for k, colour in zip(chosen, colours, strict=True):
        axes.plot(epochs, curves[k], color=colour, linewidth=1.4, label=_tick(values[k]))
    shown = curves[chosen]
    if spans(shown[np.isfinite(shown)]):
        axes.set_yscale("log")
    axes.set_xlabel(label("epoch"))
    axes.set_ylabel(label("loss"))
    if chosen:
        axes.legend(title=name, fontsize="small")


@drawn
def loss_map(x_name: str, y_name: str, x: Sequence[float | str], y: Sequence[float | str], loss: Array) -> Figure:
    """The last loss over two axes, of shape (x, y); diverged runs are crosses on white."""
    from matplotlib.colors import LogNorm

    figure, (axes,) = blank(width=6.5, height=5.0)
    finite = np.isfinite(loss) & (np.abs(loss) < HIGHEST)
    shown = np.where(finite, loss, np.nan)
    norm = LogNorm() if spans(loss[finite]) else None
    mesh = axes.pcolormesh(
        np.arange(len(x)), np.arange(len(y)), shown.T, shading="nearest", cmap="viridis_r", norm=norm
    )
    figure.colorbar(mesh, ax=axes, label=label("last loss"))
    axes.plot(*np.nonzero(~finite), "x", color=RED)
    if finite.any():
        best = np.unravel_index(int(np.argmin(np.where(finite, loss, np.inf))), loss.shape)
        axes.plot(*best, "o", color=ORANGE, markeredgecolor="white")
    _named_places(axes.set_xticks, x)
    _named_places(axes.set_yticks, y)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(False)
    return figure


def spans(values: Array) -> bool:
    """Whether positive numbers are better shown on a logarithmic scale."""
    return bool(len(values) and values.min() > 0 and values.max() > DECADES * values.min())


def _positions(axes: Axes, name: str, values: Sequence[float | str]) -> Array:
    """Where values stand on the x axis: at themselves, or one after another where they are not all numbers."""
    axes.set_xlabel(name)
    if any(isinstance(v, str) for v in values):
        _named_places(axes.set_xticks, values)
        return np.arange(len(values), dtype=np.float64)
    x = np.array(values, dtype=np.float64)
    if spans(x):
        axes.set_xscale("log")
    return x


def _named_places(set_ticks: object, values: Sequence[float | str], most: int = 8) -> None:
    places = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    set_ticks(places, [_tick(values[k]) for k in places])  # type: ignore[operator]  # a method of axes


def _tick(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _colours(count: int) -> list[tuple[float, ...]]:
    from matplotlib import colormaps

    return [tuple(c) for c in colormaps["viridis"](np.linspace(0.0, 0.9, max(count, 1)))][:count]
