"""Eight runs at a time: a training loop's own text for Numba, with a value of each run in every parameter.

A loop's `train` is compiled as it stands for parameters that are `Lanes`, eight values side by side: sample numbers,
bounds and counts are the same for all eight, and all that follows from a parameter is eight values. Each of the eight
is computed as it would be alone, so each run has the bits of `tidu.fit` with its settings. Where the loop asks whether
something has happened (a bad step, a loss below the bound), it leaves as soon as it has happened to one of the eight;
`settled` then says to which. Imported by `native` only.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, lower_cast, overload, type_callable

from tidu.engines.machine.lanes import INT, Lanes, as_lanes, eight, number, plus
from tidu.engines.scalar_loop import Stopped
from tidu.runtime.ieee import where
from tidu.runtime.summation import CHUNK, LANES, summed

# Without counting references to the columns at every step: threads that share them would wait for each other.
_OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}
BLOCK = 512  # samples; few enough for their cells to stay in a core's first cache while each is read by itself

_EIGHT = Lanes(types.float64)
_DIVERGED, _LOSS, _CONVERGED = int(Stopped.DIVERGED), int(Stopped.LOSS), int(Stopped.CONVERGED)

__all__ = ["eight", "put", "settled"]


# -- one number beside eight ------------------------------------------------------------------------
@lower_cast(types.Float, Lanes)
@lower_cast(types.Integer, Lanes)
@lower_cast(types.Boolean, Lanes)
def _repeated(context: Any, builder: Any, kind: types.Type, lanes: Lanes, value: Any) -> Any:
    return as_lanes(context, builder, value, kind, lanes.element)


# -- questions: whether it holds for one of the eight -----------------------------------------------
@type_callable(bool)
def _type_of_truth(context: Any) -> Callable[..., types.Type | None]:
    return lambda x: types.boolean if x == Lanes(types.boolean) else None


@lower_builtin(bool, Lanes)
def _any(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    mask = builder.bitcast(values[0], ir.IntType(LANES))
    return builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))


@type_callable(math.isfinite)
def _type_of_isfinite(context: Any) -> Callable[..., types.Type | None]:
    return lambda x: types.boolean if x == _EIGHT else None


@lower_builtin(math.isfinite, Lanes)
def _all_finite(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    rest = builder.fsub(values[0], values[0])  # nan unless it is finite
    mask = builder.bitcast(builder.fcmp_ordered("==", rest, rest), ir.IntType(LANES))
    return builder.icmp_unsigned("==", mask, ir.Constant(mask.type, -1))


@overload(max)
def _largest(a, b, *more):
    if not all(isinstance(kind, Lanes) for kind in (a, b, *more)):
        return None
    if more:
        return lambda a, b, *more: max(where(b > a, b, a), *more)
    return lambda a, b, *more: where(b > a, b, a)


# -- where eight values are kept --------------------------------------------------------------------
@intrinsic
def put(typing_context: Any, array: types.Array, places: types.Array, k: types.Type, lanes: types.Type) -> Any:
    """Write eight values to where `places[k], places[k + 1], ...` say."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        to = context.make_array(array)(context, builder, values[0])
        order = context.make_array(places)(context, builder, values[1])
        eight = as_lanes(context, builder, values[3], lanes, types.float64)
        for lane in range(LANES):
            at = builder.load(builder.gep(order.data, [builder.add(values[2], ir.IntType(64)(lane))]))
            builder.store(
                builder.extract_element(eight, INT(lane)), cgutils.get_item_pointer(context, builder, array, to, [at])
            )
        return context.get_dummy_value()

    return types.void(array, places, types.int64, lanes), emit


@lower_builtin(operator.setitem, types.Array, types.Integer, Lanes)
def _row_of_eight(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, values[0])
    zero = ir.IntType(64)(0)
    pointer = cgutils.get_item_pointer(context, builder, kind, array, [values[1], zero])
    builder.store(values[2], builder.bitcast(pointer, values[2].type.as_pointer())).align = 8


@type_callable(operator.setitem)
def _type_of_setitem(context: Any) -> Callable[..., types.Type | None]:
    def typer(array: types.Type, row: types.Type, value: types.Type) -> types.Type | None:
        if isinstance(array, types.Array) and array.ndim == 2 and array.layout == "C" and value == _EIGHT:
            return types.void
        return None

    return typer


