"""Pictures of classification: regions and boundaries, the confusion table, images with what was said of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidu.pictures.figure import COLOURS, Axes, Figure, blank, drawn
from tidu.pictures.numbers import Array
from tidu.pictures.plane_figures import legend_outside
from tidu.pictures.regions import MARKERS, ConfusionTable, Regions

PALE = 0.22  # opacity of a region


@drawn
def images(pixels: Array, words: Sequence[str], right: Sequence[bool], columns: int = 8) -> Figure:
    """Grey images of shape (count, height, width) with a word over each; red where it is wrong."""
    count = -(-len(pixels) // columns)
    figure, axes = blank(rows=count, columns=columns, width=1.15, height=1.35)
    for k, ax in enumerate(axes):
        ax.set_axis_off()
        if k < len(pixels):
            ax.imshow(pixels[k], cmap="gray_r", interpolation="nearest")
            ax.set_title(words[k], fontsize=10, color="black" if right[k] else "#c1272d")
    return figure


@drawn
def regions_figure(parts: Sequence[tuple[str, Regions]]) -> Figure:
    """One panel for each title and plane, side by side."""
    alone = len(parts) == 1
    figure, axes = blank(columns=len(parts), width=6.4 if alone else 5.0, height=4.8)
    for k, (ax, (title, regions)) in enumerate(zip(axes, parts, strict=True)):
        _draw_regions(ax, regions)
        if not alone:
            ax.set_title(title, loc="left")
        if k == len(parts) - 1:
            legend_outside(ax, above=alone)
    if alone:
        figure.suptitle(parts[0][0], fontsize="medium", x=0.02, ha="left")
    return figure


def _draw_regions(axes: Axes, regions: Regions) -> None:
    """Each region in the pale colour of its class, the line between two regions, and the samples."""
    count = len(regions.points)
    size = 11.0 if count <= 20 else 5.5 if count <= 400 else 3.0
    for k in range(len(regions.classes)):
        lead, colour = regions.lead(k), COLOURS[k % len(COLOURS)]
        if lead.max() > 0.0:
            axes.contourf(regions.x, regions.y, lead, levels=[0.0, np.inf], colors=[colour], alpha=PALE)
        if lead.min() < 0.0 < lead.max():
            axes.contour(regions.x, regions.y, lead, levels=[0.0], colors="black", linewidths=1.1)
    for k, name in enumerate(regions.classes):
        here = regions.points[regions.numbers == k]
        axes.plot(here[:, 0], here[:, 1], MARKERS[k % len(MARKERS)], color=COLOURS[k % len(COLOURS)],
                  markersize=size, markeredgecolor="white", markeredgewidth=0.5, label=name)  # fmt: skip
    axes.set_xlim(regions.x[0], regions.x[-1])
    axes.set_ylim(regions.y[0], regions.y[-1])
    axes.set_xlabel(regions.names[0])
    axes.set_ylabel(regions.names[1])
    axes.grid(False)


@drawn
def confusion_figure(table: ConfusionTable, title: str, true: str, predicted: str) -> Figure:
    """The counts in cells, the darker the larger their share of the row's class."""
    count = len(table.classes)
    side = max(3.2, 0.62 * count + 1.4)
    figure, (axes,) = blank(width=side + 0.9, height=side)
    share = table.counts / np.maximum(table.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for i, j in np.ndindex(count, count):
        axes.text(j, i, f"{table.counts[i, j]}", ha="center", va="center",
                  color="white" if share[i, j] > 0.55 else "black", fontsize=11 if count <= 6 else 9)  # fmt: skip
    long = max(map(len, table.classes)) * count > 12 * side
    axes.set_xticks(range(count), table.classes, rotation=35 if long else 0, ha="right" if long else "center")
    axes.set_yticks(range(count), table.classes)
    axes.set_xlabel(predicted)
    axes.set_ylabel(true)
    axes.grid(False)
    axes.tick_params(length=0)
    figure.suptitle(title, fontsize="medium", x=0.02, ha="left")
    return figure
