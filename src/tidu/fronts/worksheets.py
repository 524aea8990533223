"""`tidu worksheet`: a step of a training with blanks, and its key, for teachers."""

from __future__ import annotations

from typing import Any

import click

from tidu.content.kinds import Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import (
    FileName,
    OfKind,
    check_outputs,
    declared_options,
    file_option,
    options,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.fronts.plotting import runs_of
from tidu.fronts.reporting import data_option
from tidu.fronts.stored import store_option
from tidu.text import _


@click.command(
    "worksheet",
    cls=Command,
    help=_(
        "A step of a training as a worksheet: results are left blank, and the key is on a page of its own.\n\n"
        "DATA and FORMULA are as in 'tidu fit', and so are the options; in their place may stand RUN, the number of a "
        "run in the store or its file. The same seed gives the same blanks."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The first step of a line, for printing:"), 'tidu worksheet points.csv "y = w*x + b" --out step.html'),
        (_("Step 7 of run 3, every result blank:"), "tidu worksheet 3 --step 7 --difficulty hard"),
    ),
)
@click.argument("subjects", metavar=_("DATA FORMULA | RUN"), nargs=-1, required=True, type=FileName())
@click.option("--step", type=OfKind(Whole(0)), cls=Option, metavar=_("STEP"), help=_("The step (default: 0)."))
@click.option("--rows", cls=Option, metavar=_("ROW,..."), help=_("Rows of the step's batch; by default its first."))
@click.option("--difficulty", type=click.Choice(["easy", "medium", "hard"]), cls=Option, metavar="easy|medium|hard",
              help=_("How many results are left blank: some, most or all (default: medium)."))  # fmt: skip
@click.option("--blanks-seed", type=OfKind(Whole(0)), cls=Option, metavar=_("SEED"),
              help=_("Another number leaves other results blank (default: 0)."))  # fmt: skip
@file_option("--out", _("The file to write, .html or .md; without it, Markdown is printed."))
@data_option
@declared_options("explain")
@options(store_option, output_options)
def worksheet_command(subjects: tuple[str, ...], **values: Any) -> int:
    """`tidu worksheet`."""
    from tidu.fronts.explaining import numbers_in
    from tidu.insight.worksheet import form_of

    names = ("step", "rows", "difficulty", "blanks_seed", "out", "data", "store_path", "as_json")
    step, rows, difficulty, seed, out, data, store_path, as_json = (values.pop(name) for name in names)
    values.pop("lang")
    if out is not None:
        form_of(out)
        check_outputs(None, out, data or subjects[0])
    chosen = None if rows is None else numbers_in(rows, _("--rows takes numbers of rows, as in 0,3,7, not '{text}'"))
    of_data = len(subjects) == 2 and "=" in subjects[1]
    if len(subjects) != 1 and not of_data:
        raise SettingError(_("a worksheet is of one training: give DATA and a formula, or RUN"))
    if of_data and values.get("epochs") is None and values.get("steps") is None:
        values["steps"] = (step or 0) + 1  # no further than is asked about
    (run,) = runs_of(subjects, values, data, store_path)
    sheet = run.worksheet(step or 0, chosen, difficulty or "medium", seed or 0)
    if out is not None:
        sheet.save(out)
    if as_json:
        print_json({"step": sheet.found.step, "written": out, "blanks": [b.to_dict() for b in sheet.blanks]})
    else:
        click.echo(sheet.text("markdown") if out is None else f"  → {out}", nl=out is not None)
    return GOOD
