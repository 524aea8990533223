"""`Network`: a dense network that every peer trains: sizes, batch, activation, precision; data and the same start.

Parameters are W1, b1, W2, b2, ..., each W of shape (outputs, inputs), the last of shape (inputs,) where there is one
output; a result is all of them in one vector. Plain gradient descent, mini-batches in the order of the data.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from job import Array

BATCHES = 8  # in an epoch


@dataclass(frozen=True)
class Network:
    """What is to be done: `steps` updates, a multiple of the batches in an epoch."""

    sizes: tuple[int, ...]
    batch_size: int
    steps: int
    activation: str = "tanh"
    dtype: str = "float64"
    lr: float = 0.01
    dropout: float = 0.0  # the rate, after each hidden layer; everybody draws masks of their own
    clip_norm: float | None = None

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, {self.batch_size}"

    @property
    def of_classes(self) -> bool:
        """Whether it tells classes apart, with cross-entropy; else it fits a number, with squared error."""
        return self.sizes[-1] > 1

    @property
    def epochs(self) -> int:
        return self.steps // BATCHES

    @property
    def tolerance(self) -> float:
        """How far results may be apart: sums are in another order."""
        if self.clip_norm is not None and self.dtype == "float64":
            return 1e-5  # torch divides by the length and 1e-6
        return 1e-9 if self.dtype == "float64" else 1e-3

    @functools.cached_property
    def data(self) -> tuple[Array, Array]:
        """X of shape (rows, inputs), in float64, and y of shape (rows,): numbers, or the numbers of classes."""
        random = np.random.default_rng(4)
        X = random.standard_normal((self.batch_size * BATCHES, self.sizes[0]))
        score = X @ random.standard_normal((self.sizes[0], self.sizes[-1])) / np.sqrt(self.sizes[0])
        return X, np.argmax(score, axis=1).astype(float) if self.of_classes else np.tanh(score[:, 0])

    @functools.cached_property
    def start(self) -> list[Array]:
        """The first value of each parameter."""
        random = np.random.default_rng(5)
        start: list[Any] = []
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            one = outputs == 1
            start.append(random.standard_normal(inputs if one else (outputs, inputs)) / np.sqrt(inputs))
            start.append(np.zeros(() if one else outputs))
        return [np.asarray(p, dtype=self.dtype) for p in start]

    @property
    def batches(self) -> tuple[Array, Array]:
        """The data batch by batch in this precision: (batches, batch, inputs) and (batches, batch)."""
        X, y = self.data
        kind = np.int64 if self.of_classes else self.dtype
        return X.reshape(BATCHES, self.batch_size, -1).astype(self.dtype), y.reshape(BATCHES, -1).astype(kind)


def flat(parameters: Sequence[Any]) -> Array:
    """All parameters in one vector."""
    return np.concatenate([np.ravel(np.asarray(p, dtype=np.float64)) for p in parameters])
