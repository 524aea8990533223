"""Model functions: they nest into networks that torch computes alike, and say what they cannot be."""

import numpy as np
import pytest
import torch

import tidu
from tidu.content.models import MODELS
from tidu.content.starts import INITIALISERS, start_of_weights
from tidu.errors import FormulaError
from tidu.language.formula import parse_formula

random = np.random.default_rng(9)
ROWS = 30
X = random.normal(size=(ROWS, 3))
DATA = {f"x{k}": X[:, k] for k in range(3)} | {"y": np.cos(X.sum(axis=1))}
T = torch.tensor(X)


def read(formula, columns=("x0", "x1", "x2", "y"), **options):
    return parse_formula(formula, columns, models=MODELS, **options)


def joined(*parts):
    return torch.cat([p if p.ndim == 2 else p[:, None] for p in parts], dim=1)


def layer(p, k, x):
    return x @ (p[f"W{k}"].T if p[f"W{k}"].ndim == 2 else p[f"W{k}"]) + p[f"b{k}"]


NETWORKS = {
    "y = linear(tanh(linear(..., units=4)))": lambda p: layer(p, 2, torch.tanh(layer(p, 1, T))),
    "y = linear(elu(linear(x2, x0, units=4)), x1)": lambda p: layer(
        p, 2, joined(torch.nn.functional.elu(layer(p, 1, T[:, [2, 0]])), T[:, 1])
    ),
    "y = mlp(x0, tanh(linear(x1, x2, units=3)), x1, hidden=[4], activation='silu')": lambda p: layer(
        p, 3, torch.nn.functional.silu(layer(p, 2, joined(T[:, 0], torch.tanh(layer(p, 1, T[:, 1:])), T[:, 1])))
    ),
    "y = mlp(a*x0, x1**2, hidden=[3], activation='gelu')": lambda p: layer(
        p, 2, torch.nn.functional.gelu(layer(p, 1, joined(p["a"] * T[:, 0], T[:, 1] ** 2)))
    ),
    "y = linear(softmax(linear(sigmoid(linear(x0, units=1)), units=4)))": lambda p: layer(
        p, 2, torch.softmax(layer(p, 1, torch.sigmoid(p["w_x0"] * T[:, 0] + p["b"])[:, None]), -1)
    ),
    "y = a*linear(relu(linear(..., units=2)*linear(..., units=2)))": lambda p: (
        p["a"] * layer(p, 3, torch.relu(layer(p, 1, T) * layer(p, 2, T)))
    ),
}


@pytest.mark.parametrize("formula", NETWORKS)
def test_gradients_of_nested_calls_are_those_of_torch(formula):
    run = tidu.fit(formula, DATA, lr=1.0, epochs=1, seed=2, init={"a": 0.7} if "a*" in formula else None)
    leaves = {n: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for n, v in run.start.items()}
    ((NETWORKS[formula](leaves) - torch.tensor(DATA["y"])) ** 2).mean().backward()
    for name, leaf in leaves.items():
        assert np.any(leaf.grad.numpy())
        np.testing.assert_allclose(run.start[name] - run.params[name], leaf.grad.numpy(), rtol=0, atol=1e-12)


def test_every_initialiser_has_its_deviation():
    deviations = {"he": 0.5, "xavier": np.sqrt(2 / 26), "normal": 0.01, "zeros": 0.0}
    assert set(deviations) == set(INITIALISERS)
    for name, deviation in deviations.items():
        assert start_of_weights(name, 8, 18) == (f"normal(0, {float(deviation)!r})" if deviation else 0.0)


