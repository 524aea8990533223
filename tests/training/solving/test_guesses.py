"""Starts guessed from the data: the common forms, at every scale, without a starting value."""

import numpy as np
import pytest

import tidu
from tidu.language.formula import parse_formula
from tidu.training.settings import Settings
from tidu.training.solving.attempts import _near
from tidu.training.solving.guesses import guessed_starts, linear_parameters, units_of
from tidu.training.solving.objective import Objective

X = np.linspace(0.1, 5.0, 40)
# formula, the truth on x from 0 to 5; each is fitted with x and y in other units too
FORMS = {
    "exponential": ("y = a*exp(-b*x) + c", 2 * np.exp(-1.3 * X) + 0.5),
    "growth": ("y = a*exp(b*x)", 0.3 * np.exp(0.8 * X)),
    "power": ("y = a*x**b", 1.5 * X**1.7),
    "power with offset": ("y = a - b*x**m", 4 - 0.6 * X**0.45),
    "logistic": ("y = L/(1 + exp(-k*(x - m)))", 3 / (1 + np.exp(-2.5 * (X - 2.2)))),
    "gaussian": ("y = a*exp(-(x - m)**2/(2*s**2)) + c", 2 * np.exp(-((X - 3.1) ** 2) / (2 * 0.4**2)) + 0.3),
    "sine": ("y = a*sin(w*x + p) + c", 1.2 * np.sin(4.1 * X + 0.7) + 0.2),
    "michaelis": ("y = v*x/(k + x)", 3.3 * X / (0.9 + X)),
    "double exponential": ("y = a*exp(-b*x) + c*exp(-d*x)", 3 * np.exp(-4 * X) + 1 * np.exp(-0.4 * X)),
    "ratio": ("y = (a + b*x)/(1 + c*x + d*x**2)", (1 + 2 * X) / (1 + 0.3 * X + 0.2 * X**2)),
}


@pytest.mark.sampled(10)
@pytest.mark.parametrize("units", [(1.0, 1.0), (1e3, 1e-6), (1e-7, 1e5)])
@pytest.mark.parametrize("name", FORMS)
def test_the_common_forms_need_no_start(name, units):
    formula, exact = FORMS[name]
    u, v = units
    noise = 0.01 * np.std(exact) * np.random.default_rng(5).normal(size=len(X))
    run = tidu.fit(formula, {"x": u * X, "y": v * (exact + noise)}, optimizer="lm", engine="python")
    assert run.stopped == "converged"
    assert run.metrics["r2"] > 0.999


def test_a_guess_is_said():
    formula, exact = FORMS["gaussian"]
    run = tidu.fit(formula, {"x": 1e4 * X, "y": exact}, optimizer="auto")
    assert any("guessed from the data" in note for note in run.notes)


def objective_of(formula, table):
    program = Settings(formula).program(list(table))
    return Objective(program, [table[c.name] for c in program.columns], "python")


def test_units_follow_from_the_expression():
    model = parse_formula("y = a*exp(-(x - m)**2/(2*s**2)) + c*x**n + d/(k + x)", ["x", "y"])
    x = model.features[0]
    found = units_of(model.score, model.target, numeric=False)
    by_name = {p.name: found.get(p, {}) for p in model.parameters}
    assert by_name["m"] == by_name["s"] == by_name["k"] == {x: pytest.approx(1.0)}
    assert by_name["a"] == {model.target: pytest.approx(1.0)}
    assert by_name["n"] == {}
    assert by_name["d"] == {x: pytest.approx(1.0), model.target: pytest.approx(1.0)}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_starts_never_change_a_sign_that_was_given(scale):
    o = objective_of("y = a*exp(-b*x)*sin(w*x)", {"x": scale * X, "y": np.cos(X)})
    first = np.array([0.0, -0.5 / scale, 3.0 / scale])
    names = o.program.parameter_names
    linear = [names[k] for k in linear_parameters(o)]
    assert linear == ["a"]
    starts = [*_near(o, first), *guessed_starts(o, first)]
    assert len(starts) > 12
    for start in starts:
        assert np.all(np.sign(start[1:]) == np.sign(first[1:]))
