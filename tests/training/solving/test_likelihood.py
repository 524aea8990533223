"""Counts and classes against statsmodels' GLM and R's documented numbers; counts of rows against rows repeated."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

import tidu
from tidu.errors import DataError

GENERATOR = np.random.default_rng(8)
X = GENERATOR.normal(size=60)
Z = GENERATOR.normal(size=60)
COUNTED = {"x": X, "z": Z, "y": GENERATOR.poisson(np.exp(0.4 + 0.7 * X - 0.2 * Z)).astype(float)}
CLASSES = {"x": X, "z": Z, "y": (GENERATOR.random(60) < 1 / (1 + np.exp(-0.3 - X))).astype(float)}
DESIGN = sm.add_constant(np.column_stack([X, Z]))
FORMULA = "y = a + b*x + c*z"


@pytest.mark.parametrize(
    ("loss", "data", "family"),
    [("poisson", COUNTED, sm.families.Poisson()), ("logistic", CLASSES, sm.families.Binomial())],
)
@pytest.mark.parametrize("optimizer", ["auto", "newton"])
def test_all_numbers_are_statsmodels(loss, data, family, optimizer):
    run = tidu.fit(FORMULA, data, loss=loss, optimizer=optimizer)
    s, oracle = run.statistics, sm.GLM(data["y"], DESIGN, family=family).fit(tol=1e-14)
    assert list(run.params.values()) == pytest.approx(oracle.params, rel=1e-6)
    assert list(s.standard_errors.values()) == pytest.approx(oracle.bse, rel=1e-6)
    assert [z for z, _p in s.tests().values()] == pytest.approx(oracle.tvalues, rel=1e-6)
    assert [p for _z, p in s.tests().values()] == pytest.approx(oracle.pvalues, rel=1e-5)
    np.testing.assert_allclose(list(s.confidence_intervals().values()), oracle.conf_int(), rtol=1e-5)
    assert s.log_likelihood == pytest.approx(oracle.llf, rel=1e-12)
    assert (s.deviance, s.null_deviance) == pytest.approx((oracle.deviance, oracle.null_deviance), rel=1e-11)
    assert (s.aic, s.bic) == pytest.approx((oracle.aic, oracle.bic_llf), rel=1e-11)
    fall, more, p = s.ratio_test
    assert (fall, more) == (pytest.approx(oracle.null_deviance - oracle.deviance, rel=1e-9), 2)
    from scipy.stats import chi2

    assert p == pytest.approx(chi2.sf(fall, 2), rel=1e-9)


DOBSON = {
    "counts": [18.0, 17, 15, 20, 10, 20, 25, 13, 12],
    "outcome2": [0.0, 1, 0] * 3,
    "outcome3": [0.0, 0, 1] * 3,
    "treatment2": [0.0] * 3 + [1.0] * 3 + [0.0] * 3,
    "treatment3": [0.0] * 6 + [1.0] * 3,
}


def test_the_example_of_r_s_glm():
    """`example(glm)` and `confint(glm.D93)` of R (Dobson 1990, p. 93)."""
    run = tidu.fit("counts = c0 + o2*outcome2 + o3*outcome3 + t2*treatment2 + t3*treatment3", DOBSON, loss="poisson",
                   optimizer="newton", intervals="profile")  # fmt: skip
    s = run.statistics
    assert [round(v, 5) + 0.0 for v in run.params.values()] == [3.04452, -0.45426, -0.29299, 0.0, 0.0]
    assert [round(v, 4) for v in s.standard_errors.values()] == [0.1709, 0.2022, 0.1927, 0.2, 0.2]
    assert [round(v, 4) for v in (s.deviance, s.null_deviance)] == [5.1291, 10.5814]
    assert round(s.aic, 2) == 56.76
    expected = {"c0": (2.6958215, 3.36655581), "o2": (-0.8577018, -0.06255840), "o3": (-0.6753696, 0.08244089),
                "t2": (-0.3932548, 0.39325483), "t3": (-0.3932548, 0.39325483)}  # fmt: skip
    for name, ends in expected.items():
        assert run.confidence.ends[name] == pytest.approx(ends, abs=2e-5)  # R interpolates its profile by a spline
    exact = (2.6958283610306837, 3.366563512840739)  # by SciPy's brentq and Newton's method, written out
    assert run.confidence.ends["c0"] == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(("loss", "data"), [("poisson", COUNTED), ("logistic", CLASSES), ("squared", COUNTED)])
def test_a_row_that_counts_k_times_is_k_rows(loss, data):
    times = GENERATOR.integers(1, 5, 60)
    repeated = {name: np.repeat(column, times) for name, column in data.items()}
    many = tidu.fit(FORMULA, repeated, loss=loss, optimizer="auto")
    few = tidu.fit(FORMULA, {**data, "n": times.astype(float)}, loss=loss, optimizer="auto", counts="n")
    assert list(few.params.values()) == pytest.approx(list(many.params.values()), rel=1e-6)
    for name in ("aic", "bic", "log_likelihood", "degrees_of_freedom", "rows"):
        assert getattr(few.statistics, name) == pytest.approx(getattr(many.statistics, name), rel=1e-9), name
    one, other = few.statistics.standard_errors, many.statistics.standard_errors
    assert list(one.values()) == pytest.approx(list(other.values()), rel=1e-6)


LABELS = {"x": X, "z": Z, "y": np.array(["low", "middle", "high"])[np.digitize(X + 0.5 * Z, [-0.5, 0.5])]}


@pytest.mark.parametrize(
    ("formula", "loss", "data"),
    [(FORMULA, "squared", COUNTED), (FORMULA, "poisson", COUNTED), (FORMULA, "logistic", CLASSES),
     ("y = linear(x, z)", "softmax", LABELS)],
)  # fmt: skip
def test_metrics_count_a_row_as_often_as_it_counts(formula, loss, data):
    times = np.random.default_rng(3).integers(1, 9, 60)
    run = tidu.fit(formula, {**data, "n": times}, loss=loss, optimizer="auto", counts="n")
    repeated = run.score({name: np.repeat(column, times) for name, column in data.items()})
    assert repeated != run.score(data)
    assert run.metrics.keys() == repeated.keys()
    for name, value in repeated.items():
        np.testing.assert_allclose(run.metrics[name], value, rtol=1e-12, err_msg=name)
    # As many as no memory would hold.
    many = run.score({**data, "n": times * 10**9})
    for name, value in repeated.items():
        factor = 10**9 if name == "confusion" else 1
        np.testing.assert_allclose(many[name], np.multiply(value, factor), rtol=1e-12, err_msg=name)


def test_counts_of_the_rows_that_are_kept_back_count_too():
    times = np.random.default_rng(3).integers(1, 9, 60)
    run = tidu.fit(FORMULA, {**COUNTED, "n": times}, optimizer="lm", counts="n", test_size=0.3)
    test = {name: np.repeat(run.problem.test[name], run.problem.test["n"].astype(int)) for name in ("x", "z", "y")}
    assert run.test_metrics == pytest.approx(run.score(test), rel=1e-12)


def test_counts_of_data_to_score_are_whole_numbers_too():
    run = tidu.fit(FORMULA, {**COUNTED, "n": np.ones(60)}, optimizer="lm", counts="n")
    with pytest.raises(DataError, match=r"counts are whole numbers; 'n' has 0\.5 in row 1"):
        run.score({**COUNTED, "n": np.full(60, 0.5)})


def test_weights_say_how_certain_and_not_how_many():
    weights = GENERATOR.uniform(0.5, 2, 60)
    run = tidu.fit(FORMULA, {**COUNTED, "w": weights}, optimizer="lm", weights="w")
    other = tidu.fit(FORMULA, {**COUNTED, "w": 10 * weights}, optimizer="lm", weights="w")
    oracle = sm.WLS(COUNTED["y"], DESIGN, weights=weights).fit()
    assert list(run.statistics.standard_errors.values()) == pytest.approx(oracle.bse, rel=1e-9)
    assert other.statistics.standard_errors == pytest.approx(run.statistics.standard_errors, rel=1e-9)
    assert run.statistics.degrees_of_freedom == 57


def test_f_t_and_p_of_least_squares_are_statsmodels():
    run = tidu.fit(FORMULA, COUNTED, optimizer="lm")
    oracle = sm.OLS(COUNTED["y"], DESIGN).fit()
    assert [t for t, _p in run.statistics.tests().values()] == pytest.approx(oracle.tvalues, rel=1e-9)
    assert [p for _t, p in run.statistics.tests().values()] == pytest.approx(oracle.pvalues, rel=1e-9)
    f, more, left, p = run.statistics.f_test
    assert (f, more, left, p) == pytest.approx((oracle.fvalue, 2, 57, oracle.f_pvalue), rel=1e-9)
    without = tidu.fit("y = b*x + c*z", COUNTED, optimizer="lm")
    assert without.statistics.f_test is None


def test_tests_are_of_terms_that_can_be_left_out():
    t = np.linspace(0, 4, 30)
    run = tidu.fit("y = a*exp(-b*t) + c", {"t": t, "y": 2 * np.exp(-t) + 0.1 * np.cos(9 * t)}, optimizer="lm",
                   init={"a": 1, "b": 1})  # fmt: skip
    assert set(run.statistics.tests()) == {"a", "c"}
    assert "b" in run.to_dict()["standard_errors"]
    assert "b" not in run.to_dict()["p_values"]


def test_counts_that_scatter_more_than_poisson_s_say_so():
    y = np.repeat([1.0, 40.0], 30)
    run = tidu.fit("y = a + b*x", {"x": X, "y": y[GENERATOR.permutation(60)]}, loss="poisson", optimizer="auto")
    assert any("scatter" in note for note in run.notes)
    assert not any("scatter" in note for note in tidu.fit(FORMULA, COUNTED, loss="poisson", optimizer="auto").notes)


def test_separated_classes_have_no_errors():
    run = tidu.fit("y = w*x + b", {"x": [0.0, 1, 2, 3], "y": [0.0, 0, 1, 1]}, loss="logistic", optimizer="auto")
    assert run.statistics is None


def test_a_file_keeps_them(tmp_path):
    run = tidu.fit(FORMULA, CLASSES, loss="logistic", optimizer="auto", report="odds = exp(b)")
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert loaded.statistics.plain() == run.statistics.plain()
    odds = loaded.derived["odds"]
    assert odds.standard_error == pytest.approx(
        math.exp(run.params["b"]) * run.statistics.standard_errors["b"], rel=1e-12
    )
    assert run.to_dict()["likelihood_ratio"]["degrees_of_freedom"] == 2
