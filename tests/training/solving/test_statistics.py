"""Statistics against textbook formulas in exact arithmetic and SciPy; what data cannot tell apart."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import tidu
from tidu.errors import SettingError
from tidu.training.solving.statistics import Statistics

X = [1, 2, 3, 4, 5, 7]
Y = [2, 3, 7, 8, 9, 15]


@pytest.fixture(scope="module")
def line():
    return tidu.fit("y = w*x + b", {"x": X, "y": Y}, optimizer="lm")


def test_a_line_has_the_textbook_errors(line):
    n = len(X)
    x, y = [Fraction(v) for v in X], [Fraction(v) for v in Y]
    sxx = sum(v * v for v in x) - sum(x) ** 2 / n
    w = (sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y) / n) / sxx
    b = (sum(y) - w * sum(x)) / n
    rss = sum((c - w * a - b) ** 2 for a, c in zip(x, y, strict=True))
    s2 = rss / (n - 2)
    s = line.statistics
    assert [line.params["w"], line.params["b"]] == pytest.approx([float(w), float(b)], rel=1e-14)
    assert s.residual_sum_of_squares == pytest.approx(float(rss), rel=1e-13)
    assert s.standard_errors["w"] == pytest.approx(math.sqrt(s2 / sxx), rel=1e-13)
    assert s.standard_errors["b"] == pytest.approx(math.sqrt(s2 * sum(v * v for v in x) / n / sxx), rel=1e-13)
    mean = sum(x) / n
    assert s.correlation[0, 1] == pytest.approx(-float(mean) / math.sqrt(sum(v * v for v in x) / n), rel=1e-13)


def test_intervals_are_student_s(line):
    oracle = stats.linregress(X, Y)
    reach = stats.t.ppf(0.95, len(X) - 2) * oracle.stderr
    assert line.statistics.confidence_intervals(0.9)["w"] == pytest.approx(
        (oracle.slope - reach, oracle.slope + reach), rel=1e-12
    )


def test_prediction_intervals_are_the_textbook_s(line):
    at, n, x = 4.5, len(X), np.array(X, float)
    s = line.statistics.residual_standard_deviation
    leverage = 1 / n + (at - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2)
    t = stats.t.ppf(0.975, n - 2)
    for of, share in (("sample", 1 + leverage), ("mean", leverage)):
        middle, low, high = line.prediction_interval({"x": [at]}, of=of)
        assert high - middle == pytest.approx(t * s * math.sqrt(share), rel=1e-12)
        assert middle - low == pytest.approx(high - middle)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(5)
    x = np.linspace(0, 3, 12)
    inside = 0
    for _k in range(200):
        y = 2.0 * np.exp(-x) + random.normal(0, 0.1, len(x))
        low, high = tidu.fit("y = a*exp(-b*x)", {"x": x, "y": y}, optimizer="lm", init={"a": 1, "b": 1},
                             engine="python").statistics.confidence_intervals(0.8)["b"]  # fmt: skip
        inside += low < 1.0 < high
    assert abs(inside - 160) < 4 * math.sqrt(200 * 0.8 * 0.2)  # four deviations of a binomial count


def test_likelihood_criteria(line):
    s = line.statistics
    residuals = np.array(Y) - line.predict({"x": X})
    sigma = math.sqrt(np.mean(residuals**2))
    likelihood = stats.norm.logpdf(residuals, scale=sigma).sum()
    assert s.aic == pytest.approx(2 * 3 - 2 * likelihood, rel=1e-12)
    assert s.bic == pytest.approx(3 * math.log(len(X)) - 2 * likelihood, rel=1e-12)
    given = tidu.fit("y = w*x + b", {"x": X, "y": Y, "s": [0.5] * 6}, optimizer="lm", sigma="s").statistics
    assert given.aic == pytest.approx(2 * 2 - 2 * stats.norm.logpdf(residuals, scale=0.5).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "start", "groups"),
    [
        ("y = a*b*x + c", {"a": 1, "b": 1}, [["a", "b"]]),
        ("y = (a + b)*x + c + d", {}, [["a", "b"], ["c", "d"]]),
        ("y = a*x + b*(2*x) + c", {}, [["a", "b"]]),
        ("y = a*x + b*where(x > 100, 1, 0)", {}, [["b"]]),
        ("y = a*exp(b + c*x)", {"a": 1, "c": 0.1}, [["a", "b"]]),
    ],
)
def test_what_cannot_be_told_apart_is_named(formula, start, groups):
    run = tidu.fit(formula, {"x": X, "y": Y}, optimizer="lm", init=start)
    assert [sorted(g) for g in run.to_dict()["not_identified"]] == groups
    errors = run.statistics.standard_errors
    lost = {name for group in groups for name in group}
    assert {name for name, error in errors.items() if math.isnan(error)} == lost
    for group in groups:
        assert any(all(name in note for name in group) and "--fix" in note for note in run.notes)
    assert all(math.isfinite(v) for v in run.params.values())
    # One of each pair fixed, the others are determined, and the curve is the same.
    fixed = {group[-1]: 1.0 for group in groups}
    free = {k: v for k, v in start.items() if k not in fixed}
    again = tidu.fit(formula, {"x": X, "y": Y}, optimizer="lm", init=free, fix=fixed)
    assert again.loss == pytest.approx(run.loss, rel=1e-9)
    assert again.to_dict()["not_identified"] == []


def test_more_parameters_than_rows():
    run = tidu.fit("y = a + b*x + c*x**2", {"x": [1.0, 2.0], "y": [3.0, 5.0]}, optimizer="lm")
    assert run.loss < 1e-25
    assert any("more parameters (3) than rows (2)" in note for note in run.notes)
    assert math.isnan(run.statistics.residual_standard_deviation)


def test_a_file_keeps_them(line, tmp_path):
    line.save(tmp_path / "m.tidu")
    again = tidu.load(tmp_path / "m.tidu")
    assert again.statistics.to_dict() == line.statistics.to_dict()
    assert Statistics.of_plain(line.statistics.plain()).standard_errors == line.statistics.standard_errors
    assert again.prediction_interval({"x": [3]})[1] == line.prediction_interval({"x": [3]})[1]


def test_intervals_need_statistics(line):
    descended = tidu.fit("y = w*x", {"x": X, "y": Y}, epochs=3)
    with pytest.raises(SettingError, match="optimizer lm"):
        descended.prediction_interval({"x": [1]})
    for options in ({"level": 1.5}, {"of": "median"}):
        with pytest.raises(SettingError):
            line.prediction_interval({"x": [1]}, **options)


def test_a_notebook_shows_what_the_terminal_shows(line):
    page = line._repr_html_()
    assert "<math" in page
    assert f"{line.statistics.standard_errors['w']:.4g}" in page
    assert f"{line.params['w']:.10g}" in page
