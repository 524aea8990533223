"""Columns on disk: one file of float64 in blocks of rows, written once and read block by block; no pickle.

After a first line come the blocks of 65,536 rows, each with its columns one after another; behind them a description
in JSON with a checksum of each block, the description's hash, and its length. A file is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import weakref
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tidu.errors import DataError
from tidu.runtime.summation import CHUNK
from tidu.text import _

if TYPE_CHECKING:
    from tidu.data.disk_table import Workers

Array = npt.NDArray[np.float64]
FIRST_LINE = b"tidu columns 1\n"
BEGIN = 4096  # of the first block, so that it begins a page
NUMBER = 8  # bytes
PIECE = 1 << 20  # bytes that are looked at together when a file is checked: few enough to stay in a core's cache
MOST_DESCRIBED = 1 << 28  # bytes of a description: beyond this it is damaged
_DIGEST = hashlib.sha256().digest_size


class ColumnFile:
    """A file of columns that is whole: `rows` of the columns `names`. `described` is what its writer wanted kept.

    `path` is None where it has no name; `digest` tells it from every other; blocks that are `unchecked` are checked
    when they are read.
    """

    def __init__(self, handle: int, described: Mapping[str, Any], digest: str, path: Path | None = None) -> None:
        self.handle, self.described, self.digest, self.path = handle, described, digest, path
        self.unchecked: set[int] = set()
        self.workers: Workers | None = None
        self.names: tuple[str, ...] = tuple(described["names"])
        self.rows: int = described["rows"]
        weakref.finalize(self, os.close, handle)

    @property
    def bytes(self) -> int:
        """The numbers alone."""
        return self.rows * len(self.names) * NUMBER

    def read(self, columns: Sequence[int], first: int, into: Array) -> None:
        """Fill `into`, of shape (len(columns), rows), with these columns from row `first` on.

        Raises
        ------
        DataError
            The disk does not give them.
        """
        done, count, every = 0, into.shape[1], [*columns] == [*range(len(self.names))]
        while done < count:
            block, within = divmod(first + done, CHUNK)
            size = min(CHUNK, self.rows - block * CHUNK)  # rows of this block
            taken = min(size - within, count - done)
            if block in self.unchecked:
                self._check(block)
            place = BEGIN + block * CHUNK * len(self.names) * NUMBER
            if every and taken == size == count and into.flags.c_contiguous:
                self._fill(into.reshape(-1), place)
            else:
                for k, column in enumerate(columns):
                    self._fill(into[k, done : done + taken], place + (column * size + within) * NUMBER)
            done += taken

    def _fill(self, into: Array, place: int) -> None:
        view = memoryview(into.data).cast("B")
        while len(view):
            try:
                got = os.preadv(self.handle, [view], place)
            except OSError as error:
                raise self._unreadable(error.strerror or str(error)) from None
            if got == 0:
                raise self._unreadable(_("it has become shorter"))
            view, place = view[got:], place + got

    def _check(self, block: int) -> None:
        if self.checksum(block) != self.described["checksums"][block]:
            raise self._unreadable(_("it is damaged"))
        self.unchecked.discard(block)

    def _unreadable(self, reason: str) -> DataError:
        return DataError(_("the column store of {origin} cannot be read: {reason}; run it again").format(
            origin=self.described.get("origin", ""), reason=reason))  # fmt: skip

    # -- opening one -------------------------------------------------------------------------------
    @classmethod
    def opened(cls, handle: int, threads: int = 1, path: Path | None = None) -> Self | None:
        """The columns in an open file; None, and the file closed, if it is not whole: every block is checked."""
        found = _description(handle)
        if found is None:
            os.close(handle)
            return None
        described, digest = found
        file = cls(handle, described, digest, path)
        sums = described["checksums"]
        with ThreadPoolExecutor(threads) as pool:
            good = all(pool.map(lambda k: file.checksum(k) == sums[k], range(len(sums))))
        return file if good else None

    @classmethod
    def shared(cls, path: Path, digest: str) -> Self:
        """The file that another process knows by its path and its digest; blocks are checked as they are read.

        Raises
        ------
        DataError
            It is not there, cannot be read, or is another.
        """
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DataError(
                _(
                    "it cannot read the column store {path}: {reason}; set TIDU_CACHE to a folder that all machines "
                    "share"
                ).format(path=path, reason=error.strerror)
            ) from None
        found = _description(handle)
        if found is None or found[1] != digest:
            os.close(handle)
            raise DataError(
                _("the column store {path} is another on this machine; set TIDU_CACHE to a folder that all share")
                .format(path=path)
            )  # fmt: skip
        file = cls(handle, *found, path)
        file.unchecked = {*range(len(file.described["checksums"]))}
        return file

    def copy_to(self, path: Path) -> None:
        """Write the same bytes to `path`.

        Raises
        ------
        DataError
        """
        place = 0
        try:
            with open(path, "wb") as copy:
                while part := os.pread(self.handle, PIECE, place):
                    copy.write(part)
                    place += len(part)
        except OSError as error:
            raise _unwritable(path.parent, error) from None

    def checksum(self, block: int) -> int | None:
        """The checksum of the block as it stands on disk; None where that does not give it."""
        size = min(CHUNK, self.rows - block * CHUNK) * len(self.names)
        place = BEGIN + block * CHUNK * len(self.names) * NUMBER
        found, piece = 0, np.empty(min(PIECE // NUMBER, size))
        for start in range(0, size, len(piece)):
            part = piece[: size - start]
            try:
                self._fill(part, place + start * NUMBER)
            except DataError:
                return None
            found = zlib.crc32(part.data, found)
        return found


def _description(handle: int) -> tuple[dict[str, Any], str] | None:
    """What stands behind the blocks, with its digest, if it is whole and agrees with the size of the file."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        end = os.fstat(handle).st_size
        tail = os.pread(handle, _DIGEST + NUMBER, max(0, end - _DIGEST - NUMBER))
        length = int.from_bytes(tail[_DIGEST:], "little")
        start = end - len(tail) - length
        if os.pread(handle, len(FIRST_LINE), 0) != FIRST_LINE or start < BEGIN or length > MOST_DESCRIBED:
            return None
        text = os.pread(handle, length, start)
        digest = hashlib.sha256(text)
        if digest.digest() != tail[:_DIGEST]:
            return None
        described: dict[str, Any] = json.loads(text)
        rows, names = described["rows"], described["names"]
        if start == BEGIN + rows * len(names) * NUMBER and len(described["checksums"]) == -(-rows // CHUNK):
            return described, digest.hexdigest()
    return None


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        _(
            "the columns cannot be written to {folder}: {reason}; make room there, or set TIDU_CACHE to a "
            "folder on a larger disk"
        ).format(folder=folder, reason=error.strerror)
    )


