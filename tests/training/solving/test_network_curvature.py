"""How strongly the cost of a network curves: dense eigenvalues of torch's Hessian, and rates that follow from them."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import tidu
from tidu.training.problem import Problem
from tidu.training.solving.network import objective_of
from tidu.training.solving.spectrum import FEWEST_ROWS, batch_curvature, on_enough_rows, spectrum_of

X = np.random.default_rng(0).normal(size=(80, 3))
REAL = np.tanh(X @ [1.0, -2.0, 0.5]) + 0.3 * X[:, 0]
CLASS = np.digitize(REAL, [-0.5, 0.5]).astype(float)
DATA = {f"x{k}": X[:, k] for k in range(3)}
DIGITS = load_digits()
IMAGES = {f"p{k}": DIGITS.data[::4, k] / 16 for k in range(64)} | {"y": DIGITS.target[::4]}


def problem(formula, y, **settings):
    return Problem.read(formula, DATA | {"y": y}, {"seed": 1, **settings})


def in_torch(o, y, loss):
    shapes = [p.shape for p in o.program.parameters]

    def cost(flat):
        parts = [v.reshape(s) for v, s in zip(torch.split(flat, o.sizes), shapes, strict=True)]
        h = torch.tensor(X)
        for k in range(0, len(parts), 2):
            h = h @ (parts[k] if parts[k].ndim == 1 else parts[k].T) + parts[k + 1]
            h = torch.tanh(h) if k < len(parts) - 2 else h
        return loss(h, torch.tensor(y)).mean()

    return cost


@pytest.mark.parametrize("hidden", [4, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["squared", "softmax"])
def test_both_ends_are_those_of_torchs_hessian(hidden, kind):
    y = CLASS if kind == "softmax" else REAL
    p = problem(f"y = mlp(x0, x1, x2, hidden=[{hidden}], activation='tanh')", y, loss=kind)
    o = objective_of(p.program, p.columns)
    at = o.flat(p.start)
    loss = (lambda s, y: torch.nn.functional.cross_entropy(s, y.long(), reduction="none")) if kind == "softmax" else (
        lambda s, y: (s - y) ** 2)  # fmt: skip
    hessian = torch.autograd.functional.hessian(in_torch(o, y, loss), torch.tensor(at)).numpy()
    values, vectors = np.linalg.eigh(hessian)
    s = spectrum_of(o, at)
    assert s.whole == (o.p <= 60)
    assert s.largest == pytest.approx(values[-1], rel=1e-7)
    assert s.smallest == pytest.approx(values[0], abs=1e-5 * values[-1])
    assert abs(s.vectors[:, -1] @ vectors[:, -1]) == pytest.approx(1.0, abs=1e-4)


def test_one_row_alone_curves_more_than_all():
    p = problem("y = mlp(x0, x1, x2, hidden=[4], activation='tanh')", REAL)
    o = objective_of(p.program, p.columns)
    at = o.flat(p.start)
    largest = spectrum_of(o, at).largest
    worst = max(float(np.linalg.eigvalsh(o.on_rows(np.array([k])).hessian(at))[-1]) for k in range(80))
    assert batch_curvature(o, at, largest, None) == largest
    found = [batch_curvature(o, at, largest, b) for b in (1, 8, 79)]
    assert largest <= found[2] <= found[1] <= found[0] <= worst * (1 + 1e-6)
    assert found[0] > 0.5 * worst


def test_a_large_network_is_looked_at_on_some_rows():
    rows = 3 * FEWEST_ROWS
    x = np.random.default_rng(3).normal(size=(rows, 300))
    data = {f"x{k}": x[:, k] for k in range(300)} | {"y": x[:, 0]}
    p = Problem.read("y = mlp(..., hidden=[400])", data, {"seed": 1})
    o = objective_of(p.program, p.columns)
    few = on_enough_rows(o)
    assert few.rows_count == max(FEWEST_ROWS, 200_000_000 // o.p)
    assert on_enough_rows(few) is few


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_an_automatic_rate_descends_in_a_network(optimizer, activation):
    formula = f"y = mlp(x0, x1, x2, hidden=[8], activation='{activation}')"
    run = tidu.fit(formula, DATA | {"y": REAL}, lr="auto", optimizer=optimizer, epochs=200)
    assert not run.diverged
    assert run.loss < 0.5 * run.history.loss[0]
    assert any("curvature at the start" in note for note in run.notes)


def test_the_rate_is_that_of_the_largest_curvature():
    p = problem("y = mlp(x0, x1, x2, hidden=[30])", REAL)
    o = objective_of(p.program, p.columns)
    largest = spectrum_of(o, o.flat(p.start)).largest
    run = tidu.fit("y = mlp(x0, x1, x2, hidden=[30])", DATA | {"y": REAL}, lr="auto", seed=1, epochs=1, optimizer="gd")
    assert run.lr == pytest.approx(1 / largest, rel=1e-6)


@pytest.mark.parametrize(("optimizer", "batch_size"), [("gd", None), ("momentum", 32), ("adam", 32)])
def test_an_automatic_rate_learns_digits(optimizer, batch_size):
    options = {"loss": "softmax", "optimizer": optimizer, "batch_size": batch_size}
    run = tidu.fit("y = mlp(..., hidden=[16])", IMAGES, lr="auto", epochs=30, **options)
    assert not run.diverged
    assert run.loss < 0.75 * np.log(10)


def test_a_rate_over_the_limit_is_told():
    run = tidu.fit("y = mlp(x0, x1, x2, hidden=[8])", DATA | {"y": 100 * REAL}, lr=30.0, optimizer="gd")
    assert run.diverged
    assert any("above the limit of gd" in note for note in run.notes)


def test_scale_is_refused_with_what_to_do():
    with pytest.raises(tidu.TiduError, match="--lr auto"):
        tidu.fit("y = mlp(x0, x1, x2, hidden=[8])", DATA | {"y": REAL}, scale=True)
