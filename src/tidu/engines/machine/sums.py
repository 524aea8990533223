"""`summed` for Numba: eight samples at a time, in the order of its plain Python text in `tidu.runtime.summation`.

The function of one sample is traced for eight; the last samples, fewer than eight, are computed as eight too, and those
that are there are added one after another. Imported by `native` only.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from tidu.engines.machine.lanes import INT, Lanes, as_lanes, vector
from tidu.engines.machine.traced import Index, first_of_eight, given, results_of, run
from tidu.runtime.summation import CHUNK, LANES, summed

_INDEX, _DOUBLE, _EIGHT = ir.IntType(64), ir.DoubleType(), vector(types.float64)


def defined(function: Any, result: Any, emit: Any) -> None:
    """Tell Numba that a call of `function` gives the type `result(kinds)` by `emit(context, builder, kinds, values)`.

    Said so, and not as an overload, for those have a wrapper each, which is compiled by itself.
    """

    class Typed(AbstractTemplate):
        key = function

        def generic(self, kinds: Any, _by_name: Any) -> Any:
            kind = result(kinds)
            return None if kind is None else signature(kind, *kinds)

    infer_global(function)(Typed)

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit(context, builder, signature.args, values)

    lower_builtin(function, types.VarArg(types.Any))(lower)


def make_known(function: FunctionType) -> None:
    """Let Numba take `function`, of one sample, unit or number, as an argument of those that run it."""

    class Named(AbstractTemplate):
        key = function

        def generic(self, kinds: Any, _by_name: Any) -> None:
            return None

    infer_global(function)(Named)


def _type_of_sums(kinds: Any) -> types.Type | None:
    if any(isinstance(kind, Lanes) for kind in kinds):  # of several runs: see `runs`
        return None
    return types.UniTuple(types.float64, results_of(kinds[0].typing_key, len(kinds) - 2))


def _summed(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    samples = _Samples(context, builder, kinds[1], values[1])
    size = results_of(kinds[0].typing_key, len(kinds) - 2)
    sums = [cgutils.alloca_once_value(builder, ir.Constant(_DOUBLE, 0.0)) for _ in range(size)]
    lanes = [cgutils.alloca_once(builder, _EIGHT) for _ in range(size)]
    for each in sums:
        builder.store(ir.Constant(_DOUBLE, 0.0), each)

    def eight(k: Any, count: Any = None) -> list[Any]:
        """What the function gives for the eight samples from place k on, of which `count` are there."""
        index = samples.at(k, count)
        mask = first_of_eight(builder, count) if count is not None and index.of_eight else None
        parts = run(kinds[0].typing_key, index, *given(context, builder, kinds[2:], values[2:], mask))
        return [
            as_lanes(context, builder, part.value, part.kind, types.float64)
            if hasattr(part, "kind")
            else as_lanes(context, builder, _DOUBLE(part), types.float64, types.float64)
            for part in parts
        ]

    with cgutils.for_range_slice(builder, samples.first, samples.last, _INDEX(CHUNK)) as (start, _turn):
        end = builder.add(start, _INDEX(CHUNK))
        stop = builder.select(builder.icmp_signed("<", end, samples.last), end, samples.last)
        rest = builder.and_(builder.sub(stop, start), _INDEX(LANES - 1))
        whole = builder.sub(stop, rest)
        for each in lanes:
            builder.store(ir.Constant(_EIGHT, None), each)
        with cgutils.for_range_slice(builder, start, whole, _INDEX(LANES)) as (k, _turn):
            for each, part in zip(lanes, eight(k), strict=True):
                builder.store(builder.fadd(builder.load(each), part), each)
        totals = [_in_pairs(builder, builder.load(each)) for each in lanes]
        chunk = [cgutils.alloca_once(builder, _DOUBLE) for _ in range(size)]
        for each, total in zip(chunk, totals, strict=True):
            builder.store(total, each)
        with builder.if_then(builder.icmp_signed(">", rest, _INDEX(0))):
            added = [cgutils.alloca_once(builder, _DOUBLE) for _ in range(size)]
            for each in added:
                builder.store(ir.Constant(_DOUBLE, 0.0), each)
            _add_first(builder, eight(whole, rest), rest, added)
            for each, total, part in zip(chunk, totals, added, strict=True):
                builder.store(builder.fadd(total, builder.load(part)), each)
        for each, part in zip(sums, chunk, strict=True):
            builder.store(builder.fadd(builder.load(each), builder.load(part)), each)
    return context.make_tuple(builder, types.UniTuple(types.float64, size), [builder.load(each) for each in sums])


def _add_first(builder: Any, parts: Any, count: Any, sums: Any, place: int = 0) -> None:
    """Add the first `count` of eight one after another, each behind a branch: none waits for those not there."""
    if place == LANES - 1:
        return
    with cgutils.if_likely(builder, builder.icmp_signed(">", count, _INDEX(place))):
        for part, each in zip(parts, sums, strict=True):
            builder.store(builder.fadd(builder.load(each), builder.extract_element(part, INT(place))), each)
        _add_first(builder, parts, count, sums, place + 1)


def _in_pairs(builder: Any, lanes: Any) -> Any:
    """The sum of eight: the first half added to the second, until one is left."""
    parts = [builder.extract_element(lanes, INT(place)) for place in range(LANES)]
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [builder.fadd(a, b) for a, b in zip(parts[:half], parts[half:], strict=True)]
    return parts[0]


class _Samples:
    """The sample numbers from place `first` to place `last`: those of a range, or what an array holds."""

    def __init__(self, context: Any, builder: Any, kind: types.Type, value: Any) -> None:
        self.builder = builder
        if isinstance(kind, types.RangeType):
            whole = context.make_helper(builder, kind, value)
            self.first, self.last, self.order = whole.start, whole.stop, None
        else:
            array = context.make_array(kind)(context, builder, value)
            self.first, self.last, self.order = _INDEX(0), array.nitems, array.data

    def at(self, k: Any, count: Any = None) -> Index:
        """The eight sample numbers from place k on; after `count` of them, the last again."""
        if self.order is None:
            return Index(k, of_eight=True)
        places = [self.builder.add(k, _INDEX(lane)) for lane in range(LANES)]
        if count is not None:
            end = self.builder.sub(self.last, _INDEX(1))
            places = [self.builder.select(self.builder.icmp_signed("<", p, end), p, end) for p in places]
        return Index(k, anywhere=[self.builder.load(self.builder.gep(self.order, [p])) for p in places])


defined(summed, _type_of_sums, _summed)


# -- one number of a column -----------------------------------------------------------------------
def cell(column: Any, place: int) -> Any:
    """column[place], for a place that is there."""
    return column[place]


def _type_of_cell(kinds: Any) -> types.Type | None:
    return kinds[0].dtype if isinstance(kinds[0], types.Array) and kinds[0].ndim == 1 else None


def _cell(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    place = context.cast(builder, values[1], kinds[1], types.int64)
    column = context.make_array(kinds[0])(context, builder, values[0])
    stride = builder.extract_value(column.strides, 0)
    size = _INDEX(kinds[0].dtype.bitwidth // 8)
    offset = builder.mul(place, size if kinds[0].layout == "C" else stride)
    start = builder.gep(builder.bitcast(column.data, ir.IntType(8).as_pointer()), [offset])
    return builder.load(builder.bitcast(start, column.data.type))


defined(cell, _type_of_cell, _cell)
