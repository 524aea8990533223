"""The workloads: one file each, with a function `table(scale)` that measures and returns its table.

To add one, write the file and name it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from measure import Words
from peers import CALL, LOOP

NAMES = (
    "line",
    "sgd",
    "sgd_shuffled",
    "mini_batch",
    "full_batch",
    "logistic",
    "networks",
    "networks_dropout",
    "networks_clip_norm",
    "sweep",
    "slices",
    "first_fit",
    "start",
    "cost_rows",
    "cost_features",
    "cost_batch",
)


@dataclass(frozen=True)
class Scale:
    """How much to measure."""

    quick: bool = False
    seconds: float = 80.0  # that a workload may take, beyond which there is no further round

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 15

    def of(self, full: int, quick: int) -> int:
        """A size."""
        return quick if self.quick else full


AGAINST = (
    (LOOP, ("÷ tidu's loop", "÷ tidu 循环")),
    (CALL, ("÷ tidu.fit", "÷ tidu.fit")),
)


def count(number: int) -> str:
    """A number as one reads it: powers of ten as 1e6."""
    text = f"{number:.0e}".replace("e+0", "e").replace("e+", "e")
    return text if number >= 10_000 and float(text) == number else f"{number:,}"


def agreement() -> Words:
    """What is said of results under every table of peers."""
    return (
        "Every result was compared with that of the hand-written loop before a time was taken; the last column is the "
        "largest difference.",
        "每个结果都先与手写循环的结果比对，再计时；最后一列是最大的差。",
    )
