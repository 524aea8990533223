"""What a loop computes sample by sample, for many samples at once in NumPy, with the same bits: for the trace.

A number of each sample is an array of shape (samples,), a vector of each one of shape (units, samples). Sums, products
and quotients of NumPy are those of IEEE 754, and so of Python; of every other function, `runtime`'s own is called for
each number. Sums have the order of the loop: one after another, or that of `runtime.summation`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.language.expr import Expr, code_template
from tidu.language.operation import OPS, code_functions
from tidu.runtime.summation import LANES

Array = npt.NDArray[Any]
Number = Any  # a float, or an array of one number for each sample
MOST_CELLS = 1 << 20  # of the products that are added one after another; a few megabytes


# -- functions of one number ------------------------------------------------------------------------
def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers, called for each of them."""

    def called(*arguments: Number) -> Number:
        if not any(isinstance(a, np.ndarray) for a in arguments):
            return function(*arguments)
        spread = np.broadcast_arrays(*arguments)
        found = np.array(list(map(function, *(a.ravel().tolist() for a in spread)))).reshape(spread[0].shape)
        return found if found.dtype == bool else found.astype(np.float64)

    return called


def _either(for_one: Callable[..., Any], for_many: Callable[..., Any]) -> Callable[..., Any]:
    """One function for single numbers, another for arrays, with the same values."""
    return lambda *a: for_many(*a) if any(isinstance(x, np.ndarray) for x in a) else for_one(*a)


def _maximum(a: Number, b: Number) -> Array:
    return np.where(a != a, a, np.where(a >= b, a, b))


def _minimum(a: Number, b: Number) -> Array:
    return np.where(a != a, a, np.where(a <= b, a, b))


def _power_of_two(k: Array) -> Array:
    return np.where(k == k, np.ldexp(1.0, np.where(k == k, k, 0.0).astype(np.int64)), k)


_IN_NUMPY: dict[str, Callable[..., Any]] = {
    "divide": np.divide, "sqrt": np.sqrt, "fabs": np.abs, "where": np.where, "maximum": _maximum,
    "minimum": _minimum, "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_not": np.logical_not,
}  # fmt: skip


def _of_numbers() -> dict[str, Callable[..., Any]]:
    functions = {n: f for n, f in code_functions().items() if callable(f) and not n.startswith("_")}
    return {n: _either(f, _IN_NUMPY[n]) if n in _IN_NUMPY else _each(f) for n, f in functions.items()}


def _of_tiles() -> dict[str, Callable[..., Any]]:
    """The forms for eight numbers at a time: their own text with NumPy's words, for sums and products do for arrays."""
    found = {}
    for function in (op.vector for op in OPS.values() if op.vector is not None):
        assert isinstance(function, FunctionType)
        scope = dict(function.__globals__)
        for name, inner in function.__globals__.items():
            if isinstance(inner, FunctionType) and inner.__module__ == function.__module__:
                scope[name] = FunctionType(inner.__code__, scope, name, inner.__defaults__)
        scope |= _IN_NUMPY | {"power_of_two": _power_of_two}
        found[function.__name__] = _either(function, scope[function.__name__])
    return found


class Operations:
    """The value of one operation; loops over tiles have functions of their own (`on_tiles`) for some."""

    def __init__(self, on_tiles: bool) -> None:
        self.functions: Mapping[str, Callable[..., Any]] = _of_numbers() | (_of_tiles() if on_tiles else {})
        self._of_template = functools.cache(self._compiled)

    def _compiled(self, template: str, arity: int) -> Callable[..., Any]:
        names = [f"_{i}" for i in range(arity)]
        # The template is from the op table, never from a user.
        later = {n: f for n, f in _of_numbers().items() if n not in self.functions}  # operations added since
        scope = {**code_functions(), **later, **self.functions}
        function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {template.format(*names)}", scope)
        return function

    def __call__(self, node: Expr, arguments: Sequence[Number]) -> Number:
        """The value of a node whose arguments have these values."""
        with np.errstate(all="ignore"):
            return self._of_template(code_template(node), len(arguments))(*arguments)


# -- functions of the vectors of a tile -----------------------------------------------------------------
def _from_zero(terms: Sequence[Array]) -> Array:
    return functools.reduce(lambda total, term: total + term, terms, np.zeros_like(terms[0]))


