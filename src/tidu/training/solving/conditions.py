"""Minima under conditions on parameters, such as `a + b < 1`: where no condition is in the way, and on their edges.

A minimum that satisfies them all is the answer. Else sequential quadratic programming (Kraft 1988, as SciPy has it)
comes near, and Newton's method on the conditions of Karush, Kuhn and Tucker, with the conditions that press, ends
exactly; an end counts as a minimum only where those conditions hold (Nocedal & Wright 2006, ch. 12 and 18).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate
from tidu.language.quantities import Inequality
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.problem import Limits
from tidu.training.solving.attempts import Attempt
from tidu.training.solving.convergence import GAIN, Bounds, equilibrated, resolution
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import Enough, Passes, without_warnings

Array = npt.NDArray[np.float64]
NEAR = 1e-6  # in steps of the parameters' own size: how near to its edge a condition may press
ON_EDGE = 1e-10  # ... and how far beyond it a minimum may lie
FEASIBLE = 1e-12  # of the sizes that are compared: what rounding puts beyond an edge
FLOOR = 1e-6  # of the largest parameter: the size of one that is 0
STEPS = 60  # of Newton's method from where the programme ends
PROGRAMME_STEPS = 1000
NOT_DOWN = -1e-9  # of the largest curvature along the edges: what bends down is no minimum


class Region:
    """The points at which all conditions hold, with the bounds of the parameters among them."""

    def __init__(self, inequalities: Sequence[Inequality], parameters: Sequence[Expr], bounds: Bounds | None) -> None:
        self.parameters = tuple(parameters)
        self.inequalities = tuple(inequalities)
        self.bounds = bounds
        signs: list[tuple[int, float, float]] = []  # of which parameter, ±1, and the bound
        if bounds is not None:
            signs += [(k, -1.0, float(low)) for k, low in enumerate(bounds[0]) if math.isfinite(low)]
            signs += [(k, 1.0, float(high)) for k, high in enumerate(bounds[1]) if math.isfinite(high)]
        self._signs = signs

    @cached_property
    def _slopes(self) -> list[tuple[Expr, ...]]:
        return [gradient(i.value, self.parameters) for i in self.inequalities]

    @cached_property
    def _seconds(self) -> list[list[tuple[Expr, ...]]]:
        return [[gradient(slope, self.parameters) for slope in slopes] for slopes in self._slopes]

    def _named(self, at: Array) -> dict[Expr, float]:
        return dict(zip(self.parameters, at.tolist(), strict=True))

    def values(self, at: Array) -> Array:
        """Of shape (m,): at most 0 inside."""
        given = self._named(at)
        own = [evaluate(i.value, given) for i in self.inequalities]
        return np.array([*own, *(sign * (at[k] - bound) for k, sign, bound in self._signs)])

    def slopes(self, at: Array) -> Array:
        """Of shape (m, p)."""
        given = self._named(at)
        rows = [[evaluate(s, given) for s in slopes] for slopes in self._slopes]
        for k, sign, _bound in self._signs:
            rows.append([sign if j == k else 0.0 for j in range(len(at))])
        return np.array(rows, dtype=np.float64).reshape(-1, len(at))

    def curvature(self, at: Array, multipliers: Array) -> Array:
        """Σ λ·∇²c over the conditions, of shape (p, p)."""
        given, p = self._named(at), len(at)
        whole = np.zeros((p, p))
        for factor, rows in zip(multipliers, self._seconds, strict=False):
            if factor:
                whole += factor * np.array([[evaluate(s, given) for s in row] for row in rows])
        return whole

    def holds(self, at: Array, slack: float = FEASIBLE) -> bool:
        """Whether all conditions hold, within rounding."""
        values = self.values(at)
        sizes = np.abs(self.slopes(at)) @ (np.abs(at) + FLOOR * np.max(np.abs(at), initial=0.0))
        return bool(np.all(values <= slack * sizes))

    def pressing(self, at: Array) -> list[str]:
        """The texts of the conditions at whose edge a point lies."""
        values = self.values(at)[: len(self.inequalities)]
        sizes = np.abs(self.slopes(at)[: len(self.inequalities)]) @ np.abs(at)
        return [i.text for i, v, s in zip(self.inequalities, values, sizes, strict=True) if v >= -NEAR * max(s, 1e-300)]


@dataclass(frozen=True)
class _Edge:
    """A point with the conditions that press there: the step of Newton's method, and how far from a minimum it is."""

    at: Array
    cost: float
    gradient: Array
    active: npt.NDArray[np.bool_]
    multipliers: Array  # of the active ones
    step: Array
    off: float  # the residual of the conditions of Karush, Kuhn and Tucker
    gain: float
    lowest: float  # curvature along the edges, relative to the largest


