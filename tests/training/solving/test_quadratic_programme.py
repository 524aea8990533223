"""Straight losses with penalties: support vector machines, quantiles, perceptrons, each beside another code."""

import warnings

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import QuantileRegressor
from sklearn.svm import SVC

import tidu
from tidu.training.solving.quadratic_programme import lowest_point


def classes(seed, rows, features, noise=1.0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, features))
    y = np.where(x @ random.normal(size=features) + noise * random.normal(size=rows) > 0.2, 1.0, -1.0)
    y[:2] = -1.0, 1.0
    names = [f"w{k}" for k in range(features)]
    formula = "y = b + " + " + ".join(f"w{k}*x{k}" for k in range(features))
    return x, y, {f"x{k}": x[:, k] for k in range(features)} | {"y": y}, names, formula


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(12))
def test_the_support_vector_machine_is_libsvms_or_lower(seed):
    random = np.random.default_rng(seed)
    rows, features, c = int(random.integers(6, 120)), int(random.integers(1, 7)), 10 ** random.uniform(-2, 2)
    x, y, table, names, formula = classes(seed, rows, features)
    l2 = 1 / (rows * c)
    run = tidu.fit(formula, table, loss="hinge", l2=l2, penalise=names, optimizer="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an end before its tolerance is met
        other = SVC(kernel="linear", C=c, tol=1e-5, max_iter=200_000).fit(x, y)
    w = other.coef_[0]
    cost = np.mean(np.maximum(0.0, 1 - y * (x @ w + other.intercept_[0]))) + 0.5 * l2 * w @ w
    assert (run.stopped, run.settings.optimizer) == ("converged", "lp")
    assert cost * (1 - 1e-3) <= run.history.loss[-1] <= cost * (1 + 1e-9)


@pytest.mark.parametrize("tau", [0.3, 0.5])
def test_quantiles_with_an_l1_penalty(tau):
    random = np.random.default_rng(4)
    x, _y, table, names, formula = classes(4, 80, 4)
    y = x @ [1.0, 0, -2, 0] + random.standard_cauchy(80)
    run = tidu.fit(formula, table | {"y": y}, loss=f"quantile(tau={tau})", l1=0.1, penalise=names, optimizer="auto")
    other = QuantileRegressor(quantile=tau, alpha=0.1, solver="highs").fit(x, y)
    assert (run.stopped, run.settings.optimizer) == ("converged", "lp")
    assert [run.params[n] for n in names] == pytest.approx(other.coef_, abs=1e-9)


def test_hinge_alone_is_a_linear_programme():
    x, y, table, names, formula = classes(0, 60, 3)
    run = tidu.fit(formula, table, loss="hinge", optimizer="auto")
    slack = np.hstack([-y[:, None] * np.column_stack([x, np.ones(60)]), -np.eye(60)])  # y·score >= 1 - slack
    other = linprog(
        [*[0.0] * 4, *[1 / 60] * 60], A_ub=slack, b_ub=-np.ones(60), bounds=[*[(None, None)] * 4, *[(0, None)] * 60]
    )
    assert (run.stopped, run.settings.optimizer) == ("converged", "lp")
    assert run.loss == pytest.approx(other.fun, rel=1e-9)
    margins = y * (x @ [run.params[n] for n in names] + run.params["b"])
    assert np.sum(np.abs(margins - 1.0) < 1e-9) >= 4  # a vertex: as many rows at the margin as parameters


def test_a_perceptron_finds_the_boundary_if_there_is_one_and_says_if_there_is_none():
    _x, _y, table, _names, formula = classes(0, 60, 3, noise=0.0)
    apart = tidu.fit(formula, table, loss="perceptron", optimizer="auto")
    assert (apart.stopped, apart.settings.optimizer) == ("converged", "lp")
    assert apart.metrics["accuracy"] == 1.0
    _x, _y, table, _names, formula = classes(0, 60, 3, noise=2.0)
    mixed = tidu.fit(formula, table, loss="perceptron", optimizer="auto")
    assert mixed.settings.optimizer == "adam"
    assert "no straight boundary separates the classes" in mixed.notes[0]
    assert not [n for n in mixed.notes if "begun anew" in n]  # for a cost that is 0 at the start is no reason


def test_bounds_are_walls_of_the_quadratic_programme():
    _x, _y, table, names, formula = classes(2, 50, 3)
    free = tidu.fit(formula, table, loss="hinge", l2=0.01, penalise=names, optimizer="lp")
    name = max(names, key=lambda n: free.params[n])
    half = free.params[name] / 2
    run = tidu.fit(formula, table, loss="hinge", l2=0.01, penalise=names, optimizer="lp", bounds={name: (None, half)})
    assert run.stopped == "converged"
    assert run.params[name] == pytest.approx(half, rel=1e-12)
    assert run.history.loss[-1] > free.history.loss[-1]


def test_a_median_that_a_penalty_pulls_to_0():
    """Of |w − 1| + ½·l2·w²: w is 1 while l2 is below 1, then 1/l2 (by hand)."""
    for l2, expected in ((0.5, 1.0), (1.0, 1.0), (4.0, 0.25)):
        one = np.ones(1)
        w = lowest_point(-one, one[:, None], -one, one, 1, l2 * one, 0 * one, one, None)
        assert w == pytest.approx([expected], rel=1e-12)
