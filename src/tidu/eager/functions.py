"""Functions on whole tensors and arrays, with NumPy's names and conventions for axes.

They bring axes and keys into the one form that the table of `array_ops.py` has. What works element by element (`exp`,
`where`, `maximum`, ...) is in `language/ops.py`. `@public` says at each function what it is for NumPy, for the package
and for tensors; nothing else lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tidu.errors import ShapeMismatch, TensorError
from tidu.language import array_ops as table
from tidu.language import ops
from tidu.language.array_ops import shape_of
from tidu.language.operand import Operand, applied
from tidu.language.operation import OPS
from tidu.text import _

Axis = int | Sequence[int] | None
F = TypeVar("F", bound=Callable[..., Any])
_TOTAL = OPS["sum"]
_ALL = tuple(tuple(range(n)) for n in range(5))


# By name: what the package has, and what tensors have as methods. By NumPy's function: what it is for tensors.
PUBLIC: dict[str, Callable[..., Any]] = {}
METHODS: dict[str, Callable[..., Any]] = {}
OF_NUMPY: dict[Any, Callable[..., Any]] = {}


def public(*numpys: Any, method: str = "") -> Callable[[F], F]:
    """A function of the package, which answers for these of NumPy; `method` is its name on tensors."""

    def enter(function: F) -> F:
        PUBLIC[function.__name__] = function
        OF_NUMPY.update(dict.fromkeys(numpys, function))
        if method:
            METHODS[method] = function
        return function

    return enter


def _axes(x: Any, axis: Axis) -> tuple[int, ...]:
    """`axis` as numbers from 0 up; all axes for None."""
    n = len(shape_of(x))
    if axis is None:
        return _ALL[n] if n < len(_ALL) else tuple(range(n))
    numbers = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    for k in numbers:
        if not -n <= k < n:
            raise ShapeMismatch(_("there is no axis {axis} in the shape {shape}").format(axis=k, shape=shape_of(x)))
    return tuple(sorted(int(k) % n for k in numbers))


def _axis(x: Any, axis: int, more: int = 0) -> int:
    n = len(shape_of(x)) + more
    if not -n <= axis < n:
        raise ShapeMismatch(_("there is no axis {axis} in the shape {shape}").format(axis=axis, shape=shape_of(x)))
    return axis % n


def _arraylike(x: Any) -> Any:
    """Lists as arrays, so that they have a shape; lists with tensors in them as one tensor."""
    if isinstance(x, (list, tuple)):
        return stack(x) if any(isinstance(a, (Operand, list, tuple)) for a in x) else np.asarray(x)
    return x if isinstance(x, (Operand, np.ndarray, int, float)) else np.asarray(x)


# -- reductions -----------------------------------------------------------------------------------
@public(np.sum, method="sum")
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:  # noqa: A001  (NumPy's name)
    """Sum of all elements, or along axes."""
    x = _arraylike(x)
    axes = _axes(x, axis)
    return applied(_TOTAL, (x,), (axes, keepdims)) if axes else x


@public(np.mean, method="mean")
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of all elements, or along axes."""
    x = _arraylike(x)
    return sum(x, axis, keepdims) / _count(x, axis)


@public(np.var, method="var")
def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Mean squared distance from the mean; divided by n - ddof."""
    x = _arraylike(x)
    return sum((x - mean(x, axis, keepdims=True)) ** 2, axis, keepdims) / (_count(x, axis) - ddof)


@public(np.std, method="std")
def std(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Standard deviation: the root of `var`."""
    return table.root(var(x, axis, keepdims, ddof))


def _count(x: Any, axis: Axis) -> float:
    return float(np.prod([shape_of(x)[k] for k in _axes(x, axis)], dtype=float))


@public(np.max, np.amax, method="max")
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element, of all or along axes; the slope goes to the first of several equal ones."""
    x = _arraylike(x)
    return table.largest(x, attrs=(_axes(x, axis), keepdims))


@public(np.min, np.amin, method="min")
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element, of all or along axes; the slope goes to the first of several equal ones."""
    x = _arraylike(x)
    return table.smallest(x, attrs=(_axes(x, axis), keepdims))


@public(np.argmax, method="argmax")
def argmax(x: Any, axis: int | None = None) -> Any:
    """Position of the largest element; it has no derivative."""
    x = _arraylike(x)
    return table.where_largest(x, attrs=(axis if axis is None else _axis(x, axis),))


