"""Derivations: each line equals the one before (by numbers, and by SymPy) and has its rule; the last is the loop's."""

from __future__ import annotations

import ast
import itertools
import json
import os
import random as chance

import numpy as np
import pytest
import sympy

import tidu
from tidu.content.losses import LOSSES
from tidu.engines.scalar_loop import Batch, LoopShape
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.insight.derivation import derivation_of
from tidu.language.calculus import adjoints, gradient
from tidu.language.expr import evaluate, evaluation_order, symbols
from tidu.language.operation import code_functions
from tidu.language.printer import text
from tidu.text import use_language
from tidu.training.problem import Problem

WHOLE = bool(os.environ.get("TIDU_TEST_EVERYTHING"))
RANDOM = np.random.default_rng(6)
X = RANDOM.normal(size=50)
DATA = {"x": X, "z": X[::-1].copy(), "y": np.sin(X) + 0.1 * RANDOM.normal(size=50)}
TARGETS = {
    "softmax": (DATA["y"] > 0) * 1 + (DATA["y"] > 0.5) * 1,
    "poisson": np.round(np.abs(3 * DATA["y"])),
    "logistic": (DATA["y"] > 0) * 1,
    **dict.fromkeys(("hinge", "perceptron"), np.where(DATA["y"] > 0, 1, -1)),
}
MODELS = [
    "y = w*x + b", "y = a*exp(-b*x) + c", "y = a*x**2 + b*x + c", "y = a*sin(b*x + c)", "y = tanh(w*x)/(1 + b**2)",
    "y = a/(1 + exp(-b*(x - c)))", "y = (a + b*x)/(1 + c*x**2)", "y = a*log(1 + b**2*x**2)",
    "y = sqrt(a**2 + b**2*x**2)", "y = a**2*b*x + exp(a*b)",
]  # fmt: skip
NETWORKS = [
    "y = linear(x, z)", "y = mlp(x, z, hidden=[3])", "y = mlp(x, hidden=[2, 3])",
    "y = mlp(x, z, hidden=[3], activation='tanh')", "y = mlp(x, z, hidden=[3], activation='sigmoid')",
    "y = mlp(x, z, hidden=[2], activation='softplus')", "y = mlp(x, z, hidden=[1, 2])",
    "y = linear(tanh(linear(x, z, units=2)))", "y = mlp(x, hidden=[4], activation='tanh')", "y = linear(x, z, x)",
]  # fmt: skip
SCALAR_LOSSES = [name for name in LOSSES if name != "softmax"]


def program_of(formula, loss):
    return Problem.read(formula, DATA | {"y": TARGETS.get(loss, DATA["y"])}, {"loss": loss}).program


# -- models of single numbers ----------------------------------------------------------------------------------
@pytest.mark.sampled(24)
@pytest.mark.parametrize("loss", SCALAR_LOSSES)
@pytest.mark.parametrize("formula", MODELS)
def test_every_line_is_equal_to_the_one_before(formula, loss):
    program = program_of(formula, loss)
    at = {s: 0.3 + 0.17 * k for k, s in enumerate(symbols([program.loss], "parameter", "feature", "target"))}
    for parameter, partial in zip(program.parameters, program.gradient, strict=True):
        derivation = derivation_of(program, parameter.name)
        expected = evaluate(partial, at)
        assert derivation.lines[-1].expression is partial
        for line in derivation.lines:
            parts = {s: evaluate(gradient(part, [parameter])[0], at) for s, part in line.pending.items()}
            assert evaluate(line.expression, at | parts) == pytest.approx(expected, rel=1e-10, abs=1e-12)
            assert line.rule
        shown = [line.shown(parameter.name) for line in derivation.lines]
        assert all(a != b for a, b in itertools.pairwise(shown))
        assert "∂" not in shown[-1]


OF_SYMPY = {
    "where": lambda c, a, b: sympy.Piecewise((a, c), (b, True)), "abs": sympy.Abs, "maximum": sympy.Max,
    "minimum": sympy.Min, "relu": lambda u: sympy.Max(u, 0), "sigmoid": lambda u: 1 / (1 + sympy.exp(-u)),
    "softplus": lambda u: sympy.log(1 + sympy.exp(u)), "log_cosh": lambda u: sympy.log(sympy.cosh(u)),
    "equal": sympy.Eq, "max": sympy.Max, "min": sympy.Min,
}  # fmt: skip
PAIRS = [(f, loss) for loss in SCALAR_LOSSES for f in MODELS]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("formula", "loss"), PAIRS if WHOLE else chance.Random(4).sample(PAIRS, 14))
def test_sympy_finds_every_line_equal_too(formula, loss):
    """At a point of rational numbers, to 25 digits; what is pending is differentiated by SymPy."""
    program = program_of(formula, loss)
    names = symbols([program.loss], "parameter", "feature", "target")
    known = {s.name: sympy.Symbol(s.name, real=True) for s in names} | OF_SYMPY
    at = {known[s.name]: sympy.Rational(31 + 17 * k, 100) for k, s in enumerate(names)}
    for parameter in program.parameters:
        by = known[parameter.name]
        theirs = sympy.diff(sympy.sympify(text(program.loss), locals=known), by).subs(at).evalf(30)
        for line in derivation_of(program, parameter.name).lines:
            called = {s: f"pending_{k}" for k, s in enumerate(line.pending)}
            parts = {
                called[s]: sympy.diff(sympy.sympify(text(part), locals=known), by) for s, part in line.pending.items()
            }
            ours = sympy.sympify(text(line.expression, called), locals=known | parts).subs(at).evalf(30)
            assert abs(ours - theirs) <= abs(theirs) * sympy.Float(10) ** -13 + sympy.Float(10) ** -14


