"""The table of operations that are about whole arrays: sums, matrix products, shapes. The rest is in `ops.py`.

Each entry has its value on arrays and its derivative, written with the functions of both tables. A rule may return a
contribution of any shape that broadcasts with its argument's: whoever carries the derivatives backward sums it to the
shape of the argument, or spreads it, in one place. Axes in `attrs` are a tuple of numbers from 0 up;
`eager/functions.py` has the functions that people call, with NumPy's conventions. To add an operation, add an entry
with its `cases`, and an oracle in `tests/oracles.py`; the tests iterate the table.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Protocol

import numpy as np

from tidu.errors import NoDerivative
from tidu.language.operation import MULTIPLY, Derivatives, Shape, Use, op
from tidu.language.ops import equal, exp, where

Axes = tuple[int, ...]


class Function(Protocol):
    """A function of the table: arguments, then `attrs`."""

    def __call__(self, *args: Any, attrs: tuple[Any, ...] = ()) -> Any:
        """What the operation gives."""


def array_op(name: str, array: str, **declared: Any) -> Function:
    """Enter an operation on whole arrays in the table, and return the function that applies it."""
    return op(name, array=array, **declared)


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


def fitted(contribution: Any, shape: Shape) -> Any:
    """A contribution in its argument's shape: summed where the argument was repeated, repeated where it was summed.

    This is where broadcasting is undone, for expressions, tensors and arrays.
    """
    have = shape_of(contribution)
    if have == shape:
        return contribution
    extra = len(have) - len(shape)
    axes = tuple(k for k, n in enumerate(have) if k < extra or (n != 1 and shape[k - extra] == 1))
    if axes:
        contribution = total(contribution, attrs=(axes, extra <= 0))
        if axes[-1] >= extra > 0:  # axes of length 1 were summed too
            contribution = reshape(
                contribution, attrs=(tuple(1 if k in axes else n for k, n in enumerate(have))[extra:],)
            )
    return contribution if shape_of(contribution) == shape else broadcast_to(contribution, attrs=(shape,))


def swapped(x: Any) -> Any:
    """`x` with its last two axes exchanged: each matrix transposed."""
    n = len(shape_of(x))
    return transpose(x, attrs=((*range(n - 2), n - 1, n - 2),))


def _column(x: Any) -> Any:
    return reshape(x, attrs=((*shape_of(x), 1),))


def _row(x: Any) -> Any:
    return reshape(x, attrs=((*shape_of(x)[:-1], 1, *shape_of(x)[-1:]),))


# -- on whole batches: an axis of samples in front ------------------------------------------------
def _along_axes(use: Use) -> str:
    axes, *others = use.attrs  # the samples' axis moves these by one
    filled = use.template.replace("{a}", repr(tuple(k + 1 for k in axes)))
    for letter, value in zip("bc", others, strict=False):
        filled = filled.replace(f"{{{letter}}}", repr(value))
    return filled.replace(", keepdims=False", "")


def _matmul_on_batches(use: Use) -> str:
    if all(use.varies):
        return "({0} * {1}).sum(axis=1)"
    if use.varies[0]:
        return "{0} @ {1}"
    return "{1} @ {0}.T" if len(use.shapes[0]) == 2 else "{1} @ {0}"


def _outer_on_batches(use: Use) -> str:
    left = "[:, :, None]" if use.varies[0] else "[:, None]"
    return f"{{0}}{left} * {{1}}{'[:, None, :]' if use.varies[1] else ''}"


def _broadcast_on_batches(use: Use) -> str:
    if use.torch:
        return f"{{0}}[:{', None' * (not use.shapes[0])}].expand(-1, *{use.shape})"
    ones = f"xp.ones({use.shape})"
    return f"{{0}} * {ones}" if use.shapes[0] else f"xp.multiply.outer({{0}}, {ones})"


def _index_on_batches(use: Use) -> str:
    (key,) = use.attrs[0]
    return f"{{0}}[:, {f'{key.start}:{key.stop}' if isinstance(key, slice) else key}]"


def _stack_on_batches(use: Use) -> str:
    varying = f"{{{use.varies.index(True)}}}"
    parts = (f"{{{k}}}" if varies else f"{{{k}}} + 0.0 * {varying}" for k, varies in enumerate(use.varies))
    return f"xp.stack([{', '.join(parts)}], axis=1)"


# -- on tiles: one vector for each sample ---------------------------------------------------------
def _of_a_vector(function: str) -> Any:
    return lambda use: (function, (0,)) if len(use.shapes[0]) == 1 else None


def _matmul_on_tiles(use: Use) -> tuple[str, tuple[int, ...]] | None:
    a, b = use.shapes
    if not use.varies[0] and len(b) == 1:
        return "matmul" if len(a) == 2 else "dot", (0, 1)
    if not use.varies[1] and len(a) == 1:
        return "matmul_transposed" if len(b) == 2 else "dot", (1, 0)
    return None


def _cast_share(g: Any, out: Any, x: Any, kind: str) -> Derivatives:
    if np.dtype(kind).kind != "f":
        raise NoDerivative(f"the conversion to {kind} has no derivative; take detach() of what needs none")
    return (g,)


# -- shapes ---------------------------------------------------------------------------------------
copy = array_op(
    "copy", "xp.array({0})", torch="xp.clone({0})", grad=lambda g, out, x: (g,),
    cases=((((2, 3),), ()), (((),), ())), doc="The same values.",
)  # fmt: skip
cast = array_op(
    "cast", "xp.asarray({0}).astype({a})", grad=_cast_share, cases=((((2, 3),), ("float64",)),),
    doc="The values in another kind of number.",
)  # fmt: skip
reshape: Function = array_op(
    "reshape", "xp.reshape({0}, {a})", grad=lambda g, out, x, shape: (reshape(g, attrs=(shape_of(x),)),),
    text="{0}", latex="{0}", on_batches=lambda use: f"{{0}}.reshape(-1, *{use.shape})",
    cases=((((2, 3),), ((3, 2),)), (((4,),), ((2, 1, 2),)), (((1, 1),), ((),))),
    doc="The same elements in the same order, in another shape.",
)  # fmt: skip
transpose: Function = array_op(
    "transpose", "xp.transpose({0}, {a})", torch="xp.permute({0}, {a})",
    grad=lambda g, out, x, axes: (transpose(g, attrs=(tuple(int(k) for k in np.argsort(axes)),)),),
    cases=((((2, 3),), ((1, 0),)), (((2, 3, 4),), ((2, 0, 1),))), doc="Axes in another order.",
)  # fmt: skip
broadcast_to = array_op(
    "broadcast_to", "xp.broadcast_to({0}, {a})", grad=lambda g, out, x, shape: (g,),
    code="{0}", text="{0}", latex="{0}", on_batches=_broadcast_on_batches,
    cases=((((3,),), ((2, 3),)), (((),), ((2, 2),)), (((2, 1),), ((2, 4),))), doc="Repeated to fill a larger shape.",
)  # fmt: skip
index: Function = array_op(
    "index", "{0}[{a}]", grad=lambda g, out, x, key: (scatter(g, attrs=(key, shape_of(x))),),
    on_batches=_index_on_batches,
    cases=(
        (((4, 3),), (1,)),
        (((4, 3),), ((slice(1, None, 2), None, -1),)),
        (((4, 3),), (np.array([0, 2, 0]),)),
        (((4, 3),), (([0, 1, 1], [2, 0, 0]),)),
        (((2, 2),), (np.array([[True, False], [True, True]]),)),
    ),
    doc="x[key].",
)  # fmt: skip
scatter: Function = array_op(
    "scatter", "scatter({0}, {a}, {b})", grad=lambda g, out, x, key, shape: (index(g, attrs=(key,)),),
    cases=((((3,),), (1, (4, 3))), (((3, 3),), (np.array([0, 2, 0]), (4, 3)))),
    doc="Zeros of a shape, with x added at a key: the counterpart of index.",
)  # fmt: skip

# -- parameters with a value for each of many levels; k is the number of the level, as a float --------------------
entry: Function = array_op(
    "entry", "entry({0}, {1})", grad=lambda g, out, a, k: (placed(g, k, attrs=shape_of(a)), None),
    text="{0}[{1}]", latex="{{0}}_{{1}}", mathml="<msub>{0}{1}</msub>", on_batches=lambda use: use.template,
    on_tiles=lambda use: ("entries", (0, 1)),
    cases=((((4,), ()), ()), (((3,), (5,)), ())), doc="The number of a vector at a place.",
)  # fmt: skip
placed: Function = array_op(
    "placed", "placed({0}, {1}, {a})", grad=lambda g, out, x, k, size: (entry(g, k), None),
    on_batches=lambda use: use.template.replace("{a}", repr(use.attrs[0])),
    cases=((((), ()), (4,)), (((5,), (5,)), (3,))),
    doc="Zeros with a number at its place, the counterpart of entry; of many samples the sum over them.",
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
    on_batches=lambda use: f"xp.concatenate([{', '.join(f'{{{k}}}' for k in range(len(use.shapes)))}], axis=1)",
    cases=((((2, 3), (1, 3)), (0,)), (((2, 1), (2, 3), (2, 2)), (1,))), doc="Arrays one after another along an axis.",
)  # fmt: skip
stack = array_op(
    "stack", "xp.stack([{args}], axis={a})", grad=_stack_shares,
    text="[{args}]", latex="[{args}]", on_batches=_stack_on_batches,
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
    on_batches=_along_axes, on_tiles=_of_a_vector("sum_units"), reduces=True,
    cases=_REDUCED, doc="Sum along axes.", text="Σ({0})", latex=r"\sum\left({0}\right)",
    mathml="<mrow><mo>∑</mo><mo>(</mo>{0}<mo>)</mo></mrow>",
)  # fmt: skip
root = array_op(
    "root", "xp.sqrt({0})", grad=lambda g, out, x: (g / (2 * where(equal(out, 0), math.inf, out)),),
    cases=((((2, 3),), ()), (((4,),), ())),
    doc="Square root of a sum of squares: the slope at 0 is 0, as that of a length is taken.",
)  # fmt: skip
smallest = array_op(
    "min", "xp.min({0}, axis={a}, keepdims={b})", torch="xp.amin({0}, axis={a}, keepdims={b})",
    on_batches=_along_axes, reduces=True,
    grad=lambda g, out, x, axis, keepdims: (where(first_largest(-x, attrs=(axis,)), kept(g, x, axis), 0.0),),
    cases=_REDUCED, doc="Smallest element along axes; the slope goes to the first of them where several are equal.",
)  # fmt: skip
bitwise_and = array_op(
    "bitwise_and", "xp.bitwise_and({0}, {1})", grad=None, cases=((((2, 3), (2, 3)), ()),),
    doc="The bits that two whole numbers share.",
)  # fmt: skip
bitwise_or = array_op(
    "bitwise_or", "xp.bitwise_or({0}, {1})", grad=None, cases=((((2, 3), (2, 3)), ()),),
    doc="The bits that one of two whole numbers has.",
)  # fmt: skip
invert = array_op(
    "invert", "xp.invert({0})", grad=None, cases=((((2, 3),), ()),), doc="The bits that a whole number has not.",
)  # fmt: skip
first_largest: Function = array_op(
    "first_largest",
    "first_largest({0}, {a})",
    grad=None,
    cases=((((2, 3),), ((0, 1),)), (((2, 3),), ((0,),))),
    doc="True at the largest element along axes, the first of them where several are equal.",
)
largest = array_op(
    "max", "xp.max({0}, axis={a}, keepdims={b})", torch="xp.amax({0}, axis={a}, keepdims={b})",
    on_batches=_along_axes, on_tiles=_of_a_vector("largest_unit"), reduces=True,
    grad=lambda g, out, x, axis, keepdims: (where(first_largest(x, attrs=(axis,)), kept(g, x, axis), 0.0),),
    cases=_REDUCED, doc="Largest element along axes; the slope goes to the first of them where several are equal.",
)  # fmt: skip
where_largest = array_op(
    "argmax", "xp.argmax({0}, axis={a})", grad=None, cases=((((2, 3),), (None,)), (((2, 3),), (1,))),
    doc="The position of the largest element.",
)  # fmt: skip
where_smallest = array_op(
    "argmin", "xp.argmin({0}, axis={a})", grad=None, cases=((((2, 3),), (None,)), (((2, 3),), (1,))),
    doc="The position of the smallest element.",
)  # fmt: skip
any_holds = array_op(
    "any", "xp.any({0}, axis={a}, keepdims={b})", grad=None, boolean=True, reduces=True, cases=_REDUCED,
    doc="Whether one element along axes holds.",
)  # fmt: skip
all_hold = array_op(
    "all", "xp.all({0}, axis={a}, keepdims={b})", grad=None, boolean=True, reduces=True, cases=_REDUCED,
    doc="Whether every element along axes holds.",
)  # fmt: skip
running_sum: Function = array_op(
    "cumsum", "xp.cumsum({0}, axis={a})", grad=lambda g, out, x, axis: (_running_back(g, axis),),
    cases=((((2, 3),), (0,)), (((2, 3),), (1,)), (((4,),), (0,))), doc="Running sums along an axis.",
)  # fmt: skip


def _running_back(g: Any, axis: int) -> Any:
    """Running sums from the end."""
    backward = (*[slice(None)] * axis, slice(None, None, -1))
    return index(running_sum(index(g, attrs=(backward,)), attrs=(axis,)), attrs=(backward,))


logsumexp = array_op(
    "logsumexp", "logsumexp({0}, {a}, {b})",
    cost="function", on_batches=_along_axes, on_tiles=_of_a_vector("logsumexp"), reduces=True,
    grad=lambda g, out, x, axis, keepdims: (kept(g, x, axis) * exp(x - kept(out, x, axis)),),
    cases=_REDUCED, doc="Logarithm of the sum of e**x along axes, without overflow.",
    text="logsumexp({0})", latex=r"\ln \sum e^{{0}}",
    mathml="<mrow><mi>ln</mi><mo>∑</mo><msup><mi>e</mi>{0}</msup></mrow>",
)  # fmt: skip
softmax = array_op(
    "softmax", "softmax({0}, {a})",
    cost="function", on_batches=_along_axes, on_tiles=_of_a_vector("softmax"),
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
        return matmul(b, g) if m == 2 else reshape(matmul(b, _column(g)), attrs=(shape_of(b)[:-1],))
    return matmul(g, swapped(b))


def _right(g: Any, a: Any, b: Any) -> Any:
    n, m = len(shape_of(a)), len(shape_of(b))
    if n == 1:
        return g * a if m == 1 else outer(a, g) if m == 2 else _column(a) * _row(g)
    if m == 1 and n == 2:
        return matmul(g, a)
    if m == 1:  # one product of a matrix and a vector, whatever the number of axes
        size = shape_of(a)[-1]
        return matmul(reshape(g, attrs=((-1,),)), reshape(a, attrs=((-1, size),)))
    return matmul(swapped(a), g)


matmul: Function = array_op(
    "matmul", "xp.matmul({0}, {1})",
    cost="product", on_batches=_matmul_on_batches, on_tiles=_matmul_on_tiles,
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
outer: Function = array_op(
    "outer", "xp.multiply.outer({0}, {1})", torch="xp.outer({0}, {1})", cost="product", on_batches=_outer_on_batches,
    grad=lambda g, out, a, b: (lambda: matmul(g, b), lambda: matmul(a, g)),
    cases=((((2,), (3,)), ()), (((3,), (3,)), ())), doc="Every element of one vector times every element of another.",
    text="{0}⊗{1}", latex=r"{0} \, {1}^{\top}", binding=MULTIPLY,
)  # fmt: skip


def _einsum_shares(g: Any, out: Any, *args_and_subscripts: Any) -> Derivatives:
    *args, subscripts = args_and_subscripts
    inputs, _arrow, output = subscripts.partition("->")
    letters = inputs.split(",")

    def contribution(k: int) -> Any:
        others = ",".join([output, *letters[:k], *letters[k + 1 :]])
        return einsum(g, *args[:k], *args[k + 1 :], attrs=(f"{others}->{letters[k]}",))

    return tuple(functools.partial(contribution, k) for k in range(len(args)))


einsum: Function = array_op(
    "einsum", "xp.einsum({a}, {args})", grad=_einsum_shares, cost="product",
    cases=(
        (((2, 3), (3, 4)), ("ab,bc->ac",)),
        (((2, 3), (2, 3)), ("ab,ab->",)),
        (((5, 2, 3), (3, 4), (4,)), ("abc,cd,d->ab",)),
        (((3,), (2,)), ("a,b->ba",)),
    ),
    doc="The sum of products over the letters that the result has not; each letter of one is in another, or in it.",
)  # fmt: skip


# -- inverses ---------------------------------------------------------------------------------------
def _solve_shares(g: Any, out: Any, a: Any, b: Any) -> Derivatives:
    """Giles 2008, section 2.3: of x = a⁻¹b the share of b is a⁻ᵀg, and that of a is −(a⁻ᵀg)·xᵀ."""
    share = solve(swapped(a), g)
    return (lambda: -(_column(share) * _row(out) if len(shape_of(b)) == 1 else matmul(share, swapped(out))), share)


inverse: Function = array_op(
    "inv", "xp.linalg.inv({0})", cost="product",
    grad=lambda g, out, a: (-matmul(matmul(swapped(out), g), swapped(out)),),
    cases=((((2, 2),), ()), (((3, 3),), ()), (((4, 2, 2),), ())), doc="The inverse of a matrix.",
)  # fmt: skip
solve: Function = array_op(
    "solve", "xp.linalg.solve({0}, {1})", cost="product", grad=_solve_shares,
    cases=((((2, 2), (2,)), ()), (((3, 3), (3, 2)), ())), doc="x with a·x = b, of a square matrix a.",
)  # fmt: skip
determinant: Function = array_op(
    "det", "xp.linalg.det({0})", cost="product",
    grad=lambda g, out, a: (reshape(g * out, attrs=((*shape_of(out), 1, 1),)) * swapped(inverse(a)),),
    cases=((((2, 2),), ()), (((3, 3),), ()), (((4, 2, 2),), ())), doc="The determinant of a matrix.",
)  # fmt: skip
