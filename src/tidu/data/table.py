"""`Table`: named columns of float64 of one length, with what was found on the way in. What training reads."""

from __future__ import annotations

import datetime
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt

from tidu.copying import replaced
from tidu.data.numerals import DEFAULT, Numerals, booleans_in, kind_of, remedy
from tidu.errors import DataError, MissingValues, SettingError
from tidu.runtime.summation import CHUNK
from tidu.text import _

Column = npt.NDArray[np.float64]
Label = str | float
T = TypeVar("T")


@dataclass(frozen=True)
class Table(Mapping[str, Column]):
    """Columns by name, each a contiguous float64 array of shape (rows,).

    `origin` is where they came from, as a person would say it; `notes` are sentences about how they were read.
    Where one column holds classes, its numbers are codes, and `classes` the labels that they stand for, in order.
    `levels` are the same for other columns of words, by name. `complete` says that every cell is known to be finite.
    """

    columns: Mapping[str, Column]
    origin: str = "data"
    notes: tuple[str, ...] = ()
    classes: tuple[Label, ...] = ()
    levels: Mapping[str, tuple[Label, ...]] = field(default_factory=dict)
    complete: bool = False

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def with_note(self, note: str) -> Table:
        """The same table, with one more sentence about it."""
        return replaced(self, notes=(*self.notes, note))

    def apart(self) -> Table:
        """The same table in memory of its own, which nobody else can change."""
        return replaced(self, columns={name: column.copy() for name, column in self.columns.items()})

    def taken(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Table:
        """The table of some of the rows."""
        return replaced(self, columns={name: np.ascontiguousarray(c[rows]) for name, c in self.columns.items()})

    def few(self, rows: npt.NDArray[np.intp]) -> Table:
        """The table of a few of the rows, whose numbers rise, in memory."""
        return self.taken(rows)

    def blocks(self, rows: int = CHUNK) -> Iterator[tuple[int, Table]]:
        """The number of the first row, and a table of so many rows from there on, one after another."""
        for first in range(0, self.rows, rows):
            yield first, replaced(self, columns={n: c[first : first + rows] for n, c in self.columns.items()}, notes=())

    def each_block(self, function: Callable[[int, Table], T]) -> Iterator[T]:
        """`function` of the number of the first row and the table of each of the `blocks`, in their order.

        It is one of a module, or a `partial` of one: where the rows are on the workers of a cluster, it runs there.
        """
        return (function(first, block) for first, block in self.blocks())

    def part(self, names: Collection[str]) -> Table:
        """The table of some of the columns."""
        return replaced(self, columns={name: self.columns[name] for name in self.columns if name in names})

    def looked_up(self, name: str, codes: str, lookup: Column) -> Table:
        """With the column `name`: what `lookup` has at each code of the column `codes`; what is not finite stays."""
        found = self[codes].copy()
        finite = np.isfinite(found)
        found[finite] = lookup[found[finite].astype(np.intp)]
        return replaced(self, columns={**self.columns, name: found})

    def counts(self, codes: str, most: int) -> npt.NDArray[np.intp]:
        """In how many rows each code from 0 to most - 1 stands."""
        found = np.zeros(most, dtype=np.intp)
        for counted in self.part([codes]).each_block(partial(_counted, codes, most)):
            found += counted
        return found


def _counted(codes: str, most: int, _first: int, block: Table) -> npt.NDArray[np.intp]:
    column = block[codes]
    return np.bincount(column[np.isfinite(column)].astype(np.intp), minlength=most)


@dataclass(frozen=True)
class Part:
    """A part of a source that can be read by itself: of a file, from `begin` to `end` (bytes, or groups of rows).

    `last` is the one that ends with the file; `quoted` says that a quote is open where it begins.
    """

    begin: int
    end: int
    last: bool
    file: int = 0
    quoted: bool = False


class Source(Protocol):
    """Something that has named columns; whoever can be read piece by piece says how in `batches`."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        ...

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        """The columns in `wanted`, or all; `label` and `words` as codes, with their `classes` and `levels`."""
        ...

    def kinds(self) -> Mapping[str, str]:
        """The columns that hold no numbers, as far as the beginning shows: `text`, or `date`."""
        ...

    def batches(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Iterator[Table]:
        """The same as `table`, rows after rows; each batch has codes, classes and levels of its own."""
        yield self.table(wanted, label, words)

    def parts(self) -> list[Part] | None:
        """Parts in their order, none of which is `quoted` yet; None where it is read from beginning to end."""
        return None

    def part(self, part: Part) -> tuple[Source, bool]:
        """The rows of a part, as a source; and whether the part opens a quote, or closes one."""
        return self, False


@dataclass
class Missing:
    """What is missing in a table that is looked at batch by batch."""

    rows: int = 0  # that were looked at
    bad: int = 0
    first: tuple[int, str, float] | None = None  # row, column and value

    def seen(self, table: Table) -> npt.NDArray[np.bool_]:
        """Look at rows more; which of them are whole."""
        good = np.ones(table.rows, dtype=np.bool_)
        for column in table.columns.values():
            good &= np.isfinite(column)
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            name = next(n for n, c in table.columns.items() if not np.isfinite(c[row]))
            self.first = self.first or (self.rows + row, name, float(table[name][row]))
            self.bad += int((~good).sum())
        self.rows += table.rows
        return good

    def add(self, rows: int, bad: int, first: tuple[int, str, float] | None) -> None:
        """Add rows more that somebody else has looked at; `first` counts from the first of them."""
        if first is not None and self.first is None:
            row, name, value = first
            self.first = self.rows + row, name, value
        self.rows, self.bad = self.rows + rows, self.bad + bad

    def note(self, origin: str, drop: bool) -> str:
        """What was left out, where something was.

        Raises
        ------
        MissingValues
            Rows have missing cells, and `drop` is False; DataError if no row is left.
        """
        if self.first is None:
            return ""
        if not drop:
            row, name, cell = self.first
            value = _("missing") if math.isnan(cell) else _("infinite")
            raise MissingValues(
                _(
                    "{origin}: row {row} of column '{column}' is {value} ({bad} such row(s) in all); "
                    "mend the data, or drop such rows with --drop-missing (drop_missing=True)"
                ).format(origin=origin, row=row + 1, column=name, value=value, bad=self.bad)
            )
        if self.bad == self.rows:
            raise DataError(
                _("{origin}: every one of the {rows} rows has a missing or infinite value").format(
                    origin=origin, rows=self.rows
                )
            )
        return _("{bad} of {rows} rows were dropped for a missing or infinite value").format(
            bad=self.bad, rows=self.rows
        )


def without_missing(table: Table, drop: bool) -> Table:
    """`table` if every cell is a finite number; else without the rows that are not, or an error.

    Raises
    ------
    MissingValues
        A cell is empty, NaN or infinite, and `drop` is False; DataError if dropping leaves no row.
    """
    if table.complete or all(np.isfinite(column).all() for column in table.columns.values()):
        return table
    missing = Missing()
    good = missing.seen(table)
    note = missing.note(table.origin, drop)
    return table.taken(good).with_note(note) if note else table


def train_test_split(table: Table, test_size: float, seed: int, stream: Sequence[int] = (1,)) -> tuple[Table, Table]:
    """Rows at random into a training and a test table; `test_size` is the fraction for the test, in (0, 1).

    The test gets round(test_size · rows) rows, at least one; both keep the order of the data.
    """
    if not isinstance(test_size, (int, float)) or not 0.0 < test_size < 1.0:
        raise SettingError(
            _("the part to keep back must be a fraction between 0 and 1, not {value}").format(value=test_size)
        )
    count = max(1, round(test_size * table.rows))
    if count >= table.rows:
        raise DataError(
            _("{origin} has {rows} row(s), too few to keep {count} back").format(
                origin=table.origin, rows=table.rows, count=count
            )
        )
    # A stream of its own, so that the split does not change the order of the mini-batches. Rows may be many: four bytes
    # for each while they are drawn, and one for each while they are taken.
    shuffled = np.arange(table.rows, dtype=np.int32 if table.rows < 2**31 else np.int64)
    np.random.default_rng([seed, *stream]).shuffle(shuffled)
    kept = np.zeros(table.rows, dtype=np.bool_)
    kept[shuffled[:count]] = True
    del shuffled
    return table.taken(~kept), table.taken(kept)


def names_without_header(count: int) -> list[str]:
    """Column names where the data has none: the last is y, the others are x, or x1, x2, ..."""
    if count == 1:
        return ["y"]
    return ["x", "y"] if count == 2 else [*(f"x{k}" for k in range(1, count)), "y"]


def text_names(columns: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the columns, which must be text."""
    for name in columns:
        if not isinstance(name, str):
            raise DataError(_("column names must be text, not {name!r}").format(name=name))
    return tuple(columns)


def is_masked(values: object) -> TypeGuard[np.ma.MaskedArray[Any, Any]]:
    """Whether it is a masked array; there is none where nobody has imported `numpy.ma`, which takes a while."""
    return "numpy.ma" in sys.modules and isinstance(values, np.ma.MaskedArray)


def from_mapping(columns: Mapping[str, object], origin: str) -> Table:
    """A table from a dict of arrays or lists; each must be numbers, one-dimensional, and of one length."""
    arrays = {name: numbers(columns[name], name, origin) for name in text_names(columns)}
    if len(set(map(len, arrays.values()))) > 1:
        lengths = {name: len(a) for name, a in arrays.items()}
        raise DataError(
            _("{origin}: the columns differ in length: {lengths}").format(
                origin=origin, lengths=", ".join(f"{n}: {k}" for n, k in lengths.items())
            )
        )
    return Table(arrays, origin)


def from_matrix(values: npt.ArrayLike, names: Sequence[str] | None, origin: str) -> Table:
    """A table from a two-dimensional array of shape (rows, columns)."""
    try:
        if is_masked(values):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        _refuse_ragged(values, origin)
        matrix = np.asarray(values)
        if matrix.dtype.kind == "c":
            raise TypeError(_("it holds complex numbers"))
        matrix = matrix.astype(np.float64, copy=False)
    except DataError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(_("{origin}: not an array of numbers: {reason}").format(origin=origin, reason=error)) from None
    if matrix.ndim != 2:
        raise DataError(
            _("{origin}: an array must have two dimensions (rows, columns), not {ndim}").format(
                origin=origin, ndim=matrix.ndim
            )
        )
    names = matrix_names(matrix.shape[1], names, origin)
    return Table({n: np.ascontiguousarray(matrix[:, k]) for k, n in enumerate(names)}, origin)


def _refuse_ragged(rows: object, origin: str) -> None:
    """Refuse a list of rows of different lengths."""
    if not isinstance(rows, (list, tuple)) or not rows or not hasattr(rows[0], "__len__"):
        return
    for number, row in enumerate(rows, 1):
        if not hasattr(row, "__len__") or len(row) != len(rows[0]):
            raise DataError(
                _("{origin}: row {row} has {found} number(s), and the first has {expected}").format(
                    origin=origin, row=number, found=len(row) if hasattr(row, "__len__") else 1, expected=len(rows[0])
                )
            )


def matrix_names(count: int, names: Sequence[str] | None, origin: str) -> list[str]:
    """What the columns of an array are called: as given, one for each, or as where a file has no header."""
    names = names_without_header(count) if names is None else list(names)
    if len(names) != count:
        raise DataError(
            _("{origin}: {names} names for {count} columns").format(origin=origin, names=len(names), count=count)
        )
    return names


def numbers(values: object, name: str, origin: str, numerals: Numerals | None = None, first_row: int = 0) -> Column:
    """`values` as a contiguous float64 array of shape (rows,); the first is in row `first_row` of the data.

    None, the words of `MISSING` and what a mask hides are NaN; text is read as in a file, by `numerals`.
    A column of true and false is one of 1 and 0.
    """
    if type(values) is np.ndarray and values.dtype == np.float64 and values.ndim == 1:
        return np.ascontiguousarray(values)
    try:
        if is_masked(values):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
        if array.dtype.kind in "mM":
            raise DataError(holds_times(name, origin))
        if array.dtype.kind == "c":
            raise TypeError(_("it holds complex numbers"))
        if array.dtype.kind not in "fiub" and array.ndim == 1:
            cells = array.tolist()
            truths = booleans_in(cells, (numerals or DEFAULT).missing)
            if truths is None:
                truths = [_number(cells, row, name, origin, numerals, first_row) for row in range(len(cells))]
            array = np.array(truths)
        array = np.asarray(array, dtype=np.float64)
    except DataError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            _("{origin}: column '{column}' is not numbers: {reason}").format(origin=origin, column=name, reason=error)
        ) from None
    if array.ndim != 1:
        raise DataError(
            _("{origin}: column '{column}' must have one dimension, not {ndim}").format(
                origin=origin, column=name, ndim=array.ndim
            )
        )
    return np.ascontiguousarray(array)


