"""`TorchTensor`: a tensor under PyTorch's names, with PyTorch's rules where they are others than NumPy's.

Gradients add up; `backward` starts from one number; `.data` is a tensor on the same values. Numbers with a fraction are
float64, where PyTorch has float32. Source: Paszke et al. 2019, PyTorch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tidu.eager import functions as f
from tidu.eager.arrangements import argsort, array_split, tile
from tidu.eager.foreign import Draws, ForeignTensor
from tidu.errors import ShapeMismatch, TensorError
from tidu.language.ops import maximum, minimum
from tidu.text import _

DRAWS = Draws()


class Placed(NamedTuple):
    """Elements chosen or put in order along an axis, and where they stood."""

    values: Any
    indices: Any


class TorchTensor(ForeignTensor):
    """An array of numbers; `requires_grad` gives it a place for its gradient."""

    place = "a tensor"
    _owner: TorchTensor | None = None  # whose `.data` this is

    # -- the gradient -------------------------------------------------------------------------------
    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Walk back from here and add to the gradients. The graph lives as long as its result does."""
        if gradient is None and np.size(self.value) != 1:
            raise TensorError(
                _(
                    "backward() starts from one number, and this tensor has the shape {shape}; take its sum() or mean()"
                ).format(shape=self.shape)
            )
        super().backward(gradient)

    def requires_grad_(self, requires_grad: bool = True) -> TorchTensor:
        """Give this a place for its gradient."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this was made, and not computed from what has a gradient."""
        return self.made is None

    @property
    def data(self) -> Any:
        """The same values without a gradient: what changes them changes this tensor."""
        new: Any = self.detach()
        if self.made is None:
            new._owner = self
        return new

    @data.setter
    def data(self, new: Any) -> None:
        self._leaf_only()
        self.value, self._seen, self._lent = self._as_own(new), False, False

    # -- changes where it is ------------------------------------------------------------------------
    def __setitem__(self, key: Any, new: Any) -> None:
        super().__setitem__(key, new)
        if self._owner is not None:
            self._owner.value, self._owner._seen, self._seen = self.value, True, True

    def _changed(self, new: Any) -> TorchTensor:
        if self.wants and self.recording.get():
            raise TensorError(_("a tensor with a gradient can be changed in place only inside `with no_grad():`"))
        self[...] = new
        return self

    def zero_(self) -> TorchTensor:
        """Set every element to 0."""
        return self._changed(0.0)

    def fill_(self, value: Any) -> TorchTensor:
        """Set every element to one number."""
        return self._changed(value)

    def copy_(self, source: Any) -> TorchTensor:
        """Set the elements to those of another tensor."""
        return self._changed(source)

    def add_(self, other: Any, alpha: float = 1) -> TorchTensor:
        """Add to every element."""
        return self._changed(self.detach() + alpha * other)

    def sub_(self, other: Any, alpha: float = 1) -> TorchTensor:
        """Subtract from every element."""
        return self._changed(self.detach() - alpha * other)

    def mul_(self, other: Any) -> TorchTensor:
        """Multiply every element."""
        return self._changed(self.detach() * other)

    def div_(self, other: Any) -> TorchTensor:
        """Divide every element."""
        return self._changed(self.detach() / other)

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> TorchTensor:
        """Set the elements to normal random numbers."""
        return self._changed(DRAWS.generator.normal(mean, std, self.shape))

    def uniform_(self, low: float = 0.0, high: float = 1.0) -> TorchTensor:
        """Set the elements to random numbers from `low` up to `high`."""
        return self._changed(DRAWS.generator.uniform(low, high, self.shape))

    # -- what NumPy says otherwise --------------------------------------------------------------------
    def size(self, dim: int | None = None) -> Any:  # type: ignore[override]
        """The lengths of all axes, or of one."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """How many elements."""
        return int(np.prod(self.shape, dtype=int))

    def dim(self) -> int:
        """How many axes."""
        return len(self.shape)

    def type(self, dtype: npt.DTypeLike) -> Any:
        """The values in another kind of number."""
        return self.astype(dtype)

    def type_as(self, other: TorchTensor) -> Any:
        """The values in another tensor's kind of number."""
        return self.astype(other.dtype)

    def to(self, dtype: Any) -> Any:
        """The values in another kind of number; there are no devices."""
        if isinstance(dtype, (np.dtype, type)):
            return self.astype(dtype)
        return super().__getattr__("to")

    def float(self) -> Any:
        """The values in single precision."""
        return self.astype(np.float32)

    def double(self) -> Any:
        """The values in double precision."""
        return self.astype(np.float64)

    def long(self) -> Any:
        """The values as whole numbers."""
        return self.astype(np.int64)

    def int(self) -> Any:
        """The values as whole numbers of 32 bits."""
        return self.astype(np.int32)

    def t(self) -> Any:
        """A matrix transposed."""
        return f.transpose(self)

    def transpose(self, dim0: Any, dim1: Any) -> Any:
        """Two axes exchanged."""
        return f.swapaxes(self, dim0, dim1)

    def mm(self, other: Any) -> Any:
        """Product of matrices."""
        return f.matmul(self, other)

    mv = matmul = mm

    def add(self, other: Any, alpha: Any = 1) -> Any:
        """self + alpha * other."""
        return self + (other if alpha == 1 else alpha * other)

    def sub(self, other: Any, alpha: Any = 1) -> Any:
        """self - alpha * other."""
        return self - (other if alpha == 1 else alpha * other)

    def mul(self, other: Any) -> Any:
        """self * other."""
        return self * other

    def div(self, other: Any) -> Any:
        """self / other."""
        return self / other

    def eq(self, other: Any) -> Any:
        """Where this equals another."""
        return self == other

    def clamp(self, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        """Kept between two numbers; the slope is 0 outside."""
        return f.clip(self, min, max)

    def pow(self, exponent: Any) -> Any:
        """Raised to a power."""
        return self**exponent

    def square(self) -> Any:
        """Each element times itself."""
        return self**2

    def max(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, other: Any = None) -> Any:
        """The largest element; along an axis with its place; with another tensor the larger of each pair."""
        return _extreme(self, dim if axis is None else axis, keepdim, other, (f.amax, f.argmax, maximum))

    def min(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, other: Any = None) -> Any:
        """The smallest element; along an axis with its place; with another tensor the smaller of each pair."""
        return _extreme(self, dim if axis is None else axis, keepdim, other, (f.amin, f.argmin, minimum))

    def argmax(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Any:
        """Where the largest element stands, of all or along an axis."""
        return _place(f.argmax, self, dim if axis is None else axis, keepdim)

    def argmin(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None) -> Any:
        """Where the smallest element stands, of all or along an axis."""
        return _place(f.argmin, self, dim if axis is None else axis, keepdim)

    def var(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, axis: Any = None) -> Any:
        """Mean squared distance from the mean, divided by n - 1 unless `unbiased=False` is said."""
        return f.var(self, dim if axis is None else axis, keepdim, 1 if unbiased else 0)

    def std(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, axis: Any = None) -> Any:
        """Standard deviation: the root of `var`."""
        return f.std(self, dim if axis is None else axis, keepdim, 1 if unbiased else 0)

    def argsort(self, dim: Any = -1, descending: bool = False) -> Any:
        """Where the elements stand in ascending or descending order along an axis."""
        return TorchTensor(argsort(-self if descending else self, dim))

    def sort(self, dim: Any = -1, descending: bool = False) -> Placed:
        """In ascending or descending order along an axis, and where each element came from."""
        order = self.argsort(dim, descending)
        return Placed(self.gather(dim, order), order)

    def repeat(self, *times: Any) -> Any:
        """The whole so many times along each axis."""
        return tile(self, times[0] if len(times) == 1 and isinstance(times[0], (tuple, list)) else times)

    def split(self, split_size: Any, dim: Any = 0) -> tuple[Any, ...]:
        """In parts of so many, or of these lengths, along an axis."""
        n = self.shape[f.axis_of(self, dim)]
        if isinstance(split_size, (list, tuple)):
            if sum(split_size) != n:
                raise ShapeMismatch(
                    _("lengths that add up to {sum} do not divide an axis of {n}").format(sum=sum(split_size), n=n)
                )
            cuts = np.cumsum(split_size)[:-1].tolist()
        else:
            cuts = list(range(split_size, n, split_size))
        return tuple(array_split(self, cuts, dim))

    def gather(self, dim: Any, index: Any) -> Any:
        """Along an axis the elements at `index`, which has as many axes as this."""
        places = np.asarray(getattr(index, "value", index))
        key: list[Any] = list(np.indices(places.shape))
        key[f.axis_of(self, dim)] = places
        return self[tuple(key)]

    def index_select(self, dim: Any, index: Any) -> Any:
        """The parts at these places of an axis."""
        return self[(slice(None),) * f.axis_of(self, dim) + (index,)]


def _extreme(x: TorchTensor, dim: Any, keepdim: bool, other: Any, ways: tuple[Any, Any, Any]) -> Any:
    value, place, of_two = ways
    if other is not None or isinstance(dim, ForeignTensor):
        return of_two(x, dim if other is None else other)
    return value(x) if dim is None else Placed(value(x, dim, keepdim), _place(place, x, dim, keepdim))


def _place(place: Any, x: TorchTensor, dim: Any, keepdim: bool) -> Any:
    found = place(x, dim)
    return f.expand_dims(found, dim) if keepdim and dim is not None else found
