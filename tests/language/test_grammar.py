"""Formulas in every writing: signs that mean the same are read the same, and what cannot be read is told in words."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from random_expressions import NAMES, Calm, calm_expressions, expressions
from readers import unicode_value
from tidu.content.models import MODELS
from tidu.errors import FormulaError, TiduError
from tidu.language.expr import Expr, evaluate
from tidu.language.formula import parse_formula
from tidu.language.operation import FUNCTIONS
from tidu.language.other_notations import FUNCTIONS_ELSEWHERE
from tidu.language.printer import text, unicode, unicode_name
from tidu.language.reader import parse_expression
from tidu.language.words import words_of
from tidu.text import use_language

COLUMNS = ("x", "y", "s1", "height", "net price", "温度", "温度（℃）", "x²")
# Other ways to write a sign of what the printer writes.
ALIKE = {
    "·": ["*", "×", "⋅", "∗", "＊", " * ", "・"], "−": ["-", "－", "–"], "/": ["÷", "／", " / "], "+": ["＋", "+"],
    "(": ["（"], ")": ["）"], ",": ["，"], "½": ["0.5", ".5", "5e-1"], " ": ["  ", "\u00a0", "\u3000", "\n"],
    "^": ["**", "＾"], "≤": ["<=", "⩽", "＜＝"], "≥": [">="], "≠": ["!="], "∧": ["and"], "∨": ["or"], "¬": ["not "],
    "==": ["＝＝"], "<": ["＜"], ">": ["＞"],
}  # fmt: skip
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


@st.composite
def written_otherwise(draw, shown: str) -> str:
    """What the printer writes, with some of its signs exchanged for others that mean the same."""
    pieces = re.split(r"(`[^`]*`|==|[·−/+(),½ ^≤≥≠∧∨¬<>])", shown)
    return "".join(draw(st.sampled_from([piece, *ALIKE.get(piece, [])])) for piece in pieces)


@given(st.data(), expressions(most=15))
@settings(deadline=None, max_examples=200)
def test_signs_that_mean_the_same_are_read_the_same(data, expr: Expr):
    shown = unicode(expr)
    assert parse_expression(data.draw(written_otherwise(shown)), NAMES) is expr
    plain = SUPERSCRIPT.sub(lambda m: f"^({m[0].translate(str.maketrans('⁰¹²³⁴⁵⁶⁷⁸⁹⁻', '0123456789-'))})", shown)
    assert parse_expression(plain, NAMES) is expr


PIECES = st.sampled_from(
    ["a", "b", "2", "0.5", "(a − b)", "(−b)", "√(a)", "|b|", "exp(b)", "b²", "a⁻¹", "(a + 2)²", "⌊a⌋"]
)
SIGNS = st.sampled_from(["·", "/", " + ", " − "])


@given(PIECES, st.lists(st.tuples(SIGNS, PIECES), max_size=6), st.sampled_from(["", "−"]))
@settings(deadline=None, max_examples=300)
def test_precedence_is_that_of_a_reader_of_mathematics(first, rest, sign):
    written = sign + first + "".join(s + p for s, p in rest)
    point = {"a": 1.7, "b": -0.6}
    mine = evaluate(parse_expression(written, {k: NAMES["w"] if k == "a" else NAMES["x1"] for k in point}),
                    {NAMES["w"]: 1.7, NAMES["x1"]: -0.6})  # fmt: skip
    assert mine == pytest.approx(unicode_value(written, point), rel=1e-12)


@given(calm_expressions())
@settings(deadline=None, max_examples=60)
def test_what_is_read_back_has_the_value_that_a_person_reads(calm: Calm):
    names = {unicode_name(s.name): v for s, v in calm.point.items()}
    again = parse_expression(unicode(calm.expr), {s.name: s for s in calm.point})
    assert evaluate(again, calm.point) == pytest.approx(unicode_value(unicode(calm.expr), names), rel=1e-10, abs=1e-10)


# -- nothing is read in a way that it was not meant ----------------------------------------------------
@pytest.mark.parametrize(
    "written",
    [
        "x²y", "2x", "2x²", "½x", "x½", "2½·x", "x 2", "x(2)", "(x)2", "(x)(2)", "x2²³ ⁴", "1/2x", "x/2(x)", "x^2(x)",
        "√x²", "√x^2", "√|x|²", "√-x", "-√-x", "x²^3", "x^2 ^", "xⁿ", "xᵢ", "x⁺", "x⁄2", "x**²", "²x", "|x|x", "x|x|",
        "|x||x|", "⌊x⌋x", "sin²(x)", "sin x", "sin(x)x", "1,5·x", "1.234,5", "x;", "x:2", "x′", "x→2", "∑x", "∫x", "x°",
        "x‰", "x±1", "x!", "2 000·x", "1'000·x", "x··2", "x××2", "x÷÷2", "x−−−", "x·−", "·x", "x·", "()", "(x", "x)",
        "(x]", "[x)", "|x", "⌊x", "x⌋", "⌊x)", "(x⌋", "|(x|)", "x,", "exp(,x)", "exp(x x)", "max(x;2)", "x if", "if x",
        "x else", "x if x > 0", "not", "x and", "x not x", "x.", "x.y", ".x", "x..2", "`x", "x`", "``", "'x", "x'", '"',
        "x = 2", "(x = 2)", "exp(x = )", "x == ", "x => 2", "x =< 2", "x <> 2", "x && x", "x := 2", "lambda",
        "x\\2", "$x",
        "x?", "@", "#", "", " ", "\t", "(" * 101, "√" * 150, "|" * 150, "⁹" * 5000,
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_in_none_is_refused_with_its_place(written):
    with pytest.raises(FormulaError) as caught:
        parse_formula(f"y = {written} + height" if written == "#" else f"y = {written}", COLUMNS, (), MODELS)
    check_sentence(str(caught.value))


def check_sentence(sentence: str) -> None:
    """One line of our own words, and none of Python's."""
    assert sentence.isprintable()
    assert len(sentence) < 1000
    words = "invalid|syntax|unterminated|EOF|EOL|literal|SyntaxError|Perhaps|f-string|Traceback|object at"
    assert not re.search(words, re.sub(r"'[^']*'", "", sentence)), sentence


