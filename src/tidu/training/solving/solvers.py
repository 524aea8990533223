"""The solvers: least squares (`lm`), `lbfgs` and `newton`, on the exact derivatives of the program.

SciPy makes the steps; what is ours is the derivatives, the scaling, the starts that are tried, and the last polish of
a least-squares fit by Newton steps through an orthogonal factorisation, which goes on where the cost is too flat for
SciPy to see a difference. Called by `training/fit.py`.
"""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import hessian_of, jacobian_of, target_of
from tidu.engines.program import Program
from tidu.language.expr import evaluation_order
from tidu.language.simplify import ZERO
from tidu.training.callbacks import Progress
from tidu.training.descent import Descent
from tidu.training.problem import Limits
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import MOST_TRIES, Enough, Passes
from tidu.training.solving.polish import polished
from tidu.training.state import TrainingState

Array = npt.NDArray[np.float64]
Bounds = tuple[Array, Array]
FLAT = 1e-15  # SciPy's tolerances: as near to machine precision as it takes them
TRIES_ELSEWHERE = 400  # evaluations from a start that is not the user's
CHEAP_CELLS = 20_000  # rows × parameters up to which a second opinion costs next to nothing
ILL = 1e10  # condition of the scaled Jacobian from which an end is not trusted without looking elsewhere
SPREADS = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0)  # of the starts tried around the given one
LITTLE = 0.5  # share of the target's variance; an end that leaves more of it is not trusted without looking elsewhere
SAME = 1e-6  # relative difference of two costs that are one minimum


@dataclass(frozen=True)
class Attempt:
    """One run of a method from one start."""

    passes: Passes
    stopped: str
    converged: bool
    where: str = "given"  # the start: given, linear (the parameters that enter linearly solved for), near, drawn

    @property
    def cost(self) -> float:
        """The lowest cost on its way."""
        return self.passes.costs[self.passes.best] if self.passes.costs else math.inf

    @property
    def end(self) -> Array:
        """Where that was."""
        return self.passes.points[self.passes.best]


@dataclass(frozen=True)
class Solved:
    """How a solver ended, as a `Descent`, with what it tried."""

    descent: Descent
    starts: int = 1
    started_from: str = "given"
    costs: tuple[float, ...] = field(default=())  # the lowest cost of each attempt


Method = Callable[[Objective, Array, "Bounds | None", Passes], bool]


def solve(
    method: str,
    program: Program,
    columns: Sequence[Array],
    start: Sequence[float],
    limits: Limits,
    *,
    bounds: Bounds | None = None,
    more_starts: Sequence[Array] = (),
    engine: str = "auto",
    progress: Progress | None = None,
) -> Solved:
    """Run `lm`, `lbfgs` or `newton` on columns of shape (rows,), in the order of `program.columns`.

    `bounds` are the least and greatest values, each of shape (p,); `more_starts` are tried beside `start`, and the
    lowest end is kept.
    """
    began = time.perf_counter()
    objective = Objective(program, columns, engine)
    first = np.array(start, dtype=np.float64)
    if bounds is not None:
        first = np.clip(first, *bounds)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an overflow on a step that is not taken
        attempts = _attempts(method, objective, first, limits, bounds, more_starts, progress)
        best = min(attempts, key=lambda a: a.cost)
        for attempt in attempts:  # of equals the first, which is the one that the user's start leads to
            if attempt.cost <= best.cost * (1.0 + SAME):
                best = attempt
                break
        if best.converged and best.passes.points and program.residual_factor is not None and program.penalty is ZERO:
            same = _with_signs_of(objective, first, best.end)
            if bounds is None and not np.array_equal(same, best.end):
                best.passes.cut_to_best()
                with contextlib.suppress(Enough):
                    best.passes.add(same, *objective.cost_and_gradient(same))
                best.passes.settled = True
            polished(objective, best.passes, bounds)
    passes = best.passes
    source = objective.rows_text if method == "lm" else objective.loss_source
    stopped = best.stopped
    n = len(passes.points)
    if not n:
        state = TrainingState(tuple(first.tolist()), ())
        stopped = "diverged"
    else:
        passes.cut_to_best()
        n = len(passes.points)
        state = TrainingState(
            tuple(passes.points[-1].tolist()), epoch=n, step=n, gradient=tuple(passes.gradients[-1].tolist())
        )
    descent = Descent(state, passes.history(objective), stopped, time.perf_counter() - began, source, objective.engine)
    return Solved(descent, len(attempts), best.where, tuple(a.cost for a in attempts))


