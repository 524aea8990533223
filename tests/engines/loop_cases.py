"""Programs, data and a way to call the generated loop, for the tests of loops."""

from __future__ import annotations

import math

import numpy as np

from tidu.content.losses import loss_named
from tidu.content.optimizers import optimizer_named
from tidu.content.schedules import rate
from tidu.engines.build import module_of
from tidu.engines.program import Program, Regularisation, program_of_model
from tidu.engines.scalar_loop import Batch, LoopShape, arguments_of, state_at_start, train_source
from tidu.language.formula import parse_formula

NOTHING = Regularisation()
EVERYTHING = Regularisation(l1=0.01, l2=0.02, clip_norm=5.0, clip_value=4.0)
SHAPES = [
    LoopShape(batch, shuffled, record, tol)
    for batch, shuffled in (
        (Batch.ALL, False),
        (Batch.ONE, False),
        (Batch.ONE, True),
        (Batch.SOME, False),
        (Batch.SOME, True),
    )
    for record in ("epoch", "step")
    for tol in (False, True)
]


def program(
    formula: str = "y = w*x + b",
    columns=("x", "y"),
    loss: str = "squared",
    optimizer: str = "gd",
    lr="0.05",
    regularisation: Regularisation = NOTHING,
) -> Program:
    return program_of_model(
        parse_formula(formula, columns), loss_named(loss), optimizer_named(optimizer), rate(lr), regularisation
    )


def run(program: Program, shape: LoopShape, columns, start, last_step: int, position=None, **given):
    """Call the generated `train` as training does; gives all that it returns, and the rows of the history."""
    history: list[object] = [None] * 10_000
    arguments = {
        "columns": tuple(columns),
        "first_row": 0,
        "rows": len(columns[0]) if columns else 0,
        "settings": (program.rate.value,) if program.rate.is_constant else (),
        "parameters": tuple(start),
        "state": state_at_start(program, shape, start),
        "position": position or (0, 0, 0, 0.0),
        "last_step": last_step,
        "until_loss": -math.inf,
        "history": history,
    } | given
    train = module_of(train_source(program, shape)).train
    returned = train(*(arguments[name] for name in arguments_of(program, shape)))
    return returned, history[: returned[4]]


RANDOM = np.random.default_rng(7)
X = RANDOM.normal(0, 1.5, 7).tolist()
TARGETS = {
    "logistic": [0.0, 1, 1, 0, 1, 0, 1],
    "hinge": [-1.0, 1, 1, -1, 1, -1, 1],
    "perceptron": [-1.0, 1, 1, -1, 1, -1, 1],
    "poisson": [0.0, 2, 1, 5, 0, 3, 1],
}
Y = RANDOM.normal(0, 1, 7).tolist()


def orders(epochs: int) -> list[list[int]]:
    random = np.random.default_rng(5)
    return [random.permutation(len(X)).tolist() for _ in range(epochs)]
