"""`Model`: what a fit leaves for use: formula and parameters, predictions and scores, and its file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.losses import LOSSES, loss_named
from tidu.content.methods import SOLVERS
from tidu.content.summary import Summary
from tidu.copying import replaced
from tidu.data.categories import source_columns
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import DiskTable
from tidu.data.labels import class_numbers
from tidu.data.source import source_of
from tidu.data.streaming import streamed_source
from tidu.data.table import Label, Table
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, SettingError
from tidu.language.printer import text
from tidu.later import MayBeLater
from tidu.text import _
from tidu.training.constraints import check_weights
from tidu.training.file_schema import (
    Described,
    check_arrays,
    check_confidence,
    check_model,
    check_parameters,
    check_run,
    check_statistics,
)
from tidu.training.functions import check_predicts
from tidu.training.judging.classes import table_to_judge
from tidu.training.judging.evaluation import predictor
from tidu.training.judging.metrics import (
    MOST_RANKED,
    Classes,
    Means,
    class_metrics_of,
    class_metrics_of_counts,
    class_metrics_of_rows,
    counts_of,
    means_of,
    metrics_of,
    metrics_of_blocks,
    predicted_classes,
    probabilities_of,
)
from tidu.training.judging.targets import check_target, target_values
from tidu.training.model_file import Arrays, Content, number_or_array, read, write
from tidu.training.parameters import Parameters
from tidu.training.problem import Problem
from tidu.training.questions import answered
from tidu.training.settings import Settings
from tidu.training.solving.estimates import LEVEL, Estimates
from tidu.training.state import TrainingState

if TYPE_CHECKING:
    from tidu.training.inference.confidence import Confidence
    from tidu.training.inference.derived import Derived

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Predicting:
    """The predictions of a program for tables that have about so many rows in all; it is pickled without its code."""

    program: Program
    parameters: tuple[Any, ...]
    rows: int
    counts: str | None = None  # the column that says how many samples a row stands for

    @property
    def of_scores(self) -> _Predicting:
        """The same of scores, before the loss's link."""
        return replace(self, program=replace(self.program, prediction=self.program.score))

    @cached_property
    def compute(self) -> Callable[[Sequence[Array], Sequence[float], int], Array]:
        """What computes them, made where it is first needed."""
        return predictor(self.program, self.rows)

    def __call__(self, table: Table) -> Array:
        features = [table[c.name] for c in self.program.columns if c.role == "feature"]
        return self.compute(features, self.parameters, table.rows)

    def samples_of(self, table: Table) -> Array | None:
        """How many samples each row stands for; None where nothing says it."""
        if self.counts is None or self.counts not in table:
            return None
        return np.asarray(table[self.counts], dtype=np.float64)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _logits_of(scores: _Predicting, table: Table) -> Array:
    score = scores(table)
    return score if score.ndim == 2 else np.column_stack([np.zeros(table.rows), score])


def _means_of_block(predicting: _Predicting, _first: int, block: Table) -> Means:
    assert predicting.program.target is not None
    target = target_values(predicting.program.target, block)
    return means_of(target, predicting(block), predicting.samples_of(block))


def _logits_of_block(scores: _Predicting, loss: str, _first: int, block: Table) -> tuple[Classes, Array, Array | None]:
    assert scores.program.target is not None
    true = class_numbers(target_values(scores.program.target, block), loss_named(loss).targets.codes)
    return true, _logits_of(scores, block), scores.samples_of(block)


def _counts_of_block(scores: _Predicting, loss: str, first: int, block: Table) -> tuple[npt.NDArray[np.int64], float]:
    return counts_of(*_logits_of_block(scores, loss, first, block), loss_named(loss).probabilities)


