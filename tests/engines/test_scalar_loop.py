"""The generated loop: it compiles in every shape, computes what the mathematics says to the last bit, reads well."""

from __future__ import annotations

import ast
import math

import numpy as np
import pytest
from loop_cases import EVERYTHING, SHAPES, TARGETS, X, Y, orders, program, run
from reference import trained, values

from oracles import OF_ONE_SCORE
from tidu.content.losses import loss_named
from tidu.content.optimizers import OPTIMIZERS, optimizer_named
from tidu.content.schedules import rate
from tidu.engines.build import module_of
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.program import Regularisation, program_of_function, program_of_model
from tidu.engines.scalar_loop import (
    Batch,
    LoopShape,
    Stopped,
    arguments_of,
    history_columns,
    state_at_start,
    train_source,
)
from tidu.language import ops
from tidu.language.expr import evaluate, symbol
from tidu.language.formula import parse_formula
from tidu.language.reader import parse_expression


# -- every shape ----------------------------------------------------------------------------------
@pytest.mark.sampled(3)
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_the_source_of_every_loss_optimizer_and_shape_compiles(loss):
    for optimizer in OPTIMIZERS:
        plain = program(loss=loss, optimizer=optimizer, lr=0.1)
        rich = program(loss=loss, optimizer=optimizer, lr="0.1*warmup(10)/(1 + epoch)", regularisation=EVERYTHING)
        for k, shape in enumerate(SHAPES):
            for made in (plain, rich) if k % 5 == 0 else (rich,):
                tree = ast.parse(train_source(made, shape))
                train = tree.body[-1]
                assert isinstance(train, ast.FunctionDef)
                assert [a.arg for a in train.args.args] == arguments_of(made, shape)
                assert _free_names(tree, train) <= {"len", "min", "max", "range"}


def _free_names(tree: ast.Module, function: ast.FunctionDef) -> set[str]:
    """Names that the function reads and nobody gives it."""
    given = {a.arg for a in function.args.args}
    given |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    given |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} - given


