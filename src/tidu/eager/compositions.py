"""NumPy's functions that are short compositions of the table: sinc, cumprod, cross, median, nan_to_num, pad and others.

Their derivatives of every order follow from the table's; where elements are chosen, the slope goes to those chosen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tidu.eager.arrangements import moveaxis, sort, taken
from tidu.eager.functions import (
    Axis,
    amax,
    amin,
    array_of,
    axis_of,
    broadcast_to,
    concatenate,
    index,
    mean,
    public,
    ravel,
    reshape,
    stack,
)
from tidu.eager.functions import sum as total
from tidu.errors import ShapeMismatch, TensorError
from tidu.language import ops
from tidu.language.array_ops import shape_of
from tidu.text import _

LOG2 = math.log(2.0)
NEAR = 0.05  # below this the series of sinc has all digits, to the third derivative too
SERIES = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(8)]  # of sin(u)/u in powers of u²


def _value(x: Any) -> Any:
    """The bare numbers, for questions that have no derivative."""
    return np.asarray(getattr(x, "value", x))


# -- number by number -------------------------------------------------------------------------------
@public(np.sinc)
def sinc(x: Any) -> Any:
    """sin(πx)/(πx), which is 1 at 0; its derivatives are exact there too."""
    u = math.pi * array_of(x)
    near = np.abs(_value(u)) < NEAR * math.pi
    square = ops.where(near, u, 0.0) ** 2
    series: Any = functools.reduce(lambda found, term: found * square + term, reversed(SERIES[:-1]), SERIES[-1])
    far = ops.where(near, 1.0, u)
    return ops.where(near, series, ops.sin(far) / far)


@public(np.logaddexp2)
def logaddexp2(a: Any, b: Any) -> Any:
    """log2(2**a + 2**b), without overflow."""
    return ops.logaddexp(array_of(a) * LOG2, array_of(b) * LOG2) / LOG2


@public(np.fmax)
def fmax(a: Any, b: Any) -> Any:
    """The larger of two, or the one that is a number."""
    return _but_numbers(ops.maximum, a, b)


@public(np.fmin)
def fmin(a: Any, b: Any) -> Any:
    """The smaller of two, or the one that is a number."""
    return _but_numbers(ops.minimum, a, b)


def _but_numbers(chosen: Any, a: Any, b: Any) -> Any:
    a, b = array_of(a), array_of(b)
    return ops.where(np.isnan(_value(a)), b, ops.where(np.isnan(_value(b)), a, chosen(a, b)))


@public(np.heaviside)
def heaviside(x: Any, at_zero: Any) -> Any:
    """0 below 0, 1 above, `at_zero` at 0; its slope by x is 0."""
    x = array_of(x)
    step = ops.where(x > 0, 1.0, ops.where(np.isnan(_value(x)), x, 0.0))
    return ops.where(x == 0, array_of(at_zero), step)


@public(np.copysign)
def copysign(x: Any, sign: Any) -> Any:
    """|x| with the sign of another, of -0.0 too."""
    size = ops.absolute(array_of(x))
    return ops.where(np.signbit(_value(array_of(sign))), -size, size)


@public(np.trunc, np.fix)
def trunc(x: Any) -> Any:
    """The whole part, towards 0; its slope is 0."""
    x = array_of(x)
    return ops.where(_value(x) < 0, ops.ceil(x), ops.floor(x))


@public(np.real)
def real(x: Any) -> Any:
    """The real part: tensors have no other."""
    return array_of(x)


@public(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
               neginf: float | None = None) -> Any:  # fmt: skip
    """With numbers in the place of nan and of infinities; the slope there is 0."""
    x = array_of(x)
    values = _value(x)
    largest = float(np.finfo(values.dtype).max) if values.dtype.kind == "f" else math.inf
    x = ops.where(np.isnan(values), nan, x)
    x = ops.where(values == math.inf, largest if posinf is None else posinf, x)
    return ops.where(values == -math.inf, -largest if neginf is None else neginf, x)


@public(np.select)
def select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0.0) -> Any:
    """Of each element the choice of the first condition that holds, else `default`."""
    if len(conditions) != len(choices) or not len(conditions):
        raise ShapeMismatch(
            _("select takes as many conditions as choices, not {conditions} and {choices}").format(
                conditions=len(conditions), choices=len(choices)
            )
        )
    found = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = ops.where(condition, array_of(choice), found)
    return found


# -- along axes -------------------------------------------------------------------------------------
@public(np.cumprod)
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Running products along an axis; of all elements in one row without one."""
    x = ravel(x) if axis is None else array_of(x)
    axis = axis_of(x, 0 if axis is None else axis)
    length, step = shape_of(x)[axis], 1
    while step < length:  # after each turn an element is the product of twice as many (Hillis & Steele 1986)
        later = taken(x, slice(step, None), axis) * taken(x, slice(None, -step), axis)
        x = concatenate([taken(x, slice(None, step), axis), later], axis)
        step *= 2
    return x


