"""What a run is in JSON, and how numbers get there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.engines.program import named_numbers

if TYPE_CHECKING:
    from tidu.training.run import Run

HISTORY_IN_JSON = 10_000  # rows; a longer history is thinned, the file that `Run.save` writes is not


def run_as_dict(run: Run) -> dict[str, Any]:
    """Everything as plain values: what the command line prints for `--json`."""
    return {**end_as_dict(run), "history": run.history.thinned(HISTORY_IN_JSON).to_dict()}


def end_as_dict(run: Run) -> dict[str, Any]:
    """The same without the history."""
    s = run.settings
    h = run.history
    last = {p: float(h.gradient(p)[-1]) for p in h.parameters} if len(h) else {}
    first = {p: float(h.gradient(p)[0]) for p in h.parameters} if len(h) else {}
    return {
        **({} if run.id is None else {"id": run.id}),
        "formula": s.formula,
        "params": numbers_as_lists(named_numbers(run.program, run.params)),
        "parameter_count": sum(np.size(v) for v in run.params.values()),
        **({"layers": run.summary().to_list()} if run.program.of_arrays and not run.program.is_by_level else {}),
        "loss": run.loss,
        "epochs": run.epochs,
        "steps": run.steps,
        "stopped": run.stopped,
        "best_epoch": run.best_epoch,
        "validation_loss": None if run.validation_loss is None else run.validation_loss.tolist(),
        "engine": run.engine,
        "engine_reason": run.engine_reason,
        "lr": run.lr,
        "fixed": dict(s.fix),
        **({"derived": {name: d.to_dict() for name, d in run.derived.items()}} if run.derived else {}),
        **(run.statistics.to_dict() if run.statistics is not None else {}),
        **({"intervals": run.confidence.to_dict()} if run.confidence is not None else {}),
        "seconds": run.seconds,
        "rows": run.rows,
        "loss_name": s.loss,
        "optimizer": s.optimizer_in_full,
        "batch_size": s.batch_size,
        "shuffle": s.shuffle,
        "seed": s.seed,
        "init": numbers_as_lists(named_numbers(run.program, run.start)),
        "first_gradient": first,
        "gradient": last,
        "reduction": "cost and gradient are means over the batch",
        "classes": list(run.classes) or None,
        "metrics": dict(run.metrics) if run.metrics else None,
        "test_metrics": dict(run.test_metrics) if run.test_metrics else None,
        "notes": list(run.notes),
    }


def numbers_as_lists(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as they are, arrays as lists of them."""
    return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in numbers.items()}


def json_safe(value: Any) -> Any:
    """Dicts and lists with null for what JSON cannot hold (nan, inf)."""
    if isinstance(value, dict):
        return {k: json_safe(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
