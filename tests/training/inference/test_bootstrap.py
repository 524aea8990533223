"""The bootstrap against SciPy's, against refits one by one, and against exact answers of means."""

import numpy as np
import pytest
from scipy import stats

import tidu
from tidu.errors import SettingError
from tidu.training.inference.bootstrap import Bootstrap, bootstrap_of, notes_on_bootstrap
from tidu.training.inference.refits import Refits

GENERATOR = np.random.default_rng(11)
X = np.linspace(0.1, 4.0, 30)
DECAY = {"x": X, "y": 2.0 * np.exp(-0.8 * X) + 0.05 * GENERATOR.normal(size=30)}


@pytest.fixture(scope="module")
def decay():
    return tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1})


def test_refits_side_by_side_are_fits_one_by_one(decay):
    refits = Refits(decay.program, decay.problem.columns)
    counts = GENERATOR.integers(0, 4, (5, 30)).astype(float)
    found = refits.fitted(np.array([1.0, 1.0]), 5, weights=lambda a, b: counts[a:b])
    assert found.converged.all()
    for k, row in enumerate(counts):
        repeated = np.repeat(np.arange(30), row.astype(int))
        one = tidu.fit("y = a*exp(-b*x)", {n: v[repeated] for n, v in DECAY.items()}, optimizer="lm",
                       init={"a": 1, "b": 1})  # fmt: skip
        assert found.parameters[k] == pytest.approx(list(one.params.values()), rel=1e-5)


@pytest.mark.parametrize(("loss", "formula"), [("logistic", "y = w*x + b"), ("poisson", "y = w*x + b"),
                                               ("log_cosh", "y = w*x + b")])  # fmt: skip
def test_refits_of_other_losses(loss, formula):
    x = np.linspace(-2, 2, 40)
    y = (GENERATOR.random(40) < 1 / (1 + np.exp(-x))).astype(float)
    run = tidu.fit(formula, {"x": x, "y": y}, loss=loss, optimizer="auto")
    refits = Refits(run.program, run.problem.columns)
    found = refits.fitted(np.zeros(2), 1)
    assert found.parameters[0] == pytest.approx(list(run.params.values()), rel=1e-6)


def test_parts_change_no_bit(decay, monkeypatch):
    refits = Refits(decay.program, decay.problem.columns)
    best = np.array(list(decay.params.values()))
    whole = bootstrap_of(refits, best, {}, 200, 3)
    monkeypatch.setattr("tidu.training.inference.refits.CELLS", 500)
    parted = bootstrap_of(refits, best, {}, 200, 3)
    np.testing.assert_array_equal(whole.values, parted.values)


def test_of_a_mean_bca_and_percentiles_are_scipy_s():
    """Other random numbers, so to the noise of 20,000 draws."""
    y = GENERATOR.exponential(size=25)
    run = tidu.fit("y = m + 0*x", {"x": np.zeros(25), "y": y}, optimizer="lm")
    refits = Refits(run.program, run.problem.columns)
    found = bootstrap_of(refits, np.array([y.mean()]), {}, 20_000, 0, "cases")
    assert found.values.mean() == pytest.approx(y.mean(), abs=0.01)
    for kind, method in (("percentile", "percentile"), ("bca", "BCa")):
        oracle = stats.bootstrap((y,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(1))
        expected = oracle.confidence_interval
        assert found.ends(0.95, kind)["m"] == pytest.approx((expected.low, expected.high), abs=0.03)


def test_of_normal_errors_the_studentized_ends_are_student_s():
    x = np.linspace(0, 1, 12)
    y = 1 + 2 * x + 0.1 * np.random.default_rng(2).normal(size=12)
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, optimizer="lm", intervals="bootstrap", draws=20_000)
    wald = run.statistics.confidence_intervals()
    for name, (low, high) in run.confidence.ends.items():
        half = (wald[name][1] - wald[name][0]) / 2
        assert (low, high) == pytest.approx(wald[name], abs=0.15 * half)


def test_derived_quantities_have_ends_of_their_own(decay):
    run = tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1}, intervals="bootstrap",
                   report="half = log(2)/b", draws=500, resample="cases")  # fmt: skip
    low, high = run.confidence.ends["half"]
    assert (run.derived["half"].low, run.derived["half"].high) == (low, high)
    assert low < np.log(2) / run.params["b"] < high
    b_low, b_high = run.confidence.bootstrap.ends(kind="percentile")["b"]
    assert run.confidence.bootstrap.ends(kind="percentile")["half"] == pytest.approx(
        (np.log(2) / b_high, np.log(2) / b_low), rel=1e-3
    )


def test_the_same_seed_gives_the_same_bits():
    one, two, other = (tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", init={"a": 1, "b": 1}, seed=seed,
                                intervals="bootstrap", draws=200).confidence.ends for seed in (4, 4, 5))  # fmt: skip
    assert one == two != other


def test_ends_that_most_refits_know_nothing_of_are_none():
    """Data that leave a rate open: refits end on a plateau, where the rate has no error."""
    values, errors = np.array([[1.0, 5.0 + k] for k in range(200)]), np.array([[0.1, 0.0]] * 200)
    found = Bootstrap(("a", "b"), np.array([1.0, 9.0]), np.array([0.1, 0.0]), values, errors, values, "residuals", 20)
    assert np.isnan(found.ends()["b"]).all()
    assert np.isfinite(found.ends()["a"]).all()
    assert any("no ends for b" in note for note in notes_on_bootstrap(found))
    assert np.isfinite(found.ends(kind="percentile")["b"]).all()


def test_few_rows_to_draw_from_are_said():
    few = {"x": X[::5], "y": DECAY["y"][::5]}
    run = tidu.fit("y = a*exp(-b*x)", few, optimizer="lm", init={"a": 1, "b": 1}, intervals="bootstrap", draws=200)
    assert any("6 rows are few to draw from" in note for note in run.notes)


def test_what_cannot_be_drawn_says_so():
    with pytest.raises(SettingError, match="give intervals bootstrap too"):
        tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", draws=500)
    with pytest.raises(SettingError, match="draws must be a whole number of at least 100"):
        tidu.fit("y = a*exp(-b*x)", DECAY, optimizer="lm", intervals="bootstrap", draws=3)
    x = np.arange(3.0)
    with pytest.raises(SettingError, match="no more rows"):
        tidu.fit("y = a*exp(-b*x) + c", {"x": x, "y": [3.0, 1.0, 0.4]}, optimizer="lm", intervals="bootstrap")
