"""`tidu doctor`: the options of `tidu fit`, the doctor's findings in its place."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from tidu.fronts.command_options import csv_of, data_and_formula, declared_options, given_of, output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.text import _

if TYPE_CHECKING:
    from tidu.insight.doctor import Diagnosis


@click.command(
    "doctor",
    cls=Command,
    help=_(
        "Diagnose a training: fit as 'tidu fit' would, then say what the curvature allows, what is stiff, what is "
        "wrong with the columns, and what helps. Each piece of advice has been tried.\n\n"
        "DATA and FORMULA are as in 'tidu fit'."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Why does this training diverge?"), 'tidu doctor points.csv "y = w*x + b" --lr 0.5'),
        (_("Only the curvature and the columns, without trials:"), 'tidu doctor points.csv "y = w*x + b" --no-trials'),
    ),
)
@data_and_formula
@declared_options("doctor")
@click.option("--no-trials", is_flag=True, cls=Option, help=_("Only diagnose; try nothing."))
@output_options
def doctor_command(data: str, formula: str, **values: Any) -> int:
    """`tidu doctor`."""
    from tidu.cluster.connecting import Cluster
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit as fit_model
    from tidu.training.sharing import share

    as_json, no_trials = values.pop("as_json"), values.pop("no_trials")
    values.pop("lang")
    csv = csv_of(values)
    with Cluster.of(values.pop("cluster"), None) or nullcontext() as cluster:
        client = None if cluster is None else cluster.client
        with watched(_("fitting")) as callbacks:
            run = fit_model(formula, data, csv=csv, callbacks=callbacks, client=client, **given_of(values))
        if run.stopped == "interrupted":
            raise KeyboardInterrupt  # a diagnosis would take as long as it wants, of a training that nobody waited for
        if cluster is not None:
            share(run.problem.table, cluster)
        found = run.diagnose(trials=not no_trials)
    if as_json:
        print_json(found.to_dict())
    else:
        _report(found)
    return GOOD


def _report(found: Diagnosis) -> None:
    from tidu.fronts.report import show
    from tidu.fronts.terminal import Console
    from tidu.insight.reporting.diagnosis_blocks import diagnosis_blocks

    console = Console()
    run = found.run
    console.print()
    console.say(run.settings.formula, style="bold")
    from tidu.training.model import values_in_short

    values = values_in_short(run.params)
    console.say(_("fitted: {values}; cost {loss:.6g}").format(values=values, loss=found.loss))
    console.print()
    show(console, diagnosis_blocks(found))
    console.print()
