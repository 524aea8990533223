"""What is computed for many samples at once has the bits of one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tidu.engines.batch_values import Operations, Products, added, running, sum_of_chunk
from tidu.language import ops
from tidu.language.expr import applied, code_template, symbol
from tidu.language.operation import OPS, code_function
from tidu.runtime import elementary, summation, tiles

RANDOM = np.random.default_rng(5)
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e308, -800.0, 710.0, np.inf, -np.inf, np.nan]
NUMBERS = np.concatenate([RANDOM.normal(0, 3, 40), EDGES])


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert_array_equal(a, b)
    if a.dtype != bool:
        numbers = ~np.isnan(a)
        assert_array_equal(np.signbit(a[numbers]), np.signbit(b[numbers]))


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.arity and n != "integer_power"])
def test_every_operation(name):
    op = OPS[name]
    node = applied(op, tuple(symbol(f"a{k}", "feature") for k in range(op.arity)))
    columns = [RANDOM.permutation(NUMBERS) for _ in range(op.arity)]
    if name in ("where", "logical_and", "logical_or", "logical_not"):
        columns = [c > 0 if name != "where" or k == 0 else c for k, c in enumerate(columns)]
    one = code_function(code_template(node), op.arity)
    expected = [one(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    same(Operations(on_tiles=False)(node, columns), expected)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "expm1"])
def test_the_functions_of_tiles(name):
    node = applied(OPS[name], (symbol("a", "feature"),))
    expected = [getattr(elementary, name)(x) for x in NUMBERS.tolist()]
    same(Operations(on_tiles=True)(node, [NUMBERS]), expected)
    assert Operations(on_tiles=True)(node, [0.3]) == getattr(elementary, name)(0.3)


def test_a_number_beside_vectors():
    a, b = symbol("a", "feature"), symbol("b", "feature")
    found = Operations(False)(ops.maximum(a, b), [np.array([1.0, 5.0]), np.array([[2.0], [3.0]])])
    assert_array_equal(found, [[2.0, 5.0], [3.0, 5.0]])


@pytest.mark.parametrize("function", ["matmul", "matmul_transposed", "dot", "sum_units", "largest_unit", "logsumexp",
                                      "softmax"])  # fmt: skip
def test_products_of_tiles(function):
    count, rows, units = 9, 5, 4
    x = RANDOM.normal(0, 2, (units, count))
    weights = {"matmul": (rows, units), "matmul_transposed": (units, rows), "dot": (units,)}.get(function)
    operands = [x] if weights is None else [RANDOM.normal(size=weights), x]
    shapes = {"matmul": (rows, count), "matmul_transposed": (rows, count), "softmax": (units, count)}
    expected = np.zeros(shapes.get(function, count))
    getattr(tiles, function)(*operands, count, expected)
    same(Products(Operations(True).functions)(function, operands), expected)


@pytest.mark.parametrize("function", ["add_outer", "add_scaled", "add_samples", "added"])
def test_sums_over_samples(function):
    count = 70
    a, b, scale = RANDOM.normal(size=(3, count)), RANDOM.normal(size=(4, count)), RANDOM.normal(size=count)
    operands = {"add_outer": [a, b], "add_scaled": [scale, a], "add_samples": [a], "added": [scale]}[function]
    if function == "added":
        assert float(added(function, operands, 0.25)) == tiles.added(scale, count, 0.25)
        return
    start = RANDOM.normal(size=(3, 4) if function == "add_outer" else 3)
    expected = start.copy()
    getattr(tiles, function)(*operands, count, expected)
    same(added(function, operands, start), expected)


@given(st.integers(1, 100), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=80)
def test_the_order_of_a_sum(count, seed):
    values = np.random.default_rng(seed).normal(size=(2, count)) * 10.0 ** np.random.default_rng(seed).integers(-9, 9)
    expected = summation.summed(lambda i: (values[0, i], values[1, i]), range(count))
    same(sum_of_chunk(values), expected)
    total = 0.0
    for value in values[0].tolist():
        total += value
    assert running(values[0])[-1] == total
