"""Forms of curves by name: published fits, scales and starts drawn at random, and sums of several."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.content.forms import FORMS
from tidu.language.formula import parse_formula
from tidu.text import use_language
from tidu.training.solving.objective import Objective

NUMPY = {name: getattr(np, name) for name in ("exp", "log", "sin")}
# Ryegrass: root length over the dose of ferulic acid (Inderjit, Streibig & Olofsdotter 2002), as R's drc ships it.
RYEGRASS = {
    "conc": np.repeat([0.0, 0.94, 1.88, 3.75, 7.5, 15.0, 30.0], [6, 3, 3, 3, 3, 3, 3]),
    "rootl": np.array(
        [7.58, 8.0, 8.3285714, 7.25, 7.375, 7.9625, 8.3555556, 6.9142857, 7.75, 6.8714286, 6.45, 5.9222222, 1.925,
         2.8857143, 4.2333333, 1.1875, 0.8571429, 1.0571429, 0.6875, 0.525, 0.825, 0.25, 0.22, 0.44]
    ),
}  # fmt: skip
# Puromycin, the treated cells (Bates & Watts 1988, appendix A1.3), as R's datasets has it.
PUROMYCIN = {
    "conc": np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.1], 2),
    "rate": np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200]),
}


def curve_of(form, values, x):
    """By Python's own arithmetic on NumPy arrays."""
    return eval(form.formula, {**NUMPY, "x": x, **values})


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_declared_whole(name):
    form = FORMS[name]
    values, (low, _high) = form.example
    assert list(values) == list(form.parameters)
    assert {s.name for s in parse_formula(f"y = {form.formula}", ["x", "y"], list(form.parameters)).parameters} == set(
        form.parameters
    )
    assert {*form.above_zero, *form.places, *([form.frequency] if form.frequency else [])} <= set(form.parameters)
    assert all(kin in FORMS for kin in form.kin)
    use_language("zh")
    try:
        from tidu.text import _

        words = [form.title, *(m.words for m in form.parameters.values())]
        assert [w for w in words if not re.search("[一-鿿]", _(w))] == []
    finally:
        use_language("en")
    assert not form.positive or low >= 0


@pytest.mark.parametrize("name", FORMS)
def test_a_form_computes_its_formula(name):
    values, (low, high) = FORMS[name].example
    x = np.linspace(low, high, 7)
    expected = curve_of(FORMS[name], values, x)
    found = tidu.fit(f"y = {name}(x)", {"x": x, "y": expected}, init=values, optimizer="gd", lr=1e-300, epochs=1)
    assert found.loss <= 1e-20 * max(1.0, float(np.max(expected**2)))
    np.testing.assert_allclose(found.predict({"x": x}), expected, rtol=1e-12)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), power=st.floats(-4, 4), lift=st.floats(-3, 3))
def test_the_data_start_a_form_near_enough(name, seed, power, lift):
    """Whatever the units of x and of y: a solver that starts there explains nearly all that can be explained."""
    form = FORMS[name]
    random = np.random.default_rng(seed)
    values, (low, high) = form.example
    x = np.sort(random.uniform(low, high, 60))
    y = curve_of(form, values, x)
    y = (y + random.normal(0, 0.02 * np.ptp(y), len(x))) * 10.0**lift
    x = x if name == "arrhenius" else x * 10.0**power
    run = tidu.fit(f"y = {name}(x)", {"x": x, "y": y}, optimizer="lm")
    assert run.loss < 1.8 * (0.02 * np.ptp(y)) ** 2


