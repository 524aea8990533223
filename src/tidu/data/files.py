"""Files by name, pattern or address, standard input, pipes: CSV, Parquet, workbooks, each known by its first bytes.

What is no plain file (a pipe, `/dev/stdin`, what a shell gives for `<(...)`) is read once, from beginning to end.
"""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidu.data.arrow_library import pa
from tidu.data.csv import CsvText, open_bytes
from tidu.data.csv_options import CsvOptions
from tidu.data.frames import ArrowTable
from tidu.data.layout import SAMPLED_ROWS
from tidu.data.pieces import ReadOnce
from tidu.data.remote import RemoteFile, is_address, remote_files
from tidu.data.several import names_of_files, together
from tidu.data.table import Part, Source, Table
from tidu.errors import DataError
from tidu.text import _

PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
WORKBOOKS = (ZIP, b"\xd0\xcf\x11\xe0")  # the latter are files that Excel wrote before
PARQUET_BATCH = 1 << 18  # rows that are read together
PARQUET_BUFFER = 1 << 20  # bytes of a column that are read together


def from_path(path: str, options: CsvOptions, stream: bool = False) -> Source:
    """The source that a path, a pattern, or `-` for standard input stands for.

    Under `stream`, a pipe is not held in memory, but read once, in `batches`.

    Raises
    ------
    DataError
        There is no such file, it cannot be read, or standard input is closed.
    """
    if path == "-":
        return _from_standard_input(options, stream)
    if is_address(path):
        return named_files(path, options).source()
    return from_files(files_of(path), path, options, stream)


@dataclass(frozen=True)
class NamedFiles:
    """Files that every machine knows by the same names: plain values, which are pickled."""

    files: tuple[Path | RemoteFile, ...]
    labels: tuple[str, ...]  # what they are called in a column of files
    origin: str
    options: CsvOptions

    def source(self) -> Source:
        """The files one below the other, as one table; DataError as `from_path`."""
        sources = [_remote_file(f, self.options) if isinstance(f, RemoteFile) else _file(f, self.options)
                   for f in self.files]  # fmt: skip
        return together(sources, self.labels, self.options.file_column, self.origin)


def named_files(path: str, options: CsvOptions) -> NamedFiles:
    """The files that a path, a pattern or an address stands for, by names that hold on other machines too."""
    if is_address(path):
        remote = remote_files(path)
        return NamedFiles(tuple(remote), tuple(names_of_files([Path(f.path) for f in remote])), path, options)
    files = files_of(path)
    return NamedFiles(tuple(f.absolute() for f in files), tuple(names_of_files(files)), path, options)


def from_files(paths: Sequence[Path], origin: str, options: CsvOptions, stream: bool = False) -> Source:
    """Files one below the other, as one table."""
    sources = [_file(p, options, stream) for p in paths]
    return together(sources, names_of_files(paths), options.file_column, origin)


def is_read_once(data: object) -> bool:
    """Whether `data` names what gives its rows only once: standard input, or a pipe."""
    if not isinstance(data, (str, Path)):
        return False
    return str(data) == "-" or Path(data).is_fifo()


def files_of(path: str) -> list[Path]:
    """The files that a path or a pattern stands for, in the order of their names."""
    if not glob.has_magic(path) or os.path.exists(path):
        return [Path(path)]
    files = [Path(p) for p in sorted(glob.glob(path, recursive=True))]
    if not files:
        raise DataError(_("no file matches '{pattern}'").format(pattern=path))
    return files


def _from_standard_input(options: CsvOptions, stream: bool) -> Source:
    closed = DataError(_("standard input is closed; pipe a table into it, or name a file"))
    if sys.stdin is None:
        raise closed
    try:
        if stream:
            return _of_pipe(sys.stdin.buffer, _("standard input"), options)
        content = sys.stdin.buffer.read()
    except ValueError:  # closed by the program itself
        raise closed from None
    except OSError as error:
        raise DataError(
            _("{origin} cannot be read: {reason}").format(
                origin=_("standard input"), reason=error.strerror or str(error)
            )
        ) from None
    return from_bytes(content, _("standard input"), options)


def _file(path: Path, options: CsvOptions, stream: bool = False) -> Source:
    if os.path.isdir(path):
        raise DataError(_("'{path}' is a folder; name a file, or a pattern such as '{path}/*.csv'").format(path=path))
    try:
        mode = path.stat().st_mode
        if stream and stat.S_ISFIFO(mode):
            return _of_pipe(path.open("rb"), str(path), options)
        if not stat.S_ISREG(mode):
            return from_bytes(_read_once(path, mode), str(path), options)
        with path.open("rb") as file:
            magic = file.read(4)
        if magic in WORKBOOKS:
            return _workbook(path.read_bytes(), path.name, options)
    except FileNotFoundError:
        raise DataError(_("there is no file '{path}'").format(path=path)) from None
    except DataError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(_("'{path}' cannot be read: {reason}").format(path=path, reason=reason)) from None
    if magic == PARQUET:
        return _ParquetFile(path, path.name)
    return CsvText(lambda: open_bytes(path.open("rb")), path.name, options)


