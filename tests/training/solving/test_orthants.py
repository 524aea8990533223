"""L1 penalties, exactly: scikit-learn's coordinate descent, the subgradient condition, every scale."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression

import tidu
from tidu.errors import SettingError


def problem_of(seed, rows, features, scales=0.0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, features)) * 10 ** random.uniform(-scales, scales, size=features)
    weights = random.normal(size=features) * (random.random(features) < 0.4) / np.std(x, axis=0)
    y = x @ weights + random.normal(size=rows) + 3.0
    names = [f"w{k}" for k in range(features)]
    formula = "y = b + " + " + ".join(f"w{k}*x{k}" for k in range(features))
    return x, y, {f"x{k}": x[:, k] for k in range(features)} | {"y": y}, names, formula


@pytest.mark.parametrize("optimizer", ["auto", "newton", "lbfgs"])
@pytest.mark.parametrize("seed", range(6))
def test_the_lasso_and_the_elastic_net_are_those_of_coordinate_descent(seed, optimizer):
    random = np.random.default_rng(seed)
    rows, features = int(random.integers(5, 60)), int(random.integers(1, 12))
    l1, l2 = 10 ** random.uniform(-2.5, 0.3), 0.3 * (seed % 2)
    x, y, table, names, formula = problem_of(seed, rows, features)
    run = tidu.fit(formula, table, l1=l1, l2=l2, penalise=names, optimizer=optimizer, loss="half_squared")
    assert run.stopped == "converged"
    other = Lasso(alpha=l1) if not l2 else ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2))
    other.set_params(tol=1e-13, max_iter=1_000_000).fit(x, y)
    w = other.coef_
    cost = 0.5 * np.mean((other.predict(x) - y) ** 2) + l1 * np.sum(np.abs(w)) + 0.5 * l2 * np.sum(w**2)
    assert run.history.loss[-1] <= cost * (1 + 1e-9)
    found = np.array([run.params[n] for n in names])
    slope = x.T @ (x @ found + run.params["b"] - y) / rows + l2 * found
    assert np.all(np.abs(slope[found == 0.0]) <= l1 * (1 + 1e-6))
    assert slope[found != 0.0] == pytest.approx(-l1 * np.sign(found[found != 0.0]), rel=1e-4, abs=1e-4 * l1)


@pytest.mark.parametrize("optimizer", ["newton", "lbfgs"])
def test_more_parameters_than_rows_on_scales_that_differ_a_millionfold(optimizer):
    x, y, table, names, formula = problem_of(5, 20, 40, scales=3.0)
    run = tidu.fit(formula, table, l1=0.3, penalise=names, optimizer=optimizer, loss="half_squared")
    other = Lasso(alpha=0.3, tol=1e-13, max_iter=1_000_000).fit(x, y)
    found = np.array([run.params[n] for n in names])
    assert run.stopped == "converged"
    assert np.array_equal(found == 0.0, other.coef_ == 0.0)
    assert found == pytest.approx(other.coef_, rel=1e-5)
    assert any(note.startswith("the L1 penalty leaves at 0: ") for note in run.notes)


def test_logistic_regression_with_an_l1_penalty():
    x, _y, table, names, formula = problem_of(3, 150, 8)
    labels = (np.random.default_rng(1).random(150) < 1 / (1 + np.exp(-x[:, 0] + x[:, 3]))).astype(int)
    run = tidu.fit(
        formula, table | {"y": labels}, loss="logistic", l1=1 / (150 * 0.3), penalise=names, optimizer="auto"
    )
    other = LogisticRegression(l1_ratio=1.0, C=0.3, solver="saga", tol=1e-12, max_iter=100_000)
    other.fit(x, labels)
    assert (run.stopped, run.settings.optimizer) == ("converged", "newton")
    assert [run.params[n] for n in names] == pytest.approx(other.coef_[0], abs=1e-7)


def test_a_curve_is_left_without_the_terms_that_do_not_pay():
    x = np.linspace(0.0, 4.0, 40)
    y = 3 * np.exp(-0.8 * x) + np.random.default_rng(0).normal(size=40) * 0.05
    for optimizer in ("newton", "lbfgs"):
        run = tidu.fit(
            "y = a*exp(-b*x) + c*x + d*x**2", {"x": x, "y": y}, l1=0.05, init={"a": 1, "b": 1}, optimizer=optimizer
        )
        assert run.stopped == "converged"
        assert run.params["d"] == 0.0
        assert "the L1 penalty leaves at 0: d" in run.notes


def test_bounds_hold_beside_an_l1_penalty():
    _x, _y, table, names, formula = problem_of(1, 30, 3)
    run = tidu.fit(formula, table, l1=0.1, penalise=names, optimizer="auto", bounds={"w0": (0, 0.01), "w1": (None, -1)})
    assert (run.stopped, run.settings.optimizer) == ("converged", "lbfgs")
    assert 0.0 <= run.params["w0"] <= 0.01
    assert run.params["w1"] <= -1.0


def test_lm_takes_no_penalty():
    with pytest.raises(SettingError, match="l1 has no meaning for lm"):
        tidu.fit("y = a*x", {"x": [1.0, 2], "y": [1.0, 2]}, l1=0.1, optimizer="lm")
