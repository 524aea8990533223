"""`tidu explain`: one step of a training, number by number; where a number comes from; a derivative, rule by rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from tidu.content.kinds import Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import (
    FileName,
    OfKind,
    csv_of,
    declared_options,
    given_of,
    options,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, print_json
from tidu.fronts.stored import store_option
from tidu.fronts.terminal import Console
from tidu.insight.written import shape_in_words
from tidu.language.printer import unicode_name
from tidu.text import _

if TYPE_CHECKING:
    from tidu.data.csv_options import CsvOptions
    from tidu.insight.derivation import Derivation
    from tidu.insight.explanation import Entry, Explanation
    from tidu.insight.why_not import WhyNot
    from tidu.training.run import Run

MOST_GIVEN = 12  # numbers of one kind that are listed


@click.command(
    "explain",
    cls=Command,
    help=_(
        "Explain one step of a training: every number with its formula, the numbers put in, and the line of the loop "
        "that computed it.\n\n"
        "DATA and FORMULA are as in 'tidu fit', and so are the options; the step is one of that training. In place of "
        "both, a run that is stored: a file of 'tidu fit --out', or the number of a run in the store; its data are "
        "read where they were, or from a file named behind it. Rows and steps are counted from 0."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The first step, on the first row:"), 'tidu explain points.csv "y = w*x + b" --lr 0.01'),
        (_("Where does the gradient of w come from, in step 3?"),
         'tidu explain points.csv "y = w*x + b" --step 3 --of grad_w'),
        (_("The derivative by w, rule by rule; it needs no data:"), 'tidu explain "y = w*x + b" --derive w'),
        (_("Step 300 of run 3 in the store:"), "tidu explain 3 --step 300"),
        (_("Why did this training diverge?"), 'tidu explain points.csv "y = w*x + b" --lr 0.5 --why-not'),
    ),
)  # fmt: skip
@click.argument("data", metavar=_("DATA"), type=FileName())
@click.argument("formula", metavar=_("[FORMULA]"), required=False)
@click.option("--step", type=OfKind(Whole(0)), cls=Option, metavar=_("STEP"), help=_("The step (default: 0)."))
@click.option("--rows", cls=Option, metavar=_("ROW,..."), help=_("Rows of the step's batch; by default its first."))
@click.option("--row", type=OfKind(Whole(0)), cls=Option, metavar=_("ROW"), help=_("One row of the step's batch."))
@click.option("--of", "of_name", cls=Option, metavar=_("NAME"), help=_("Only this number, and what went into it."))
@click.option(
    "--unit",
    cls=Option,
    metavar=_("UNIT"),
    help=_("Of the layers of a network, one unit (as in 2), or one weight (2,0)."),
)
@click.option("--line", type=OfKind(Whole(1)), cls=Option, metavar=_("LINE"), help=_("Only this line of the loop."))
@click.option("--derive", cls=Option, metavar=_("NAME"), help=_("The derivative of the loss by this parameter, rule by "
              "rule."))  # fmt: skip
@click.option("--as", "form", type=click.Choice(["terminal", "markdown", "latex", "html"]), cls=Option,
              metavar="terminal|markdown|latex|html", help=_("How to print it (default: terminal)."))  # fmt: skip
@click.option("--why-not", is_flag=True, cls=Option, help=_("Why the training diverged: the first bad step, row and "
              "line, the cause, and what helps."))  # fmt: skip
@declared_options("explain")
@options(store_option, output_options)
def explain_command(data: str, formula: str | None, **values: Any) -> int:
    """`tidu explain`."""
    names = ("step", "rows", "row", "of_name", "unit", "line", "derive", "why_not", "form", "as_json", "store_path")
    step, rows, row, of_name, unit, line, derive, why_not, form, as_json, store_path = (values.pop(k) for k in names)
    values.pop("lang")
    csv = csv_of(values)
    given = given_of(values)
    if step is not None and step < 0:
        raise SettingError(_("steps are counted from 0, not {step}").format(step=step))
    if derive is not None and formula is None and "=" in data:
        _tell_derivation(_derived_without_data(data, derive, csv, given), data, form, as_json)
        return GOOD
    run = _run_of(data, formula, step, csv, given, store_path)
    if derive is not None:
        _tell_derivation(run.derive(derive), run.settings.formula, form, as_json)
        return GOOD
    if why_not:
        _tell_why_not(run.why_not(), form, as_json)
        return BAD_OUTCOME
    chosen: tuple[int, ...] | None = None if row is None else (row,)
    if rows is not None:
        chosen = numbers_in(rows, _("--rows takes numbers of rows, as in 0,3,7, not '{text}'"))
    found = run.explain(step or 0, chosen)
    shown = _chosen(found, of_name, row, line, unit)
    if as_json:
        print_json({**found.to_dict(), "entries": [e.to_dict() for e in shown]})
    elif form in (None, "terminal"):
        _print(found, shown)
    else:
        from tidu.fronts import explanation_pages

        click.echo(getattr(explanation_pages, form)(found, shown))
    return GOOD if found.taken else BAD_OUTCOME


def _run_of(
    data: str, formula: str | None, step: int | None, csv: CsvOptions, given: dict[str, Any], store_path: str | None
) -> Run:
    """The run that is asked about: one that is stored, with its data, or a training made now."""
    from tidu.fronts.exporting import run_of
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit

    if formula is None or "=" not in formula:
        if given:
            raise SettingError(
                _("a stored run keeps its settings: leave {options} out, or give DATA and a FORMULA").format(
                    options=", ".join("--" + name.replace("_", "-") for name in given)
                )
            )
        return run_of(data, store_path).with_data(formula)
    if step is not None and "epochs" not in given and "steps" not in given:
        given["steps"] = step + 1  # no further than is asked about
    with watched(_("fitting")) as callbacks:
        return fit(formula, data, csv=csv, callbacks=callbacks, **given)


def _derived_without_data(formula: str, parameter: str, csv: CsvOptions, given: dict[str, Any]) -> Derivation:
    """A derivation of a formula alone: its left side is a column, and so are x, x1, x2 and those of --columns."""
    from tidu.insight.derivation import derivation_of
    from tidu.training.problem import Problem
    from tidu.training.settings import Settings

    left, _equal, right = formula.partition("=")
    columns = csv.names or [left.strip(), *dict.fromkeys(re.findall(r"\bx\d*\b", right))]
    problem = Problem.of_model(Settings(formula, **given), tuple(columns))
    return derivation_of(problem.program, parameter)


def numbers_in(text: str, refusal: str) -> tuple[int, ...]:
    """Whole numbers between commas, or the sentence that says what is wanted."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SettingError(refusal.format(text=text)) from None


