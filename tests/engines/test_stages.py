"""In which order a network's nodes are computed on a tile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.engines.stages import Group, NotOnTiles, Product, staged, units_of
from tidu.language import ops
from tidu.language.array_ops import matmul, total
from tidu.language.expr import Expr, evaluation_order, symbol

X = symbol("x", "feature", shape=(3,))
Y = symbol("y", "target")
W1, W2 = symbol("W1", "parameter", shape=(4, 3)), symbol("W2", "parameter", shape=(4,))
B1 = symbol("b1", "parameter", shape=(4,))
HIDDEN = ops.tanh(matmul(W1, X) + B1)
Y_HAT = matmul(W2, HIDDEN)
LOSS = (Y_HAT - Y) ** 2


def varying(*outputs: Expr) -> set[Expr]:
    """What differs from sample to sample."""
    found = {X, Y}
    for node in evaluation_order(outputs, known=found):
        if any(a in found for a in node.args):
            found.add(node)
    return found


def steps_of(*outputs: Expr, later=()) -> list[Product | Group]:
    return staged(outputs, later, [X, Y], varying(*outputs, *later))


def test_products_and_between_them_the_rest():
    first, hidden, second, loss = steps_of(LOSS)
    assert isinstance(first, Product)
    assert isinstance(second, Product)
    assert (first.function, first.arguments) == ("matmul", (W1, X))
    assert (second.function, second.arguments, second.node) == ("dot", (W2, HIDDEN), Y_HAT)
    assert isinstance(hidden, Group)
    assert (hidden.units, hidden.stored) == (4, (HIDDEN,))
    assert isinstance(loss, Group)
    assert (loss.units, loss.stored) == (None, (LOSS,))
    assert loss.nodes == (Y_HAT - Y, LOSS)


def test_what_somebody_reads_later_is_stored():
    *_before, loss = steps_of(LOSS, later=[Y_HAT - Y])
    assert isinstance(loss, Group)
    assert loss.stored == (Y_HAT - Y, LOSS)


def test_a_transposed_product_is_a_product():
    back = symbol("g", "gradient", shape=(4,))
    (step,) = staged([matmul(back, W1)], [], [back], {back, matmul(back, W1)})
    assert isinstance(step, Product)
    assert (step.function, step.arguments) == ("matmul_transposed", (W1, back))


def test_reductions_of_a_vector():
    (step,) = steps_of(total(X, attrs=((0,), False)))
    assert isinstance(step, Product)
    assert (step.function, step.arguments) == ("sum_units", (X,))


def test_truth_values_are_computed_where_they_are_read():
    (group,) = steps_of(ops.where(Y > 0, Y, 0.0))
    assert isinstance(group, Group)
    assert not any(node.op.boolean for node in group.nodes)


def test_units():
    assert (units_of(Y), units_of(X)) == (None, 3)
    with pytest.raises(NotOnTiles):
        units_of(W1)


def test_what_tiles_cannot_do():
    with pytest.raises(NotOnTiles):
        steps_of(matmul(X, X))  # a product in which both differ from sample to sample


@given(st.lists(st.sampled_from(["matmul", "tanh", "add", "multiply"]), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_everything_is_there_before_it_is_read(names):
    square = symbol("W", "parameter", shape=(3, 3))
    node: Expr = X
    for name in names:
        made = {"matmul": matmul(square, node), "tanh": ops.tanh(node), "add": node + X, "multiply": node * X}
        node = made[name]
    done = {X, Y}
    varies = varying(node)
    for step in steps_of(node):
        nodes = (step.node,) if isinstance(step, Product) else step.nodes
        inside = done | (set() if isinstance(step, Product) else set(nodes))
        for each in nodes:
            assert {a for a in each.args if a in varies} <= inside
        done |= set(nodes)
    assert node in done
