"""How a network is solved: a method from the given start, and from others where they are asked for.

A network has many minima, and no guess of a start is better than the draw that its layers make. What a model of a few
numbers gets besides (starts guessed, last digits, what only a limit would reach) is in `attempts.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.problem import Limits
from tidu.training.solving.attempts import Attempt
from tidu.training.solving.convergence import GAIN, Bounds, is_minimum, resolution
from tidu.training.solving.infinity import CERTAIN
from tidu.training.solving.methods import METHODS, direct, tolerance_of
from tidu.training.solving.newton import newton_steps
from tidu.training.solving.objective import MOST_JACOBIAN, Objective
from tidu.training.solving.passes import MOST_TRIES, Blocked, Enough, Passes, without_warnings
from tidu.training.solving.spectrum import WHOLE, spectrum_of
from tidu.training.solving.truncated_newton import left_to_gain, truncated_newton_steps

Array = npt.NDArray[np.float64]
MOST_STEPS = {"lm": 300, "newton": 200, "lbfgs": 5000}  # each of which is worth many of lbfgs
FINISHING = 30  # Newton steps, at most, from where a method ended to the minimum of a small network
FINISHING_WORK = 3e9  # rows × p² of all of them, for each has p products with the Hessian: about half a minute
NUDGE = 1e-2  # how far a step leaves a point of no slope, in units of the parameters' length
MOST_SADDLES = 3  # that are left


@without_warnings()
def attempts_on_network(
    method: str,
    objective: Objective,
    first: Array,
    limits: Limits,
    bounds: Bounds | None,
    more_starts: Sequence[Array],
    progress: Progress | None,
) -> list[Attempt]:
    """The given start, and the others that are asked for.

    Raises
    ------
    SettingError : a Jacobian that is too large for `lm`.
    """
    p, rows = objective.p, objective.rows_count
    if method == "lm" and p > MOST_JACOBIAN:
        raise SettingError(
            _(
                "lm needs the Jacobian, {rows} rows by {p} numbers, and decomposes it at every step; for a network of "
                "this size use --optimizer lbfgs or newton, or adam with a batch size"
            ).format(rows=rows, p=p)
        )
    attempts: list[Attempt] = []
    for k, start in enumerate([first, *more_starts]):
        if not attempts or attempts[-1].stopped != "interrupted":
            inside = start if bounds is None else np.clip(start, *bounds)
            passes = Passes(limits, progress, MOST_STEPS.get(method, MOST_TRIES), lean=True)
            attempts.append(_attempt(method, objective, inside, bounds, passes, "drawn" if k else "given"))
    return attempts


def _attempt(
    method: str, objective: Objective, start: Array, bounds: Bounds | None, passes: Passes, where: str
) -> Attempt:
    saddle = False
    try:
        for k in range(MOST_SADDLES + 1):
            with contextlib.suppress(Blocked):
                _run(method, objective, start, bounds, passes)
            if not passes.points:
                return Attempt(passes, "steps", False, where)
            passes.cut_to_best()
            away = None if bounds is not None or k == MOST_SADDLES else _off_a_saddle(objective, passes)
            if away is None:
                break
            saddle, start = saddle or k == 0, away
        if is_separated(objective, passes.points[-1]):
            return Attempt(passes, "steps", False, where, saddle, separated=True)
        converged = _finished(objective, bounds, passes)
        return Attempt(passes, "converged" if converged else "steps", converged, where, saddle)
    except Enough as enough:
        return Attempt(passes, enough.stopped, False, where, saddle)
    except KeyboardInterrupt:
        return Attempt(passes, "interrupted", False, where, saddle)


def _run(method: str, objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> None:
    if method == "newton" and objective.p > WHOLE:
        truncated_newton_steps(objective, start, passes, passes.tries, tolerance_of(objective))
    elif method == "lm" and bounds is None and objective.is_linear:
        direct(objective, start, bounds, passes)
    else:
        METHODS[method](objective, start, bounds, passes)


def _off_a_saddle(objective: Objective, passes: Passes) -> Array | None:
    """A lower point beside one where every slope is 0 (equal weights in a layer have such), if the cost bends down."""
    at, cost = passes.points[-1], passes.costs[-1]
    scale = max(1.0, float(np.linalg.norm(at)))
    if passes.norms[-1] > 1e-7 * max(1.0, abs(cost)) / scale:
        return None
    spectrum = spectrum_of(objective, at)
    if spectrum is None or spectrum.smallest >= -spectrum.noise:
        return None
    way = NUDGE * scale * spectrum.vectors[:, 0]
    lower = [point for point in (at + way, at - way) if objective.cost(point) < cost]
    return lower[0] if lower else None


def is_separated(objective: Objective, at: Array) -> bool:
    """Whether the network is right, and certain, about every row: its cost then falls as long as it grows."""
    program = objective.program
    if not program.probabilities or program.penalty is not ZERO:
        return False
    return all(np.max(losses) < np.exp(-CERTAIN) for losses in objective.values_in_chunks([program.loss], at))


def _finished(objective: Objective, bounds: Bounds | None, passes: Passes) -> bool:
    """Whether the best point is a minimum; of a small network after going on to it."""
    if objective.p <= WHOLE:
        if is_minimum(objective, passes.points[-1], bounds):
            return True
        affordable = int(FINISHING_WORK / (objective.rows_count * objective.p**2))
        newton_steps(objective, passes.points[-1], bounds, passes, min(FINISHING, affordable))
        passes.cut_to_best()
        return is_minimum(objective, passes.points[-1], bounds)
    at, cost = passes.points[-1], passes.costs[-1]
    free = np.ones(len(at), dtype=bool) if bounds is None else (bounds[0] < at) & (at < bounds[1])
    gain = left_to_gain(objective, at, np.where(free, passes.gradients[-1], 0.0))
    return gain <= GAIN * abs(cost) or gain <= resolution(objective, at, cost)
