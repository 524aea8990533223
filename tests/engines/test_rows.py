"""The loop goes through the rows that it is told: a block wherever it lies, and an epoch block after block."""

from __future__ import annotations

import numpy as np
import pytest
from loop_cases import program, run
from numpy.testing import assert_array_equal

from tidu.content.losses import loss_named
from tidu.content.models import MODELS
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.array_loop import array_train_source
from tidu.engines.build import module_of
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.curvature import rows_source, sums_source
from tidu.engines.program import Regularisation, program_of_model
from tidu.engines.scalar_loop import (
    Batch,
    LoopShape,
    arguments_of,
    state_at_start,
    train_source,
)
from tidu.engines.tile_loop import tile_train_source
from tidu.language.formula import parse_formula

ROWS, EPOCHS = 100, 2
RANDOM = np.random.default_rng(2)
COLUMNS = RANDOM.normal(size=(2, ROWS))
MADE = program("y = a*tanh(w*x) + b", optimizer="nadam", lr="0.05*warmup(5)")
START = [0.3, -0.2, 0.7]


def in_blocks(source, shape, program, columns, start, size, block, order, given=None):
    """An epoch after another, each step with columns and an order that hold no more than its block of rows."""
    train = module_of(source).train
    parameters, state, position = start, state_at_start(program, shape, start), (0, 0, 0, 0.0)
    per_epoch = -(-ROWS // size)
    for step in range(EPOCHS * per_epoch):
        first = (step % per_epoch) * size // block * block
        here = order[first : first + block]
        arguments = (given or {}) | {
            "columns": tuple(c[here] for c in columns),
            "first_row": -first,
            "rows": ROWS,
            "orders": np.arange(len(here))[np.newaxis, :],
            "batch_size": size,
            "settings": (),
            "parameters": tuple(parameters),
            "state": state,
            "position": position,
            "last_step": step + 1,
            "until_loss": -np.inf,
            "history": [()] * 2,
        }
        names = [*arguments_of(program, shape), *(["memory"] if "memory" in arguments else [])]
        parameters, state, position, *_rest = train(*(arguments[name] for name in names))
    return parameters, state, position


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    ("batch", "size", "block", "summed"),
    [(Batch.ONE, 1, 32, False), (Batch.SOME, 7, 21, False), (Batch.SOME, 40, 40, True), (Batch.SOME, 33, 66, True)],
)
def test_an_epoch_block_after_block_has_the_bits_of_an_epoch_in_memory(batch, size, block, summed, shuffled):
    shape = LoopShape(batch, shuffled, summed=summed)
    order = RANDOM.permutation(ROWS) if shuffled else np.arange(ROWS)
    whole, _history = run(
        MADE, shape, COLUMNS.tolist(), START, EPOCHS * -(-ROWS // size), orders=[order.tolist()] * EPOCHS,
        batch_size=size,
    )  # fmt: skip
    blocks = in_blocks(train_source(MADE, shape), shape, MADE, COLUMNS, START, size, block, order)
    assert blocks == whole[:3]


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("engine", ["tiles", "array"])
def test_networks_too(engine, shuffled):
    made = program_of_model(
        parse_formula("y = mlp(x, hidden=[3])", ["x", "y"], models=MODELS),
        loss_named("squared"),
        optimizer_named("adam"),
        rate("0.1*cosine(50)"),
        Regularisation(l2=0.1),
    )
    shape = LoopShape(Batch.SOME, shuffled)
    start = [RANDOM.normal(size=p.shape) if p.shape else 0.1 for p in made.parameters]
    order = RANDOM.permutation(ROWS) if shuffled else np.arange(ROWS)
    source = (tile_train_source if engine == "tiles" else array_train_source)(made, shape)

    def trained(block):
        memory = {"memory": module_of(source).memory()} if engine == "tiles" else {}
        copies = [np.array(s) if np.ndim(s) else s for s in start]
        inputs = [COLUMNS[0][:, np.newaxis], COLUMNS[1]]  # the features side by side, and the target
        return in_blocks(source, shape, made, inputs, copies, 20, block, order, memory)

    whole, blocks = trained(ROWS), trained(40)
    assert whole[2] == blocks[2]
    for a, b in zip((*whole[0], *whole[1]), (*blocks[0], *blocks[1]), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [LoopShape(Batch.ALL), LoopShape(Batch.ALL, summed=True)])
def test_a_block_may_lie_anywhere_in_longer_columns(shape):
    alone, alone_history = run(MADE, shape, COLUMNS[:, 20:60].tolist(), START, 3)
    within, history = run(MADE, shape, COLUMNS.tolist(), START, 3, first_row=20, rows=40)
    assert (within, history) == (alone, alone_history)


def test_costs_predictions_sums_and_rows_of_a_block():
    here = COLUMNS[:, 20:60].tolist()
    cost = module_of(cost_source(MADE), "cost").cost
    assert cost(COLUMNS.tolist(), 20, 40, START) == cost(here, 0, 40, START)
    predict = module_of(predict_source(MADE), "predict").predict
    alone, within = [0.0] * 40, [0.0] * ROWS
    predict(here[:1], 0, 40, START, alone)
    predict(COLUMNS[:1].tolist(), 20, 40, START, within)
    assert within == [0.0] * 20 + alone + [0.0] * 40
    each_row = module_of(rows_source(MADE, [MADE.score])).each_row
    outputs = [[0.0] * ROWS]
    each_row(COLUMNS.tolist(), 20, 40, START, outputs)
    assert outputs == [within]


def test_sums_go_on_where_the_block_before_ended():
    sums = module_of(sums_source(MADE, [MADE.loss, *MADE.gradient])).sums
    whole, blocks = [0.0] * 4, [0.0] * 4
    sums(COLUMNS.tolist(), 0, ROWS, START, whole)
    for first in range(0, ROWS, 30):
        block = COLUMNS[:, first : first + 30].tolist()
        sums(block, 0, len(block[0]), START, blocks)
    assert blocks == whole
