"""Results as people read them in a terminal: tables, the mathematics, a sketch of the curve, what to know."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from tidu.content.methods import SOLVERS, Solver
from tidu.content.summary import numbers_in, parameters_in_words, shape_in_words
from tidu.data.categories import as_written
from tidu.data.labels import label_text, labels_of_codes
from tidu.data.table import clipped
from tidu.engines.mathematics import UNICODE, equations, update_rule
from tidu.engines.program import Program
from tidu.fronts.terminal import WIDEST, Console
from tidu.fronts.wrapping import wrapped
from tidu.language.printer import unicode_name
from tidu.text import _, counted, mark
from tidu.training.judging.classes import label_column
from tidu.writing import write_whole

if TYPE_CHECKING:
    from tidu.data.table import Label, Table
    from tidu.training.minimize import Minimum
    from tidu.training.model import Model
    from tidu.training.run import Run
    from tidu.training.scan import Scan

WIDE = 100  # columns of a terminal in which a table may have everything
STRONG = 0.9  # a correlation of two estimates that is worth a line
Values = np.ndarray[Any, Any]
MOST_CLASSES_SHOWN = 10  # whose confusion table is no wider than a terminal
SPARKS = "▁▂▃▄▅▆▇█"
STOPPED = {
    "epochs": mark("all epochs are done"),
    "steps": mark("all steps are done"),
    "loss": mark("the loss is below the bound"),
    "converged": mark("the parameters no longer move"),
    "diverged": mark("diverged"),
    "interrupted": mark("interrupted"),
    "patience": mark("patience is at its end"),
}


def report_fit(run: Run, code: str | None, form: str, written: Sequence[str]) -> None:
    """A fitted model."""
    console = Console()
    s = run.settings
    console.print()
    solver = SOLVERS.get(s.optimizer)
    console.print(_mathematics(run.program, s.formula, console.width, solver))
    console.print(_parameters(run, console.width))
    batch = (
        _("full batch")
        if s.batch_size is None or s.batch_size >= run.rows
        else _("batches of {size}").format(size=s.batch_size)
    )
    lines = [
        (_("data"), _rows(run.rows)),
        (_("classes"), _codes(run)),
        (_("method"), f"{solver.name}: {_(solver.words)}") if solver is not None
        else (_("descent"), _descent(s.optimizer_in_full, run.lr, batch)),
        (_("loss"), _loss_line(run)),
        (_("validation"), _validation_line(run)),
        (_("fit"), _metrics(run.metrics)),
        (_("test"), _metrics(run.test_metrics)),
        *_statistics(run),
        (_("stopped"), _stopped(run)),
    ]  # fmt: skip
    facts(console, lines)
    for title, metrics in ((_("fit"), run.metrics), (_("test"), run.test_metrics)):
        _confusion(console, title, run.classes, metrics)
    remarks(console, run.notes, bad=run.diverged)
    closing(console, code, written, form)


def report_minimum(result: Minimum, code: str | None, form: str, written: Sequence[str]) -> None:
    """Where a walk down a function ended."""
    console = Console()
    console.print()
    console.print(_mathematics(result.program, result.function, console.width))
    table = grid(_("variable"), _("start"), _("slope there"), _("end"), _("slope there"))
    for name, value in result.params.items():
        numbers = (result.start[name], result.start_gradient[name], value, result.gradient[name])
        table.add_row(unicode_name(name), *map(_number, numbers))
    console.print(table)
    lines = [
        (_("value"), f"{_number(result.start_value)} → {_number(result.value)}  {sparkline(result.history.loss)}"),
        (_("descent"), _("{optimizer}, learning rate {lr}").format(optimizer=result.optimizer, lr=_number(result.lr))),
        (_("stopped"), _("after {steps}: {why}").format(steps=_steps(result.steps), why=_(STOPPED[result.stopped]))),
    ]
    facts(console, lines)
    remarks(console, result.notes, bad=True)
    closing(console, code, written, form)


def report_scan(result: Scan, written: Sequence[str]) -> None:
    """The lowest points of a grid."""
    console = Console()
    console.print()
    table = grid(*(unicode_name(n) for n in result.grid), _("cost J"))
    order = np.argsort(np.where(np.isnan(result.cost), np.inf, result.cost), axis=None, kind="stable")[:10]
    for flat in order:
        index = np.unravel_index(int(flat), result.cost.shape)
        point = [float(v[i]) for v, i in zip(result.grid.values(), index, strict=True)]
        table.add_row(*map(_number, point), _number(float(result.cost[index])))
    console.print(table)
    best = ", ".join(f"{n} = {_number(v)}" for n, v in result.best.items())
    lines = [
        (_("tried"), _("{points} points, {rows} each").format(points=result.cost.size, rows=_rows(result.rows))),
        (_("lowest"), f"{best}, J = {_number(result.best_cost)}"),
    ]
    if result.cost.ndim == 1:
        lines.append(("J", sparkline(result.cost)))
    facts(console, lines)
    remarks(console, result.notes, bad=False)
    closing(console, None, written)


def report_predictions(path: str, rows: int, classes: Sequence[Label], metrics: Mapping[str, Any] | None) -> None:
    """What was predicted, and how well."""
    console = Console()
    facts(console, [(_("predicted"), _rows(rows)), (_("fit"), _metrics(metrics))])
    _confusion(console, _("fit"), classes, metrics)
    closing(console, None, [path])


def write_predictions(
    path: str,
    model: Model,
    table: Table,
    predictions: Values,
    probabilities: Values | None,
    ends: Mapping[str, Values],
) -> None:
    """A CSV file of the columns that were read and the prediction of each row, with the ends of its interval."""
    columns: dict[str, Sequence[Label | None]] = {**as_written(table, model.program.derived)}
    assert model.program.target is not None
    label = label_column(model.program.target, model.settings.loss_object)
    if label in columns:
        named = labels_of_codes(table[label], model.classes, model.settings.loss_object.targets.codes)
        columns[label] = [label_text(value) for value in named]
    columns[model.prediction_name] = [_predicted(model, p) for p in predictions.tolist()]
    columns |= {name: column.tolist() for name, column in ends.items()}
    heading = [*columns, *(_of_probabilities(model) if probabilities is not None else [])]
    rows = zip(*columns.values(), *([] if probabilities is None else probabilities.T.tolist()), strict=True)
    write_whole(Path(path), f"{_csv_text([heading, *rows])}\n".encode())


def text_of_predictions(
    model: Model, predictions: Values, probabilities: Values | None, ends: Mapping[str, Values]
) -> str:
    """A prediction a line, with the ends of its interval; or CSV of the probabilities of the classes, named first."""
    if probabilities is None:
        rows = zip(predictions.tolist(), *(column.tolist() for column in ends.values()), strict=True)
        return "\n".join(",".join([_predicted(model, p), *map(repr, interval)]) for p, *interval in rows)
    return _csv_text([_of_probabilities(model), *probabilities.tolist()])


def _predicted(model: Model, value: Label) -> str:
    return label_text(value) if model.classes else repr(value)


def _of_probabilities(model: Model) -> list[str]:
    return [f"P({label_text(label)})" for label in model.classes]


def _csv_text(rows: Iterable[Iterable[Label]]) -> str:
    import csv
    import io

    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([v if isinstance(v, str) else repr(v) for v in r] for r in rows)
    return buffer.getvalue().removesuffix("\n")


# -- pieces ---------------------------------------------------------------------------------------
def sparkline(values: np.ndarray[Any, Any], width: int = 32) -> str:
    """A curve in one line of text; on a logarithmic scale where it is positive and spans more than a factor of 30."""
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return ""
    picked = finite[list(dict.fromkeys(np.linspace(0, len(finite) - 1, width).astype(int).tolist()))]
    if picked.min() > 0 and picked.max() > 30 * picked.min():
        picked = np.log(picked)
    low, span = picked.min(), np.ptp(picked)
    heights = np.zeros(len(picked)) if span == 0 else (picked - low) / span
    return "".join(SPARKS[round(float(h) * (len(SPARKS) - 1))] for h in heights)


def _mathematics(program: Program, title: str, width: int, solver: Solver | None = None) -> RenderableType:
    lines = [*equations(program, UNICODE)]
    body = Grid.grid(padding=(0, 1))
    for left, right in lines:
        body.add_row(Text(left, style="bold", justify="right"), "=", Text(right))
    for left, right in update_rule(program, UNICODE, solver):
        body.add_row(Text(left, style="bold", justify="right"), "←", Text(right))
    meaning = _("g is the mean of ∂ℓ/∂w over the batch, α the learning rate")
    if program.penalised != program.mean_gradient or program.clipped != program.mean_gradient:
        meaning = _("g is ∂J/∂w over the batch, penalty and clipping included, α the learning rate")
    if solver is not None:
        meaning = _(solver.meaning)
    if program.masks:
        meaning += "\n" + _("keep is 0 where dropout drops a unit and 1/(1 − rate) elsewhere; in predictions it is 1")
    if program.target is None:
        meaning = _("g is ∂f/∂w, α the learning rate; w stands for each variable")
    meaning = "\n".join(wrapped(meaning, min(width, WIDEST) - 4))
    return Panel(Group(body, Text(meaning, style="dim")), title=Text(title), title_align="left", expand=False)


def _parameters(run: Run, width: int) -> Grid:
    """Start and end of each parameter; with statistics, how far the data fix it, as far as there is room."""
    if run.program.of_arrays:
        return _layers(run)
    statistics = run.statistics
    headings = [_("standard error"), _("95% interval"), _("relative")] if statistics is not None else []
    most = len(headings) if width >= WIDE else len(headings) - 1
    table = grid(_("parameter"), _("start"), _("end"), *headings[:most])
    if statistics is not None:
        table.padding = (0, 2, 0, 0)
        for column in table.columns:
            column.no_wrap = True
    for name, value in run.params.items():
        cells: list[str] = []
        if statistics is not None:
            error, (low, high) = statistics.standard_errors[name], statistics.confidence_intervals()[name]
            known = math.isfinite(error)
            share = f"{100.0 * error / abs(value):.2g}%" if known and value else ""
            cells = [f"{error:.4g}" if known else _("not computed"), f"{low:.6g} … {high:.6g}" if known else "", share]
        end = Text(_number(value), style="bold")
        table.add_row(unicode_name(name), _number(run.start[name]), end, *cells[:most])
    for name, value in run.settings.fix.items():
        table.add_row(unicode_name(name), Text(_("fixed"), style="dim"), _number(value))
    return table


def _statistics(run: Run) -> list[tuple[str, str]]:
    """The facts of a least-squares fit besides its parameters."""
    statistics = run.statistics
    if statistics is None:
        return []
    scatter = _("{deviation} with {count} degrees of freedom").format(
        deviation=_number(statistics.residual_standard_deviation), count=statistics.degrees_of_freedom
    )
    lines = [(_("residual standard deviation"), scatter)]
    if statistics.known_sigma:
        lines.append(("χ²/ν", _number(statistics.reduced_chi_square)))
    lines.append(("AIC, BIC", f"{statistics.aic:.6g}, {statistics.bic:.6g}"))
    names, correlation = statistics.parameters, statistics.correlation
    strong = [
        (abs(correlation[i, j]), f"{unicode_name(names[i])}, {unicode_name(names[j])}: {correlation[i, j]:+.4f}")
        for i in range(len(names))
        for j in range(i)
        if abs(correlation[i, j]) > STRONG
    ]
    strongest = [words for _size, words in sorted(strong, reverse=True)[:3]]
    lines.append((_("strongly correlated"), "   ".join(strongest)))
    return lines


def _layers(run: Run) -> Grid:
    """The summary of a network: what each layer gives, what it has learned, and how large its numbers are."""
    summary = run.summary()
    table = grid(_("layer"), _("output"), _("parameters"), _("numbers"), _("root mean square"))
    table.columns[2].justify = "left"
    for layer in summary.layers:
        values = [np.ravel(run.params[p.name]) for p in layer.parameters]
        size = _number(float(np.sqrt(np.mean(np.concatenate(values) ** 2)))) if values else ""
        numbers = f"{numbers_in(layer):,}" if values else ""
        table.add_row(layer.name, shape_in_words(layer.shape), parameters_in_words(layer), numbers, size)
    table.add_row(_("all"), "", "", Text(f"{summary.total:,}", style="bold"), "")
    return table


def grid(*headings: str) -> Grid:
    """A table with these headings, the first column to the left."""
    table = Grid(box=None, header_style="dim", padding=(0, 2))
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="left" if k == 0 else "right")
    return table


def facts(console: Console, lines: Sequence[tuple[str, str]]) -> None:
    """Names with what there is to say of each; those of which there is nothing are left out."""
    told = [(name, fact) for name, fact in lines if fact]
    width = max((cell_len(name) for name, _fact in told), default=0)
    for name, fact in told:
        console.say(fact, f"  {name}{' ' * (width - cell_len(name))}  ")


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.10g}" if math.isfinite(value) else _("not computed") if math.isnan(value) else str(value)


def _descent(optimizer: str, lr: float | str | None, batch: str) -> str:
    return _("{optimizer}, learning rate {lr}, {batch}").format(
        optimizer=optimizer, lr="" if lr is None else _number(lr), batch=batch
    )


def _loss_line(run: Run) -> str:
    h = run.history
    if not len(h):
        return _("not computed")
    return f"{_number(float(h.loss[0]))} → {_number(run.loss)}  {sparkline(h.loss)}"


def _validation_line(run: Run) -> str:
    """The validation loss after the first and after the best epoch."""
    losses, best = run.validation_loss, run.best_epoch
    if losses is None or best is None:
        return ""
    return f"{_number(float(losses[0]))} → {_number(float(losses[best - 1]))}  {sparkline(losses)}"


def _metrics(metrics: Mapping[str, Any] | None) -> str:
    if not metrics:
        return ""
    names = {"mse": "MSE", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}
    names |= {"accuracy": _("accuracy"), "log_loss": _("log loss"), "auc": "AUC"}
    return "   ".join(
        f"{names[k]}\N{NO-BREAK SPACE}{v:.6g}" for k, v in metrics.items() if k in names and math.isfinite(v)
    )


def _codes(run: Run) -> str:
    """Which number stands for which class in the formulas above; nothing where the data has those numbers itself."""
    named = list(zip(run.classes, run.settings.loss_object.targets.codes, strict=False))
    if all(label == code for label, code in named):
        return ""
    shown = [f"{clipped(label_text(label))} = {code:g}" for label, code in named[:MOST_CLASSES_SHOWN]]
    return ", ".join([*shown, "..."] if len(named) > MOST_CLASSES_SHOWN else shown)


def _confusion(console: Console, title: str, classes: Sequence[Label], metrics: Mapping[str, Any] | None) -> None:
    """True classes down, predicted ones across, and what that makes of each class."""
    if not metrics or "confusion" not in metrics:
        return
    if len(classes) > MOST_CLASSES_SHOWN:
        console.print(Text(_("  the confusion table of {count} classes is in --json").format(count=len(classes))))
        return
    names = [clipped(label_text(label)) for label in classes]
    console.print(Text(f"  {_('{part}: true ↓, predicted →').format(part=title)}", style="dim"))
    table = grid("", *names, _("precision"), _("recall"), "F1")
    table.padding = (0, 1)  # room for more classes on a line
    for k, (name, counts) in enumerate(zip(names, metrics["confusion"], strict=True)):
        cells = [Text(str(n), style="bold" if i == k else "" if n else "dim") for i, n in enumerate(counts)]
        shares = [metrics[part][k] for part in ("precision", "recall", "f1")]
        table.add_row(Text(name), *cells, *("–" if math.isnan(v) else f"{v:.3f}" for v in shares))
    console.print(table)


def _stopped(run: Run) -> str:
    sentence = _("after {epochs}, {steps}, {seconds:.2f} s: {why}; {engine}")
    return sentence.format(
        epochs=counted(run.epochs, mark("{n} epoch"), mark("{n} epochs")),
        steps=_steps(run.steps),
        seconds=run.seconds,
        why=_(STOPPED[run.stopped]),
        engine=run.engine_reason,
    )


def _rows(count: int) -> str:
    return counted(count, mark("{n} row"), mark("{n} rows"))


def _steps(count: int) -> str:
    return counted(count, mark("{n} step"), mark("{n} steps"))


def remarks(console: Console, notes: Sequence[str], bad: bool) -> None:
    """Sentences that a person should see."""
    for note in notes:
        console.say(note, "  ! ", of_first="bold red" if bad else "bold yellow")


def closing(console: Console, source: str | None, written: Sequence[str], form: str = "loop") -> None:
    """The loop, if it is asked for, and the files that were written."""
    if source is not None and console.is_terminal:
        from rich.syntax import Syntax  # only where code is asked for

        lexer = {"loop": "python", "asm": "gas"}.get(form, form)
        code = Syntax("", lexer, theme="friendly", background_color="default").highlight(source)
        console.print(code, soft_wrap=True)  # every line whole, so that it can be pasted
    elif source is not None:
        print(source)  # noqa: T201
    for path in written:
        console.print(Text.assemble(("  → ", "green"), path), soft_wrap=True)
    console.print()
