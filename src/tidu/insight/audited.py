"""What the audit examines, seen alike for both kinds: a formula on its data, here, and a function of one's own.

Each says at any point what the hand gradient, the derived one and finite differences are, and which slips it can have
(`slips`). The functions are in `audited_functions.py`. Called by `audit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from tidu.engines.program import Program
from tidu.errors import SettingError, closest
from tidu.insight.hand_gradient import BESIDE, HandGradient, Rows, neighbour, new_value, parse_hand
from tidu.insight.slips_in_functions import Inside
from tidu.language.expr import Expr
from tidu.text import _
from tidu.training.problem import Problem

Point = Mapping[str, float]
POINTS = 5
TRIES = 60  # draws of points, where functions are not finite everywhere
CLOSE = 1e-8  # of the size of what is added up: sums in another order differ by far less, slips by far more
MEASURED_CLOSE = 1e-5  # of central differences, which are right to about 1e-10, and less far from 1
MOST_ROWS = 20_000
MOST_TOGETHER = 8  # groups of parameters that may have been updated too early
STEP = float(np.finfo(float).eps) ** (1 / 3)


class Subject(Protocol):
    """What can be audited."""

    @property
    def at(self) -> Point | None:
        """The point that was given."""

    @property
    def lr(self) -> float:
        """The learning rate of an update."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said besides."""

    @property
    def close(self) -> float:
        """How much gradients may differ, relative to `size`."""

    @property
    def audited(self) -> tuple[str, ...]:
        """The parameters with a hand gradient."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters."""

    @property
    def factors(self) -> tuple[str, ...]:
        """What may have been forgotten in a product."""

    @property
    def rows(self) -> int | None:
        """Rows of the data; None where they are not known."""

    @property
    def sums(self) -> frozenset[str]:
        """Parameters whose hand gradient has a sum."""

    @property
    def has_half(self) -> bool:
        """Whether the loss has a ½ that cancels the 2 of its square."""

    def numbers(self, name: str) -> list[float]:
        """The numbers that stand in a hand gradient."""

    def without_zeros(self) -> Self:
        """The same on data that can be divided by."""

    def hand(self, name: str, point: Point) -> float:
        """The hand gradient."""

    def derived(self, name: str, point: Point) -> float:
        """The derived gradient."""

    def divided(self, name: str, factor: str, point: Point) -> float:
        """The derived gradient without a factor of each summand."""

    def inside(self, name: str, point: Point) -> Mapping[str, Inside]:
        """What the gradient is under slips in what is summed, by a key that each has at every point."""

    def measured(self, name: str, point: Point) -> float:
        """The gradient by central differences."""

    def size(self, name: str, point: Point) -> float:
        """How large the numbers are that the derived gradient is the mean of."""


