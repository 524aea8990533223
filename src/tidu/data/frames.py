"""Frames of any library that speaks Arrow (pandas, polars, pyarrow, duckdb), without depending on one."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from tidu.data.arrow import STRINGS, arrow_columns, numbers_of
from tidu.data.arrow_library import pa
from tidu.data.labels import labels_of_arrow
from tidu.data.layout import SAMPLED_ROWS
from tidu.data.numerals import kind_of
from tidu.data.table import Column, Label, Source, Table
from tidu.errors import DataError
from tidu.text import _


class ArrowTable(Source):
    """A table of Arrow's, which a frame or a file has become."""

    def __init__(self, table: pa.Table, origin: str) -> None:
        self._table, self._origin = table, origin

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(self._table.column_names)

    def kinds(self) -> dict[str, str]:
        """The columns of text and of dates."""
        found = {}
        for name, kind in zip(self._table.column_names, self._table.schema.types, strict=True):
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
                found[name] = "date"
            elif str(kind) in STRINGS and self._table.column_names.count(name) == 1:
                found[name] = kind_of(self._table.column(name).slice(0, SAMPLED_ROWS).to_pylist())
        return {name: kind for name, kind in found.items() if kind != "number"}

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        """The columns in `wanted`, or all; `label` and `words` as codes."""
        columns: dict[str, Column] = {}
        classes: tuple[Label, ...] = ()
        levels: dict[str, tuple[Label, ...]] = {}
        for name, column in arrow_columns(self._table, self._origin, wanted).items():
            if name == label:
                columns[name], classes = labels_of_arrow(column, name, self._origin)
            elif name in words:
                columns[name], levels[name] = labels_of_arrow(column, name, self._origin)
            else:
                columns[name] = numbers_of(column, name, self._origin)
        return Table(columns, self._origin, classes=classes, levels=levels)


def arrow_source(data: Any) -> Source:
    """The source that a frame is.

    Raises
    ------
    DataError
        Its library cannot give it as an Arrow table.
    """
    origin = type(data).__name__
    _check_names(getattr(data, "columns", ()), origin)
    try:
        table = pa.table(data)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            _("{origin} cannot be read: {reason}").format(origin=origin, reason=" ".join(str(error).split()))
        ) from None
    return ArrowTable(without_index(table), origin)


def _check_names(index: Any, origin: str) -> None:
    """Refuse an index of columns of pandas that names some twice, on several levels, or not by text alone."""
    if not hasattr(index, "nlevels"):
        return
    if index.nlevels > 1:
        raise DataError(
            _("{origin}: its columns have names of {levels} levels; make one of each, as by "
              "df.columns = ['_'.join(map(str, name)) for name in df.columns]")
            .format(origin=origin, levels=index.nlevels)
        )  # fmt: skip
    twice = index[index.duplicated()]
    if len(twice):
        raise DataError(_("{origin}: there are two columns '{name}'").format(origin=origin, name=twice[0]))
    others = [name for name in index if not isinstance(name, str)]
    if 0 < len(others) < len(index):  # numbers alone are names, too
        raise DataError(_("column names must be text, not {name!r}").format(name=others[0]))


def without_index(table: pa.Table) -> pa.Table:
    """The table without the columns that hold the index of a pandas frame: an index is no feature."""
    described = (table.schema.metadata or {}).get(b"pandas")
    if described is None:
        return table
    index = [name for name in json.loads(described).get("index_columns", []) if isinstance(name, str)]
    return table.drop_columns([name for name in index if name in table.column_names])
