"""What a tensor tells about itself: its shape, its value as Python has it, its text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.eager.graph import check_stays
from tidu.eager.values import FLOAT, Valued, kind_of
from tidu.errors import TensorError
from tidu.text import _


class Readings(Valued):
    """A value, and the ways to read it."""

    made: Any
    grad: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis; () for a single number."""
        return () if type(self.value) is float else tuple(self.value.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The kind of its numbers."""
        return FLOAT if type(self.value) is float else np.dtype(self.value.dtype)

    def numpy(self) -> npt.NDArray[Any]:
        """A copy of the value as a NumPy array."""
        check_stays(self, "numpy()")
        return np.array(self.value)

    def item(self) -> float | int | bool:
        """The value of a tensor with one element as a Python number."""
        check_stays(self, "item()")
        return self._item()

    def _item(self) -> float | int | bool:
        if np.size(self.value) != 1:
            raise TensorError(
                _("only a tensor with one element is a number; this one has the shape {shape}").format(shape=self.shape)
            )
        single: float | int | bool = np.asarray(self.value).item()
        return single

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        check_stays(self, "tolist()")
        return np.asarray(self.value).tolist()

    def __float__(self) -> float:
        check_stays(self, "float(...)")
        return float(self._item())

    def __int__(self) -> int:
        return int(self._item())  # flat between its jumps, as floor is

    def __index__(self) -> int:
        if kind_of(self.value) not in "iu":
            raise TypeError("only a whole number can be a position")
        return int(self._item())

    def __bool__(self) -> bool:
        return bool(self._item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single number has no length")
        return self.shape[0]

    def __format__(self, spec: str) -> str:
        return format(self._item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        notes = [_text(self.value, "tensor(")]
        if self.dtype not in (FLOAT, np.int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        if self.made is not None:
            notes.append(f"made by {self.made[0].name}")
        elif self.wants:
            notes.append(f"grad={'not computed' if self.grad is None else _text(self.grad, '')}")
        return f"tensor({', '.join(notes)})"


def _text(value: Any, before: str) -> str:
    array = np.asarray(value)
    return np.array2string(array, separator=", ", prefix=before) if array.ndim else repr(array.item())
