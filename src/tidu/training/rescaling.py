"""`scale=True`: descent in parameters in which the cost curves alike in every direction, reported in the user's own.

With p = start + T·u, the loop descends in u. T is R⁻¹ of the QR factorisation of the weighted slopes at the start:
for a model that is linear in its parameters, this is what standardising and decorrelating the features does; where
that cannot be computed, each parameter is rescaled by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.calculus import gradient
from tidu.training.basis import Basis
from tidu.training.problem import Problem
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.triangles import in_pieces, triangle_of

Array = npt.NDArray[np.float64]
FEW = 40  # parameters that are mixed; more are rescaled one by one
WORST = 1e12  # condition of the slopes up to which they are


def basis_of(problem: Problem) -> Basis:
    """The change of parameters for this problem at its start."""
    program = problem.program
    objective = Objective(program, problem.columns)
    at = np.array(problem.start, dtype=np.float64)
    bend = gradient(program.slope, [program.score])[0]
    outputs = [bend, *jacobian_of(program.score, program.parameters)]
    flat = not any(np.any(np.abs(values[0]) > 0.0) for values in objective.values_in_chunks(outputs[:1], at))
    chunks = (_weighted(values, objective.rows_count, flat) for values in objective.values_in_chunks(outputs, at))
    # Of more than a chunk a triangle, which has the lengths and the QR factorisation of all rows.
    rows = triangle_of(p for c in chunks for p in in_pieces(c.T)) if objective.is_long else next(chunks)
    with np.errstate(all="ignore"):  # what overflows is not used
        lengths = np.linalg.norm(rows, axis=0) if all_finite(rows) else np.ones(objective.p)
    lengths = np.where((lengths > 0.0) & np.isfinite(lengths), lengths, 1.0)
    single = np.diag(1.0 / lengths)
    if objective.p > FEW or objective.rows_count < objective.p or not all_finite(rows):
        return Basis(at, single)
    upper = np.linalg.qr(rows / lengths, mode="r")
    if not np.all(np.diag(upper) != 0.0) or np.linalg.cond(upper) > WORST:
        return Basis(at, single)
    return Basis(at, single @ np.linalg.inv(upper))


def _weighted(values: Array, rows: int, flat: bool) -> Array:
    """The slopes of some of the rows, by the root of their share of the curvature."""
    weight = np.ones_like(values[0]) if flat else np.abs(values[0])  # flat: a loss of straight lines, the slopes alone
    return np.asarray(np.sqrt(weight / rows)[:, None] * values[1:].T)
