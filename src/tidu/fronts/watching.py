"""`tidu watch`: a learner's script, run as it is, and what happened in it."""

from __future__ import annotations

import contextlib
import sys

import click

from tidu.errors import SettingError
from tidu.fronts.command_options import FileName, output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import print_json
from tidu.text import _


@click.command(
    "watch",
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    help=_(
        "Run a script and show what happened in it: the graph of the first backward(), gradients, losses, the way of "
        "the parameters, and what is wrong, with its line and the cure.\n\n"
        "SCRIPT.py computes with tensors: of tidu, 'from tidu import nd, autograd', or 'import tidu.torch_names as "
        "torch'. Of a script in plain Python or NumPy, --record names the variables to look at, --loss and --grad what "
        "to audit. The script runs as it would by itself, with its own arguments, output and exit status; arguments "
        "after -- are the script's in any case. With --json, what it prints goes to standard error."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("A script with tensors:"), "tidu watch chapter3.py"),
        (_("The same as a page, with pictures:"), "tidu watch chapter3.py --report chapter3.html"),
        (_("A script in plain Python: its weights and its loss, turn by turn:"),
         "tidu watch line.py --record w,b,loss"),
        (_("Are its gradients right? Names of variables, or of functions:"),
         "tidu watch line.py --record w,b --loss loss --grad w=dw --grad b=db"),
        (_("With arguments of the script:"), "tidu watch train.py -- -n 3 data.csv"),
    ),
)  # fmt: skip
@click.argument("script", metavar=_("SCRIPT.py"), type=FileName())
@click.argument("arguments", metavar=_("[ARGUMENTS]"), nargs=-1, type=click.UNPROCESSED)
@click.option("--record", multiple=True, cls=Option, metavar=_("NAME,..."),
              help=_("Variables to record at each turn of the loop that changes them."))  # fmt: skip
@click.option("--loss", cls=Option, metavar=_("NAME"),
              help=_("The loss of the script, a function or a variable, for the audit."))  # fmt: skip
@click.option("--grad", multiple=True, cls=Option, metavar=_("NAME=NAME"),
              help=_("A parameter and the script's gradient by it, functions or variables; once or more."))  # fmt: skip
@click.option("--report", cls=Option, metavar=_("FILE.html"),
              help=_("Write everything as one HTML file, with pictures."))  # fmt: skip
@output_options
def watch_command(
    script: str, arguments: tuple[str, ...], record: tuple[str, ...], loss: str | None, grad: tuple[str, ...],
    report: str | None, as_json: bool, lang: str | None,
) -> int:  # fmt: skip
    """`tidu watch`."""
    from tidu.insight.watching.watched import watch_script

    if report is not None:
        from tidu.fronts.command_options import check_outputs
        from tidu.insight.reporting.run_report import check_report_path

        check_report_path(report)
        check_outputs(None, report, script)
    names = tuple(name.strip() for each in record for name in each.replace("，", ",").split(",") if name.strip())
    silent = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    with silent:
        watched = watch_script(script, arguments, names, loss, tuple(map(_pair, grad)))
    if report is not None:
        from tidu.insight.reporting.html import page
        from tidu.insight.watching.sections import document_of
        from tidu.writing import write_whole

        write_whole(report, page(document_of(watched)).encode())
    if as_json:
        print_json(watched.to_dict())
        return watched.ended.status
    from tidu.fronts.report import closing, show
    from tidu.fronts.terminal import Console
    from tidu.insight.watching.sections import sections_of

    console = Console()
    for section in sections_of(watched):
        console.print()
        console.say(section.title, "── ", style="bold")
        show(console, section.blocks)
    closing(console, None, [report] if report is not None else [])
    return watched.ended.status


def _pair(text: str) -> tuple[str, str]:
    """The parameter and its gradient in the text of `--grad`."""
    name, sign, gradient = (part.strip() for part in text.partition("="))
    if not name or not sign or not gradient:
        raise SettingError(_("--grad: '{text}' is not NAME=NAME, such as w=dw").format(text=text))
    return name, gradient
