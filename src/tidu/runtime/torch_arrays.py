"""The counterpart of `arrays.py` for PyTorch: functions that it lacks, or that refuse plain numbers or a tuple of axes.

Loops that are written for PyTorch import from here; nothing else does, so torch is imported only where a device is
asked for. Names and meanings are those of `arrays.py` and of NumPy.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from tidu.runtime import arrays

LOG_2 = math.log(2.0)

sigmoid = torch.sigmoid
erf = torch.special.erf
erfc = torch.special.erfc


def softplus(x: Any) -> Any:
    """log(1 + e**x), without overflow on either side; torch's own goes over to x from 20 on."""
    return torch.clamp(x, min=0.0) + torch.log1p(torch.exp(-torch.abs(x)))


def log_cosh(x: Any) -> Any:
    """log(cosh(x)), without overflow far out and without cancellation near 0."""
    size = torch.abs(x)
    near = 0.5 * torch.log1p(torch.sinh(torch.clamp(size, max=1.0)) ** 2)
    return torch.where(size < 1.0, near, size + torch.log1p(torch.exp(-2.0 * size)) - LOG_2)


def whole_power(x: Any, n: int) -> Any:
    """x**n for a whole number n; a product up to the fourth power."""
    if 2 <= n <= 4:
        square = x * x
        return square if n == 2 else square * x if n == 3 else square * x * x
    return torch.pow(x, n)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two, of which one may be a number; nan where either is."""
    return torch.clamp(*_tensor_first(a, b)) if _one_number(a, b) else torch.maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two, of which one may be a number; nan where either is."""
    if not _one_number(a, b):
        return torch.minimum(a, b)
    x, bound = _tensor_first(a, b)
    return torch.clamp(x, max=bound)


def _one_number(a: Any, b: Any) -> bool:
    return not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor))


def _tensor_first(a: Any, b: Any) -> tuple[Any, Any]:
    return (a, b) if isinstance(a, torch.Tensor) else (b, a)


def _of_two(function: Any) -> Any:
    """A function of two tensors, of which one may be a number."""

    def of_two(a: Any, b: Any) -> Any:
        x, _other = _tensor_first(a, b)
        return function(*(v if isinstance(v, torch.Tensor) else torch.full_like(x, v) for v in (a, b)))

    return of_two


arctan2, hypot, logaddexp, fmod, remainder = map(
    _of_two, (torch.arctan2, torch.hypot, torch.logaddexp, torch.fmod, torch.remainder)
)


def degrees(x: Any) -> Any:
    """Degrees of x radians."""
    return x * (180.0 / math.pi)


def radians(x: Any) -> Any:
    """Radians of x degrees."""
    return x * (math.pi / 180.0)


def where(condition: Any, a: Any, b: Any, dtype: Any = None) -> Any:
    """`a` where the condition holds, `b` elsewhere; two plain numbers become a tensor of `dtype`."""
    if not isinstance(condition, torch.Tensor):
        return a if condition else b
    if dtype is not None:  # torch would take its default, float32
        return torch.full_like(condition, b, dtype=dtype).masked_fill_(condition, a)
    return torch.where(condition, a, b)


def first_largest(x: Any, axis: tuple[int, ...]) -> Any:
    """True at the largest element along `axis`, the first of them where several are equal; False elsewhere."""
    order = [k for k in range(x.ndim) if k not in axis] + list(axis)
    front = torch.permute(x, order)
    flat = front.reshape(*front.shape[: x.ndim - len(axis)], -1)
    # argmax may name any of several equal ones; the running count of them names the first.
    largest = flat == torch.amax(flat, dim=-1, keepdim=True)
    mark = largest & (torch.cumsum(largest, dim=-1) == 1)
    return torch.permute(mark.reshape(front.shape), [order.index(k) for k in range(x.ndim)])


def logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """log of the sum of e**x along `axis`, without overflow."""
    return torch.logsumexp(x, dim=axis, keepdim=keepdims)


def softmax(x: Any, axis: tuple[int, ...]) -> Any:
    """e**x over the sum of e**x along `axis`, without overflow."""
    if len(axis) == 1:
        return torch.softmax(x, dim=axis[0])
    z = torch.exp(x - torch.amax(x, dim=axis, keepdim=True))
    return z / torch.sum(z, dim=axis, keepdim=True)


def entry(a: Any, k: Any) -> Any:
    """The numbers of the vector `a` at the places `k`, whole numbers as floats."""
    return a[torch.as_tensor(k, device=a.device).long()]


def placed(g: Any, k: Any, size: int) -> Any:
    """Zeros, `size` of them, with each number of `g` added at its place in `k`."""
    g, k = torch.broadcast_tensors(torch.as_tensor(g, device=k.device), k)
    return g.new_zeros(size).index_add(0, k.reshape(-1).long(), g.reshape(-1))


def scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with `g` added at `key`: what `x[key]` takes out, put back; a place named twice gets both."""
    whole = g.new_zeros(shape)
    parts = key if isinstance(key, tuple) else (key,)
    if all(isinstance(part, (int, slice)) or part is None or part is Ellipsis for part in parts):
        whole[key] = g
    else:
        places = tuple(torch.as_tensor(part, device=g.device) for part in parts)
        whole.index_put_(places, g, accumulate=True)
    return whole


def dropout_mask(seed: int, step: int, layer: int, shape: tuple[int, ...], rate: float, dtype: str = "float64") -> Any:
    """What dropout multiplies the values of a batch by; the same numbers as with NumPy."""
    return torch.as_tensor(arrays.dropout_mask(seed, step, layer, shape, rate, dtype))
