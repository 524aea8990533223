"""`scale=True`: descent in parameters in which the cost curves alike in every direction, reported in the user's own.

With p = start + T·u, the loop descends in u. T is R⁻¹ of the QR factorisation of the weighted slopes at the start:
for a model that is linear in its parameters, this is what standardising and decorrelating the features does; where
that cannot be computed, each parameter is rescaled by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.engines.program import Program
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, constant, substitute, symbol
from tidu.training.descents.descent import Descent
from tidu.training.history import History
from tidu.training.settings import Settings
from tidu.training.solving.objective import Objective, all_finite

Array = npt.NDArray[np.float64]
FEW = 40  # parameters that are mixed; more are rescaled one by one
WORST = 1e12  # condition of the slopes up to which they are


@dataclass(frozen=True)
class Basis:
    """p = start + matrix·u, of shapes (p,) and (p, p)."""

    start: Array
    matrix: Array

    def original(self, descent: Descent) -> Descent:
        """A descent in u, told in p: parameters, gradients and their length."""
        n = len(self.start)
        old = descent.history
        values = old.values.copy()
        inverse = np.linalg.inv(self.matrix)
        values[:, 3 : 3 + n] = self.start + old.values[:, 3 : 3 + n] @ self.matrix.T
        values[:, 3 + n :] = old.values[:, 3 + n :] @ inverse
        values[:, 1] = np.linalg.norm(values[:, 3 + n :], axis=1)
        state = replace(
            descent.state,
            parameters=tuple((self.start + self.matrix @ np.array(descent.state.parameters)).tolist()),
            gradient=tuple((np.array(descent.state.gradient) @ inverse).tolist()) if descent.state.gradient else (),
        )
        names = tuple(name.removesuffix(SUFFIX) for name in old.parameters)
        return replace(descent, state=state, history=History(names, old.record, old.epoch, old.step, values))


SUFFIX = "_scaled"


def basis_of(program: Program, columns: Sequence[Array], start: Sequence[float]) -> Basis:
    """The change of parameters for this program at this start."""
    objective = Objective(program, columns)
    at = np.array(start, dtype=np.float64)
    bend = gradient(program.slope, [program.score])[0]
    values = objective.values_of([bend, *jacobian_of(program.score, program.parameters)], at)
    weight = np.abs(values[0])
    if not np.any(weight > 0.0):  # a loss of straight lines: the slopes alone
        weight = np.ones_like(weight)
    rows = np.sqrt(weight / objective.rows_count)[:, None] * values[1:].T
    lengths = np.linalg.norm(rows, axis=0) if all_finite(rows) else np.ones(objective.p)
    lengths = np.where((lengths > 0.0) & np.isfinite(lengths), lengths, 1.0)
    single = np.diag(1.0 / lengths)
    if objective.p > FEW or objective.rows_count < objective.p or not all_finite(rows):
        return Basis(at, single)
    upper = np.linalg.qr(rows / lengths, mode="r")
    if not np.all(np.diag(upper) != 0.0) or np.linalg.cond(upper) > WORST:
        return Basis(at, single)
    return Basis(at, single @ np.linalg.inv(upper))


def rescaled(settings: Settings, program: Program, basis: Basis) -> Program:
    """The same program as a function of u."""
    new = tuple(symbol(p.name + SUFFIX, "parameter") for p in program.parameters)
    exchange: dict[Expr, Expr] = {}
    for p, offset, row in zip(program.parameters, basis.start.tolist(), basis.matrix.tolist(), strict=True):
        terms = [constant(number) * u for number, u in zip(row, new, strict=True) if number != 0.0]
        whole = terms[0]
        for term in terms[1:]:
            whole = whole + term
        exchange[p] = whole if offset == 0.0 else offset + whole
    return settings.program_like(program, substitute(program.score, exchange), new)
