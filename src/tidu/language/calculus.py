"""Derivatives of expressions, as expressions.

The rules are those of the op table; this file only carries them backward through the graph. What comes out is
simplified, shares the nodes of what went in, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidu.errors import NoDerivative
from tidu.language.expr import Expr, evaluation_order
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
    adjoint: dict[Expr, Expr] = {cost: ONE}
    for node in reversed(order):
        g = adjoint.get(node)
        if g is None or g is ZERO or not any(a in on_path for a in node.args):
            continue
        if node.op.grad is None:
            raise NoDerivative(
                f"'{node.op.name}' has no derivative; the slope of {node!r} is asked for. "
                "Conditions belong inside where(condition, a, b)."
            )
        for arg, part in zip(node.args, node.op.grad(g, node, *node.args, *node.attrs), strict=True):
            if part is None or arg not in on_path:
                continue
            part = simplify(part, memo)
            if part is not ZERO:
                adjoint[arg] = simplify(adjoint[arg] + part, memo) if arg in adjoint else part
    return tuple(adjoint.get(node, ZERO) for node in wrt)
