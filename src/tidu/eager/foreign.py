"""What tensors under another library's names have in common: `tidu.nd` and `tidu.torch_names` are written with it.

Their gradient is a tensor itself, which stays the same object and is changed where it is. What a library has and tidu
has not gives a sentence with the names that there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.eager import functions as f
from tidu.eager.arrangements import moveaxis
from tidu.eager.numpy_names import functions_by_name
from tidu.eager.tensor import Tensor
from tidu.eager.values import kind_of
from tidu.errors import TensorError, UnknownName, closest
from tidu.language.array_ops import shape_of
from tidu.language.operation import Op
from tidu.text import _


class ForeignTensor(Tensor):
    """A tensor whose gradient is one, too: `w.grad.norm()`, `w.grad[:] = 0`."""

    _adds: bool = True  # whether several walks back add up
    place: ClassVar[str] = ""  # where it is from, for errors

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        super().__init__(data, requires_grad)

    def _add_gradient(self, g: Any) -> None:
        if self.made is not None and not self.keeps:
            return
        if self._grad is None:
            self._grad = type(self)(g)
        else:
            self._grad[...] = self._grad.value + g if self._adds else g

    @property
    def grad(self) -> Any:
        """The gradient, a tensor; None where there is none."""
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        self._grad = None if new is None else type(self)(self._as_own(new))

    def applied(self, op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...]) -> Any:
        """The tensor that `op` makes of `args`; conditions and places are plain values, as in these libraries."""
        new = super().applied(op, args, attrs)
        if kind_of(new.value) != "f":
            new.made, new.wants = None, False
        return new

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if name.startswith("__"):
                raise
            known = f" ({error})" if "has no attribute" not in str(error) else ""
            raise unknown_name(self.place, name, (n for n in dir(type(self)) if n[0] != "_"), known) from None


def unknown_name(place: str, name: str, names: Iterable[str], more: str = "") -> UnknownName:
    """The error for a name that `place` does not have: the nearest one, or all."""
    near = closest(name, names := sorted(set(names)))
    if near:
        text = _("{place} has no '{name}'; did you mean '{near}'?").format(place=place, name=name, near=near)
    else:
        text = _("{place} has no '{name}'; it has {names}").format(place=place, name=name, names=", ".join(names))
    return UnknownName(text + more)


def function_of(place: str, name: str, kind: type[ForeignTensor], own: dict[str, Any]) -> Any:
    """What `name` is in the module `place`: a method of its tensors, or tidu's own function of that name."""
    if name in vars(kind) and name[0] != "_" and callable(method := vars(kind)[name]):
        return lambda x, *args, **named: method(x if isinstance(x, kind) else kind(x), *args, **named)
    functions = functions_by_name() | f.METHODS
    if name in functions:
        return functions[name]
    if name[0] != "_" and callable(method := getattr(kind, name, None)):
        return method
    of_its_own = [n for n, v in own.items() if callable(v) and getattr(v, "__module__", "").startswith("tidu.")]
    names = {n for n in (*functions, *vars(kind), *of_its_own) if n[0] != "_" and not n.endswith("Error")}
    raise unknown_name(place, name, names)


def places(labels: Any, count: int) -> npt.NDArray[np.int64]:
    """Labels, also such as 3.0, as whole numbers from 0 up to `count`; others are refused."""
    values = np.asarray(labels.value if isinstance(labels, Tensor) else labels)
    found = values.astype(np.int64)
    wrong = values[(found != values) | (found < 0) | (found >= count)]
    if wrong.size:
        raise TensorError(
            _("{value} is not one of the classes 0 to {last}; labels are whole numbers that count from 0").format(
                value=wrong.flat[0], last=count - 1
            )
        )
    return found


def picked(x: Any, labels: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """From each row along `axis` the element at its label; of the shape of `x` without that axis."""
    axis = f.axis_of(x, axis)
    rows = moveaxis(x, axis, -1)
    shape = shape_of(rows)
    flat = f.reshape(rows, (-1, shape[-1]))
    chosen = f.reshape(flat[np.arange(shape_of(flat)[0]), places(labels, shape[-1]).ravel()], shape[:-1])
    return f.expand_dims(chosen, axis) if keepdims else chosen


def one_hot_rows(labels: Any, count: int) -> npt.NDArray[np.float64]:
    """For each label a row of `count` numbers: 1 at its place, else 0."""
    return np.eye(count)[places(labels, count)]


class Draws:
    """The numbers drawn at random, the same in each run until another seed is set."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def seed(self, number: int) -> None:
        """Begin anew from this seed."""
        self.generator = np.random.default_rng(number)

    def shuffled(self, x: Any) -> Any:
        """The parts along the first axis in random order."""
        return x[self.generator.permutation(len(x))]


def as_shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    """One length or several as a tuple."""
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
