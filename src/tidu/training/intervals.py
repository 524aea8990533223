"""Prediction intervals of a least-squares fit: how far the curve, or a new sample, may lie from the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tidu.data.table import Table
from tidu.engines.build import module_of
from tidu.engines.curvature import jacobian_of, rows_source
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.solving.arrow import Arrow
from tidu.training.solving.level_statistics import LevelStatistics
from tidu.training.solving.network import NetworkObjective
from tidu.training.solving.statistics import Statistics

if TYPE_CHECKING:
    from tidu.training.model import Model

Array = npt.NDArray[np.float64]


def intervals_of(model: Model, table: Table, level: float, of: str) -> tuple[Array, Array, Array]:
    """Prediction, lower and upper end for each row of a table that has been checked."""
    if not isinstance(model.statistics, Statistics):
        raise SettingError(
            _(
                "intervals need the statistics of a least-squares fit; fit with optimizer lm or auto, to the end and "
                "without a penalty"
            )
        )
    if not 0.0 < level < 1.0:
        raise SettingError(_("the level of an interval must be between 0 and 1, not {value}").format(value=level))
    if of not in ("sample", "mean"):
        raise SettingError(_("an interval is of a sample or of the mean, not of '{value}'").format(value=of))
    if isinstance(model.statistics, LevelStatistics):
        predicted, number, of_levels, of_shared = _predictions_by_level(model, table)
        deviation = model.statistics.deviation_by_level(number, of_levels, of_shared, of == "sample")
    else:
        predicted, slopes = _predictions_and_slopes(model, table)
        deviation = model.statistics.prediction_deviation(slopes, of == "sample")
    reach = model.statistics.quantile(level) * deviation
    return predicted, predicted - reach, predicted + reach


def _predictions_by_level(model: Model, table: Table) -> tuple[Array, ...]:
    """Of each row the prediction, its level, and its slopes along the parameters of that and along the shared ones."""
    absent = np.ones(table.rows)  # a target and a weight, which no slope of the score depends on
    program = model.program
    arrow = Arrow(program, [table[c.name] if c.role == "feature" else absent for c in program.columns])
    slopes = jacobian_of(arrow.one_row.score, [*arrow.local.values(), *arrow.one_row.parameters])
    at = NetworkObjective.flat(tuple(model.params.values()))
    found = arrow.in_order(arrow.values([arrow.one_row.score, *slopes], at))
    return found[0], arrow.in_order(arrow.number), found[1 : 1 + arrow.q], found[1 + arrow.q :]


def _predictions_and_slopes(model: Model, table: Table) -> tuple[Array, Array]:
    """Of each row the prediction, and its slope along each number of the model, of shape (rows, p)."""
    program = model.program
    slopes = jacobian_of(program.score, program.parameters)
    if program.of_arrays:
        absent = np.ones(table.rows)  # a target, which neither depends on
        objective = NetworkObjective(
            program, [table[c.name] if c.role == "feature" else absent for c in program.columns]
        )
        at = objective.flat(tuple(model.params.values()))
        return objective.values_of([program.score], at)[0], objective.rows_of(slopes, at)
    source = rows_source(program, [program.score, *slopes], ["feature"])
    columns = tuple(table[c.name].tolist() for c in program.columns if c.role == "feature")
    outputs = [[0.0] * table.rows for _k in range(1 + len(program.parameters))]
    module_of(source, "rows").each_row(columns, 0, table.rows, tuple(model.params.values()), outputs)
    values = np.array(outputs)
    return values[0], values[1:].T
