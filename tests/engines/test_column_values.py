"""An expression of every row in NumPy has the bits of the generated loops, plain and compiled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tidu.content.losses import loss_named
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.build import module_of
from tidu.engines.column_values import ROWS, sum_of_rows, values_of_rows
from tidu.engines.compiler.calls import compiled
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.program import Regularisation, program_of_model
from tidu.language.formula import parse_formula
from tidu.training.judging import evaluation
from tidu.training.judging.evaluation import cost_of, predictions_of

FORMULAS = [
    "y = w*x + b",
    "y = w1*x**2 + w2*x + w3",
    "y = a*exp(b*x) + c*sin(3*x) / (x**2 + d**2 + 1)",
    "y = where(x > 0.2, a, b*x) + max(x, z)*d - sigmoid(z)**3",
    "y = b",
    "y = softplus(a*x - z) + abs(x)**a",
]


def program_of(formula, l2=0.0):
    model = parse_formula(formula, ["x", "z", "y"], ["b"])
    return program_of_model(
        model, loss_named("huber"), optimizer_named("gd"), rate(0.1), Regularisation(0.0, l2, None, None, None), None
    )


def data(rows, seed=0):
    random = np.random.default_rng(seed)
    return {name: random.normal(0.0, 1.5, rows) for name in "xzy"}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("rows", [1, 5, ROWS, ROWS + 3])
def test_predictions_and_costs(formula, rows, monkeypatch):
    program, columns = program_of(formula, 0.1), data(rows)
    parameters = tuple(np.linspace(-0.7, 1.3, len(program.parameters)).tolist())
    given = tuple(columns[c.name] for c in program.columns)
    features = tuple(columns[c.name] for c in program.columns if c.role == "feature")
    in_numpy = predictions_of(program, features, parameters, rows)
    cost = cost_of(program, given)(parameters)

    predicted = [0.0] * rows
    plain = [c.tolist() for c in features]
    module_of(predict_source(program)).predict(tuple(plain), 0, rows, parameters, predicted)
    assert_array_equal(in_numpy, predicted)
    assert cost == module_of(cost_source(program)).cost(tuple(c.tolist() for c in given), 0, rows, parameters)

    by_machine = np.zeros(rows)
    compiled(predict_source(program), "predict")(features, 0, rows, parameters, by_machine)
    assert_array_equal(in_numpy, by_machine)
    monkeypatch.setattr(evaluation, "seconds_to_compile", lambda outputs: 0.0)
    assert_array_equal(predictions_of(program, features, parameters, rows), in_numpy)
    assert cost_of(program, given)(parameters) == cost


def test_a_sum_goes_on_from_a_total():
    program, columns = program_of("y = w*x + b"), data(ROWS + 100)
    numbers = dict(zip(program.parameters, (0.5, -1.0), strict=True))
    whole = {c: columns[c.name] for c in program.columns}
    parts = [{c: column[piece] for c, column in whole.items()} for piece in (slice(0, 777), slice(777, None))]
    total = sum_of_rows(program.loss, parts[0], numbers, 777)
    assert sum_of_rows(program.loss, parts[1], numbers, ROWS + 100 - 777, total) == sum_of_rows(
        program.loss, whole, numbers, ROWS + 100
    )


def test_some_rows_and_what_is_not_finite():
    program, columns = program_of("y = a*x/z"), data(50)
    columns["z"][7], columns["x"][9] = 0.0, np.inf
    given = {c: columns[c.name] for c in program.columns}
    found = values_of_rows(program.prediction, given, {program.parameters[0]: 2.0}, 5, 20)
    assert found.shape == (15,)
    assert np.isinf(found[2])
    assert np.isinf(found[4])
