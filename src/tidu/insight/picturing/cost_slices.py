"""The cost of a run's model in the plane of two of its parameters, with the paths of one or several optimizers over it.

The grid follows the valley's floor (`pictures.valley_grids`), so that contours are smooth however narrow the valley is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidu.errors import SettingError
from tidu.insight.picturing.of_runs import checked_name, table_of
from tidu.insight.picturing.passages import passages, spread_evenly, why_no_steps
from tidu.pictures.numbers import Array, Series
from tidu.pictures.valley_grids import NARROWINGS, follow_the_floor
from tidu.text import _
from tidu.training.fit import run_of
from tidu.training.judging.evaluation import cost_of
from tidu.training.run import Run
from tidu.training.solving.network import objective_of
from tidu.training.solving.objective import Objective

ALONG, ACROSS = 81, 101  # points of the grid, along the valley and across it
STEPS = 300  # at which paths are looked at
FAR = 100.0  # times the length of the paths, beyond which the minimum is left out of sight
NEWTON_STEPS = 60
MOST_EVALUATIONS = 4e9  # operations on cells; a larger table has a coarser grid
OPERATIONS = 40.0  # of a formula's loss, about


@dataclass(frozen=True)
class Slice:
    """The cost over two parameters on a grid of shape (n, m), with paths; see `pictures.cost_maps.CostMap`."""

    names: tuple[str, str]
    x: Array
    y: Array
    height: Array
    lowest: float
    limits: tuple[float, float, float, float]
    paths: tuple[Series, ...]
    minimum: tuple[float, float] | None
    held: dict[str, float]  # the other parameters, and where they are held

    def on_straight_grid(self, width: int, height: int) -> Array:
        """The cost on an even grid of shape (height, width), the top first, between the points of its lines."""
        left, right, low, high = self.limits
        a, b = np.linspace(left, right, width), np.linspace(high, low, height)
        upright = bool(np.ptp(self.x[0]) == 0.0)  # lines of one x each
        along, across = (self.x[:, 0], self.y) if upright else (self.y[:, 0], self.x)
        near = np.abs(along[:, np.newaxis] - (a if upright else b)).argmin(axis=0)
        lines = [np.interp(b[::-1] if upright else a, across[k], self.height[k]) for k in near]
        return np.array(lines).T[::-1] if upright else np.array(lines)


def why_no_slice(run: Run) -> str | None:
    """Why there is no plane of two parameters, if there is none."""
    if sum(math.prod(p.shape) for p in run.program.parameters) < 2:
        return _("'contours' are over two parameters; this model has one: see 'tidu scan' for its curve")
    return why_no_steps(run)


def slice_of(
    run: Run,
    of: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    limits: tuple[float, float, float, float] | None = None,
) -> Slice:
    """The plane of two parameters, the first two by default; others are held where the run ended.

    Parameters
    ----------
    of : the names of two parameters; of a network, two of its numbers, as in `W1[2,0]`.
    optimizers : besides the run's own path, those of these optimizers on the same problem, each at its default rate.
    limits : what is in sight, of the first parameter and then of the second; by default the paths and the minimum.
    """
    table = table_of(run)
    program = run.program.without_dropout
    columns = [table[c.name] for c in program.columns]
    objective = objective_of(program, columns)
    names = [name.replace(" ", "") for name in objective.names]
    chosen = [checked_name(name.replace(" ", ""), names) for name in of] or names[:2]
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        raise SettingError(_("contours are over two parameters, as in --of w,b, not '{names}'").format(
            names=",".join(of)))  # fmt: skip
    i, j = names.index(chosen[0]), names.index(chosen[1])
    paths = [_path(r, name, i, j) for r, name in _courses(run, optimizers)]
    end = _as_vector(tuple(run.params.values()))
    minimum = _minimum(objective, end, i, j)
    limits = limits or _limits(paths, minimum)
    if minimum is not None and not (limits[0] <= minimum[0] <= limits[1] and limits[2] <= minimum[1] <= limits[3]):
        minimum = None
    operations = max(OPERATIONS, 2.0 * len(names)) * max(table.rows, 1)  # of one cost
    share = min(1.0, np.sqrt(MOST_EVALUATIONS / (operations * ALONG * (ACROSS + NARROWINGS))))
    along, across = max(21, int(ALONG * share)), max(31, int(ACROSS * share) // 2 * 2 + 1)
    cost_at: Callable[[Array], float] = objective.cost
    if not program.of_arrays:
        of_numbers = cost_of(program, columns, along * (across + NARROWINGS))

        def cost_at(at: Array) -> float:
            return of_numbers(at.tolist())

    def cost(a: float, b: float) -> float:
        point = end.copy()
        point[i], point[j] = a, b
        return cost_at(point)

    x, y, height = follow_the_floor(cost, limits, along, across)
    finite = height[np.isfinite(height)]
    lowest = min([float(finite.min())] if len(finite) else [0.0])
    if minimum is not None:
        lowest = min(lowest, cost(*minimum))
    held = {n: float(end[k]) for k, n in enumerate(names) if k not in (i, j)}
    return Slice((chosen[0], chosen[1]), x, y, height, lowest, limits, tuple(paths), minimum, held)


def _courses(run: Run, optimizers: Sequence[str]) -> list[tuple[Run, str]]:
    """The run, and others like it but for the optimizer."""
    if not optimizers:
        return [(run, run.settings.optimizer)]
    found = []
    for name in optimizers:
        if name == run.settings.optimizer:
            found.append((run, name))
            continue
        problem = replace(run.problem, rescaling=None, rescaled_program=None)
        found.append((run_of(problem.changed(optimizer=name, lr=None, scale=False)), name))
    return [(r, f"{name}, α = {r.lr:.3g}" if isinstance(r.lr, float) else name) for r, name in found]


def _path(run: Run, name: str, i: int, j: int) -> Series:
    passed = passages(run, spread_evenly(run.steps, STEPS))
    points = np.array([_as_vector(p.parameters)[[i, j]] for p in passed])
    return Series(name, points[:, 0], points[:, 1])


def _as_vector(parameters: Sequence[Any]) -> Array:
    """Every number of the parameters, one after another."""
    return np.concatenate([np.ravel(np.asarray(p, dtype=np.float64)) for p in parameters])


def _curvature(objective: Objective, at: Array, both: list[int]) -> Array:
    """The second derivatives by two of the parameters, of shape (2, 2)."""
    if not objective.program.of_arrays:
        return np.asarray(objective.hessian(at)[np.ix_(both, both)])
    return np.array([objective.hessian_product(at, direction)[both] for direction in np.eye(len(at))[both]])


def _minimum(objective: Objective, end: Array, i: int, j: int) -> tuple[float, float] | None:
    """The lowest point of the plane near the end, by Newton's method; None where that finds none."""
    at, both = end.copy(), [i, j]
    with np.errstate(all="ignore"):
        cost, slope = objective.cost_and_gradient(at)
        for _k in range(NEWTON_STEPS):
            curvature = _curvature(objective, at, both)
            if not np.all(np.isfinite(curvature)):
                return None
            values, vectors = np.linalg.eigh(curvature)
            if values[0] <= 1e-14 * abs(values[1]):
                return None
            move = -vectors @ ((vectors.T @ slope[both]) / values)
            share = 1.0
            while share > 1e-6:
                tried = at.copy()
                tried[both] += share * move
                found, slope_there = objective.cost_and_gradient(tried)
                if np.isfinite(found) and found <= cost:
                    break
                share *= 0.5
            else:
                return float(at[i]), float(at[j])
            done = np.all(np.abs(tried[both] - at[both]) <= 1e-12 * (np.abs(tried[both]) + 1e-300))
            at, cost, slope = tried, found, slope_there
            if done:
                break
    return float(at[i]), float(at[j])


def _limits(paths: Sequence[Series], minimum: tuple[float, float] | None) -> tuple[float, float, float, float]:
    """What is in sight: the paths, as far as they do not run away, and the minimum, where it is not too far."""
    found: list[float] = []
    for k in range(2):
        every = np.concatenate([(p.x, p.y)[k] for p in paths])
        every = every[np.abs(every) < 1e60]
        start = every[0]
        spread = np.quantile(np.abs(every - start), 0.98)
        every = every[np.abs(every - start) <= 20.0 * max(spread, 1e-300)]
        low, high = float(every.min()), float(every.max())
        if minimum is not None:
            span = max(high - low, 1e-9 * max(abs(low), abs(high)), 1e-12)
            m = minimum[k]
            if max(low - m, m - high) <= FAR * span:
                low, high = min(low, m), max(high, m)
        margin = 0.15 * (high - low) or 0.5 * max(abs(low), 1.0)
        found += [low - margin, high + margin]
    return found[0], found[1], found[2], found[3]
