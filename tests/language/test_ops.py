"""The op table against NumPy, SciPy, finite differences and torch. An op without an oracle fails here."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from oracles import OPS, ORACLES, tensor, torch_gradient
from tidu.errors import NoDerivative
from tidu.language import ops
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, apply, constant, evaluate, raised, symbol
from tidu.language.operation import FUNCTIONS
from tidu.language.reader import parse_expression

ALIASES = {alias: name for name, op in OPS.items() if op.formula_name for alias in op.aliases}
SYMBOLS = tuple(symbol(name, "parameter") for name in "abc")
INTEGER_POWERS = (-3, -2, -1, 0, 1, 2, 3, 4, 5, 7)
CASES = [(name, (n,)) for name in OPS for n in (INTEGER_POWERS if name == "integer_power" else (None,))]
CASES = [(name, () if attrs == (None,) else attrs) for name, attrs in CASES]
WITH_SLOPE = [(name, attrs) for name, attrs in CASES if not OPS[name].boolean]
POINTS = 25


def node(name: str, attrs: tuple[int, ...]) -> Expr:
    return apply(name, *SYMBOLS[: OPS[name].arity], attrs=attrs)


def points(name: str) -> list[tuple[float | bool, ...]]:
    """Random arguments from the op's domain, the same in every run; conditions are true and false."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    draws = [
        random.integers(0, 2, POINTS).astype(bool) if interval == (0, 1) else random.uniform(*interval, POINTS)
        for interval in OPS[name].domain
    ]
    return [tuple(a.item() for a in row) for row in zip(*draws, strict=True)]


def at(expr: Expr, arguments: tuple[float | bool, ...]) -> float:
    return evaluate(expr, dict(zip(SYMBOLS, arguments, strict=False)))


def slopes(expr: Expr, name: str) -> list[tuple[int, Expr]]:
    """The position and the derivative of each argument that is a number."""
    numbers = [k for k, interval in enumerate(OPS[name].domain) if interval != (0, 1)]
    return list(zip(numbers, gradient(expr, [SYMBOLS[k] for k in numbers]), strict=True))


def test_every_op_has_an_oracle_and_every_oracle_an_op():
    assert set(ORACLES) == set(OPS)


@pytest.mark.parametrize("name", OPS)
def test_an_op_with_torch_oracle_is_one_with_a_derivative(name):
    assert (ORACLES[name].torch is not None) == (OPS[name].grad is not None)


@pytest.mark.parametrize(("name", "attrs"), CASES)
def test_value(name, attrs):
    for arguments in points(name):
        value = at(node(name, attrs), arguments)
        expected = ORACLES[name].value(*arguments, *attrs)
        if OPS[name].boolean:
            assert value is bool(expected)
        else:
            # Two libraries' functions differ in the last digits; 1e-14 is 45 of these, and logaddexp cancels near 0.
            assert value == pytest.approx(float(expected), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize(("name", "attrs"), WITH_SLOPE)
def test_first_and_second_derivatives_against_finite_differences(name, attrs):
    expr = node(name, attrs)
    h = 1e-5
    for k, first in slopes(expr, name):
        for j, second in slopes(first, name):
            for arguments in points(name):
                for of, wrt, derivative in ((expr, k, first), (first, j, second)):
                    below, above = (
                        (*arguments[:wrt], arguments[wrt] + step, *arguments[wrt + 1 :]) for step in (-h, h)
                    )
                    measured = (at(of, above) - at(of, below)) / (2 * h)
                    exact = at(derivative, arguments)
                    # The error is h²/6 of the third derivative (up to 1e6 at the ends of these domains), and eps/h.
                    assert exact == pytest.approx(measured, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "attrs"), WITH_SLOPE)
def test_first_and_second_derivatives_against_torch(name, attrs):
    expr = node(name, attrs)
    oracle = ORACLES[name].torch
    for arguments in points(name):
        tensors = [tensor(a) for a in arguments]
        numbers = [t for t in tensors if t.requires_grad]
        firsts = torch_gradient(oracle(*tensors, *attrs), numbers)
        for (_k, first), torch_first in zip(slopes(expr, name), firsts, strict=True):
            # Rules differ in form (1 - tanh², cosh⁻²): where they cancel, they lose a few digits of 1.
            assert at(first, arguments) == pytest.approx(torch_first.item(), rel=1e-12, abs=1e-14)
            seconds = torch_gradient(torch_first, numbers)
            for (_j, second), torch_second in zip(slopes(first, name), seconds, strict=True):
                assert at(second, arguments) == pytest.approx(torch_second.item(), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.boolean])
def test_a_condition_has_no_derivative(name):
    with pytest.raises(NoDerivative, match=f"'{name}' has no derivative"):
        gradient(node(name, ()), [SYMBOLS[0]])
    with pytest.raises(NoDerivative, match=f"'{name}' has no derivative"):
        gradient(node(name, ()) * SYMBOLS[2], [SYMBOLS[0]])


def test_a_condition_inside_where_is_passed_by():
    a, b, c = SYMBOLS
    assert gradient(ops.where(a < b, c, 2 * c), [a, b]) == (constant(0.0), constant(0.0))


