"""What a loop runs on: the program and its text, the columns, and what stays the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidu.cluster.connecting import Cluster
from tidu.data.disk_table import are_on_disk
from tidu.engines.program import Program
from tidu.engines.scalar_loop import LoopShape


@dataclass(frozen=True)
class Work:
    """What a loop runs on: columns of shape (rows,) in the program's order, and what stays the same."""

    program: Program
    shape: LoopShape
    source: str
    columns: Sequence[Any]
    per_step: int  # samples
    steps: int  # at most
    until_loss: float = -math.inf
    tol: float | None = None
    threads: int = 1
    fast: bool = False
    seed: int = 0  # of the orders of samples, and of dropout
    by_blocks: bool = False  # whether shuffled samples are drawn by blocks
    device: str | None = None  # of PyTorch; None is NumPy's, where the loop is on arrays
    cluster: Cluster | None = None  # whose workers share the chunks of a step

    @property
    def rows(self) -> int:
        """Samples in all; 0 for a plain function."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def on_disk(self) -> bool:
        """Whether the columns are read from a file."""
        return are_on_disk(self.columns)

    @property
    def steps_per_epoch(self) -> int:
        """The last of them may have fewer samples."""
        return -(-max(self.rows, 1) // self.per_step)