@pytest.mark.parametrize(
    ("formula", "starts"),
    [
        ("y = linear(x0)", {"w_x0": 0.0, "b": 0.0}),
        ("y = exp(linear(x0))", {"w_x0": 0.0, "b": 0.0}),
        ("y = relu(linear(x0))", {"w_x0": start_of_weights("he", 1, 1), "b": 0.0}),
        ("y = linear(x0, init='normal')", {"w_x0": "normal(0, 0.01)", "b": 0.0}),
        (
            "y = linear(dropout(relu(dropout(linear(x0, x1, units=8))), 0.1))",
            {"W1": start_of_weights("he", 2, 8), "b1": 0.0, "W2": start_of_weights("xavier", 8, 1), "b2": 0.0},
        ),
        (
            "y = linear(linear(x0, x1, units=8), init='uniform(0, 1)')",
            {"W1": start_of_weights("xavier", 2, 8), "b1": 0.0, "W2": "uniform(0, 1)", "b2": 0.0},
        ),
        (
            "y = mlp(x0, x1, hidden=[8], activation='tanh')",
            {"W1": start_of_weights("xavier", 2, 8), "b1": 0.0, "W2": start_of_weights("xavier", 8, 1), "b2": 0.0},
        ),
    ],
)
def test_how_parameters_are_called_and_start(formula, starts):
    assert read(formula).starts == starts


def test_names_that_are_taken_are_passed_over():
    formula = read("y = W1*x0 + mlp(x1, hidden=[2]) + mlp(x2, hidden=[2]) + linear(x0)", known_parameters=["W1"])
    assert [p.name for p in formula.parameters] == [
        "W1", "W2", "b2", "W3", "b3", "W4", "b4", "W5", "b5", "w_x0", "b",
    ]  # fmt: skip


def test_the_rows_of_a_summary():
    formula = read("y = linear(dropout(gelu(linear(..., units=4)), 0.5), x0)")
    assert [(r.name, r.shape, [p.name for p in r.parameters]) for r in formula.layers] == [
        ("linear", (4,), ["W1", "b1"]), ("gelu", (4,), []), ("dropout", (4,), []), ("linear", (), ["W2", "b2"]),
    ]  # fmt: skip


def test_as_many_outputs_as_the_formula_says():
    assert read("y = linear(..., units=5)", outputs=None).target.shape == (5,)
    assert read("y = linear(...)", outputs=None).score.shape == (2,)
    assert read("y = linear(..., units=3)", outputs=3).score.shape == (3,)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("y = linear(..., units=0)", "units must be a whole number from 1"),
        ("y = linear(..., units=2.5)", "units must be a whole number from 1"),
        ("y = linear(..., units=True)", "units must be a whole number from 1"),
        ("y = linear(..., units='8')", "units must be a whole number from 1"),
        ("y = linear(..., unit=8)", "did you mean 'units'"),
        ("y = linear(..., units=3)", "ends in a layer of 3"),
        ("y = linear(x0, inputs=2)", "is for 2 inputs and is given 1"),
        ("y = linear(..., init='xavir')", "did you mean 'xavier'"),
        ("y = mlp(..., init='normal(0)')", "normal.mean, deviation"),
        ("y = mlp(..., hidden=[4, 2.5])", "hidden must be layer sizes"),
        ("y = mlp(..., hidden=[])", None),
        ("y = mlp(..., activation='rellu')", "did you mean 'relu'"),
        ("y = mlp(..., activation=[1])", "there is no activation"),
        ("y = mlp(..., dropout=1)", "at least 0 and below 1, not 1"),
        ("y = mlp(..., dropout=-0.5)", "at least 0 and below 1"),
        ("y = linear(dropout(..., 1.5))", "at least 0 and below 1, not 1.5"),
        ("y = linear(dropout(..., 'a'))", "at least 0 and below 1, not 'a'"),
        ("y = linear(dropout(x0, x1))", "must be written out, not 'x1'"),
        ("y = dropout(x0, 0.5)", "ends in a layer of 1"),
        ("y = relu(linear(x0, units=2)) + linear(x0, units=3)", "different sizes meet: 2, 3"),
        ("y = poly(linear(x0, units=2), 2)", "one feature, not 2"),
        ("y = softmax(x0)", "several numbers"),
        ("y = gelu(x0, x1)", "takes 1 argument"),
        ("y = gelu*x0", "is a function"),
        ("y = gelo(x0)", "did you mean 'gelu'"),
        ("y = relu(...)", "not allowed"),
        ("y = relu(linear(a))", "uses no column"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(formula, says):
    if says is None:
        read(formula)
        return
    with pytest.raises((FormulaError, tidu.TiduError), match=says):
        read(formula)
