"""What machine code has of its own for functions that loops call: instructions, the C library's, eight at a time.

`known` says it for every such function: the op table names those of the C library, `KNOWN` has the rest. All others of
`tidu.runtime` are compiled as they are written.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Hashable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.engines.compiler import drawn_masks, tile_kernels
from tidu.engines.compiler.assembly import Number, constant, zero
from tidu.engines.compiler.eight_samples import summed
from tidu.engines.compiler.machine_kinds import Abreast, Array, Places, Range, Text, Value, part, text_of, write
from tidu.language.operation import OPS
from tidu.runtime import elementary, ieee, summation, tiles
from tidu.runtime.summation import LANES

if TYPE_CHECKING:
    from tidu.engines.compiler.flow import Frame

Known = Callable[..., Value]


def _of_c(symbol: str, function: Callable[..., float]) -> Known:
    def known(frame: Frame, *values: Value) -> Value:
        if all(isinstance(v, (int, float)) for v in values):
            return function(*map(float, values))
        return frame.of_c(symbol, *values)

    return known


def _floats(frame: Frame, *values: Value) -> list[Number]:
    """The arguments as floats of one type."""
    numbers = frame.alike(*values)
    return numbers if numbers[0].type in ("double", "float") else [frame.number(n, "double") for n in numbers]


def _instruction(name: str) -> Known:
    """An instruction that LLVM has for every width."""

    def known(frame: Frame, value: Value) -> Number:
        (x,) = _floats(frame, value)
        width = "f64" if x.type == "double" else "f32"
        return frame.body.call(f"llvm.{name}.{f'v{LANES}' if x.eight else ''}{width}", x.type, [x], x.eight)

    return known


def _divide(frame: Frame, a: Value, b: Value) -> Number:
    return frame.body.arithmetic("fdiv", *_floats(frame, a, b))


def _isfinite(frame: Frame, x: Value) -> Number:
    """Whether the number is finite; of eight, whether all are."""
    (number,) = _floats(frame, x)
    rest = frame.body.new(f"fsub {number}, {number.name}", number.type, number.eight)  # nan unless it is
    is_number = frame.body.new(f"fcmp oeq {rest}, {rest.name}", "i1", number.eight)
    return frame.body.new(f"icmp eq i8 {frame.body.as_bits(is_number)}, -1", "i1") if number.eight else is_number


def _extreme(sign: str) -> Known:
    """`ieee.maximum` and `minimum`: nan if either is."""

    def known(frame: Frame, x: Value, y: Value) -> Number:
        body = frame.body
        a, b = _floats(frame, x, y)
        chosen = body.select(body.compared(sign, a, b), a, b)
        return body.select(body.compared("ne", a, a), a, chosen)

    return known


def _builtin_extreme(sign: str) -> Known:
    """Python's own `min` and `max`: the first, unless a later one is smaller, or larger."""

    def known(frame: Frame, first: Value, *more: Value) -> Number:
        if len({frame.number(value).type for value in (first, *more)}) > 1:
            raise TypeError("whole numbers among floats")  # Python gives the number as it is, of either type
        best, *others = frame.alike(first, *more)
        for other in others:
            best = frame.body.select(frame.body.compared(sign, other, best), other, best)
        return best

    return known


def _power_of_two(frame: Frame, value: Value) -> Number:
    """2**k, by writing k into the bits of the exponent."""
    body = frame.body
    k = frame.number(value, "double")
    biased, by = body.arithmetic("fadd", *frame.alike(k, elementary.NEAREST + 1023.0)), constant(52)
    whole = zero("i64", k.eight).llvm
    bits = body.new(f"bitcast {biased} to {whole}", "i64", k.eight)
    shifted = body.arithmetic("shl", bits, body.spread(by) if k.eight else by)
    power = body.new(f"bitcast {shifted} to {k.llvm}", "double", k.eight)
    return body.select(body.compared("eq", k, k), power, k)


def _absolute(frame: Frame, value: Value) -> Value:
    number = frame.number(value)
    if number.type != "i64":
        return _instruction("fabs")(frame, number)
    negative = frame.body.arithmetic("sub", constant(0), number)
    return frame.body.select(frame.body.compared("lt", number, constant(0)), negative, number)


def _length(frame: Frame, whole: Value) -> Value:
    if isinstance(whole, Array):
        return whole.shape[0]
    if isinstance(whole, Range) and whole.step == 1:
        size = frame.body.arithmetic("sub", whole.last, whole.first)
        return frame.body.select(frame.body.compared("gt", size, constant(0)), size, constant(0))
    if isinstance(whole, tuple):
        return len(whole)
    raise TypeError("it has no length")


def _range(frame: Frame, *ends: Value) -> Range:
    first, last = (0, ends[0]) if len(ends) == 1 else ends[:2]
    step = ends[2] if len(ends) == 3 else 1
    if not isinstance(step, int) or not step:
        raise TypeError("the step of a range is a constant")
    return Range(frame.number(first, "i64"), frame.number(last, "i64"), step)


def _record(frame: Frame, history: Array, row: Value, values: tuple[Value, ...]) -> None:
    for k, value in enumerate(values):
        write(frame.body, history, [frame.number(row, "i64"), constant(k)], frame.number(value))


def _eight_at(frame: Frame, places: Array, k: Value) -> Number:
    """Eight numbers of an array, from place k on."""
    return frame.number(part(frame.body, places, [Places(frame.number(k, "i64"))]))


