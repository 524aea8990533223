"""Why b hardly moves in `line`: two curvatures, one rate; and what rescaling does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.lessons.line import LR, STEPS, data
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALED_STEPS = 20


def material() -> Material:
    """The doctor's findings on `line`, and the same descent before and after rescaling."""
    table = data()
    x = np.array(table["x"])
    before = fit_whole("y = w*x + b", table, lr=LR, epochs=STEPS)
    after = fit_whole("y = w*x + b", table, scale=True, lr=0.5, epochs=SCALED_STEPS)
    solved = fit_whole("y = w*x + b", table, optimizer="lm")
    found = before.diagnose(trials=False)
    spectrum = found.spectrum
    assert spectrum is not None
    centre, width = float(np.mean(x)), float(np.std(x))
    steps = found["steps"].numbers
    numbers: dict[str, Any] = {
        "curvatures": {"largest": spectrum.largest, "smallest": spectrum.smallest, "ratio": spectrum.condition},
        "limit": found["limit"].numbers["limit"],
        "steps_needed": steps["steps"],
        "steps_with_best_rate": steps["with_best_rate"],
        "before": dict(before.params),
        "after": dict(after.params),
        "best": dict(solved.params),
        "history": {"before": before.history.to_dict(), "after": after.history.to_dict()},
    }
    values = {
        "high": f"{spectrum.largest:.0f}",
        "low": f"{spectrum.smallest:.3f}",
        "ratio": f"{spectrum.condition:.0f}",
        "limit": f"{numbers['limit']:.6f}",
        "needed": f"{steps['steps']:.0f}",
        "with_best": f"{steps['with_best_rate']:.0f}",
        "best_w": f"{solved.params['w']:.6f}",
        "best_b": f"{solved.params['b']:.6f}",
        "centre": f"{centre:.2f}",
        "width": f"{width:.2f}",
        "rows": rows(_row(k, before, after) for k in (1, 2, 5, 10, 20)),
        "end": f"{before.params['b']:.6f}",
    }
    bowl = _bowl(table, centre, width)
    pictures = {
        "before": lambda: before.plot(kind="contours"),
        "before_parameters": lambda: before.plot(kind="parameters"),
        "after": lambda: _round(bowl),
        "after_parameters": lambda: bowl.plot(kind="parameters"),
    }
    return Material(numbers, values, {"line.csv": csv_text(table, header=False)}, pictures)


def _row(step: int, before: Run, after: Run) -> list[str]:
    cells = [f"{run.history[name][step - 1]:.6f}" for run in (before, after) for name in ("w", "b")]
    return [str(step), *cells]


def _bowl(table: dict[str, list[float]], centre: float, width: float) -> Run:
    """The same line in v = w·width and c = b + w·centre, in which the contours are circles."""
    standard = {"z": ((np.array(table["x"]) - centre) / width).tolist(), "y": table["y"]}
    # --scale makes λ = 1; here it is 2, so that half the rate takes the same steps.
    return fit_whole("y = v*z + c", standard, lr=0.25, epochs=SCALED_STEPS)


def _round(bowl: Run) -> Figure:
    """The bowl with one unit as long across as upward, so that circles look it."""
    v, high = bowl.params["v"], bowl.params["c"] + 45.0
    figure = bowl.plot(kind="contours", limits=(v - 92.0, v + 92.0, -5.0, high))
    figure.axes[0].set_aspect("equal")
    return figure
