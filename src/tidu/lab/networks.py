"""A network as the page draws it: its layers with weights and biases, and what each unit gives for one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.labels import label_text
from tidu.engines.node_values import values_of_nodes
from tidu.lab.experiment import Experiment, Moment
from tidu.lab.frames import Reply
from tidu.language.expr import Expr, symbols
from tidu.training.judging.evaluation import predictions_of

Array = npt.NDArray[np.float64]
MOST_UNITS = 24  # of a layer, that are drawn
MOST_CLASSES = 20  # of a confusion table


@dataclass(frozen=True)
class DrawnLayer:
    """A layer of units: what computes them, their weights and biases by the names of the parameters, their values."""

    words: str
    units: int
    weights: str
    bias: str
    values: Array


def network(experiment: Experiment, moment: Moment, row: int) -> Reply:
    """The layers of the model, and the values of their units for a row; no layers where the model is no network."""
    problem = experiment.problem
    formula = problem.formula
    if formula is None or not problem.program.of_arrays or not 0 <= row < problem.rows:
        return Reply({"layers": []})
    columns = {c: float(v[row]) for c, v in zip(problem.program.columns, problem.columns, strict=True)}
    known: dict[Expr, Any] = {
        **columns,
        **dict(zip(problem.program.parameters, moment.parameters.values(), strict=True)),
    }
    outputs = [x.value for x in formula.layers if x.value is not None]
    kept = {mask: np.ones(mask.shape) for mask in symbols(outputs, "mask")}  # no unit is dropped
    values = values_of_nodes(outputs, known | kept)
    drawn: list[DrawnLayer] = []
    for layer in formula.layers:
        if layer.value is None or layer.value not in values:
            return Reply({"layers": []})
        value = np.atleast_1d(np.asarray(values[layer.value], dtype=np.float64)).ravel()
        if layer.parameters or not drawn:
            own = [p for p in layer.parameters if p.name in moment.parameters]
            matrix = [p.name for p in own if len(p.shape) > len(layer.shape)]
            rest = [p.name for p in own if p.name not in matrix]
            drawn.append(DrawnLayer(layer.name, value.size, "".join(matrix[:1]), "".join(rest[:1]), value))
        else:  # an activation: the same units, with other values
            last = drawn[-1]
            drawn[-1] = DrawnLayer(f"{last.words}, {layer.name}", value.size, last.weights, last.bias, value)
    features = [c.name for c in problem.program.columns if c.role == "feature"]
    inputs = np.array([columns[c] for c in problem.program.columns if c.role == "feature"])
    arrays: dict[str, Array] = {"inputs": inputs[:MOST_UNITS]}
    for k, d in enumerate(drawn):
        arrays[f"values_{k}"] = d.values[:MOST_UNITS]
        for kind, name in (("weights", d.weights), ("bias", d.bias)):
            if name:
                numbers = np.atleast_1d(np.asarray(moment.parameters[name], dtype=np.float64))
                numbers = np.atleast_2d(numbers)[:, :MOST_UNITS] if kind == "weights" else numbers
                arrays[f"{kind}_{k}"] = np.ascontiguousarray(numbers[:MOST_UNITS])
    plain = [{"words": d.words, "units": d.units, "weights": d.weights, "bias": d.bias} for d in drawn]
    return Reply({"layers": plain, "features": features, "row": row}, arrays)


def confusion(experiment: Experiment, moment: Moment) -> Reply:
    """How many rows of each class are taken for which, over all rows; nothing without classes."""
    problem, program = experiment.problem, experiment.problem.program
    classes = problem.classes or ((0, 1) if problem.settings.loss_object.targets.codes else ())
    if not 2 <= len(classes) <= MOST_CLASSES or program.target is None or not program.target.is_symbol:
        return Reply({"classes": []})
    places = list(program.columns)
    truth = problem.columns[places.index(program.target)]
    codes = np.asarray(problem.settings.loss_object.targets.codes, dtype=np.float64)[: len(classes)]
    features = [v for c, v in zip(places, problem.columns, strict=True) if c.role == "feature"]
    with np.errstate(all="ignore"):
        found = predictions_of(program, features, tuple(moment.parameters.values()), problem.rows)
    taken = found.argmax(axis=1) if found.ndim == 2 else (found > codes.mean()).astype(np.int64)
    own = np.searchsorted(codes, truth)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int32)
    np.add.at(counts, (np.minimum(own, len(classes) - 1), np.minimum(taken, len(classes) - 1)), 1)
    return Reply({"classes": [label_text(c) for c in classes]}, {"counts": counts})
