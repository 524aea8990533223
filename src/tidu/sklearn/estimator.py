"""What the estimators share: parameters read off the options of training, `fit`, and training that goes on.

Their parameters are the options of `tidu.fit`; they train and predict as it does.
"""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tidu.content.declarations import ENGINE
from tidu.content.kinds import Assignments, Names, Number
from tidu.content.methods import AUTO, SOLVERS
from tidu.content.models import MODELS
from tidu.content.optimizers import optimizer_named
from tidu.data.table import Table, names_without_header
from tidu.engines.scalar_loop import history_columns
from tidu.errors import SettingError, closest
from tidu.text import _
from tidu.training.constraints import FOR_DESCENT
from tidu.training.descent import Standing
from tidu.training.fit import run_of
from tidu.training.judging.targets import check_target
from tidu.training.model import Model
from tidu.training.options import OPTIONS, SETTING_NAMES
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.settings import Settings
from tidu.training.solving.stability import linear_rule
from tidu.training.state import TrainingState
from tidu.training.training import Execution

Array = npt.NDArray[np.float64]
TARGET = "y"
ONE_EPOCH: dict[str, Any] = {
    "epochs": 1,
    "steps": None,
    "patience": None,
    "min_improvement": 0.0,
    "plateau": {},
}  # the end, not the best
ELSEWHERE = (
    "weights",
    "sigma",
    "counts",
    "record",
)  # `fit` takes weights as an argument; of the history there is a row an epoch


def _parameters(by_name: bool) -> dict[str, Any]:
    """The options of training that an estimator has, with their defaults; those of named parameters if `by_name`."""
    return {
        name: None if isinstance(entry.default, dict) else entry.default
        for name, entry in OPTIONS.items()
        if (name in SETTING_NAMES or entry.group == ENGINE or name == "validation")
        and name not in ELSEWHERE
        and (by_name or not isinstance(entry.kind, (Assignments, Names)))
    }