def _put(frame: Frame, array: Array, places: Array, k: Value, values: Value) -> None:
    """Write eight values to where eight numbers of `places`, from k on, say."""
    write(frame.body, array, [_eight_at(frame, places, k)], frame.body.spread(frame.number(values)))


def _scratch(frame: Frame, rows: int) -> Array:
    """Memory on the stack for rows of eight numbers."""
    start = frame.body.room("double", rows * LANES)
    return Array("double", start, (constant(rows), constant(LANES)), (constant(LANES), constant(1)), True, True)


def _wide(frame: Frame, high: Value, low: Value) -> Number:
    """A number of 128 bits from its halves."""
    body = frame.body
    a, b = (body.new(f"zext {frame.number(half, 'i64')} to i128", "i128") for half in (high, low))
    return body.arithmetic("or", body.arithmetic("shl", a, Number("64", "i128")), b)


def _of_wide(operation: str) -> Known:
    return lambda frame, a, b: frame.body.arithmetic(operation, frame.number(a), frame.number(b))


def _drawn(frame: Frame, value: Value) -> Number:
    """`drawn_masks.drawn`."""
    body, state = frame.body, frame.number(value)

    def top(bits: int) -> Number:
        return body.arithmetic("lshr", state, Number(str(bits), "i128"))

    high, low, turn = (body.new(f"trunc {wide} to i64", "i64") for wide in (top(64), state, top(122)))
    mixed = body.arithmetic("xor", high, low)
    return body.call("llvm.fshr.i64", "i64", [mixed, mixed, turn])


def _whole_numbers(frame: Frame, count: int) -> Array:
    """Memory on the stack for whole numbers."""
    return Array("i64", frame.body.room("i64", count), (constant(count),), (constant(1),), True, True)


def _each_number(frame: Frame, function: Value, *arguments: Value) -> Value:
    flat = [a.flat(frame.body) if isinstance(a, Array) else a for a in arguments]
    return _kernel("found_in")(frame, function, *flat)


def _sum_numbers(frame: Frame, function: Text, *arguments: Value) -> Value:
    flat = [a.flat(frame.body) if isinstance(a, Array) else a for a in arguments]
    return summed(frame, function, Range(constant(0), _length(frame, flat[0])), *flat)[0]


def _is_kernel(module: ModuleType, name: str) -> bool:
    own = getattr(vars(module)[name], "__module__", "") == module.__name__
    return own and hasattr(tiles, name)


def _kernel(name: str, module: ModuleType = tile_kernels) -> Known:
    text = text_of(getattr(module, name))
    return lambda frame, *arguments: frame.call(text, arguments)


KNOWN: dict[Any, Known] = {
    # Python's own
    len: _length,
    range: _range,
    abs: _absolute,
    min: _builtin_extreme("lt"),
    max: _builtin_extreme("gt"),
    float: lambda frame, x: frame.number(x, "double"),
    int: lambda frame, x: frame.body.new(f"fptosi {frame.number(x, 'double')} to i64", "i64"),
    np.float32: lambda frame, x: frame.number(x, "float"),
    # instructions
    math.fabs: _instruction("fabs"),
    math.isfinite: _isfinite,
    ieee.sqrt: _instruction("sqrt"),
    ieee.floor: _instruction("floor"),
    ieee.divide: _divide,
    ieee.maximum: _extreme("ge"),
    ieee.minimum: _extreme("le"),
    elementary.power_of_two: _power_of_two,
    # many numbers at once
    summation.summed: summed,
    summation.record: _record,
    summation.abreast: lambda frame, count: Abreast(frame.number(count, "i64")),
    tiles.each_number: _each_number,
    tiles.sum_numbers: _sum_numbers,
    tile_kernels.sum_of_eight: lambda frame, numbers: frame.body.in_pairs(numbers),
    tile_kernels.scratch: _scratch,
    summation.eight_at: _eight_at,
    summation.put: _put,
    tile_kernels.turned: lambda frame, *rows: tuple(frame.body.turned(rows)),
    tile_kernels.eight_from: lambda frame, first: Places(frame.number(first, "i64")),
    drawn_masks.wide: _wide,
    drawn_masks.plus: _of_wide("add"),
    drawn_masks.times: _of_wide("mul"),
    drawn_masks.drawn: _drawn,
    drawn_masks.whole_numbers: _whole_numbers,
    **{
        getattr(tiles, name): _kernel(name, module)
        for module in (tile_kernels, drawn_masks)
        for name in vars(module)
        if _is_kernel(module, name)
    },
}
BUILTINS = {
    name: thing for name, thing in vars(builtins).items() if isinstance(thing, (type, type(len))) and thing in KNOWN
}


def known(function: Any) -> Known | None:
    """What machine code has for a function; None where it has nothing of its own."""
    if not isinstance(function, Hashable):
        return None
    found = KNOWN.get(function)
    if found is None and callable(function):
        for op in OPS.values():
            if op.machine == "c" and op.value is not None:
                name = op.c_name or op.value.__name__
                if function in (op.value, getattr(math, name, None)):
                    return _of_c(name, op.value)
    return found


def computes_numbers(function: Any) -> bool:
    """Whether it is an operation's function of numbers, which does nothing besides."""
    return callable(function) and any(function is op.value for op in OPS.values())