@pytest.mark.sampled(40)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.batch.name}-{s.shuffled}-{s.record}-{s.stops_on_change}")
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_every_loop_computes_what_the_mathematics_says_to_the_last_bit(loss, shape):
    """Each loss with each shape, and the optimizers in turn, so that each shape meets each of them."""
    k = OF_ONE_SCORE.index(loss) + SHAPES.index(shape)
    optimizer = list(OPTIMIZERS)[k % len(OPTIMIZERS)]
    formula, regularisation = [("y = w*x + b", Regularisation()), ("y = a*tanh(w*x) - b/(1 + x**2)", EVERYTHING)][k % 2]
    made = program(formula, ("x", "y"), loss, optimizer, "0.05*warmup(3)/(1 + 0.1*epoch)", regularisation)
    columns = values(made, {"x": X, "y": TARGETS.get(loss, Y)})
    start = [0.3, -0.2, 0.7][: len(made.parameters)]
    size = {Batch.ALL: 7, Batch.ONE: 1, Batch.SOME: 3}[shape.batch]
    epochs, tol = 6, 1e-9
    expected = trained(
        made, columns, start, epochs, size, orders(epochs) if shape.shuffled else None, shape.record,
        tol=tol if shape.stops_on_change else None,
    )  # fmt: skip
    (parameters, state, position, gradient, _row, stopped), history = run(
        made, shape, columns, start, epochs * -(-7 // size), orders=orders(epochs), batch_size=size, tol=tol
    )
    assert list(parameters) == expected.parameters
    assert list(state[: len(made.new_state)]) == expected.state
    assert history == expected.history
    assert position == (epochs, expected.steps, 0, 0.0)
    assert gradient == history[-1][-len(parameters) :]
    assert stopped == Stopped.GOING
    assert all(len(row) == len(history_columns(made)) for row in history)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_function_without_data(optimizer):
    names = {n: symbol(n, "parameter") for n in ("x1", "x2")}
    value = parse_expression("(x1 - 1)**2 + 3*exp(x2)*x1**2 + x2**2", names)
    made = program_of_function(value, list(names.values()), optimizer_named(optimizer), rate("0.05*exponential(0.9)"))
    expected = trained(made, [], [2.0, -1.0], 20, record="step")
    (parameters, state, *_rest), history = run(made, LoopShape(Batch.NONE, record="step"), [], [2.0, -1.0], 20)
    assert list(parameters) == expected.parameters
    assert list(state) == expected.state
    assert history == expected.history


# -- where it stops ---------------------------------------------------------------------------------
def test_it_stops_after_the_epoch_whose_mean_loss_is_below_the_bound():
    made, columns = program(), [X, Y]
    for shape, size in ((LoopShape(Batch.ALL), 7), (LoopShape(Batch.SOME), 3), (LoopShape(Batch.ONE), 1)):
        losses = [row[0] for row in trained(made, columns, [2.0, 2.0], 10, size).history]
        bound = (losses[5] + losses[6]) / 2
        expected = trained(made, columns, [2.0, 2.0], 10, size, until_loss=bound)
        (parameters, _state, position, *_rest, stopped), history = run(
            made, shape, columns, [2.0, 2.0], 1000, batch_size=size, until_loss=bound
        )
        assert stopped == Stopped.LOSS
        assert expected.stopped == "loss"
        assert (list(parameters), history) == (expected.parameters, expected.history)
        assert position[0] == len(history) == 7
        *_rest, at_the_bound = run(
            made, shape, columns, [2.0, 2.0], 5 * -(-7 // size), batch_size=size, until_loss=losses[4]
        )[0]
        assert at_the_bound == Stopped.GOING  # below it, not at it


def test_it_stops_after_the_epoch_in_which_nothing_moved_by_more_than_tol():
    made, columns = program(), [X, Y]
    for shape, size in (
        (LoopShape(Batch.ALL, stops_on_change=True), 7),
        (LoopShape(Batch.SOME, False, "step", True), 3),
    ):
        expected = trained(made, columns, [2.0, 2.0], 1000, size, record=shape.record, tol=1e-3)
        (parameters, *_rest, stopped), history = run(made, shape, columns, [2.0, 2.0], 5000, batch_size=size, tol=1e-3)
        assert stopped == Stopped.CONVERGED
        assert expected.stopped == "converged"
        assert (list(parameters), history) == (expected.parameters, expected.history)


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
@pytest.mark.parametrize(("shape", "size"), [(LoopShape(Batch.ALL), 7), (LoopShape(Batch.ONE, record="step"), 1)])
def test_it_stops_before_the_first_step_that_is_not_finite_and_keeps_the_last_good_state(optimizer, shape, size):
    made = program("y = w*exp(w*x) + b", optimizer=optimizer, lr=1e6)
    expected = trained(made, [X, Y], [1.0, 1.0], 50, size, record=shape.record)
    assert expected.stopped == "diverged"
    (parameters, state, position, *_rest, stopped), history = run(
        made, shape, [X, Y], [1.0, 1.0], 1000, batch_size=size
    )
    assert stopped == Stopped.DIVERGED
    assert (list(parameters), list(state), history) == (expected.parameters, expected.state, expected.history)
    assert position[1] == expected.steps
    assert all(map(math.isfinite, [*parameters, *state]))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.batch.name}-{s.shuffled}-{s.record}-{s.stops_on_change}")
def test_cut_at_every_step_it_gives_the_same_bits(shape):
    made = program("y = a*tanh(w*x) + b", optimizer="nadam", lr="0.05*warmup(5)", regularisation=EVERYTHING)
    size = {Batch.ALL: 7, Batch.ONE: 1, Batch.SOME: 3}[shape.batch]
    given = {"orders": orders(4), "batch_size": size, "tol": 1e-9}
    steps = 4 * -(-7 // size) - (shape.batch is not Batch.ALL)  # the last epoch is cut short
    start = [0.3, -0.2, 0.7]
    whole, whole_history = run(made, shape, [X, Y], start, steps, **given)
    parameters, state, position, history = start, state_at_start(made, shape, start), (0, 0, 0, 0.0), []
    for last in range(1, steps + 1):
        cut = given | {"orders": given["orders"][position[0] :], "state": state}
        (parameters, state, position, *_rest), rows = run(made, shape, [X, Y], parameters, last, position, **cut)
        assert position[1] == last
        history += rows
    assert (parameters, state, position, *_rest) == (*whole[:4], len(rows), whole[5])
    assert history == whole_history


# -- by hand -----------------------------------------------------------------------------------------
def line_by_hand(x, y, w, b, alpha, steps):
    """The loop of a first lesson."""
    costs = []
    for _ in range(steps):
        loss_sum = grad_w = grad_b = 0.0
        for i in range(len(x)):
            y_hat = w * x[i] + b
            loss_sum += (y_hat - y[i]) * (y_hat - y[i])
            grad_w += 2.0 * (y_hat - y[i]) * x[i]
            grad_b += 2.0 * (y_hat - y[i])
        costs.append(loss_sum / len(x))
        grad_w /= len(x)
        grad_b /= len(x)
        w -= alpha * grad_w
        b -= alpha * grad_b
    return w, b, costs


def test_the_line_has_the_bits_of_a_loop_written_by_hand():
    random = np.random.default_rng(0)
    x, y = random.uniform(0, 10, 100).tolist(), random.uniform(0, 30, 100).tolist()
    w, b, costs = line_by_hand(x, y, 0.0, 0.0, 0.01, 300)
    (parameters, *_rest), history = run(program(lr=0.01), LoopShape(Batch.ALL), [x, y], [0.0, 0.0], 300)
    assert parameters == (w, b)
    assert [row[0] for row in history] == costs


LINE = '''\
"""Training loop, written by tidu. y = w*x + b; loss (ŷ − y)²; gd, full batch."""

from tidu.runtime.ieee import isfinite, sqrt
from tidu.runtime.summation import record


GOING, DIVERGED, LOSS, CONVERGED = range(4)


def train(columns, first_row, rows, settings, parameters, position, last_step, until_loss, history):
    x, y = columns
    (lr,) = settings
    w, b = parameters
    epoch, step, start, epoch_loss = position
    grad_w = grad_b = 0.0
    row = 0
    stopped = GOING
    while step < last_step:
        loss_sum = 0.0
        grad_w = 0.0
        grad_b = 0.0
        for i in range(first_row, first_row + rows):
            # forward
            x_i = x[i]
            y_hat = w * x_i + b
            residual = y_hat - y[i]
            loss = residual * residual
            # backward
            dloss_dy_hat = 2.0 * residual
            # accumulate
            loss_sum += loss
            grad_w += dloss_dy_hat * x_i
            grad_b += dloss_dy_hat
        # mean over the batch
        batch_loss = loss_sum / rows
        grad_w = grad_w / rows
        grad_b = grad_b / rows
        # update
        new_w = w - lr * grad_w
        new_b = b - lr * grad_b
'''


def test_the_line_reads_like_a_loop_written_by_hand():
    assert train_source(program(), LoopShape(Batch.ALL)).startswith(LINE)


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("y = w*x + b", "y_hat = w * x_i + b"),
        ("y = b + x*w", "y_hat = b + x_i * w"),
        ("y = w*(x - 3)/2 + b", "y_hat = w * difference_1 / 2.0 + b"),
        ("y = a*exp(-k*x)", "exp_1 = exp(-k * x_i)"),
        ("y = -(-w)*x - -b", "y_hat = --w * x_i - -b"),
        ("y = 0*x + 1.50*x*w", "y_hat = 0.0 * x_i + 1.5 * x_i * w"),
        ("y = w*x if x > 0 else b", "y_hat = where(greater_1, w * x_i, b)"),
        ("y = w*x**2 + b*x**7", "power_1 = x_i * x_i"),
        ("y = w*x**2 + b*x**7", "power_2 = power(x_i, 7.0)"),
        ("log(y) = w*x", "target = log(y[i])"),
    ],
)
def test_the_users_expression_is_used_as_it_is_written(formula, line):
    source = train_source(program(formula), LoopShape(Batch.ALL))
    assert line in [code.strip() for code in source.splitlines()], source


