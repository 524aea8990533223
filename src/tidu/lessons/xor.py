"""XOR: what one layer cannot learn and two can; the boundary of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.insight.picturing.of_classes import regions_of
from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.text import mark
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X1, X2 = [0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]
Y = [0.0, 1.0, 1.0, 0.0]
ONE_LAYER = "y = linear(...)"
MARGIN = 0.5  # in sight around the points, as a share of their extent
TWO_LAYERS = "y = mlp(..., hidden=[4], activation='tanh')"


def data() -> dict[str, list[float]]:
    """The four points of XOR: y is 1 where exactly one of x1, x2 is."""
    return {"x1": X1, "x2": X2, "y": Y}


def learned(formula: str) -> Run:
    """Full batches of the four points, with adam."""
    return fit_whole(formula, data(), loss="logistic", optimizer="adam", lr=0.05, epochs=500)


def chance(run: Run, points: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The probability that y is 1."""
    return run.probabilities(points)[:, 1]


def right(run: Run) -> int:
    """On how many of the four points the more likely answer is the right one."""
    return int(np.sum((chance(run, data()) > 0.5) == np.array(Y)))


def hidden(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What the hidden layer makes of the four points, of shape (4, units)."""
    values: np.ndarray[Any, np.dtype[np.float64]] = np.tanh(
        np.column_stack([X1, X2]) @ run.params["W1"].T + run.params["b1"]
    )
    return values


def material() -> Material:
    """Both models after 500 epochs."""
    one, two = learned(ONE_LAYER), learned(TWO_LAYERS)
    p_one, p_two, h = chance(one, data()), chance(two, data()), hidden(two)
    numbers: dict[str, Any] = {
        "one_layer": {"loss": one.loss, "right": right(one), "probabilities": p_one.tolist()},
        "two_layers": {
            "loss": two.loss, "right": right(two), "probabilities": p_two.tolist(), "hidden": h.tolist(),
            "history": two.history.to_dict(),
        },
    }  # fmt: skip
    values = {
        "rows": rows((int(a), int(b), int(y), f"{p:.4f}", f"{q:.4f}")
                     for a, b, y, p, q in zip(X1, X2, Y, p_one, p_two, strict=True)),
        "hidden_rows": rows((int(a), int(b), *(f"{v:.3f}" for v in unit))
                            for a, b, unit in zip(X1, X2, h, strict=True)),
        "loss_one": f"{one.loss:.6f}",
        "loss_two": f"{two.loss:.6f}",
        "right_one": str(right(one)),
        "right_two": str(right(two)),
        "numbers": str(sum(np.size(v) for v in two.params.values())),
    }  # fmt: skip
    return Material(numbers, values, {"xor.csv": csv_text(data())}, {"boundary": lambda: _boundary(one, two)})


def _boundary(one: Run, two: Run) -> Figure:
    from tidu.pictures.classes import regions_figure
    from tidu.pictures.figure import label

    return regions_figure(
        [(label(mark("one layer")), regions_of(one, MARGIN)), (label(mark("two layers")), regions_of(two, MARGIN))]
    )
