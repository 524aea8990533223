"""What NumPy's own functions do with a tensor: `np.exp(x)` is `tidu.exp(x)`, `np.sum(x, axis=0)` is `x.sum(axis=0)`.

A function that has no counterpart here gives a sentence, never an array that has silently lost its gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tidu.eager import arrangements, compositions, contractions  # they enter their functions  # noqa: F401
from tidu.eager import functions as f
from tidu.eager.functions import PUBLIC as PUBLIC
from tidu.eager.values import Valued
from tidu.errors import TensorError
from tidu.language import ops
from tidu.language.expr import raised
from tidu.language.operand import applied
from tidu.language.operation import FUNCTIONS, NUMPY_NAMES, OPS
from tidu.text import _

Function = Callable[..., Any]


def _plainly(function: Function) -> Function:
    """`function` on the bare values: for answers that have no derivative by their nature."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_bare, args), **{k: _bare(v) for k, v in kwargs.items()})

    return answer


def _bare(a: Any) -> Any:
    return np.asarray(a.value) if isinstance(a, Valued) else a


_UFUNCS: dict[str, Function] = {
    "power": raised,
    "float_power": raised,
    "matmul": f.matmul,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "positive": lambda x: x,
    "isfinite": _plainly(np.isfinite),
    "isnan": _plainly(np.isnan),
    "isinf": _plainly(np.isinf),
    "bitwise_and": functools.partial(f.bits, "logical_and", "bitwise_and"),
    "bitwise_or": functools.partial(f.bits, "logical_or", "bitwise_or"),
    "invert": functools.partial(f.bits, "logical_not", "invert"),
}
_FUNCTIONS: dict[Any, Function] = {
    **{function: answer for function, answer in f.OF_NUMPY.items() if not isinstance(function, np.ufunc)},
    np.where: ops.where,
    **{
        function: _plainly(function)
        for function in (np.shape, np.ndim, np.size, np.allclose, np.isclose, np.array_equal, np.zeros_like,
                         np.ones_like, np.full_like, np.empty_like, np.array_str, np.array_repr, np.array2string)
    },
}  # fmt: skip


def functions_by_name() -> dict[str, Function]:
    """The functions of tensors and of the op table by name, read off the declarations."""
    entries = OPS | {name: OPS[entry] for name, entry in FUNCTIONS.items()}
    plain = {name: op.function for name, op in entries.items() if op.elementwise and "{a}" not in op.text}
    return {**plain, **PUBLIC}  # type: ignore[dict-item]


def ufunc_of(ufunc: Any, method: str, options: dict[str, Any]) -> Function:
    """The function that NumPy's `ufunc` means for tensors."""
    name = ufunc.__name__
    if method == "__call__" and not options:
        if name in _UFUNCS:
            return _UFUNCS[name]
        if ufunc in f.OF_NUMPY:
            return f.OF_NUMPY[ufunc]
        if name in NUMPY_NAMES:
            return lambda *args: applied(OPS[NUMPY_NAMES[name]], args)
    if options.get("out") is not None:
        raise TensorError(
            _(
                "'{name}' cannot write into an array: the gradient of the tensor would be lost; make a new tensor "
                "(y = y + x), or use x.data"
            ).format(name=ufunc.__name__)
        )
    raise _unknown(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")


def array_function_of(function: Any) -> Function:
    """The function that NumPy's `function` means for tensors."""
    if function in _FUNCTIONS:
        return _FUNCTIONS[function]
    raise _unknown(function.__name__)


def _unknown(name: str) -> TensorError:
    return TensorError(
        _(
            "numpy.{name} is not known for tensors, and would lose the gradient; write it with functions of tidu, or "
            "use x.data where no gradient is needed"
        ).format(name=name)
    )
