"""`SharedSource`: a source that the workers of a cluster read where it lies, each some parts of it, each part once.

A first pass finds what only all rows can tell: how many each part has, which labels, where a cell is missing. What
cannot be read in parts becomes a column store, written by this machine. Called by `Problem.read`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidu.cluster.chunks import Chunk
from tidu.cluster.connecting import Cluster
from tidu.cluster.dask_sums import DaskSums
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import DiskTable, table_of
from tidu.data.files import NamedFiles, named_files
from tidu.data.parted_columns import Findings, KeptParts, PartedColumns, Selection, found_in, kept_parts
from tidu.data.remote import RemoteFile
from tidu.data.streaming import MOST_LABELS, StreamedSource, streamed_source
from tidu.data.table import Missing, Part, Source, Table
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.sharing import SharedRows, share


class SharedSource(Source):
    """A source whose rows are on the workers; `files` is None of what they cannot read themselves, and `why` not."""

    def __init__(
        self, streamed: StreamedSource, files: NamedFiles | None, why: str, drop: bool, cluster: Cluster
    ) -> None:
        self._streamed, self._files, self._why, self._drop, self._cluster = streamed, files, why, drop, cluster

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return self._streamed.names

    def kinds(self) -> Mapping[str, str]:
        """The columns of text and of dates, as far as the beginning shows."""
        return self._streamed.kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> DiskTable:
        """The columns, which the workers have.

        Raises
        ------
        DataError, MissingValues, ClusterError
        """
        found = self._by_workers([n for n in self.names if wanted is None or n in wanted], label, words)
        if found is not None:
            return found
        table = self._streamed.table(wanted, label, words)
        share(table, self._cluster)
        note = _("the workers read the column store, which this machine wrote: {reason}").format(reason=self._why)
        return replace(table, notes=(*table.notes, note)) if self._why else table

    def _by_workers(self, names: Sequence[str], label: str | None, words: Collection[str]) -> DiskTable | None:
        """The same, read by the workers; None where this machine must read."""
        if self._files is None or not names:
            return None
        selection = Selection(self._files, tuple(names), label, tuple(sorted(words)), secrets.token_hex(16))
        reading = _Reading(self._cluster, selection)
        parts = reading.here.source.parts()
        if parts is None:
            self._why = _("these files can be read from beginning to end only")
        if parts is None or len(parts) < 2:
            return None
        parts, findings = reading.found(parts)
        # What is wrong with a cell is said by who reads row by row.
        if any(f.error for f in findings) or _many_labels(selection, findings):
            reading.close()
            return None
        missing = Missing()
        for f in findings:
            missing.add(f.seen, f.bad, f.first_bad)
        origin = next((f.origin for f in findings), "")
        note = missing.note(origin, self._drop)
        file = PartedColumns(selection, parts, findings)
        SharedRows(file, self._cluster, file.owners(reading.workers))
        self._cluster.at_end(reading.close)
        notes = dict.fromkeys(note for f in findings for note in f.notes)
        read = _("read by the workers of {cluster} where it lies, in {parts} part(s): {rows} rows of {count} column(s)")
        said = [
            *notes, *([note] if note else []),
            read.format(cluster=self._cluster.name, parts=len(parts), rows=file.rows, count=len(names)),
        ]  # fmt: skip
        levels = dict(file.levels)
        classes = levels.pop(label, ()) if label is not None else ()
        return table_of(file, {}, Table({}, origin, tuple(said), classes, levels))


def shared_source(
    data: object, options: CsvOptions | None, drop_missing: bool, ordered: bool, cluster: Cluster
) -> SharedSource:
    """The source that `data` stands for, with its rows on the workers of a cluster; see `source_of`.

    Only where each step takes rows in the order of the data (`ordered`) is there a part for each worker to read.
    """
    files, why = None, ""
    if isinstance(data, (str, Path)) and str(data) != "-":
        files = named_files(str(data), options or CsvOptions())
        if not all(isinstance(f, RemoteFile) or f.is_file() for f in files.files):
            files, why = None, _("it can be read once")
        elif not ordered:
            files, why = None, _("a step of shuffled samples needs rows from everywhere")
    return SharedSource(streamed_source(data, options, drop_missing), files, why, drop_missing, cluster)


def _many_labels(selection: Selection, findings: Sequence[Findings]) -> bool:
    return any(
        len({label for f in findings for label in (f.labels or {})[name]}) > MOST_LABELS for name in selection.coded
    )


class _Reading:
    """The first pass over the parts. Workers keep what they parsed until this is closed."""

    def __init__(self, cluster: Cluster, selection: Selection) -> None:
        self.cluster, self.selection = cluster, selection
        self.here = kept_parts(selection)
        self.passes: list[DaskSums] = []
        self.workers: dict[int, str] = {}  # of each part

    def found(self, parts: Sequence[Part]) -> tuple[list[Part], list[Findings]]:
        """The parts, as the quotes before each say, and what each shows."""
        places: dict[Part, int] = {}
        for k, part in enumerate(parts):
            places[part] = places[replace(part, quoted=True)] = k

        def read(left: Sequence[Part]) -> list[Any]:
            at = {places[part]: part for part in left}
            sums = DaskSums(
                self.cluster.client, FindingsOf(self.selection, at),
                lambda chunk, _given: self.here.findings(at[chunk.place]), self.workers,
            )  # fmt: skip
            self.passes.append(sums)
            found = sums([Chunk(0, k * CHUNK, 0) for k in at], [])
            self.workers |= sums.owners
            return found

        return found_in(parts, read)

    def close(self) -> None:
        for each in self.passes:
            each.close()


@dataclass(frozen=True)
class FindingsOf:
    """What each part of a selection shows (`Job`): the place of a chunk is the number of a part."""

    selection: Selection
    parts: Mapping[int, Part]

    def opened(self) -> _OpenedParts:
        """The parts where this is called.

        Raises
        ------
        DataError
            The files are not there.
        """
        return _OpenedParts(kept_parts(self.selection), self.parts)


class _OpenedParts:
    """Parts that are parsed when they are asked for (`OpenedJob`)."""

    keeps = False

    def __init__(self, kept: KeptParts, parts: Mapping[int, Part]) -> None:
        self.kept, self.parts, self.source = kept, parts, kept.source

    def read(self, _chunk: Chunk) -> None:
        """Nothing beforehand."""

    def size(self, _chunk: Chunk) -> int:
        """Nothing is kept in memory."""
        return 0

    def sums(self, chunk: Chunk, _columns: Any, _arguments: Sequence[Any]) -> Any:
        """What a part shows."""
        return self.kept.findings(self.parts[chunk.place])