# -- which starts ---------------------------------------------------------------------------------
def _attempts(
    method: str,
    objective: Objective,
    first: Array,
    limits: Limits,
    bounds: Bounds | None,
    more_starts: Sequence[Array],
    progress: Progress | None,
) -> list[Attempt]:
    """The given start; others where its end is not to be trusted, or where looking costs next to nothing."""

    def tried(start: Array, where: str, run: Method = METHODS[method]) -> Attempt:
        passes = Passes(limits, progress, MOST_TRIES if where == "given" else TRIES_ELSEWHERE)
        try:
            converged = run(objective, start, bounds, passes)
            return Attempt(passes, "converged" if converged else "steps", converged, where)
        except Enough as enough:
            return Attempt(passes, enough.stopped, False, where)
        except KeyboardInterrupt:
            return Attempt(passes, "interrupted", False, where)

    def inside(start: Array) -> Array:
        return start if bounds is None else np.clip(start, *bounds)

    if method == "lm" and bounds is None and _is_linear(objective.program):
        return [tried(first, "given", _direct)]
    attempts = [tried(first, "given")]

    def add_all(starts: Sequence[Array], where: str) -> None:
        for start in starts:
            if attempts[-1].stopped != "interrupted":  # one Ctrl-C ends them all
                attempts.append(tried(inside(start), where))

    add_all(more_starts, "drawn")
    if method != "lm" or limits.until_loss is not None or attempts[0].stopped in ("interrupted", "epochs", "loss"):
        return attempts
    sound = attempts[0].converged and _condition(objective, attempts[0].end) < ILL
    cheap = objective.rows_count * objective.p <= CHEAP_CELLS
    if more_starts or (sound and not cheap):
        return attempts
    if bounds is None:
        attempts.append(tried(first, "given", _minpack))
    linear = _with_linear_solved(objective, first)
    add_all([] if linear is None else [linear], "linear")
    best = min(attempts, key=lambda a: a.cost)
    if not best.passes.points or _condition(objective, best.end) >= ILL or _explains_little(objective, best.end):
        near = _near(objective, first)
        add_all(near if cheap else near[::4], "near")
    return attempts


def _condition(objective: Objective, at: Array) -> float:
    """The condition number of the Jacobian with columns of length 1; inf where a column is 0."""
    _r, jacobian = objective.residuals_and_jacobian(at)
    lengths = np.linalg.norm(jacobian, axis=0)
    if not all_finite(jacobian) or not np.all(lengths > 0.0):
        return math.inf
    return float(np.linalg.cond(jacobian / lengths))


def _explains_little(objective: Objective, at: Array) -> bool:
    """Whether the residuals are about as large as a constant's would be: perhaps there is a better minimum."""
    residuals = objective.residuals(at)
    target = objective.values_of([target_of(objective.program)], at)[0]
    spread = target - target.mean()
    return float(residuals @ residuals) > LITTLE * float(spread @ spread) > 0.0