VALID = [
    "y = w·x² + b", "y = a*exp(-k*x) + c", "y = 2(w − 1)·x + |b|·√(x + 2)", "y = w*`net price` + v*温度",
    "y = where(x > 0 and not x > 2, a*x, b)", "y = mlp(x, s1, hidden=[8, 8])", "log(y) = a·log(x) + b",
    "y = a if x > 0 else b*x", "y ＝ w×x＋b", "y = a·e^(−b·x)", "y = w₁·x + w₂·s₁", "y = max(a·x, b, 0.5)",
]  # fmt: skip
CHARACTERS = st.sampled_from(
    [
        *"xyabw1290.,;:=+-*/^%@!?~#$&|()[]{}<>`'\"\\_ eπ·×÷−–—√½²³⁻ⁿ₁ᵢ∧∨¬≤≥≠⌊⌋（）＝＋，｜。、℃αβxхо\n\t",
        "\u200b", "\u00a0", "\ufeff", "\x00", "\ud800", "**", "exp(", "if", "not", "lambda", "...", "e5",
    ]
)  # fmt: skip


@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), CHARACTERS), max_size=4))
@example(VALID[0], [(4, 1, "√")])
@settings(deadline=None, max_examples=500)
def test_a_formula_with_mistakes_is_read_or_refused_in_a_sentence_within_a_second(formula, mistakes):
    for place, gone, put in mistakes:
        formula = formula[:place] + put + formula[place + gone :]
    begin = time.perf_counter()
    try:
        read = parse_formula(formula, COLUMNS, (), MODELS)
    except TiduError as error:
        check_sentence(str(error))
    else:
        if not read.layers:
            names = {s.name: s for s in (*read.parameters, *read.features)}
            for shown in (text(read.score), unicode(read.score)):
                assert parse_expression(shown, names) is read.score
    assert time.perf_counter() - begin < 1.0  # milliseconds, on a busy machine too


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=300)
def test_words_are_the_text_in_its_order_and_nothing_else(written):
    words = words_of(written)
    assert all(a.end <= b.place for a, b in pairwise(words))
    assert all(len(w.written) == w.end - w.place > 0 for w in words)


def test_errors_of_writing_are_told_in_chinese():
    use_language("zh")
    try:
        for written in ("2x", "w x", "np.exp(x)", "w*(x", "w*net price", "√x²", "x²^3", "w*", "0,5·x", "lg(x)", "xⁿ"):
            with pytest.raises(FormulaError) as caught:
                parse_formula(f"y = {written}", COLUMNS)
            assert re.match("公式 '", str(caught.value))
            check_sentence(str(caught.value))
        with pytest.raises(FormulaError, match="应当写 =，而不是 ~"):
            parse_formula("y ~ x", COLUMNS)
    finally:
        use_language("en")


# -- letters that look alike -------------------------------------------------------------------------
@pytest.mark.parametrize("formula", ["y = w*х + b*x", "y = w*х", "y = а*x + a", "y = a*x + а", "y = ο + o*x"])
def test_a_name_that_looks_like_another_is_refused(formula):
    with pytest.raises(FormulaError, match=r"looks like '.', yet its letter '.' is another \((cyrillic|greek) small"):
        parse_formula(formula, ("x", "y"))


