"""From which starts a solver is tried, and when an end is trusted.

The given start comes first. Others follow where its end is not to be trusted (it is no minimum, explains little, or
is badly conditioned), or where looking costs next to nothing. Called by `solve`.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.language.calculus import gradient
from tidu.training.callbacks import Progress
from tidu.training.problem import Limits
from tidu.training.solving.convergence import Bounds, is_minimum, model_at, near_bounds
from tidu.training.solving.corners import is_straight, straight_steps
from tidu.training.solving.exact import ExactFit, exact_fit
from tidu.training.solving.guesses import guessed_starts, linear_parameters, with_linear_solved
from tidu.training.solving.infinity import is_separated, runaways
from tidu.training.solving.lm_loop import has_loop, loop_steps
from tidu.training.solving.methods import METHODS, Method, direct, lbfgs, minpack
from tidu.training.solving.newton import newton_steps
from tidu.training.solving.objective import MOST_FACTORISED, Objective, all_finite
from tidu.training.solving.orthants import has_corners, orthant_steps
from tidu.training.solving.passes import MOST_TRIES, Blocked, Enough, Passes, without_warnings

Array = npt.NDArray[np.float64]
TRIES_ELSEWHERE = 200  # evaluations from a start that is not the user's
CHEAP_CELLS = 20_000  # rows × parameters up to which a second opinion costs next to nothing
ILL = 1e10  # condition of the scaled Jacobian from which an end is not trusted without looking elsewhere
CONFUSED = 1e7  # ... from which the terms of a linear model are taken for one another, digit by digit
SPREADS = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0)  # of the starts tried around the given one
NEARLY_ALL = 0.01  # share of the target's variance; an end that leaves less, from a start that was given, is believed
LITTLE = 0.5  # share of the target's variance; an end that leaves more of it is not trusted without looking elsewhere
FINISHING = 300  # Newton steps, at most, from where a method ended to the minimum
FINISHING_ELSEWHERE = 50
RESTARTS = 5  # of lbfgs, where there are too many parameters for a Hessian


@dataclass(frozen=True)
class Attempt:
    """One run of a method from one start."""

    passes: Passes
    stopped: str
    converged: bool  # whether its end is a minimum by the one test that all share
    where: str = "given"  # the start: given, linear (what enters linearly solved for), guessed, near, drawn
    left_saddle: bool = False  # whether every slope was 0 at the start, which was no minimum
    at_infinity: tuple[str, ...] = ()  # parameters that only a limit would satisfy
    separated: bool = False  # whether the classes can be told apart without a mistake
    exact: ExactFit | None = None  # where rounding would have confused the parameters
    pressing: tuple[str, ...] = ()  # conditions on whose edge the end lies
    condition: float = math.inf  # a bound on that of the Jacobian at the end, where one is known

    @property
    def cost(self) -> float:
        """The lowest cost on its way."""
        return self.passes.costs[self.passes.best] if self.passes.costs else math.inf

    @property
    def end(self) -> Array:
        """Where that was."""
        return self.passes.points[self.passes.best]


def attempts_of(
    method: str,
    objective: Objective,
    first: Array,
    limits: Limits,
    bounds: Bounds | None,
    more_starts: Sequence[Array],
    progress: Progress | None,
) -> list[Attempt]:
    """The given start; others where its end is not to be trusted, or where looking costs next to nothing."""
    in_one_loop = method == "lm" and bounds is None and has_loop(objective)

    def tried(start: Array, where: str, run: Method | None = None) -> Attempt:
        inside = start if bounds is None else np.clip(start, *bounds)
        passes = Passes(limits, progress, MOST_TRIES if where == "given" else TRIES_ELSEWHERE)
        if in_one_loop and run is None:
            attempt = _by_loop(objective, inside, passes, where)
            if attempt is not None:
                return attempt
        return _attempt(run or METHODS[method], objective, inside, bounds, passes, where)

    if method == "lm" and bounds is None and objective.is_linear:
        return _linear(objective, tried(first, "given", direct))
    if objective.is_linear and (method == "lp" or has_corners(objective)):
        return [tried(first, "given")]
    attempts = [tried(first, "given")]

    def add_all(starts: Sequence[Array], where: str) -> None:
        for start in starts:
            if attempts[-1].stopped != "interrupted":  # one Ctrl-C ends them all
                attempts.append(tried(start, where))

    add_all(more_starts, "drawn")
    ended = limits.until_loss is not None or attempts[0].stopped in ("interrupted", "epochs", "loss")
    if ended or any(a.separated for a in attempts):
        return attempts
    least_squares = objective.program.residual_factor is not None
    sound = attempts[0].converged and (not least_squares or _is_well_conditioned(objective, attempts[0]))
    cheap = objective.rows_count * objective.p <= CHEAP_CELLS
    if not least_squares and cheap and not more_starts and _redescends(objective, attempts[0]):
        linear = with_linear_solved(objective, first, linear_parameters(objective))
        add_all([] if np.array_equal(linear, first) else [linear], "linear")
    if more_starts or (sound and not (cheap and least_squares)):
        return attempts
    if sound and any(first.tolist()) and _left_over(objective, attempts[0].end) < NEARLY_ALL:
        return attempts
    by_loop = attempts[0].passes.ran is not None
    if method == "lm" and bounds is None and not (by_loop and not _is_poor(objective, attempts[0])):
        attempts.append(tried(first, "given", METHODS[method] if by_loop else minpack))
    if least_squares and (method == "lm" or not sound):
        linear = with_linear_solved(objective, first, linear_parameters(objective))
        add_all([] if np.array_equal(linear, first) else [linear], "linear")
    nothing_given = not np.any(first)
    if (nothing_given and cheap) or _is_poor(objective, min(attempts, key=lambda a: a.cost)):
        add_all(guessed_starts(objective, first), "guessed")
    if _is_poor(objective, min(attempts, key=lambda a: a.cost)):
        near = _near(objective, first)
        add_all(near if cheap and not attempts[0].at_infinity else near[::4], "near")
    return attempts


def _linear(objective: Objective, attempt: Attempt) -> list[Attempt]:
    """The fit of a model that is linear in its parameters; in exact arithmetic where rounding confuses its terms."""
    if not attempt.converged or _condition(objective, attempt.end) < CONFUSED:
        return [attempt]
    exact = exact_fit(objective)
    if exact is None:
        return [attempt]
    passes = Passes(attempt.passes.limits, attempt.passes.progress)
    with contextlib.suppress(Enough):
        passes.add(exact.values, *objective.cost_and_gradient(exact.values))
    passes.settled = True
    return [Attempt(passes, "converged", True, "exact", exact=exact)]


def _is_poor(objective: Objective, attempt: Attempt) -> bool:
    """Whether the end of the best attempt so far is not to be trusted."""
    if not attempt.passes.points or not attempt.converged:
        return True
    if objective.program.residual_factor is None:
        return False
    return not _is_well_conditioned(objective, attempt) or explains_little(objective, attempt.end)


# -- one attempt ----------------------------------------------------------------------------------
@without_warnings()
def _attempt(
    run: Method, objective: Objective, start: Array, bounds: Bounds | None, passes: Passes, where: str
) -> Attempt:
    saddle = False
    try:
        if has_corners(objective) and not is_straight(objective.program):
            converged = orthant_steps(objective, start, bounds, passes, functools.partial(_within, run))
            return Attempt(passes, "converged" if converged else "steps", converged, where)
        with contextlib.suppress(Blocked):  # what is done from here on is the same as for any other end
            run(objective, start, bounds, passes)
        if not passes.points:
            return Attempt(passes, "steps", False, where)
        passes.cut_to_best()
        _put_on_bounds(objective, bounds, passes)
        saddle = _is_saddle(objective, passes.points[0], passes.gradients[0], bounds)
        converged = _finished(objective, bounds, passes)
        stopped = "converged" if converged else "steps"
        away = runaways(passes, objective.program.parameter_names) if bounds is None else ()
        if converged:  # far away, and perhaps a minimum all the same
            away = tuple(name for name in away if _falls_further_out(objective, passes.points[-1], name))
        separated = objective.program.probabilities and bounds is None and is_separated(objective, passes.points[-1])
        if separated:  # a cost of 0, to the last bit, is still not its minimum
            converged, stopped = False, "steps"
        return Attempt(passes, stopped, converged, where, saddle, away, separated)
    except Enough as enough:
        return Attempt(passes, enough.stopped, False, where, saddle)
    except KeyboardInterrupt:
        return Attempt(passes, "interrupted", False, where, saddle)


def _by_loop(objective: Objective, start: Array, passes: Passes, where: str) -> Attempt | None:
    """`lm` from one start in one loop; None where it leads to no minimum beyond doubt."""
    try:
        ended = loop_steps(objective, start, passes)
    except Enough as enough:
        return Attempt(passes, enough.stopped, False, where)
    if ended.interrupted:
        return Attempt(passes, "interrupted", False, where)
    if not ended.minimum:
        return None
    away = runaways(passes, objective.program.parameter_names)
    away = tuple(name for name in away if _falls_further_out(objective, passes.points[-1], name))
    return Attempt(passes, "converged", True, where, at_infinity=away, condition=ended.condition)


def _within(run: Method, objective: Objective, start: Array, bounds: Bounds, passes: Passes) -> None:
    """Go on with a method within bounds, and finish."""
    with contextlib.suppress(Blocked):
        run(objective, start, bounds, passes)
    passes.cut_to_best()
    _put_on_bounds(objective, bounds, passes)
    _finished(objective, bounds, passes)


def _is_saddle(objective: Objective, at: Array, gradient: Array, bounds: Bounds | None) -> bool:
    """Whether every slope is 0 at a point that is no minimum."""
    if np.any(gradient != 0.0):
        return False
    model = model_at(objective, at, bounds)
    return model is not None and model.bends_down


def _falls_further_out(objective: Objective, at: Array, name: str) -> bool:
    """Whether the cost is no higher where a parameter is ten times as large, the others at their best for that."""
    k = objective.program.parameter_names.index(name)
    out = at.copy()
    out[k] *= 10.0
    low, high = np.full(len(at), -math.inf), np.full(len(at), math.inf)
    low[k] = high[k] = out[k]
    passes = Passes(Limits(MOST_TRIES), None)
    newton_steps(objective, out, (low, high), passes, FINISHING_ELSEWHERE)
    cost = objective.cost(at)
    return bool(passes.costs) and min(passes.costs) <= cost + 1e-9 * abs(cost)


def _finished(objective: Objective, bounds: Bounds | None, passes: Passes) -> bool:
    """Whether the best point is a minimum, after going on from where the method ended, if it is none yet."""
    if is_straight(objective.program):
        found = straight_steps(objective, passes.points[-1], bounds, passes)
        passes.cut_to_best()
        return found
    if is_minimum(objective, passes.points[-1], bounds):
        return True
    if objective.p <= MOST_FACTORISED:
        most = FINISHING if passes.tries == MOST_TRIES else FINISHING_ELSEWHERE
        newton_steps(objective, passes.points[-1], bounds, passes, most)
        passes.cut_to_best()
        _put_on_bounds(objective, bounds, passes)
        return is_minimum(objective, passes.points[-1], bounds)
    for _k in range(RESTARTS):
        before = passes.costs[-1]
        lbfgs(objective, passes.points[-1], bounds, passes)
        passes.cut_to_best()
        if is_minimum(objective, passes.points[-1], bounds):
            return True
        if not passes.costs[-1] < before:
            return False
    return False


def _put_on_bounds(objective: Objective, bounds: Bounds | None, passes: Passes) -> None:
    """The end with the parameters exactly at the bounds that they are pushed against, where that costs nothing."""
    if bounds is None:
        return
    at = passes.points[-1]
    below, above = near_bounds(bounds, at)
    exact = np.where(below, bounds[0], np.where(above, bounds[1], at))
    if np.array_equal(exact, at):
        return
    cost, gradient = objective.cost_and_gradient(exact)
    if all_finite(cost, gradient) and cost <= passes.costs[-1] + 1e-9 * abs(passes.costs[-1]):
        passes.cut_to(len(passes.points) - 1)
        passes.add(exact, cost, gradient)


# -- whether an end is to be trusted --------------------------------------------------------------
def _condition(objective: Objective, at: Array) -> float:
    """The condition number of the Jacobian with columns of length 1; inf where a column is 0."""
    _r, jacobian = objective.judged_at(at)
    lengths = np.linalg.norm(jacobian, axis=0)
    if not all_finite(jacobian) or not np.all(lengths > 0.0):
        return math.inf
    return float(np.linalg.cond(jacobian / lengths))


def _redescends(objective: Objective, attempt: Attempt) -> bool:
    """Whether some rows pull the less the further out they lie, as under `cauchy`: there may be lower minima."""
    program = objective.program
    (curvature,) = gradient(program.slope, [program.score])
    if curvature.is_constant or not attempt.passes.points:
        return False
    return any(bool(np.any(part < 0.0)) for part in objective.values_in_chunks([curvature], attempt.end))


def _is_well_conditioned(objective: Objective, attempt: Attempt) -> bool:
    """Whether the columns of the Jacobian at its end can be told apart."""
    return attempt.condition < ILL or _condition(objective, attempt.end) < ILL


def explains_little(objective: Objective, at: Array) -> bool:
    """Whether the residuals are about as large as a constant's would be: perhaps there is a better minimum."""
    return _left_over(objective, at) > LITTLE


def _left_over(objective: Objective, at: Array) -> float:
    """The share of the squares around a constant that the residuals leave; 0 where there are none around it."""
    (residuals, _slopes), spread = objective.judged_at(at), objective.squares_around_a_constant
    return float(residuals @ residuals) / spread if spread > 0.0 else 0.0


# -- other starts ---------------------------------------------------------------------------------
def _near(objective: Objective, start: Array) -> list[Array]:
    """Starts around the given one, the same every time, the near ones first; linear parameters solved for."""
    generator = np.random.default_rng(20)
    linear = linear_parameters(objective)
    starts = []
    for spread in SPREADS:
        factors = np.exp(generator.normal(0.0, spread, len(start)))
        shifts = generator.normal(0.0, spread, len(start))
        moved = np.where(start == 0.0, shifts, start * factors)
        starts.append(with_linear_solved(objective, moved, linear))
    return starts
