"""`Job`: one piece of work that every peer is given: the data, the loss, the batches, the rate, the order.

The model is always the linear one, y_hat = x·w + b from zeros, because all peers can do it; parameters are given as
one vector, w first and b last.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
MOST_SPELT_OUT = 32  # features
CHUNK = 1_000_000  # rows drawn at a time, so that no temporary is as large as the data


@dataclass(frozen=True)
class Job:
    """What is to be done. `batch_size` None is all rows; `loss` is squared, half_squared or logistic."""

    rows: int
    features: int
    batch_size: int | None
    epochs: int
    lr: float
    loss: str = "squared"
    shuffle: bool = False
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        return 1 if self.batch_size is None else -(-self.rows // self.batch_size)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def factor(self) -> float:
        """The loss's derivative is this times (prediction - target); the prediction has been through the link."""
        return 2.0 if self.loss == "squared" else 1.0

    @property
    def data(self) -> tuple[Array, Array]:
        """X of shape (rows, features), rows contiguous, and y of shape (rows,)."""
        X, y = _data(self.most_rows, self.features, self.loss, self.seed)
        return X[: self.rows], y[: self.rows]

    @property
    def columns(self) -> dict[str, Array]:
        """The same data by columns, each contiguous: x1, x2, ... and y."""
        columns = _columns(self.most_rows, self.features, self.loss, self.seed)
        return {name: column[: self.rows] for name, column in columns.items()}

    most_rows_drawn: int = 0  # of the job that this one is a part of

    @property
    def most_rows(self) -> int:
        return max(self.rows, self.most_rows_drawn)

    @property
    def order(self) -> npt.NDArray[np.int64] | None:
        """The order of the rows in each epoch, of shape (epochs, rows), as `tidu.fit` draws it; None for the data's."""
        if not self.shuffle:
            return None
        orders = (np.random.default_rng([self.seed, epoch]).permutation(self.rows) for epoch in range(self.epochs))
        return np.stack(list(orders))

    def of_at_most(self, steps: int) -> Job:
        """The beginning of this job, for a peer that would need minutes for all of it."""
        if self.steps <= steps:
            return self
        if self.batch_size is None:
            return replace(self, epochs=steps)
        rows = min(self.rows, steps * self.batch_size)
        return replace(self, rows=rows, epochs=max(1, steps * self.batch_size // rows), most_rows_drawn=self.most_rows)

    def formula(self) -> str:
        """The model as tidu is given it: spelt out, or with a vector of many weights."""
        if self.of_vector:
            return "y = linear(...)"
        return "y = " + " + ".join(f"w{j}*x{j}" for j in range(1, self.features + 1)) + " + b"

    @property
    def of_vector(self) -> bool:
        """Whether there are too many weights for each to have a name."""
        return self.features > MOST_SPELT_OUT

    def parameter_names(self) -> list[str]:
        if self.of_vector:
            return ["W", "b"]
        return [*(f"w{j}" for j in range(1, self.features + 1)), "b"]


@functools.lru_cache(maxsize=1)
def _data(rows: int, features: int, loss: str, seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng([seed, 7])
    true = np.linspace(1.0, -1.0, features) if features > 1 else np.array([3.0])
    X, y = np.empty((rows, features)), np.empty(rows)
    for first in range(0, rows, CHUNK):
        part = slice(first, min(first + CHUNK, rows))
        # One feature is drawn as in the lesson on the line, several as in the one on linear regression.
        if features == 1:
            X[part] = random.random((part.stop - first, 1))
        else:
            random.standard_normal(out=X[part])
        score = X[part] @ true + 1.0
        if loss == "logistic":
            y[part] = random.random(len(score)) < 1.0 / (1.0 + np.exp(-score))
        else:
            y[part] = score + 0.1 * random.standard_normal(len(score))
    return X, y


@functools.lru_cache(maxsize=1)
def _columns(rows: int, features: int, loss: str, seed: int) -> dict[str, Array]:
    X, y = _data(rows, features, loss, seed)
    return {f"x{j + 1}": np.ascontiguousarray(X[:, j]) for j in range(features)} | {"y": y}
