"""Sandwich errors against statsmodels' HC1 where both are one; quantiles against quantreg's published numbers."""

import numpy as np
import pytest
import statsmodels.api as sm
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
