"""Breakpoints: parameters that stand only in conditions, as c in `where(x < c, a, b)`, found by trying every place.

No slope tells where to move them, and the cost changes only where they pass from one row to the next. So a solver tries
the places between rows, with the other parameters at their best for each: coarsely over all of them, then every one
near the best. What is found stands in `where` (`c = 4.19`), as if it had been given. Called by `problem.py`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tidu.data.table import Table
from tidu.engines.curvature import KEPT, jacobian_of, residual_of
from tidu.engines.node_values import values_of_nodes
from tidu.errors import NoDerivative
from tidu.language.expr import Expr, evaluation_order, substitute, symbol, symbols
from tidu.language.formula import Formula
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.settings import Settings

Array = npt.NDArray[np.float64]
K = TypeVar("K", bound=Hashable)
ORDERS = ("less", "less_equal", "greater", "greater_equal")
COARSE = 40  # places of one breakpoint, at first
PAIRS = 20  # of each of two
MOST_TOGETHER = 2  # breakpoints that are tried with each other; of more, each is moved in turn
ROUNDS = 4
MOST_ROWS = 1000  # on which places are tried at first
MOST_FINE = 200  # places near the best that are tried on all rows
QUICK = 60  # evaluations of the other parameters, where these do not enter linearly
LEVEL = 0.95


@dataclass(frozen=True)
class Breakpoint:
    """Where a breakpoint was found, in the middle between two rows; `low` and `high` are the ends of its interval."""

    name: str
    value: float
    low: float
    high: float

    @property
    def note(self) -> str:
        """What a person should know of it."""
        return _(
            "{name} is a breakpoint, found by trying every place between two rows: {value:.6g}, 95% interval "
            "{low:.6g} … {high:.6g}; the other errors hold for it as it is"
        ).format(name=self.name, value=self.value, low=self.low, high=self.high)


def breakpoints_of(formula: Formula, settings: Settings) -> list[Expr]:
    """The parameters that stand only in conditions, where a solver is asked that can look for them."""
    if not (settings.uses_solver or settings.optimizer == "auto") or formula.score.shape:
        return []
    conditions = _conditions_in(formula.score)
    if not conditions:
        return []
    held = {*settings.fix, *(text.partition("=")[0].strip() for text in settings.where)}
    inside = [p for p in symbols(conditions, "parameter") if p.name not in held]
    return [p for p in inside if _stands_still(formula.score, p)]


@functools.lru_cache(maxsize=KEPT)
def _conditions_in(score: Expr) -> tuple[Expr, ...]:
    return tuple(n for n in evaluation_order([score]) if n.op.name in ORDERS)


def _stands_still(score: Expr, parameter: Expr) -> bool:
    try:
        return jacobian_of(score, [parameter])[0] is ZERO
    except NoDerivative:
        return True


def with_places(settings: Settings, places: Mapping[str, float]) -> Settings:
    """The settings with breakpoints where they were found."""
    held = tuple(text for text in settings.where if text.partition("=")[0].strip() not in places)
    found = tuple(f"{name} = {value!r}" for name, value in places.items())
    init = {name: value for name, value in settings.init.items() if name not in places}
    return settings.with_found(where=(*held, *found), init=init)


def found_breakpoints(
    settings: Settings, formula: Formula, breaking: Sequence[Expr], names: Sequence[str], table: Table
) -> list[Breakpoint]:
    """The places at which the squares of the residuals are least.

    Raises
    ------
    NoDerivative
        The loss is not of squares, or no place can be tried: the condition is not linear in its breakpoint.
    """
    scan = _Scan(settings, formula, breaking, names, table)
    at = scan.coarse()
    for _round in range(ROUNDS):
        before = dict(at)
        for p in breaking:
            at = scan.finer(p, at)
        if at == before:
            break
    return [scan.described(p, at) for p in breaking]


def places_along(side: Expr, moved: Expr, columns: Mapping[Expr, Array]) -> Array:
    """The values of the parameter `moved` at which `side`, linear in it, is 0 between two neighbouring rows."""
    with np.errstate(all="ignore"):
        at_0, at_1, at_2 = (np.asarray(values_of_nodes([side], {**columns, moved: t})[side]) for t in (0.0, 1.0, 2.0))
        slope = at_1 - at_0
        if not np.allclose(at_2 - at_1, slope, rtol=1e-9):
            return np.empty(0)
        zeros = np.unique(-at_0 / slope)
    zeros = zeros[np.isfinite(zeros)]
    return np.asarray((zeros[1:] + zeros[:-1]) / 2.0)


def thinned(values: Array, most: int) -> list[float]:
    """At most so many of the values, evenly."""
    if not len(values):
        return []
    chosen = np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))
    return [float(v) for v in values[chosen]]


def places_tried(places: Mapping[K, Sequence[float]], cost: Callable[[dict[K, float]], float]) -> list[dict[K, float]]:
    """Which places to try for parameters that have these: each alone, and of two every pair, no two at one place.

    Of more than two it is the one that is reached by moving each in turn to where the cost is least.
    """
    names = list(places)
    if len(names) <= MOST_TOGETHER:
        together = [dict(zip(names, values, strict=True)) for values in itertools.product(*places.values())]
        return [at for at in together if len({*at.values()}) == len(names)] or together
    at = {k: places[k][(i + 1) * len(places[k]) // (len(names) + 1)] for i, k in enumerate(names)}
    least = cost(at)
    for _round in range(ROUNDS):
        before = at
        for k in names:
            for value in places[k]:
                moved = {**at, k: value}
                if value not in at.values() and (reached := cost(moved)) < least:
                    at, least = moved, reached
        if at is before:
            break
    return [at]


class _Scan:
    """The least sum of squares with breakpoints at given places: these are numbers to the model."""

    def __init__(
        self, settings: Settings, formula: Formula, breaking: Sequence[Expr], names: Sequence[str], table: Table
    ) -> None:
        self.breaking = list(breaking)
        if settings.loss_object.least_squares is None:
            raise NoDerivative(
                _(
                    "'{name}' stands only inside a condition; a place is found for it with a loss of squares alone: "
                    "use --loss squared, or give it a value: --fix {name}=..."
                ).format(name=breaking[0].name)
            )
        self.numbers = {p: symbol(f"{p.name} ", "feature") for p in breaking}
        rest = tuple(p for p in formula.parameters if p not in self.numbers)
        init = {name: value for name, value in settings.init.items() if name in {p.name for p in rest}}
        placed = replace(
            formula, score=substitute(formula.score, self.numbers), parameters=rest,
            features=(*formula.features, *self.numbers.values()),
        )  # fmt: skip
        program = replace(settings, init=init, report=(), where=()).program_of(placed, names)
        self.parameters = program.parameters
        self.residual = residual_of(program)
        self.slopes = jacobian_of(self.residual, self.parameters)
        self.is_linear = not any(
            d is not ZERO for s in self.slopes for d in jacobian_of(s, self.parameters)
        )  # fmt: skip
        self.columns = {c: np.asarray(table[c.name]) for c in program.columns if c not in self.numbers.values()}
        self.rows = table.rows
        self.places = {p: self._places(formula, p) for p in breaking}
        self.all_rows: slice | npt.NDArray[np.intp] = slice(None)
        self.some_rows = np.unique(np.linspace(0, self.rows - 1, min(self.rows, MOST_ROWS)).astype(int))
        start = [init.get(p.name, 0.0) for p in self.parameters]
        self.last = np.array([v if isinstance(v, float) else 0.0 for v in start])

    def _places(self, formula: Formula, moved: Expr) -> Array:
        for node in evaluation_order([formula.score]):
            if node.op.name not in ORDERS or moved not in symbols([node], "parameter"):
                continue
            side = node.args[0] - node.args[1]
            if symbols([side], "parameter") == [moved]:
                found = places_along(side, moved, self.columns)
                if len(found):
                    return found
        raise NoDerivative(
            _(
                "'{name}' stands only inside a condition that is not linear in it alone, so no place can be tried; "
                "give it a value: --fix {name}=..."
            ).format(name=moved.name)
        )

    def squares(self, at: Mapping[Expr, float], rows: slice | npt.NDArray[np.intp]) -> float:
        """The least sum of squared residuals with breakpoints there."""
        known: dict[Expr, Any] = {c: column[rows] for c, column in self.columns.items()}
        known |= {self.numbers[p]: value for p, value in at.items()}
        count = len(next(iter(known.values())))

        def computed(outputs: Sequence[Expr], values: Array) -> Array:
            there = values_of_nodes(outputs, {**known, **dict(zip(self.parameters, values.tolist(), strict=True))})
            return np.stack([np.broadcast_to(np.asarray(there[o], dtype=np.float64), count) for o in outputs], axis=-1)

        def residuals(values: Array) -> Array:
            return computed([self.residual], values)[:, 0]

        def slopes(values: Array) -> Array:
            return computed(self.slopes, values)

        start = self.last if not self.is_linear else np.zeros(len(self.parameters))
        try:
            if self.is_linear:
                solved = np.asarray(np.linalg.lstsq(slopes(start), -residuals(start), rcond=1e-10)[0], np.float64)
            else:
                from scipy.optimize import least_squares

                solved = least_squares(residuals, start, slopes, x_scale="jac", max_nfev=QUICK).x
        except (ValueError, np.linalg.LinAlgError):  # of numbers that are not finite
            return math.inf
        total = float(np.sum(residuals(solved) ** 2))
        if not math.isfinite(total):
            return math.inf
        self.last = solved
        return total

    def coarse(self) -> dict[Expr, float]:
        """The best of places that are spread over the data."""
        few = COARSE if len(self.breaking) != MOST_TOGETHER else PAIRS

        def squares(at: Mapping[Expr, float]) -> float:
            return self.squares(at, self.some_rows)

        return min(places_tried({p: thinned(self.places[p], few) for p in self.breaking}, squares), key=squares)

    def finer(self, p: Expr, at: dict[Expr, float]) -> dict[Expr, float]:
        """With one of them at the best of the places around where it is."""
        places = self.places[p]
        reach = -(-len(places) // (COARSE if len(self.breaking) == 1 else PAIRS))
        while True:
            here = int(np.searchsorted(places, at[p]))
            near = thinned(places[max(0, here - reach) : here + reach + 1], MOST_FINE)
            at = min([at, *({**at, p: v} for v in near)], key=lambda a: self.squares(a, self.all_rows))
            if 2 * reach < MOST_FINE:  # every place around it was tried
                return at
            reach = -(-2 * reach // MOST_FINE) + 1

    def described(self, p: Expr, at: dict[Expr, float]) -> Breakpoint:
        """With the interval of places at which the squares are not significantly larger (the profile likelihood)."""
        from scipy.stats import f

        places = self.places[p]
        least = self.squares(at, self.all_rows)
        free = self.rows - len(self.parameters) - len(self.breaking)
        limit = least * (1.0 + (f.ppf(LEVEL, 1, free) / free if free > 0 else math.inf))
        here = int(np.argmin(np.abs(places - at[p])))

        def inside(k: int) -> bool:
            return self.squares({**at, p: float(places[k])}, self.all_rows) <= limit

        def end(step: int) -> float:
            """The last place of an unbroken run that is inside, found by strides that double, then halve."""
            k, stride, growing = here, 1, True
            while stride:
                there = k + step * stride
                if 0 <= there < len(places) and inside(there):
                    k, stride = there, 2 * stride if growing else stride
                else:
                    stride, growing = stride // 2, False
            return float(places[k])

        return Breakpoint(p.name, at[p], end(-1), end(1))
