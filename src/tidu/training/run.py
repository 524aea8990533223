"""`Run`: a training that has ended, with its parameters, its history, and what one asks of a fitted model."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.losses import LOSSES
from tidu.content.methods import SOLVERS
from tidu.content.summary import Summary
from tidu.data.labels import class_numbers
from tidu.data.layout import CsvOptions
from tidu.data.source import source_of
from tidu.data.table import Label, Table
from tidu.engines.mathematics import latex_of
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, ModelFileError, SettingError
from tidu.language.expr import Expr, evaluate, symbols
from tidu.language.printer import text
from tidu.pictures.numbers import FittedCurve
from tidu.text import _
from tidu.training.constraints import with_fixed
from tidu.training.history import History
from tidu.training.intervals import intervals_of
from tidu.training.judging.classes import table_to_judge
from tidu.training.judging.evaluation import predictions_of
from tidu.training.judging.metrics import class_metrics_of, metrics_of, predicted_classes, probabilities_of
from tidu.training.rates import RATES, TRIAL_STEPS, RangeTest, range_test
from tidu.training.settings import Settings
from tidu.training.solving.statistics import LEVEL, Statistics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
FORMAT = 2
_NUMBERS = ("params", "start", "optimizer_state")  # of a run: a float, or an array, for each name
HISTORY_IN_JSON = 10_000  # rows; a longer history is thinned, the file that `save` writes is not


@dataclass(frozen=True)
class Run:
    """What `tidu.fit` returns.

    Attributes
    ----------
    params : the parameters by name, floats or arrays. After a divergence: those before the first bad step.
    loss : the last loss of the history (mean over an epoch's samples, each before the update that used it; of a model
        with dropout, with units dropped: `metrics` are without).
    stopped : `epochs`, `steps`, `loss`, `converged`, `diverged` or `interrupted`.
    history : a row for each epoch or step; see `History`.
    epochs, steps : how many were completed.
    source : the loop that ran, as text.
    rows : how many samples it was trained on; `notes` are sentences about the data and the settings.
    statistics : standard errors and what follows from them, where a solver fitted least squares; see `Statistics`.
    classes : the labels that a loss of classes tells apart, in order; of two, the second has the positive scores.
    metrics, test_metrics : `score` of the training data and of the part kept back.
    """

    settings: Settings
    columns: tuple[str, ...]
    params: Mapping[str, Any]
    start: Mapping[str, Any]
    optimizer_state: Mapping[str, Any]
    history: History
    stopped: str
    epochs: int
    steps: int
    rows: int
    seconds: float
    source: str
    engine: str = "python"
    engine_reason: str = ""
    metrics: Mapping[str, Any] | None = None
    test_metrics: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    training_data: Table | None = None
    statistics: Statistics | None = None
    classes: tuple[Label, ...] = ()

    # -- what it says of itself -----------------------------------------------------------------
    @property
    def loss(self) -> float:
        """The last loss of the history; nan if the first step was already bad."""
        return float(self.history.loss[-1]) if len(self.history) else math.nan

    @property
    def lr(self) -> float | str | None:
        """The learning rate, or its formula; None for a solver, which has none."""
        lr = self.settings.lr
        assert not isinstance(lr, Expr)  # settings hold its text
        return lr

    @property
    def diverged(self) -> bool:
        """Whether it ended at a step that was not finite."""
        return self.stopped == "diverged"

    @cached_property
    def program(self) -> Program:
        """The expressions that it ran."""
        return self.settings.program(self.columns)

    def summary(self) -> Summary:
        """The layers of the model, what each gives, and how many numbers each has learnt; `summary().total` in all."""
        return Summary.of(with_fixed(self.settings.model(self.columns), self.settings.fix))

    def latex(self) -> str:
        """Model, loss, cost, partial derivatives and update as one LaTeX `aligned` block, without dollar signs."""
        return latex_of(self.program, SOLVERS.get(self.settings.optimizer))

    def __repr__(self) -> str:
        values = ", ".join(f"{n}={v:.8g}" if np.ndim(v) == 0 else f"{n}{v.shape}" for n, v in self.params.items())
        return f"<Run of '{self.settings.formula}': {values}; loss {self.loss:.6g}; stopped: {self.stopped}>"

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
        self, data: object, drop_missing: bool = False, csv: CsvOptions | None = None, with_target: bool = True
    ) -> Table:
        """The columns of `data` that the model reads, checked; with the target's too where they are there."""
        source = source_of(data, csv)
        program = self.program
        features = [c.name for c in program.columns if c.role == "feature"]
        targets = [c.name for c in program.columns if c.role == "target"]
        for name in features:
            if name not in source.names:
                raise ColumnNotFound(
                    _("the model needs the column '{name}'; the data has {columns}").format(
                        name=name, columns=", ".join(source.names)
                    )
                )
        if with_target and set(targets) <= set(source.names):
            features += targets
        wanted = [n for n in source.names if n in features]
        return table_to_judge(
            program, self.settings.loss_object, source, wanted or source.names, self.classes, drop_missing
        )

    def predictions(self, table: Table) -> Array:
        """The predictions for a table that has been checked, as numbers: the score through the loss's link."""
        return self._computed(self.program, table)

    def labels(self, table: Table) -> npt.NDArray[Any]:
        """The predicted labels for a table that has been checked."""
        logits = self._logits(table)
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
        return probabilities_of(self._logits(table))

    def _logits(self, table: Table) -> Array:
        """Of each row and class; a model of one score has it for its second class, and 0 for its first."""
        program = self.program
        score = self._computed(replace(program, prediction=program.score), table)
        if score.ndim == 2:
            return score
        return np.column_stack([np.zeros(table.rows), score])

    def _computed(self, program: Program, table: Table) -> Array:
        features = [table[c.name] for c in program.columns if c.role == "feature"]
        return predictions_of(program, features, tuple(self.params.values()), table.rows)

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
        return intervals_of(self, self.features_of(data, drop_missing, with_target=False), level, of)

    @property
    def prediction_name(self) -> str:
        """What a column of predictions is called: of a function of columns, it says of which."""
        target = self.program.target
        return f"prediction of {text(target)}" if target is not None and target.args else "prediction"

    def score(self, data: object, drop_missing: bool = False) -> dict[str, Any]:
        """How good the predictions for `data` are, with the parameters as they are now.

        MSE, RMSE, MAE and R²; of a model of classes accuracy, log loss, AUC, the confusion table (true classes down,
        predicted ones across) and for each class precision, recall and F1. What cannot be computed is nan.
        """
        table = data if isinstance(data, Table) else self.features_of(data, drop_missing)
        program = self.program
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
        values = target_values(program.target, table)
        if not self.classes:
            return metrics_of(values, self.predictions(table))
        loss = self.settings.loss_object
        loss.check(values)
        return class_metrics_of(class_numbers(values, loss.targets.codes), self._logits(table), loss.probabilities)

    def diagnose(self, data: object = None, trials: bool = True) -> Any:
        """What the doctor finds, a `Diagnosis`: curvature, limits, steps to come, columns, and what helps, tried.

        `data` is needed for a run that was loaded; without `trials`, nothing is tried.
        """
        # By name: the doctor stands above this layer, and fits again with what it advises.
        return importlib.import_module("tidu.insight.doctor").diagnose(self, data, trials)

    def range_test(self, rates: Sequence[float] | None = None, steps: int = TRIAL_STEPS) -> RangeTest:
        """Descend from the run's start for a few steps with each learning rate; the run itself stays as it is.

        Returns
        -------
        RangeTest
            `costs` for each of `rates`, and the `best` of them.
        """
        if self.training_data is None:
            raise DataError(
                _("the range test needs the data that the model was fitted to; a saved model does not hold them")
            )
        program = self.program
        columns = [self.training_data[c.name] for c in program.columns]
        settings = replace(self.settings, optimizer="gd") if self.settings.uses_solver else self.settings
        start = [self.start[name] for name in program.parameter_names]
        return range_test(settings, program, columns, start, rates or RATES, steps)

    def _repr_html_(self) -> str:
        from tidu.training.notebook import html_of

        return html_of(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The loss curve and, for one feature, the data with the fitted curve; saved to `path` if given."""
        from tidu.pictures.curves import fit_picture
        from tidu.pictures.figure import save

        figure = fit_picture(self.settings.formula, self.history.record, self.history.loss, self._curve())
        if path is not None:
            save(figure, path)
        return figure

    def _curve(self) -> FittedCurve | None:
        """The data and the fitted curve, for a model of one feature that still has its training data."""
        features = [c.name for c in self.program.columns if c.role == "feature"]
        target = self.program.target
        if len(features) != 1 or self.training_data is None or target is None or not target.is_symbol:
            return None
        x = self.training_data[features[0]]
        line = np.linspace(x.min(), x.max(), 400)
        fitted = self.predictions(Table({features[0]: line}))
        return FittedCurve(features[0], target.name, x, self.training_data[target.name], line, fitted)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values: what the command line prints for `--json`."""
        s = self.settings
        h = self.history
        last = {p: float(h.gradient(p)[-1]) for p in h.parameters} if len(h) else {}
        first = {p: float(h.gradient(p)[0]) for p in h.parameters} if len(h) else {}
        return {
            "formula": s.formula,
            "params": _plain(self.params),
            "parameter_count": sum(np.size(v) for v in self.params.values()),
            **({"layers": self.summary().to_list()} if self.program.of_arrays else {}),
            "loss": self.loss,
            "epochs": self.epochs,
            "steps": self.steps,
            "stopped": self.stopped,
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "lr": self.lr,
            "fixed": dict(s.fix),
            **(self.statistics.to_dict() if self.statistics is not None else {}),
            "seconds": self.seconds,
            "rows": self.rows,
            "loss_name": s.loss,
            "optimizer": s.optimizer_in_full,
            "batch_size": s.batch_size,
            "shuffle": s.shuffle,
            "seed": s.seed,
            "init": _plain(self.start),
            "first_gradient": first,
            "gradient": last,
            "reduction": "cost and gradient are means over the batch",
            "classes": list(self.classes) or None,
            "metrics": dict(self.metrics) if self.metrics else None,
            "test_metrics": dict(self.test_metrics) if self.test_metrics else None,
            "notes": list(self.notes),
            "history": self.history.thinned(HISTORY_IN_JSON).to_dict(),
        }

    # -- files --------------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file (safetensors, with its settings as JSON); an old file is replaced whole or not.

        Read it again with `tidu.load(path)`.
        """
        from safetensors.numpy import save as to_bytes

        h = self.history
        plain = {
            "format": FORMAT,
            "settings": self.settings.to_dict(),
            "columns": self.columns,
            **{kind: {n: None if np.ndim(v) else v for n, v in getattr(self, kind).items()} for kind in _NUMBERS},
            "recorded": h.parameters,
            "record": h.record,
            **{k: getattr(self, k) for k in ("stopped", "epochs", "steps", "rows", "seconds", "source", "engine",
                                             "engine_reason", "metrics", "test_metrics", "notes", "classes")},
            "statistics": None if self.statistics is None else self.statistics.plain(),
        }  # fmt: skip
        tensors = {
            **{
                f"{kind}/{n}": np.asarray(v, order="C")
                for kind in _NUMBERS
                for n, v in getattr(self, kind).items()
                if np.ndim(v) or kind == "params"
            },
            "history/values": h.values,
            "history/epoch": h.epoch,
            "history/step": h.step,
        }
        plain["sha256"] = _digest(plain, tensors)
        write_whole(path, to_bytes(tensors, metadata={"tidu": json.dumps(plain, allow_nan=True)}))

    def without_data(self) -> Run:
        """The same run, no longer holding on to its training data."""
        return replace(self, training_data=None)


def load(path: str | os.PathLike[str]) -> Run:
    """The run that `Run.save` wrote.

    Raises
    ------
    ModelFileError
        There is no such file, or it is not a model of tidu's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="np") as file:
            plain = json.loads((file.metadata() or {})["tidu"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        if plain["format"] > FORMAT:
            raise ModelFileError(_("'{path}' was saved by a newer version of tidu").format(path=os.fspath(path)))
        if plain.pop("sha256") != _digest(plain, tensors):
            raise ValueError(_("its content is damaged"))
        return _run_of(plain, tensors)
    except FileNotFoundError:
        raise ModelFileError(_("there is no file '{path}'").format(path=os.fspath(path))) from None
    except ModelFileError:
        raise
    except (SafetensorError, LookupError, AttributeError, OSError, ValueError, TypeError) as error:
        raise ModelFileError(
            _("'{path}' is not a model saved by tidu: {reason}").format(
                path=os.fspath(path), reason=str(error)[:100] or type(error).__name__
            )
        ) from None


def _run_of(plain: dict[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> Run:
    """The run of what `save` wrote."""
    plain.pop("format")
    settings = plain.pop("settings")
    if settings["penalise"] is not None:
        settings["penalise"] = tuple(settings["penalise"])
    for kind in _NUMBERS:
        plain[kind] = {n: tensors[f"{kind}/{n}"] if v is None else v for n, v in plain[kind].items()}
    statistics = plain.pop("statistics", None)
    values, epoch, step = (tensors[f"history/{k}"] for k in ("values", "epoch", "step"))
    history = History(tuple(plain.pop("recorded")), plain.pop("record"), epoch, step, values)
    columns, notes, classes = (tuple(plain.pop(k)) for k in ("columns", "notes", "classes"))
    if statistics is not None:
        statistics = Statistics.of_plain(statistics)
    return Run(
        Settings(**settings), columns, history=history, notes=notes, statistics=statistics, classes=classes, **plain
    )


def _plain(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, and lists of them, for JSON."""
    return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in numbers.items()}


def _digest(plain: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """A hash of everything in a model file: a flipped bit must not become another model."""
    digest = hashlib.sha256(json.dumps(plain, allow_nan=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def target_values(target: Expr, table: Table) -> Array:
    """The left side of a formula, for each row."""
    if target.is_symbol:
        return table[target.name]
    needed = symbols([target], "target")
    cells = zip(*(table[c.name].tolist() for c in needed), strict=True)
    return np.array([evaluate(target, dict(zip(needed, row, strict=True))) for row in cells])


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that whoever looks finds the old content or the new, never a part.

    A link is followed; what is no plain file (a device, a pipe) is written through.
    """
    target = Path(path)
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(_("'{path}' cannot be written: {reason}").format(path=target, reason=reason)) from None
