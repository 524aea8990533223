"""Cost and predictions as generated loops over rows; called by `training/judging/evaluation.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidu.engines.dialects import Dialect
from tidu.engines.program import Program, kept_with_program
from tidu.engines.statements import Accumulate, Line, Reassignment, assignments
from tidu.engines.writer import Writer, labels_of
from tidu.language.printer import text


@kept_with_program
def cost_source(program: Program) -> str:
    """A module with `cost(columns, first_row, rows, parameters)`: the mean loss over these rows, plus the penalty."""
    w = Writer(program).with_users_names()
    columns, first_row, rows, parameters = (w.own(k) for k in ("columns", "first_row", "rows", "parameters"))
    loss_sum, i = w.own("loss_sum"), w.own("i")
    with w.nested(f"def cost({columns}, {first_row}, {rows}, {parameters}):"):
        w.unpack(w.columns, columns)
        w.unpack(w.parameters, parameters)
        w.add(f"{loss_sum} = 0.0")
        with w.nested(f"for {i} in range({first_row}, {first_row} + {rows}):"):
            w.read_in_place(i)
            with w.block("forward"):
                w.add(*w.cells(i, [program.loss]), *assignments([program.loss], w.names, labels_of(program)))
                w.add(Accumulate(loss_sum, program.loss))
        with w.block("penalty"):
            w.add(*assignments([program.penalty], w.names, {}, inline=[program.penalty]))
            if program.penalty.is_constant:
                w.add(f"return {loss_sum} / {rows}")
            else:
                w.add(Line(f"return {loss_sum} / {rows} + ({{0}})", (program.penalty,)))
    return w.source("Mean loss, written by tidu.", Dialect())


@kept_with_program
def predict_source(program: Program) -> str:
    """A module with `predict(columns, first_row, rows, parameters, predictions)`, which fills `predictions`.

    A prediction has the place in `predictions` that its row has in the columns.
    """
    w = Writer(program).with_users_names()
    arguments = [w.own(k) for k in ("columns", "first_row", "rows", "parameters", "predictions")]
    columns, first_row, rows, parameters, predictions = arguments
    i = w.own("i")
    with w.nested(f"def predict({', '.join(arguments)}):"):
        features = [c for c in program.columns if c.role == "feature"]
        w.unpack([w.names.of[f] for f in features], columns)
        w.unpack(w.parameters, parameters)
        with w.nested(f"for {i} in range({first_row}, {first_row} + {rows}):"):
            w.read_in_place(i)
            with w.block("forward"):
                labels, output = {program.score: "y_hat"}, program.prediction
                w.add(*w.cells(i, [output]), *assignments([output], w.names, labels, inline=[output]))
                w.add(Reassignment(f"{predictions}[{i}]", output))
    return w.source(f"Predictions of {text(program.score)}, written by tidu.", Dialect())


def row_predict_source(program: Program, cells: Mapping[str, str], parameters: Sequence[float]) -> str:
    """A module with `predict(row)`: the prediction for one row, with the parameters written in.

    `cells` says how each feature is read of a row, as code.
    """
    w = Writer(program).with_users_names()
    row = w.own("row")
    with w.nested(f"def predict({row}):"):
        w.add('"""The prediction for one row, a mapping of the names of columns to their values."""')
        w.add(*(f"{w.names.of[c]} = {cells[c.name].format(row=row)}" for c in program.columns if c.role == "feature"))
        w.add(*(f"{name} = {value!r}" for name, value in zip(w.parameters, parameters, strict=True)))
        with w.block("forward"):
            w.add(*assignments([program.prediction], w.names, {program.score: "y_hat"}, inline=[program.prediction]))
            w.add(Line("return {0}", (program.prediction,)))
    return w.source(f"Predictions of {text(program.score)}, written by tidu.", Dialect())
