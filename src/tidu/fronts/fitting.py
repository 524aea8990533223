"""`tidu fit`: a formula fitted to a table, what came of it printed, drawn and saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tidu.fronts.command_options import (
    check_outputs,
    code_option,
    csv_of,
    declared_options,
    file_option,
    files_and_formula,
    given_of,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import code_of, print_json, status_of
from tidu.text import _

if TYPE_CHECKING:
    from tidu.training.trackers import Tracker


def _functions_of_formulas() -> str:
    from tidu.content.function_list import functions_of_formulas

    return _("Functions of formulas: {names}. What each is: tidu functions.").format(
        names=", ".join(f.name for f in functions_of_formulas())
    )


@click.command(
    "fit",
    cls=Command,
    help=_(
        "Fit a formula to a table by gradient descent.\n\n"
        "DATA is a CSV file (also .gz, .zst), a Parquet file, a workbook (.xlsx), a pattern such as 'part-*.csv', or "
        "- for standard input. FORMULA is 'target = expression': names of columns are features, every other name "
        "is a parameter to be learned."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("A line, by gradient descent with a learning rate of its own:"),
         'tidu fit points.csv "y = w*x + b" --lr auto'),
        (_("Mini-batches of 32 with Adam, the loss curve as a picture:"),
         'tidu fit points.csv "y = w*x + b" --optimizer adam --batch-size 32 --plot'),
        (_("A curve by least squares, from given starting values:"),
         'tidu fit decay.csv "y = a*exp(-b*t) + c" --optimizer lm --init a=1,b=0.1'),
        (_("Several data sets at once, the rate in common, a height for each file:"),
         'tidu fit run1.csv run2.csv "y = a[file]*exp(-b*t)" --group file --optimizer auto'),
        (_("Two classes, a tenth of the rows kept back; the model is saved:"),
         'tidu fit leaves.csv "tree = linear(length, width)" --loss logistic --test-size 0.1 --out leaves.tidu'),
    ),
    closing=_functions_of_formulas,
)  # fmt: skip
@files_and_formula
@declared_options("fit", "report")
@file_option("--out", _("Save the model, for 'tidu predict' and tidu.load."))
@file_option(
    "--plot",
    _("Draw the loss curve and, for one feature, the fit (.png, .svg or .pdf; tidu-fit.png if no name is given)."),
    bare="tidu-fit.png",
)
@click.option("--report", multiple=True, cls=Option, metavar=_("FILE.html|'NAME = EXPRESSION'"),
              help=_("Write the whole run as one HTML file: data, model, loop, curves, steps, diagnosis. Or report a "
                     "quantity that follows from the parameters, such as 'half_life = log(2)/b', with its standard "
                     "error and interval; once or more."))  # fmt: skip
@click.option("--track", multiple=True, cls=Option, metavar="tensorboard:DIR|mlflow[:URI]",
              help=_("Hand the curves on to TensorBoard or MLflow while it trains."))  # fmt: skip
@click.option("--no-store", is_flag=True, cls=Option, help=_("Do not keep the run for 'tidu runs'."))
@code_option
@output_options
def fit_command(data: str | list[str], formula: str, **values: Any) -> int:
    """`tidu fit`."""
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit as fit_model

    names = ("plot", "out", "show_code", "as_json", "no_store")
    plot, out, show_code, as_json, no_store = (values.pop(k) for k in names)
    values.pop("lang")
    (reports, quantities), trackers = _reports(values.pop("report")), _trackers(values.pop("track"))
    for path in (out, *reports):
        for file in [data] if isinstance(data, str) else data:
            check_outputs(plot, path, file)
    csv = csv_of(values)
    with watched(_("fitting")) as progress:
        result = fit_model(
            formula,
            data,
            csv=csv,
            callbacks=(*progress, *trackers),
            store=not no_store,
            report=quantities,
            **given_of(values),
        )
    if out is not None:
        result.save(out)
    if plot is not None:
        result.plot(plot)
    for path in reports:
        result.report(path)
    code = code_of(result, show_code) if show_code else None
    if as_json:
        print_json({**result.to_dict(), **({} if code is None else {"source": code})})
    else:
        from tidu.fronts.report import report_fit

        written = [p for p in (out, plot, *reports) if p is not None]
        report_fit(result, code, show_code or "loop", written)
    return status_of(result.stopped)


def _reports(given: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The files of reports, and the quantities; few fits have any."""
    if not given:
        return [], []
    from tidu.fronts.reporting import reports_of

    return reports_of(given)


def _trackers(given: Sequence[str]) -> list[Tracker]:
    """The trackers that were named, which few are."""
    if not given:
        return []
    from tidu.training.trackers import tracker_of

    return [tracker_of(text) for text in given]