@public(np.ptp)
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest less the smallest element."""
    return amax(x, axis, keepdims) - amin(x, axis, keepdims)


@public(np.average)
def average(x: Any, axis: Axis = None, weights: Any = None, keepdims: bool = False) -> Any:
    """The mean, with weights."""
    x = array_of(x)
    if weights is None:
        return mean(x, axis, keepdims)
    weights = array_of(weights)
    if shape_of(weights) != shape_of(x):
        if not isinstance(axis, (int, np.integer)) or shape_of(weights) != (shape_of(x)[axis_of(x, int(axis))],):
            raise ShapeMismatch(
                _("weights of the shape {weights} do not fit elements of the shape {shape}; name their axis").format(
                    weights=shape_of(weights), shape=shape_of(x)
                )
            )
        place = axis_of(x, int(axis))
        weights = reshape(weights, [-1 if k == place else 1 for k in range(len(shape_of(x)))])
        weights = broadcast_to(weights, shape_of(x))
    return total(x * weights, axis, keepdims) / total(weights, axis, keepdims)


@public(np.nansum)
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of those that are numbers."""
    x = array_of(x)
    return total(ops.where(np.isnan(_value(x)), 0.0, x), axis, keepdims)


@public(np.nanmean)
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of those that are numbers."""
    x = array_of(x)
    return nansum(x, axis, keepdims) / total(np.where(np.isnan(_value(x)), 0.0, 1.0), axis, keepdims)


@public(np.median)
def median(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The element in the middle, or the mean of the two there."""
    x = array_of(x)
    n = len(shape_of(x))
    line = ravel(x) if axis is None else x
    place = axis_of(line, 0 if axis is None else axis)
    ordered = sort(line, place)
    length = shape_of(ordered)[place]
    middle = slice((length - 1) // 2, length // 2 + 1)
    found = mean(taken(ordered, middle, place), place, keepdims)
    return reshape(found, (1,) * n) if keepdims and axis is None else found


@public(np.partition)
def partition(x: Any, kth: int | Sequence[int], axis: int | None = -1) -> Any:
    """With the k-th smallest in its place, smaller ones before it: in order."""
    return sort(x, axis)


@public(np.cross)
def cross(a: Any, b: Any, axis: int = -1) -> Any:
    """The vector product, of vectors along an axis of length 3."""
    a, b = array_of(a), array_of(b)
    for one in (a, b):
        if not shape_of(one) or shape_of(one)[axis_of(one, axis)] != 3:
            raise ShapeMismatch(
                _("cross takes vectors of three numbers along its axis, not the shape {shape}").format(
                    shape=shape_of(one)
                )
            )
    a, b = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
    x, y, z = (index(a, (Ellipsis, k)) for k in range(3))
    u, v, w = (index(b, (Ellipsis, k)) for k in range(3))
    return moveaxis(stack([y * w - z * v, z * u - x * w, x * v - y * u], -1), -1, axis)


# -- places -----------------------------------------------------------------------------------------
@public(np.take)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at these places of an axis; of all in one row without one."""
    x = ravel(x) if axis is None else array_of(x)
    axis = axis_of(x, 0 if axis is None else axis)
    places = np.asarray(indices)
    length = shape_of(x)[axis]
    if places.dtype.kind not in "iu" and places.size:
        raise TensorError(_("places are whole numbers, not {kind}").format(kind=places.dtype))
    if places.size and not (-length <= places.min() and places.max() < length):
        beyond = places.min() if places.min() < -length else places.max()
        raise ShapeMismatch(_("there is no place {place} among {length}").format(place=beyond, length=length))
    return taken(x, places.astype(int), axis)


@public(np.pad)
def pad(x: Any, width: Any, mode: str = "constant", constant_values: float = 0.0) -> Any:
    """With elements around it along each axis: a constant, or its own by the modes edge, reflect, symmetric, wrap."""
    x = array_of(x)
    shape = shape_of(x)
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TensorError(
            _("pad has the modes constant, edge, reflect, symmetric and wrap, not '{mode}'").format(mode=mode)
        )
    try:
        widths = np.broadcast_to(np.asarray(width), (len(shape), 2))
    except ValueError:
        widths = np.full((1, 2), -1)
    if widths.dtype.kind not in "iu" or (widths < 0).any():
        raise ShapeMismatch(
            _("pad takes a number of elements, or (before, after) for each axis of the shape {shape}, not {width}")
            .format(shape=shape, width=width)
        )  # fmt: skip
    for axis, (before, after) in enumerate(widths.tolist()):
        if mode == "constant":
            parts = [np.full((*shape_of(x)[:axis], k, *shape_of(x)[axis + 1 :]), constant_values * 1.0)
                     for k in (before, after)]  # fmt: skip
            x = concatenate([parts[0], x, parts[1]], axis)
        else:
            x = taken(x, np.pad(np.arange(shape_of(x)[axis]), (before, after), mode=mode), axis)  # type: ignore[call-overload]
    return x


@public(np.meshgrid)
def meshgrid(*vectors: Any, indexing: str = "xy") -> tuple[Any, ...]:
    """For each vector an array in which it runs along its own axis; by "xy" the first runs along the second."""
    if indexing not in ("xy", "ij"):
        raise TensorError(_("meshgrid has the indexing 'xy' or 'ij', not '{indexing}'").format(indexing=indexing))
    lines = [ravel(v) for v in vectors]
    sizes = [shape_of(v)[0] for v in lines]
    order = list(range(len(lines)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    shape = tuple(sizes[k] for k in order)
    return tuple(
        broadcast_to(reshape(v, [-1 if k == place else 1 for k in order]), shape) for place, v in enumerate(lines)
    )
