"""A word where the numbers alone would mislead: nothing explained, still falling, a rate that cannot work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.errors import DataError

X = np.linspace(0.0, 9.0, 40)


def notes_of(*args, **options):
    return " ".join(tidu.fit(*args, **options).notes)


def test_a_model_that_explains_nothing_is_told():
    table = {"x": X, "y": 2 * np.exp(0.9 * X)}
    assert "explains next to nothing" in notes_of("y = a*exp(b*x)", table, lr=1e-12)
    assert "--optimizer lm" in notes_of("y = a*exp(b*x)", table, lr=1e-12)
    noise = {"x": X, "y": np.cos(7 * X)}
    told = notes_of("y = a*x + b", noise, optimizer="lm")
    assert "explains next to nothing" in told
    assert "--starts" in told
    assert "explains" not in notes_of("y = a*exp(b*x)", table, optimizer="lm", init={"b": 0.5})
    assert "explains" not in notes_of(
        "y = c", {"y": X}, optimizer="lm", init={"c": 1}
    )  # a constant has nothing to explain with


def test_a_loss_that_is_still_falling_is_told():
    table = {"x": X, "y": 3 * X + 50}
    assert "still falling" in notes_of("y = w*x + b", table, lr=1e-4)
    assert "still falling" not in notes_of("y = w*x + b", table, lr=1e-4, epochs=100)  # which was asked for
    assert "still falling" not in notes_of("y = w*x + b", table, optimizer="lm")


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
def test_a_default_rate_that_cannot_work_is_exchanged_and_said(optimizer):
    table = {"x": 100.0 * X, "y": 300.0 * X + 50}
    run = tidu.fit("y = w*x + b", table, optimizer=optimizer)
    assert not run.diverged
    assert any("--lr" in note and "begun anew" in note for note in run.notes)
    same = tidu.fit("y = w*x + b", table, optimizer=optimizer, scale=True)
    assert run.params == same.params
    held = tidu.fit("y = w*x + b", table, optimizer=optimizer, l2=1e-3)  # a penalty is on the parameters as they are
    assert held.lr == tidu.fit("y = w*x + b", table, optimizer=optimizer, l2=1e-3, lr="auto").lr
    assert run.lr == same.lr
    given = tidu.fit("y = w*x + b", table, optimizer=optimizer, lr=0.01)  # what was asked for is done
    assert given.diverged
    assert "limit" in " ".join(given.notes)
    fine = tidu.fit("y = w*x + b", {"x": X / 10, "y": X}, optimizer=optimizer)
    assert fine.lr == 0.01
    assert not any("anew" in note for note in fine.notes)


def test_a_sigma_of_nothing_has_a_remedy():
    with pytest.raises(DataError, match=r"row 3\. Leave that row out, or give it a value: the smallest deviation"):
        tidu.fit("y = w*x", {"x": X[:3], "y": X[:3], "s": [1.0, 1.0, 0.0]}, sigma="s")


def test_a_bound_that_is_reached_is_a_round_number():
    table = {"x": X, "y": -2 * X + 1}
    for method in ("lm", "lbfgs"):
        run = tidu.fit("y = a*x + b", table, optimizer=method, bounds={"a": (0, None)})
        assert run.params["a"] == 0.0
        assert any("ended at its bound, 0:" in note for note in run.notes)


def test_each_optimizer_of_a_sweep_has_a_rate_of_its_own():
    table = {"x": 10.0 * X, "y": 30.0 * X + 5}
    names = ["gd", "momentum", "adam"]
    swept = tidu.sweep("y = w*x + b", table, {"optimizer": names}, lr="auto", epochs=50)
    for k, name in enumerate(names):
        alone = tidu.fit("y = w*x + b", table, optimizer=name, lr="auto", epochs=50)
        assert {n: float(v[k]) for n, v in swept.params.items()} == alone.params
        assert any(note.startswith(f"optimizer={name}: learning rate") for note in swept.notes)
    assert set(swept.stopped) == {"epochs"}


@pytest.mark.parametrize(("loss", "optimizer"), [("logistic", "gd"), ("logistic", "auto"), ("softmax", "auto")])
def test_classes_of_which_a_model_knows_no_more_than_their_shares_are_told(loss, optimizer):
    random = np.random.default_rng(0)
    table = {"x": random.uniform(0.0, 10.0, 400), "c": random.choice(["u", "v"], 400)}
    formula = "c = linear(x)" if loss == "softmax" else "c = w*x + b"
    assert "explains next to nothing: its log loss" in notes_of(formula, table, loss=loss, optimizer=optimizer)
    table["c"] = np.where(table["x"] + random.normal(size=400) > 5.0, "u", "v")
    assert "explains" not in notes_of(formula, table, loss=loss, optimizer="auto")


def test_a_rare_class_that_is_known_of_is_not_told():
    random = np.random.default_rng(0)
    x = random.normal(size=2000)
    table = {"x": x, "c": (x + random.normal(size=2000) > 3.0).astype(int)}  # accuracy is that of "never"
    assert "explains" not in notes_of("c = w*x + b", table, loss="logistic", optimizer="auto")


@pytest.mark.parametrize("optimizer", ["gd", "auto"])
def test_a_perceptron_that_is_no_better_than_the_most_frequent_class_says_so(optimizer):
    xor = {"u": [0, 0, 1, 1], "v": [0, 1, 0, 1], "c": [0, 1, 1, 0]}
    told = notes_of("c = w1*u + w2*v + b", xor, loss="perceptron", optimizer=optimizer)
    assert "it is right in 50% of the rows, and the most frequent class alone makes 50% of them" in told
    disjunction = {**xor, "c": [0, 1, 1, 1]}
    assert "explains" not in notes_of("c = w1*u + w2*v + b", disjunction, loss="perceptron", optimizer="auto")


@given(seed=st.integers(0, 10_000), loss=st.sampled_from(["perceptron", "hinge"]))
@settings(max_examples=15, deadline=None)
def test_a_boundary_is_better_than_the_most_frequent_class_or_says_so(seed, loss):
    random = np.random.default_rng(seed)
    u, v = random.normal(size=(2, 60))
    c = (u - v + random.normal(size=60) * random.uniform(0.0, 5.0) > random.normal()).astype(int)
    c[:2] = 0, 1
    run = tidu.fit("c = w1*u + w2*v + b", {"u": u, "v": v, "c": c}, loss=loss, optimizer="auto")
    most = max(np.mean(c), 1.0 - np.mean(c))
    assert run.metrics["accuracy"] > most or any("explains next to nothing" in note for note in run.notes)