@dataclass(frozen=True)
class Model:
    """A formula with its parameters.

    Attributes
    ----------
    problem : what it was fitted to; its data need not be there.
    params : the parameters by name, floats or arrays.
    statistics : standard errors and what follows from them, where a solver fitted least squares.
    confidence : intervals by profile likelihood or bootstrap, where these were asked for.
    """

    problem: Problem
    params: Mapping[str, Any]
    statistics: MayBeLater[Estimates | None] = MayBeLater(None)
    confidence: Confidence | None = None

    # -- what it is ------------------------------------------------------------------------------
    @property
    def settings(self) -> Settings:
        """How it was fitted."""
        return self.problem.settings

    @property
    def program(self) -> Program:
        """Its expressions."""
        return self.problem.program

    @property
    def classes(self) -> tuple[Label, ...]:
        """The labels that it tells apart, in order; of two, the second has the positive scores."""
        return self.problem.classes

    def summary(self) -> Summary:
        """The layers of the model, what each gives, and how many numbers each has learned; `summary().total` in all."""
        check_predicts(self.program)
        assert self.problem.formula is not None
        return Summary.of(self.settings.reduced(self.problem.formula, self.problem.names))

    @cached_property
    def derived(self) -> Mapping[str, Derived]:
        """What follows from the parameters, by name: those that `where` gives by others, and what `report` names.

        Each with value, standard error and interval; see `Derived`.
        """
        if self.problem.formula is None:
            return {}
        quantities = self.settings.quantities(self.problem.formula, self.problem.names)
        if not quantities:
            return {}
        from tidu.training.inference.derived import derived_of

        ends = {**self.problem.break_ends, **({} if self.confidence is None else self.confidence.ends)}
        return derived_of(quantities, self.program, self.params, self.statistics, ends)

    def latex(self) -> str:
        """Model, loss, cost, partial derivatives and update as one LaTeX `aligned` block, without dollar signs."""
        from tidu.engines.mathematics import latex_of

        return latex_of(self.program, SOLVERS.get(self.settings.optimizer))

    def __repr__(self) -> str:
        return f"<Model '{self.settings.formula}': {values_in_short(self.params)}>"

    def _repr_html_(self) -> str:
        page: str = answered("notebook", self)
        return page

    # -- what one does with it --------------------------------------------------------------------
    def predict(self, data: object, drop_missing: bool = False) -> npt.NDArray[Any]:
        """The predictions for `data` (anything that `tidu.fit` takes; the target may be absent), of shape (rows,).

        Numbers; of a model of classes, labels as they stood in the data.
        """
        table = self.features_of(data, drop_missing, with_target=False)
        return self.labels(table) if self.classes else self.predictions(table)

    def probabilities(self, data: object, drop_missing: bool = False) -> Array:
        """The probability of each of `classes` for each row of `data`, of shape (rows, classes).

        Raises
        ------
        SettingError
            The loss knows no probabilities, as `hinge` and `perceptron` do not.
        """
        return self.class_probabilities(self.features_of(data, drop_missing, with_target=False))

    def features_of(
        self, data: object, drop_missing: bool = False, csv: CsvOptions | None = None, with_target: bool = True,
        stream: bool = False,
    ) -> Table:  # fmt: skip
        """The columns of `data` that the model reads, checked; with the target's too where they are there.

        Under `stream` the table is on disk, and read block by block.
        """
        program = self.program
        check_predicts(program)
        source = streamed_source(data, csv, drop_missing) if stream else source_of(data, csv)
        features = source_columns((c.name for c in program.columns if c.role == "feature"), program.derived)
        targets = [c.name for c in program.columns if c.role == "target"]
        given = {*source.names}
        for name in features:
            if name not in given:
                raise ColumnNotFound(
                    _("the model needs the column '{name}'; the data has {columns}").format(
                        name=name, columns=", ".join(source.names)
                    )
                )
        if with_target and given.issuperset(targets):
            features += [*targets, *given.intersection([self.settings.counts])]
        wanted = given.intersection(features)
        return table_to_judge(
            program,
            self.settings.loss_object,
            source,
            wanted or given,
            self.classes,
            drop_missing,
            self.settings.levels,
            self.settings.zeros,
        )

    def predictions(self, table: Table) -> Array:
        """The predictions for a table that has been checked, as numbers: the score through the loss's link."""
        return self._computed(self.program, table)

    def labels(self, table: Table) -> npt.NDArray[Any]:
        """The predicted labels for a table that has been checked."""
        logits = self.logits(table)
        bad = np.flatnonzero(np.isnan(logits).any(axis=1))
        if bad.size:
            raise DataError(
                _(
                    "{origin}: the score of row {row} is not a number, so it has no class; its features are too large"
                ).format(origin=table.origin, row=int(bad[0]) + 1)
            )
        return np.array(self.classes)[predicted_classes(logits)]

    def class_probabilities(self, table: Table) -> Array:
        """The probability of each class for a table that has been checked, of shape (rows, classes)."""
        if not (self.classes and self.settings.loss_object.probabilities):
            raise SettingError(
                _("the loss '{loss}' gives no probabilities; train with {names}").format(
                    loss=self.settings.loss, names=", ".join(n for n, entry in LOSSES.items() if entry.probabilities)
                )
            )
        return probabilities_of(self.logits(table))

    def logits(self, table: Table) -> Array:
        """The score of each row and class, of shape (rows, classes).

        A model of one score has it for its second class, and 0 for its first.
        """
        return _logits_of(self._computing(self.program, table.rows).of_scores, table)

    def _computed(self, program: Program, table: Table) -> Array:
        return self._computing(program, table.rows)(table)

    def _computing(self, program: Program, rows: int) -> _Predicting:
        """The predictions of tables, which have about so many rows in all."""
        return _Predicting(program, tuple(self.params.values()), rows, self.settings.counts)

    def prediction_interval(
        self, data: object, level: float = LEVEL, of: str = "sample", drop_missing: bool = False
    ) -> tuple[Array, Array, Array]:
        """Predictions for `data` with the ends of an interval around each: three arrays of shape (rows,).

        Parameters
        ----------
        level : the share of cases in which the interval is to hold the truth.
        of : `"sample"`, where a new sample would lie, or `"mean"`, where the curve lies.

        Raises
        ------
        SettingError
            The run has no statistics: only a solver's least-squares fit has.
        """
        from tidu.training.intervals import intervals_of

        return intervals_of(self, self.features_of(data, drop_missing, with_target=False), level, of)

    @property
    def prediction_name(self) -> str:
        """What a column of predictions is called: of a function of columns, it says of which."""
        target = self.program.target
        return f"prediction of {text(target)}" if target is not None and target.args else "prediction"

    def score(self, data: object, drop_missing: bool = False) -> dict[str, Any]:
        """How good the predictions for `data` are, with the parameters as they are now.

        MSE, RMSE, MAE and R²; of a model of classes accuracy, log loss, AUC, the confusion table (true classes down,
        predicted ones across) and for each class precision, recall and F1. What cannot be computed is nan. Where the
        settings name a column of `counts`, and the data have it, a row counts as if it stood there so often.
        """
        program = self.program
        check_predicts(program)
        table = data if isinstance(data, Table) else self.features_of(data, drop_missing)
        assert program.target is not None
        needed = [c for c in program.columns if c.role == "target"]
        for column in needed:
            if column.name not in table:
                raise ColumnNotFound(
                    _("scoring needs the target column '{name}'; the data has {columns}").format(
                        name=column.name, columns=", ".join(table)
                    )
                )
        if table.rows == 0:
            raise DataError(_("{origin} has no rows to score").format(origin=table.origin))
        if self.settings.counts in table:
            check_weights(self.settings, table)
        predicting = self._computing(program, table.rows)
        if not self.classes:
            return metrics_of_blocks(table.each_block(partial(_means_of_block, predicting)))
        loss, predicting = self.settings.loss_object, predicting.of_scores
        check_target(program, table, self.settings)
        if isinstance(table, DiskTable) and table.rows > MOST_RANKED:
            counts = table.each_block(partial(_counts_of_block, predicting, loss.name))
            return class_metrics_of_counts(counts, loss.probabilities)
        ranked = table.each_block(partial(_logits_of_block, predicting, loss.name))
        return class_metrics_of_rows(ranked, loss.probabilities)

    # -- files --------------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, without its history; an old file is replaced whole or not.

        Read it again with `Model.load(path)`.
        """
        write(path, self.content())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """The model in a file that `Model.save` or `Run.save` wrote.

        Raises
        ------
        ModelFileError
            There is no such file, or it is not a model of tidu's.
        """
        return read(path, cls.prepared)

    def content(self) -> Content:
        """What stands in its file."""
        plain = {
            "settings": self.settings.to_dict(),
            "names": self.problem.names,
            "classes": self.classes,
            "parameters": list(self.params),
            "statistics": None if self.statistics is None else self.statistics.plain(),
            "confidence": None if self.confidence is None else self.confidence.plain(),
        }
        if self.problem.break_ends:
            plain["break_ends"] = {name: list(ends) for name, ends in self.problem.break_ends.items()}
        return Content(plain, {f"params/{n}": np.asarray(v, order="C") for n, v in self.params.items()})

    @classmethod
    def prepared(cls, plain: dict[str, Any], described: Described) -> Callable[[Arrays], Model]:
        """The function that makes the model of the arrays of a file, whose other content is checked here.

        Raises
        ------
        ValueError
            It is no content of a model's file.
        """
        from tidu.training.inference.confidence import Confidence
        from tidu.training.solving.kinds_of_estimates import estimates_of_plain

        check_model(plain)
        settings = dict(plain["settings"])
        if settings["penalise"] is not None:
            settings["penalise"] = tuple(settings["penalise"])
        problem = Problem.of_model(Settings(**settings), tuple(plain["names"]), tuple(plain["classes"]))
        ends = {name: (low, high) for name, (low, high) in plain.get("break_ends", {}).items()}
        problem = replaced(problem, break_ends=ends)
        program = problem.program
        check_parameters(plain["parameters"], program)
        check_statistics(plain["statistics"], program)
        check_confidence(plain.get("confidence"))
        if "run" in plain:
            check_run(plain["run"], program, _some_metrics(problem))
        check_arrays(described, program, plain.get("run"))
        statistics = None if plain["statistics"] is None else estimates_of_plain(plain["statistics"])
        kept = plain.get("confidence")
        confidence = None if kept is None else Confidence.of_plain(kept)

        def made_of(arrays: Arrays) -> Model:
            values = [number_or_array(arrays[f"params/{n}"]) for n in program.parameter_names]
            params = Parameters(program, values)
            return cls(problem, params, statistics, confidence)

        return made_of


def _some_metrics(problem: Problem) -> dict[str, Any]:
    """Metrics of the form that those of a model of this problem have."""
    count = len(problem.classes)
    if not count:
        return metrics_of(np.zeros(1), np.zeros(1))
    return class_metrics_of(np.arange(count), np.eye(count), problem.settings.loss_object.probabilities)


def parameters_of(problem: Problem, state: TrainingState) -> Parameters:
    """The parameters by name where a training stands."""
    return Parameters(problem.program, problem.parameters_at(state))


def values_in_short(params: Mapping[str, Any]) -> str:
    """Parameters for one line of text."""
    return ", ".join(f"{n}={v:.8g}" if np.ndim(v) == 0 else f"{n}{v.shape}" for n, v in params.items())
