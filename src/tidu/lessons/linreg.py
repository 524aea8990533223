"""Linear regression from scratch, its gradients derived by tidu, and a sweep of learning rates."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.engines.mathematics import UNICODE, equations
from tidu.lessons.lesson import Material, csv_text, fit_whole, rows
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMULA = "y = w1*x1 + w2*x2 + b"
TRUE = {"w1": 2.0, "w2": -3.4, "b": 4.2}
RATES = (0.01, 0.02, 0.03, 0.04)


def data() -> dict[str, list[float]]:
    """1000 samples of two features from N(0, 1); y = 2·x1 − 3.4·x2 + 4.2 + noise from N(0, 0.01²)."""
    random = np.random.RandomState(42)  # NumPy promises that this old generator never changes its stream
    x = np.round(random.normal(size=(1000, 2)), 6)
    y = np.round(x @ [TRUE["w1"], TRUE["w2"]] + TRUE["b"] + random.normal(0.0, 0.01, 1000), 6)
    return {"x1": x[:, 0].tolist(), "x2": x[:, 1].tolist(), "y": y.tolist()}


def descent(table: dict[str, list[float]], lr: float = 0.03, seed: int = 0, epochs: int = 3) -> Run:
    """Shuffled batches of 10; the weights start at draws from N(0, 0.01²), b at 0."""
    init: dict[str, float | str] = {"w1": "normal(0, 0.01)", "w2": "normal(0, 0.01)", "b": 0.0}
    return fit_whole(FORMULA, table, loss="half_squared", lr=lr, batch_size=10, epochs=epochs, init=init, seed=seed)


def material() -> Material:
    """The run, its pieces, and the sweep with parameters drawn anew for each rate."""
    table = data()
    run = descent(table)
    sweep = {lr: descent(table, lr, seed=k + 1) for k, lr in enumerate(RATES)}
    grows_at = next(lr for lr in (0.1, 0.5, 1.0, 2.0, 4.0) if _grows(descent(table, lr, seed=1)))
    numbers: dict[str, Any] = {
        "true": TRUE,
        "params": dict(run.params),
        "errors": {name: run.params[name] - TRUE[name] for name in TRUE},
        "loss": run.loss,
        "grows_at": grows_at,
        "epoch_losses": run.history.loss.tolist(),
        "sweep": {
            f"{lr}": {"epoch_losses": r.history.loss.tolist(), "params": dict(r.params), "init": dict(r.start)}
            for lr, r in sweep.items()
        },
    }
    partials = [line for line in equations(run.program, UNICODE) if line[0].startswith("∂")]
    values = {
        "fitted": rows((n, f"{TRUE[n]:g}", f"{run.params[n]:.6f}", f"{run.params[n] - TRUE[n]:+.6f}") for n in TRUE),
        "losses": rows((k + 1, f"{v:.8f}") for k, v in enumerate(run.history.loss)),
        "partials": "\n".join(f"    {left} = {right}" for left, right in partials),
        "source": _inside_of_one_update(run.source),
        "grows_at": f"{grows_at:g}",
        "sweep": rows((f"lr={lr}", *(f"{v:.6f}" for v in r.history.loss)) for lr, r in sweep.items()),
    }
    return Material(numbers, values, {"linreg.csv": csv_text(table)}, {"sweep": lambda: _sweep(sweep)})


def _grows(run: Run) -> bool:
    return run.diverged or bool(run.history.loss[-1] > run.history.loss[0])


def _inside_of_one_update(source: str) -> str:
    """The lines of the loop from the first sample of a batch to the new parameters."""
    turn = source.split("    while ", 1)[1].partition("\n")[2]
    return dedent(turn[: turn.index("        step += 1")]).rstrip()


def _sweep(runs: dict[float, Run]) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.plane_figures import plane_figure
    from tidu.pictures.planes import Curve, Plane

    curves = tuple(
        Curve(f"lr={lr}", np.arange(1.0, len(r.history) + 1), r.history.loss, "points", ink=k)
        for k, (lr, r) in enumerate(runs.items())
    )
    return plane_figure([Plane(label("epoch"), label("loss"), curves, log_y=True)])
