"""What pictures are drawn from: plain arrays under a name. Importing this does not import matplotlib."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One curve with its name in the legend."""

    name: str
    x: Array
    y: Array


@dataclass(frozen=True)
class Epoch:
    """The batches of one epoch, each the numbers of its rows in its order; rows are counted from 0.

    `first_update` is the number of the first of its updates, from 0.
    """

    title: str
    batches: tuple[tuple[int, ...], ...]
    first_update: int = 0

    @property
    def rows(self) -> int:
        """How many rows it takes."""
        return sum(map(len, self.batches))
