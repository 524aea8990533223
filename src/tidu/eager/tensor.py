"""`Tensor`: a number or an array that computes at once and remembers how, for code as the textbooks write it.

Values are float64 unless they come as something else. A single float64 is kept as a Python float, and computed with the
very functions that the training loops use; everything else is a NumPy array. A value that a graph has seen is never
changed: what changes a tensor in place gives it new memory, so a walk back finds the values of its time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.eager.graph import RECORDING, adjoints, backward_order, check_not_a_variable, check_stays
from tidu.eager.methods import Methods
from tidu.eager.numpy_names import array_function_of, ufunc_of
from tidu.eager.values import FLOAT, kept_value, kind_of, normal, on_arrays, owned, plain_key, plain_value
from tidu.errors import ShapeMismatch, TensorError
from tidu.language.operand import NUMBERS
from tidu.language.operation import OPS, Op
from tidu.text import _

_blank = object.__new__
_serial = itertools.count(1).__next__
INDEX = OPS["index"]
ADD, SUBTRACT, MULTIPLY, DIVIDE = (OPS[name] for name in ("add", "subtract", "multiply", "divide"))
WHOLE = (slice(None), Ellipsis)


class Tensor(Methods):
    """A variable: a number or an array with a place for its gradient. `tensor(...)` makes data without one.

    Parameters
    ----------
    data : number, nested lists, array or tensor; it is copied. Whole numbers become float64 where a gradient is kept.
    requires_grad : whether `backward` leaves a gradient here; yes, for this class.

    Attributes
    ----------
    grad : what `backward` left: a number or an array of the tensor's shape; None where nothing has been computed yet.
        Several walks add up. After an assignment in place, `w[:] = ...`, the next walk begins anew.
    data : the value itself, a Python number or a NumPy array; it can be assigned, also in part.

    Examples
    --------
    >>> from tidu import Tensor
    >>> a, b = Tensor(2.0), Tensor(-3.0)
    >>> c = (a * b + 10).relu()
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (4.0, -3.0, 2.0)
    """

    # What most tensors do not have stands here once.
    recording: ClassVar[ContextVar[bool]] = RECORDING  # says whether a graph is recorded
    wants = False
    made: tuple[Op, tuple[Tensor | None, ...], tuple[Any, ...], tuple[Any, ...]] | None = None
    serial = 0
    keeps = False  # an array that was computed and is to keep its gradient all the same
    _grad: Any = None
    _anew = False  # the gradient is of values that were replaced since
    _seen = False  # the array may be part of a graph, or a view of it of another tensor: it must not change
    _lent = False  # the array was given out by `data`, and may change at any time
    __array_priority__ = 1000.0

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        if isinstance(data, Tensor):
            check_stays(data, "tensor(...)")
        value = owned(data)
        if requires_grad and kind_of(value) not in "f":
            value = normal(np.asarray(value, dtype=FLOAT))
        self.value = value
        self.wants = requires_grad

    # -- the gradient -----------------------------------------------------------------------------
    def attach_grad(self) -> Tensor:
        """Give this tensor a place for its gradient; on a computed one, keep the gradient that passes through it."""
        if self.made is not None:
            self.keeps = True
        elif not self.wants:
            if kind_of(self.value) != "f":
                self.value = normal(np.asarray(self.value, dtype=FLOAT))
            self.wants = True
        return self

    @property
    def requires_grad(self) -> bool:
        """Whether this has a place for a gradient, or was computed from something that has."""
        return self.wants

    @requires_grad.setter
    def requires_grad(self, new: bool) -> None:
        self._leaf_only()
        if new:
            self.attach_grad()
        self.wants = bool(new)

    def backward(self, gradient: Any = None) -> None:
        """Walk back from here and add, in each tensor that has a place for it, the derivative of this by that.

        Parameters
        ----------
        gradient : the derivative of whatever comes after by this tensor; without it 1 for each element, so that the
            gradient of an array is that of its sum.
        """
        if not self.wants:
            raise TensorError(
                _(
                    "there is nothing to walk back to: nothing that this was computed from has a place for a gradient; "
                    "call attach_grad() on the tensors to differentiate by, before computing with them"
                )
            )
        if kind_of(self.value) == "b":
            raise TensorError(_("a condition has no derivative; backward() starts from a number"))
        found = adjoints(self, self._seed(gradient), backward_order(self))
        for tensor, g in found.items():
            tensor._add_gradient(g)

    def _seed(self, gradient: Any) -> Any:
        if gradient is None:
            return 1.0 if type(self.value) is float else np.ones_like(self.value)
        given = _value(gradient)
        if np.shape(given) != self.shape:
            raise ShapeMismatch(
                _("the gradient given to backward() has the shape {given}; the tensor has {shape}").format(
                    given=np.shape(given), shape=self.shape
                )
            )
        return float(given) if type(self.value) is float else np.asarray(given, dtype=self.dtype)

    def _add_gradient(self, g: Any) -> None:
        if type(g) is not float:
            if self.made is not None and not self.keeps:
                return
            g = g if self._grad is not None and not self._anew else np.array(g)
        self._grad = g if self._grad is None or self._anew else self._grad + g
        self._anew = False

    @property
    def grad(self) -> Any:
        """The gradient: a number, an array, or None where it has not been computed."""
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if new is not None:
            new = self._as_own(new)
        self._grad, self._anew = new, False

    def zero_grad(self) -> None:
        """Set the gradient to 0, to add up from there."""
        self.grad = 0.0

    def detach(self) -> Tensor:
        """The same values without the memory of how they were computed."""
        self._seen = True
        new = object.__new__(type(self))
        new.value, new.wants, new._seen = (np.array(self.value) if self._lent else self.value), False, True
        return new

    # -- the value --------------------------------------------------------------------------------
    @property
    def data(self) -> Any:
        """The value: a Python number, or a NumPy array; the array of a computed tensor is read-only."""
        check_stays(self, ".data")
        if type(self.value) is float:
            return self.value
        if self.value.ndim == 0:
            return self.value[()]
        if self.made is not None:
            view = self.value.view()
            view.flags.writeable = False
            return view
        self._own()
        self._lent = True
        return self.value

    @data.setter
    def data(self, new: Any) -> None:
        self._leaf_only()
        if new is not self.value:  # else it was changed where it is, as by `w.data -= step`
            self.value = self._as_own(new)
            self._seen = self._lent = False

    def _as_own(self, new: Any) -> Any:
        """`new` in this tensor's shape and kind, in memory of its own."""
        given = _value(new)
        if type(self.value) is float and np.ndim(given) == 0:
            return float(given)
        if np.shape(given) == self.shape:
            return np.array(given, dtype=self.dtype)
        try:
            return np.array(np.broadcast_to(given, self.shape), dtype=self.dtype)
        except ValueError:
            raise ShapeMismatch(
                _("a value of shape {given} cannot fill a tensor of shape {shape}").format(
                    given=np.shape(given), shape=self.shape
                )
            ) from None

    def _own(self) -> None:
        """See to it that the array can change without anybody else noticing."""
        if self._seen or self.value.base is not None:
            self.value = np.array(self.value)
            self._seen = self._lent = False

    def _leaf_only(self) -> None:
        check_not_a_variable(self)
        if self.made is not None:
            raise TensorError(
                _(
                    "a computed tensor cannot be assigned to: its gradient would be that of another value; build the "
                    "new one with where, stack or concatenate, or take detach() of it"
                )
            )

    def __setitem__(self, key: Any, new: Any) -> None:
        self._leaf_only()
        if isinstance(new, Tensor):
            self._check_nothing_lost(new)
            new = new.value
        given = plain_value(new)
        if kind_of(given) == "f" and kind_of(self.value) != "f":
            raise TensorError(
                _("a tensor of whole numbers cannot hold {value}; make it with numbers like 1.0").format(value=given)
            )
        self._anew = self.wants
        whole = type(key) in (slice, type(Ellipsis)) and key in WHOLE
        if type(self.value) is float or (whole and not self._lent):
            self.value = self._as_own(given) if whole or key == () else self.value[key]
            self._seen = False
            return
        self._own()
        key = plain_key(key)
        try:
            self.value[key] = given
        except ValueError:
            raise ShapeMismatch(
                _("a value of shape {given} cannot fill a part of shape {shape}").format(
                    given=np.shape(given), shape=self.value[key].shape
                )
            ) from None

    def _check_nothing_lost(self, new: Tensor) -> None:
        """Raise where assigning `new` would silently cut a path from other tensors that have a gradient."""
        if not new.requires_grad or not self.recording.get():
            return
        others = [t for t in backward_order(new) if t.made is None and t is not self]
        if others:
            raise TensorError(
                _(
                    "this assignment would lose a gradient: the new value depends on other tensors that have one, and "
                    "an assigned value has no memory of it; assign detach() of it, or inside `with no_grad():`"
                )
            )

    # -- recording --------------------------------------------------------------------------------
    def applied(self, op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...]) -> Tensor:
        """The tensor that `op` makes of `args`."""
        return record(op, args, attrs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufunc_of(ufunc, method, kwargs)(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return array_function_of(function)(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if self.wants and self.recording.get():
            raise TensorError(
                _(
                    "a tensor with a gradient does not become an array by itself, because the gradient would be "
                    "lost; use x.numpy() or x.data for the bare values"
                )
            )
        return np.array(self.value, dtype=dtype)

    # -- operators --------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Tensor:
        return record(ADD, (self, other))

    def __radd__(self, other: Any) -> Tensor:
        return record(ADD, (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return record(SUBTRACT, (self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return record(SUBTRACT, (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return record(MULTIPLY, (self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return record(MULTIPLY, (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return record(DIVIDE, (self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return record(DIVIDE, (other, self))

    def __neg__(self) -> Tensor:
        return record(OPS["negative"], (self,))

    def __abs__(self) -> Tensor:
        return record(OPS["abs"], (self,))

    def __getitem__(self, key: Any) -> Tensor:
        return record(INDEX, (self,), (plain_key(key),))

    def __iadd__(self, other: Any) -> Tensor:
        return self._updated(self + other, other)

    def __isub__(self, other: Any) -> Tensor:
        return self._updated(self - other, other)

    def __imul__(self, other: Any) -> Tensor:
        return self._updated(self * other, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._updated(self / other, other)

    def _updated(self, new: Tensor, other: Any) -> Tensor:
        """What `x -= y` means: in place on data and inside `no_grad`, else another tensor, as for `x = x - y`."""
        if self.made is not None or (new.made is not None and self._grad is None):
            return new
        if new.made is not None and not (isinstance(other, Tensor) and other.requires_grad):
            raise TensorError(
                _(
                    "is this an update? `w -= ...` on a tensor with a gradient makes another tensor and leaves w as it "
                    "is; write w[:] = w - ..., or put it inside `with no_grad():`"
                )
            )
        if new.made is None:
            self[...] = new
            return self
        return new

    def __iter__(self) -> Iterator[Tensor]:
        return (self[k] for k in range(len(self)))

    def __contains__(self, element: Any) -> bool:
        return bool(np.any(np.asarray(self.value) == _value(element)))

    def __reduce__(self) -> tuple[Any, ...]:
        check_stays(self, "a copy")
        if self.made is not None:
            raise TensorError(
                _(
                    "a computed tensor cannot be pickled or deeply copied, because its graph would go with it; use "
                    "detach()"
                )
            )
        return _restored, (type(self), np.asarray(self.value), self.requires_grad, self._grad)


def _restored(kind: type[Tensor], value: npt.NDArray[Any], requires_grad: bool, grad: Any) -> Tensor:
    new = kind(value, requires_grad)
    new._grad = grad
    return new


def tensor(data: Any, dtype: npt.DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Data as a tensor. It has no place for a gradient until `attach_grad()` is called, or `requires_grad` given.

    Parameters
    ----------
    data : number, nested lists, array or tensor; it is copied. Single numbers and float lists become float64, lists
        and arrays of whole numbers stay whole, arrays of float32 stay float32.
    dtype : another kind of number.
    requires_grad : whether `backward` leaves a gradient here; whole numbers then become float64.

    Examples
    --------
    >>> import tidu
    >>> x = tidu.tensor([1.0, 2.0, 3.0])
    >>> _ = x.attach_grad()
    >>> (x**2).sum().backward()
    >>> x.grad
    array([2., 4., 6.])
    """
    if isinstance(data, Tensor):
        check_stays(data, "tensor(...)")
    return Tensor(data if dtype is None else np.asarray(owned(data), dtype=dtype), requires_grad)


def record(op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...] = ()) -> Tensor:
    """`op` on tensors, arrays and numbers: its value at once, and how it was made where something has a gradient.

    Every operation comes through here, so it is written to be quick: small tensors are most of a learner's work.
    """
    values: list[Any] = []
    parents: list[Tensor | None] = []
    wanted = borrowed = False
    single = True  # Python numbers alone
    kind = Tensor
    for a in args:
        if isinstance(a, Tensor):
            if type(a) is not Tensor:
                kind = type(a)
            value = a.value
            if type(value) is not float:
                single = False
                if a._lent:
                    value = np.array(value)
                else:
                    a._seen = True
            if a.wants:
                wanted = True
                parents.append(a)
            else:
                parents.append(None)
        else:
            value = plain_value(a)
            if type(value) not in NUMBERS:
                single = False
                borrowed = True
            parents.append(None)
        values.append(value)
    function = op.on_numbers(*attrs) if single else None
    value = function(*values) if function is not None else on_arrays(op, values, attrs)
    if type(value) is not float and (type(value) is not np.ndarray or not value.shape):
        value = normal(value)
    new = _blank(kind)
    new.value = value
    if wanted and kind.recording.get():
        new.wants = True
        new.serial = _serial()
        if borrowed:
            values = [kept_value(v, a) for v, a in zip(values, args, strict=True)]
        new.made = (op, tuple(parents), tuple(values), attrs)
    else:
        new.wants = False
    return new


def _value(a: Any) -> Any:
    return a.value if isinstance(a, Tensor) else plain_value(a)
