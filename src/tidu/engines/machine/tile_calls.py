"""What Numba does where a loop over tiles calls a function of `runtime.tiles`: a kernel, or a loop around traced text.

Imported by `native` only, when such a loop is compiled.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from tidu.engines.machine import tile_kernels
from tidu.engines.machine.lanes import INT, vector
from tidu.engines.machine.sums import defined
from tidu.engines.machine.traced import Index, Value, first_of_eight, given, run
from tidu.runtime import elementary, tiles
from tidu.runtime.summation import LANES

_INDEX = ir.IntType(64)
_EIGHT = vector(types.float64)


def _kernel(function: Any, *kernels: Any) -> None:
    """Where a loop calls `function`, machine code calls the kernel: the one for as many axes as the first array has.

    The kernel is compiled by itself and kept, not once more with every loop.
    """

    def compiled(kinds: Any) -> Any:
        kernel = kernels[-1] if len(kernels) == 1 else kernels[kinds[0].ndim - 1]
        wanted = tuple(types.unliteral(kind) for kind in kinds)
        kernel.get_call_template(wanted, {})  # has it compiled, or read
        return kernel.overloads[wanted]

    def emit(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
        code = compiled(kinds)
        context.add_linking_libs([code.library])
        return context.call_internal(builder, code.fndesc, code.signature, values)

    defined(function, lambda kinds: compiled(kinds).signature.return_type, emit)


def _exp(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    return run(elementary.exp, Value(context, builder, values[0], kinds[0])).value


defined(elementary.exp, lambda kinds: kinds[0], _exp)
_kernel(tiles.matmul, tile_kernels.matmul)
_kernel(tiles.matmul_transposed, tile_kernels.matmul_transposed)
_kernel(tiles.dot, tile_kernels.dot)
_kernel(tiles.add_outer, tile_kernels.add_outer)
_kernel(tiles.add_scaled, tile_kernels.add_scaled)
_kernel(tiles.add_samples, tile_kernels.add_samples)
_kernel(tiles.take, tile_kernels.take, tile_kernels.take_rows)
_kernel(tiles.added, tile_kernels.added)
_kernel(tiles.sum_units, tile_kernels.sum_units)
_kernel(tiles.largest_unit, tile_kernels.largest_unit)
_kernel(tiles.logsumexp, tile_kernels.logsumexp)
_kernel(tiles.softmax, tile_kernels.softmax)
_kernel(tiles.sum_of_squares, tile_kernels.sum_of_squares)
_kernel(tiles.farthest, tile_kernels.farthest)
_kernel(tiles.copy, tile_kernels.copy)


def _clear(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    array = context.make_array(kinds[0])(context, builder, values[0])
    cgutils.memset(builder, array.data, builder.mul(array.nitems, array.itemsize), 0)
    return context.get_dummy_value()


defined(tiles.clear, lambda kinds: types.none, _clear)


# -- functions of a sample, of a unit, of a number ----------------------------------------------------
def _each_sample(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    with cgutils.for_range_slice(builder, _INDEX(0), values[1], _INDEX(LANES)) as (s, _turn):
        run(kinds[0].typing_key, Index(s, of_eight=True), *given(context, builder, kinds[2:], values[2:]))
    return context.get_dummy_value()


def _each_unit(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    with cgutils.for_range(builder, values[1]) as unit:
        i = Index(unit.index)
        with cgutils.for_range_slice(builder, _INDEX(0), values[2], _INDEX(LANES)) as (s, _turn):
            run(kinds[0].typing_key, i, Index(s, of_eight=True), *given(context, builder, kinds[3:], values[3:]))
    return context.get_dummy_value()


def _each_number(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    none = ir.Constant(_EIGHT, None)
    found = cgutils.alloca_once_value(builder, none)
    size = context.make_array(kinds[1])(context, builder, values[1]).nitems
    whole = builder.and_(size, _INDEX(-LANES))

    def eight(first: Any, mask: Any = None) -> None:
        arguments = given(context, builder, kinds[1:], values[1:], mask)
        new = run(kinds[0].typing_key, Index(first, of_eight=True), *arguments)
        difference = (new - new).value  # 0, or nan
        if mask is not None:
            difference = builder.select(mask, difference, none)
        builder.store(builder.fadd(builder.load(found), difference), found)

    with cgutils.for_range_slice(builder, _INDEX(0), whole, _INDEX(LANES)) as (first, _turn):
        eight(first)
    with builder.if_then(builder.icmp_signed("<", whole, size)):
        eight(whole, first_of_eight(builder, builder.sub(size, whole)))
    total = ir.Constant(ir.DoubleType(), 0.0)
    for place in range(LANES):
        total = builder.fadd(total, builder.extract_element(builder.load(found), INT(place)))
    return total


defined(tiles.each_sample, lambda kinds: types.none, _each_sample)
defined(tiles.each_unit, lambda kinds: types.none, _each_unit)
defined(tiles.each_number, lambda kinds: types.float64, _each_number)
