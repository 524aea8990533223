"""The left side of a formula: its value in each row, and whether a loss has a meaning for it."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from tidu.content.losses import REAL, loss_named
from tidu.data.table import Table
from tidu.engines.column_values import values_of_rows
from tidu.engines.program import Program
from tidu.language.expr import Expr, symbols
from tidu.training.settings import Settings

Array = npt.NDArray[np.float64]


def target_values(target: Expr, table: Table) -> Array:
    """The left side of a formula, for each row."""
    if target.is_symbol:
        return table[target.name]
    return values_of_rows(target, {c: table[c.name] for c in symbols([target], "target")}, {}, 0, table.rows)


def check_target(program: Program, table: Table, settings: Settings) -> None:
    """Refuse targets that the loss has no meaning for."""
    if program.target is None or program.target.shape:
        return
    if program.target.is_symbol and settings.loss_object.targets is REAL:  # a column holds finite numbers
        return
    for _checked in table.each_block(partial(_check_target, program.target, settings.loss)):
        pass


def _check_target(target: Expr, loss: str, first: int, block: Table) -> None:
    loss_named(loss).check(target_values(target, block), first)
