"""What generated loops over networks call: a tile is up to 64 samples, with the sample as the last, innermost index.

`x[k, s]` is number k of sample s, so eight samples lie side by side and are computed at once. Products of matrices are
these few loops, written here as anyone would; machine code takes samples eight abreast, and products in blocks
(`engines/compiler/tile_kernels.py`). Every sum has one order, that of its index, which blocks do not change, and so
there is one result, to the bit. Of a tile in float32 each number is read as a double, so that it is only rounded where
it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.runtime.arrays import dropout_mask
from tidu.runtime.elementary import exp
from tidu.runtime.ieee import fabs, log, maximum, where
from tidu.runtime.summation import LANES, abreast, summed

TILE = 64  # samples; a layer of a hundred units then stays in the nearest cache
WIDTH = TILE + LANES  # of the memory of a tile: rows a power of two apart would crowd the same places of the cache
CHUNK = 4 * TILE  # samples that have sums of their own, which a thread computes
GROUP = 256 * CHUNK  # samples whose chunks have sums of their own, which a machine computes
Array = npt.NDArray[Any]


def take(source: Array, samples: Sequence[int], out: Array) -> None:
    """The rows `samples` of `source`, of shape (rows,) or (rows, numbers), as the first samples of a tile."""
    for s in range(len(samples)):
        if source.ndim == 1:
            out[s] = source[samples[s]]
        else:
            for k in range(source.shape[1]):
                out[k, s] = source[samples[s], k]


def take_mask(seed: int, step: int, layer: int, first: int, rate: float, count: int, out: Array) -> None:
    """What dropout multiplies the samples of a tile by: rows `first` on of `dropout_mask` for the batch."""
    mask = dropout_mask(seed, step, layer, (count, *out.shape[:-1]), rate, first=first)
    out[..., :count] = np.moveaxis(mask, 0, -1)


def each_chunk(
    chunk: Callable[..., None], first: int, last: int, sums: Array, group: Array, whole: Array, *arguments: Any
) -> None:
    """What `chunk(first, last, sums, *arguments)` adds to `sums`, for all samples from first to last.

    Each chunk begins with 0, and the sums of chunks are added in their order, so several threads can share the work;
    first those of 65,536 samples, then the sums of such groups, so machines can. `group` and `whole` are room of the
    size of `sums`.
    """
    for begin in range(first, last, GROUP):
        end = min(begin + GROUP, last)
        for start in range(begin, end, CHUNK):
            clear(sums)
            chunk(start, min(start + CHUNK, end), sums, *arguments)
            if last - first > CHUNK:
                if start == begin:
                    copy(sums, group)
                else:
                    add(sums, group)
        if last - first > GROUP:
            if begin == first:
                copy(group, whole)
            else:
                add(group, whole)
    if last - first > GROUP:
        copy(whole, sums)
    elif last - first > CHUNK:
        copy(group, sums)


def each_sample(function: Callable[..., None], count: int, *arguments: Any) -> None:
    """`function(s, *arguments)` for every sample of a tile."""
    for s in abreast(count):
        function(s, *arguments)


def each_unit(function: Callable[..., None], units: int, count: int, *arguments: Any) -> None:
    """`function(i, s, *arguments)` for every unit and every sample of a tile."""
    for i in range(units):
        for s in abreast(count):
            function(i, s, *arguments)


def each_number(function: Callable[..., float], *arguments: Any) -> float:
    """`function(j, *arguments)` for every place j of the arrays; 0 if all that it gives are finite, else nan."""
    flat = [a.reshape(-1) if isinstance(a, np.ndarray) else a for a in arguments]
    found = 0.0
    for j in range(len(flat[0])):
        number = function(j, *flat)
        found += number - number
    return found


def matmul(weights: Array, x: Array, count: int, out: Array) -> None:
    """out[i, s] = Σₖ weights[i, k] x[k, s], for every sample of a tile."""
    for i in range(weights.shape[0]):
        for s in abreast(count):
            total = 0.0
            for k in range(weights.shape[1]):
                total += weights[i, k] * x[k, s]
            out[i, s] = total


def matmul_transposed(weights: Array, x: Array, count: int, out: Array) -> None:
    """out[k, s] = Σᵢ weights[i, k] x[i, s], for every sample of a tile."""
    matmul(weights.T, x, count, out)


def dot(weights: Array, x: Array, count: int, out: Array) -> None:
    """out[s] = Σₖ weights[k] x[k, s], for every sample of a tile."""
    for s in abreast(count):
        total = 0.0
        for k in range(len(weights)):
            total += weights[k] * x[k, s]
        out[s] = total


def entries(values: Array, places: Array, count: int, out: Array) -> None:
    """out[s] = values[places[s]], of places that are whole numbers as floats."""
    for s in range(count):
        out[s] = values[int(places[s])]


def add_placed(values: Array, places: Array, count: int, total: Array) -> None:
    """Add each values[s] to total[places[s]], sample after sample."""
    for s in range(count):
        total[int(places[s])] += float(values[s])


def add_outer(a: Array, b: Array, count: int, total: Array) -> None:
    """Add Σₛ a[i, s] b[k, s] to total[i, k]."""
    for i in range(total.shape[0]):
        for k in range(total.shape[1]):
            for s in range(count):
                total[i, k] += float(a[i, s]) * float(b[k, s])


def add_scaled(a: Array, x: Array, count: int, total: Array) -> None:
    """Add Σₛ a[s] x[k, s] to total[k]."""
    for k in range(len(total)):
        for s in range(count):
            total[k] += float(a[s]) * float(x[k, s])


def add_samples(values: Array, count: int, total: Array) -> None:
    """Add Σₛ values[i, s] to total[i]."""
    for i in range(len(total)):
        for s in range(count):
            total[i] += values[i, s]


def added(values: Array, count: int, total: float) -> float:
    """`total` and the values of all samples."""
    for s in range(count):
        total += float(values[s])
    return total


def sum_units(x: Array, count: int, out: Array) -> None:
    """out[s] = Σᵢ x[i, s]."""
    for s in abreast(count):
        total = 0.0
        for i in range(len(x)):
            total += float(x[i, s])
        out[s] = total


def largest_unit(x: Array, count: int, out: Array) -> None:
    """out[s] = maxᵢ x[i, s]."""
    for s in abreast(count):
        top = float(x[0, s])
        for i in range(1, len(x)):
            top = maximum(top, float(x[i, s]))
        out[s] = top


def logsumexp(x: Array, count: int, out: Array) -> None:
    """out[s] = log Σᵢ e**x[i, s], without overflow."""
    for s in abreast(count):
        top = float(x[0, s])
        for i in range(1, len(x)):
            top = maximum(top, float(x[i, s]))
        top = where(fabs(top) < inf, top, 0.0)
        total = 0.0
        for i in range(len(x)):
            total += exp(float(x[i, s]) - top)
        out[s] = log(total) + top


def softmax(x: Array, count: int, out: Array) -> None:
    """out[i, s] = e**x[i, s] / Σₖ e**x[k, s], without overflow."""
    for s in abreast(count):
        top = float(x[0, s])
        for i in range(1, len(x)):
            top = maximum(top, float(x[i, s]))
        total = 0.0
        for i in range(len(x)):
            out[i, s] = exp(float(x[i, s]) - top)
            total += float(out[i, s])
        for i in range(len(x)):
            out[i, s] = float(out[i, s]) / total


def squared(place: int, values: Array) -> tuple[float]:
    """The square of one number, for `summed`."""
    return (values[place] * values[place],)


def sum_of_squares(values: Array) -> float:
    """Σ values², in the order of `summation.summed`."""
    return summed(squared, range(values.size), values.reshape(-1))[0]


def sum_numbers(function: Callable[..., tuple[float]], *arguments: Any) -> float:
    """The sum of what `function(j, *arguments)` gives for every place j of the arrays, in the order of `summed`."""
    flat = [a.reshape(-1) if isinstance(a, np.ndarray) else a for a in arguments]
    return summed(function, range(len(flat[0])), *flat)[0]


def add(values: Array, total: Array) -> None:
    """Add every number to that of `total`."""
    total += values


def clear(values: Array) -> None:
    """Set every number to 0."""
    values[...] = 0.0


def farthest(new: Array, old: Array) -> float:
    """max |new - old|, of finite numbers."""
    return float(np.max(np.abs(new - old)))


def copy(values: Array, out: Array) -> None:
    """Set every number of `out` to that of `values`."""
    out[...] = values
