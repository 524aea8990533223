"""`Run`: one training with where it ended, its history, why it stopped, and the model that it leaves."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.content.summary import Summary
from tidu.data.csv_options import CsvOptions
from tidu.data.table import Label, Table
from tidu.engines.program import Program
from tidu.errors import DataError
from tidu.language.expr import Expr
from tidu.later import MayBeLater, as_given
from tidu.text import _
from tidu.training.as_json import run_as_dict
from tidu.training.callbacks import ONLY_ATTEMPT, Attempt, Callback
from tidu.training.early_stopping import Judged
from tidu.training.file_schema import Described
from tidu.training.history import History
from tidu.training.model import Model, parameters_of, values_in_short
from tidu.training.model_file import Arrays, read, write
from tidu.training.origin import Origin
from tidu.training.parameters import Parameters
from tidu.training.problem import Problem
from tidu.training.questions import Asked, answered
from tidu.training.settings import Settings
from tidu.training.solving.estimates import LEVEL, Estimates
from tidu.training.state import TrainingState
from tidu.training.training import TRIAL_STEPS

if TYPE_CHECKING:
    from tidu.engines.trace import Trace
    from tidu.training.inference.bootstrap import Bootstrap
    from tidu.training.inference.confidence import Confidence
    from tidu.training.inference.derived import Derived
    from tidu.training.inference.profiles import Profile
    from tidu.training.rates import RangeTest

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run(Asked):
    """What `tidu.fit` returns.

    `statistics`, `metrics`, `test_metrics` and `notes` of short data are computed when they are first read.

    Attributes
    ----------
    problem : what was trained: settings, program, data.
    state : where it ended, complete: from here it could go on. See `TrainingState`. Under early stopping (`patience`,
        `validation`), that of the best epoch; `last_state` is then where it ended.
    history : a row for each epoch or step; see `History`.
    stopped : `epochs`, `steps`, `loss`, `converged`, `patience`, `diverged` or `interrupted`, or the word of a
        callback.
    params : the parameters by name, floats or arrays. After a divergence: those before the first bad step.
    loss : the last loss of the history (mean over an epoch's samples, each before the update that used it; of a model
        with dropout, with units dropped: `metrics` are without).
    epochs, steps : how many were completed.
    source : the loop that ran, as text.
    rows : how many samples it was trained on; `notes` are sentences about the data and the settings.
    statistics : standard errors and what follows from them, where a solver came to a minimum; see `Statistics` (of
        least squares), `Likelihood`, `Robust`.
    confidence : intervals by profile likelihood or bootstrap, where these were asked for; see `Confidence`.
    classes : the labels that a loss of classes tells apart, in order; of two, the second has the positive scores.
    metrics, test_metrics : `score` of the training data and of the part kept back.
    error : the exception of a callback that ended the run; None as a rule.
    recorded : the rows of the history as the loop wrote them, which a training goes on from; None of a solver.
    device : the device of PyTorch that it ran on.
    judged : how good each epoch was, where early stopping was asked for; see `Judged`.
    id : the run's number in the store; None where it is in none.
    kept : states on the way, of a long descent, from which its steps are computed again.
    origin, fingerprint : where its data came from, and a hash of their rows; None where that is not known.
    attempt : which descent of the training it is, where one that went up was begun anew.
    """

    problem: Problem
    state: TrainingState
    history: History
    stopped: str
    rows: int
    seconds: float
    source: str
    engine: str = "python"
    engine_reason: str = ""
    metrics: MayBeLater[Mapping[str, Any] | None] = MayBeLater(None)
    test_metrics: MayBeLater[Mapping[str, Any] | None] = MayBeLater(None)
    notes: MayBeLater[tuple[str, ...]] = MayBeLater(())
    statistics: MayBeLater[Estimates | None] = MayBeLater(None)
    confidence: Confidence | None = None
    error: Exception | None = None
    recorded: Array | None = None
    device: str | None = None
    judged: Judged | None = None
    id: int | None = None
    kept: tuple[TrainingState, ...] = ()
    origin: Origin | None = None
    fingerprint: str | None = None
    attempt: Attempt = ONLY_ATTEMPT

    # -- what it says of itself -----------------------------------------------------------------
    @cached_property
    def model(self) -> Model:
        """What it leaves for use: the formula with its parameters."""
        return Model(self.problem.without_data(), self.params, as_given(self, "statistics"), self.confidence)

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """The parameters by name."""
        return parameters_of(self.problem, self.state)

    @property
    def derived(self) -> Mapping[str, Derived]:
        """What follows from the parameters, as `where` and `report` ask: see `Model.derived`."""
        return self.model.derived

    @property
    def start(self) -> Mapping[str, Any]:
        """Where each parameter started."""
        return Parameters(self.problem.program, self.problem.start)

    @property
    def optimizer_state(self) -> Mapping[str, Any]:
        """The optimizer's state by name, as `velocity_w`; under `scale=True` of the rescaled parameters, `w_scaled`."""
        names = (symbol.name for symbol, _new, _start in self.problem.descended.new_state)
        return dict(zip(names, self.state.optimizer, strict=False))  # a solver keeps none

    @property
    def settings(self) -> Settings:
        """Every decision of the user, with what `auto` chose."""
        return self.problem.settings

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns of the data are called."""
        return self.problem.names

    @property
    def program(self) -> Program:
        """The expressions that it ran, in the user's parameters."""
        return self.problem.program

    @property
    def training_data(self) -> Table | None:
        """The rows that it learned from; None for a run that was loaded."""
        return self.problem.table

    @property
    def classes(self) -> tuple[Label, ...]:
        """The labels that it tells apart."""
        return self.problem.classes

    @property
    def epochs(self) -> int:
        """Epochs that were completed."""
        return self.state.epoch if self.judged is None else self.judged.epochs

    @property
    def steps(self) -> int:
        """Steps that were completed."""
        return self.state.step if self.judged is None else self.judged.steps

    @property
    def last_state(self) -> TrainingState:
        """Where the training stood at its end, which it goes on from; of a run that was loaded, `state`."""
        return self.state if self.judged is None or self.judged.last is None else self.judged.last

    @property
    def best_epoch(self) -> int | None:
        """How many epochs the parameters have seen, where early stopping kept those of the best; else None."""
        best = None if self.judged is None else self.judged.best
        return None if best is None else best + 1

    @property
    def validation_loss(self) -> Array | None:
        """The mean loss of the validation rows after each epoch, of shape (epochs,); None without such rows."""
        return self.judged.losses if self.judged is not None and self.judged.validated else None

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

    def summary(self) -> Summary:
        """The layers of the model: see `Model.summary`."""
        return self.model.summary()

    def latex(self) -> str:
        """The mathematics: see `Model.latex`."""
        return self.model.latex()

    def __repr__(self) -> str:
        return (
            f"<Run of '{self.settings.formula}': {values_in_short(self.params)}; "
            f"loss {self.loss:.6g}; stopped: {self.stopped}>"
        )

    # -- what one does with it: the model's --------------------------------------------------------
    def predict(self, data: object, drop_missing: bool = False) -> npt.NDArray[Any]:
        """The predictions for `data`, of shape (rows,): see `Model.predict`."""
        return self.model.predict(data, drop_missing)

    def probabilities(self, data: object, drop_missing: bool = False) -> Array:
        """The probability of each of `classes`, of shape (rows, classes): see `Model.probabilities`."""
        return self.model.probabilities(data, drop_missing)

    def prediction_interval(
        self, data: object, level: float = LEVEL, of: str = "sample", drop_missing: bool = False
    ) -> tuple[Array, Array, Array]:
        """Predictions with the ends of an interval around each: see `Model.prediction_interval`."""
        return self.model.prediction_interval(data, level, of, drop_missing)

    def profiles(self, level: float = LEVEL) -> tuple[Profile, ...]:
        """How the cost rises along each parameter while the others follow, and the interval that it gives.

        SettingError without statistics of least squares, or a scatter to compare with; DataError without data.
        """
        from tidu.training.inference.confidence import profiles_of

        return profiles_of(self.problem, self.params, self.statistics, level=level)

    def bootstrap(self, draws: int = 2000, resample: str | None = None, seed: int | None = None) -> Bootstrap:
        """Refits to data drawn anew: see `Bootstrap`. `resample` is `residuals` or `cases`; errors as `profiles`."""
        from tidu.training.inference.confidence import bootstrap_of_fit

        changed = {"draws": draws, "resample": resample, "seed": self.settings.seed if seed is None else seed}
        problem = self.problem.changed(intervals="bootstrap", **changed)
        return bootstrap_of_fit(problem, self.params, self.statistics)

    def score(self, data: object, drop_missing: bool = False) -> dict[str, Any]:
        """How good the predictions for `data` are: see `Model.score`."""
        return self.model.score(data, drop_missing)

    def features_of(
        self, data: object, drop_missing: bool = False, csv: CsvOptions | None = None, with_target: bool = True
    ) -> Table:
        """The columns of `data` that the model reads, checked: see `Model.features_of`."""
        return self.model.features_of(data, drop_missing, csv, with_target)

    # -- going on, and looking back ------------------------------------------------------------------
    def resume(
        self,
        epochs: int | None = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] = (),
    ) -> Run:
        """The training taken up where it stopped, to the bounds that it had, or for so many more epochs or steps.

        The same bits as one training of that length.

        Raises
        ------
        SettingError
            A solver ran it, or it no longer has its data, or it is at its end and no more is asked for.
        """
        more: Run = answered("resume", self, epochs, steps, callbacks)
        return more

    def range_test(self, rates: Sequence[float] | None = None, steps: int = TRIAL_STEPS) -> RangeTest:
        """Descend from the run's start for a few steps with each learning rate; the run itself stays as it is.

        Returns
        -------
        RangeTest
            `costs` for each of `rates`, and the `best` of them.
        """
        from tidu.training.rates import RATES, range_test

        if self.training_data is None:
            raise DataError(
                _("the range test needs the data that the model was fitted to; a saved model does not hold them")
            )
        problem = self.problem.changed(optimizer="gd") if self.settings.uses_solver else self.problem
        return range_test(problem, rates or RATES, steps)

    def trace(self, step: int, rows: Sequence[int] = ()) -> Trace:
        """Every value of one step, and of some rows of its batch: forward, loss, backward, mean, update.

        Parameters
        ----------
        step : counted from 0; of a run that diverged, the last is the step that was not taken.
        rows : numbers of rows of the training data, from 0, that this step takes.

        Returns
        -------
        A `Trace`: `values` in the order in which they are computed, `after` with the parameters by name. It has the
        bits of the loop that ran, unless that was in PyTorch. Under `scale=True` it is in the rescaled parameters.

        Raises
        ------
        DataError : the run was loaded, and has no data.
        SettingError : there is no such step, or this step does not take such a row.
        """
        from tidu.training.retracing import trace_of_run

        return trace_of_run(self, step, rows)

    def batch_of(self, step: int) -> Sequence[int]:
        """The rows of the training data that a step took, by their numbers from 0, in its order; errors as `trace`."""
        from tidu.training.retracing import batch_of_run

        return batch_of_run(self, step)

    def with_data(self, data: object = None) -> Run:
        """A run that was loaded, with the data that it learned from: read where they were, or `data`.

        Raises
        ------
        DataError
            They were in memory and are not given; they are not the same now.
        """
        if self.training_data is not None and data is None:
            return self
        return replace(self, problem=self.problem.read_again(self.origin or Origin(), self.fingerprint, data))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values: what the command line prints for `--json`."""
        return run_as_dict(self)

    # -- files --------------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file (safetensors, with its settings as JSON); an old file is replaced whole or not.

        Read it again with `tidu.load(path)`.
        """
        from tidu.training.run_file import content_of

        write(path, content_of(self))

    def without_data(self) -> Run:
        """The same run, no longer holding on to its training data."""
        return replace(self, problem=self.problem.without_data())


def load(path: str | os.PathLike[str]) -> Run:
    """The run that `Run.save` wrote.

    Raises
    ------
    ModelFileError
        There is no such file, or it is not a run of tidu's.
    """
    from tidu.training.run_file import prepared_parts

    def prepared(plain: dict[str, Any], described: Described) -> Callable[[Arrays], Run]:
        parts_of = prepared_parts(plain, described)
        return lambda arrays: Run(**parts_of(arrays))

    return read(path, prepared)
