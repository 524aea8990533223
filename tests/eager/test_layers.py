"""Layers as objects: torch's layers give the same, and so does `fit`, which trains them as a formula."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import tidu
from tidu import Dropout, Linear, Sequential
from tidu.language.activations import ACTIVATIONS
from tidu.language.expr import evaluation_order, symbol

random = np.random.default_rng(4)
ROWS, WIDTH = 40, 3
X = random.normal(size=(ROWS, WIDTH))
DATA = {f"x{k}": X[:, k] for k in range(WIDTH)} | {"y": np.sin(X.sum(axis=1))}
IN_TORCH = {
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "elu": torch.nn.ELU,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "softplus": torch.nn.Softplus,
    "softmax": lambda: torch.nn.Softmax(dim=-1),
    "identity": torch.nn.Identity,
}
# Of each kind of layer, one that is and its counterpart in torch.
CASES = {
    "Linear": (lambda: Linear(WIDTH, 5), lambda: torch.nn.Linear(WIDTH, 5)),
    "Dropout": (lambda: Dropout(0.5).eval(), lambda: torch.nn.Dropout(0.5).eval()),
    "Sequential": (
        lambda: Sequential(Linear(4), "tanh", Dropout(0.3), Linear(2)).eval(),
        lambda: torch.nn.Sequential(
            torch.nn.Linear(WIDTH, 4), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(4, 2)
        ).eval(),
    ),
}
NETWORKS = [
    lambda: Sequential(Linear(1)),
    lambda: Sequential(Linear(6), tidu.relu, Linear(1)),
    lambda: Sequential(Linear(WIDTH, 6), tidu.tanh, Linear(6, 1)),
    lambda: Sequential(Linear(5), "relu", Dropout(0.2), Linear(4, init="normal"), tidu.gelu, Linear(1), seed=0),
    lambda: Sequential(Dropout(0.3), Linear(4, init="uniform(-1, 1)"), tidu.softmax, Linear(1)),
    lambda: Sequential(Linear(1), tidu.tanh, Linear(3), "identity", Linear(1)),
    lambda: Sequential(Sequential(Linear(4), tidu.silu), Sequential(Linear(2), tidu.elu, Linear(1))),
]


def same_weights(theirs, ours):
    with torch.no_grad():
        for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
            a.copy_(torch.tensor(b.data))


def compared(ours, theirs):
    """Values and every gradient of a model and of torch's with the same weights."""
    theirs = theirs.double()
    value = ours(X)
    same_weights(theirs, ours)
    x = torch.tensor(X, requires_grad=True)
    expected = theirs(x)
    np.testing.assert_allclose(value.numpy(), expected.detach().numpy(), rtol=0, atol=1e-12)
    ours_x = tidu.Tensor(X)
    ours.train(ours.training)
    (ours(ours_x) ** 3).sum().backward()
    (expected**3).sum().backward()
    pairs = [(ours_x.grad, x.grad)] + [
        (a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)
    ]
    for a, b in pairs:
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-10, atol=1e-10)


def test_every_layer_and_activation_has_an_oracle():
    assert set(CASES) == set(tidu.LAYERS)
    assert set(IN_TORCH) == set(ACTIVATIONS)


@pytest.mark.parametrize("kind", tidu.LAYERS)
def test_every_layer_is_that_of_torch(kind):
    ours, theirs = CASES[kind]
    compared(ours(), theirs())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_that_of_torch(name):
    activation = ACTIVATIONS[name].function
    compared(
        Sequential(Linear(4), activation, Linear(2)),
        torch.nn.Sequential(torch.nn.Linear(WIDTH, 4), IN_TORCH[name](), torch.nn.Linear(4, 2)),
    )
    np.testing.assert_allclose(activation(X), IN_TORCH[name]()(torch.tensor(X)).numpy(), rtol=1e-12, atol=1e-13)
    if name != "softmax":  # which is of several
        for x in (-2.0, 0.0, 0.7):
            assert activation(x) == pytest.approx(
                float(IN_TORCH[name]()(torch.tensor(x, dtype=torch.float64))), rel=1e-12
            )


