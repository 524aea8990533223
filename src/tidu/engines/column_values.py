"""An expression of every row at once, in NumPy, with the bits of the loops: predictions and losses, without a compiler.

Called by `training/judging/evaluation.py` for work that is done before machine code of it would be there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.batch_values import Operations
from tidu.language.expr import Expr, evaluation_order

Array = npt.NDArray[np.float64]
ROWS = 1 << 13  # computed at a time: what lies between two operations stays in the cache


@functools.cache
def _operations() -> Operations:
    return Operations(on_tiles=False)


def values_of_rows(
    output: Expr, columns: Mapping[Expr, Array], numbers: Mapping[Expr, float], first: int, last: int
) -> Array:
    """What `output` is in the rows from `first` to before `last`, of shape (last - first,).

    `columns` are arrays of shape (rows,); `numbers` are the same in every row.
    """
    operations, order = _operations(), evaluation_order([output])
    found = np.empty(last - first)
    for start in range(first, last, ROWS):
        stop = min(start + ROWS, last)
        values: dict[Expr, Any] = dict(numbers)
        for node in order:
            if node in columns:
                values[node] = columns[node][start:stop]
            elif node.is_constant:
                values[node] = node.value
            elif node not in values:
                values[node] = operations(node, [values[a] for a in node.args])
        found[start - first : stop - first] = values[output]
    return found


def sum_of_rows(
    output: Expr, columns: Mapping[Expr, Array], numbers: Mapping[Expr, float], rows: int, total: float = 0.0
) -> float:
    """`total` with `output` of each row added to it, one row after another."""
    for start in range(0, rows, ROWS):
        values = values_of_rows(output, columns, numbers, start, min(start + ROWS, rows))
        with np.errstate(all="ignore"):
            total = float(np.add.accumulate(np.concatenate(([total], values)))[-1])
    return total
