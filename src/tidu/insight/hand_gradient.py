"""A gradient as one derives it by hand, `mean(2*(w*x + b - y)*x)`: of columns, parameters and means.

`parse_hand` reads one; its `at` gives its value on some rows. `x[i]` is x in the row that a sum is at, `x[i-1]` and
`x[i+1]` are x in the rows beside it. Called by `audit`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program
from tidu.errors import FormulaError
from tidu.language.expr import Expr, evaluate, evaluation_order, symbol, symbols
from tidu.language.reader import parse_expression
from tidu.text import _

Array = npt.NDArray[np.float64]
ROWS = symbol("n", "hyper")
NEW = "new_"  # before a parameter: its value after the update
BESIDE = {"[i-1]": 1, "[i+1]": -1}  # behind a column: how many rows further up it is read
INDEXED = re.compile(r"(?<![`\w])([^\W\d]\w*)\s*\[\s*i\s*(?:([+-])\s*(\d+)\s*)?\]")  # x[i - 1]


@dataclass(frozen=True)
class Rows:
    """Columns of shape (rows,), by symbol."""

    columns: Mapping[Expr, Sequence[float]]
    count: int

    @classmethod
    def of(cls, columns: Mapping[Expr, Array]) -> Rows:
        """Of arrays."""
        return cls({c: column.tolist() for c, column in columns.items()}, len(next(iter(columns.values()))))

    def values(self, expression: Expr, known: Mapping[Expr, float]) -> list[float]:
        """What an expression is in each row."""
        used = [c for c in evaluation_order([expression]) if c in self.columns]
        if not used:
            return [evaluate(expression, known)] * self.count
        cells = zip(*(self.columns[c] for c in used), strict=True)
        return [evaluate(expression, {**known, **dict(zip(used, row, strict=True))}) for row in cells]

    def mean(self, expression: Expr, known: Mapping[Expr, float]) -> float:
        """The mean over the rows."""
        return math.fsum(self._finite(self.values(expression, known))) / self.count

    def with_neighbours(self, neighbours: Mapping[Expr, tuple[Expr, int]]) -> Rows:
        """With symbols for columns of which each row reads that so many rows further up; the last follow the first."""
        shifted = {
            symbol: [self.columns[column][(k - by) % self.count] for k in range(self.count)]
            for symbol, (column, by) in neighbours.items()
        }
        return Rows({**self.columns, **shifted}, self.count)

    @staticmethod
    def _finite(values: list[float]) -> list[float]:
        return values if all(map(math.isfinite, values)) else [math.nan]


@dataclass(frozen=True)
class HandGradient:
    """An expression in which symbols stand for reductions over the rows: what each is of, the innermost first."""

    text: str
    expression: Expr
    reductions: Mapping[Expr, tuple[str, Expr]]
    neighbours: Mapping[Expr, tuple[Expr, int]]

    def at(self, known: Mapping[Expr, float], rows: Rows) -> float:
        """Its value where each parameter has its value."""
        values, rows = {**known, ROWS: float(rows.count)}, rows.with_neighbours(self.neighbours)
        for node, (kind, inner) in self.reductions.items():
            values[node] = rows.mean(inner, values) * (rows.count if kind == "sum" else 1)
        return evaluate(self.expression, values)

    @property
    def numbers(self) -> list[float]:
        """The numbers that stand in it."""
        whole = [self.expression, *(inner for _kind, inner in self.reductions.values())]
        return [node.value for node in evaluation_order(whole) if node.is_constant]


def neighbour(column: Expr, place: str) -> Expr:
    """The symbol `x[i-1]` of a hand gradient, for a column in the row beside."""
    return symbol(column.name + place, "feature")


def new_value(parameter: Expr) -> Expr:
    """The symbol `new_w` of a hand gradient, for a parameter w after the update."""
    return symbol(NEW + parameter.name, "hyper")


def parse_hand(text: str, program: Program) -> HandGradient:
    """Read a hand gradient of a program's cost.

    Raises
    ------
    FormulaError
        It cannot be read; or it is of one row, without mean(...) or sum(...).
    """
    names = {s.name: s for p in program.parameters for s in [new_value(p)]}
    names |= {"n": ROWS} | {s.name: s for s in (*program.columns, *program.parameters)}
    text = INDEXED.sub(lambda found: f"`{found[1]}[i{found[2] or ''}{found[3] or ''}]`", text)
    beside = {neighbour(c, place): (c, by) for c in program.columns for place, by in BESIDE.items()}
    names = {f"{c.name}[i]": c for c in program.columns} | {s.name: s for s in beside} | names
    reductions: dict[Expr, tuple[str, Expr]] = {}

    def reduction(kind: str, inner: Expr) -> Expr:
        node = symbol(f"{kind} {len(reductions) + 1}", "hyper")
        reductions[node] = (kind, inner)
        return node

    functions = {"mean": lambda inner: reduction("mean", inner), "sum": lambda inner: reduction("sum", inner)}
    expression = parse_expression(text, names, functions=functions)
    alone = [c.name for c in (*symbols([expression], "feature"), *symbols([expression], "target"))]
    if alone:
        raise FormulaError(
            _(
                "'{text}' reads the column '{name}' outside of mean(...) and sum(...); the gradient is one number"
            ).format(text=text, name=alone[0])
        )
    used = evaluation_order([expression, *(inner for _kind, inner in reductions.values())])
    return HandGradient(text, expression, reductions, {s: beside[s] for s in used if s in beside})
