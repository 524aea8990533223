"""Starts guessed from the data: every parameter of the size that its place in the formula asks for.

In a·exp(−b·x) the rate b is one over a length of x, in (x − m)/s both m and s are lengths of x, in x/(k + x) k is one.
These units follow from the expression, as a physicist would find them (dimensional analysis); the data say how long a
unit is. Candidates are drawn on that scale, parameters that enter linearly are solved for (Golub & Pereyra 1973), and
the best are handed to the solver. A ratio that is linear above and below its bar has a start of its own, by clearing
the fraction. Called by `attempts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.expr import Expr, evaluation_order
from tidu.language.simplify import ZERO
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.scanned_starts import scanned_starts

Array = npt.NDArray[np.float64]
Unit = dict[Expr, float]  # exponents of the symbols whose units it is made of
CANDIDATES = 160
KEPT = 3
MOST_ROWS = 300  # on which candidates are compared
MOST_ROWS_SCANNED = 2000  # on which breakpoints and frequencies are looked for
SAME_UNIT = ("add", "subtract", "maximum", "minimum", "less", "less_equal", "greater", "greater_equal")
OF_A_NUMBER = ("exp", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh", "sigmoid", "softplus", "arctan", "atan",
               "asin", "acos", "erf", "log1p", "relu")  # fmt: skip
WAVES = ("sin", "cos")


def guessed_starts(objective: Objective, first: Array) -> list[Array]:
    """The most promising starts, the best first.

    Values of `first` that are not 0 are the user's: they are kept near, or at least in sign.
    """
    generator = np.random.default_rng(12)
    small, more = objective.on_some_rows(MOST_ROWS), objective.on_some_rows(MOST_ROWS_SCANNED)
    linear = linear_parameters(objective)
    nonlinear = [k for k in range(objective.p) if k not in linear]
    if not nonlinear:
        return []
    found: list[tuple[float, Array]] = []
    cleared = _fraction_cleared(small, first)
    candidates = [] if cleared is None else [cleared]
    sizes = _Sizes(small)
    candidates += [sizes.drawn(first, nonlinear, generator) for _k in range(CANDIDATES)]
    scanned = scanned_starts(more, first, lambda candidate: with_linear_solved(more, candidate, linear))
    for start in [*(with_linear_solved(small, candidate, linear) for candidate in candidates), *scanned]:
        cost = small.cost(start)
        if math.isfinite(cost):
            found.append((cost, start))
    found.sort(key=lambda pair: pair[0])
    kept: list[Array] = []
    for _cost, start in found:
        scale = np.maximum(np.abs(start), 1e-300)
        if all(float(np.max(np.abs(start - other) / scale)) > 0.1 for other in kept):
            kept.append(start)
        if len(kept) == KEPT:
            break
    return kept


# -- parameters that enter linearly ---------------------------------------------------------------
def linear_parameters(objective: Objective) -> list[int]:
    """A set of parameters no slope of which depends on another of the set."""
    return objective.linear


def with_linear_solved(objective: Objective, start: Array, linear: list[int]) -> Array:
    """`start` with the linear parameters at their least-squares values for the others as they are."""
    if not linear or len(linear) == objective.p:
        return start
    residuals, jacobian = objective.residuals_and_jacobian(start)
    if not all_finite(residuals, jacobian):
        return start
    part = jacobian[:, linear]
    lengths = np.linalg.norm(part, axis=0)
    lengths[lengths == 0.0] = 1.0
    solved = start.copy()
    solved[linear] += np.linalg.lstsq(part / lengths, -residuals, rcond=1e-10)[0] / lengths
    return solved


def _fraction_cleared(objective: Objective, first: Array) -> Array | None:
    """For a score N/D, with N and D linear in all parameters together: the least squares of N − y·D."""
    program = objective.program
    score, target = program.score, program.target
    if score.op.name != "divide" or target is None:
        return None
    cleared = score.args[0] - target * score.args[1]
    slopes = jacobian_of(cleared, program.parameters)
    nodes = evaluation_order(slopes)
    if any(parameter in nodes for parameter in program.parameters) or any(d is ZERO for d in slopes):
        return None
    values = objective.values_of([cleared, *slopes], np.zeros(objective.p))
    if not all_finite(values):
        return None
    rows = values[1:].T
    lengths = np.linalg.norm(rows, axis=0)
    lengths[lengths == 0.0] = 1.0
    solved: Array = np.linalg.lstsq(rows / lengths, -values[0], rcond=None)[0] / lengths
    return solved


# -- units ----------------------------------------------------------------------------------------
def units_of(score: Expr, target: Expr, numeric: bool) -> dict[Expr, Unit]:
    """The unit of each parameter, as exponents of the units of the columns; `numeric`: the score itself has none."""
    units: dict[Expr, Unit] = {}
    equations: list[Unit] = []
    has_parameter: dict[Expr, bool] = {}
    for node in evaluation_order([score]):
        name, args = node.op.name, node.args
        has_parameter[node] = (node.is_symbol and node.role == "parameter") or any(has_parameter[a] for a in args)
        if node.is_symbol:
            units[node] = {node: 1.0}
        elif node.is_constant:
            units[node] = {}
        elif name in ("multiply", "divide"):
            units[node] = _sum(units[args[0]], units[args[1]], 1.0 if name == "multiply" else -1.0)
        elif name in ("negative", "abs"):
            units[node] = units[args[0]]
        elif name == "integer_power":
            units[node] = {s: c * float(node.attrs[0]) for s, c in units[args[0]].items()}
        elif name == "sqrt":
            units[node] = {s: 0.5 * c for s, c in units[args[0]].items()}
        elif name in SAME_UNIT:
            left, right = args
            plain = [a for a in args if not has_parameter[a]]
            if not (plain and any(a.is_constant for a in args) and len(plain) == 2):  # x + 2 says nothing
                equations.append(_sum(units[left], units[right], -1.0))
            units[node] = units[right] if left.is_constant else units[left]
        elif name in OF_A_NUMBER:
            equations.append(units[args[0]])
            units[node] = {}
        elif name == "log":
            units[node] = {}
        elif name == "power" and args[1].is_constant:
            units[node] = {s: c * args[1].value for s, c in units[args[0]].items()}
        else:
            if name == "power":
                equations.append(units[args[1]])
            units[node] = {node: 1.0}  # unknown
    equations.append(units[score] if numeric else _sum(units[score], {target: 1.0}, -1.0))
    return _solved(equations)


def _sum(a: Unit, b: Unit, factor: float) -> Unit:
    total = dict(a)
    for symbol, exponent in b.items():
        total[symbol] = total.get(symbol, 0.0) + factor * exponent
    return {s: c for s, c in total.items() if c != 0.0}


def _solved(equations: list[Unit]) -> dict[Expr, Unit]:
    """The exponents of the unknowns that satisfy the equations best, the smallest such."""
    symbols = dict.fromkeys(s for equation in equations for s in equation)
    known = [s for s in symbols if s.is_symbol and s.role != "parameter"]
    unknown = [s for s in symbols if s not in known]
    if not unknown:
        return {}
    matrix = np.array([[equation.get(s, 0.0) for s in unknown] for equation in equations])
    right = -np.array([[equation.get(s, 0.0) for s in known] for equation in equations])
    solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return {
        s: {c: float(e) for c, e in zip(known, row, strict=True) if abs(e) > 1e-9}
        for s, row in zip(unknown, solution, strict=True)
    }


class _Sizes:
    """How large each parameter may be, from its unit and the data."""

    def __init__(self, objective: Objective) -> None:
        program = objective.program
        assert program.target is not None
        self.parameters = program.parameters
        columns = dict(zip(program.columns, (np.asarray(c) for c in objective.columns), strict=True))
        target = objective.values_of([program.target], np.zeros(objective.p))[0]
        self.lengths = {c: _length(values) for c, values in columns.items()} | {program.target: _length(target)}
        self.columns: Mapping[Expr, Array] = columns | {program.target: target}
        self.units = units_of(program.score, program.target, program.residual_factor is None)
        self.rows = objective.rows_count
        waves = [n for n in evaluation_order([program.score]) if n.op.name in WAVES]
        self.of_waves = {p for wave in waves for p in evaluation_order([wave]) if p in set(program.parameters)}

    def drawn(self, first: Array, chosen: list[int], generator: np.random.Generator) -> Array:
        """`first` with the chosen parameters drawn: those of the user around their value, or with their sign."""
        start = first.copy()
        for k in chosen:
            value = self._one(self.parameters[k], generator)
            if first[k] != 0.0:
                near = first[k] * float(np.exp(generator.normal()))
                value = near if generator.random() < 0.5 else math.copysign(value, first[k])
            start[k] = value
        return start

    def _one(self, parameter: Expr, generator: np.random.Generator) -> float:
        unit = self.units.get(parameter, {})
        sign = 1.0 if generator.random() < 0.75 else -1.0
        if len(unit) == 1:
            (column, exponent), *_rest = unit.items()
            if exponent == 1.0 and generator.random() < 0.5:  # a place
                values = self.columns[column]
                return float(generator.uniform(np.min(values), np.max(values)))
            if exponent == 1.0:  # a length
                return float(sign * self.lengths[column] * 10.0 ** generator.uniform(-2.0, 0.3))
            if exponent == -1.0 and parameter in self.of_waves:  # a frequency: up to two samples a wave
                return float(generator.uniform(0.0, math.pi * self.rows)) / self.lengths[column]
        size = math.prod(self.lengths[column] ** exponent for column, exponent in unit.items())
        return float(sign * size * 10.0 ** generator.uniform(-1.0, 1.3))


def _length(values: Array) -> float:
    """The size of what a column measures."""
    spread = float(np.max(values) - np.min(values))
    return spread or float(np.max(np.abs(values))) or 1.0
