"""`tidu models`: common forms of curves by name; `tidu suggest`: which of them fit two columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tidu.errors import SettingError, closest
from tidu.fronts.command_options import (
    FileName,
    check_outputs,
    csv_of,
    declared_options,
    file_option,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.help_pages import Page, Section, rendered
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, print_json
from tidu.text import _

if TYPE_CHECKING:
    from tidu.content.forms import Form
    from tidu.insight.suggest import Suggestion


@click.command(
    "models",
    cls=Command,
    help=_(
        "List common forms of curves, which a formula may call by name; or show one.\n\n"
        "'y = logistic4(dose)' is a formula like any other. Its parameters start where the data say."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("One form: its formula, its parameters and their units, and what it looks like:"), "tidu models logistic4"),
        (_("All of them for a program:"), "tidu models --json"),
    ),
)
@click.argument("name", metavar=_("[NAME]"), required=False)
@output_options
def models_command(name: str | None, as_json: bool, lang: str | None) -> int:
    """`tidu models`."""
    from tidu.content.forms import FORMS

    if name is not None and name not in FORMS:
        near = closest(name, FORMS)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no form of curves called '{name}'{hint}; there are: {names}").format(
                name=name, hint=hint, names=", ".join(FORMS)
            )
        )
    if as_json:
        print_json({"models": [_plain(form) for form in FORMS.values()]} if name is None else _plain(FORMS[name]))
    elif name is None:
        click.echo(rendered(_list_of(list(FORMS.values()))), nl=False)
    else:
        _show(FORMS[name])
    return GOOD


def _plain(form: Form) -> dict[str, Any]:
    return {
        "name": form.name, "title": _(form.title), "formula": form.formula,
        "parameters": {p: {"meaning": _(m.words), "unit": m.unit} for p, m in form.parameters.items()},
    }  # fmt: skip


def _list_of(forms: list[Form]) -> Page:
    """The forms as a page of help."""
    rows = tuple((f"{form.name}(x)", f"{_(form.title)}: {form.formula}") for form in forms)
    words = _("A formula calls them by name: 'y = gaussian(t)', and adds them: 'y = gaussian(t) + gaussian(t)'.")
    return Page("", (words,), (), (Section(_("Forms of curves"), rows),))


def _show(form: Form) -> None:
    from rich.text import Text

    from tidu.fronts.report import grid
    from tidu.fronts.terminal import Console
    from tidu.insight.picturing.of_forms import form_plane
    from tidu.language.printer import unicode
    from tidu.pictures.sketches import plane_sketch

    console = Console()
    console.print()
    console.say(f"{form.name}: {_(form.title)}")
    console.say(f"y = {unicode(form.expression())}", "  ")
    console.print()
    table = grid(_("parameter"), _("meaning"), _("unit"))
    table.columns[1].justify = table.columns[2].justify = "left"
    for name, meaning in form.parameters.items():
        table.add_row(name, _(meaning.words), meaning.unit)
    console.print(table)
    console.print(Text(plane_sketch(form_plane(form))))


@click.command(
    "suggest",
    cls=Command,
    help=_(
        "Fit the common forms of curves to Y over X, and rank them; and say how much the ranking means.\n\n"
        "DATA is as in 'tidu fit'; Y and X are two of its columns. The rank is by AICc; beside it stands the error on "
        "rows that were left out of the fit."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("What is the form of this curve?"), "tidu suggest dose.csv response dose"),
        (_("The best beside one another, as a picture:"), "tidu suggest dose.csv response dose --plot"),
    ),
)
@click.argument("data", metavar=_("DATA"), type=FileName())
@click.argument("target", metavar="Y")
@click.argument("feature", metavar="X")
@file_option(
    "--plot",
    _("Draw the best beside one another (.png, .svg or .pdf; tidu-suggest.png if no name is given)."),
    bare="tidu-suggest.png",
)
@click.option("--all", "show_all", is_flag=True, cls=Option, help=_("Say of each form that is not listed why not."))
@declared_options("suggest")
@output_options
def suggest_command(data: str, target: str, feature: str, show_all: bool, **values: Any) -> int:
    """`tidu suggest`."""
    from tidu.fronts.progress import counting
    from tidu.insight.suggest import suggest

    plot, as_json = values.pop("plot"), values.pop("as_json")
    values.pop("lang")
    check_outputs(plot, data=data)
    with counting(_("fitting")) as progress:
        found = suggest(data, target, feature, csv=csv_of(values), progress=progress)
    if plot is not None and found.candidates:
        found.plot(plot)
    if as_json:
        print_json(found.to_dict())
    else:
        _report(found, [plot] if plot is not None and found.candidates else [], show_all)
    return GOOD if found.candidates else BAD_OUTCOME


def _report(found: Suggestion, written: list[str], show_all: bool) -> None:
    from tidu.fronts.report import closing, grid
    from tidu.fronts.terminal import Console

    console = Console()
    console.print()
    if found.candidates:
        table = grid(_("form"), "ΔAICc", _("weight"), _("error on rows left out"), _("scatter"), _("parameters"))
        table.padding = (0, 1)
        for column in table.columns:
            column.no_wrap = True
        for c in found.candidates:
            table.add_row(c.name, f"{c.delta:.3g}", f"{c.weight:.2f}", f"{c.error:.4g}", f"{c.deviation:.4g}",
                          str(len(c.run.params)))  # fmt: skip
        console.print(table)
        best = found.candidates[0]
        values = ", ".join(f"{name} = {value:.5g}" for name, value in best.run.params.items())
        console.print()
        console.say(f"{best.formula}: {best.title}")
        console.say(values, "  ")
    for sentence in found.sentences:
        console.say(sentence, "  · ")
    for name, reason in found.left_out if show_all else ():
        console.say(_("{name}: {reason}").format(name=name, reason=reason), "  – ")
    closing(console, None, written)
