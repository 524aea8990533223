"""The table of operations that are about whole arrays: sums, matrix products, shapes. The rest is in `ops.py`.

Each entry has its value on arrays and its derivative, written with the functions of both tables. A rule may return a
share of any shape that broadcasts with its argument's: whoever carries the derivatives backward sums it to the shape of
the argument, or spreads it, in one place. Axes in `attrs` are a tuple of numbers from 0 up; `eager/functions.py` has
the functions that people call, with NumPy's conventions. To add an operation, add an entry with its `cases`, and an
oracle in `tests/oracles.py`; the tests iterate the table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tidu.errors import NoDerivative
from tidu.language.expr import ATOM, MULTIPLY, Derivatives
from tidu.language.operand import applied, array_function
from tidu.language.ops import exp, where

Shape = tuple[int, ...]
Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ArrayOp:
    """One operation on arrays.

    `array` is its value, with `{0}`, `{1}` (or `{args}`) for the arguments and `{a}`, `{b}` for the attributes;
    `grad(g, out, *args, *attrs)` gives each argument's adjoint, or a function that gives it where it is wanted; an op
    without `grad` cannot be differentiated. `cases` are (shapes of arguments, attributes) with which tests sample.
    """

    name: str
    array: str
    grad: Callable[..., Derivatives] | None
    cases: tuple[tuple[tuple[Shape, ...], tuple[Any, ...]], ...]
    doc: str = ""
    text: str = ""  # how it is printed; by name, where nothing is said
    latex: str = ""
    binding: int = ATOM
    boolean: ClassVar[bool] = False

    @functools.cached_property
    def on_arrays(self) -> Callable[..., Any]:
        """Its value on NumPy arrays, then attributes."""
        arity = None if "{args}" in self.array else sum(f"{{{i}}}" in self.array for i in range(3))
        return array_function(self.array, arity, sum(f"{{{letter}}}" in self.array for letter in "abc"))

    def on_numbers(self, *attrs: Any) -> None:
        """None: it is about arrays."""

    def __repr__(self) -> str:
        return f"<op {self.name}>"


ARRAY_OPS: dict[str, ArrayOp] = {}


def array_op(
    name: str,
    array: str,
    *,
    grad: Callable[..., Derivatives] | None,
    cases: tuple[tuple[tuple[Shape, ...], tuple[Any, ...]], ...],
    doc: str,
    text: str = "",
    latex: str = "",
    binding: int = ATOM,
) -> Callable[..., Any]:
    """Register an operation and return the function that applies it: arguments, then `attrs`."""
    entry = ARRAY_OPS[name] = ArrayOp(name, array, grad, cases, doc, text, latex, binding)

    def function(*args: Any, attrs: tuple[Any, ...] = ()) -> Any:
        return applied(entry, args, attrs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


# -- what rules need to know of shapes ----------------------------------------------------------
def shape_of(x: Any) -> Shape:
    """The shape of a tensor, an array or a number."""
    if type(x) is float:
        return ()
    shape: Shape = getattr(x, "shape", ())
    return shape


def kept(g: Any, x: Any, axis: Axes) -> Any:
    """`g`, which has lost the axes `axis` of `x`, with length 1 there, so that it broadcasts with `x`."""
    if not shape_of(g):
        return g
    shape = tuple(1 if k in axis else n for k, n in enumerate(shape_of(x)))
    return g if shape_of(g) == shape else reshape(g, attrs=(shape,))


def swapped(x: Any) -> Any:
    """`x` with its last two axes exchanged: each matrix transposed."""
    n = len(shape_of(x))
    return transpose(x, attrs=((*range(n - 2), n - 1, n - 2),))


def _column(x: Any) -> Any:
    return reshape(x, attrs=((*shape_of(x), 1),))


def _row(x: Any) -> Any:
    return reshape(x, attrs=((*shape_of(x)[:-1], 1, *shape_of(x)[-1:]),))


def _cast_share(g: Any, out: Any, x: Any, kind: str) -> Derivatives:
    if np.dtype(kind).kind != "f":
        raise NoDerivative(f"the conversion to {kind} has no derivative; take detach() of what needs none")
    return (g,)


# -- shapes ---------------------------------------------------------------------------------------
copy = array_op(
    "copy", "xp.array({0})", grad=lambda g, out, x: (g,), cases=((((2, 3),), ()), (((),), ())), doc="The same values."
)
cast = array_op(
    "cast", "xp.asarray({0}).astype({a})", grad=_cast_share, cases=((((2, 3),), ("float64",)),),
    doc="The values in another kind of number.",
)  # fmt: skip
reshape: Callable[..., Any] = array_op(
    "reshape", "xp.reshape({0}, {a})", grad=lambda g, out, x, shape: (reshape(g, attrs=(shape_of(x),)),),
    cases=((((2, 3),), ((3, 2),)), (((4,),), ((2, 1, 2),)), (((1, 1),), ((),))),
    doc="The same elements in the same order, in another shape.",
)  # fmt: skip
transpose: Callable[..., Any] = array_op(
    "transpose", "xp.transpose({0}, {a})",
    grad=lambda g, out, x, axes: (transpose(g, attrs=(tuple(int(k) for k in np.argsort(axes)),)),),
    cases=((((2, 3),), ((1, 0),)), (((2, 3, 4),), ((2, 0, 1),))), doc="Axes in another order.",
)  # fmt: skip
broadcast_to = array_op(
    "broadcast_to", "xp.broadcast_to({0}, {a})", grad=lambda g, out, x, shape: (g,),
    cases=((((3,),), ((2, 3),)), (((),), ((2, 2),)), (((2, 1),), ((2, 4),))), doc="Repeated to fill a larger shape.",
)  # fmt: skip
index: Callable[..., Any] = array_op(
    "index", "{0}[{a}]", grad=lambda g, out, x, key: (scatter(g, attrs=(key, shape_of(x))),),
    cases=(
        (((4, 3),), (1,)),
        (((4, 3),), ((slice(1, None, 2), None, -1),)),
        (((4, 3),), (np.array([0, 2, 0]),)),
        (((4, 3),), (([0, 1, 1], [2, 0, 0]),)),
        (((2, 2),), (np.array([[True, False], [True, True]]),)),
    ),
    doc="x[key].",
)  # fmt: skip
scatter: Callable[..., Any] = array_op(
    "scatter", "scatter({0}, {a}, {b})", grad=lambda g, out, x, key, shape: (index(g, attrs=(key,)),),
    cases=((((3,),), (1, (4, 3))), (((3, 3),), (np.array([0, 2, 0]), (4, 3)))),
    doc="Zeros of a shape, with x added at a key: the counterpart of index.",
)  # fmt: skip


def _concatenate_shares(g: Any, out: Any, *args_and_axis: Any) -> Derivatives:
    *args, axis = args_and_axis
    ends = np.cumsum([shape_of(a)[axis] for a in args]).tolist()
    return tuple(
        functools.partial(index, g, attrs=((*[slice(None)] * axis, slice(begin, end)),))
        for begin, end in zip([0, *ends], ends, strict=False)
    )


def _stack_shares(g: Any, out: Any, *args_and_axis: Any) -> Derivatives:
    *args, axis = args_and_axis
    return tuple(functools.partial(index, g, attrs=((*[slice(None)] * axis, k),)) for k in range(len(args)))


concatenate = array_op(
    "concatenate", "xp.concatenate([{args}], axis={a})", grad=_concatenate_shares,
    cases=((((2, 3), (1, 3)), (0,)), (((2, 1), (2, 3), (2, 2)), (1,))), doc="Arrays one after another along an axis.",
)  # fmt: skip
stack = array_op(
    "stack", "xp.stack([{args}], axis={a})", grad=_stack_shares,
    cases=((((2, 3), (2, 3)), (0,)), (((2,), (2,), (2,)), (1,)), (((), ()), (0,))),
    doc="Arrays of one shape side by side along a new axis.",
)  # fmt: skip

# -- reductions -----------------------------------------------------------------------------------
_REDUCED: tuple[tuple[tuple[Shape, ...], tuple[Any, ...]], ...] = (
    (((2, 3),), ((0, 1), False)),
    (((2, 3),), ((1,), True)),
    (((2, 3, 2),), ((0, 2), False)),
    (((4,),), ((0,), False)),
)
total = array_op(
    "sum", "{0}.sum(axis={a}, keepdims={b})", grad=lambda g, out, x, axis, keepdims: (kept(g, x, axis),),
    cases=_REDUCED, doc="Sum along axes.", text="Σ({0})", latex=r"\sum\left({0}\right)",
)  # fmt: skip
first_largest = array_op(
    "first_largest",
    "first_largest({0}, {a})",
    grad=None,
    cases=((((2, 3),), ((0, 1),)), (((2, 3),), ((0,),))),
    doc="True at the largest element along axes, the first of them where several are equal.",
)
largest = array_op(
    "max", "xp.max({0}, axis={a}, keepdims={b})",
    grad=lambda g, out, x, axis, keepdims: (where(first_largest(x, attrs=(axis,)), kept(g, x, axis), 0.0),),
    cases=_REDUCED, doc="Largest element along axes; the slope goes to the first of them where several are equal.",
)  # fmt: skip
where_largest = array_op(
    "argmax", "xp.argmax({0}, axis={a})", grad=None, cases=((((2, 3),), (None,)), (((2, 3),), (1,))),
    doc="The position of the largest element.",
)  # fmt: skip
logsumexp = array_op(
    "logsumexp", "logsumexp({0}, {a}, {b})",
    grad=lambda g, out, x, axis, keepdims: (kept(g, x, axis) * exp(x - kept(out, x, axis)),),
    cases=_REDUCED, doc="Logarithm of the sum of e**x along axes, without overflow.",
    text="logsumexp({0})", latex=r"\ln \sum e^{{0}}",
)  # fmt: skip
softmax = array_op(
    "softmax", "softmax({0}, {a})",
    grad=lambda g, out, x, axis: (out * (g - total(g * out, attrs=(axis, True))),),
    cases=((((2, 3),), ((1,),)), (((2, 3),), ((0, 1),)), (((4,),), ((0,),))),
    doc="e**x over its sum along axes, without overflow.",
    text="softmax({0})", latex=r"\operatorname{softmax}\left({0}\right)",
)  # fmt: skip


# -- products of matrices ---------------------------------------------------------------------------
def _left(g: Any, a: Any, b: Any) -> Any:
    n, m = len(shape_of(a)), len(shape_of(b))
    if m == 1:
        return g * b if n == 1 else outer(g, b) if n == 2 else _column(g) * b
    if n == 1:
        return reshape(matmul(b, _column(g)), attrs=(shape_of(b)[:-1],))
    return matmul(g, swapped(b))


def _right(g: Any, a: Any, b: Any) -> Any:
    n, m = len(shape_of(a)), len(shape_of(b))
    if n == 1:
        return g * a if m == 1 else _column(a) * _row(g)
    if m == 1 and n == 2:
        return matmul(g, a)
    if m == 1:  # one product of a matrix and a vector, whatever the number of axes
        size = shape_of(a)[-1]
        return matmul(reshape(g, attrs=((-1,),)), reshape(a, attrs=((-1, size),)))
    return matmul(swapped(a), g)


matmul: Callable[..., Any] = array_op(
    "matmul", "xp.matmul({0}, {1})",
    grad=lambda g, out, a, b: (lambda: _left(g, a, b), lambda: _right(g, a, b)),
    cases=tuple(
        (shapes, ())
        for shapes in (
            ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 2)),
            ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((4, 1, 2, 3), (5, 3, 2)),
        )
    ),
    doc="Product of matrices; of a vector too, as NumPy has it.", text="{0}·{1}", latex=r"{0} \, {1}",
    binding=MULTIPLY,
)  # fmt: skip
outer: Callable[..., Any] = array_op(
    "outer", "xp.multiply.outer({0}, {1})",
    grad=lambda g, out, a, b: (lambda: matmul(g, b), lambda: matmul(a, g)),
    cases=((((2,), (3,)), ()), (((3,), (3,)), ())), doc="Every element of one vector times every element of another.",
    text="{0}⊗{1}", latex=r"{0} \, {1}^{\top}", binding=MULTIPLY,
)  # fmt: skip
