"""What runs on a worker: a job opened there once, its chunks kept in memory, their sums by the worker's threads."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tidu.cluster.chunks import Chunk, Job
from tidu.machine import available_memory
from tidu.text import speak_here

SHARE = 0.4  # of the memory that a worker may take, for the chunks that it keeps
UNKNOWN_MEMORY = 1 << 30  # bytes, where nobody says how much there is


class WorkerSums:
    """A job on a worker. Chunks are kept as far as there is room; others are read again in each step.

    Pickled, as where a worker moves results to its disk, it is a job that keeps nothing yet.
    """

    def __init__(self, job: bytes, language: str) -> None:
        """Of a job that is pickled, so that one that means nothing here fails here, as a task; it speaks a language."""
        self.job, self.language = job, language
        speak_here(language)
        known: Job = pickle.loads(job)
        self.opened = known.opened()
        self.kept: dict[Chunk, Any] = {}
        self.lock = threading.Lock()
        worker = _this_worker()
        limit = None if worker is None else worker.memory_manager.memory_limit
        self.room = int(SHARE * (limit or available_memory() or UNKNOWN_MEMORY))
        self.pool = ThreadPoolExecutor(1 if worker is None else worker.state.nthreads, thread_name_prefix="tidu")

    def __reduce__(self) -> Any:
        return WorkerSums, (self.job, self.language)

    def columns(self, chunk: Chunk) -> Any:
        """The columns of a chunk, read at most once if they are kept."""
        found = self.kept.get(chunk)
        if found is not None:
            return found
        columns = self.opened.read(chunk)
        size = self.opened.size(chunk)
        with self.lock:
            if self.opened.keeps and size <= self.room:
                self.kept[chunk] = columns
                self.room -= size
        return columns

    def sums(self, chunk: Chunk, arguments: Sequence[Any]) -> Any:
        """The sums over a chunk."""
        speak_here(self.language)
        return self.opened.sums(chunk, self.columns(chunk), arguments)


def computed(here: WorkerSums, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
    """The sums of each chunk: the task of a step."""
    return list(here.pool.map(lambda chunk: here.sums(chunk, arguments), chunks))


def probed(here: WorkerSums, chunk: Chunk, points: Sequence[Sequence[Any]]) -> list[Any]:
    """The sums of one chunk at several points: the task by which a worker shows that it has the same bits."""
    return [here.sums(chunk, arguments) for arguments in points]


def _this_worker() -> Any:
    """The worker of dask that runs this; None where none does."""
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None
