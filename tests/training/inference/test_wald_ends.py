"""The note on Wald's intervals without a profile: it tells what the profile tells, and stands where they miss."""

import numpy as np
import pytest

import tidu
from tidu.training.inference.confidence import UNLIKE, measure_of
from tidu.training.inference.wald_ends import ends_beside_wald
from tidu.training.solving.objective import Objective

CONC = [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10]
RATE = [76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200]
PUROMYCIN = {"conc": CONC, "rate": RATE}  # treated; Bates & Watts 1988, appendix A1.3
MICHAELIS = "rate = Vm*conc/(K + conc)"


def note_of(run):
    """The note; None where there is none."""
    return next((note for note in run.notes if "Wald's intervals" in note), None)


def test_puromycin_s_note_names_what_the_profile_names():
    given = {"optimizer": "lm", "init": {"Vm": 200, "K": 0.05}}
    plain, profiled = (
        tidu.fit(MICHAELIS, PUROMYCIN, **given),
        tidu.fit(MICHAELIS, PUROMYCIN, intervals="profile", **given),
    )
    assert "K (0.0456702 … 0.0825724)" in note_of(plain)
    assert "K (0.0456702 … 0.0825724)" in note_of(profiled)
    assert "Vm" not in note_of(plain)
    assert "--intervals profile has others" in note_of(plain)


def of_both(run):
    """The ends that are guessed and those of the profile, in half-widths of Wald's from the estimates: (p, 2) each."""
    s = run.statistics
    objective = Objective(run.program, run.problem.columns)
    best = np.array(list(run.params.values()))
    guessed = ends_beside_wald(objective, best, s.covariance, measure_of(objective, s, 0.95))
    half = s.quantile() * np.sqrt(np.diag(s.covariance))
    profiles = {profile.name: (profile.low, profile.high) for profile in run.profiles()}
    return [(np.array([ends[n] for n in run.params]) - best[:, None]) / half[:, None] for ends in (guessed, profiles)]


FORMS = {
    "y = a*exp(-b*x) + c": ({"a": 3.0, "b": 0.8, "c": 0.5}, np.linspace(0, 6, 25)),
    "y = v*x/(k + x)": ({"v": 4.0, "k": 0.7}, np.linspace(0.1, 4, 12)),
    "y = a/(1 + exp(-(x - m)/s))": ({"a": 5.0, "m": 4.0, "s": 1.0}, np.linspace(0, 9, 20)),
    "y = a*(1 - exp(-b*x))": ({"a": 4.0, "b": 0.5}, np.array([1.0, 2, 3, 4, 5, 7])),
    "y = a*x**b": ({"a": 1.0, "b": 1.7}, np.linspace(0.5, 3, 15)),
}


@pytest.mark.parametrize("formula", FORMS)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 30))])
def test_the_ends_that_are_guessed_are_near_those_of_the_profile(formula, seed):
    random = np.random.default_rng(seed)
    scatter, unit = random.uniform(0.01, 0.4), random.uniform(-3.0, 3.0)
    truth, x = FORMS[formula]
    y = eval(formula.partition("= ")[2], {"exp": np.exp, "x": x, **truth})
    y = (y + scatter * random.normal(size=len(x))) * 10.0**unit
    start = {name: value * 10.0**unit if name in "avc" else value for name, value in truth.items()}
    run = tidu.fit(formula, {"x": x, "y": y}, optimizer="lm", init=start)
    if run.statistics is None or run.stopped != "converged":
        return
    guessed, profiled = of_both(run)
    off = np.max(np.abs(profiled - [-1.0, 1.0]), axis=1)
    for k, name in enumerate(run.params):
        is_named = note_of(run) is not None and f"{name} (" in note_of(run)
        if off[k] < 0.8 * UNLIKE:
            assert not is_named
        if not off[k] < 1.25 * UNLIKE:  # or open, or lost
            assert is_named
        if off[k] < UNLIKE:
            np.testing.assert_allclose(guessed[k], profiled[k], atol=0.02)


def test_straight_models_and_exact_data_have_no_note():
    x = np.linspace(0, 3, 9)
    for data, formula in (
        ({"x": x, "y": 2 * x + np.cos(9 * x)}, "y = w*x + b"),
        ({"x": x, "y": 2 * np.exp(-0.5 * x)}, "y = a*exp(-b*x)"),
        ({"x": x[:2], "y": [1.0, 0.2]}, "y = a*exp(-b*x)"),
        ({"x": x, "y": np.zeros(9)}, "y = a*x"),
    ):
        assert note_of(tidu.fit(formula, data, optimizer="lm", init={"a": 1.0} if "a" in formula else {})) is None


@pytest.mark.parametrize(
    ("loss", "y"), [("poisson", [0, 0, 1, 0, 2, 3, 5, 9.0]), ("logistic", [0, 0, 1, 0, 0, 1, 1, 1.0])]
)
def test_few_counts_and_few_classes_have_it_too(loss, y):
    x = np.arange(8.0)
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss=loss, optimizer="auto")
    profiled = tidu.fit("y = w*x + b", {"x": x, "y": y}, loss=loss, optimizer="auto", intervals="profile")
    named = {n for n in ("w", "b") if note_of(run) and f"{n} (" in note_of(run)}
    assert named == {n for n in ("w", "b") if note_of(profiled) and f"{n} (" in note_of(profiled)} != set()


def test_other_losses_penalties_and_bootstraps_have_none():
    x = np.linspace(0.1, 4, 12)
    data = {"x": x, "y": 4 * x / (0.7 + x) + 0.3 * np.cos(30 * x)}
    for options in ({"loss": "huber", "optimizer": "auto"}, {"l2": 0.1, "optimizer": "lbfgs"}, {"lr": 0.01}):
        assert note_of(tidu.fit("y = v*x/(k + x)", data, init={"v": 4, "k": 1}, **options)) is None
