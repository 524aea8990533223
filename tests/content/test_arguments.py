"""Options have ranges, and a text form that is read back."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.content.arguments import Option, checked_options, fraction, nonnegative, positive, written
from tidu.content.losses import LOSSES, SYNONYMS, loss_named
from tidu.content.optimizers import OPTIMIZERS, optimizer_named
from tidu.errors import SettingError, TiduError

THINGS = [*LOSSES.values(), *OPTIMIZERS.values()]
NAMED = {**dict.fromkeys(LOSSES, loss_named), **dict.fromkeys(OPTIMIZERS, optimizer_named)}


@pytest.mark.parametrize(
    ("option", "good", "bad", "words"),
    [
        (positive(1.0), [1e-300, 1, 3.5, 1e300], [0, -1.0, math.inf, math.nan], "above 0"),
        (nonnegative(0.0), [0, 0.0, 7, np.float64(2.0), np.int64(3)], [-1e-300, math.inf, -math.inf], "at least 0"),
        (fraction(0.5), [0, 0.5, 0.999], [1, 1.5, -0.1, math.nan], r"in \[0, 1\)"),
        (fraction(0.5, low_open=True), [1e-9, 0.5], [0.0, 1.0], r"in \(0, 1\)"),
        (fraction(0.5, low_open=True, high_open=False), [1e-9, 1], [0.0, 1.0001], r"in \(0, 1\]"),
    ],
)
def test_ranges(option, good, bad, words):
    for value in good:
        checked = option.checked("thing", "size", value)
        assert type(checked) is float
        assert checked == value
    for value in bad:
        with pytest.raises(SettingError, match=f"thing: size must be {words}, not"):
            option.checked("thing", "size", value)


@pytest.mark.parametrize("value", ["1", None, True, [1.0], 1j, 10**400, np.bool_(True)])
def test_what_is_not_a_number_that_float64_holds_is_refused(value):
    with pytest.raises(SettingError, match="must be above 0"):
        positive(1.0).checked("thing", "size", value)


def test_which_options_are_surely_positive():
    assert positive(1.0).is_positive
    assert Option(2.0, low=1.0).is_positive
    assert not nonnegative(1.0).is_positive
    assert not fraction(0.5).is_positive


@pytest.mark.parametrize("thing", THINGS, ids=lambda t: t.name)
def test_every_default_is_in_its_range_and_everything_has_a_sentence(thing):
    values = checked_options(thing, {})
    assert values == {name: option.default for name, option in thing.options.items()}
    rule = getattr(thing, "expression", None) or thing.rule
    assert len(rule.__doc__) > 20


@pytest.mark.parametrize("thing", [t for t in THINGS if t.options], ids=lambda t: t.name)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_the_text_form_is_read_back_to_the_bit(thing, data):
    values = {}
    for name, option in thing.options.items():
        numbers = st.floats(max(option.low, 0.0), min(option.high, 1e300))
        values[name] = data.draw(numbers.filter(lambda v, o=option: _accepted(o, v)))
    chosen = NAMED[thing.name](written(thing.name, values))
    assert chosen.name == thing.name
    assert chosen.values == values


def _accepted(option: Option, value: float) -> bool:
    try:
        return option.checked("", "", value) == value
    except SettingError:
        return False


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("gd", {}, "gd"),
        ("huber", {"delta": 2.0}, "huber(delta=2)"),
        ("adam", {"beta1": 0.9, "eps": 1e-8}, "adam(beta1=0.9, eps=1e-08)"),
        ("huber", {"delta": 0.1 + 0.2}, "huber(delta=0.30000000000000004)"),
    ],
)
def test_written(name, values, shown):
    assert written(name, values) == shown


def test_what_is_not_given_has_its_default():
    assert optimizer_named("adam(beta1=0.5)").values == {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8}
    assert loss_named(" huber( delta = 2 ) ").values == {"delta": 2.0}
    assert optimizer_named("gd()").values == {}


@pytest.mark.parametrize(
    ("named", "text", "words"),
    [
        (optimizer_named, "sgd", "there is no optimizer 'sgd'.*there are: gd, momentum"),
        (optimizer_named, "adma", r"there is no optimizer 'adma' \(did you mean 'adam'\?\)"),
        (loss_named, "squarred", r"there is no loss 'squarred' \(did you mean 'squared'\?\)"),
        (loss_named, "mspe", "there is no loss 'mspe'.*there are: squared"),
        (loss_named, "huber(width=2)", "huber has no option 'width'; it has: delta"),
        (loss_named, "squared(delta=2)", "squared has no option 'delta'; it has: none"),
        (loss_named, "huber(delta=0)", "huber: delta must be above 0, not 0"),
        (loss_named, "huber(delta='a')", "huber: delta must be above 0, not a"),
        (loss_named, "huber(delta=True)", "huber: delta must be above 0, not True"),
        (loss_named, "huber(delta=1e999)", "huber: delta must be above 0, not inf"),
        (loss_named, "huber(delta=" + "9" * 400 + ")", "huber: delta must be above 0, not inf"),
        (loss_named, "huber(2)", r"'huber\(2\)' is not a loss; write a name, or .* huber\(delta=2\)"),
        (loss_named, "huber(delta=1, delta=2)", "is not a loss; write a name"),
        (loss_named, "huber(delta=__import__('os'))", "is not a loss"),
        (loss_named, "huber(delta={[]: 1})", "is not a loss"),
        (loss_named, "huber(**{'delta': 1})", "has no option 'None'"),
        (optimizer_named, "adam(beta1=1)", r"adam: beta1 must be in \[0, 1\), not 1"),
        (optimizer_named, "", r"'' is not a optimizer; write a name, .* momentum\(momentum=0.8\)"),
        (optimizer_named, "adam.rule", "is not a optimizer"),
        (optimizer_named, "lambda: 1", "is not a optimizer"),
        (optimizer_named, "a\x00b", "is not a optimizer"),
        (optimizer_named, "\ud800", "is not a optimizer"),
        (optimizer_named, "(" * 10_000, "is not a optimizer"),
        (optimizer_named, "-" * 10**5 + "x", "is not a optimizer"),
        (optimizer_named, None, "'None' is not a optimizer"),
        (optimizer_named, 3, "'3' is not a optimizer"),
    ],
)  # fmt: skip
def test_bad_text(named, text, words):
    with pytest.raises(SettingError, match=words) as caught:
        named(text)
    assert len(str(caught.value)) < 300


PIECES = ["huber", "adam", "(", ")", "delta", "=", "1", "2", ",", "'", "{", "}", "[", "]", "**", "*"]


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES)).map("".join))
@settings(deadline=None, max_examples=200)
def test_any_text_names_something_or_is_a_tidu_error(text):
    for named in (loss_named, optimizer_named):
        with contextlib.suppress(TiduError):
            assert named(text).name in SYNONYMS.get(text.strip(), text)
