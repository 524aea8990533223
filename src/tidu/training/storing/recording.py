"""`Recorder`: the callback that keeps a run in a store while it goes on, and the facts by which it is known later."""

from __future__ import annotations

import math
import platform
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import StoreError
from tidu.text import _
from tidu.training.as_json import json_safe
from tidu.training.callbacks import Advanced, Began, Ended
from tidu.training.origin import Origin, fingerprint
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.state import TrainingState
from tidu.training.storing.checkpoints import Checkpoint
from tidu.training.storing.store import Store
from tidu.version import __version__

CADENCE = 1.0  # seconds between two writes: a run that is killed loses no more, and a write costs some milliseconds
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
        "lr": settings.lr,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "settings": settings.to_dict(),
        "engine": engine,
        "device": device,
        "source": source,
        "data": {**origin.to_dict(), "rows": problem.rows, "fingerprint": fingerprint(problem.table)},
        "versions": versions(),
    }


class Recorder:
    """Keeps one run: at its beginning, about once a second, and at its end.

    A store that fails on the way ends nothing: the run goes on, and `notes` says since when it is not kept.
    """

    def __init__(self, store: Store, origin: Origin, run: int | None = None, first: int = 0) -> None:
        self.store, self.origin, self.run = store, origin, run
        self.first = first  # rows of the history that are there already
        self.notes: list[str] = []
        self.waiting: list[Array] = []
        self.written = 0  # rows of the history
        self.best = math.inf
        self.last_write = 0.0
        self.problem: Problem | None = None

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
        except StoreError as error:
            self.notes.append(_("the run is not kept any further: {reason}").format(reason=error))

    def _began(self, event: Began) -> None:
        self.problem = event.problem
        facts = facts_of(event.problem, event.engine, event.source, self.origin, event.device)
        if self.run is None:
            self.run = self.store.begin(facts)
        else:  # taken up again, or begun again with another rate
            self.store.change(self.run, "running", facts)
            self.store.cut_history(self.run, self.first)
        self.waiting, self.written, self.best = [], self.first, math.inf
        self.last_write = time.monotonic()

    def _advanced(self, event: Advanced, state: TrainingState) -> None:
        self.waiting.append(event.rows)
        if time.monotonic() - self.last_write >= CADENCE:
            self._write(state, event.loss)

    def _write(self, state: TrainingState, loss: float) -> None:
        assert self.run is not None
        assert self.problem is not None
        rows = np.concatenate(self.waiting) if self.waiting else np.empty((0, 1))
        total = self.written + len(rows)
        points = [Checkpoint.of("last", state, total, self.problem.rescaling)]
        if loss < self.best:
            self.best = loss
            points.append(Checkpoint.of("best", state, total, self.problem.rescaling))
        self.store.advance(self.run, self.written, rows, points)
        self.waiting, self.written, self.last_write = [], total, time.monotonic()

    def _ended(self, event: Ended) -> None:
        assert self.run is not None
        self._write(event.state, float(event.history.loss[-1]) if len(event.history) else math.nan)

    def finished(self, run: Run) -> Run:
        """How the run ended, once everything is known of it; gives it with its number in the store."""
        if not self.notes:
            try:
                self._finished(run)
            except StoreError as error:
                self.notes.append(_("the run is not kept any further: {reason}").format(reason=error))
        return replace(run, id=self.run, notes=(*run.notes, *self.notes))

    def _finished(self, run: Run) -> None:
        if self.run is None:  # a solver tells of no states
            self.problem = run.problem
            self.run = self.store.begin(facts_of(run.problem, run.engine, run.source, self.origin))
            self.waiting = [run.history.values]
            self._write(run.state, run.loss)
        points = [Checkpoint.of(f"kept {s.step}", s, 0, run.problem.rescaling) for s in run.kept]
        self.store.advance(self.run, self.written, np.empty((0, 1)), points)
        if run.judged is not None:
            kept = Checkpoint.of("best", run.state, self.written, run.problem.rescaling)
            self.store.advance(self.run, self.written, np.empty((0, 1)), [kept])
        content = run.content().plain
        plain = {name: content[name] for name in ("names", "classes", "statistics")}
        start = [np.asarray(value).tolist() for value in run.start.values()]
        plain["judged"] = content["run"]["judged"]
        ended = {**run.to_dict(), **plain, "start": start, "engine_reason": run.engine_reason, "rows": run.rows}
        del ended["history"]
        status = "interrupted" if run.stopped == "interrupted" else "ended"
        self.store.change(self.run, status, json_safe(ended))
