"""`tidu explain`: one step of a training, number by number; where a number comes from; a derivative, rule by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from tidu.content.kinds import Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import OfKind, csv_of, data_and_formula, declared_options, given_of, output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, print_json
from tidu.fronts.terminal import Console
from tidu.text import _

if TYPE_CHECKING:
    from tidu.insight.derivation import Derivation
    from tidu.insight.explain import Entry, Explanation


@click.command(
    "explain",
    cls=Command,
    help=_(
        "Explain one step of a training: every number with its formula, the numbers put in, and the line of the loop "
        "that computed it.\n\n"
        "DATA and FORMULA are as in 'tidu fit', and so are the options; the step is one of that training. Rows and "
        "steps are counted from 0."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The first step, on the first row:"), 'tidu explain points.csv "y = w*x + b" --lr 0.01'),
        (_("Where does the gradient of w come from, in step 3?"),
         'tidu explain points.csv "y = w*x + b" --step 3 --of grad_w'),
        (_("The derivative by w, rule by rule:"), 'tidu explain points.csv "y = w*x + b" --derive w'),
    ),
)  # fmt: skip
@data_and_formula
@click.option("--step", type=OfKind(Whole(0)), cls=Option, metavar=_("STEP"), help=_("The step (default: 0)."))
@click.option("--rows", cls=Option, metavar=_("ROW,..."), help=_("Rows of the step's batch; by default its first."))
@click.option("--row", type=OfKind(Whole(0)), cls=Option, metavar=_("ROW"), help=_("One row of the step's batch."))
@click.option("--of", "of_name", cls=Option, metavar=_("NAME"), help=_("Only this number, and what went into it."))
@click.option("--line", type=OfKind(Whole(1)), cls=Option, metavar=_("LINE"), help=_("Only this line of the loop."))
@click.option("--derive", cls=Option, metavar=_("NAME"), help=_("The derivative of the loss by this parameter, rule by "
              "rule."))  # fmt: skip
@click.option("--as", "form", type=click.Choice(["terminal", "markdown", "latex"]), cls=Option,
              metavar="terminal|markdown|latex", help=_("How to print it (default: terminal)."))  # fmt: skip
@declared_options("explain")
@output_options
def explain_command(data: str, formula: str, **values: Any) -> int:
    """`tidu explain`."""
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit

    names = ("step", "rows", "row", "of_name", "line", "derive", "form", "as_json")
    step, rows, row, of_name, line, derive, form, as_json = (values.pop(k) for k in names)
    values.pop("lang")
    csv = csv_of(values)
    given = given_of(values)
    if step is not None and step < 0:
        raise SettingError(_("steps are counted from 0, not {step}").format(step=step))
    if step is not None and "epochs" not in given and "steps" not in given:
        given["steps"] = step + 1  # no further than is asked about
    with watched(_("fitting")) as callbacks:
        run = fit(formula, data, csv=csv, callbacks=callbacks, **given)
    if derive is not None:
        derivation = run.derive(derive)
        if as_json:
            print_json({"formula": run.settings.formula, "parameter": derive, "lines": derivation.to_list()})
        elif form == "latex":
            click.echo(derivation.to_latex())
        else:
            _print_derivation(derivation, form == "markdown")
        return GOOD
    found = run.explain(step or 0, _rows(rows, row))
    shown = found.entries
    if of_name is not None:
        shown = found.origin_of(of_name, row)
    if line is not None:
        shown = tuple(e for e in shown if e.line == line)
        if not shown:
            raise SettingError(_("line {line} of the loop computes no number of this step").format(line=line))
    if as_json:
        print_json({**found.to_dict(), "entries": [e.to_dict() for e in shown]})
    elif form == "markdown":
        click.echo(_markdown(found, shown))
    elif form == "latex":
        raise SettingError(_("LaTeX is for a derivation; add --derive NAME"))
    else:
        _print(found, shown)
    return GOOD if found.taken else BAD_OUTCOME


def _rows(rows: str | None, row: int | None) -> tuple[int, ...] | None:
    if rows is None:
        return None if row is None else (row,)
    try:
        return tuple(int(part) for part in rows.split(","))
    except ValueError:
        raise SettingError(_("--rows takes numbers of rows, as in 0,3,7, not '{text}'").format(text=rows)) from None


def _heading(found: Explanation) -> str:
    batch = ", ".join(map(str, found.batch[:12])) + (", …" if len(found.batch) > 12 else "")
    return _("step {step}, epoch {epoch}: {count} rows in the batch: {batch}").format(
        step=found.step, epoch=found.epoch, count=len(found.batch), batch=batch
    )


def _sections(shown: tuple[Entry, ...]) -> list[tuple[str, list[Entry]]]:
    """Entries under the headings of their blocks, row by row."""
    from tidu.insight.explain import BLOCKS

    sections: list[tuple[str, list[Entry]]] = []
    for e in shown:
        title = _("sums over the batch") if e.block == "accumulate" and e.row is None else _(BLOCKS[e.block])
        if e.row is not None:
            title = _("row {row}: {what}").format(row=e.row, what=title)
        if not sections or sections[-1][0] != title:
            sections.append((title, []))
        sections[-1][1].append(e)
    return sections


def _equation(e: Entry) -> str:
    middle = [part for part in (e.formula, e.numbers) if part]
    if len(middle) == 2 and middle[0] == middle[1]:
        middle = middle[:1]
    value = f"{float(e.value):.10g}" if getattr(e.value, "ndim", 0) == 0 else str(e.value).replace("\n", "")
    return " = ".join([e.name, *middle, *([value] if not middle or middle[-1] != value else [])])


def _print(found: Explanation, shown: tuple[Entry, ...]) -> None:
    console = Console()
    console.print()
    console.print(Text(found.formula, style="bold"))
    console.print(Text(_heading(found)))
    for title, entries in _sections(shown):
        console.print()
        console.print(Text(title, style="bold"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(justify="right", style="dim", min_width=4)
        table.add_column(overflow="fold")
        for e in entries:
            table.add_row(str(e.line), Text(_equation(e)))
        console.print(table)
    console.print()
    for sentence in found.ledger.sentences:
        console.print(Text(sentence))
    if not found.taken:
        console.print(Text(_("this step is not finite, so it was not taken"), style="bold red"))
    console.print()


def _markdown(found: Explanation, shown: tuple[Entry, ...]) -> str:
    lines = [f"## {found.formula}", "", _heading(found), ""]
    for title, entries in _sections(shown):
        lines += [f"### {title}", "", f"| {_('line')} | {_('number')} |", "|---:|---|"]
        lines += [f"| {e.line} | `{_equation(e)}` |" for e in entries]
        lines.append("")
    return "\n".join([*lines, *found.ledger.sentences])


def _print_derivation(derivation: Derivation, markdown: bool) -> None:
    rows = [(line.shown(derivation.name), line.rule) for line in derivation.lines]
    if markdown:
        click.echo("\n".join([f"1. `∂ℓ/∂{derivation.name} = {shown}`: {rule}" for shown, rule in rows]))
        return
    console = Console()
    console.print()
    left = f"∂ℓ/∂{derivation.name}"
    table = Table.grid(padding=(0, 1, 0, 0))
    for _column in range(3):
        table.add_column(overflow="fold")
    for k, (shown, rule) in enumerate(rows):
        table.add_row(left if k == 0 else "", "=", Text(shown, style="bold"))
        table.add_row("", "", Text(rule, style="dim"))
    console.print(table)
    console.print()
