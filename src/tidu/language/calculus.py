"""Derivatives of expressions, as expressions.

The rules are those of the op table; this file only carries them backward through the graph. What comes out is
simplified, shares the nodes of what went in, and can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from tidu.errors import NoDerivative
from tidu.language.array_ops import fitted
from tidu.language.expr import Expr, apply, as_expr, evaluation_order, is_never_zero
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
    found = adjoints(cost, wrt)
    return tuple(found[node].value if node in found else ZERO for node in wrt)


@dataclass(frozen=True)
class Adjoint:
    """∂cost/∂node of one node: the sum of the parts that each `user` of the node, in the order of evaluation, adds."""

    value: Expr
    parts: tuple[tuple[Expr, Expr], ...] = ()  # a user, and ∂cost/∂user · ∂user/∂node


def adjoints(cost: Expr, wrt: Sequence[Expr]) -> dict[Expr, Adjoint]:
    """What reverse accumulation finds of each node between `cost` and the nodes of `wrt`: see `gradient`."""
    order = evaluation_order([cost])
    wanted = set(wrt)
    on_path: set[Expr] = set()  # nodes whose value depends on a wanted one
    for node in order:
        if node in wanted or any(a in on_path for a in node.args):
            on_path.add(node)
    memo = {node: node for node in order}
    parts: dict[Expr, list[tuple[Expr, Expr]]] = {cost: [(cost, ONE)]}  # what each use adds, the last use first
    found: dict[Expr, Adjoint] = {}
    for node in reversed(order):
        if node not in parts:
            continue
        added = parts[node][::-1]
        g = functools.reduce(lambda a, b: simplify(a + b, memo), [part for _user, part in added])
        found[node] = Adjoint(g, () if node is cost else tuple(added))
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
            if arg is node.args[0] and _is_steep_at_zero(node):
                contribution = simplify(_unless_at_rest(contribution, arg, on_path), memo)
            if contribution is not ZERO:
                parts.setdefault(arg, []).append((node, simplify(fitted(contribution, arg.shape), memo)))
    return found


def _is_steep_at_zero(node: Expr) -> bool:
    steep = node.op.steep_at_zero
    return not node.shape and (steep(node.args) if callable(steep) else steep)


def _unless_at_rest(contribution: Expr, arg: Expr, on_path: Container[Expr]) -> Expr:
    """0 where a column is a factor of `arg` and is 0: then `arg` stays 0, whatever moves, and so does all it enters.

    So sqrt(a*x) has the slope 0 by a in a row where x is 0, and not 0 times infinity.
    """
    if contribution.args and contribution.op.name == "negative":
        return -_unless_at_rest(contribution.args[0], arg, on_path)
    for factor in _factors(arg):
        of_columns = {s.role for s in evaluation_order([factor]) if s.is_symbol} <= {"feature", "target"}
        if factor not in on_path and of_columns and not factor.is_constant and not is_never_zero(factor):
            contribution = apply("where", apply("equal", factor, 0), 0, contribution)
    return contribution


def _factors(node: Expr) -> Iterator[Expr]:
    """What `node` is a product of, as far as one sees."""
    name = node.op.name if node.args else ""
    if name == "multiply":
        yield from _factors(node.args[0])
        yield from _factors(node.args[1])
    elif name in ("divide", "negative"):
        yield from _factors(node.args[0])
    else:
        yield node