@njit(**_OPTIONS)
def settled(why, k, places, ends, parameters, before, checked, losses, until_loss, tol, where):
    """Whether any of the eight runs at `places[k:k + 8]` goes on after `train` left because of `why`.

    Those that do not have their reason and `where` written to `ends`, and their place is taken by one that goes on:
    it is then computed more than once, to the same bits. The questions are those of the loop, in its order.
    """
    live = -1
    for lane in range(LANES):
        run = places[k + lane]
        if ends[run, 0]:
            continue
        known = False  # a run in more than one place is asked once, for `before` changes
        for other in range(lane):
            known = known or places[k + other] == run
        if known:
            continue
        outcome = 0
        if why == _DIVERGED:
            if not math.isfinite(checked[run]):
                outcome = _DIVERGED
        elif losses[lane] < until_loss:
            outcome = _LOSS
        elif len(before):
            largest = 0.0
            for p in range(len(parameters)):
                largest = max(largest, abs(parameters[p, run] - before[p, run]))
                before[p, run] = parameters[p, run]
            if largest <= tol:
                outcome = _CONVERGED
        ends[run, 0] = outcome
        if outcome:
            ends[run, 1], ends[run, 2], ends[run, 3], ends[run, 4] = where
        else:
            live = run
    if live >= 0:
        for lane in range(LANES):
            if ends[places[k + lane], 0]:
                places[k + lane] = live
    return live >= 0


# -- sums over samples, for each run -----------------------------------------------------------------
@intrinsic
def _nothing(typing_context: Any, sample: types.Type, arguments: types.Type) -> Any:
    """Zeros for each run, as many as `sample` gives values."""
    given = typing_context.resolve_function_type(sample, (types.int64, *arguments), {}).return_type
    kind = types.UniTuple(_EIGHT, len(given))
    return kind(sample, arguments), lambda context, _b, _s, _v: ir.Constant(context.get_value_type(kind), None)


@njit(**_OPTIONS)
def _running(sample, samples, first, last, sums, arguments):
    """Every eighth sample added to its running sums."""
    for k in range(first, last, LANES):
        sums = plus(sums, sample(number(samples, k), *arguments))
    return sums


@njit(**_OPTIONS)
def _chunk(sample, samples, first, last, arguments):
    """The sums over the samples at places first ... last - 1, as `summation._chunk` has them."""
    whole = last - (last - first) % LANES
    zero = _nothing(sample, arguments)
    a = b = c = d = e = f = g = h = zero
    for block in range(first, whole, BLOCK):
        end = min(block + BLOCK, whole)
        a = _running(sample, samples, block, end, a, arguments)
        b = _running(sample, samples, block + 1, end, b, arguments)
        c = _running(sample, samples, block + 2, end, c, arguments)
        d = _running(sample, samples, block + 3, end, d, arguments)
        e = _running(sample, samples, block + 4, end, e, arguments)
        f = _running(sample, samples, block + 5, end, f, arguments)
        g = _running(sample, samples, block + 6, end, g, arguments)
        h = _running(sample, samples, block + 7, end, h, arguments)
    rest = zero
    for k in range(whole, last):
        rest = plus(rest, sample(number(samples, k), *arguments))
    lanes = plus(plus(plus(a, e), plus(c, g)), plus(plus(b, f), plus(d, h)))
    return plus(lanes, rest)


@njit(**_OPTIONS)
def _chunks(sample, samples, first, last, arguments):
    """The sums over all chunks, as `summation.summed` has them."""
    sums = _chunk(sample, samples, first, min(first + CHUNK, last), arguments)
    for start in range(first + CHUNK, last, CHUNK):
        sums = plus(sums, _chunk(sample, samples, start, min(start + CHUNK, last), arguments))
    return sums


@overload(summed, jit_options=_OPTIONS)
def _summed_for_runs(sample, samples, *arguments):
    if not any(isinstance(a, Lanes) for a in arguments):
        return None
    if isinstance(samples, types.RangeType):
        return lambda sample, samples, *arguments: _chunks(sample, samples, samples.start, samples.stop, arguments)
    return lambda sample, samples, *arguments: _chunks(sample, samples, 0, len(samples), arguments)
