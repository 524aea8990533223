"""`GDClassifier`: classes learnt by gradient descent, with a model by its name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from tidu.content.losses import LOSSES, Loss, loss_named
from tidu.errors import SettingError, TiduError
from tidu.sklearn.estimator import NamedModel, constructor, descends, on_rows
from tidu.text import _
from tidu.training.problem import Problem
from tidu.training.settings import Settings

Array = npt.NDArray[np.float64]


def _gives_probabilities(classifier: GDClassifier) -> bool:
    try:
        return loss_named(classifier.loss).probabilities
    except TiduError:  # which `fit` raises
        return False


class GDClassifier(ClassifierMixin, NamedModel):  # type: ignore[misc]
    """A classifier that learns by gradient descent.

    Parameters
    ----------
    model : `"linear"`, `"poly(degree=3)"` of one feature, or `"mlp(hidden=[16, 16])"`, with the options that the
        functions have in formulas.
    loss : a loss of classes. `logistic` is `softmax` where there are more than two.
    warm_start : whether `fit` goes on from the parameters of the last fit.
    others : options of `tidu.fit`, by the same names; penalties hold for every parameter, as there. Without `lr`, a
        model with vectors or matrices has a rate from the curvature, if the optimizer is gd or its kind.

    Attributes
    ----------
    classes_ : the labels, in order.
    coef_, intercept_ : of a linear model, arrays of shape (1, features) and (1,) for two classes, else of shape
        (classes, features) and (classes,).
    model_ : the `tidu.Model`; `model_.params` are the parameters by name.
    loss_curve_ : the mean loss of each epoch; `n_iter_` is how many there were.
    """

    classes_: npt.NDArray[Any]
    __init__ = constructor(
        inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="linear"), by_name=False,
        loss="logistic",
    )  # fmt: skip

    @available_if(descends)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more epoch on these rows, from where the training stands, with its options; weights count as they are.

        The first call is given all `classes` that there are to be, if y does not hold them all.
        """
        return self._advance(X, y, sample_weight, classes)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of each row of X, of shape (rows,)."""
        table = self._table(X)
        return np.asarray(self.classes_[self.model_.labels(table).astype(np.intp)])

    def decision_function(self, X: Any) -> Array:
        """The score of each row: of shape (rows,) for the second of two classes, else (rows, classes)."""
        table = self._table(X)
        logits = self.model_.logits(table)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class for each row, of shape (rows, classes)."""
        table = self._table(X)
        return self.model_.class_probabilities(table)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of the probability of each class for each row, of shape (rows, classes)."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    @property
    def coef_(self) -> Array:
        """The weight of each feature, of shape (1, features) or (classes, features)."""
        return np.atleast_2d(self._linear()[0])

    @property
    def intercept_(self) -> Array:
        """The bias of each score."""
        return np.atleast_1d(self._linear()[1])

    def _loss(self, count: int) -> Loss:
        """The loss that is used with so many classes."""
        loss = loss_named(self.loss)
        if not loss.targets.codes:
            raise SettingError(
                _("the loss '{loss}' is of numbers; losses that take labels: {names}").format(
                    loss=loss.name, names=", ".join(name for name, entry in LOSSES.items() if entry.targets.codes)
                )
            )
        if count > len(loss.targets.codes):
            if loss.name == "logistic":
                return LOSSES["softmax"]
            raise SettingError(
                _("Only binary classification is supported by the loss '{loss}', and y has {count} classes; take the "
                  "loss logistic or softmax").format(loss=loss.name, count=count)
            )  # fmt: skip
        return loss

    def _numbers(self, y: npt.NDArray[Any], classes: Any, first: bool) -> Array:
        check_classification_targets(y)
        if first:
            found = np.unique(y if classes is None else classes)
            if self.warm_start and hasattr(self, "classes_") and not np.array_equal(found, self.classes_):
                raise SettingError(_("warm_start needs the classes of the last fit; make a new estimator for others"))
            if len(found) < 2:
                raise ValueError(
                    _("y holds one class only, {label}; a classifier needs rows of at least two classes").format(
                        label=found[0]
                    )
                )
            self.classes_ = found
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise ValueError(
                _("y has the label {label}, which is none of the classes {classes}; name all classes in the first call "
                  "of partial_fit").format(label=y[unknown][0], classes=", ".join(map(str, self.classes_)))
            )  # fmt: skip
        return np.searchsorted(self.classes_, y).astype(np.float64)

    def _begun(self, formula: str, columns: Mapping[str, Array], settings: Mapping[str, Any]) -> Problem:
        count = len(self.classes_)
        loss = self._loss(count)
        named = self.loss if loss.name == loss_named(self.loss).name else loss.name
        outputs = count if loss.of_classes else None
        chosen = Settings(formula, outputs=outputs, **{**settings, "loss": named})
        self._execution().check(chosen)
        problem = Problem.of_model(chosen, list(columns), tuple(map(float, range(count))))
        return on_rows(problem, columns)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            tags.classifier_tags.multi_class = loss_named(self.loss).probabilities
        except TiduError:  # which `fit` raises
            tags.classifier_tags.multi_class = False
        return tags
