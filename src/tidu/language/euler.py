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
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.expr, ast.keyword))]
    named = [node for node in nodes if isinstance(node, ast.Name) and node.id == NAME]
    if not named:
        return None
    above: dict[ast.AST, ast.AST] = {
        child: node for node in nodes for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    }
    varies: set[ast.AST] = set()  # what holds a column
    for node in reversed(nodes):  # children come before what holds them
        if (isinstance(node, ast.Name) and node.id in columns) or any(c in varies for c in ast.iter_child_nodes(node)):
            varies.add(node)
    whole: dict[ast.AST, ast.AST] = {}  # of each node, the product that it is a factor of, or itself
    for node in nodes:  # what holds a node comes before it
        whole[node] = whole[above[node]] if node in above and _is_product(above[node]) else node
    places = {_place(node, whole[node], above, varies) for node in named}
    if places <= {"base", "argument"}:
        return "number"
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - {*columns}
    if "base" not in places and ("factor" in places or {"c", "d"} <= names):
        return "parameter"
    return "unclear"


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) or (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)))


def _place(node: ast.AST, product: ast.AST, above: dict[ast.AST, ast.AST], varies: set[ast.AST]) -> str:
    """Where one `e` stands: the base of a power, a factor beside a column, a term of a sum, or an argument."""
    parent = above.get(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.left is node:
        return "base"
    if product in varies:
        return "factor"
    return "term" if isinstance(above.get(product), (ast.BinOp, type(None))) else "argument"
