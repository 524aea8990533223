"""What a fit has to say, as blocks of a report: its mathematics, parameters, facts, classes and remarks.

The command line, notebooks and reports show these; nothing here prints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.content.methods import SOLVERS, Solver
from tidu.content.summary import numbers_in, parameters_in_words, shape_in_words
from tidu.data.labels import label_text
from tidu.data.table import clipped
from tidu.engines.program import Program, named_numbers
from tidu.insight.reporting.document import Block, Cell, Facts, Mathematics, Prose, Remarks, Table
from tidu.language.printer import unicode_name
from tidu.text import _, counted, mark
from tidu.training.functions import reads_no_column

if TYPE_CHECKING:
    from tidu.data.table import Label
    from tidu.training.model import Model
    from tidu.training.run import Run
    from tidu.training.solving.estimates import Estimates

MOST_TESTS = 12  # in a report; all of them are in --json
FIRST_LEVELS = 5  # of many, that a table shows
STRONG = 0.9  # a correlation of two estimates that is worth a line
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


def blocks_of_fit(run: Run) -> list[Block]:
    """What a fitted model has to say, in order."""
    solver = SOLVERS.get(run.settings.optimizer)
    return [mathematics(run.program, run.settings.formula, solver), *blocks_of_result(run)]


def blocks_of_result(run: Run) -> list[Block]:
    """Where a fit ended: the parameters, the facts, the classes, what to know."""
    s = run.settings
    solver = SOLVERS.get(s.optimizer)
    whole = s.batch_size is None or s.batch_size >= run.rows
    batch = _("full batch") if whole else _("batches of {size}").format(size=s.batch_size)
    alone = reads_no_column(run.program)
    lines = (
        (_("data"), "" if alone else rows_in_words(run.rows)),
        (_("classes"), _codes(run)),
        (_("method"), f"{solver.name}: {_(solver.words)}") if solver is not None
        else (_("descent"), _descent(s.optimizer_in_full, run.lr, "" if alone else batch)),
        (_("value") if run.program.target is None else _("loss"), _loss_line(run)),
        (_("validation"), _validation_line(run)),
        (_("fit"), metrics_in_words(run.metrics)),
        (_("test"), metrics_in_words(run.test_metrics)),
        *_statistics(run),
        (_("stopped"), _stopped(run)),
    )  # fmt: skip
    layered = run.program.of_arrays and not run.program.is_by_level
    blocks: list[Block] = [_layers(run) if layered else _parameters(run), *_derived(run), Facts(lines)]
    for title, metrics in ((_("fit"), run.metrics), (_("test"), run.test_metrics)):
        blocks += confusion(title, run.classes, metrics)
    return [*blocks, Remarks(run.notes, bad=run.diverged)]


def mathematics(program: Program, title: str, solver: Solver | None = None) -> Mathematics:
    """The mathematics of a program, and what the letters of its update mean."""
    meaning = [_("g is the mean of ∂ℓ/∂w over the batch, α the learning rate")]
    if program.penalised != program.mean_gradient or program.clipped != program.mean_gradient:
        meaning = [_("g is ∂J/∂w over the batch, penalty and clipping included, α the learning rate")]
    if solver is not None:
        meaning = [_(solver.meaning)]
    if program.masks:
        meaning.append(_("keep is 0 where dropout drops a unit and 1/(1 − rate) elsewhere; in predictions it is 1"))
    if program.target is None:
        meaning = [_("g is ∂f/∂w, α the learning rate; w stands for each variable")]
    return Mathematics(title, program, solver, tuple(meaning))


def _parameters(run: Run) -> Table:
    """Start and end of each parameter; with statistics, how far the data fix it."""
    statistics = run.statistics
    headings = [_("parameter"), _("start"), _("end")]
    if statistics is not None:
        headings += [_("standard error"), _interval_heading(run), _("relative")]
    ends = {} if statistics is None else statistics.confidence_intervals()
    if run.confidence is not None:
        ends |= run.confidence.ends
    rows: list[tuple[Cell | str, ...]] = []
    start, end = (named_numbers(run.program, values, FIRST_LEVELS) for values in (run.start, run.params))
    for name, value in end.items():
        cells: list[str] = []
        if statistics is not None:
            cells = _trust(value, statistics.standard_errors[name], *ends[name])
        rows.append((unicode_name(name), number(start[name]), Cell(number(value), strong=True), *cells))
    more = sum(np.size(value) for value in run.params.values()) - len(end)
    if more:
        rows.append((Cell(_("… and {count} more").format(count=f"{more:,}"), faint=True), *[""] * (len(headings) - 1)))
    for name, value in run.settings.fix.items():
        blank = [""] * (len(headings) - 3)
        rows.append((unicode_name(name), Cell(_("fixed"), faint=True), number(value), *blank))
    return Table(tuple(headings), tuple(rows), spare=1 if statistics is not None else 0)


def _trust(value: float, error: float, low: float, high: float) -> list[str]:
    """The standard error of an estimate, its interval, and the share that the error is of it."""
    known = math.isfinite(error)
    share = f"{100.0 * error / abs(value):.2g}%" if known and value else ""
    interval = f"{_end(low)} … {_end(high)}" if known or low < high else ""
    return [f"{error:.4g}" if known else _("not computed"), interval, share]


def _end(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.6g}" if math.isfinite(value) else "∞" if value > 0.0 else "−∞"


def _interval_heading(run: Run) -> str:
    """What the interval of a table is; Wald's is the one without a word."""
    kinds = {"profile": _("95% profile interval"), "bootstrap": _("95% bootstrap interval")}
    return _("95% interval") if run.confidence is None else kinds[run.confidence.kind]