@public(method="logsumexp")
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), without overflow."""
    x = _arraylike(x)
    return table.logsumexp(x, attrs=(_axes(x, axis), keepdims))


@public(method="softmax")
def softmax(x: Any, axis: Axis = -1) -> Any:
    """exp(x) / sum(exp(x)) along axes, without overflow."""
    x = _arraylike(x)
    return table.softmax(x, attrs=(_axes(x, axis),))


@public(method="log_softmax")
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Logarithm of `softmax`, exact where that is near 0."""
    x = _arraylike(x)
    return x - logsumexp(x, axis, keepdims=True)


# -- products -------------------------------------------------------------------------------------
@public()
def matmul(a: Any, b: Any) -> Any:
    """Product of matrices, or of a matrix and a vector; stacks of matrices broadcast."""
    a, b = _arraylike(a), _arraylike(b)
    if not shape_of(a) or not shape_of(b):
        raise ShapeMismatch(_("a product of matrices needs arrays; a single number multiplies with *"))
    return table.matmul(a, b)


@public(np.dot, method="dot")
def dot(a: Any, b: Any) -> Any:
    """Scalar product of vectors, product of matrices, or of anything with a number, as NumPy's dot."""
    a, b = _arraylike(a), _arraylike(b)
    if not shape_of(a) or not shape_of(b):
        return a * b
    if len(shape_of(a)) > 2 or len(shape_of(b)) > 2:
        raise ShapeMismatch(_("dot takes vectors and matrices; use matmul for stacks of them"))
    return table.matmul(a, b)


@public(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Every element of one vector times every element of another."""
    return reshape(a, (-1, 1)) * reshape(b, (1, -1))


# -- shapes ---------------------------------------------------------------------------------------
@public(np.reshape)
def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """The same elements in another shape; one length may be -1."""
    x = _arraylike(x)
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
    x = _arraylike(x)
    shape = list(shape_of(x))
    shape.insert(_axis(x, axis, more=1), 1)
    return reshape(x, shape)


@public(np.squeeze, method="squeeze")
def squeeze(x: Any, axis: Axis = None) -> Any:
    """Without axes of length 1."""
    x = _arraylike(x)
    shape = shape_of(x)
    gone = [k for k, n in enumerate(shape) if n == 1] if axis is None else _axes(x, axis)
    return reshape(x, [n for k, n in enumerate(shape) if k not in gone])


@public(np.transpose)
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Axes in another order; reversed without `axes`."""
    x = _arraylike(x)
    n = len(shape_of(x))
    order = tuple(reversed(range(n))) if axes is None else tuple(_axis(x, k) for k in axes)
    if sorted(order) != list(range(n)):
        raise ShapeMismatch(
            _("{axes} is not an order of the axes of the shape {shape}").format(axes=axes, shape=shape_of(x))
        )
    return table.transpose(x, attrs=(order,))


@public(np.swapaxes, method="swapaxes")
def swapaxes(x: Any, first: int, second: int) -> Any:
    """Two axes exchanged."""
    x = _arraylike(x)
    order = list(range(len(shape_of(x))))
    a, b = _axis(x, first), _axis(x, second)
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


@public(np.broadcast_to)
def broadcast_to(x: Any, shape: int | Sequence[int]) -> Any:
    """Repeated to fill a larger shape."""
    return table.broadcast_to(_arraylike(x), attrs=((shape,) if isinstance(shape, int) else tuple(shape),))


@public(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays one after another along an axis."""
    parts = [_arraylike(a) for a in arrays]
    if not parts:
        raise TensorError(_("there is nothing to put together: the sequence is empty"))
    return table.concatenate(*parts, attrs=(_axis(parts[0], axis),))


@public(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis."""
    parts = [_arraylike(a) for a in arrays]
    if not parts:
        raise TensorError(_("there is nothing to put together: the sequence is empty"))
    return table.stack(*parts, attrs=(_axis(parts[0], axis, more=1),))


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
def norm(x: Any) -> Any:
    """Euclidean length: the root of the sum of squares."""
    x = _arraylike(x)
    if np.dtype(getattr(x, "dtype", float)).kind != "f":  # a byte's square is no byte
        x = table.cast(x, attrs=("float64",))
    return table.root(sum(x**2))


# -- bits -----------------------------------------------------------------------------------------
def bits(logical: str, bitwise: str, *args: Any) -> Any:
    """What `&`, `|` and `~` mean: of truth values whether they hold, of whole numbers their bits."""
    kinds = [np.dtype(getattr(a, "dtype", type(a))).kind for a in args]
    if any(kind not in "biu" for kind in kinds):
        raise TensorError(_("&, | and ~ are for conditions and whole numbers, not for numbers with a fraction"))
    return applied(OPS[logical if all(kind == "b" for kind in kinds) else bitwise], args)
