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