def _with_linear_solved(objective: Objective, start: Array) -> Array | None:
    """`start` with the parameters that enter linearly at their best values for the others as they are.

    Source: Golub & Pereyra 1973, the idea of variable projection.
    """
    program = objective.program
    slopes = jacobian_of(program.score, program.parameters)
    linear: list[int] = []
    for k, parameter in enumerate(program.parameters):  # a set in which no slope depends on another of the set
        others = [program.parameters[j] for j in linear]
        if all(d is ZERO for d in jacobian_of(slopes[k], [parameter, *others])):
            linear.append(k)
    if not linear or len(linear) == objective.p:
        return None
    residuals, jacobian = objective.residuals_and_jacobian(start)
    if not all_finite(residuals, jacobian):
        return None
    part = jacobian[:, linear]
    lengths = np.linalg.norm(part, axis=0)
    lengths[lengths == 0.0] = 1.0
    move = np.linalg.lstsq(part / lengths, -residuals, rcond=1e-10)[0] / lengths
    solved = start.copy()
    solved[linear] += move
    return solved


def _is_linear(program: Program) -> bool:
    """Whether no slope of the prediction depends on a parameter."""
    slopes = evaluation_order(jacobian_of(program.score, program.parameters))
    return not any(parameter in slopes for parameter in program.parameters)


def _near(objective: Objective, start: Array) -> list[Array]:
    """Starts around the given one, the same every time, the near ones first; linear parameters solved for."""
    generator = np.random.default_rng(20)
    starts = []
    for spread in SPREADS:
        factors = np.exp(generator.normal(0.0, spread, len(start)))
        shifts = generator.normal(0.0, spread, len(start))
        moved = np.where(start == 0.0, shifts, start * factors)
        solved = _with_linear_solved(objective, moved)
        starts.append(moved if solved is None else solved)
    return starts


def _with_signs_of(objective: Objective, start: Array, end: Array) -> Array:
    """Of ends that fit alike and differ in signs (b and -b in b²), the one with the signs of the start."""
    flipped = np.flatnonzero(start * end < 0.0)
    best = objective.cost(end)
    for chosen in (flipped, *flipped[:, None]):
        candidate = end.copy()
        candidate[chosen] *= -1.0
        if np.any(start[chosen] * end[chosen] < 0.0) and abs(objective.cost(candidate) - best) <= 1e-13 * best:
            end = candidate
    return end


# -- the methods ----------------------------------------------------------------------------------
def _least_squares(objective: Objective, start: Array, passes: Passes, **options: Any) -> bool:
    from scipy.optimize import least_squares

    factor = objective.program.residual_factor
    assert factor is not None

    def jacobian(at: Array) -> Array:
        residuals, rows = objective.residuals_and_jacobian(at)
        n = len(residuals)
        passes.add(at, factor * float(residuals @ residuals) / n, 2.0 * factor / n * (rows.T @ residuals))
        if not all_finite(rows):
            raise Enough("steps")  # no step can be computed from here
        return rows

    if not all_finite(objective.residuals(start)):
        return False
    result = least_squares(
        objective.residuals, start, jac=jacobian, x_scale="jac", ftol=FLAT, xtol=FLAT, gtol=FLAT,
        max_nfev=passes.tries, **options,
    )  # fmt: skip
    jacobian(result.x)
    return bool(result.status > 0)


