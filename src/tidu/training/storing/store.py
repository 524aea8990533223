"""`Store`: one SQLite file with every run: settings, loop, data, history, checkpoints. No pickle; readers never write.

Write-ahead logging, so that readers do not wait for a run and a run does not wait for readers; every transaction is
short. A second writer waits for up to ten seconds, then says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program
from tidu.errors import StoreError
from tidu.text import _
from tidu.training.file_schema import check_facts
from tidu.training.recorded_rows import RecordedRows
from tidu.training.state import TrainingState
from tidu.training.storing import opening
from tidu.training.storing.checkpoints import Checkpoint
from tidu.training.storing.schema import VARIABLE, check_version, migrate

INTERRUPTED = "interrupted"  # the status of a run that may go on where it was
MOST_REPEATED = 2**16  # rows of the history that one may stand for
MOST_RUNS = 2**63 - 1  # SQLite's largest number
_FOLDING: dict[Path, Future[None]] = {}  # stores that were closed, by their paths
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StoredRun:
    """A row of the store: `facts` are those of `recording.facts_of`, and how it ended."""

    id: int
    began: float
    updated: float
    status: str
    facts: Mapping[str, Any]
    tags: tuple[str, ...]
    remark: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        return {
            "id": self.id, "began": self.began, "updated": self.updated, "status": self.status,
            "tags": list(self.tags), "remark": self.remark, **self.facts,
        }  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What a run has come to since it was last kept.

    `rows` of the history, piece by piece, from number `first` on; the losses by which epochs were `judged`, from
    `first_judged` on; checkpoints; and the `answers` that a solver's passes came to, each with its question.
    """

    first: int = 0
    rows: Sequence[Array] = ()
    first_judged: int = 0
    judged: Sequence[float] = ()
    checkpoints: Sequence[Checkpoint] = ()
    answers: Sequence[tuple[bytes, Array]] = ()


