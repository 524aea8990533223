"""Where data comes from: a path, a glob, standard input, a frame, a dict, an array; always to a `Table`.

Two questions are asked of a source: what its columns are called, and for the columns that a formula uses, their
numbers. Columns that nobody uses are not read, so they may hold text; so may a column of labels, which becomes codes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from tidu.copying import replaced
from tidu.data.csv_options import CsvOptions
from tidu.data.files import from_path
from tidu.data.frames import arrow_source
from tidu.data.labels import labels_of
from tidu.data.layout import SAMPLED_ROWS
from tidu.data.numerals import kind_of
from tidu.data.several import names_of_files, together
from tidu.data.table import Source, Table, from_mapping, from_matrix, matrix_names, text_names
from tidu.errors import DataError
from tidu.text import _

FILE = "file"  # the column of a dict's keys, unless it is named


def source_of(data: object, options: CsvOptions | None = None, stream: bool = False) -> Source:
    """The source that `data` stands for; see `tidu.fit` for what it may be. `stream` is as in `files.from_path`.

    Raises
    ------
    DataError
        There is no such file, it is a folder, or the object is nothing that holds columns.
    """
    options = options or CsvOptions()
    if Source in type(data).__mro__:  # a protocol's own check would read the file
        return cast(Source, data)
    if isinstance(data, (str, Path)):
        return from_path(str(data), options, stream)
    if isinstance(data, Table):
        return _Loaded(data)
    if type(data) is not dict and hasattr(data, "__arrow_c_stream__") and not hasattr(type(data), "dtype"):
        return _frame(data)  # of one column, the type has a dtype
    if isinstance(data, Mapping):
        tables = data.values()
        if tables and all(map(_is_table, tables)):
            return _several(list(tables), list(map(str, data)), options, stream, options.file_column or FILE)
        return _Columns(data)
    if isinstance(data, (list, tuple)) and data and all(map(_is_table, data)):
        files = all(isinstance(d, (str, Path)) for d in data)
        names = names_of_files(list(map(Path, data))) if files else [str(k + 1) for k in range(len(data))]
        return _several(data, names, options, stream, options.file_column)
    if isinstance(data, (np.ndarray, Sequence)):
        return _Matrix(data, options.names)
    raise DataError(
        _("data must be a file name, a dict of columns, a frame or a two-dimensional array, not {kind}").format(
            kind=type(data).__name__
        )
    )


def _is_table(data: object) -> bool:
    """Whether this is a table among others: a file, a dict of columns, a frame; not a column."""
    if type(data) is np.ndarray:
        return False
    frame = hasattr(data, "__arrow_c_stream__") and hasattr(data, "columns")
    return frame or isinstance(data, (str, Path, Mapping, Table))


def _several(
    tables: Sequence[Any], labels: Sequence[str], options: CsvOptions, stream: bool, column: str | None
) -> Source:
    """Tables one below the other, with a column of their labels if it has a name."""
    alone = replace(options, file_column=None)
    return together([source_of(each, alone, stream) for each in tables], labels, column, ", ".join(labels))


def _frame(data: Any) -> Source:
    """A frame as an Arrow table; one of which a column cannot be so is read column by column, those that are wanted."""
    try:
        return arrow_source(data)
    except DataError:
        names = list(getattr(data, "columns", ()))
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise
        return _Columns({name: data[name] for name in names})


# -- in memory ----------------------------------------------------------------------------------
class _Loaded(Source):
    """A table that has been read."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._table)

    def kinds(self) -> dict[str, str]:
        return dict.fromkeys(self._table.levels, "text")

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        t = self._table
        columns = {n: c for n, c in t.items() if wanted is None or n in wanted}
        coded = {n: labels_of(columns[n], n, t.origin) for n in words if n in columns and n not in t.levels}
        levels = {**t.levels, **{n: labels for n, (_codes, labels) in coded.items()}}
        read = replaced(t, columns={**columns, **{n: codes for n, (codes, _labels) in coded.items()}}, levels=levels)
        if label not in columns:
            return read
        codes, classes = labels_of(columns[label], label, t.origin)
        return replaced(read, columns={**read.columns, label: codes}, classes=classes)


