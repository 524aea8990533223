"""`Answers`: what passes over the rows came to, by what was asked; kept, and given again to a solver that is taken up.

A solver is a function of what it is told of the data: sums over all rows, and triangles that stand for them. Between
two of these it is SciPy's arithmetic and ours, quick and always the same, with state that nobody could write down. So
one that was killed begins at its start, and is given each pass that it had made: the same way, to the same bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Self

import numpy as np
import numpy.typing as npt

from tidu.training.callbacks import Answered, Listeners

Array = npt.NDArray[np.float64]
WORTH = 100_000  # rows × numbers that are computed of each: less is sooner computed than kept
MOST_BYTES = 1 << 28  # of one run; what comes after is computed again


class Answers:
    """What is `known` of earlier passes, by the hashes of the questions; `keep` is told of each new one."""

    def __init__(
        self, known: Mapping[bytes, Array] | None = None, keep: Callable[[bytes, Array], object] | None = None
    ) -> None:
        self.known, self.keep = known or {}, keep
        self.bytes = sum(numbers.nbytes for numbers in self.known.values())
        self._texts: dict[str, bytes] = {}  # their hashes, for a text is long and asked for again and again

    @classmethod
    def kept_by(cls, listeners: Listeners, known: Mapping[bytes, Array] | None) -> Self:
        """What was told as `Answered` before; callbacks that keep answers are told of the others."""

        def keep(question: bytes, numbers: Array) -> None:
            listeners.tell(Answered(question, numbers))

        return cls(known, keep if listeners.keeps_answers else None)

    def given(self, text: str, at: Array, shape: tuple[int, ...], work: int, computed: Callable[[], Array]) -> Array:
        """What a text comes to at a point, of this shape: as it is known, or `computed`, which is so much work."""
        if (self.keep is None and not self.known) or work < WORTH:
            return computed()
        if text not in self._texts:
            self._texts[text] = hashlib.sha256(text.encode()).digest()
        place = np.array(shape, dtype=np.int64).tobytes()
        question = hashlib.sha256(self._texts[text] + place + at.tobytes()).digest()
        found = self.known.get(question)
        if found is not None and found.size == math.prod(shape):
            return found.reshape(shape).copy()
        numbers = computed()
        if self.keep is not None and self.bytes + numbers.nbytes <= MOST_BYTES:
            self.bytes += numbers.nbytes
            self.keep(question, numbers.copy())  # whoever asked may write into its own
        return numbers
