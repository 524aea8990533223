"""Whether the name `e` in a formula is Euler's number or a parameter, by where it stands.

As the base of a power it is the number: `exp(-k*x)` may be written `e**(-k*x)`. In a product with a column, or beside
the parameters c and d, it is a parameter: `a + b*x + c*x**2 + d*x**3 + e*x**4`. Called by `formula.py`, for an `e` that
is no column and has no starting value.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

NAME = "e"


def role_of_e(tree: ast.expr, columns: Collection[str]) -> str | None:
    """`number`, `parameter`, `unclear` (a number, which should be said), or None where it does not occur."""
    nodes = list(ast.walk(tree))
    above = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
    varies: set[ast.AST] = set()  # what holds a column
    for node in reversed(nodes):  # children come before what holds them
        if (isinstance(node, ast.Name) and node.id in columns) or any(c in varies for c in ast.iter_child_nodes(node)):
            varies.add(node)
    places = {_place(node, above, varies) for node in nodes if isinstance(node, ast.Name) and node.id == NAME}
    if not places or places <= {"base", "argument"}:
        return "number" if places else None
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - {*columns}
    if "base" not in places and ("factor" in places or {"c", "d"} <= names):
        return "parameter"
    return "unclear"


def _place(node: ast.AST, above: dict[ast.AST, ast.AST], varies: set[ast.AST]) -> str:
    """Where one `e` stands: the base of a power, a factor beside a column, a term of a sum, or an argument."""
    parent = above.get(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.left is node:
        return "base"
    while isinstance(parent, ast.UnaryOp) or (
        isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div))
    ):
        node, parent = parent, above.get(parent)
    if node in varies:
        return "factor"
    return "term" if parent is None or isinstance(parent, ast.BinOp) else "argument"
