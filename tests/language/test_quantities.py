"""Quantities and conditions: how they are read, and what is refused in one sentence."""

import pytest

from tidu.errors import FormulaError
from tidu.language.expr import evaluate, symbol
from tidu.language.formula import parse_formula
from tidu.language.quantities import conditions_of, quantities_of, statement_of, with_equalities

COLUMNS = ("x", "z", "y")
FORMULA = parse_formula("y = a + b*x + c*x**2", COLUMNS)


@pytest.mark.parametrize(
    ("text", "parts", "signs"),
    [
        ("h = log(2)/b", ("h", "log(2)/b"), ("=",)),
        ("0 < a < 1", ("0", "a", "1"), ("<", "<")),
        ("a ≤ 1", ("a", "1"), ("≤",)),
        ("q = where(a > 0, a, 1)", ("q", "where(a > 0, a, 1)"), ("=",)),
    ],
)
def test_a_statement_is_cut_at_its_signs(text, parts, signs):
    found = statement_of(text)
    assert (found.parts, found.signs) == (parts, signs)


@pytest.mark.parametrize("text", ["a", "= a", "a =", "a == 1", "a < b > c", "a = b = c", "a != 1", "", "a = 1 < 2"])
def test_what_is_no_statement_says_so(text):
    with pytest.raises(FormulaError, match="must read 'name = expression'"):
        statement_of(text)


def test_an_equality_takes_the_place_of_a_parameter():
    conditions = conditions_of(["c = 1 - a - b"], FORMULA, COLUMNS)
    formula = with_equalities(FORMULA, conditions)
    assert [p.name for p in formula.parameters] == ["a", "b"]
    values = {symbol("a", "parameter"): 0.25, symbol("b", "parameter"): 0.5, symbol("x", "feature"): 2.0}
    assert evaluate(formula.score, values) == 0.25 + 0.5 * 2 + 0.25 * 4


def test_equalities_may_name_each_other_and_bring_in_parameters():
    conditions = conditions_of(["b = log(2)/half", "c = b/2"], FORMULA, COLUMNS)
    assert conditions.new == ("half",)
    formula = with_equalities(FORMULA, conditions)
    assert [p.name for p in formula.parameters] == ["a", "half"]
    assert "half" in formula.notes[-1]
    assert str(conditions.equalities["c"].value) == "log(2)/half/2"


def test_an_inequality_is_below_0_where_it_holds():
    conditions = conditions_of(["0 < a < b", "c = a/2", "b + c >= 1"], FORMULA, COLUMNS)
    at = {symbol("a", "parameter"): 0.5, symbol("b", "parameter"): 2.0}
    assert [evaluate(i.value, at) for i in conditions.inequalities] == [-0.5, -1.5, 1.0 - 2.25]


def test_quantities_name_parameters_what_where_gives_and_each_other():
    conditions = conditions_of(["c = 1 - a"], FORMULA, COLUMNS)
    found = quantities_of(["k = c*b", "m = 2*k"], conditions, FORMULA, COLUMNS, {"b": 3.0})
    assert list(found) == ["c", "k", "m"]
    assert evaluate(found["m"].value, {symbol("a", "parameter"): 0.25}) == 2 * 0.75 * 3.0


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["c = 1 - x"], "names the column 'x'"),
        (["x = 1 - a"], "names the column 'x'"),
        (["a + b = 1"], "is not a name; solve it for one parameter"),
        (["d = 1 - a"], "'d', which is not a parameter of the formula"),
        (["a = b", "b = a"], "by itself"),
        (["a = a + 1"], "by itself"),
        (["a = 1 - b", "a = 2 - c"], "given twice"),
        (["a + q < 1"], "names 'q', which is not a parameter"),
        (["1 < 2"], "is of no parameter"),
    ],
)
def test_conditions_that_cannot_be_are_refused(texts, words):
    with pytest.raises(FormulaError, match=words):
        conditions_of(texts, FORMULA, COLUMNS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 2*b", "is a parameter or a quantity already"),
        ("k = x*b", "names the column 'x'"),
        ("k = bb", "names 'bb', which is not a parameter"),
        ("a < b", "is a condition"),
        ("k = log(a", "k = log|log\\(a"),
    ],
)
def test_quantities_that_cannot_be_are_refused(text, words):
    with pytest.raises(FormulaError, match=words):
        quantities_of([text], conditions_of([], FORMULA, COLUMNS), FORMULA, COLUMNS, {})
