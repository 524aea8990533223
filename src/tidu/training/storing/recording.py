"""`Recorder`: the callback that keeps a run in a store while it goes on, and the facts by which it is known later."""

from __future__ import annotations

import contextlib
import itertools
import math
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.scalar_loop import history_columns
from tidu.errors import StoreError
from tidu.text import _
from tidu.training.as_json import HISTORY_IN_JSON, end_as_dict, json_safe
from tidu.training.callbacks import Advanced, Answered, Began, Ended, Solving
from tidu.training.origin import Origin, fingerprint
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.state import TrainingState
from tidu.training.storing.checkpoints import Checkpoint
from tidu.training.storing.store import INTERRUPTED, Part, Store
from tidu.version import __version__

CADENCE = 1.0  # seconds between two writes: a run that is killed loses no more, and a write costs some milliseconds
MOST_WAITING = 1 << 23  # bytes that wait for the next write
SMALL = 1000  # rows of the history
Array = npt.NDArray[np.float64]


def versions() -> dict[str, str]:
    """What computed a run."""
    import llvmlite  # the package alone, which is light: LLVM is in its modules

    packages = {"tidu": __version__, "numpy": np.__version__, "llvmlite": llvmlite.__version__}
    return {"python": platform.python_version(), "machine": platform.machine(), "system": sys.platform, **packages}


def facts_of(problem: Problem, engine: str, source: str, origin: Origin, device: str | None = None) -> dict[str, Any]:
    """What a run is known by: settings, loop, data, versions."""
    settings = problem.settings
    assert problem.table is not None
    return {
        "formula": settings.formula.strip(),
        "loss_name": settings.loss,
        "optimizer": settings.optimizer_in_full,
        "choice": problem.choice,
        "lr": settings.lr,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "settings": settings.to_dict(),
        "engine": engine,
        "device": device,
        "source": source,
        "data": {
            **origin.to_dict(),
            "rows": problem.rows,
            "fingerprint": fingerprint(problem.table),
            "validation_fingerprint": None if problem.validation is None else fingerprint(problem.validation),
        },
        "versions": versions(),
    }


def _pieces(rows: Sequence[Array]) -> list[Array]:
    """The same rows in fewer pieces: what is large stays as it is, for a copy would cost as much as to write it."""
    pieces: list[Array] = []
    for is_small, group in itertools.groupby(rows, lambda piece: len(piece) < SMALL):
        together = list(group)
        pieces += [np.concatenate(together)] if is_small else together
    return pieces


