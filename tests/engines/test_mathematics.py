"""The mathematics of a program as people read it: looks of common models, and that the lines mean what runs."""

from __future__ import annotations

import re

import pytest

from oracles import OF_ONE_SCORE
from readers import latex_value, unicode_value
from tidu.content.losses import loss_named
from tidu.content.optimizers import OPTIMIZERS, optimizer_named
from tidu.content.schedules import STEP, rate
from tidu.engines.mathematics import LATEX, UNICODE, equations, latex_of, update_rule
from tidu.engines.program import Program, Regularisation, program_of_function, program_of_model
from tidu.language.expr import evaluate, symbol
from tidu.language.formula import parse_formula
from tidu.language.printer import latex_name, unicode_name
from tidu.language.reader import parse_expression


def program(formula="y = w*x + b", loss="squared", optimizer="gd", **regularisation) -> Program:
    return program_of_model(
        parse_formula(formula, ("x", "x1", "x2", "y", "net price")),
        loss_named(loss),
        optimizer_named(optimizer),
        rate(0.1),
        Regularisation(**regularisation),
    )


@pytest.mark.parametrize(
    ("formula", "loss", "slopes"),
    [
        ("y = w*x + b", "squared", ["2(ŷ − y)·x", "2(ŷ − y)"]),
        ("y = w*x + b", "half_squared", ["(ŷ − y)·x", "ŷ − y"]),
        ("y = w*x + b", "absolute", ["sign(ŷ − y)·x", "sign(ŷ − y)"]),
        ("y = w*x + b", "huber(delta=2)",
         [f"where(|ŷ − y| ≤ 2, ŷ − y, 2·sign(ŷ − y)){x}" for x in ("·x", "")]),
        ("y = w*x + b", "log_cosh", ["tanh(ŷ − y)·x", "tanh(ŷ − y)"]),
        ("y = w*x + b", "logistic", ["(σ(ŷ) − y)·x", "σ(ŷ) − y"]),
        ("y = w*x + b", "hinge", ["−where(1 − y·ŷ > 0, y·x, 0)", "−where(1 − y·ŷ > 0, y, 0)"]),
        ("y = w*x + b", "poisson", ["(exp(ŷ) − y)·x", "exp(ŷ) − y"]),
        ("y = -w*x", "squared", ["−(2(ŷ − y)·x)"]),
        ("y = b - w*x", "squared", ["2(ŷ − y)", "−(2(ŷ − y)·x)"]),
        ("y = 3*w*x", "squared", ["6(ŷ − y)·x"]),
        ("y = w1*x1 + w2*x2 + b", "squared", ["2(ŷ − y)·x₁", "2(ŷ − y)·x₂", "2(ŷ − y)"]),
        ("y = w1*x**2 + w2*x + b", "squared", ["2(ŷ − y)·x²", "2(ŷ − y)·x", "2(ŷ − y)"]),
        ("y = a*exp(-k*x)", "squared", ["2(ŷ − y)·exp(−k·x)", "−(2(ŷ − y)·a·exp(−k·x)·x)"]),
        ("y = a*exp(k*x)", "half_squared", ["(ŷ − y)·exp(k·x)", "(ŷ − y)·a·exp(k·x)·x"]),
        ("y = a*sin(w*x + p)", "half_squared",
         ["(ŷ − y)·sin(w·x + p)", "(ŷ − y)·a·cos(w·x + p)·x", "(ŷ − y)·a·cos(w·x + p)"]),
        ("y = a*tanh(w*x)", "half_squared", ["(ŷ − y)·tanh(w·x)", "(ŷ − y)·a·(1 − tanh(w·x)²)·x"]),
        ("y = a/x", "squared", ["2(ŷ − y)/x"]),
        ("y = a*x/(b + x)", "squared", ["2(ŷ − y)/(b + x)·x", "−(2(ŷ − y)·a·x/(b + x)/(b + x))"]),
        ("log(y) = a*log(x) + b", "squared", ["2(ŷ − y)·ln(x)", "2(ŷ − y)"]),
        ("y = w*`net price`", "squared", ["2(ŷ − y)·`net price`"]),
    ],
)  # fmt: skip
def test_looks_of_slopes(formula, loss, slopes):
    made = program(formula, loss)
    lines = equations(made, UNICODE)
    assert [right for left, right in lines if left.startswith("∂")] == slopes
    assert [left for left, _right in lines if left.startswith("∂")] == [
        f"∂ℓ/∂{unicode_name(p)}" for p in made.parameter_names
    ]


