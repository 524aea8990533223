"""Profile likelihood against Wald where both agree, against lmfit, against published numbers, and where it is open."""

import math

import lmfit
import numpy as np
import pytest

import tidu
from tidu.errors import SettingError
from tidu.training.inference.confidence import measure_of
from tidu.training.inference.profiles import refitted
from tidu.training.solving.objective import Objective

CONC = [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10]
RATE = [76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200]
PUROMYCIN = {"conc": CONC, "rate": RATE}  # treated; Bates & Watts 1988, appendix A1.3


def of_lmfit(residual, start, level=0.95):
    """The ends that lmfit's F test finds."""
    minimizer = lmfit.Minimizer(residual, lmfit.create_params(**start))
    found = lmfit.conf_interval(minimizer, minimizer.minimize(), sigmas=[level], maxiter=1000)
    return {name: (pairs[0][1], pairs[-1][1]) for name, pairs in found.items()}


def test_of_a_line_profile_and_wald_are_one():
    """The cost is a parabola: τ is a straight line, and both intervals are the same."""
    x = np.linspace(0, 3, 9)
    run = tidu.fit("y = w*x + b", {"x": x, "y": 2 * x + np.cos(9 * x)}, optimizer="lm", intervals="profile")
    wald = run.statistics.confidence_intervals()
    for profile in run.confidence.profiles:
        assert (profile.low, profile.high) == pytest.approx(wald[profile.name], rel=1e-8)
        error = run.statistics.standard_errors[profile.name]
        np.testing.assert_allclose(profile.tau, (profile.values - run.params[profile.name]) / error, atol=2e-6)
        assert np.all(np.diff(profile.values) > 0)
    assert not any("Wald" in note for note in run.notes)


def test_puromycin_is_lmfit_s():
    run = tidu.fit("rate = Vm*conc/(K + conc)", PUROMYCIN, optimizer="lm", init={"Vm": 200, "K": 0.05},
                   intervals="profile")  # fmt: skip
    c, r = np.array(CONC), np.array(RATE)
    expected = of_lmfit(lambda p: p["Vm"] * c / (p["K"] + c) - r, {"Vm": 200, "K": 0.05})
    for name, pair in expected.items():
        assert run.confidence.ends[name] == pytest.approx(pair, rel=2e-5)  # where its root finder ends
    assert any("Wald's intervals" in note and "K (" in note for note in run.notes)


def test_the_example_of_lmfit_s_documentation():
    """ "Confidence - basic" (lmfit 1.3): 95.45 % ends of a and b, to the printed digits."""
    x = np.linspace(0.3, 10, 100)
    np.random.seed(0)  # as it is published
    y = 1 / (0.1 * x) + 2 + 0.1 * np.random.randn(x.size)
    run = tidu.fit("y = 1/(a*x) + b", {"x": x, "y": y}, optimizer="lm", init={"a": 0.1, "b": 1})
    assert [round(v, 8) for v in run.params.values()] == [0.09943896, 1.98476942]
    level = 0.9545  # two standard deviations, as it prints it
    ends = {profile.name: (profile.low, profile.high) for profile in run.profiles(math.erf(2 / math.sqrt(2)))}
    assert level == pytest.approx(math.erf(2 / math.sqrt(2)), abs=1e-4)
    for name, (below, above) in {"a": (-0.00039, 0.00039), "b": (-0.02477, 0.02477)}.items():
        low, high = ends[name]
        assert round(low - run.params[name], 5) == below
        assert round(high - run.params[name], 5) == above


# Biochemical oxygen demand over days (Marske 1967; Bates & Watts 1988, appendix A1.4).
BOD = {"time": [1.0, 2, 3, 4, 5, 7], "demand": [8.3, 10.3, 19.0, 16.0, 15.6, 19.8]}
# `example(profile.nls)` of R, tests/Examples/stats-Ex.Rout.save: τ, A and lrc along A, and along lrc.
ALONG_A = """
-3.0873 13.59751 0.14033   -2.4957 14.46884 0.01607   -1.8906 15.41836 -0.11787   -1.2634 16.49088 -0.26877
-0.6080 17.75662 -0.44553   0.4998 20.52853 -0.80750   0.9465 22.06851 -0.98233   1.3780 23.98253 -1.17103
1.7908 26.44552 -1.37431   2.1841 29.75928 -1.59599   2.5559 34.43804 -1.84209   2.9028 41.42542 -2.12176
"""
ALONG_LRC = """
-2.9550 42.395076 -2.184153   -2.5201 33.446683 -1.836926   -2.0570 28.124205 -1.547326   -1.5710 24.656989 -1.293871
-1.0653 22.245847 -1.063030   -0.5412 20.482887 -0.845157   0.5539 18.095015 -0.420487   1.1022 17.273414 -0.207623
1.6298 16.621533 0.007939   2.1335 16.086803 0.234850   2.6052 15.638807 0.485009   3.0276 15.265409 0.779458
"""


