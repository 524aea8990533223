"""Graphs of computations: boxes with a value and a slope, arrows with what is handed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidu.pictures.figure import BLUE, GREEN, GREY, ORANGE, Figure, blank, drawn, label


@dataclass(frozen=True)
class Box:
    """One node: its name, how it was computed (empty for a leaf), its value, its slope (empty for data)."""

    name: str
    formula: str
    value: str
    slope: str
    kept: bool = False


@dataclass(frozen=True)
class Arrow:
    """An argument and its user, by name, and the local slope between them (empty for data)."""

    argument: str
    user: str
    local: str


@drawn
def graph_picture(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> Figure:
    """Values from left to right, slopes from right to left below them."""
    places = _places(boxes, arrows)
    columns = max(x for x, _y in places.values()) + 1
    rows = max(y for _x, y in places.values()) + 1
    figure, (axes,) = blank(width=1.9 * columns + 0.6, height=1.35 * rows + 0.8)
    drawn_boxes = {}
    for box in boxes:
        x, y = places[box.name]
        edge = GREEN if box.kept else BLUE if box.slope else GREY
        lines = [box.name, *([f"= {box.formula}"] if box.formula else []), f"= {box.value}"]
        frame = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": edge, "linewidth": 1.6}
        drawn_boxes[box.name] = axes.text(x, -y, "\n".join(lines), ha="center", va="center", bbox=frame)
        if box.slope:
            slope = label("slope {slope}").format(slope=box.slope)
            axes.text(x, -y - 0.32, slope, color=ORANGE, ha="center", va="top")
    for arrow in arrows:
        (x0, y0), (x1, y1) = places[arrow.argument], places[arrow.user]
        ends = {
            f"patch{end}": drawn_boxes[name].get_bbox_patch()
            for end, name in zip("AB", (arrow.argument, arrow.user), strict=True)
        }
        axes.annotate(
            "", (x1, -y1), (x0, -y0), arrowprops={"arrowstyle": "->", "color": GREY, "shrinkA": 2, "shrinkB": 2, **ends}
        )
        if arrow.local:
            axes.text((x0 + x1) / 2, -(y0 + y1) / 2 + 0.06, f"×{arrow.local}", color=ORANGE, ha="center", va="bottom")
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(-rows + 0.35, 0.55)
    axes.set_title(label("forward: values, to the right · backward: slopes (orange), to the left"), loc="left")
    axes.set_axis_off()
    return figure


def _places(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> dict[str, tuple[int, int]]:
    """A column for each node, one left of its first user; rows in the given order, where the column is free."""
    users: dict[str, list[str]] = {box.name: [] for box in boxes}
    for arrow in arrows:
        users[arrow.argument].append(arrow.user)
    depth: dict[str, int] = {}
    for box in boxes:  # users come before their arguments
        depth[box.name] = max((depth[user] + 1 for user in users[box.name]), default=0)
    deepest = max(depth.values())
    taken: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for box in boxes:
        column = deepest - depth[box.name]
        row = max(taken.get(column, 0), *(places[user][1] for user in users[box.name]), 0)
        taken[column] = row + 1
        places[box.name] = (column, row)
    return places
