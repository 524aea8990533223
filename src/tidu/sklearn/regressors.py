"""`FormulaRegressor`, whose model is a formula, and `GDRegressor`, whose model is named."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from tidu.errors import FormulaError
from tidu.language.formula_text import sides
from tidu.sklearn.estimator import Estimator, NamedModel, constructor, descends
from tidu.text import _

Array = npt.NDArray[np.float64]


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """An estimator of numbers."""

    def predict(self, X: Any) -> Array:
        """The prediction for each row of X, of shape (rows,)."""
        table = self._table(X)
        return self.model_.predictions(table)

    @available_if(descends)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more epoch on these rows, from where the training stands, with its options; weights count as they are."""
        return self._advance(X, y, sample_weight)


class FormulaRegressor(Regressor):
    """A formula that is fitted to a table.

    Parameters
    ----------
    formula : `target = expression`, as in `"y = a*exp(-b*x) + c"`. The names of a frame's columns are features; the
        columns of an array are called x1, x2 ..., or x where it has but one. Every other name is a parameter.
    warm_start : whether `fit` goes on from the parameters of the last fit.
    others : options of `tidu.fit`, by the same names.

    Attributes
    ----------
    model_ : the `tidu.Model`; `model_.params` are the parameters by name.
    loss_curve_ : the mean loss of each epoch; `n_iter_` is how many there were.

    Examples
    --------
    >>> from tidu.sklearn import FormulaRegressor
    >>> line = FormulaRegressor("y = w*x + b", lr=0.1).fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
    >>> line.predict([[4.0]]).round(6).tolist()
    [9.0]
    """

    formula: str
    __init__ = constructor(
        inspect.Parameter("formula", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="y = linear(...)"), by_name=True
    )

    def _formula(self) -> str:
        return self.formula

    def _target_name(self) -> str:
        name = sides(self.formula)[0].strip()
        if not name.isidentifier():
            raise FormulaError(
                _("the left side of the formula must be one name, such as y, not '{text}'; scikit-learn's "
                  "TransformedTargetRegressor fits a function of the target").format(text=name)
            )  # fmt: skip
        if name in self._names():
            raise FormulaError(
                _("the formula's target '{name}' is a column of X; name the target otherwise, or leave the column out")
                .format(name=name)
            )  # fmt: skip
        return name

    def _names(self) -> list[str]:
        return list(getattr(self, "feature_names_in_", super()._names()))

    def _weight_name(self) -> str:
        taken = {*self._names(), sides(self.formula)[0].strip()} if hasattr(self, "n_features_in_") else set()
        name = super()._weight_name()
        while name in taken:
            name += "_"
        return name


class GDRegressor(Regressor, NamedModel):
    """A regressor that learns by gradient descent.

    Parameters
    ----------
    model : `"linear"`, `"poly(degree=3)"` of one feature, or `"mlp(hidden=[16, 16])"`, with the options that the
        functions have in formulas.
    warm_start : whether `fit` goes on from the parameters of the last fit.
    others : options of `tidu.fit`, by the same names; penalties hold for every parameter, as there. Without `lr`, a
        model with vectors or matrices has a rate from the curvature, if the optimizer is gd or its kind.

    Attributes
    ----------
    coef_, intercept_ : of a linear model, arrays of shape (features,) and a number.
    model_ : the `tidu.Model`; `model_.params` are the parameters by name.
    loss_curve_ : the mean loss of each epoch; `n_iter_` is how many there were.
    """

    __init__ = constructor(
        inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="linear"), by_name=False
    )

    @property
    def coef_(self) -> Array:
        """The weight of each feature, of shape (features,)."""
        return self._linear()[0]

    @property
    def intercept_(self) -> float:
        """The bias."""
        return float(self._linear()[1])
