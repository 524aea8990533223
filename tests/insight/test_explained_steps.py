"""Every step of every loss and optimizer, explained: it ends where the next begins, and torch finds the same."""

from __future__ import annotations

import os
from xml.etree import ElementTree

import numpy as np
import pytest

import tidu
from tidu.content.losses import LOSSES
from tidu.content.optimizers import OPTIMIZERS
from tidu.language.mathml import math

WHOLE = bool(os.environ.get("TIDU_TEST_EVERYTHING"))
RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=40)
REAL = np.sin(X) + 0.1 * RANDOM.normal(size=40)
TARGETS = {
    "softmax": (REAL > 0) * 1 + (REAL > 0.5) * 1,
    "poisson": np.round(np.abs(3 * REAL)),
    "logistic": (REAL > 0) * 1,
    **dict.fromkeys(("hinge", "perceptron"), np.where(REAL > 0, 1, -1)),
}
FORMULAS = {"scalar": "y = a*tanh(w*x) + b", "network": "y = mlp(x, z, hidden=[3], activation='tanh')"}
WAYS = {"": {"engine": "python"}, "on batches": {"engine": "array"},
        "in float32": {"engine": "array", "dtype": "float32"}}  # fmt: skip
SETTINGS = [
    {"batch_size": 7}, {"batch_size": 1}, {"l2": 0.01, "batch_size": 35}, {"lr": "0.02*warmup(4)"}, {"l1": 0.01},
]  # fmt: skip
CASES = [
    (kind, way, loss, optimizer, k + j)
    for k, loss in enumerate(LOSSES)
    for j, optimizer in enumerate(OPTIMIZERS)
    for kind in FORMULAS
    for way in WAYS
    if not (kind == "scalar" and loss == "softmax")
]


def run_of(kind, loss, optimizer, **settings):
    data = {"x": X, "z": X[::-1].copy(), "y": TARGETS.get(loss, REAL)}
    given = {"lr": 0.02, "engine": "python", **settings}
    return tidu.fit(FORMULAS[kind], data, loss=loss, optimizer=optimizer, steps=8, **given)


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("kind", "way", "loss", "optimizer", "number"), CASES if WHOLE else CASES[::7])
def test_a_step_ends_where_the_next_begins(kind, way, loss, optimizer, number):
    run = run_of(kind, loss, optimizer, **SETTINGS[number % len(SETTINGS)], **WAYS[way])
    steps = [run.explain(k) for k in range(8)]
    for step, after in zip(steps, [*(s.before for s in steps[1:]), dict(run.params)], strict=True):
        for name, value in step.after.items():
            np.testing.assert_array_equal(value, after[name])
    told = steps[number % 8]
    last = {e.name: e for e in told.entries}
    for name, value in told.after.items():  # the entries end in these very numbers
        np.testing.assert_array_equal(last[name].value, value)
        assert last[name].sources
    for e in told.entries:
        assert e.rule
        assert all(told[source] in told.entries for source in e.sources)
        assert e.block == "given" or e.sources or e.words or not e.formula() or "x" not in e.formula()
        ElementTree.fromstring(math("".join(e.equation("mathml"))))


