"""The cost of a network as a function of all its numbers: derivatives of first and second order are torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import tidu.training.solving.network as network_module
from tidu.runtime.summation import CHUNK
from tidu.training.problem import Problem
from tidu.training.solving.network import NetworkObjective, objective_of
from tidu.training.solving.objective import Objective

ROWS = 30
X = np.random.default_rng(0).normal(size=(ROWS, 3))
REAL = np.tanh(X @ [1.0, -2.0, 0.5]) + 0.3 * X[:, 0]
CLASS = np.digitize(REAL, [-0.5, 0.5]).astype(float)
YES = (REAL > 0.1) * 1.0
ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "softmax": lambda x: torch.softmax(x, -1),
    "identity": lambda x: x,
}
LOSSES = {
    "squared": (REAL, lambda s, y: (s - y) ** 2),
    "half_squared": (REAL, lambda s, y: 0.5 * (s - y) ** 2),
    "absolute": (REAL, lambda s, y: torch.abs(s - y)),
    "huber(delta=0.5)": (REAL, lambda s, y: torch.nn.functional.huber_loss(s, y, delta=0.5, reduction="none")),
    "log_cosh": (REAL, lambda s, y: torch.log(torch.cosh(s - y))),
    "logistic": (YES, lambda s, y: torch.nn.functional.binary_cross_entropy_with_logits(s, y, reduction="none")),
    "hinge": (2 * YES - 1, lambda s, y: torch.relu(1 - s * y)),
    "softmax": (CLASS, lambda s, y: torch.nn.functional.cross_entropy(s, y.long(), reduction="none")),
    "poisson": (np.floor(REAL + 3), lambda s, y: torch.exp(s) - y * s),
}


def objective(formula, y, **settings):
    data = {f"x{k}": X[:, k] for k in range(3)} | {"y": y}
    problem = Problem.read(formula, data, {"seed": 1, **settings})
    return objective_of(problem.program, problem.columns)


def in_torch(o, activation, y, loss, l2=0.0, x=X):
    """The same cost as a function of the same vector, written by hand."""
    shapes = [p.shape for p in o.program.parameters]

    def cost(flat):
        parts = [v.reshape(s) for v, s in zip(torch.split(flat, o.sizes), shapes, strict=True)]
        h = torch.tensor(x)
        for k in range(0, len(parts), 2):
            h = h @ (parts[k] if parts[k].ndim == 1 else parts[k].T) + parts[k + 1]
            h = activation(h) if k < len(parts) - 2 else h
        return loss(h, torch.tensor(y)).mean() + 0.5 * l2 * (flat**2).sum()

    return cost


def drawn(p, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=p), random.normal(size=p)


def assert_derivatives(o, cost, seed=0):
    at, direction = drawn(o.p, seed)
    point = torch.tensor(at, requires_grad=True)
    value = cost(point)
    [slope] = torch.autograd.grad(value, point)
    _value, product = torch.autograd.functional.hvp(cost, torch.tensor(at), torch.tensor(direction))
    mine = o.cost_and_gradient(at)
    assert mine[0] == pytest.approx(float(value.detach()), rel=1e-12)
    assert o.cost(at) == pytest.approx(mine[0], rel=1e-15)
    assert mine[1] == pytest.approx(slope.numpy(), rel=1e-9, abs=1e-11)
    scale = max(float(product.abs().max()), 1e-3)
    assert o.hessian_product(at, direction) == pytest.approx(product.numpy(), rel=1e-9, abs=1e-10 * scale)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hessian_products_of_every_activation(activation):
    o = objective(f"y = mlp(x0, x1, x2, hidden=[4, 3], activation='{activation}')", REAL, l2=0.1)
    assert_derivatives(o, in_torch(o, ACTIVATIONS[activation], REAL, LOSSES["squared"][1], 0.1))


@pytest.mark.parametrize("loss", LOSSES)
def test_hessian_products_of_every_loss(loss):
    y, of_torch = LOSSES[loss]
    o = objective("y = mlp(x0, x1, x2, hidden=[5], activation='tanh')", y, loss=loss)
    assert_derivatives(o, in_torch(o, torch.tanh, y, of_torch))


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_one_layer_over_many_features(loss):
    y, of_torch = LOSSES[loss]
    wide = np.random.default_rng(1).normal(size=(ROWS, 40))
    data = {f"x{k}": wide[:, k] for k in range(40)} | {"y": y}
    problem = Problem.read("y = linear(...)", data, {"loss": loss})
    o = objective_of(problem.program, problem.columns)
    assert isinstance(o, NetworkObjective)
    assert_derivatives(o, in_torch(o, torch.relu, y, of_torch, x=wide))
    assert o.is_linear


@hypothesis_settings(max_examples=20, deadline=None)
@given(block=st.integers(1, 2 * ROWS), seed=st.integers(0, 99))
def test_blocks_of_rows_change_nothing_but_rounding(block, seed):
    o = objective("y = mlp(x0, x1, x2, hidden=[4])", CLASS, loss="softmax")
    at, direction = drawn(o.p, seed)
    whole = o.cost_and_gradient(at), o.hessian_product(at, direction)
    o.__dict__["_block"] = block
    (cost, slope), product = o.cost_and_gradient(at), o.hessian_product(at, direction)
    assert cost == pytest.approx(whole[0][0], rel=1e-13)
    assert slope == pytest.approx(whole[0][1], rel=1e-11, abs=1e-14)
    assert product == pytest.approx(whole[1], rel=1e-11, abs=1e-13)


def test_the_jacobian_and_the_gradients_of_samples():
    o = objective("y = mlp(x0, x1, x2, hidden=[4], activation='tanh')", REAL)
    at, _direction = drawn(o.p, 5)
    cost = in_torch(o, torch.tanh, REAL, lambda s, y: s - y)

    def residuals(flat):
        rows = []
        in_torch(o, torch.tanh, REAL, lambda s, y: rows.append(s - y) or s)(flat)
        return rows[0]

    r, rows = o.residuals_and_jacobian(at)
    assert r.mean() == pytest.approx(float(cost(torch.tensor(at))), rel=1e-12)
    expected = torch.autograd.functional.jacobian(residuals, torch.tensor(at)).numpy()
    assert rows == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert o.sample_gradients(at) == pytest.approx(2 * r[:, None] * rows, rel=1e-10, abs=1e-13)
    hessian = torch.autograd.functional.hessian(in_torch(o, torch.tanh, REAL, LOSSES["squared"][1]), torch.tensor(at))
    assert o.hessian(at) == pytest.approx(hessian.numpy(), rel=1e-9, abs=1e-11)
    bend = o.hessian(at) * ROWS / 2 - rows.T @ rows
    assert o.residual_curvature(at) == pytest.approx(bend, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("rows", [CHUNK, CHUNK + 1, 2 * CHUNK + 5])
def test_a_triangle_stands_for_many_rows(rows, monkeypatch):
    """R of their QR factorisation, whatever the blocks in which they come; of a chunk the rows themselves."""
    random = np.random.default_rng(rows)
    data = {"x": random.normal(size=rows), "y": random.normal(size=rows)}
    problems = [Problem.read("y = mlp(x, hidden=[2])", data, {"optimizer": "lm"}, stream=way) for way in (False, True)]
    memory, disk = (objective_of(problem.program, problem.columns) for problem in problems)
    at = memory.flat(problems[0].start)
    r, upper = memory.residuals_and_jacobian(at)
    every, jacobian = memory._every_row(at)
    assert len(r) == (rows if rows == CHUNK else 1 + memory.p)
    assert r @ r == pytest.approx(every @ every, rel=1e-12)
    assert upper.T @ r == pytest.approx(jacobian.T @ every, rel=1e-9, abs=1e-9)
    assert upper.T @ upper == pytest.approx(jacobian.T @ jacobian, rel=1e-9, abs=1e-9)
    assert [part.tobytes() for part in disk.residuals_and_jacobian(at)] == [r.tobytes(), upper.tobytes()]
    assert disk.residuals(at).tobytes() == r.tobytes()
    nowhere = at.copy()
    nowhere[0] = np.nan
    assert not np.isfinite(memory.residuals(nowhere)).all()


def test_numbers_have_names_and_parts():
    o = objective("y = mlp(x0, x1, x2, hidden=[2])", REAL)
    assert o.names[:7] == ("W1[0, 0]", "W1[0, 1]", "W1[0, 2]", "W1[1, 0]", "W1[1, 1]", "W1[1, 2]", "b1[0]")
    assert o.names[-1] == "b2"
    at = np.arange(float(o.p))
    parts = o.parts(at)
    assert np.array_equal(parts[0], [[0, 1, 2], [3, 4, 5]])
    assert isinstance(parts[-1], float)
    assert np.array_equal(np.concatenate([np.ravel(v) for v in parts]), at)
    assert np.array_equal(o.spread([1.0, 2.0, 3.0, 4.0]), [1] * 6 + [2] * 2 + [3] * 2 + [4])


def test_dropout_is_left_out_of_the_cost():
    with_dropout = objective("y = mlp(x0, x1, x2, hidden=[4], dropout=0.5)", REAL)
    without = objective("y = mlp(x0, x1, x2, hidden=[4])", REAL)
    at, _direction = drawn(without.p, 1)
    assert with_dropout.cost(at) == without.cost(at)


def test_no_hessian_of_many_numbers_is_held():
    o = objective("y = mlp(x0, x1, x2, hidden=[60])", REAL)
    assert o.p > network_module.MOST_FACTORISED
    with pytest.raises(AssertionError):
        o.hessian(np.zeros(o.p))


def test_numbers_alone_have_an_objective_of_their_own():
    o = objective("y = a*x0 + b*x1 + 0*x2", REAL)
    assert type(o) is Objective
    assert not isinstance(o, NetworkObjective)
