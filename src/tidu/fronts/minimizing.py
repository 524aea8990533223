"""`tidu minimize`: a walk down a plain function."""

from __future__ import annotations

from typing import Any

import click

from tidu.content.declarations import DESCENT
from tidu.content.kinds import Numbers
from tidu.fronts.command_options import (
    OfKind,
    check_outputs,
    code_option,
    declared_options,
    file_option,
    given_of,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import code_of, print_json, status_of
from tidu.text import _


@click.command(
    "minimize",
    cls=Command,
    help=_(
        "Walk down a plain function to its minimum.\n\n"
        "FUNCTION is an expression, such as '3*x1**2 + 4*x2**2'; --at says where to start, and so names the variables."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("A parabola:"), 'tidu minimize "3*x**2" --at x=1'),
        (_("A valley of two variables, with momentum and a picture of the way:"),
         'tidu minimize "(1-a)**2 + 100*(b-a**2)**2" --at a=-1,b=1 --lr 0.001 --optimizer momentum --plot'),
    ),
)  # fmt: skip
@click.argument("function", metavar=_("FUNCTION"))
@click.option("--at", required=True, type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=DESCENT,
              help=_("Where to start, such as x1=1,x2=1."))  # fmt: skip
@declared_options("minimize")
@file_option(
    "--plot",
    _("Draw the way down (.png, .svg or .pdf; tidu-minimize.png if no name is given)."),
    bare="tidu-minimize.png",
)
@code_option
@output_options
def minimize_command(function: str, at: dict[str, float], **values: Any) -> int:
    """`tidu minimize`."""
    from tidu.fronts.progress import watched
    from tidu.training.minimize import minimize as walk_down

    plot, show_code, as_json = (values.pop(k) for k in ("plot", "show_code", "as_json"))
    values.pop("lang")
    check_outputs(plot)
    with watched(_("descending")) as progress:
        result = walk_down(function, at, callbacks=progress, **given_of(values))
    if plot is not None:
        result.plot(plot)
    code = code_of(result, show_code) if show_code else None
    if as_json:
        print_json({**result.to_dict(), **({} if code is None else {"source": code})})
    else:
        from tidu.fronts.report import report_minimum

        report_minimum(result, code, show_code or "loop", written=[plot] if plot is not None else [])
    return status_of(result.stopped)
