"""Straight-line functions compiled by running them: on values that write down each operation as machine instructions.

The functions of samples in generated loops are a few assignments each, with no branch and no loop. Called once with
`Value`s and `Cells` in place of numbers and arrays, such a function emits the instructions that compute eight of them.
Numba, which would infer types and optimise each by itself, takes a tenth of a second for every one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from tidu.engines.machine.lanes import EMITTED, INT, Lanes, as_lanes, vector
from tidu.runtime import elementary
from tidu.runtime.summation import LANES

_EIGHT, _BYTE, _INDEX = vector(types.float64), ir.IntType(8), ir.IntType(64)


class Value:
    """One number, or eight, whose instructions are being written."""

    def __init__(self, context: Any, builder: Any, value: Any, kind: types.Type) -> None:
        self.context, self.builder, self.value, self.kind = context, builder, value, kind

    def with_others(self, function: Any, *operands: Any) -> Value:
        """`function` of values and plain numbers."""
        values, kinds = [], []
        for operand in operands:
            if isinstance(operand, Value):
                values.append(operand.value)
                kinds.append(operand.kind)
            else:
                kinds.append(types.float32 if isinstance(operand, np.float32) else types.float64)
                values.append(ir.Constant(vector(kinds[-1]).element, float(operand)))
        return Value(self.context, self.builder, *EMITTED[function](self.context, self.builder, values, kinds))


def _operator(function: Any) -> tuple[Callable[..., Value], Callable[..., Value]]:
    return (
        lambda self, *others: self.with_others(function, self, *others),
        lambda self, other: self.with_others(function, other, self),
    )


_COMPUTED = ("add", "sub", "mul", "truediv")
_ASKED = ("lt", "le", "gt", "ge", "eq", "ne", "neg")
for _name in (*_COMPUTED, *_ASKED):
    _forward, _reflected = _operator(getattr(operator, _name))
    setattr(Value, f"__{_name}__", _forward)
    if _name in _COMPUTED:
        setattr(Value, f"__r{_name}__", _reflected)


class Index:
    """A place along an axis: of one number (a unit), of the first of eight (samples), or of eight anywhere."""

    def __init__(self, value: Any, of_eight: bool = False, anywhere: Sequence[Any] = ()) -> None:
        self.value, self.of_eight, self.anywhere = value, of_eight, anywhere


class Cells:
    """An array that a traced function reads and writes, without a look at bounds.

    Where `mask` is given, only the first of eight numbers are there to be read and written.
    """

    def __init__(self, context: Any, builder: Any, array: Any, kind: types.Array, mask: Any = None) -> None:
        self.context, self.builder, self.kind, self.mask = context, builder, kind, mask
        self.parts = context.make_array(kind)(context, builder, array)
        self.eight, self.size = vector(kind.dtype), kind.dtype.bitwidth // 8

    def __getitem__(self, index: Index | int | tuple[Index | int, Index]) -> Value:
        places = index if isinstance(index, tuple) else (index,)
        last = places[-1]
        assert isinstance(last, Index)
        in_line = self.kind.layout == "C"
        if last.of_eight and not in_line:
            last = Index(last.value, anywhere=[self.builder.add(last.value, _INDEX(k)) for k in range(LANES)])
        if last.anywhere:
            return Value(self.context, self.builder, self._gathered(last.anywhere), Lanes(self.kind.dtype))
        start = self._start(places)
        if not last.of_eight:
            number = self.builder.load(self.builder.bitcast(start, self.eight.element.as_pointer()))
            return Value(self.context, self.builder, number, self.kind.dtype)
        if self.mask is not None:
            eight = self._masked("load", self.eight, start, ir.Constant(self.eight, None))
        else:
            eight = self.builder.load(start)
            eight.align = self.size
        return Value(self.context, self.builder, eight, Lanes(self.kind.dtype))

    def __setitem__(self, index: Index | tuple[Index | int, Index], value: Value) -> None:
        start = self._start(index if isinstance(index, tuple) else (index,))
        if self.mask is not None:
            self._masked("store", ir.VoidType(), value.value, start)
        else:
            self.builder.store(value.value, start).align = self.size

    def _start(self, places: Sequence[Index | int]) -> Any:
        """Where the number or the eight numbers begin."""
        offset = _INDEX(0)
        for axis, place in enumerate(places):
            last = axis == len(places) - 1  # also the only place in a matrix: that of a number among all
            in_line = last and self.kind.layout == "C"
            stride = _INDEX(self.size) if in_line else self.builder.extract_value(self.parts.strides, axis)
            number = place.value if isinstance(place, Index) else _INDEX(place)
            offset = self.builder.add(offset, self.builder.mul(number, stride))
        start = self.builder.gep(self.builder.bitcast(self.parts.data, _BYTE.as_pointer()), [offset])
        return self.builder.bitcast(start, self.eight.as_pointer())

    def _gathered(self, places: Sequence[Any]) -> Any:
        """The numbers of a column at eight places."""
        eight = ir.Constant(self.eight, ir.Undefined)
        for k, place in enumerate(places):
            start = self.builder.bitcast(self._start([Index(place)]), self.eight.element.as_pointer())
            eight = self.builder.insert_element(eight, self.builder.load(start), INT(k))
        return eight

    def _masked(self, what: str, result: Any, *arguments: Any) -> Any:
        pointer, alignment = self.eight.as_pointer(), INT(self.size)
        mask_kind = ir.VectorType(ir.IntType(1), LANES)
        if what == "load":
            arguments = (arguments[0], alignment, self.mask, arguments[1])
            kinds = [pointer, INT, mask_kind, self.eight]
        else:
            arguments = (*arguments, alignment, self.mask)
            kinds = [self.eight, pointer, INT, mask_kind]
        name = f"llvm.masked.{what}.v{LANES}f{8 * self.size}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)
        return self.builder.call(function, arguments)


def first_of_eight(builder: Any, count: Any) -> Any:
    """The mask of the first `count` of eight."""
    places = ir.VectorType(INT, LANES)
    one = builder.insert_element(ir.Constant(places, ir.Undefined), builder.trunc(count, INT), INT(0))
    counts = builder.shuffle_vector(one, one, ir.Constant(places, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(places, list(range(LANES))), counts)


def given(context: Any, builder: Any, kinds: Any, values: Any, mask: Any = None) -> list[Any]:
    """The arguments of a traced function."""
    return [
        Cells(context, builder, value, kind, mask)
        if isinstance(kind, types.Array)
        else Value(context, builder, *_number(context, builder, value, kind))
        for value, kind in zip(values, kinds, strict=True)
    ]


def _number(context: Any, builder: Any, value: Any, kind: types.Type) -> tuple[Any, types.Type]:
    wanted = kind if kind == types.float32 else types.float64
    return context.cast(builder, value, kind, wanted), wanted


class _Anything:
    """What a function is run on that is only asked how many values it gives."""

    def __getitem__(self, index: object) -> _Anything:
        return self

    def __call__(self, *operands: object) -> _Anything:
        return self


for _name in (*_COMPUTED, *_ASKED):
    setattr(_Anything, f"__{_name}__", _Anything.__call__)
    setattr(_Anything, f"__r{_name}__", _Anything.__call__)


def results_of(function: Callable[..., Any], arguments: int) -> int:
    """How many values a function of a sample and so many other arguments gives."""
    scope = {k: v if isinstance(v, (int, float)) else _Anything() for k, v in function.__globals__.items()}
    return len(FunctionType(function.__code__, scope)(*[_Anything()] * (1 + arguments)))


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function`, whose text calls functions of `ieee` and `elementary`, on values that write instructions."""
    return FunctionType(function.__code__, {k: _traced(v) for k, v in function.__globals__.items()})(*arguments)


