"""Cost and predictions over a table: in NumPy for short work, by compiled functions for long, with the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import DiskColumn, DiskTable, are_on_disk
from tidu.engines.array_loop import array_cost_source, array_predict_source, input_of, inputs_of
from tidu.engines.build import module_of
from tidu.engines.column_values import sum_of_rows, values_of_rows
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.curvature import sums_source
from tidu.engines.durations import numpy_seconds_of_rows, seconds_to_compile
from tidu.engines.program import Program
from tidu.language.expr import Expr, evaluate
from tidu.runtime.summation import CHUNK

Array = npt.NDArray[np.float64]


def cost_of(program: Program, columns: Sequence[Any], calls: int = 1) -> Callable[[Sequence[float]], float]:
    """The cost over all rows as a function of the parameters, which will be called about `calls` times."""
    if not columns:
        return lambda parameters: evaluate(program.loss, dict(zip(program.parameters, parameters, strict=True)))
    if are_on_disk(columns):
        return _cost_by_blocks(program, columns, calls)
    if program.of_arrays:
        program = program.without_dropout
        array_cost = module_of(array_cost_source(program), "cost").cost
        cuts = range(0, len(columns[0]), CHUNK)
        return lambda parameters: _mean_of_blocks(
            array_cost, (tuple(c[first : first + CHUNK] for c in columns) for first in cuts), parameters
        )
    rows = len(columns[0])
    if not _compiles(program.loss, rows, calls):
        by_symbol = dict(zip(program.columns, columns, strict=True))

        def mean(parameters: Sequence[float]) -> float:
            numbers = dict(zip(program.parameters, parameters, strict=True))
            return sum_of_rows(program.loss, by_symbol, numbers, rows) / rows + evaluate(program.penalty, numbers)

        return mean
    cost, given = _compiled(cost_source(program), "cost"), tuple(map(np.ascontiguousarray, columns))
    return lambda parameters: float(cost(given, 0, rows, tuple(parameters)))


def _cost_by_blocks(program: Program, columns: Sequence[DiskColumn], calls: int) -> Callable[[Sequence[float]], float]:
    """The same of columns on disk: the sum goes on from block to block, so it has the same bits."""
    rows = len(columns[0])
    names = [c.name for c in program.columns]
    table = DiskTable(cast(Any, dict(zip(names, columns, strict=True))))
    if program.of_arrays:
        program = program.without_dropout
        array_cost = module_of(array_cost_source(program), "cost").cost

        return lambda parameters: _mean_of_blocks(
            array_cost, (inputs_from(program, [*block.values()]) for _first, block in table.blocks()), parameters
        )
    compiles = _compiles(program.loss, rows, calls)
    sums = _compiled(sums_source(program, [program.loss]), "sums") if compiles else None

    def cost(parameters: Sequence[float]) -> float:
        numbers, total = dict(zip(program.parameters, parameters, strict=True)), np.zeros(1)
        for _first, block in table.blocks():
            if sums is None:
                by_symbol = dict(zip(program.columns, block.values(), strict=True))
                total[0] = sum_of_rows(program.loss, by_symbol, numbers, block.rows, float(total[0]))
            else:
                sums(tuple(map(np.ascontiguousarray, block.values())), 0, block.rows, tuple(parameters), total)
        return float(total[0]) / rows + evaluate(program.penalty, numbers)

    return cost


def _mean_of_blocks(cost: Callable[..., Any], blocks: Iterable[Sequence[Array]], parameters: Sequence[float]) -> float:
    """The mean of a network's cost over blocks of rows, each of which has so many rows as its first input."""
    parts = [(len(inputs[0]), float(_silently(cost, tuple(inputs), tuple(parameters)))) for inputs in blocks]
    rows = sum(count for count, _cost in parts)
    return parts[0][1] if len(parts) == 1 else sum(count * mean for count, mean in parts) / rows


def predictor(program: Program, rows: int) -> Callable[[Sequence[Array], Sequence[float], int], Array]:
    """The prediction for each row as a function of features in the program's order, parameters, and how many rows.

    Of shape (rows,), or (rows, classes) where the model has a score for each class. `rows` are those of all calls.
    """
    if program.of_arrays:
        program = program.without_dropout
        nodes = [c for c in program.columns if c.role == "feature"]
        array_predict = module_of(array_predict_source(program), "predict").predict

        def of_arrays(features: Sequence[Array], parameters: Sequence[float], _count: int) -> Array:
            given = dict(zip(nodes, features, strict=True))
            inputs = [input_of(node, given) for node in inputs_of(program) if node.op.name == "stack" or node in given]
            return np.asarray(_silently(array_predict, tuple(inputs), tuple(parameters)), dtype=np.float64)

        return of_arrays
    if not _compiles(program.prediction, rows):
        names = [c for c in program.columns if c.role == "feature"]

        def in_numpy(features: Sequence[Array], parameters: Sequence[float], count: int) -> Array:
            numbers = dict(zip(program.parameters, parameters, strict=True))
            return values_of_rows(program.prediction, dict(zip(names, features, strict=True)), numbers, 0, count)

        return in_numpy
    predict = _compiled(predict_source(program), "predict")

    def of_numbers(features: Sequence[Array], parameters: Sequence[float], count: int) -> Array:
        predicted = np.zeros(count)
        predict(tuple(map(np.ascontiguousarray, features)), 0, count, tuple(parameters), predicted)
        return predicted

    return of_numbers


def predictions_of(program: Program, features: Sequence[Array], parameters: Sequence[float], rows: int) -> Array:
    """The predictions of one table, as `predictor` says."""
    return predictor(program, rows)(features, parameters, rows)


def _silently(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value; what is not finite is seen in it, and needs no warning from NumPy."""
    with np.errstate(all="ignore"):
        return function(*arguments)


def inputs_from(program: Program, columns: Sequence[Array]) -> list[Array]:
    """What a loop on arrays reads, from columns in the program's order."""
    given = dict(zip(program.columns, columns, strict=True))
    return [input_of(node, given) for node in inputs_of(program)]


def _compiles(output: Expr, rows: int, calls: int = 1) -> bool:
    """Whether machine code of an expression of every row is sooner done than NumPy, its making included."""
    return calls * numpy_seconds_of_rows(rows, output) >= seconds_to_compile([output])


def _compiled(source: str, name: str) -> Callable[..., Any]:
    """The function `name` of a source as machine code."""
    from tidu.engines.compiler.calls import compiled  # which few trainings need here

    return compiled(source, name)


def cost_is_finite(program: Program, columns: Sequence[Any], parameters: Sequence[float]) -> bool:
    """Whether the parameters are a place to go on from."""
    return math.isfinite(cost_of(program, columns)(parameters))
