"""Sandwich errors against statsmodels' HC1 where both are one; quantiles against quantreg's published numbers."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import least_squares
from scipy.stats import norm

import tidu
from tidu.training.solving.robust import hall_sheather

GENERATOR = np.random.default_rng(4)
X = GENERATOR.uniform(0, 4, 80)
DATA = {"x": X, "y": 1 + 2 * X + (0.2 + 0.3 * X) * GENERATOR.standard_t(3, 80)}


def test_huber_that_never_cuts_is_least_squares_with_hc1():
    run = tidu.fit("y = w*x + b", DATA, loss="huber(delta=1000)", optimizer="auto")
    oracle = sm.OLS(DATA["y"], np.column_stack([X, np.ones(80)])).fit(cov_type="HC1")
    assert list(run.params.values()) == pytest.approx(oracle.params, rel=1e-8)
    assert list(run.statistics.standard_errors.values()) == pytest.approx(oracle.bse, rel=1e-7)
    assert run.to_dict()["errors_of"] == "sandwich"


def test_huber_is_the_sandwich_written_out():
    run = tidu.fit("y = w*x + b", DATA, loss="huber(delta=0.5)", optimizer="auto")
    design = np.column_stack([X, np.ones(80)])
    r = design @ list(run.params.values()) - DATA["y"]
    bend = design.T @ (design * (np.abs(r) <= 0.5)[:, None])
    scatter = design.T @ (design * np.clip(r, -0.5, 0.5)[:, None] ** 2)
    expected = 80 / 78 * np.linalg.inv(bend) @ scatter @ np.linalg.inv(bend)
    np.testing.assert_allclose(run.statistics.covariance, expected, rtol=1e-8)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_cauchy_is_scipy_s_minimum_with_the_sandwich_written_out(scale):
    run = tidu.fit("y = w*x + b", DATA, loss=f"cauchy(scale={scale})", optimizer="auto")
    design = np.column_stack([X, np.ones(80)])
    squares = np.linalg.lstsq(design, DATA["y"], rcond=None)[0]
    oracle = least_squares(lambda p: design @ p - DATA["y"], squares, lambda p: design, loss="cauchy", f_scale=scale,
                           xtol=1e-15, ftol=1e-15, gtol=1e-15)  # fmt: skip
    assert run.loss * 80 <= oracle.cost * (1 + 1e-12)
    assert list(run.params.values()) == pytest.approx(oracle.x, rel=1e-5)
    r = design @ list(run.params.values()) - DATA["y"]
    z = (r / scale) ** 2
    bend = design.T @ (design * ((1 - z) / (1 + z) ** 2)[:, None])
    scatter = design.T @ (design * ((r / (1 + z)) ** 2)[:, None])
    expected = 80 / 78 * np.linalg.inv(bend) @ scatter @ np.linalg.inv(bend)
    np.testing.assert_allclose(run.statistics.covariance, expected, rtol=1e-7)


def test_cauchy_s_line_stays_where_it_is_under_statsmodels_reweighting():
    """It is where iteratively reweighted least squares stands still."""
    run = tidu.fit("y = w*x + b", DATA, loss="cauchy", optimizer="auto")
    design = np.column_stack([X, np.ones(80)])
    residuals = design @ list(run.params.values()) - DATA["y"]
    again = sm.WLS(DATA["y"], design, weights=1 / (1 + residuals**2)).fit()
    assert list(run.params.values()) == pytest.approx(again.params, rel=1e-7)


def test_cauchy_from_a_start_far_away_finds_the_crowd_and_not_the_outliers():
    x = np.linspace(0, 1, 40)
    y = 2 * x + 1 + 0.01 * GENERATOR.normal(size=40)
    y[::5] += 500.0
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss="cauchy", optimizer="auto", init={"b": 400.0})
    assert run.params["b"] == pytest.approx(1.0, abs=0.02)
    assert run.params["w"] == pytest.approx(2.0, abs=0.03)


def test_log_cosh_of_a_curve_has_errors_and_the_bootstrap_agrees():
    t = np.linspace(0, 4, 60)
    data = {"t": t, "y": 2 * np.exp(-t) + 0.1 * GENERATOR.standard_t(4, 60)}
    run = tidu.fit("y = a*exp(-b*t)", data, loss="log_cosh", optimizer="auto", init={"a": 1, "b": 1},
                   intervals="bootstrap", draws=1000)  # fmt: skip
    spread = run.confidence.bootstrap.standard_errors()
    for name, error in run.statistics.standard_errors.items():
        assert spread[name] == pytest.approx(error, rel=0.35)


@pytest.fixture(scope="module")
def engel():
    data = sm.datasets.engel.load_pandas().data
    return {"income": data["income"].to_numpy(), "foodexp": data["foodexp"].to_numpy()}


def test_engel_s_median_is_quantreg_s(engel):
    """`summary(rq(foodexp ~ income, data = engel), se = "nid")` of quantreg (Koenker 2005), to the printed digits."""
    run = tidu.fit("foodexp = b0 + b1*income", engel, loss="absolute", optimizer="auto")
    assert [round(v, 5) for v in run.params.values()] == [81.48225, 0.56018]
    assert [round(v, 5) for v in run.statistics.standard_errors.values()] == [19.25066, 0.02828]
    (t0, _p0), (t1, _p1) = run.statistics.tests().values()
    assert [round(t0, 5), round(t1, 5)] == [4.23270, 19.81032]


def test_the_bandwidth_is_statsmodels():
    from statsmodels.regression.quantile_regression import hall_sheather as oracle

    for rows, tau in ((20, 0.5), (235, 0.25), (10_000, 0.9)):
        assert hall_sheather(rows, tau) == pytest.approx(oracle(rows, tau), rel=1e-12)


def test_of_even_errors_quantiles_have_the_errors_that_their_density_asks_for():
    x = np.linspace(0, 1, 2000)
    y = x + GENERATOR.normal(size=2000)
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss="quantile(tau=0.75)", optimizer="auto")
    design = np.column_stack([x, np.ones(2000)])
    sparsity = 1 / norm.pdf(norm.ppf(0.75))
    expected = np.sqrt(np.diag(0.75 * 0.25 * sparsity**2 * np.linalg.inv(design.T @ design)))
    assert list(run.statistics.standard_errors.values()) == pytest.approx(expected, rel=0.15)


def test_what_has_no_errors():
    labels = np.where(X > 2, 1.0, -1.0)
    assert tidu.fit("y = w*x + b", {"x": X, "y": labels}, loss="hinge", optimizer="auto", l2=0.1).statistics is None
    assert tidu.fit("y = w*x + b", DATA, loss="huber", optimizer="auto", l2=0.1).statistics is None
    assert tidu.fit("y = w*x + b", DATA, loss="huber", lr=0.01, epochs=5).statistics is None
