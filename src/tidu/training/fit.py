"""`fit`: a formula and a table to a fitted model. The main job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tidu.content.methods import AUTO
from tidu.data.labels import label_text
from tidu.data.source import source_of
from tidu.data.table import Table, train_test_split
from tidu.eager.layers import Layer
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, SettingError, closest
from tidu.text import _
from tidu.training.choice import chosen_method
from tidu.training.constraints import check_execution, check_weights
from tidu.training.descending import descent_of, reasons_of_divergence
from tidu.training.descents.descent import Descent, Limits, Progress
from tidu.training.judging.classes import training_table
from tidu.training.options import SETTING_NAMES, FitArguments, check_names, with_arguments_of
from tidu.training.run import Run, target_values
from tidu.training.settings import Settings
from tidu.training.solving.solution import solution_of


@with_arguments_of(FitArguments, "fit")
def fit(formula: str | Layer, data: object, **options: Any) -> Run:
    """Fit a formula to a table by gradient descent.

    Parameters
    ----------
    formula : `target = expression`, as in `"y = w*x + b"`. Names of columns are features; `pi` and `e` are numbers;
        every other name is a parameter. Or layers, as in `tidu.Sequential(tidu.Linear(8), tidu.relu, tidu.Linear(1))`:
        what they are as a formula is trained, and the object stays as it is.
    target, features : of layers, the column to predict and those to predict it from; all the others by default.
    data : a path (CSV, .gz, .zst, Parquet), a glob, `-` for standard input, a dict of arrays, a two-dimensional
        array, or any object with `__arrow_c_stream__` (pandas, polars, pyarrow, duckdb).
    csv : how to read CSV text, where looking at it is not enough.
    progress : called now and then with (steps done, steps in all, the last loss).
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
    given = FitArguments(formula, data, **options)
    source = source_of(data, given.csv)
    settings = Settings(
        _formula_of(formula, given.target, given.features, source.names),
        **{name: value for name, value in options.items() if name in SETTING_NAMES},
    )
    check_execution(settings, engine=given.engine, threads=given.threads, device=given.device)
    if given.device is not None:
        from tidu.training.descents.on_device import check_device

        check_device(given.device, settings.dtype)
    program = settings.program(source.names)
    table = training_table(program, settings.loss_object, source, given.drop_missing)
    if settings.loss_object.of_classes:
        settings = replace(settings, outputs=len(table.classes) or None)
        program = settings.program(source.names)
    return fit_table(
        settings, source.names, program, table, given.test_size, given.engine, given.threads, given.progress,
        given.device,
    )  # fmt: skip


def _formula_of(model: str | Layer, target: str | None, features: Sequence[str] | None, columns: Sequence[str]) -> str:
    """The text of a model, which is a text already or layers."""
    if not isinstance(model, Layer):
        if target is not None or features is not None:
            raise SettingError(
                _("target and features are for layers; a formula names them itself: 'y = mlp(x1, x2, hidden=[8])'")
            )
        return model
    if target is None:
        raise SettingError(_("layers need to know what to predict; give the name of the column: target='y'"))
    wanted = [features] if isinstance(features, str) else list(features or ())
    for name in [target, *wanted]:
        if name not in columns:
            near = closest(str(name), columns)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise ColumnNotFound(
                _("there is no column '{name}'{hint}; the data has {columns}").format(
                    name=name, hint=hint, columns=", ".join(columns)
                )
            )
    return model.formula(target, wanted)


