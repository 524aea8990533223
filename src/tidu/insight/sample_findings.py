"""What the doctor finds in single samples: the one at which a training diverged, and the noise of their gradients.

Samples are read chunk by chunk, for they may be on disk. Called by `doctor.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.insight.findings import Finding
from tidu.language.expr import Expr
from tidu.text import _
from tidu.training.judging.undefined import undefined_at
from tidu.training.run import Run
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
NUMBERS_HELD = 20_000_000  # of gradients of single samples


def findings_on_divergence(run: Run, objective: Objective) -> list[Finding]:
    """Where the loss or a slope had no value at the last good point, else the row with the largest loss there."""
    if not run.diverged:
        return []
    if objective.program.of_arrays:
        return _on_divergence_of_network(run, objective)
    program = objective.program
    last = np.array(run.problem.parameters_at(run.last_state))
    undefined = undefined_at(program, objective.columns, last.tolist())
    if undefined is not None:
        return [
            Finding(
                "divergence",
                _("it diverged at step {step}: {where}").format(step=run.steps + 1, where=undefined),
                {"step": run.steps + 1, "row": undefined.row, "operation": undefined.operation,
                 "parameter": undefined.parameter},
            )
        ]  # fmt: skip
    row, (loss, *values) = _row_of_largest_loss(objective, [program.loss, *program.gradient], last)
    slopes = np.where(np.isfinite(values), np.abs(values), np.inf)
    factor = program.parameter_names[int(np.argmax(slopes))]
    if objective.rows_count == 1 and program.target is None:
        words = _(
            "it diverged at step {step}. At the last good point the function was {value:.3g}, and its steepest slope, "
            "along {name}, {slope:.3g}"
        )
        numbers = {"step": run.steps + 1, "value": float(loss), "parameter": factor}
        said = words.format(step=run.steps + 1, value=loss, name=factor, slope=float(np.max(slopes)))
        return [Finding("divergence", said, numbers)]
    return [
        Finding(
            "divergence",
            _(
                "it diverged at step {step}. At the last good point row {row} had the largest loss, {loss:.3g}, and "
                "the steepest slope, along {name}: {slope:.3g}"
            ).format(step=run.steps + 1, row=row + 1, loss=loss, name=factor, slope=float(np.max(slopes))),
            {"step": run.steps + 1, "row": row + 1, "loss": float(loss), "parameter": factor},
        )
    ]


def _row_of_largest_loss(objective: Objective, outputs: Sequence[Expr], at: Array) -> tuple[int, Array]:
    """The first row with the largest loss, which is `outputs[0]`, and its values of all; inf and nan are largest."""
    done, row, largest, found = 0, 0, -math.inf, np.zeros(0)
    for values in objective.values_in_chunks(outputs, at):
        size = np.where(np.isfinite(values[0]), np.abs(values[0]), np.inf)
        k = int(np.argmax(size))
        if size[k] > largest:
            row, largest, found = done + k, float(size[k]), values[:, k].copy()
        done += len(size)
    return row, found


def _on_divergence_of_network(run: Run, objective: Objective) -> list[Finding]:
    """The row with the largest loss before the end, and the number along which its loss is steepest."""
    last = objective.flat(run.problem.parameters_at(run.last_state))
    row, [loss] = _row_of_largest_loss(objective, [objective.program.loss], last)
    numbers: dict[str, Any] = {"step": run.steps + 1, "row": row + 1}
    if not np.isfinite(loss):
        words = _("it diverged at step {step}: at the starting values the loss of row {row} is not finite")
        return [Finding("divergence", words.format(**numbers), numbers)]
    _cost, slope = objective.on_rows(np.array([row])).cost_and_gradient(last)
    steepest = int(np.argmax(np.where(np.isfinite(slope), np.abs(slope), np.inf)))
    words = _(
        "it diverged at step {step}. At the last good point row {row} had the largest loss, {loss:.3g}, and "
        "the steepest slope, along {name}: {slope:.3g}"
    )
    name = objective.names[steepest]
    said = words.format(**numbers, loss=loss, name=name, slope=abs(float(slope[steepest])))
    return [Finding("divergence", said, {**numbers, "loss": float(loss), "parameter": name})]


def findings_on_noise(run: Run, objective: Objective, start: Array) -> list[Finding]:
    """How large a batch must be for its gradient to say more than its noise (McCandlish et al. 2018, app. A)."""
    if objective.rows_count < 2 or run.settings.uses_solver:
        return []
    if objective.program.of_arrays:
        objective = objective.on_some_rows(max(2, min(objective.rows_count, NUMBERS_HELD // objective.p)))
    mean, variance = _spread_of_gradients(objective, start)
    signal, noise = float(mean @ mean), float(np.sum(variance))
    if not (math.isfinite(signal) and math.isfinite(noise) and signal > 0.0):
        return []
    size = noise / signal
    words = (
        _("gradient noise at the start: a batch of {size:.2g} samples has as much noise as signal")
        if size > 1.0
        else _("gradient noise at the start: a single sample already has more signal than noise")
    )
    return [Finding("noise", words.format(size=size), {"batch_size": size, "batch": run.settings.batch_size})]


def _spread_of_gradients(objective: Objective, at: Array) -> tuple[Array, Array]:
    """The mean and the variance of the gradients of single samples, each of shape (p,)."""
    if objective.program.of_arrays:
        gradients = objective.sample_gradients(at)
        return gradients.mean(axis=0), np.var(gradients, axis=0, ddof=1)
    slopes, rows = objective.program.gradient, objective.rows_count
    mean = sum(np.sum(part, axis=1) for part in objective.values_in_chunks(slopes, at)) / rows
    squares = sum(np.sum((part.T - mean) ** 2, axis=0) for part in objective.values_in_chunks(slopes, at))
    return mean, squares / (rows - 1)
