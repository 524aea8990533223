"""Shapes in a script's NumPy: where (n,) meets (n, 1) in a loop that is recorded, and gives a table of all pairs."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
}  # fmt: skip
Shape = tuple[int, ...]


def tables_of_pairs(loop: ast.stmt, variables: Mapping[str, Any]) -> Iterator[tuple[int, Shape, Shape, Shape]]:
    """Line, both shapes and that of the result, for each difference or product of plain arrays in a loop."""
    for node in ast.walk(loop):
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Mult)):
            continue
        a, b = (np.shape(value_of(side, variables)) for side in (node.left, node.right))
        row, table = sorted((a, b), key=len)
        if len(row) == 1 and len(table) == 2 and table[1] == 1 and row[0] == table[0] > 1:
            yield node.lineno, a, b, (row[0], row[0])


def value_of(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    """What arithmetic on variables that are arrays or numbers gives; None for anything else, which is not computed."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int | float) else None
    if isinstance(node, ast.Name):
        value = variables.get(node.id)
        return value if isinstance(value, np.ndarray | int | float) else None
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        a, b = value_of(node.left, variables), value_of(node.right, variables)
        if a is None or b is None:
            return None
        with np.errstate(all="ignore"):
            try:
                return OPERATORS[type(node.op)](a, b)
            except (ValueError, TypeError, ArithmeticError):
                return None
    return None
