"""The bare values in a tensor: what may go in, the form it takes there, and an operation on it.

A single float64 is a Python float, everything else a NumPy array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import ShapeMismatch, TensorError
from tidu.language.operand import NUMBERS, Operand
from tidu.language.operation import Op
from tidu.text import _

FLOAT = np.dtype(np.float64)


class Valued(Operand):
    """Something with a bare value, which may have a gradient to lose (`wants`)."""

    value: Any
    wants: bool


def on_arrays(op: Op, values: list[Any], attrs: tuple[Any, ...]) -> Any:
    """The value of `op` on bare values, not all of them single numbers; shapes that do not fit give a sentence."""
    if not op.elementwise:  # operations on shapes need something that has one
        values = [np.float64(v) if type(v) is float else v for v in values]
    try:
        return op.on_arrays(*values, *attrs)
    except ValueError as error:
        shapes = " · ".join(str(np.shape(v)) for v in values)
        raise ShapeMismatch(
            _("'{name}' cannot combine the shapes {shapes}: {reason}").format(
                name=op.name, shapes=shapes, reason=str(error).partition(" (")[0]
            )
        ) from None
    except IndexError as error:
        raise TensorError(
            _("there is no such part of a tensor of shape {shape}: {reason}").format(
                shape=np.shape(values[0]), reason=error
            )
        ) from None


def normal(value: Any) -> Any:
    """A single float64 as a Python float, everything else as an array."""
    if type(value) is not np.ndarray:
        return float(value) if type(value) in (np.float64, int) else np.asarray(value)
    return float(value) if value.ndim == 0 and value.dtype == FLOAT else value


def plain_value(a: Any) -> Any:
    """What is not a tensor as a number or an array of numbers."""
    kind = type(a)
    if kind in NUMBERS:
        return a if kind is not int or -(2**63) <= a < 2**63 else _large(a)
    if isinstance(a, np.float64 | np.integer | np.bool_):
        return a.item()
    if isinstance(a, Operand):
        raise TypeError("a tensor and an expression cannot be mixed: one has a value, the other is a formula")
    array = a if isinstance(a, (np.ndarray, np.generic)) else _stacked(a)
    if array.dtype.kind not in "fiub":
        raise TensorError(
            _("a tensor holds real numbers, not {kind}: {value}").format(kind=array.dtype, value=_shortened(a))
        )
    return array


def _large(number: int) -> float:
    """A whole number that no int64 holds as the float that it is."""
    try:
        value = float(number)
    except OverflowError:
        value = float("inf")
    if value != number:
        raise TensorError(
            _("{value} is a whole number that neither int64 nor float64 holds").format(value=_shortened(number))
        )
    return value


def _stacked(a: Any) -> npt.NDArray[Any]:
    bare = _without_tensors(a)
    try:
        return np.asarray(bare)
    except ValueError:
        raise ShapeMismatch(
            _("the rows of {value} have different lengths; a tensor needs the same length in each").format(
                value=_shortened(a)
            )
        ) from None


def _without_tensors(a: Any) -> Any:
    """Nested lists with the values of the tensors in them, none of which may have a gradient to lose."""
    if isinstance(a, (list, tuple)):
        return [_without_tensors(element) for element in a]
    if not isinstance(a, Valued):
        return a
    if a.wants:
        raise TensorError(
            _("a list that holds tensors with a gradient would lose it; put them together with stack or concatenate")
        )
    return a.value


def _shortened(a: Any) -> str:
    text = repr(a)
    return text if len(text) <= 60 else text[:57] + "..."


def kept_value(value: Any, given: Any) -> Any:
    """A value that a graph may keep: an array of the caller's own is copied, because the caller may change it."""
    return np.array(value) if type(given) is np.ndarray else value


def plain_key(key: Any) -> Any:
    """An index with tensors in it as NumPy takes it; its arrays are copied, because the caller may change them."""
    if type(key) is tuple:
        return tuple(map(plain_key, key))
    return np.array(getattr(key, "value", key)) if isinstance(key, (Valued, np.ndarray)) else key


def owned(data: Any) -> Any:
    """A copy of `data` in the form that a tensor keeps."""
    value = data.value if isinstance(data, Valued) else plain_value(data)
    return float(value) if type(value) is float else normal(np.array(value))


def kind_of(value: Any) -> str:
    """The letter of NumPy's kinds: f, i, u or b."""
    return np.asarray(value).dtype.kind
