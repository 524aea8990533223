"""Steps on a cluster: the sums of chunks by workers that read these from the column store, added here in order."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cache import private_folder
from tidu.cluster.chunks import Chunk
from tidu.cluster.connecting import Cluster
from tidu.cluster.dask_sums import DaskSums
from tidu.data.column_file import ColumnFile
from tidu.data.disk_table import DiskColumn
from tidu.data.streaming import FOLDER
from tidu.errors import SettingError
from tidu.runtime.summation import Sums
from tidu.text import _
from tidu.training.loops.chunks import ChunkLoop, OpenedChunks, SumText
from tidu.training.loops.from_disk import DiskSamples
from tidu.training.work import Work

MEASURED = 5  # steps, after the first, in which the workers read their chunks


@dataclass(frozen=True)
class StoredChunks:
    """Chunks of a column store at a path that every worker can read (`Job`)."""

    path: str
    digest: str  # of the store: another one is refused
    columns: tuple[tuple[int, npt.NDArray[np.float64] | None], ...]  # the place of each, and what it looks up
    seed: int | None
    text: SumText

    def opened(self) -> OpenedChunks:
        """The store, opened where this is called.

        Raises
        ------
        DataError
        """
        file = ColumnFile.shared(Path(self.path), self.digest)
        columns = [DiskColumn(file, place, lookup) for place, lookup in self.columns]
        return OpenedChunks(self.text, DiskSamples(columns, self.seed))


class ClusterLoop(ChunkLoop):
    """Plain Python around each step, whose chunks the workers of a cluster share."""

    def __init__(self, work: Work, machine_code: bool, cluster: Cluster) -> None:
        _check(work)
        super().__init__(work, machine_code)
        columns: Sequence[DiskColumn] = work.columns
        file = columns[0].file
        self.copy = _copy_of(file) if file.path is None else None
        job = StoredChunks(
            str((file.path or self.copy or Path()).absolute()),
            file.digest,
            tuple((column.place, column.lookup) for column in columns),
            self.opened.samples.seed,
            self.text,
        )
        self.cluster = cluster
        self.workers = DaskSums(cluster.client, job, self.probe)
        self.seconds_of_chunk = math.nan  # on this machine, with the chunk in memory
        self.steps: list[tuple[int, float]] = []  # chunks and seconds of the first steps

    def probe(self, chunk: Chunk, arguments: Sequence[Any]) -> Sums:
        """The sums of a chunk on this machine."""
        columns = self.opened.read(chunk)
        began = time.perf_counter()
        sums = self.opened.sums(chunk, columns, arguments)
        self.seconds_of_chunk = time.perf_counter() - began
        return sums

    def sums_of_chunks(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Sums]:
        """The sums of each chunk, in their order, from the workers."""
        if len(self.steps) > MEASURED:
            return self.workers(chunks, arguments)
        began = time.perf_counter()
        sums = self.workers(chunks, arguments)
        self.steps.append((len(chunks), time.perf_counter() - began))
        return sums

    @property
    def notes(self) -> tuple[str, ...]:
        """Who computed, what a step cost, which workers were not used, and when one machine would be faster."""
        notes = list(self.workers.notes)
        measured = self.steps[1:]
        if not measured:
            return tuple(notes)
        here = statistics.median(seconds for _chunks, seconds in measured)
        chunks = max(count for count, _seconds in measured)
        alone = self.seconds_of_chunk * math.ceil(chunks / self.work.threads)
        notes.append(
            _("{workers} worker(s) of {cluster} shared {chunks} chunk(s) a step, in {ms:.3g} ms").format(
                workers=len(self.workers.opened), cluster=self.cluster.name, chunks=chunks, ms=1e3 * here
            )
        )
        if alone < here:
            sentence = _(
                "this machine alone would take about {ms:.3g} ms a step, which is faster: leave out the cluster"
            )
            notes.append(sentence.format(ms=1e3 * alone))
        return tuple(notes)

    def close(self) -> None:
        super().close()
        self.workers.close()
        if self.copy is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.copy)


def _copy_of(file: ColumnFile) -> Path:
    """A copy, with a name, of a store that has none because its data can be read once."""
    handle, path = tempfile.mkstemp(dir=private_folder(FOLDER), prefix="shared-", suffix=".columns")
    os.close(handle)
    file.copy_to(Path(path))
    return Path(path)


def _check(work: Work) -> None:
    """Refuse what is not computed by chunks."""
    if work.program.of_arrays:
        raise SettingError(
            _("a model with vectors or matrices cannot be computed on a cluster yet; leave out the cluster")
        )
    if not work.shape.summed:
        raise SettingError(
            _("{rows} rows are too few for a cluster to share; leave out the cluster").format(rows=work.rows)
        )
