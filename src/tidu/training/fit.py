"""`fit`: from a formula and a table to a fitted model. The main job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.connecting import Cluster
from tidu.content.methods import AUTO
from tidu.copying import replaced
from tidu.data.disk_table import are_on_disk
from tidu.errors import SettingError, TiduError
from tidu.later import Later
from tidu.text import _
from tidu.training.automatic import descent_of, reasons_of_divergence, undefined_in
from tidu.training.callbacks import Callback, Listeners
from tidu.training.descent import Descent, Standing
from tidu.training.judging.remarks import remarks_on
from tidu.training.model import Model, parameters_of
from tidu.training.options import OPTIONS, SETTING_NAMES, FitArguments, check_names
from tidu.training.origin import Origin
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.signatures import with_arguments_of
from tidu.training.training import Execution

if TYPE_CHECKING:
    from tidu.eager.layers import Layer
    from tidu.training.inference.confidence import Confidence
    from tidu.training.solving.answers import Answers
    from tidu.training.solving.estimates import Estimates
    from tidu.training.solving.solution import Solution
    from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]


_NOTHING_GIVEN = FitArguments("", None)


@with_arguments_of(FitArguments, "fit")
def fit(formula: str | Layer, data: object, **options: Any) -> Run:
    """Fit a formula to a table by gradient descent.

    Parameters
    ----------
    formula : `target = expression`, as in `"y = w*x + b"`. Names of columns are features; `pi` and `e` are numbers;
        every other name is a parameter. Or layers, as in `tidu.Sequential(tidu.Linear(8), tidu.relu, tidu.Linear(1))`:
        what they are as a formula is trained, and the object stays as it is.
    target, features : of layers, the column to predict and those to predict it from; all the others by default.
    data : a path (CSV, .gz, .zst, Parquet, .xlsx), a glob, `-` for standard input, a dict of arrays, a two-dimensional
        array, or any object with `__arrow_c_stream__` (pandas, polars, pyarrow, duckdb).
    csv : how to read CSV text, where looking at it is not enough.
    store : the file in which the run is kept while it goes on, to be listed, compared and resumed; True is the one of
        `tidu runs`. See `tidu.runs`.
    callbacks : functions that are told of events while it runs, such as `tidu.callbacks.Advanced`, and may stop it.
    client : a `dask.distributed.Client`, whose workers compute; see `cluster`.
    {options}

    Returns
    -------
    Run

    Raises
    ------
    FormulaError, DataError, SettingError, NoDerivative
        Each with one sentence that says what to do.

    Examples
    --------
    >>> import tidu
    >>> run = tidu.fit("y = w*x", {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}, init={"w": 1}, lr=0.01, epochs=100)
    >>> round(run.params["w"], 12)
    1.999944439655
    """
    check_names("fit", options, FitArguments.__dataclass_fields__)
    given = replaced(_NOTHING_GIVEN, formula=formula, data=data, **options)
    if given.stream is False and not (given.cluster is None and given.client is None):
        raise SettingError(_("the workers of a cluster read data block by block; leave out stream=False"))
    with Cluster.of(given.cluster, given.client) or nullcontext() as cluster:
        return _fitted(given, options, Execution(given.engine, given.threads, given.device, cluster))


def _fitted(given: FitArguments, options: Mapping[str, Any], execution: Execution) -> Run:
    problem = Problem.read(
        given.formula,
        given.data,
        {name: value for name, value in options.items() if name in SETTING_NAMES},
        target=given.target,
        features=given.features,
        test_size=given.test_size,
        validation=given.validation,
        drop_missing=given.drop_missing,
        stream=given.stream,
        csv=given.csv,
        check=execution.check,
        cluster=execution.cluster,
    )
    streamed = are_on_disk(problem.columns)
    origin = Origin.of(given.data, given.csv, given.drop_missing, given.test_size, given.validation, streamed)
    if given.store is None or given.store is False:
        return run_of(problem, execution, given.callbacks, origin=origin)
    return replaced(_kept(problem, execution, given, origin), origin=origin)


def _kept(problem: Problem, execution: Execution, given: FitArguments, origin: Origin) -> Run:
    """Train a problem, and keep the run in a store."""
    from tidu.training.storing.recording import Recorder
    from tidu.training.storing.store import Store

    callbacks = (given.callbacks,) if callable(given.callbacks) else tuple(given.callbacks)
    with Store(None if isinstance(given.store, bool) else given.store) as store:
        recorder = Recorder(store, origin)
        try:
            run = run_of(problem, execution, (*callbacks, recorder))
        except TiduError:
            recorder.forget_start()
            raise
        return recorder.finished(run)


def run_of(
    problem: Problem,
    execution: Execution | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    standing: Standing | None = None,
    known: Mapping[bytes, Array] | None = None,
    origin: Origin | None = None,
) -> Run:
    """Train a problem, from its start or from where it stands; what `fit` does once it is read.

    `standing` is of a descent; `known` are passes of a solver, as its `Answered` events told them.
    """
    execution, listeners = execution or Execution(), Listeners(callbacks)
    if problem.settings.optimizer == AUTO:
        from tidu.training.choice import chosen_method

        method, why = chosen_method(problem)
        problem = replaced(problem.changed(optimizer=method), choice=why)
    notes = [*problem.notes, *filter(None, [problem.choice])]
    solution: Solution | None = None
    answers: Answers | None = None
    if problem.settings.uses_solver:
        from tidu.training.solving.answers import Answers  # a descent needs no solver
        from tidu.training.solving.solution import solution_of

        answers = Answers.kept_by(listeners, known)
        solution = solution_of(problem, execution, listeners, answers)
        descent = solution.descent
    else:
        if problem.settings.where:
            from tidu.training.solving.solution import conditions_on

            conditions_on(problem)  # which a descent does not keep to
        problem, descent, words = descent_of(problem, execution, listeners, standing)
        notes += [*words, *descent.notes, *_notes_on(problem, descent)]
        if descent.stopped == "diverged":
            notes += reasons_of_divergence(problem)
    state = descent.best or descent.state
    statistics: Later[Estimates | None] = Later(lambda: None) if solution is None else solution.statistics
    confidence, told = None, list(listeners.notes)
    intervals_asked = OPTIONS["intervals"].given(problem.settings.intervals)
    if intervals_asked:
        confidence, told = _confidence_of(problem, state, statistics(), listeners, answers)
    model = Later(lambda: Model(problem.without_data(), parameters_of(problem, state), statistics(), confidence))
    metrics: Later[Mapping[str, Any]]
    metrics = Later(lambda: {} if problem.program.target is None else model().score(problem.table))

    def all_notes() -> tuple[str, ...]:
        first, errors = [*notes, *(solution.notes() if solution else ())], statistics()
        if errors is None or intervals_asked:
            return _notes_of(model(), descent, metrics(), first, told)
        from tidu.training.inference.confidence import note_without_intervals

        doubts = note_without_intervals(problem, model().params, errors)
        return _notes_of(model(), descent, metrics(), first, [*told, *doubts])

    run = Run(
        problem,
        state,
        descent.history,
        descent.stopped,
        problem.rows,
        descent.seconds,
        descent.source,
        descent.engine.name,
        descent.engine.reason,
        metrics=metrics,
        test_metrics=None if problem.test is None else Later(lambda: model().score(problem.test)),
        notes=Later(all_notes),
        statistics=statistics,
        confidence=confidence,
        error=listeners.error,
        recorded=descent.rows,
        device=execution.device,
        judged=descent.judged,
        kept=descent.kept,
        origin=origin,
        attempt=descent.attempt,
    )
    return _known(run) if listeners.callbacks or not problem.keeps_its_rows else run


def _known(run: Run) -> Run:
    """The run, with all computed that would be computed when it is asked for."""
    for name in ("metrics", "test_metrics", "notes", "statistics"):
        getattr(run, name)
    return run


def _notes_of(
    model: Model, descent: Descent, metrics: Mapping[str, Any], first: Sequence[str], told: Sequence[str]
) -> tuple[str, ...]:
    """All that is to be said of a run, in its order."""
    notes = [*first]
    if descent.state.reduction < 1.0:
        notes.append(
            _("the loss stalled on the way, so the learning rate fell to {share:.3g} of what it was").format(
                share=descent.state.reduction
            )
        )
    if descent.judged is not None and descent.judged.note:
        notes.append(descent.judged.note)
    if descent.engine.name == "compiled":
        notes += _note_on_machine_code()
    notes += told
    if model.derived:
        from tidu.training.inference.derived import notes_on_derived

        notes += notes_on_derived(model.derived, model.statistics)
    return (*notes, *remarks_on(model.settings, model.program, descent.stopped, descent.history, metrics))


def _confidence_of(
    problem: Problem, state: TrainingState, statistics: Estimates | None, listeners: Listeners, known: Answers | None
) -> tuple[Confidence | None, list[str]]:
    """The intervals that were asked for, and what there is to say; where there can be none, why."""
    if statistics is None:
        note = _("there are no intervals by {kind}: they need a fit by a solver that came to its end, without a "
                 "penalty").format(kind=problem.settings.intervals)  # fmt: skip
        return None, [*listeners.notes, note]
    from tidu.training.inference.confidence import confidence_of

    progress = listeners.progress if listeners.callbacks else None
    confidence, notes = confidence_of(problem, parameters_of(problem, state), statistics, progress, known)
    return confidence, [*listeners.notes, *notes]


def _note_on_machine_code() -> list[str]:
    """That it cannot be kept, where that is so."""
    from tidu.engines.compiler.objects import note_on_folder

    note = note_on_folder()
    return [] if note is None else [note]


def _notes_on(problem: Problem, descent: Descent) -> list[str]:
    """What a person should know about how it ended."""
    if descent.stopped == "diverged":
        step = descent.state.step + 1
        undefined = undefined_in(problem, descent)
        if undefined is not None and step == 1:
            sentence = _("step {step} is not finite: {where}; {remedy}")
            return [sentence.format(step=step, where=undefined, remedy=undefined.remedy)]
        if undefined is not None:
            sentence = _("diverged: step {step} is not finite: {where}. Try a smaller learning rate than {lr}")
            return [sentence.format(step=step, where=undefined, lr=problem.settings.lr)]
        if descent.state.step == 0:
            return [
                _(
                    "the first step is not finite: at the starting values the loss, or the step that follows from "
                    "its gradient, is infinite or undefined; give other starting values (--init) or a smaller "
                    "learning rate than {lr}"
                ).format(lr=problem.settings.lr)
            ]
        if descent.best is not None:
            return [
                _(
                    "diverged: step {step} is not finite. Try a smaller learning rate than {lr}, or features on a "
                    "smaller scale"
                ).format(step=step, lr=problem.settings.lr)
            ]
        return [
            _(
                "diverged: step {step} is not finite; the parameters are those before it. "
                "Try a smaller learning rate than {lr}, or features on a smaller scale"
            ).format(step=step, lr=problem.settings.lr)
        ]
    h = descent.history
    notes = []
    if len(h) and h.loss[0] == h.loss[-1] and not h.moved:
        notes.append(_("every gradient was 0 from the start, so nothing moved; give other starting values (--init)"))
    elif len(h) > 1 and h.loss[-1] > h.loss[0] != 0.0:
        notes.append(
            _("the loss has grown from {first:.6g} to {last:.6g}; try a smaller learning rate than {lr}").format(
                first=h.loss[0], last=h.loss[-1], lr=problem.settings.lr
            )
        )
    return notes
