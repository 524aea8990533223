"""Cost and predictions over a table, by generated functions: plain Python for short work, compiled for long."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.array_loop import array_cost_source, array_predict_source, input_of, inputs_of
from tidu.engines.build import module_of
from tidu.engines.cost_loop import cost_source, predict_source
from tidu.engines.durations import plain_seconds_of_rows, seconds_to_compile
from tidu.engines.program import Program
from tidu.language.expr import Expr, evaluate

Array = npt.NDArray[np.float64]


def cost_of(program: Program, columns: Sequence[Array], calls: int = 1) -> Callable[[Sequence[float]], float]:
    """The cost over all rows as a function of the parameters, which will be called about `calls` times."""
    if not columns:
        return lambda parameters: evaluate(program.loss, dict(zip(program.parameters, parameters, strict=True)))
    if program.of_arrays:
        program = program.without_dropout
        array_cost = module_of(array_cost_source(program), "cost").cost
        return lambda parameters: float(_silently(array_cost, tuple(columns), tuple(parameters)))
    cost, kept = _function(cost_source(program), "cost", [program.loss], calls * len(columns[0]))
    given = tuple(kept(c) for c in columns)
    return lambda parameters: float(cost(given, 0, len(columns[0]), tuple(parameters)))


def predictions_of(program: Program, features: Sequence[Array], parameters: Sequence[float], rows: int) -> Array:
    """The prediction for each row; `features` in the program's order.

    Of shape (rows,), or (rows, classes) where the model has a score for each class.
    """
    if program.of_arrays:
        program = program.without_dropout
        given = dict(zip((c for c in program.columns if c.role == "feature"), features, strict=True))
        inputs = [input_of(node, given) for node in inputs_of(program) if node.op.name == "stack" or node in given]
        predict = module_of(array_predict_source(program), "predict").predict
        return np.asarray(_silently(predict, tuple(inputs), tuple(parameters)), dtype=np.float64)
    predict, kept = _function(predict_source(program), "predict", [program.prediction], rows)
    predicted = kept(np.zeros(rows))
    predict(tuple(kept(c) for c in features), 0, rows, tuple(parameters), predicted)
    return np.asarray(predicted, dtype=np.float64)


def _silently(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value; what is not finite is seen in it, and needs no warning from NumPy."""
    with np.errstate(all="ignore"):
        return function(*arguments)


def inputs_from(program: Program, columns: Sequence[Array]) -> list[Array]:
    """What a loop on arrays reads, from columns in the program's order."""
    given = dict(zip(program.columns, columns, strict=True))
    return [input_of(node, given) for node in inputs_of(program)]


def _function(
    source: str, name: str, outputs: Sequence[Expr], samples: int
) -> tuple[Callable[..., Any], Callable[[Array], Any]]:
    """The function `name` of a source, and how it wants its columns."""
    if plain_seconds_of_rows(samples, outputs) < seconds_to_compile(outputs):
        return getattr(module_of(source, name), name), np.ndarray.tolist
    from tidu.engines.compiler.calls import compiled

    return compiled(source, name), np.ascontiguousarray


def cost_is_finite(program: Program, columns: Sequence[Array], parameters: Sequence[float]) -> bool:
    """Whether the parameters are a place to go on from."""
    return math.isfinite(cost_of(program, columns)(parameters))
