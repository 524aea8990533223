"""A line from a CSV file by the full batch, what a mini-batch is, and why b hardly moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LR = 0.0001
STEPS = 1000


def data() -> dict[str, list[float]]:
    """100 rows, x between 25 and 75; NumPy promises that this old generator never changes its stream."""
    random = np.random.RandomState(2017)
    x = np.round(random.uniform(25.0, 75.0, 100), 4)
    y = np.round(1.3 * x + 8.0 + random.normal(0.0, 10.0, 100), 4)
    return {"x": x.tolist(), "y": y.tolist()}


def material() -> Material:
    """The run, and what it hides: the curvatures, and how long b would take."""
    table = data()
    run = fit_whole("y = w*x + b", table, lr=LR, epochs=STEPS)
    x, y = np.array(table["x"]), np.array(table["y"])
    best_w, best_b = (float(v) for v in np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y, rcond=None)[0])
    hessian = 2.0 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])
    low, high = (float(v) for v in np.linalg.eigvalsh(hessian))
    settled = int(np.argmax(np.abs(run.history["w"] - run.params["w"]) < 0.01 * run.params["w"])) + 1
    half_life = math.log(2.0) / (LR * low)
    numbers: dict[str, Any] = {
        "error_at_start": float(run.history.loss[0]),
        "params": dict(run.params),
        "error_at_end": run.score(table)["mse"],
        "loss": run.loss,
        "best": {"w": best_w, "b": best_b},
        "curvatures": {"largest": high, "smallest": low, "ratio": high / low},
        "w_settled_after": settled,
        "steps_to_halve_the_distance_of_b": half_life,
        "history": run.history.to_dict(),
    }
    values = {
        "error_at_start": f"{numbers['error_at_start']:.6f}",
        "w": f"{run.params['w']:.6f}",
        "b": f"{run.params['b']:.6f}",
        "error_at_end": f"{numbers['error_at_end']:.6f}",
        "best_w": f"{best_w:.6f}",
        "best_b": f"{best_b:.6f}",
        "high": f"{high:.0f}",
        "low": f"{low:.2g}",
        "ratio": f"{high / low:.0f}",
        "settled": str(settled),
        "half_life": f"{half_life:.0f}",
        "rows": rows(
            (k, f"{run.history.loss[k]:.6f}", f"{run.history['w'][k]:.6f}", f"{run.history['b'][k]:.6f}")
            for k in (0, 1, 2, 5, 10, 100, 999)
        ),
    }
    pictures = {
        "fit": lambda: run.plot(),
        "batches": _batches,
        "valley": lambda: run.plot(kind="contours"),
        "parameters": lambda: run.plot(kind="parameters"),
    }
    return Material(numbers, values, {"line.csv": csv_text(table, header=False)}, pictures)


def _batches() -> Figure:
    from tidu.pictures.batches import batches_figure
    from tidu.pictures.figure import label
    from tidu.pictures.numbers import Epoch

    rows, size = 15, 5
    every = tuple(range(1, rows + 1))  # counted from 1, as the page does
    epochs = [
        Epoch(label("full batch: one update an epoch"), (every,)),
        Epoch(label("mini-batches: an update after each"), tuple(every[k : k + size] for k in range(0, rows, size))),
    ]
    return batches_figure(epochs, label("update {k}"), label("row of the data"), label("update"))
