"""Where a cost or its slope is no finite number: the row, the parameter and the operation are named."""

import numpy as np
import pytest

import tidu
from tidu.training.problem import Problem
from tidu.training.solving.objective import Objective

X = [1.0, 2.0, 3.0, 0.0]
Y = [1.0, 2.0, 3.0, 1.0]
SOLVERS = ("lm", "lbfgs", "newton")
NO_VALUE = [
    ("y = a*x**b", {"a": 1, "b": -1}, X, "in row 4 (x = 0, b = -1), x**b is inf;"),
    ("y = a*x**b", {"a": 1, "b": 0.5}, [*X[:3], -1.0], "in row 4 (x = -1, b = 0.5), x**b is not a number;"),
    ("y = sigmoid(x/c)", {"c": 0}, X, "in row 4 (x = 0, c = 0), x/c is not a number;"),
    ("y = x*log(a*x)", {"a": 1}, X, "in row 4 (x = 0, a = 1), log(a*x) is -inf;"),
    ("y = sin(a*x)/(a*x)", {"a": 1}, X, "in row 4 (x = 0, a = 1), sin(a*x)/(a*x) is not a number;"),
]
NO_SLOPE = [
    ("y = a*x**b", {"a": 1, "b": 2}, [*X[:3], -1.0],
     "in row 4 (x = -1, b = 2), the derivative of x**b by b has no value, because of log(x);"),
    ("y = asin(a*x)", {"a": 1}, [0.1, 0.2, 0.3, 1.0],
     "in row 4 (x = 1, a = 1), the derivative of asin(a*x) by a is infinite, because of 1/sqrt(1 - (a*x)**2);"),
    ("y = sqrt(a*x)", {"a": 0}, X,
     "in row 1 (x = 1, a = 0), the derivative of sqrt(a*x) by a is infinite, because of 1/(2*sqrt(a*x));"),
    ("y = a**x", {"a": 0}, [1.0, 2.0, 3.0, 0.5],
     "in row 4 (x = 0.5, a = 0), the derivative of a**x by a is infinite, because of a**(x - 1);"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "init", "x", "words"), NO_VALUE + NO_SLOPE)
def test_descent_names_the_row_the_parameter_and_the_operation(formula, init, x, words):
    run = tidu.fit(formula, {"x": x, "y": Y}, init=init)
    assert run.stopped == "diverged"
    [note] = run.notes
    assert note.startswith("step 1 is not finite: " + words)
    assert ("--fix" in note) == ("derivative" in words)
    doctor = run.diagnose(trials=False)["divergence"]
    assert doctor.words == "it diverged at step 1: " + words.rstrip(";")


@pytest.mark.parametrize("optimizer", SOLVERS)
@pytest.mark.parametrize(("formula", "init", "x", "words"), [NO_VALUE[0], NO_VALUE[1], NO_VALUE[3], NO_SLOPE[0]])
def test_solvers_name_them_too(optimizer, formula, init, x, words):
    run = tidu.fit(formula, {"x": x, "y": Y}, init=init, optimizer=optimizer)
    assert run.stopped in ("diverged", "steps")
    assert run.notes[0].startswith("there is no step to make: " + words)


def test_a_parameter_that_is_fixed_needs_no_slope():
    x, y = np.array([1.0, 2.0, 3.0, -1.0]), np.array([2.0, 8.0, 18.0, 2.0])
    run = tidu.fit("y = a*x**b", {"x": x, "y": y}, fix={"b": 2}, optimizer="lm")
    assert run.stopped == "converged"
    assert run.params["a"] == pytest.approx(2.0, rel=1e-12)


def test_a_later_step_names_them_and_asks_for_a_smaller_rate():
    run = tidu.fit("y = sqrt(a)*x", {"x": [1.0], "y": [0.5]}, init={"a": 1}, lr=2.0, tol=None)  # a: 1, 0
    assert run.stopped == "diverged"
    assert run.notes[0] == (
        "diverged: step 2 is not finite: in row 1 (a = 0), the derivative of sqrt(a) by a is infinite, because of "
        "1/(2*sqrt(a)). Try a smaller learning rate than 2.0"
    )


def test_a_plain_function_has_no_rows():
    found = tidu.minimize("x**a", {"x": -1.0, "a": 2.0})
    [note] = found.notes
    assert note == (
        "step 1 is not finite: at x = -1, a = 2, the derivative of x**a by a has no value, because of log(x); "
        "start elsewhere"
    )
    assert tidu.minimize("log(x)", {"x": 0.0}).to_dict()["notes"] == [
        "step 1 is not finite: at x = 0, log(x) is -inf; start elsewhere"
    ]


def test_rows_are_looked_through_part_by_part():
    rows = 200_000
    x = np.linspace(1.0, 2.0, rows)
    x[150_000] = -1.0
    run = tidu.fit("y = a*x**b", {"x": x, "y": x}, init={"a": 1, "b": 0.5}, epochs=1)
    assert "in row 150001 (x = -1, b = 0.5), x**b is not a number" in run.notes[0]


# -- where there is a limit, the derivative has it ----------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "at"),
    [
        ("y = sqrt(a*x)", {"a": 1.5}),
        ("y = (a*x)**b", {"a": 1.5, "b": 0.5}),
        ("y = c*(x/d)**m", {"c": 2, "d": 1.5, "m": 0.7}),
        ("y = 1/(1 + (x/c)**b)", {"c": 1.5, "b": 0.4}),
        ("y = a*x**b", {"a": 1.5, "b": 0.3}),
        ("y = sigmoid(sqrt(-x*a/c))", {"a": -1.5, "c": 2}),
        ("y = sigmoid(x/c)", {"c": 1e-100}),
        ("y = abs(a*x)", {"a": 0}),
    ],
)
def test_a_row_that_nothing_moves_has_slopes_of_0_to_the_second_derivative(formula, at):
    problem = Problem.read(formula, {"x": np.array([0.0]), "y": np.array([0.25])}, {"init": at})
    objective = Objective(problem.program, problem.columns, "python")
    point = np.array([float(at[name]) for name in problem.program.parameter_names])
    _cost, slope = objective.cost_and_gradient(point)
    free = [k for k, name in enumerate(problem.program.parameter_names) if name != "c" or formula != "y = c*(x/d)**m"]
    assert np.all(slope[free] == 0.0)
    assert np.all(np.isfinite(objective.hessian(point)))


def test_a_power_law_with_a_row_at_0_is_fitted_as_without_it():
    x = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0])
    y = 3.0 * (x / 2.0) ** 0.6
    for optimizer in SOLVERS:
        run = tidu.fit("y = 3*(x/d)**m", {"x": x, "y": y}, init={"d": 1, "m": 0.5}, optimizer=optimizer)
        assert run.stopped == "converged", (optimizer, run.notes)
        assert run.params == pytest.approx({"d": 2.0, "m": 0.6}, rel=1e-6)
