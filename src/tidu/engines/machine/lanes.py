"""Eight numbers at a time: a type for Numba, and its arithmetic on machine vectors.

Each of the eight is computed as it would be alone, so whatever is made of them has the bits of its plain Python text:
eight samples in `sums` and `tile_kernels`, eight runs in `runs`. What an operation is, instruction by instruction,
stands in `EMITTED`, for Numba and for functions that are traced alike.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.extending import intrinsic, lower_builtin, models, overload, register_model, type_callable

from tidu.runtime import ieee
from tidu.runtime.summation import LANES

INT, _INDEX = ir.IntType(32), ir.IntType(64)


class Lanes(types.Type):
    """Eight values side by side, of one scalar type: numbers, or truth values."""

    def __init__(self, element: types.Type) -> None:
        self.element = element
        super().__init__(name=f"Lanes({element})")

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        """One number stands for eight equal ones."""
        return Conversion.safe if self.holds(other) else None

    def unify(self, typing_context: Any, other: types.Type) -> types.Type | None:
        """What is one number at first and eight later is eight."""
        return self if self.holds(other) else None

    def holds(self, one: types.Type) -> bool:
        """Whether each of the eight may be one of these: a number among numbers, a truth value among truth values."""
        return isinstance(one, types.Boolean if self.element == types.boolean else (types.Float, types.Integer))


class Consecutive(types.Type):
    """Eight sample numbers, one after another; the first is what is kept."""


class Scattered(types.Type):
    """Eight sample numbers in any order."""


CONSECUTIVE, _SCATTERED = Consecutive("Consecutive"), Scattered("Scattered")


def vector(element: types.Type) -> ir.VectorType:
    """The machine's type for eight of these."""
    kinds = {types.float64: ir.DoubleType(), types.float32: ir.FloatType(), types.boolean: ir.IntType(1)}
    return ir.VectorType(kinds[element], LANES)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, vector(kind.element))


@register_model(Consecutive)
class _ConsecutiveModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Consecutive) -> None:
        super().__init__(manager, kind, _INDEX)


@register_model(Scattered)
class _ScatteredModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Scattered) -> None:
        super().__init__(manager, kind, ir.VectorType(_INDEX, LANES))


_SCALARS_AND_LANES = (types.Float, types.Integer, types.Boolean, Lanes)


# -- arithmetic and comparisons -------------------------------------------------------------------
def _element(kind: types.Type) -> types.Type:
    return kind.element if isinstance(kind, Lanes) else kind


def _together(*kinds: types.Type) -> types.Type:
    """The scalar type that numbers of these types are computed in."""
    narrow = all(_element(k) == types.float32 for k in kinds)
    return types.float32 if narrow else types.float64


def as_lanes(context: Any, builder: Any, value: Any, kind: types.Type, element: types.Type) -> Any:
    """The value as eight of `element`, repeated if it is one number."""
    if isinstance(kind, Lanes):
        if kind.element == element:
            return value
        widened = element == types.float64
        return builder.fpext(value, vector(element)) if widened else builder.fptrunc(value, vector(element))
    scalar = context.cast(builder, value, kind, element)
    blank = ir.Constant(vector(element), ir.Undefined)
    first = builder.insert_element(blank, scalar, INT(0))
    return builder.shuffle_vector(first, blank, ir.Constant(ir.VectorType(INT, LANES), [0] * LANES))


Kinds = Sequence[types.Type]
# For every function of lanes: from values and their types to the instructions that compute it, and the result's type.
EMITTED: dict[Any, Callable[[Any, Any, Sequence[Any], Kinds], tuple[Any, types.Type]]] = {}


def _define(
    function: Any, arity: int, emit: Callable[..., Any], result: types.Type | None = None, truths: tuple[int, ...] = ()
) -> None:
    """Compile `function` on lanes by `emit(context, builder, *vectors)`; numbers among the arguments are repeated.

    The result is of the arguments' type, or `result`; the arguments at the places `truths` are truth values.
    """

    def elements(kinds: Kinds) -> list[types.Type]:
        numbers = [k for place, k in enumerate(kinds) if place not in truths]
        common = _together(*numbers) if numbers else types.boolean
        return [types.boolean if place in truths else common for place in range(arity)]

    def emitted(context: Any, builder: Any, values: Sequence[Any], kinds: Kinds) -> tuple[Any, types.Type]:
        wanted = elements(kinds)
        vectors = (as_lanes(context, builder, *each) for each in zip(values, kinds, wanted, strict=True))
        return emit(context, builder, *vectors), Lanes(result or wanted[-1])

    EMITTED[function] = emitted

    @type_callable(function)
    def type_of_result(context: Any) -> Callable[..., types.Type | None]:
        def typer(*kinds: types.Type) -> types.Type | None:
            if any(isinstance(k, Lanes) for k in kinds) and all(isinstance(k, _SCALARS_AND_LANES) for k in kinds):
                return Lanes(result or elements(kinds)[-1])
            return None

        # Numba looks at the names of a typer's parameters, so it must have as many as the function.
        names = ", ".join("abc"[:arity])
        return eval(f"lambda {names}: typer({names})", {"typer": typer})

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emitted(context, builder, values, signature.args)[0]

    for pattern in itertools.product((Lanes, types.Any), repeat=arity):
        if Lanes in pattern:
            lower_builtin(function, *pattern)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
):
    _define(_function, 2, lambda _c, builder, a, b, name=_instruction: getattr(builder, name)(a, b))
