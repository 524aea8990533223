"""Functions that put elements elsewhere, under NumPy's names: stacks, splits, rolls, sorts, triangles.

All are indexing, joining and reshaping by the table, so their derivatives are too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidu.eager.functions import Axis, array_of, axes_of, axis_of, concatenate, index, public, ravel, reshape, transpose
from tidu.errors import ShapeMismatch
from tidu.language import array_ops as table
from tidu.language import ops
from tidu.language.array_ops import shape_of
from tidu.text import _


def taken(x: Any, places: Any, axis: int) -> Any:
    """The parts of `x` at these places of an axis."""
    return index(x, (*[slice(None)] * axis, places))


# -- joining ----------------------------------------------------------------------------------------
def _with_axes(x: Any, least: int) -> Any:
    x = array_of(x)
    shape = shape_of(x)
    if len(shape) >= least:
        return x
    if least == 3:
        return reshape(x, (1, 1, 1) if not shape else (1, shape[0], 1) if len(shape) == 1 else (*shape, 1))
    return reshape(x, (1,) * (least - len(shape)) + shape)


@public(np.atleast_1d)
def atleast_1d(x: Any) -> Any:
    """With an axis, if it has none."""
    return _with_axes(x, 1)


@public(np.atleast_2d)
def atleast_2d(x: Any) -> Any:
    """With two axes at least: a vector is a row."""
    return _with_axes(x, 2)


@public(np.atleast_3d)
def atleast_3d(x: Any) -> Any:
    """With three axes at least."""
    return _with_axes(x, 3)


@public(np.vstack)
def vstack(arrays: Sequence[Any]) -> Any:
    """Arrays one below another; vectors are rows."""
    return concatenate([_with_axes(a, 2) for a in arrays], axis=0)


@public(np.hstack)
def hstack(arrays: Sequence[Any]) -> Any:
    """Arrays beside one another; vectors end to end."""
    parts = [_with_axes(a, 1) for a in arrays]
    return concatenate(parts, axis=0 if parts and len(shape_of(parts[0])) == 1 else 1)


@public(np.dstack)
def dstack(arrays: Sequence[Any]) -> Any:
    """Arrays one behind another, along the third axis."""
    return concatenate([_with_axes(a, 3) for a in arrays], axis=2)


@public(np.column_stack)
def column_stack(arrays: Sequence[Any]) -> Any:
    """Arrays beside one another; vectors are columns."""
    parts = [_with_axes(a, 1) for a in arrays]
    return concatenate([reshape(a, (-1, 1)) if len(shape_of(a)) == 1 else a for a in parts], axis=1)


@public(np.append)
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """With `values` behind it; both in one row without an axis."""
    return concatenate([ravel(x), ravel(values)]) if axis is None else concatenate([x, values], axis)


# -- splitting --------------------------------------------------------------------------------------
@public(np.array_split)
def array_split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """In so many parts of about one length, or cut at these places, along an axis."""
    x = array_of(x)
    axis = axis_of(x, axis)
    length = shape_of(x)[axis]
    if isinstance(sections, (int, np.integer)):
        if sections <= 0:
            raise ShapeMismatch(_("an array is split into 1 part or more, not {sections}").format(sections=sections))
        ends = np.cumsum([length // sections + (k < length % sections) for k in range(sections)]).tolist()
    else:
        ends = [*map(int, sections), length]
    return [taken(x, slice(begin, end), axis) for begin, end in zip([0, *ends], ends, strict=False)]


@public(np.split)
def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """In so many parts of one length, or cut at these places, along an axis."""
    x = array_of(x)
    length = shape_of(x)[axis_of(x, axis)]
    if isinstance(sections, (int, np.integer)) and (sections <= 0 or length % sections):
        raise ShapeMismatch(
            _("{length} elements cannot be split into {sections} parts of one length; array_split takes any").format(
                length=length, sections=sections
            )
        )
    return array_split(x, sections, axis)


@public(np.vsplit)
def vsplit(x: Any, sections: int | Sequence[int]) -> list[Any]:
    """Split along the first axis."""
    return split(x, sections, 0)


@public(np.hsplit)
def hsplit(x: Any, sections: int | Sequence[int]) -> list[Any]:
    """Split along the second axis; a vector along its only one."""
    return split(x, sections, 1 if len(shape_of(array_of(x))) > 1 else 0)


@public(np.dsplit)
def dsplit(x: Any, sections: int | Sequence[int]) -> list[Any]:
    """Split along the third axis."""
    return split(x, sections, 2)


# -- repeating and moving -----------------------------------------------------------------------------
@public(np.repeat, method="repeat")
def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Each element so many times; of all in one row without an axis."""
    x = ravel(x) if axis is None else array_of(x)
    axis = axis_of(x, 0 if axis is None else axis)
    counts = np.asarray(repeats)
    length = shape_of(x)[axis]
    if counts.dtype.kind not in "iu" or (counts < 0).any() or counts.ndim > 1 or counts.size not in (1, length):
        raise ShapeMismatch(
            _("repeat takes a count from 0 up, or one for each of {length} elements, not {repeats}").format(
                length=length, repeats=repeats
            )
        )
    return taken(x, np.repeat(np.arange(length), counts), axis)