def _derived(run: Run) -> list[Block]:
    """What follows from the parameters, as the user asked."""
    if not run.derived:
        return []
    headings = [_("quantity"), "", _("value")]
    if run.statistics is not None:
        found = set() if run.confidence is None else run.derived.keys() & run.confidence.ends.keys()
        heading = _interval_heading(run) if found == run.derived.keys() else _("95% interval")
        headings += [_("standard error"), heading, _("relative")]
    rows: list[tuple[Cell | str, ...]] = []
    for d in run.derived.values():
        trust = [] if run.statistics is None else _trust(d.value, d.standard_error, d.low, d.high)
        if trust and d.is_constant:
            trust[0] = ""
        rows.append((unicode_name(d.name), Cell(d.expression, faint=True), Cell(number(d.value), strong=True), *trust))
    return [Table(tuple(headings), tuple(rows), left=(0, 1), spare=1 if run.statistics is not None else 0)]


def _statistics(run: Run) -> list[tuple[str, str]]:
    """What the statistics of a fit say besides its parameters."""
    statistics = run.statistics
    if statistics is None:
        return []
    lines = statistics.facts()
    lines.append((_("tests against 0"), _tests(statistics)))
    names, correlation = statistics.correlated, statistics.correlation
    strong = [
        (abs(correlation[i, j]), f"{unicode_name(names[i])}, {unicode_name(names[j])}: {correlation[i, j]:+.4f}")
        for i in range(len(names))
        for j in range(i)
        if abs(correlation[i, j]) > STRONG
    ]
    strongest = [words for _size, words in sorted(strong, reverse=True)[:3]]
    lines.append((_("strongly correlated"), "   ".join(strongest)))
    return lines


def _tests(statistics: Estimates) -> str:
    """Value by standard error, and p, of the parameters of which 0 takes a term out."""
    letter = "z" if statistics.is_normal else "t"
    found = [
        f"{unicode_name(name)}: {letter}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{ratio:.4g}, "
        f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{p:.3g}"
        for name, (ratio, p) in statistics.tests().items()
    ]
    return "   ".join(found[:MOST_TESTS])


def parameters_at_end(model: Model) -> Table:
    """The parameters of a model; of a network its layers."""
    if model.program.of_arrays and not model.program.is_by_level:
        return _layers(model)
    values = named_numbers(model.program, model.params, FIRST_LEVELS)
    rows = tuple((unicode_name(name), Cell(number(value), strong=True)) for name, value in values.items())
    return Table((_("parameter"), _("end")), rows)


