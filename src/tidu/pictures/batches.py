"""Which rows feed which update: the batches of an epoch, as boxes where there are few rows, as dots where many."""

from __future__ import annotations

from collections.abc import Sequence

from tidu.pictures.figure import COLOURS, GREY, Axes, Figure, blank, drawn
from tidu.pictures.numbers import Epoch

MOST_BOXES = 40  # rows that are drawn one by one


@drawn
def batches_figure(epochs: Sequence[Epoch], update: str, row: str, axis: str) -> Figure:
    """Epochs one below the other; `update`, such as 'update {k}', is said at each, `row` and `axis` are labels."""
    if all(epoch.rows <= MOST_BOXES for epoch in epochs):
        widest = max(epoch.rows for epoch in epochs)
        figure, axes = blank(rows=len(epochs), width=max(6.0, 0.3 * widest + 1.2), height=1.5)
        for ax, epoch in zip(axes, epochs, strict=True):
            _boxes(ax, epoch, update)
        return figure
    figure, axes = blank(rows=len(epochs), width=7.2, height=max(2.6, 4.2 / len(epochs)))
    for ax, epoch in zip(axes, epochs, strict=True):
        _dots(ax, epoch, row, axis)
    return figure


def _boxes(axes: Axes, epoch: Epoch, update: str) -> None:
    """A box for each row, in the order in which they are taken; below each batch the update that it feeds."""
    from matplotlib.patches import FancyBboxPatch

    place = 0.0
    for k, batch in enumerate(epoch.batches):
        colour = COLOURS[k % (len(COLOURS) - 1)]
        first = place
        for row in batch:
            axes.add_patch(
                FancyBboxPatch((place + 0.06, 0.1), 0.88, 0.8, boxstyle="round,pad=0,rounding_size=0.15",
                               facecolor=colour, alpha=0.25, lw=0)
            )  # fmt: skip
            axes.text(place + 0.5, 0.5, str(row), ha="center", va="center", fontsize=9)
            place += 1.0
        axes.plot(
            [first + 0.1, first + 0.1, place - 0.1, place - 0.1], [-0.05, -0.2, -0.2, -0.05], color=colour, lw=1.3
        )
        number = epoch.first_update + k + 1
        words = update.format(k=number) if len(batch) >= 3 else str(number)
        axes.text((first + place) / 2, -0.32, words, color=colour, ha="center", va="top", fontsize=9)
        place += 0.35
    axes.set_xlim(-0.2, place)
    axes.set_ylim(-1.0, 1.15)
    axes.set_axis_off()
    axes.set_title(epoch.title, loc="left")


def _dots(axes: Axes, epoch: Epoch, row: str, axis: str) -> None:
    """A dot for each row at its number and at the update that it feeds."""
    size = max(0.4, min(4.0, 2400.0 / max(epoch.rows, 1)))
    few = len(epoch.batches) <= 30
    for k, batch in enumerate(epoch.batches):
        colour = COLOURS[k % (len(COLOURS) - 1)] if few else GREY
        update = [epoch.first_update + k + 1] * len(batch)
        axes.plot(batch, update, ".", markersize=size, color=colour, rasterized=True)
    axes.set_xlabel(row)
    axes.set_ylabel(axis)
    axes.set_title(epoch.title, loc="left")
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.invert_yaxis()