class _Columns(Source):
    """A dict of columns; those that nobody wants are never looked at."""

    def __init__(self, columns: Mapping[str, object]) -> None:
        self._columns, self._names = columns, text_names(columns)

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def kinds(self) -> dict[str, str]:
        found = {}
        for name, values in self._columns.items():
            kind = getattr(getattr(values, "dtype", None), "kind", "O")
            if (kind not in "fiubc" and isinstance(values, (Sequence, np.ndarray))) or hasattr(values, "__array__"):
                found[name] = _kind_of_array(values)
        return {name: kind for name, kind in found.items() if kind != "number"}

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        columns = {n: _own(c, n) for n, c in self._columns.items() if wanted is None or n in wanted}
        if label is None and not words:
            return from_mapping(columns, "data")
        coded = {n: labels_of(columns[n], n, "data") for n in (label, *words) if n in columns}
        read = from_mapping({**columns, **{n: codes for n, (codes, _labels) in coded.items()}}, "data")
        levels = {n: labels for n, (_codes, labels) in coded.items() if n != label}
        return replaced(read, classes=coded[label][1] if label in coded else (), levels=levels)


def _own(values: object, name: str) -> object:
    """A column of another library as an array; its errors are its own."""
    if isinstance(values, (np.ndarray, list, tuple, str)) or not hasattr(values, "__array__"):
        return values
    try:
        return np.asarray(values)
    except Exception as error:
        raise DataError(
            _("{origin}: column '{column}' is not numbers: {reason}").format(
                origin="data", column=name, reason=" ".join(str(error).split())
            )
        ) from None


def _kind_of_array(values: Any) -> str:
    cells = np.asarray(values[:SAMPLED_ROWS])
    if cells.dtype.kind == "M":
        return "date"
    return kind_of(cells.tolist()) if cells.dtype.kind in "OSUT" and cells.ndim == 1 else "number"


class _Matrix(Source):
    """A two-dimensional array or a list of rows; one that holds text too is read column by column."""

    def __init__(self, values: Any, names: Sequence[str] | None) -> None:
        self._source: Source
        self._rows = values if isinstance(values, (list, tuple)) else None
        cells = _cells_of(values)
        if cells is None:
            self._source = _Loaded(from_matrix(values, names, "data"))
        else:
            columns = dict(zip(matrix_names(cells.shape[1], names, "data"), cells.T, strict=True))
            self._source = _Columns(columns)

    @property
    def names(self) -> tuple[str, ...]:
        return self._source.names

    def kinds(self) -> Mapping[str, str]:
        return self._source.kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        if self._rows is None or label not in self.names or (wanted is not None and label not in wanted):
            return self._source.table(wanted, label, words)
        # An array of mixed rows has made numbers of true and false, and rounded long whole numbers.
        place = self.names.index(label)
        codes, classes = labels_of([row[place] for row in self._rows], label, "data")
        others = {n for n in self.names if n != label and (wanted is None or n in wanted)}
        read = self._source.table(others, None, words)
        columns = {**read.columns, label: codes}
        return replaced(read, columns={n: columns[n] for n in self.names if n in columns}, classes=classes)


def _cells_of(values: Any) -> Any:
    """The cells of a two-dimensional array or list of rows that holds text, or None if it is something else."""
    if isinstance(values, (str, bytes)):
        return None
    try:
        cells = np.asarray(values)
        cells = (
            cells if isinstance(values, np.ndarray) or cells.dtype.kind in "fiub" else np.array(values, dtype=object)
        )
    except ValueError:  # rows of different lengths
        return None
    return cells if cells.ndim == 2 and cells.dtype.kind in "OSU" else None
