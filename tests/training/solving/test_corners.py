"""Losses with corners, exactly: published fits, scikit-learn's linear programme, random problems of every scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import QuantileRegressor

import tidu
from tidu.errors import SettingError

# Brownlee 1965: a plant that oxidises ammonia, 21 days.
STACK = {
    "air": [80, 80, 75, 62, 62, 62, 62, 62, 58, 58, 58, 58, 58, 58, 50, 50, 50, 50, 50, 56, 70],
    "water": [27, 27, 25, 24, 22, 23, 24, 24, 23, 18, 18, 17, 18, 19, 18, 18, 19, 19, 20, 20, 20],
    "acid": [89, 88, 90, 87, 87, 87, 93, 93, 87, 80, 89, 88, 82, 93, 89, 86, 72, 79, 80, 82, 91],
    "y": [42, 37, 37, 28, 18, 18, 19, 20, 15, 14, 14, 13, 11, 12, 8, 7, 8, 8, 9, 15, 15],
}
PLANE = "y = b + a*air + w*water + c*acid"


@pytest.mark.parametrize("loss", ["absolute", "quantile(tau=0.5)"])
def test_the_published_fit_of_stack_loss(loss):
    """Least absolute deviations: Birkes & Dodge 1993, and the manual of Koenker's quantreg."""
    run = tidu.fit(PLANE, STACK, loss=loss, optimizer="auto")
    assert run.stopped == "converged"
    assert run.settings.optimizer == "lp"
    published = {"b": -39.68985507, "a": 0.83188406, "w": 0.57391304, "c": -0.06086957}
    assert run.params == {name: pytest.approx(value, abs=5e-9) for name, value in published.items()}
    exact = [p for p in np.array(STACK["y"]) - run.predict(STACK) if abs(p) < 1e-12]
    assert len(exact) >= 4  # a vertex goes through as many rows as there are parameters


@pytest.mark.slow
@given(
    seed=st.integers(0, 10_000),
    tau=st.floats(0.05, 0.95),
    x_scale=st.floats(-6, 6),
    y_scale=st.floats(-6, 6),
)
@settings(max_examples=30, deadline=None)
def test_quantiles_are_those_of_another_linear_programme(seed, tau, x_scale, y_scale):
    random = np.random.default_rng(seed)
    n = int(random.integers(5, 60))
    x = random.normal(size=(n, 2))
    y = x @ [1.0, -2.0] + 3 + random.standard_cauchy(n)
    table = {"u": x[:, 0] * 10**x_scale, "v": x[:, 1], "y": y * 10**y_scale}
    run = tidu.fit("y = a*u + b*v + c", table, loss=f"quantile(tau={tau!r})", optimizer="lp")
    other = QuantileRegressor(quantile=tau, alpha=0.0, solver="highs").fit(x, y)
    r = y - other.predict(x)
    expected = float(np.mean(np.maximum(tau * r, (tau - 1) * r))) * 10**y_scale
    assert run.stopped == "converged"
    assert run.loss <= expected * (1 + 1e-9) + 1e-12 * 10**y_scale


def test_a_curve_through_outliers():
    """Of an exponential with a third of its rows spoilt, least absolute deviations find the exact curve."""
    x = np.linspace(0.0, 4.0, 30)
    y = 3 * np.exp(-0.8 * x) + 0.5
    y[::3] += np.array([5.0, 9, 2, 7, 4, 8, 3, 6, 5, 9])
    run = tidu.fit("y = a*exp(-b*x) + c", {"x": x, "y": y}, loss="absolute", optimizer="auto", init={"a": 1, "b": 1})
    assert run.stopped == "converged"
    assert run.params == {"a": pytest.approx(3, abs=1e-9), "b": pytest.approx(0.8, abs=1e-9),
                          "c": pytest.approx(0.5, abs=1e-9)}  # fmt: skip


def test_bounds_hold_for_straight_losses():
    run = tidu.fit(PLANE, STACK, loss="absolute", optimizer="lp", bounds={"a": (None, 0.5), "c": (0, 1)})
    assert run.params["a"] == 0.5
    assert 0.0 <= run.params["c"] <= 1.0
    fixed = tidu.fit("y - 0.5*air = b + w*water + c*acid", STACK, loss="absolute", optimizer="lp", bounds={"c": (0, 1)})
    assert run.loss == pytest.approx(fixed.loss, rel=1e-9)


@pytest.mark.parametrize("delta", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_huber_whatever_the_scale(delta, scale):
    """All starting residuals lie far beyond delta, where the loss has no curvature."""
    x = np.array(STACK["air"], float)
    y = np.array(STACK["y"], float) * scale
    run = tidu.fit("y = a*x + b", {"x": x, "y": y}, loss=f"huber(delta={delta * scale!r})", optimizer="auto")

    def cost(p):
        r = np.abs(p[0] * x + p[1] - y / scale)
        return float(np.mean(np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta))))

    least = min(
        (minimize(cost, s, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-15, "maxiter": 4000})
         for s in ([1.0, -44.0], [0.8, -35.0])), key=lambda found: found.fun,
    )  # fmt: skip
    assert run.stopped == "converged"
    assert run.loss / scale**2 <= least.fun * (1 + 1e-9)


@pytest.mark.parametrize("loss", ["squared", "log_cosh", "huber"])
def test_lp_is_for_straight_losses(loss):
    with pytest.raises(SettingError, match="lp is for the losses absolute, quantile, hinge, perceptron"):
        tidu.fit("y = a*air", STACK, loss=loss, optimizer="lp")
