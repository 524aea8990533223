"""The products and sums of `runtime.tiles` in blocks that machine vectors and registers like, in the language of loops.

Machine code takes these in place of the functions of the same names. A product holds four rows of its result in
registers while it runs along the sum, so each number that is read is used four times; the order of every sum is that
of its index, as in `tiles`. `eight(first)` are eight places from `first` on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tidu.runtime.ieee import fabs
from tidu.runtime.summation import LANES, abreast
from tidu.runtime.tiles import TILE, Array


def eight(first: int) -> Any:
    """Eight places."""
    return slice(first, first + LANES)


def scratch(rows: int) -> Array:
    """Memory for rows of eight numbers."""
    return np.empty((rows, LANES))


def matmul(weights: Array, x: Array, count: int, out: Array) -> None:
    """out[i, s] = Σₖ weights[i, k] x[k, s]."""
    rows, terms = weights.shape
    blocks = rows - rows % 4
    for s in abreast(count):
        for i in range(0, blocks, 4):
            t0 = t1 = t2 = t3 = 0.0
            for k in range(terms):
                x_k = x[k, s]
                t0 = t0 + weights[i, k] * x_k
                t1 = t1 + weights[i + 1, k] * x_k
                t2 = t2 + weights[i + 2, k] * x_k
                t3 = t3 + weights[i + 3, k] * x_k
            out[i, s], out[i + 1, s], out[i + 2, s], out[i + 3, s] = t0, t1, t2, t3
        for i in range(blocks, rows):
            t0 = 0.0
            for k in range(terms):
                t0 = t0 + weights[i, k] * x[k, s]
            out[i, s] = t0


def add_outer(a: Array, b: Array, count: int, total: Array) -> None:
    """Add Σₛ a[i, s] b[k, s] to total[i, k]; eight k lie side by side."""
    rows, columns = total.shape
    units = scratch(TILE + 1)  # eight units of b, with the sample first
    places = eight(0)
    for first in range(0, columns, LANES):
        width = min(LANES, columns - first)
        for j in range(width):
            for s in range(count):
                units[s, j] = b[first + j, s]
        k = eight(first)
        blocks = rows - rows % 4 if width == LANES else 0
        for i in range(0, blocks, 4):
            t0, t1, t2, t3 = total[i, k], total[i + 1, k], total[i + 2, k], total[i + 3, k]
            for s in range(count):
                b_s = units[s, places]
                t0 = t0 + a[i, s] * b_s
                t1 = t1 + a[i + 1, s] * b_s
                t2 = t2 + a[i + 2, s] * b_s
                t3 = t3 + a[i + 3, s] * b_s
            total[i, k], total[i + 1, k], total[i + 2, k], total[i + 3, k] = t0, t1, t2, t3
        for i in range(blocks, rows):
            for j in range(width):
                units[TILE, j] = total[i, first + j]
            t0 = units[TILE, places]
            for s in range(count):
                t0 = t0 + a[i, s] * units[s, places]
            units[TILE, places] = t0
            for j in range(width):
                total[i, first + j] = units[TILE, j]


def add_scaled(a: Array, x: Array, count: int, total: Array) -> None:
    """Add Σₛ a[s] x[k, s] to total[k]; four sums at once, for none to wait for another."""
    rows = len(total)
    blocks = rows - rows % 4
    for k in range(0, blocks, 4):
        t0, t1, t2, t3 = total[k], total[k + 1], total[k + 2], total[k + 3]
        for s in range(count):
            t0 = t0 + a[s] * x[k, s]
            t1 = t1 + a[s] * x[k + 1, s]
            t2 = t2 + a[s] * x[k + 2, s]
            t3 = t3 + a[s] * x[k + 3, s]
        total[k], total[k + 1], total[k + 2], total[k + 3] = t0, t1, t2, t3
    for k in range(blocks, rows):
        for s in range(count):
            total[k] += a[s] * x[k, s]


def add_samples(values: Array, count: int, total: Array) -> None:
    """Add Σₛ values[i, s] to total[i]; four sums at once."""
    rows = len(total)
    blocks = rows - rows % 4
    for k in range(0, blocks, 4):
        t0, t1, t2, t3 = total[k], total[k + 1], total[k + 2], total[k + 3]
        for s in range(count):
            t0 = t0 + values[k, s]
            t1 = t1 + values[k + 1, s]
            t2 = t2 + values[k + 2, s]
            t3 = t3 + values[k + 3, s]
        total[k], total[k + 1], total[k + 2], total[k + 3] = t0, t1, t2, t3
    for k in range(blocks, rows):
        for s in range(count):
            total[k] += values[k, s]


def farthest(new: Array, old: Array) -> float:
    """max |new - old|, of finite numbers."""
    far = 0.0
    a, b = new.reshape(-1), old.reshape(-1)
    for k in range(new.size):
        far = max(far, fabs(a[k] - b[k]))
    return far


def copy(values: Array, out: Array) -> None:
    """Set every number of `out` to that of `values`."""
    a, b = values.reshape(-1), out.reshape(-1)
    for k in range(values.size):
        b[k] = a[k]


def clear(values: Array) -> None:
    """Set every number to 0."""
    flat = values.reshape(-1)
    for k in range(values.size):
        flat[k] = 0.0
