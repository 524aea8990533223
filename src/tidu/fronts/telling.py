"""Commands that tell what there is: `tidu functions`, and `tidu completion` for shells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from tidu.errors import SettingError
from tidu.fronts.command_options import lang_option, output_options
from tidu.fronts.commands import COMPLETE
from tidu.fronts.help import Command
from tidu.fronts.help_pages import Page, Section, rendered
from tidu.fronts.outcomes import GOOD, print_json
from tidu.text import _

if TYPE_CHECKING:
    from tidu.content.function_list import FormulaFunction

SHELLS = {
    "bash": 'eval "$(tidu completion bash)"',
    "zsh": 'eval "$(tidu completion zsh)"',
    "fish": "tidu completion fish | source",
}


@click.command(
    "functions",
    cls=Command,
    help=_("List the functions that a formula may call, and what each is."),
    options_metavar=_("[OPTIONS]"),
    examples=((_("Names and words for a program:"), "tidu functions --json"),),
)
@output_options
def functions_command(as_json: bool, lang: str | None) -> int:
    """`tidu functions`."""
    from tidu.content.function_list import functions_of_formulas

    entries = functions_of_formulas()
    if as_json:
        print_json({"functions": [_plain(entry) for entry in entries]})
    else:
        click.echo(rendered(functions_page(entries)), nl=False)
    return GOOD


def functions_page(entries: list[FormulaFunction]) -> Page:
    """The functions as a page of help."""
    plain = Section(_("Functions"), tuple((_call(e), e.meaning) for e in entries if not e.options))
    models = Section(_("Model functions"), tuple((_call(e), e.meaning) for e in entries if e.options))
    signs = _(
        "Besides + - * / **, comparisons (< <= > >= == !=), and, or, not, 'a if condition else b', and the numbers pi "
        "and e (unless the data has a column of that name), a formula may call these."
    )
    of_models = _("Model functions make their own parameters; '...' is every column that the formula does not name.")
    return Page("", (signs, of_models), (), (plain, models))


def _call(entry: FormulaFunction) -> str:
    if entry.options:
        return f"{entry.name}(..., {', '.join(entry.options)})"
    return ", ".join((entry.name, *entry.aliases))


def _plain(entry: FormulaFunction) -> dict[str, Any]:
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "words": entry.meaning,
        "options": dict(entry.options),
        "makes_parameters": entry.makes_parameters,
    }


@click.command(
    "completion",
    cls=Command,
    help=_("Print what makes a shell complete commands, options and files of tidu.\n\nSHELL is bash, zsh or fish."),
    options_metavar=_("[OPTIONS]"),
    examples=tuple((f"{shell}:", line) for shell, line in SHELLS.items()),
    closing=lambda: _("Put that line at the end of ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish."),
)
@click.argument("shell", metavar=_("SHELL"), type=click.STRING, shell_complete=lambda c, p, i: list(SHELLS))
@lang_option
def completion_command(shell: str, lang: str | None) -> int:
    """`tidu completion`."""
    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise SettingError(
            _("there is completion for {shells}, not for '{shell}'").format(shells=", ".join(SHELLS), shell=shell)
        )
    app = click.get_current_context().find_root().command  # which has this command
    click.echo(kind(app, {}, "tidu", COMPLETE).source())
    return GOOD
