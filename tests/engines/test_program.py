"""A program holds the right expressions: loss, slopes, penalty, update."""

from __future__ import annotations

import pytest

from tidu.content.losses import loss_named
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.program import Program, Regularisation, program_of_function, program_of_model
from tidu.errors import NoDerivative
from tidu.language import ops
from tidu.language.expr import constant, symbol
from tidu.language.formula import parse_formula

COLUMNS = ("x", "z", "y")
W, B = symbol("w", "parameter"), symbol("b", "parameter")
X, Y = symbol("x", "feature"), symbol("y", "target")
GRAD_W, GRAD_B = symbol("w", "gradient"), symbol("b", "gradient")


def program(formula="y = w*x + b", loss="squared", optimizer="gd", **regularisation) -> Program:
    return program_of_model(
        parse_formula(formula, COLUMNS),
        loss_named(loss),
        optimizer_named(optimizer),
        rate(0.1),
        Regularisation(**regularisation),
    )


def test_one_sample():
    made = program()
    score = W * X + B
    assert made.parameters == (W, B)
    assert made.parameter_names == ("w", "b")
    assert made.columns == (X, Y)
    assert (made.score, made.prediction, made.target) == (score, score, Y)
    assert made.loss is (score - Y) ** 2
    assert made.slope is 2 * (score - Y)
    assert made.gradient == (made.slope * X, made.slope)


def test_columns_that_the_formula_does_not_name_are_not_read():
    assert [c.name for c in program("y = w*z").columns] == ["z", "y"]
    assert [c.name for c in program("y/z = w*x").columns] == ["x", "y", "z"]


def test_the_link_makes_the_prediction_and_the_loss_takes_the_score():
    made = program(loss="logistic")
    assert made.prediction is ops.sigmoid(made.score)
    assert made.loss is ops.softplus(made.score) - Y * made.score


def test_one_step_without_and_with_regularisation():
    plain = program()
    assert plain.penalty is constant(0.0)
    assert plain.mean_gradient == plain.penalised == plain.clipped == (GRAD_W, GRAD_B)
    assert plain.new_parameters == (W - plain.lr * GRAD_W, B - plain.lr * GRAD_B)
    rich = program(l2=0.5, penalise=("w",), clip_value=2.0)
    assert rich.penalty is 0.25 * W**2
    assert rich.penalised == (GRAD_W + 0.5 * W, GRAD_B)
    assert rich.clipped == tuple(ops.minimum(ops.maximum(g, -2.0), 2.0) for g in (GRAD_W, GRAD_B))


def test_the_state_of_each_parameter_in_order():
    made = program(optimizer="nadam")
    assert [(s.name, start) for s, _new, start in made.new_state] == [
        ("m_w", 0.0), ("v_w", 0.0), ("mu_product_w", 1.0), ("m_b", 0.0), ("v_b", 0.0), ("mu_product_b", 1.0),
    ]  # fmt: skip


def test_a_function_without_data():
    value = W**2 + 3 * B
    made = program_of_function(value, [B, W], optimizer_named("gd"), rate(0.1))
    assert made.parameters == (B, W)
    assert made.columns == ()
    assert made.target is None
    assert made.gradient == (constant(3.0), 2 * W)


@pytest.mark.parametrize(
    "formula",
    ["y = floor(w)*x", "y = x + sign(w - x)", "y = where(w > x, x, 2*x)", "y = v*x + floor(w)", "y = x + 0*w"],
)
def test_a_parameter_without_slope_is_refused_by_name(formula):
    with pytest.raises(NoDerivative, match=r"no slope along 'w' .*stands only inside a condition"):
        program(formula)


def test_a_parameter_with_slope_somewhere_is_accepted():
    assert program("y = where(w > 0, w, 0)*x").gradient[0] is not constant(0.0)
