"""Dropout: what it drops follows from seed and step alone, torch has the same gradients, and only training drops."""

import numpy as np
import pytest
import torch

import tidu
from cut import fit_in_slices
from tidu.runtime.arrays import dropout_mask
from tidu.training.training import Budget

random = np.random.default_rng(5)
ROWS = 50
X = random.normal(size=(ROWS, 3))
DATA = {f"x{k}": X[:, k] for k in range(3)} | {"y": np.tanh(X @ [1.0, -2.0, 0.5])}
FORMULA = "y = linear(dropout(tanh(linear(dropout(..., 0.2), units=6)), 0.4))"


def fitted(formula=FORMULA, fit=tidu.fit, **options):
    return fit(formula, DATA, **{"lr": 0.05, "seed": 3, "epochs": 4, "batch_size": 16, **options})


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_mask_keeps_the_mean(rate):
    mask = dropout_mask(0, 7, 1, (400, 500), rate)
    assert set(np.unique(mask)) == {0.0, 1.0 / (1.0 - rate)}
    # The standard deviation of the mean is sqrt(rate / (1 - rate) / 200,000), at most 0.0067.
    assert mask.mean() == pytest.approx(1.0, abs=0.03)
    assert np.abs(np.corrcoef(mask[:, 0], mask[:, 1])[0, 1]) < 0.2


def test_a_mask_follows_from_seed_step_and_layer():
    first = dropout_mask(0, 7, 1, (30, 8), 0.5)
    np.testing.assert_array_equal(first, dropout_mask(0, 7, 1, (30, 8), 0.5))
    for other in ((1, 7, 1), (0, 8, 1), (0, 7, 2)):
        assert (first != dropout_mask(*other, (30, 8), 0.5)).any()
    np.testing.assert_array_equal(first[:11], dropout_mask(0, 7, 1, (11, 8), 0.5))  # whatever rows come after
    narrow = dropout_mask(0, 7, 1, (30, 8), 0.5, "float32")
    assert narrow.dtype == np.float32
    np.testing.assert_array_equal(first, narrow)


def torch_score(start, x, masks):
    x = x * torch.tensor(masks[0])
    hidden = torch.tanh(x @ start["W1"].T + start["b1"]) * torch.tensor(masks[1])
    return hidden @ start["W2"] + start["b2"]


@pytest.mark.parametrize(("batch_size", "steps"), [(None, 1), (None, 3), (16, 5)])
def test_gradients_are_those_of_torch_with_the_same_masks(batch_size, steps):
    run = fitted(batch_size=batch_size, shuffle=False, steps=steps, epochs=None)
    leaves = {n: torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=True) for n, v in run.start.items()}
    theirs = torch.optim.SGD(list(leaves.values()), lr=0.05)
    size = batch_size or ROWS
    batches = [slice(k, min(k + size, ROWS)) for k in range(0, ROWS, size)]
    for step in range(steps):
        rows = batches[step % len(batches)]
        x, y = torch.tensor(X[rows]), torch.tensor(DATA["y"][rows])
        masks = [dropout_mask(3, step, k, (len(x), n), rate) for k, n, rate in ((1, 3, 0.2), (2, 6, 0.4))]
        theirs.zero_grad()
        ((torch_score(leaves, x, masks) - y) ** 2).mean().backward()
        theirs.step()
    for name, leaf in leaves.items():
        np.testing.assert_allclose(run.params[name], leaf.detach().numpy(), rtol=0, atol=1e-13)


def test_where_the_slices_are_cut_changes_no_bit():
    whole = fitted(optimizer="adam", record="step")
    cut = fitted(fit=fit_in_slices, budget=Budget(steps=1), optimizer="adam", record="step")
    np.testing.assert_array_equal(whole.history.values, cut.history.values)
    for name, value in whole.params.items():
        np.testing.assert_array_equal(value, cut.params[name])
    assert (fitted(seed=4, init=dict.fromkeys(("W1", "W2"), 0.1), shuffle=False).params["W1"]
            != fitted(seed=5, init=dict.fromkeys(("W1", "W2"), 0.1), shuffle=False).params["W1"]).any()  # fmt: skip