class Store:
    """The runs in one file; a context manager.

    Raises
    ------
    StoreError
        The file cannot be opened, read or written: no place, no permission, another writer, no store of tidu's.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, reading: bool = False) -> None:
        self.path, self.reading = Path(path) if path is not None else opening.default_path(), reading
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="tidu store")
        self._handed: Future[Any] | None = None  # what it is writing
        _wait_for_closing(self.path)
        with self._told():
            if self.path.is_dir():
                raise StoreError(_("the store '{path}' is a folder; name a file in it").format(path=self.path))
            if reading:
                if not self.path.exists():
                    raise StoreError(
                        _("there is no store '{path}' yet; a run of 'tidu fit' makes one").format(path=self.path)
                    )
                self._connection = opening.reader(self.path)
            else:
                self._connection = opening.connected(self.path)
            self._connection.isolation_level = None
            check_version(self._connection, self.path, reading)
            if not reading:
                opening.prepare(self._connection)
                migrate(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close it. A writer that is the last folds the log into the file and waits for the disk, which nobody need do.

        What was written is safe before that: whoever opens the file next reads the log.
        """
        try:
            _FOLDING[self.path.absolute()] = self._behind.submit(self._connection.close)
        except RuntimeError:  # at the end of the interpreter no thread can be started
            self._connection.close()
        self._behind.shutdown(wait=self.reading)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last, of text in a damaged file
            raise StoreError(
                _("the store '{path}' cannot be used: {reason}; name another by {variable}, or give --no-store")
                .format(path=self.path, reason=opening.reason(error), variable=VARIABLE)
            ) from None  # fmt: skip

    @property
    def connection(self) -> sqlite3.Connection:
        """To the file, once what was handed over is written; errors as `settle`."""
        self.settle()
        return self._connection

    def settle(self) -> None:
        """Wait for what was handed over to be written.

        Raises
        ------
        StoreError
            It could not be.
        """
        if self._handed is not None:
            wait([self._handed])
            handed, self._handed = self._handed, None
            handed.result()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One short transaction: all of it, or nothing."""
        with self._transaction(self.connection) as write:
            yield write

    @contextlib.contextmanager
    def _transaction(self, write: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        with self._told():
            write.execute("BEGIN IMMEDIATE")
            try:
                yield write
            except BaseException:
                if write.in_transaction:
                    write.execute("ROLLBACK")
                raise
            write.execute("COMMIT")

    # -- writing -----------------------------------------------------------------------------------
    def begin(self, facts: Mapping[str, Any], checkpoints: Sequence[Checkpoint] = ()) -> Future[int]:
        """A new run, on another thread, for the first commit waits for the disk; gives its number, or a StoreError."""
        connection = self.connection
        beginning = self._handed = self._behind.submit(self._begin, connection, facts, checkpoints)
        return beginning

    def _begin(
        self, connection: sqlite3.Connection, facts: Mapping[str, Any], checkpoints: Sequence[Checkpoint]
    ) -> int:
        now = time.time()
        with self._transaction(connection) as write:
            row = write.execute(
                "INSERT INTO runs (began, updated, status, facts) VALUES (?, ?, 'running', ?)",
                (now, now, json.dumps(facts)),
            )
            assert row.lastrowid is not None
            _keep(write, row.lastrowid, Part(checkpoints=checkpoints))
            return row.lastrowid

    def begin_again(self, run: int, facts: Mapping[str, Any], checkpoints: Sequence[Checkpoint] = ()) -> None:
        """A run begun anew from its start: what is known of it is forgotten."""
        with self.writing() as write:
            for table in ("history", "judged", "checkpoints"):
                write.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
            _set(write, run, "running", facts)
            _keep(write, run, Part(checkpoints=checkpoints))

    def take_up(self, run: int, facts: Mapping[str, Any], rows: int, epochs: int, width: int) -> None:
        """A run taken up after so many rows of its history and judged epochs: what lies beyond is forgotten.

        `width` are the numbers of a row.
        """
        with self.writing() as write:
            write.execute("DELETE FROM history WHERE run = ? AND first >= ?", (run, rows))
            write.execute("DELETE FROM judged WHERE run = ? AND first >= ?", (run, epochs))
            write.execute(
                "UPDATE history SET rows = ? - first, "
                "cells = substr(cells, 1, ? * (CASE WHEN length(cells) = ? * rows THEN ? - first ELSE 1 END)) "
                "WHERE run = ? AND first + rows > ?", (rows, 8 * width, 8 * width, rows, run, rows)
            )  # fmt: skip
            write.execute(
                "UPDATE judged SET losses = substr(losses, 1, 8 * (? - first)) "
                "WHERE run = ? AND first + length(losses) / 8 > ?", (epochs, run, epochs)
            )  # fmt: skip
            _set(write, run, "running", facts)

    def advance(self, run: int, part: Part) -> None:
        """What a run has come to since the last time, in one transaction, on another thread while the run goes on.

        Raises
        ------
        StoreError
            What was handed over before this could not be written.
        """
        write = self.connection
        self._handed = self._behind.submit(self._advance, write, run, part)

    def _advance(self, connection: sqlite3.Connection, run: int, part: Part) -> None:
        with self._transaction(connection) as write:
            _keep(write, run, part)
            write.execute("UPDATE runs SET updated = ? WHERE id = ?", (time.time(), run))

    def end(self, run: int, status: str, facts: Mapping[str, Any], part: Part) -> None:
        """How a run ended, with more facts and what there was left to keep; of a solver's passes that is nothing."""
        with self.writing() as write:
            _keep(write, run, part)
            if status != INTERRUPTED:
                write.execute("DELETE FROM answers WHERE run = ?", (run,))
            (known,) = write.execute("SELECT facts FROM runs WHERE id = ?", (run,)).fetchone()
            _set(write, run, status, {**json.loads(known), **facts})

    def delete(self, runs: Sequence[int]) -> None:
        """Forget runs."""
        for run in runs:
            self._row(run)
        with self.writing() as write:
            write.executemany("DELETE FROM runs WHERE id = ?", [(run,) for run in runs])

    def mark(self, run: int, tags: Sequence[str] = (), remark: str | None = None, without: Sequence[str] = ()) -> None:
        """Give a run more tags, or a remark; take tags away."""
        known = self.run(run).tags
        tags = [tag for tag in dict.fromkeys((*known, *tags)) if tag not in without]
        with self.writing() as write:
            write.execute("UPDATE runs SET tags = ? WHERE id = ?", (json.dumps(tags), run))
            if remark is not None:
                write.execute("UPDATE runs SET remark = ? WHERE id = ?", (remark, run))

    # -- reading -----------------------------------------------------------------------------------
    def runs(self) -> list[StoredRun]:
        """All runs, the newest first."""
        with self._told():
            found = self.connection.execute(
                "SELECT id, began, updated, status, facts, tags, remark FROM runs ORDER BY id DESC"
            ).fetchall()
        return [_stored(row) for row in found]

    def run(self, run: int) -> StoredRun:
        """One run.

        Raises
        ------
        StoreError
            There is no run of this number.
        """
        return _stored(self._row(run))

    def _row(self, run: int) -> tuple[Any, ...]:
        with self._told():
            row: tuple[Any, ...] | None = self.connection.execute(
                "SELECT id, began, updated, status, facts, tags, remark FROM runs WHERE id = ?", (min(run, MOST_RUNS),)
            ).fetchone()
        if row is None:
            raise StoreError(
                _("there is no run {run} in '{path}'; 'tidu runs list' shows those that are there").format(
                    run=run, path=self.path
                )
            )
        return row

    def history(self, run: int, width: int) -> Array:
        """All rows of a run's history, as `History.values` has them, of shape (rows, width).

        Raises
        ------
        StoreError
            It is not what was written.
        """
        history, done = RecordedRows(width), 0
        try:
            with self._told():
                for first, rows, cells in self.connection.execute(
                    "SELECT first, rows, cells FROM history WHERE run = ? ORDER BY first", (run,)
                ):
                    part = np.frombuffer(cells, dtype=np.float64).reshape(-1, width)
                    if len(part) != rows and not (len(part) == 1 and rows <= MOST_REPEATED):
                        raise ValueError
                    part = np.broadcast_to(part, (rows, width))
                    if first > done:
                        raise ValueError
                    history.add(part[done - first :])
                    done = max(done, first + rows)
        except (ValueError, TypeError, OverflowError):
            raise damaged(run) from None
        return history.values()

    def judged(self, run: int) -> Array:
        """The losses by which the epochs of a run were judged, of shape (epochs,); see `Judged.losses`."""
        with self._told():
            found = self.connection.execute(
                "SELECT first, losses FROM judged WHERE run = ? ORDER BY first", (run,)
            ).fetchall()
        losses = np.empty(0)
        try:
            for first, cells in found:
                losses = np.concatenate([losses[:first], np.frombuffer(cells, dtype=np.float64)])
        except (ValueError, TypeError):
            raise damaged(run) from None
        return losses

    def answers(self, run: int) -> dict[bytes, Array]:
        """What a solver's passes came to, by the hashes of what was asked; what is damaged is left out."""
        with self._told():
            rows = self.connection.execute("SELECT question, digest, numbers FROM answers WHERE run = ?", (run,))
            return {
                question: np.frombuffer(numbers, dtype=np.float64)
                for question, digest, numbers in rows
                if isinstance(numbers, bytes) and digest == _digest(numbers)
            }

    def checkpoint(self, run: int, kind: str = "last") -> Checkpoint | None:
        """The last checkpoint of a kind; None where there is none.

        Raises
        ------
        StoreError
            It is not what was written.
        """
        with self._told():
            row = self.connection.execute(
                "SELECT kind, step, rows, digest, state FROM checkpoints WHERE run = ? AND kind = ?", (run, kind)
            ).fetchone()
        if row is None:
            return None
        point = Checkpoint(*row)
        if not isinstance(point.content, bytes) or not point.is_whole():
            raise StoreError(
                _("the checkpoint of run {run} at step {step} is damaged, so the run cannot go on from it").format(
                    run=run, step=point.step
                )
            )
        return point

    def kept_states(self, run: int, program: Program) -> tuple[TrainingState, ...]:
        """The states that a long descent of a program kept on its way, the first first; what is damaged is left out."""
        with self._told():
            rows = self.connection.execute(
                "SELECT kind, step, rows, digest, state FROM checkpoints WHERE run = ? AND kind LIKE 'kept %' "
                "ORDER BY step", (run,)
            ).fetchall()  # fmt: skip
        points = [Checkpoint(*row) for row in rows if isinstance(row[-1], bytes)]
        return tuple(point.state(program)[0] for point in points if point.is_whole())


