"""`tidu sweep`: many trainings; the best runs, how to have the best one again, and a table of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from tidu.content.declarations import DATA, MODEL
from tidu.errors import SettingError
from tidu.fronts.command_options import (
    check_outputs,
    csv_of,
    data_and_formula,
    declared_options,
    file_option,
    given_of,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, INTERRUPTED, print_json
from tidu.fronts.report import closing, remarks, show
from tidu.fronts.terminal import Console
from tidu.fronts.wrapping import shell_lines
from tidu.insight.reporting.repeating import words_of
from tidu.insight.reporting.sweep_blocks import parameters_of_numbers, sweep_blocks
from tidu.text import _
from tidu.training.options import DECLARED
from tidu.training.sweeping.axes import SETTINGS as VARYING
from tidu.training.sweeping.swept import Sweep
from tidu.writing import write_whole

BEST = 10


@click.command(
    "sweep",
    cls=Command,
    help=_(
        "Train with every combination of some settings, and compare.\n\n"
        "--over names what varies and its values: lr=0.001,0.01,0.1, batch_size=1,10,100, seed=0:9:1, "
        "lr='log(1e-4,1,30)', w='linear(-1,1,11)' (the start of the parameter w). What can vary besides starts: "
        "{varying}. Each run is what 'tidu fit' gives with these settings."
    ).format(varying=", ".join(VARYING)),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Thirty learning rates, side by side:"),
         "tidu sweep points.csv \"y = w*x + b\" --over lr='log(1e-4,1,30)' --plot"),
        (_("Optimizers and batch sizes, all runs in a table:"),
         'tidu sweep points.csv "y = w*x + b" --over optimizer=gd,adam --over batch_size=1,10 --out runs.csv'),
    ),
)  # fmt: skip
@data_and_formula
@click.option("--over", multiple=True, required=True, metavar=_("NAME=VALUES"), cls=Option, group=MODEL,
              help=_("What varies, and its values; once or more."))  # fmt: skip
@declared_options("sweep")
@file_option("--out", _("Write a row for each run to this CSV file."))
@file_option(
    "--plot",
    _("Draw the last losses as a curve or a map (.png, .svg or .pdf; tidu-sweep.png if no name is given)."),
    bare="tidu-sweep.png",
)
@output_options
def sweep_command(data: str, formula: str, over: tuple[str, ...], **values: Any) -> int:
    """`tidu sweep`."""
    from tidu.fronts.progress import watched
    from tidu.training.sweeping.sweep import sweep as train_all

    plot, out, as_json = (values.pop(k) for k in ("plot", "out", "as_json"))
    values.pop("lang")
    check_outputs(plot, out, data)
    ranges, given = ranges_of(over), given_of(values)
    csv = csv_of(values)
    with watched(_("sweeping")) as progress:
        result = train_all(formula, data, ranges, csv=csv, callbacks=progress, **given_of(values))
    if out is not None:
        write_sweep(out, result)
    if plot is not None:
        result.plot(plot)
    if as_json:
        print_json(result.to_dict())
    else:
        report_sweep(result, data, given, [p for p in (out, plot) if p is not None])
    if "interrupted" in result.stopped:
        return INTERRUPTED
    return GOOD if len(result.order) else BAD_OUTCOME


def ranges_of(over: Sequence[str]) -> dict[str, str]:
    """What `--over NAME=VALUES` gives, each time that it is given."""
    found: dict[str, str] = {}
    for each in over:
        name, _equals, values = (part.strip() for part in each.partition("="))
        if not name or not values:
            raise SettingError(_("--over takes name=values, as in lr=0.001,0.01,0.1; not '{text}'").format(text=each))
        if name in found:
            raise SettingError(_("the sweep varies '{name}' twice").format(name=name))
        found[name] = values
    return found


def report_sweep(result: Sweep, data: str, given: Mapping[str, Any], written: Sequence[str]) -> None:
    """The best runs, and the command that gives the best one, with the options on the data as they were `given`."""
    console = Console()
    console.print()
    show(console, sweep_blocks(result))
    untrained = sum(why == "interrupted" for why in result.stopped)
    if len(result.order):
        of_the_data = {k: v for k, v in given.items() if DECLARED[k].group == DATA or k == "engine"}
        options = result.options_of(int(result.order[0])) | of_the_data
        words = ["tidu", "fit", data, result.shared.formula, *words_of(options)]
        console.say(_("the best one again:"), "  ", style="dim")
        console.print(Text(shell_lines(words, console.width), style="cyan"), soft_wrap=True)
    elif not untrained:
        remarks(console, [_("every run diverged; try smaller learning rates")], bad=True)
    closing(console, None, written)


def write_sweep(path: str, result: Sweep) -> None:
    """A CSV file with a row for each run, in the order of the grid."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    tested = ["test_loss"] if result.test_loss is not None else []
    # A parameter at the end beside its own start needs a name of its own.
    ends = [f"{name} (end)" if name in result.over else name for name in parameters_of_numbers(result)]
    writer.writerow([*result.over, *ends, "loss", *tested, "stopped", "epochs", "steps"])
    for row in result:
        cells = [
            *(row[name] for name in result.over),
            *(row["params"][name] for name in parameters_of_numbers(result)),
            row["loss"],
        ]
        cells += [row[name] for name in (*tested, "stopped", "epochs", "steps")]
        writer.writerow([_value(cell) for cell in cells])
    write_whole(Path(path), buffer.getvalue().encode())


def _value(value: object) -> str:
    """Every digit of a number, so that it can be used again."""
    return repr(value) if isinstance(value, float) else "" if value is None else str(value)
