"""`fit`: a formula and a table to a fitted model. The main job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tidu.content.methods import AUTO
from tidu.content.starts import Start
from tidu.data.labels import label_text
from tidu.data.layout import CsvOptions
from tidu.data.source import source_of
from tidu.data.table import Table, train_test_split
from tidu.eager.layers import Layer
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, SettingError, closest
from tidu.language.expr import Expr
from tidu.text import _
from tidu.training.choice import chosen_method
from tidu.training.constraints import check_weights
from tidu.training.descending import descent_of, reasons_of_divergence
from tidu.training.descents.descent import Descent, Limits, Progress
from tidu.training.judging.classes import training_table
from tidu.training.run import Run, target_values
from tidu.training.settings import Settings
from tidu.training.solving.solution import solution_of

ENGINES = ("auto", "python", "compiled", "array")


def fit(
    formula: str | Layer,
    data: object,
    *,
    target: str | None = None,
    features: Sequence[str] | None = None,
    loss: str = "squared",
    optimizer: str = "gd",
    lr: float | str | Expr | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    until_loss: float | None = None,
    tol: float | None = None,
    init: Mapping[str, Start] | None = None,
    shuffle: bool = True,
    seed: int = 0,
    record: str = "epoch",
    l1: float = 0.0,
    l2: float = 0.0,
    penalise: tuple[str, ...] | list[str] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    fix: Mapping[str, float] | None = None,
    weights: str | None = None,
    sigma: str | None = None,
    starts: int = 1,
    test_size: float | None = None,
    drop_missing: bool = False,
    csv: CsvOptions | None = None,
    scale: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    dtype: str = "float64",
    fast: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Fit a formula to a table by gradient descent.

    Parameters
    ----------
    formula : `target = expression`, as in `"y = w*x + b"`. Names of columns are features; `pi` and `e` are numbers;
        every other name is a parameter. Or layers, as in `tidu.Sequential(tidu.Linear(8), tidu.relu, tidu.Linear(1))`:
        what they are as a formula is trained, and the object stays as it is.
    target, features : of layers, the column to predict and those to predict it from; all the others by default.
    data : a path (CSV, .gz, .zst, Parquet), a glob, `-` for standard input, a dict of arrays, a two-dimensional
        array, or any object with `__arrow_c_stream__` (pandas, polars, pyarrow, duckdb).
    loss : a name of `tidu.LOSSES`, with options if it has any: `"huber(delta=2)"`. For `logistic`, `hinge` and
        `perceptron` the target is a column of labels, text or whole numbers, of two classes; for `softmax` of several.
    optimizer : a name of `tidu.OPTIMIZERS`, with options: `"momentum(momentum=0.8)"`; or a solver, which has no
        learning rate and no batches: `"lm"` (least squares), `"lbfgs"`, `"newton"`; or `"auto"`.
    lr : the learning rate: a number above 0, or an expression of the step `t` and the `epoch`, with schedules:
        `"0.1 * warmup(100) * cosine(1000)"`; `"auto"` computes one from the curvature. Default 0.01 (adadelta 1;
        with `scale`, auto).
    batch_size : samples a step; None is the whole set (GD), 1 is one by one (SGD). A last, shorter batch is a step
        of its own, with the mean over its own size.
    epochs, steps : the bounds; 1000 epochs if neither is given.
    until_loss : stop after an epoch whose mean loss is below this.
    tol : stop after an epoch in which no parameter moved by more than this.
    init : starting values; a number, `"normal(0, 0.01)"` or `"uniform(-1, 1)"`; 0 for those not named.
    shuffle, seed : mini-batches are drawn by `default_rng(seed).permutation` anew each epoch, or in the data's order.
    record : a row of history each `"epoch"` or each `"step"`.
    l1, l2, penalise : add l1·Σ|w| + ½·l2·Σw² to the cost, over the parameters named (all by default).
    clip_norm, clip_value : bound the gradient's length, or each of its parts.
    bounds : least and greatest values, `{"a": (0, None)}`; for solvers.
    fix : parameters that are numbers this time, `{"c": 299.8}`.
    weights, sigma : the name of a column: how much each sample's loss counts, or its standard deviation (whose
        inverse square is the weight, and from which the standard errors then follow without an estimate).
    starts : how many starting points a solver is given; the lowest end is kept.
    test_size : a fraction of the rows to keep back; `run.test_metrics` is the score on them.
    drop_missing : leave out rows with a missing or infinite value; else they are an error.
    csv : how to read CSV text, where looking at it is not enough.
    engine : what runs the loop: `"python"` as it stands, `"compiled"` compiled, `"auto"` whichever is done sooner. The
        result has the same bits. `"array"` takes whole batches at a time, in NumPy; models with vectors, such as
        `mlp(...)`, have no other. Its last digits differ.
    scale : descend in parameters in which the cost curves alike in every direction; results are in the formula's own.
    threads : how many may share the samples of a large step; all cores by default. The result has the same bits.
    dtype : `"float32"` computes each sample in single precision, and sums and updates in double: half the memory, at
        relative differences of about 1e-6 from float64 in a step. Compiled only; on whole batches all of it is single.
    fast : let the compiler reorder and fuse operations: relative differences of about 1e-15 in a step. Compiled only.
    device : run the loop on whole batches in PyTorch, there: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`. Data go there
        once; results are NumPy's, as ever. Last digits differ. Needs `pip install 'tidu[torch]'`.
    progress : called now and then with (steps done, steps in all, the last loss).

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
    check_engine(engine, threads)
    if device is not None:
        from tidu.training.descents.on_device import check_device

        check_device(device, dtype)
    source = source_of(data, csv)
    settings = Settings(
        _formula_of(formula, target, features, source.names),
        loss,
        optimizer,
        lr if not isinstance(lr, Expr) else repr(lr),
        batch_size,
        epochs,
        steps,
        until_loss,
        tol,
        dict(init or {}),
        shuffle,
        seed,
        record,
        l1,
        l2,
        None if penalise is None else (penalise,) if isinstance(penalise, str) else tuple(penalise),
        clip_norm,
        clip_value,
        dtype,
        fast,
        dict(bounds or {}),
        dict(fix or {}),
        weights,
        sigma,
        starts,
        bool(scale),
    )
    if settings.uses_solver and (settings.fast or settings.dtype != "float64"):
        raise SettingError(_("a solver runs in float64, exactly; leave out fast and dtype"))
    if engine == "python" and (settings.fast or settings.dtype != "float64"):
        raise SettingError(_("fast=True and float32 are for the compiled loop; leave them out, or the engine 'python'"))
    if device is not None or engine == "array":
        _check_for_arrays(settings, engine, device)
    program = settings.program(source.names)
    table = training_table(program, settings.loss_object, source, drop_missing)
    if settings.loss_object.of_classes:
        settings = replace(settings, outputs=len(table.classes) or None)
        program = settings.program(source.names)
    return fit_table(settings, source.names, program, table, test_size, engine, threads, progress, device)


def _check_for_arrays(settings: Settings, engine: str, device: str | None) -> None:
    """Refuse what has no meaning for a loop on whole batches."""
    if settings.fast:
        raise SettingError(_("fast=True is for the compiled loop; leave it out with the engine 'array' or a device"))
    if device is None:
        return
    if engine not in ("auto", "array"):
        raise SettingError(
            _("on a device the loop is one on whole batches; leave out the engine '{engine}', or name 'array'").format(
                engine=engine
            )
        )
    if settings.uses_solver or settings.optimizer == AUTO:
        raise SettingError(
            _("a device is for gradient descent, not for '{name}'; name an optimizer, such as adam").format(
                name=settings.optimizer
            )
        )


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


def check_engine(engine: str, threads: object) -> None:
    """Refuse an engine that there is not, and a number of threads that is none."""
    if engine not in ENGINES:
        raise SettingError(
            _("engine must be one of {names}, not {value!r}").format(names=", ".join(ENGINES), value=engine)
        )
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise SettingError(_("threads must be a whole number of at least 1, not {value}").format(value=threads))


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
    notes = [*table.notes, *_notes_on_classes(program, table, settings), *_notes_on_score(program, settings)]
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
