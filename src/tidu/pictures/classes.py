"""Pictures of classification: where a model draws its boundary, and images with what was said of them."""

from __future__ import annotations

from collections.abc import Sequence

from tidu.pictures.figure import COLOURS, Figure, blank, drawn, label
from tidu.pictures.numbers import Array


@drawn
def boundaries(
    x1: Array, x2: Array, panels: Sequence[tuple[str, Array]], points_1: Array, points_2: Array, classes: Array
) -> Figure:
    """For each panel the probability over a grid of shape (m, n), with the line at one half, and the samples."""
    figure, axes = blank(columns=len(panels), width=5.0, height=4.6)
    for ax, (name, probability) in zip(axes, panels, strict=True):
        ax.pcolormesh(
            x1, x2, probability, cmap="RdBu_r", vmin=0.0, vmax=1.0, alpha=0.6, shading="auto", rasterized=True
        )
        if probability.min() < 0.5 < probability.max():
            ax.contour(x1, x2, probability, levels=[0.5], colors="black", linewidths=1.5)
        for value, marker in ((0.0, "o"), (1.0, "s")):
            here = classes == value
            ax.plot(points_1[here], points_2[here], marker, color=COLOURS[int(value)], markeredgecolor="black",
                    markersize=11, label=f"y = {value:g}")  # fmt: skip
        ax.set_title(label(name), loc="left")
        ax.set_xlabel("x₁")
        ax.set_ylabel("x₂")
        ax.legend(loc="upper right", frameon=True)
    return figure


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
