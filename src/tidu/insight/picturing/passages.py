"""Where a run passed on its way: its parameters at chosen steps, computed again from its start to the same bits.

The history has parameters for each epoch, and none of networks; a replay has any step of any run that has its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.text import _
from tidu.training.run import Run
from tidu.training.training import Budget, Execution, Training


@dataclass(frozen=True)
class Passage:
    """The parameters after `step` steps, in the order of the program."""

    step: int
    parameters: tuple[Any, ...]


def why_no_steps(run: Run) -> str | None:
    """Why a run has no steps that can be computed again, if it has none."""
    if run.settings.uses_solver:
        return _("a solver takes no steps that could be drawn; fit with an optimizer, such as gd")
    return None


def passages(run: Run, steps: Sequence[int]) -> tuple[Passage, ...]:
    """The parameters after each of these numbers of steps, rising, from 0 to those that the run made."""
    reason = why_no_steps(run)
    if reason is not None:
        raise SettingError(reason)
    found = []
    with Training(run.problem, Execution(run.engine, device=run.device)) as training:
        state = training.start()
        for step in steps:
            if step > state.step:
                state = training.advance(state, Budget(steps=step - state.step)).state
            found.append(Passage(state.step, run.problem.parameters_at(training.on_host(state))))
    return tuple(found)


def spread_evenly(last: int, most: int) -> list[int]:
    """At most so many steps from 0 to `last`, half of them early, where most happens: every one if they fit."""
    if last < most:
        return list(range(last + 1))
    return _chosen(last, np.concatenate([_growing(last, most // 2), np.linspace(0, last, most - most // 2)]))


def spread_growing(last: int, most: int) -> list[int]:
    """At most so many steps from 0 to `last`, further and further apart."""
    if last < most:
        return list(range(last + 1))
    return _chosen(last, _growing(last, most))


def _growing(last: int, count: int) -> npt.NDArray[np.float64]:
    return np.concatenate([[0.0], np.geomspace(1.0, last, max(count - 1, 2))])


def _chosen(last: int, steps: npt.NDArray[np.float64]) -> list[int]:
    return [int(k) for k in np.unique(np.append(steps.round(), last))]
