"""How good predictions are: of numbers, and of classes.

A model of K classes gives each row K logits, whose softmax are probabilities; a model of one score has the logits 0 and
that score. Everything is computed from logits, so that nothing is lost where a probability rounds to 0 or 1. A row that
has a count counts as if it stood there so often.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]  # a class for each row, counted from 0
MOST_RANKED = 1 << 22  # rows of which an AUC is computed, where they come block by block


def metrics_of(y: Array, y_hat: Array) -> dict[str, float]:
    """Mean squared, root mean squared and mean absolute error, and R² (nan for a target that never varies)."""
    return metrics_of_blocks([means_of(y, y_hat)])


@dataclass(frozen=True)
class Means:
    """What the metrics need of a block: means of squares and sizes of its residuals, and of the squares around y."""

    count: float
    squares: float
    errors: float
    middle: float
    around: float
    low: float
    high: float


def means_of(y: Array, y_hat: Array, counts: Array | None = None) -> Means:
    """The means of the rows of a block, which stand there so often; once each where nothing says it."""
    with np.errstate(all="ignore"):
        residual, middle = y - y_hat, _mean(y, counts)
        apart = y - middle
        return Means(
            len(y) if counts is None else float(np.add.reduce(counts)),
            _mean(residual * residual, counts), _mean(np.abs(residual), counts), middle, _mean(apart * apart, counts),
            float(np.minimum.reduce(y)), float(np.maximum.reduce(y)),
        )  # fmt: skip


def metrics_of_blocks(blocks: Iterable[Means]) -> dict[str, float]:
    """The same of rows that come block by block: the means of the blocks, put together one after another.

    Squares around the mean are put together as in Chan, Golub & LeVeque 1983.
    """
    rows: float = 0
    squares = errors = mean = around = 0.0
    low, high = math.inf, -math.inf
    with np.errstate(all="ignore"):
        for block in blocks:
            count = block.count
            squares = _sum_of_means(squares, rows, block.squares, count)
            errors = _sum_of_means(errors, rows, block.errors, count)
            apart = (block.middle - mean) ** 2 * (rows * count / (rows + count) ** 2) if rows else 0.0
            around = _sum_of_means(around, rows, block.around, count) + apart
            mean = _sum_of_means(mean, rows, block.middle, count)
            low, high = min(low, block.low), max(high, block.high)
            rows += count
        # The mean of equal numbers may differ from them in the last bit.
        spread = around if low < high else 0.0
        return {
            "mse": squares,
            "rmse": math.sqrt(squares) if math.isfinite(squares) else squares,
            "mae": errors,
            "r2": 1.0 - squares / spread if spread > 0.0 else math.nan,
        }


def _mean(values: Array, counts: Array | None = None) -> float:
    """What `values.mean()` is, sooner where there are few; of values that stand there so often."""
    if counts is not None:
        return float(values @ counts) / float(np.add.reduce(counts))
    return float(np.add.reduce(values)) / len(values)


def _sum_of_means(mean: float, rows: float, other: float, count: float) -> float:
    """The mean of `rows` numbers and `count` others, from their means."""
    return mean + (other - mean) * (count / (rows + count)) if rows else other


def class_metrics_of(
    true: Classes, logits: Array, with_probabilities: bool, counts: Array | None = None
) -> dict[str, Any]:
    """Accuracy, log loss (where logits mean probabilities), AUC, confusion table; precision, recall, F1 of each class.

    What cannot be computed is nan: an AUC without rows of each class, the precision of a class that is never predicted,
    everything if a logit is not finite.
    """
    if not np.isfinite(logits).all():
        return {"accuracy": math.nan, **({"log_loss": math.nan} if with_probabilities else {}), "auc": math.nan}
    table = confusion(true, predicted_classes(logits), logits.shape[1], counts)
    loss = log_loss(true, logits, counts) if with_probabilities else None
    return _of_confusion(table, loss, auc(true, logits, counts))


def class_metrics_of_rows(
    blocks: Iterable[tuple[Classes, Array, Array | None]], with_probabilities: bool
) -> dict[str, Any]:
    """The same of classes, logits and counts that come block by block, and are held."""
    held = [*blocks]
    true, logits = (np.concatenate([block[k] for block in held]) for k in (0, 1))
    counts = [count for _true, _logits, count in held if count is not None]
    return class_metrics_of(true, logits, with_probabilities, np.concatenate(counts) if counts else None)


def counts_of(
    true: Classes, logits: Array, counts: Array | None, with_probabilities: bool
) -> tuple[npt.NDArray[np.int64], float]:
    """The confusion table of a block, and the sum of its log losses; nan where a logit is not finite."""
    table = confusion(true, predicted_classes(logits), logits.shape[1], counts)
    if not np.isfinite(logits).all():
        return table, math.nan
    samples = len(true) if counts is None else float(np.add.reduce(counts))
    return table, log_loss(true, logits, counts) * samples if with_probabilities else 0.0


def class_metrics_of_counts(
    blocks: Iterable[tuple[npt.NDArray[np.int64], float]], with_probabilities: bool
) -> dict[str, Any]:
    """The same of more rows than are held, by the counts of their blocks: ranks need all rows, so the AUC is nan."""
    counts, losses = zip(*blocks, strict=True)
    table, loss = reduce(operator.add, counts), reduce(operator.add, losses, 0.0)  # `sum` adds floats otherwise
    if math.isnan(loss):
        return class_metrics_of(np.zeros(1, dtype=np.intp), np.full((1, len(table)), math.nan), with_probabilities)
    return _of_confusion(table, loss / int(table.sum()) if with_probabilities else None, math.nan)


def _of_confusion(table: npt.NDArray[np.int64], loss: float | None, area: float) -> dict[str, Any]:
    right = np.diag(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": float(right.sum() / table.sum()),
            **({} if loss is None else {"log_loss": loss}),
            "auc": area,
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


def log_loss(true: Classes, logits: Array, counts: Array | None = None) -> float:
    """The mean of −log of the probability of the true class."""
    largest = logits.max(axis=1)
    with np.errstate(over="ignore"):
        total = np.log(np.exp(logits - largest[:, None]).sum(axis=1))
        own = logits[np.arange(len(true)), true]
        losses = total + (largest - own)  # not (total + largest) - own, which cancels
        return float(np.mean(losses)) if counts is None else _mean(losses, counts)


def confusion(true: Classes, predicted: Classes, classes: int, counts: Array | None = None) -> npt.NDArray[np.int64]:
    """How many rows of each class (down) were predicted as each class (across), of shape (K, K)."""
    found = np.bincount(true * classes + predicted, counts, minlength=classes * classes)
    return found.reshape(classes, classes).astype(np.int64)


def auc(true: Classes, logits: Array, counts: Array | None = None) -> float:
    """Area under the ROC curve; for more than two classes the mean over classes of each against the rest.

    It is the chance that a row of the class has the larger score than one of the rest, equal scores counted half, and
    so comes from ranks (Mann & Whitney 1947; Hanley & McNeil 1982).
    """
    if logits.shape[1] < 2:  # a file can say that there is one class
        return math.nan
    with np.errstate(over="ignore"):
        if logits.shape[1] == 2:
            return _rank_auc(true == 1, logits[:, 1] - logits[:, 0], counts)
        odds = log_odds(logits)
        return float(np.mean([_rank_auc(true == k, odds[:, k], counts) for k in range(logits.shape[1])]))


def _rank_auc(positive: npt.NDArray[np.bool_], score: Array, counts: Array | None) -> float:
    own = np.ones(len(score), dtype=np.int64) if counts is None else counts
    yes, no = own[positive].sum(), own[~positive].sum()
    if not yes or not no:
        return math.nan
    _values, place = np.unique(score, return_inverse=True)
    count = np.bincount(place, own)
    last = np.cumsum(count)  # the rank of the last of each group of equal scores, from 1
    middle = last - (count - 1) / 2
    return float(((middle[place] * own)[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


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
