"""`solve`: a program on data, solved by a method from one start or several, the lowest end kept and polished.

The steps are made in `methods.py`, the starts chosen in `attempts.py`, ends judged in `convergence.py`. Called by
`solution.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.language.quantities import Inequality
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.descent import Descent
from tidu.training.problem import Limits
from tidu.training.solving.arrow import Arrow, fits_arrow, in_vectors
from tidu.training.solving.arrow_attempts import attempts_by_level
from tidu.training.solving.attempts import Attempt, attempts_of, explains_little
from tidu.training.solving.conditions import Region, within_conditions
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.exact import ExactFit
from tidu.training.solving.level_objective import LevelObjective
from tidu.training.solving.network_attempts import attempts_on_network
from tidu.training.solving.objective import Objective
from tidu.training.solving.passes import Enough
from tidu.training.solving.polish import polished
from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]
SAME = 1e-6  # relative difference of two costs that are one minimum


@dataclass(frozen=True)
class Solved:
    """How a solver ended, as a `Descent`, with what it tried."""

    descent: Descent
    starts: int = 1
    started_from: str = "given"
    costs: tuple[float, ...] = ()  # the lowest cost of each attempt
    left_saddle: bool = False
    at_infinity: tuple[str, ...] = ()
    separated: bool = False
    exact: ExactFit | None = None
    pressing: tuple[str, ...] = ()  # conditions on whose edge the end lies


def solve(
    method: str,
    objective: Objective,
    start: Sequence[Any],
    limits: Limits,
    *,
    bounds: Bounds | None = None,
    more_starts: Sequence[Array] = (),
    progress: Progress | None = None,
    conditions: Sequence[Inequality] = (),
) -> Solved:
    """Run a solver from values of the parameters.

    `bounds` are the least and greatest values, each of shape (p,); `more_starts` are tried beside `start`, and the
    lowest end is kept. `conditions` on the parameters hold at the end.

    Raises
    ------
    SettingError
        No point was found that satisfies the conditions; or lm cannot keep to the penalty.
    """
    began = time.perf_counter()
    program = objective.program
    first = objective.flat(start)
    if bounds is not None:
        first = np.clip(first, *bounds)
    with np.errstate(all="ignore"):
        arrow = None
        attempts: list[Attempt] = []
        grouped = in_vectors(program)
        by_level = method == "lm" and bounds is None and not conditions and fits_arrow(grouped, objective.columns)
        if method == "lm" and program.penalty is not ZERO and not by_level:
            raise SettingError(
                _("lm draws the levels of a parameter together (--l2) where all that have levels have those of one "
                  "column, in memory and learned, without bounds and conditions; use --optimizer lbfgs")
            )  # fmt: skip
        if by_level:
            arrow = objective.arrow if isinstance(objective, LevelObjective) else Arrow(grouped, objective.columns)
            attempts = attempts_by_level(arrow, first, limits, more_starts, progress, lean=program.of_arrays)
        if not attempts or not (program.of_arrays or program.penalty is not ZERO or _is_sound(objective, attempts)):
            attempt = attempts_on_network if program.of_arrays else attempts_of
            attempts, arrow = (
                [*attempt(method, objective, first, limits, bounds, more_starts, progress), *attempts],
                None,
            )
        if conditions:
            region = Region(conditions, program.parameters, bounds)
            attempts = within_conditions(objective, region, attempts, [first, *more_starts], limits, progress)
        lowest = min(a.cost for a in attempts)
        equal = [a for a in attempts if a.cost <= lowest + SAME * abs(lowest)]
        # Of equals the first, which is the one that the user's start leads to; before it one that is a minimum.
        best = next((a for a in equal if a.converged), equal[0] if equal else attempts[0])
        plain = program.residual_factor is not None and program.penalty is ZERO and not program.of_arrays
        if best.converged and best.exact is None and plain and not best.pressing and arrow is None:
            certain, end = best.passes.settled, best.end
            same = _with_signs_of(objective, first, end)
            if bounds is None and not conditions and same is not end:
                best.passes.cut_to_best()
                with contextlib.suppress(Enough):
                    best.passes.add(same, *objective.cost_and_gradient(same))
                best.passes.settled = True
            if not certain:
                polished(objective, best.passes, bounds)
    passes = best.passes
    if passes.ran is not None:
        source, engine = passes.ran
    else:
        ran = arrow or objective
        source, engine = (ran.rows_text if method == "lm" else objective.loss_source), ran.engine
    stopped = best.stopped
    n = len(passes.points)
    if not n:
        state = TrainingState(objective.parts(first), ())
        stopped = stopped if stopped == "interrupted" else "diverged"
    else:
        passes.cut_to_best()
        n = len(passes.points)
        state = TrainingState(
            objective.parts(passes.points[-1]), epoch=n, step=n, gradient=objective.parts(passes.gradients[-1])
        )
    descent = Descent(state, passes.history(objective), stopped, time.perf_counter() - began, source, engine)
    costs = tuple(a.cost for a in attempts)
    return Solved(
        descent, len(attempts), best.where, costs, best.left_saddle, best.at_infinity, best.separated, best.exact,
        best.pressing,
    )  # fmt: skip


def _is_sound(objective: Objective, attempts: Sequence[Attempt]) -> bool:
    """Whether no other starts need to be looked at."""
    best = min(attempts, key=lambda a: a.cost)
    return best.stopped != "steps" and (not best.converged or not explains_little(objective, best.end))


def _with_signs_of(objective: Objective, start: Array, end: Array) -> Array:
    """Of ends that fit alike and differ in signs (b and -b in b²), the one with the signs of the start."""
    changed = start * end < 0.0
    if not changed.any():
        return end
    flipped = np.flatnonzero(changed)
    best = objective.cost(end)
    for chosen in (flipped, *flipped[:, None]):
        candidate = end.copy()
        candidate[chosen] *= -1.0
        if np.any(start[chosen] * end[chosen] < 0.0) and abs(objective.cost(candidate) - best) <= 1e-13 * best:
            end = candidate
    return end
