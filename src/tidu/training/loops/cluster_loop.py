"""Steps on a cluster: the sums of chunks by the workers that have them, added here in order."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidu.cluster.chunks import Chunk, Job, OpenedJob
from tidu.cluster.connecting import Cluster
from tidu.data.shared_columns import SharedColumns
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.loops.chunks import ChunkLoop, OpenedChunks, SumText
from tidu.training.loops.from_disk import DiskSamples
from tidu.training.loops.loop import Loop
from tidu.training.loops.tile_chunks import OpenedTiles, TileChunkLoop, TileText
from tidu.training.sharing import SharedRows, shared_rows
from tidu.training.work import Work

MEASURED = 5  # steps, after the first, in which the workers read their chunks


@dataclass(frozen=True)
class StoredChunks:
    """Chunks of columns that every worker can read (`Job`)."""

    columns: SharedColumns
    seed: int | None
    text: SumText | TileText

    def opened(self) -> OpenedChunks | OpenedTiles:
        """The columns, opened where this is called.

        Raises
        ------
        DataError
        """
        samples = DiskSamples(self.columns.opened(), self.seed)
        return OpenedTiles(self.text, samples) if isinstance(self.text, TileText) else OpenedChunks(self.text, samples)


class StepsOnWorkers:
    """The sums of the chunks of each step by workers, and what such a step costs."""

    def __init__(self, shared: SharedRows, job: Job, here: OpenedJob, threads: int) -> None:
        self.here, self.threads, self.cluster = here, threads, shared.cluster
        self.workers = shared.sums(job, self.probe)
        self.seconds_of_chunk = math.nan  # on this machine, with the chunk in memory
        self.steps: list[tuple[int, float]] = []  # chunks and seconds of the first steps

    def probe(self, chunk: Chunk, arguments: Sequence[Any]) -> Any:
        """The sums of a chunk on this machine."""
        columns = self.here.read(chunk)
        began = time.perf_counter()
        sums = self.here.sums(chunk, columns, arguments)
        self.seconds_of_chunk = time.perf_counter() - began
        return sums

    def __call__(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
        """The sums of each chunk, in their order."""
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
        alone = self.seconds_of_chunk * math.ceil(chunks / self.threads)
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


class _ByWorkers(Loop):
    """A loop whose chunks the workers of a cluster share."""

    by_workers: StepsOnWorkers

    def share(self, cluster: Cluster, here: OpenedChunks | OpenedTiles) -> None:
        """Have the workers compute what `here` does."""
        columns = self.work.columns
        shared = shared_rows(columns[0].file, cluster)
        job = StoredChunks(shared.store.columns(columns), here.samples.seed, here.text)
        self.by_workers = StepsOnWorkers(shared, job, here, self.work.threads)

    def sums_of_chunks(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
        """The sums of each chunk, in their order, from the workers."""
        return self.by_workers(chunks, arguments)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the workers."""
        return self.by_workers.notes

    def close(self) -> None:
        super().close()
        self.by_workers.workers.close()


class ClusterLoop(_ByWorkers, ChunkLoop):
    """Plain Python around each step, whose chunks the workers share."""

    def __init__(self, work: Work, machine_code: bool, cluster: Cluster) -> None:
        if not work.shape.summed:
            raise SettingError(
                _("{rows} rows are too few for a cluster to share; leave out the cluster").format(rows=work.rows)
            )
        super().__init__(work, machine_code)
        self.share(cluster, self.opened)


class ClusterTileLoop(_ByWorkers, TileChunkLoop):
    """The same of a network, whose groups of samples the workers share."""

    def __init__(self, work: Work, machine_code: bool, cluster: Cluster) -> None:
        super().__init__(work, machine_code)
        self.share(cluster, self.opened)
