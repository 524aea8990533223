"""Sums over samples in machine code: eight samples in one machine vector, or one sample for eight runs.

The order is that of `runtime.summation`: every eighth sample in the same running sum, the eight added in pairs, the
rest behind them, chunk by chunk. `known` names these for the functions that loops call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tidu.engines.compiler.assembly import Body, Number, constant, zero
from tidu.engines.compiler.machine_kinds import Array, Places, Range, Text, Value, part
from tidu.runtime.summation import CHUNK, LANES

if TYPE_CHECKING:
    from tidu.engines.compiler.flow import Frame

BLOCK = 512  # samples; few enough for their cells to stay in a core's first cache while each run reads them


class _Sums:
    """Running sums on the stack: numbers, or eight of each."""

    def __init__(self, body: Body, count: int, eight: bool) -> None:
        self.body, self.eight = body, eight
        self.places = [body.room(zero("double", eight).llvm) for _ in range(count)]

    def clear(self) -> None:
        self.set([zero("double", self.eight)] * len(self.places))

    def set(self, numbers: Sequence[Number]) -> None:
        for number, place in zip(numbers, self.places, strict=True):
            self.body.store(number, place)

    def values(self) -> list[Number]:
        return [self.body.load(place, "double", self.eight) for place in self.places]

    def add(self, parts: Sequence[Number]) -> None:
        parts = [self.body.converted(p, "double") for p in parts]
        self.set(_added(self.body, self.values(), list(map(self.body.spread, parts)) if self.eight else parts))


def _added(body: Body, a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    return [body.arithmetic("fadd", x, y) for x, y in zip(a, b, strict=True)]


def _in_pairs(body: Body, lanes: Sequence[Sequence[Number]]) -> Sequence[Number]:
    """The same for eight lists of numbers."""
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [_added(body, a, b) for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


def summed(frame: Frame, sample: Text, samples: Range | Array, *arguments: Value) -> tuple[Value, ...]:
    """`summation.summed`."""
    body = frame.body
    of_runs = any(isinstance(a, Number) and a.eight for a in arguments)
    first, last = (samples.first, samples.last) if isinstance(samples, Range) else (constant(0), samples.shape[0])

    def at(place: Number | Places) -> Value:
        return place if isinstance(samples, Range) else part(body, samples, [place])

    def parts(place: Number | Places) -> list[Number]:
        given = frame.call(sample, [at(place), *arguments])
        return [frame.number(value) for value in given]

    count = sample.results
    if count is None:
        raise TypeError("a sample gives a tuple")
    total, chunk, rest = (_Sums(body, count, of_runs) for _ in range(3))
    total.clear()
    running = (_of_eight_runs if of_runs else _of_eight_samples)(body, count, parts)
    with body.loop(first, last, CHUNK) as start:
        end = body.arithmetic("add", start, constant(CHUNK))
        stop = body.select(body.compared("lt", end, last), end, last)
        whole = body.arithmetic(
            "sub", stop, body.arithmetic("and", body.arithmetic("sub", stop, start), constant(LANES - 1))
        )
        chunk.set(running(start, whole))
        with body.when(body.compared("lt", whole, stop)):
            rest.clear()
            with body.loop(whole, stop) as place:
                rest.add(parts(place))
            chunk.add(rest.values())
        total.add(chunk.values())
    return tuple(total.values())


Running = Callable[[Number, Number], Sequence[Number]]
Parts = Callable[[Number | Places], list[Number]]


def _of_eight_samples(body: Body, count: int, parts: Parts) -> Running:
    """The sums over whole eights of samples, which lie side by side in machine vectors."""
    lanes = _Sums(body, count, eight=True)

    def running(start: Number, whole: Number) -> Sequence[Number]:
        lanes.clear()
        with body.loop(start, whole, LANES) as place:
            lanes.add(parts(Places(place)))
        return list(map(body.in_pairs, lanes.values()))

    return running


def _of_eight_runs(body: Body, count: int, parts: Parts) -> Running:
    """The same for eight runs: each of the eight running sums by itself, a block of samples at a time."""
    kept = body.room(zero("double", True).llvm, LANES * count)
    sums = _Sums(body, count, eight=True)

    def place_of(lane: Number, k: int) -> str:
        return body.at(kept, zero("double", True).llvm, body.arithmetic("add", lane, constant(k * LANES)))

    def running(start: Number, whole: Number) -> Sequence[Number]:
        with body.loop(constant(0), constant(LANES)) as lane:
            for k in range(count):
                body.store(zero("double", True), place_of(lane, k))
        with body.loop(start, whole, BLOCK) as block:
            end = body.arithmetic("add", block, constant(BLOCK))
            stop = body.select(body.compared("lt", end, whole), end, whole)
            with body.loop(constant(0), constant(LANES)) as lane:
                sums.set([body.load(place_of(lane, k), "double", True) for k in range(count)])
                with body.loop(body.arithmetic("add", block, lane), stop, LANES) as place:
                    sums.add(parts(place))
                for k, value in enumerate(sums.values()):
                    body.store(value, place_of(lane, k))
        every = [
            [body.load(place_of(constant(lane), k), "double", True) for k in range(count)] for lane in range(LANES)
        ]
        return _in_pairs(body, every)

    return running
