"""`tidu compare`: several trainings on equal samples, in one table and picture, and what made the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tidu.content.kinds import Assignments
from tidu.errors import SettingError, closest
from tidu.fronts.command_options import (
    FileName,
    check_outputs,
    csv_of,
    declared_options,
    file_option,
    given_of,
    options,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.fronts.stored import store_option
from tidu.text import _
from tidu.training.options import DECLARED

if TYPE_CHECKING:
    from tidu.insight.compare import Comparison


@click.command(
    "compare",
    cls=Command,
    help=_(
        "Compare trainings on equal samples: costs, steps, rates against their limits, time, and what made the "
        "difference.\n\n"
        "DATA and FORMULA are as in 'tidu fit', with its options, which hold for all; each --with adds a training with "
        "settings of its own. Without --with: the full batch, mini-batches and single samples. Or two runs or more, "
        "each a file of 'tidu fit --out' or a number in the store; 'tidu runs compare' lists what differs in their "
        "records."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Full batch, mini-batches, single samples, with one learning rate:"),
         'tidu compare points.csv "y = w*x + b" --lr 0.01 --epochs 50'),
        (_("Three optimizers, with a picture:"),
         'tidu compare points.csv "y = w*x + b" --with optimizer=gd --with optimizer=momentum --with optimizer=adam '
         '--plot'),
        (_("Two runs of the store:"), "tidu compare 3 4"),
    ),
)  # fmt: skip
@click.argument("subjects", metavar=_("RUN RUN... | DATA FORMULA"), nargs=-1, required=True, type=FileName())
@click.option("--with", "variants", multiple=True, cls=Option, metavar=_("NAME=VALUE,..."),
              help=_("A training with these settings; twice or more."))  # fmt: skip
@file_option(
    "--plot",
    _("Draw the costs over the samples (.png, .svg or .pdf; tidu-compare.png if no name is given)."),
    bare="tidu-compare.png",
)
@click.option("--data", type=FileName(), cls=Option, metavar=_("DATA"), help=_("The data that RUN was fitted to."))
@declared_options("fit")
@options(store_option, output_options)
def compare_command(subjects: tuple[str, ...], variants: tuple[str, ...], **values: Any) -> int:
    """`tidu compare`."""
    plot, data, store_path, as_json = (values.pop(k) for k in ("plot", "data", "store_path", "as_json"))
    values.pop("lang")
    check_outputs(plot)
    found = _found(subjects, variants, values, data, store_path)
    if plot is not None:
        found.plot(plot)
    if as_json:
        print_json(found.to_dict())
    else:
        _report(found, [plot] if plot is not None else [])
    return GOOD


def _found(
    subjects: Sequence[str], variants: Sequence[str], values: dict[str, Any], data: str | None, store_path: str | None
) -> Comparison:
    from tidu.fronts.plotting import runs_of
    from tidu.insight.compare import compare, compared

    if not (len(subjects) == 2 and "=" in subjects[1]):
        if variants:
            raise SettingError(_("--with is for DATA and FORMULA; a run was trained already"))
        return compared(runs_of(subjects, values, data, store_path))
    from tidu.fronts.progress import watched

    if data is not None:
        raise SettingError(_("--data is for a RUN; DATA stands before the formula"))
    csv, given = csv_of(values), given_of(values)
    chosen = [_settings(text) for text in variants] or None
    with watched(_("fitting")) as callbacks:
        return compare(subjects[1], subjects[0], chosen, csv=csv, callbacks=callbacks, **given)


def _settings(text: str) -> dict[str, Any]:
    """What `--with` gives, each setting read as the option of its name."""
    found = {}
    for name, value in Assignments().read("--with", text).items():
        name = name.replace("-", "_")
        if name not in DECLARED:
            near = closest(name, DECLARED)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(_("there is no setting '{name}'{hint}").format(name=name, hint=hint))
        full = name == "batch_size" and str(value) in ("full", "none")
        found[name] = None if full else DECLARED[name].kind.read(f"--with {name}", str(value))
    return found


def _report(found: Comparison, written: Sequence[str]) -> None:
    from tidu.fronts.report import closing, grid
    from tidu.fronts.terminal import Console

    console = Console()
    console.print()
    table = grid(
        _("training"), _("cost J"), _("steps"), _("samples"), _("lr"), _("rate limit"), _("seconds"),
        *([_("stopped")] if any(e.run.stopped != "epochs" for e in found.entries) else []),
    )  # fmt: skip
    table.padding = (0, 1)
    for column in table.columns:
        column.no_wrap = True
    for e in found.entries:
        lr = "" if e.run.lr is None else f"{e.run.lr:.4g}" if isinstance(e.run.lr, float) else e.run.lr
        limit = "" if e.limit is None else f"{e.limit:.4g}"
        cells = [e.name, f"{e.cost:.6g}", f"{e.run.steps:,}", f"{e.samples:,}", lr, limit, f"{e.run.seconds:.3g}"]
        table.add_row(*[*cells, e.run.stopped][: len(table.columns)])
    console.print(table)
    for sentence in found.sentences:
        console.say(sentence, "  · ")
    closing(console, None, written)