def _chosen(
    found: Explanation, of_name: str | None, row: int | None, line: int | None, unit: str | None
) -> tuple[Entry, ...]:
    """The entries that are asked for."""
    shown = found.entries
    if line is not None:
        here = found.at_line(line)
        if not here:
            raise SettingError(_("line {line} of the loop computes no number of this step").format(line=line))
        shown = found.behind(*(e.id for e in here))
    if of_name is not None:
        shown = found.origin_of(of_name, row)
    if unit is not None:
        place = numbers_in(unit, _("--unit takes one number or two, as in 2 or 2,0, not '{text}'"))
        if min(place) < 0:
            raise SettingError(_("units are counted from 0, not {unit}").format(unit=min(place)))
        shown = tuple(e.of_unit(place) for e in shown)
    return shown


def _print(found: Explanation, shown: tuple[Entry, ...]) -> None:
    from tidu.fronts.explanation_pages import closing, remarks_on
    from tidu.insight.explanation import sections_of
    from tidu.insight.reporting.step_sections import heading_of

    console = Console()
    console.print()
    console.print(Text(found.formula, style="bold"))
    console.say(heading_of(found))
    for words in found.layers:
        console.say(words)
    for section in sections_of(found, shown):
        console.print()
        console.print(Text(section.title, style="bold"))
        if section.entries[0].block == "given":
            _print_given(console, section.entries)
        else:
            for e in section.entries:
                _print_entry(console, e)
        for sentence in remarks_on(found, section):
            console.say(sentence, first="      ")
    console.print()
    for sentence in closing(found):
        console.say(sentence, style="bold red" if not found.taken else "")
    console.print()


def _print_given(console: Console, entries: tuple[Entry, ...]) -> None:
    """What a step begins with: as much on a line as there is room for."""
    told: dict[str, list[str]] = {}
    for e in entries:
        told.setdefault(e.rule, []).append(f"{e.symbol.written('unicode')} = {e.result('unicode')}")
    for rule, values in told.items():
        left_out = len(values) - MOST_GIVEN
        parts = values if left_out <= 0 else [*values[:MOST_GIVEN], _("… ({count} more)").format(count=left_out)]
        console.say(_("{name}: {statement}").format(name=rule, statement=_(", ").join(parts)), first="      ")


def _print_entry(console: Console, e: Entry) -> None:
    """The line, the equation, its code, and why."""
    left, *right = e.equation("unicode")
    if e.shape:
        left += f" ({shape_in_words(e.shape)})"
    whole = " = ".join([left, *right])
    room = console.width - 6
    lines = [whole] if len(whole) <= room else [f"{left} = {right[0]}", *(f"  = {part}" for part in right[1:])]
    for k, line in enumerate(lines):
        console.say(line, first=f"{e.line:4}  " if k == 0 else "      ")
    if e.code and not whole.startswith(e.code):
        console.say(e.code, first="      ", style="cyan")
    console.say(e.rule, first="      ", style="dim")


def _tell_why_not(found: WhyNot, form: str | None, as_json: bool) -> None:
    from tidu.fronts import explanation_pages

    if as_json:
        print_json(found.to_dict())
    elif form not in (None, "terminal"):
        click.echo(getattr(explanation_pages, f"why_not_in_{form}")(found))
    else:
        console = Console()
        console.print()
        console.say(found.explanation.formula, style="bold")
        for sentence in found.sentences:
            console.say(sentence, first="  · ")
        console.print()


def _tell_derivation(found: Derivation, formula: str, form: str | None, as_json: bool) -> None:
    from tidu.fronts import explanation_pages

    if as_json:
        print_json({"formula": formula, **found.to_dict()})
    elif form == "latex":
        click.echo(found.to_latex())
    elif form == "markdown":
        click.echo(explanation_pages.derivation_in_markdown(found))
    elif form == "html":
        click.echo(explanation_pages.derivation_in_html(found))
    else:
        _print_derivation(found)


def _print_derivation(found: Derivation) -> None:
    from tidu.language.printer import unicode

    console = Console()
    console.print()
    if found.prediction is not None:
        console.say(f"ŷ = {unicode(found.prediction)}")
        console.print()
    left = f"∂ℓ/∂{unicode_name(found.name)}"
    table = Table.grid(padding=(0, 1, 0, 0))
    for _column in range(3):
        table.add_column(overflow="fold")
    for k, (shown, rule) in enumerate(found.shown()):
        table.add_row(left if k == 0 else "", "=", Text(shown, style="bold"))
        table.add_row("", "", Text(rule, style="dim"))
    console.print(table)
    if found.loop:
        console.print()
        for line in found.loop:
            console.say(line.code, first=f"{line.number:4}  ", style="cyan")
    console.print()