def _matmul(weights: Array, x: Array) -> Array:
    return _from_zero([weights[:, k, np.newaxis] * x[k] for k in range(weights.shape[1])])


def _dot(weights: Array, x: Array) -> Array:
    return _from_zero([weights[k] * x[k] for k in range(len(weights))])


class Products:
    """The functions of `runtime.tiles` that compute a node, for all samples."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = functions

    def __call__(self, function: str, operands: Sequence[Array]) -> Array:
        """What `function` writes for these operands."""
        with np.errstate(all="ignore"):
            found: Array = getattr(self, function)(*operands)
        return found

    def matmul(self, weights: Array, x: Array) -> Array:
        """Σₖ weights[i, k] x[k, s]."""
        return _matmul(weights, x)

    def matmul_transposed(self, weights: Array, x: Array) -> Array:
        """Σᵢ weights[i, k] x[i, s]."""
        return _matmul(weights.T, x)

    def dot(self, weights: Array, x: Array) -> Array:
        """Σₖ weights[k] x[k, s]."""
        return _dot(weights, x)

    def entries(self, values: Array, places: Array) -> Array:
        """values[places[s]]."""
        found: Array = values[places.astype(np.intp)]
        return found

    def sum_units(self, x: Array) -> Array:
        """Σᵢ x[i, s]."""
        return _from_zero(list(x))

    def largest_unit(self, x: Array) -> Array:
        """maxᵢ x[i, s]."""
        return functools.reduce(_maximum, x)

    def logsumexp(self, x: Array) -> Array:
        """log Σᵢ e**x[i, s]."""
        top = self.largest_unit(x)
        top = np.where(np.abs(top) < np.inf, top, 0.0)
        found: Array = self.functions["log"](_from_zero([self.functions["exp"](row - top) for row in x])) + top
        return found

    def softmax(self, x: Array) -> Array:
        """e**x[i, s] / Σₖ e**x[k, s]."""
        top = self.largest_unit(x)
        terms = [self.functions["exp"](row - top) for row in x]
        return np.array(terms) / _from_zero(terms)


# -- sums over samples ----------------------------------------------------------------------------------
def running(values: Array, start: Any = 0.0) -> Array:
    """The totals after each of the values, along the last axis; they begin with `start`."""
    first = np.broadcast_to(np.asarray(start)[..., np.newaxis], (*values.shape[:-1], 1))
    with np.errstate(all="ignore"):
        return np.add.accumulate(np.concatenate([first, values], axis=-1), axis=-1)[..., 1:]


def sum_of_chunk(values: Array) -> Array:
    """The sum along the last axis in the order of `runtime.summation`, of at most one chunk."""
    whole = values.shape[-1] - values.shape[-1] % LANES
    parts = []
    with np.errstate(all="ignore"):
        if whole:
            by_lane = values[..., :whole].reshape(*values.shape[:-1], -1, LANES)
            lanes = running(np.moveaxis(by_lane, -1, -2))[..., -1]
            while lanes.shape[-1] > 1:
                half = lanes.shape[-1] // 2
                lanes = lanes[..., :half] + lanes[..., half:]
            parts.append(lanes[..., 0])
        if whole < values.shape[-1]:
            parts.append(running(values[..., whole:])[..., -1])
        return functools.reduce(np.add, parts)


def added(function: str, operands: Sequence[Array], total: Any) -> Any:
    """`total` with what `function` of `runtime.tiles` adds to it, sample after sample."""
    if function == "add_placed":
        total, (values, places) = np.array(total), operands
        with np.errstate(all="ignore"):
            np.add.at(total, places.astype(np.intp), values)
        return total
    count = operands[0].shape[-1]
    cells = max(1, int(np.size(total)))
    step = max(1, MOST_CELLS // cells)
    for first in range(0, count, step):
        part = [o[..., first : first + step] for o in operands]
        with np.errstate(all="ignore"):
            if function == "add_outer":
                terms = part[0][:, np.newaxis, :] * part[1][np.newaxis, :, :]
            else:
                terms = part[0] * part[1] if function == "add_scaled" else part[0]
        total = running(terms, total)[..., -1]
    return total
