"""`Basis`: a change of parameters, in which a descent runs under `scale=True`, and its way back to the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from tidu.language.expr import Expr, constant
from tidu.training.history import History
from tidu.training.recorded_rows import like
from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]
SUFFIX = "_scaled"


@dataclass(frozen=True)
class Basis:
    """p = start + matrix·u, of shapes (p,) and (p, p): p are the user's parameters, u those of the descent."""

    start: Array
    matrix: Array

    def exchange(self, parameters: Sequence[Expr], new: Sequence[Expr]) -> dict[Expr, Expr]:
        """What each of the user's parameters is, as an expression of the new ones."""
        found: dict[Expr, Expr] = {}
        for p, offset, row in zip(parameters, self.start.tolist(), self.matrix.tolist(), strict=True):
            whole = reduce(add, [constant(number) * u for number, u in zip(row, new, strict=True) if number != 0.0])
            found[p] = whole if offset == 0.0 else offset + whole
        return found

    def parameters(self, state: TrainingState) -> tuple[float, ...]:
        """The user's parameters where a descent in u stands."""
        return tuple((self.start + self.matrix @ np.array(state.parameters)).tolist())

    def history(self, told: History) -> History:
        """A history in u, told in p: parameters, gradients and their length."""
        values = like(told.values, told.values.shape, np.float64, lambda a, b: self._rows(told.values[a:b]))
        names = tuple(name.removesuffix(SUFFIX) for name in told.parameters)
        return History(names, told.record, told.epoch, told.step, values)

    def _rows(self, told: Array) -> Array:
        n = len(self.start)
        rows = np.array(told)
        with np.errstate(all="ignore"):  # of a divergence, near the largest numbers
            rows[:, 3 : 3 + n] = self.start + told[:, 3 : 3 + n] @ self.matrix.T
            rows[:, 3 + n :] = told[:, 3 + n :] @ np.linalg.inv(self.matrix)
            rows[:, 1] = np.linalg.norm(rows[:, 3 + n :], axis=1)
        return rows