def test_names_of_one_alphabet_are_what_they_are():
    assert [p.name for p in parse_formula("y = а*x + б", ("x", "y")).parameters] == ["а", "б"]
    read = parse_formula("y = w*х + v*x", ("x", "х", "y"))  # two columns, which the data has told apart
    assert [f.name for f in read.features] == ["х", "x"]
    assert [p.name for p in parse_formula("y = ν*x + μ", ("x", "y")).parameters] == ["ν", "μ"]


def test_what_other_languages_call_functions_is_told_where_there_is_none_by_that_name():
    assert not FUNCTIONS_ELSEWHERE.keys() & FUNCTIONS.keys()
    for name, instead in FUNCTIONS_ELSEWHERE.items():
        with pytest.raises(FormulaError, match=re.escape(f"there is no function '{name}'; write {instead}")):
            parse_formula(f"y = {name}(x)*w", COLUMNS, (), MODELS)
        parse_expression(instead, dict.fromkeys("abx", NAMES["w"]))


# -- other notations ---------------------------------------------------------------------------------
ELSEWHERE = {  # each with what the sentence has to say
    r"\frac{a}{x} + b": "'\\frac' is LaTeX; write (a)/(b)", r"a \cdot x": "write *", r"\alpha x": "write alpha",
    r"\exp(-a*x)": "write exp(…)", "x^{2}*a": "write round ones", "a_{1}*x": "write round ones",
    "$a*x$": "without $", "x'*a": "backticks: `x'`", "a*x′": "backticks: `x′`", "a*x' + b*y'": "backticks: `x'`",
    "a sin x": "write a*sin(x)", "2sin(x)": "write 2*sin(…)", "a ln x + b": "write a*ln(x)", "2σ²*x": "write 2*σ",
    "a*∞*x": "infinity", "a*sin(30°)*x": "radians(30)", "5%*x": "write 0.05 for 5%", "a*x + 5 %": "write 0.05",
    "a*x % 2": "write mod(a, b)", "a // x": "write floor(a/b)", "a @ x": "write a*b", "x mod 2 * a": "write mod(a, b)",
    "a*x!": "factorial", "a ± b*x": "two signs in one", "‖x‖*a": "write |x|", "∂x": "derivatives", "∑x": "one row",
    "a*sin^2(x)": "write sin(…)^2", "a*sin^-1(x)": "write 1/sin(…)", "a*ln|x|": "write ln(|…|)",
    "a*x.^2": "write ^", "a.*x": "write *", "a./x": "write /", "a*x^^2": "write ^", "a*x***2": r"write **",
    "where(x > 0 && x < 2, a, b)": "write and", "where(x < 0 || x > 2, a, b)": "write or",
    "where(x <> 1, a, b)": "write !=", "where(x > 0 AND x < 2, a, b)": "write a and b", "if(x > 1, a, b)": "where(x",
    "IF(x > 1, a, b)": "where(x", "EXP(a*x)": "write exp(...)", "a*LN(x)": "write ln(...)", "sum(a*x)": "one row",
    "a*mean(x)": "one row", "a*log(x, 2)": "log(x)/log(base)", "a*log_2(x)": "write log2(x)",
    "a*x; b": "one expression",
}  # fmt: skip


@pytest.mark.parametrize("written", ELSEWHERE)
def test_what_other_notations_write_is_told_with_what_a_formula_has(written):
    for lang in ("en", "zh"):
        use_language(lang)
        try:
            with pytest.raises(FormulaError) as caught:
                parse_formula(f"y = {written}", COLUMNS, (), MODELS)
        finally:
            use_language("en")
        check_sentence(str(caught.value))
        assert lang == "zh" or ELSEWHERE[written] in str(caught.value)
        assert lang == "en" or re.match("公式 '.*[一-鿿]{3}", str(caught.value))


def test_a_target_that_is_written_as_a_function_is_told():
    for formula in ("y(x) = a*x + b", "f(x, s1) = a*x"):
        with pytest.raises(FormulaError, match="is the target, a column"):
            parse_formula(formula, COLUMNS)
    assert parse_formula("log(y) = a*x", COLUMNS).parameters[0].name == "a"


def test_invisible_signs_of_typesetting_are_what_they_mean():
    plain = parse_formula("y = a*exp(b*x)", COLUMNS)
    assert parse_formula("y = a\u2062exp\u2061(b\u2062x)", COLUMNS).score is plain.score


def test_names_of_the_data_come_before_words_of_other_notations():
    columns = ("mod", "y", "sum")
    assert {f.name for f in parse_formula("y = a*mod + b*sum", columns).features} == {"mod", "sum"}
