"""`tidu predict`: predictions of a saved model, one a line, or as columns of a CSV file."""

from __future__ import annotations

from typing import Any

import click

from tidu.content.kinds import Number
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
        from tidu.fronts.report import write_predictions

        write_predictions(out, fitted, table, predictions, probabilities, ends)
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
