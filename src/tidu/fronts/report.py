"""Results as people read them in a terminal: tables, the mathematics, a sketch of the curve, what to know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table as Grid
from rich.text import Text

from tidu.content.solvers import SOLVERS, Solver
from tidu.engines.mathematics import UNICODE, equations, update_rule
from tidu.engines.program import Program
from tidu.language.printer import unicode_name
from tidu.text import _, mark
from tidu.training.run import write_whole

if TYPE_CHECKING:
    from tidu.data.table import Table
    from tidu.lessons.lesson import Given, Lesson
    from tidu.training.minimize import Minimum
    from tidu.training.run import Run
    from tidu.training.scan import Scan

WIDE = 100  # columns of a terminal in which a table may have everything
STRONG = 0.9  # a correlation of two estimates that is worth a line
SPARKS = "▁▂▃▄▅▆▇█"
STOPPED = {
    "epochs": mark("all epochs are done"),
    "steps": mark("all steps are done"),
    "loss": mark("the loss is below the bound"),
    "converged": mark("the parameters no longer move"),
    "diverged": mark("diverged"),
    "interrupted": mark("interrupted"),
}


def report_fit(run: Run, show_code: bool, written: Sequence[str]) -> None:
    """A fitted model."""
    console = Console()
    s = run.settings
    console.print()
    solver = SOLVERS.get(s.optimizer)
    console.print(_mathematics(run.program, s.formula, solver))
    console.print(_parameters(run, console.width))
    batch = (
        _("full batch")
        if s.batch_size is None or s.batch_size >= run.rows
        else _("batches of {size}").format(size=s.batch_size)
    )
    lines = [
        (_("data"), _("{rows} rows").format(rows=run.rows)),
        (_("method"), f"{solver.name}: {_(solver.words)}") if solver is not None
        else (_("descent"), _descent(s.optimizer_in_full, run.lr, batch)),
        (_("loss"), _loss_line(run)),
        (_("fit"), _metrics(run.metrics)),
        (_("test"), _metrics(run.test_metrics)),
        *_statistics(run),
        (_("stopped"), _stopped(run)),
    ]  # fmt: skip
    console.print(facts(lines))
    remarks(console, run.notes, bad=run.diverged)
    closing(console, run.source if show_code else None, written)


def report_minimum(result: Minimum, show_code: bool, written: Sequence[str]) -> None:
    """Where a walk down a function ended."""
    console = Console()
    console.print()
    console.print(_mathematics(result.program, result.function))
    table = grid(_("variable"), _("start"), _("slope there"), _("end"), _("slope there"))
    for name, value in result.params.items():
        numbers = (result.start[name], result.start_gradient[name], value, result.gradient[name])
        table.add_row(unicode_name(name), *map(_number, numbers))
    console.print(table)
    lines = [
        (_("value"), f"{_number(result.start_value)} → {_number(result.value)}  {sparkline(result.history.loss)}"),
        (_("descent"), _("{optimizer}, learning rate {lr}").format(optimizer=result.optimizer, lr=_number(result.lr))),
        (_("stopped"), _("after {steps} steps: {why}").format(steps=result.steps, why=_(STOPPED[result.stopped]))),
    ]
    console.print(facts(lines))
    if result.diverged:
        sentence = _("step {step} is not finite; the point is the one before it. Try a smaller learning rate than {lr}")
        remarks(console, [sentence.format(step=result.steps + 1, lr=result.lr)], bad=True)
    closing(console, result.source if show_code else None, written)


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
        (_("tried"), _("{points} points, {rows} rows each").format(points=result.cost.size, rows=result.rows)),
        (_("lowest"), f"{best}, J = {_number(result.best_cost)}"),
    ]
    if result.cost.ndim == 1:
        lines.append(("J", sparkline(result.cost)))
    console.print(facts(lines))
    remarks(console, result.notes, bad=False)
    closing(console, None, written)


def report_predictions(path: str, rows: int, metrics: Mapping[str, float] | None) -> None:
    """What was predicted, and how well."""
    console = Console()
    console.print(facts([(_("predicted"), _("{rows} rows").format(rows=rows)), (_("fit"), _metrics(metrics))]))
    closing(console, None, [path])


def report_lessons(lessons: Mapping[str, Lesson]) -> None:
    """The table of contents."""
    table = grid(_("lesson"), _("what it shows"))
    table.columns[1].justify = "left"
    for name, entry in lessons.items():
        table.add_row(f"[cyan]tidu lesson {name}[/cyan]", entry.title())
    Console().print(table)


def report_lesson(given: Given) -> None:
    """One lesson, as a page."""
    console = Console(width=min(Console().width, 100))
    console.print(Markdown(given.page, code_theme="friendly"))
    closing(console, None, given.files)


def write_predictions(path: str, table: Table, predicted: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """A CSV file of the columns that were read and what was predicted for each row."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*table, *predicted])
    columns = [*(table[name].tolist() for name in table), *(c.tolist() for c in predicted.values())]
    writer.writerows([repr(v) for v in row] for row in zip(*columns, strict=True))
    write_whole(Path(path), buffer.getvalue().encode())