class ColumnWriter:
    """Writes a file of columns: rows are appended, then it is `finished`; or `given_up`, and nothing is left.

    One block is written on a thread of its own while the next is filled.
    """

    def __init__(self, folder: Path | None, names: Sequence[str]) -> None:
        """A file in `folder`; a temporary one where that is None."""
        self.names = tuple(names)
        self.block, self.spare = np.empty((2, len(self.names), CHUNK))
        self.writer = ThreadPoolExecutor(1, "tidu-columns")
        self.rows, self.held = 0, 0  # in all, and in the block that is not written yet
        self.checksums: list[int] = []
        handle, path = tempfile.mkstemp(dir=folder, prefix="columns-", suffix=".tmp")
        self.path, self.file = Path(path), os.fdopen(handle, "w+b", buffering=0)
        self.written = self.writer.submit(self._write, FIRST_LINE.ljust(BEGIN, b"\0"))

    def append(self, columns: Sequence[Array]) -> None:
        """Rows more: an array of shape (rows,) for each name."""
        count = len(columns[0]) if columns else 0
        start = 0
        while start < count:
            taken = min(CHUNK - self.held, count - start)
            for k, column in enumerate(columns):
                self.block[k, self.held : self.held + taken] = column[start : start + taken]
            self.held, start = self.held + taken, start + taken
            if self.held == CHUNK:
                self._flush()
        self.rows += count

    def _flush(self) -> None:
        self._settle()
        block = np.ascontiguousarray(self.block[:, : self.held])
        self.block, self.spare = self.spare, self.block
        self.written, self.held = self.writer.submit(self._write_block, block), 0

    def _write_block(self, block: npt.NDArray[np.float64]) -> None:
        self.checksums.append(zlib.crc32(block.data))
        self._write(block.data)

    def _write(self, content: Any) -> None:
        view = memoryview(content).cast("B")
        while len(view):
            view = view[self.file.write(view) :]

    def _settle(self) -> None:
        """Wait until the block that is being written stands in the file."""
        try:
            self.written.result()
        except OSError as error:
            self.given_up()
            raise _unwritable(self.path.parent, error) from None

    def finished(self, described: Mapping[str, Any], path: Path | None) -> ColumnFile:
        """The file, at `path` from now on; without a name, and gone with its last reader, where that is None."""
        if self.held:
            self._flush()
        self._settle()
        whole = {**described, "names": self.names, "rows": self.rows, "checksums": self.checksums}
        text = json.dumps(whole).encode()
        digest = hashlib.sha256(text)
        self.written = self.writer.submit(self._write, text + digest.digest() + len(text).to_bytes(NUMBER, "little"))
        self._settle()
        self.writer.shutdown()
        handle = os.dup(self.file.fileno())
        self.file.close()
        if path is None:
            os.unlink(self.path)
        else:
            os.replace(self.path, path)
        return ColumnFile(handle, json.loads(text), digest.hexdigest(), path)

    def given_up(self) -> None:
        """Leave nothing behind."""
        self.writer.shutdown()
        with contextlib.suppress(OSError):
            self.file.close()
            os.unlink(self.path)
