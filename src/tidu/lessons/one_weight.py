"""One weight, three samples: search by hand, gradient descent, stochastic and mini-batch gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.lessons.minimum import saddle_descents
from tidu.text import mark
from tidu.training.run import Run
from tidu.training.scan import Scan, scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GD_DATA = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}
SGD_DATA = {"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]}
EPOCHS = 100
ASKED = {"x": [4.0]}


def descent(data: dict[str, list[float]], batch_size: int | None, record: str = "epoch") -> Run:
    """100 epochs from w = 1 at a learning rate of 0.01, samples in the given order."""
    return fit_whole(
        "y = w*x", data, init={"w": 1}, lr=0.01, epochs=EPOCHS, batch_size=batch_size, shuffle=False, record=record
    )


def material() -> Material:
    """The grid, the three descents and the comparison."""
    grid = scan("y = w*x", GD_DATA, over={"w": "0:4:0.1"})
    gd = descent(GD_DATA, None)
    sgd = descent(SGD_DATA, 1, record="step")
    mini = descent(SGD_DATA, 2, record="step")
    sgd_epochs = _epochs(sgd, updates=3)
    numbers: dict[str, Any] = {
        "grid": {"w": grid.grid["w"].tolist(), "cost": grid.cost.tolist(), "best": dict(grid.best)},
        "gd": {
            "prediction_before": 4.0 * gd.start["w"],
            "epochs": [
                {"epoch": k, "cost": float(c), "w": float(w)}
                for k, (c, w) in enumerate(zip(gd.history.loss, gd.history["w"], strict=True))
            ],
            "prediction_after": float(gd.predict(ASKED)[0]),
        },
        "sgd": {
            "epochs": sgd_epochs,
            "prediction_before": 4.0 * sgd.start["w"],
            "prediction_after": float(sgd.predict(ASKED)[0]),
        },
        "mini_batch": {
            "batch_size": 2,
            "epochs": _epochs(mini, updates=2),
            "prediction_after": float(mini.predict(ASKED)[0]),
        },
        "saddle": {name: end for name, (_path, end) in saddle_descents().items()},
    }
    return Material(
        numbers,
        _values(numbers),
        {"gd.csv": csv_text(GD_DATA), "sgd.csv": csv_text(SGD_DATA)},
        {"search": lambda: _search(grid), "descents": lambda: _descents(gd, sgd, mini)},
    )


def _epochs(run: Run, updates: int) -> list[dict[str, Any]]:
    """What a print in the loop would show of each epoch: its last loss, its gradients one by one, w after it."""
    h = run.history
    return [
        {
            "epoch": k,
            "loss": float(h.loss[(k + 1) * updates - 1]),
            "gradients": h.gradient("w")[k * updates : (k + 1) * updates].tolist(),
            "w": float(h["w"][(k + 1) * updates - 1]),
        }
        for k in range(EPOCHS)
    ]


def _values(numbers: dict[str, Any]) -> dict[str, str]:
    gd, sgd, mini, saddle = (numbers[k] for k in ("gd", "sgd", "mini_batch", "saddle"))
    shown = (0, 1, 2, 5, 10, 20, 50, 99)
    first = sgd["epochs"][0]["gradients"]
    return {
        "best": f"{numbers['grid']['best']['w']:g}",
        "gd_rows": rows((k, f"{gd['epochs'][k]['cost']:.6g}", f"{gd['epochs'][k]['w']:.6f}") for k in shown),
        "gd_before": f"{gd['prediction_before']:g}",
        "gd_after": f"{gd['prediction_after']:.6f}",
        "sgd_rows": rows(
            (
                k,
                ", ".join(f"{g:.3f}" for g in sgd["epochs"][k]["gradients"]),
                f"{sgd['epochs'][k]['loss']:.6f}",
                f"{sgd['epochs'][k]['w']:.6f}",
            )
            for k in shown
        ),
        "sgd_gradients": ", ".join(f"{g:.3f}" for g in first),
        "sgd_after": f"{sgd['prediction_after']:.6f}",
        "sgd_w": f"{sgd['epochs'][-1]['w']:.6f}",
        "mini_w": f"{mini['epochs'][-1]['w']:.6f}",
        "best_w": f"{32 / 14:.6f}",  # least squares: Σxy / Σx²
        "saddle_gd": f"({saddle['gd']['x']:.3f}, {saddle['gd']['y']:.3f})",
        "saddle_sgd": f"({saddle['sgd']['x']:.3f}, {saddle['sgd']['y']:.3f})",
    }


def _search(grid: Scan) -> Figure:
    return grid.plot()


def _descents(gd: Run, sgd: Run, mini: Run) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane

    cost = Curve("", np.arange(float(EPOCHS)), gd.history.loss)
    full = descent(SGD_DATA, None).history["w"]
    steps = (
        Curve("SGD", np.arange(1, 37) / 3, sgd.history["w"][:36], ink=0),
        Curve(label(mark("mini-batch of 2")), np.arange(1, 25) / 2, mini.history["w"][:24], ink=1),
        Curve("GD", np.arange(1.0, 13.0), full[:12], ink=2),
    )
    return plane_figure(
        (
            Plane(label("epoch"), label(mark("cost J")), (cost,), log_y=True),
            Plane(label("epoch"), "w", steps),
        )
    )
