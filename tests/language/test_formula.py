"""From text to expressions: what is allowed means what it says, everything else is refused with a sentence."""

from __future__ import annotations

import contextlib
import math
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tidu
from tidu.content.models import MODELS
from tidu.errors import ColumnNotFound, FormulaError, TiduError
from tidu.language import ops
from tidu.language.expr import apply, constant, symbol
from tidu.language.formula import parse_formula
from tidu.language.printer import text
from tidu.language.reader import parse_expression

COLUMNS = ("x", "y", "height", "two words", "class", "温度（℃）", "x²")


def names_of(symbols) -> list[str]:
    return [s.name for s in symbols]


# -- what is allowed ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "parameters", "features"),
    [
        ("y = w*x + b", ["w", "b"], ["x"]),
        ("y=w*x+b", ["w", "b"], ["x"]),
        ("  y  =  b + w2*x**2 + w1*x ", ["b", "w2", "w1"], ["x"]),
        ("y = a*exp(-b*x) + c*height", ["a", "b", "c"], ["x", "height"]),
        ("y = w*`two words` + `class`*v", ["w", "v"], ["two words", "class"]),
        ("`class` = w*x", ["w"], ["x"]),
        ("log(y) = w*x", ["w"], ["x"]),
        ("y/height = w*x", ["w"], ["x"]),
        ("y = w*`温度（℃）`", ["w"], ["温度（℃）"]),
        ("y = w*`温度(°C)`", ["w"], ["温度（℃）"]),
        ("y = w*`x²`", ["w"], ["x²"]),
        ("y = 权重*x + 偏置", ["权重", "偏置"], ["x"]),
        ("y = λ*x", ["λ"], ["x"]),
        ("y = ｗ*ｘ", ["w"], ["x"]),
        ("y = pi*w*x + e", ["w"], ["x"]),
        ("y = w * x # a comment", ["w"], ["x"]),
        ("y = (w*x\n  + b)", ["w", "b"], ["x"]),
        ("y = w if x > 0 else v", ["w", "v"], ["x"]),
        ("y = a*where(x >= 1 and not height < 2 or x == 0, x, 0)", ["a"], ["x", "height"]),
        ("y = a*where(0 < x <= height != 3, 1, 2)", ["a"], ["x", "height"]),
    ],
)  # fmt: skip
def test_parameters_and_features_in_the_order_of_the_text(formula, parameters, features):
    read = parse_formula(formula, COLUMNS)
    assert names_of(read.parameters) == parameters
    assert names_of(read.features) == features
    assert read.text == formula.strip()


def test_the_two_sides():
    read = parse_formula("log(y) - height = w*x + 1", COLUMNS)
    y, height = symbol("y", "target"), symbol("height", "target")
    assert read.target is ops.log(y) - height
    assert read.columns == (y, height)
    assert read.score is symbol("w", "parameter") * symbol("x", "feature") + 1