@without_warnings()
def within_conditions(
    objective: Objective,
    region: Region,
    attempts: Sequence[Attempt],
    starts: Sequence[Array],
    limits: Limits,
    progress: Progress | None,
) -> list[Attempt]:
    """The attempts that were made without conditions, if the lowest satisfies them; else minima on their edges."""
    lowest = min(attempts, key=lambda a: a.cost)
    if lowest.passes.points and lowest.converged and region.holds(lowest.end):
        return [a for a in attempts if a.passes.points and region.holds(a.end)]
    found: list[Attempt] = []
    for start in starts:
        with np.errstate(all="ignore"):
            if not all_finite(region.values(start)):
                raise SettingError(
                    _("the condition '{text}' has no value at the starting values; give others (--init)").format(
                        text=region.inequalities[0].text
                    )
                )
    ends = [a.end for a in attempts if a.passes.points and a.stopped != "interrupted"]
    for start in [*starts, *ends]:
        found.append(_attempt(objective, region, start, limits, progress))
        if found[-1].stopped == "interrupted":
            break
    texts = ", ".join(f"'{i.text}'" for i in region.inequalities)
    if not any(a.passes.points for a in found) and found[-1].stopped != "interrupted":
        raise SettingError(
            _("no minimum was found at which {conditions} hold; give starting values at which they do (--init), or "
              "look at whether they can hold together").format(conditions=texts)
        )  # fmt: skip
    return [a for a in found if a.passes.points] or found


def _attempt(objective: Objective, region: Region, start: Array, limits: Limits, progress: Progress | None) -> Attempt:
    passes = Passes(limits, progress)
    try:
        near = _programme(objective, region, start)
        edge = _finished(objective, region, near)
        if edge is None or not region.holds(edge.at, ON_EDGE):
            return Attempt(passes, "steps", False, "given")
        if region.holds(start) and not np.array_equal(start, edge.at):
            cost, slope = objective.cost_and_gradient(start)
            if all_finite(cost, slope) and cost > edge.cost:
                passes.add(start, cost, slope)
        with contextlib.suppress(Enough):
            passes.add(edge.at, edge.cost, edge.gradient)
        passes.settled = True
        good = _is_minimum(objective, region, edge)
        pressing = tuple(region.pressing(edge.at))
        return Attempt(passes, "converged" if good else "steps", good, "given", pressing=pressing)
    except Enough as enough:
        return Attempt(passes, enough.stopped, False, "given")
    except KeyboardInterrupt:
        return Attempt(passes, "interrupted", False, "given")


def _programme(objective: Objective, region: Region, start: Array) -> Array:
    """Near a minimum: sequential quadratic programming, in units in which the cost curves alike at the start."""
    from scipy.optimize import minimize

    _cost, _slope, curvature = objective.quadratic(start)
    unit = equilibrated(curvature) if all_finite(curvature) else np.ones(len(start))
    size = max(abs(_cost), 1e-300) if math.isfinite(_cost) else 1.0
    best = [start]

    def value(u: Array) -> tuple[float, Array]:
        cost, slope = objective.cost_and_gradient(u * unit)
        if not all_finite(cost, slope):
            return 1e30, np.zeros(len(u))  # a wall: the line search comes back from it
        return cost / size, slope * unit / size

    result = minimize(
        value, start / unit, jac=True, method="SLSQP",
        constraints=[{"type": "ineq", "fun": lambda u: -region.values(u * unit),
                      "jac": lambda u: -region.slopes(u * unit) * unit}],
        options={"maxiter": PROGRAMME_STEPS, "ftol": 1e-16},
    )  # fmt: skip
    end = result.x * unit
    return end if all_finite(end) else best[0]


