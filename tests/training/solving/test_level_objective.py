"""Level by level, an objective has the sums, the triangles and the answers of the one whose texts name every level."""

import numpy as np
import pytest

import tidu
from tidu.training.problem import Problem
from tidu.training.solving.level_objective import LevelObjective, level_objective_of
from tidu.training.solving.objective import Objective
from tidu.training.solving.statistics import has_constant, linear_names, statistics_of

FORMULAS = [
    "y = a[city]*exp(-b*t) + c",
    "y = c + a[city]*exp(-b[city]*t)",
    "y = a[city]*t + b[city]",
    "y = b*t + a[city]",
    "y = (a[city]*t + c)/(1 + b[city]*t*t)",
]


def both(formula, weights=None, rows=60):
    random = np.random.default_rng(3)
    data = {"city": random.integers(0, 6, rows), "t": random.uniform(0.0, 3.0, rows), "y": random.normal(size=rows)}
    data["w"] = random.uniform(0.5, 2.0, rows)
    problem = Problem.read(formula, data, {"optimizer": "lm", "weights": weights})
    by_level = level_objective_of(problem.program, problem.columns)
    assert isinstance(by_level, LevelObjective)
    at = random.uniform(0.2, 1.5, by_level.p)
    return by_level, Objective(problem.program, problem.columns), at


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_its_rows_stand_for_all_rows(formula, weights):
    ours, plain, at = both(formula, weights)
    (r, jacobian), (rows, slopes) = ours.residuals_and_jacobian(at), plain.residuals_and_jacobian(at)
    assert len(r) <= ours.p + 1
    assert r @ r == pytest.approx(rows @ rows, rel=1e-13)
    assert jacobian.T @ r == pytest.approx(slopes.T @ rows, rel=1e-11, abs=1e-11)
    assert jacobian.T @ jacobian == pytest.approx(slopes.T @ slopes, rel=1e-12, abs=1e-12)
    assert np.array_equal(ours.residuals(at), r)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_costs_slopes_and_what_is_linear(formula, weights):
    ours, plain, at = both(formula, weights)
    assert ours.cost(at) == pytest.approx(plain.cost(at), rel=1e-14)
    (cost, slope), (same, expected) = ours.cost_and_gradient(at), plain.cost_and_gradient(at)
    assert cost == pytest.approx(same, rel=1e-14)
    assert slope == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert ours.costs_apart(at, 10.0 * at) == pytest.approx(plain.costs_apart(at, 10.0 * at), rel=1e-12)
    assert linear_names(ours) == linear_names(plain)
    assert ours.is_linear == plain.is_linear
    assert has_constant(ours, at) == has_constant(plain, at)


@pytest.mark.parametrize("formula", [*FORMULAS[:4], "y = a[city] + b + c*t"])
def test_statistics_are_the_same_also_of_what_cannot_be_told_apart(formula):
    ours, plain, at = both(formula, "w")
    one, other = (statistics_of(objective, at, known_sigma=False) for objective in (ours, plain))
    assert (one.rank, one.confused, one.linear) == (other.rank, other.confused, other.linear)
    assert one.covariance == pytest.approx(other.covariance, rel=1e-8, abs=1e-12, nan_ok=True)
    assert one.f_test == (None if other.f_test is None else pytest.approx(other.f_test, rel=1e-9))


def test_levels_without_rows_leave_their_columns_empty():
    data = {"city": [k for k in range(8) for _row in range(2)], "t": np.linspace(0.0, 3.0, 16)}
    data["y"] = np.exp(-data["t"]) + 0.1 * np.sin(7.0 * data["t"])
    run = tidu.fit("y = a[city]*t + b", data, optimizer="lm", test_size=0.5)
    errors = run.statistics.standard_errors
    kept = {f"a[{int(level)}]" for level in run.problem.table["level(city)"]}
    absent = [name for name in errors if name != "b" and name not in kept]
    assert absent
    assert np.isnan([errors[name] for name in absent]).all()