@pytest.mark.parametrize(("name", "attrs"), CASES)
def test_the_array_form_is_the_code_form(name, attrs):
    rows = points(name)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    values = OPS[name].on_arrays(*columns, *attrs)
    assert values.dtype == (bool if OPS[name].boolean else float)
    # NumPy's functions differ from the C library's in the last digits; 1e-14 is 45 of these.
    np.testing.assert_allclose(values, [at(node(name, attrs), row) for row in rows], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in OPS if not name.startswith("logical") and not OPS[name].boolean])
def test_the_array_form_keeps_float32(name):
    attrs = (3,) if name == "integer_power" else ()
    columns = [
        np.array(c, dtype=bool if c[0] is True or c[0] is False else np.float32)
        for c in zip(*points(name), strict=True)
    ]
    assert OPS[name].on_arrays(*columns, *attrs).dtype == np.float32


def test_a_function_of_plain_numbers_is_a_number_and_of_arrays_an_array():
    assert ops.exp(1) == math.e
    assert type(ops.exp(1)) is float
    assert ops.where(True, 1.0, 2.0) == 1.0
    assert ops.maximum([1.0, 5.0], 3).tolist() == [3.0, 5.0]
    assert raised(2.0, -1) == 0.5
    with pytest.raises(TypeError, match="not 'one'"):
        ops.exp("one")
    with pytest.raises(TypeError, match="exp takes 1 argument, not 2"):
        ops.exp(1.0, 2.0)


INF, NAN = math.inf, math.nan
EXTREMES = [
    ("exp", 1000.0), ("exp", -1000.0), ("exp", INF), ("exp", -INF), ("exp", NAN),
    ("expm1", 1000.0), ("expm1", -1000.0), ("expm1", 1e-20), ("expm1", INF),
    ("log", 0.0), ("log", -0.0), ("log", -1.0), ("log", INF), ("log", NAN), ("log", 5e-324),
    ("log1p", -1.0), ("log1p", -2.0), ("log1p", 1e-20), ("log1p", INF), ("log1p", NAN),
    ("log2", 0.0), ("log2", -1.0), ("log2", INF), ("log10", 0.0), ("log10", -1.0), ("log10", NAN),
    ("sqrt", -1.0), ("sqrt", -0.0), ("sqrt", INF), ("sqrt", NAN),
    ("sin", INF), ("cos", -INF), ("tan", INF), ("sin", NAN), ("sin", 1e300),
    ("asin", 1.5), ("asin", NAN), ("acos", -1.5), ("acos", -1.0), ("atan", INF), ("atan", -INF),
    ("sinh", 1000.0), ("sinh", -1000.0), ("sinh", NAN), ("cosh", 1000.0), ("cosh", -1000.0), ("cosh", NAN),
    ("tanh", 1e4), ("tanh", -INF), ("tanh", NAN), ("asinh", 1e300), ("asinh", -INF), ("acosh", 0.5), ("acosh", INF),
    ("acosh", NAN), ("atanh", 1.0), ("atanh", -1.0), ("atanh", 2.0), ("atanh", NAN),
    ("log_cosh", 1e4), ("log_cosh", -1e300), ("log_cosh", INF), ("log_cosh", NAN),
    ("erf", INF), ("erf", -1e4), ("erfc", 1e4), ("erfc", NAN),
    ("abs", -INF), ("abs", NAN), ("sign", -INF), ("sign", NAN), ("sign", 0.0), ("sign", -5e-324),
    ("floor", INF), ("floor", -INF), ("floor", NAN), ("floor", 1e300), ("floor", -0.5), ("floor", -0.0),
    ("relu", -1e4), ("relu", NAN), ("relu", INF), ("sigmoid", -1e4), ("sigmoid", 1e4), ("sigmoid", INF),
    ("sigmoid", -INF), ("sigmoid", NAN), ("softplus", 1e4), ("softplus", -1e4), ("softplus", INF),
    ("softplus", -INF), ("softplus", NAN), ("negative", -0.0), ("negative", INF),
    ("add", 1e308, 1e308), ("add", INF, -INF), ("subtract", INF, INF), ("multiply", 0.0, INF),
    ("multiply", 1e200, -1e200), ("divide", 1.0, 0.0), ("divide", -1.0, 0.0), ("divide", 1.0, -0.0),
    ("divide", 0.0, 0.0), ("divide", NAN, 0.0), ("divide", INF, INF), ("divide", 1e300, 1e-300), ("divide", 1.0, INF),
    ("power", 0.0, -1.0), ("power", -0.0, -1.0), ("power", -0.0, -2.0), ("power", 0.0, 0.0), ("power", 0.0, -0.5),
    ("power", -8.0, 1 / 3), ("power", -2.0, 3.0), ("power", -2.0, 1025.0), ("power", -2.0, 1026.0),
    ("power", 2.0, 1025.0), ("power", 10.0, -400.0), ("power", INF, -1.0), ("power", -INF, 3.0), ("power", NAN, 0.0),
    ("power", 1.0, NAN), ("power", 0.5, INF), ("power", 0.5, -INF),
    ("minimum", NAN, 1.0), ("minimum", 1.0, NAN), ("minimum", -INF, INF),
    ("maximum", NAN, 1.0), ("maximum", 1.0, NAN), ("maximum", -INF, INF),
    ("less", NAN, 1.0), ("less_equal", NAN, NAN), ("greater", INF, 1e308), ("greater_equal", NAN, 1.0),
    ("equal", NAN, NAN), ("equal", 0.0, -0.0), ("not_equal", NAN, NAN),
]  # fmt: skip


