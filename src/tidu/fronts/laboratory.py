"""`tidu lab`: the page on which one sees a training happen, served on this machine alone."""

from __future__ import annotations

import os
import webbrowser
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tidu.content.kinds import Whole
from tidu.data.csv_options import CsvOptions
from tidu.errors import MissingDependency, SettingError
from tidu.fronts.command_options import FileName, OfKind, csv_of, declared_options, given_of, lang_option
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD
from tidu.text import _
from tidu.training.options import DECLARED

if TYPE_CHECKING:
    from tidu.lab.session import Opened

HOST, PORT = "127.0.0.1", 8765
MOST_PORT = 65535


@click.command(
    "lab",
    cls=Command,
    help=_(
        "See a training happen, on a page: step by step, forward and back, every number behind a pointer.\n\n"
        "DATA and FORMULA are as in 'tidu fit'; DATA alone may be a run, a file of 'tidu fit --out' or a number of the "
        "store, which opens where it stands. Without them, choose or paste data on the page. It is served on this "
        "machine alone and asks nothing of any other; Ctrl-C ends it."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Begin with the examples:"), "tidu lab"),
        (_("A lesson, with questions:"), "tidu lab --lesson meter"),
        (_("Your data and your formula:"), 'tidu lab points.csv "y = w*x + b" --lr 0.01'),
        (_("Run 3 of the store:"), "tidu lab 3"),
    ),
)
@click.argument("data", metavar=_("DATA"), type=FileName(), default="")
@click.argument("formula", metavar=_("FORMULA"), default="")
@click.option(
    "--port",
    type=OfKind(Whole(0)),
    cls=Option,
    metavar=_("PORT"),
    help=_("The port to listen on; 0 is any that is free. (default: 8765, else any that is free)"),
)
@click.option(
    "--host",
    cls=Option,
    metavar=_("ADDRESS"),
    default=HOST,
    help=_("The address to listen on; any but 127.0.0.1 lets other machines in. (default: 127.0.0.1)"),
)
@click.option("--lesson", cls=Option, metavar=_("NAME"), help=_("Begin with a lesson, as a walk through the lab."))
@click.option("--no-browser", is_flag=True, cls=Option, help=_("Print the address and open no browser."))
@declared_options("lab")
@lang_option
def lab_command(
    data: str, formula: str, port: int | None, host: str, lesson: str | None, no_browser: bool, **values: Any
) -> int:
    """`tidu lab`."""
    try:
        from tidu.lab.guard import Guard, is_loopback
        from tidu.lab.server import Lab, listening, serve
        from tidu.lab.session import Opened
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "tidu":
            raise
        raise MissingDependency(_("the lab needs a web server; install it with: pip install 'tidu[lab]'")) from None

    values.pop("lang")
    if port is not None and port > MOST_PORT:
        raise SettingError(_("a port is a number from 0 to {most}, not {port}").format(most=MOST_PORT, port=port))
    if lesson is not None:
        if data:
            raise SettingError(_("a lesson brings its own data; leave out '{data}' or --lesson").format(data=data))
        from tidu.lessons.lesson import lesson_named

        lesson = lesson_named(lesson).name
    csv = csv_of(values)
    if data and formula:
        _check(data, formula, csv)
    try:
        on = listening(host, PORT if port is None else port)
    except SettingError:
        if port is not None:
            raise
        on = listening(host, 0)
    given = {name: _written(name, value) for name, value in given_of(values).items()}
    opened = Opened(data, formula, given, csv, lesson or "")
    if data and not formula and is_run(data):
        run = _run_opened(data)
        opened = replace(run, given={**run.given, **given})
    guard = Guard(host, on.getsockname()[1])
    if not is_loopback(host):
        click.echo(
            _("Warning: whoever reaches {host} and knows the address below can use this lab").format(host=host),
            err=True,
        )

    def ready() -> None:
        click.echo(_("The lab is at {address}").format(address=guard.address))
        click.echo(_("Ctrl-C ends it."), err=True)
        if not no_browser:
            webbrowser.open(guard.address)

    serve(Lab(guard, opened), on, ready)
    return GOOD


def is_run(name: str) -> bool:
    """Whether what was named is a run: a file of one, or a number where no file has this name."""
    return name.endswith(".tidu") or (name.isdecimal() and not os.path.exists(name))


def _run_opened(name: str) -> Opened:
    """A run as the page opens it: its data, formula and settings, and the step where it stands.

    Raises
    ------
    SettingError : its data were in memory.
    """
    from tidu.fronts.exporting import run_of
    from tidu.lab.problems import OF_THE_PAGE
    from tidu.lab.session import Opened
    from tidu.training.functions import reads_no_column
    from tidu.training.origin import Origin

    run = run_of(name, None, with_its_data=True)
    origin, of_function = run.origin or Origin(), run.program.target is None
    if of_function and not reads_no_column(run.program):
        raise SettingError(
            _(
                "the columns that the function of run {run} reads were not in a file; a link of the lab holds them"
            ).format(run=name)
        )
    if origin.path is None and not of_function:
        raise SettingError(
            _("the data of run {run} were not in a file; open them: tidu lab DATA FORMULA").format(run=name)
        )
    own = {n: getattr(run.settings, n) for n in OF_THE_PAGE if hasattr(run.settings, n)} | {
        "drop_missing": origin.drop_missing
    }
    given = {n: _written(n, v) for n, v in own.items() if n in OF_THE_PAGE and v != OF_THE_PAGE[n].default}
    judging = origin.validation if isinstance(origin.validation, float) else None
    return Opened(
        origin.path or "", run.settings.formula, given, origin.csv, step=run.steps, test_size=origin.test_size,
        validation=judging, function=of_function,
    )  # fmt: skip


def _check(data: str, formula: str, csv: CsvOptions) -> None:
    """Say at once what is wrong with data and formula, and not on the page."""
    from tidu.training.problem import Problem

    Problem.read(formula, data, csv=csv)


def _written(name: str, value: Any) -> Any:
    """A value as the text that the page shows, which reads back as the value; a flag stays one."""
    return value if isinstance(value, bool) else DECLARED[name].kind.written(value)