def _traced(thing: Any) -> Any:
    """What a name of a module is for a function that is traced."""
    try:
        emitted = thing in EMITTED
    except TypeError:
        return thing
    if thing is np.float32:
        return _narrow
    if emitted:
        return lambda *operands: next(v for v in operands if isinstance(v, Value)).with_others(thing, *operands)
    if isinstance(thing, FunctionType) and thing.__module__ == elementary.__name__:
        return lambda *operands: run(thing, *operands)
    return thing


def _narrow(number: Any) -> Any:
    """A number in single precision."""
    if not isinstance(number, Value):
        return np.float32(number)
    context, builder, value, kind = number.context, number.builder, number.value, number.kind
    if isinstance(kind, Lanes):
        return Value(context, builder, as_lanes(context, builder, value, kind, types.float32), Lanes(types.float32))
    return Value(context, builder, context.cast(builder, value, kind, types.float32), types.float32)


def _power_of_two(_context: Any, builder: Any, k: Any) -> Any:
    """2**k, by writing k into the bits of the exponent."""
    whole = ir.VectorType(_INDEX, LANES)
    biased = builder.fadd(k, ir.Constant(_EIGHT, [elementary.NEAREST + 1023.0] * LANES))
    return builder.bitcast(builder.shl(builder.bitcast(biased, whole), ir.Constant(whole, [52] * LANES)), _EIGHT)


def _emitted_power_of_two(context: Any, builder: Any, values: Any, kinds: Any) -> tuple[Any, types.Type]:
    return _power_of_two(context, builder, values[0]), kinds[0]


EMITTED[elementary.power_of_two] = _emitted_power_of_two
