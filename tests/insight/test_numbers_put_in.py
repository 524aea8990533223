"""Numbers put into formulas: what is printed once for many steps is what would be printed anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidu.insight.explanation import _put_in
from tidu.insight.written import number, shown
from tidu.language.expr import evaluation_order, symbol
from tidu.language.reader import parse_expression

FORMULAS = (
    "a*b + c", "2*(a - b)*c", "-(a*b)", "a**2*b - c**3", "exp(-a*b)/(1 + exp(c))", "sqrt(abs(a)) - b/c", "a - (b - c)",
    "0.123456789012*a + b*c", "where(a > b, a*c, -b)", "a/(b*c)", "(a + b)**-1*c", "a*b*c", "log(a) - 3e-9*b*c",
)  # fmt: skip
VALUES = st.one_of(
    st.floats(), st.integers(-12, 12).map(float), st.lists(st.floats(-9, 9), min_size=1, max_size=9).map(np.array)
)
NAMES = {name: symbol(name, "feature") for name in "abc"}


@pytest.mark.parametrize("notation", ["text", "unicode", "latex", "mathml"])
@pytest.mark.parametrize("formula", FORMULAS)
@given(values=st.tuples(VALUES, VALUES, VALUES))
def test_a_form_with_numbers_put_in_is_the_formula_printed_anew(formula, notation, values) -> None:
    expression = parse_expression(formula, NAMES, lambda name: symbol(name, "parameter"))
    used = [n for n in evaluation_order([expression]) if n.is_symbol]
    parts = tuple((n, number(v, notation, inside=True)) for n, v in zip(used, values, strict=False))
    assert _put_in(expression, parts, notation) == shown(expression, dict(parts), notation)
