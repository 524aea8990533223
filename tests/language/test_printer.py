"""Notations of one line: what is read back is the same node, what runs the same number, what people read means it."""

from __future__ import annotations

import math
import re
import warnings

import pytest
import sympy
from hypothesis import given, settings

from oracles import OPS
from random_expressions import CONDITIONS, NAMES, SYMBOLS, Calm, calm_expressions, expressions
from readers import latex_value, unicode_value
from tidu.language import ops, printer
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, apply, constant, evaluate, evaluation_order, symbol
from tidu.language.printer import code, latex, latex_name, quoted_name, text, unicode, unicode_lines, unicode_name
from tidu.language.reader import parse_expression
from tidu.runtime import ieee

POINT = dict(zip(SYMBOLS, (0.3, -1.7, 2.5, 0.01, -40.0, 1e5, 0.9), strict=True))
IDENTIFIERS = {s: f"v{k}" for k, s in enumerate(SYMBOLS)}


def same(a: float, b: float) -> bool:
    """Equal to the last bit, the sign of zero too; any nan equals any other."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@given(expressions(most=20))
@settings(deadline=None, max_examples=200)
def test_text_reads_back_as_the_same_node(expr: Expr):
    assert parse_expression(text(expr), NAMES) is expr
    assert parse_expression(unicode(expr), NAMES) is expr


@given(expressions(most=20))
@settings(deadline=None, max_examples=150)
def test_code_runs_to_the_same_bits_as_evaluate(expr: Expr):
    values = {IDENTIFIERS[s]: v for s, v in POINT.items()}
    ran = eval(code(expr, IDENTIFIERS), vars(ieee) | values)
    assert same(ran, evaluate(expr, POINT))


@given(expressions(most=20))
@settings(deadline=None, max_examples=100)
def test_mathematics_can_always_be_shown(expr: Expr):
    assert unicode(expr)
    shown = latex(expr)
    assert shown.count("{") == shown.count("}")
    assert shown.count(r"\left") == shown.count(r"\right")


@given(calm_expressions())
@settings(deadline=None, max_examples=100)
def test_a_person_reads_from_unicode_and_latex_the_value_that_runs(calm: Calm):
    names = {shown: calm.point[s] for s in calm.point for shown in (unicode_name(s.name), latex_name(s.name))}
    names |= {"x_1": calm.point[NAMES["x1"]], "温度": calm.point[NAMES["温度"]]}
    for expr in (calm.expr, gradient(calm.expr, list(calm.point))[0]):
        value = evaluate(expr, calm.point)
        # The same operations by other libraries: the last digits of the largest intermediate value differ.
        assert unicode_value(unicode(expr), names) == pytest.approx(value, rel=1e-10, abs=1e-10)
        assert latex_value(latex(expr), names) == pytest.approx(value, rel=1e-10, abs=1e-10)


SYMPY = {
    "min": sympy.Min, "max": sympy.Max, "relu": lambda x: sympy.Max(x, 0), "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)), "log_cosh": lambda x: sympy.log(sympy.cosh(x)),
    "expm1": lambda x: sympy.exp(x) - 1, "log1p": lambda x: sympy.log(1 + x), "log2": lambda x: sympy.log(x, 2),
    "log10": lambda x: sympy.log(x, 10), "abs": sympy.Abs, "exp2": lambda x: 2**x, "ceil": sympy.ceiling,
    "logaddexp": lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)), "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "degrees": lambda x: x * 180 / sympy.pi, "radians": lambda x: x * sympy.pi / 180, "mod": sympy.Mod,
    "fmod": lambda a, b: a - b * sympy.sign(a / b) * sympy.floor(sympy.Abs(a / b)),
}  # fmt: skip


@given(calm_expressions(most=6, leave_out=frozenset({*CONDITIONS, "where"})))
@settings(deadline=None, max_examples=60)
def test_sympy_reads_the_text_as_the_same_number(calm: Calm):
    exact = {s.name: sympy.Float(v, 40) for s, v in calm.point.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = sympy.parse_expr(text(calm.expr), local_dict=SYMPY | exact)
    # sympy computes with 40 digits; ours loses digits where two of up to 100 cancel.
    assert evaluate(calm.expr, calm.point) == pytest.approx(float(value), rel=1e-9, abs=1e-10)


W, X, W1, X1 = symbol("w", "parameter"), symbol("x", "feature"), symbol("w1", "parameter"), symbol("x1", "feature")
ALPHA, Y_HAT, Y = symbol("alpha", "hyper"), symbol("y_hat", "feature"), symbol("y", "target")
A, B, C = (symbol(name, "parameter") for name in "abc")


@pytest.mark.parametrize(
    ("expr", "as_text", "as_unicode", "as_latex"),
    [
        (W1 * X1**2 + B, "w1*x1**2 + b", "w₁·x₁² + b", "w_{1} x_{1}^{2} + b"),
        (W * X + B, "w*x + b", "w·x + b", "w x + b"),
        (2 * (A - B) * X, "2*(a - b)*x", "2(a − b)·x", "2 (a - b) x"),
        (A * (B + C), "a*(b + c)", "a·(b + c)", "a (b + c)"),
        ((A + B) * (B + C), "(a + b)*(b + c)", "(a + b)·(b + c)", "(a + b) (b + c)"),
        (A / (B + C) * X, "a/(b + c)*x", "a/(b + c)·x", r"\frac{a}{b + c} x"),
        (A / (B / C), "a/(b/c)", "a/(b/c)", r"\frac{a}{\frac{b}{c}}"),
        (A - (B - C), "a - (b - c)", "a − (b − c)", "a - (b - c)"),
        (A - (B + C), "a - (b + c)", "a − (b + c)", "a - (b + c)"),
        (A + -B, "a + -b", "a + (−b)", "a + (-b)"),
        (A * -2, "a*-2", "a·(−2)", r"a \cdot (-2)"),
        (-A * B, "-a*b", "−a·b", "-a b"),
        (-(A * B), "-(a*b)", "−(a·b)", "-a b"),
        (-(A + B), "-(a + b)", "−(a + b)", "-(a + b)"),
        ((-A) ** 2, "(-a)**2", "(−a)²", r"\left(-a\right)^{2}"),
        (-(A**2), "-a**2", "−a²", "-a^{2}"),
        ((A**2) ** 3, "(a**2)**3", "(a²)³", r"\left(a^{2}\right)^{3}"),
        (A ** (B**C), "a**b**c", "a^(b^c)", "a^{b^{c}}"),
        ((A**B) ** C, "(a**b)**c", "(a^b)^c", r"\left(a^{b}\right)^{c}"),
        (A**-2, "a**(-2)", "a⁻²", "a^{-2}"),
        (A**0.5, "a**0.5", "a^½", "a^{0.5}"),
        (2**X, "2**x", "2^x", "2^{x}"),
        (0.5 * A, "0.5*a", "½·a", "0.5 a"),
        (2 * constant(3.0), "2*3", "2·3", r"2 \cdot 3"),
        (constant(1e-7) * A, "1e-07*a", "1e−07·a", r"1 \times 10^{-7} a"),
        (constant(1e20) + 0.1, "1e+20 + 0.1", "1e+20 + 0.1", r"1 \times 10^{20} + 0.1"),
        (ops.exp(-X) * A, "exp(-x)*a", "exp(−x)·a", "e^{-x} a"),
        (ops.exp(X) ** 2, "exp(x)**2", "exp(x)²", r"\left(e^{x}\right)^{2}"),
        (ops.log(X), "log(x)", "ln(x)", r"\ln\left(x\right)"),
        (2 * ops.sqrt(X), "2*sqrt(x)", "2·√(x)", r"2 \sqrt{x}"),
        (abs(X), "abs(x)", "|x|", r"\left\lvert x \right\rvert"),
        (ops.floor(X), "floor(x)", "⌊x⌋", r"\left\lfloor x \right\rfloor"),
        (ops.sigmoid(ALPHA), "sigmoid(alpha)", "σ(α)", r"\sigma\left(\alpha\right)"),
        (ops.where(X > 0, A, -B), "where(x > 0, a, -b)", "where(x > 0, a, −b)",
         r"\begin{cases}a & \text{if } x > 0\\ -b & \text{otherwise}\end{cases}"),
        (ops.where((X > 0) & ~(X < 1), 1, 0), "where(x > 0 and not x < 1, 1, 0)", "where(x > 0 ∧ ¬x < 1, 1, 0)",
         r"\begin{cases}1 & \text{if } x > 0 \land \lnot x < 1\\ 0 & \text{otherwise}\end{cases}"),
        (ops.minimum(A, 1), "min(a, 1)", "min(a, 1)", r"\min\left(a, 1\right)"),
        (constant(-0.5), "-0.5", "−½", "-0.5"),
        (ops.sin(2 * math.pi * X), "sin(6.283185307179586*x)", "sin(6.283185307179586·x)",
         r"\sin\left(6.283185307179586 x\right)"),
        (ops.sin(constant(math.pi) * X), "sin(3.141592653589793*x)", "sin(π·x)",
         r"\sin\left(3.141592653589793 x\right)"),
        (-math.pi * X, "-3.141592653589793*x", "−π·x", "-3.141592653589793 x"),
        (symbol("π", "parameter") * math.pi, "π*3.141592653589793", "π·3.141592653589793",
         r"\pi \cdot 3.141592653589793"),
    ],
)  # fmt: skip
def test_looks(expr, as_text, as_unicode, as_latex):
    assert (text(expr), unicode(expr), latex(expr)) == (as_text, as_unicode, as_latex)


def test_a_name_stands_for_an_inside():
    loss = (W * X + B - Y) ** 2
    assert unicode(loss, {W * X + B: "ŷ"}) == "(ŷ − y)²"
    (slope,) = gradient(loss, [W])
    assert unicode(slope, {W * X + B: "ŷ"}) == "2(ŷ − y)·x"
    assert text(slope, {W * X + B: "y_hat"}) == "2*(y_hat - y)*x"
    assert latex(slope, {W * X + B: r"\hat{y}"}) == r"2 (\hat{y} - y) x"


@pytest.mark.parametrize(
    ("name", "quoted", "as_unicode", "as_latex"),
    [
        ("w", "w", "w", "w"),
        ("w12", "w12", "w₁₂", "w_{12}"),
        ("w_1", "w_1", "w_1", "w_{1}"),
        ("beta2", "beta2", "β₂", r"\beta_{2}"),
        ("lam", "lam", "λ", r"\lambda"),
        ("height", "height", "height", r"\mathrm{height}"),
        ("net_price", "net_price", "net_price", r"\mathrm{net\_price}"),
        ("two words", "`two words`", "`two words`", r"\mathrm{two\ words}"),
        ("class", "`class`", "`class`", r"\mathrm{class}"),
        ("100%", "`100%`", "`100%`", r"\mathrm{100\%}"),
        ("%", "`%`", "`%`", r"\%"),
        ("a^b\\{c}", "`a^b\\{c}`", "`a^b\\{c}`", r"\mathrm{a\wedge b\backslash \{c\}}"),
        ("温度", "温度", "温度", r"\text{温度}"),
        ("x_", "x_", "x_", r"\mathrm{x\_}"),
        ("2020", "`2020`", "`2020`", r"\mathrm{2020}"),
    ],
)
def test_names(name, quoted, as_unicode, as_latex):
    assert (quoted_name(name), unicode_name(name), latex_name(name)) == (quoted, as_unicode, as_latex)


@pytest.mark.parametrize("name", OPS)
def test_every_op_can_be_shown_and_read_back(name):
    letters = [symbol(letter, "parameter") for letter in "pqr"]
    parts = [X > 1 if d == (0, 1) else s for s, d in zip(letters, OPS[name].domain, strict=False)]
    expr = apply(name, *parts, attrs=(3,) if name == "integer_power" else ())
    number = ops.where(expr, 1, 0) if expr.op.boolean else expr
    for shown in (text(number), unicode(number)):
        assert parse_expression(shown, {s.name: s for s in [X, *letters]}) is number
    for shown in (unicode(expr), latex(expr), code(expr, {s: s.name for s in [X, *letters]})):
        assert not re.search(r"\{[012a]\}", shown)


def test_a_loop_must_name_every_symbol():
    with pytest.raises(KeyError, match="the loop has no name for 'x'"):
        code(W * X, {W: "w"})


def test_code_is_never_cut():
    long = X
    for _ in range(3000):
        long = (long + 0.123456789) * 1.0
    written = code(long, {X: "x"})
    assert len(written) > 20_000
    assert "…" not in written


def test_names_that_would_look_alike_are_shown_as_they_stand():
    names = {name: symbol(name, "parameter") for name in ("alpha", "α", "x1", "x_1", "温度 1")}
    total = sum(names.values(), constant(0))
    assert unicode(total) == "0 + alpha + α + x₁ + x_1 + `温度 1`"
    assert parse_expression(unicode(total), names) is total


def test_lines_that_share_their_parts_print_each_once(monkeypatch):
    factors = [symbol(f"w{k}", "parameter") for k in range(300)]
    product = X
    for w in factors:
        product = product * w
    partials = gradient((product - Y) ** 2, factors)
    printed = []
    node_printer = printer._unicode_node
    monkeypatch.setattr(printer, "_unicode_node", lambda *args: printed.append(1) or node_printer(*args))
    lines = unicode_lines(partials, {product: "ŷ"})
    assert len(printed) <= len(evaluation_order(partials))
    assert sum(map(len, lines)) < printer.LINES * printer.LONGEST + printer.LONGEST + len(lines)
    assert lines[-1] == "…"
    assert unicode_lines(partials[:3], {product: "ŷ"}) == [unicode(p, {product: "ŷ"}) for p in partials[:3]]