A, B, C = (symbol(name, "parameter") for name in "abc")
NAMES = {"a": A, "b": B, "c": C}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a + b*c", A + B * C), ("(a + b)*c", (A + B) * C), ("a - b - c", (A - B) - C), ("a/b/c", (A / B) / C),
        ("a**b**c", A ** (B**C)), ("-a**2", -(A**2)), ("(-a)**2", (-A) ** 2), ("2**-a", 2 ** (-A)), ("+a", A),
        ("- -a", apply("negative", -A)), ("-2", constant(-2.0)), ("1e-3*a", 0.001 * A), ("1_000", constant(1000)),
        ("0x10", constant(16)),
        (".5*a", 0.5 * A), ("a**0.5", A**0.5), ("a**-1", A**-1), ("a**(1 + 1)", apply("power", A, constant(1) + 1)),
        ("max(a, b, c, 1)", ops.maximum(ops.maximum(ops.maximum(A, B), C), 1)),
        ("min(a, b)", ops.minimum(A, B)), ("ln(a)", ops.log(A)), ("abs(-a)", abs(-A)),
        ("pi", constant(3.141592653589793)),
        ("e", constant(2.718281828459045)), ("exp(a)*exp(a)", ops.exp(A) * ops.exp(A)),
        ("a if b > 0 else c if b < -1 else 0", ops.where(B > 0, A, ops.where(B < -1, C, 0))),
        ("where(not (a > 0 and b > 0), 1, 2)", ops.where(~((A > 0) & (B > 0)), 1, 2)),
        ("where(a == b or a != c, 1, 2)", ops.where(ops.equal(A, B) | apply("not_equal", A, C), 1, 2)),
        ("where(a < b < c, 1, 2)", ops.where((A < B) & (B < C), 1, 2)),
        # signs of mathematics, of Chinese keyboards and of typesetting
        ("a·b", A * B), ("a×b÷c", A * B / C), ("a ⋅ b", A * B), ("a∗b", A * B), ("a＊b", A * B), ("a − b", A - B),
        ("a－b＋c", A - B + C), ("a – b", A - B), ("（a＋b）／c", (A + B) / C), ("max（a，b）", ops.maximum(A, B)),
        ("a^2", A**2), ("a＾2", A**2), ("a^b^c", A ** (B**C)), ("-a^2", -(A**2)), ("2^-a", 2 ** (-A)),
        ("a²", A**2), ("-a²", -(A**2)), ("a⁻²", A**-2), ("a²³", A**23), ("(a²)³", (A**2) ** 3),
        ("2²", constant(2) ** 2),
        ("a²·b²", A**2 * B**2), ("2^a²", 2 ** (A**2)), ("a^b²", A ** (B**2)), ("a/b²·c", A / B**2 * C),
        ("√a", ops.sqrt(A)), ("√(a + b)", ops.sqrt(A + B)), ("√(a)²", ops.sqrt(A) ** 2), ("√√a", ops.sqrt(ops.sqrt(A))),
        ("√a·b", ops.sqrt(A) * B), ("√2·a", ops.sqrt(constant(2)) * A), ("√exp(a)", ops.sqrt(ops.exp(A))),
        ("√|a|", ops.sqrt(abs(A))), ("√a + b", ops.sqrt(A) + B),
        ("|a|", abs(A)), ("|a|·|b|", abs(A) * abs(B)), ("||a| − b|", abs(abs(A) - B)), ("|a·|b||", abs(A * abs(B))),
        ("|a|²", abs(A) ** 2), ("−|a|", -abs(A)), ("⌊a⌋", ops.floor(A)),
        ("½·a", 0.5 * A), ("a^½", A**0.5), ("2(a + b)", 2 * (A + B)), ("2(a + b)²", 2 * (A + B) ** 2),
        ("a − 2(b + c)", A - 2 * (B + C)), ("½(a + b)", 0.5 * (A + B)), ("1e−3·a", 0.001 * A), ("２·a", 2 * A),
        ("where(a ≤ b ∧ ¬c ≥ 1 ∨ a ≠ 2, 1, 2)",
         ops.where(((A <= B) & ~(C >= 1)) | apply("not_equal", A, constant(2)), 1, 2)),
        ("σ(a)", ops.sigmoid(A)), ("log₂(a)", ops.log2(A)), ("log₁₀(a)", ops.log10(A)), ("arsinh(a)", ops.asinh(A)),
        ("π·a", math.pi * A), ("a*007", A * 7), ("a + b # a comment", A + B), ("a\n+ b", A + B), ("a\u00a0+ b", A + B),
    ],
)  # fmt: skip
def test_meaning(written, meant):
    assert parse_expression(written, NAMES) is meant


def test_a_column_hides_a_constant_and_a_function_of_its_name():
    columns = ("e", "pi", "exp", "y")
    read = parse_formula("y = exp(e)*a + pi + exp", columns)
    assert names_of(read.features) == ["e", "pi", "exp"]
    assert read.score is ops.exp(symbol("e", "feature")) * symbol("a", "parameter") + symbol("pi", "feature") + symbol(
        "exp", "feature"
    )


