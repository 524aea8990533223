"""How large a learning rate may be: half of 1/λ, 1/λ, 1.9, 2 and 2.1 times 1/λ on one weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.text import mark
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}
BEST = 2.0
START = 1.0
SHARES = (0.5, 1.0, 1.9, 2.0, 2.1)  # of 1/λ
STEPS = 40


def material() -> Material:
    """The same descent with five rates, and what the doctor says of the last."""
    curvature = 2.0 * float(np.mean(np.square(DATA["x"])))
    runs = {share: fit_whole("y = w*x", DATA, lr=share / curvature, init={"w": START}, steps=STEPS) for share in SHARES}
    limit = runs[2.1].diagnose(trials=False)["limit"].numbers["limit"]
    numbers: dict[str, Any] = {
        "curvature": curvature,
        "limit": limit,
        "rates": {
            f"{share:g}": {"lr": run.lr, "factor": 1.0 - share, "w": run.history["w"].tolist()}
            for share, run in runs.items()
        },
    }
    values = {
        "curvature": f"{curvature:.6f}",
        "limit": f"{limit:.6f}",
        "under": f"{1.0 / curvature:.6f}",
        "rows": rows(_row(share, run) for share, run in runs.items()),
    }
    return Material(numbers, values, {"points.csv": csv_text(DATA)}, {"rates": lambda: _rates(runs)})


def _row(share: float, run: Run) -> list[str]:
    distances = [abs(START - BEST), *np.abs(run.history["w"] - BEST)]
    return [f"{share:g}", f"{run.lr:.6f}", f"{1.0 - share:+.2g}", *(f"{distances[k]:.3g}" for k in (1, 2, 10, 40))]


def _rates(runs: dict[float, Run]) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane

    steps = np.arange(STEPS + 1, dtype=float)
    paths = {f"{share:g}/λ": np.append(START, run.history["w"]) for share, run in runs.items()}
    places = [Curve("", steps[:16], w[:16], ink=k) for k, w in enumerate(paths.values())]
    distances = [Curve(name, steps, np.abs(w - BEST), ink=k) for k, (name, w) in enumerate(paths.items())]
    return plane_figure(
        (
            Plane(label("step"), "w", tuple(places)),
            Plane(label("step"), label(mark("distance")), tuple(distances), log_y=True),
        )
    )
