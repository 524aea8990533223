"""Graphs drawn with matplotlib: values from left to right, gradients below them, slopes on the edges."""

from __future__ import annotations

import itertools

import numpy as np

from tidu.pictures.figure import GREY, Axes, Figure, blank, drawn
from tidu.pictures.graphs import LINE, OUTLINES, Edge, Graph, Node, shown
from tidu.pictures.layered_layout import Box, Point

MARGIN = 0.15  # inches
HEADING = 0.3  # inches, for each of the title and the line below it
SLOPE_COLOUR = "#b35c00"  # orange that can be read on white


@drawn
def graph_figure(graph: Graph) -> Figure:
    """The graph at its own size: text of nine points, however large it is."""
    layout = graph.layout
    words = [(graph.title, 10.5, "black"), (graph.note, 8.5, SLOPE_COLOUR)]
    said = [each for each in words if each[0]]
    heading = HEADING * len(said)
    width = max(layout.width, 0.075 * max(len(graph.title), len(graph.note))) + 2 * MARGIN
    height = layout.height + 2 * MARGIN + heading
    figure, (axes,) = blank(width=width, height=height)
    figure.set_layout_engine("none")
    axes.set_position((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-MARGIN, width - MARGIN)
    axes.set_ylim(-MARGIN, height - MARGIN)
    axes.set_axis_off()
    for edge, points in zip(graph.edges, layout.edges, strict=True):
        _draw_edge(axes, edge, points)
    for node in graph.nodes:
        _draw_node(axes, node, layout.boxes[node.name], graph.of_gradient)
    for k, (text, size, colour) in enumerate(said):
        axes.text(0.0, height - 2 * MARGIN - 0.1 - 0.25 * k, text, fontsize=size, va="center", color=colour)
    return figure


def _draw_node(axes: Axes, node: Node, box: Box, of_gradient: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, low = box.x - box.width / 2, box.y - box.height / 2
    style = "round,pad=0,rounding_size=0.09"
    axes.add_patch(
        FancyBboxPatch(
            (left, low), box.width, box.height, boxstyle=style, facecolor="white", edgecolor=OUTLINES[node.kind],
            linewidth=1.5, zorder=3,
        )
    )  # fmt: skip
    lines = node.lines(of_gradient)
    for k, line in enumerate(lines):
        last = node.gradient is not None and k == len(lines) - 1
        axes.text(
            box.x, box.y + LINE * ((len(lines) - 1) / 2 - k), line, ha="center", va="center_baseline", zorder=4,
            fontsize=9, fontweight="bold" if k == 0 else "normal", color=SLOPE_COLOUR if last else "black",
        )  # fmt: skip


def _draw_edge(axes: Axes, edge: Edge, points: tuple[Point, ...]) -> None:
    """A smooth curve through the points, level where it leaves and where it arrives."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        half = (x1 - x0) / 2
        vertices += [(x0 + half, y0), (x1 - half, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Path(np.array(vertices), codes), arrowstyle="-|>,head_width=2.2,head_length=4.5", color=GREY,
            linewidth=1.1, zorder=1,
        )
    )  # fmt: skip
    if edge.local is not None:
        (x0, y0), (x1, y1) = points[-2], points[-1]
        axes.text(
            (x0 + x1) / 2, (y0 + y1) / 2, "×" + shown(edge.local, digits=3), fontsize=7.5, color=SLOPE_COLOUR,
            ha="center", va="center", zorder=2,
            bbox={"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip
