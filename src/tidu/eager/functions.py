"""Functions on whole tensors and arrays, with NumPy's names and conventions for axes.

They bring axes and keys into the one form that the table of `array_ops.py` has. What works element by element (`exp`,
`where`, `maximum`, ...) is in `language/ops.py`. `@public` says at each function what it is for NumPy, for the package
and for tensors; nothing else lists them.
"""

from __future__ import annotations

import builtins
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from tidu.errors import ShapeMismatch, TensorError
from tidu.language import array_ops as table
from tidu.language import ops
from tidu.language.array_ops import shape_of
from tidu.language.operand import Operand, applied
from tidu.language.operation import OPS
from tidu.text import _

Axis = int | Sequence[int] | None
Function = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])
_TOTAL = OPS["sum"]
_ALL = tuple(tuple(range(n)) for n in range(5))


# By name: what the package has, and what tensors have as methods. By NumPy's function: what it is for tensors.
PUBLIC: dict[str, Callable[..., Any]] = {}
METHODS: dict[str, Callable[..., Any]] = {}
OF_NUMPY: dict[Any, Callable[..., Any]] = {}


# What NumPy and PyTorch call arguments that are called otherwise here.
_OTHER_NAMES = {
    "a": "x", "arr": "x", "input": "x", "m": "x", "dim": "axis", "keepdim": "keepdims", "a_min": "low", "a_max": "high",
    "min": "low", "max": "high", "newshape": "shape", "indices_or_sections": "sections", "ary": "x", "array": "x",
    "v": "x", "tup": "arrays", "tensors": "arrays", "seq": "arrays", "A": "x", "correction": "ddof", "ord": "order",
}  # fmt: skip


def public(*numpys: Any, method: str = "") -> Callable[[F], F]:
    """A function of the package, which answers for these of NumPy; `method` is its name on tensors.

    It takes its named arguments under the names that NumPy and PyTorch have for them, too.
    """

    def enter(function: F) -> F:
        parameters = inspect.signature(function).parameters

        @functools.wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            if named and not named.keys() <= parameters.keys():
                args, named = _as_named_here(function, args, named)
            return function(*args, **named)

        PUBLIC[function.__name__] = called
        OF_NUMPY.update(dict.fromkeys(numpys, called))
        if method:
            METHODS[method] = called
        return cast(F, called)

    return enter


def _as_named_here(function: Function, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments with the names that this function has for them; a dtype converts what goes in."""
    known = inspect.signature(function).parameters
    found = {key if key in known else _OTHER_NAMES.get(key, key): value for key, value in named.items()}
    kind = found.pop("dtype", None)
    if "out" in found and found["out"] is None:
        del found["out"]
    for key in found:
        if key not in known:
            raise TensorError(
                _("{function}(...) takes no argument '{name}'; it takes {names}").format(
                    function=function.__name__, name=key, names=", ".join(known)
                )
            )
    if kind is not None:
        first, *others = args or (found.pop("x"),)
        args = (table.cast(array_of(first), attrs=(str(np.dtype(kind)),)), *others)
    return args, found


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """`axis` as numbers from 0 up; all axes for None."""
    n = len(shape_of(x))
    if axis is None:
        return _ALL[n] if n < len(_ALL) else tuple(range(n))
    numbers: list[Any] = list(axis) if hasattr(axis, "__iter__") else [axis]
    return tuple(sorted(axis_of(x, k) for k in numbers))


def axis_of(x: Any, axis: int, more: int = 0) -> int:
    """`axis` as a number from 0 up, of a shape with so many axes more."""
    n = len(shape_of(x)) + more
    if not isinstance(axis, (int, np.integer)):
        raise ShapeMismatch(_("an axis is a whole number, not {axis!r}").format(axis=axis))
    if not -n <= axis < n:
        raise ShapeMismatch(_("there is no axis {axis} in the shape {shape}").format(axis=axis, shape=shape_of(x)))
    return int(axis) % n


def array_of(x: Any) -> Any:
    """Lists as arrays, so that they have a shape; lists with tensors in them as one tensor."""
    if isinstance(x, (list, tuple)):
        return stack(x) if builtins.any(isinstance(a, (Operand, list, tuple)) for a in x) else np.asarray(x)
    return x if isinstance(x, (Operand, np.ndarray, int, float)) else np.asarray(x)


# -- reductions -----------------------------------------------------------------------------------
@public(np.sum, method="sum")
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:  # noqa: A001  (NumPy's name)
    """Sum of all elements, or along axes."""
    x = array_of(x)
    axes = axes_of(x, axis)
    return applied(_TOTAL, (x,), (axes, keepdims)) if axes else x


@public(np.mean, method="mean")
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of all elements, or along axes."""
    x = array_of(x)
    return sum(x, axis, keepdims) / _count(x, axis)


@public(np.var, method="var")
def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Mean squared distance from the mean; divided by n - ddof."""
    x = array_of(x)
    return sum((x - mean(x, axis, keepdims=True)) ** 2, axis, keepdims) / (_count(x, axis) - ddof)


@public(np.std, method="std")
def std(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Standard deviation: the root of `var`."""
    return table.root(var(x, axis, keepdims, ddof))


def _count(x: Any, axis: Axis) -> float:
    return float(np.prod([shape_of(x)[k] for k in axes_of(x, axis)], dtype=float))


@public(np.max, np.amax, method="max")
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element, of all or along axes; the slope goes to the first of several equal ones."""
    x = array_of(x)
    return table.largest(x, attrs=(axes_of(x, axis), keepdims))


@public(np.min, np.amin, method="min")
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element, of all or along axes; the slope goes to the first of several equal ones."""
    x = array_of(x)
    return table.smallest(x, attrs=(axes_of(x, axis), keepdims))


@public(np.argmin, method="argmin")
def argmin(x: Any, axis: int | None = None) -> Any:
    """Position of the smallest element; it has no derivative."""
    x = array_of(x)
    return table.where_smallest(x, attrs=(axis if axis is None else axis_of(x, axis),))


@public(np.any, method="any")
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:  # noqa: A001  (NumPy's name)
    """Whether one element holds, of all or along axes."""
    x = array_of(x)
    return table.any_holds(x, attrs=(axes_of(x, axis), keepdims))


@public(np.all, method="all")
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:  # noqa: A001  (NumPy's name)
    """Whether every element holds, of all or along axes."""
    x = array_of(x)
    return table.all_hold(x, attrs=(axes_of(x, axis), keepdims))


@public(np.argmax, method="argmax")
def argmax(x: Any, axis: int | None = None) -> Any:
    """Position of the largest element; it has no derivative."""
    x = array_of(x)
    return table.where_largest(x, attrs=(axis if axis is None else axis_of(x, axis),))


@public(method="logsumexp")
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), without overflow."""
    x = array_of(x)
    return table.logsumexp(x, attrs=(axes_of(x, axis), keepdims))


@public(method="softmax")
def softmax(x: Any, axis: Axis = -1) -> Any:
    """exp(x) / sum(exp(x)) along axes, without overflow."""
    x = array_of(x)
    return table.softmax(x, attrs=(axes_of(x, axis),))


@public(method="log_softmax")
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Logarithm of `softmax`, exact where that is near 0."""
    x = array_of(x)
    return x - logsumexp(x, axis, keepdims=True)


# -- products -------------------------------------------------------------------------------------
@public(method="matmul")
def matmul(a: Any, b: Any) -> Any:
    """Product of matrices, or of a matrix and a vector; stacks of matrices broadcast."""
    a, b = array_of(a), array_of(b)
    if not shape_of(a) or not shape_of(b):
        raise ShapeMismatch(_("a product of matrices needs arrays; a single number multiplies with *"))
    return table.matmul(a, b)


