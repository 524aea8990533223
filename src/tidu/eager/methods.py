"""The functions of a tensor as methods, with NumPy's names and conventions: `x.sum(axis=0)`, `x.reshape(2, 3)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidu.eager import functions as f
from tidu.eager.readings import Readings
from tidu.language import array_ops, ops
from tidu.language.expr import OPS

if TYPE_CHECKING:
    from tidu.eager.tensor import Tensor

Axis = f.Axis


class Methods(Readings):
    """Everything that only calls a function of the tables."""

    exp: Callable[[], Tensor]
    log: Callable[[], Tensor]
    sqrt: Callable[[], Tensor]
    sin: Callable[[], Tensor]
    cos: Callable[[], Tensor]
    tanh: Callable[[], Tensor]
    relu: Callable[[], Tensor]
    sigmoid: Callable[[], Tensor]
    abs: Callable[[], Tensor]

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def T(self) -> Any:  # noqa: N802  (NumPy's name)
        """Axes in reverse order: a matrix transposed."""
        return f.transpose(self)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Sum of all elements, or along axes."""
        return f.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Mean of all elements, or along axes."""
        return f.mean(self, axis, keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
        """Variance of all elements, or along axes."""
        return f.var(self, axis, keepdims, ddof)

    def std(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
        """Standard deviation of all elements, or along axes."""
        return f.std(self, axis, keepdims, ddof)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Largest element, of all or along axes."""
        return f.amax(self, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Smallest element, of all or along axes."""
        return f.amin(self, axis, keepdims)

    def argmax(self, axis: int | None = None) -> Any:
        """Position of the largest element."""
        return f.argmax(self, axis)

    def softmax(self, axis: Axis = -1) -> Any:
        """exp(x) / sum(exp(x)) along axes."""
        return f.softmax(self, axis)

    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """log(sum(exp(x))) along axes."""
        return f.logsumexp(self, axis, keepdims)

    def norm(self) -> Any:
        """Euclidean length."""
        return f.norm(self)

    def clip(self, low: Any = None, high: Any = None) -> Any:
        """Kept between two bounds."""
        return f.clip(self, low, high)

    def dot(self, other: Any) -> Any:
        """Scalar product or product of matrices."""
        return f.dot(self, other)

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape; `reshape(2, 3)` or `reshape((2, 3))`."""
        return f.reshape(self, _one_or_many(shape))

    def flatten(self) -> Any:
        """All elements in one row."""
        return f.ravel(self)

    ravel = flatten

    def squeeze(self, axis: Axis = None) -> Any:
        """Without axes of length 1."""
        return f.squeeze(self, axis)

    def transpose(self, *axes: Any) -> Any:
        """Axes in another order; reversed without arguments."""
        return f.transpose(self, _one_or_many(axes) if axes else None)

    def swapaxes(self, first: int, second: int) -> Any:
        """Two axes exchanged."""
        return f.swapaxes(self, first, second)

    def copy(self) -> Any:
        """The same values in another tensor, which leads back to this one."""
        return f.copy(self)

    def astype(self, dtype: npt.DTypeLike) -> Any:
        """The values in another kind of number."""
        return array_ops.cast(self, attrs=(str(np.dtype(dtype)),))

    # -- conditions --------------------------------------------------------------------------------
    def __lt__(self, other: Any) -> Any:
        return self.applied(OPS["less"], (self, other), ())

    def __le__(self, other: Any) -> Any:
        return self.applied(OPS["less_equal"], (self, other), ())

    def __gt__(self, other: Any) -> Any:
        return self.applied(OPS["greater"], (self, other), ())

    def __ge__(self, other: Any) -> Any:
        return self.applied(OPS["greater_equal"], (self, other), ())

    def __eq__(self, other: object) -> Any:
        return NotImplemented if other is None else self.applied(OPS["equal"], (self, other), ())

    def __ne__(self, other: object) -> Any:
        return NotImplemented if other is None else self.applied(OPS["not_equal"], (self, other), ())

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return self.applied(OPS["logical_and"], (self, other), ())

    def __or__(self, other: Any) -> Any:
        return self.applied(OPS["logical_or"], (self, other), ())

    def __invert__(self) -> Any:
        return self.applied(OPS["logical_not"], (self,), ())


def _one_or_many(lengths: tuple[Any, ...]) -> Sequence[int]:
    return lengths[0] if len(lengths) == 1 and not isinstance(lengths[0], (int, np.integer)) else lengths


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any) -> Any:
        return function(self)

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


for _name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "relu", "sigmoid"):
    setattr(Methods, _name, _method(getattr(ops, _name)))
Methods.abs = _method(ops.absolute)