@pytest.mark.parametrize("engine", ["array", "compiled", "auto"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_network_is_explained_by_the_loop_that_ran(engine, shuffle):
    formula = "y = mlp(x, z, hidden=[3, 2], dropout=0.2)"
    data = {"x": X, "z": X[::-1].copy(), "y": REAL}
    run = tidu.fit(formula, data, optimizer="adam", steps=8, batch_size=7, engine=engine, shuffle=shuffle, clip_norm=1)
    found = run.explain(7)
    assert found.source == run.source
    assert found.notes == ()
    for name, value in found.after.items():
        np.testing.assert_array_equal(value, run.params[name])
    for k in range(7):  # any step, from any state that was kept
        assert run.explain(k).loss == run.trace(k).loss


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_on_batches_that_is_not_taken(dtype):
    """It ends where it began, and the row that is to blame is known."""
    data = {"x": np.r_[X[:6], 1e30 if dtype == "float32" else 1e160], "y": REAL[:7]}
    formula = "y = mlp(x, hidden=[2], activation='leaky_relu')"
    run = tidu.fit(formula, data, engine="array", dtype=dtype, lr=0.1, epochs=3)
    found = run.why_not()
    assert run.diverged
    assert found.row == 6
    assert not found.explanation.taken
    for name, value in found.explanation.after.items():
        np.testing.assert_array_equal(value, found.explanation.before[name])


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("way", WAYS)
def test_everything_is_followed_back_to_data_and_parameters(kind, way):
    run = run_of(kind, "squared", "adam", l2=0.01, batch_size=5, **WAYS[way])
    found = run.explain(5)
    row = found.batch[0]
    for name in run.program.parameter_names:
        origin = found.origin_of(f"new_{name}")
        leaves = {e.name for e in origin if not e.sources}
        assert {*run.program.parameter_names, "beta1", "beta2", "lr"} <= leaves
        assert any(e.row == row for e in origin if e.block == "given")
        order = [e.id for e in origin]
        for e in origin:  # what is read was computed before
            assert all(order.index(source) < order.index(e.id) for source in e.sources)
    forward = found.origin_of("y_hat", row)
    assert {e.block for e in forward} == {"given", "forward"}
    assert forward[-1].symbol.written("unicode") == found.origin_of("ŷ", row)[-1].symbol.written("unicode") == "ŷ"


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("way", WAYS)
def test_a_node_has_one_identity(kind, way):
    """The token in the markup, the rule, the line and the value in a row are found by the same word."""
    found = run_of(kind, "squared", "gd", batch_size=5, **WAYS[way]).explain(3)
    row = found.rows[0]
    nodes = {n.id: n for n in found.nodes}
    for equation in found.equations:
        assert f'data-node="{equation.node}"' in equation.mathml
    for e in found.of_row(row):
        node = nodes[e.node]
        assert node.rule
        if e.block != "accumulate" and e.node:
            np.testing.assert_allclose(np.asarray(node.values.get(row, node.values.get(None))), e.value, rtol=1e-15)
        assert e in found.at_node(e.node)
        if e.line:
            assert e in found.at_line(e.line)
    for node in found.nodes:
        assert set(node.arguments) <= nodes.keys()
        assert node.text


# -- other libraries -------------------------------------------------------------------------------------------
def in_torch(kind, torch, values, rows):
    """The losses and gradients of some rows, from the parameters of a step."""
    leaves = {n: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for n, v in values.items()}
    x, z = torch.tensor(X[rows]), torch.tensor(X[::-1].copy()[rows])
    if kind == "scalar":
        score = leaves["a"] * torch.tanh(leaves["w"] * x) + leaves["b"]
    else:
        hidden = torch.tanh(torch.stack([x, z], 1) @ leaves["W1"].T + leaves["b1"])
        score = hidden @ leaves["W2"] + leaves["b2"]
    return leaves, score, torch.tensor(REAL[rows])


OF_TORCH = {
    "squared": lambda t, s, y: (s - y) ** 2,
    "half_squared": lambda t, s, y: 0.5 * (s - y) ** 2,
    "absolute": lambda t, s, y: (s - y).abs(),
    "huber": lambda t, s, y: t.nn.functional.huber_loss(s, y, reduction="none"),
    "cauchy": lambda t, s, y: 0.5 * ((s - y) ** 2).log1p(),
    "log_cosh": lambda t, s, y: (s - y).cosh().log(),
}


@pytest.mark.parametrize("loss", OF_TORCH)
@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("engine", ["python", "array"])
def test_torch_finds_the_numbers_of_a_step(kind, loss, batch_size, engine):
    torch = pytest.importorskip("torch")
    run = run_of(kind, loss, "gd", batch_size=batch_size, engine=engine)
    found = run.explain(4)
    row = found.rows[0]
    leaves, score, y = in_torch(kind, torch, found.before, [row])
    each = OF_TORCH[loss](torch, score, y).sum()
    each.backward()
    of_row = {e.name.removesuffix("_s"): e for e in found.of_row(row)}
    assert of_row["y_hat"].value == pytest.approx(score.item(), rel=1e-12)
    assert of_row["loss"].value == pytest.approx(each.item(), rel=1e-11)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(of_row[f"grad_{name}"].value, leaf.grad.numpy(), rtol=1e-10, atol=1e-13)
    leaves, score, y = in_torch(kind, torch, found.before, list(found.batch))
    mean = OF_TORCH[loss](torch, score, y).mean()
    mean.backward()
    assert found.loss == pytest.approx(mean.item(), rel=1e-11)
    of_step = {e.name: e.value for e in found.of_row(None) if e.block in ("accumulate", "mean")}
    for name, leaf in leaves.items():
        np.testing.assert_allclose(of_step[f"grad_{name}"], leaf.grad.numpy(), rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(found.after[name], leaf.detach().numpy() - 0.02 * leaf.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("kind", FORMULAS)
def test_sums_are_those_of_the_rows(kind):
    run = run_of(kind, "huber", "gd", batch_size=6)
    batch = list(run.batch_of(5))
    found = run.explain(5, rows=batch)
    for name in ("loss_sum", *(f"grad_{n}" for n in run.program.parameter_names)):
        parts = [
            next(e.value for e in found.of_row(row) if e.block == "accumulate" and e.name == name) for row in batch
        ]
        total = next(e for e in found.of_row(None) if e.block == "accumulate" and e.name == name)
        np.testing.assert_allclose(total.value, np.sum(parts, axis=0), rtol=1e-13, atol=1e-15)
        assert len(total.sources) == len(batch)


# -- the reduction ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("loss", ["squared", "half_squared"])
def test_the_other_rates_make_the_same_steps(optimizer, loss):
    """Summed losses are losses with a weight of n each; the loss without its ½ is the other loss."""
    data = {"x": X[:10], "y": REAL[:10], "n": np.full(10, 10.0)}
    run = tidu.fit("y = w*x + b", data, loss=loss, optimizer=optimizer, lr=0.01, steps=6)
    ledger = run.explain(3).ledger
    assert ledger.sum_rate is not None
    summed = tidu.fit("y = w*x + b", data, loss=loss, optimizer=optimizer, lr=ledger.sum_rate, steps=6, weights="n")
    other = {"squared": "half_squared", "half_squared": "squared"}[loss]
    rescaled = tidu.fit("y = w*x + b", data, loss=other, optimizer=optimizer, lr=ledger.other_factor_rate, steps=6)
    for name, value in run.params.items():
        assert summed.params[name] == pytest.approx(value, rel=1e-12)
        assert rescaled.params[name] == pytest.approx(value, rel=1e-12)


def test_where_no_rate_makes_up_for_it_that_is_said():
    for settings in ({"optimizer": "adam"}, {"clip_norm": 1.0}, {"l2": 0.1}):
        given = {"optimizer": "gd", **settings}
        ledger = run_of("scalar", "squared", given.pop("optimizer"), **given).explain(2).ledger
        assert (ledger.sum_rate, ledger.other_factor_rate) == (None, None)
        assert ledger.obstacle in ledger.sentences


@pytest.mark.parametrize("engine", ["python", "array"])
def test_a_unit_is_opened(engine):
    run = run_of("network", "squared", "gd", batch_size=4, engine=engine)
    found = run.explain(2)
    row = found.rows[0]
    x = np.array([X[row], X[::-1][row]])
    of_unit = {e.name: e.of_unit((1, 0)) for e in found.of_row(row)}
    pre = found.before["W1"][1] @ x + found.before["b1"][1]
    assert of_unit["tanh_1"].value == pytest.approx(np.tanh(pre), rel=1e-12)
    gradient = of_unit["grad_W1"]
    assert gradient.symbol.written("unicode") == "∂ℓ/∂W₁[1, 0]"
    left, right = (p.value for p in gradient.parts)
    assert gradient.value == left * right == pytest.approx(left * x[0], rel=1e-13)
