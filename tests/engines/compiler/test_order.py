"""The order in which a block is compiled: what calls moves to where it is needed, and no value changes."""

import ast
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.engines.compiler.order import late_calls_last

FUNCTIONS = {"sin": math.sin, "exp": lambda x: math.exp(min(x, 50.0))}
NAMES = ("a", "b", "c", "d")


def reordered(text):
    moved = late_calls_last(ast.parse(text).body, {"sin", "exp", "log1p"})
    return [ast.unparse(statement) for statement in moved]


def test_what_only_the_check_reads_is_computed_before_it():
    assert reordered("""
loss = log1p(exp(y_hat)) - y*y_hat
slope = exp(y_hat) - y
batch_loss = loss
new_w = w - slope
if not isfinite(batch_loss + new_w):
    stop = 1
w = new_w
""") == [
        "slope = exp(y_hat) - y",
        "new_w = w - slope",
        "loss = log1p(exp(y_hat)) - y * y_hat",
        "batch_loss = loss",
        "if not isfinite(batch_loss + new_w):\n    stop = 1",
        "w = new_w",
    ]


def test_nothing_moves_past_what_it_reads_or_what_may_do_more():
    for text in ("a = exp(b)\nb = 2.0\nc = a", "a = exp(b)\nx[0] = b\nc = a", "a = exp(b)\nwrite(b)\nc = a",
                 "a = found(b)\nc = 1.0\nd = a", "a = exp(b)\na = 1.0\nc = 1.0"):  # fmt: skip
        assert reordered(text) == text.split("\n")


numbers = st.floats(-3, 3).map(lambda x: repr(round(x, 2)))
operands = st.one_of(st.sampled_from(NAMES), numbers)
values = st.one_of(
    st.builds("{} * {}".format, operands, operands),
    st.builds("{} + {}".format, operands, operands),
    st.builds("{}({})".format, st.sampled_from(sorted(FUNCTIONS)), operands),
    st.sampled_from(NAMES),
)
assignments = st.builds("{} {} {}".format, st.sampled_from(NAMES), st.sampled_from(["=", "+="]), values)


@settings(deadline=None, max_examples=300)
@given(st.lists(assignments, min_size=1, max_size=12))
def test_every_name_has_its_value_at_the_end(lines):
    def run(text):
        scope = FUNCTIONS | dict.fromkeys(NAMES, 0.5)
        exec(text, {}, scope)
        return {name: repr(scope[name]) for name in NAMES}

    assert run("\n".join(reordered("\n".join(lines)))) == run("\n".join(lines))