@public(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Every element of one vector times every element of another."""
    return reshape(a, (-1, 1)) * reshape(b, (1, -1))


# -- shapes ---------------------------------------------------------------------------------------
@public(np.reshape)
def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """The same elements in another shape; one length may be -1."""
    x = array_of(x)
    want = [shape] if isinstance(shape, (int, np.integer)) else list(shape)
    size = int(np.prod(shape_of(x), dtype=int))
    if want.count(-1) == 1:
        rest = int(np.prod([n for n in want if n != -1], dtype=int))
        if rest and size % rest == 0:
            want[want.index(-1)] = size // rest
    if int(np.prod(want, dtype=int)) != size or -1 in want:
        raise ShapeMismatch(
            _("{size} elements of the shape {have} do not fill the shape {want}").format(
                size=size, have=shape_of(x), want=tuple(want)
            )
        )
    return table.reshape(x, attrs=(tuple(int(n) for n in want),))


@public(np.ravel, method="ravel")
def ravel(x: Any) -> Any:
    """All elements in one row."""
    return reshape(x, -1)


@public(np.expand_dims)
def expand_dims(x: Any, axis: int) -> Any:
    """One more axis, of length 1."""
    x = array_of(x)
    shape = list(shape_of(x))
    shape.insert(axis_of(x, axis, more=1), 1)
    return reshape(x, shape)


@public(np.squeeze, method="squeeze")
def squeeze(x: Any, axis: Axis = None) -> Any:
    """Without axes of length 1."""
    x = array_of(x)
    shape = shape_of(x)
    gone = [k for k, n in enumerate(shape) if n == 1] if axis is None else axes_of(x, axis)
    return reshape(x, [n for k, n in enumerate(shape) if k not in gone])


@public(np.transpose)
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Axes in another order; reversed without `axes`."""
    x = array_of(x)
    n = len(shape_of(x))
    order = tuple(reversed(range(n))) if axes is None else tuple(axis_of(x, k) for k in axes)
    if sorted(order) != list(range(n)):
        raise ShapeMismatch(
            _("{axes} is not an order of the axes of the shape {shape}").format(axes=axes, shape=shape_of(x))
        )
    return table.transpose(x, attrs=(order,))


@public(np.swapaxes, method="swapaxes")
def swapaxes(x: Any, first: int, second: int) -> Any:
    """Two axes exchanged."""
    x = array_of(x)
    order = list(range(len(shape_of(x))))
    a, b = axis_of(x, first), axis_of(x, second)
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


@public(np.broadcast_to)
def broadcast_to(x: Any, shape: int | Sequence[int]) -> Any:
    """Repeated to fill a larger shape."""
    return table.broadcast_to(array_of(x), attrs=((shape,) if isinstance(shape, int) else tuple(shape),))


@public(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Arrays one after another along an axis; all their numbers in one row for None."""
    if axis is None:
        return concatenate([ravel(a) for a in arrays])
    parts = [array_of(a) for a in arrays]
    if not parts:
        raise TensorError(_("there is nothing to put together: the sequence is empty"))
    return table.concatenate(*parts, attrs=(axis_of(parts[0], axis),))


@public(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis."""
    parts = [array_of(a) for a in arrays]
    if not parts:
        raise TensorError(_("there is nothing to put together: the sequence is empty"))
    return table.stack(*parts, attrs=(axis_of(parts[0], axis, more=1),))


def index(x: Any, key: Any) -> Any:
    """x[key]."""
    return table.index(x, attrs=(key,))


@public(np.copy, method="copy")
def copy(x: Any) -> Any:
    """The same values in another tensor, which leads back to this one."""
    return table.copy(x)


@public(np.clip, method="clip")
def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """Kept between `low` and `high`; the slope is 0 outside."""
    if low is not None:
        x = ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


@public(np.linalg.norm, method="norm")
def norm(x: Any, order: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """Euclidean length of all elements or along axes, with slope 0 at 0; other orders are sums of abs(x)**order."""
    x = array_of(x)
    if np.dtype(getattr(x, "dtype", float)).kind != "f":  # a byte's square is no byte
        x = table.cast(x, attrs=("float64",))
    if order in (None, "fro") or (order == 2 and len(axes_of(x, axis)) == 1):
        return table.root(sum(x**2, axis, keepdims))
    if isinstance(order, str) or order is None or len(axes_of(x, axis)) != 1:
        raise TensorError(_("norm of the order {order} is for vectors; name the axis").format(order=order))
    if np.isinf(order):
        return (amax if order > 0 else amin)(ops.absolute(x), axis, keepdims)
    return sum(ops.absolute(x) ** order, axis, keepdims) ** (1.0 / order)


# -- bits -----------------------------------------------------------------------------------------
def bits(logical: str, bitwise: str, *args: Any) -> Any:
    """What `&`, `|` and `~` mean: of truth values whether they hold, of whole numbers their bits."""
    kinds = [np.dtype(getattr(a, "dtype", type(a))).kind for a in args]
    if builtins.any(kind not in "biu" for kind in kinds):
        raise TensorError(_("&, | and ~ are for conditions and whole numbers, not for numbers with a fraction"))
    return applied(OPS[logical if builtins.all(kind == "b" for kind in kinds) else bitwise], args)
