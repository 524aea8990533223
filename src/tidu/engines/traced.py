"""Straight-line functions compiled by running them: on values that write down each operation as machine instructions.

The functions of generated loops over tiles are a few assignments each, with no branch and no loop. Called once with
`Value`s and `Cells` in place of numbers and arrays, such a function emits the instructions that compute eight of them.
Numba, which would infer types and optimise each by itself, takes a tenth of a second for every one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from tidu import elementary
from tidu.engines.lanes import EMITTED, Lanes, vector
from tidu.kernels import LANES

_EIGHT, _BYTE, _INDEX = vector(types.float64), ir.IntType(8), ir.IntType(64)
_OF_EIGHT = Lanes(types.float64)


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
                values.append(ir.Constant(ir.DoubleType(), float(operand)))
                kinds.append(types.float64)
        return Value(self.context, self.builder, *EMITTED[function](self.context, self.builder, values, kinds))


def _operator(function: Any) -> tuple[Callable[..., Value], Callable[..., Value]]:
    return (
        lambda self, *others: self.with_others(function, self, *others),
        lambda self, other: self.with_others(function, other, self),
    )


for _name in ("add", "sub", "mul", "truediv", "lt", "le", "gt", "ge", "eq", "ne", "neg"):
    _forward, _reflected = _operator(getattr(operator, _name))
    setattr(Value, f"__{_name}__", _forward)
    if _name in ("add", "sub", "mul", "truediv"):
        setattr(Value, f"__r{_name}__", _reflected)


class Index:
    """A place along an axis: of one number (a unit), or of the first of eight (samples, parameters)."""

    def __init__(self, value: Any, of_eight: bool) -> None:
        self.value, self.of_eight = value, of_eight


class Cells:
    """An array that a traced function reads and writes, without a look at bounds.

    Where `mask` is given, only the first of eight numbers are there to be read and written.
    """

    def __init__(self, context: Any, builder: Any, array: Any, kind: types.Array, mask: Any = None) -> None:
        self.context, self.builder, self.kind, self.mask = context, builder, kind, mask
        self.parts = context.make_array(kind)(context, builder, array)

    def __getitem__(self, index: Index | tuple[Index, Index]) -> Value:
        start, of_eight = self._start(index)
        if not of_eight:
            number = self.builder.load(self.builder.bitcast(start, ir.DoubleType().as_pointer()))
            return Value(self.context, self.builder, number, types.float64)
        if self.mask is not None:
            return Value(self.context, self.builder, self._masked("load", _EIGHT, start, _zeros()), _OF_EIGHT)
        eight = self.builder.load(start)
        eight.align = 8
        return Value(self.context, self.builder, eight, _OF_EIGHT)

    def __setitem__(self, index: Index | tuple[Index, Index], value: Value) -> None:
        start, _of_eight = self._start(index)
        if self.mask is not None:
            self._masked("store", ir.VoidType(), value.value, start)
        else:
            self.builder.store(value.value, start).align = 8

    def _start(self, index: Index | tuple[Index, Index]) -> tuple[Any, bool]:
        """Where the number or the eight numbers begin; and whether they are eight."""
        places = index if isinstance(index, tuple) else (index,)
        offset = _INDEX(0)
        for axis, place in enumerate(places):
            last = axis == len(places) - 1  # also the only place in a matrix: that of a number among all
            stride = _INDEX(8) if last else self.builder.extract_value(self.parts.strides, axis)
            number = place.value if isinstance(place, Index) else _INDEX(place)
            offset = self.builder.add(offset, self.builder.mul(number, stride))
        start = self.builder.gep(self.builder.bitcast(self.parts.data, _BYTE.as_pointer()), [offset])
        return self.builder.bitcast(start, _EIGHT.as_pointer()), isinstance(places[-1], Index) and places[-1].of_eight

    def _masked(self, what: str, result: Any, *arguments: Any) -> Any:
        pointer = _EIGHT.as_pointer()
        mask_kind = ir.VectorType(ir.IntType(1), LANES)
        if what == "load":
            arguments = (arguments[0], ir.IntType(32)(8), self.mask, arguments[1])
            kinds = [pointer, ir.IntType(32), mask_kind, _EIGHT]
        else:
            arguments = (*arguments, ir.IntType(32)(8), self.mask)
            kinds = [_EIGHT, pointer, ir.IntType(32), mask_kind]
        name = f"llvm.masked.{what}.v{LANES}f64.p0"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)
        return self.builder.call(function, arguments)


def _zeros() -> Any:
    return ir.Constant(_EIGHT, None)


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function`, whose text calls functions of `ieee` and `elementary`, on values that write instructions."""
    return FunctionType(function.__code__, {k: _traced(v) for k, v in function.__globals__.items()})(*arguments)


def _traced(thing: Any) -> Any:
    """What a name of a module is for a function that is traced."""
    try:
        emitted = thing in EMITTED
    except TypeError:
        return thing
    if emitted:
        return lambda *operands: next(v for v in operands if isinstance(v, Value)).with_others(thing, *operands)
    if isinstance(thing, FunctionType) and thing.__module__ == elementary.__name__:
        return lambda *operands: run(thing, *operands)
    return thing


def _power_of_two(_context: Any, builder: Any, k: Any) -> Any:
    """2**k, by writing k into the bits of the exponent."""
    whole = ir.VectorType(_INDEX, LANES)
    biased = builder.fadd(k, ir.Constant(_EIGHT, [elementary.NEAREST + 1023.0] * LANES))
    return builder.bitcast(builder.shl(builder.bitcast(biased, whole), ir.Constant(whole, [52] * LANES)), _EIGHT)


def _emitted_power_of_two(context: Any, builder: Any, values: Any, kinds: Any) -> tuple[Any, types.Type]:
    return _power_of_two(context, builder, values[0]), kinds[0]


EMITTED[elementary.power_of_two] = _emitted_power_of_two
