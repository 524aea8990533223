"""The counterpart of `arrays.py` for JAX: functions that `jax.numpy` lacks, or that change an array in place.

Programs that are exported to JAX contain these; nothing else imports them. Names and meanings are those of `arrays.py`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from tidu.runtime import arrays

LOG_2 = math.log(2.0)


def all_finite(*numbers: Any) -> bool:
    """Whether all numbers, and all in these arrays, are finite."""
    return all(bool(jnp.isfinite(x).all()) for x in numbers)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e**-x), without overflow on either side."""
    return jax.nn.sigmoid(x)


def erf(x: Any) -> Any:
    """Error function."""
    return jax.scipy.special.erf(x)


def erfc(x: Any) -> Any:
    """1 - erf(x), exact where erf(x) is near 1."""
    return jax.scipy.special.erfc(x)


def softplus(x: Any) -> Any:
    """log(1 + e**x), without overflow on either side."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def log_cosh(x: Any) -> Any:
    """log(cosh(x)), without overflow far out and without cancellation near 0."""
    size = jnp.abs(x)
    near = 0.5 * jnp.log1p(jnp.sinh(jnp.minimum(size, 1.0)) ** 2)
    return jnp.where(size < 1.0, near, size + jnp.log1p(jnp.exp(-2.0 * size)) - LOG_2)


def whole_power(x: Any, n: int) -> Any:
    """x**n for a whole number n; a product up to the fourth power."""
    if 2 <= n <= 4:
        square = x * x
        return square if n == 2 else square * x if n == 3 else square * x * x
    return jnp.power(x, float(n))


def first_largest(x: Any, axis: tuple[int, ...]) -> Any:
    """True at the largest element along `axis`, the first of them where several are equal; False elsewhere."""
    order = [k for k in range(x.ndim) if k not in axis] + list(axis)
    front = jnp.transpose(x, order)
    flat = front.reshape(*front.shape[: x.ndim - len(axis)], -1)
    mark = jnp.arange(flat.shape[-1]) == jnp.argmax(flat, axis=-1, keepdims=True)
    return jnp.transpose(mark.reshape(front.shape), [order.index(k) for k in range(x.ndim)])


def logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """log of the sum of e**x along `axis`, without overflow."""
    return jax.nn.logsumexp(x, axis=axis, keepdims=keepdims)


def softmax(x: Any, axis: tuple[int, ...]) -> Any:
    """e**x over the sum of e**x along `axis`, without overflow."""
    return jax.nn.softmax(x, axis=axis)


def entry(a: Any, k: Any) -> Any:
    """The numbers of the vector `a` at the places `k`, whole numbers as floats."""
    return a[jnp.asarray(k).astype(int)]


def placed(g: Any, k: Any, size: int) -> Any:
    """Zeros, `size` of them, with each number of `g` added at its place in `k`."""
    g, k = jnp.broadcast_arrays(g, k)
    return jnp.zeros(size, dtype=g.dtype).at[k.astype(int)].add(g)


def scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with `g` added at `key`: what `x[key]` takes out, put back; a place named twice gets both."""
    return jnp.zeros(shape, dtype=g.dtype).at[key].add(g)


def dropout_mask(seed: int, step: int, layer: int, shape: tuple[int, ...], rate: float, dtype: str = "float64") -> Any:
    """What dropout multiplies the values of a batch by; the same numbers as with NumPy."""
    return jnp.asarray(arrays.dropout_mask(seed, step, layer, shape, rate, dtype))
