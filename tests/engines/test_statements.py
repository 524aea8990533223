"""What gets a line of its own, and what that line is called."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.engines.dialects import Dialect
from tidu.engines.statements import MOST_OPERATIONS, Block, Names, assignments, per_step, repeated_columns
from tidu.language import ops
from tidu.language.expr import Expr, symbol
from tidu.runtime import ieee

A, B, C = (symbol(name, "parameter") for name in "abc")
X, Y = symbol("x", "feature"), symbol("y", "target")


def names() -> Names:
    made = Names()
    for s in (A, B, C, X, Y):
        made.name(s, s.name)
    return made


def lines(*outputs: Expr, **options) -> list[str]:
    return written(outputs, names(), options.pop("labels", {}), **options)


def written(outputs, made: Names, labels, **options) -> list[str]:
    """The text of the assignments."""
    scope = dict(made.of)
    block = Block("forward", tuple(assignments(outputs, made, labels, **options)), scope)
    return [line for line, _statement in Dialect().rendered([block])]


# -- lines ---------------------------------------------------------------------------------------
def test_only_outputs_get_a_line_where_nothing_is_shared():
    assert lines(A * X + B) == ["sum_1 = a * x + b"]
    assert lines(A, A * B) == ["product_1 = a * b"]
    assert lines(A * 0 + 2, ops.exp(A)) == ["sum_1 = a * 0.0 + 2.0", "exp_1 = exp(a)"]


def test_what_is_used_twice_is_computed_once():
    shared = ops.exp(A * X)
    assert lines(shared * B + shared) == ["exp_1 = exp(a * x)", "sum_1 = exp_1 * b + exp_1"]
    assert lines(shared + B, shared + C) == ["exp_1 = exp(a * x)", "sum_1 = exp_1 + b", "sum_2 = exp_1 + c"]


def test_what_a_template_repeats_is_computed_once():
    assert lines((A - X) ** 2) == ["difference_1 = a - x", "power_1 = difference_1 * difference_1"]
    assert lines((A - X) ** 5) == ["power_1 = power(a - x, 5.0)"]
    assert lines(A**2) == ["power_1 = a * a"]


def test_labels_name_their_nodes():
    y_hat = A * X + B
    labels = {y_hat: "y_hat", (y_hat - Y) ** 2: "loss", ops.exp(A): "not_in_it"}
    assert lines((y_hat - Y) ** 2, labels=labels) == [
        "y_hat = a * x + b",
        "difference_1 = y_hat - y",
        "loss = difference_1 * difference_1",
    ]


def test_an_output_may_be_left_for_where_it_is_used():
    shared = A * X
    outputs = (shared + B, ops.exp(shared))
    assert lines(*outputs, inline=outputs) == ["product_1 = a * x"]
    assert lines(shared, shared + 1, inline=(shared, shared + 1)) == ["product_1 = a * x"]


def test_what_comes_later_counts_as_use():
    shared = A * X
    assert lines(shared + B) == ["sum_1 = a * x + b"]
    assert lines(shared + B, also_used_by=[shared * C]) == ["product_1 = a * x", "sum_1 = product_1 + b"]


def test_what_has_a_name_is_not_computed_again():
    made = names()
    assert written([ops.exp(A)], made, {}) == ["exp_1 = exp(a)"]
    assert written([ops.exp(A) + 1], made, {}) == ["sum_1 = exp_1 + 1.0"]
    assert written([ops.exp(A)], made, {}) == []


def test_a_long_line_is_broken():
    node: Expr = X
    for _ in range(3 * MOST_OPERATIONS):
        node = node / A
    broken = lines(node)
    assert len(broken) == 3
    assert all(line.count("divide(") <= MOST_OPERATIONS + 1 for line in broken)
    assert "(quotient_1, a)" in broken[1]
    assert broken[1].startswith("quotient_2 = ")
    short: Expr = X
    for _ in range(MOST_OPERATIONS):
        short = short / A
    assert len(lines(short)) == 1


def test_the_parts_that_no_sample_changes():
    fixed = ops.exp(A) * B
    output = fixed * X + ops.sin(C) + X**2 * 3
    assert per_step([output], [X, Y], {}) == [fixed, ops.sin(C)]
    assert per_step([output], [X, Y], {fixed: "y_hat"}) == [ops.sin(C)]
    assert per_step([A * X + B], [X], {}) == []
    assert per_step([-A * X], [X], {}) == []  # a minus sign is not worth a line


def test_columns_that_are_read_more_than_once():
    assert repeated_columns([A * X + Y], [X, Y]) == []
    assert repeated_columns([A * X + Y, X + 1], [X, Y]) == [X]
    assert repeated_columns([Y**2, Y + X], [X, Y]) == [Y]


# -- names ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wish", "given_name"),
    [
        ("w", "w"), ("class", "class_"), ("match", "match_"), ("exp", "exp_"), ("len", "len_"), ("train", "train_"),
        ("two words", "two_words"), ("net-price ($)", "net_price"), ("2020", "_2020"), ("½", "_1_2"), ("", "column"),
        ("!?", "column"), ("温度（℃）", "温度_C"), ("x²", "x2"), ("µ", "μ"), ("a൰", "a"), ("_", "column"),
        ("\ud800", "column"), ("é", "é"), ("e\u0301", "é"), ("\u0301x", "x"),
    ],
)  # fmt: skip
def test_a_wish_becomes_an_identifier(wish, given_name):
    assert Names().fresh(wish) == given_name


@given(st.lists(st.text(max_size=6) | st.sampled_from(["w", "w_", "w__", "exp", "x2", "x²"]), max_size=12))
@settings(deadline=None, max_examples=200)
def test_identifiers_are_valid_and_all_different(wishes):
    made = Names()
    given_names = [made.fresh(wish) for wish in wishes]
    assert len({compile(name, "", "eval").co_names[0] for name in given_names}) == len(wishes)
    for name in given_names:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name not in vars(ieee)


def test_intermediate_values_are_numbered_past_names_that_are_taken():
    made = Names()
    made.fresh("exp_1")
    assert made.numbered(ops.exp(A)) == "exp_2"
    assert made.numbered(ops.exp(B)) == "exp_3"
    assert made.numbered(ops.exp(A)) == "exp_2"


def test_many_names_that_are_alike_in_python_are_numbered():
    names = Names()
    alike = [names.fresh("%") for _k in range(3000)]
    assert len(set(alike)) == 3000
    assert all(name.isidentifier() for name in alike)
    assert alike[:3] == ["column", "column_", "column__"]
    assert max(map(len, alike)) < 20
    inside = names.inside()
    assert inside.fresh("%") == names.fresh("%")
