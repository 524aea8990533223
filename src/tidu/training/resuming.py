"""A training taken up where it stopped: from a run in memory, or from a run in a store, to the same bits."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from tidu.cluster.connecting import Cluster
from tidu.engines.scalar_loop import history_columns
from tidu.errors import SettingError, StoreError, TiduError
from tidu.text import _
from tidu.training.callbacks import Attempt, Callback
from tidu.training.descent import Standing
from tidu.training.early_stopping import PATIENCE, Judged
from tidu.training.fit import run_of
from tidu.training.functions import is_function
from tidu.training.inference.confidence import Confidence
from tidu.training.origin import Origin, fingerprint
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.settings import Settings
from tidu.training.solving.kinds_of_estimates import estimates_of_plain
from tidu.training.state import TrainingState
from tidu.training.storing.recording import Recorder, versions
from tidu.training.storing.store import Store, StoredRun, damaged
from tidu.training.training import Execution, history_of


def resumed(run: Run, epochs: int | None, steps: int | None, callbacks: Callback | Sequence[Callback] = ()) -> Run:
    """A run in memory, taken up again; see `Run.resume`."""
    if run.training_data is None:
        raise SettingError(_("the run does not hold its data; resume it from the store, or fit again"))
    if run.settings.uses_solver:  # the same way once more, from its start
        problem = _longer(run.problem, run.state, run.stopped, epochs, steps)
        return run_of(problem, Execution(run.engine), callbacks)
    if run.recorded is None:
        raise SettingError(_("the run does not hold its history as the loop wrote it; resume it from the store, or fit "
                             "again"))  # fmt: skip
    judged, state = run.judged, run.last_state
    problem = _longer(run.problem, state, run.stopped, epochs, steps)
    rows = run.recorded[: _rows_at(state, run.settings)]
    best = None if judged is None or judged.best is None else run.state
    standing = Standing(state, rows, _anew(judged, run.stopped), best, run.kept, run.attempt)
    return run_of(problem, Execution(run.engine, device=run.device), callbacks, standing)


def resumed_from(
    store: Store,
    number: int,
    epochs: int | None = None,
    steps: int | None = None,
    data: object = None,
    callbacks: Callback | Sequence[Callback] = (),
    validation: object = None,
    cluster: str | None = None,
) -> Run:
    """A run of a store, taken up from its last checkpoint; it keeps its number there.

    A solver's run begins anew, and the passes over the data that it had made are read from the store.

    Parameters
    ----------
    data : in the place of those that the run had, which are read from where they were.
    validation : in the place of the rows that judged its epochs, likewise.
    cluster : whose workers compute, as `tidu.fit` takes it; this machine does without, whatever began the run.

    Raises
    ------
    StoreError
        There is no such run, no checkpoint of it, or its data were in memory and are not given.
    SettingError
        It has ended and no more is asked for, or the workers of a cluster cannot share its steps.
    """
    with Cluster.of(cluster, None) or contextlib.nullcontext() as workers:
        return _resumed_from(store, number, epochs, steps, data, callbacks, validation, workers)


def _resumed_from(
    store: Store,
    number: int,
    epochs: int | None,
    steps: int | None,
    data: object,
    callbacks: Callback | Sequence[Callback],
    validation: object,
    cluster: Cluster | None,
) -> Run:
    stored = store.run(number)
    facts = stored.facts
    with _sound(number):
        origin = Origin.of_dict(facts["data"])
    point = store.checkpoint(number)
    if point is None:
        raise StoreError(_("run {run} was ended before its first checkpoint; fit again").format(run=number))
    settings = dict(facts["settings"])
    if not settings.keys() <= {field.name for field in fields(Settings)}:
        raise damaged(number)
    function = Problem.of_model(Settings(**settings), ()) if is_function(facts["formula"]) else None
    if data is None and origin.path is None and (function is None or function.table is None):
        raise StoreError(_("the data of run {run} were not in a file; give them anew").format(run=number))
    if validation is None and origin.validation == "memory":
        raise StoreError(_("the validation data of run {run} were not in a file; give them anew").format(run=number))
    execution = Execution(facts["engine"], device=facts["device"], cluster=cluster)
    if cluster is not None:
        origin = _shared(origin, settings, number)
    problem = function or Problem.read(
        settings.pop("formula"), data if data is not None else origin.path, settings,
        test_size=origin.test_size, validation=origin.validation if validation is None else validation,
        drop_missing=origin.drop_missing, stream=origin.stream, csv=origin.csv, cluster=cluster,
    )  # fmt: skip
    if problem.table is None:  # a function of columns, which are given
        problem = problem.read_again(origin, None, data)
    if cluster is not None:
        execution.check(problem.settings)
    assert problem.table is not None
    hashed = facts["data"]["fingerprint"]
    same_data = fingerprint(problem.table, hashed) == hashed
    problem = replace(problem, choice=facts.get("choice", ""))
    state, basis = point.state(problem.program)
    _check_place(state, problem, stored)
    if basis is not None:
        problem = problem.rescaled(basis)
    problem = _longer(problem, state, facts.get("stopped"), epochs, steps)
    problem = replace(problem, notes=(*problem.notes, *_changes(problem, facts, same_data)))
    if problem.settings.uses_solver:
        recorder = Recorder(store, origin, number)
        known = store.answers(number) if same_data else None
        return recorder.finished(run_of(problem, execution, (*_listed(callbacks), recorder), known=known))
    width = len(history_columns(problem.descended))
    rows = store.history(number, width)[: _rows_at(state, problem.settings)]
    best = store.checkpoint(number, "best")
    lowest = math.inf if best is None or not 0 < best.rows <= len(rows) else float(rows[best.rows - 1, 0])
    judged = _judged(store, stored, problem, state) if problem.is_judged else None
    best_state = None if best is None or judged is None or judged.best is None else best.state(problem.program)[0]
    kept = store.kept_states(number, problem.program)
    attempt = Attempt(**facts.get("attempt", {}))
    recorder = Recorder(store, origin, number, len(rows), lowest)
    run = run_of(
        problem,
        execution,
        (*_listed(callbacks), recorder),
        Standing(state, rows, judged, best_state, kept, attempt),
    )
    return recorder.finished(run)


def run_in(store: Store, number: int) -> Run:
    """A run of a store as it stands, without its data.

    Raises
    ------
    StoreError
        There is no such run, or it has not ended yet.
    """
    stored = store.run(number)
    facts = stored.facts
    point = store.checkpoint(number)
    if point is None or "stopped" not in facts:
        raise StoreError(_("run {run} has not ended yet; resume it").format(run=number))
    with _sound(number):
        judged = None
        if facts.get("judged") is not None:  # a store of an earlier version has the losses there
            judged = Judged.of_plain({"losses": store.judged(number).tolist(), **facts["judged"]})
        kept = None if judged is None or judged.best is None else store.checkpoint(number, "best")
        problem = Problem.of_model(Settings(**facts["settings"]), tuple(facts["names"]), tuple(facts["classes"]))
        program = problem.program
        start = [np.array(v, dtype=np.float64) if isinstance(v, list) else float(v) for v in facts["start"]]
        if [np.shape(value) for value in start] != [p.shape for p in program.parameters]:
            raise ValueError
        problem = problem.starting_from(start)
        state, basis = point.state(program)
        if basis is not None:
            problem = problem.rescaled(basis)
        values = store.history(number, len(history_columns(problem.descended)))
        statistics, confidence = facts["statistics"], facts.get("confidence")
        return Run(
            problem, state if kept is None else kept.state(program)[0],
            history_of(problem, facts["rows"], values, state), facts["stopped"], facts["rows"],
            facts["seconds"], facts["source"], facts["engine"], facts["engine_reason"], facts["metrics"],
            facts["test_metrics"], tuple(facts["notes"]), id=number, judged=judged,
            statistics=None if statistics is None else estimates_of_plain(statistics),
            confidence=None if confidence is None else Confidence.of_plain(confidence),
            kept=store.kept_states(number, program), origin=Origin.of_dict(facts["data"]),
            fingerprint=facts["data"]["fingerprint"],
        )  # fmt: skip


@contextlib.contextmanager
def _sound(number: int) -> Iterator[None]:
    """What the store has of a run, read: what fails here was not written by tidu."""
    try:
        yield
    except StoreError:
        raise
    except (TiduError, LookupError, AttributeError, ValueError, TypeError, ArithmeticError):
        raise damaged(number) from None


def _shared(origin: Origin, settings: dict[str, Any], number: int) -> Origin:
    """The data of a run as the workers of a cluster read them, block by block, with its settings for these."""
    if not origin.stream and settings.get("batch_size") is not None and settings.get("shuffle", True) is True:
        raise SettingError(
            _(
                "run {run} shuffles all of its rows, which the workers of a cluster cannot; leave out the cluster"
            ).format(run=number)
        )
    return replace(origin, stream=True)


def _check_place(state: TrainingState, problem: Problem, stored: StoredRun) -> None:
    """Refuse to go on in the middle of an epoch of other rows."""
    rows, then = problem.rows, stored.facts["data"]["rows"]
    if not (0 <= state.start < max(then, 1) and 0 <= state.epoch <= state.step):
        raise damaged(stored.id)
    if state.start and rows != then:
        raise StoreError(
            _(
                "run {run} stands in the middle of an epoch of {then} rows, and the data have {now}; give the data "
                "that it had, or fit anew"
            ).format(run=stored.id, then=then, now=rows)
        )


def _rows_at(state: TrainingState, settings: Settings) -> int:
    """Rows of the history that a training has written where it stands."""
    return state.step if settings.record == "step" else state.epoch


def _judged(store: Store, stored: StoredRun, problem: Problem, state: TrainingState) -> Judged | None:
    """What the store knows of the epochs of a run that stops early."""
    if "judged_since" not in stored.facts:
        raise StoreError(
            _(
                "run {run} stops early by patience or validation, and the tidu that kept it did not keep how good its "
                "epochs were, so it cannot be taken up again; fit anew"
            ).format(run=stored.id)
        )
    losses = store.judged(stored.id)[: state.epoch]
    validated, since = problem.validation is not None, stored.facts["judged_since"]
    known = Judged(losses, validated, state.epoch, state.step, state, since)
    return _anew(known, stored.facts.get("stopped"))


def _anew(judged: Judged | None, stopped: str | None) -> Judged | None:
    """What is known of the epochs; patience that had ended a training counts anew where it goes on."""
    return judged if judged is None or stopped != PATIENCE else replace(judged, since=len(judged.losses))


def _listed(callbacks: Callback | Sequence[Callback]) -> tuple[Callback, ...]:
    return (callbacks,) if callable(callbacks) else tuple(callbacks)


def _longer(
    problem: Problem, state: TrainingState, stopped: str | None, epochs: int | None, steps: int | None
) -> Problem:
    """The problem with its bounds, or with those of so many more epochs or steps."""
    solved, bounded = problem.settings.uses_solver, (problem.settings.epochs, problem.settings.steps) != (None, None)
    if solved and stopped not in (None, "interrupted") and not (bounded and stopped in ("epochs", "steps")):
        raise SettingError(_("{optimizer} has come to its end; there is nothing to resume").format(
            optimizer=problem.settings.optimizer))  # fmt: skip
    if solved and stopped in (None, "interrupted") and not (epochs is None and steps is None):
        raise SettingError(
            _("{optimizer} was cut off on its way, and more epochs or steps count from its end; resume it without them")
            .format(optimizer=problem.settings.optimizer)
        )  # fmt: skip
    if epochs is None and steps is None:
        if stopped in ("epochs", "steps", "loss", "converged", "diverged", "patience"):
            raise SettingError(
                _("the run has ended ({why}); say how much further it is to go, such as --epochs 100").format(
                    why=stopped
                )
            )
        return problem
    for name, more in (("epochs", epochs), ("steps", steps)):
        if more is not None and (isinstance(more, bool) or not isinstance(more, int) or more < 1):
            raise SettingError(
                _("{name} must be a whole number of at least {least}, not {value}").format(
                    name=name, least=1, value=more
                )
            )
    return problem.changed(
        epochs=None if epochs is None else state.epoch + epochs, steps=None if steps is None else state.step + steps
    )


def _changes(problem: Problem, facts: Any, same_data: bool) -> list[str]:
    """What is not as it was when the run was stored."""
    notes = []
    if not same_data:
        notes.append(_("the data are not those that the run began with: what follows is learned from the new ones"))
    known = facts["data"].get("validation_fingerprint")
    if known is not None and (problem.validation is None or fingerprint(problem.validation, known) != known):
        notes.append(_("the validation data are not those that the run began with: what follows is judged by the new "
                       "ones"))  # fmt: skip
    now, then = versions(), facts["versions"]
    changed = [f"{name} {then.get(name)} → {now[name]}" for name in now if now[name] != then.get(name)]
    if changed:
        notes.append(_("not computed by what began the run: {changes}").format(changes=", ".join(changed)))
    return notes


def differences(one: StoredRun, other: StoredRun) -> dict[str, dict[str, tuple[Any, Any]]]:
    """What differs between two runs, by kind: settings, data, versions, the loop's text, and how they ended."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for kind in ("settings", "data", "versions"):
        a, b = one.facts.get(kind, {}), other.facts.get(kind, {})
        unlike = {n: (a.get(n), b.get(n)) for n in sorted({*a, *b}) if a.get(n) != b.get(n)}
        if unlike:
            found[kind] = unlike
    if one.facts.get("source") != other.facts.get("source"):
        found["loop"] = {"source": (one.facts.get("source"), other.facts.get("source"))}
    ended = ("params", "loss", "epochs", "steps", "stopped", "engine")
    unlike = {n: (one.facts.get(n), other.facts.get(n)) for n in ended if one.facts.get(n) != other.facts.get(n)}
    if unlike:
        found["end"] = unlike
    return found