@pytest.mark.sampled(40)
@pytest.mark.parametrize("loss", SCALAR_LOSSES)
@pytest.mark.parametrize("formula", MODELS)
@pytest.mark.parametrize("shape", [LoopShape(Batch.SOME), LoopShape(Batch.ONE), LoopShape(Batch.ALL, summed=True)])
def test_the_lines_of_the_loop_compute_it(formula, loss, shape):
    """They are run as they stand, on one row."""
    program = program_of(formula, loss)
    at = {s: 0.3 + 0.17 * k for k, s in enumerate(symbols([program.loss], "parameter", "feature", "target"))}
    for k, (parameter, partial) in enumerate(zip(program.parameters, program.gradient, strict=True)):
        *lines, last = derivation_of(program, parameter.name, shape).loop
        scope = dict(code_functions()) | {"i": 0, f"grad_{parameter.name}": 0.0}
        scope |= {s.name: [v] if s.role != "parameter" else v for s, v in at.items()}
        scope |= dict.fromkeys(["loss_sum"], 0.0)
        for line in lines:
            exec(line.code, scope)  # the loop's own text
        if last.code.startswith("return"):
            part = ast.parse(last.code.removeprefix("return "), mode="eval").body.elts[1 + k]
            found = eval(ast.unparse(part), scope)
        else:
            exec(last.code, scope)
            found = scope[f"grad_{parameter.name}"]
        assert found == pytest.approx(evaluate(partial, at), rel=1e-15, abs=0)


# -- networks --------------------------------------------------------------------------------------------------
def value_of(expression, known):
    """The value of an expression on arrays."""
    values = dict(known)
    for node in evaluation_order([expression], known=values):
        if node.is_constant:
            values[node] = node.value
        else:
            values[node] = node.op.on_arrays(*(np.asarray(values[a]) for a in node.args), *node.attrs)
    return np.asarray(values[expression])


@pytest.mark.parametrize("loss", ["softmax", "squared", "logistic"])
@pytest.mark.parametrize("formula", NETWORKS)
def test_every_line_of_a_network_is_equal_to_the_one_before(formula, loss):
    if formula == "y = linear(x, z, x)":
        formula = "y = mlp(x, z, hidden=[2, 2, 2])"
    program = program_of(formula, loss)
    if not program.of_arrays:
        pytest.skip("a model of single numbers")
    at = {s: RANDOM.normal(size=s.shape) for s in symbols([program.loss], "parameter", "feature", "target")}
    found = adjoints(program.loss, [program.score, *program.parameters])
    for parameter, partial in zip(program.parameters, program.gradient, strict=True):
        derivation = derivation_of(program, parameter.name)
        expected = value_of(partial, at)
        assert derivation.lines[-1].expression is partial
        for line in derivation.lines:
            parts = {s: value_of(found[part].value, at) for s, part in line.pending.items()}
            np.testing.assert_allclose(value_of(line.expression, at | parts), expected, rtol=1e-9, atol=1e-12)
            assert line.rule
        assert derivation.loop[-1].code.startswith(("add", "grad", "choice", "dloss", "product", "matmul", "where"))


# -- what one reads --------------------------------------------------------------------------------------------
def test_a_derivation_by_what_is_no_parameter():
    run = tidu.fit("y = w*x + b", DATA, epochs=1)
    with pytest.raises(SettingError, match="there is no parameter 'ww'; the formula has w, b"):
        run.derive("ww")


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "html"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_form_has_every_line(capsys, form, language):
    use_language(language)
    try:
        assert cli.run(["explain", "y = a*exp(-b*x)", "--derive", "b", "--as", form]) == 0
        found = derivation_of(program_of("y = a*exp(-b*x)", "squared"), "b")
    finally:
        use_language("en")
    out = capsys.readouterr().out
    notation = {"latex": "latex", "html": "mathml"}.get(form, "unicode")
    for shown, rule in found.shown(notation):
        assert shown in out
        assert rule.split(" ")[0] in out or form == "latex"
    assert ("chain rule" in out) is (language == "en")


def test_a_formula_alone_says_which_names_are_columns(capsys):
    assert cli.run(["explain", "v = k*t + c", "--derive", "k", "--columns", "t,v", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert lines[-2]["text"] == "2*(k*t + c - v)*t"
    assert all({"text", "latex", "mathml", "rule"} <= line.keys() for line in lines)