def points_of(subject: Subject, seed: int) -> tuple[Point, ...]:
    """The point that is given, and points around it, or around 0, at which everything is finite.

    Raises
    ------
    SettingError
        There are no such points.
    """
    random = np.random.default_rng(seed)
    base = subject.at or dict.fromkeys(subject.parameters, 0.0)
    found = [subject.at] if subject.at is not None else []
    for k in range(TRIES):
        if len(found) == POINTS:
            break
        width = 0.5 ** (k // POINTS)
        drawn = {p: v + width * max(1.0, abs(v)) * float(random.normal()) for p, v in base.items()}
        numbers = [f(p, drawn) for p in subject.audited for f in (subject.derived, subject.hand, subject.measured)]
        if all(map(math.isfinite, numbers)):
            found.append(drawn)
    if len(found) < 2:
        raise SettingError(_("the gradients are finite at no point near {point}; give another with at").format(
            point=", ".join(f"{p}={v:g}" for p, v in base.items())
        ))  # fmt: skip
    return tuple(found)


def moved(point: Point, name: str, by: float) -> Point:
    """The point with one number changed."""
    return {**point, name: point[name] + by}


def central(function: Callable[[Point], float], name: str, point: Point) -> float:
    """The partial derivative by central differences."""
    h = max(1.0, abs(point[name])) * STEP
    after, before = moved(point, name, h), moved(point, name, -h)
    return (function(after) - function(before)) / (after[name] - before[name])


# -- a formula ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class OfFormula:
    """A formula on its data, with hand gradients of its cost."""

    program: Program
    table: Rows
    hands: Mapping[str, HandGradient]
    at: Point | None
    lr: float
    has_half: bool
    notes: tuple[str, ...] = ()
    close: float = CLOSE

    @classmethod
    def of(cls, problem: Problem, hand: Mapping[str, str], at: Any, lr: float) -> OfFormula:
        """Read and checked."""
        program = problem.program
        if program.of_arrays:
            raise SettingError(_("the audit is for models whose parameters are numbers"))
        names = program.parameter_names
        for name in (*hand, *(at or {})):
            _check_name(name, names)
        columns = problem.columns
        notes: tuple[str, ...] = ()
        if problem.rows > MOST_ROWS:
            chosen = np.linspace(0, problem.rows - 1, MOST_ROWS).astype(np.int64)
            columns = tuple(column[chosen] for column in columns)
            notes = (_("compared on {some} of the {rows} rows").format(some=MOST_ROWS, rows=problem.rows),)
        given = None if at is None or not at else {p: float(at.get(p, 0.0)) for p in names}
        return cls(
            program,
            Rows.of(dict(zip(program.columns, columns, strict=True))),
            {name: parse_hand(text, program) for name, text in hand.items()},
            given,
            lr,
            problem.settings.loss_object.least_squares == 0.5,
            notes,
        )

    @property
    def audited(self) -> tuple[str, ...]:
        """The parameters with a hand gradient."""
        return tuple(self.hands)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters."""
        return self.program.parameter_names

    @property
    def factors(self) -> tuple[str, ...]:
        """Columns and parameters."""
        return (*(c.name for c in self.program.columns), *self.parameters)

    @property
    def rows(self) -> int | None:
        """Rows of the data."""
        return self.table.count

    @property
    def sums(self) -> frozenset[str]:
        """Parameters whose hand gradient has a sum."""
        kinds = {name: {kind for kind, _inner in hand.reductions.values()} for name, hand in self.hands.items()}
        return frozenset(name for name, found in kinds.items() if "sum" in found)

    def numbers(self, name: str) -> list[float]:
        """The numbers that stand in a hand gradient."""
        return self.hands[name].numbers

    def without_zeros(self) -> Self:
        """The same on data that can be divided by."""
        columns = {
            c: [v or 0.37 + 0.01 * (k % 7) for k, v in enumerate(column)] if c.role == "feature" else column
            for c, column in self.table.columns.items()
        }
        return replace(self, table=Rows(columns, self.table.count))

    def hand(self, name: str, point: Point) -> float:
        """The hand gradient."""
        known = self.known(point)
        for p in self.program.parameters:
            known[new_value(p)] = point[p.name] - self.lr * self.derived(p.name, point)
        return self.hands[name].at(known, self.table)

    def derived(self, name: str, point: Point) -> float:
        """The derived gradient."""
        return self.table.mean(self.slope(name), self.known(point))

    def divided(self, name: str, factor: str, point: Point) -> float:
        """The derived gradient without a factor of each summand."""
        symbols = {s.name: s for s in (*self.program.columns, *self.program.parameters)}
        return self.table.mean(self.slope(name) / symbols[factor], self.known(point))

    def inside(self, name: str, point: Point) -> Mapping[str, Inside]:
        """A column taken for another, or from the neighbouring row: as a factor, in the residual, or in both."""
        found: dict[str, Inside] = {}
        columns = {c.name: c for c in self.program.columns if c.role == "feature"}
        slope, known = self.slope(name), self.known(point)
        for factor, column in columns.items():
            without = slope / column
            for other, instead in columns.items():
                if other != factor:
                    said = _("{other} stands where {factor} should").format(other=other, factor=factor)
                    value = self.table.mean(without * instead, known)
                    found[f"{factor} {other}"] = Inside("wrong index", said, value)
            for place, by in BESIDE.items():
                said = _("the index is off by one: the factor {factor} is taken from the neighbouring row")
                beside = neighbour(column, place)
                rows = self.table.with_neighbours({beside: (column, by)})
                value = rows.mean(without * beside, known)
                found[f"{factor} {place}"] = Inside("wrong index", said.format(factor=factor), value)
                moved_rows = self.table.with_neighbours({column: (column, by), beside: (column, 0)})
                said = _("the index is off by one: {factor} is taken from the neighbouring row where ŷ is computed")
                value = moved_rows.mean(without * beside, known)
                found[f"{factor} {place} in ŷ"] = Inside("wrong index", said.format(factor=factor), value)
        for column in self.program.columns:
            for place, by in BESIDE.items():
                said = _("the index is off by one: {factor} is taken from another row than the rest")
                value = self.table.with_neighbours({column: (column, by)}).mean(self.slope(name), known)
                found[f"{column.name} {place} everywhere"] = Inside(
                    "wrong index", said.format(factor=column.name), value
                )
        return found

    def measured(self, name: str, point: Point) -> float:
        """The gradient by central differences."""
        return central(lambda at: self.table.mean(self.program.loss, self.known(at)), name, point)

    def size(self, name: str, point: Point) -> float:
        """How large the numbers are that the derived gradient is the mean of."""
        values = self.table.values(self.slope(name), self.known(point))
        return math.fsum(map(abs, values)) / len(values)

    def slope(self, name: str) -> Expr:
        """The derivative of one row's loss."""
        return self.program.gradient[self.parameters.index(name)]

    def known(self, point: Point) -> dict[Expr, float]:
        """What each parameter is."""
        return {p: point[p.name] for p in self.program.parameters}


def _check_name(name: str, names: Sequence[str]) -> None:
    if name not in names:
        near = closest(name, names)
        raise SettingError(
            _("the model has no parameter '{name}'{hint}; it has {names}").format(
                name=name,
                hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
                names=", ".join(names),
            )
        )


def updates(subject: Subject, name: str, point: Point, rate: float) -> Iterator[tuple[str, float]]:
    """The derived gradient of one parameter where others have taken their step before: one, several at once, in turn.

    Several are those before or behind it, as in a loop over an array or over parts of it.
    """
    names = subject.parameters
    k = names.index(name)
    for other in (n for n in names if n != name):
        yield other, subject.derived(name, stepped(subject, point, (other,), rate))
    if len(names) == 2:
        return
    before = [names[:j] for j in range(2, k + 1)]
    behind = [names[j:] for j in range(k + 1, len(names) - 1)]
    others = (*names[:k], *names[k + 1 :])
    for several in dict.fromkeys([others, *before[::-1], *behind][:MOST_TOGETHER]):
        yield _(", ").join(several), subject.derived(name, stepped(subject, point, several, rate))
    for several in [names[:k], names[:k:-1]]:
        at = point
        for other in several:
            at = stepped(subject, at, (other,), rate)
        if len(several) > 1:
            yield _(", ").join(several), subject.derived(name, at)


def stepped(subject: Subject, point: Point, names: Sequence[str], rate: float) -> Point:
    """The point after some of the parameters have taken their step, all from where they are."""
    return {**point, **{name: point[name] - rate * subject.derived(name, point) for name in names}}