def test_drc_ryegrass():
    # R: drm(rootl ~ conc, data = ryegrass, fct = LL.4()), in the manual of drc (Ritz et al. 2015).
    run = tidu.fit("rootl = logistic4(conc)", RYEGRASS, optimizer="lm")
    published = {"hill": 2.98222, "top": 0.48141, "bottom": 7.79296, "ec50": 3.05795}
    for name, value in published.items():
        assert run.params[name] == pytest.approx(value, abs=2e-5)
    errors = {"hill": 0.46506, "top": 0.21219, "bottom": 0.18857, "ec50": 0.18573}
    for name, value in errors.items():
        assert run.statistics.standard_errors[name] == pytest.approx(value, rel=0.02)
    # drc takes the errors from the cost's second derivatives, residuals and all, where least squares takes the slopes'.
    objective = Objective(run.program, run.problem.columns)
    curvature = objective.quadratic(np.array(list(run.params.values())))[2] * len(RYEGRASS["conc"]) / 2
    covariance = run.statistics.reduced_chi_square * np.linalg.inv(curvature)
    reach = 2.0859634472658364  # Student's t with 20 degrees of freedom
    # `confint(ryegrass.m1)` of drc, to seven digits: as far as its own optimiser comes.
    ends = {"hill": (2.01211606, 3.9523221), "top": (0.03878752, 0.9240389), "bottom": (7.39961398, 8.1863026),
            "ec50": (2.67052621, 3.4453837)}  # fmt: skip
    for k, (name, value) in enumerate(run.params.items()):
        half = reach * np.sqrt(covariance[k, k])
        assert (value - half, value + half) == pytest.approx(ends[name], abs=2e-4)
        assert round(half / reach, 4) == pytest.approx(errors[name], abs=1e-4)


def test_puromycin():
    # R: nls(rate ~ Vm*conc/(K + conc)), in the help page of Puromycin: Vm 2.127e+02, K 6.412e-02.
    run = tidu.fit("rate = michaelis_menten(conc)", PUROMYCIN, optimizer="lm")
    assert run.params["vmax"] == pytest.approx(212.7, abs=0.05)
    assert run.params["km"] == pytest.approx(0.06412, abs=5e-6)
    errors = run.statistics.standard_errors
    assert (errors["vmax"], errors["km"]) == (pytest.approx(6.947, abs=5e-4), pytest.approx(0.008281, abs=5e-7))


def test_two_peaks_are_two():
    random = np.random.default_rng(0)
    x = np.linspace(0, 10, 200)
    y = 4 * np.exp(-2 * (x - 3) ** 2) + 2 * np.exp(-((x - 7) ** 2) / 1.6) + random.normal(0, 0.05, 200)
    run = tidu.fit("y = gaussian(x) + gaussian(x)", {"x": x, "y": y}, optimizer="lm", fix={"base_2": 0.0})
    assert run.params["center"] == pytest.approx(3.0, abs=0.05)
    assert run.params["center_2"] == pytest.approx(7.0, abs=0.1)
    assert any("gaussian(x) is" in note for note in run.notes)


def test_a_form_of_another_feature_and_plain_descent():
    x = np.linspace(1, 50, 40)
    run = tidu.fit("y = logistic3(log(x))", {"x": x, "y": 3 / (1 + np.exp(-2 * (np.log(x) - 2)))}, lr=0.05, epochs=200)
    assert run.history.loss[0] < 0.02  # the start is near already
    assert run.params["top"] == pytest.approx(3.0, abs=0.2)


def test_what_the_user_says_goes_first():
    x = np.linspace(0, 5, 20)
    run = tidu.fit("y = exp_decay(x)", {"x": x, "y": np.exp(-x)}, init={"k": 7.0}, lr=1e-9, epochs=1)
    assert run.start["k"] == 7.0


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("y = gaussian(x, z)", r"gaussian\(x\) takes one feature, not 2"),
        ("y = gaussian(x, width=2)", "has no option 'width'"),
        ("y = gausian(x)", "did you mean 'gaussian'"),
    ],
)
def test_refusals(formula, says):
    with pytest.raises(tidu.TiduError, match=says):
        tidu.fit(formula, {"x": [1.0, 2, 3], "z": [1.0, 2, 3], "y": [1.0, 2, 3]})


def test_a_form_survives_a_file(tmp_path):
    run = tidu.fit("rate = michaelis_menten(conc)", PUROMYCIN, optimizer="lm")
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert loaded.predict({"conc": [0.3]}) == run.predict({"conc": [0.3]})