@pytest.mark.parametrize(("place", "printed", "digits"), [(0, ALONG_A, (5, 5)), (1, ALONG_LRC, (6, 6))])
def test_the_profiles_of_bates_and_watts_as_r_prints_them(place, printed, digits):
    """Each row: what A and lrc are where τ is so, to the printed digits; R's own refits end at about 1e-5."""
    run = tidu.fit("demand = A*(1 - exp(-exp(lrc)*time))", BOD, optimizer="lm", init={"A": 20, "lrc": -1})
    assert [round(v, d) for v, d in zip(run.params.values(), (5, 5), strict=True)] == [19.14258, -0.63282]
    objective = Objective(run.program, run.problem.columns)
    measure = measure_of(objective, run.statistics, 0.95)
    least = objective.cost(np.array(list(run.params.values())))
    for tau, *values in np.array(printed.split(), dtype=float).reshape(-1, 3):
        at, cost, _slope = refitted(objective, np.array(values), [place], None)
        assert math.copysign(math.sqrt(measure.scale * (cost - least)), tau) == pytest.approx(tau, abs=1.5e-4)
        assert at == pytest.approx(values, rel=2e-5, abs=2e-5)


def test_the_ends_of_bates_and_watts_profiles_lie_where_r_s_table_passes_the_quantile():
    run = tidu.fit("demand = A*(1 - exp(-exp(lrc)*time))", BOD, optimizer="lm", init={"A": 20, "lrc": -1},
                   intervals="profile")  # fmt: skip
    quantile = 2.7764451051977987  # of Student's t with 4 degrees of freedom
    for name, place, printed in (("A", 1, ALONG_A), ("lrc", 2, ALONG_LRC)):
        rows = np.array(printed.split(), dtype=float).reshape(-1, 3)
        for way, end in zip((-1, 1), run.confidence.ends[name], strict=True):
            within = np.max(way * rows[way * rows[:, 0] < quantile][:, place])
            beyond = np.min(way * rows[way * rows[:, 0] > quantile][:, place])
            assert within < way * end < beyond


def test_known_sigmas_make_it_chi_square():
    """With sigma = 1 in a line through 0: τ² is (w − ŵ)²·Σx², and the quantile is the normal distribution's."""
    x = np.array([1.0, 2.0, 3.0])
    data = {"x": x, "y": [1.1, 1.7, 3.3], "s": np.ones(3)}
    run = tidu.fit("y = w*x", data, optimizer="lm", sigma="s", intervals="profile")
    low, high = run.confidence.ends["w"]
    assert high - low == pytest.approx(2 * 1.959963984540054 / math.sqrt(14), rel=1e-8)


def test_an_interval_that_the_data_leave_open():
    """A decay that may be over at once: b has a lower end, and none above."""
    t = np.arange(8.0)
    y = np.array([1.0, 0.03, -0.02, 0.01, 0.02, -0.03, 0.01, 0.0])
    run = tidu.fit("y = a*exp(-b*t)", {"t": t, "y": y}, optimizer="lm", init={"a": 1, "b": 2}, intervals="profile")
    low, high = run.confidence.ends["b"]
    assert 1.0 < low < run.params["b"]
    assert high == math.inf
    assert any("'b' is open above" in note for note in run.notes)


def test_an_interval_that_ends_at_a_bound():
    t = np.arange(8.0)
    y = np.array([1.0, 0.03, -0.02, 0.01, 0.02, -0.03, 0.01, 0.0])
    run = tidu.fit("y = a*exp(-b*t)", {"t": t, "y": y}, optimizer="lm", init={"a": 1, "b": 2}, bounds={"b": (0, 9)},
                   intervals="profile")  # fmt: skip
    assert run.confidence.ends["b"][1] == 9.0
    assert any("ends above at its bound, 9" in note for note in run.notes)


def test_a_quantity_of_one_parameter_has_the_ends_of_that_parameter():
    run = tidu.fit("rate = Vm*conc/(K + conc)", PUROMYCIN, optimizer="lm", init={"Vm": 200, "K": 0.05},
                   intervals="profile", report=["affinity = 1/K", "square = (K - 0.06)**2", "both = Vm/K"])  # fmt: skip
    low, high = run.confidence.ends["K"]
    assert (run.derived["affinity"].low, run.derived["affinity"].high) == (1 / high, 1 / low)
    for name in ("square", "both"):  # which falls and rises; which is of two
        assert name not in run.confidence.ends
        assert run.derived[name].low < run.derived[name].value < run.derived[name].high


def test_what_has_no_profile_says_so():
    with pytest.raises(SettingError, match="goes through every point"):
        tidu.fit("y = w*x + b", {"x": [0.0, 1], "y": [1.0, 2]}, optimizer="lm", intervals="profile")
    with pytest.raises(SettingError, match="need a solver's minimum"):
        tidu.fit("y = w*x + b", {"x": [0.0, 1], "y": [1.0, 2]}, intervals="profile")
    x = np.arange(5.0)
    run = tidu.fit("y = w*x", {"x": x, "y": x + 1}, optimizer="lbfgs", l2=0.1, intervals="profile")
    assert run.confidence is None
    assert any("there are no intervals by profile" in note for note in run.notes)


def test_a_file_keeps_the_ends(tmp_path):
    run = tidu.fit("rate = Vm*conc/(K + conc)", PUROMYCIN, optimizer="lm", init={"Vm": 200, "K": 0.05},
                   intervals="profile")  # fmt: skip
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert loaded.confidence.ends == run.confidence.ends
    assert loaded.to_dict()["intervals"]["kind"] == "profile"
