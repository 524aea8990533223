"""Errors in x: York's line, ODRPACK's example, brute force over parameters and true x together, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu

# Pearson's data with York's weights (York 1966; York et al. 2004, table I).
PEARSON = {
    "x": [0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4],
    "y": [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5],
    "sx": 1 / np.sqrt([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]),
    "sy": 1 / np.sqrt([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]),
}


def test_yorks_line():
    run = tidu.fit("y = a + b*x", PEARSON, optimizer="auto", sigma="sy", sigma_x="sx")
    assert run.stopped == "converged"
    assert run.params["a"] == pytest.approx(5.47991022, abs=5e-9)
    assert run.params["b"] == pytest.approx(-0.480533407, abs=5e-10)
    assert run.statistics.residual_sum_of_squares == pytest.approx(11.8663531941, abs=5e-10)
    errors = run.statistics.standard_errors
    assert (errors["a"], errors["b"]) == (pytest.approx(0.294971, abs=5e-7), pytest.approx(0.057985, abs=5e-7))


def test_odrpacks_example():
    # User's reference guide of ODRPACK 2.01, section 2.C, after Fuller (1987), page 244; x = 0 and x = 100 are exact.
    table = {
        "x": [0, 0, 5, 7, 7.5, 10, 16, 26, 30, 34, 34.5, 100],
        "y": [1265.0, 1263.6, 1258.0, 1254.0, 1253.0, 1249.8, 1237.0, 1218.0, 1220.6, 1213.8, 1215.5, 1212.0],
        "sy": np.ones(12), "sx": [0, 0, *[1] * 9, 0],
    }  # fmt: skip
    start = {"b1": 1500.0, "b2": -50.0, "b3": -0.1}
    run = tidu.fit("y = b1 + b2*(exp(b3*x) - 1)**2", table, optimizer="lm", sigma="sy", sigma_x="sx", init=start)
    for name, value in {"b1": 1264.65481, "b2": -54.01841, "b3": -0.08784971}.items():
        assert run.params[name] == pytest.approx(value, rel=2e-6)
    scatter = np.sqrt(run.statistics.reduced_chi_square)
    for name, value in {"b1": 1.0349, "b2": 1.5840, "b3": 6.3322e-3}.items():
        assert run.statistics.standard_errors[name] * scatter == pytest.approx(value, rel=5e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), power=st.floats(-3, 3), size=st.floats(0.01, 0.4))
def test_it_is_the_minimum_over_parameters_and_true_x_together(seed, power, size):
    random = np.random.default_rng(seed)
    x, unit = np.linspace(0, 4, 25), 10.0**power
    sx, sy = size * random.uniform(0.5, 1.5, 25), 0.1 * random.uniform(0.5, 1.5, 25)
    seen = x + sx * random.normal(size=25)
    y = 3 * np.exp(-0.7 * x) + 1 + sy * random.normal(size=25)
    table = {"x": seen * unit, "y": y, "sx": sx * unit, "sy": sy}
    run = tidu.fit("y = exp_decay(x)", table, optimizer="lm", sigma="sy", sigma_x="sx")

    def parts(values):
        a, k, c = values[:3]
        return np.concatenate([(y - a * np.exp(-k * values[3:]) - c) / sy, (values[3:] - seen) / sx])

    whole = scipy.optimize.least_squares(parts, [3, 0.7, 1, *x], x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert run.statistics.residual_sum_of_squares <= 2 * whole.cost * (1 + 1e-7)
    if run.statistics.residual_sum_of_squares > 2 * whole.cost * (1 - 1e-7):
        found = [run.params["a"], run.params["k"] * unit, run.params["c"]]
        np.testing.assert_allclose(found, whole.x[:3], rtol=1e-4)
        errors = np.sqrt(np.diag(np.linalg.inv(whole.jac.T @ whole.jac)))[:3]
        ours = [run.statistics.standard_errors[n] * f for n, f in (("a", 1), ("k", unit), ("c", 1))]
        np.testing.assert_allclose(ours, errors, rtol=1e-3)


def test_exact_x_is_ordinary_least_squares():
    table = {**PEARSON, "sx": np.zeros(10)}
    ours = tidu.fit("y = a + b*x", table, optimizer="lm", sigma="sy", sigma_x="sx")
    plain = tidu.fit("y = a + b*x", table, optimizer="lm", sigma="sy")
    np.testing.assert_allclose(list(ours.params.values()), list(plain.params.values()), rtol=1e-9)
    np.testing.assert_allclose(ours.statistics.covariance, plain.statistics.covariance, rtol=1e-7)


def test_two_features_with_errors_and_one_without():
    random = np.random.default_rng(0)
    u, v, w = random.normal(size=(3, 60))
    table = {"u": u + 0.3 * random.normal(size=60), "v": v, "w": w + 0.2 * random.normal(size=60),
             "su": np.full(60, 0.3), "sw": np.full(60, 0.2), "sy": np.full(60, 0.1)}  # fmt: skip
    table["y"] = 2 * u - v + 0.5 * w + 1 + 0.1 * random.normal(size=60)
    run = tidu.fit("y = a*u + b*v + c*w + d", table, optimizer="lm", sigma="sy", sigma_x="u=su, w=sw")

    def squares(p):  # of a plane the true u and w can be eliminated by hand
        a, b, c, d = p
        left = table["y"] - a * table["u"] - b * table["v"] - c * table["w"] - d
        return float(np.sum(left**2 / (0.1**2 + (0.3 * a) ** 2 + (0.2 * c) ** 2)))

    best = scipy.optimize.minimize(squares, [2, -1, 0.5, 1], tol=1e-14, method="Nelder-Mead",
                                   options={"maxiter": 10_000, "maxfev": 10_000, "xatol": 1e-9})  # fmt: skip
    assert run.statistics.residual_sum_of_squares == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(list(run.params.values()), best.x, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sigma": None}, "give sigma"),
        ({"optimizer": "gd"}, "need a solver"),
        ({"optimizer": "newton"}, "are for optimizer lm"),
        ({"sigma_x": "z=sx"}, "sigma_x names 'z'"),
        ({"sigma_x": "s"}, "no column|'s'"),
        ({"bounds": {"a": (0, 9)}}, "without bounds"),
        ({"intervals": "profile"}, "take x as exact"),
    ],
)
def test_refusals(changes, says):
    options = {"optimizer": "lm", "sigma": "sy", "sigma_x": "sx", **changes}
    with pytest.raises(tidu.TiduError, match=says):
        tidu.fit("y = a + b*x", PEARSON, **{k: v for k, v in options.items() if v is not None})


def test_a_negative_deviation_is_refused():
    with pytest.raises(tidu.TiduError, match="'sx' has -1 in row 3"):
        tidu.fit("y = a + b*x", {**PEARSON, "sx": [1, 1, -1, *[1] * 7]}, optimizer="lm", sigma="sy", sigma_x="sx")