@pytest.mark.parametrize("network", NETWORKS)
def test_a_model_starts_where_its_fit_starts(network):
    model = network()
    model(X)
    run = tidu.fit(network(), DATA, target="y", epochs=1, lr=1e-3)
    ours = np.concatenate([p.numpy().ravel() for p in model.parameters()])
    np.testing.assert_array_equal(ours, np.concatenate([np.ravel(v) for v in run.start.values()]))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_textbook_loop_and_fit_are_one(network):
    model, lr = network(), 0.05
    y = DATA["y"][:, np.newaxis]
    for _epoch in range(5):
        loss = ((model(X) - y) ** 2).mean()
        for p in model.parameters():
            p.grad = None
        loss.backward()
        with tidu.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
    run = tidu.fit(network(), DATA, target="y", epochs=5, lr=lr)
    ours = np.concatenate([p.numpy().ravel() for p in model.parameters()])
    np.testing.assert_allclose(ours, np.concatenate([np.ravel(v) for v in run.params.values()]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.eval()(X).numpy()[:, 0], run.predict(DATA), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_summary_counts_what_is_learnt(network):
    model = network()
    summary = model.summary(WIDTH)
    model(X)
    count = sum(p.size for p in model.parameters())
    assert summary.total == count
    assert str(model.summary()) == str(summary)
    run = tidu.fit(network(), DATA, target="y", epochs=1, lr=1e-3)
    assert run.summary().total == run.to_dict()["parameter_count"] == count
    assert [layer.name for layer in run.summary().layers] == [layer.name for layer in summary.layers]


def test_a_summary_reads_like_a_table():
    model = Sequential(Linear(30), tidu.relu, Dropout(0.2), Linear(10))
    assert str(model.summary(64)).splitlines() == [
        "layer    output  parameters         numbers",
        "linear   30      W1 30 × 64, b1 30    1,950",
        "relu     30                               0",
        "dropout  30                               0",
        "linear   10      W2 10 × 30, b2 10      310",
        "all                                   2,260",
    ]


def test_numbers_outside_all_layers_are_counted():
    run = tidu.fit("y = a*exp(-b*x0) + mlp(x1, x2, hidden=[3])", DATA, epochs=1, fix={"b": 0.5})
    assert run.summary().total == 3 * 2 + 3 + 3 + 1 + 1
    assert [p.name for p in run.summary().layers[-1].parameters] == ["a"]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_layer_of_an_expression_is_an_expression(network):
    model = network()
    x = symbol("x", "feature", shape=(WIDTH,))
    made = [node for node in evaluation_order([model(x)]) if node.is_symbol and node.role == "parameter"]
    model(X)
    assert sum(int(np.prod(p.shape)) for p in made) == sum(p.size for p in model.parameters())


@pytest.mark.parametrize(("init", "deviation"), [
    ("he", np.sqrt(2 / 300)), ("xavier", np.sqrt(2 / 500)), ("normal", 0.01), ("zeros", 0.0), ("normal(0, 3)", 3.0),
])  # fmt: skip
def test_initialisers(init, deviation):
    weight, bias = Linear(300, 200, init=init).parameters()
    assert np.std(weight.numpy()) == pytest.approx(deviation, rel=0.02)
    assert not bias.numpy().any()
    wide = {f"x{k}": np.zeros(2) for k in range(300)} | {"y": np.zeros(2)}
    for formula in (
        f"y = linear(tanh(linear(..., units=200, init={init!r})))",
        f"y = mlp(..., hidden=200, init={init!r})",
    ):
        start = tidu.fit(formula, wide, steps=1).start["W1"]
        assert np.std(start) == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize(("layers", "deviations"), [
    ((Linear(200), "relu", Linear(100), "tanh", Linear(1)), (np.sqrt(2 / 300), np.sqrt(2 / 300), np.sqrt(2 / 101))),
    ((Linear(200), Dropout(0.1), "gelu", Linear(100)), (np.sqrt(2 / 300), np.sqrt(2 / 300))),
    ((Linear(50),), (0.0,)),
])  # fmt: skip
def test_what_comes_after_decides_how_a_layer_starts(layers, deviations):
    model = Sequential(*layers)
    model(np.zeros((1, 300)))
    weights = model.parameters()[::2]
    for weight, deviation in zip(weights, deviations, strict=True):
        assert np.std(weight.numpy()) == pytest.approx(deviation, rel=0.15)


def test_seeds():
    draws = [[p.numpy() for p in Sequential(Linear(2, 3), Linear(3, 3), seed=s).parameters()] for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0][0], draws[1][0])
    assert (draws[0][0] != draws[2][0]).all()
    assert (draws[0][2][:, :2] != draws[0][0]).all()


def test_dropout_drops_in_training_only():
    layer = Dropout(0.5, seed=1)
    ones = np.ones((200, 50))
    first, second = layer(ones).numpy(), layer(ones).numpy()
    assert set(np.unique(first)) == {0.0, 2.0}
    assert (first != second).any()
    np.testing.assert_array_equal(Dropout(0.5, seed=1)(ones).numpy(), first)
    np.testing.assert_array_equal(layer.eval()(ones).numpy(), ones)
    np.testing.assert_array_equal(Dropout(0.0)(ones).numpy(), ones)
    model = Sequential(Linear(50, 3, init="he"), Dropout(0.9)).eval()
    np.testing.assert_array_equal(model(ones).numpy(), model(ones).numpy())
    assert (model.train()(ones).numpy() != model(ones).numpy()).any()
    single = layer.train()(tidu.tensor(ones, dtype="float32"))
    assert single.dtype == np.float32


def test_a_copy_learns_apart():
    model = Sequential(Linear(3, 2), tidu.tanh, Linear(1))
    again = copy.deepcopy(model)
    again.parameters()[0][:] = 0.0
    assert model.parameters()[0].numpy().any()


def test_a_model_of_classes_is_saved_as_its_formula(tmp_path):
    labels = np.array(["left", "middle", "right"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    data = DATA | {"side": labels}
    model = Sequential(Linear(8), tidu.leaky_relu, Dropout(0.1), Linear(3))
    options = {"loss": "softmax", "optimizer": "adam", "lr": 0.02, "epochs": 120, "batch_size": 10}
    run = tidu.fit(model, data, target="side", features=["x0", "x1"], **options)
    assert run.settings.formula == ("side = linear(dropout(leaky_relu(linear(x0, x1, units=8)), 0.1), units=3)")
    assert run.metrics["accuracy"] > 0.9
    run.save(tmp_path / "m.tidu")
    np.testing.assert_array_equal(tidu.load(tmp_path / "m.tidu").predict(data), run.predict(data))
    written = tidu.fit(run.settings.formula, data, **options)
    np.testing.assert_array_equal(written.history.values, run.history.values)


def test_columns_with_any_name():
    data = {"the x": X[:, 0], "lambda": X[:, 1], "my y": DATA["y"]}
    run = tidu.fit(Sequential(Linear(2), tidu.relu, Linear(1)), data, target="my y", epochs=2)
    named = tidu.fit(
        Sequential(Linear(2), tidu.relu, Linear(1)), data, target="my y", features=["the x", "lambda"], epochs=2
    )
    np.testing.assert_array_equal(run.history.values, named.history.values)


@pytest.mark.parametrize(
    ("last", "loss", "twice"),
    [("softmax", "softmax", True), ("sigmoid", "logistic", True), ("sigmoid", "softmax", False),
     ("tanh", "softmax", False), ("tanh", "logistic", False)],
)  # fmt: skip
def test_a_last_layer_that_the_loss_has_already_is_remarked(last, loss, twice):
    labels = DATA | {"y": (X[:, 0] > 0).astype(float)}
    layers = Sequential(Linear(2 if loss == "softmax" else 1), last)
    run = tidu.fit(layers, labels, target="y", loss=loss, epochs=1)
    assert any(f"ends in {last}" in note for note in run.notes) == twice


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Sequential(), "needs layers"),
        (lambda: Sequential(Linear(3), np.tanh), "not of tanh"),
        (lambda: Sequential(Linear(3), "rely"), "not of 'rely'"),
        (lambda: Sequential(*[Linear(3)] * 2), "twice"),
        (lambda: Linear(), "number of outputs"),
        (lambda: Linear(1, 2, 3), "number of outputs"),
        (lambda: Linear(0), "outputs must be a whole number from 1"),
        (lambda: Linear(2.5), "outputs must be a whole number from 1"),
        (lambda: Linear(True), "outputs must be a whole number from 1"),
        (lambda: Linear(0, 3), "inputs must be a whole number from 1"),
        (lambda: Linear(3, init="xaviar"), "did you mean 'xavier'"),
        (lambda: Linear(3, init="normal(a)"), "normal.mean, deviation"),
        (lambda: Linear(3, init=2), "no initialiser 2"),
        (lambda: Dropout(1), "at least 0 and below 1, not 1"),
        (lambda: Dropout(-0.1), "at least 0 and below 1"),
        (lambda: Dropout("much"), "at least 0 and below 1"),
        (lambda: Dropout(float("nan")), "at least 0 and below 1"),
        (lambda: Linear(2, 3)(X), r"takes 2 input\(s\)"),
        (lambda: Linear(2)(1.0), "last axis"),
        (lambda: Sequential(Linear(3, 4), Linear(5, 1))(X), r"takes 5 input\(s\)"),
        (lambda: Linear(2).parameters(), "no parameters yet"),
        (lambda: Sequential(Linear(2), "relu").parameters(), "no parameters yet"),
        (lambda: Sequential(Linear(2)).summary(), "number of inputs"),
        (lambda: Sequential(Linear(4, 2), Linear(3, 1)).summary(), "is for 3 inputs and is given 2"),
        (lambda: Sequential("relu", Linear(1)).formula("y"), "begin with Linear"),
        (lambda: tidu.fit(Linear(1), DATA), "target='y'"),
        (lambda: tidu.fit(Linear(1), DATA, target="z"), "no column 'z'"),
        (lambda: tidu.fit(Linear(1), DATA, target="y", features=["x0", "x11"]), "did you mean 'x1'"),
        (lambda: tidu.fit(Linear(1), DATA, target="y", features=["y"]), "both sides"),
        (lambda: tidu.fit("y = w*x0", DATA, target="y"), "are for layers"),
        (lambda: tidu.fit(Linear(2, 1), DATA, target="y"), "is for 2 inputs and is given 3"),
        (lambda: tidu.fit(Linear(2), DATA, target="y"), "ends in a layer of 2"),
        (lambda: tidu.fit(Linear(2), DATA | {"y": np.arange(ROWS) % 3}, target="y", loss="softmax"), "are 3 classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_sentence(made, says):
    with pytest.raises(tidu.TiduError, match=says):
        made()


@pytest.mark.parametrize("name", ["guide.md", "guide.zh.md"])
def test_the_loop_of_the_guides_learns(name):
    text = (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"^```python\n(.*?)^```", text, flags=re.S | re.M) if "model.parameters()" in b)
    names = {"tidu": tidu, "features": X, "labels": np.tanh(X @ [1.0, -2.0, 0.5])}
    exec(block, names)
    errors = names["model"].eval()(X).numpy()[:, 0] - names["labels"]
    assert np.mean(errors**2) < 0.2 * np.var(names["labels"])
