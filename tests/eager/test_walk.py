"""What `walk_back` shows is what `backward` does."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import tidu
from tidu.eager import walk
from tidu.errors import TensorError


def test_the_example_of_the_docstring():
    tested = doctest.testmod(walk)
    assert tested.attempted > 0
    assert tested.failed == 0


def test_slopes_are_the_gradients_and_shares_add_up_to_them():
    a, b = tidu.Tensor(0.3), tidu.Tensor([0.5, -1.0])
    c = tidu.tanh(a * b)
    out = (c * c + tidu.where(b > 0, a, 0.0)).sum() / a
    walked = tidu.walk_back(out, a=a, b=b, out=out)
    assert a.grad is None  # only shown
    out.backward()
    slope = {v.name: v.slope for v in walked.visits}
    assert slope["a"] == a.grad
    assert slope["b"].tolist() == b.grad.tolist()
    gathered = {v.name: 0.0 for v in walked.visits} | {"out": 1.0}
    for visit in walked.visits:  # every use comes before the node itself
        np.testing.assert_allclose(gathered[visit.name], visit.slope, rtol=1e-15)
        for p in visit.passed:
            gathered[p.to] = gathered[p.to] + p.contribution
            if p.local is not None and np.shape(p.local) == np.shape(visit.slope):
                np.testing.assert_allclose(p.contribution, visit.slope * p.local, rtol=1e-14)


def test_trees_of_graphs_with_data_and_products_of_matrices():
    X, w = tidu.tensor(np.ones((2, 3))), tidu.Tensor([1.0, 2.0, 3.0])
    y = X @ w
    loss = (y**2).mean()
    text = str(tidu.walk_back(loss, X=X, w=w, y=y, loss=loss))
    assert "y = matmul(X, w) = [6, 6]" in text
    assert "X = [[1, 1, 1], [1, 1, 1]]" in text
    assert "y²" in text
    assert "∂loss/∂w += ∂loss/∂y · ∂y/∂w = [12, 12, 12]" in text


def test_a_deep_graph_is_drawn():
    x = tidu.Tensor(1.0)
    y = x
    for _ in range(3000):
        y = -y
    assert tidu.walk_back(y, x=x).tree().count("\n") == 3000


def test_no_way_back():
    with pytest.raises(TensorError, match="there is no way back"):
        tidu.walk_back(tidu.tensor(1.0))