def _wait_for_closing(path: Path) -> None:
    """Let a store of this path come to its end: at it, SQLite deletes the log by its name, whatever lies there then."""
    closing = _FOLDING.pop(path.absolute(), None)
    if closing is not None:
        wait([closing], opening.PATIENCE)


def _set(write: sqlite3.Connection, run: int, status: str, facts: Mapping[str, Any]) -> None:
    """How a run stands, in the transaction that is open."""
    write.execute(
        "UPDATE runs SET status = ?, updated = ?, facts = ? WHERE id = ?", (status, time.time(), json.dumps(facts), run)
    )


def _keep(write: sqlite3.Connection, run: int, part: Part) -> None:
    """A part of a run, in the transaction that is open."""
    first = part.first
    cuts = ((rows, k) for rows in part.rows for k in range(0, len(rows), MOST_REPEATED))
    for rows in (rows[k : k + MOST_REPEATED] for rows, k in cuts):
        cells = np.ascontiguousarray(rows[:1] if _are_one(rows) else rows).data
        write.execute("INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?)", (run, first, len(rows), cells))
        first += len(rows)
    if len(part.judged):
        losses = np.array(part.judged, dtype=np.float64).tobytes()
        write.execute("INSERT OR REPLACE INTO judged VALUES (?, ?, ?)", (run, part.first_judged, losses))
    for point in part.checkpoints:
        write.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)",
            (run, point.kind, point.step, point.rows, point.digest, point.content),
        )
    for question, numbers in part.answers:
        content = numbers.tobytes()
        write.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (run, question, _digest(content), content))


def _are_one(rows: Array) -> bool:
    """Whether all rows have the same bits, so that one may stand for all: a descent at its end to the last digit."""
    bits = np.ascontiguousarray(rows).view(np.int64)
    return np.array_equal(bits[0], bits[-1]) and bool((bits == bits[0]).all())


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def damaged(run: object) -> StoreError:
    """That what the store has of a run is not what was written."""
    return StoreError(
        _("what the store has of run {run} is damaged; 'tidu runs delete {run}' removes it").format(run=run)
    )


def _stored(row: tuple[Any, ...]) -> StoredRun:
    number, began, updated, status, facts, tags, remark = row
    try:
        run = StoredRun(number, began, updated, status, json.loads(facts), tuple(json.loads(tags)), remark)
        check_facts(run.facts)
        if not (all(isinstance(t, str) for t in run.tags) and isinstance(remark, str) and isinstance(status, str)):
            raise TypeError
        float(began), float(updated)
    except (ValueError, TypeError, RecursionError):
        raise damaged(number) from None
    return run
