"""`DiskTable`: a table whose columns lie in a file, and are read a block of rows at a time.

Columns that are made of others (the codes of classes, indicators of levels, days) are looked up as they are read, so
nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from tidu.cache import private_folder
from tidu.data.table import Column, Table
from tidu.runtime.summation import CHUNK

T = TypeVar("T")


class Workers(Protocol):
    """Who can read columns too: workers of a cluster, which know nothing of tables."""

    def over(self, table: DiskTable, function: Callable[[int, Table], Any]) -> Iterator[Any]:
        """What a function gives of each block of a table, in their order."""


class StoredColumns(Protocol):
    """Where columns lie: a `ColumnFile`, or `PartedColumns` of sources."""

    names: tuple[str, ...]
    rows: int
    workers: Workers | None  # where those of a cluster can read them too

    def read(self, columns: Sequence[int], first: int, into: npt.NDArray[np.float64]) -> None:
        """Fill `into`, of shape (len(columns), rows), with these columns from row `first` on."""


FOLDER = "columns"  # of the cache


@dataclass(frozen=True, eq=False)
class DiskColumn(np.lib.mixins.NDArrayOperatorsMixin):
    """A column of a file, or what `lookup` has at each of its codes.

    Whoever takes it for an array (a picture, the doctor) has all of it in memory, for as long as that takes.
    """

    file: StoredColumns
    place: int  # among the columns of the file
    lookup: Column | None = None

    def __len__(self) -> int:
        return self.file.rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole = np.empty((1, len(self)))
        read_columns([self], 0, whole)
        column: npt.NDArray[Any] = whole[0]
        return column if dtype is None else column.astype(dtype)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            cell = np.empty((1, 1))
            read_columns([self], range(len(self))[rows], cell)
            return cell[0, 0]
        if isinstance(rows, slice) and rows.step in (None, 1):
            begin, end, _step = rows.indices(len(self))
            part = np.empty((1, max(0, end - begin)))
            read_columns([self], begin, part)
            return part[0]
        return np.asarray(self)[rows]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **more: Any) -> Any:
        arrays = [np.asarray(each) if isinstance(each, DiskColumn) else each for each in inputs]
        return getattr(ufunc, method)(*arrays, **more)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def through(self, lookup: Column) -> DiskColumn:
        """The column of what `lookup` has at each code of this one."""
        if self.lookup is None:
            return replace(self, lookup=lookup)
        return replace(self, lookup=lookup[self.lookup.astype(np.intp)])


def are_on_disk(columns: Sequence[Any]) -> bool:
    """Whether columns are read from a file."""
    for column in columns:  # noqa: SIM110  # a fit of a moment asks several times, and a generator takes longer
        if isinstance(column, DiskColumn):
            return True
    return False


def read_columns(columns: Sequence[DiskColumn], first: int, into: npt.NDArray[np.float64]) -> None:
    """Fill `into`, of shape (len(columns), rows), with columns of one file from row `first` on."""
    columns[0].file.read([c.place for c in columns], first, into)
    for column, numbers in zip(columns, into, strict=True):
        if column.lookup is not None:
            numbers[:] = column.lookup[numbers.astype(np.intp)]


@dataclass(frozen=True)
class DiskTable(Table):
    """A table on disk; its columns are `DiskColumn`s of one file."""

    @property
    def on_disk(self) -> dict[str, DiskColumn]:
        """The columns as what they are."""
        return cast("dict[str, DiskColumn]", dict(self.columns))

    def blocks(self, rows: int = CHUNK) -> Iterator[tuple[int, Table]]:
        """The same table piece by piece; the numbers of a piece hold until the next is asked for."""
        columns = self.on_disk
        memory = np.empty((len(columns), min(rows, self.rows)))
        for first in range(0, self.rows, rows):
            here = memory[:, : self.rows - first]
            if here.shape[1] < memory.shape[1]:
                here = np.empty(here.shape)
            read_columns([*columns.values()], first, here)
            yield first, Table(dict(zip(columns, here, strict=True)), self.origin, (), self.classes, self.levels, True)

    def each_block(self, function: Callable[[int, Table], T]) -> Iterator[T]:
        """`function` of each block, by whoever has it."""
        workers = next(iter(self.on_disk.values())).file.workers if self.columns else None
        return super().each_block(function) if workers is None else workers.over(self, function)

    def block(self, first: int, count: int) -> Table:
        """So many rows from row `first` on, in memory."""
        columns, here = self.on_disk, np.empty((len(self.columns), count))
        read_columns([*columns.values()], first, here)
        return Table(dict(zip(columns, here, strict=True)), self.origin, (), self.classes, self.levels, True)

    def elsewhere(self, file: StoredColumns | None) -> DiskTable:
        """The same columns of the same file as another process has it; None for what is sent there."""
        there: Any = file
        columns: Any = {name: replace(column, file=there) for name, column in self.on_disk.items()}
        return replace(self, columns=columns, notes=())

    def few(self, rows: npt.NDArray[np.intp]) -> Table:
        """A few of the rows, whose numbers rise, in memory."""
        parts = [*self.each_block(partial(_taken_of, rows))]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in self.columns}
        return Table(columns, self.origin, self.notes, self.classes, self.levels, True)

    def looked_up(self, name: str, codes: str, lookup: Column) -> Table:
        """With the column `name`: what `lookup` has at each code of the column `codes`, as it is read."""
        column: Any = self.on_disk[codes].through(lookup)
        return replace(self, columns={**self.columns, name: column})

    def taken(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Table:
        """The table of some of the rows, whose numbers rise, in a file of its own, which is gone with its last reader.

        Raises
        ------
        DataError
            There is no room for it.
        """
        from tidu.data.column_file import ColumnWriter

        chosen = np.zeros(self.rows, dtype=np.bool_)
        chosen[rows] = True
        places = sorted({column.place for column in self.on_disk.values()})
        file = next(iter(self.on_disk.values())).file
        writer = ColumnWriter(private_folder(FOLDER), [file.names[place] for place in places])
        memory = np.empty((len(places), CHUNK))
        try:
            for first in range(0, self.rows, CHUNK):
                here = memory[:, : self.rows - first]
                file.read(places, first, here)
                writer.append([*here[:, chosen[first : first + CHUNK]]])
            part = writer.finished({"origin": self.origin}, None)
        except BaseException:
            writer.given_up()
            raise
        columns = {n: replace(c, file=part, place=places.index(c.place)) for n, c in self.on_disk.items()}
        return replace(self, columns=cast("dict[str, Any]", columns))


def _taken_of(rows: npt.NDArray[np.intp], first: int, block: Table) -> Table:
    return block.taken(rows[(first <= rows) & (rows < first + block.rows)] - first)


def table_of(file: StoredColumns, lookups: Mapping[str, Column], table: Table) -> DiskTable:
    """The table in a file, with what `table` says of it."""
    columns: Any = {name: DiskColumn(file, k, lookups.get(name)) for k, name in enumerate(file.names)}
    return DiskTable(columns, table.origin, table.notes, table.classes, table.levels, True)