def test_what_no_sample_changes_is_computed_once_a_step():
    source = train_source(program("y = exp(a)*x + sin(b)"), LoopShape(Batch.ALL))
    before, _, inside = source.partition("for i in range(")
    assert "# the same for every sample" in before
    assert before.count("exp_1 = exp(a)") == before.count("sin_1 = sin(b)") == 1
    assert "exp(a)" not in inside
    assert "sin(b)" not in inside


def test_only_what_is_used_is_imported():
    source = train_source(program("y = tanh(w*x)"), LoopShape(Batch.ALL))
    assert "from tidu.runtime.ieee import isfinite, sqrt, tanh\n" in source


def test_infinity_in_a_function_is_a_number_like_another():
    x = symbol("x", "parameter")
    value = ops.where(x > 0, x**2, math.inf) + ops.minimum(x * math.inf, 1.0)
    made = program_of_function(value, [x], optimizer_named("gd"), rate(0.1))
    (parameters, *_rest), _history = run(made, LoopShape(Batch.NONE), [], [1.0], 1)
    assert parameters == (0.8,)


# -- the two smaller modules -------------------------------------------------------------------------
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_cost_and_predictions_are_those_of_the_expressions(loss):
    made = program("y = a*tanh(w*x) - b/(1 + x**2)", loss=loss, regularisation=EVERYTHING)
    columns, parameters = values(made, {"x": X, "y": TARGETS.get(loss, Y)}), [0.3, -0.2, 0.7]
    weights = dict(zip(made.parameters, parameters, strict=True))
    samples = [weights | dict(zip(made.columns, row, strict=True)) for row in zip(*columns, strict=True)]
    total = 0.0
    for sample in samples:
        total += evaluate(made.loss, sample)
    cost = module_of(cost_source(made), "cost").cost(columns, 0, len(X), parameters)
    # The cost adds the penalty's terms one by one to the mean.
    assert cost == pytest.approx(total / len(X) + evaluate(made.penalty, weights), rel=1e-15, abs=0.0)
    predictions = [0.0] * len(X)
    module_of(predict_source(made), "predict").predict(columns[:1], 0, len(X), parameters, predictions)
    assert predictions == [evaluate(made.prediction, sample) for sample in samples]


