"""What a formula computes of columns alone, such as `log(x)`, must be a finite number in every row.

Where it is not, the row, the column and the operation are named, or the row is dropped as one with a missing cell is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from tidu.data.table import Table
from tidu.errors import DataError, MissingValues
from tidu.language.expr import Expr, evaluation_order, symbols
from tidu.language.printer import plain_number, text
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.judging.undefined import named, values_of_nodes

SMALL = 1e30  # a number whose eighth power, a hundred times doubled, is still finite
MOST_DEGREE, MOST_NODES = 8, 100
GUARDS = ("where", "minimum", "maximum")  # may leave a value unused


def without_undefined(sides: Sequence[Expr], table: Table, drop: bool) -> Table:
    """`table` if all that `sides` compute of its columns is finite; else without the other rows, or an error.

    Raises
    ------
    MissingValues
        Some row is not, and `drop` is False; DataError if dropping leaves no row.
    """
    parts = [part for part in _of_columns_alone(tuple(sides)) if all(c.name in table for c in _columns(part))]
    if parts and table.rows <= CHUNK:
        parts = [part for part in parts if not (_is_polynomial(part) and _is_small(part, table))]
    if not parts or not table.rows:
        return table
    good: list[npt.NDArray[np.bool_]] = []
    bad = 0
    first: tuple[int, Expr, float, str] | None = None
    names = {c.name for part in parts for c in _columns(part)}
    for whole, here in table.part(names).each_block(partial(_defined, parts)):
        first = first or here
        bad += len(whole) - int(whole.sum())
        good += [whole] if drop else []
    if first is None:
        return table
    if drop and bad == table.rows:
        raise DataError(
            _("{origin}: {expression} is a finite number in none of the {rows} rows").format(
                origin=table.origin, expression=text(first[1]), rows=table.rows
            )
        )
    if drop:
        return table.taken(np.concatenate(good)).with_note(
            _("{bad} of {rows} rows were dropped, because {expression} is not a finite number there").format(
                bad=bad, rows=table.rows, expression=text(first[1])
            )
        )
    row, guilty, value, cells = first
    raise MissingValues(
        _(
            "{origin}: {expression} is {value} in row {row}, where {cells} ({bad} such row(s) in all); "
            "mend the data, or drop such rows with --drop-missing (drop_missing=True)"
        ).format(
            origin=table.origin,
            expression=text(guilty),
            value=named(value),
            row=row + 1,
            cells=cells,
            bad=bad,
        )
    )


def _defined(
    parts: Sequence[Expr], start: int, block: Table
) -> tuple[npt.NDArray[np.bool_], tuple[int, Expr, float, str] | None]:
    """In which rows of a block all parts are finite, and of the first that is not: row, operation, value and cells."""
    whole = np.ones(block.rows, dtype=np.bool_)
    first: tuple[int, Expr, float, str] | None = None
    for part in parts:
        values = values_of_nodes([part], {c: block[c.name] for c in _columns(part)})
        finite = np.isfinite(np.broadcast_to(values[part], (block.rows,)))
        whole &= finite
        if finite.all() or first is not None:
            continue
        row = int(np.flatnonzero(~finite)[0])
        here = {node: float(np.broadcast_to(value, (block.rows,))[row]) for node, value in values.items()}
        guilty, value = next((node, value) for node, value in here.items() if not np.isfinite(value))
        cells = ", ".join(f"{c.name} = {plain_number(float(block[c.name][row]))}" for c in _columns(guilty))
        first = start + row, guilty, value, cells
    return whole, first


@lru_cache(maxsize=32)
def _is_polynomial(part: Expr) -> bool:
    """Whether it is a short polynomial of low degree, which no small number takes to infinity."""
    degrees: dict[Expr, int] = {}
    for node in evaluation_order([part]):
        below = [degrees[a] for a in node.args]
        match node.op.name:
            case "constant":
                degrees[node] = 1 if abs(node.value) <= SMALL else MOST_DEGREE + 1
            case "symbol":
                degrees[node] = 1
            case "add" | "subtract" | "negative":
                degrees[node] = max(below)
            case "multiply":
                degrees[node] = sum(below)
            case "integer_power" if node.attrs[0] > 0:
                degrees[node] = node.attrs[0] * below[0]
            case _:
                return False
    return degrees[part] <= MOST_DEGREE and len(degrees) <= MOST_NODES


def _is_small(part: Expr, table: Table) -> bool:
    return all(column.max() <= SMALL and column.min() >= -SMALL for column in (table[c.name] for c in _columns(part)))


@lru_cache(maxsize=32)
def _of_columns_alone(sides: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The largest parts that hold columns and nothing to learn; none that a condition may leave unused."""
    order = evaluation_order(sides)
    learned: set[Expr] = set()  # what holds something to learn, and what holds a column
    varies: set[Expr] = set()
    strange: set[Expr] = set()  # what holds an array
    for node in order:
        if node.is_symbol:
            (varies if node.role in ("feature", "target") else learned).add(node)
        if node.shape or (node.args and not node.op.elementwise):
            strange.add(node)
        for found in (learned, varies, strange):
            if any(a in found for a in node.args):
                found.add(node)
    found_parts: list[Expr] = []
    seen: set[Expr] = set()
    stack = list(sides)
    while stack:
        node = stack.pop()
        if node in seen or not node.args:
            continue
        seen.add(node)
        if node in varies and node not in learned and node not in strange:
            found_parts.append(node)
        elif node.op.name not in GUARDS:
            stack.extend(node.args)
    return tuple(found_parts)


def _columns(part: Expr) -> list[Expr]:
    return [*symbols([part], "feature"), *symbols([part], "target")]
