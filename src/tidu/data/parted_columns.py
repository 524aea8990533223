"""`PartedColumns`: columns of sources that are read part by part, by whoever needs the rows, where the sources lie.

A part is parsed once in a process, and then stands as columns in a file without a name. What only all parts can tell
(how many rows come before one, which labels there are) is put together from what each of them shows, `Findings`.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import Workers
from tidu.data.files import NamedFiles
from tidu.data.labels import joined_labels
from tidu.data.table import Column, Label, Missing, Part, Source, Table
from tidu.errors import DataError
from tidu.runtime.summation import CHUNK
from tidu.text import _

Array = npt.NDArray[np.float64]
NUMBER = 8  # bytes


@dataclass(frozen=True)
class Selection:
    """What is read of which files: plain values, which are pickled. `key` tells it from every other."""

    files: NamedFiles
    names: tuple[str, ...]
    label: str | None
    words: tuple[str, ...]
    key: str

    @property
    def coded(self) -> tuple[str, ...]:
        """The columns that hold codes."""
        return tuple(n for n in self.names if n == self.label or n in self.words)


@dataclass(frozen=True)
class Findings:
    """What a part shows: its rows without missing cells, the labels of its codes, and what it says of the others.

    `error` is why it cannot be read, if it cannot, and `turns` whether a quote is open at its end that was not at its
    beginning, or the other way round.
    """

    rows: int = 0
    seen: int = 0  # rows with those that have missing cells
    bad: int = 0
    first_bad: tuple[int, str, float] | None = None
    labels: Mapping[str, tuple[Label, ...]] | None = None
    notes: tuple[str, ...] = ()
    origin: str = ""
    checksum: int = 0
    turns: bool = False
    error: str = ""


class KeptParts:
    """The parts of a selection that this process has parsed. Threads may share it."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.lock = threading.Lock()
        self.locks: defaultdict[Part, threading.Lock] = defaultdict(threading.Lock)
        self.kept: dict[Part, tuple[int, Findings]] = {}  # where in the file
        self.handle, path = tempfile.mkstemp(prefix="tidu-")
        os.unlink(path)
        weakref.finalize(self, os.close, self.handle)
        self.end = 0

    @cached_property
    def source(self) -> Source:
        """The files, opened where this is called."""
        return self.selection.files.source()

    def findings(self, part: Part) -> Findings:
        """What a part shows."""
        return self._part(part)[1]

    def fill(self, part: Part, columns: Sequence[int], first: int, into: Array) -> Findings:
        """Fill `into`, of shape (len(columns), rows), from row `first` of a part on."""
        place, found = self._part(part)
        if found.error:
            raise DataError(found.error)
        for k, numbers in zip(columns, into, strict=True):
            view = memoryview(numbers).cast("B")
            at = place + (k * found.rows + first) * NUMBER
            while len(view) and (got := os.preadv(self.handle, [view], at)):
                view, at = view[got:], at + got
        return found

    def _part(self, part: Part) -> tuple[int, Findings]:
        with self.lock:
            lock = self.locks[part]
        with lock:
            if part not in self.kept:
                found, columns = self._read(part)
                content = b"".join(column.tobytes() for column in columns)
                with self.lock:
                    place, self.end = self.end, self.end + len(content)
                self._write(content, place)
                self.kept[part] = place, found
            return self.kept[part]

    def _read(self, part: Part) -> tuple[Findings, list[Column]]:
        s, turns = self.selection, False
        try:
            source, turns = self.source.part(part)
            table = source.table({*s.names}, s.label, s.words)
        except DataError as error:
            return Findings(error=str(error), turns=turns), []
        labels = {n: table.classes if n == s.label else table.levels[n] for n in s.coded}
        missing = Missing()
        good = missing.seen(Table({n: table[n] for n in s.names}))
        columns = [np.ascontiguousarray(table[n][good]) for n in s.names]
        checksum = 0
        for column in columns:
            checksum = zlib.crc32(column.data, checksum)
        rows = int(good.sum())
        return Findings(
            rows, table.rows, missing.bad, missing.first, labels, table.notes, table.origin, checksum, turns
        ), columns

    def _write(self, content: bytes, place: int) -> None:
        view = memoryview(content)
        try:
            while len(view):
                got = os.pwrite(self.handle, view, place)
                view, place = view[got:], place + got
        except OSError as error:
            raise DataError(
                _(
                    "the columns cannot be written to {folder}: {reason}; set TMPDIR to a folder on a larger disk"
                ).format(folder=tempfile.gettempdir(), reason=error.strerror)
            ) from None


