"""Where data comes from: a path, a glob, standard input, a frame, a dict, an array; always to a `Table`.

Two questions are asked of a source: what its columns are called, and for the columns that a formula uses, their
numbers. Columns that nobody uses are not read, so they may hold text; so may a column of labels, which becomes codes.
"""

from __future__ import annotations

import functools
import glob
import io
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from tidu.data.arrow import arrow_columns, numbers_of
from tidu.data.csv import CsvOptions, Opener, column_names, open_bytes, read_csv
from tidu.data.labels import joined_labels, labels_of, labels_of_arrow
from tidu.data.table import Column, Label, Table, from_mapping, from_matrix, matrix_names, text_names
from tidu.errors import DataError
from tidu.text import _


class Source(Protocol):
    """Something that has named columns of numbers."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        ...

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        """The columns in `wanted`, or all; the column `label` as codes, with its `classes`."""
        ...


def source_of(data: object, options: CsvOptions | None = None) -> Source:
    """The source that `data` stands for; see `tidu.fit` for what it may be.

    Raises
    ------
    DataError
        There is no such file, it is a folder, or the object is nothing that holds columns.
    """
    options = options or CsvOptions()
    if isinstance(data, (str, Path)):
        return _from_path(str(data), options)
    if isinstance(data, Table):
        return _Loaded(data)
    if hasattr(data, "__arrow_c_stream__"):
        return _Arrow(_stream_to_table(data), type(data).__name__)
    if isinstance(data, Mapping):
        return _Columns(data)
    if isinstance(data, (np.ndarray, Sequence)):
        return _Matrix(data, options.names)
    raise DataError(
        _("data must be a file name, a dict of columns, a frame or a two-dimensional array, not {kind}").format(
            kind=type(data).__name__
        )
    )


# -- in memory ----------------------------------------------------------------------------------
class _Loaded:
    def __init__(self, table: Table) -> None:
        self._table = table

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._table)

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        t = self._table
        columns = {n: c for n, c in t.items() if wanted is None or n in wanted}
        if label not in columns:
            return replace(t, columns=columns)
        codes, classes = labels_of(columns[label], label, t.origin)
        return replace(t, columns={**columns, label: codes}, classes=classes)


class _Columns:
    """A dict of columns; those that nobody wants are never looked at."""

    def __init__(self, columns: Mapping[str, object]) -> None:
        self._columns = columns
        self.names = text_names(columns)

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        columns = {n: c for n, c in self._columns.items() if wanted is None or n in wanted}
        if label not in columns:
            return from_mapping(columns, "data")
        codes, classes = labels_of(columns[label], label, "data")
        return replace(from_mapping({**columns, label: codes}, "data"), classes=classes)


class _Matrix:
    """A two-dimensional array; one that holds text too is read column by column."""

    def __init__(self, values: Any, names: Sequence[str] | None) -> None:
        self._source: Source
        try:
            self._source = _Loaded(from_matrix(values, names, "data"))
        except DataError:
            cells = _cells_of(values)
            if cells is None:
                raise
            columns = dict(zip(matrix_names(cells.shape[1], names, "data"), cells.T, strict=True))
            self._source = _Columns(columns)

    @property
    def names(self) -> tuple[str, ...]:
        return self._source.names

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        return self._source.table(wanted, label)


def _cells_of(values: Any) -> Any:
    """The cells of a two-dimensional array or list of rows that holds text, or None if it is something else."""
    if isinstance(values, (str, bytes)):
        return None
    try:
        cells = np.asarray(values) if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    except ValueError:  # rows of different lengths
        return None
    return cells if cells.ndim == 2 and cells.dtype.kind in "OSU" else None


class _Arrow:
    def __init__(self, table: pa.Table, origin: str) -> None:
        self._table, self._origin = table, origin

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._table.column_names)

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        return _table_of_arrow(self._table, self._origin, wanted, label)


def _table_of_arrow(read: pa.Table, origin: str, wanted: Collection[str] | None, label: str | None) -> Table:
    columns: dict[str, Column] = {}
    classes: tuple[Label, ...] = ()
    for name, column in arrow_columns(read, origin, wanted).items():
        if name == label:
            columns[name], classes = labels_of_arrow(column, name, origin)
        else:
            columns[name] = numbers_of(column, name, origin)
    return Table(columns, origin, classes=classes)


def _stream_to_table(data: Any) -> pa.Table:
    try:
        return pa.table(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            _("{origin} cannot be read: {reason}").format(origin=type(data).__name__, reason=error)
        ) from None


# -- files ----------------------------------------------------------------------------------------
def _from_path(path: str, options: CsvOptions) -> Source:
    if path == "-":
        content = sys.stdin.buffer.read()
        return _CsvFile(lambda: open_bytes(io.BytesIO(content)), _("standard input"), options)
    files = [Path(path)]
    if glob.has_magic(path) and not os.path.exists(path):
        files = [Path(p) for p in sorted(glob.glob(path, recursive=True))]
        if not files:
            raise DataError(_("no file matches '{pattern}'").format(pattern=path))
    sources = [_file(p, options) for p in files]
    return sources[0] if len(sources) == 1 else _Files(sources, path)


def _file(path: Path, options: CsvOptions) -> Source:
    if os.path.isdir(path):
        raise DataError(_("'{path}' is a folder; name a file, or a pattern such as '{path}/*.csv'").format(path=path))
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise DataError(_("there is no file '{path}'").format(path=path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(_("'{path}' cannot be read: {reason}").format(path=path, reason=reason)) from None
    if magic == b"PAR1":
        return _ParquetFile(path)

    def opener() -> Any:
        return open_bytes(path.open("rb"))

    return _CsvFile(opener, path.name, options)


class _CsvFile:
    def __init__(self, opener: Opener, origin: str, options: CsvOptions) -> None:
        self._opener, self.origin, self._options = opener, origin, options

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return column_names(self._opener, self.origin, self._options)

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        return read_csv(self._opener, self.origin, self._options, wanted, label)


class _ParquetFile:
    def __init__(self, path: Path) -> None:
        self.origin = path.name
        try:
            self._file = pa_parquet.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=path.name, reason=error)) from None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._file.schema_arrow.names)

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        try:
            read = self._file.read(columns=None if wanted is None else [n for n in self.names if n in wanted])
        except (pa.ArrowException, OSError) as error:
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=self.origin, reason=error)) from None
        return _table_of_arrow(read, self.origin, wanted, label)


class _Files:
    """Several files as one table, in the order of their names."""

    def __init__(self, sources: Sequence[Source], pattern: str) -> None:
        self._sources, self._pattern = sources, pattern

    @property
    def names(self) -> tuple[str, ...]:
        first = self._sources[0].names
        for other in self._sources[1:]:
            if other.names != first:
                raise DataError(
                    _("the files of '{pattern}' differ in their columns: {first} and {other}").format(
                        pattern=self._pattern, first=", ".join(first), other=", ".join(other.names)
                    )
                )
        return first

    def table(self, wanted: Collection[str] | None = None, label: str | None = None) -> Table:
        names = self.names
        parts = [s.table(wanted, label) for s in self._sources]
        columns = {n: np.concatenate([p[n] for p in parts]) for n in names if n in parts[0] and n != label}
        classes: tuple[Label, ...] = ()
        if label is not None and label in parts[0]:
            columns[label], classes = joined_labels([(p[label], p.classes) for p in parts])
        notes = dict.fromkeys(note for p in parts for note in p.notes[:1])
        return Table(columns, self._pattern, tuple(notes)[:1], classes)
