"""Least squares in exact arithmetic, for terms that differ and that float64 takes for one another.

A parabola in unix seconds has t² and t that agree, as columns, to fifteen digits: rounding then looks as if their
parameters could not be told apart. Where a model is linear in its parameters, and its terms are made by the four
operations, the normal equations are solved in fractions, without any rounding before the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.expr import Expr, constant, evaluation_order, substitute
from tidu.language.simplify import ZERO
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
RATIONAL = ("add", "subtract", "multiply", "divide", "negative", "integer_power")
MOST_PRODUCTS = 200_000  # of fractions: about half a second
Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class ExactFit:
    """The minimum of a linear least-squares problem, each number rounded once."""

    values: Array  # of the parameters, of shape (p,)
    inverse: Array  # of JᵀJ, of shape (p, p)
    residual_sum_of_squares: float


def exact_fit(objective: Objective) -> ExactFit | None:
    """The fit in fractions; None where the model is not of this kind, too large, or truly without a single answer."""
    program = objective.program
    p = objective.p
    if program.residual_factor is None or program.penalty is not ZERO or not objective.is_linear:
        return None
    if objective.rows_count * p * (p + 1) > MOST_PRODUCTS or objective.rows_count < p:
        return None
    assert program.target is not None
    offset = substitute(program.score, dict.fromkeys(program.parameters, constant(0.0)))
    weight = constant(1.0) if program.weight is None else program.weight
    outputs = [*jacobian_of(program.score, program.parameters), program.target - offset, weight]
    nodes = evaluation_order(outputs)
    if any(node.args and node.op.name not in RATIONAL for node in nodes):
        return None
    normal = [[Fraction(0)] * (p + 1) for _k in range(p)]
    total = Fraction(0)
    try:
        for row in zip(*(np.asarray(c).tolist() for c in objective.columns), strict=True):
            *slopes, y, w = _evaluated(nodes, outputs, dict(zip(program.columns, row, strict=True)))
            for j in range(p):
                weighted = w * slopes[j]
                for k in range(j, p):
                    normal[j][k] += weighted * slopes[k]
                normal[j][p] += weighted * y
            total += w * y * y
    except ZeroDivisionError:
        return None
    for j in range(p):
        for k in range(j):
            normal[j][k] = normal[k][j]
    solved = _solved([[*row, *(Fraction(int(i == j)) for j in range(p))] for i, row in enumerate(normal)])
    if solved is None:
        return None
    values = [row[0] for row in solved]
    rest = total - sum((v * row[p] for v, row in zip(values, normal, strict=True)), Fraction(0))
    inverse = np.array([[float(cell) for cell in row[1:]] for row in solved])
    return ExactFit(np.array([float(v) for v in values]), inverse, float(rest))


def _evaluated(nodes: Sequence[Expr], outputs: Sequence[Expr], row: dict[Expr, float]) -> list[Fraction]:
    known: dict[Expr, Fraction] = {}
    for node in nodes:
        if node.is_constant:
            known[node] = Fraction(node.value)
        elif node.is_symbol:
            known[node] = Fraction(row[node])
        else:
            a, *rest = (known[arg] for arg in node.args)
            name = node.op.name
            if name == "add":
                known[node] = a + rest[0]
            elif name == "subtract":
                known[node] = a - rest[0]
            elif name == "multiply":
                known[node] = a * rest[0]
            elif name == "divide":
                known[node] = a / rest[0]
            elif name == "negative":
                known[node] = -a
            else:
                known[node] = a ** int(node.attrs[0])
    return [known[output] for output in outputs]


def _solved(rows: Matrix) -> Matrix | None:
    """The right sides after elimination to the unit matrix; None where there is no pivot."""
    p = len(rows)
    for j in range(p):
        pivot = next((i for i in range(j, p) if rows[i][j] != 0), None)
        if pivot is None:
            return None
        rows[j], rows[pivot] = rows[pivot], rows[j]
        rows[j] = [cell / rows[j][j] for cell in rows[j]]
        for i in range(p):
            if i != j and rows[i][j] != 0:
                rows[i] = [a - rows[i][j] * b for a, b in zip(rows[i], rows[j], strict=True)]
    return [row[p:] for row in rows]
