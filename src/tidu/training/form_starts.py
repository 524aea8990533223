"""Where the parameters of forms start (`y = logistic4(x)`): from the rows that the training learns from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tidu.content.forms import FORMS
from tidu.data.table import Table
from tidu.engines.program import Program
from tidu.language.expr import Expr, symbols
from tidu.language.formula import Formula
from tidu.training.judging.undefined import values_of_nodes

Array = npt.NDArray[np.float64]
MOST_ROWS = 2000  # that a start is found from, evenly spread over all rows


def starts_from_data(formula: Formula | None, program: Program, table: Table | None) -> dict[str, float]:
    """The first values of the parameters of forms, by name; nothing for other parameters.

    Where a formula adds several forms, each is for what those before it leave over: the second peak beside the first.
    """
    if formula is None or table is None or not formula.forms or program.target is None:
        return {}
    if program.residual_factor is None:  # the target is not on the scale of the score
        return {}
    rows = _some_rows(program.columns, table)
    left = _values(program.target, rows)
    found: dict[str, float] = {}
    for call in formula.forms:
        if symbols([call.feature], "parameter"):
            continue
        values = FORMS[call.name].starts(_values(call.feature, rows), left)
        if values is None:
            continue
        numbers = dict(zip(call.parameters, values.values(), strict=True))
        found |= {p.name: value for p, value in numbers.items()}
        there = _values(call.value, {**rows, **numbers})
        left = np.where(np.isfinite(there), left - there, left)
    return found


def _some_rows(columns: tuple[Expr, ...], table: Table) -> dict[Expr, Array]:
    chosen = np.unique(np.linspace(0, table.rows - 1, min(table.rows, MOST_ROWS)).astype(np.int64))
    parts: list[list[Array]] = []
    for first, block in table.blocks():
        inside = chosen[(chosen >= first) & (chosen < first + block.rows)] - first
        parts.append([np.asarray(block[c.name])[inside] for c in columns])
    return {c: np.concatenate(found) for c, found in zip(columns, zip(*parts, strict=True), strict=True)}


def _values(node: Expr, known: Mapping[Expr, Array | float]) -> Array:
    rows = max(np.size(v) for v in known.values())
    return np.broadcast_to(np.asarray(values_of_nodes([node], known)[node], dtype=np.float64), rows)
