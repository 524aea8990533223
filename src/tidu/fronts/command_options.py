"""The options of commands: those of training as they are declared, and those of files, of CSV text and of output.

Used by the commands of `cli`, `sweeping` and `diagnosis`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from tidu.content.kinds import GROUPS, OUTPUT, Declaration, Flag, Kind, declared
from tidu.data.layout import CsvOptions
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.options import OPTIONS

DECLARED = {**OPTIONS, **declared(CsvOptions)}
Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


def _format_usage(command: Any, ctx: click.Context, formatter: Any) -> None:
    """Begin the help with the word for usage in the language in use, which rich-click leaves in English."""
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=_("Usage:"))


class Command(click.RichCommand):
    """A command whose help is in the language in use."""

    format_usage = _format_usage


class Group(click.RichGroup):
    """The commands."""

    format_usage = _format_usage
    command_class = Command


class OfKind(click.ParamType[Any]):
    """What stands after an option, read as its kind says."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name = kind.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value that a text stands for; anything else is a value already."""
        name = param.opts[0] if param is not None else ""
        return self.kind.read(name, value) if isinstance(value, str) else value


class Option(click.Option):
    """An option under a heading of `--help`."""

    def __init__(self, *args: Any, group: str = OUTPUT, **more: Any) -> None:
        super().__init__(*args, **more)
        self.group = group


def options(*decorators: Decorator) -> Decorator:
    """Several decorators as one, the first on top."""
    return lambda f: functools.reduce(lambda g, d: d(g), reversed(decorators), f)


def declared_options(verb: str) -> Decorator:
    """The options of training that a command has, group by group."""
    has = [entry for entry in DECLARED.values() if verb in entry.verbs]
    entries = sorted(has, key=lambda entry: GROUPS.index(entry.group))
    return options(*(_declared(entry, verb) for entry in entries))


def _declared(entry: Declaration, verb: str) -> Decorator:
    """An option as it is declared. Without a default: what is not given is left to the function that is called."""
    word = entry.word
    if isinstance(entry.kind, Flag):
        names = f"--{word}/--no-{word}" if entry.default else f"--{word}"
        how: dict[str, Any] = {"is_flag": True}
    else:
        names, how = f"--{word}", {"type": OfKind(entry.kind), "metavar": _(entry.kind.metavar)}
    return click.option(
        names, entry.name, cls=Option, group=entry.group, default=None, help=help_of(entry, verb), **how
    )


def help_of(entry: Declaration, verb: str) -> str:
    """The help of an option, with its default where that is a number or a word."""
    default = entry.default_of(verb)
    if not default or isinstance(default, (bool, dict)):
        return entry.help_of(verb)
    return f"{entry.help_of(verb)} {_('(default: {})').format(entry.kind.written(default))}"


def given_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that stand on the command line, as arguments of a function."""
    return {name: value for name, value in values.items() if value is not None}


output_options = options(
    click.option("--json", "as_json", is_flag=True, cls=Option, help=_("Print one JSON object and nothing else.")),
    click.option("--lang", metavar="zh|en", cls=Option, help=_("Language of all words; default from the locale.")),
)


def csv_of(values: dict[str, Any]) -> CsvOptions:
    """Take what says how text is to be read out of a command's arguments."""
    given = given_of({name: values.pop(name) for name in declared(CsvOptions)})
    if "delimiter" in given:
        given["delimiter"] = given["delimiter"].replace("\\t", "\t")
    return CsvOptions(**given)


def check_outputs(plot: str | None, out: str | None = None, data: str = "-") -> None:
    """Refuse what could not be written, or would write over what is needed, before the work is done."""
    if plot is not None:
        from tidu.pictures.figure import check_path

        check_path(plot)
    for path in (plot, out):
        if path is None:
            continue
        if not path or Path(path).is_dir():
            raise SettingError(_("'{path}' is not the name of a file to write").format(path=path))
        if not Path(path).parent.is_dir():
            raise SettingError(_("there is no folder '{folder}' to write to").format(folder=Path(path).parent))
        if data != "-" and os.path.exists(path) and os.path.exists(data) and os.path.samefile(path, data):
            raise SettingError(_("'{path}' is the data; it would be overwritten").format(path=path))
    if plot is not None and out is not None and Path(plot).absolute() == Path(out).absolute():
        raise SettingError(_("'{path}' cannot be both the model and the picture").format(path=out))
