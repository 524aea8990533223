"""The states that a long descent keeps on its way: from the nearest, any of its steps is computed again, to the bit.

How often one is kept follows from the problem alone, so the same input gives the same file. A descent that is computed
anew in a fraction of a second keeps none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tidu.training.state import TrainingState
from tidu.training.training import Training

MOST = 64  # states
MOST_BYTES = 1 << 20  # of all of them, which stand in the file of a run
LEAST_WORK = 1e8  # number of a parameter times sample, between two: about a quarter of a second of machine code
OF_A_STEP = {"python": 50.0, "compiled": 50.0, "array": 25_000.0}  # what a step costs besides its samples, likewise


def stride_of(training: Training) -> int:
    """Steps between two states that are kept; more than there are, where none is."""
    work = training.work
    numbers = sum(int(np.size(p)) for p in training.problem.start)
    held = numbers * (2 + len(work.program.optimizer.state) + (work.tol is not None))  # with the last gradient
    most = min(MOST, MOST_BYTES // (8 * max(held, 1)))
    steps = training.limits.steps
    if most == 0:
        return steps + 1
    of_step = numbers * work.per_step + OF_A_STEP[training.engine.name]
    return max(math.ceil(steps / (most + 1)), math.ceil(LEAST_WORK / of_step))


def nearest(states: Iterable[TrainingState], step: int) -> TrainingState:
    """The last of some states that is not beyond a step."""
    return max((s for s in states if s.step <= step), key=lambda s: s.step)
