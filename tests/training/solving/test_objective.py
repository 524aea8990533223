"""Every derivative of the objective against finite differences, in plain Python and compiled."""

import numpy as np
import pytest

from oracles import OF_ONE_SCORE
from tidu.training.settings import Settings
from tidu.training.solving.objective import Objective

FORMULA = "y = a*exp(-b*x) + c*x**2 + sin(a*c)"
AT = np.array([0.7, 0.4, -0.3])
TARGETS = {"logistic": [0.0, 1.0, 1.0, 0.0], "hinge": [-1.0, 1.0, 1.0, -1.0], "poisson": [0.0, 2.0, 1.0, 3.0]}


def objective(loss="squared", engine="python", **settings):
    table = {"x": [0.2, 0.9, 1.4, 2.0], "y": TARGETS.get(loss, [0.1, 0.8, -0.6, 1.1]), "s": [1.0, 2.0, 0.5, 1.5]}
    program = Settings(FORMULA, loss=loss, **settings).program(list(table))
    return Objective(program, [np.array(table[c.name]) for c in program.columns], engine)


def slopes(f, at, h=1e-5):
    """Central differences; their error is about h² times a third derivative, and rounding over h."""
    return np.array([(f(at + h * e) - f(at - h * e)) / (2 * h) for e in np.eye(len(at))])


@pytest.mark.parametrize("engine", ["python", "compiled"])
@pytest.mark.parametrize("settings", [{}, {"weights": "s"}, {"sigma": "s"}, {"l2": 0.3}])
@pytest.mark.parametrize("loss", ["squared", "half_squared", "log_cosh", "logistic", "poisson"])
def test_gradient_and_hessian(loss, settings, engine):
    o = objective(loss, engine, **settings)
    cost, gradient = o.cost_and_gradient(AT)
    assert cost == o.cost(AT)
    assert gradient == pytest.approx(slopes(o.cost, AT), rel=1e-7, abs=1e-9)
    hessian = o.hessian(AT)
    assert hessian == pytest.approx(slopes(lambda p: o.cost_and_gradient(p)[1], AT), rel=1e-7, abs=1e-8)
    direction = np.array([0.3, -1.0, 2.0])
    assert o.hessian_product(AT, direction) == pytest.approx(hessian @ direction, rel=1e-12)


def test_every_loss_has_products_with_its_hessian():
    for loss in OF_ONE_SCORE:
        o = objective(loss)
        assert o.hessian_product(AT, np.eye(3)[1]) == pytest.approx(o.hessian(AT)[1], rel=1e-12, abs=1e-14), loss


@pytest.mark.parametrize("settings", [{}, {"weights": "s"}, {"sigma": "s"}])
@pytest.mark.parametrize("loss", ["squared", "half_squared"])
def test_least_squares_is_the_same_cost(loss, settings):
    o = objective(loss, **settings)
    r, rows = o.residuals_and_jacobian(AT)
    assert o.residuals(AT) == pytest.approx(r, rel=1e-15)
    assert pytest.approx(slopes(o.residuals, AT), rel=1e-7, abs=1e-9) == rows.T
    factor = {"squared": 1.0, "half_squared": 0.5}[loss]
    assert factor * np.mean(r**2) == pytest.approx(o.cost(AT), rel=1e-14)
    whole = 2.0 * factor / len(r) * (rows.T @ rows + o.residual_curvature(AT))
    assert o.hessian(AT) == pytest.approx(whole, rel=1e-12)


def test_gradients_of_samples_average_to_that_of_the_cost():
    o = objective("poisson")
    assert o.sample_gradients(AT).mean(axis=0) == pytest.approx(o.cost_and_gradient(AT)[1], rel=1e-13)


def test_many_parameters_have_a_hessian_too():
    names = [f"w{k}" for k in range(20)]
    x = np.linspace(0.1, 1.0, 30)
    program = Settings("y = " + " + ".join(f"{n}*x**{k}" for k, n in enumerate(names))).program(["x", "y"])
    o = Objective(program, [x if c.name == "x" else x**2 for c in program.columns], "python")
    powers = x[:, None] ** np.arange(20)
    assert o.hessian(np.zeros(20)) == pytest.approx(2.0 * powers.T @ powers / 30, rel=1e-12)
