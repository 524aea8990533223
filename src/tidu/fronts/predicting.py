"""`tidu predict`: predictions of a saved model, one a line, or as columns of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tidu.content.kinds import Number
from tidu.errors import SettingError
from tidu.fronts.command_options import (
    FileName,
    OfKind,
    check_outputs,
    csv_of,
    declared_options,
    file_option,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.text import _
from tidu.writing import write_whole

if TYPE_CHECKING:
    from tidu.data.csv_options import CsvOptions
    from tidu.training.model import Model


@click.command(
    "predict",
    cls=Command,
    help=_(
        "Predict with a saved model.\n\n"
        "MODEL is what 'tidu fit --out' wrote, DATA is as in 'tidu fit'; the target may be absent. Prints one "
        "prediction a line (a label, if the model tells classes apart), or writes them to a CSV file."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Predictions as a column of a table:"), "tidu predict line.tidu new.csv --out predicted.csv"),
        (_("With the interval that holds 95% of new samples:"), "tidu predict decay.tidu new.csv --interval 0.95"),
    ),
)
@click.argument("model", metavar=_("MODEL"), type=FileName())
@click.argument("data", metavar=_("DATA"), type=FileName())
@declared_options("predict")
@click.option(
    "--interval",
    type=OfKind(Number()),
    metavar=_("LEVEL"),
    cls=Option,
    help=_("Also the ends of an interval that holds a new sample with this probability, such as 0.95; for fits by lm."),
)
@click.option(
    "--proba",
    is_flag=True,
    cls=Option,
    help=_("Print the probability of each class instead of the label; in the file, beside it."),
)
@file_option("--out", _("Write the features and the predictions to this CSV file."))
@output_options
def predict_command(model: str, data: str, **values: Any) -> int:
    """`tidu predict`."""
    from tidu.training.intervals import intervals_of
    from tidu.training.model import Model

    out, as_json, drop_missing, level, proba = (
        values.pop(k) for k in ("out", "as_json", "drop_missing", "interval", "proba")
    )
    values.pop("lang")
    check_outputs(None, out, data)
    fitted = Model.load(model)
    if values.pop("stream"):
        _stream(fitted, data, bool(drop_missing), csv_of(values), out, as_json, level, proba)
        return GOOD
    table = fitted.features_of(data, bool(drop_missing), csv_of(values))
    predictions = fitted.labels(table) if fitted.classes else fitted.predictions(table)
    probabilities = fitted.class_probabilities(table) if proba else None
    ends = {}
    if level is not None:
        _same, low, high = intervals_of(fitted, table, level, "sample")
        ends = {"lower": low, "upper": high}
    target = [c.name for c in fitted.program.columns if c.role == "target"]
    metrics = fitted.score(table) if all(name in table for name in target) else None
    if out is not None:
        from tidu.fronts.report import csv_of_predictions

        write_whole(out, csv_of_predictions(fitted, table, predictions, probabilities, ends))
    if as_json:
        print_json(
            {
                "predictions": predictions.tolist(),
                "prediction": fitted.prediction_name,
                **{name: column.tolist() for name, column in ends.items()},
                "rows": len(predictions),
                "metrics": metrics,
                "classes": list(fitted.classes) or None,
                **({} if probabilities is None else {"probabilities": probabilities.tolist()}),
                "formula": fitted.settings.formula,
                "notes": list(table.notes),
            }
        )
    elif out is None:
        from tidu.fronts.report import text_of_predictions

        click.echo(text_of_predictions(fitted, predictions, probabilities, ends))
    else:
        from tidu.fronts.report import report_predictions

        report_predictions(out, len(predictions), fitted.classes, metrics)
    return GOOD


def _stream(
    fitted: Model,
    data: str,
    drop_missing: bool,
    csv: CsvOptions,
    out: str | None,
    as_json: bool,
    level: float | None,
    proba: bool,
) -> None:
    """Predict block by block: into the file `out`, or onto standard output."""
    from tidu.fronts.report import csv_of_predictions, report_predictions, text_of_predictions
    from tidu.training.intervals import intervals_of

    if as_json:
        raise SettingError(
            _("--json holds all predictions at once, and --stream is for those that do not fit; give --out FILE")
        )
    table = fitted.features_of(data, drop_missing, csv, stream=True)

    def pieces() -> Iterator[bytes]:
        for first, block in table.blocks():
            predictions = fitted.labels(block) if fitted.classes else fitted.predictions(block)
            probabilities = fitted.class_probabilities(block) if proba else None
            ends = {}
            if level is not None:
                _same, low, high = intervals_of(fitted, block, level, "sample")
                ends = {"lower": low, "upper": high}
            if out is not None:
                yield csv_of_predictions(fitted, block, predictions, probabilities, ends, with_heading=first == 0)
                continue
            text = text_of_predictions(fitted, predictions, probabilities, ends)
            yield (text if first == 0 or probabilities is None else text.partition("\n")[2]).encode() + b"\n"

    if out is not None:
        write_whole(out, pieces())
        target = [c.name for c in fitted.program.columns if c.role == "target"]
        metrics = fitted.score(table) if all(name in table for name in target) else None
        report_predictions(out, table.rows, fitted.classes, metrics)
        return
    for piece in pieces():
        click.echo(piece, nl=False)
