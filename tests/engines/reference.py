"""What a training loop must compute, step by step and node by node, with `evaluate` instead of generated code.

The same order of operations as the textbook's loop, so that results are compared to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidu.content.schedules import EPOCH, STEP
from tidu.engines.program import Program
from tidu.language.expr import Expr, evaluate


@dataclass
class Trained:
    parameters: list[float]
    state: list[float]
    history: list[tuple[float, ...]] = field(default_factory=list)
    stopped: str = "going"
    steps: int = 0


def trained(
    program: Program,
    columns: Sequence[Sequence[float]],
    start: Sequence[float],
    epochs: int,
    batch_size: int | None = None,
    orders: Sequence[Sequence[int]] | None = None,
    record: str = "epoch",
    until_loss: float = -math.inf,
    tol: float | None = None,
) -> Trained:
    """`epochs` passes over the columns from the parameters `start`; without columns, `epochs` steps."""
    n = len(columns[0]) if columns else 1
    size = n if batch_size is None else batch_size
    hyper = {s: program.optimizer.values[name] for name, s in program.optimizer.hyper_symbols().items()}
    result = Trained(list(start), [value for _s, _new, value in program.new_state])
    for epoch in range(epochs):
        before, epoch_loss = list(result.parameters), 0.0
        order = orders[epoch] if orders else range(n)
        for first in range(0, n, size):
            rows = order[first : first + size]
            weights = dict(zip(program.parameters, result.parameters, strict=True))
            loss_sum, sums = 0.0, [0.0] * len(program.parameters)
            for i in rows:
                sample = weights | {c: column[i] for c, column in zip(program.columns, columns, strict=True)}
                loss_sum += evaluate(program.loss, sample)
                sums = [s + evaluate(g, sample) for s, g in zip(sums, program.gradient, strict=True)]
            loss = loss_sum / len(rows)
            gradient = [s / len(rows) for s in sums]
            for changed in (program.penalised, program.clipped):
                at = weights | dict(zip(program.mean_gradient, gradient, strict=True))
                gradient = [evaluate(g, at) for g in changed]
            time = {STEP: float(result.steps), EPOCH: float(epoch)}
            lr = evaluate(program.rate, time)
            at = hyper | time | weights | dict(zip(program.mean_gradient, gradient, strict=True)) | {program.lr: lr}
            at |= {s: value for (s, _new, _start), value in zip(program.new_state, result.state, strict=True)}
            new = [evaluate(e, at) for e in program.new_parameters]
            new_state = [evaluate(e, at) for _s, e, _start in program.new_state]
            if not all(map(math.isfinite, [loss, *new, *new_state])):
                result.stopped = "diverged"
                return result
            result.parameters, result.state, result.steps = new, new_state, result.steps + 1
            epoch_loss += loss_sum
            row = (math.sqrt(_sum(g * g for g in gradient)), lr, *new, *gradient)
            if record == "step":
                result.history.append((loss, *row))
        if record == "epoch":
            result.history.append((epoch_loss / n, *row))
        if epoch_loss / n < until_loss:
            result.stopped = "loss"
            return result
        if tol is not None and max(abs(a - b) for a, b in zip(result.parameters, before, strict=True)) <= tol:
            result.stopped = "converged"
            return result
    return result


def _sum(terms) -> float:
    """Plain addition from the left; Python's own sum() has carried more digits since 3.12."""
    total = 0.0
    for term in terms:
        total += term
    return total


def values(program: Program, table: dict[Expr | str, Sequence[float]]) -> list[list[float]]:
    """The columns of a table in the program's order."""
    return [list(map(float, table[c.name])) for c in program.columns]
