"""What the functions of `runtime.tiles` are for Numba: the same sums in blocks that machine vectors and registers like.

Eight samples, side by side in a tile, are one value of the type `Lanes`. A product of matrices holds four rows of its
result in registers while it runs along the sum, so each number that is read is used four times; the order of every sum
is that of its index, as in the Python text. Imported by `native` only.
"""

from __future__ import annotations

import operator
from math import inf
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, overload, register_jitable, type_callable

from tidu.engines.machine.lanes import CONSECUTIVE, Consecutive, Lanes, vector
from tidu.runtime.elementary import exp
from tidu.runtime.ieee import fabs, log, maximum, where
from tidu.runtime.summation import LANES, summed
from tidu.runtime.tiles import TILE, squared

_BYTE, _INDEX = ir.IntType(8), ir.IntType(64)
_EIGHT = vector(types.float64)


# -- eight numbers of a tile ----------------------------------------------------------------------
def _place(context: Any, builder: Any, kind: types.Array, array: Any, index: Any) -> Any:
    """Where the eight numbers from `index` on begin: [s] or [i, s], without a look at bounds."""
    parts = context.make_array(kind)(context, builder, array)
    places = [builder.extract_value(index, 0), builder.extract_value(index, 1)] if kind.ndim == 2 else [index]
    offset = _INDEX(0)
    for axis, place in enumerate(places):
        stride = builder.extract_value(parts.strides, axis) if axis < kind.ndim - 1 else _INDEX(8)
        offset = builder.add(offset, builder.mul(place, stride))
    start = builder.gep(builder.bitcast(parts.data, _BYTE.as_pointer()), [offset])
    return builder.bitcast(start, _EIGHT.as_pointer())


def _in_a_tile(array: types.Type, index: types.Type) -> bool:
    of_numbers = isinstance(array, types.Array) and array.dtype == types.float64
    if of_numbers and array.ndim == 1:
        return isinstance(index, Consecutive)
    return bool(of_numbers and array.ndim == 2 and index == _UNIT_AND_SAMPLES)


@type_callable(operator.getitem)
def _type_of_eight(context: Any) -> Any:
    def typer(array: types.Type, index: types.Type) -> types.Type | None:
        two = _in_a_tile(array, index) and array.ndim == 2
        return Lanes(types.float64) if two else None

    return typer


_UNIT_AND_SAMPLES = types.Tuple((types.int64, CONSECUTIVE))


