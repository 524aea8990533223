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
from operator import add, itemgetter
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
    chunks = (samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK))
    return added(_chunk(sample, chunk, arguments) for chunk in chunks)


def added(parts: Iterable[Sums]) -> Sums:
    """The sums of sums, from the left."""
    return reduce(lambda a, b: tuple(map(add, a, b)), parts)


def _chunk(sample: Callable[..., Sums], samples: Sequence[int], arguments: tuple[object, ...]) -> Sums:
    parts = list(map(sample, samples, *map(repeat, arguments)))
    return tuple(_sum(list(map(itemgetter(k), parts))) for k in range(len(parts[0])))


def _sum(numbers: Sequence[float]) -> float:
    """The sum of a number of every sample of a chunk."""
    whole = len(numbers) - len(numbers) % LANES
    lanes = [reduce(add, numbers[lane:whole:LANES], 0.0) for lane in range(LANES if whole else 0)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = list(map(add, lanes[:half], lanes[half:]))
    rest = numbers[whole:]
    return reduce(add, [*lanes, *([reduce(add, rest, 0.0)] if rest else [])])


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