def fit_table(
    settings: Settings,
    names: tuple[str, ...],
    program: Program,
    table: Table,
    test_size: float | None,
    engine: str,
    threads: int | None,
    progress: Progress | None,
    device: str | None = None,
) -> Run:
    """Train on a table that is read and checked."""
    if table.rows == 0:
        raise DataError(_("{origin} has no rows; a row for each sample is needed").format(origin=table.origin))
    test = None
    if test_size is not None:
        table, test = train_test_split(table, test_size, settings.seed)
    check_target(program, table, settings)
    notes = [
        *table.notes,
        *program.notes,
        *_notes_on_classes(program, table, settings),
        *_notes_on_score(program, settings),
    ]
    if settings.batch_size is not None and settings.batch_size > table.rows:
        notes.append(
            _("the batch size {size} is larger than the data: each step uses all {rows} rows").format(
                size=settings.batch_size, rows=table.rows
            )
        )
    if settings.optimizer == AUTO:
        method, why = chosen_method(settings, program, table.rows)
        settings = replace(settings, optimizer=method)
        program = settings.program(names)
        notes.append(why)
    start = settings.starting_values(program)
    columns = [table[c.name] for c in program.columns]
    weights = check_weights(settings, table)
    statistics = None
    if settings.uses_solver:
        solution = solution_of(settings, program, columns, start, weights, engine, progress)
        descent, statistics = solution.descent, solution.statistics
        notes += solution.notes
    else:
        settings, descent, words = descent_of(
            settings, program, columns, start, limits_of(settings, table.rows), engine, threads, progress, device
        )
        notes += [*words, *_notes_on(descent, program, settings)]
        if descent.stopped == "diverged":
            notes += reasons_of_divergence(settings, program, columns, start)
    run = Run(
        settings,
        names,
        dict(zip(program.parameter_names, descent.state.parameters, strict=True)),
        dict(zip(program.parameter_names, start, strict=True)),
        dict(zip((s.name for s, _new, _start in program.new_state), descent.state.optimizer, strict=False)),
        descent.history,
        descent.stopped,
        descent.state.epoch,
        descent.state.step,
        table.rows,
        descent.seconds,
        descent.source,
        engine=descent.engine.name,
        engine_reason=descent.engine.reason,
        notes=tuple(notes),
        training_data=table,
        statistics=statistics,
        classes=table.classes,
    )
    return replace(run, metrics=run.score(table), test_metrics=None if test is None else run.score(test))


def limits_of(settings: Settings, rows: int) -> Limits:
    """When a training on `rows` samples ends."""
    epochs, steps = settings.limit
    per_epoch = 1 if settings.batch_size is None else -(-rows // min(settings.batch_size, rows))
    bounds = [(epochs * per_epoch, "epochs")] if epochs is not None else []
    bounds += [(steps, "steps")] if steps is not None else []
    most, word = min(bounds)
    return Limits(most, word, settings.until_loss, settings.tol)


def check_target(program: Program, table: Table, settings: Settings) -> None:
    """Refuse targets that the loss has no meaning for."""
    if program.target is not None and not program.target.shape:
        settings.loss_object.check(target_values(program.target, table))


def _notes_on_classes(program: Program, table: Table, settings: Settings) -> list[str]:
    """The classes that the split left without a row to learn from."""
    assert program.target is not None
    codes = settings.loss_object.targets.codes
    met = {*target_values(program.target, table).tolist()} if table.classes else {*codes}
    unmet = [label_text(label) for label, code in zip(table.classes, codes, strict=False) if code not in met]
    if not unmet:
        return []
    return [
        _("no row of class {labels} is among the {rows} rows for training: it cannot be learnt").format(
            labels=", ".join(unmet), rows=table.rows
        )
    ]


def _notes_on_score(program: Program, settings: Settings) -> list[str]:
    """What stands twice: the link of the loss, as the last layer."""
    last = program.score.op.name
    if {"softmax": "softmax", "logistic": "sigmoid"}.get(settings.loss_object.name) != last:
        return []
    return [
        _(
            "the model ends in {last}, and the loss '{loss}' takes it of the scores itself: leave the last {last} out"
        ).format(last=last, loss=settings.loss)
    ]


def _notes_on(descent: Descent, program: Program, settings: Settings) -> list[str]:
    """What a person should know about how it ended."""
    if descent.stopped == "diverged":
        step = descent.state.step + 1
        if descent.state.step == 0:
            return [
                _(
                    "the first step is not finite: at the starting values the loss, or the step that follows from "
                    "its gradient, is infinite or undefined; give other starting values (--init) or a smaller "
                    "learning rate than {lr}"
                ).format(lr=settings.lr)
            ]
        return [
            _(
                "diverged: step {step} is not finite; the parameters are those before it. "
                "Try a smaller learning rate than {lr}, or features on a smaller scale"
            ).format(step=step, lr=settings.lr)
        ]
    h = descent.history
    notes = []
    if len(h) and not np.any(h.values[:, 1]) and h.loss[0] == h.loss[-1]:
        notes.append(_("every gradient was 0 from the start, so nothing moved; give other starting values (--init)"))
    elif len(h) > 1 and h.loss[-1] > h.loss[0]:
        notes.append(
            _("the loss has grown from {first:.6g} to {last:.6g}; try a smaller learning rate than {lr}").format(
                first=h.loss[0], last=h.loss[-1], lr=settings.lr
            )
        )
    return notes