def test_all_lines_of_a_model():
    assert equations(program("log(y) = w1*x1 + b", l2=0.02, penalise=("w1",)), UNICODE) == [
        ("y", "ln(y)"),
        ("ŷ", "w₁·x₁ + b"),
        ("ℓ", "(ŷ − y)²"),
        ("J", "mean of ℓ over the batch + 0.01·w₁²"),
        ("∂ℓ/∂w₁", "2(ŷ − y)·x₁"),
        ("∂ℓ/∂b", "2(ŷ − y)"),
    ]


def test_a_link_shows_the_prediction():
    lines = dict(equations(program(loss="logistic"), UNICODE))
    assert lines["prediction"] == "σ(ŷ)"
    assert lines["ℓ"] == "softplus(ŷ) − y·ŷ"


def test_the_penalty_stands_in_the_cost():
    cost = dict(equations(program(l1=0.1, l2=0.5), UNICODE))["J"]
    assert cost == "mean of ℓ over the batch + 0.1·|w| + 0.1·|b| + 0.25·w² + 0.25·b²"


def test_a_function_without_data():
    names = {"x1": symbol("x1", "parameter"), "x2": symbol("x2", "parameter")}
    value = parse_expression("3*x1**2 + x1*x2", names)
    made = program_of_function(value, list(names.values()), optimizer_named("gd"), rate(0.1))
    assert equations(made, UNICODE) == [("f", "3·x₁² + x₁·x₂"), ("∂f/∂x₁", "6·x₁ + x₂"), ("∂f/∂x₂", "x₁")]
    assert equations(made, LATEX)[1] == (r"\frac{\partial f}{\partial x_{1}}", "6 x_{1} + x_{2}")


def test_latex_of_the_line():
    assert latex_of(program(optimizer="momentum")) == "\n".join(
        [
            r"\begin{aligned}",
            r"\hat{y} &= w x + b \\",
            r"\ell &= \left(\hat{y} - y\right)^{2} \\",
            r"J &= \frac{1}{|B|}\sum_{i \in B} \ell_i \\",
            r"\frac{\partial \ell}{\partial w} &= 2 (\hat{y} - y) x \\",
            r"\frac{\partial \ell}{\partial b} &= 2 (\hat{y} - y) \\",
            r"v &\leftarrow \mathrm{momentum} v + g \\",
            r"w &\leftarrow w - \alpha v",
            r"\end{aligned}",
        ]
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_every_program_can_be_shown(loss, optimizer):
    made = program("y = a*tanh(w*x) - b/(1 + x**2)", loss, optimizer, l1=0.1, l2=0.1)
    for notation in (UNICODE, LATEX):
        assert all(left and right for left, right in [*equations(made, notation), *update_rule(made, notation)])
    shown = latex_of(made)
    assert shown.count("{") == shown.count("}")
    assert shown.count(r"\left") - shown.count(r"\leftarrow") == shown.count(r"\right")


@pytest.mark.parametrize("notation", ["unicode", "latex"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_lines_of_an_update_carried_out_in_their_order_are_the_update_that_runs(name, notation):
    made = program(optimizer=name)
    chosen = made.optimizer
    style, read, shown = {"unicode": (UNICODE, unicode_value, unicode_name), "latex": (LATEX, latex_value, latex_name)}[
        notation
    ]

    def plain(symbol_name: str) -> str:
        """A name as the reader knows it."""
        return re.sub(r"\\mathrm\{(.*)\}", r"\1", re.sub(r"_\{(\d)\}", r"_\1", shown(symbol_name))).replace("\\_", "_")

    w, g = symbol("w", "parameter"), symbol("g", "gradient")
    new, new_state = chosen.recorded(w, g, STEP + 1, made.lr)
    at = {w: 2.0, g: 0.7, STEP: 4.0, made.lr: 0.1}
    at |= {s: chosen.values[key] for key, s in chosen.hyper_symbols().items()}
    start = {key: 0.3 + 0.1 * k for k, key in enumerate(chosen.state)}
    at |= {symbol(f"{key}_w", "state"): value for key, value in start.items()}
    known = {plain(key): value for key, value in (*chosen.values.items(), *start.items())}
    known |= {plain("alpha"): 0.1, "g": 0.7, "w": 2.0, "k": 5.0}
    lines = update_rule(made, style)
    for left, right in lines:
        key = left.replace("\\mathrm{", "").replace("}", "").replace("\\_", "_") if notation == "latex" else left
        assert key in known
        known[key] = read(right.replace("\\_", "_"), known)
    assert len(lines) == len(chosen.state) + 1
    assert known["w"] == pytest.approx(evaluate(new, at), rel=1e-13, abs=0.0)
    for key, value in new_state.items():
        assert known[plain(key)] == pytest.approx(evaluate(value, at), rel=1e-13, abs=0.0)
