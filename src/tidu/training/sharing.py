"""`SharedRows`: columns whose chunks the workers of a cluster compute on, and what is asked of each block there.

Every pass over the rows of a training on a cluster goes through here: the sums of steps and of solvers are jobs of
their own (`sums`), checks, counts and scores are functions of a block (`over`).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tidu.cluster.chunks import Chunk, Job
from tidu.cluster.connecting import Cluster
from tidu.cluster.dask_sums import DaskSums, Probe
from tidu.data.disk_table import DiskTable, StoredColumns
from tidu.data.parted_columns import PartedColumns
from tidu.data.shared_columns import SharedStore, StoreAt
from tidu.data.table import Table
from tidu.errors import TiduError
from tidu.runtime.summation import CHUNK


class SharedRows:
    """Columns that the workers of a cluster can read (`Workers`), until the cluster is left.

    `owners` are the workers that have a chunk already.
    """

    def __init__(self, file: StoredColumns, cluster: Cluster, owners: dict[int, str] | None = None) -> None:
        self.file, self.cluster, self.owners = file, cluster, owners or {}
        self.store = SharedStore(file)
        self._blocks: DaskSums | None = None
        file.workers = self
        cluster.at_end(self.close)

    def sums(self, job: Job, probe: Probe) -> DaskSums:
        """The sums of a job on these columns."""
        return DaskSums(self.cluster.client, job, probe, self.owners)

    def over(self, table: DiskTable, function: Callable[[int, Table], Any]) -> Iterator[Any]:
        """What a function gives of each block of a table of these columns, in their order.

        What the workers cannot be told (of a program's own function) is computed here.
        """
        firsts = range(0, table.rows, CHUNK)
        try:
            told = pickle.dumps((table.elsewhere(None), function))
        except (pickle.PicklingError, AttributeError, TypeError):
            told = b""
        if len(firsts) < 2 or not told:
            yield from (function(first, block) for first, block in table.blocks())
            return
        if self._blocks is None:
            here = _Blocks(self.file)
            self._blocks = self.sums(BlocksOf(self.store.file), lambda chunk, given: here.sums(chunk, None, given))
        chunks = [Chunk(0, first, min(CHUNK, table.rows - first)) for first in firsts]
        for found in self._blocks(chunks, [told]):
            if isinstance(found, TiduError):
                raise found
            yield found

    def close(self) -> None:
        """Let go of what the workers hold; whoever asks for rows from now on reads them here."""
        if self.file.workers is self:
            self.file.workers = None
        if self._blocks is not None:
            self._blocks.close()
        self.store.close()


@dataclass(frozen=True)
class BlocksOf:
    """Functions of the blocks of columns (`Job`)."""

    file: StoreAt | PartedColumns

    def opened(self) -> _Blocks:
        """The columns, opened where this is called.

        Raises
        ------
        DataError
        """
        return _Blocks(self.file.opened())


class _Blocks:
    """Functions of the blocks of columns that are at hand (`OpenedJob`)."""

    keeps = False

    def __init__(self, file: StoredColumns) -> None:
        self.file = file
        self.told: tuple[bytes, Any, Any] | None = None  # the last that was unpickled

    def read(self, _chunk: Chunk) -> None:
        """Each function reads the columns that it needs."""

    def size(self, _chunk: Chunk) -> int:
        """Nothing is kept."""
        return 0

    def sums(self, chunk: Chunk, _columns: Any, arguments: Sequence[Any]) -> Any:
        """What a function gives of a block; an error of tidu's as a value, for it is no fault of the worker."""
        last = self.told
        if last is None or last[0] != arguments[0]:
            table, function = pickle.loads(arguments[0])
            last = self.told = arguments[0], table.elsewhere(self.file), function
        _told, table, function = last
        try:
            return function(chunk.first, table.block(chunk.first, chunk.count))
        except TiduError as error:
            return error


def shared_rows(file: StoredColumns, cluster: Cluster) -> SharedRows:
    """The rows of a file as the workers of a cluster have them."""
    known = file.workers
    return known if isinstance(known, SharedRows) and known.cluster is cluster else SharedRows(file, cluster)


def share(table: Table | None, cluster: Cluster) -> None:
    """Have the workers of a cluster compute what is asked of the rows of a table on disk."""
    if isinstance(table, DiskTable) and table.columns:
        shared_rows(next(iter(table.on_disk.values())).file, cluster)
