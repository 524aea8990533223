"""`StreamedSource`: data that need not fit into memory, as a table on disk.

The columns that are asked for are written once, while they are parsed, into a column store in the cache folder: a file
that is named by what was read and how. It is used at once next time; what is damaged is made again; those that were
used longest ago go once all take more than `TIDU_CACHE_BYTES`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidu.cache import open_private, private_folder, remove_oldest
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import FOLDER, DiskTable, table_of
from tidu.data.files import PARQUET, files_of
from tidu.data.labels import joined_labels
from tidu.data.remote import is_address, remote_files
from tidu.data.source import source_of
from tidu.data.table import Column, Label, Missing, Source, Table
from tidu.errors import DataError, SettingError
from tidu.machine import available_memory, cores
from tidu.text import _

if TYPE_CHECKING:
    from tidu.data.column_file import ColumnFile

BOUND_VARIABLE = "TIDU_CACHE_BYTES"
MOST_BYTES = 50 << 30  # of all column stores
MOST_LABELS = 1_000_000  # different words of a column
SHARE = 0.5  # of the memory that is free, which data may take before they are streamed
PACKED = {PARQUET: 3, b"\x1f\x8b": 5, b"\x28\xb5\x2f\xfd": 5}  # by how much such files grow when they are read
SAMPLE = 1 << 16  # bytes of each end of a file that stand for it, besides its size and its times


def streamed_source(data: object, options: CsvOptions | None, drop_missing: bool) -> StreamedSource:
    """The source that `data` stands for, read block by block from disk; see `source_of`."""
    path = str(data) if isinstance(data, (str, Path)) else None
    return StreamedSource(source_of(data, options, stream=True), drop_missing, path, options or CsvOptions())


def is_too_large(data: object) -> bool:
    """Whether files would take more than a good part of the memory that is free."""
    if not isinstance(data, (str, Path)) or str(data) == "-":
        return False
    free = available_memory()
    if free is None:
        return False
    size = 0.0
    with contextlib.suppress(OSError, DataError, ValueError):  # whatever is wrong is said by who reads them
        if is_address(str(data)):
            return sum(file.size for file in remote_files(str(data))) > SHARE * free
        for path in files_of(str(data)):
            if stat.S_ISREG(os.stat(path).st_mode):
                with open(path, "rb") as file:
                    head = file.read(4)
                grows = next((factor for magic, factor in PACKED.items() if head.startswith(magic)), 1)
                size += grows * os.path.getsize(path)
    return size > SHARE * free


class StreamedSource(Source):
    """A source whose table is on disk, without rows with missing cells."""

    def __init__(self, source: Source, drop_missing: bool, path: str | None, options: CsvOptions) -> None:
        self._source, self._drop, self._path, self._options = source, drop_missing, path, options

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return self._source.names

    def kinds(self) -> Mapping[str, str]:
        """The columns of text and of dates, as far as the beginning shows."""
        return self._source.kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> DiskTable:
        """The columns, on disk.

        Raises
        ------
        DataError
            As `Source.table`; MissingValues where a cell is missing and rows are not to be dropped.
        """
        names = [n for n in self.names if wanted is None or n in wanted]
        coded = [n for n in names if n == label or n in words]
        folder = private_folder(FOLDER)
        key = None if self._path is None else self._key(self._path, names, coded)
        path = None if folder is None or key is None else folder / f"{key}.columns"
        file = None if path is None else _kept(path)
        if file is None:
            file = self._written(folder, path, names, label, words)
            if folder is not None and path is not None:
                _keep_within_bound(folder)
        d = file.described
        levels: dict[str, tuple[Label, ...]] = {n: tuple(labels) for n, labels in d["labels"].items()}
        lookups = {n: np.array(lookup, dtype=np.float64) for n, lookup in d["lookups"].items()}
        classes = levels.pop(label, ()) if label is not None else ()
        note = _(
            "read block by block: {rows} rows of {count} column(s) stand in a column store of {size:.3g} MB"
        ).format(rows=file.rows, count=len(names), size=file.bytes / 1e6)
        if path is None:
            note += _("; it serves this run alone")
        said = Table({}, d["origin"], (*d["notes"], note), classes, levels)
        return table_of(file, lookups, said)

    def _key(self, path: str, names: Sequence[str], coded: Sequence[str]) -> str | None:
        """The name of the store: a hash of the files as they are now and of how they are read; None of a pipe."""
        if path == "-":
            return None
        how = {f.name: getattr(self._options, f.name) for f in fields(self._options) if f.name != "numerals"}
        digest = hashlib.sha256(json.dumps([how, names, coded, self._drop]).encode())
        if is_address(path):
            states = [file.state for file in remote_files(path)]
            digest.update(repr(states).encode())
            return None if None in states else digest.hexdigest()[:32]
        for file in files_of(path):
            status = os.stat(file)
            if not stat.S_ISREG(status.st_mode):
                return None
            with open(file, "rb") as content:
                ends = content.read(SAMPLE)
                content.seek(max(0, status.st_size - SAMPLE))
                ends += content.read(SAMPLE)
            known = (str(file.absolute()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            digest.update(repr(known).encode() + ends)
        return digest.hexdigest()[:32]

    def _written(
        self, folder: Path | None, path: Path | None, names: Sequence[str], label: str | None, words: Collection[str]
    ) -> ColumnFile:
        """The columns, parsed and written."""
        from tidu.data.column_file import ColumnWriter

        writer, missing = ColumnWriter(folder, names), Missing()
        met: dict[str, dict[Label, int]] = {n: {} for n in names if n == label or n in words}
        notes: dict[str, None] = {}
        origin = ""
        try:
            for batch in self._source.batches({*names}, label, words):
                origin = origin or batch.origin
                notes |= dict.fromkeys(batch.notes)
                columns = {n: _renumbered(batch, n, label, met[n]) if n in met else batch[n] for n in names}
                good = missing.seen(Table(columns))
                whole = bool(good.all())
                writer.append([c if whole else c[good] for c in columns.values()])
            note = missing.note(origin, self._drop)
            # Labels are numbered as they are met; what they are in order is looked up as they are read.
            ordered = {n: joined_labels([(np.arange(float(len(seen))), tuple(seen))]) for n, seen in met.items()}
            described = {
                "origin": origin,
                "notes": [*notes, *([note] if note else [])],
                "labels": {n: labels for n, (_lookup, labels) in ordered.items()},
                "lookups": {n: lookup.tolist() for n, (lookup, _labels) in ordered.items()},
            }
            return writer.finished(described, path)
        except BaseException:
            writer.given_up()
            raise


def _renumbered(batch: Table, name: str, label: str | None, met: dict[Label, int]) -> Column:
    """A column of codes whose labels are numbered as they are met in all batches."""
    labels = batch.classes if name == label else batch.levels[name]
    for each in labels:
        met.setdefault(each, len(met))
    if len(met) > MOST_LABELS:
        raise DataError(
            _("{origin}: column '{column}' has more than {most} different labels, too many to read block by block")
            .format(origin=batch.origin, column=name, most=MOST_LABELS)
        )  # fmt: skip
    numbers = np.array([float(met[each]) for each in labels])
    return Table({name: batch[name]}).looked_up(name, name, numbers)[name]


def _kept(path: Path) -> ColumnFile | None:
    """The store of this name, if it is there and whole."""
    handle = open_private(path)
    if handle is None:
        return None
    from tidu.data.column_file import ColumnFile

    file = ColumnFile.opened(handle, cores(), path)
    with contextlib.suppress(OSError):
        if file is None:
            os.unlink(path)
        else:
            os.utime(path)  # used: the oldest go first
    return file


def _keep_within_bound(folder: Path) -> None:
    """Remove the stores that were used longest ago; the newest may be the only one."""
    given = os.environ.get(BOUND_VARIABLE, "")
    try:
        most = float(given or MOST_BYTES)
        if math.isnan(most) or most < 0:
            raise ValueError
    except ValueError:
        raise SettingError(
            _("{variable} must be a number of bytes, not {value!r}").format(variable=BOUND_VARIABLE, value=given)
        ) from None
    remove_oldest(folder, most)
