"""The perceptron: its rule by hand on four points, how long it takes where a line separates, and where none does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.text import mark
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tidu.pictures.boundaries import Points

FORMULA = "y = w1*x1 + w2*x2 + b"
CORNERS = {"x1": [0.0, 0.0, 1.0, 1.0], "x2": [0.0, 1.0, 0.0, 1.0]}
OR = {**CORNERS, "y": [-1.0, 1.0, 1.0, 1.0]}
XOR = {**CORNERS, "y": [-1.0, 1.0, 1.0, -1.0]}
XOR_EPOCHS = 100
GAPS = (0.3, 0.1, 0.03, 0.01)
LINE = np.array([0.6, 0.8, -0.1])  # of length 1 in x, so that 0.6·x1 + 0.8·x2 − 0.1 is a distance
Array = npt.NDArray[np.float64]


def descent(data: dict[str, list[float]], epochs: int = 1000, tol: float | None = 0.0) -> Run:
    """The perceptron rule: one sample an update, in order, from 0, at a learning rate of 1, until nothing moves."""
    return fit_whole(
        FORMULA, data, loss="perceptron", batch_size=1, shuffle=False, lr=1, epochs=epochs, tol=tol, record="step"
    )


def points_with_gap(gap: float) -> dict[str, list[float]]:
    """100 points of a square, none nearer than `gap` to the line between the classes."""
    drawn = np.random.default_rng(2).uniform(-1, 1, (1000, 2))
    distance = drawn @ LINE[:2] + LINE[2]
    kept = np.flatnonzero(np.abs(distance) >= gap)[:100]
    return {
        "x1": drawn[kept, 0].tolist(),
        "x2": drawn[kept, 1].tolist(),
        "y": np.sign(distance[kept]).tolist(),
    }


def visits(data: dict[str, list[float]], run: Run) -> list[dict[str, Any]]:
    """What happens at each sample: the score before, whether that is a mistake, the parameters after."""
    after = np.column_stack([run.history[p] for p in ("w1", "w2", "b")])
    before = np.vstack([np.zeros(3), after[:-1]])
    samples = np.column_stack([data["x1"], data["x2"], np.ones(len(data["y"]))])
    told = []
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        i = k % len(samples)
        score = float(samples[i] @ old)
        told.append(
            {
                "epoch": k // len(samples),
                "x1": data["x1"][i],
                "x2": data["x2"][i],
                "y": data["y"][i],
                "score": score,
                "mistake": data["y"][i] * score <= 0,
                "w1": float(new[0]),
                "w2": float(new[1]),
                "b": float(new[2]),
            }
        )
    return told


def most_mistakes(data: dict[str, list[float]], separator: Array) -> float:
    """(R/γ)², which no run of the rule from 0 exceeds (Novikoff 1962); `separator` is w1, w2, b of any good line."""
    samples = np.column_stack([data["x1"], data["x2"], np.ones(len(data["y"]))])
    margin = float((samples @ separator * np.array(data["y"])).min()) / math.hypot(*separator)
    return float((samples**2).sum(axis=1).max()) / margin**2


def material() -> Material:
    """The run on "or", the runs with ever smaller gaps, and the one on "exclusive or" that never ends."""
    run = descent(OR)
    steps = visits(OR, run)
    gaps = [_with_gap(gap) for gap in GAPS]
    endless = descent(XOR, XOR_EPOCHS, tol=None)
    going_round = visits(XOR, endless)
    numbers: dict[str, Any] = {
        "or": {
            "visits": steps,
            "mistakes": _mistakes(steps),
            "epochs": run.epochs,
            "stopped": run.stopped,
            "params": dict(run.params),
            "bound": most_mistakes(OR, np.array([2.0, 2.0, -1.0])),
        },
        "gaps": gaps,
        "xor": {
            "epochs": endless.epochs,
            "mistakes": _mistakes(going_round),
            "visits": going_round[:4],
            "params": dict(endless.params),
            "accuracy": endless.metrics["accuracy"] if endless.metrics else math.nan,
        },
    }
    values = {
        "visits": _rows_of_visits(steps),
        "mistakes": str(numbers["or"]["mistakes"]),
        "epochs": str(run.epochs),
        "line": _line(run),
        "bound": f"{numbers['or']['bound']:g}",
        "gaps": rows((f"{g['gap']:g}", g["epochs"], g["mistakes"], f"{g['bound']:.0f}") for g in gaps),
        "xor_visits": _rows_of_visits(going_round[:4]),
        "xor_epochs": str(endless.epochs),
        "xor_mistakes": str(numbers["xor"]["mistakes"]),
        "source": run.source,
    }
    pictures = {"boundary": lambda: _moving(steps, going_round), "mistakes": lambda: _mistakes_by_gap(gaps)}
    return Material(numbers, values, {"or.csv": csv_text(OR), "xor.csv": csv_text(XOR)}, pictures)


def _with_gap(gap: float) -> dict[str, Any]:
    data = points_with_gap(gap)
    run = descent(data)
    each = np.reshape([v["mistake"] for v in visits(data, run)], (run.epochs, -1)).sum(axis=1)
    return {
        "gap": gap,
        "epochs": run.epochs,
        "mistakes": int(each.sum()),
        "mistakes_each_epoch": each.tolist(),
        "bound": most_mistakes(data, LINE),
    }


def _mistakes(steps: list[dict[str, Any]]) -> int:
    return sum(step["mistake"] for step in steps)


def _rows_of_visits(steps: list[dict[str, Any]]) -> str:
    return rows(
        (
            step["epoch"] + 1,
            f"({step['x1']:g}, {step['x2']:g})",
            f"{step['y']:+g}",
            f"{step['score']:g}",
            "✗" if step["mistake"] else "✓",
            f"{step['w1']:g}",
            f"{step['w2']:g}",
            f"{step['b']:g}",
        )
        for step in steps
    )


def _line(run: Run) -> str:
    w1, w2, b = (run.params[p] for p in ("w1", "w2", "b"))
    return f"{w1:g}·x₁ + {w2:g}·x₂ {'−' if b < 0 else '+'} {abs(b):g} = 0"


def _moving(steps: list[dict[str, Any]], going_round: list[dict[str, Any]]) -> Figure:
    from tidu.pictures.boundaries import boundaries

    return boundaries(
        [_points("OR", OR, [s for s in steps if s["mistake"]]), _points("XOR", XOR, going_round[:4])],
    )


def _points(title: str, data: dict[str, list[float]], steps: list[dict[str, Any]]) -> Points:
    from tidu.pictures.boundaries import Points

    lines = np.array([[s["w1"], s["w2"], s["b"]] for s in steps])
    return Points(title, np.array(data["x1"]), np.array(data["x2"]), np.array(data["y"]) > 0, lines)


def _mistakes_by_gap(gaps: list[dict[str, Any]]) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane

    curves = []
    for k, gap in enumerate(gaps):
        each = np.array(gap["mistakes_each_epoch"], dtype=np.float64)
        name = label(mark("gap {gap}")).format(gap=gap["gap"])
        curves.append(Curve(name, np.arange(1.0, len(each) + 1), each, ink=k))
    return plane_figure([Plane(label("epoch"), label("mistakes"), tuple(curves))])
