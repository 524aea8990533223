"""`SharedColumns`: columns that every machine of a cluster can read where they lie, as they are told of it.

They lie in a store at a path that all share, or in the sources, of which each machine reads the parts that it needs.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tidu.cache import private_folder
from tidu.data.column_file import ColumnFile
from tidu.data.disk_table import FOLDER, DiskColumn, StoredColumns
from tidu.data.parted_columns import PartedColumns


@dataclass(frozen=True)
class StoreAt:
    """A store at a path: plain values, which are pickled."""

    path: str
    digest: str  # of the store: another one is refused

    def opened(self) -> ColumnFile:
        """The store, opened where this is called.

        Raises
        ------
        DataError
        """
        return ColumnFile.shared(Path(self.path), self.digest)


@dataclass(frozen=True)
class SharedColumns:
    """Columns, and where they lie: plain values, which are pickled."""

    file: StoreAt | PartedColumns
    columns: tuple[tuple[int, npt.NDArray[np.float64] | None], ...]  # the place of each, and what it looks up

    def opened(self) -> list[DiskColumn]:
        """The columns, opened where this is called.

        Raises
        ------
        DataError
        """
        file = self.file.opened()
        return [DiskColumn(file, place, lookup) for place, lookup in self.columns]


class SharedStore:
    """What holds columns, for as long as others read it.

    A store without a name, of data that can be read once, is copied to where it has one.
    """

    def __init__(self, file: StoredColumns) -> None:
        self._copy: Path | None = None
        self.file: StoreAt | PartedColumns
        if isinstance(file, PartedColumns):
            self.file = file
            return
        assert isinstance(file, ColumnFile)
        self._copy = _copy_of(file) if file.path is None else None
        self.file = StoreAt(str((file.path or self._copy or Path()).absolute()), file.digest)

    def columns(self, columns: Sequence[DiskColumn]) -> SharedColumns:
        """Some columns of it."""
        return SharedColumns(self.file, tuple((c.place, c.lookup) for c in columns))

    def close(self) -> None:
        """Remove the copy, if there is one."""
        if self._copy is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._copy)


def _copy_of(file: ColumnFile) -> Path:
    handle, path = tempfile.mkstemp(dir=private_folder(FOLDER), prefix="shared-", suffix=".columns")
    os.close(handle)
    file.copy_to(Path(path))
    return Path(path)
