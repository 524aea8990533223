"""Why b hardly moves in `line`: two curvatures, one rate; and what rescaling does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.lessons.line import LR, STEPS, data
from tidu.text import mark
from tidu.training.run import Run
from tidu.training.scan import scan

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
    best = (solved.params["w"], solved.params["b"])
    pictures = {
        "before": lambda: _path(before, table, best),
        "after": lambda: _rescaled_path(after, table, best, centre, width),
    }
    return Material(numbers, values, {"line.csv": csv_text(table, header=False)}, pictures)


def _row(step: int, before: Run, after: Run) -> list[str]:
    cells = [f"{run.history[name][step - 1]:.6f}" for run in (before, after) for name in ("w", "b")]
    return [str(step), *cells]


def _path(run: Run, table: dict[str, list[float]], best: tuple[float, float]) -> Figure:
    """The way over the contours of the cost in w and b."""
    w, b = np.linspace(-0.1, 1.9, 81), np.linspace(-2.0, best[1] + 4.0, 61)
    costs = scan("y = w*x + b", table, {"w": w, "b": b}).cost
    path = np.append(0.0, run.history["w"]), np.append(0.0, run.history["b"])
    return _picture(("w", "b"), (w, b), costs, path, best, mark("1000 steps"))


def _rescaled_path(
    run: Run, table: dict[str, list[float]], best: tuple[float, float], centre: float, width: float
) -> Figure:
    """The same in v = w·width and c = b + w·centre, in which the contours are circles."""
    standard = {"z": ((np.array(table["x"]) - centre) / width).tolist(), "y": table["y"]}
    w, b = np.append(0.0, run.history["w"]), np.append(0.0, run.history["b"])
    end = (best[0] * width, best[1] + best[0] * centre)
    # As many units across as the panel is wider than high, so that circles look it.
    v, c = np.linspace(end[0] - 92.0, end[0] + 92.0, 81), np.linspace(-5.0, end[1] + 45.0, 61)
    costs = scan("y = v*z + c", standard, {"v": v, "c": c}).cost
    return _picture(("v", "c"), (v, c), costs, (w * width, b + w * centre), end, mark("20 steps"))


def _picture(names: Any, grid: Any, costs: Any, path: Any, best: tuple[float, float], words: str) -> Figure:
    from tidu.pictures.lessons import valley_picture
    from tidu.pictures.numbers import Series
    from tidu.pictures.surfaces import Surface

    first, second = path
    paths = [
        Series(words, first, second),
        Series(mark("the minimum"), np.array([best[0]]), np.array([best[1]])),
    ]
    steps = np.arange(len(first), dtype=float)
    moves = [Series(names[0], steps, first), Series(names[1], steps, second)]
    surface = Surface(names[0], names[1], grid[0], grid[1], costs)
    return valley_picture(surface, paths, ("step", "value", moves, False))