def test_columns_that_look_alike_are_kept_apart():
    read = parse_formula("y = a*`x²` + b*x2", ("x2", "x²", "y"))
    assert read.score is A * symbol("x²", "feature") + B * symbol("x2", "feature")
    assert names_of(parse_formula("y = w*µ", ("µ", "y")).features) == ["µ"]  # the micro sign, which Python reads as μ


def test_starting_values_settle_what_is_a_parameter():
    assert names_of(parse_formula("y = hight*x", COLUMNS, ["hight"]).parameters) == ["hight"]
    assert names_of(parse_formula("y = mean", COLUMNS, {"mean": 0}).parameters) == ["mean"]
    assert names_of(parse_formula("y = µ*x", COLUMNS, {"µ": 1.0}).parameters) == ["µ"]


def test_functions_of_the_callers_own():
    def twice(value, by=2.0):
        return value * by

    assert parse_expression("twice(a) + twice(b, by=3)", NAMES, functions={"twice": twice}) is A * 2 + B * 3


# -- what is refused ------------------------------------------------------------------------------
BAD = [
    # formula, words of the message
    ("", "must read 'target = expression'"),
    ("y", "'y' must read 'target = expression'"),
    ("y = ", "'y =' must read"),
    ("= x", "'= x' must read"),
    ("y == w*x", "'y == w*x' must read"),
    ("y = w*x = 3", "'y = w*x = 3' must read"),
    ("y := w*x", "must read"),
    ("y = (w := x)", "character 4: the character ':' means nothing in a formula"),
    ("y = w*x +", "'w*x +', character 5: it ends behind '+'; a number, a name or a bracket must follow"),
    ("y = *x", "it begins with '*'; a number, a name or a bracket must come first"),
    ("y = w*/x", "character 3: between '*' and '/' a number or a name is missing"),
    ("y = w××x", "character 3: between '×' and '×' a number or a name is missing"),
    ("y = w*x)", "character 4: the bracket ')' closes nothing"),
    ("y = (w*x", "character 1: the bracket '(' is not closed"),
    ("y = (w*x]", "the bracket '(' is closed by ']'"),
    ("y = |w*x", "character 1: the bracket '|' is not closed"),
    ("y = w x", "'w x', character 3: between 'w' and 'x' an operator is missing; for a product write w*x"),
    ("y = 2x", "'2x', character 2: between '2' and 'x' an operator is missing; for a product write 2*x"),
    ("y = 3.5x + b", "write 3.5*x"),
    ("y = (w + 1)(x + 2)", "write (…)*(…)"),
    ("y = (w + 1)x", "write (…)*x"),
    ("y = 2√height", "write 2*√(…)"),
    ("y = x(w + 1)", "'x' is a name, not a function; for a product write x*(...)"),
    ("y = w(x)", "there is no function 'w'; for a product write w*(...), and functions are: abs"),
    ("y = np.exp(x)", "functions stand alone in a formula; write exp(…) instead of np.exp"),
    ("y = math.pi*x", "write pi instead of math.pi"),
    ("y = ln x", "the function ln lacks its brackets; write ln(x)"),
    ("y = sin 2*x", "the function sin lacks its brackets; write sin(2)"),
    ("y = sin²(x)", "the power of a function goes after its brackets; write sin(…)²"),
    ("y = w*two words", "character 3: the column two words is written in backticks: `two words`"),
    ("y = w*温度（℃）", "the column 温度（℃） is written in backticks"),
    ("y = w*x²", "the column x² is written in backticks"),
    ("y ~ x", "'y ~ x' has ~ where = must stand; a model is written 'y = w*x + b'"),
    ("y = w ~ x", "'~' is not an operator here; a model is written 'y = w*x + b'"),
    ("y = lg(x)*w", "there is no function 'lg'; write log10(x)"),
    ("y = w/2(x + 1)", "'/2(' can be read in two ways; write /(2*(…)) or /2*(…)"),
    ("y = w^2(x + 1)", "'^2(' can be read in two ways"),
    ("y = w/-2(x + 1)", "can be read in two ways"),
    ("y = √height²*w", "the exponent may be of the root or under it; write (√…)^2 or √(…^2)"),
    ("y = √height^2*w", "the exponent may be of the root or under it"),
    ("y = √-height*w", "a sign under the root needs brackets; write √(-…)"),
    ("y = height²^3*w", "two exponents follow one another; write (x^2)^3 or x^(2^3)"),
    ("y = height² ³*w", "two exponents follow one another"),
    ("y = height²w", "between '²' and 'w' an operator is missing"),
    ("y = ²w", "before the exponent '²' a number or a name is missing"),
    ("y = heightⁿ*w", "'heightⁿ' has small letters that a name cannot have; a power is written x^n"),
    ("y = hᵢ*x", "'hᵢ' has small letters that a name cannot have"),
    ("y = 2½*x", "the numbers '2' and '½' stand side by side"),
    ("y = 0,5*x", "a comma stands outside a function's brackets; a decimal is written 0.5"),
    ("y = 1 000*x", "the numbers '1' and '000' stand side by side"),
    ("y = 1e-400*x", "the number 1e-400 is smaller than a float64 can hold"),
    ("y = where(x = 1, w, 2)", "a comparison x == 1"),
    ("y = w*x*(x = 1)", "'=' is written once, after the target; a comparison is written =="),
    ("y = w*x; import os", "character 4: a formula is one expression"),
    ("y = w*x\nz", "between 'x' and 'z' an operator is missing"),
    ("y = __import__('os').system('x')", "__import__"),
    ("y = __import__('os')", "'os'"),
    ("y = x.real*w", "'x.real' is not allowed in a formula; only a decimal point is a point"),
    ("y = x.__class__", "'x.__class__' is not allowed"),
    ("y = lambda: w", "'lambda' is a word of Python, and not allowed in a formula"),
    ("y = x[0]*w", "'x[0]' is not allowed"),
    ("y = [w*x]", "'[w * x]' is not allowed"),
    ("y = (w, x)", "'(w, x)' is not allowed"),
    ("y = {w: x}", "curly brackets mean nothing"),
    ("y = {w}", "curly brackets mean nothing"),
    ("y = [w for w in x]", "'for' is a word of Python, and not allowed"),
    ("y = f'{w}'*x", "between 'f' and ''{w}'' an operator is missing"),
    ("y = 'text'*x", "'text'"),
    ("y = b'text'*x", "between 'b' and ''text'' an operator is missing"),
    ("y = w*x if True else 1", "'True' is not allowed"),
    ("y = None*x", "'None' is not allowed"),
    ("y = ...*x", "'...' is not allowed"),
    ("y = 1j*x", "between '1' and 'j' an operator is missing; for a product write 1*j"),
    ("y = w//x", "'w // x' is not allowed"),
    ("y = w%x", "'w % x' is not allowed"),
    ("y = w@x", "'w @ x' is not allowed"),
    ("y = w << x", "'w << x' is not allowed"),
    ("y = ~x*w", "'~' is not an operator here"),
    ("y = w is x", "'w is x' is not allowed"),
    ("y = w in x", "'w in x' is not allowed"),
    ("y = await w", "'await' is a word of Python"),
    ("y = yield w", "'yield' is a word of Python"),
    ("y = exp(*x)", "between '(' and '*' a number or a name is missing"),
    ("y = exp(**x)", "between '(' and '**' a number or a name is missing"),
    ("y = exp(x=x)", "takes no named arguments"),
    ("y = exp()", "exp(...) takes 1 argument(s), not 0"),
    ("y = exp(x, w)", "exp(...) takes 1 argument(s), not 2"),
    ("y = where(x > 0, 1)", "where(...) takes 3 argument(s), not 2"),
    ("y = exp*x", "'exp' is a function; write exp(...)"),
    ("y = eval(x)", "there is no function 'eval'"),
    ("y = tanhh(x)*w", "there is no function 'tanhh' (did you mean 'tanh'?)"),
    ("y = (exp)(x)(w)", "between ')' and '(' an operator is missing"),
    ("y = x > 0", "'x > 0' is a condition, not a number; write where(x > 0, 1, 0)"),
    ("y = w*(x > 0)", "in 'w * (x > 0)' a condition stands where a number must"),
    ("y = exp(x > 0)", "in 'exp(x > 0)' a condition stands"),
    ("y = -(x > 0)", "a condition stands where a number must"),
    ("y = (x > 0) > w", "a condition stands where a number must"),
    ("y = where(x, w, 1)", "in 'where(x, w, 1)' a number stands where a condition"),
    ("y = w if x else 1", "a number stands where a condition"),
    ("y = where(not x, w, 1)", "in 'not x' a number stands where a condition"),
    ("y = where(x and w, w, 1)", "in 'x and w' a number stands where a condition"),
    ("y = where(x > 0, x > 1, w)", "a condition stands where a number must"),
    ("y = 1e999*x", "'1e999'|1e309|larger than a float64"),
    ("y = 1" + "0" * 400 + "*x", "is larger than a float64 can hold"),
    ("y = " + "9" * 5000 + "*x", "999"),
    ("y = class*x", "the column class is written in backticks: `class`|'class' is a word of Python"),
    ("y = `no such`*w", "names the column `no such`; the data has x, y, height, `two words`"),
    ("y = w*`x", "the backtick is not closed"),
    ("y = w*``", "the backtick is not closed"),
    ("y = w*'x", "the quotation mark is not closed"),
    ("y = a`x`", "between 'a' and '`x`' an operator is missing; for a product write a*`x`"),
    ("y = `x`2", "between '`x`' and '2' an operator is missing"),
    ("z = w*x", "names the target 'z'"),
    ("hight = w*x", "names the target 'hight'; the data has x, y, height"),
    ("5 = w*x", "left side of '5 = w*x' names no column"),
    ("y*q = w*x", "'q' is not known here"),
    ("y = w*y", "the target y appears on both sides of 'y = w*y'"),
    ("y/x = w*x", "the target x appears on both sides"),
    ("y = hight*w", "the formula names 'hight'; the data has"),
    ("y = mean", "uses no column besides its target"),
    ("y = w*x\x00", "the character U+0000 means nothing in a formula"),
    ("y = w*\ud800", "the character U+D800 means nothing in a formula"),
    ("y = w*\u200bx", "the character U+200B (zero width space) means nothing in a formula; delete it"),
    ("y = w*x + inf", "'inf'"),
    ("y = nan*x + w", "'nan'"),
    ("y = w*x" + " " * 10_000, "has 10007 characters; the limit is 10000"),
    ("y = " + "x" * 10**6, "has 1000004 characters; the limit is 10000"),
    ("y = " + "(" * 10**4 + "x" + ")" * 10**4, "has 20005 characters"),
    ("y = " + "(" * 3000 + "x" + ")" * 3000, "nests 3000 parentheses; the limit is 100"),
    ("y = " + "[" * 101 + "x" + "]" * 101, "nests 101 parentheses"),
    ("y = " + "-" * 9990 + "x", "has 9990 signs in a row, more than can be read: put groups of up to 1000 in brackets"),
    ("y = x" + "**x" * 3000, "has 3000 signs in a row"),
    ("y = " + "not " * 2400 + "x", "in 'not x' a number stands"),
    ("y = x" + "+x" * 4900, "has 4900 signs in a row"),
    ("y = " + "a," * 4900, "a comma stands outside a function's brackets"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "words"), BAD, ids=[repr(f)[:40] for f, _ in BAD])