_HERE: weakref.WeakValueDictionary[str, KeptParts] = weakref.WeakValueDictionary()
_MAKING = threading.Lock()


def kept_parts(selection: Selection) -> KeptParts:
    """The parts of a selection in this process: one for all who hold it."""
    with _MAKING:
        found = _HERE.get(selection.key)
        if found is None:
            found = _HERE[selection.key] = KeptParts(selection)
        return found


class PartedColumns:
    """Columns without missing cells, whose rows are those of the parts, one after another; see `StoredColumns`."""

    path = None

    def __init__(self, selection: Selection, parts: Sequence[Part], findings: Sequence[Findings]) -> None:
        self.selection, self.parts = selection, tuple(parts)
        self.checksums = tuple(found.checksum for found in findings)
        self.firsts = np.cumsum([0, *(found.rows for found in findings)])
        self.levels: dict[str, tuple[Label, ...]] = {}
        self.lookups: dict[int, list[Column]] = {}  # of each column of codes, by part
        for name in selection.coded:
            labels = [(found.labels or {})[name] for found in findings]
            codes, self.levels[name] = joined_labels([(np.arange(float(len(each))), each) for each in labels])
            ends = np.cumsum([len(each) for each in labels])
            self.lookups[selection.names.index(name)] = np.split(codes, ends[:-1])
        self._bind()

    def _bind(self) -> None:
        self.names, self.rows, self.digest = self.selection.names, int(self.firsts[-1]), self.selection.key
        self.kept = kept_parts(self.selection)
        self.workers: Workers | None = None

    def __getstate__(self) -> dict[str, Any]:
        own = ("selection", "parts", "checksums", "firsts", "levels", "lookups")
        return {name: getattr(self, name) for name in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._bind()

    def opened(self) -> PartedColumns:
        """Itself: it is where it is unpickled."""
        return self

    def part_of(self, row: int) -> int:
        """The number of the part that has a row."""
        return int(np.searchsorted(self.firsts, row, side="right")) - 1

    def read(self, columns: Sequence[int], first: int, into: Array) -> None:
        """Fill `into`, of shape (len(columns), rows), with these columns from row `first` on.

        Raises
        ------
        DataError
            The sources cannot be read, or are others than they were.
        """
        done, number = 0, self.part_of(first)
        while done < into.shape[1]:
            within = first + done - int(self.firsts[number])
            here = into[:, done : done + int(self.firsts[number + 1]) - first - done]
            found = self.kept.fill(self.parts[number], columns, within, here) if here.size else None
            if found is not None and found.checksum != self.checksums[number]:
                raise DataError(
                    _("{origin} has changed since it was read first; run it again").format(origin=found.origin)
                )
            for k, column in enumerate(columns):
                if column in self.lookups and here.size:
                    here[k] = self.lookups[column][number][here[k].astype(np.intp)]
            done, number = done + here.shape[1], number + 1

    def owners(self, workers: Mapping[int, str]) -> dict[int, str]:
        """The worker of each chunk: who has the part in which it begins. `workers` are those of the parts."""
        chunks = range(-(-self.rows // CHUNK))
        found = {k: workers.get(self.part_of(k * CHUNK)) for k in chunks}
        return {k: worker for k, worker in found.items() if worker is not None}


def found_in(
    parts: Sequence[Part], read: Callable[[Sequence[Part]], Sequence[Findings]]
) -> tuple[list[Part], list[Findings]]:
    """The parts, `quoted` where the text before leaves a quote open, and what each then shows.

    `read` gives the findings of parts. A part is read as if it began outside of quotes; whether it opens one or closes
    one does not depend on that, so those that begin within are known after the first pass, and read once more.
    """
    known: dict[Part, Findings] = {}
    while left := [part for part in parts if part not in known]:
        known |= zip(left, read(left), strict=True)
        settled: list[Part] = []
        for part in parts:
            before = settled[-1] if settled and settled[-1].file == part.file else None
            within = before is not None and before.quoted != known[replace(before, quoted=False)].turns
            settled.append(replace(part, quoted=within))
        parts = settled
    return [*parts], [known[part] for part in parts]
