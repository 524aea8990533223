"""One weight, one sample: a metre is a hundred centimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.text import mark
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = {"x": [1.0], "y": [100.0]}
SHOWN = (0, 1, 2, 3, 5, 10, 20, 30, 40, 50, 53, 54, 60)


def descent() -> Run:
    """61 updates from w = 0.1 at a learning rate of 0.2."""
    return fit_whole("y = w*x", DATA, loss="half_squared", lr=0.2, init={"w": 0.1}, epochs=61)


def material() -> Material:
    """Every step: the error before the update, and w after it."""
    run = descent()
    error, w = run.history.loss, run.history["w"]
    arrived = int(np.argmax([f"{v:.3f}" == "100.000" for v in w]))
    steps = [{"step": k, "error": float(e), "w": float(v)} for k, (e, v) in enumerate(zip(error, w, strict=True))]
    values = {
        "steps": rows((k, f"{error[k]:.6g}", f"{w[k]:.3f}") for k in SHOWN),
        "arrived": str(arrived),
        "last": repr(float(w[-1])),
        "gap_ratio": f"{(100 - w[1]) / (100 - w[0]):g}",
    }
    numbers = {
        "params": dict(run.params),
        "loss": run.loss,
        "first_shown_as_100": arrived,
        "steps": steps,
    }
    return Material(numbers, values, {"meter.csv": csv_text(DATA)}, {"descent": lambda: _picture(run)})


def _picture(run: Run) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane, Rule

    step = np.arange(float(len(run.history)))
    error = Plane(label("step"), label(mark("error E")), (Curve("", step, run.history.loss),), log_y=True)
    weight = Plane(label("step"), "w", (Curve("w", step, run.history["w"]),), rules=(Rule("y", 100.0, "100"),))
    return plane_figure((error, weight))
