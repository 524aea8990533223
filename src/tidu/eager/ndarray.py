"""`NDArray`: a tensor under MXNet's names, with MXNet's rules for what is recorded and what `backward` leaves.

Nothing is recorded outside `autograd.record()`; `backward` writes a gradient anew, unless `attach_grad('add')` was
said. Numbers are float64, where MXNet has float32. Source: Chen et al. 2015, MXNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.eager import functions as f
from tidu.eager.arrangements import argsort, split
from tidu.eager.foreign import ForeignTensor, one_hot_rows, picked
from tidu.eager.graph import check_not_a_variable
from tidu.eager.values import kind_of, normal, owned
from tidu.errors import SettingError
from tidu.language.operation import Op
from tidu.text import _

RECORDED: ContextVar[bool] = ContextVar("recorded", default=False)
TRAINING: ContextVar[bool] = ContextVar("training", default=False)
REQUESTS = ("write", "add", "null")


class NDArray(ForeignTensor):
    """An array of numbers, with a place for its gradient after `attach_grad()`."""

    recording = RECORDED
    place = "NDArray"
    _adds = False

    def attach_grad(self, grad_req: str = "write") -> NDArray:
        """Give this a gradient, 0 at first, and cut it off from what it was computed from.

        Parameters
        ----------
        grad_req : 'write' replaces the gradient at each `backward`, 'add' adds to it, 'null' keeps none.
        """
        if grad_req not in REQUESTS:
            raise SettingError(
                _("grad_req={value!r} is unknown; it is one of {known}").format(
                    value=grad_req, known=", ".join(map(repr, REQUESTS))
                )
            )
        check_not_a_variable(self)
        self.made, self._adds, self.wants = None, grad_req == "add", grad_req != "null"
        self.value = normal(np.array(self.value, dtype=self.dtype if kind_of(self.value) == "f" else float))
        self._seen = self._lent = False
        self.grad = 0.0 if self.wants else None
        return self

    def backward(self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True) -> None:
        """Walk back from here; the gradient of an array is that of its sum, unless `out_grad` weighs its entries.

        The graph lives as long as its result does, so `retain_graph` changes nothing here.
        """
        super().backward(out_grad)

    def applied(self, op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...]) -> Any:
        """The array that `op` makes of `args`; what holds is 1.0, what does not is 0.0."""
        new = super().applied(op, args, attrs)
        if kind_of(new.value) == "b":
            new.value = normal(np.asarray(new.value, dtype=float))
        return new

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_whole(key))

    def __setitem__(self, key: Any, new: Any) -> None:
        super().__setitem__(_whole(key), new)

    def asnumpy(self) -> npt.NDArray[Any]:
        """A copy of the values as a NumPy array."""
        return self.numpy()

    def asscalar(self) -> float | int | bool:
        """The value of an array with one element as a Python number."""
        return self.item()

    def reshape(self, *shape: Any, **named: Any) -> Any:
        """The same elements in another shape; -1 is the length that is left, 0 keeps the length that there was."""
        given = named["shape"] if "shape" in named else shape[0] if len(shape) == 1 else shape
        want: list[Any] = [given] if isinstance(given, (int, np.integer)) else list(given)
        kept = [self.shape[k] if n == 0 and k < self.ndim and self.size else n for k, n in enumerate(want)]
        return f.reshape(self, kept)

    def flatten(self) -> Any:
        """One row for each part along the first axis."""
        return f.reshape(self, (self.shape[0], -1))

    def take(self, indices: Any, axis: int = 0) -> Any:
        """The parts at these places of an axis."""
        where: list[Any] = [slice(None)] * self.ndim
        where[f.axis_of(self, axis)] = indices
        return self[tuple(where)]

    def pick(self, index: Any, axis: int = -1, keepdims: bool = False) -> Any:
        """From each row the element at its label."""
        return picked(self, index, axis, keepdims)

    def one_hot(self, depth: int) -> Any:
        """For each label a row of `depth` numbers: 1 at its place, else 0."""
        return array(one_hot_rows(self, depth))

    def split(self, num_outputs: int, axis: int = 1) -> Any:
        """In so many parts of one length along an axis, the second if nothing is said."""
        return split(self, num_outputs, axis)

    def argsort(self, axis: int = -1, is_ascend: bool = True) -> Any:
        """Where the elements stand in ascending or descending order along an axis."""
        return array(argsort(self if is_ascend else -self, axis))

    def square(self) -> Any:
        """Each element times itself."""
        return self**2


def _whole(key: Any) -> Any:
    """A key whose places may be numbers such as 3.0, as MXNet's are."""
    if isinstance(key, tuple):
        return tuple(map(_whole, key))
    if isinstance(key, NDArray) and kind_of(key.value) == "f":
        whole = np.asarray(key.value).astype(np.int64)
        return whole if np.array_equal(whole, key.value) else key
    return key


def array(source_array: Any, dtype: npt.DTypeLike | None = None) -> NDArray:
    """A new array of float64, or of `dtype`."""
    return NDArray(np.asarray(owned(source_array), dtype=float if dtype is None else dtype))


def joined(arrays: Sequence[Any]) -> Sequence[Any]:
    """Arrays given one by one, or in one list."""
    return arrays[0] if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)) else arrays
