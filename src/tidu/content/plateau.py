"""`Plateau`: a learning rate that falls where the loss of the epochs no longer does. What `--plateau` asks for.

Everything that it remembers is a few numbers, the standing, which is part of the state of a training: so it goes on
to the bit where a training is taken up. The settings of training name its options, `Training` asks it after each epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tidu.content.arguments import Option, fraction, nonnegative

Standing = tuple[float, ...]  # the factor on the rate, the lowest loss, epochs waited since, epochs to rest
START: Standing = (1.0, math.inf, 0.0, 0.0)


@dataclass(frozen=True)
class DeclaredPlateau:
    """The options of a plateau, with their defaults and ranges."""

    name: str
    options: Mapping[str, Option]


PLATEAU = DeclaredPlateau("plateau", {
    "patience": Option(10.0, 1.0),  # epochs without improvement, after which the rate falls
    "factor": fraction(0.1, low_open=True),  # what the rate is multiplied by
    "min_improvement": fraction(1e-4),  # share of the loss by which it must fall to count
    "cooldown": nonnegative(0.0),  # epochs after a fall that do not count
    "floor": fraction(0.0),  # share of the rate below which it never falls
})  # fmt: skip


@dataclass(frozen=True)
class Plateau:
    """When the rate falls, and to what: ReduceLROnPlateau of PyTorch, whose patience is one less, and of Keras."""

    patience: float
    factor: float
    min_improvement: float
    cooldown: float
    floor: float

    @classmethod
    def of(cls, options: Mapping[str, float]) -> Self | None:
        """That of options, all of them; None without any."""
        return cls(**options) if options else None

    def after(self, standing: Standing, loss: float) -> Standing:
        """Where it stands after one more epoch with this loss; an empty standing is the start."""
        factor, lowest, waited, rest = standing or START
        if math.isfinite(loss) and (lowest == math.inf or loss < lowest - self.min_improvement * abs(lowest)):
            lowest, waited = loss, 0.0
        else:
            waited += 1.0
        if rest > 0.0:
            rest, waited = max(rest - 1.0, 0.0), 0.0
        if waited >= self.patience:
            factor, waited, rest = max(factor * self.factor, self.floor), 0.0, self.cooldown
        return factor, lowest, waited, rest
