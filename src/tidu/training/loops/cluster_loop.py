"""Steps on a cluster: the sums of chunks by workers that read these from the column store, added here in order."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidu.cluster.chunks import Chunk
from tidu.cluster.connecting import Cluster
from tidu.cluster.dask_sums import DaskSums
from tidu.data.shared_columns import SharedColumns, SharedStore
from tidu.errors import SettingError
from tidu.runtime.summation import Sums
from tidu.text import _
from tidu.training.constraints import no_network
from tidu.training.loops.chunks import ChunkLoop, OpenedChunks, SumText
from tidu.training.loops.from_disk import DiskSamples
from tidu.training.work import Work

MEASURED = 5  # steps, after the first, in which the workers read their chunks


@dataclass(frozen=True)
class StoredChunks:
    """Chunks of a column store at a path that every worker can read (`Job`)."""

    columns: SharedColumns
    seed: int | None
    text: SumText

    def opened(self) -> OpenedChunks:
        """The store, opened where this is called.

        Raises
        ------
        DataError
        """
        return OpenedChunks(self.text, DiskSamples(self.columns.opened(), self.seed))


class ClusterLoop(ChunkLoop):
    """Plain Python around each step, whose chunks the workers of a cluster share."""

    def __init__(self, work: Work, machine_code: bool, cluster: Cluster) -> None:
        _check(work)
        super().__init__(work, machine_code)
        self.store = SharedStore(work.columns)
        job = StoredChunks(self.store.columns, self.opened.samples.seed, self.text)
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
        self.store.close()


def _check(work: Work) -> None:
    """Refuse what is not computed by chunks."""
    if work.program.of_arrays:
        raise SettingError(no_network())
    if not work.shape.summed:
        raise SettingError(
            _("{rows} rows are too few for a cluster to share; leave out the cluster").format(rows=work.rows)
        )
