"""Suggestions: the form that made the data is found, and little is claimed where little can be."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import tidu

X = np.linspace(0.1, 9, 60)
TRUE = {
    "exp_decay": 3 * np.exp(-0.8 * X) + 1,
    "michaelis_menten": 5 * X / (1.5 + X),
    "logistic4": 5 - 4 / (1 + (X / 3) ** 3),
    "sine_wave": np.sin(2 * X) + 2,
    "gaussian": 4 * np.exp(-((X - 4) ** 2) / 2) + 1,
    "line": 2 * X + 1,
    "parabola": (X - 4) ** 2,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", TRUE)
def test_the_form_that_made_the_data_is_among_the_best(name):
    y = TRUE[name] + np.random.default_rng(1).normal(0, 0.05, len(X))
    found = tidu.suggest({"x": X, "y": y}, "y", "x")
    assert name in [c.name for c in found.candidates if c.delta < 4]
    assert found.candidates[0].delta == 0.0
    assert sum(c.weight for c in found.candidates) == pytest.approx(1.0)
    assert all(0.03 < c.deviation < 0.08 for c in found.candidates if c.delta < 4)


def test_its_numbers_are_those_of_scipy():
    y = TRUE["exp_decay"] + np.random.default_rng(1).normal(0, 0.05, len(X))
    best = next(c for c in tidu.suggest({"x": X, "y": y}, "y", "x").candidates if c.name == "exp_decay")

    def curve(x, a, k, c):
        return a * np.exp(-k * x) + c

    values, _covariance = scipy.optimize.curve_fit(curve, X, y, [3, 1, 1])
    np.testing.assert_allclose(list(best.run.params.values()), values, rtol=1e-6)
    n, k, squares = len(X), 4, float(np.sum((y - curve(X, *values)) ** 2))
    assert best.aicc == pytest.approx(n * np.log(squares / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1), rel=1e-9)
    wrong = 0.0
    for fold in range(5):
        out = np.arange(n) % 5 == fold
        there, _covariance = scipy.optimize.curve_fit(curve, X[~out], y[~out], values)
        wrong += float(np.sum((y[out] - curve(X[out], *there)) ** 2))
    assert best.error == pytest.approx(np.sqrt(wrong / n), rel=1e-5)


@pytest.mark.slow
def test_noise_alone_is_said_to_be_that():
    y = np.random.default_rng(3).normal(0, 1, len(X))
    found = tidu.suggest({"x": X, "y": y}, "y", "x")
    assert any("none is clearly better than a constant" in s for s in found.sentences)


@pytest.mark.slow
def test_a_form_that_is_not_there_leaves_a_pattern():
    y = X + 3 * np.sign(np.sin(3 * X)) + np.random.default_rng(0).normal(0, 0.05, len(X))
    found = tidu.suggest({"x": X, "y": y}, "y", "x")
    assert any("leaves a pattern in the residuals" in s for s in found.sentences)


@pytest.mark.slow
def test_forms_that_make_no_sense_are_left_out_with_the_reason():
    x = np.linspace(-2, 2, 30)
    found = tidu.suggest({"x": x, "y": 2 * x + 1 + 0.01 * np.cos(40 * x)}, "y", "x")
    assert "must not be negative" in dict(found.left_out)["power_law"]
    few = tidu.suggest({"x": [0.0, 1, 2, 3, 4, 5], "y": [1.0, 2.1, 2.9, 4.2, 5.1, 5.8]}, "y", "x")
    assert "too many for 6 rows" in dict(few.left_out)["damped_sine"]
    assert few.candidates[0].name == "line"
    assert any("few for" in s for s in few.sentences)


@pytest.mark.parametrize(
    ("table", "names", "says"),
    [
        ({"x": X, "y": X}, ("z", "x"), "no column 'z'"),
        ({"x": X, "y": X}, ("x", "x"), "the same column"),
        ({"x": np.ones(9), "y": np.arange(9.0)}, ("y", "x"), "1 different values"),
    ],
)
def test_refusals(table, names, says):
    with pytest.raises(tidu.TiduError, match=says):
        tidu.suggest(table, *names)
