"""Columns that a formula makes of columns that are no numbers: indicators and numbers of levels, times since a date.

`C(city)` is a vector of indicators, one for each level except the first; `city == 'bj'` is one; `days(date)` is a
number; `a[city]` reads the number of the level, to choose by it among `a[bj]`, `a[sh]` (`level_parameters.py`), and
`a[city, year]` that of a combination of levels. Each is
a feature, a symbol of its own; `Formula.derived` says by its name how to compute it of the data, which
`tidu.data.categories` does. The levels are known once the data are read: the formula is then parsed again with them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from tidu.errors import FormulaError
from tidu.language.array_ops import stack
from tidu.language.expr import Expr, apply, constant, symbol
from tidu.language.level_parameters import Combination, Level, LevelParameters, columns_together, level_text
from tidu.text import _

CATEGORY = "C"
DERIVING = {  # the functions of a column, and what they are
    CATEGORY: "The levels of a column of categories: 0 or 1 for each except the first, inside linear(...) or mlp(...).",
    "days": "Days since the first date of a column.",
    "seconds": "Seconds since the first date of a column.",
}


@dataclass(frozen=True)
class Indicator:
    """1 where `column` holds `level`, else 0."""

    column: str
    level: Level

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is made of."""
        return (self.column,)


@dataclass(frozen=True)
class Elapsed:
    """How long after the first date of `column`, in `unit`."""

    column: str
    unit: str

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is made of."""
        return (self.column,)


@dataclass(frozen=True)
class LevelNumber:
    """The number of the level of a column, or of several together, among those that the model knows, from 0."""

    columns: tuple[str, ...]

    @property
    def column(self) -> str:
        """The columns as one, by which the model knows the levels."""
        return columns_together(self.columns)


Derived = Indicator | Elapsed | LevelNumber


class _Reader(Protocol):
    places: dict[Expr, int]

    def named(self, node: ast.Name) -> Expr: ...
    def part(self, node: ast.expr) -> str: ...
    def error(self, message: str, **values: object) -> FormulaError: ...


class DerivedColumns:
    """The derived columns of one formula.

    `levels` are those of the columns that are known to be categories; of a column of text that has yet to be read
    there are none, and one indicator stands for all.
    """

    def __init__(self, columns: Iterable[str], levels: Mapping[str, Sequence[Level | Combination]]) -> None:
        self.columns = frozenset(columns)
        self.levels = levels
        self.made: dict[str, Derived] = {}
        self.categories: dict[str, None] = {}  # columns of which every level matters
        self.by_level: dict[str, LevelParameters] = {}  # parameters that have a value for each level, by their name
        self._conditions: dict[Expr, Expr] = {}  # an indicator as a condition, and as a number

    # -- what the reader of a formula asks ---------------------------------------------------------
    def takes(self, node: ast.expr) -> bool:
        """Whether a node is read here: a call of C, days or seconds, a comparison with text, or `a[city]`."""
        if isinstance(node, ast.Subscript):
            return isinstance(node.value, ast.Name) and all(isinstance(c, ast.Name) for c in _columns_in(node))
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in DERIVING
        return isinstance(node, ast.Compare) and any(_is_text(part) for part in (node.left, *node.comparators))

    def value(self, node: ast.expr, reader: _Reader) -> Expr:
        """The expression of a node that `takes` takes."""
        if isinstance(node, ast.Subscript):
            return self._of_level(node, reader)
        if isinstance(node, ast.Compare):
            return self._compared(node, reader)
        assert isinstance(node, ast.Call)
        name = cast(ast.Name, node.func).id
        if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Name):
            raise reader.error(
                _("{name}(...) takes the name of one column, not '{part}'"), name=name, part=reader.part(node)
            )
        column = self._column(node.args[0], reader)
        return self.indicators(column) if name == CATEGORY else self._elapsed(column, name)

    def as_numbers(self, node: ast.expr, args: list[Expr], reader: _Reader) -> list[Expr]:
        """The arguments of arithmetic, in which a comparison with text is 1 or 0."""
        arithmetic = isinstance(node, ast.BinOp) or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not))
        if arithmetic and any(map(self._is_category, args)):
            raise reader.error(
                _("'{part}': C(...) is a column for each level, and stands inside linear(...) or mlp(...), as in "
                  "linear(x, C(city))"), part=reader.part(node),
            )  # fmt: skip
        call = isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "where")
        return [self._conditions.get(a, a) for a in args] if arithmetic or call else args

    def spread(self, features: Sequence[Expr]) -> list[Expr]:
        """The features of a model function, with indicators in place of columns of text."""
        found: list[Expr] = []
        for x in features:
            # A column of numbers is a category only where C(...) says so.
            known = self.levels.get(x.name) if x.is_symbol and x.role == "feature" else None
            if known is not None and all(isinstance(level, str) for level in known):
                x = self.indicators(x.name)
            found += x.args if self._is_category(x) else [x]
        return found

    def _is_category(self, x: Expr) -> bool:
        return x.op.name == "stack" and all(a.is_symbol and a.name in self.made for a in x.args)

    # -- symbols -----------------------------------------------------------------------------------
    def indicators(self, column: str) -> Expr:
        """A vector of an indicator for each level except the first, with which the others are compared."""
        self.categories[column] = None
        levels = list(self.levels.get(column, ()))[1:]
        return stack(*(self._indicator(column, level) for level in levels or [""]), attrs=(0,))  # type: ignore[no-any-return]

    def _indicator(self, column: str, level: Level | Combination) -> Expr:
        return self._symbol(f"{column}[{level_text(level)}]", Indicator(column, cast(Level, level)))

    def _elapsed(self, column: str, unit: str) -> Expr:
        return self._symbol(f"{unit}({column})", Elapsed(column, unit))

    def _of_level(self, node: ast.Subscript, reader: _Reader) -> Expr:
        """The parameter of the level that a row has."""
        assert isinstance(node.value, ast.Name)
        name, columns = node.value.id, tuple(self._column(cast(ast.Name, c), reader) for c in _columns_in(node))
        column = columns_together(columns)
        if not name.isidentifier() or name in self.columns:
            raise reader.error(
                _("in '{part}', '{name}' is a column; a parameter stands before the bracket, as in a[city]"),
                part=reader.part(node), name=reader.part(node.value),
            )  # fmt: skip
        if len({*columns}) < len(columns) or (len(columns) > 1 and column in self.columns):
            raise reader.error(
                _("'{part}' needs different columns, and none that is called '{column}'"),
                part=reader.part(node), column=column,
            )  # fmt: skip
        known = self.by_level.setdefault(name, LevelParameters(name, columns, tuple(self.levels.get(column, ()))))
        if known.column != column:
            raise reader.error(
                _("'{name}' has a value for each level of {column} already; call it by another name in '{part}'"),
                name=name, column=known.column, part=reader.part(node),
            )  # fmt: skip
        self.categories[column] = None
        for parameter in known.parameters:
            reader.places.setdefault(parameter, node.col_offset)
        self._symbol(known.number.name, LevelNumber(columns))
        return known.chosen()

    def _symbol(self, name: str, derived: Derived) -> Expr:
        if name in self.columns:
            raise FormulaError(
                _("the data have a column '{name}', as this formula would call what it makes of '{column}'; rename it")
                .format(name=name, column=derived.column)
            )  # fmt: skip
        self.made[name] = derived
        return symbol(name, "feature")

    def _column(self, node: ast.Name, reader: _Reader) -> str:
        found = reader.named(node)
        if not found.is_symbol or found.name not in self.columns or found.role != "feature":
            raise reader.error(
                _("'{name}' is not a column; the data has {columns}"),
                name=reader.part(node), columns=", ".join(sorted(self.columns)),
            )  # fmt: skip
        return found.name

    def _compared(self, node: ast.Compare, reader: _Reader) -> Expr:
        sides = (node.left, *node.comparators)
        text = next((s.value for s in sides if _is_text(s)), None)  # type: ignore[attr-defined]
        name = next((s for s in sides if isinstance(s, ast.Name)), None)
        if len(sides) != 2 or name is None or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            raise reader.error(
                _("'{part}' cannot be read; text is compared with a column as in city == 'bj'"), part=reader.part(node)
            )
        indicator = self._indicator(self._column(name, reader), str(text))
        is_equal = isinstance(node.ops[0], ast.Eq)
        condition = apply("equal" if is_equal else "not_equal", indicator, constant(1.0))
        self._conditions[condition] = indicator if is_equal else constant(1.0) - indicator
        return condition


def _columns_in(node: ast.Subscript) -> list[ast.expr]:
    """What stands between the brackets, at commas."""
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
