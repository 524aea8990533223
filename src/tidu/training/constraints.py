"""What a person who fits data decides besides the formula: bounds, fixed parameters, weights of the samples.

Also which settings exclude each other. Called by `Settings`, which holds them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.declarations import declared
from tidu.content.losses import loss_named
from tidu.content.methods import AUTO, SOLVERS
from tidu.data.table import Table
from tidu.errors import ColumnNotFound, DataError, SettingError, closest
from tidu.language.expr import Expr, constant, substitute, symbol
from tidu.language.formula import Formula
from tidu.runtime.summation import CHUNK
from tidu.text import _, mark
from tidu.training.options import OPTIONS, TrainingOptions

if TYPE_CHECKING:
    from tidu.training.settings import Settings

FOR_DESCENT = mark(
    "{option} has no meaning for {optimizer}, which takes the whole cost and chooses its own steps; leave it out, or "
    "use another optimizer"
)
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


def bound_arrays(bounds: Mapping[str, tuple[float | None, float | None]], parameters: Sequence[Expr]) -> Any:
    """Bounds as a pair of arrays with an entry for each number of each parameter; None without any."""
    if not bounds:
        return None
    pairs = [bounds.get(p.name, (None, None)) for p in parameters for _k in range(math.prod(p.shape))]
    return (
        np.array([-math.inf if low is None else low for low, _high in pairs]),
        np.array([math.inf if high is None else high for _low, high in pairs]),
    )


def weighing(settings: Settings) -> tuple[str, str | None]:
    """The option that says how much a sample's loss counts, and its column; None where all count alike."""
    given = [(name, getattr(settings, name)) for name in ("weights", "sigma", "counts")]
    return next(((option, column) for option, column in given if column is not None), ("weights", None))


def check_column(option: str, name: str, columns: Sequence[str]) -> None:
    """ColumnNotFound where the data lack the column that an option names."""
    if name not in columns:
        near = closest(name, columns)
        raise ColumnNotFound(
            _("{option} names '{name}'; the data has {columns}{hint}").format(
                option=option,
                name=name,
                columns=", ".join(columns),
                hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
            )
        )


def sample_weight(settings: Settings, columns: Sequence[str]) -> Expr | None:
    """How much a sample's loss counts: the column of weights or counts, or 1/sigma²."""
    option, name = weighing(settings)
    if name is None:
        return None
    check_column(option, name, columns)
    column = symbol(name, "weight", positive=True)
    return 1 / column**2 if option == "sigma" else column


def check_weights(settings: Settings, table: Table) -> None:
    """DataError where the weight of a row is not above 0, or a count is no whole number."""
    option, name = weighing(settings)
    if name is not None:
        for _checked in table.part([name]).each_block(partial(_check_weights, option, name)):
            pass


def _check_weights(option: str, name: str, first: int, block: Table) -> None:
    advice = {
        "weights": mark("a sample that should not count has a small weight, such as 1e-9"),
        "sigma": mark("the smallest deviation that its measurement can have"),
        "counts": mark("a row stands for one sample or more"),
    }
    column = block[name]
    broken = np.flatnonzero(column != np.floor(column)) if option == "counts" else np.zeros(0, dtype=np.intp)
    if broken.size:
        raise DataError(
            _("counts are whole numbers; '{name}' has {value:g} in row {row}. --weights says how certain a row is")
            .format(name=name, value=column[broken[0]], row=first + int(broken[0]) + 1)
        )  # fmt: skip
    bad = np.flatnonzero(~(column > 0.0))
    if not bad.size:
        return
    raise DataError(
        _(
            "{option} must be above 0; '{name}' has {value:g} in row {row}. Leave that row out, or give it a "
            "value: {advice}"
        ).format(
            option=option,
            advice=_(advice[option]),
            name=name,
            value=column[bad[0]],
            row=first + int(bad[0]) + 1,
        )
    )


def weights_of(settings: Settings, table: Table) -> Array | None:
    """The weight of each row, of shape (rows,); None where all count alike."""
    option, name = weighing(settings)
    if name is None:
        return None
    return 1.0 / table[name] ** 2 if option == "sigma" else table[name]


