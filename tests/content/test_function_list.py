"""The list of functions: all of them, each with its words in both languages and mathematics that is read back."""

from __future__ import annotations

import pytest

from tidu.content.function_list import functions_of_formulas, functions_of_rates
from tidu.content.models import MODELS
from tidu.content.schedules import SCHEDULES, STEP
from tidu.language.activations import COMPOSED
from tidu.language.derived_columns import DERIVING
from tidu.language.expr import symbol
from tidu.language.operation import FUNCTIONS, OPS
from tidu.language.reader import parse_expression
from tidu.language.simplify import simplify
from tidu.text import use_language


def test_every_function_of_the_tables_is_there_once():
    listed = [name for f in functions_of_formulas() for name in (f.name, *f.aliases)]
    assert sorted(listed) == sorted({*FUNCTIONS, *COMPOSED, *DERIVING, *MODELS})
    assert [f.name for f in functions_of_rates()] == list(SCHEDULES)


@pytest.mark.parametrize("f", [*functions_of_formulas(), *functions_of_rates()], ids=lambda f: f.name)
def test_each_has_words_in_both_languages(f):
    assert f.words
    assert f.mathematics
    use_language("zh")
    try:
        assert f.meaning != f.words
    finally:
        use_language("en")
    assert f.meaning == f.words


def test_the_mathematics_of_a_function_is_the_function():
    names = {"x": symbol("x", "feature"), **{letter: symbol(letter, "parameter") for letter in "ab"}}
    for f in functions_of_formulas():
        if f.name in FUNCTIONS:
            assert parse_expression(f.mathematics, names).op is OPS[FUNCTIONS[f.name]]
    for f in functions_of_rates():
        assert parse_expression(f.mathematics, {"t": STEP}) is simplify(SCHEDULES[f.name](), {})
