"""Errors in x: the curve that is nearest to the rows in x and y at once (orthogonal distance regression).

Each row has a true x beside it, x + δ, that is estimated too: S = Σ (y − f(x + δ))²/σ_y² + δ²/σ_x², least over the
parameters and all δ (Boggs, Byrd & Schnabel 1987). For given parameters the δ of a row is its own small problem; what
is left is a least-squares problem in the parameters alone, whose residual is the row's distance and whose slope is
∂f/∂w / √(σ_y² + Σ (∂f/∂x)²σ_x²). So the cost of a step grows with the rows, and not with their square.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import are_on_disk
from tidu.data.table import Table
from tidu.engines.curvature import jacobian_of
from tidu.engines.node_values import values_of_nodes
from tidu.engines.program import Program
from tidu.errors import DataError, SettingError
from tidu.language.expr import Expr, symbols
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.descent import Descent
from tidu.training.problem import Limits, Problem
from tidu.training.settings import Settings
from tidu.training.solving.convergence import GAIN
from tidu.training.solving.objective import Objective
from tidu.training.solving.passes import Enough, Passes
from tidu.training.solving.statistics import Statistics, confused_groups, singular_directions
from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]
FEET = 100  # steps to the nearest point of a curve, at most
HALVINGS = 30
FLAT = 1e-15
TRIES = 2000


class Distances:
    """How far rows are from the curve of `program`, in units of their errors, as a function of the parameters."""

    def __init__(self, program: Program, table: Table, settings: Settings) -> None:
        assert program.target is not None
        assert settings.sigma is not None
        self.parameters = program.parameters
        self.sigmas = deviations_of(settings, program, table)
        self.columns = {c: np.asarray(table[c.name], dtype=np.float64) for c in program.columns if c.role != "weight"}
        self.rows = table.rows
        self.y = self._values([program.target], self.columns)[0]
        self.variance = np.asarray(table[settings.sigma], dtype=np.float64) ** 2
        self.score = program.score
        self.moved = list(self.sigmas)
        self.slopes_x = jacobian_of(program.score, self.moved)
        self.slopes_w = jacobian_of(program.score, program.parameters)
        self.shifts = np.zeros((len(self.moved), self.rows))

    def _values(self, outputs: Sequence[Expr], known: Mapping[Expr, Any]) -> Array:
        found = values_of_nodes(outputs, known)
        return np.stack([np.broadcast_to(np.asarray(found[o], dtype=np.float64), self.rows) for o in outputs])

    def _at(self, at: Array, shifts: Array) -> dict[Expr, Any]:
        moved = {c: self.columns[c] + shift for c, shift in zip(self.moved, shifts, strict=True)}
        return {**self.columns, **moved, **dict(zip(self.parameters, at.tolist(), strict=True))}

    def _squares(self, at: Array, shifts: Array) -> Array:
        (curve,) = self._values([self.score], self._at(at, shifts))
        total = (self.y - curve) ** 2 / self.variance
        for shift, sigma in zip(shifts, self.sigmas.values(), strict=True):
            total = total + np.divide(shift**2, sigma**2, out=np.zeros(self.rows), where=sigma > 0)
        return np.asarray(np.where(np.isfinite(total), total, np.inf))

    def feet(self, at: Array) -> Array:
        """The shifts δ of all rows for these parameters, of shape (features, rows): the nearest points of the curve."""
        variances = np.stack([s**2 for s in self.sigmas.values()])
        shifts = self.shifts.copy()
        squares = self._squares(at, shifts)
        for _k in range(FEET):
            curve, *slopes = self._values([self.score, *self.slopes_x], self._at(at, shifts))
            slope = np.stack(slopes)
            ahead = self.y - curve + np.sum(slope * shifts, axis=0)
            wanted = variances * slope * ahead / (self.variance + np.sum(variances * slope**2, axis=0))
            step = np.where(np.isfinite(wanted), wanted - shifts, 0.0)
            for _h in range(HALVINGS):
                there = self._squares(at, shifts + step)
                worse = there > squares
                if not worse.any():
                    break
                step = np.where(worse, step / 2.0, step)
            better = there < squares
            if not better.any():
                break
            moved = np.max(np.abs(step) / np.maximum(np.sqrt(variances), 1e-300), axis=0, initial=0.0)
            shifts, squares = np.where(better, shifts + step, shifts), np.where(better, there, squares)
            if float(np.max(moved)) < 1e-14:
                break
        self.shifts = shifts
        return shifts

    def residuals(self, at: Array) -> Array:
        """The signed distance of each row, of shape (rows,)."""
        shifts = self.feet(at)
        (curve,) = self._values([self.score], self._at(at, shifts))
        return np.asarray(np.copysign(np.sqrt(self._squares(at, shifts)), curve - self.y))

    def jacobian(self, at: Array) -> Array:
        """The slopes of the distances along the parameters, of shape (rows, p)."""
        known = self._at(at, self.feet(at))
        slopes = self._values(self.slopes_w, known)
        return np.asarray((slopes / np.sqrt(self.spread(at))).T)

    def spread(self, at: Array) -> Array:
        """The variance of y − f that the errors of y and of x make together, of shape (rows,)."""
        slopes = self._values(self.slopes_x, self._at(at, self.shifts))
        variances = np.stack([s**2 for s in self.sigmas.values()])
        return np.asarray(self.variance + np.sum(variances * slopes**2, axis=0))


def deviations_of(settings: Settings, program: Program, table: Table) -> dict[Expr, Array]:
    """The standard deviation of each feature that has errors, by row.

    Raises
    ------
    SettingError, DataError
        A name is no feature, or a deviation is negative.
    """
    features = {c.name: c for c in program.columns if c.role == "feature" and c in symbols([program.score], "feature")}
    found = {}
    for name, column in settings.errors_in_x(list(features)).items():
        values = np.asarray(table[column], dtype=np.float64)
        bad = np.flatnonzero(~(values >= 0.0))
        if bad.size:
            raise DataError(
                _("a standard deviation is 0 or more; '{name}' has {value:g} in row {row}").format(
                    name=column, value=values[bad[0]], row=int(bad[0]) + 1
                )
            )
        found[features[name]] = values
    return found


def with_errors_in_x(
    problem: Problem, objective: Objective, before: Descent, progress: Progress | None
) -> tuple[Descent, Statistics | None]:
    """The descent from where ordinary least squares ended, and its statistics where it has come to an end."""
    from scipy.optimize import least_squares

    assert problem.table is not None
    if problem.program.of_arrays or are_on_disk(problem.columns):
        raise SettingError(_("sigma_x is for formulas whose parameters are numbers, and data in memory; leave it out"))
    distances = Distances(problem.program, problem.table, problem.settings)
    epochs, steps = problem.settings.epochs, problem.settings.steps
    given = [(n, word) for n, word in ((epochs, "epochs"), (steps, "steps")) if n is not None]
    most, bound = min(given) if given else (TRIES, "steps")
    passes = Passes(Limits(most, bound, problem.settings.until_loss, problem.settings.tol), progress)
    start = objective.flat(before.state.parameters)
    n = objective.rows_count

    def jacobian(at: Array) -> Array:
        slopes, residuals = distances.jacobian(at), distances.residuals(at)
        passes.add(at, float(residuals @ residuals) / n, 2.0 / n * (slopes.T @ residuals))
        return slopes

    stopped = "steps"
    with np.errstate(all="ignore"):
        try:
            result = least_squares(distances.residuals, start, jacobian, x_scale="jac", ftol=FLAT, xtol=FLAT, gtol=FLAT,
                                   max_nfev=TRIES)  # fmt: skip
            jacobian(result.x)
        except Enough as enough:
            stopped = enough.stopped
        except ValueError:  # of numbers that are not finite
            stopped = "diverged"
        if not passes.points:
            return replace(before, stopped="diverged"), None
        passes.cut_to_best()
        at = passes.points[-1]
        slopes, residuals = distances.jacobian(at), distances.residuals(at)
        if stopped == "steps" and _is_minimum(slopes, residuals):
            stopped = "converged"
        statistics = _statistics(distances, at, slopes, residuals) if stopped == "converged" else None
    state = TrainingState(
        objective.parts(at), epoch=len(passes.points), step=len(passes.points),
        gradient=objective.parts(passes.gradients[-1]),
    )  # fmt: skip
    return replace(before, state=state, history=passes.history(objective), stopped=stopped), statistics


def _is_minimum(slopes: Array, residuals: Array) -> bool:
    """Whether the best step would gain next to nothing."""
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
    return Statistics(
        parameters=names, values=tuple(at.tolist()), covariance=covariance, rows=n, rank=int(np.sum(seen)),
        confused=confused, linear=(), residual_sum_of_squares=math.fsum((residuals**2).tolist()), known_sigma=True,
        log_weights=-float(np.sum(np.log(distances.spread(at)))),
    )  # fmt: skip