def test_a_bad_formula_is_refused_with_its_reason(formula, words):
    with pytest.raises(FormulaError) as caught:
        parse_formula(formula, COLUMNS)
    message = str(caught.value)
    assert any(part in message for part in words.split("|")), message
    assert len(message) < 1000
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "formula",
    ["y = w*x + exp(`no such`)", "z = w*x", "y = hight*w", "y = mean", "hight = w*x"],
)
def test_an_unknown_column_is_an_error_of_formula_and_of_data(formula):
    with pytest.raises(ColumnNotFound):
        parse_formula(formula, COLUMNS)


def test_the_message_suggests_the_name_that_was_meant():
    for formula in ("y = hight*w", "hight = w*x"):
        with pytest.raises(ColumnNotFound, match="did you mean 'height'"):
            parse_formula(formula, COLUMNS)
    with pytest.raises(FormulaError, match=r"'bb' is not known here; known are: a, b, c"):
        parse_expression("bb", NAMES)
    with pytest.raises(FormulaError, match=r"'heigth' is not known here \(did you mean 'height'\?\)"):
        parse_expression("heigth", {"height": A})


def test_a_tower_of_powers_is_not_computed_while_it_is_read():
    # 9**9**9 as whole numbers has 369 million digits.
    run = tidu.fit("y = w*x + 9**9**9", {"x": [1.0, 2, 3], "y": [1.0, 2, 3]}, epochs=2)
    assert run.stopped == "diverged"
    assert text(parse_expression("9**9**9", {})) == "9**9**9"


