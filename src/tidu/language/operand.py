"""How the functions of the op tables choose what to do: record an expression, record a tensor, or just compute.

`exp(x)` is one function. On an `Operand` (an expression, a tensor) it is the operand that says what applying an
operation means; on numbers and NumPy arrays it is the value. So the derivative rules, which are written with these
functions and with operators, serve expressions, tensors and bare arrays alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.runtime import arrays

if TYPE_CHECKING:
    from tidu.language.operation import Op

Function = Callable[..., Any]
NUMBERS = (float, int, bool)


class Operand:
    """Something that records the operations done with it."""

    __slots__ = ()

    def applied(self, op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...]) -> Any:
        """`op` on `args`, of which this is one."""
        raise NotImplementedError


def applied(op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...] = ()) -> Any:
    """`op` on operands, numbers or arrays."""
    single = True  # Python numbers alone
    for a in args:
        if isinstance(a, Operand):
            return a.applied(op, args, attrs)
        single = single and type(a) in NUMBERS
    numbers = op.on_numbers(*attrs)
    if single and numbers is not None:
        value = numbers(*(a if type(a) is bool else float(a) for a in args))
        return value if type(value) is bool else float(value)
    for a in args:
        if isinstance(a, (str, bytes)) or a is None:
            raise TypeError(f"{op.name} takes numbers, arrays, tensors or expressions, not {a!r}")
    # Among elements a Python number takes the precision of the array beside it; what is about shapes needs one.
    weak = NUMBERS if numbers is not None else ()
    return op.on_arrays(*(a if type(a) in weak else np.asarray(a) for a in args), *attrs)


@functools.cache
def array_function(template: str, arity: int | None, attributes: int) -> Function:
    """The function of an `array` template: `{0}`, `{1}` (or `{args}`: all of them), then attributes `{a}`, `{b}`."""
    names = [f"_{i}" for i in range(arity or 0)]
    extra = [f"_{letter}" for letter in "abc"[:attributes]]
    if arity is None:  # any number of arguments, the attributes behind them
        places = {"args": f"*_args[:-{attributes}]"}
        places |= {letter: f"_args[{k - attributes}]" for k, letter in enumerate("abc"[:attributes])}
        header = "*_args"
    else:
        places = dict(zip("abc", extra, strict=False))
        header = ", ".join([*names, *extra])
    # The template is from an op table, never from a user.
    function: Function = eval(f"lambda {header}: {template.format(*names, **places)}", {"xp": np, **vars(arrays)})
    return function


def on_reals(function: Function) -> Function:
    """`function` with the whole numbers and truth values of arrays as float64."""

    def real(a: Any) -> Any:
        return a.astype(np.float64) if isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind in "iub" else a

    def of_floats(*args: Any) -> Any:
        return function(*map(real, args))

    return of_floats
