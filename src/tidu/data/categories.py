"""Columns that a formula makes of others: indicators of levels, days and seconds of dates.

A column of words is read as codes, with its levels in the table. In training, `with_levels` settles which levels and
which first date there are; `with_derived` computes the columns, for the data of the training and for later ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tidu.content.losses import MOST_CLASSES
from tidu.copying import replaced
from tidu.data.disk_table import are_on_disk
from tidu.data.labels import among, as_numbers, label_text, listed
from tidu.data.table import Label, Table, clipped, numbers
from tidu.data.times import seconds_after, time_in, time_text, times_in
from tidu.errors import DataError, SettingError, closest
from tidu.language.derived_columns import Derived, Elapsed, Indicator, LevelNumber
from tidu.language.level_parameters import Combination, columns_together, level_text
from tidu.text import _

UNITS = {"days": 86_400.0, "seconds": 1.0}
Array = npt.NDArray[np.float64]
MOST_GROUPS = 1_000_000  # that parameters have a value for
Levels = Mapping[str, Sequence[Label | Combination]]


def source_columns(names: Iterable[str], derived: Mapping[str, Derived]) -> list[str]:
    """The columns of the data that columns of a program are made of; most are those themselves."""
    return list(dict.fromkeys(c for name in names for c in (derived[name].columns if name in derived else (name,))))


def words(names: Iterable[str], derived: Mapping[str, Derived]) -> set[str]:
    """Those of them that are read as words."""
    return {column for name in names if name in derived for column in derived[name].columns}


def levels_of(
    table: Table, columns: Collection[str], derived: Mapping[str, Derived] | None = None
) -> dict[str, tuple[Label | Combination, ...]]:
    """The levels that stand in `columns`, in order; those that a parameter has values for may be many.

    Of columns that a parameter names together these are the combinations that occur, under the name of all.

    Raises
    ------
    DataError
        A column has one level only, or too many.
    """
    found: dict[str, tuple[Label | Combination, ...]] = {}
    grouping = {e.column: e.columns for e in (derived or {}).values() if isinstance(e, LevelNumber)}
    for column in columns:
        together = grouping.get(column, (column,))
        levels: tuple[Any, ...] = tuple(sorted({*_used(table, column)}))  # all text, or all numbers
        if len(together) > 1:
            levels = tuple(sorted(_combinations(table, together)[1]))
        if len(levels) == 1:
            raise DataError(
                _("{origin}: column '{column}' holds {level} in every row; leave it out of the formula").format(
                    origin=table.origin, column=column, level=clipped(label_text(levels[0]))
                )
            )
        most = MOST_GROUPS if column in grouping else MOST_CLASSES
        if len(levels) > most:
            raise DataError(
                _("{origin}: column '{column}' has {count} different values, too many for categories (at most {most})")
                .format(origin=table.origin, column=column, count=len(levels), most=most)
            )  # fmt: skip
        alike = [text for text, count in Counter(map(level_text, levels)).items() if count > 1]
        if alike:
            raise DataError(
                _("{origin}: two combinations of {column} would both be called '{level}'; leave the commas out of "
                  "their labels").format(origin=table.origin, column=column, level=clipped(alike[0]))
            )  # fmt: skip
        found[column] = levels
    return found


def first_times(table: Table, derived: Mapping[str, Derived]) -> dict[str, str]:
    """The first date of each column whose days or seconds are counted, as text."""
    found: dict[str, str] = {}
    for column in dict.fromkeys(d.column for d in derived.values() if isinstance(d, Elapsed)):
        texts = [label_text(level) for level in _used(table, column)]
        if texts:
            found[column] = time_text(min(times_in(texts, column, table.origin)))
    return found


def check_literals(table: Table, derived: Mapping[str, Derived], levels: Levels) -> None:
    """Refuse a comparison with text that stands nowhere in its column.

    Raises
    ------
    DataError
    """
    for entry in derived.values():
        if not isinstance(entry, Indicator) or entry.column in levels:
            continue
        found = _used(table, entry.column)
        if found and among(entry.level, found) not in found:
            near = closest(label_text(entry.level), map(label_text, found))
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise DataError(
                _("{origin}: the formula compares column '{column}' with '{level}', which stands in no row{hint}; "
                  "there are: {levels}").format(
                    origin=table.origin, column=entry.column, level=label_text(entry.level), hint=hint,
                    levels=listed(sorted(found)),
                )
            )  # fmt: skip


def with_derived(
    table: Table, derived: Mapping[str, Derived], levels: Levels, zeros: Mapping[str, str], needed: Collection[str] = ()
) -> Table:
    """The table with the derived columns beside those that they are made of.

    `levels` are those that the model knows, `zeros` its first dates; `needed` are columns whose numbers are needed.

    Raises
    ------
    DataError
        A row has a level that the model has not met.
    """
    for column, known_levels in levels.items():
        if column in table.levels:
            _refuse_unmet(table, column, cast(Sequence[Label], known_levels))
    for name, entry in derived.items():
        if not {*entry.columns} <= table.levels.keys():
            continue
        if len(entry.columns) > 1:
            table = _with_combinations(table, name, entry.columns, levels[entry.column])
            continue
        found = as_numbers(table.levels[entry.column])
        if isinstance(entry, Indicator):
            wanted = among(entry.level, found) if found else entry.level
            at = [k for k, level in enumerate(found) if level == wanted]
            table = table.looked_up(name, entry.column, np.isin(np.arange(len(found)), at).astype(np.float64))
        elif isinstance(entry, LevelNumber):
            known = cast(Sequence[Label], levels[entry.column])
            place = {level: float(k) for k, level in enumerate(known)}
            numbers_of = [place[level] if level in place else place.get(among(level, known), np.nan) for level in found]
            table = table.looked_up(name, entry.column, np.array(numbers_of))
        else:
            moments = times_in([label_text(level) for level in table.levels[entry.column]], entry.column, table.origin)
            zero = time_in(zeros[entry.column]) if entry.column in zeros else None
            if moments and zero is not None and (moments[0].tzinfo is None) != (zero.tzinfo is None):
                raise DataError(
                    _("{origin}: the times of column '{column}' and those of the training must all name a time zone, "
                      "or none").format(origin=table.origin, column=entry.column)
                )  # fmt: skip
            elapsed = seconds_after(moments, zero or time_in("1970-01-01")) / UNITS[entry.unit]
            table = table.looked_up(name, entry.column, elapsed)
    both = [column for column in table.levels if column in needed]
    for column in both:
        values = numbers([label_text(level) for level in table.levels[column]], column, table.origin)
        table = table.looked_up(column, column, values)
    kept = {column: found for column, found in table.levels.items() if column not in both}
    return replaced(table, levels=kept)


def as_written(table: Table, derived: Mapping[str, Derived]) -> dict[str, list[Label | None]]:
    """The columns that were read, as they stood: words as words, without what was made of them."""
    found: dict[str, list[Label | None]] = {}
    for name, column in table.items():
        if name in table.levels:
            levels = table.levels[name]
            found[name] = [levels[int(code)] if np.isfinite(code) else None for code in column.tolist()]
        elif name not in derived:
            found[name] = column.tolist()
    return found


def notes_on(levels: Levels, derived: Mapping[str, Derived], zeros: Mapping[str, str]) -> list[str]:
    """What a person should know about the columns that were made."""
    compared = {entry.column for entry in derived.values() if isinstance(entry, Indicator)}
    of_levels = [
        _("{column} has {count} levels, {levels}; {first} is what the others are compared with").format(
            column=column, count=len(known), levels=listed(known), first=clipped(label_text(known[0]))
        )
        if column in compared
        else _("{column} has {count} levels, {levels}").format(column=column, count=len(known), levels=listed(known))
        for column, known in levels.items()
    ]
    of_times = [
        _("{name} counts from {zero}, the first in the data").format(name=name, zero=zeros[entry.column])
        for name, entry in derived.items()
        if isinstance(entry, Elapsed) and entry.column in zeros
    ]
    return [*of_levels, *of_times]


def _used(table: Table, column: str) -> list[Label]:
    """The levels that stand in some row."""
    if column not in table.levels:
        return []
    found = as_numbers(table.levels[column])
    used = np.flatnonzero(table.counts(column, len(found)))
    return [found[k] for k in used.tolist()]


def _refuse_unmet(table: Table, column: str, known: Sequence[Label]) -> None:
    all_known = {*known}
    found = enumerate(table.levels[column])
    unmet = [k for k, level in found if level not in all_known and among(level, known) not in all_known]
    rows = np.flatnonzero(np.isin(table[column], unmet)) if unmet else np.empty(0)
    if rows.size:
        raise _unmet(table, int(rows[0]), column, table.levels[column][int(table[column][rows[0]])], known)


def _unmet(
    table: Table, row: int, column: str, level: Label | Combination, known: Sequence[Label | Combination]
) -> DataError:
    """What is said of a row, counted from 0, with a level that the model has not met."""
    return DataError(
        _(
            "{origin}: row {row} of column '{column}' has the level '{level}', which the model has not met; "
            "it knows {levels}"
        ).format(
            origin=table.origin, row=row + 1, column=column, level=clipped(label_text(level)), levels=listed(known)
        )
    )


# -- several columns together ---------------------------------------------------------------------
def _combinations(table: Table, columns: Sequence[str]) -> tuple[Array, list[Combination]]:
    """The combinations of levels that stand in rows, and for each row the number of its own; nan where one is missing.

    Raises
    ------
    SettingError
        The table is on disk.
    """
    if are_on_disk([*table.columns.values()]):
        raise SettingError(
            _("the combinations of {columns} are looked up in memory, and these data are read block by block; leave "
              "out --stream, or put them into one column").format(columns=columns_together(columns))
        )  # fmt: skip
    codes = [table[column] for column in columns]
    levels = [as_numbers(table.levels[column]) for column in columns]
    whole = np.flatnonzero(np.isfinite(codes).all(axis=0))
    number, first = np.zeros(len(whole), dtype=np.intp), np.zeros(1, dtype=np.intp)
    for column, labels in zip(codes, levels, strict=True):
        pair = number * len(labels) + column[whole].astype(np.intp)
        _pairs, first, number = np.unique(pair, return_index=True, return_inverse=True)
    numbers_of = np.full(table.rows, np.nan)
    numbers_of[whole] = number
    rows = whole[first] if len(whole) else whole
    of_columns = [[labels[int(code)] for code in column[rows]] for column, labels in zip(codes, levels, strict=True)]
    return numbers_of, list(zip(*of_columns, strict=True))


def _with_combinations(table: Table, name: str, columns: Sequence[str], known: Sequence[Label | Combination]) -> Table:
    """The table with the number of each row's combination of levels among those that are known."""
    numbers_of, found = _combinations(table, columns)
    classes = [tuple(dict.fromkeys(part)) for part in zip(*cast(Sequence[Combination], known), strict=True)]
    place: dict[Label | Combination, float] = {level: float(k) for k, level in enumerate(known)}
    lookup = np.array([place.get(tuple(map(among, level, classes)), np.nan) for level in found])
    unmet = np.flatnonzero(np.isin(numbers_of, np.flatnonzero(np.isnan(lookup))))
    if unmet.size:
        level = found[int(numbers_of[unmet[0]])]
        raise _unmet(table, int(unmet[0]), columns_together(columns), level, known)
    column = numbers_of.copy()
    finite = np.isfinite(column)
    column[finite] = lookup[column[finite].astype(np.intp)]
    return replaced(table, columns={**table.columns, name: column})
