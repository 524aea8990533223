"""`RecordedRows`: the rows of a long history: in memory while they are few, beyond that in a file without a name.

The file lies in the cache folder and is gone with the process. It is read as a memory map: what nobody looks at takes
no memory. Descents collect their rows here, and a store reads back what it has of a run.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from tidu.cache import private_folder
from tidu.runtime.summation import CHUNK

Array = npt.NDArray[Any]
MOST_BYTES = 1 << 24  # in memory
FOLDER = "history"


class RecordedRows:
    """Rows of numbers, added piece by piece.

    Where no file can be written, as on a full disk, they stay in memory.
    """

    def __init__(self, width: int) -> None:
        self.pieces: list[Array] = [np.empty((0, width))]
        self.bytes = 0  # of the pieces
        self.file: IO[bytes] | None = None
        self.written = 0  # rows in the file
        self.may_write = True

    def add(self, rows: Array) -> None:
        """Further rows, of shape (rows, width)."""
        for first in range(0, len(rows), CHUNK):  # rows that are read from another file go block by block
            piece = rows[first : first + CHUNK]
            self.pieces.append(piece)
            self.bytes += piece.nbytes
            if self.bytes > MOST_BYTES and self.may_write:
                self._write()

    def values(self) -> Array:
        """All of them, of shape (rows, width)."""
        if self.file is None:
            return np.concatenate(self.pieces)
        self._write()
        if self.may_write:
            return _mapped(self.file, (self.written, self.pieces[0].shape[1]), np.float64)
        return np.concatenate([_mapped(self.file, (self.written, self.pieces[0].shape[1]), np.float64), *self.pieces])

    def _write(self) -> None:
        """Move the pieces into the file; the memory is used again."""
        rows = np.concatenate(self.pieces)
        try:
            if self.file is None:
                self.file = _nameless()
                weakref.finalize(self, self.file.close)  # a descent may end in an error
            self.file.write(rows.data)
            self.file.flush()
        except OSError:
            self.may_write = False
            return
        self.written += len(rows)
        self.pieces, self.bytes = [rows[:0].copy()], 0


def like(values: Array, shape: tuple[int, ...], kind: npt.DTypeLike, of_rows: Callable[[int, int], Array]) -> Array:
    """The array of this shape whose rows `of_rows(first, last)` gives: in a file where `values` are, else in memory."""
    if not isinstance(values, np.memmap):
        return np.asarray(of_rows(0, shape[0]), dtype=kind)
    try:
        with _nameless() as file:
            for first in range(0, shape[0], CHUNK):
                file.write(np.ascontiguousarray(of_rows(first, min(first + CHUNK, shape[0])), dtype=kind).data)
            file.flush()
            return _mapped(file, shape, kind)
    except OSError:
        return np.asarray(of_rows(0, shape[0]), dtype=kind)


def _nameless() -> IO[bytes]:
    folder = private_folder(FOLDER)  # the usual folder for such files may itself be in memory
    return tempfile.TemporaryFile(dir=folder)


def _mapped(file: IO[bytes], shape: tuple[int, ...], kind: npt.DTypeLike) -> Array:
    return np.memmap(file, dtype=kind, mode="c", shape=shape)
