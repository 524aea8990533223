"""Every function at 0, ±1 and ±inf: its value and three derivatives, as a number, as an array, in torch and in JAX.

A number and an array of one element must agree everywhere. Where torch or JAX say otherwise, the tables below have the
reason; a difference that is not listed fails, and so does a listed one that is none.
"""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import tidu
from oracles import OPS, ORACLES

INF = math.inf
ORDERS = 4  # the value and three derivatives
POINTS = (0.0, 1.0, -1.0, INF, -INF)
PAIRS = list(itertools.product((0.0, 1.0, -1.0, 2.0), repeat=2))
IN_JAX = {
    "log_cosh": lambda x: jnp.logaddexp(x, -x) - math.log(2.0),
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "negative": lambda x: -x,
    "integer_power": lambda x, n: x**n,
    "atan2": jnp.arctan2,
    **{f"a{name}": getattr(jnp, f"arc{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
ONE = [
    (name, attrs)
    for name, op in OPS.items()
    if op.arity == 1 and not op.boolean
    for attrs in ([(n,) for n in (-2, -1, 0, 1, 2, 3, 5)] if name == "integer_power" else [()])
]
TWO = [name for name, op in OPS.items() if op.arity == 2 and not op.boolean]

ROOTS = "the rule is a product of two roots, of which one is 0 or not real: 0·∞"
OF_JAX = "JAX has nan or another number; ours is that of torch"
OF_TORCH = "torch has nan or another number; ours is the limit, as JAX has it"
OUTSIDE = "outside of the domain; all of these are no derivatives"
# By function and point: the orders that differ, and why.
DIFFERENCES = {
    ("acosh", 1.0): ({2}, ROOTS),
    ("acosh", -1.0): ({1, 2}, ROOTS),
    ("acosh", -INF): ({1}, OUTSIDE),
    ("atanh", 1.0): ({2, 3}, OF_JAX),
    ("atanh", -1.0): ({2, 3}, OF_JAX),
    ("atanh", INF): ({2, 3}, OUTSIDE),
    ("atanh", -INF): ({2, 3}, OUTSIDE),
    ("log_cosh", INF): ({2, 3}, OF_TORCH),
    ("log_cosh", -INF): ({2, 3}, OF_TORCH),
    ("softplus", -INF): ({2, 3}, OF_TORCH),
    ("abs", 0.0): ({1}, "a kink: the textbooks' 0, as torch has it; JAX has 1"),
}


def listed(name, x, y, k):
    """For a function of two: the orders that differ at (x, y), differentiated by argument k, and why."""
    if name == "power" and x == 0.0:
        if k == 0:
            return {0.0: {1, 2, 3}, 1.0: {2, 3}, 2.0: {3}}.get(y, set()), "0·∞ of the power rule, which is 0 here"
        if y == -1.0:
            return {1, 2, 3}, "the value itself is infinite"
        return {2, 3}, "torch has nan; 0 to a power is flat in the power wherever it is finite"
    if name == "atan2" and x == y == 0.0:
        return {1}, "there is none: nan, as JAX has it; torch has 0"
    if name == "hypot" and x == y == 0.0:
        return {1, 2, 3}, "a kink: the slope of a length at 0 is taken as 0, as that of abs; torch has nan, JAX ½"
    if name == "hypot" and abs(x) == abs(y):
        return {2, 3}, OF_JAX
    if name in ("mod", "fmod") and y == 0.0 and k == 1:
        return {2, 3}, "the value itself is nan, and so are we"
    if name in ("minimum", "maximum") and x == y:
        return {1}, "a tie: the slope goes to the first; torch and JAX share it"
    return set(), ""


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True), np.errstate(all="ignore"):
        yield


def ours(f, x, as_array):
    found, function = [], f
    at = np.array([x]) if as_array else x
    for _order in range(ORDERS):
        found.append(np.asarray(getattr(function(at), "value", function(at))).reshape(-1)[0].item())
        function = (lambda h: tidu.grad(lambda t: h(t).sum() if as_array else h(t)))(function)
    return found


def in_torch(f, x):
    at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    found, value = [], f(at)
    for _order in range(ORDERS):
        found.append(value.item())
        if value.requires_grad:
            (value,) = torch.autograd.grad(value, at, create_graph=True, allow_unused=True)
        else:
            value = torch.zeros((), dtype=torch.float64)
        value = torch.zeros((), dtype=torch.float64) if value is None else value
    return found


def in_jax(f, points, argnum=0):
    """The same at all points at once: a row for each order."""
    columns = [jnp.array(column) for column in zip(*points, strict=True)]
    rows, function = [], f
    for _order in range(ORDERS):
        rows.append(np.broadcast_to(np.asarray(jax.vmap(function)(*columns)), len(points)))
        function = jax.grad(function, argnum)
    return np.array(rows)


def differ(a, b):
    return not (a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(1.0, abs(b)))


@pytest.mark.parametrize(("name", "attrs"), ONE)
def test_functions_of_one(name, attrs):
    function = OPS[name].function
    jaxs = IN_JAX.get(name) or getattr(jnp, name)
    by_jax = in_jax(lambda x: jaxs(x, *attrs), [(x,) for x in POINTS])
    for x, theirs in zip(POINTS, by_jax.T, strict=True):
        number = ours(lambda t: function(t, attrs=attrs), x, False)
        array = ours(lambda t: function(t, attrs=attrs), x, True)
        assert not any(map(differ, number, array)), (x, number, array)
        torchs = in_torch(lambda t: ORACLES[name].torch(t, *attrs), x)
        found = {k for k in range(ORDERS) if differ(number[k], torchs[k]) or differ(number[k], theirs[k])}
        expected, why = DIFFERENCES.get((name, x), (set(), ""))
        assert found == expected, (x, why, number, torchs, theirs)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("k", [0, 1])
def test_functions_of_two(name, k):
    function = OPS[name].function
    by_jax = in_jax(IN_JAX.get(name) or getattr(jnp, name), PAIRS, k)
    for (x, y), theirs in zip(PAIRS, by_jax.T, strict=True):

        def of_one(t, f=function, x=x, y=y):
            return f(t, y) if k == 0 else f(x, t)

        def of_torch(t, x=x, y=y):
            other = torch.tensor(y if k == 0 else x, dtype=torch.float64)
            return ORACLES[name].torch(*((t, other) if k == 0 else (other, t)))

        at = (x, y)[k]
        number, array, torchs = ours(of_one, at, False), ours(of_one, at, True), in_torch(of_torch, at)
        assert not any(map(differ, number, array)), (x, y, number, array)
        found = {d for d in range(ORDERS) if differ(number[d], torchs[d]) or differ(number[d], theirs[d])}
        expected, why = listed(name, x, y, k)
        assert found == expected, (x, y, why, number, torchs, theirs)


@pytest.mark.parametrize("x", [0.0, np.zeros(3), np.zeros((2, 2))], ids=str)
def test_lengths_and_deviations_at_0(x):
    for f in (tidu.norm, tidu.std):
        value, slope = tidu.value_and_grad(f)(x)
        assert value == 0.0
        np.testing.assert_array_equal(slope, np.zeros(np.shape(x)))
        np.testing.assert_array_equal(tidu.hessian(f)(x), np.zeros(np.shape(x) * 2))
    assert tidu.grad(tidu.sqrt)(0.0) == INF
    np.testing.assert_array_equal(tidu.grad(lambda t: tidu.sqrt(t).sum())(np.zeros(2)), [INF, INF])


def test_powers_of_0_in_an_array_of_powers():
    powers = np.arange(4)
    of_w = tidu.jacobian(lambda w: w**powers)
    np.testing.assert_array_equal(of_w(0.0), [0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(tidu.jacobian(of_w)(0.0), [0.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(tidu.jacobian(tidu.jacobian(of_w))(0.0), [0.0, 0.0, 0.0, 6.0])
    for n in range(4):
        assert tidu.grad(lambda w, n=n: w**n)(0.0) == of_w(0.0)[n]


def test_where_logaddexp_ties_the_slope_is_shared():
    for at in (0.0, 3.0, -700.0):
        assert tidu.grad(tidu.logaddexp, (0, 1))(at, at) == (0.5, 0.5)
        assert tidu.grad(np.logaddexp, (0, 1))(at, at) == (0.5, 0.5)
