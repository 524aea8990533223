"""What generated loops call for many numbers at once; above all sums over samples, always in the same order.

Every eighth sample goes to the same one of eight running sums, so that eight samples can be computed at once. The
eight are added in pairs; the last samples, fewer than eight, have a sum of their own, which is added to that. Every
65,536 samples make one such sum, and these are added one after another, so that several threads can share the work.
Whoever computes them (plain Python here, machine code, threads), the order is this one, and so is every bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import repeat
from operator import add
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LANES = 8  # enough for the additions of a core not to wait for each other
CHUNK = 65_536  # samples; long enough for handing one to a thread to cost nothing

Sums = tuple[float, ...]


def summed(sample: Callable[..., Sums], samples: Sequence[int], *arguments: object) -> Sums:
    """The sum of what `sample(i, *arguments)` gives, part by part, over the sample numbers in `samples`.

    `samples` is a range, or a list of numbers; not empty.
    """

    def sums_of(runs: Iterable[Sequence[int]]) -> list[float]:
        parts = (zip(*map(sample, run, *map(repeat, arguments)), strict=True) for run in runs)
        return [reduce(add, numbers, 0.0) for part in parts for numbers in part]

    return in_order(sums_of, samples)


def in_order(sums_of: Callable[[Iterable[Sequence[int]]], Sequence[float]], samples: Sequence[int]) -> Sums:
    """The sum over all samples.

    `sums_of` gives, for several runs of sample numbers, the sums of each run, added one after another from 0, in a row.
    """
    return added(_chunk(sums_of, samples[start : start + CHUNK]) for start in range(0, len(samples), CHUNK))


def added(parts: Iterable[Sums]) -> Sums:
    """The sums of sums, from the left."""
    return reduce(lambda a, b: tuple(map(add, a, b)), parts)


def _chunk(sums_of: Callable[[Iterable[Sequence[int]]], Sequence[float]], samples: Sequence[int]) -> Sums:
    whole = len(samples) - len(samples) % LANES
    rest = tuple(sums_of([samples[whole:]])) if whole < len(samples) else ()
    if not whole:
        return rest
    lanes = sums_of([samples[lane:whole:LANES] for lane in range(LANES)])
    count = len(lanes) // LANES
    while len(lanes) > count:
        half = len(lanes) // 2
        lanes = list(map(add, lanes[:half], lanes[half:]))
    return tuple(map(add, lanes, rest)) if rest else tuple(lanes)


def abreast(count: int) -> range:
    """The places before `count`; machine code takes them eight at a time, and what is behind them may be written on."""
    return range(count)


def eight_at(places: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Eight numbers, from place k on."""
    return places[k : k + LANES]


def put(array: npt.NDArray[Any], places: npt.NDArray[np.int64], k: int, values: npt.NDArray[Any]) -> None:
    """Write eight values to where eight numbers of `places`, from place k on, say."""
    array[eight_at(places, k)] = values


def record(history: list[tuple[float, ...]], row: int, values: tuple[float, ...]) -> None:
    """Write a row of the history."""
    history[row] = values
