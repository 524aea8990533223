"""The products and sums of `runtime.tiles` in blocks that suit machine vectors and registers, in the language of loops.

Machine code takes these in place of the functions of the same names. A product holds four rows of its result in
registers while it runs along the sum, so each number that is read is used four times; the order of every sum is that
of its index, as in `tiles`. `eight_from(first)` are eight places from `first` on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tidu.runtime.ieee import fabs
from tidu.runtime.summation import LANES, abreast
from tidu.runtime.tiles import TILE, Array


def eight_from(first: int) -> Any:
    """Eight places."""
    return slice(first, first + LANES)


def turned(*rows: Array) -> Any:
    """Eight times eight numbers, with rows and columns exchanged."""
    return tuple(np.stack(rows, axis=1))


def scratch(rows: int) -> Array:
    """Memory for rows of eight numbers."""
    return np.empty((rows, LANES))


def take(source: Array, samples: Sequence[int], out: Array) -> None:
    """The rows `samples` of `source` as the first samples of a tile; eight rows and eight numbers of each at a time."""
    count = len(samples)
    whole = count - count % LANES
    if source.ndim == 1:
        for s in range(count):
            out[s] = source[samples[s]]
    else:
        columns = source.shape[1]
        blocks = columns - columns % LANES
        for first in range(0, whole, LANES):
            s = eight_from(first)
            for c in range(0, blocks, LANES):
                k = eight_from(c)
                x0, x1, x2, x3, x4, x5, x6, x7 = turned(
                    source[samples[first], k], source[samples[first + 1], k], source[samples[first + 2], k],
                    source[samples[first + 3], k], source[samples[first + 4], k], source[samples[first + 5], k],
                    source[samples[first + 6], k], source[samples[first + 7], k],
                )  # fmt: skip
                out[c, s], out[c + 1, s], out[c + 2, s], out[c + 3, s] = x0, x1, x2, x3
                out[c + 4, s], out[c + 5, s], out[c + 6, s], out[c + 7, s] = x4, x5, x6, x7
            for c in range(blocks, columns):
                for j in range(first, first + LANES):
                    out[c, j] = source[samples[j], c]
        for j in range(whole, count):
            for c in range(columns):
                out[c, j] = source[samples[j], c]


def dot(weights: Array, x: Array, count: int, out: Array) -> None:
    """out[s] = Σₖ weights[k] x[k, s]; four times eight samples at once, for no sum to wait for another."""
    whole = count - count % (4 * LANES)
    for first in range(0, whole, 4 * LANES):
        a, b = eight_from(first), eight_from(first + LANES)
        c, d = eight_from(first + 2 * LANES), eight_from(first + 3 * LANES)
        t0 = t1 = t2 = t3 = 0.0
        for k in range(len(weights)):
            w = weights[k]
            t0 = t0 + w * x[k, a]
            t1 = t1 + w * x[k, b]
            t2 = t2 + w * x[k, c]
            t3 = t3 + w * x[k, d]
        out[a], out[b], out[c], out[d] = t0, t1, t2, t3
    for first in range(whole, count, LANES):
        a = eight_from(first)
        t0 = 0.0
        for k in range(len(weights)):
            t0 = t0 + weights[k] * x[k, a]
        out[a] = t0


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
    places = eight_from(0)
    for first in range(0, columns, LANES):
        width = min(LANES, columns - first)
        for j in range(width):
            for s in range(count):
                units[s, j] = b[first + j, s]
        k = eight_from(first)
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
    """Add Σₛ a[s] x[k, s] to total[k]; eight k lie side by side."""
    rows = len(total)
    blocks, whole = rows - rows % LANES, count - count % LANES
    for first in range(0, blocks, LANES):
        k = eight_from(first)
        t = total[k]
        for s in range(0, whole, LANES):
            at = eight_from(s)
            x0, x1, x2, x3, x4, x5, x6, x7 = turned(
                x[first, at], x[first + 1, at], x[first + 2, at], x[first + 3, at],
                x[first + 4, at], x[first + 5, at], x[first + 6, at], x[first + 7, at],
            )  # fmt: skip
            t = t + float(a[s]) * x0
            t = t + float(a[s + 1]) * x1
            t = t + float(a[s + 2]) * x2
            t = t + float(a[s + 3]) * x3
            t = t + float(a[s + 4]) * x4
            t = t + float(a[s + 5]) * x5
            t = t + float(a[s + 6]) * x6
            t = t + float(a[s + 7]) * x7
        for s in range(whole, count):
            t = t + float(a[s]) * x[k, s]
        total[k] = t
    for j in range(blocks, rows):
        for s in range(count):
            total[j] += float(a[s]) * float(x[j, s])


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


def add(values: Array, total: Array) -> None:
    """Add every number to that of `total`; both have one axis."""
    whole = values.size - values.size % LANES
    for k in range(0, whole, LANES):
        eight = eight_from(k)
        total[eight] = total[eight] + values[eight]
    for k in range(whole, values.size):
        total[k] += values[k]


def clear(values: Array) -> None:
    """Set every number to 0."""
    flat = values.reshape(-1)
    for k in range(values.size):
        flat[k] = 0.0


def found_in(function: Callable[..., Any], *arguments: Any) -> float:
    """What `tiles.each_number` gives, of arrays of one axis: eight places at a time, then the rest."""
    size = len(arguments[0])
    whole = size - size % LANES
    found, rest = 0.0, 0.0
    for first in range(0, whole, LANES):
        eight = function(eight_from(first), *arguments)
        found = found + (eight - eight)
    for j in range(whole, size):
        number = function(j, *arguments)
        rest = rest + (number - number)
    return rest + sum_of_eight(found)


def sum_of_eight(numbers: Any) -> float:
    """The sum of eight numbers, in pairs."""
    while len(numbers) > 1:
        half = len(numbers) // 2
        numbers = numbers[:half] + numbers[half:]
    return float(numbers[0])
