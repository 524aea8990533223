"""The trace of a step: the bits of the loop, names in the order of the text; held by torch and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_cases import EVERYTHING, TARGETS, X, Y, program, run
from numpy.testing import assert_array_equal

from oracles import OF_ONE_SCORE
from random_expressions import NAMES, expressions
from tidu.content.losses import LOSSES, loss_named
from tidu.content.models import MODELS
from tidu.content.optimizers import OPTIMIZERS, optimizer_named
from tidu.content.schedules import rate
from tidu.engines import batch_values
from tidu.engines.array_loop import input_of, inputs_of
from tidu.engines.build import module_of
from tidu.engines.program import Regularisation, program_of_function, program_of_model
from tidu.engines.scalar_loop import Batch, LoopShape, Stopped, arguments_of, shape_of, state_at_start
from tidu.engines.tile_loop import tile_train_source
from tidu.engines.trace import StepState, trace_of
from tidu.errors import SettingError
from tidu.language.expr import symbol, symbols
from tidu.language.formula import parse_expression, parse_formula
from tidu.training.problem import Problem
from tidu.training.training import Budget, Execution, Training

RANDOM = np.random.default_rng(13)
SCALAR_STEPS = {"all": (LoopShape(Batch.ALL), 7), "one": (LoopShape(Batch.ONE), 1), "some": (LoopShape(Batch.SOME), 3)}
RATE = "0.05*warmup(3)/(1 + 0.1*epoch)"


# -- the bits of the loop ----------------------------------------------------------------------------
@pytest.mark.sampled(15)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", OF_ONE_SCORE)
def test_every_step_of_every_loss_and_optimizer_leads_to_the_next(loss, optimizer):
    k = OF_ONE_SCORE.index(loss) + list(OPTIMIZERS).index(optimizer)
    shape, size = list(SCALAR_STEPS.values())[k % 3]
    formula, regularisation = [("y = w*x + b", Regularisation()), ("y = a*tanh(w*x) - b/(1 + x**2)", EVERYTHING)][k % 2]
    made = program(formula, ("x", "y"), loss, optimizer, RATE, regularisation)
    columns = [X, [float(v) for v in TARGETS.get(loss, Y)]]
    start = [0.3, -0.2, 0.7][: len(made.parameters)]
    follow(made, shape, columns, start, size, 5)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rows", [32, 45, 70_000])
@pytest.mark.parametrize("optimizer", ["gd", "adam", "nadam"])
def test_large_batches_are_summed_in_the_order_of_the_loop(rows, optimizer):
    made = program("y = a*tanh(w*x) - b/(1 + x**2) + exp(-x)", ("x", "y"), "huber", optimizer, 0.1, EVERYTHING)
    columns = RANDOM.normal(size=(2, rows)).tolist()
    follow(made, LoopShape(Batch.ALL, summed=True), columns, [0.3, -0.2, 0.7], rows, 1 if rows > 100 else 3)


def follow(made, shape, columns, start, size, steps):
    """Each step traced, beside the loop."""
    rows = len(columns[0])
    per_epoch = -(-rows // size)
    parameters, state, position = tuple(start), state_at_start(made, shape, start), (0, 0, 0, 0.0)
    for step in range(steps):
        first = step % per_epoch * size
        batch = list(range(first, min(first + size, rows)))
        at = StepState(parameters, state, step, step // per_epoch)
        traced = trace_of(made, shape, at, [np.array(c) for c in columns], batch, batch[:2])
        (parameters, state, position, gradient, *_rest), history = run(
            made, LoopShape(shape.batch, record="step", summed=shape.summed), columns, parameters, step + 1, position,
            state=state, batch_size=size,
        )  # fmt: skip
        assert tuple(traced.after.values()) == parameters
        assert tuple(traced.state_after.values()) == state
        assert traced.taken
        assert traced.loss == history[0][0]
        last = {v.name: v.value for v in traced.values}
        assert tuple(last[f"grad_{name}"] for name in made.parameter_names) == gradient
        assert last.get("lr", made.rate.value if made.rate.is_constant else None) == history[0][2]


@given(
    expressions(most=8), st.integers(1, 70), st.sampled_from(list(OPTIMIZERS)), st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 31, 32, 40, None]),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_any_function_on_any_number_of_rows(value, rows, optimizer, seed, batch_size):
    for parameter in (NAMES["w"], *symbols([value], "parameter")):
        value = value + parameter * NAMES["x1"]  # so that it has a slope along each
    parameters, columns = symbols([value], "parameter"), symbols([value], "feature")
    made = program_of_function(value, parameters, optimizer_named(optimizer), rate("0.01"), columns)
    random = np.random.default_rng(seed)
    data, start = random.normal(size=(len(columns), rows)), tuple(random.normal(size=len(parameters)).tolist())
    shape = shape_of(rows, batch_size)
    batch = range(rows if batch_size is None else min(batch_size, rows))
    state = state_at_start(made, shape, start)
    traced = trace_of(made, shape, StepState(start, state), data, batch, [0, batch[-1]])
    (new, new_state, _position, _gradient, _row, stopped), _history = run(
        made, shape, data.tolist(), start, 1, state=state, batch_size=len(batch)
    )
    assert traced.taken == (stopped != Stopped.DIVERGED)
    assert (tuple(traced.after.values()), tuple(traced.state_after.values())) == (new, new_state)
    assert len(traced.of_row(0)) == len(traced.of_row(batch[-1])) > 0


def test_names_that_the_loop_has_itself():
    made = program("y = w*rows + loss*x_i + step", ("rows", "x_i", "y"))
    columns = RANDOM.normal(size=(3, 9)).tolist()
    follow(made, LoopShape(Batch.SOME), columns, [0.1, 0.2, 0.3], 4, 3)


def test_a_shuffled_batch_is_read_in_its_order():
    made, order = program(), [4, 0, 6, 2, 5, 1, 3]
    (parameters, *_rest), _history = run(
        made, LoopShape(Batch.SOME, True), [X, Y], [1.0, 2.0], 1, batch_size=3, orders=[order]
    )
    traced = trace_of(made, LoopShape(Batch.SOME), StepState((1.0, 2.0), ()), [X, Y], order[:3], [6])
    assert tuple(traced.after.values()) == parameters
    assert traced.of_row(6)[0].value == X[6]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_function_without_data(optimizer):
    names = {n: symbol(n, "parameter") for n in ("x1", "x2")}
    value = parse_expression("(x1 - 1)**2 + 3*exp(x2)*x1**2 + x2**2", names)
    made = program_of_function(value, list(names.values()), optimizer_named(optimizer), rate("0.05*exponential(0.9)"))
    shape = shape_of(0, None)
    parameters, state, position = (2.0, -1.0), state_at_start(made, shape, [2.0, -1.0]), (0, 0, 0, 0.0)
    for step in range(4):
        traced = trace_of(made, shape, StepState(parameters, state, step, step), [])
        (parameters, state, position, *_rest), history = run(
            made, shape, [], parameters, step + 1, position, state=state
        )
        assert (tuple(traced.after.values()), tuple(traced.state_after.values())) == (parameters, state)
        assert traced.loss == history[0][0]


def test_a_step_that_is_not_taken():
    made = program("y = w*exp(w*x) + b", lr=1e6)
    at = StepState((1e3, 1.0), ())
    traced = trace_of(made, LoopShape(Batch.ALL), at, [X, Y], range(7))
    assert not traced.taken
    assert traced.after == traced.before == {"w": 1e3, "b": 1.0}


# -- networks ----------------------------------------------------------------------------------------
NETWORKS = [
    "y = mlp(x0, x1, x2, hidden=[5, 8], activation='{}')",
    "y = a*exp(-b*x1) + mlp(x0, x1, x2, hidden=[4], activation='{}')",
    "y = mlp(x0, hidden=[1, 3], activation='{}')",
]
COLUMNS = RANDOM.normal(size=(3, 150))
REAL = np.sin(COLUMNS.sum(axis=0))
NETWORK_TARGETS = {
    "softmax": np.digitize(REAL, [-0.3, 0.3]).astype(float),
    "poisson": np.round(np.abs(3 * REAL)),
    "logistic": (REAL > 0) * 1.0,
    **dict.fromkeys(("hinge", "perceptron"), np.sign(REAL)),
}


@pytest.mark.sampled(15)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_networks_of_every_loss_and_optimizer(loss, optimizer):
    k = list(LOSSES).index(loss) + list(OPTIMIZERS).index(optimizer)
    activation = ["tanh", "relu", "sigmoid", "gelu", "softplus", "elu"][k % 6]
    classes = 3 if loss == "softmax" else 1
    formula = NETWORKS[k % 3 if classes == 1 else 0].format(activation)
    regularisation = [
        Regularisation(),
        Regularisation(l1=0.01, l2=0.02, clip_value=0.05),
        Regularisation(l2=0.02, clip_norm=0.05, clip_value=0.04),
    ][k % 3]
    read = parse_formula(formula, ("x0", "x1", "x2", "y"), models=MODELS, outputs=classes)
    made = program_of_model(read, loss_named(loss), optimizer_named(optimizer), rate(RATE), regularisation)
    data = dict(zip(("x0", "x1", "x2"), COLUMNS, strict=True)) | {"y": NETWORK_TARGETS.get(loss, REAL)}
    columns = [data[c.name] for c in made.columns]
    shape, size = LoopShape(Batch.SOME), 100
    source = tile_train_source(made, shape)
    start = [RANDOM.normal(0, 0.5, p.shape) if p.shape else 0.3 for p in made.parameters]
    state, parameters = state_at_start(made, shape, start), tuple(start)
    position = (0, 0, 0, 0.0)
    memory = module_of(source).memory()
    inputs = tuple(
        np.ascontiguousarray(input_of(n, dict(zip(made.columns, columns, strict=True)))) for n in inputs_of(made)
    )
    for step in range(2):
        batch = range(100) if step == 0 else range(100, 150)
        at = StepState(tuple(map(np.copy, parameters)), tuple(map(np.copy, state)), step, 0)
        traced = trace_of(made, shape, at, columns, batch, [batch[3]])
        given = {
            "columns": inputs, "first_row": 0, "rows": 150, "batch_size": size, "settings": (), "memory": memory,
            "parameters": tuple(np.array(p) if np.ndim(p) else p for p in parameters), "position": position,
            "state": tuple(np.array(s) if np.ndim(s) else s for s in state), "last_step": step + 1,
            "until_loss": -np.inf, "history": [()] * 2,
        }  # fmt: skip
        with np.errstate(all="ignore"):
            parameters, state, position, gradient, *_rest = module_of(source).train(
                *(given[name] for name in (*arguments_of(made, shape), "memory"))
            )
        for name, new in zip(made.parameter_names, parameters, strict=True):
            assert_array_equal(traced.after[name], new, name)
        for new, old in zip(state, traced.state_after.values(), strict=True):
            assert_array_equal(old, new)
        last = {v.name: v.value for v in traced.values if v.row is None}
        for name, grad in zip(made.parameter_names, gradient, strict=True):
            if np.ndim(grad):
                assert_array_equal(last["grad[j]"] if len(parameters) == 1 else _last_gradient(traced, name), grad)
            else:
                assert last[f"grad_{name}"] == grad


def _last_gradient(traced, name):
    return [v.value for v in traced.values if v.parameter == name and v.name == "grad[j]"][-1]


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 130, 256, 257, 1024])
@pytest.mark.parametrize("cells", [40, 1 << 20])
@pytest.mark.parametrize("of", ["", ", dropout=0.3"])
def test_networks_on_numbers_of_rows_around_what_is_computed_at_once(rows, cells, of, monkeypatch):
    monkeypatch.setattr(batch_values, "MOST_CELLS", cells)
    if rows > 1000 and cells == 40:
        pytest.skip("as few rows show it")
    x, y = np.random.default_rng(rows).normal(size=(2, rows))
    settings = {"optimizer": "adam", "lr": 0.1, "seed": 1, "batch_size": None, "epochs": 2, "clip_norm": 0.1}
    problem = Problem.read(f"y = mlp(x, hidden=[3]{of})", {"x": x, "y": y}, settings)
    with Training(problem, Execution("compiled")) as training:
        state = training.start()
        for _ in range(2):
            traced = training.trace(state, [rows - 1])
            state = training.advance(state, Budget(steps=1)).state
            for new, value in zip(state.parameters, traced.after.values(), strict=True):
                assert_array_equal(new, value)
            assert traced.of_row(rows - 1)[0].value == x[rows - 1]


def test_what_has_no_trace():
    made = program()
    at = StepState((1.0, 2.0), ())
    with pytest.raises(SettingError, match="row 5 is not among the 3 rows"):
        trace_of(made, LoopShape(Batch.SOME), at, [X, Y], [0, 1, 2], [5])
    with pytest.raises(SettingError, match="double precision"):
        trace_of(made, LoopShape(Batch.SOME, dtype="float32"), at, [X, Y], [0, 1, 2])


# -- what stands in it ----------------------------------------------------------------------------------
def test_names_come_in_the_order_of_the_text_with_their_lines():
    made = program("y = w*x + b", optimizer="momentum", lr=0.1, regularisation=Regularisation(l2=0.5))
    traced = trace_of(made, LoopShape(Batch.ALL), StepState((1.0, 2.0), (0.0, 0.0)), [X, Y], range(7), [2])
    text = traced.source.splitlines()
    for value in traced.values:
        assert text[value.line - 1].strip().startswith((f"{value.name} = ", f"{value.name} += ")), value
    of_row = [(v.block, v.name) for v in traced.of_row(2)]
    assert of_row == [
        ("forward", "x_i"), ("forward", "y_hat"), ("loss", "residual"), ("loss", "loss"),
        ("backward", "dloss_dy_hat"), ("accumulate", "loss_sum"), ("accumulate", "grad_w"), ("accumulate", "grad_b"),
    ]  # fmt: skip
    blocks = list(dict.fromkeys(v.block for v in traced.values))
    assert blocks == ["forward", "loss", "backward", "accumulate", "mean", "penalty", "update"]
    lines = [v.line for v in traced.values if v.row is None and v.block != "accumulate"]
    assert lines == sorted(lines)


def test_by_plain_arithmetic():
    traced = trace_of(
        program(lr=0.1), LoopShape(Batch.ALL), StepState((2.0, 1.0), ()), [[1.0, 3.0], [4.0, 5.0]], [0, 1], [0, 1]
    )
    first, second = ({v.name: v for v in traced.of_row(row)} for row in (0, 1))
    assert (first["y_hat"].value, first["residual"].value, first["loss"].value) == (3.0, -1.0, 1.0)
    assert (second["y_hat"].value, second["residual"].value, second["loss"].value) == (7.0, 2.0, 4.0)
    assert (first["grad_w"].added, second["grad_w"].added) == (-2.0, 12.0)
    assert (first["grad_w"].value, second["grad_w"].value) == (-2.0, 10.0)
    assert traced.loss == 2.5
    assert traced.after == {"w": 2.0 - 0.1 * 5.0, "b": 1.0 - 0.1 * 1.0}


def test_what_rows_of_a_large_batch_add_is_their_gradient():
    torch = pytest.importorskip("torch")
    made = program("y = a*tanh(w*x) + b")
    columns = RANDOM.normal(size=(2, 50))
    traced = trace_of(made, shape_of(50, None), StepState((0.3, -0.2, 0.7), ()), columns, range(50), [0, 49])
    for row in (0, 49):
        a, w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.3, -0.2, 0.7))
        x, y = (torch.tensor(c[row]) for c in columns)
        loss = (a * torch.tanh(w * x) + b - y) ** 2
        loss.backward()
        found = {v.name: v.added for v in traced.of_row(row) if v.block == "accumulate"}
        assert found["loss_sum"] == pytest.approx(loss.item(), rel=1e-14)
        for name, tensor in (("a", a), ("w", w), ("b", b)):
            assert found[f"grad_{name}"] == pytest.approx(tensor.grad.item(), rel=1e-13)


def test_a_network_by_torch():
    torch = pytest.importorskip("torch")
    read = parse_formula("y = mlp(x0, x1, x2, hidden=[4], activation='tanh')", ("x0", "x1", "x2", "y"), models=MODELS)
    made = program_of_model(read, loss_named("squared"), optimizer_named("gd"), rate("0.1"), Regularisation())
    start = {p.name: RANDOM.normal(0, 0.5, p.shape) if p.shape else 0.3 for p in made.parameters}
    data = dict(zip(("x0", "x1", "x2"), COLUMNS, strict=True)) | {"y": REAL}
    traced = trace_of(
        made,
        LoopShape(Batch.ALL),
        StepState(tuple(start.values()), ()),
        [data[c.name] for c in made.columns],
        range(150),
        [7],
    )
    leaves = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in start.items()}
    hidden = torch.tanh(torch.tensor(COLUMNS.T) @ leaves["W1"].T + leaves["b1"])
    y_hat = hidden @ leaves["W2"] + leaves["b2"]
    loss = ((y_hat - torch.tensor(REAL)) ** 2).mean()
    loss.backward()
    assert traced.loss == pytest.approx(loss.item(), rel=1e-13)
    of_row = {v.name: v.value for v in traced.of_row(7)}
    assert of_row["y_hat"] == pytest.approx(y_hat[7].item(), rel=1e-13)
    assert of_row["x"] == pytest.approx(COLUMNS[:, 7], rel=0, abs=0)
    for name, leaf in leaves.items():
        new = leaf.detach().numpy() - 0.1 * leaf.grad.numpy()
        assert traced.after[name] == pytest.approx(new, rel=1e-12, abs=1e-14)
    assert {v.block for v in traced.of_row(7)} == {"forward", "loss", "backward", "accumulate"}
    text = traced.source.splitlines()
    for value in traced.values:
        assert value.name.partition("[")[0] in text[value.line - 1], value


def test_a_few_rows_of_a_large_batch():
    made = program("y = a*tanh(w*x) - b/(1 + x**2)", optimizer="adam")
    columns = RANDOM.normal(size=(2, 100_000))
    at = StepState((0.3, -0.2, 0.7), (0.0,) * len(made.new_state))
    traced = trace_of(made, shape_of(100_000, None), at, columns, range(100_000), [0, 99_999])
    assert len(traced.of_row(99_999)) == len(traced.of_row(0)) > 8
