"""`SharedColumns`: columns of a store at a path that every machine of a cluster can read, as they are told of it."""

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
from tidu.data.disk_table import FOLDER, DiskColumn


@dataclass(frozen=True)
class SharedColumns:
    """Where columns lie: plain values, which are pickled."""

    path: str
    digest: str  # of the store: another one is refused
    columns: tuple[tuple[int, npt.NDArray[np.float64] | None], ...]  # the place of each, and what it looks up

    def opened(self) -> list[DiskColumn]:
        """The columns, opened where this is called.

        Raises
        ------
        DataError
        """
        file = ColumnFile.shared(Path(self.path), self.digest)
        return [DiskColumn(file, place, lookup) for place, lookup in self.columns]


class SharedStore:
    """The store of some columns for as long as others read it.

    One without a name, of data that can be read once, is copied to where it has one.
    """

    def __init__(self, columns: Sequence[DiskColumn]) -> None:
        file = columns[0].file
        self._copy = _copy_of(file) if file.path is None else None
        path = (file.path or self._copy or Path()).absolute()
        self.columns = SharedColumns(str(path), file.digest, tuple((c.place, c.lookup) for c in columns))

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
