"""Two classes of points in a plane, and the straight boundaries that a model drew between them, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.pictures.figure import BLUE, GREEN, GREY, ORANGE, Axes, Figure, blank, drawn, label
from tidu.pictures.numbers import Array

AROUND = 0.75  # of the plane around the points, in their own units


@dataclass(frozen=True)
class Points:
    """Points at (x1, x2), whether each is of the positive class, and lines w1·x1 + w2·x2 + b = 0 in the order drawn.

    `lines` has the shape (lines, 3); the last is the one that stands.
    """

    title: str
    x1: Array
    x2: Array
    positive: npt.NDArray[np.bool_]
    lines: Array


@drawn
def boundaries(parts: Sequence[Points]) -> Figure:
    """Panels side by side; earlier lines are fainter, and each is numbered where it leaves the picture."""
    figure, axes = blank(columns=len(parts), width=4.6, height=5.4)
    for ax, part in zip(axes, parts, strict=True):
        _draw(ax, part)
    return figure


def _draw(axes: Axes, part: Points) -> None:
    left, right = part.x1.min() - AROUND, part.x1.max() + AROUND
    low, high = part.x2.min() - AROUND, part.x2.max() + AROUND
    for k, (w1, w2, b) in enumerate(part.lines):
        length = w1 * w1 + w2 * w2
        if length == 0:  # all of the plane is on one side
            continue
        last = k == len(part.lines) - 1
        foot = (-b * w1 / length, -b * w2 / length)
        strength = 1.0 if last else 0.25 + 0.5 * k / len(part.lines)
        axes.axline(
            foot, (foot[0] - w2, foot[1] + w1), color=GREEN if last else GREY, alpha=strength, lw=2.2 if last else 1.2
        )
        end = _leaves(foot, (-w2, w1), (left, right), (low, high))
        if end is not None:
            axes.annotate(str(k + 1), end, color=GREEN if last else GREY, ha="center", va="center", fontsize="small",
                          bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none"})  # fmt: skip
    for positive, marker, colour, name in ((True, "o", ORANGE, "+1"), (False, "s", BLUE, "−1")):
        chosen = part.positive == positive
        axes.plot(part.x1[chosen], part.x2[chosen], marker, color=colour, markersize=10, label=f"y = {name}")
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set_xlabel("x1")
    axes.set_ylabel("x2")
    axes.set_title(label(part.title))
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=2)


def _leaves(
    foot: tuple[float, float], along: tuple[float, float], x: tuple[float, float], y: tuple[float, float]
) -> tuple[float, float] | None:
    """Where a line leaves a box, a little inside; None if it does not cross it."""
    least, most = -np.inf, np.inf
    for start, step, (low, high) in zip(foot, along, (x, y), strict=True):
        if step == 0:
            if not low < start < high:
                return None
            continue
        ends = sorted(((low - start) / step, (high - start) / step))
        least, most = max(least, ends[0]), min(most, ends[1])
    if least >= most:
        return None
    at = most - 0.06 * (most - least)
    return foot[0] + at * along[0], foot[1] + at * along[1]
