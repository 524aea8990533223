"""`DaskSums`: the sums of chunks by the workers of `dask.distributed`, whatever becomes of these meanwhile.

Each worker opens the job once and gets one task a step, for all of its chunks. A worker is used once it has shown that
it has the bits of this machine. The chunks of one that is lost go to others; one that joins gets its share.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

from tidu.cluster.chunks import Chunk, Job
from tidu.cluster.on_worker import WorkerSums, computed, probed
from tidu.cluster.shares import shared_out
from tidu.errors import ClusterError
from tidu.text import _, language
from tidu.version import __version__

LOOK = 0.5  # seconds of waiting between two looks at which workers there are
PATIENCE = 60.0  # seconds without any worker before a run ends
SHIFT = 0.1 * 5**0.5  # by which the second point of a probe differs from the first: many digits in every product

Probe = Callable[[Chunk, Sequence[Any]], Any]


class DaskSums:
    """Sums of chunks by workers; see `SumsOfChunks`.

    Attributes
    ----------
    notes : what a person should know about the workers: those that are not used, and why.
    """

    def __init__(self, client: Any, job: Job, probe: Probe, owners: Mapping[int, str] | None = None) -> None:
        """`probe` gives the sums of a chunk on this machine; `owners` are workers that have the data of places."""
        self.client, self.job, self.probe = client, pickle.dumps(job), probe
        self.opened: dict[str, Any] = {}  # of each worker in use, its `WorkerSums` as a future
        self.refused: dict[str, str] = {}  # workers that are there, and why they are not used
        self.trying: set[str] = set()
        self.threads: dict[str, int] = {}  # of each worker in use
        self.owners: dict[int, str] = dict(owners or {})
        self.notes: list[str] = []
        self.probed: tuple[Chunk, list[list[Any]], list[Any]] | None = None
        self.looked = -LOOK

    def __call__(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> list[Any]:
        """The sums of each chunk.

        Raises
        ------
        ClusterError
            The scheduler or all workers are gone.
        """
        if self.probed is None:
            points = [_shifted(arguments, 0.0), _shifted(arguments, SHIFT)]
            self.probed = chunks[0], points, [_bits(self.probe(chunks[0], point)) for point in points]
        found: dict[Chunk, Any] = {}
        with _told_in_words():
            if time.monotonic() - self.looked > LOOK:
                self._look()
            while len(found) < len(chunks):
                self._wait_for_workers()
                found |= self._step([chunk for chunk in chunks if chunk not in found], arguments)
        return [found[chunk] for chunk in chunks]

    def _step(self, chunks: Sequence[Chunk], arguments: Sequence[Any]) -> dict[Chunk, Any]:
        """What the workers compute of these chunks; those of a worker that is lost meanwhile are not among it."""
        shares = shared_out([chunk.place for chunk in chunks], self.owners, self.threads)
        self.owners |= shares
        mine: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            mine.setdefault(shares[chunk.place], []).append(chunk)
        tasks = {a: self._task(computed, a, self.opened[a], part, arguments) for a, part in mine.items()}
        found: dict[Chunk, Any] = {}
        for address, sums in self._results(tasks).items():
            found |= zip(mine[address], sums, strict=True)
        return found

    def _task(self, function: Callable[..., Any], address: str, *arguments: Any) -> Any:
        """A task for one worker and no other."""
        return self.client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, pure=False, retries=0
        )

    def _results(self, tasks: Mapping[str, Any]) -> dict[str, Any]:
        """What a task of each worker gave. Workers that have gone, or have failed, are not in use any more."""
        pending = dict(tasks)
        while pending:
            given = self.client.sync(_once_done, self.client, pending)
            if given is None:
                there = self._look()
                for address in [address for address, task in pending.items() if task.status == "cancelled"]:
                    self._forget(address)  # what it had is lost; if it is there, it is new
                    del pending[address]
                pending = {address: task for address, task in pending.items() if address in there}
                continue
            for address, result in given.items():
                if result is None:
                    self._failed(address, pending[address])
            return {address: result for address, result in given.items() if result is not None}
        return {}

    def _failed(self, address: str, task: Any) -> None:
        """A worker whose task has no result is not used any more; the note says why, unless it is simply gone."""
        from distributed.scheduler import KilledWorker

        reason = task.exception() if task.status == "error" else None
        self._forget(address)
        if reason is not None and not isinstance(reason, (KilledWorker, CancelledError)):
            self._refuse(address, " ".join(str(reason).split()) or type(reason).__name__)

    def _refuse(self, address: str, reason: str) -> None:
        self._forget(address)
        self.refused[address] = reason
        self.notes.append(_("the worker {address} is not used: {reason}").format(address=address, reason=reason))

    def _forget(self, address: str) -> None:
        self.opened.pop(address, None)
        self.threads.pop(address, None)

    # -- which workers there are -------------------------------------------------------------------
    def _look(self) -> Mapping[str, int]:
        """The threads of the workers that there are: those that have gone are forgotten, those that are new tried."""
        there: dict[str, int] = self.client.nthreads()
        self.looked = time.monotonic()
        for address in [*self.opened]:
            if address not in there:
                self._forget(address)
        self.refused = {address: reason for address, reason in self.refused.items() if address in there}
        new = [a for a in there if a not in self.opened and a not in self.refused and a not in self.trying]
        if new:
            self.trying |= {*new}
            self._try({address: there[address] for address in new})
            self.trying -= {*new}
        return there

    def _try(self, threads: Mapping[str, int]) -> None:
        """Use the new workers that have the same tidu, can read the data, and compute the same bits."""
        assert self.probed is not None
        chunk, points, expected = self.probed
        # A function of Python's own: one of tidu, where that is not installed, would end the worker.
        asked = self._results({a: self._task(pkgutil.resolve_name, a, "tidu.version:__version__") for a in threads})
        for address, version in asked.items():
            if version != __version__:
                sentence = _("it has tidu {there}, and this machine has {here}; install the same")
                self._refuse(address, sentence.format(there=version, here=__version__))
        same = [address for address, version in asked.items() if version == __version__]
        opened = {address: self._task(WorkerSums, address, self.job, language()) for address in same}
        shown = self._results({a: self._task(probed, a, opened[a], chunk, points) for a in same})
        for address, sums in shown.items():
            if [_bits(each) for each in sums] == expected:
                self.opened[address], self.threads[address] = opened[address], threads[address]
            else:
                self._refuse(address, _("it computes other bits than this machine"))

    def _wait_for_workers(self) -> None:
        """Until there is one in use.

        Raises
        ------
        ClusterError
            There is none for a minute, or none that can be used.
        """
        began = time.monotonic()
        while not self.opened:
            if self.refused:
                address, reason = next(iter(self.refused.items()))
                raise ClusterError(
                    _("none of the workers of the cluster can be used; {address}: {reason}").format(
                        address=address, reason=reason
                    )
                )
            if time.monotonic() - began > PATIENCE:
                raise ClusterError(
                    _("all workers of the cluster are gone; start others, or resume the run on this machine")
                )
            time.sleep(LOOK / 5)
            self._look()

    def close(self) -> None:
        """Let go of what the workers hold."""
        self.opened.clear()


async def _once_done(client: Any, futures: Mapping[str, Any]) -> Any:
    """The result of each future once none is pending, None of one that has failed; None where that takes longer.

    A future that is cancelled meanwhile, for what it needs is lost, cancels whoever waits for it.
    """
    try:
        return await asyncio.wait_for(client.gather(dict(futures), errors="skip", asynchronous=True), LOOK)
    except (TimeoutError, asyncio.CancelledError):
        return None


def _shifted(arguments: Sequence[Any], shift: float) -> list[Any]:
    """Arguments at another point, in arrays of their own."""
    return [a + shift if isinstance(a, float) or _is_array(a) else a for a in arguments]


def _is_array(argument: Any) -> bool:
    return isinstance(argument, np.ndarray) and argument.dtype.kind == "f"


def _bits(sums: Any) -> Any:
    """What is the same where two machines compute the same."""
    return (sums.shape, sums.tobytes()) if isinstance(sums, np.ndarray) else repr(sums)


@contextlib.contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, CancelledError) as error:
        raise ClusterError(
            _("the scheduler of the cluster does not answer any more: {reason}; resume the run on this machine").format(
                reason=" ".join(str(error).split()) or type(error).__name__
            )
        ) from None
