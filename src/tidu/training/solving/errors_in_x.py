"""Errors in x: the curve that is nearest to the rows in x and y at once (orthogonal distance regression).

Each row has a true x beside it, x + δ, that is estimated too: S = Σ (y − f(x + δ))²/σ_y² + δ²/σ_x², least over the
parameters and all δ (Boggs, Byrd & Schnabel 1987). For given parameters the δ of a row is its own small problem
(`distances.py`); what is left is a least-squares problem in the parameters alone, whose residual is the row's distance
and whose slope is ∂f/∂w / √(σ_y² + Σ (∂f/∂x)²σ_x²). So a step costs as much as there are rows, and not their square.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import are_on_disk
from tidu.errors import SettingError
from tidu.language.quantities import Inequality
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.descent import Descent
from tidu.training.problem import Limits, Problem
from tidu.training.solving.attempts import FINISHING, Attempt
from tidu.training.solving.conditions import Region, within_conditions
from tidu.training.solving.convergence import GAIN, Bounds, is_minimum, near_bounds
from tidu.training.solving.distances import Distances
from tidu.training.solving.newton import newton_steps
from tidu.training.solving.passes import Enough, Passes
from tidu.training.solving.statistics import Statistics, confused_groups, singular_directions
from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]
FLAT = 1e-15
TRIES = 2000


def distances_of(problem: Problem) -> Distances:
    """The distances of the rows of a problem with errors in x.

    Raises
    ------
    SettingError, DataError
        The model is a network, or its data lie on disk; a column of deviations is none.
    """
    assert problem.table is not None
    if problem.program.of_arrays or are_on_disk(problem.columns):
        raise SettingError(_("sigma_x is for formulas whose parameters are numbers, and data in memory; leave it out"))
    return Distances(problem.program, problem.table, problem.settings)


def with_errors_in_x(
    problem: Problem,
    before: Descent,
    bounds: Bounds | None,
    conditions: Sequence[Inequality],
    progress: Progress | None,
) -> tuple[Descent, Statistics | None, tuple[str, ...]]:
    """The descent from where ordinary least squares ended, its statistics where it has come to an end.

    Beside them the texts of the conditions on whose edge it lies.
    """
    distances = distances_of(problem)
    epochs, steps = problem.settings.epochs, problem.settings.steps
    given = [(n, word) for n, word in ((epochs, "epochs"), (steps, "steps")) if n is not None]
    most, bound = min(given) if given else (TRIES, "steps")
    limits = Limits(most, bound, problem.settings.until_loss, problem.settings.tol)
    start = distances.flat(before.state.parameters)
    with np.errstate(all="ignore"):
        best = _attempt(distances, start, bounds, Passes(limits, progress))
        if conditions:
            region = Region(conditions, problem.program.parameters, bounds)
            found = within_conditions(distances, region, [best], [start], limits, progress)
            best = min(found, key=lambda a: a.cost)
        passes = best.passes
        if not passes.points:
            return replace(before, stopped="diverged"), None, ()
        passes.cut_to_best()
        at = passes.points[-1]
        slopes, residuals = distances.jacobian(at), distances.residuals(at)
        statistics = _statistics(distances, at, slopes, residuals) if best.stopped == "converged" else None
    state = TrainingState(
        distances.parts(at), epoch=len(passes.points), step=len(passes.points),
        gradient=distances.parts(passes.gradients[-1]),
    )  # fmt: skip
    descent = replace(before, state=state, history=passes.history(distances), stopped=best.stopped)
    return descent, statistics, best.pressing


def _attempt(distances: Distances, start: Array, bounds: Bounds | None, passes: Passes) -> Attempt:
    """By SciPy's trust region; within bounds the last steps are Newton's, which end on a bound to the last digit."""
    from scipy.optimize import least_squares

    n = distances.rows

    def jacobian(at: Array) -> Array:
        slopes, residuals = distances.jacobian(at), distances.residuals(at)
        passes.add(at, float(residuals @ residuals) / n, 2.0 / n * (slopes.T @ residuals))
        return slopes

    stopped = "steps"
    try:
        result = least_squares(
            distances.residuals, start, jacobian, bounds=bounds or (-np.inf, np.inf), x_scale="jac", ftol=FLAT,
            xtol=FLAT, gtol=FLAT, max_nfev=TRIES,
        )  # fmt: skip
        jacobian(result.x)
        if bounds is not None:
            below, above = near_bounds(bounds, result.x)
            inside = np.where(below, bounds[0], np.where(above, bounds[1], result.x))
            newton_steps(distances, inside, bounds, passes, FINISHING)
            passes.settled = True  # on the bounds to the last digit, though its cost may not show it
    except Enough as enough:
        stopped = enough.stopped
    except ValueError:  # of numbers that are not finite
        stopped = "diverged"
    if passes.points and stopped == "steps":
        passes.cut_to_best()
        at = passes.points[-1]
        ended = _is_minimum(distances, at) if bounds is None else is_minimum(distances, at, bounds)
        stopped = "converged" if ended else stopped
    return Attempt(passes, stopped, stopped == "converged")


def _is_minimum(distances: Distances, at: Array) -> bool:
    """Whether the best step would gain next to nothing."""
    slopes, residuals = distances.jacobian(at), distances.residuals(at)
    lengths = np.linalg.norm(slopes, axis=0)
    if not np.all(np.isfinite(lengths)):
        return False
    step = np.linalg.lstsq(slopes / np.where(lengths > 0, lengths, 1.0), -residuals, rcond=1e-12)[0]
    gained = float(np.sum((slopes / np.where(lengths > 0, lengths, 1.0) @ step) ** 2))
    return gained <= GAIN * float(residuals @ residuals) + 1e-300


def _statistics(distances: Distances, at: Array, slopes: Array, residuals: Array) -> Statistics:
    n, p = slopes.shape
    names = tuple(q.name for q in distances.parameters)
    lengths = np.linalg.norm(slopes, axis=0)
    units = np.where(lengths > 0.0, lengths, 1.0)
    singular, vt = singular_directions(slopes / units)
    seen = singular > max(n, p) * 4.0 * np.finfo(np.float64).eps * max(float(singular[0]), 1e-300)
    half = vt[seen] / singular[seen, None] / units
    covariance = half.T @ half
    confused = confused_groups(vt[~seen], names)
    lost = [k for k, name in enumerate(names) if any(name in group for group in confused)]
    covariance[lost, :] = math.nan
    covariance[:, lost] = math.nan
    spread = distances.variance_ahead(distances.known(at, distances.shifts), ())
    return Statistics(
        parameters=names, values=tuple(at.tolist()), covariance=covariance, rows=n, rank=int(np.sum(seen)),
        confused=confused, linear=(), residual_sum_of_squares=math.fsum((residuals**2).tolist()), known_sigma=True,
        log_weights=-float(np.sum(np.log(spread))),
    )  # fmt: skip
