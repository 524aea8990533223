"""Derived quantities: what follows from the parameters, with its standard error by the delta method.

The variance of g(θ) is ∇g·C·∇g, with the exact gradient of g and the covariance C of the estimates (Casella & Berger
2002, sec. 5.5.4). Called by `Model.derived`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.engines.program import Program
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate, symbols
from tidu.language.quantities import Quantity
from tidu.text import _
from tidu.training.solving.estimates import LEVEL, Estimates


@dataclass(frozen=True)
class Derived:
    """A quantity at the end of a fit.

    Attributes
    ----------
    expression : what it is, as the user wrote it.
    standard_error : by the delta method; nan without statistics, where the data do not determine it, and of a
        constant.
    low, high : the ends of its interval: value ± quantile · standard error, unless profile, bootstrap or the search for
        breakpoints have others.
    is_constant : whether no parameter that is learned stands in it: a breakpoint, or a number that was given.
    """

    name: str
    expression: str
    value: float
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan
    is_constant: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "expression": self.expression, "value": self.value, "se": self.standard_error,
            "low": self.low, "high": self.high,
        }  # fmt: skip


def derived_of(
    quantities: Mapping[str, Quantity],
    program: Program,
    params: Mapping[str, Any],
    statistics: Estimates | None,
    ends: Mapping[str, tuple[float, float]],
    level: float = LEVEL,
) -> dict[str, Derived]:
    """The quantities at the parameters `params`, with what the statistics of the fit make of their errors.

    `ends` are those of intervals that were found otherwise, by name.
    """
    values = {p: float(params[p.name]) for p in program.parameters if not p.shape}
    found = {}
    for name, quantity in quantities.items():
        value = evaluate(quantity.value, values)
        error = math.nan if statistics is None else standard_error(quantity.value, values, statistics)
        reach = math.nan if statistics is None else statistics.quantile(level) * error
        low, high = ends.get(name, (value - reach, value + reach))
        found[name] = Derived(name, quantity.text, value, error, low, high, not symbols([quantity.value], "parameter"))
    return found


def standard_error(quantity: Expr, values: Mapping[Expr, float], statistics: Estimates) -> float:
    """The standard error of an expression of parameters at their values; nan where they are not determined.

    Nan of an expression of none: no slope says how well a number that stands still is known.
    """
    moving = symbols([quantity], "parameter")
    if not moving:
        return math.nan
    places = [statistics.correlated.index(p.name) for p in moving]
    slopes = np.array([evaluate(slope, values) for slope in gradient(quantity, moving)])
    if not np.all(np.isfinite(slopes)):
        return math.nan
    with np.errstate(all="ignore"):
        variance = float(slopes @ statistics.covariance[np.ix_(places, places)] @ slopes)
    return math.sqrt(variance) if variance >= 0.0 else math.nan


def notes_on_derived(derived: Mapping[str, Derived], statistics: Estimates | None) -> list[str]:
    """What a person should know: quantities without a value at the end, or without a standard error."""
    notes = [
        _("{name} = {expression} has no finite value at the end").format(name=d.name, expression=d.expression)
        for d in derived.values()
        if not math.isfinite(d.value)
    ]
    if derived and statistics is None:
        notes.append(
            _(
                "{names}: a standard error follows from those of the parameters, which a fit by a solver to its end "
                "has; use --optimizer lm or auto"
            ).format(names=", ".join(derived))
        )
    return notes
