"""NumPy's order of shuffled samples, `default_rng([seed, epoch]).permutation(rows)`, in plain Python.

Loops have their orders from NumPy; this is for programs that have no NumPy, the exported ones, which train in the same
order. Sources: O'Neill 2014 and 2015 (the generator pcg64 with its output xsl-rr; how seeds are mixed into its state);
Durstenfeld 1964 (the shuffle).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

WORD = 0xFFFFFFFF
STATE = (1 << 128) - 1
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
POOL = 4  # words that the seed is mixed into


def permutation(seeds: Sequence[int], count: int) -> list[int]:
    """The numbers 0 to count - 1, shuffled as NumPy's `default_rng(seeds).permutation(count)` shuffles them."""
    draw = words_of(seeds)
    order = list(range(count))
    for k in range(count - 1, 0, -1):
        j = below(k + 1, draw)
        order[k], order[j] = order[j], order[k]
    return order


def below(bound: int, draw: Callable[[], int]) -> int:
    """A number from 0 to bound - 1, each as likely: as many bits as it has, drawn until they are below the bound."""
    mask = (1 << (bound - 1).bit_length()) - 1
    number = draw() & mask
    while number >= bound:
        number = draw() & mask
    return number


def words_of(seeds: Sequence[int]) -> Callable[[], int]:
    """The function that draws the words of 32 bits of the generator with these seeds, one after another."""
    first, second = seed_state(seeds)
    increment = ((second << 1) | 1) & STATE
    state = ((increment + first) * MULTIPLIER + increment) & STATE
    kept: list[int] = []

    def draw() -> int:
        nonlocal state
        if kept:
            return kept.pop()
        state = (state * MULTIPLIER + increment) & STATE
        mixed = (state >> 64) ^ (state & (1 << 64) - 1)
        turn = state >> 122
        drawn = (mixed >> turn | mixed << (64 - turn)) & (1 << 64) - 1
        kept.append(drawn >> 32)
        return drawn & WORD

    return draw


def seed_state(seeds: Sequence[int]) -> tuple[int, int]:
    """Two numbers of 128 bits, of seeds that are whole numbers from 0 on."""
    entropy = [seed >> shift & WORD for seed in seeds for shift in range(0, max(seed.bit_length(), 1), 32)]
    factor = 0x43B0D7E5

    def hashed(value: int) -> int:
        nonlocal factor
        value ^= factor
        factor = factor * 0x931E8875 & WORD
        value = value * factor & WORD
        return value ^ value >> 16

    def mixed(x: int, y: int) -> int:
        value = (0xCA01F9DD * x - 0x4973F715 * y) & WORD
        return value ^ value >> 16

    pool = [hashed(entropy[k] if k < len(entropy) else 0) for k in range(POOL)]
    for source in range(POOL):
        for k in range(POOL):
            if k != source:
                pool[k] = mixed(pool[k], hashed(pool[source]))
    for value in entropy[POOL:]:
        for k in range(POOL):
            pool[k] = mixed(pool[k], hashed(value))

    factor = 0x8B51F9DD
    words = []
    for k in range(8):
        value = pool[k % POOL] ^ factor
        factor = factor * 0x58F38DED & WORD
        value = value * factor & WORD
        words.append(value ^ value >> 16)
    numbers = [words[k] | words[k + 1] << 32 for k in range(0, 8, 2)]
    return numbers[0] << 64 | numbers[1], numbers[2] << 64 | numbers[3]


class Orders:
    """The order of the rows in each epoch, drawn when it is asked for; the last is kept."""

    def __init__(self, order_of: Callable[[int], Sequence[int]]) -> None:
        self.order_of = order_of
        self.epoch = -1
        self.order: Sequence[int] = ()

    def __getitem__(self, epoch: int) -> Sequence[int]:
        if epoch != self.epoch:
            self.epoch, self.order = epoch, self.order_of(epoch)
        return self.order
