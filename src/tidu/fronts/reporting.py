"""`tidu report`: a run, from its file or from the store, as one HTML file; and what `tidu fit --report` names."""

from __future__ import annotations

import click

from tidu.fronts.command_options import FileName, check_outputs, file_option, options, output_options
from tidu.fronts.exporting import run_of
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.fronts.stored import store_option
from tidu.text import _

data_option = click.option(
    "--data", type=FileName(), cls=Option, metavar=_("DATA"),
    help=_("The data that the run was fitted to, where they are not where they were."),
)  # fmt: skip


@click.command(
    "report",
    cls=Command,
    help=_(
        "Write a run as one HTML file: the question, the data, the model, the loop, curves, contours, three steps "
        "number by number, the diagnosis, and how to have it again.\n\n"
        "RUN is the number of a run in the store, or a file that 'tidu fit --out' wrote. The file needs no network; "
        "print it for a PDF."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Run 3 of the store:"), "tidu report 3 --out line.html"),
        (_("A run from its file, with its data:"), "tidu report line.tidu --data points.csv --out line.html"),
    ),
)
@click.argument("run", metavar=_("RUN"), type=FileName())
@file_option("--out", _("The file to write; its name ends in .html (default: tidu-report.html)."))
@data_option
@options(store_option, output_options)
def report_command(
    run: str, out: str | None, data: str | None, store_path: str | None, as_json: bool, lang: str | None
) -> int:
    """`tidu report`."""
    from tidu.insight.reporting.run_report import check_report_path

    path = out or "tidu-report.html"
    check_report_path(path)
    check_outputs(None, path, data or "-")
    found = run_of(run, store_path, data, with_its_data=True)
    found.report(path)
    if as_json:
        print_json({"written": path})
    else:
        click.echo(f"  → {path}")
    return GOOD


def reports_of(values: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What `--report` asks for: names of HTML files, and quantities, which have `=` in them.

    Raises
    ------
    SettingError
        A value is neither.
    """
    from tidu.insight.reporting.run_report import SUFFIXES, check_report_path

    quantities = [value for value in values if "=" in value and not value.lower().endswith(SUFFIXES)]
    paths = [value for value in values if value not in quantities]
    for path in paths:
        check_report_path(path)
    return paths, quantities