class Recorder:
    """Keeps one run: at its beginning, about once a second, and at its end.

    A store that fails on the way ends nothing: the run goes on, and `notes` says since when it is not kept. `run`,
    `first` and `best` are of a run that is taken up: its number, the rows of its history, the lowest loss so far.
    """

    keeps_answers = True

    def __init__(
        self, store: Store, origin: Origin, run: int | None = None, first: int = 0, best: float = math.inf
    ) -> None:
        self.store, self.origin = store, origin
        self.number: int | Future[int] | None = run
        self.notes: list[str] = []
        self.waiting: list[Array] = []  # rows of the history
        self.waiting_bytes = 0
        self.written = first  # rows of the history that are in the store
        self.judged: list[float] = []
        self.written_judged = 0
        self.answers: list[tuple[bytes, Array]] = []  # of a solver's passes
        self.best = best
        self.best_state: TrainingState | None = None  # which early stopping keeps
        self.written_best: TrainingState | None = None
        self.last_write = 0.0
        self.has_more = False  # than its start in the store
        self.problem: Problem | None = None

    @property
    def run(self) -> int | None:
        """Its number in the store, once it is known there.

        Raises
        ------
        StoreError
            It could not be begun.
        """
        if isinstance(self.number, Future):
            try:
                self.store.settle()
                self.number = self.number.result()
            except StoreError:
                self.number = None
                raise
        return self.number

    def __call__(self, event: object) -> None:
        """Be told of an event."""
        if self.notes:
            return
        try:
            if isinstance(event, Began):
                self._began(event)
            elif isinstance(event, Advanced) and event.state is not None:
                self._advanced(event, event.state)
            elif isinstance(event, Ended):
                self._ended(event)
            elif isinstance(event, Solving):
                self._solving(event)
            elif isinstance(event, Answered):
                self._answered(event)
        except StoreError as error:
            self._give_up(error)

    def _give_up(self, error: StoreError) -> None:
        self.notes.append(_("the run is not kept any further: {reason}").format(reason=error))

    def _began(self, event: Began) -> None:
        self.problem = event.problem
        facts = facts_of(event.problem, event.engine, event.source, self.origin, event.device)
        facts |= {"attempt": asdict(event.attempt), "judged_since": event.judged_since}
        self.waiting, self.waiting_bytes, self.judged = [], 0, []
        self.best_state, self.written_best = None, None
        if self.run is not None and event.state.step:  # taken up again
            width = len(history_columns(event.problem.descended))
            self.store.take_up(self.run, facts, self.written, event.state.epoch, width)
            self.written_judged = len(self.store.judged(self.run))
        else:
            start = [Checkpoint.of("last", event.state, 0, event.problem.rescaling)]
            if self.run is None:
                self.number = self.store.begin(facts, start)
            else:  # begun anew with another rate
                self.store.begin_again(self.run, facts, start)
            self.written, self.written_judged, self.best = 0, 0, math.inf
        self.last_write = time.monotonic()

    def _advanced(self, event: Advanced, state: TrainingState) -> None:
        self.waiting.append(event.rows)
        self.judged += event.judged
        self.best_state = event.best
        self.waiting_bytes += event.rows.nbytes
        if self._is_time:
            self._write(self._part(state, event.loss))

    def _solving(self, event: Solving) -> None:
        self.problem, self.answers = event.problem, []
        facts = facts_of(event.problem, event.engine, "", self.origin)
        if self.run is None:
            start = Checkpoint.of("last", TrainingState(event.problem.start), 0, None)
            self.number = self.store.begin(facts, [start])
        else:
            self.store.take_up(self.run, facts, 0, 0, 1)
        self.last_write = time.monotonic()

    def _answered(self, event: Answered) -> None:
        self.answers.append((event.question, event.numbers))
        self.waiting_bytes += event.numbers.nbytes
        if self._is_time:
            self._write(Part(answers=self.answers))

    @property
    def _is_time(self) -> bool:
        return time.monotonic() - self.last_write >= CADENCE or self.waiting_bytes > MOST_WAITING

    def _write(self, part: Part) -> None:
        assert self.run is not None
        self.store.advance(self.run, part)
        self.has_more = True
        self.waiting, self.waiting_bytes, self.judged, self.answers = [], 0, [], []
        self.written += sum(map(len, part.rows))
        self.written_judged += len(part.judged)
        self.last_write = time.monotonic()

    def _part(self, state: TrainingState, loss: float) -> Part:
        """What there is to keep, of a training that stands at a state."""
        assert self.problem is not None
        total = self.written + sum(map(len, self.waiting))
        settings = self.problem.settings
        if not settings.uses_solver and total < (state.step if settings.record == "step" else state.epoch):
            raise StoreError(_("it was interrupted while it was being kept"))  # as by Ctrl-C in the middle of this
        points = [Checkpoint.of("last", state, total, self.problem.rescaling)]
        if self.problem.is_judged:
            if self.best_state is not None and self.best_state is not self.written_best:
                self.written_best = self.best_state
                points.append(Checkpoint.of("best", self.best_state, total, self.problem.rescaling))
        elif loss < self.best:
            self.best = loss
            points.append(Checkpoint.of("best", state, total, self.problem.rescaling))
        return Part(self.written, _pieces(self.waiting), self.written_judged, self.judged, points, self.answers)

    def _ended(self, event: Ended) -> None:
        """The last state; the rest is kept once everything is known of the run."""
        loss = float(event.history.loss[-1]) if len(event.history) else math.nan
        self._write(self._part(event.state, loss))

    def forget_start(self) -> None:
        """Of a run that was refused after it had begun, its start: nothing, where more of it is kept."""
        with contextlib.suppress(StoreError):
            if self.run is not None and not self.has_more:
                self.store.delete([self.run])

    def finished(self, run: Run) -> Run:
        """How the run ended, once everything is known of it; gives it with its number in the store."""
        if not self.notes:
            try:
                self._finished(run)
            except StoreError as error:
                self._give_up(error)
        return replace(run, id=self.run, notes=(*run.notes, *self.notes))

    def _finished(self, run: Run) -> None:
        part = Part()
        if run.settings.uses_solver:  # which tells of no states
            self.waiting = [run.history.values]
            part = self._part(run.state, run.loss)
        points = [Checkpoint.of(f"kept {s.step}", s, 0, run.problem.rescaling) for s in run.kept]
        if run.judged is not None:
            points.append(Checkpoint.of("best", run.state, self.written, run.problem.rescaling))
        ended = {
            **end_as_dict(run),
            "names": run.columns,
            "classes": run.classes,
            "statistics": None if run.statistics is None else run.statistics.plain(),
            "confidence": None if run.confidence is None else run.confidence.plain(),
            "judged": None if run.judged is None else run.judged.plain(losses=False),
            "start": [np.asarray(value).tolist() for value in run.start.values()],
            "engine_reason": run.engine_reason,
            "source": run.source,
            "rows": run.rows,
        }
        if run.judged is not None and len(run.judged.losses) > HISTORY_IN_JSON:  # they have a table of their own
            ended["validation_loss"] = None
        assert self.run is not None
        status = INTERRUPTED if run.stopped == INTERRUPTED else "ended"
        part = replace(part, checkpoints=[*part.checkpoints, *points])
        self.store.end(self.run, status, json_safe(ended), part)
