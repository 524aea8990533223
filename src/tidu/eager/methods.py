"""The functions of a tensor as methods, with NumPy's names and conventions: `x.sum(axis=0)`, `x.reshape(2, 3)`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tidu.eager import arrangements, contractions  # they enter their functions  # noqa: F401
from tidu.eager import functions as f
from tidu.eager.readings import Readings
from tidu.language import array_ops
from tidu.language.expr import raised
from tidu.language.operand import applied
from tidu.language.operation import FUNCTIONS, OPS
from tidu.text import _, mark

_IN_PLACE = mark("tensors are not changed by methods; write w[:] = ..., and zero_grad() sets a gradient to 0")
_ON_DEVICE = mark("tensors live in memory; a device is an option of tidu.fit: device='cuda'")
_OF_KIND = mark("write astype('float64') for another kind of number, and item() for the number itself")
# Names that PyTorch's users know, and what to write.
_ANSWERS = {
    **dict.fromkeys(("zero_", "add_", "sub_", "mul_", "div_", "copy_", "fill_", "clamp_", "requires_grad_"), _IN_PLACE),
    **dict.fromkeys(("cuda", "cpu", "to", "device"), _ON_DEVICE),
    **dict.fromkeys(("float", "double", "long", "int", "half"), _OF_KIND),
}


class Methods(Readings):
    """Everything that only calls a function of the tables; `eager/functions.py` says which are methods."""

    def __getattr__(self, name: str) -> Any:
        """A function of the op table of one number as a method: `x.exp()`."""
        op = OPS.get(name) or OPS.get(FUNCTIONS.get(name, ""))
        if name in _ANSWERS:
            raise AttributeError(_(_ANSWERS[name]), name=name, obj=self)
        if op is None or not op.elementwise or op.arity != 1 or op.formula_name is None:
            raise AttributeError(f"a tensor has no attribute {name!r}", name=name, obj=self)
        return functools.partial(applied, op, (self,))

    def __dir__(self) -> list[str]:
        of_table = (o.name for o in OPS.values() if o.elementwise and o.arity == 1 and o.formula_name is not None)
        return sorted({*super().__dir__(), *of_table})

    # -- operators ---------------------------------------------------------------------------------
    def __pow__(self, other: Any) -> Any:
        return raised(self, other.item() if isinstance(other, np.generic) else other)

    def __rpow__(self, other: Any) -> Any:
        return raised(other, self)

    def __pos__(self) -> Self:
        return self

    def __matmul__(self, other: Any) -> Any:
        return f.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return f.matmul(other, self)

    # -- shapes ------------------------------------------------------------------------------------
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

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape; `reshape(2, 3)` or `reshape((2, 3))`."""
        return f.reshape(self, _one_or_many(shape))

    def flatten(self) -> Any:
        """All elements in one row."""
        return f.ravel(self)

    def transpose(self, *axes: Any) -> Any:
        """Axes in another order; reversed without arguments."""
        return f.transpose(self, _one_or_many(axes) if axes else None)

    view = reshape

    def permute(self, *axes: Any) -> Any:
        """Axes in another order, under PyTorch's name."""
        return f.transpose(self, _one_or_many(axes))

    def pow(self, exponent: Any) -> Any:
        """x**exponent, under PyTorch's name."""
        return self**exponent

    def unsqueeze(self, axis: int) -> Any:
        """One more axis, of length 1, under PyTorch's name."""
        return f.expand_dims(self, axis)

    def clone(self) -> Any:
        """`copy`, under PyTorch's name."""
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

    def __mod__(self, other: Any) -> Any:
        return self.applied(OPS["mod"], (self, other), ())

    def __rmod__(self, other: Any) -> Any:
        return self.applied(OPS["mod"], (other, self), ())

    def __and__(self, other: Any) -> Any:
        return f.bits("logical_and", "bitwise_and", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return f.bits("logical_or", "bitwise_or", self, other)

    __ror__ = __or__

    def __invert__(self) -> Any:
        return f.bits("logical_not", "invert", self)


def _one_or_many(lengths: tuple[Any, ...]) -> Sequence[int]:
    return lengths[0] if len(lengths) == 1 and not isinstance(lengths[0], (int, np.integer)) else lengths


for _name, _function in f.METHODS.items():
    setattr(Methods, _name, _function)