def test_predictions_of_a_constant():
    made = program_of_model(
        parse_formula("y = b", ("y",), ("b",)),
        loss_named("squared"),
        optimizer_named("gd"),
        rate(0.1),
        Regularisation(),
    )
    predictions = [0.0] * 3
    module_of(predict_source(made), "predict").predict((), 0, 3, (4.0,), predictions)
    assert predictions == [4.0] * 3


# -- large batches ----------------------------------------------------------------------------------
def _summed(rows):
    """The sum of rows of numbers in the order that `tidu.runtime.summation` promises, written another way."""
    rows = np.array(rows)
    whole = len(rows) // 8 * 8
    totals = []
    if whole:
        eight = np.zeros((8, rows.shape[1]))
        for block in rows[:whole].reshape(-1, 8, rows.shape[1]):
            eight = eight + block
        four = eight[:4] + eight[4:]
        two = four[:2] + four[2:]
        totals.append(two[0] + two[1])
    if whole < len(rows):
        rest = np.zeros(rows.shape[1])
        for row in rows[whole:]:
            rest = rest + row
        totals.append(rest)
    return sum(totals[1:], start=totals[0])


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("size", [32, 37, 45])
def test_the_samples_of_a_large_batch_are_summed_in_the_promised_order(size, shuffled):
    made = program("y = a*tanh(w*x) - b/(1 + x**2)")
    random = np.random.default_rng(11)
    columns = random.normal(size=(2, 45)).tolist()
    order = random.permutation(45).tolist() if shuffled else list(range(45))
    batch = Batch.ALL if size == 45 and not shuffled else Batch.SOME
    weights = [0.3, -0.2, 0.7]
    shape = LoopShape(batch, shuffled, "step", summed=True)
    steps = -(-45 // size)
    _returned, history = run(made, shape, columns, weights, steps, orders=[order], batch_size=size)
    for row, first in zip(history, range(0, 45, size), strict=True):
        at = dict(zip(made.parameters, weights, strict=True))
        samples = [
            at | {c: v[i] for c, v in zip(made.columns, columns, strict=True)} for i in order[first : first + size]
        ]
        sums = _summed([[evaluate(e, s) for e in (made.loss, *made.gradient)] for s in samples])
        loss, *gradient = (sums / len(samples)).tolist()
        assert (row[0], list(row[-3:])) == (loss, gradient)
        weights = list(row[3:6])


def test_a_large_batch_reads_like_a_function_of_one_sample():
    source = train_source(program(), LoopShape(Batch.SOME, shuffled=True, summed=True))
    assert (
        """
def sample(i, x, y, w, b):
    \"\"\"The loss of one sample, and its derivative by each parameter.\"\"\"
    # forward
    x_i = x[i]
    y_hat = w * x_i + b
    residual = y_hat - y[i]
    loss = residual * residual
    # backward
    dloss_dy_hat = 2.0 * residual
    return (loss, dloss_dy_hat * x_i, dloss_dy_hat)
"""
        in source
    )
    assert "loss_sum, grad_w, grad_b = summed(sample, order[first_row + start:first_row + stop], x, y, w, b)" in source


def test_single_precision_stands_in_the_text():
    for shape in (LoopShape(Batch.ALL, summed=True, dtype="float32"), LoopShape(Batch.ONE, dtype="float32")):
        source = train_source(program(), shape)
        assert "dloss_dy_hat = float32(2.0) * residual" in source
        assert "new_w = float(float32(new_w))" in source
