"""Rewriting keeps the value and gives the form that a textbook has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from random_expressions import Calm, calm_expressions
from tidu.language import expr
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate, evaluation_order, symbol
from tidu.language.formula import parse_formula
from tidu.language.printer import text
from tidu.language.reader import parse_expression
from tidu.language.simplify import simplify

NAMES = {name: symbol(name, "parameter") for name in "abcxyz"}


def read(formula: str) -> Expr:
    return parse_expression(formula, NAMES)


@given(calm_expressions())
@settings(deadline=None, max_examples=250)
def test_the_value_stays(calm: Calm):
    # Numbers are gathered and products associate anew: a few roundings of the largest intermediate value (100).
    assert evaluate(simplify(calm.expr, {}), calm.point) == pytest.approx(
        evaluate(calm.expr, calm.point), rel=1e-12, abs=1e-11
    )


@given(calm_expressions())
@settings(deadline=None, max_examples=150)
def test_what_is_in_the_memo_is_kept(calm: Calm):
    memo = {node: node for node in evaluation_order([calm.expr])}
    assert simplify(calm.expr, memo) is calm.expr
    assert simplify(calm.expr + 0, memo) is calm.expr


# What no derivative may show: a factor of 1, a term of 0, two signs in a row, a number after a name.
UGLY = re.compile(r"(?<![\w.*])1\*(?!\*)|(?<!\*)\*1(?![\d.e*])|(?<![\w.*])0\*|[+-] 0(?![\d.])|[+-] -|--|\*\*1(?!\d)")


@given(calm_expressions(leave_out=frozenset({"negative", "floor", "ceil", "mod", "fmod", "sign"})))
@settings(deadline=None, max_examples=250)
def test_derivatives_are_not_ugly(calm: Calm):
    numbers = [node.value for node in evaluation_order([calm.expr]) if node.is_constant]
    if UGLY.search(text(calm.expr)) or min(numbers, default=0.0) < 0.0:
        return  # what the user writes is kept as it is
    for part in gradient(calm.expr, list(calm.point)):
        assert not UGLY.search(text(part)), text(part)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0 + x", "x"), ("x + 0", "x"), ("x - 0", "x"), ("0 - x", "-x"), ("1*x", "x"), ("x*1", "x"), ("0*x", "0"),
        ("x*0", "0"), ("x/1", "x"), ("0/x", "0"), ("x**1", "x"), ("x**0", "1"), ("2*3 + 1", "7"), ("exp(0)", "1"),
        ("x + -y", "x - y"), ("-x + y", "y - x"), ("x - -y", "x + y"), ("--x", "x"), ("-(x - y)", "y - x"),
        ("-(-x - y)", "y + x"),
        ("---x", "-x"), ("-x - y", "-x - y"), ("x + -2*y", "x - 2*y"), ("x + -3", "x - 3"), ("-1*x", "-x"),
        ("x*-1", "-x"), ("-x*-y", "x*y"), ("-x*y", "-(x*y)"), ("x*-y", "-(x*y)"), ("-x/-y", "x/y"), ("x/-y", "-(x/y)"),
        ("x*2", "2*x"), ("2*x*3", "6*x"), ("x*2*y*3", "6*x*y"), ("0.5*(x*2)", "x"), ("x*y*(2*z)", "2*x*y*z"),
        ("x*y*z*(3*a*b)", "3*x*y*z*a*b"), ("2*x*y*(3*a*b)", "6*x*y*a*b"), ("x*(y*z)", "x*y*z"), ("x*(y/z)", "x*y/z"),
        ("a*(x*y/z*b)", "a*x*y/z*b"), ("x*x", "x**2"), ("y*x*x", "y*x**2"),
        ("where(x > 0, 1, 0)*y", "where(x > 0, y, 0)"), ("y*where(x > 0, 0, a)", "where(x > 0, 0, y*a)"),
        ("where(x > 0, y, 0)/z", "where(x > 0, y/z, 0)"), ("where(x > 0, y, y)", "y"),
        ("where(x > 0, 1, 0) + where(x > 0, 0, 1)", "1"), ("where(x > 0, a, b)*y", "where(x > 0, a, b)*y"),
        ("log(0) + x", "log(0) + x"), ("1/0", "1/0"),
    ],
)  # fmt: skip
def test_rules(before, after):
    assert text(simplify(read(before), {})) == after


def test_no_factor_is_lost_where_numbers_meet_a_product():
    # (x*y) * (2*z): the number comes to the front and both factors stay behind it.
    product = simplify(read("x*y*exp(z)*(2*a)"), {})
    assert text(product) == "2*x*y*exp(z)*a"
    half_squared = read("0.5*(a*x*b**2 - y)**2")
    (by_b,) = gradient(half_squared, [NAMES["b"]])
    point = {NAMES[k]: v for k, v in {"a": 2.0, "x": 3.0, "b": 5.0, "y": 7.0}.items()}
    assert evaluate(by_b, point) == (2 * 3 * 25 - 7) * 2 * 3 * 2 * 5


def rewritings(formula: str, monkeypatch) -> int:
    """How many nodes are made while a gradient is derived."""
    read = parse_formula(formula, ("x", "y"))
    made = []
    intern = expr._intern
    monkeypatch.setattr(expr, "_intern", lambda *args: made.append(1) or intern(*args))
    gradient((read.score - read.target) ** 2, read.parameters)
    monkeypatch.undo()
    return len(made)


@pytest.mark.parametrize(
    "formula",
    [
        lambda n: "y = " + "*".join(f"w{k}" for k in range(n)) + "*x",
        lambda n: "y = w*" + "*".join(["x"] * n),
        lambda n: "y = " + " + ".join(f"w{k}*x" for k in range(n)),
        lambda n: "y = w" + "/(x + a)" * n,
        lambda n: "y = " + "*".join(f"(w{k}*x + b{k})" for k in range(n)),
        lambda n: "y = " + "*".join(f"exp(-w{k}*x)" for k in range(n)),
    ],
)
def test_the_gradient_of_a_long_formula_takes_time_in_proportion_to_its_length(formula, monkeypatch):
    few, many = (rewritings(formula(n), monkeypatch) for n in (100, 400))
    assert many < 4.5 * few
