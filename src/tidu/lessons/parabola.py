"""Three weights on a parabola, sample by sample, with a bound that stops early (or would)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.text import mark
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMULA = "y = w1*x**2 + w2*x + w3"


def data() -> dict[str, list[float]]:
    """x = 0, 0.01, ... 0.99 and y = 4x² + 5x + 6, without noise."""
    x = [0.01 * i for i in range(100)]
    return {"x": x, "y": [4 * v * v + 5 * v + 6 for v in x]}


def descent(epochs: int = 1000, optimizer: str = "gd", lr: float = 0.001) -> Run:
    """One sample an update, in order, until the mean loss of an epoch is under 0.00001."""
    return fit_whole(
        FORMULA,
        data(),
        init={"w1": 1, "w2": 0, "w3": 1},
        lr=lr,
        batch_size=1,
        shuffle=False,
        epochs=epochs,
        until_loss=1e-5,
        optimizer=optimizer,
    )


def material() -> Material:
    """The run of 1000 epochs, and how many epochs it would have taken."""
    run = descent()
    longer = descent(epochs=10_000)
    adam = descent(optimizer="adam", lr=0.01)
    numbers: dict[str, Any] = {
        "params": dict(run.params),
        "loss": run.loss,
        "last_epoch": run.epochs - 1,
        "stopped": run.stopped,
        "epochs_needed": longer.epochs if longer.stopped == "loss" else None,
        "adam": {"params": dict(adam.params), "loss": adam.loss, "epochs": adam.epochs, "stopped": adam.stopped},
        "history": run.history.to_dict(),
    }
    h = run.history
    values = {
        "rows": rows(
            (k, f"{h.loss[k]:.8f}", f"{h['w1'][k]:.5f}", f"{h['w2'][k]:.5f}", f"{h['w3'][k]:.5f}")
            for k in (0, 1, 10, 100, 500, 999)
        ),
        "loss": f"{run.loss:.8f}",
        "w1": f"{run.params['w1']:.6f}",
        "w2": f"{run.params['w2']:.6f}",
        "w3": f"{run.params['w3']:.6f}",
        "needed": str(longer.epochs),
        "adam_epochs": str(adam.epochs),
    }
    pictures = {"points": lambda: _points(run), "loss": lambda: _loss(run, adam)}
    return Material(numbers, values, {"parabola.csv": csv_text(data())}, pictures)


def _points(run: Run) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import DATA, Curve, Plane

    table = data()
    x, y = np.array(table["x"]), np.array(table["y"])
    curves = (
        Curve(label(mark("true points")), x, y, "dots", DATA),
        Curve(label(mark("prediction")), x, run.predict(table), ink=1),
        Curve(label(mark("before training")), x, x**2 + 1.0, ink=2),
    )
    return plane_figure([Plane("x", "y", curves)])


def _loss(run: Run, adam: Run) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane

    curves = tuple(
        Curve(name, np.arange(float(len(r.history))), r.history.loss, ink=k)
        for k, (name, r) in enumerate((("gd", run), ("adam", adam)))
    )
    return plane_figure([Plane(label("epoch"), label("loss"), curves, log_y=True)])
