"""`tidu scan`: the cost at every value of one parameter, or of two."""

from __future__ import annotations

from typing import Any

import click

from tidu.content.declarations import MODEL
from tidu.content.kinds import Assignments, Numbers
from tidu.fronts.command_options import (
    OfKind,
    check_outputs,
    csv_of,
    data_and_formula,
    declared_options,
    file_option,
    given_of,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.text import _


@click.command(
    "scan",
    cls=Command,
    help=_(
        "Try every value of one parameter, or every pair of two, and show the cost.\n\n"
        "What one does before gradient descent: --over w=0:4:0.1 tries w = 0, 0.1, ... 4."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The cost as a curve over one weight:"), 'tidu scan points.csv "y = w*x" --over w=0:4:0.1 --plot'),
        (_("As a map over two parameters:"), 'tidu scan points.csv "y = w*x + b" --over w=0:4:0.1 --over b=-2:2:0.1'),
    ),
)
@data_and_formula
@click.option("--over", multiple=True, required=True, type=OfKind(Assignments()), metavar=_("NAME=LOW:HIGH:STEP"),
              cls=Option, group=MODEL, help=_("A parameter to vary; once or twice."))  # fmt: skip
@click.option("--fixed", type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=MODEL,
              help=_("Values of the other parameters; 0 by default."))  # fmt: skip
@declared_options("scan")
@file_option(
    "--plot",
    _("Draw the cost as a curve or a map (.png, .svg or .pdf; tidu-scan.png if no name is given)."),
    bare="tidu-scan.png",
)
@output_options
def scan_command(data: str, formula: str, over: tuple[dict[str, str], ...], **values: Any) -> int:
    """`tidu scan`."""
    from tidu.fronts.progress import watched
    from tidu.training.scan import scan as scan_grid

    plot, as_json = values.pop("plot"), values.pop("as_json")
    values.pop("lang")
    check_outputs(plot)
    csv = csv_of(values)
    ranges = {name: values for each in over for name, values in each.items()}
    with watched(_("scanning")) as progress:
        result = scan_grid(formula, data, ranges, csv=csv, callbacks=progress, **given_of(values))
    if plot is not None:
        result.plot(plot)
    if as_json:
        print_json(result.to_dict())
    else:
        from tidu.fronts.report import report_scan

        report_scan(result, [plot] if plot is not None else [])
    return GOOD