def _number(
    cells: Sequence[object], row: int, name: str, origin: str, numerals: Numerals | None, first_row: int
) -> float:
    cell = cells[row]
    if cell is None:
        return math.nan
    if isinstance(cell, datetime.date):
        raise DataError(holds_times(name, origin))
    if isinstance(cell, (bytes, bytearray)):
        raise TypeError(_("it holds bytes"))
    if not isinstance(cell, str):
        # What is no number says so itself; pandas.NA and NaT are known by how they look, for pandas may not be there.
        return math.nan if str(cell) in ("<NA>", "NaT") else float(cell)  # type: ignore[arg-type]
    text = cell.strip()
    try:
        return (numerals or DEFAULT).number(text)
    except ValueError:
        of_words = kind_of(cells[:100], numerals) == "text"
        raise DataError(
            _(
                "{origin}: row {row} of column '{column}' is '{cell}', which is not a number "
                "(the first row of data is row 1){remedy}"
            ).format(
                origin=origin,
                row=first_row + row + 1,
                column=name,
                cell=clipped(text),
                remedy=remedy(clipped(text), name, numerals, of_words),
            )
        ) from None


def holds_times(name: str, origin: str) -> str:
    """What to say of a column of dates or times where a number is needed."""
    return _(
        "{origin}: column '{column}' holds dates or times; write days({column}) or seconds({column}) in the formula"
    ).format(origin=origin, column=name)


def clipped(text: str) -> str:
    """`text` on one line, or its beginning, for a message."""
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."
