"""The values that one axis of a grid takes, from a sequence or from text such as `0:4:0.1`; of `scan` and `sweep`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.text import _

Array = npt.NDArray[np.float64]
MOST_POINTS = 4_000_000


def grid_values(name: str, values: str | Sequence[float] | Array) -> Array:
    """The values of one axis; `"0:4:0.1"` is 0, 0.1, ... 4."""
    if isinstance(values, str):
        parts = re.split(r"\s*:\s*", values.strip())
        try:
            low, high, step = (float(p) for p in parts)
        except ValueError:
            low = high = step = math.nan
        if not (math.isfinite(low) and math.isfinite(high) and step > 0 and high >= low and math.isfinite(step)):
            raise SettingError(
                _("the range of {name} must be low:high:step, as in 0:4:0.1, not {value!r}").format(
                    name=name, value=values
                )
            )
        count = math.floor(min((high - low) / step, 1e18) + 1e-9) + 1
        if count > MOST_POINTS:
            raise SettingError(
                _("the grid has {points} points; the limit is {limit}").format(points=count, limit=MOST_POINTS)
            )
        return np.asarray(low + step * np.arange(count), dtype=np.float64)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise SettingError(_("the values of {name} must be finite numbers, at least one").format(name=name))
    return array
