"""Optima at infinity: separated classes, ceilings that data never reach; and data that only look like it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu

X = np.linspace(0.0, 5.0, 30)


@pytest.mark.parametrize("method", ["lbfgs", "newton", "auto"])
@pytest.mark.parametrize("kind", ["complete", "quasi"])
def test_separated_classes_are_told_and_what_helps_helps(method, kind):
    x = np.append(X, [2.4, 2.4]) if kind == "quasi" else X
    y = np.append(X > 2.4, [0, 1]) if kind == "quasi" else X > 2.4
    table = {"x": x, "y": np.array(y, float)}
    run = tidu.fit("y = w*x + b", table, loss="logistic", optimizer=method)
    assert run.stopped != "converged"
    assert any("--l2" in note and "falls for ever" in note for note in run.notes)
    held = tidu.fit("y = w*x + b", table, loss="logistic", optimizer=method, l2=0.01)
    assert held.stopped == "converged"
    assert not any("for ever" in note for note in held.notes)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_classes_that_overlap_are_not_called_separated(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=40) * 10.0 ** random.uniform(-4, 4)
    y = (x / np.std(x) + 0.3 * random.normal(size=40) > 0).astype(float)
    order = np.argsort(x)
    y[order[0]], y[order[-1]] = 1.0, 0.0  # no threshold divides them
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss="logistic", optimizer="newton")
    assert run.stopped == "converged"
    assert not any("for ever" in note for note in run.notes)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("method", ["lm", "lbfgs", "newton"])
def test_a_ceiling_that_the_data_never_reach(method):
    wiggle = np.sin(11 * X)
    wiggle -= np.polyval(np.polyfit(X, wiggle, 5), X)
    table = {"x": X, "y": 1 + 0.5 * X + 0.1 * wiggle}  # the best of these curves is a straight line, their limit
    run = tidu.fit("y = a*(1 - exp(-k*x)) + m", table, optimizer=method, init={"a": 5, "k": 0.2})
    assert any("without end" in note and "a" in note for note in run.notes)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("method", ["lm", "newton", "lbfgs", "auto"])
@pytest.mark.parametrize(
    ("formula", "x", "y", "name"),
    [
        ("y = a/(1 + exp(-k*(x - m)))", [1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1], "k"),
        ("y = a*exp(-b*x)", [0, 1, 2, 3], [5, 0, 0, 0], "b"),
        ("y = a*tanh(k*x) + c", [-3, -2, -1, 1, 2, 3], [-2, -2, -2, 2, 2, 2], "k"),
        ("y = a*(1 - exp(-k*x)) + c", [0, 1, 2, 3, 4], [1, 3, 3, 3, 3], "k"),
    ],
)
def test_a_value_that_could_as_well_be_ten_times_as_large_is_told(method, formula, x, y, name):
    run = tidu.fit(formula, {"x": np.array(x, float), "y": np.array(y, float)}, optimizer=method)
    told = " ".join(run.notes)
    words = ("ten times as large", "no effect on", "cannot be told apart", "without end", "hardly determine", "gave up")
    assert any(word in told for word in words), run.notes
    assert name in told


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-6, 1.0, 1e6]), noise=st.sampled_from([0.0, 0.01]))
@settings(max_examples=25, deadline=None)
def test_values_that_the_data_determine_are_not_called_arbitrary(seed, scale, noise):
    random = np.random.default_rng(seed)
    x = np.linspace(0.0, 5.0, 40)
    y = scale * (random.uniform(1, 3) * np.exp(-random.uniform(0.3, 2) * x) + random.choice([0.0, 1.0]))
    y += scale * noise * random.normal(size=40)
    run = tidu.fit("y = a*exp(-b*x) + c", {"x": x, "y": y}, optimizer="auto")
    assert not any("ten times as large" in note for note in run.notes)
    line = tidu.fit("y = a*x + c", {"x": x, "y": 2.0 * x}, optimizer="auto")
    assert not any("ten times" in note for note in line.notes)
