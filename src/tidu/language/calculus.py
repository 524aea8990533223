"""Derivatives of expressions, as expressions.

The rules are those of the op table; this file only carries them backward through the graph. What comes out is
simplified, shares the nodes of what went in, and can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from tidu.errors import NoDerivative
from tidu.language.array_ops import fitted
from tidu.language.expr import Expr, as_expr, evaluation_order
from tidu.language.simplify import ONE, ZERO, simplify


def gradient(cost: Expr, wrt: Sequence[Expr]) -> tuple[Expr, ...]:
    """∂cost/∂node for each node of `wrt`, by reverse accumulation; a node that `cost` does not contain gets 0.

    Parameters
    ----------
    cost : scalar Expr
    wrt : symbols, or inner nodes of `cost`: the ŷ inside a loss gives ∂ℓ/∂ŷ, as the same node that the others use.

    Raises
    ------
    NoDerivative
        An operation on the path has none.

    Source: Linnainmaa 1970; Griewank & Walther 2008, ch. 3.2.

    Examples
    --------
    >>> from tidu.language.expr import symbol
    >>> w, x = symbol("w", "parameter"), symbol("x", "feature")
    >>> gradient((w * x - 3) ** 2, [w])
    (2*(w*x - 3)*x,)
    """
    order = evaluation_order([cost])
    wanted = set(wrt)
    on_path: set[Expr] = set()  # nodes whose value depends on a wanted one
    for node in order:
        if node in wanted or any(a in on_path for a in node.args):
            on_path.add(node)
    memo = {node: node for node in order}
    parts: dict[Expr, list[Expr]] = {cost: [ONE]}  # what each use of a node adds, the last use first
    adjoint: dict[Expr, Expr] = {}
    for node in reversed(order):
        if node not in parts:
            continue
        g = functools.reduce(lambda a, b: simplify(a + b, memo), reversed(parts[node]))
        adjoint[node] = g
        if g is ZERO or not any(a in on_path for a in node.args):
            continue
        if node.op.grad is None:
            raise NoDerivative(
                f"'{node.op.name}' has no derivative; the slope of {node!r} is asked for. "
                "Conditions belong inside where(condition, a, b)."
            )
        contributions = node.op.grad(g, node, *node.args, *node.attrs)
        for arg, contribution in reversed(list(zip(node.args, contributions, strict=True))):
            if contribution is None or arg not in on_path:
                continue
            contribution = simplify(as_expr(contribution() if callable(contribution) else contribution), memo)
            if contribution is not ZERO:
                parts.setdefault(arg, []).append(simplify(fitted(contribution, arg.shape), memo))
    return tuple(adjoint.get(node, ZERO) for node in wrt)
