"""Results as people read them in a terminal: tables, the mathematics, a sketch of the curve, what to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from tidu.data.categories import as_written
from tidu.data.labels import label_text, labels_of_codes
from tidu.engines.mathematics import UNICODE
from tidu.fronts.terminal import WIDEST, Console
from tidu.fronts.wrapping import wrapped
from tidu.insight.reporting.document import Block, Cell, Code, Facts, Items, Mathematics, Picture, Prose, Remarks, Table
from tidu.insight.reporting.run_facts import (
    STOPPED,
    blocks_of_fit,
    confusion,
    mathematics,
    metrics_in_words,
    number,
    rows_in_words,
    sparkline,
    steps_in_words,
)
from tidu.language.printer import unicode_name
from tidu.text import _
from tidu.training.judging.classes import label_column

if TYPE_CHECKING:
    from tidu.data.table import Label
    from tidu.data.table import Table as Data
    from tidu.training.minimize import Minimum
    from tidu.training.model import Model
    from tidu.training.run import Run
    from tidu.training.scan import Scan

WIDE = 100  # columns of a terminal in which a table may have everything
SIGNS = {"!": "bold yellow", "✓": "bold green"}  # the styles of signs before items
Values = np.ndarray[Any, Any]


def report_fit(run: Run, code: str | None, form: str, written: Sequence[str]) -> None:
    """A fitted model."""
    console = Console()
    console.print()
    show(console, blocks_of_fit(run))
    closing(console, code, written, form)


def report_minimum(result: Minimum, code: str | None, form: str, written: Sequence[str]) -> None:
    """Where a walk down a function ended."""
    console = Console()
    console.print()
    show(console, [mathematics(result.program, result.function)])
    table = grid(_("variable"), _("start"), _("slope there"), _("end"), _("slope there"))
    for name, value in result.params.items():
        numbers = (result.start[name], result.start_gradient[name], value, result.gradient[name])
        table.add_row(unicode_name(name), *map(number, numbers))
    console.print(table)
    lines = [
        (_("value"), f"{number(result.start_value)} → {number(result.value)}  {sparkline(result.history.loss)}"),
        (_("descent"), _("{optimizer}, learning rate {lr}").format(optimizer=result.optimizer, lr=number(result.lr))),
        (
            _("stopped"),
            _("after {steps}: {why}").format(steps=steps_in_words(result.steps), why=_(STOPPED[result.stopped])),
        ),
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
        table.add_row(*map(number, point), number(float(result.cost[index])))
    console.print(table)
    best = ", ".join(f"{n} = {number(v)}" for n, v in result.best.items())
    lines = [
        (
            _("tried"),
            _("{points} points, {rows} each").format(points=result.cost.size, rows=rows_in_words(result.rows)),
        ),
        (_("lowest"), f"{best}, J = {number(result.best_cost)}"),
    ]
    if result.cost.ndim == 1:
        lines.append(("J", sparkline(result.cost)))
    facts(console, lines)
    remarks(console, result.notes, bad=False)
    closing(console, None, written)


def report_predictions(path: str, rows: int, classes: Sequence[Label], metrics: Mapping[str, Any] | None) -> None:
    """What was predicted, and how well."""
    console = Console()
    facts(console, [(_("predicted"), rows_in_words(rows)), (_("fit"), metrics_in_words(metrics))])
    show(console, confusion(_("fit"), classes, metrics))
    closing(console, None, [path])


def csv_of_predictions(
    model: Model,
    table: Data,
    predictions: Values,
    probabilities: Values | None,
    ends: Mapping[str, Values],
    with_heading: bool = True,
) -> bytes:
    """CSV of the columns that were read and the prediction of each row, with the ends of its interval."""
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
    return f"{_csv_text([*([heading] if with_heading else []), *rows])}\n".encode()


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


# -- the blocks of a report -------------------------------------------------------------------------
def show(console: Console, blocks: Iterable[Block]) -> None:
    """Blocks of a report, one below the other; a picture as its sketch, if it has one."""
    for block in blocks:
        match block:
            case Mathematics():
                console.print(_panel(block, console.width))
            case Table():
                _show_table(console, block)
            case Facts():
                facts(console, block.lines)
            case Remarks():
                remarks(console, block.sentences, block.bad)
            case Prose():
                if block.strong:
                    console.print()
                console.say(block.text, style="bold" if block.strong else "")
            case Items():
                for sign, item in block.items:
                    console.say(item, f"  {sign} ", of_first=SIGNS.get(sign, "dim"))
            case Code():
                console.print(Text(block.text), soft_wrap=True)
            case Picture():
                if block.sketch is not None:
                    console.print()
                    console.print(Text(block.sketch()), soft_wrap=True)


def _panel(block: Mathematics, width: int) -> RenderableType:
    body = Grid.grid(padding=(0, 1))
    for left, sign, right in block.lines(UNICODE):
        body.add_row(Text(left, style="bold", justify="right"), sign, Text(right))
    meaning = "\n".join(wrapped("\n".join(block.meaning), min(width, WIDEST) - 4))
    return Panel(Group(body, Text(meaning, style="dim")), title=Text(block.title), title_align="left", expand=False)


def _show_table(console: Console, block: Table) -> None:
    count = len(block.headings) - (block.spare if console.width < WIDE else 0)
    if block.title:
        console.print(Text(f"  {block.title}", style="dim"))
    table = grid(*block.headings[:count])
    for k, column in enumerate(table.columns):
        column.justify = "left" if k in block.left else "right"
        column.no_wrap = block.spare > 0
    if block.tight:
        table.padding = (0, 1)  # room for more classes on a line
    elif block.spare:
        table.padding = (0, 2, 0, 0)
    for row in block.rows:
        cells = [cell if isinstance(cell, Cell) else Cell(cell, strong=len(row) == 1) for cell in row[:count]]
        table.add_row(*(Text(c.text, style="bold" if c.strong else "dim" if c.faint else "") for c in cells))
    console.print(table)


# -- pieces ---------------------------------------------------------------------------------------
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
