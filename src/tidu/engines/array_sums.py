"""Sums over all rows of a network's loss, gradient and Hessian-vector products, and values row by row, in NumPy.

What `curvature.py` writes for models of single numbers, for parameters that are vectors and matrices: the sum over the
rows of `a ⊗ b` is `a.T @ b`, so no matrix of one row is ever formed where a sum is asked for. Read by
`training/solving/network.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from operator import add

from tidu.engines.array_loop import ArrayWriter, inputs_of
from tidu.engines.program import Program, kept_with_program
from tidu.engines.statements import Assignment, Line, assignments
from tidu.engines.writer import labels_of
from tidu.language.array_ops import entry, matmul, total
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluation_order, symbol
from tidu.language.simplify import ZERO, simplify

Term = tuple[float, Expr]  # a sign, and what it is the sign of


# -- the expressions of one sample ------------------------------------------------------------------
def directions_of(parameters: Sequence[Expr]) -> tuple[Expr, ...]:
    """Symbols for the vector that a Hessian is multiplied by, in the shapes of the parameters."""
    return tuple(symbol(f"direction_{p.name}", "state", shape=p.shape) for p in parameters)


def hessian_product_of(slopes: Sequence[Expr], parameters: Sequence[Expr]) -> tuple[Expr, ...]:
    """The Hessian times a direction: the gradient of (gradient · direction), in its shapes (Pearlmutter 1994).

    Of a slope `a ⊗ b` and a direction V, the product is a · (V b), which needs vectors only.
    """
    pairs = zip(slopes, directions_of(parameters), strict=True)
    along = functools.reduce(add, [_along(s, d) for s, d in pairs if s is not ZERO], ZERO)
    known = {node: node for node in evaluation_order(slopes)}
    return gradient(simplify(along, known), parameters)


def _along(slope: Expr, direction: Expr) -> Expr:
    """The sum of the products of their elements."""
    parts = [_term_along(sign, term, direction) for sign, term in terms_of(slope)]
    return functools.reduce(add, parts)


def _term_along(sign: float, term: Expr, direction: Expr) -> Expr:
    if term.op.name == "outer":
        a, b = term.args
        product = matmul(a, matmul(direction, b))
    elif term.op.name == "placed":
        product = term.args[0] * entry(direction, term.args[1])
    elif len(term.shape) == len(direction.shape) == 1:
        product = matmul(direction, term)
    else:
        product = term * direction
        if product.shape:
            product = total(product, attrs=(tuple(range(len(product.shape))), False))
    whole: Expr = product if sign > 0.0 else -product
    return whole


def terms_of(node: Expr) -> list[Term]:
    """What a node is the sum of, each of its own shape."""
    found: list[Term] = []
    open_: list[Term] = [(1.0, node)]
    while open_:
        sign, each = open_.pop()
        if each.op.name in ("add", "subtract") and all(a.shape == node.shape for a in each.args):
            left, right = each.args
            open_ += [(sign if each.op.name == "add" else -sign, right), (sign, left)]
        elif each.op.name == "negative":
            open_.append((-sign, each.args[0]))
        else:
            found.append((sign, each))
    return found


# -- the texts --------------------------------------------------------------------------------------
@kept_with_program
def array_sums_source(program: Program, outputs: tuple[Expr, ...], directions: tuple[Expr, ...] = ()) -> str:
    """A module with one function, `sums(columns, parameters)`: the sum of each output over the rows, in its own shape.

    `columns` are as `inputs_of` has them, and `directions` are symbols whose values come after those of the parameters.
    """
    inputs = inputs_of(program)
    terms = [terms_of(output) for output in outputs]
    factors = [f for found in terms for _sign, term in found for f in _factors(term)]
    w = ArrayWriter(program, inputs, [*outputs, *factors])
    columns, parameters, rows = w.own("columns"), w.own("parameters"), w.own("rows")
    varies = w.dialect.batched.varies
    with w.nested(f"def sums({columns}, {parameters}):"):
        w.unpack(w.columns, columns)
        w.unpack([*w.parameters, *(w.names.name(d, d.name) for d in directions)], parameters)
        w.add(f"{rows} = len({w.columns[0]})")
        with w.block("forward"):
            w.add(*_named(factors, w, program))
        results = [w.own(f"total_{k}") for k in range(len(outputs))]
        with w.block("sums"):
            for result, found in zip(results, terms, strict=True):
                nodes = tuple(f for _sign, term in found for f in _factors(term))
                parts = (f"{'+' if sign > 0.0 else '-'} {_summed(term, varies, rows)}" for sign, term in found)
                text = " ".join(parts).removeprefix("+ ")
                for k in range(len(nodes)):
                    text = text.replace("{}", f"{{{k}}}", 1)
                w.add(Line(f"{result} = {text}", nodes))
        w.add(f"return {', '.join(results)}{',' * (len(results) == 1)}")
    return w.source("Sums over all rows on arrays, written by tidu.", w.dialect)


@kept_with_program
def array_rows_source(
    program: Program, outputs: tuple[Expr, ...], directions: tuple[Expr, ...] = (), of_data: bool = True
) -> str:
    """A module with one function, `each_row(columns, parameters)`: each output with an axis of rows in front.

    What is the same in every row has no such axis. Without `of_data`, no output reads a column, and none is asked for.
    `directions` as in `array_sums_source`.
    """
    inputs = inputs_of(program) if of_data else []
    w = ArrayWriter(program, inputs, outputs)
    columns, parameters = w.own("columns"), w.own("parameters")
    with w.nested(f"def each_row({columns}, {parameters}):"):
        if inputs:
            w.unpack(w.columns, columns)
        w.unpack([*w.parameters, *(w.names.name(d, d.name) for d in directions)], parameters)
        with w.block("forward"):
            w.add(*_named(outputs, w, program))
            places = ", ".join(f"{{{k}}}" for k in range(len(outputs)))
            w.add(Line(f"return {places}{',' * (len(outputs) == 1)}", tuple(outputs)))
    return w.source("Values row by row on arrays, written by tidu.", w.dialect)


def _named(nodes: Sequence[Expr], w: ArrayWriter, program: Program) -> list[Assignment]:
    """The assignments that give each of these a name."""
    return assignments([n for n in nodes if not n.is_constant], w.names, labels_of(program))


def _factors(term: Expr) -> tuple[Expr, ...]:
    """What has to be computed of a term before it is summed."""
    return term.args if term.op.name == "outer" else (term,)


def _summed(term: Expr, varies: Collection[Expr], rows: str) -> str:
    """The code of the sum of a term over the rows, with `{}` for each of its factors."""
    if term.op.name == "placed":  # which sums over the rows itself
        return "{}"
    over_rows = [f"{{}}{'.sum(axis=0)' * (f in varies)}" for f in _factors(term)]
    if term.op.name != "outer":
        return over_rows[0] if term in varies else f"{rows} * {{}}"
    if all(f in varies for f in term.args):
        return "{}.T @ {}"
    repeated = "" if term in varies else f"{rows} * "
    return f"{repeated}np.multiply.outer({', '.join(over_rows)})"
