"""Random expressions for property tests, over the whole op table.

`expressions` builds any graph; `calm_expressions` builds one together with a point at which every node is defined, of
moderate size and away from kinks, so that its value and its derivatives can be compared with another library's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from oracles import OPS
from tidu.language import ops
from tidu.language.expr import Expr, apply, constant, evaluate, raised, symbol

SYMBOLS = (
    symbol("w", "parameter"),
    symbol("x1", "feature"),
    symbol("alpha", "parameter"),
    symbol("温度", "feature"),
    symbol("two words", "feature"),
    symbol("class", "feature"),
    symbol("exp", "parameter"),
)
NAMES = {s.name: s for s in SYMBOLS}
CONDITIONS = sorted(name for name, op in OPS.items() if op.boolean)
OPERATIONS = sorted(set(OPS) - set(CONDITIONS))
NUMBERS = st.sampled_from([2.0, 3.0, 0.5, -0.5, 1.0, -1.0, 10.0, 0.1, -0.0, 1e-7, 1e20]) | st.floats(
    allow_nan=False, allow_infinity=False
)


@st.composite
def expressions(draw: DrawFn, most: int = 12) -> Expr:
    """Any graph of up to `most` operations, shared nodes included; its last one is a number."""
    numbers = [*SYMBOLS, *(constant(draw(NUMBERS)) for _ in range(2))]
    conditions = [ops.equal(numbers[0], numbers[-1])]
    for _ in range(draw(st.integers(1, most))):
        name = draw(st.sampled_from([*OPERATIONS, *OPERATIONS, *CONDITIONS]))
        node = _applied(draw, name, [conditions if d == (0, 1) else numbers for d in OPS[name].domain])
        (conditions if node.op.boolean else numbers).append(node)
    return numbers[-1]


def _applied(draw: DrawFn, name: str, pools: list[list[Expr]]) -> Expr:
    # The latest nodes come first, so that graphs grow deep.
    args = [draw(st.sampled_from(pool[::-1])) for pool in pools]
    if name == "integer_power":
        return raised(args[0], draw(st.integers(-1024, 1024) | st.integers(-3, 5)))
    return raised(*args) if name == "power" else apply(name, *args)


class Calm(NamedTuple):
    """An expression, and a point at which it is well behaved."""

    expr: Expr
    point: dict[Expr, float]


FAR = 1e-2  # how far from a kink or the end of a domain, at least


@st.composite
def calm_expressions(draw: DrawFn, most: int = 10, leave_out: frozenset[str] = frozenset()) -> Calm:
    """A graph of up to `most` operations (a forbidden draw is passed over) and values for its symbols."""
    point = {s: draw(st.floats(-2.0, 2.0).filter(lambda v: abs(v) > FAR)) for s in SYMBOLS[:4]}
    numbers = [*point, constant(2.0), constant(0.7), constant(-3.0)]
    values = {n: point.get(n) if n.is_symbol else n.value for n in numbers}
    conditions: list[Expr] = []
    allowed = [name for name in OPS if name not in leave_out]
    for _ in range(draw(st.integers(1, most))):
        name = draw(st.sampled_from(allowed))
        if OPS[name].domain[0] == (0, 1) and not conditions:
            continue
        pools = [conditions if d == (0, 1) else numbers for d in OPS[name].domain]
        args = [draw(st.sampled_from(pool[::-1])) for pool in pools]
        attrs = (draw(st.integers(-4, 5)),) if name == "integer_power" else ()
        if not _is_calm(name, [values[a] for a in args]):
            continue
        node = raised(*args, *attrs) if name in ("integer_power", "power") else apply(name, *args)
        value = evaluate(node, point)
        if node.op.boolean:
            conditions.append(node)
        elif np.isfinite(value) and FAR < abs(value) < 100.0 and node not in values:
            numbers.append(node)
        values[node] = value
    return Calm(numbers[-1], point)


def _is_calm(name: str, values: list[float]) -> bool:
    """Whether the op is smooth and not steep near these arguments."""
    a, b = values[0], values[-1]
    if name in ("abs", "sign", "relu"):
        return abs(a) > FAR
    if name in ("mod", "fmod"):
        return abs(b) > FAR and abs(a) > FAR and FAR < a / b % 1.0 < 1.0 - FAR
    if name in ("atan2", "hypot"):
        return abs(a) > FAR
    if name in ("floor", "ceil"):
        return FAR < a % 1.0 < 1.0 - FAR
    if name in ("minimum", "maximum") or (name in CONDITIONS and not name.startswith("logical")):
        return abs(a - b) > FAR
    if name in ("log", "log2", "log10", "sqrt", "power"):
        return a > FAR
    if name == "log1p":
        return a > FAR - 1.0
    if name in ("asin", "acos", "atanh"):
        return abs(a) < 1.0 - FAR
    if name == "acosh":
        return a > 1.0 + FAR
    return abs(np.cos(a)) > 0.1 if name == "tan" else True
