"""Steps of a run computed once more, to the bit, from the nearest state that the run kept: what a trace begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tidu.engines.trace import Trace
from tidu.errors import DataError, SettingError
from tidu.text import _
from tidu.training.kept_states import nearest
from tidu.training.state import TrainingState
from tidu.training.training import Budget, Execution, Training

if TYPE_CHECKING:
    from tidu.training.run import Run


def trace_of_run(run: Run, step: int, rows: Sequence[int] = ()) -> Trace:
    """Every value of one step; see `Run.trace`."""
    check_step(run, step)
    with Training(run.problem, retracing(run)) as training:
        return training.trace(state_before(run, training, int(step)), rows)


def batch_of_run(run: Run, step: int) -> Sequence[int]:
    """The rows that a step took; see `Run.batch_of`."""
    check_step(run, step)
    with Training(run.problem, Execution(run.engine)) as training:
        return training.batch_of(int(step))


def retracing(run: Run) -> Execution:
    """What computes the steps of a run anew: machine code has the bits of plain Python, and goes a long way sooner."""
    on_arrays = run.engine == "array" or run.program.of_arrays  # of networks, auto may take whole batches
    return Execution(run.engine if on_arrays else "auto")


def state_before(run: Run, training: Training, step: int) -> TrainingState:
    """The state in which a step begins, from the nearest that was kept, by a `training` of the run's problem."""
    state = nearest([training.start(), *run.kept, run.state, run.last_state], step)
    while state.step < step:
        state = training.advance(state, Budget(steps=step - state.step)).state
    return state


def check_step(run: Run, step: int) -> None:
    """Refuse a step that the run did not take, or that cannot be computed anew.

    Raises
    ------
    DataError : the run was loaded, and has no data.
    SettingError : there is no such step.
    """
    if run.training_data is None:
        raise DataError(
            _("a trace needs the data that the model was fitted to; a saved model does not hold them: with_data() "
              "reads them again")
        )  # fmt: skip
    last = run.steps - (not run.diverged)
    if run.settings.uses_solver:
        raise SettingError(_("a solver takes no steps that could be traced; fit with an optimizer"))
    if not isinstance(step, (int, np.integer)) or not 0 <= step <= last:
        raise SettingError(
            _("there is no step {step}: this run has the steps 0 to {last}").format(step=step, last=last)
        )
