"""How good predictions are: of numbers, and of classes.

A model of K classes gives each row K logits, whose softmax are probabilities; a model of one score has the logits 0 and
that score. Everything is computed from logits, so that nothing is lost where a probability rounds to 0 or 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]  # a class for each row, counted from 0


def metrics_of(y: Array, y_hat: Array) -> dict[str, float]:
    """Mean squared, root mean squared and mean absolute error, and R² (nan for a target that never varies)."""
    with np.errstate(all="ignore"):
        residual = y - y_hat
        mse = float(np.mean(residual**2))
        # The mean of equal numbers may differ from them in the last bit.
        spread = float(np.mean((y - y.mean()) ** 2)) if y.min() < y.max() else 0.0
        return {
            "mse": mse,
            "rmse": math.sqrt(mse) if math.isfinite(mse) else mse,
            "mae": float(np.mean(np.abs(residual))),
            "r2": 1.0 - mse / spread if spread > 0.0 else math.nan,
        }


def class_metrics_of(true: Classes, logits: Array, with_probabilities: bool) -> dict[str, Any]:
    """Accuracy, log loss (where logits mean probabilities), AUC, confusion table; precision, recall, F1 of each class.

    What cannot be computed is nan: an AUC without rows of each class, the precision of a class that is never predicted,
    everything if a logit is not finite.
    """
    if not np.isfinite(logits).all():
        return {"accuracy": math.nan, **({"log_loss": math.nan} if with_probabilities else {}), "auc": math.nan}
    table = confusion(true, predicted_classes(logits), logits.shape[1])
    right = np.diag(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": float(right.sum() / table.sum()),
            **({"log_loss": log_loss(true, logits)} if with_probabilities else {}),
            "auc": auc(true, logits),
            "confusion": table.tolist(),
            "precision": (right / table.sum(axis=0)).tolist(),
            "recall": (right / table.sum(axis=1)).tolist(),
            "f1": (2 * right / (table.sum(axis=0) + table.sum(axis=1))).tolist(),
        }


def predicted_classes(logits: Array) -> Classes:
    """The class of the largest logit of each row; of equal ones, the first."""
    return np.asarray(np.argmax(logits, axis=1))


def probabilities_of(logits: Array) -> Array:
    """Softmax of each row, of shape (rows, K)."""
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(true: Classes, logits: Array) -> float:
    """The mean of −log of the probability of the true class."""
    largest = logits.max(axis=1)
    with np.errstate(over="ignore"):
        total = np.log(np.exp(logits - largest[:, None]).sum(axis=1))
        own = logits[np.arange(len(true)), true]
        return float(np.mean(total + (largest - own)))  # not (total + largest) - own, which cancels


def confusion(true: Classes, predicted: Classes, classes: int) -> npt.NDArray[np.int64]:
    """How many rows of each class (down) were predicted as each class (across), of shape (K, K)."""
    counts = np.bincount(true * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def auc(true: Classes, logits: Array) -> float:
    """Area under the ROC curve; for more than two classes the mean over classes of each against the rest.

    It is the chance that a row of the class has the larger score than one of the rest, equal scores counted half, and
    so comes from ranks (Mann & Whitney 1947; Hanley & McNeil 1982).
    """
    with np.errstate(over="ignore"):
        if logits.shape[1] == 2:
            return _rank_auc(true == 1, logits[:, 1] - logits[:, 0])
        odds = log_odds(logits)
        return float(np.mean([_rank_auc(true == k, odds[:, k]) for k in range(logits.shape[1])]))


def _rank_auc(positive: npt.NDArray[np.bool_], score: Array) -> float:
    yes = int(positive.sum())
    no = len(positive) - yes
    if not yes or not no:
        return math.nan
    _values, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)  # the rank of the last of each group of equal scores, from 1
    middle = last - (count - 1) / 2
    return float((middle[place][positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def log_odds(logits: Array) -> Array:
    """log(p/(1 − p)) of each class, of shape (rows, K): in the order of p, without rounding to 0 or 1.

    What the other classes sum to is the sum of those before and those behind: K additions for all, not for each.
    """
    row = np.arange(len(logits))
    best = np.argmax(logits, axis=1)
    largest = logits[row, best]
    powers = np.exp(logits - largest[:, None])
    others = np.zeros_like(logits)
    others[:, 1:] = np.cumsum(powers[:, :-1], axis=1)
    others[:, :-1] += np.cumsum(powers[:, :0:-1], axis=1)[:, ::-1]
    others[row, best] = 1.0  # what else there is may be lost beside the largest, so it gets a scale of its own
    odds = (logits - largest[:, None]) - np.log(others)
    rest = logits.copy()
    rest[row, best] = -np.inf
    second = rest.max(axis=1)
    odds[row, best] = (largest - second) - np.log(np.exp(rest - second[:, None]).sum(axis=1))
    return np.asarray(odds)
