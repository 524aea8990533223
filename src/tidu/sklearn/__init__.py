"""Estimators for scikit-learn: `FormulaRegressor`, `GDRegressor`, `GDClassifier`. Needs the extra `sklearn`."""

from __future__ import annotations

from tidu.errors import MissingDependency
from tidu.text import _

try:
    import sklearn.utils.validation

    sklearn.utils.validation.validate_data  # noqa: B018  # there since 1.6
except (ImportError, AttributeError):
    raise MissingDependency(
        _("tidu.sklearn needs scikit-learn 1.6 or newer; install it with: pip install 'tidu[sklearn]'")
    ) from None

from tidu.sklearn.classifier import GDClassifier
from tidu.sklearn.regressors import FormulaRegressor, GDRegressor

__all__ = ["FormulaRegressor", "GDClassifier", "GDRegressor"]