def test_only_training_drops(tmp_path):
    run = fitted()
    leaves = {n: torch.tensor(v, dtype=torch.float64) for n, v in run.params.items()}
    ones = [np.ones(3), np.ones(6)]
    expected = torch_score(leaves, torch.tensor(X), ones).numpy()
    np.testing.assert_allclose(run.predict(DATA), expected, rtol=1e-13)
    np.testing.assert_array_equal(run.predict(DATA), run.predict(DATA))
    assert run.metrics["mse"] == pytest.approx(np.mean((expected - DATA["y"]) ** 2), rel=1e-12)
    run.save(tmp_path / "m.tidu")
    np.testing.assert_array_equal(tidu.load(tmp_path / "m.tidu").predict(DATA), run.predict(DATA))


@pytest.mark.parametrize("pair", [
    ("y = mlp(..., hidden=[5, 4], dropout=0)", "y = mlp(..., hidden=[5, 4])"),
    ("y = mlp(..., hidden=[5, 4], activation='tanh', dropout=0.25)",
     "y = linear(dropout(tanh(linear(dropout(tanh(linear(..., units=5)), 0.25), units=4)), 0.25))"),
    ("y = mlp(..., hidden=[5], dropout=0.5)", "y = linear(dropout(relu(linear(..., units=5))))"),
])  # fmt: skip
def test_two_ways_to_write_a_network_are_one(pair):
    first, second = map(fitted, pair)
    np.testing.assert_array_equal(first.history.values, second.history.values)
    for name, value in first.params.items():
        np.testing.assert_array_equal(value, second.params[name])


def test_the_line_that_a_person_would_write():
    source = fitted().source
    assert "keep_1 = dropout_mask(seed, step, 1, (count, 3), 0.2)\n" in source
    assert "keep_2 = dropout_mask(seed, step, 2, (count, 6), 0.4)\n" in source
    assert "dropout_mask(seed, step, 1, (rows, 3), 0.2, 'float32')" in fitted(batch_size=None, dtype="float32").source


def test_single_precision_drops_the_same():
    exact, narrow = (fitted(dtype=d) for d in ("float64", "float32"))
    assert narrow.params["W1"].dtype == np.float32
    np.testing.assert_allclose(narrow.params["W1"], exact.params["W1"], atol=1e-5)


def test_numbers_can_be_dropped_too():
    run = tidu.fit("y = dropout(a*x0, 0.5) + b", DATA, lr=0.5, epochs=1, seed=3, init={"a": 1.0})
    residual = X[:, 0] * dropout_mask(3, 0, 1, (ROWS,), 0.5) - DATA["y"]
    slope = np.mean(2 * residual * X[:, 0] * dropout_mask(3, 0, 1, (ROWS,), 0.5))
    assert run.params["a"] == pytest.approx(1.0 - 0.5 * slope, rel=1e-12)
    assert run.params["b"] == pytest.approx(-0.5 * np.mean(2 * residual), rel=1e-12)


def test_columns_called_like_what_the_loop_uses():
    names = ["seed", "dropout_mask", "keep_1"]
    data = dict(zip(names, X.T, strict=True)) | {"y": DATA["y"]}
    run = tidu.fit("y = mlp(..., hidden=[4], dropout=0.3)", data, epochs=2, seed=3)
    plain = tidu.fit("y = mlp(..., hidden=[4], dropout=0.3)", DATA, epochs=2, seed=3)
    np.testing.assert_array_equal(run.params["W1"], plain.params["W1"])


@pytest.mark.parametrize("options", [{"optimizer": "lm"}, {"optimizer": "lbfgs"}, {"scale": True}])
def test_what_needs_a_cost_of_its_own_refuses_dropout(options):
    with pytest.raises(tidu.TiduError, match="single numbers" if "scale" in options else "one cost"):
        fitted(**({"lr": None} | options), batch_size=None, epochs=None)
