"""`LevelParameters`: a parameter with a value for each level of a column: `a[city]` is `a[bj]`, `a[sh]` and so on.

In the graph they are parameters like any other, among which a row chooses by the number of its level, halving what is
left; so every reader of the graph knows them. People see `a[city]` (`shown_by_level`). Settings that name `a` mean all
of them, and `a[sh]` one (`for_each_level`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from tidu.language.array_ops import entry
from tidu.language.expr import Expr, apply, constant, evaluation_order, symbol

V = TypeVar("V")
_OF_LEVEL = re.compile(r"([^\W\d]\w*)\[(.*)\]", re.DOTALL)
_LEVEL_COLUMN = re.compile(r"level\((.*)\)", re.DOTALL)


def level_text(level: str | float) -> str:
    """A level as people write it: `bj`, `3`, `True`."""
    if isinstance(level, (str, bool)):
        return str(level)
    return str(int(level)) if float(level).is_integer() and abs(level) < 1e16 else repr(float(level))


def level_column(column: str) -> str:
    """What the column is called that has the numbers of the levels of `column`."""
    return f"level({column})"


def parameter_and_level(name: str) -> tuple[str, str] | None:
    """`a` and `sh` for `a[sh]`; None for another name."""
    found = _OF_LEVEL.fullmatch(name)
    return (found[1], found[2]) if found else None


WRITTEN_OUT = 100  # levels; each is a parameter of its own, and beyond these all are one vector


@dataclass(frozen=True)
class LevelParameters:
    """The parameters of `name[column]`; of a column whose levels have yet to be read, one that stands for all."""

    name: str
    column: str
    levels: tuple[str | float, ...]

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

    def chosen_by(self, number: Expr) -> Expr:
        """The parameter of the level that has this `number`, found by halving."""

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


def shown_by_level(outputs: Iterable[Expr], written: Callable[[str, str], str]) -> dict[Expr, str]:
    """The choices among the parameters of levels in `outputs`, as `written` has them of parameter and column."""
    found = {}
    for node in evaluation_order(outputs):
        by = _chosen(node) if node.op.name == "where" else _entry(node) if node.op.name == "entry" else None
        if by is not None:
            found[node] = written(*by)
    return found


def _chosen(node: Expr) -> tuple[str, str] | None:
    """The parameter and the column of a choice by level."""
    condition, first, _second = node.args
    if condition.op.name != "less" or not condition.args[0].is_symbol:
        return None
    column = _LEVEL_COLUMN.fullmatch(condition.args[0].name)
    while first.op.name == "where":
        first = first.args[1]
    if column is None or not first.is_symbol or first.role != "parameter":
        return None
    return first.name.partition("[")[0], column[1]


def _entry(node: Expr) -> tuple[str, str] | None:
    """The same of an entry of a vector."""
    whole, number = node.args
    column = _LEVEL_COLUMN.fullmatch(number.name) if number.is_symbol else None
    return None if column is None or not whole.is_symbol else (whole.name, column[1])


def for_each_level(given: Mapping[str, V], by_level: Mapping[str, LevelParameters]) -> dict[str, V]:
    """`given` by name, with the parameters of all levels in place of `a`; what is said of one level holds for it."""
    found: dict[str, V] = {}
    for name, group in by_level.items():
        found |= {p.name: given[name] for p in group.parameters if name in given}
    return found | {name: value for name, value in given.items() if name not in by_level}