def _lm(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    """A trust region in the shape of the Jacobian's columns (Branch, Coleman & Li 1999)."""
    return _least_squares(objective, start, passes, method="trf", **({} if bounds is None else {"bounds": bounds}))


def _minpack(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    """The same problem by the code of Moré, Garbow & Hillstrom 1980: another way down, which may end elsewhere."""
    if objective.rows_count < objective.p:
        return False
    return _least_squares(objective, start, passes, method="lm")


def _lbfgs(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    from scipy.optimize import minimize

    unit = _lengths(objective, start)
    last: list[tuple[Array, float, Array]] = []

    def value(u: Array) -> tuple[float, Array]:
        at = u * unit
        cost, slope = objective.cost_and_gradient(at)
        last[:] = [(at, cost, slope)]
        if not all_finite(cost, slope):
            return math.inf, np.zeros_like(slope)
        return cost, slope * unit

    def accepted(u: Array) -> None:
        at, cost, slope = last[0]
        if not np.array_equal(at, u * unit):
            at = u * unit
            cost, slope = objective.cost_and_gradient(at)
        passes.add(at, cost, slope)

    cost, slope = objective.cost_and_gradient(start)
    if not all_finite(cost, slope):
        return False
    passes.add(start, cost, slope)
    limits = None if bounds is None else list(zip(bounds[0] / unit, bounds[1] / unit, strict=True))
    result = minimize(
        value, start / unit, jac=True, method="L-BFGS-B", callback=accepted, bounds=limits,
        options={"maxiter": 15_000, "maxfun": 100_000, "ftol": 0.0, "gtol": 0.0, "maxcor": 20},
    )  # fmt: skip
    # With both tolerances at 0 it ends where the line search finds nothing lower: as far as the numbers go.
    return bool(result.success) or "ABNORMAL" in str(result.message).upper()


def _newton(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    from scipy.optimize import minimize

    unit = _lengths(objective, start)

    def value(u: Array) -> float:
        cost = objective.cost(u * unit)
        return cost if math.isfinite(cost) else math.inf

    def slope(u: Array) -> Array:
        cost, gradient = objective.cost_and_gradient(u * unit)
        passes.add(u * unit, cost, gradient)
        return gradient * unit

    def hessian(u: Array) -> Array:
        matrix = objective.hessian(u * unit) * np.outer(unit, unit)
        if not all_finite(matrix):
            raise Enough("steps")
        return matrix

    if not all_finite(*objective.cost_and_gradient(start)):
        return False
    scale = float(np.linalg.norm(objective.cost_and_gradient(start)[1] * unit))
    result = minimize(
        value, start / unit, jac=slope, hess=hessian, method="trust-exact",
        options={"maxiter": passes.tries, "gtol": 1e-15 * scale},
    )  # fmt: skip
    # It ends as failed where the cost is flat to the last bit; the gradient says whether that is a minimum.
    left = float(np.linalg.norm(np.asarray(result.jac)))
    return bool(result.success) or left <= 1e-7 * max(scale, float(result.fun))


def _direct(objective: Objective, start: Array, bounds: Bounds | None, passes: Passes) -> bool:
    """A model that is linear in all its parameters: one step of least squares, the shortest where many fit alike."""
    factor = objective.program.residual_factor
    assert factor is not None
    at = start
    for _step in range(2):  # the second takes away what rounding left of the first
        residuals, jacobian = objective.residuals_and_jacobian(at)
        if not all_finite(residuals, jacobian):
            return False
        n = len(residuals)
        passes.add(at, factor * float(residuals @ residuals) / n, 2.0 * factor / n * (jacobian.T @ residuals))
        lengths = np.linalg.norm(jacobian, axis=0)
        lengths[lengths == 0.0] = 1.0
        at = at + np.linalg.lstsq(jacobian / lengths, -residuals, rcond=None)[0] / lengths
    passes.add(at, *objective.cost_and_gradient(at))
    return True


METHODS: dict[str, Method] = {"lm": _lm, "lbfgs": _lbfgs, "newton": _newton}


def _lengths(objective: Objective, start: Array) -> Array:
    """Units in which the cost curves alike along each parameter, at the start; 1 where it does not curve."""
    if objective.program.residual_factor is not None:
        _r, rows = objective.residuals_and_jacobian(start)
        curvature = 2.0 * objective.program.residual_factor * np.mean(rows**2, axis=0)
    else:
        second = [hessian_of([g], [p])[0] for g, p in zip(objective.program.gradient, objective.program.parameters,
                                                         strict=True)]  # fmt: skip
        curvature = np.abs(objective.mean_of(second, start))
    good = np.isfinite(curvature) & (curvature > 0.0)
    return np.where(good, 1.0 / np.sqrt(np.where(good, curvature, 1.0)), 1.0)