# -- pieces ---------------------------------------------------------------------------------------
def sparkline(values: np.ndarray[Any, Any], width: int = 32) -> str:
    """A curve in one line of text; on a logarithmic scale where it is positive and spans more than a factor of 30."""
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return ""
    picked = finite[np.unique(np.linspace(0, len(finite) - 1, width).astype(int))]
    if picked.min() > 0 and picked.max() > 30 * picked.min():
        picked = np.log(picked)
    low, span = picked.min(), np.ptp(picked)
    heights = np.zeros(len(picked)) if span == 0 else (picked - low) / span
    return "".join(SPARKS[round(float(h) * (len(SPARKS) - 1))] for h in heights)


def _mathematics(program: Program, title: str, solver: Solver | None = None) -> RenderableType:
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
        meaning = _("w is the vector of all parameters, r that of the residuals ŷ − y, J its Jacobian or the cost")
    if program.target is None:
        meaning = _("g is ∂f/∂w, α the learning rate; w stands for each variable")
    return Panel(Group(body, Text(meaning, style="dim")), title=Text(title), title_align="left", expand=False)


def _parameters(run: Run, width: int) -> Grid:
    """Start and end of each parameter; with statistics, how far the data fix it, as far as there is room."""
    if any(np.ndim(v) for v in run.params.values()):
        return _shapes(run.params)
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
    """The facts of a least-squares fit beside its parameters."""
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


def _shapes(params: Mapping[str, Any]) -> Grid:
    """Parameters that are vectors and matrices: what each is, and how large its numbers are."""
    table = grid(_("parameter"), _("shape"), _("numbers"), _("root mean square"))
    for name, value in params.items():
        array = np.asarray(value)
        shape = " × ".join(map(str, array.shape)) or "1"
        table.add_row(unicode_name(name), shape, f"{array.size:,}", _number(float(np.sqrt(np.mean(array * array)))))
    table.add_row(_("all"), "", Text(f"{sum(np.size(v) for v in params.values()):,}", style="bold"), "")
    return table


def grid(*headings: str) -> Grid:
    """A table with these headings, the first column to the left."""
    table = Grid(box=None, header_style="dim", padding=(0, 2))
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="left" if k == 0 else "right")
    return table


def facts(lines: Sequence[tuple[str, str]]) -> Grid:
    """Names with what there is to say of each; those of which there is nothing are left out."""
    table = Grid.grid(padding=(0, 2))
    for name, fact in lines:
        if fact:
            table.add_row(Text(f"  {name}", style="dim"), Text(fact))
    return table


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


def _metrics(metrics: Mapping[str, float] | None) -> str:
    if not metrics:
        return ""
    names = {"mse": "MSE", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}
    return "   ".join(f"{names[k]} {v:.6g}" for k, v in metrics.items() if math.isfinite(v))


def _stopped(run: Run) -> str:
    sentence = _("after {epochs} epochs, {steps} steps, {seconds:.2f} s: {why}; {engine}")
    return sentence.format(
        epochs=run.epochs,
        steps=run.steps,
        seconds=run.seconds,
        why=_(STOPPED[run.stopped]),
        engine=run.engine_reason,
    )


def remarks(console: Console, notes: Sequence[str], bad: bool) -> None:
    """Sentences that a person should see."""
    for note in notes:
        console.print(Text.assemble(("  ! ", "bold red" if bad else "bold yellow"), note))


def closing(console: Console, source: str | None, written: Sequence[str]) -> None:
    """The loop, if it is asked for, and the files that were written."""
    if source is not None and console.is_terminal:
        console.print(Syntax(source, "python", theme="friendly", background_color="default", word_wrap=True))
    elif source is not None:  # every line whole: what is shown is what ran, and can be run again
        print(source)  # noqa: T201
    for path in written:
        console.print(Text.assemble(("  → ", "green"), path))
    console.print()
