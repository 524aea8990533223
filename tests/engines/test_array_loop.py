"""The loop on arrays: its gradients and every optimizer's steps are torch's; it reads as one writes it by hand."""

import sys

import numpy as np
import pytest
import torch

import tidu
from tidu.content.losses import LOSSES, loss_named
from tidu.content.models import MODELS
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.array_loop import array_train_source
from tidu.engines.program import Regularisation, program_of_model
from tidu.engines.scalar_loop import Batch, LoopShape
from tidu.language.activations import ACTIVATIONS
from tidu.language.formula import parse_formula
from tidu.training.orders import order_of_epoch

random = np.random.default_rng(12)
ROWS = 60
X = random.normal(size=(ROWS, 3))
REAL = np.tanh(X @ [1.0, -2.0, 0.5]) + 0.1 * random.normal(size=ROWS)
CLASS = np.digitize(REAL, [-0.5, 0.5]).astype(float)
DATA = {f"x{k}": X[:, k] for k in range(3)}
IN_TORCH = {
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
OPTIMIZERS = {
    "gd": torch.optim.SGD,
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "nesterov": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": lambda p, lr: torch.optim.Adam(p, lr=lr, amsgrad=True),
    "nadam": torch.optim.NAdam,
}


def fitted(formula, target, **options):
    return tidu.fit(formula, DATA | {"y": target}, **{"lr": 0.01, "seed": 3, "epochs": 1, **options})


def torch_score(start, x, activation):
    layers = len(start) // 2
    h = x
    for k in range(1, layers + 1):
        W = start[f"W{k}"]
        h = h @ (W if W.ndim == 1 else W.T) + start[f"b{k}"]
        h = IN_TORCH[activation](h) if k < layers else h
    return h


def torch_loss(score, y, loss):
    return {
        "squared": lambda: ((score - y) ** 2).mean(),
        "logistic": lambda: torch.nn.functional.binary_cross_entropy_with_logits(score, y),
        "softmax": lambda: torch.nn.functional.cross_entropy(score, y.long()),
    }[loss]()


def leaves(start):
    return {n: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for n, v in start.items()}


@pytest.mark.sampled(15)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [[4], [8, 8], [5, 4, 3]])
@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_gradients_are_those_of_torch(activation, hidden, loss):
    target = {"squared": REAL, "logistic": (REAL > 0).astype(float), "softmax": CLASS}[loss]
    # One step of gd with rate 1: what it moved by is the gradient.
    run = fitted(f"y = mlp(..., hidden={hidden}, activation={activation!r})", target, loss=loss, lr=1.0)
    start = leaves(run.start)
    torch_loss(torch_score(start, torch.tensor(X), activation), torch.tensor(target), loss).backward()
    for name, leaf in start.items():
        np.testing.assert_allclose(run.start[name] - run.params[name], leaf.grad.numpy(), rtol=0, atol=1e-10)


def test_every_activation_and_optimizer_has_an_oracle():
    assert set(ACTIVATIONS) == set(IN_TORCH)
    assert set(OPTIMIZERS) == set(tidu.OPTIMIZERS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["squared", "softmax"])
def test_a_hundred_steps_of_every_optimizer_are_those_of_torch(optimizer, loss):
    target = REAL if loss == "squared" else CLASS
    run = fitted(
        "y = mlp(..., hidden=[8, 8], activation='tanh')", target, loss=loss, optimizer=optimizer, batch_size=20,
        epochs=34, steps=100,
    )  # fmt: skip
    start = leaves(run.start)
    theirs = OPTIMIZERS[optimizer](list(start.values()), lr=0.01)
    batches = [b for epoch in range(34) for b in np.split(order_of_epoch(3, epoch, ROWS), [20, 40])]
    for batch in batches[:100]:
        theirs.zero_grad()
        torch_loss(torch_score(start, torch.tensor(X[batch]), "tanh"), torch.tensor(target[batch]), loss).backward()
        theirs.step()
    for name, leaf in start.items():
        # torch keeps the product of nadam's momenta in single precision.
        tolerance = 5e-9 if optimizer == "nadam" else 1e-9
        np.testing.assert_allclose(run.params[name], leaf.detach().numpy(), rtol=0, atol=tolerance)