def _remote_file(file: RemoteFile, options: CsvOptions) -> Source:
    with file.opened() as opened:
        magic = opened.read(4)
        if magic in WORKBOOKS:
            return _workbook(magic + opened.read(), file.name, options)
    if magic == PARQUET:
        return _ParquetFile(file.opened(), file.name, far=True)
    return CsvText(lambda: open_bytes(file.opened()), file.name, options)


def _read_once(path: Path, mode: int) -> bytes:
    """All of a pipe, or of what is typed on a terminal; other devices may have no end."""
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        with path.open("rb", buffering=0) as device:
            endless = not device.isatty() and device.read(1) != b""
        if endless:
            raise DataError(_("'{path}' is a device, not a file or a pipe").format(path=path))
    with path.open("rb") as stream:
        return stream.read()


def from_bytes(content: bytes, origin: str, options: CsvOptions) -> Source:
    """The source of a file's content; `origin` is its name in sentences."""
    if content[:4] == PARQUET:
        return _ParquetFile(pa.BufferReader(content), origin)
    if content[:4] in WORKBOOKS:
        return _workbook(content, origin, options)
    return CsvText(lambda: open_bytes(io.BytesIO(content)), origin, options)


def _workbook(content: bytes, origin: str, options: CsvOptions) -> Source:
    from tidu.data.workbook import workbook_text  # which few tables are

    return workbook_text(content, origin, options)


def _of_pipe(pipe: Any, origin: str, options: CsvOptions) -> Source:
    """What a pipe gives: text as it comes; what needs to be read from its end is read into memory first."""
    once = ReadOnce(pipe, origin)
    magic = once.opened().read(4)
    if magic == PARQUET or magic in WORKBOOKS:
        return from_bytes(once.opened().read(), origin, options)
    return CsvText(lambda: open_bytes(once.opened()), origin, options)


class _ParquetFile(Source):
    """A near file is read in small pieces, a far one by row groups, whose columns are asked for together.

    Arrow keeps what was asked for together until its reader ends, so each few row groups have a reader of their own.
    """

    def __init__(self, where: Any, origin: str, far: bool = False) -> None:
        import pyarrow.parquet as pa_parquet  # it is slow to import, and most tables are CSV

        self.origin, self._far, self._lock = origin, far, threading.Lock()
        try:
            self._file = pa_parquet.ParquetFile(where, pre_buffer=far, buffer_size=0 if far else PARQUET_BUFFER)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(_("{origin} cannot be read: {reason}").format(origin=self.origin, reason=error))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._file.schema_arrow.names)

    def kinds(self) -> Mapping[str, str]:
        return ArrowTable(next(self._file.iter_batches(SAMPLED_ROWS), None) or self._file.read(), "").kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        try:
            read = self._file.read(columns=None if wanted is None else [n for n in self.names if n in wanted])
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        return ArrowTable(read, self.origin).table(wanted, label, words)

    def batches(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Iterator[Table]:
        names = None if wanted is None else [n for n in self.names if n in wanted]
        try:
            for groups in self._groups():
                for batch in self._file.iter_batches(PARQUET_BATCH, groups, names):
                    yield ArrowTable(pa.Table.from_batches([batch]), self.origin).table(wanted, label, words)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _groups(self) -> Iterator[list[int]]:
        """The row groups that one reader reads: all of a near file, of a far one as few as hold a batch."""
        file, groups, rows = self._file.metadata, list[int](), 0
        for group in range(file.num_row_groups):
            groups.append(group)
            rows += file.row_group(group).num_rows
            if self._far and rows >= PARQUET_BATCH:
                yield groups
                groups, rows = [], 0
        if groups:
            yield groups

    def parts(self) -> list[Part] | None:
        count = self._file.num_row_groups
        return [Part(k, k + 1, k + 1 == count) for k in range(count)] or None

    def part(self, part: Part) -> tuple[Source, bool]:
        return _RowGroup(self, part.begin), False

    def group(self, number: int, names: Sequence[str] | None) -> pa.Table:
        """Columns of a row group; DataError."""
        try:
            with self._lock:  # one file, one place
                batches = [*self._file.iter_batches(PARQUET_BATCH, [number], names)]
                return pa.Table.from_batches(batches) if batches else self._file.read_row_group(number, names)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None


class _RowGroup(Source):
    """A row group of a file."""

    def __init__(self, file: _ParquetFile, number: int) -> None:
        self._file, self._number = file, number

    @property
    def names(self) -> tuple[str, ...]:
        return self._file.names

    def kinds(self) -> Mapping[str, str]:
        return self._file.kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        names = None if wanted is None else [n for n in self.names if n in wanted]
        return ArrowTable(self._file.group(self._number, names), self._file.origin).table(wanted, label, words)