def test_named_numbers_are_for_the_callers_own_functions():
    with pytest.raises(FormulaError, match=r"exp\(\.\.\.\) takes no named arguments"):
        parse_expression("exp(x=a)", NAMES)


def test_own_functions_refuse_a_number_given_twice():
    with pytest.raises(FormulaError, match=r"'f\(a=1, a=2\)' gives a named number twice"):
        parse_expression("f(a=1, a=2)", {}, functions={"f": lambda a: a})


def test_reading_leaves_the_recursion_limit_and_the_warnings_alone(recwarn):
    limit = sys.getrecursionlimit()
    for formula in ("y = (1)(x)", "y = x if 1is 1 else 2", "y = '\\d'"):
        with pytest.raises(FormulaError):
            parse_formula(formula, COLUMNS)
    assert sys.getrecursionlimit() == limit
    assert not recwarn.list


# -- nothing else ever escapes ---------------------------------------------------------------------
ALPHABET = st.sampled_from([
    "x", "y", "w", "b", "=", "+", "-", "*", "/", "**", "(", ")", ",", ".", "1", "2.5", "1e308", "exp(", "log(",
    "where(", "min(", "step(", "tanh(", "if", "else", "and", "or", "not", "<", "<=", "==", "!=", ">", "`",
    "`x`", "0", "-1", "pi", "e", "#", "[", "]", "{", "}", ":=", "lambda", "'a'", '"', "~", "^", "%", "@",
    "\\", "\n", "\t", "_", "½", "²", "１",
    "权重", "ｘ", "̇", "\u200b", "\x00", "\ud800", "f'{x}'", "*x", "...", "True",
])  # fmt: skip
PLAUSIBLE_PARTS = st.sampled_from([
    "x", "w", "b", "2", "+", "-", "*", "/", "**", "exp(", "log(", "sqrt(", "(", ")", "where(x>0,", ",", "abs(", "0",
])  # fmt: skip
SOUP = st.lists(ALPHABET, max_size=15).map("".join) | st.lists(ALPHABET, max_size=15).map(" ".join)
PLAUSIBLE = st.lists(PLAUSIBLE_PARTS, min_size=1, max_size=14).map(" ".join)
DATA = {"x": [1, 2, 3], "y": [1, 2, 3]}


