"""Profile likelihood against Wald where both agree, against lmfit, against published numbers, and where it is open."""

import math

import lmfit
import numpy as np
import pytest

import tidu
from tidu.errors import SettingError

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
