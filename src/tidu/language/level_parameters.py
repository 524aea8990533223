"""`LevelParameters`: a parameter with a value for each level of a column: `a[city]` is `a[bj]`, `a[sh]` and so on.

`a[city, year]` has one for each combination that occurs, `a[bj, 2020]`. In the graph they are parameters like any
other, among which a row chooses by the number of its level, halving what is left; so every reader of the graph knows
them. People see `a[city]` (`shown_by_level`). Settings that name `a` mean all of them, and `a[sh]` one
(`for_each_level`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from tidu.language.array_ops import entry
from tidu.language.expr import Expr, apply, constant, evaluation_order, symbol

V = TypeVar("V")
_OF_LEVEL = re.compile(r"([^\W\d]\w*)\[(.*)\]", re.DOTALL)
_LEVEL_COLUMN = re.compile(r"level(s?)\((.*)\)", re.DOTALL)
_COLUMN = re.compile(r"`(.*?)`|[^`, ]+", re.DOTALL)
Level = str | float  # a category: text, a number, True or False
Combination = tuple[Level, ...]  # of the levels of several columns


def level_text(level: Level | Combination) -> str:
    """A level as people write it: `bj`, `3`, `True`; of several columns `bj, 2020`."""
    if isinstance(level, tuple):
        return ", ".join(map(level_text, level))
    if isinstance(level, (str, bool)):
        return str(level)
    return str(int(level)) if float(level).is_integer() and abs(level) < 1e16 else repr(float(level))


def columns_together(columns: Sequence[str]) -> str:
    """Several columns as one, by name: `city, year`; one is itself."""
    if len(columns) == 1:
        return columns[0]
    return ", ".join(name if name.isidentifier() else f"`{name}`" for name in columns)


def parameter_and_level(name: str) -> tuple[str, str] | None:
    """`a` and `sh` for `a[sh]`; None for another name."""
    found = _OF_LEVEL.fullmatch(name)
    return (found[1], found[2]) if found else None


WRITTEN_OUT = 100  # levels; each is a parameter of its own, and beyond these all are one vector


@dataclass(frozen=True)
class LevelParameters:
    """The parameters of `name[columns]`; of columns whose levels have yet to be read, one that stands for all."""

    name: str
    columns: tuple[str, ...]
    levels: tuple[Level | Combination, ...]

    @property
    def column(self) -> str:
        """The columns as one, by name."""
        return columns_together(self.columns)

    @property
    def number(self) -> Expr:
        """The column of the data's own that has the number of the level of each row."""
        return symbol(f"level{'s' if len(self.columns) > 1 else ''}({self.column})", "feature")

    @property
    def names(self) -> tuple[str, ...]:
        """What the value of each level is called: `a[bj]`, `a[sh]`."""
        return tuple(f"{self.name}[{level_text(level)}]" for level in self.levels)

    @cached_property
    def parameters(self) -> tuple[Expr, ...]:
        """A symbol for each level, in the order of the levels; one vector where they are many."""
        if len(self.levels) > WRITTEN_OUT:
            return (symbol(self.name, "parameter", shape=(len(self.levels),)),)
        return tuple(symbol(f"{self.name}[{level_text(level)}]", "parameter") for level in self.levels or [""])

    def chosen(self) -> Expr:
        """The parameter of the level that a row has, found by halving."""
        number = self.number

        def among(first: int, last: int) -> Expr:
            if last - first == 1:
                return self.parameters[first]
            middle = (first + last) // 2
            return apply("where", apply("less", number, constant(middle)), among(first, middle), among(middle, last))

        if not self.levels:  # the column has yet to be read
            return apply("where", apply("less", number, constant(0.0)), *self.parameters, *self.parameters)
        if len(self.levels) > WRITTEN_OUT:
            chosen: Expr = entry(*self.parameters, number)
            return chosen
        return among(0, len(self.parameters))


def shown_by_level(outputs: Iterable[Expr], written: Callable[[str, list[str]], str]) -> dict[Expr, str]:
    """The choices among the parameters of levels in `outputs`, as `written` has them of parameter and columns."""
    found = {}
    for node in evaluation_order(outputs):
        by = _chosen(node) if node.op.name == "where" else _entry(node) if node.op.name == "entry" else None
        if by is not None:
            found[node] = written(*by)
    return found


def _columns_of(number: Expr) -> list[str] | None:
    """The columns whose levels a column numbers; None where it is none of these."""
    found = _LEVEL_COLUMN.fullmatch(number.name) if number.is_symbol else None
    if found is None:
        return None
    return [part[1] or part[0] for part in _COLUMN.finditer(found[2])] if found[1] else [found[2]]


def _chosen(node: Expr) -> tuple[str, list[str]] | None:
    """The parameter and the columns of a choice by level."""
    condition, first, _second = node.args
    columns = _columns_of(condition.args[0]) if condition.op.name == "less" else None
    while first.op.name == "where":
        first = first.args[1]
    if columns is None or not first.is_symbol or first.role != "parameter":
        return None
    return first.name.partition("[")[0], columns


def _entry(node: Expr) -> tuple[str, list[str]] | None:
    """The same of an entry of a vector."""
    whole, number = node.args
    columns = _columns_of(number)
    return None if columns is None or not whole.is_symbol else (whole.name, columns)


def for_each_level(given: Mapping[str, V], by_level: Mapping[str, LevelParameters]) -> dict[str, V]:
    """`given` by name, with the parameters of all levels in place of `a`; what is said of one level holds for it."""
    found: dict[str, V] = {}
    for name, group in by_level.items():
        found |= {p.name: given[name] for p in group.parameters if name in given}
    return found | {name: value for name, value in given.items() if name not in by_level}
