"""The loop of nonlinear least squares: the same bits in plain Python and in machine code, and SciPy's minimum."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, least_squares

import tidu
from tidu.engines.build import module_of
from tidu.engines.compiler.calls import compiled
from tidu.engines.curvature import least_squares_source
from tidu.runtime.least_squares import TRIANGLE, first_inverse, first_pass, rows_of_room
from tidu.training.settings import Settings

CURVES = {
    "y = a*exp(-b*x) + c": {"a": 3.0, "b": 0.7, "c": 0.5},
    "y = a/(1 + exp(b - c*x))": {"a": 5.0, "b": 2.0, "c": 1.1},
    "y = a*x/(b + x)": {"a": 4.0, "b": 1.5},
    "y = a*sin(b*x + c) + d*x": {"a": 2.0, "b": 1.3, "c": 0.4, "d": 0.2},
}


def curve(formula, x, values):
    """The right side, by NumPy."""
    code = formula.split("=")[1]
    return eval(code, {"exp": np.exp, "sin": np.sin, "x": x, **values})


def ended(formula, columns, start, machine_code, most=80):
    """Whether a minimum was found, where the loop ended, its history, its three numbers, and R."""
    program = Settings.of(formula, {"optimizer": "lm"}).program(tuple(columns))
    source = least_squares_source(program)
    given = [np.asarray(columns[c.name], dtype=np.float64) for c in program.columns]
    p, columns, rows = len(program.parameters), len(given), len(given[0])
    at = [start[name] for name in program.parameter_names]
    sizes = (columns + p + 1, rows), (rows_of_room(p, most), 2 * p + 2)
    table, room = (np.full(size, math.nan) for size in sizes)
    table[:columns], room[0, :p] = given, at
    if machine_code:
        found = compiled(source, "fit")(table, room)
    else:
        table, room = table.tolist(), room.tolist()
        found = module_of(source).fit(table, room)
    room = np.array(room)
    first = first_pass(p)
    history = room[first : first + int(room[1, 0]), : 2 * p + 1]
    upper, begin = room[TRIANGLE : TRIANGLE + p + 1, : p + 1], first_inverse(p)
    if found:
        inverse = room[begin : begin + p, :p]
        np.testing.assert_allclose(inverse @ upper[:p, :p], np.eye(p), atol=1e-13 * room[1, 2])
    return found, room[0, :p], history, room[1, :3], upper


@st.composite
def problems(draw):
    formula = draw(st.sampled_from([*CURVES]))
    values = {name: value * draw(st.floats(0.7, 1.4)) for name, value in CURVES[formula].items()}
    rows, noise = draw(st.integers(len(values), 70)), draw(st.sampled_from([0.0, 1e-6, 0.05, 1.0]))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    x = np.sort(generator.uniform(0.1, 5.0, rows))
    y = curve(formula, x, values) + noise * generator.normal(size=rows)
    start = {name: value * draw(st.floats(0.3, 3.0)) for name, value in CURVES[formula].items()}
    return formula, {"x": x, "y": y}, start


@given(problems())
@settings(max_examples=40, deadline=None)
def test_machine_code_has_the_bits_of_plain_python(problem):
    plain, machine = ended(*problem, machine_code=False), ended(*problem, machine_code=True)
    assert plain[0] == machine[0]
    for a, b in zip(plain[1 : 5 if plain[0] else 4], machine[1 : 5 if plain[0] else 4], strict=True):
        assert a.tobytes() == b.tobytes()


@given(problems())
@settings(max_examples=60, deadline=None)
def test_a_minimum_is_one_for_scipy_too(problem):
    formula, columns, _start = problem
    found, at, history, numbers, upper = ended(*problem, machine_code=True)
    if not found:
        return
    names = list(CURVES[formula])
    order = Settings.of(formula, {"optimizer": "lm"}).program(tuple(columns)).parameter_names

    def residuals(values):
        return curve(formula, columns["x"], dict(zip(order, values, strict=True))) - columns["y"]

    assert set(names) == set(order)
    with np.errstate(all="ignore"):
        theirs = least_squares(residuals, at, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    ours = float(residuals(at) @ residuals(at))
    rounding = 1e-14 * np.linalg.norm(columns["y"]) * math.sqrt(ours)  # of ŷ, beside which residuals may be small
    assert ours <= 2.0 * theirs.cost * (1 + 1e-9) + rounding + 1e-25
    assert np.all(np.diff(history[:, len(at)]) <= 1e-9 * history[:-1, len(at)] + rounding + 1e-25)
    assert np.all(np.tril(upper, -1) == 0.0)
    gradient = upper[:, :-1].T @ upper[:, -1]
    np.testing.assert_allclose(upper[:, -1] @ upper[:, -1], ours, rtol=1e-9, atol=rounding + 1e-25)
    np.testing.assert_allclose(history[-1, len(at) + 1 :], gradient, rtol=1e-4, atol=1e-10 * (1 + ours))
    slopes = approx_fprime(at, residuals)
    products = slopes.T @ slopes
    np.testing.assert_allclose(upper[:, :-1].T @ upper[:, :-1], products, rtol=1e-4, atol=1e-5 * np.max(products))
    assert numbers[2] >= np.linalg.cond(upper[:, :-1] / np.linalg.norm(upper[:, :-1], axis=0)) * (1 - 1e-9)


def test_most_near_starts_lead_to_the_minimum():
    generator = np.random.default_rng(3)
    found = 0
    for formula, values in CURVES.items():
        x = np.linspace(0.1, 5.0, 40)
        y = curve(formula, x, values) + 0.05 * generator.normal(size=40)
        start = {name: value * 1.2 for name, value in values.items()}
        found += ended(formula, {"x": x, "y": y}, start, machine_code=False)[0]
    assert found == len(CURVES)


def test_it_ends_where_there_is_nothing_to_find():
    x = np.linspace(0.0, 1.0, 9)
    for start in ({"a": 0.0, "b": 0.0, "c": 0.0}, {"a": math.inf, "b": 1.0, "c": 0.0}, {"a": 1.0, "b": -1e4, "c": 1.0}):
        results = [ended("y = a*exp(-b*x) + c", {"x": x, "y": x}, start, machine_code=m) for m in (False, True)]
        assert results[0][0] == results[1][0]
        assert results[0][3].tobytes() == results[1][3].tobytes()
    assert not ended(
        "y = a*exp(-b*x) + c", {"x": x, "y": x}, {"a": 0.0, "b": 0.0, "c": 0.0}, machine_code=False, most=30
    )[0]


def test_a_formula_that_is_fitted_again_and_again_gets_machine_code_and_keeps_its_bits():
    x = np.linspace(0.1, 4.0, 30)
    data = {"x": x, "y": 2.0 * np.exp(-0.9 * x) + 0.3 + 0.01 * np.cos(40.0 * x)}
    formula = "y = first*exp(-second*x) + third"
    runs = [tidu.fit(formula, data, optimizer="lm", init={"first": 1.0, "second": 0.5}) for _k in range(4)]
    assert [run.engine for run in runs] == ["python", "python", "compiled", "compiled"]
    for run in runs[1:]:
        assert run.params == runs[0].params
        assert run.history.values.tobytes() == runs[0].history.values.tobytes()
        assert run.notes == runs[0].notes
        assert run.statistics.covariance.tobytes() == runs[0].statistics.covariance.tobytes()
    plain = tidu.fit(formula, data, optimizer="lm", init={"first": 1.0, "second": 0.5}, engine="python")
    assert plain.engine == "python"
    assert plain.params == runs[0].params


@pytest.mark.parametrize("limit", [{"epochs": 3}, {"until_loss": 0.05}, {"tol": 0.05}])
def test_limits_hold_as_they_do_pass_by_pass(limit):
    x = np.linspace(0.1, 4.0, 30)
    data = {"x": x, "y": 2.0 * np.exp(-0.9 * x) + 0.3 + 0.01 * np.cos(40.0 * x)}
    whole = tidu.fit("y = a*exp(-b*x) + c", data, optimizer="lm", init={"a": 1.0, "b": 0.5})
    part = tidu.fit("y = a*exp(-b*x) + c", data, optimizer="lm", init={"a": 1.0, "b": 0.5}, **limit)
    assert part.steps < whole.steps
    assert part.history.loss.tolist() == whole.history.loss[: part.steps].tolist()
    assert part.stopped == {"epochs": "epochs", "until_loss": "loss", "tol": "converged"}[next(iter(limit))]


def test_data_without_any_noise_end_in_the_loop_too():
    x = np.linspace(0.0, 3.0, 30)
    data = {"x": x, "y": 2.0 * np.exp(-x) + 0.1}
    found, at, _history, _numbers, _upper = ended("y = a*exp(-b*x) + c", data, {"a": 1.0, "b": 0.5, "c": 0.0}, False)
    assert found
    assert sorted(at.tolist()) == pytest.approx([0.1, 1.0, 2.0], rel=1e-14)
