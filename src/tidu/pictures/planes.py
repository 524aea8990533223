"""Planes: what most pictures consist of, as plain numbers: curves, dots and bars over two axes, with their words.

Whoever knows a run makes them; `plane_figures` draws them with matplotlib, `sketches` with characters in a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tidu.pictures.numbers import Array

DATA = -1  # the ink of samples
HIGHEST = 1e250  # above it matplotlib's own arithmetic overflows
DECADES = 30.0  # largest by smallest, from which a logarithmic scale shows more


@dataclass(frozen=True)
class Curve:
    """Points of shape (n,), joined by a line or not.

    `ink` is the number of a colour, `DATA` for samples, or a fraction: how far on a curve is among others that follow
    each other in time. Without a `name` it is not in the legend.
    """

    name: str
    x: Array
    y: Array
    style: Literal["line", "dots", "points"] = "line"
    ink: int | float = 0
    spread: Array | None = None  # the standard deviation of each point, drawn as an error bar


@dataclass(frozen=True)
class Band:
    """What lies between two curves over the same x, in a colour that lets through what is behind."""

    name: str
    x: Array
    low: Array
    high: Array
    ink: int = 0
    alpha: float = 0.25


@dataclass(frozen=True)
class Bars:
    """Counts between edges: `heights` of shape (n,), `edges` of shape (n + 1,)."""

    edges: Array
    heights: Array

    @classmethod
    def of(cls, values: Array, most: int = 40) -> Bars:
        """How often values of shape (n,) fall between edges, as many as Freedman and Diaconis (1981) ask for."""
        values = values[np.isfinite(values)]
        if not len(values):
            return cls(np.array([0.0, 1.0]), np.array([0.0]))
        low, high = float(values.min()), float(values.max())
        if high - low <= 1e-12 * max(abs(low), abs(high)):  # all alike: one bar
            width = max(1e-3 * abs(low), 1e-3)
            return cls(np.array([low - width, low + width]), np.array([float(len(values))]))
        count = min(most, max(5, len(np.histogram_bin_edges(values[: 10 * 65536], "fd")) - 1))
        heights, edges = np.histogram(values, count)
        return cls(edges, heights.astype(np.float64))


@dataclass(frozen=True)
class Rule:
    """A straight line across the plane, at a value of x or of y, with its name in the legend."""

    axis: Literal["x", "y"]
    at: float
    name: str = ""
    ink: int = 3


@dataclass(frozen=True)
class Plane:
    """One pair of axes."""

    x_label: str
    y_label: str
    curves: tuple[Curve, ...] = ()
    bars: Bars | None = None
    rules: tuple[Rule, ...] = ()
    title: str = ""
    log_y: bool = False
    log_x: bool = False
    bands: tuple[Band, ...] = ()
    limits: tuple[float, float, float, float] | None = field(default=None)  # of x, then of y; None: all that there is

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a page that draws it."""
        return {
            "x_label": self.x_label, "y_label": self.y_label, "title": self.title,
            "log_y": self.log_y, "log_x": self.log_x,
            "bands": [
                {"name": b.name, "x": b.x.tolist(), "low": b.low.tolist(), "high": b.high.tolist(), "ink": b.ink}
                for b in self.bands
            ],
            "curves": [
                {"name": c.name, "x": c.x.tolist(), "y": c.y.tolist(), "style": c.style, "ink": c.ink}
                for c in self.curves
            ],
            "bars": None if self.bars is None else
                    {"edges": self.bars.edges.tolist(), "heights": self.bars.heights.tolist()},
            "rules": [{"axis": r.axis, "at": r.at, "name": r.name} for r in self.rules],
        }  # fmt: skip


def drawable(values: Array) -> Array:
    """The values, with nan for what is too large to draw."""
    return np.where(np.abs(values) < HIGHEST, values, np.nan)


def spans_decades(values: Sequence[Array] | Array) -> bool:
    """Whether positive numbers are better shown on a logarithmic scale."""
    every = np.concatenate([np.ravel(v) for v in values]) if len(values) else np.empty(0)
    every = every[np.isfinite(every)]
    return bool(len(every) and every.min() > 0 and every.max() > DECADES * every.min())
