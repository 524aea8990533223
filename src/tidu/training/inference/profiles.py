"""Profile likelihood: how the cost rises as one parameter is moved and the others follow, and where it is too high.

Along each parameter τ is the signed root of the rise, in standard errors: a straight line where the cost is quadratic.
An interval ends where |τ| is the quantile. Bates & Watts 1988, sec. 6.1; Venzon & Moolgavkar 1988. The slope of the
profile is the cost's own along the parameter, as the others are at their best; so every step knows where to go.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.text import _
from tidu.training.problem import Limits
from tidu.training.solving.convergence import Bounds, is_minimum
from tidu.training.solving.newton import newton_steps
from tidu.training.solving.objective import Objective
from tidu.training.solving.passes import Enough, Passes

Array = npt.NDArray[np.float64]
STEPS = 5  # of τ between the end of the fit and the end of the interval
MOST_STEPS = 60  # ... before a side is given up as open
GROWTH = 3.0  # of a step, at most, from one to the next
FAR = 1e6  # standard errors from which a side is open
HALVINGS = 12  # of a step at whose end nothing can be fitted
REFIT_STEPS = 60  # of Newton, from the neighbour's solution
SETTLED = 1e-13  # of the cost: what a step of these must gain
ROOT = 1e-9  # of the quantile: how near to it an end is found
LOWER = 1e-7  # of the rise that counts: what a profile may fall below the end of the fit by rounding

# how a side ends
FOUND, AT_BOUND, OPEN, LOST = "found", "bound", "open", "lost"


@dataclass(frozen=True)
class Measure:
    """What a rise of the cost means: τ² = scale·(J − Ĵ), to be compared with the square of `quantile`."""

    scale: float
    quantile: float


@dataclass(frozen=True)
class Profile:
    """The profile of one parameter.

    Attributes
    ----------
    points : all parameters on the way, of shape (n, p); column `place` rises.
    tau : the signed root of the rise there, of shape (n,).
    low, high : the ends of the interval; infinite where the cost never rises so far, nan where it cannot be followed.
    sides : how each side ends: `found`, `bound`, `open` or `lost`.
    lower : whether a point had a lower cost than the end of the fit, which then is no minimum of all.
    """

    name: str
    place: int
    points: Array
    tau: Array
    low: float
    high: float
    sides: tuple[str, str] = (FOUND, FOUND)
    lower: bool = False

    @property
    def values(self) -> Array:
        """The values of the parameter itself, of shape (n,)."""
        return self.points[:, self.place]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "low": self.low, "high": self.high, "sides": list(self.sides), "values": self.values.tolist(),
            "tau": self.tau.tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class _Point:
    at: Array
    tau: float
    slope: float  # dτ/dv


@dataclass
class _Along:
    """The way along one parameter of an objective, from its minimum `best`."""

    objective: Objective
    measure: Measure
    best: Array
    place: int
    bounds: Bounds | None
    covariance: Array
    cost: float = math.nan
    lower: bool = False

    def __post_init__(self) -> None:
        self.cost = self.objective.cost(self.best)

    def fitted(self, value: float, start: Array) -> _Point | None:
        """The others at their best where the parameter has a value; None where nothing can be fitted."""
        held = start.copy()
        held[self.place] = value
        found = refitted(self.objective, held, [self.place], self.bounds)
        if found is None:
            return None
        at, cost, gradient = found
        rise = self.measure.scale * (cost - self.cost)
        if rise < -LOWER * self.measure.quantile**2:
            self.lower = True
        side = 1.0 if value >= self.best[self.place] else -1.0
        tau = side * math.sqrt(max(rise, 0.0))
        slope = self.measure.scale * float(gradient[self.place])
        return _Point(at, tau, slope / (2.0 * tau) if tau else math.inf)


def refitted(
    objective: Objective, start: Array, held: Sequence[int], bounds: Bounds | None
) -> tuple[Array, float, Array] | None:
    """The minimum over the parameters not `held` at their start, its cost and gradient; None if there is none."""
    p = len(start)
    low, high = (np.full(p, -math.inf), np.full(p, math.inf)) if bounds is None else (b.copy() for b in bounds)
    start = np.clip(start, low, high) if bounds is not None else start
    low[held] = high[held] = start[held]
    passes = Passes(Limits(REFIT_STEPS + 2), None)
    with contextlib.suppress(Enough):
        newton_steps(objective, start, (low, high), passes, REFIT_STEPS, SETTLED)
    if not passes.points:
        return None
    passes.cut_to_best()
    at = passes.points[-1]
    return (at, passes.costs[-1], passes.gradients[-1]) if is_minimum(objective, at, (low, high)) else None


def profile_of(
    objective: Objective,
    best: Array,
    covariance: Array,
    place: int,
    measure: Measure,
    bounds: Bounds | None = None,
    step_told: Callable[[], None] | None = None,
) -> Profile:
    """The profile of the parameter at `place` around the minimum `best`.

    Parameters
    ----------
    covariance : of the estimates, of shape (p, p): the length of the first steps, and how the others follow.
    step_told : called after each refit, for progress.
    """
    along = _Along(objective, measure, best, place, bounds, covariance)
    with np.errstate(all="ignore"):
        below, end_below, why_below = _side(along, -1.0, step_told)
        above, end_above, why_above = _side(along, 1.0, step_told)
    middle = _Point(best, 0.0, 1.0 / math.sqrt(covariance[place, place]))
    points = [*below[::-1], middle, *above]
    return Profile(
        objective.names[place],
        place,
        np.array([point.at for point in points]),
        np.array([point.tau for point in points]),
        end_below,
        end_above,
        (why_below, why_above),
        along.lower,
    )


def _side(along: _Along, way: float, step_told: Callable[[], None] | None) -> tuple[list[_Point], float, str]:
    """The points on one side, going out, where its interval ends, and how."""
    k, best, quantile = along.place, along.best, along.measure.quantile
    error = math.sqrt(along.covariance[k, k])
    limit = way * math.inf if along.bounds is None else float(along.bounds[1 if way > 0 else 0][k])
    if way * (limit - best[k]) <= 0.0:
        return [], float(best[k]), AT_BOUND
    drift = along.covariance[:, k] / along.covariance[k, k]  # of all parameters, for one of this
    last, h = _Point(best, 0.0, 1.0 / error), quantile / STEPS * error
    points: list[_Point] = []
    for _step in range(MOST_STEPS):
        found = None
        for _half in range(HALVINGS):
            value = float(last.at[k] + way * h)
            value = limit if way * (value - limit) >= 0.0 else value
            if value == last.at[k]:
                break
            found = along.fitted(value, last.at + drift * (value - last.at[k]))
            found = found or along.fitted(value, last.at)
            if step_told is not None:
                step_told()
            if found is not None and way * found.tau >= way * last.tau - 1e-6:
                break
            found, h = None, 0.25 * h
        if found is None:
            return points, math.nan, LOST
        if way * found.tau >= quantile:
            end = _crossing(along, way, last, found)
            return _with(points, end, found, way), float(end.at[k]), FOUND
        points.append(found)
        if found.at[k] == limit:
            return points, limit, AT_BOUND
        moved = found.at[k] - last.at[k]
        drift = (found.at - last.at) / moved
        rises = found.slope > 0.0 and math.isfinite(found.slope)
        wanted = quantile / STEPS / found.slope if rises else math.inf
        last, h = found, min(wanted, GROWTH * abs(moved))
        if abs(found.at[k] - best[k]) > FAR * error:
            break
    return points, way * math.inf, OPEN


def _with(points: list[_Point], end: _Point, beyond: _Point, way: float) -> list[_Point]:
    """The points of a side with its end, and one beyond it."""
    return [*points, *([end] if end is not beyond else []), beyond]


def _crossing(along: _Along, way: float, inside: _Point, outside: _Point) -> _Point:
    """The point at which |τ| is the quantile, between two that are on either side: Newton's method, kept between."""
    k, quantile = along.place, along.measure.quantile
    near = outside
    for _step in range(40):
        if abs(abs(near.tau) - quantile) <= ROOT * quantile:
            return near
        width = float(outside.at[k] - inside.at[k])
        value = float(near.at[k]) + way * (quantile - abs(near.tau)) / abs(near.slope)
        if not way * inside.at[k] < way * value < way * outside.at[k]:
            value = float(inside.at[k]) + 0.5 * width
        if value in (inside.at[k], outside.at[k]):
            break
        share = (value - inside.at[k]) / width
        found = along.fitted(value, inside.at + share * (outside.at - inside.at)) or along.fitted(value, inside.at)
        if found is None:
            break
        if way * found.tau < quantile:
            inside = found
        else:
            outside = found
        near = found
    return near


def notes_on_profile(profile: Profile) -> list[str]:
    """What a person should know of an interval that does not end on both sides as intervals do."""
    notes = []
    name = profile.name
    for side, end, word in zip(profile.sides, (profile.low, profile.high), (_("below"), _("above")), strict=True):
        if side == OPEN:
            notes.append(
                _("the profile interval of '{name}' is open {side}: the data do not rule out any value there").format(
                    name=name, side=word
                )
            )
        elif side == AT_BOUND:
            notes.append(
                _("the profile interval of '{name}' ends {side} at its bound, {end:g}").format(
                    name=name, side=word, end=end
                )
            )
        elif side == LOST:
            notes.append(
                _("the profile of '{name}' cannot be followed {side} as far as its interval: the model has no value or "
                  "no minimum there").format(name=name, side=word)
            )  # fmt: skip
    if profile.lower:
        notes.append(
            _("the profile of '{name}' came to a lower cost than the end of the fit, which is not the lowest then; "
              "fit again with several starts (--starts 20)").format(name=name)
        )  # fmt: skip
    return notes
