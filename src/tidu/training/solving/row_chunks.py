"""What solvers ask of chunks of 65,536 rows: sums, and triangles that stand for their rows; here, or on workers.

The sums of chunks are added one after another, and their triangles stacked so, in the order of the data: whoever
computes them (`RowChunks` on the threads of this machine, the workers of a cluster), the bits are the same. Called by
`objective.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.chunks import Chunk
from tidu.cluster.connecting import Cluster
from tidu.cluster.dask_sums import DaskSums
from tidu.data.disk_table import are_on_disk, read_columns
from tidu.data.shared_columns import SharedColumns
from tidu.engines.build import module_of
from tidu.machine import cores
from tidu.runtime.summation import CHUNK, Sums, added
from tidu.text import _
from tidu.training.sharing import SharedRows, shared_rows
from tidu.training.solving.answers import Answers
from tidu.training.solving.triangles import PIECE, triangle_of

Array = npt.NDArray[np.float64]
SUMS, TRIANGLE, VALUES = "sums", "triangle", "values"  # what may be asked of a chunk
MOST_HELD = 1 << 26  # bytes of values that workers have sent and nobody has taken yet


class RowChunks:
    """Columns of shape (rows,), chunk by chunk (`OpenedJob`): in memory, or on disk. Threads may share it."""

    keeps = True

    def __init__(self, columns: Sequence[Any], machine_code: bool) -> None:
        self.machine_code, self.rows = machine_code, len(columns[0])
        self.on_disk = are_on_disk(columns)
        self._given = tuple(columns)

    @functools.cached_property
    def columns(self) -> tuple[Any, ...]:
        """The columns as generated functions take them: on disk, contiguous arrays, or lists."""
        return self._given if self.on_disk else tuple(map(self._kept, self._given))

    def _kept(self, column: Array) -> Any:
        return np.ascontiguousarray(column) if self.machine_code else column.tolist()

    @property
    def chunks(self) -> list[Chunk]:
        """All rows, in order."""
        return [Chunk(0, first, min(CHUNK, self.rows - first)) for first in range(0, self.rows, CHUNK)]

    def read(self, chunk: Chunk) -> tuple[Any, ...]:
        """The columns of a chunk, as generated functions take them."""
        if not self.on_disk:
            if chunk.count == self.rows:
                return self.columns
            return tuple(column[chunk.first : chunk.first + chunk.count] for column in self.columns)
        here = np.empty((len(self.columns), chunk.count))
        read_columns(self.columns, chunk.first, here)
        return tuple(map(self._kept, here))

    def size(self, chunk: Chunk) -> int:
        """Bytes that its columns take; a number of a list is a pointer and an object."""
        return len(self.columns) * chunk.count * (8 if self.machine_code else 32)

    def sums(self, chunk: Chunk, columns: Any, arguments: Sequence[Any]) -> Any:
        """Of a chunk, what the first argument names: the others are a text, how many outputs it has, and the point."""
        kind, source, outputs, *at = arguments
        if kind == VALUES:
            return self.values(source, outputs, at, columns)
        if kind == SUMS:
            totals: Any = np.zeros(outputs) if self.machine_code else [0.0] * outputs
            self._function(source, "sums")(columns, 0, chunk.count, tuple(at), totals)
            return tuple(np.asarray(totals).tolist())
        upper = triangle_of(
            self.values(source, outputs, at, tuple(column[first : first + PIECE] for column in columns))
            for first in range(0, chunk.count, PIECE)
        )
        return tuple(upper[np.triu_indices(outputs)].tolist())

    def values(self, source: str, outputs: int, at: Sequence[float], columns: tuple[Any, ...]) -> Array:
        """What a text of rows gives of some rows, of shape (outputs, rows)."""
        rows = len(columns[0])
        arrays = tuple(np.empty(rows) if self.machine_code else [0.0] * rows for _k in range(outputs))
        self._function(source, "each_row")(columns, 0, rows, tuple(at), arrays)
        return np.array(arrays, dtype=np.float64)

    def _function(self, source: str, name: str) -> Callable[..., Any]:
        if self.machine_code:
            from tidu.engines.compiler.calls import compiled

            return compiled(source, name)
        return getattr(module_of(source), name)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class StoredRows:
    """Chunks of columns that every worker can read (`Job`)."""

    columns: SharedColumns
    machine_code: bool

    def opened(self) -> RowChunks:
        """The columns, opened where this is called.

        Raises
        ------
        DataError
        """
        return RowChunks(self.columns.opened(), self.machine_code)


class ChunkSums:
    """Sums and triangles over all rows of some columns, by the threads of this machine or by the workers of a cluster.

    The latter where a cluster is given, or has the rows already. What is known already is not computed again. Close it
    when done.
    """

    def __init__(
        self, rows: RowChunks, threads: int | None = None, cluster: Cluster | None = None, known: Answers | None = None
    ) -> None:
        self.rows, self.threads, self.cluster = rows, threads or cores(), cluster
        self.known = known or Answers()
        self.workers: DaskSums | None = None
        file = rows.columns[0].file if rows.on_disk and rows.rows > CHUNK else None
        shared = file and (file.workers if cluster is None else shared_rows(file, cluster))
        if isinstance(shared, SharedRows):
            job = StoredRows(shared.store.columns(rows.columns), rows.machine_code)
            self.workers = shared.sums(job, self._here)

    def sums(self, source: str, outputs: int, at: Array) -> Array:
        """Σ of each output of a text over all rows, of shape (outputs,)."""

        def computed() -> Array:
            return np.array(added(self._each(SUMS, source, outputs, at)), dtype=np.float64)

        return self.known.given(source, at, (outputs,), self.rows.rows * outputs, computed)

    def triangle(self, source: str, outputs: int, at: Array) -> Array:
        """R of the QR factorisation of all rows of a text's outputs, of shape (outputs, outputs)."""
        places = np.triu_indices(outputs)

        def columns(numbers: Sums) -> Array:
            upper = np.zeros((outputs, outputs))
            upper[places] = numbers
            return upper.T

        def computed() -> Array:
            return triangle_of(map(columns, self._each(TRIANGLE, source, outputs, at)))

        return self.known.given(source, at, (outputs, outputs), self.rows.rows * outputs, computed)

    def values(self, source: str, outputs: int, at: Array) -> Iterator[Array]:
        """What a text of rows gives of each chunk, of shape (outputs, rows), one after another."""
        chunks, arguments = self.rows.chunks, (VALUES, source, outputs, *at.tolist())
        if self.workers is None:
            yield from (self._here(chunk, arguments) for chunk in chunks)
            return
        together = max(1, MOST_HELD // (8 * outputs * CHUNK))
        for first in range(0, len(chunks), together):
            found: list[Any] = self.workers(chunks[first : first + together], arguments)
            yield from found

    def _each(self, kind: str, source: str, outputs: int, at: Array) -> Iterator[Sums]:
        """What is asked of each chunk, in the order of the chunks."""
        chunks, arguments = self.rows.chunks, (kind, source, outputs, *at.tolist())
        if self.workers is not None:
            yield from self.workers(chunks, arguments)
        elif len(chunks) == 1 or self.threads == 1:
            yield from (self._here(chunk, arguments) for chunk in chunks)
        else:
            with ThreadPoolExecutor(min(self.threads, len(chunks)), thread_name_prefix="tidu") as pool:
                yield from pool.map(lambda chunk: self._here(chunk, arguments), chunks)

    def _here(self, chunk: Chunk, arguments: Sequence[Any]) -> Any:
        return self.rows.sums(chunk, self.rows.read(chunk), arguments)

    @property
    def notes(self) -> list[str]:
        """Which workers computed, and which were not used."""
        if self.cluster is None:
            return []
        if self.workers is None:
            return [
                _("{rows} rows are one chunk, which a cluster cannot share: this machine computed it").format(
                    rows=self.rows.rows
                )
            ]
        return [
            *self.workers.notes,
            _("{workers} worker(s) of {cluster} shared {chunks} chunk(s) a pass").format(
                workers=len(self.workers.opened), cluster=self.cluster.name, chunks=len(self.rows.chunks)
            ),
        ]

    def close(self) -> None:
        """Let go of what the workers hold."""
        if self.workers is not None:
            self.workers.close()
