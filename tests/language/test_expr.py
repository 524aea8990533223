"""Nodes: one object for equal expressions, built by operators, walked without recursion."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import OPS
from random_expressions import SYMBOLS, expressions
from tidu.language import ops
from tidu.language.expr import (
    Expr,
    apply,
    as_expr,
    constant,
    evaluate,
    evaluation_order,
    is_never_zero,
    is_nonnegative,
    raised,
    substitute,
    symbol,
    symbols,
)
from tidu.language.printer import text

X, Y = symbol("x", "feature"), symbol("y", "target")
W = symbol("w", "parameter")
EPS = symbol("eps", "hyper", positive=True)


@given(expressions())
@settings(deadline=None, max_examples=100)
def test_equal_expressions_are_one_object(expr: Expr):
    rebuilt: dict[Expr, Expr] = {}
    for node in evaluation_order([expr]):
        if node.is_constant:
            rebuilt[node] = constant(node.value)
        elif node.is_symbol:
            rebuilt[node] = symbol(node.name, node.role)
        elif node.op.name == "integer_power":
            rebuilt[node] = rebuilt[node.args[0]] ** node.attrs[0]
        else:
            rebuilt[node] = apply(node.op.name, *(rebuilt[a] for a in node.args))
    assert rebuilt[expr] is expr
    assert pickle.loads(pickle.dumps(expr)) is expr
    assert copy.deepcopy(expr) is expr


def test_a_pickle_opens_in_a_new_process():
    data = pickle.dumps(ops.tanh(W * X) - 1)
    script = f"import pickle; print(pickle.loads({data!r}))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "tanh(w*x) - 1\n"


@pytest.mark.parametrize(
    ("built", "shown"),
    [
        (X + 1, "x + 1"), (1 + X, "1 + x"), (X - 1, "x - 1"), (1 - X, "1 - x"), (X * 2, "x*2"), (2 * X, "2*x"),
        (X / 2, "x/2"), (2 / X, "2/x"), (X**2, "x**2"), (X**2.0, "x**2"), (2**X, "2**x"), (X**W, "x**w"),
        (X**0.5, "x**0.5"), (X**-1, "x**(-1)"), (X**2000, "x**2000"), (-X, "-x"), (+X, "x"), (abs(X), "abs(x)"),
        (X < 1, "x < 1"), (X <= 1, "x <= 1"), (X > 1, "x > 1"), (X >= 1, "x >= 1"),
        (ops.equal(X, 1), "x == 1"), ((X < 1) & (X > 0), "x < 1 and x > 0"), ((X < 1) | (X > 2), "x < 1 or x > 2"),
        (~(X < 1), "not x < 1"), (-as_expr(3), "-3"), (X * -3, "x*-3"),
    ],
)  # fmt: skip
def test_operators(built, shown):
    assert text(built) == shown


def test_whole_exponents_are_attributes_up_to_1024():
    assert [raised(X, n).op.name for n in (0, -1, 1024, -1024)] == ["integer_power"] * 4
    assert [raised(X, p).op.name for p in (1025, 0.5, W, math.inf)] == ["power"] * 4


def test_zero_and_minus_zero_are_two_constants():
    assert constant(0.0) is not constant(-0.0)
    assert constant(0) is constant(0.0)
    assert math.copysign(1.0, (-constant(0.0)).value) == -1.0


def test_symbols_of_the_same_name_and_another_role_are_two():
    assert symbol("x", "feature") is X
    assert symbol("x", "parameter") is not X
    assert symbol("x", "feature", positive=True) is not X
    with pytest.raises(ValueError, match="role 'colour' is not one of feature, target"):
        symbol("x", "colour")


def test_comparison_and_hash_are_by_identity():
    assert X + W != X - W
    assert len({X + W, X + W, W + X}) == 2
    with pytest.raises(TypeError, match=r"write where\(condition, a, b\) instead of if"):
        bool(X < W)
    with pytest.raises(TypeError, match="instead of and/or/not"):
        0 < X < 1  # noqa: B015


def test_what_is_no_number_is_refused():
    for value in ("1", b"1", None, [1.0], 1j):
        with pytest.raises(TypeError, match="is neither a number nor a tidu expression"):
            X + value
    with pytest.raises(TypeError, match="sin takes 1 argument, not 2"):
        ops.sin(X, X)
    with pytest.raises(TypeError, match="where takes 3 arguments, not 1"):
        ops.where(X)
    with pytest.raises(TypeError, match="built with constant"):
        Expr()


def test_leaves_tell_what_they_are_and_others_refuse():
    assert (constant(2).value, X.name, X.role) == (2.0, "x", "feature")
    for attribute, node in (("value", X), ("name", X + 1), ("role", constant(1))):
        with pytest.raises(TypeError, match="is not a"):
            getattr(node, attribute)


def test_evaluation_order_has_each_node_once_arguments_first():
    shared = X * W
    output = ops.exp(shared) + shared
    order = evaluation_order([output, shared])
    assert len(order) == len(set(order)) == 5
    assert all(order.index(a) < order.index(node) for node in order for a in node.args)
    assert order[:3] == [X, W, shared]
    assert evaluation_order([output], known=[shared]) == [ops.exp(shared), output]


def test_symbols_by_role_in_order():
    assert symbols([Y - W * X + W], "parameter", "target") == [Y, W]


def test_substitute():
    assert substitute(W * X + ops.exp(W), {W: constant(2)}) is 2 * X + ops.exp(constant(2))
    assert substitute((X + 1) * (X + 1), {X + 1: Y}) is Y * Y
    assert substitute(X, {}) is X


@pytest.mark.slow
def test_a_graph_of_100000_nodes():
    node = X
    for _ in range(100_000):
        node = node + W
    assert evaluate(node, {X: 0.0, W: 1.0}) == 100_000.0
    assert len(evaluation_order([node])) == 100_002
    assert substitute(node, {X: W}) is not node


def test_what_is_too_long_to_show_is_cut():
    node = X
    for _ in range(12_000):
        node = node + W
    assert text(node).startswith("…")
    assert len(text(node)) < 20_001


@pytest.mark.slow
def test_nodes_that_nobody_holds_are_forgotten():
    from tidu.language.expr import _interned

    held = ops.tanh(X * 123.456)
    gc.collect()
    before = len(_interned)
    del held
    gc.collect()
    assert len(_interned) == before - 3  # tanh, product, number


@pytest.mark.parametrize("name", OPS)
def test_every_op_says_what_it_is(name):
    op = OPS[name]
    assert op.name == name
    assert op.arity == len(op.domain) >= 1
    assert all(low < high for low, high in op.domain)
    shown = op.text + op.unicode + op.latex
    assert all(f"{{{k}}}" in shown for k in range(op.arity))
    assert not op.boolean or op.grad is None


# -- what is certain from structure alone --------------------------------------------------------
AWKWARD = st.sampled_from([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-320, -1e-320, 1e200]) | st.floats()


@given(
    expressions(),
    st.lists(AWKWARD, min_size=len(SYMBOLS), max_size=len(SYMBOLS)),
    st.floats(0.0, 1e9, exclude_min=True),
)
@settings(deadline=None, max_examples=300)
def test_what_is_certain_holds_at_every_point(expr, values, eps):
    point = dict(zip(SYMBOLS, values, strict=True)) | {EPS: eps}
    for node in (expr, expr + 1, EPS + expr, abs(expr) + EPS, ops.sqrt(expr) + 1, 1 / ops.sqrt(expr)):
        value = evaluate(node, point)  # a divisor that is thought never to be 0, and is, would raise here
        assert not is_nonnegative(node) or value >= 0.0 or math.isnan(value)
        assert not is_never_zero(node) or value != 0.0
        assert math.isfinite(value) or isinstance(evaluate(1 / (1 + ops.maximum(node, -1)), point), float)


def test_one_over_minus_zero_is_not_taken_for_nonnegative():
    u = ops.sqrt(X)
    for risky in (1 / u, u**-1, u**-3):
        assert not is_nonnegative(risky)
        divided = 1 / (1 + ops.maximum(risky, W))
        assert evaluate(divided, {X: -0.0, W: -1.0}) == math.inf


@pytest.mark.parametrize("node", [EPS + X**2, ops.exp(X) + 1, EPS, as_expr(-2.0), 1 + abs(X) * W**2, ops.cosh(X)])
def test_divisors_known_to_be_never_zero_divide_plainly(node):
    from tidu.language.expr import code_template

    assert is_never_zero(node)
    assert code_template(W / node) == "{0} / {1}"
    assert code_template(W / (node - node)) == "divide({0}, {1})"
