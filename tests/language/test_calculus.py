"""Derivatives of random graphs against torch, and of known functions by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from oracles import in_torch, tensor, torch_gradient
from random_expressions import Calm, calm_expressions
from tidu.errors import NoDerivative
from tidu.language import ops
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, constant, evaluate, evaluation_order, symbol
from tidu.language.printer import text
from tidu.language.reader import parse_expression

X, Y, W = (symbol(name, "parameter") for name in "xyw")
NAMES = {"x": X, "y": Y, "w": W}


def read(formula: str) -> Expr:
    return parse_expression(formula, NAMES)


@given(calm_expressions())
@settings(deadline=None, max_examples=250)
def test_first_and_second_derivatives_agree_with_torch(calm: Calm):
    wrt = list(calm.point)
    tensors = {s: tensor(v) for s, v in calm.point.items()}
    value = in_torch(calm.expr, tensors)
    # Both sum the same few terms in another order: each loses some digits of the largest term, never of the sum.
    assert evaluate(calm.expr, calm.point) == pytest.approx(value.item(), rel=1e-12, abs=1e-12)
    ours = gradient(calm.expr, wrt)
    theirs = torch_gradient(value, list(tensors.values()))
    size = max(1.0, *(abs(t.item()) for t in theirs))
    for part, their_part in zip(ours, theirs, strict=True):
        assert evaluate(part, calm.point) == pytest.approx(their_part.item(), rel=1e-12, abs=1e-12 * size)
        seconds = torch_gradient(their_part, list(tensors.values()))
        size_2 = max(size, *(abs(t.item()) for t in seconds)) ** 2
        for second, their_second in zip(gradient(part, wrt), seconds, strict=True):
            assert evaluate(second, calm.point) == pytest.approx(their_second.item(), rel=1e-11, abs=1e-12 * size_2)


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("3*x**2", "6*x"),
        ("(w*x - 3)**2", "2*(w*x - 3)*w"),
        ("5*x", "5"),
        ("x", "1"),
        ("y", "0"),
        ("-x", "-1"),
        ("y - x", "-1"),
        ("x*x", "x + x"),
        ("1/x", "-(1/x/x)"),
        ("exp(-x)", "-exp(-x)"),
        ("exp(2*x)", "2*exp(2*x)"),
        ("x**0", "0"),
        ("x**1", "1"),
        ("x**2.5", "2.5*x**1.5"),
        ("x**-2", "-2*x**(-3)"),
        ("x**3 + x**-2", "3*x**2 - 2*x**(-3)"),
        ("sqrt(x)", "1/(2*sqrt(x))"),
        ("log(w*x)", "1/(w*x)*w"),
        ("cos(x)", "-sin(x)"),
        ("tanh(x)", "1 - tanh(x)**2"),
        ("sigmoid(w*x)", "sigmoid(w*x)*(1 - sigmoid(w*x))*w"),
        ("abs(w - x)", "-sign(w - x)"),
        ("-1*x*w", "-w"),
        ("x*w + x*y + x**2", "w + y + 2*x"),
        ("x**x", "x*x**where(x == 0, 0, x - 1) + x**x*log(where(x == 0, 1, x))"),
        ("where(x > 0, 2*x, y)", "where(x > 0, 2, 0)"),
        ("floor(x) + sign(x)", "0"),
        ("x**2 + erfc(x)", "2*x - 1.1283791670955126*exp(-x**2)"),
    ],
)
def test_looks_of_derivatives_by_x(formula, derivative):
    assert text(gradient(read(formula), [X])[0]) == derivative


def test_the_inner_node_that_is_asked_for_is_the_one_that_the_others_use():
    y_hat = W * X
    loss = (y_hat - Y) ** 2
    slope, by_w = gradient(loss, [y_hat, W])
    assert slope is 2 * (y_hat - Y)
    assert slope in evaluation_order([by_w])
    assert by_w is slope * X


def test_a_node_that_the_cost_does_not_contain_gets_zero():
    assert gradient(X**2, [Y, X * Y, constant(7.0)]) == (constant(0.0),) * 3


def test_the_cost_itself_has_slope_one():
    assert gradient(X * Y, [X * Y]) == (constant(1.0),)


def test_a_shared_node_gathers_from_all_its_uses():
    shared = ops.exp(X)
    (slope,) = gradient(shared * Y + shared**2 - shared / W, [shared])
    at = {X: 0.3, Y: 2.0, W: 5.0}
    assert evaluate(slope, at) == pytest.approx(2.0 + 2 * evaluate(shared, at) - 0.2, rel=1e-15, abs=0.0)


def test_only_the_path_to_what_is_wanted_needs_derivatives():
    jump = ops.where(Y > 0, 1.0, 2.0)
    assert gradient(jump * X, [X]) == (jump,)
    with pytest.raises(NoDerivative, match="'greater' has no derivative; the slope of y > 0 is asked for"):
        gradient((Y > 0) * X, [Y])


@pytest.mark.parametrize("wrap", [ops.tanh, ops.sin, lambda u: u * W, lambda u: u / W, lambda u: -u, lambda u: u + X])
def test_a_graph_deeper_than_pythons_stack(wrap):
    node = X
    for _ in range(1500):
        node = wrap(node)
    (slope,) = gradient(node, [X])
    assert isinstance(evaluate(slope, {X: 0.5, W: 1.001}), float)


@pytest.mark.parametrize("operator", ["*", "/", "+", "-"])
def test_a_long_chain_times_a_parameter(operator):
    chain = X
    for _ in range(1500):
        chain = {"*": chain * Y, "/": chain / Y, "+": chain + Y, "-": chain - Y}[operator]
    for _ in range(501):
        chain = -chain
    (slope,) = gradient((chain * W) ** 2, [W])
    at = {X: 1.0, Y: 1.0 if operator in "*/" else 0.001, W: 3.0}
    assert evaluate(slope, at) == pytest.approx(2 * evaluate(chain, at) ** 2 * 3.0, rel=1e-12, abs=0.0)