@public(np.tile)
def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """The whole so many times along each axis."""
    counts = tuple(np.atleast_1d(np.asarray(reps)).tolist())
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ShapeMismatch(_("tile takes counts from 0 up, not {reps}").format(reps=reps))
    x = array_of(x)
    x = reshape(x, (1,) * (len(counts) - len(shape_of(x))) + shape_of(x))
    counts = (1,) * (len(shape_of(x)) - len(counts)) + counts
    for axis, count in enumerate(counts):
        if count != 1:
            x = taken(x, np.tile(np.arange(shape_of(x)[axis]), count), axis)
    return x


@public(np.roll)
def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Elements moved on by `shift` places; what leaves at the end comes in at the start."""
    x = array_of(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), shape_of(x))
    axes = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, (int, np.integer)) else list(shift)
    for by, k in zip(shifts, axes, strict=True):
        place = axis_of(x, k)
        x = taken(x, np.roll(np.arange(shape_of(x)[place]), by), place)
    return x


@public(np.flip, method="flip")
def flip(x: Any, axis: Axis = None) -> Any:
    """In reverse order along axes, or along all."""
    x = array_of(x)
    axes = axes_of(x, axis)
    return index(x, tuple(slice(None, None, -1 if k in axes else None) for k in range(len(shape_of(x)))))


@public(np.flipud)
def flipud(x: Any) -> Any:
    """In reverse order along the first axis."""
    return flip(x, 0)


@public(np.fliplr)
def fliplr(x: Any) -> Any:
    """In reverse order along the second axis."""
    return flip(x, 1)


@public(np.rot90)
def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turned by 90 degrees k times, in the plane of two axes."""
    x = array_of(x)
    first, second = (axis_of(x, a) for a in axes)
    order = list(range(len(shape_of(x))))
    order[first], order[second] = order[second], order[first]
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return flip(x, (first, second))
    return transpose(flip(x, second), order) if k % 4 == 1 else flip(transpose(x, order), second)


@public(np.moveaxis)
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Axes moved to other places; the others keep their order."""
    x = array_of(x)
    given = ([a] if isinstance(a, (int, np.integer)) else list(a) for a in (source, destination))
    sources, places = ([axis_of(x, k) for k in each] for each in given)
    order = [k for k in range(len(shape_of(x))) if k not in sources]
    for place, k in sorted(zip(places, sources, strict=True)):
        order.insert(place, k)
    return transpose(x, order)


@public(np.rollaxis)
def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """An axis rolled back until it stands before that at `start`."""
    x = array_of(x)
    n = len(shape_of(x))
    axis = axis_of(x, axis)
    order = [k for k in range(n) if k != axis]
    start = start + n if start < 0 else start
    order.insert(start - (axis < start), axis)
    return transpose(x, order)


@public(np.sort)
def sort(x: Any, axis: int | None = -1) -> Any:
    """In ascending order along an axis; the slope goes to where each element came from."""
    x = ravel(x) if axis is None else array_of(x)
    axis = axis_of(x, -1 if axis is None else axis)
    order = np.argsort(np.asarray(getattr(x, "value", x)), axis=axis, kind="stable")
    return index(x, tuple(order if k == axis else _along(shape_of(x), k) for k in range(len(shape_of(x)))))


@public(np.argsort)
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Where the elements stand in ascending order; it has no derivative."""
    return np.argsort(np.asarray(getattr(x, "value", x)), axis=axis, kind="stable")


def _along(shape: tuple[int, ...], axis: int) -> Any:
    """The places along an axis, in a shape that broadcasts with the others."""
    return np.arange(shape[axis]).reshape([-1 if k == axis else 1 for k in range(len(shape))])


# -- diagonals and triangles --------------------------------------------------------------------------
@public(np.diagonal, method="diagonal")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of a plane of two axes, along a new last axis."""
    x = array_of(x)
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(x)[-2:]
    places = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return index(x, (Ellipsis, places - min(offset, 0), places + max(offset, 0)))


@public(np.diag)
def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix; of a vector, the matrix with this diagonal."""
    x = array_of(x)
    if len(shape_of(x)) == 2:
        return diagonal(x, k)
    if len(shape_of(x)) != 1:
        raise ShapeMismatch(_("diag takes a vector or a matrix, not the shape {shape}").format(shape=shape_of(x)))
    size = shape_of(x)[0]
    places = np.arange(size)
    return table.scatter(x, attrs=((places - min(k, 0), places + max(k, 0)), (size + abs(k), size + abs(k))))


@public(np.trace, method="trace")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal."""
    found = diagonal(x, offset, axis1, axis2)
    return table.total(found, attrs=((len(shape_of(found)) - 1,), False))


def _lower(x: Any, k: int) -> Any:
    """Where the lower triangle is, up to the diagonal k."""
    rows, columns = shape_of(x)[-2:]
    return np.tri(rows, columns, k, dtype=bool)


@public(np.tril)
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle; 0 above the diagonal."""
    x = array_of(x)
    return ops.where(_lower(x, k), x, 0.0)


@public(np.triu)
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle; 0 below the diagonal."""
    x = array_of(x)
    return ops.where(_lower(x, k - 1), 0.0, x)