@lower_builtin(operator.getitem, types.Array, _UNIT_AND_SAMPLES)
def _read(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    value = builder.load(_place(context, builder, signature.args[0], *values))
    value.align = 8
    return value


@type_callable(operator.setitem)
def _type_of_write(context: Any) -> Any:
    def typer(array: types.Type, index: types.Type, value: types.Type) -> types.Type | None:
        return types.none if _in_a_tile(array, index) and isinstance(value, Lanes) else None

    return typer


@lower_builtin(operator.setitem, types.Array, Consecutive, Lanes)
@lower_builtin(operator.setitem, types.Array, _UNIT_AND_SAMPLES, Lanes)
def _write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    written = builder.store(values[2], _place(context, builder, signature.args[0], *values[:2]))
    written.align = 8
    return context.get_dummy_value()


@intrinsic
def samples_from(typing_context: Any, first: types.Type) -> Any:
    """The eight samples of a tile from `first` on."""
    return CONSECUTIVE(types.int64), lambda context, builder, signature, values: values[0]


@intrinsic
def _zeros(typing_context: Any) -> Any:
    return Lanes(types.float64)(), lambda context, builder, signature, values: ir.Constant(_EIGHT, None)


@intrinsic
def _cell(typing_context: Any, array: types.Type, i: types.Type, k: types.Type) -> Any:
    """array[i, k], without a look at bounds."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        parts = context.make_array(signature.args[0])(context, builder, values[0])
        row = builder.mul(values[1], builder.extract_value(parts.strides, 0))
        size = _INDEX(8) if array.layout == "C" else builder.extract_value(parts.strides, 1)
        offset = builder.add(row, builder.mul(values[2], size))
        start = builder.gep(builder.bitcast(parts.data, _BYTE.as_pointer()), [offset])
        return builder.load(builder.bitcast(start, ir.DoubleType().as_pointer()))

    return types.float64(array, types.int64, types.int64), emit


# -- products of matrices -------------------------------------------------------------------------
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": True}


@njit(**_OPTIONS)
def matmul(weights, x, count, out):
    rows, terms = weights.shape
    blocks = rows - rows % 4
    for first in range(0, count, LANES):
        s = samples_from(first)
        for i in range(0, blocks, 4):
            t0 = t1 = t2 = t3 = _zeros()
            for k in range(terms):
                x_k = x[k, s]
                t0 += _cell(weights, i, k) * x_k
                t1 += _cell(weights, i + 1, k) * x_k
                t2 += _cell(weights, i + 2, k) * x_k
                t3 += _cell(weights, i + 3, k) * x_k
            out[i, s], out[i + 1, s], out[i + 2, s], out[i + 3, s] = t0, t1, t2, t3
        for i in range(blocks, rows):
            t0 = _zeros()
            for k in range(terms):
                t0 += _cell(weights, i, k) * x[k, s]
            out[i, s] = t0


@njit(**_OPTIONS)
def matmul_transposed(weights, x, count, out):
    matmul(weights.T, x, count, out)


@njit(**_OPTIONS)
def dot(weights, x, count, out):
    for first in range(0, count, LANES):
        s = samples_from(first)
        t = _zeros()
        for k in range(len(weights)):
            t += weights[k] * x[k, s]
        out[s] = t


# -- sums over samples ----------------------------------------------------------------------------
@intrinsic
def _scratch(typing_context: Any) -> Any:
    """Memory on the stack: eight numbers for each sample of a tile, and eight more."""
    kind = types.Array(types.float64, 2, "C")
    shape = (TILE + 1, LANES)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = cgutils.alloca_once(builder, ir.DoubleType(), size=shape[0] * shape[1])
        array = context.make_array(kind)(context, builder)
        context.populate_array(
            array,
            data=data,
            shape=cgutils.pack_array(builder, [_INDEX(n) for n in shape]),
            strides=cgutils.pack_array(builder, [_INDEX(8 * LANES), _INDEX(8)]),
            itemsize=_INDEX(8),
            meminfo=None,
        )
        return array._getvalue()

    return kind(), emit


@njit(**_OPTIONS)
def add_outer(a, b, count, total):
    rows, columns = total.shape
    scratch = _scratch()  # eight units of b, with the sample first: then they lie side by side
    last = len(scratch) - 1
    eight_units = samples_from(0)
    for first in range(0, columns, LANES):
        width = min(LANES, columns - first)
        for j in range(width):
            for s in range(count):
                scratch[s, j] = b[first + j, s]
        whole = width == LANES
        k = samples_from(first)
        for i in range(0, rows, 4):
            deep = min(4, rows - i)
            if whole and deep == 4:
                t0, t1, t2, t3 = total[i, k], total[i + 1, k], total[i + 2, k], total[i + 3, k]
                for s in range(count):
                    b_s = scratch[s, eight_units]
                    t0 += _cell(a, i, s) * b_s
                    t1 += _cell(a, i + 1, s) * b_s
                    t2 += _cell(a, i + 2, s) * b_s
                    t3 += _cell(a, i + 3, s) * b_s
                total[i, k], total[i + 1, k], total[i + 2, k], total[i + 3, k] = t0, t1, t2, t3
            else:
                for r in range(i, i + deep):
                    for j in range(width):
                        scratch[last, j] = total[r, first + j]
                    t = scratch[last, eight_units]
                    for s in range(count):
                        t += _cell(a, r, s) * scratch[s, eight_units]
                    scratch[last, eight_units] = t
                    for j in range(width):
                        total[r, first + j] = scratch[last, j]


@njit(**_OPTIONS)
def add_scaled(a, x, count, total):
    rows = len(total)
    blocks = rows - rows % 4
    for k in range(0, blocks, 4):
        t0, t1, t2, t3 = total[k], total[k + 1], total[k + 2], total[k + 3]
        for s in range(count):
            t0 += a[s] * _cell(x, k, s)
            t1 += a[s] * _cell(x, k + 1, s)
            t2 += a[s] * _cell(x, k + 2, s)
            t3 += a[s] * _cell(x, k + 3, s)
        total[k], total[k + 1], total[k + 2], total[k + 3] = t0, t1, t2, t3
    for k in range(blocks, rows):
        for s in range(count):
            total[k] += a[s] * x[k, s]


@njit(**_OPTIONS)
def add_samples(values, count, total):
    rows = len(total)
    blocks = rows - rows % 4
    for k in range(0, blocks, 4):
        t0, t1, t2, t3 = total[k], total[k + 1], total[k + 2], total[k + 3]
        for s in range(count):
            t0 += _cell(values, k, s)
            t1 += _cell(values, k + 1, s)
            t2 += _cell(values, k + 2, s)
            t3 += _cell(values, k + 3, s)
        total[k], total[k + 1], total[k + 2], total[k + 3] = t0, t1, t2, t3
    for k in range(blocks, rows):
        for s in range(count):
            total[k] += values[k, s]


@njit(**_OPTIONS)
def sum_units(x, count, out):
    for first in range(0, count, LANES):
        s = samples_from(first)
        total = _zeros()
        for i in range(len(x)):
            total += x[i, s]
        out[s] = total


@njit(**_OPTIONS)
def largest_unit(x, count, out):
    for first in range(0, count, LANES):
        s = samples_from(first)
        top = x[0, s]
        for i in range(1, len(x)):
            top = maximum(top, x[i, s])
        out[s] = top


@njit(**_OPTIONS)
def logsumexp(x, count, out):
    for first in range(0, count, LANES):
        s = samples_from(first)
        top = x[0, s]
        for i in range(1, len(x)):
            top = maximum(top, x[i, s])
        top = where(fabs(top) < inf, top, 0.0)
        total = _zeros()
        for i in range(len(x)):
            total += exp(x[i, s] - top)
        out[s] = log(total) + top


@njit(**_OPTIONS)
def softmax(x, count, out):
    for first in range(0, count, LANES):
        s = samples_from(first)
        top = x[0, s]
        for i in range(1, len(x)):
            top = maximum(top, x[i, s])
        total = _zeros()
        for i in range(len(x)):
            e = exp(x[i, s] - top)
            out[i, s] = e
            total += e
        for i in range(len(x)):
            out[i, s] = out[i, s] / total


register_jitable(nogil=True, error_model="numpy")(squared)


@njit(**_OPTIONS)
def sum_of_squares(values):
    return summed(squared, range(values.size), values.reshape(-1))[0]


@njit(**_OPTIONS)
def farthest(new, old):
    far = 0.0
    a, b = new.reshape(-1), old.reshape(-1)
    for k in range(new.size):
        far = max(far, abs(a[k] - b[k]))
    return far


@njit(**_OPTIONS)
def copy(values, out):
    out[...] = values


def _sample(samples: Any, s: int) -> int:
    return samples[s]


@overload(_sample)
def _compiled_sample(samples, s):
    if isinstance(samples, types.RangeType):
        return lambda samples, s: samples.start + s
    return lambda samples, s: samples[s]


@njit(**_OPTIONS)
def take(source, samples, out):
    for s in range(len(samples)):
        out[s] = source[_sample(samples, s)]


@njit(**_OPTIONS)
def take_rows(source, samples, out):
    for s in range(len(samples)):
        row = _sample(samples, s)
        for k in range(source.shape[1]):
            out[k, s] = source[row, k]


@njit(**_OPTIONS)
def added(values, count, total):
    for s in range(count):
        total += values[s]
    return total
