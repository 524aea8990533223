"""The options of commands: those of training as they are declared, and those of files, of CSV text and of output.

Used by the commands of `cli`, `sweeping` and `diagnosis`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from tidu.content.declarations import GROUPS, Declaration, declared
from tidu.content.kinds import Flag, FlagOr, Kind
from tidu.data.csv_options import CsvOptions
from tidu.errors import SettingError
from tidu.fronts.help import Option
from tidu.text import _
from tidu.training.options import DECLARED

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


class OfKind(click.ParamType[Any]):
    """What stands after an option, read as its kind says."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name = kind.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value that a text stands for; anything else is a value already."""
        name = "" if param is None else param.opts[0]
        if isinstance(param, click.Argument) and param.metavar:
            name = param.metavar.rstrip(".")
        return self.kind.read(name, value) if isinstance(value, str) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The values that begin with what is written."""
        return [CompletionItem(name) for name in self.kind.names if name.startswith(incomplete)]


class FileName(click.ParamType[str]):
    """The name of a file, which a shell completes."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, as it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Files."""
        return [CompletionItem(incomplete, type="file")]


def options(*decorators: Decorator) -> Decorator:
    """Several decorators as one, the first on top."""
    return lambda f: functools.reduce(lambda g, d: d(g), reversed(decorators), f)


def declared_options(verb: str, *besides: str) -> Decorator:
    """The options of training that a command has, group by group; those that it declares itself stand in `besides`."""
    has = [entry for entry in DECLARED.values() if verb in entry.verbs and entry.name not in besides]
    entries = sorted(has, key=lambda entry: GROUPS.index(entry.group))
    return options(*(_declared(entry, verb) for entry in entries))


def _declared(entry: Declaration, verb: str) -> Decorator:
    """An option as it is declared. Without a default: what is not given is left to the function that is called."""
    word = entry.word
    if isinstance(entry.kind, FlagOr):
        shared: dict[str, Any] = {"cls": Option, "group": entry.group, "default": None}
        return options(
            click.option(
                f"--{word}", entry.name, type=OfKind(entry.kind), metavar=entry.kind.metavar, bare="true",
                words=entry.kind.names, help=help_of(entry, verb), **shared,
            ),
            click.option(
                f"--no-{word}", entry.name, flag_value=False, is_flag=True, type=OfKind(entry.kind),
                help=_("The opposite of --{word}.").format(word=word), **shared,
            ),
        )  # fmt: skip
    if isinstance(entry.kind, Flag):
        names = f"--{word}/--no-{word}" if entry.default else f"--{word}"
        how: dict[str, Any] = {"is_flag": True}
    else:
        names, how = f"--{word}", {"type": OfKind(entry.kind), "metavar": _(entry.kind.metavar)}
        if entry.kind.repeated:
            how |= {"multiple": True, "callback": joined}
    return click.option(
        names, entry.name, cls=Option, group=entry.group, default=None, help=help_of(entry, verb), **how
    )


def joined(ctx: click.Context, param: click.Parameter, values: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...] | None:
    """The values of an option that stands several times, as one; None where it does not stand there."""
    return tuple(value for several in values for value in several) or None


def help_of(entry: Declaration, verb: str) -> str:
    """The help of an option, with its default where that is a number or a word."""
    default = entry.default_of(verb)
    if not default or isinstance(default, (bool, dict)):
        return entry.help_of(verb)
    return _("{help} (default: {default})").format(help=entry.help_of(verb), default=entry.kind.written(default))


def given_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that stand on the command line, as arguments of a function."""
    return {name: value for name, value in values.items() if value is not None}


def file_option(name: str, words: str, bare: str = "") -> Decorator:
    """An option that names a file to write; `bare` is its name where none is given."""
    return click.option(name, type=FileName(), cls=Option, metavar=_("FILE"), help=words, bare=bare)


code_option = click.option(
    "--show-code", type=click.Choice(["loop", "llvm", "asm"]), metavar="loop|llvm|asm", cls=Option, bare="loop",
    help=_("Print the loop that ran; llvm or asm: the machine code that was made of it."),
)  # fmt: skip


def data_and_formula(function: Function) -> Function:
    """The two arguments of what trains."""
    return options(
        click.argument("data", metavar=_("DATA"), type=FileName()), click.argument("formula", metavar=_("FORMULA"))
    )(function)


def files_and_formula(function: Function) -> Function:
    """The same where the data may be several files: one name, or a list of them."""
    return options(
        click.argument("data", metavar=_("DATA"), type=FileName(), nargs=-1),
        click.argument("formula", metavar=_("FORMULA"), required=False, callback=_with_files),
    )(function)


def _with_files(ctx: click.Context, param: click.Parameter, formula: str | None) -> str:
    """The formula, which is the last of the words; those before it are files."""
    files = ctx.params["data"]
    if formula is None or not files:
        missing = param if formula else next(p for p in ctx.command.params if p.name == "data")
        raise click.MissingParameter(ctx=ctx, param=missing)
    ctx.params["data"] = files[0] if len(files) == 1 else list(files)
    return formula


lang_option = click.option(
    "--lang", metavar="zh|en", cls=Option, help=_("Language of all words; by default that of the locale.")
)
output_options = options(
    click.option("--json", "as_json", is_flag=True, cls=Option, help=_("Print one JSON object and nothing else.")),
    lang_option,
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