def test_numbers_and_a_network_in_one_formula():
    run = fitted("y = a*exp(-b*x0) + mlp(x1, x2, hidden=[3])", REAL, init={"a": 0.5, "b": 0.1}, lr=1.0)
    start = leaves(run.start)
    x = torch.tensor(X)
    network = {n: v for n, v in start.items() if n not in "ab"}
    score = start["a"] * torch.exp(-start["b"] * x[:, 0]) + torch_score(network, x[:, 1:], "relu")
    torch_loss(score, torch.tensor(REAL), "squared").backward()
    for name, leaf in start.items():
        np.testing.assert_allclose(run.start[name] - run.params[name], leaf.grad.numpy(), rtol=0, atol=1e-10)


def test_penalties_and_clipping_over_matrices():
    options = {"l1": 0.01, "l2": 0.1, "clip_norm": 0.05, "lr": 1.0}
    run = fitted("y = mlp(..., hidden=[4], activation='tanh')", REAL, **options)
    start = leaves(run.start)
    cost = torch_loss(torch_score(start, torch.tensor(X), "tanh"), torch.tensor(REAL), "squared")
    cost = cost + sum(0.01 * p.abs().sum() + 0.05 * (p**2).sum() for p in start.values())
    cost.backward()
    torch.nn.utils.clip_grad_norm_(start.values(), 0.05, foreach=False)
    for name, leaf in start.items():
        # torch divides by the length + 1e-6.
        np.testing.assert_allclose(run.start[name] - run.params[name], leaf.grad.numpy(), rtol=1e-4, atol=1e-9)


def test_a_long_linear_model_is_a_product_with_a_vector():
    wide = random.normal(size=(300, 100))
    weights = random.normal(size=100)
    data = {f"x{k}": wide[:, k] for k in range(100)} | {"y": wide @ weights + 1.5}
    run = tidu.fit("y = linear(...)", data, lr=0.1, epochs=2000)
    np.testing.assert_allclose(run.params["W"], weights, atol=1e-6)
    assert run.params["b"] == pytest.approx(1.5, abs=1e-6)
    assert run.engine == "array"


def test_single_precision():
    exact, narrow = (fitted("y = mlp(..., hidden=[8])", REAL, epochs=50, dtype=d) for d in ("float64", "float32"))
    assert narrow.params["W1"].dtype == np.float32
    np.testing.assert_allclose(narrow.params["W1"], exact.params["W1"], atol=1e-5)


SINGLE = [
    *({"loss": loss} for loss in LOSSES),
    *({"optimizer": optimizer} for optimizer in OPTIMIZERS),
    *({"activation": activation} for activation in ACTIVATIONS),
    {"dropout": 0.2},
    {"clip_norm": 0.1},
    {"clip_value": 0.1},
    {"l1": 0.1, "l2": 0.1},
    {"lr": "0.1*warmup(3)"},
]


@pytest.mark.parametrize("options", SINGLE, ids=str)
def test_in_single_precision_no_array_is_wider(options):
    seen = {}

    def watched(frame, event, _value):
        if event == "return" and frame.f_code.co_name == "train":
            seen.update(frame.f_locals)
        return watched

    inside = {k: v for k, v in options.items() if k in ("activation", "dropout")}
    mlp = "".join(f", {name}={value!r}" for name, value in inside.items())
    loss = options.get("loss", "squared")
    target = (
        CLASS if loss in ("softmax", "multihinge") else np.where(REAL > 0, 1.0, 0.0 if loss == "logistic" else -1.0)
    )
    target = np.abs(REAL) + 0.1 if loss in ("poisson", "gamma") else target
    others = {k: v for k, v in options.items() if k not in inside}
    before = sys.gettrace()
    sys.settrace(watched)
    try:
        fitted(f"y = mlp(..., hidden=[4]{mlp})", target, dtype="float32", engine="array", **others)
    finally:
        sys.settrace(before)
    wide = {name for name, value in seen.items() if getattr(value, "ndim", 0) and value.dtype == np.float64}
    assert seen["step"] == 1
    assert wide <= {"history"}


def test_a_network_is_saved_and_loaded_whole(tmp_path):
    run = fitted("y = mlp(..., hidden=[4])", CLASS, loss="softmax", optimizer="adam", epochs=5)
    run.save(tmp_path / "m.tidu")
    again = tidu.load(tmp_path / "m.tidu")
    for name, value in run.params.items():
        np.testing.assert_array_equal(again.params[name], value)
    np.testing.assert_array_equal(again.probabilities(DATA), run.probabilities(DATA))
    np.testing.assert_allclose(run.probabilities(DATA).sum(axis=1), 1.0)


