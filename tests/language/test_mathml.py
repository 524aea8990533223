"""MathML: well formed, each node's element carries its identity, and a person reads from it the value that runs."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

import tidu
from oracles import OPS
from random_expressions import Calm, calm_expressions, expressions
from readers import unicode_value
from tidu.engines.mathematics import MATHML, equations, update_rule
from tidu.language import array_ops, mathml, ops
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, apply, constant, evaluate, evaluation_order, symbol
from tidu.language.mathml import math as math_element
from tidu.language.mathml import mathml as shown
from tidu.language.mathml import mathml_lines, mathml_name
from tidu.text import use_language

ELEMENTS = {"math", "mrow", "mi", "mn", "mo", "msup", "msub", "mfrac", "msqrt", "mover", "munder", "mtable", "mtr"}
ELEMENTS |= {"mtd", "mtext", "mspace"}
W, X, W1, X1 = symbol("w", "parameter"), symbol("x", "feature"), symbol("w1", "parameter"), symbol("x1", "feature")
A, B, C = (symbol(name, "parameter") for name in "abc")


def parsed(markup: str) -> ElementTree.Element:
    root = ElementTree.fromstring(math_element(markup))
    assert {e.tag for e in root.iter()} <= ELEMENTS
    for element in root.iter():
        if element.tag in ("mi", "mn", "mo"):
            assert not len(element)
            assert element.text
        if element.tag in ("msup", "msub", "mfrac", "mover", "munder"):
            assert len(element) == 2
    return root


def plain(element: ElementTree.Element) -> str:
    """What a person sees, as one line of mathematics; groups that nobody sees are no brackets."""
    parts = [plain(e) for e in element]
    match element.tag:
        case "mfrac":
            return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
        case "msup":
            return f"{parts[0]}^{{{parts[1]}}}"
        case "msqrt":
            return f"\\sqrt{{{''.join(parts)}}}"
        case "msub":
            name = "_".join(part.strip() for part in parts)
            return f" { ({'log_2': 'log₂', 'log_10': 'log₁₀'}.get(name, name)) } "
        case "mtable":
            return r"\\".join(parts)
        case "mtr":
            return "&".join(parts)
        case "mtext":
            return f"\\text{{{element.text}{' ' * (element.text == 'if')}}}"
        case "mi" | "mn":
            return f" {element.text} "
        case "mo":
            return {"\N{INVISIBLE TIMES}": "", "=": "==", "×": "·"}.get(element.text or "", element.text or "")
    line = "".join(parts)
    return rf"\begin{{cases}}{line[1:]}\end{{cases}}" if line.startswith("{") else line


@given(expressions(most=20))
@settings(deadline=None, max_examples=150)
def test_it_is_well_formed_whatever_the_expression(expr: Expr):
    parsed(shown(expr))


@given(calm_expressions())
@settings(deadline=None, max_examples=150)
def test_a_person_reads_from_it_the_value_that_runs(calm: Calm):
    names = {{"x1": "x_1", "alpha": "α"}.get(s.name, s.name): value for s, value in calm.point.items()}
    for expr in (calm.expr, gradient(calm.expr, list(calm.point))[0]):
        value = evaluate(expr, calm.point)
        assert unicode_value(plain(parsed(shown(expr))), names) == pytest.approx(value, rel=1e-10, abs=1e-10)


def test_a_dot_stands_before_a_bar():
    w = symbol("w", "parameter")
    for product in ((w + 1.0) * abs(w), abs(w) * abs(w)):
        assert "<mo>·</mo>" in shown(product)
        assert "\N{INVISIBLE TIMES}" not in shown(product)


@given(expressions(most=12))
@settings(deadline=None, max_examples=100)
def test_each_node_that_is_seen_has_its_identity(expr: Expr):
    numbers = {node: str(k) for k, node in enumerate(evaluation_order([expr]))}
    root = parsed(shown(expr, identity=numbers.get))
    assert {e.attrib["data-node"] for e in root.iter() if "data-node" in e.attrib} == set(numbers.values())
    unmarked = re.sub(r' data-node="\d+"', "", shown(expr, identity=numbers.get))
    assert plain(parsed(unmarked)) == plain(parsed(shown(expr)))


@pytest.mark.parametrize(
    ("expr", "line"),
    [
        (W * X + B, "wx+b"),
        (W1 * X1**2 + B, "w_1x_1^{2}+b"),
        (2 * (A - B) * X, "2(a−b)x"),
        (A / (B + C) * X, r"\frac{a}{b+c}x"),
        (A * -2, "a·(−2)"),
        (A + -B, "a+(−b)"),
        (0.5 * A, "½a"),
        ((-A) ** 2, "(−a)^{2}"),
        ((A**2) ** 3, "(a^{2})^{3}"),
        (ops.exp(X) ** 2, "(e^{x})^{2}"),
        (A**-2, "a^{−2}"),
        (A * symbol("height", "feature"), "a·height"),
        (constant(1e-7) * A, "1·10^{−7}a"),
        (2 * constant(3.0), "2·3"),
        (ops.sqrt(1 - X**2), r"\sqrt{1−x^{2}}"),
        (abs(X) * ops.floor(X), "|x|⌊x⌋"),
        (ops.log(X) - ops.sigmoid(-X), "ln(x)−σ(−x)"),
        (symbol("a<b", "feature") + 1, "a<b+1"),
    ],
)
def test_looks(expr, line):
    assert plain(parsed(shown(expr))).replace(" ", "") == line


@pytest.mark.parametrize("name", OPS)
def test_every_op_can_be_shown(name):
    letters = [symbol(letter, "parameter") for letter in "pqr"]
    parts = [X > 1 if d == (0, 1) else s for s, d in zip(letters, OPS[name].domain, strict=False)]
    markup = shown(apply(name, *parts, attrs=(3,) if name == "integer_power" else ()))
    parsed(markup)
    assert not re.search(r"\{[0-9a]", markup)


def test_whole_arrays():
    v, m = symbol("v", "feature", shape=(3,)), symbol("M", "parameter", shape=(2, 3))
    product = array_ops.matmul(m, v)
    assert plain(parsed(shown(product))).replace(" ", "") == "M·v"
    total = array_ops.total(product * 2, attrs=((0,), False))
    assert plain(parsed(shown(total))).replace(" ", "") == "∑(M·v·2)"


def test_a_name_stands_for_an_inside_and_has_its_identity():
    y_hat, y = W * X + B, symbol("y", "target")
    (slope,) = gradient((y_hat - y) ** 2, [W])
    hat = "<mover><mi>y</mi><mo>^</mo></mover>"
    root = parsed(shown(slope, {y_hat: hat}, lambda node: "prediction" if node is y_hat else None))
    (element,) = [e for e in root.iter() if "data-node" in e.attrib]
    assert element.attrib["data-node"] == "prediction"
    assert element[0].tag == "mover"


def test_identities_cannot_break_out_of_their_attribute():
    root = parsed(shown(X, identity=lambda node: '"><script>&'))
    assert next(e for e in root.iter() if "data-node" in e.attrib).attrib["data-node"] == '"><script>&'


def test_words_are_in_the_readers_language():
    use_language("zh")
    assert "<mtext>否则</mtext>" in shown(ops.where(X > 0, 1, 0))


def test_long_lines_are_cut(monkeypatch):
    monkeypatch.setattr(mathml, "LONGEST", 400)
    long = X
    for k in range(60):
        long = ops.sin(long) + k
    lines = mathml_lines([long, X], {})
    assert "…" in lines[0]
    assert all(len(line) < 1000 for line in lines)
    parsed(lines[0])


def test_names_that_would_look_alike_are_shown_as_they_stand():
    assert "alpha" in shown(symbol("alpha", "parameter") + symbol("α", "parameter"))
    assert mathml_name("alpha") == "<mi>α</mi>"


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"l2": 0.1}, {"optimizer": "lm"}])
def test_the_equations_of_a_program(options):
    data = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.5]}
    run = tidu.fit("y = w*x + b", data, epochs=2, **options)
    for left, right in [*equations(run.program, MATHML), *update_rule(run.program, MATHML)]:
        parsed(left)
        parsed(right)
    (prediction,) = [right for left, right in equations(run.program, MATHML) if "<mover>" in left]
    assert plain(parsed(prediction)).replace(" ", "") == "wx+b"