@pytest.mark.slow
@given(st.text(max_size=40) | SOUP | PLAUSIBLE)
@example("`" * 5)
@example("y = `=`")
@example("y = x # `")
@settings(deadline=None, max_examples=600)
def test_parsing_any_text_gives_a_formula_or_a_tidu_error(written):
    for formula in (written, f"y = {written}", f"{written} = w*x"):
        with contextlib.suppress(TiduError):
            assert parse_formula(formula, ("x", "y", "权重")).columns


@given(SOUP | PLAUSIBLE | PLAUSIBLE)
@example("w*x**0 + b")
@example("w*" + "-" * 800 + "x")
@example("w" + "/x" * 800)
@example("x" + "**x" * 500 + "*w")
@example("w*x" + "+1" * 1000)
@example("w*(" + "x*" * 900 + "1)")
@example("x/" * 900 + "w")
@example("1/(x - x)*w")
@example("w*log(x - 3) + sqrt(b)")
@settings(deadline=None, max_examples=150)
def test_fitting_any_formula_ends_in_a_run_or_a_tidu_error(written):
    with contextlib.suppress(TiduError):
        assert tidu.fit(f"y = {written}", DATA, epochs=2).stopped in ("epochs", "diverged")


def test_signs_of_a_chinese_keyboard_are_read():
    assert (
        parse_formula("y ＝ w＊（x － 1）　＋ b×2", ["x", "y"]).score
        is parse_formula("y = w*(x - 1) + b*2", ["x", "y"]).score
    )


