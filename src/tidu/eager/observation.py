"""`observed`: within it an observer is told what happens to tensors. Outside it nothing of this exists.

The methods that change something are replaced for that time by ones that do the same and tell of it, so code that
nobody watches costs nothing more, and no number changes. Used by `insight/watching`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tidu.eager import tensor as tensors
from tidu.eager.foreign import ForeignTensor
from tidu.eager.tensor import Tensor
from tidu.eager.torch_tensor import TorchTensor
from tidu.language.operation import Op


class Observer(Protocol):
    """What is told. None of these may change a tensor."""

    def operation(self, op: Op, args: tuple[Any, ...], new: Tensor) -> None:
        """`op` has made `new` of `args`."""

    def walk_begins(self, output: Tensor) -> None:
        """`output.backward()` is called."""

    def gradient_comes(self, tensor: Tensor, gradient: Any) -> None:
        """A walk is about to leave `gradient` in a tensor."""

    def walk_ends(self, output: Tensor) -> None:
        """`output.backward()` returns."""

    def assignment_begins(self, tensor: Tensor) -> Any:
        """The value of a tensor is about to change; what is returned, `assignment_ends` gets."""

    def assignment_ends(self, tensor: Tensor, before: Any) -> None:
        """It has changed."""

    def gradient_read(self, tensor: Tensor) -> None:
        """`tensor.grad` is read."""

    def gradient_set(self, tensor: Tensor, new: Any) -> None:
        """`tensor.grad = new` was executed."""

    def lent(self, tensor: Tensor) -> None:
        """The array of a tensor is given out by `.data`, and may change without notice."""


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell `observer` what happens to tensors in this stretch of code."""
    replaced: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, make: Callable[[Any, Observer], Any]) -> None:
        original = vars(owner)[name]
        replaced.append((owner, name, original))
        setattr(owner, name, make(original, observer))

    replace(tensors, "record", _operation)
    replace(Tensor, "backward", _walk)
    replace(Tensor, "__setitem__", _assignment)
    for kind in (Tensor, ForeignTensor):
        replace(kind, "_add_gradient", _gradient)
        replace(kind, "grad", _place_of_gradient)
    for kind in (Tensor, TorchTensor):
        replace(kind, "data", _data)
    try:
        yield
    finally:
        for owner, name, original in replaced:
            setattr(owner, name, original)


def _operation(record: Any, observer: Observer) -> Any:
    @functools.wraps(record)
    def told(op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...] = ()) -> Tensor:
        new: Tensor = record(op, args, attrs)
        observer.operation(op, args, new)
        return new

    return told


def _walk(backward: Any, observer: Observer) -> Any:
    @functools.wraps(backward)
    def told(self: Tensor, gradient: Any = None) -> None:
        observer.walk_begins(self)
        backward(self, gradient)
        observer.walk_ends(self)

    return told


def _gradient(add_gradient: Any, observer: Observer) -> Any:
    @functools.wraps(add_gradient)
    def told(self: Tensor, g: Any) -> None:
        observer.gradient_comes(self, g)
        add_gradient(self, g)

    return told


def _assignment(setitem: Any, observer: Observer) -> Any:
    @functools.wraps(setitem)
    def told(self: Tensor, key: Any, new: Any) -> None:
        before = observer.assignment_begins(self)
        setitem(self, key, new)
        observer.assignment_ends(self, before)

    return told


def _place_of_gradient(grad: property, observer: Observer) -> property:
    assert grad.fget is not None
    assert grad.fset is not None
    read, write = grad.fget, grad.fset

    def told_get(self: Tensor) -> Any:
        observer.gradient_read(self)
        return read(self)

    def told_set(self: Tensor, new: Any) -> None:
        write(self, new)
        observer.gradient_set(self, new)

    return property(told_get, told_set, doc=grad.__doc__)


def _data(data: property, observer: Observer) -> property:
    assert data.fget is not None
    assert data.fset is not None
    read, write = data.fget, data.fset

    def told_get(self: Tensor) -> Any:
        observer.lent(self)
        return read(self)

    def told_set(self: Tensor, new: Any) -> None:
        before = observer.assignment_begins(self)
        write(self, new)
        observer.assignment_ends(self, before)

    return property(told_get, told_set, doc=data.__doc__)