def _finished(objective: Objective, region: Region, at: Array) -> _Edge | None:
    """Newton's method with the conditions that press: one that does not is let go, one that is met joins."""
    values, slopes = region.values(at), region.slopes(at)
    sizes = np.maximum(np.abs(slopes) @ np.maximum(np.abs(at), 1e-12), 1e-300)
    edge = _edge(objective, region, at, values >= -NEAR * sizes)
    if edge is None:
        return None
    for _k in range(STEPS):
        if len(edge.multipliers) and np.min(edge.multipliers) < 0.0:
            active = edge.active.copy()
            active[np.flatnonzero(active)[int(np.argmin(edge.multipliers))]] = False
            freed = _edge(objective, region, edge.at, active)
            if freed is None:
                return edge
            edge = freed
            continue
        values, rows = region.values(edge.at), region.slopes(edge.at)
        along = rows @ edge.step
        blocked = ~edge.active & (along > 0.0)
        with np.errstate(all="ignore"):
            room = np.where(blocked, np.maximum(-values, 0.0) / along, math.inf)
        share = min(1.0, float(np.min(room, initial=math.inf)))
        active = edge.active | (room <= share) if share < 1.0 else edge.active
        after = None
        for _half in range(20):
            after = _edge(objective, region, edge.at + share * edge.step, active)
            if after is not None and (after.off < edge.off or not np.array_equal(active, edge.active)):
                break
            after, share, active = None, 0.5 * share, edge.active
        if after is None:
            return edge
        edge = after
    return edge


def _edge(objective: Objective, region: Region, at: Array, active: npt.NDArray[np.bool_]) -> _Edge | None:
    cost, slope, curvature = objective.quadratic(at)
    values, rows = region.values(at)[active], region.slopes(at)[active]
    if not all_finite(cost, slope, curvature, values, rows):
        return None
    p = len(at)
    unit = equilibrated(curvature)
    g, a = slope * unit, rows * unit
    lengths = np.maximum(np.linalg.norm(a, axis=1), 1e-300)
    a, c = a / lengths[:, None], values / lengths
    first = np.linalg.lstsq(a.T, -g, rcond=None)[0] if len(c) else np.zeros(0)
    every = np.zeros(len(active))
    every[active] = first / lengths
    whole = unit[:, None] * (curvature + region.curvature(at, every)) * unit
    system = np.block([[whole, a.T], [a, np.zeros((len(c), len(c)))]])
    step = np.linalg.lstsq(system, np.concatenate([-g, -c]), rcond=1e-15)[0]
    multipliers = step[p:]
    _u, singular, vt = np.linalg.svd(a, full_matrices=True) if len(c) else (None, np.zeros(0), np.eye(p))
    rank = int(np.sum(singular > 1e-12))
    free = vt[rank:]
    bends, vectors = np.linalg.eigh(free @ whole @ free.T) if len(free) else (np.zeros(0), np.zeros((0, 0)))
    tilt = vectors.T @ (free @ (g + a.T @ multipliers)) if len(free) else np.zeros(0)
    largest = float(np.max(np.abs(bends), initial=0.0))
    gain = 0.5 * float(np.sum(tilt**2 / np.maximum(np.abs(bends), 1e-13 * max(largest, 1e-300))))
    off = float(np.linalg.norm(g + a.T @ multipliers))
    off += float(np.linalg.norm(c)) * max(float(np.linalg.norm(g)), 1e-300)
    off += float(np.linalg.norm(step[:p])) * max(largest, 1e-300)
    lowest = float(np.min(bends, initial=0.0)) / max(largest, 1e-300)
    return _Edge(at, cost, slope, active, multipliers, step[:p] * unit, off, gain, lowest)


def _is_minimum(objective: Objective, region: Region, edge: _Edge) -> bool:
    """Whether the conditions of Karush, Kuhn and Tucker hold there, and the cost bends down along no edge."""
    flat = edge.gain <= GAIN * abs(edge.cost) or edge.gain <= resolution(objective, edge.at, edge.cost)
    presses = not len(edge.multipliers) or bool(np.min(edge.multipliers) >= 0.0)
    return flat and presses and edge.lowest >= NOT_DOWN and region.holds(edge.at, ON_EDGE)