@pytest.mark.parametrize(
    ("text", "columns", "meant"),
    [
        ("y = w1*x1 + w2*X2", ["x1", "x2", "y"], "x2"),
        ("y = w1*x1 + w2*x3", ["x1", "x2", "y"], "x1"),
        ("y = w*hight + v*x", ["height", "x", "y"], "height"),
    ],
)
def test_a_name_like_a_column_is_not_taken_for_a_parameter(text, columns, meant):
    with pytest.raises(ColumnNotFound, match=f"did you mean '{meant}'"):
        parse_formula(text, columns)
    given = {"X2", "x3", "hight"}
    assert parse_formula(text, columns, {n for n in given if n in text})


def test_a_column_cannot_be_given_a_starting_value():
    with pytest.raises(FormulaError, match="'x' is a column"):
        parse_formula("y = w*x", ["x", "y"], ["x"])


def test_no_name_of_the_users_is_a_column_in_backticks():
    for name in ("_quoted_column_0_", "__quoted_column_0_", "_quoted_column_1_"):
        read = parse_formula(f"y = w*`two words` + {name}*x", COLUMNS)
        assert names_of(read.parameters) == ["w", name]
        assert names_of(read.features) == ["two words", "x"]
    columns = ("_quoted_column_0_", "two words", "y")
    assert names_of(parse_formula("y = w*`two words` + v*_quoted_column_0_", columns).features) == [
        "two words", "_quoted_column_0_",
    ]  # fmt: skip


def test_a_name_as_mathematics_prints_it_is_the_name():
    columns = ("x1", "theta", "y")
    read = parse_formula("y = w₁·x₁ + β₂·θ", columns, ("beta2",))
    assert names_of(read.features) == ["x1", "theta"]
    assert names_of(read.parameters) == ["w1", "beta2"]
    assert names_of(parse_formula("y = α·x1", columns).parameters) == ["α"]  # alpha is known to nobody
    nested = parse_formula("y = linear(...) + w*θ", columns, (), MODELS)
    assert names_of(nested.features) == ["x1", "theta"]  # theta once, not among the dots too
    optional = parse_formula("y = mlp(..., hidden=[2])", ("hidden", "x", "y"), (), MODELS)
    assert names_of(optional.features) == ["hidden", "x"]  # a column may be called as an option is


@pytest.mark.parametrize("written", ["w*net-price", "w*net - price", "w * a/b"])
def test_the_parts_of_a_columns_name_are_no_parameters(written):
    with pytest.raises(FormulaError, match="is written in backticks"):
        parse_formula(f"y = {written}", ("net-price", "net - price", "a/b", "y"))


def test_parts_that_are_known_are_what_they_are():
    columns = ("x", "z", "x-z", "y")
    assert names_of(parse_formula("y = w*(x-z)", columns).features) == ["x", "z"]
    assert names_of(parse_formula("y = w*`x-z`", columns).features) == ["x-z"]
    assert names_of(parse_formula("y = w*(net-x)", ("x", "net-x", "y"), {"net": 0}).parameters) == ["w", "net"]