def constructor(model: inspect.Parameter, by_name: bool, **changed: Any) -> Callable[..., None]:
    """An `__init__` that keeps its arguments as they are: `model`, the options of training, and `warm_start`."""
    defaults = {**_parameters(by_name), "warm_start": False, **changed}
    keywords = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=v) for n, v in defaults.items()]
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([itself, model, *keywords])

    def __init__(*arguments: Any, **options: Any) -> None:  # noqa: N807  # it becomes one
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        estimator = bound.arguments.pop("self")
        for name, value in bound.arguments.items():
            setattr(estimator, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


class Estimator(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """What all have in common; a subclass says what is trained, and what its targets are as numbers."""

    warm_start: bool
    validation: float | None
    loss: str
    optimizer: str
    model_: Model
    n_iter_: int
    loss_curve_: list[float]
    _last: tuple[Problem, TrainingState]

    # -- what a subclass says ----------------------------------------------------------------------
    @abstractmethod
    def _formula(self) -> str:
        """The formula of the model."""

    def _target_name(self) -> str:
        return TARGET

    def _numbers(self, y: npt.NDArray[Any], classes: Any, first: bool) -> Array:
        """The targets as training reads them; `first` where no model is to be gone on with."""
        return y.astype(np.float64)

    def _begun(self, formula: str, columns: Mapping[str, Array], settings: Mapping[str, Any]) -> Problem:
        """The problem of a training that begins."""
        return Problem.read(formula, columns, settings, check=self._execution().check)

    # -- training ----------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X of shape (rows, features) and y of shape (rows,), from the start or, warm, from the last end.

        Weights count relative to their mean; a row of weight 0 is left out.

        Raises
        ------
        FormulaError, DataError, SettingError, NoDerivative, ValueError
        """
        columns = self._columns(X, y, sample_weight, first=True)
        weights = columns[self._weight_name()]
        columns[self._weight_name()] = weights / weights.mean()
        problem = _rated(self._begun(self._formula(), columns, self._settings()))
        if self.validation is not None:
            problem = self._with_rows_kept_back(problem)
        if self.warm_start and hasattr(self, "model_"):
            problem = problem.starting_from(self._last_parameters(problem))
        self._keep(run_of(problem, self._execution()))
        return self

    def _advance(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """One more epoch, on these rows, from where the last ended; what `partial_fit` does."""
        first = not hasattr(self, "model_")
        settings = Settings(self._formula(), **self._settings()) if first else self._last[0].settings
        if settings.uses_solver or settings.optimizer == AUTO:
            raise SettingError(
                _(
                    "partial_fit goes on with a descent, and {optimizer} is none; name an optimizer, such as adam"
                ).format(optimizer=settings.optimizer)
            )
        columns = self._columns(X, y, sample_weight, first, classes)
        if first:
            problem = _rated(self._begun(self._formula(), columns, self._settings())).changed(**ONE_EPOCH)
            self._keep(run_of(problem, self._execution()))
            return self
        problem, state = self._last
        problem = on_rows(problem, columns).changed(**ONE_EPOCH)
        # A step has its place in an epoch of these rows: where they are more or fewer, the next epoch that begins.
        per_epoch = problem.limits.steps
        epoch = -(-state.step // per_epoch)
        standing = replace(state, epoch=epoch, step=epoch * per_epoch, start=0, epoch_loss=0.0)
        rows = np.empty((0, len(history_columns(problem.descended))))
        done, curve = self.n_iter_, self.loss_curve_
        self._keep(run_of(problem.changed(epochs=epoch + 1), self._execution(), (), Standing(standing, rows)))
        self.n_iter_, self.loss_curve_ = done + 1, curve + self.loss_curve_
        return self

    def _keep(self, run: Run) -> None:
        self.model_, self._last = run.model, (run.problem.without_data(), run.state)
        self.n_iter_, self.loss_curve_ = run.epochs, run.history.loss.tolist()
        if run.stopped == "interrupted":
            raise KeyboardInterrupt
        if run.diverged:
            warnings.warn(" ".join(run.notes), ConvergenceWarning, stacklevel=3)

    def _with_rows_kept_back(self, problem: Problem) -> Problem:
        share = Number().checked("validation", self.validation)  # of rows; here, no table of its own
        if problem.settings.uses_solver:
            raise SettingError(_(FOR_DESCENT).format(option="validation", optimizer=problem.settings.optimizer))
        return problem.split(None, share)

    def _last_parameters(self, problem: Problem) -> list[Any]:
        values = self.model_.params
        if [(p.name, p.shape) for p in problem.program.parameters] != [(n, np.shape(v)) for n, v in values.items()]:
            raise SettingError(
                _("warm_start needs a model with the parameters of the last one; make a new estimator for another")
            )
        return list(values.values())

    def _settings(self) -> dict[str, Any]:
        given = self.get_params(deep=False)
        return {**{n: v for n, v in given.items() if n in SETTING_NAMES}, "weights": self._weight_name()}

    def _execution(self) -> Execution:
        given = self.get_params(deep=False)
        return Execution(given["engine"], given["threads"], given["device"])

    # -- data --------------------------------------------------------------------------------------
    def _names(self) -> list[str]:
        """What the features are called: as in an array without names."""
        return list(names_without_header(self.n_features_in_ + 1))[:-1]

    def _weight_name(self) -> str:
        return "sample_weight"

    def _columns(
        self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Features, target and weights by name, checked, without the rows of weight 0."""
        X, y = validate_data(self, X, y, reset=first, dtype=np.float64, y_numeric=is_regressor(self))
        weights = np.ones(len(X))
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            counted = weights > 0.0
            if not counted.any():
                raise ValueError(_("all sample weights are 0: no row is left to learn from"))
            X, y, weights = X[counted], y[counted], weights[counted]
        numbers = self._numbers(y, classes, first)
        return {**self._features(X), self._target_name(): numbers, self._weight_name(): weights}

    def _features(self, X: Array) -> dict[str, Array]:
        return dict(zip(self._names(), X.T, strict=True))

    def _table(self, X: Any) -> Table:
        """The features of rows to predict."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.model_.features_of(self._features(X), with_target=False)


def _rated(problem: Problem) -> Problem:
    """A problem whose rate, where nobody gave one, follows from the curvature if the model has vectors or matrices.

    `tidu.fit` begins anew in rescaled parameters where its default rate is too large; such a model cannot be rescaled,
    and behind a scaler, as most are, that rate would crawl.
    """
    s = problem.settings
    if not (s.rate_is_default and problem.program.of_arrays) or linear_rule(optimizer_named(s.optimizer)) is None:
        return problem
    return problem.changed(lr=AUTO)


def on_rows(problem: Problem, columns: Mapping[str, Array]) -> Problem:
    """A problem without data, on these rows."""
    read = Model(problem, dict(zip(problem.program.parameter_names, problem.start, strict=True))).features_of(columns)
    weights = problem.settings.weights
    assert weights is not None
    table = replace(read, columns={**read.columns, weights: columns[weights]})
    check_target(problem.program, table, problem.settings)
    return replace(problem, table=table)


def descends(estimator: Estimator) -> bool:
    """Whether it makes steps that `partial_fit` can add to."""
    return estimator.optimizer != AUTO and estimator.optimizer not in SOLVERS


class NamedModel(Estimator):
    """An estimator whose formula is a model function of all features."""

    model: str

    def _formula(self) -> str:
        text = self.model if isinstance(self.model, str) else repr(self.model)
        name, bracket, options = text.strip().partition("(")
        known = [n for n, entry in MODELS.items() if entry.makes_parameters and entry.form is None]
        if name.strip() not in known:
            near = closest(name.strip(), known)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(
                _("there is no model '{name}'{hint}; there are: {names}").format(
                    name=name.strip(), hint=hint, names=", ".join(known)
                )
            )
        options = options if bracket else ")"
        comma = "" if options.strip() == ")" else ", "
        return f"{TARGET} = {name.strip()}(...{comma}{options}"

    def _linear(self) -> tuple[Array, Array]:
        """Weights and biases of a linear model."""
        check_is_fitted(self)
        if self.model.partition("(")[0].strip() != "linear":
            raise AttributeError(f"the model {self.model!r} has no coefficients; `model_.params` are its parameters")
        *weights, bias = self.model_.params.values()
        return np.asarray(weights[0] if np.ndim(weights[0]) else weights), np.asarray(bias)