def test_logits_of_any_size():
    data = {"x": np.array([1e4, -1e4, 1e4]), "y": np.array([1.0, 0.0, 0.0])}
    run = tidu.fit("y = mlp(x, hidden=[2], activation='identity')", data, loss="softmax", lr=1e-12, epochs=1, init={
        "W1": 1.0, "W2": 1.0})  # fmt: skip
    assert np.isfinite(run.loss)
    extreme = tidu.fit("y = linear(...)", data, loss="softmax", lr=1e-3, epochs=3)
    assert np.isfinite(extreme.loss)
    assert np.isfinite(extreme.params["W"]).all()


def test_a_divergence_keeps_the_last_good_parameters():
    run = fitted("y = mlp(..., hidden=[4], activation='identity')", REAL, lr=50.0, epochs=400)
    assert run.stopped == "diverged"
    assert all(np.isfinite(v).all() for v in run.params.values())
    assert np.isfinite(run.predict(DATA)).all()


@pytest.mark.parametrize("tol", [0.0, 1e-3])
def test_a_training_leaves_its_start_as_it_was(tol):
    run = fitted("y = mlp(..., hidden=[4])", REAL, init={"W1": 1.0}, epochs=20, tol=tol, engine="array")
    np.testing.assert_array_equal(run.start["W1"], 1.0)
    assert (run.params["W1"] != 1.0).all()


def test_where_the_slices_are_cut_changes_no_bit():
    options = {"optimizer": "adam", "batch_size": 7, "epochs": 6}
    first, again = (fitted("y = mlp(..., hidden=[4])", REAL, **options) for _ in range(2))
    np.testing.assert_array_equal(first.history.values, again.history.values)
    short = fitted("y = mlp(..., hidden=[4])", REAL, **options | {"steps": 13})
    assert short.steps == 13
    np.testing.assert_array_equal(short.history.loss[0], first.history.loss[0])


def test_it_reads_as_one_writes_it_by_hand():
    formula = parse_formula("y = mlp(..., hidden=[5], activation='tanh')", ["x1", "x2", "y"], models=MODELS)
    program = program_of_model(formula, loss_named("squared"), optimizer_named("gd"), rate("0.1"), Regularisation())
    source = array_train_source(program, LoopShape(Batch.ALL))
    assert (
        """
        # forward
        tanh_1 = np.tanh(x @ W1.T + b1)
        y_hat = tanh_1 @ W2 + b2
        residual = y_hat - y
        loss = residual * residual
        # backward
        dloss_dy_hat = 2.0 * residual
        product_1 = dloss_dy_hat[:, None] * W2 * (1.0 - tanh_1 * tanh_1)
        # mean over the batch
        loss_sum = float(loss.sum())
        batch_loss = loss_sum / rows
        grad_W1 = (product_1 / rows).T @ x
        grad_b1 = product_1.sum(axis=0) / rows
        grad_W2 = dloss_dy_hat @ tanh_1 / rows
        grad_b2 = dloss_dy_hat.sum(axis=0) / rows
        # update
        new_b2 = b2 - lr * grad_b2
        W1 -= lr * grad_W1
        b1 -= lr * grad_b1
        W2 -= lr * grad_W2
        if not all_finite(batch_loss, W1, b1, W2, new_b2):
            stopped = DIVERGED
            break
        b2 = new_b2
"""
        in source
    )


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("y = mlp(..., hidden=[0])", "hidden must be layer sizes"),
        ("y = mlp(..., hidden='a')", "hidden must be layer sizes"),
        ("y = mlp(..., hiden=[3])", "did you mean 'hidden'"),
        ("y = mlp(..., activation='rely')", "there is no activation 'rely'"),
        ("y = mlp(..., hidden=[x0])", "must be written out"),
        ("y = poly(x0, x1, 2)", "poly"),
        ("y = poly(x0, 0)", "degree"),
        ("y = x0 + x1 + x2 + linear(...)", "finds no feature"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(formula, says):
    with pytest.raises(tidu.TiduError, match=says):
        fitted(formula, REAL)


@pytest.mark.parametrize("target", [np.zeros(ROWS), np.arange(ROWS) + 0.5])
def test_one_class_and_too_many_are_sentences(target):
    with pytest.raises(tidu.TiduError, match=r"one class only|text or whole numbers, of at most 1000 classes"):
        fitted("y = mlp(...)", target, loss="softmax")
