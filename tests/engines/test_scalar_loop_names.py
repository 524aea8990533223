"""Whatever the columns and parameters are called, and however long the formula is, the loop is the same loop."""

from __future__ import annotations

import ast
import keyword
from pathlib import Path

import pytest
from loop_cases import EVERYTHING, SHAPES, X, Y, orders, program, run

from tidu.content.losses import loss_named
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.build import module_of
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.program import program_of_model
from tidu.engines.scalar_loop import Batch, LoopShape, train_source
from tidu.language.expr import evaluate
from tidu.language.formula import parse_formula
from tidu.language.operation import FUNCTIONS

# -- names ---------------------------------------------------------------------------------------
RICH = program(optimizer="adam", lr="0.1*warmup(2)", regularisation=EVERYTHING)
TREES = [ast.parse(train_source(RICH, shape)) for shape in SHAPES]
LOOP_WORDS = {node.id for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Name)}
LOOP_WORDS |= {a.arg for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.arguments) for a in node.args}
LOOP_WORDS |= {"train", "cost", "predict", "predictions", "tidu", "math", "divide_1", "sum_1"}
PARAMETER_NAMES = sorted(LOOP_WORDS - set(FUNCTIONS))
AWKWARD = ["class", "lambda", "two words", "100%", "温度（℃）", "x²", "½", "a൰", "C:\\users", 'quote"quote"""', "it's",
           "a\nb", "\x00", "\ud800", "_", "__name__", "1", "match", "{0}", "%s", "x_i", "É", "´"]  # fmt: skip


def results_with_names(column: str, parameter: str) -> list[tuple[object, ...]]:
    """A training whose column and first parameter are called this; it must not matter."""
    quoted = column if column.isidentifier() and not keyword.iskeyword(column) else f"`{column}`"
    formula = f"answer = {parameter}*exp(-0.3*{quoted}) + zz*{quoted}**2"
    found = []
    for shape, size in ((LoopShape(Batch.SOME, True, "epoch", True), 3), (LoopShape(Batch.ALL, record="step"), 7)):
        read = parse_formula(formula, (column, "answer"), (parameter,))
        made = program_of_model(read, loss_named("huber"), optimizer_named("adam"), rate("0.1*warmup(3)"), EVERYTHING)
        given = {"orders": orders(3), "batch_size": size, "tol": 0.0}
        found.append(run(made, shape, [X, Y], [0.3, -0.2], 6, **given))
        cost = module_of(cost_source(made), "cost").cost([X, Y], 0, len(X), [0.3, -0.2])
        predictions = [0.0] * 7
        module_of(predict_source(made), "predict").predict((X,), 0, 7, (0.3, -0.2), predictions)
        found.append((cost, predictions))
    return found


@pytest.mark.sampled(16)
@pytest.mark.parametrize("name", PARAMETER_NAMES)
def test_names_of_the_loops_own_may_be_the_users(name):
    plain = results_with_names("q", "p")
    assert results_with_names("q", name) == plain
    assert results_with_names(name, "p") == plain


@pytest.mark.parametrize(
    "name", [*AWKWARD, "exp", "sin", "isfinite", "divide", "e", "pi", "t", "epoch", "权重", "λ"], ids=ascii
)
def test_columns_may_have_any_name(name):
    assert results_with_names(name, "p") == results_with_names("q", "p")


@pytest.mark.parametrize(
    "name", ["权重", "λ", "µ", "exp_1", "grad_zz", "new_zz", "y_hat", "zz_before", "m_zz", "q_i", "dloss_dy_hat"]
)
def test_parameters_may_have_any_identifier_for_a_name(name):
    assert results_with_names("q", name) == results_with_names("q", "p")


def test_columns_whose_names_become_the_same_identifier():
    formula = "y = w*`a b` + v*`a-b` + u*a_b"
    made = program(formula, ("a b", "a-b", "a_b", "y"))
    (parameters, *_rest), _history = run(
        made, LoopShape(Batch.ALL), [[1.0], [10.0], [100.0], [0.0]], [1.0, 1.0, 1.0], 1
    )
    assert parameters == pytest.approx([1 - 0.1 * 111, 1 - 0.1 * 1110, 1 - 0.1 * 11100])


def test_a_column_cannot_smuggle_code_into_the_loop(tmp_path: Path):
    marker = tmp_path / "ran"
    name = f'"""\nopen({str(marker)!r}, "w")\n"""'
    made = program(f"y = w*`{name}`", (name, "y"))
    run(made, LoopShape(Batch.ALL), [X, Y], [0.0], 1)
    assert not marker.exists()


def test_no_builtin_is_shadowed_that_the_loop_needs():
    source = train_source(
        program("y = len*x + range*x**2 + print", ("x", "y")), LoopShape(Batch.ALL, stops_on_change=True)
    )
    names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    assert not names & {"len", "min", "max", "range"}


# -- size ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "formula",
    [
        "y = w*x" + "/x" * 600,
        "y = w*x" + "**x" * 400,
        "y = w*" + "-" * 600 + "x",
        "y = " + " + ".join(f"w{k}*x" for k in range(800)),
        "y = " + "*".join(["(x*7 + w)"] * 300),
        "y = w*x" + "*7.125" * 1500,
    ],
    ids=["quotients", "powers", "minus", "sum", "product", "factors"],
)
def test_long_formulas_become_short_lines(formula):
    made = program(formula, lr=1e-6)
    source = train_source(made, LoopShape(Batch.SOME, True))
    forward = source.partition("# forward")[2].partition("# update")[0]
    assert max(map(len, forward.splitlines())) < 3000
    compile(source, "loop", "exec")
    point = dict(zip(made.parameters, [0.5] * len(made.parameters), strict=True)) | dict(
        zip(made.columns, (1.01, 2.0), strict=True)
    )
    cost = module_of(cost_source(made), "cost").cost([[1.01], [2.0]], 0, 1, [0.5] * len(made.parameters))
    assert cost == evaluate(made.loss, point)


@pytest.mark.slow
def test_a_thousand_parameters_with_state():
    made = program("y = " + "+".join(f"w{k}*x" for k in range(1100)), optimizer="adam", regularisation=EVERYTHING)
    compile(train_source(made, LoopShape(Batch.ALL, stops_on_change=True)), "loop", "exec")
    assert module_of(cost_source(made), "cost").cost([[1.0], [2.0]], 0, 1, [0.0] * 1100) == 4.0
