"""Masks of dropout in the language of loops: the numbers of NumPy's generator, drawn where a tile needs them.

Machine code takes `take_mask` in place of that of `runtime.tiles`. `wide`, `plus`, `times` and `drawn` are of numbers
of 128 bits, which the compiler knows; a number of 64 bits is taken as it is written in memory, without a sign.
Sources: O'Neill 2014 and 2015, as in `runtime.permutation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidu.runtime.arrays import MASKS
from tidu.runtime.ieee import where
from tidu.runtime.permutation import MULTIPLIER, POOL, STATE, WORD
from tidu.runtime.tiles import Array

HALF = (1 << 64) - 1
MULTIPLIER_HIGH, MULTIPLIER_LOW = MULTIPLIER >> 64, MULTIPLIER & HALF


# -- 128 bits -----------------------------------------------------------------------------------------
def wide(high: int, low: int) -> int:
    """A number of 128 bits from its halves."""
    return (high & HALF) << 64 | low & HALF


def plus(a: int, b: int) -> int:
    """a + b in 128 bits."""
    return a + b & STATE


def times(a: int, b: int) -> int:
    """a * b in 128 bits."""
    return a * b & STATE


def drawn(state: int) -> int:
    """The 64 bits that a state of the generator gives: its halves, one flipped by the other, turned by its top bits."""
    mixed, turn = (state >> 64) ^ (state & HALF), state >> 122
    return (mixed >> turn | mixed << (64 - turn)) & HALF


def whole_numbers(count: int) -> Any:
    """Memory for whole numbers."""
    return [0] * count


# -- the generator --------------------------------------------------------------------------------------
def word_of(seed: Sequence[int], step: int, layer: int, k: int) -> int:
    """Word k of the seeds `seed`, MASKS, `step`, `layer`; 0 behind the last."""
    n = len(seed)
    if k < n:
        return seed[k]
    if k == n:
        return MASKS
    if k == n + 1:
        return step & WORD
    if k == n + 2 and step > WORD:
        return step >> 32
    if k == n + 2 or (k == n + 3 and step > WORD):
        return layer
    return 0


def mixed(x: int, y: int) -> int:
    """Two words of a pool as one."""
    value = (0xCA01F9DD * x - 0x4973F715 * y) & WORD
    return value ^ value >> 16


def seeded(seed: Sequence[int], step: int, layer: int, words: Any) -> None:
    """Write the eight words that the generator starts from; the four behind them are the pool."""
    size = len(seed) + 3
    if step > WORD:
        size = size + 1
    factor = 0x43B0D7E5
    for k in range(POOL):
        value = word_of(seed, step, layer, k) ^ factor
        factor = factor * 0x931E8875 & WORD
        value = value * factor & WORD
        words[8 + k] = value ^ value >> 16
    for source in range(POOL):
        for k in range(POOL):
            if k != source:
                value = words[8 + source] ^ factor
                factor = factor * 0x931E8875 & WORD
                value = value * factor & WORD
                words[8 + k] = mixed(words[8 + k], value ^ value >> 16)
    for j in range(POOL, size):
        for k in range(POOL):
            value = word_of(seed, step, layer, j) ^ factor
            factor = factor * 0x931E8875 & WORD
            value = value * factor & WORD
            words[8 + k] = mixed(words[8 + k], value ^ value >> 16)
    factor = 0x8B51F9DD
    for k in range(8):
        value = words[8 + k % POOL] ^ factor
        factor = factor * 0x58F38DED & WORD
        value = value * factor & WORD
        words[k] = value ^ value >> 16


def ahead(state: int, increment: int, count: int) -> int:
    """The state after `count` draws: of each two powers of the step, one is squared (Brown 1994)."""
    factor, added = wide(MULTIPLIER_HIGH, MULTIPLIER_LOW), increment
    left = count
    while left > 0:
        if left % 2 == 1:
            state = plus(times(state, factor), added)
        added = plus(times(added, factor), added)
        factor = times(factor, factor)
        left = left // 2
    return state


def take_mask(seed: Sequence[int], step: int, layer: int, first: int, rate: float, count: int, out: Array) -> None:
    """What dropout multiplies the samples of a tile by, rows `first` on of the mask of a batch; `first` is even.

    Numbers are drawn in the order of the rows, two of 32 bits at a time.
    """
    units = 1 if out.ndim == 1 else out.shape[0]
    words = whole_numbers(12)
    seeded(seed, step, layer, words)
    second = wide(words[4] | words[5] << 32, words[6] | words[7] << 32)
    increment = plus(plus(second, second), wide(0, 1))
    factor = wide(MULTIPLIER_HIGH, MULTIPLIER_LOW)
    start = plus(increment, wide(words[0] | words[1] << 32, words[2] | words[3] << 32))
    state = ahead(plus(times(start, factor), increment), increment, first * units // 2)
    kept, least = 1.0 / (1.0 - rate), float(np.float32(rate)) * 16777216.0
    i, s = 0, 0
    for _pair in range(0, count * units, 2):
        state = plus(times(state, factor), increment)
        bits = drawn(state)
        low = where(float((bits & WORD) >> 8) >= least, kept, 0.0)
        high = where(float((bits >> 40) & 0xFFFFFF) >= least, kept, 0.0)
        if out.ndim == 1:
            out[s], out[s + 1] = low, high
            s = s + 2
        else:
            out[i, s] = low
            i = i + 1
            if i == units:
                i, s = 0, s + 1
            out[i, s] = high
            i = i + 1
            if i == units:
                i, s = 0, s + 1
