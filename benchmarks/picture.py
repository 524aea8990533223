"""The picture of the costs: time for a sample against each size, on logarithmic axes, a flat line being the goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tables import Table

COLOURS = {"tidu, the loop alone": "C3", "tidu.fit": "C1", "Numba, by hand": "C7", "JAX, jit and scan": "C0"}


def draw(tables: Sequence[Table], path: Path) -> None:
    """One panel for each table that has lines; the words are English, as no Chinese font need be there."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(tables), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, table in zip(panels, tables, strict=True):
        for name, x, y in table.lines:
            axes.loglog(x, [1e9 * v for v in y], "o-", label=name[0], color=COLOURS.get(name[0]))
        axes.set_xlabel(table.axis[0])
        axes.set_title(table.title[0], fontsize=10)
        axes.grid(True, which="major", alpha=0.3)
    panels[0].set_ylabel("ns for each sample (and feature)")
    panels[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