@pytest.mark.parametrize(
    ("formula", "parameters", "note"),
    [
        ("y = a + b*x + c*x**2 + d*x**3 + e*x**4", "abcde", "e is a parameter"),
        ("y = a*x**4 + b*x**3 + c*x**2 + d*x + e", "abcde", "e is a parameter"),
        ("y = d*x + e", "d", "Euler's number in this formula"),
        ("y = c*x**2 + d*x + e", "cde", "e is a parameter"),
        ("y = a*x + e", "a", "Euler's number in this formula"),
        ("y = a*exp(-e*x)", "ae", "e is a parameter"),
        ("y = a*sin(x)/e", "ae", "e is a parameter"),
        ("y = a*e**(-b*x)", "ab", None),
        ("y = a*e^x + b", "ab", None),
        ("y = c + d*e**x", "cd", None),
        ("y = a*log(x)/log(e)", "a", None),
        ("y = e*x + a*e**x", "a", "Euler's number in this formula"),
        ("y = pi*a*x", "a", None),
        ("y = a*sin(2*pi*x)", "a", None),
    ],
)
def test_e_is_a_parameter_where_one_is_meant(formula, parameters, note):
    read = parse_formula(formula, ("x", "y"))
    assert sorted(names_of(read.parameters)) == sorted(parameters)
    assert [n for n in read.notes if note not in n] == [] if note else read.notes == ()
    given = parse_formula(formula, ("x", "y"), {"e": 1.0, "pi": 3.0}) if "pi" in formula else None
    assert given is None or "pi" in names_of(given.parameters)


def test_an_e_that_has_a_starting_value_or_is_a_column_is_that():
    assert names_of(parse_formula("y = a*e**x", ("x", "y"), {"e": 1.0}).parameters) == ["a", "e"]
    assert names_of(parse_formula("y = a*e**x", ("x", "e", "y")).features) == ["e", "x"]
    run = tidu.fit("y = e*x", {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}, lr="auto", epochs=200)
    assert run.params["e"] == pytest.approx(2.0)
    assert any("e is a parameter" in note for note in run.notes)


@pytest.mark.parametrize(
    "formula",
    [
        lambda n: "y = " + "*".join(f"w{k}" for k in range(n)) + "*x",
        lambda n: "y = w*" + "*".join(["x"] * n),
        lambda n: "y = " + "·".join(f"w{k}·x^2" for k in range(n)),
        lambda n: "y = " + " + ".join(f"`two words`*w{k}" for k in range(n)),
        lambda n: "y = w" + "/(x + a)" * n,
        lambda n: "y = mlp(x, hidden=[" + ",".join(["2"] * n) + "])",
        lambda n: "y = " + "+".join(["poly(x,4)"] * n),
        lambda n: "y = e*x" + "*e" * n,
        lambda n: "y = where(" + "<".join(["x"] * n) + ", w, 2)",
    ],
)
def test_a_long_formula_is_read_in_proportion_to_its_length(formula):
    def calls(n: int) -> int:
        """How many functions are called while it is read."""
        count = 0

        def counted(_frame, event, _argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            parse_formula(formula(n), COLUMNS, (), MODELS)
        finally:
            sys.setprofile(None)
        return count

    calls(10)  # what is cached once and for all
    few, many = calls(100), calls(400)
    assert many < 4.5 * few


@pytest.mark.slow
def test_a_network_deeper_than_can_be_run_is_refused():
    with pytest.raises(FormulaError, match=r"mlp\(\.\.\.\) has 1001 hidden layers; the limit is 1000"):
        parse_formula(f"y = mlp(x, hidden={[1] * 1001})", COLUMNS, (), MODELS)
    with pytest.raises(FormulaError, match="a model of 20518 operations for each sample; the limit is 20000"):
        parse_formula("y = " + "+".join(["poly(x,20)"] * 500), COLUMNS, (), MODELS)