def _layers(run: Run | Model) -> Table:
    """The summary of a network: what each layer gives, what it has learned, and how large its numbers are."""
    summary = run.summary()
    rows: list[tuple[Cell | str, ...]] = []
    for layer in summary.layers:
        values = [np.ravel(run.params[p.name]) for p in layer.parameters]
        size = number(float(np.sqrt(np.mean(np.concatenate(values) ** 2)))) if values else ""
        numbers = f"{numbers_in(layer):,}" if values else ""
        rows.append((layer.name, shape_in_words(layer.shape), parameters_in_words(layer), numbers, size))
    rows.append((_("all"), "", "", Cell(f"{summary.total:,}", strong=True), ""))
    headings = (_("layer"), _("output"), _("parameters"), _("numbers"), _("root mean square"))
    return Table(headings, tuple(rows), left=(0, 2))


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


def number(value: float | str) -> str:
    """A number in ten digits; text as it is."""
    if isinstance(value, str):
        return value
    return f"{value:.10g}" if math.isfinite(value) else _("not computed") if math.isnan(value) else str(value)


def _descent(optimizer: str, lr: float | str | None, batch: str) -> str:
    rate = "" if lr is None else number(lr)
    if not batch:
        return _("{optimizer}, learning rate {lr}").format(optimizer=optimizer, lr=rate)
    return _("{optimizer}, learning rate {lr}, {batch}").format(optimizer=optimizer, lr=rate, batch=batch)


def _loss_line(run: Run) -> str:
    h = run.history
    if not len(h):
        return _("not computed")
    return f"{number(float(h.loss[0]))} → {number(run.loss)}  {sparkline(h.loss)}"


def _validation_line(run: Run) -> str:
    """The validation loss after the first and after the best epoch."""
    losses, best = run.validation_loss, run.best_epoch
    if losses is None or best is None:
        return ""
    return f"{number(float(losses[0]))} → {number(float(losses[best - 1]))}  {sparkline(losses)}"


def metrics_in_words(metrics: Mapping[str, Any] | None) -> str:
    """The names of metrics with their values, in a line."""
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


def confusion(title: str, classes: Sequence[Label], metrics: Mapping[str, Any] | None) -> list[Block]:
    """True classes down, predicted ones across, and what that makes of each class."""
    if not metrics or "confusion" not in metrics:
        return []
    if len(classes) > MOST_CLASSES_SHOWN:
        return [Prose(_("  the confusion table of {count} classes is in --json").format(count=len(classes)))]
    names = [clipped(label_text(label)) for label in classes]
    rows: list[tuple[Cell | str, ...]] = []
    for k, (name, counts) in enumerate(zip(names, metrics["confusion"], strict=True)):
        cells = [Cell(str(n), strong=i == k, faint=i != k and not n) for i, n in enumerate(counts)]
        shares = [metrics[part][k] for part in ("precision", "recall", "f1")]
        rows.append((name, *cells, *("–" if math.isnan(v) else f"{v:.3f}" for v in shares)))
    headings = ("", *names, _("precision"), _("recall"), "F1")
    return [Table(headings, tuple(rows), _("{part}: true ↓, predicted →").format(part=title), tight=True)]


def _stopped(run: Run) -> str:
    sentence = _("after {epochs}, {steps}, {seconds:.2f} s: {why}; {engine}")
    return sentence.format(
        epochs=counted(run.epochs, mark("{n} epoch"), mark("{n} epochs")),
        steps=steps_in_words(run.steps),
        seconds=run.seconds,
        why=_(STOPPED[run.stopped]),
        engine=run.engine_reason,
    )


def rows_in_words(count: int) -> str:
    """A number of rows."""
    return counted(count, mark("{n} row"), mark("{n} rows"))


def steps_in_words(count: int) -> str:
    """A number of steps."""
    return counted(count, mark("{n} step"), mark("{n} steps"))