def check_shared(settings: Settings) -> None:
    """Refuse steps that the workers of a cluster cannot share."""
    if settings.batch_size is not None and settings.batch_size < CHUNK:
        raise SettingError(
            _(
                "a cluster shares the samples of a step in chunks of {chunk}, and a step of {batch} is less than one; "
                "give a batch size of at least {chunk}, or none for all rows, or leave out the cluster"
            ).format(chunk=CHUNK, batch=settings.batch_size)
        )


def check_together(settings: Settings) -> None:
    """Refuse settings that exclude or need each other, as their declarations say."""
    method = settings.optimizer
    solver = SOLVERS.get(method)
    given = {n: o for n, o in declared(TrainingOptions).items() if o.given(getattr(settings, n))}
    for entry in given.values():
        for other, sentence in entry.excludes.items():
            if other in given:
                raise SettingError(_(sentence))
        for other, sentence in entry.needs.items():
            if other not in given:
                raise SettingError(_(sentence))
    for name in settings.fix:
        if name in settings.init or name in settings.bounds:
            raise SettingError(
                _("'{name}' is fixed, so it takes neither a starting value nor bounds").format(name=name)
            )
    if solver is None:
        for entry in given.values():
            if entry.solvers_only and method != AUTO:
                raise SettingError(_(entry.solvers_only).format(optimizer=method))
        return
    refused = [n for n, o in given.items() if o.descent_only]
    refused += ["bounds"] * ("bounds" in given and not solver.takes_bounds)
    refused += ["l1"] * ("l1" in given and solver.only_least_squares)  # of l2 the formula decides: `check_penalty`
    for name in refused:
        raise SettingError(_(FOR_DESCENT).format(option=name, optimizer=method))
    if solver.losses and loss_named(settings.loss).name not in solver.losses:
        raise SettingError(
            _("{optimizer} is for the losses {losses}, and the loss is {loss}; use optimizer auto").format(
                optimizer=method, losses=", ".join(solver.losses), loss=settings.loss
            )
        )
    if solver.only_least_squares and loss_named(settings.loss).least_squares is None:
        raise SettingError(
            _("{optimizer} solves least squares, and the loss is {loss}; use loss squared, or optimizer lbfgs").format(
                optimizer=method, loss=settings.loss
            )
        )


def check_penalty(settings: Settings, formula: Formula) -> None:
    """Refuse an L2 penalty where the solver cannot keep to it: lm knows it by levels alone, lp only without them."""
    method, by_level = settings.optimizer, bool(formula.by_level)
    solver = SOLVERS.get(method)
    if not settings.l2 or solver is None:
        return
    if solver.only_least_squares and not by_level:
        raise SettingError(_(FOR_DESCENT).format(option="l2", optimizer=method))
    if solver.holds_rows and by_level:
        raise SettingError(
            _("{optimizer} takes no penalty on parameters with a value for each level; use optimizer lbfgs, or a loss "
              "that is smooth, such as huber").format(optimizer=method)
        )  # fmt: skip


def check_execution(settings: Settings, **execution: Any) -> None:
    """Refuse what `engine`, `threads`, `device` and `cluster` cannot be, or cannot do with these settings."""
    values = {name: OPTIONS[name].checked(value) for name, value in execution.items()}
    engine, device = values.get("engine", "auto"), values.get("device")
    if device is not None and (settings.uses_solver or settings.optimizer == AUTO):
        raise SettingError(
            _("a device is for gradient descent, not for '{name}'; name an optimizer, such as adam").format(
                name=settings.optimizer
            )
        )
    chosen = "array" if device is not None and engine == "auto" else engine
    if chosen == "auto":
        return
    values |= {name: getattr(settings, name) for name in declared(TrainingOptions)}
    for name, value in values.items():
        engines = OPTIONS[name].engines
        if engines and chosen != "auto" and chosen not in engines and OPTIONS[name].given(value):
            raise SettingError(
                _("{option} is for the engine {engines}, not for '{engine}'; leave one of them out").format(
                    option=name, engines=", ".join(e for e in engines if e != "auto"), engine=chosen
                )
            )
