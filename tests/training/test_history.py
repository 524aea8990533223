"""The history: what its columns are, and how it is thinned."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.training.history import History

DATA = {"x": [1.0, 2.0, 3.0], "y": [1.0, 3.0, 2.0]}


@pytest.fixture
def history():
    return tidu.fit("y = w*x + b", DATA, lr=0.05, epochs=20, l2=0.1).history


def made(rows):
    values = np.arange(7.0 * rows).reshape(rows, 7)
    return History(("w", "b"), "epoch", np.arange(rows), np.arange(rows) * 2 + 1, values)


def test_the_columns_tell_of_each_step(history):
    x, y = np.array(DATA["x"]), np.array(DATA["y"])
    before_w, before_b = np.r_[0, history["w"][:-1]], np.r_[0, history["b"][:-1]]
    residual = np.outer(before_w, x) + before_b[:, None] - y
    # The loss is without the penalty, the gradient is what the optimizer saw, with it; NumPy sums in another order.
    np.testing.assert_allclose(history.loss, (residual**2).mean(axis=1), rtol=1e-13)
    grad_w = (2 * residual * x).mean(axis=1) + 0.1 * before_w
    grad_b = (2 * residual).mean(axis=1) + 0.1 * before_b
    np.testing.assert_allclose(history.gradient("w"), grad_w, rtol=1e-11)
    np.testing.assert_allclose(history.gradient("b"), grad_b, rtol=1e-11)
    np.testing.assert_allclose(history.gradient_norm, np.hypot(grad_w, grad_b), rtol=1e-11)
    np.testing.assert_allclose(history["w"], before_w - 0.05 * history.gradient("w"), rtol=1e-15)
    assert history.lr.tolist() == [0.05] * 20
    assert len(history) == 20


def test_a_parameter_that_there_is_not(history):
    with pytest.raises(KeyError, match="no parameter 'v'; there are w, b"):
        history["v"]
    with pytest.raises(KeyError, match="no parameter 'loss'"):
        history.gradient("loss")


@pytest.mark.parametrize(("rows", "most"), [(10, 10), (10, 20), (0, 5)])
def test_a_short_history_is_left_whole(rows, most):
    history = made(rows)
    assert history.thinned(most) is history


@pytest.mark.parametrize("most", [2, 3, 7, 99])
def test_a_long_history_keeps_its_ends_and_spreads_the_rest(most):
    thin = made(100).thinned(most)
    assert len(thin) == most
    assert (thin.epoch[0], thin.epoch[-1]) == (0, 99)
    gaps = np.diff(thin.epoch)
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
    assert thin.step.tolist() == [2 * e + 1 for e in thin.epoch]
    assert thin.loss.tolist() == [7.0 * e for e in thin.epoch]
    assert thin["b"].tolist() == [7.0 * e + 4 for e in thin.epoch]


def test_as_plain_values(history):
    plain = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert plain["record"] == "epoch"
    assert plain["epoch"] == list(range(20))
    assert plain["loss"] == history.loss.tolist()
    assert plain["params"] == {"w": history["w"].tolist(), "b": history["b"].tolist()}
    assert plain["gradients"]["b"] == history.gradient("b").tolist()
    assert plain["gradient_norm"] == history.gradient_norm.tolist()
    assert plain["lr"] == history.lr.tolist()
    assert plain["step"] == history.step.tolist()


def test_no_row_at_all():
    run = tidu.fit("y = w/x", {"x": [0.0], "y": [1.0]})
    assert len(run.history) == 0
    assert run.history.loss.shape == (0,)
    assert run.history["w"].shape == (0,)
    assert math.isnan(run.loss)
