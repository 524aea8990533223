"""Where a cost or its slope is no finite number: which row, which parameter, which operation.

Takes a program, its columns and a point; gives the place, whose `str` is a sentence. Asked after a descent or a solver
met a number that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program
from tidu.errors import NoDerivative
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate, evaluation_order, substitute, symbols
from tidu.language.printer import text
from tidu.text import _

Values = npt.NDArray[np.float64]
ROWS_AT_ONCE = 65_536
MOST_NODES = 5_000  # of a formula that is still looked through operation by operation


@dataclass(frozen=True)
class Undefined:
    """An operation without a finite value; of the slope along `parameter`, if that is not None.

    `row` counts from 1 and is None for a plain function; `given` are the numbers that the operation is of.
    """

    row: int | None
    operation: str
    value: float
    given: Mapping[str, float]
    parameter: str | None = None
    because: str | None = None  # the part of the slope that has no value first

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} = {value:.6g}" for name, value in self.given.items())
        if self.parameter is None:
            said = _("{operation} is {value}")
        elif math.isnan(self.value):
            said = _("the derivative of {operation} by {parameter} has no value, because of {because}")
        else:
            said = _("the derivative of {operation} by {parameter} is infinite, because of {because}")
        what = said.format(
            operation=self.operation, value=named(self.value), parameter=self.parameter, because=self.because
        )
        if self.row is None:
            return _("at {numbers}, {what}").format(numbers=numbers, what=what)
        return _("in row {row} ({numbers}), {what}").format(row=self.row, numbers=numbers, what=what)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.parameter is None:
            return _("leave out such rows, or give other starting values (--init)")
        return _("leave out such rows, fix the parameter (--fix {name}=...), or give other starting values (--init)")\
            .format(name=self.parameter)  # fmt: skip


def named(value: float) -> str:
    """A number that is not finite, in words."""
    return _("not a number") if math.isnan(value) else "-inf" if value < 0 else "inf"


def undefined_at(program: Program, columns: Sequence[Values], at: Sequence[float]) -> Undefined | None:
    """The first row, in the loss or else in a slope, that is no finite number at the parameters `at`.

    None if all are, and for models of arrays.
    """
    if program.of_arrays:
        return None
    point = dict(zip(program.parameters, at, strict=True))
    outputs = [program.loss, *program.gradient]
    if len(evaluation_order(outputs)) > MOST_NODES:
        return None
    found = _first_row(outputs, program.columns, columns, point)
    if found is None:
        return None
    row, k = found
    cells = {c: float(column[row]) for c, column in zip(program.columns, columns, strict=True)}
    values = {**point, **cells}
    place = row + 1 if columns else None
    if k == 0:
        guilty = _first_undefined(program.loss, values)
        return Undefined(place, text(guilty), evaluate(guilty, values), _given(guilty, values))
    parameter = program.parameters[k - 1]
    operation, slope = next(_undefined_slopes(program.loss, parameter, values), (program.loss, program.gradient[k - 1]))
    because = _first_undefined(slope, values)
    return Undefined(
        place, text(operation), evaluate(slope, values), _given(operation, values), parameter.name, text(because)
    )


def _first_row(
    outputs: Sequence[Expr], symbols_of_columns: Sequence[Expr], columns: Sequence[Values], point: Mapping[Expr, float]
) -> tuple[int, int] | None:
    """The first row in which an output is not finite, and which output; the earlier outputs come first."""
    rows = len(columns[0]) if columns else 1
    first: dict[int, int] = {}
    for begin in range(0, rows, ROWS_AT_ONCE):
        part = {c: column[begin : begin + ROWS_AT_ONCE] for c, column in zip(symbols_of_columns, columns, strict=True)}
        values = values_of_nodes(outputs, {**point, **part})
        for k, output in enumerate(outputs):
            bad = np.flatnonzero(~np.isfinite(values[output]))
            if bad.size and k not in first:
                first[k] = begin + int(bad[0])
        if 0 in first:
            break
    return None if not first else (first[min(first)], min(first))


def values_of_nodes(outputs: Sequence[Expr], given: Mapping[Expr, Values | float]) -> dict[Expr, Values]:
    """The value of each node of scalar expressions, where each symbol has its value or its value in each row."""
    values: dict[Expr, Values] = {}
    with np.errstate(all="ignore"):
        for node in evaluation_order(outputs):
            if node.is_constant:
                values[node] = np.asarray(np.float64(node.value))
            elif node.is_symbol:
                values[node] = np.asarray(given[node], dtype=np.float64)
            else:
                result = node.op.on_arrays(*(values[a] for a in node.args), *node.attrs)
                values[node] = np.asarray(result, dtype=np.float64)
    return values


def _undefined_slopes(loss: Expr, parameter: Expr, values: Mapping[Expr, float]) -> Iterator[tuple[Expr, Expr]]:
    """The operations on the way to a loss whose slope along a parameter is not finite, innermost first."""
    holding = {parameter}
    for node in evaluation_order([loss]):
        if any(a in holding for a in node.args):
            holding.add(node)
            try:
                [slope] = gradient(node, [parameter])
            except NoDerivative:
                continue
            if not math.isfinite(evaluate(slope, values)):
                yield node, slope


def _first_undefined(output: Expr, values: Mapping[Expr, float]) -> Expr:
    """The operation from which it comes that an output is not finite, with conditions decided as they are there."""
    known = values_of_nodes([output], dict(values))
    node = output
    while True:
        chosen = _chosen(node, known)
        bad = [a for a in chosen if not np.isfinite(known[a])]
        if not bad:
            decided = {n: _branch(n, known) for n in evaluation_order([node]) if n.args and n.op.name == "where"}
            return _with_branches(node, decided)
        node = bad[0]


def _chosen(node: Expr, known: Mapping[Expr, Values]) -> tuple[Expr, ...]:
    """The arguments that the value of a node comes from."""
    return (_branch(node, known),) if node.args and node.op.name == "where" else node.args


def _branch(node: Expr, known: Mapping[Expr, Values]) -> Expr:
    """Of a `where`, the argument that its condition takes."""
    condition, a, b = node.args
    return a if known[condition] else b


def _with_branches(node: Expr, decided: Mapping[Expr, Expr]) -> Expr:
    """A node with the branch that was taken in the place of each `where`."""
    for condition, branch in reversed(list(decided.items())):
        node = substitute(node, {condition: branch})
    return node


def _given(node: Expr, values: Mapping[Expr, float]) -> dict[str, float]:
    """The columns that an operation reads, then its parameters, with their values."""
    met = [*symbols([node], "feature"), *symbols([node], "target"), *symbols([node], "parameter")]
    return {s.name: values[s] for s in met}
