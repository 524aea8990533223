"""Models of classes: the regions into which a model divides a plane, with their boundaries, and the confusion table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.pictures.numbers import Array

MARKERS = "osD^v<>p*hPX"


@dataclass(frozen=True)
class ConfusionTable:
    """`counts[i, j]`: rows of class i that were taken for class j."""

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Regions:
    """A plane of two features.

    `logits` of shape (len(y), len(x), classes) are the scores of the classes at each point of the grid; `points` of
    shape (rows, 2) are the samples, `numbers` which class each is of.
    """

    names: tuple[str, str]
    x: Array
    y: Array
    logits: Array
    points: Array
    numbers: npt.NDArray[np.int64]
    classes: tuple[str, ...]

    def lead(self, k: int) -> Array:
        """By how much class k leads before the best of the others: its region is where this is above 0."""
        others = np.delete(self.logits, k, axis=2).max(axis=2)
        return np.asarray(self.logits[:, :, k] - others)
