"""`History`: what a run recorded, a row for each epoch or each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.later import MayBeLater
from tidu.runtime.summation import CHUNK

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Rows in order of time; every attribute is an array with one number a row.

    `record` says what a row is. For an epoch, `loss` is the mean over its samples of the loss before the update that
    used them; for a step, the mean over its batch before its update. Parameters are those after it; `gradient_norm`,
    `lr` and gradients are those of its last step, as the optimizer saw them (mean over the batch, penalty and
    clipping included).
    """

    parameters: tuple[str, ...]
    record: str
    epoch: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    # (rows, 3 + 2 · parameters): loss, gradient norm, lr, parameters, gradients
    values: MayBeLater[Array] = MayBeLater()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def loss(self) -> Array:
        """The loss of each row."""
        return self.values[:, 0]

    @property
    def gradient_norm(self) -> Array:
        """Euclidean length of the last gradient of each row."""
        return self.values[:, 1]

    @property
    def moved(self) -> bool:
        """Whether any gradient was not 0; a long history is looked at as far as that takes."""
        return any(np.any(self.values[k : k + CHUNK, 1]) for k in range(0, len(self), CHUNK))

    @property
    def lr(self) -> Array:
        """The learning rate of the last step of each row."""
        return self.values[:, 2]

    def __getitem__(self, parameter: str) -> Array:
        """The values of one parameter, after each row."""
        return self.values[:, 3 + self._place(parameter)]

    def gradient(self, parameter: str) -> Array:
        """The last gradient of each row, along one parameter."""
        return self.values[:, 3 + len(self.parameters) + self._place(parameter)]

    def _place(self, parameter: str) -> int:
        try:
            return self.parameters.index(parameter)
        except ValueError:
            raise KeyError(f"no parameter {parameter!r}; there are {', '.join(self.parameters)}") from None

    def thinned(self, most: int) -> History:
        """At most `most` rows, evenly spread, the first and the last among them."""
        if len(self) <= most:
            return self
        rows = np.unique(np.linspace(0, len(self) - 1, most).round().astype(np.int64))
        return History(self.parameters, self.record, self.epoch[rows], self.step[rows], self.values[rows])

    def to_dict(self) -> dict[str, Any]:
        """Lists of numbers, for JSON."""
        return {
            "record": self.record,
            "epoch": self.epoch.tolist(),
            "step": self.step.tolist(),
            "loss": self.loss.tolist(),
            "gradient_norm": self.gradient_norm.tolist(),
            "lr": self.lr.tolist(),
            "params": {p: self[p].tolist() for p in self.parameters},
            "gradients": {p: self.gradient(p).tolist() for p in self.parameters},
        }