for _function, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    _define(_function, 2, lambda _c, b, x, y, sign=_sign: b.fcmp_ordered(sign, x, y), types.boolean)
_define(operator.ne, 2, lambda _c, b, x, y: b.fcmp_unordered("!=", x, y), types.boolean)
_define(operator.neg, 1, lambda _c, builder, a: builder.fneg(a))


# -- the functions of `tidu.runtime.ieee` -------------------------------------------------------------------
def _larger(sign: str) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, a: Any, b: Any) -> Any:
        chosen = builder.select(builder.fcmp_ordered(sign, a, b), a, b)
        return builder.select(builder.fcmp_unordered("!=", a, a), a, chosen)

    return emit


def _intrinsic_of_llvm(name: str) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, a: Any) -> Any:
        width = "f64" if isinstance(a.type.element, ir.DoubleType) else "f32"
        full = f"llvm.{name}.v{LANES}{width}"
        return builder.call(
            cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type]), full), [a]
        )

    return emit


_define(ieee.divide, 2, lambda _c, builder, a, b: builder.fdiv(a, b))
_define(ieee.fabs, 1, _intrinsic_of_llvm("fabs"))
_define(ieee.sqrt, 1, _intrinsic_of_llvm("sqrt"))
_define(ieee.maximum, 2, _larger(">="))
_define(ieee.minimum, 2, _larger("<="))
_define(ieee.where, 3, lambda _c, builder, c, a, b: builder.select(c, a, b), truths=(0,))
_define(ieee.logical_and, 2, lambda _c, builder, a, b: builder.and_(a, b), types.boolean, truths=(0, 1))
_define(ieee.logical_or, 2, lambda _c, builder, a, b: builder.or_(a, b), types.boolean, truths=(0, 1))
_define(ieee.logical_not, 1, lambda _c, builder, a: builder.not_(a), types.boolean, truths=(0,))


def _one_by_one(function: Callable[..., float], arity: int) -> None:
    """Compile a function of the C library on lanes: called for each of the eight."""
    names = ", ".join("ab"[:arity])
    # Named, not `function`: Numba keeps what it compiled by the code, which must differ.
    scalar = eval(f"lambda {names}: {function.__name__}({names})", {function.__name__: function})

    def emit(context: Any, builder: Any, *vectors: Any) -> Any:
        element = types.float64 if isinstance(vectors[0].type.element, ir.DoubleType) else types.float32
        result = ir.Constant(vectors[0].type, ir.Undefined)
        for place in range(LANES):
            each = [builder.extract_element(v, INT(place)) for v in vectors]
            value = context.compile_internal(builder, scalar, element(*[element] * arity), each)
            result = builder.insert_element(result, value, INT(place))
        return result

    _define(function, arity, emit)


for _name in (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sign", "floor", "sigmoid", "softplus", "log_cosh",
):  # fmt: skip
    _one_by_one(getattr(ieee, _name), 1)
_one_by_one(ieee.power, 2)


# -- reading columns ------------------------------------------------------------------------------
@type_callable(operator.getitem)
def _type_of_cells(context: Any) -> Callable[..., types.Type | None]:
    def typer(column: types.Type, samples: types.Type) -> types.Type | None:
        if isinstance(column, types.Array) and column.ndim == 1 and isinstance(samples, Scattered):
            return Lanes(column.dtype)
        return None

    return typer


@lower_builtin(operator.getitem, types.Array, Scattered)
def _scattered_cells(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    places = [builder.extract_element(values[1], INT(k)) for k in range(LANES)]
    return _gathered(context, builder, signature.args[0], values[0], places)


def _gathered(context: Any, builder: Any, kind: types.Array, array: Any, places: Sequence[Any]) -> Any:
    column = context.make_array(kind)(context, builder, array)
    cells = ir.Constant(vector(kind.dtype), ir.Undefined)
    for k, place in enumerate(places):
        pointer = cgutils.get_item_pointer(context, builder, kind, column, [place])
        cells = builder.insert_element(cells, builder.load(pointer), INT(k))
    return cells


# -- eight places, and sums -------------------------------------------------------------------------
@intrinsic
def eight(typing_context: Any, samples: types.Type, k: types.Type) -> Any:
    """Eight numbers of places, from place k of an array of them."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        order = context.make_array(samples)(context, builder, values[0])
        first = builder.gep(order.data, [values[1]])
        numbers = builder.load(builder.bitcast(first, ir.VectorType(_INDEX, LANES).as_pointer()))
        numbers.align = 8
        return numbers

    return _SCATTERED(samples, types.int64), emit


@intrinsic
def plus(typing_context: Any, sums: types.UniTuple, parts: types.BaseTuple) -> Any:
    """Each sum with its part added."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        result = values[0]
        for k, kind in enumerate(parts):
            old, part = builder.extract_value(values[0], k), builder.extract_value(values[1], k)
            if isinstance(sums.dtype, Lanes):
                part = as_lanes(context, builder, part, kind, types.float64)
            else:
                part = context.cast(builder, part, kind, types.float64)
            result = builder.insert_value(result, builder.fadd(old, part), k)
        return result

    return sums(sums, parts), emit


def number(samples: Any, k: int) -> int:
    """The sample number at place k of a range or an array."""
    return samples[k]


@overload(number)
def _compiled_number(samples, k):
    if isinstance(samples, types.RangeType):
        return lambda samples, k: k
    return lambda samples, k: samples[k]
