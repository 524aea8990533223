"""`EpochLoss`: what the epochs of a training are judged by: the loss of the validation rows, or the training cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tidu.data.disk_table import are_on_disk
from tidu.training.judging.evaluation import cost_of, inputs_from
from tidu.training.problem import Problem


class EpochLoss:
    """The loss by which an epoch is judged, as a function of the parameters at its end, for about so many calls.

    Without validation rows it is the cost of all training rows, with penalty. The last answer is kept, for a rate that
    falls at plateaus and early stopping both ask after each epoch.
    """

    def __init__(self, problem: Problem, epochs: int) -> None:
        self.validated = problem.validation is not None
        self.cost = _cost(problem, epochs)
        self.last: tuple[Sequence[Any], float] | None = None

    def __call__(self, parameters: Sequence[Any]) -> float:
        """The loss at the user's parameters, floats or arrays."""
        if self.last is None or not all(map(np.array_equal, self.last[0], parameters)):
            self.last = (parameters, self.cost(parameters))
        return self.last[1]


def _cost(problem: Problem, epochs: int) -> Callable[[Sequence[Any]], float]:
    if problem.validation is not None:
        problem = replace(problem.changed(l1=0.0, l2=0.0), table=problem.validation)
    columns: Sequence[Any] = problem.columns
    if problem.program.of_arrays and not are_on_disk(columns):
        columns = inputs_from(problem.program, columns)
    return cost_of(problem.program, columns, epochs)