@pytest.mark.parametrize("case", EXTREMES, ids=str)
def test_extreme_values_are_those_of_numpy(case):
    name, *arguments = case
    with np.errstate(all="ignore"):
        expected = float(ORACLES[name].value(*(np.float64(a) for a in arguments)))
        of_arrays = OPS[name].on_arrays(*(np.array([a]) for a in arguments)).item()
    assert of_arrays == pytest.approx(expected, rel=1e-15, abs=0.0, nan_ok=True)
    value = at(node(name, ()), tuple(arguments))
    assert value == pytest.approx(expected, rel=1e-15, abs=0.0, nan_ok=True)
    if value == 0.0:
        assert math.copysign(1.0, value) == math.copysign(1.0, expected)


@pytest.mark.parametrize("n", [-5, -2, -1, 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("x", [0.0, -0.0, INF, -INF, NAN, 1e200, -1e200, -3.0])
def test_whole_powers_of_extreme_values(x, n):
    with np.errstate(all="ignore"):
        expected = float(np.power(x, float(n)))
    assert at(raised(SYMBOLS[0], n), (x,)) == pytest.approx(expected, rel=1e-15, abs=0.0, nan_ok=True)


def test_slopes_at_kinks_are_the_textbooks():
    a, b, _c = SYMBOLS
    here = {a: 0.0, b: 0.0}
    for at_zero in (abs(a), ops.relu(a), ops.sign(a), ops.floor(a)):
        assert evaluate(gradient(at_zero, [a])[0], here) == 0.0
    for tie in (ops.minimum(a, b), ops.maximum(a, b)):  # the slope goes to the first
        assert [evaluate(g, here) for g in gradient(tie, [a, b])] == [1.0, 0.0]


@pytest.mark.parametrize("p", [0.5, 1.5, 2.5])
def test_zero_to_a_positive_power_is_flat_in_the_power(p):
    a, b, _c = SYMBOLS
    assert evaluate(gradient(a**b, [b])[0], {a: 0.0, b: p}) == 0.0


@pytest.mark.parametrize(
    "risky",
    [ops.log, ops.sqrt, lambda u: 1 / u, lambda u: u**0.5, lambda u: u**-2, ops.log10, lambda u: ops.asin(1 + u)],
)
def test_a_branch_not_taken_adds_nothing_to_the_slope_even_where_its_own_is_infinite(risky):
    a, b, _c = SYMBOLS
    u = a * b
    guarded = ops.where(u > 0, risky(u) ** 2, a)
    assert [evaluate(g, {a: 0.0, b: 2.0}) for g in gradient(guarded, [a, b])] == [1.0, 0.0]
    mirrored = ops.where(u <= 0, a, 3 * risky(u))
    assert [evaluate(g, {a: 0.0, b: 2.0}) for g in gradient(mirrored, [a, b])] == [1.0, 0.0]


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.formula_name])
def test_formulas_call_an_op_by_its_name_and_its_python_function_gives_the_same(name):
    op = OPS[name]
    names = {s.name: s for s in SYMBOLS}
    arguments = [f"{s} > 0" if d == (0, 1) else s for s, d in zip("abc", op.domain, strict=False)]
    read = parse_expression(f"{op.formula_name}({', '.join(arguments)})", names)
    built = [s > 0 if d == (0, 1) else s for s, d in zip(SYMBOLS, op.domain, strict=False)]
    assert read is apply(name, *built)
    assert read is getattr(ops, {"abs": "absolute"}.get(name, name))(*built)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias, name):
    arguments = SYMBOLS[: OPS[name].arity]
    names = {s.name: s for s in arguments}
    assert parse_expression(f"{alias}({', '.join(names)})", names) is apply(name, *arguments)
    assert FUNCTIONS[alias] == name


@pytest.mark.parametrize(
    "name", [n for n in OPS if hasattr(np, {"abs": "absolute"}.get(n, n)) and n not in ("where", "integer_power")]
)
def test_numpys_functions_work_on_expressions(name):
    arguments = SYMBOLS[: OPS[name].arity]
    assert getattr(np, {"abs": "absolute"}.get(name, name))(*arguments) is apply(name, *arguments)


def test_numpy_scalars_and_arrays_beside_an_expression():
    a = SYMBOLS[0]
    assert np.float64(2.0) * a is 2 * a
    assert a - np.int64(3) is a - 3
    assert np.float64(2.0) ** a is 2**a
    assert np.true_divide(1.0, a) is 1 / a
    assert np.power(a, 2) is a**2
    with pytest.raises(TypeError, match=r"numpy\.nextafter has no counterpart"):
        np.nextafter(a, a)
