"""What a person who fits data lays down beside the formula: bounds, fixed parameters, weights of the samples.

Also which settings exclude each other. Called by `Settings`, which holds them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.losses import loss_named
from tidu.content.methods import AUTO, SOLVERS
from tidu.data.table import Table
from tidu.errors import ColumnNotFound, DataError, SettingError, closest
from tidu.language.expr import Expr, constant, substitute, symbol
from tidu.language.formula import Formula
from tidu.text import _

if TYPE_CHECKING:
    from tidu.training.settings import Settings

Array = npt.NDArray[np.float64]


def with_fixed(formula: Formula, fixed: Mapping[str, float]) -> Formula:
    """The formula with numbers in the place of the fixed parameters."""
    if not fixed:
        return formula
    numbers = {p: constant(fixed[p.name]) for p in formula.parameters if p.name in fixed}
    return replace(
        formula,
        score=substitute(formula.score, numbers),
        parameters=tuple(p for p in formula.parameters if p not in numbers),
    )


def checked_bounds(name: str, pair: Any) -> tuple[float | None, float | None]:
    """Least and greatest value of a parameter, either None; NaN, crossed or equal ones are refused."""
    try:
        low, high = (None if v is None or abs(float(v)) == math.inf else float(v) for v in pair)
    except (TypeError, ValueError):
        low = high = math.nan
    if (low is not None and math.isnan(low)) or (high is not None and math.isnan(high)):
        raise SettingError(
            _("bounds: '{name}' needs a pair (low, high), either None, not {value}").format(name=name, value=pair)
        )
    if low is not None and high is not None and not low < high:
        raise SettingError(
            _("bounds: the lower bound of '{name}', {low:g}, is not below the upper, {high:g}").format(
                name=name, low=low, high=high
            )
        )
    return low, high


def bound_arrays(bounds: Mapping[str, tuple[float | None, float | None]], names: Sequence[str]) -> Any:
    """Bounds as a pair of arrays in the order of `names`; None without any."""
    if not bounds:
        return None
    pairs = [bounds.get(name, (None, None)) for name in names]
    return (
        np.array([-math.inf if low is None else low for low, _high in pairs]),
        np.array([math.inf if high is None else high for _low, high in pairs]),
    )


def sample_weight(settings: Settings, columns: Sequence[str]) -> Expr | None:
    """How much a sample's loss counts: the weight's column, or 1/sigma²."""
    name = settings.weights if settings.weights is not None else settings.sigma
    if name is None:
        return None
    if name not in columns:
        near = closest(name, columns)
        raise ColumnNotFound(
            _("{option} names '{name}'; the data has {columns}{hint}").format(
                option="weights" if settings.weights is not None else "sigma",
                name=name,
                columns=", ".join(columns),
                hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
            )
        )
    column = symbol(name, "weight", positive=True)
    return column if settings.weights is not None else 1 / column**2


def check_weights(settings: Settings, table: Table) -> Array | None:
    """The weight of each row; DataError where one is not above 0."""
    name = settings.weights if settings.weights is not None else settings.sigma
    if name is None:
        return None
    column = table[name]
    bad = np.flatnonzero(~(column > 0.0))
    if bad.size:
        raise DataError(
            _("{option} must be above 0; '{name}' has {value:g} in row {row}").format(
                option="weights" if settings.weights is not None else "sigma",
                name=name,
                value=column[bad[0]],
                row=int(bad[0]) + 1,
            )
        )
    return column if settings.weights is not None else 1.0 / column**2


def check_together(settings: Settings) -> None:
    """Refuse settings that exclude each other."""
    method = settings.optimizer
    solver = SOLVERS.get(method)
    if settings.weights is not None and settings.sigma is not None:
        raise SettingError(_("weights and sigma say the same thing in two ways (weight = 1/sigma²); give one"))
    for name in settings.fix:
        if name in settings.init or name in settings.bounds:
            raise SettingError(
                _("'{name}' is fixed, so it takes neither a starting value nor bounds").format(name=name)
            )
    if settings.scale and (settings.l1 or settings.l2):
        raise SettingError(
            _("a penalty holds for the parameters as they are, and scale=True exchanges them; leave one of them out")
        )
    if solver is None:
        if settings.bounds and method != AUTO:
            raise SettingError(
                _("bounds need a solver, and {optimizer} descends freely; use optimizer lm, lbfgs or auto").format(
                    optimizer=method
                )
            )
        if settings.starts > 1 and method != AUTO:
            raise SettingError(
                _("several starts need a solver, and {optimizer} makes one descent; use optimizer lm, lbfgs, newton "
                  "or auto").format(optimizer=method)
            )  # fmt: skip
        return
    refused = {
        "lr": settings.lr is not None,
        "batch_size": settings.batch_size is not None,
        "clip_norm": settings.clip_norm is not None,
        "clip_value": settings.clip_value is not None,
        "l1": settings.l1 != 0.0,
        "bounds": bool(settings.bounds) and not solver.takes_bounds,
        "l2": settings.l2 != 0.0 and solver.only_least_squares,
    }
    for option, given in refused.items():
        if given:
            raise SettingError(
                _("{option} has no meaning for {optimizer}, which takes the whole cost and chooses its own steps; "
                  "leave it out, or use another optimizer").format(option=option, optimizer=method)
            )  # fmt: skip
    if solver.only_least_squares and loss_named(settings.loss).least_squares is None:
        raise SettingError(
            _("{optimizer} solves least squares, and the loss is {loss}; use loss squared, or optimizer lbfgs").format(
                optimizer=method, loss=settings.loss
            )
        )
