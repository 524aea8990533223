"""The compiler against plain Python on programs of its language, drawn at random; and what it refuses, by line."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidu.engines.compiler.calls import compiled
from tidu.errors import CannotCompile
from tidu.runtime import ieee
from tidu.runtime.summation import summed

FLOATS, WHOLE = ["f0", "f1", "f2"], ["i0", "i1"]
OF_ONE = ["exp", "tanh", "log", "sqrt", "sign", "fabs", "floor", "sigmoid", "softplus", "log_cosh", "sin", "expm1"]
OF_TWO = ["divide", "power", "maximum", "minimum"]
numbers = st.floats(-3, 3).map(repr) | st.sampled_from(["0.0", "-0.0", "1e300", "2.5"])


def floats(names=FLOATS):
    """Expressions whose value is a float."""
    leaves = st.sampled_from([*names, "x[i0 % n]"]) | numbers.map(lambda text: f"({text})")

    def deeper(inner):
        two = st.tuples(inner, inner)
        return st.one_of(
            st.tuples(two, st.sampled_from("+-*")).map(lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
            st.tuples(st.sampled_from(OF_ONE), inner).map(lambda t: f"{t[0]}({t[1]})"),
            st.tuples(st.sampled_from(OF_TWO), two).map(lambda t: f"{t[0]}({t[1][0]}, {t[1][1]})"),
            st.tuples(two, inner, inner).map(lambda t: f"where({t[0][0]} < {t[0][1]}, {t[1]}, {t[2]})"),
            st.tuples(two, inner, inner).map(lambda t: f"({t[1]} if {t[0][0]} >= {t[0][1]} else {t[2]})"),
            inner.map(lambda a: f"(-{a})"),
            st.tuples(inner, st.sampled_from(WHOLE)).map(lambda t: f"({t[0]} * {t[1]} + {t[1]} / 3)"),
            two.map(lambda t: f"max({t[0]}, {t[1]})"),
        )

    return st.recursive(leaves, deeper, max_leaves=6)


def whole():
    """Expressions whose value is a whole number, small enough for both."""
    leaves = st.sampled_from([*WHOLE, "n", "len(x)"]) | st.integers(-9, 9).map(lambda k: f"({k})")

    def deeper(inner):
        two = st.tuples(inner, inner)
        return st.one_of(
            st.tuples(two, st.sampled_from("+-*")).map(lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
            st.tuples(inner, st.sampled_from(["% 7", "% -5", "// 3", "// -4"])).map(lambda t: f"({t[0]} {t[1]})"),
            two.map(lambda t: f"min({t[0]}, {t[1]})"),
            inner.map(lambda a: f"abs({a})"),
        )

    return st.recursive(leaves, deeper, max_leaves=4)


def conditions():
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    simple = st.one_of(
        st.tuples(floats(), signs, floats()).map(" ".join),
        st.tuples(whole(), signs, whole()).map(" ".join),
        floats().map(lambda a: f"isfinite({a})"),
    )
    return simple | st.tuples(simple, st.sampled_from(["and", "or"]), simple).map(lambda t: f"not ({' '.join(t)})")


def indented(lines):
    return ["    " + line for line in lines]


@st.composite
def statements(draw, depth=2, in_loop=False):
    """Lines of a block."""
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["float", "whole", "sum", "write", "if", "for", "while", "leave"]))
        if kind == "float":
            lines.append(f"{draw(st.sampled_from(FLOATS))} = {draw(floats())}")
        elif kind == "whole":
            lines.append(f"{draw(st.sampled_from(WHOLE))} = {draw(whole())} % 1000")
        elif kind == "sum":
            lines.append(
                f"{draw(st.sampled_from(FLOATS))} {draw(st.sampled_from(['+=', '-=', '*=']))} {draw(floats())}"
            )
        elif kind == "write":
            lines.append(f"out[{draw(whole())} % 5, {draw(st.integers(0, 1))}] = {draw(floats())}")
        elif kind == "leave" and in_loop:
            lines += [f"if {draw(conditions())}:", f"    {draw(st.sampled_from(['break', 'continue']))}"]
        elif kind == "if" and depth:
            lines += [f"if {draw(conditions())}:", *indented(draw(statements(depth - 1, in_loop)))]
            if draw(st.booleans()):
                lines += ["else:", *indented(draw(statements(depth - 1, in_loop)))]
        elif kind == "for" and depth:
            head = draw(
                st.sampled_from(["range(n)", "range(1, n)", "range(0, 9, 4)", "range(i1 % 5)", "range(n, 0, -2)"])
            )
            lines += [f"for k{depth} in {head}:", *indented(draw(statements(depth - 1, True)))]
        elif kind == "while" and depth:
            turns = draw(st.integers(0, 3))
            body = [f"turn{depth} += 1", *draw(statements(depth - 1, True))]
            lines += [f"turn{depth} = 0", f"while turn{depth} < {turns} and {draw(conditions())}:", *indented(body)]
    return lines or ["pass"]


HEAD = f"from tidu.runtime.ieee import isfinite, where, {', '.join([*OF_ONE, *OF_TWO])}\n"


def same(a, b):
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if type(a) is not type(b):
        return False
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


SLOW = [HealthCheck.too_slow]  # where many tests share a processor


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(statements(), st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.integers(-5, 5))
def test_programs_drawn_at_random_have_the_bits_of_plain_python(lines, values, k):
    body = ["f0, f1, f2 = values", "i1 = 3", "n = len(x)", *lines, "return (f0, f1, f2), i0, (i1, f0 < f1)"]
    text = HEAD + "\n".join(["def f(x, values, i0, out):", *indented(body)]) + "\n"
    scope = {}
    exec(text, scope)
    outs = np.zeros((5, 2)), np.zeros((5, 2))
    x = [0.5, -1.25, 3.0, math.inf]
    try:
        expected = scope["f"](x, tuple(values), k, outs[0])
    except (OverflowError, UnboundLocalError):  # a float times a whole number too large for a float
        return
    found = compiled(text, "f")(np.array(x), tuple(values), k, outs[1])
    assert same(expected, found), text
    np.testing.assert_array_equal(*outs)


@st.composite
def samples(draw):
    """A function of one sample: a few assignments, and a tuple."""
    names = ["a", "b", "x[i]", "z[i]"]
    lines = []
    for k in range(draw(st.integers(1, 4))):
        lines.append(f"v{k} = {draw(floats(names)).replace('x[i0 % n]', 'x[i]').replace('i0', '2').replace('i1', '3')}")
        names.append(f"v{k}")
    return [*lines, f"return ({', '.join(draw(st.permutations(names)))})"]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(samples(), st.integers(1, 40))
def test_sums_of_samples_drawn_at_random(lines, count):
    text = HEAD + "from tidu.runtime.summation import summed\n"
    text += "\n".join(["def sample(i, x, z, a, b):", *indented(lines)])
    text += "\ndef f(order, *arguments):\n    return summed(sample, order, *arguments)\n"
    scope = {}
    exec(text, scope)
    random = np.random.default_rng(count)
    x, z = random.normal(size=(2, 50))
    order = random.permutation(50)[:count]
    expected = summed(scope["sample"], order.tolist(), x.tolist(), z.tolist(), 0.25, -1.5)
    columns = np.stack([x, z], axis=1)  # and as columns of rows, which do not lie side by side
    for given_x, given_z in ((x, z), columns.T):
        found = compiled(text, "f")(order, given_x, given_z, 0.25, -1.5)
        assert same(expected, found), text


# -- refusals -------------------------------------------------------------------------------------
REFUSED = [
    "x = [1.0, 2.0]",
    "x = {}",
    "x = 1\n    x = 1.5",
    "x = a ** 2.0",
    "x = 'text'",
    "x = lambda: 1.0",
    "x = unknown(a)",
    "x = max(a, key=a)",
    "if a > 0.0:\n        b = 1.0\n    x = b",
    "x = 0.0 < a < 1.0",
    "import math",
    "x = a if a else 1.0",
    "for k in (1, 2):\n        x = 1.0",
    "x = 1.0 / 0.0",
    "x = 10**30",
    "x = (1, 2)[5]",
    "with a:\n        pass",
    "del a",
    "x = a.real",
    "while a > 0.0:\n        break\n    else:\n        x = 1.0",
]


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_not_of_the_language_is_refused_by_its_line(line):
    text = f"# a comment\ndef f(a):\n    {line}\n    return a\n"
    with pytest.raises(CannotCompile, match=r"line [34567] of the loop"):
        compiled(text, "f")(0.5)


def test_kinds_of_arguments():
    text = "def f(a, xs):\n    x, k = xs\n    return x[1, 0] * a + k, (k, x.size), x, ()\n"
    for x, a in itertools.product((np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2).T), (2, 2.5)):
        first, second, third, fourth = compiled(text, "f")(a, (x, 7))
        assert (first, second, fourth) == (x[1, 0] * a + 7, (7, 6), ())
        assert third is x
    with pytest.raises(CannotCompile):
        compiled(text, "f")("text", (x, 7))
    with pytest.raises(CannotCompile):
        compiled(text, "f")(1.0, (x.astype(np.complex128), 7))
    packed = np.zeros((2, 3), dtype=[("a", "f8"), ("b", "f4")])["a"]  # 12 bytes from one number to the next
    for wrong in (None, packed):
        with pytest.raises(CannotCompile):
            compiled(text, "f")(1.0, (wrong, 7))
        with pytest.raises(CannotCompile):
            compiled("def f(a):\n    return a\n", "f")(wrong)


def test_a_call_with_other_kinds_compiles_anew():
    f = compiled("def f(a, b):\n    return a * b\n", "f")
    assert [f(2, 3), f(2.5, 3), f(2, np.float64(1.5)), f(2, 3)] == [6, 7.5, 3.0, 6]
    assert [type(f(2, 3)), type(f(2.0, 3))] == [int, float]


def test_long_sums_do_not_recurse():
    terms = " + ".join(["a"] * 900)
    assert compiled(f"def f(a):\n    return {terms}\n", "f")(0.5) == 450.0


def test_every_function_is_known_to_the_draws():
    assert all(hasattr(ieee, name) for name in (*OF_ONE, *OF_TWO))
