"""`lm` for models with a value for each of many levels: steps on the arrow, from the given start or from a common one.

The common start is the fit of all levels as if they were one, on some of the rows: every level begins there. Called by
`solve`; the steps are those of Levenberg 1944 and Marquardt 1963, damped in units of each column's length (Moré 1978).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program
from tidu.language.expr import symbol
from tidu.training.callbacks import Progress
from tidu.training.problem import Limits
from tidu.training.solving.arrow import Arrow, Step, with_entries
from tidu.training.solving.attempts import Attempt, attempts_of
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.passes import MOST_TRIES, Enough, Passes, without_warnings

Array = npt.NDArray[np.float64]
DAMPING = 1e-3  # at the start, of the squared length of each column
LEAST_DAMPING = 1e-8  # below which a step is that of Gauss and Newton
MOST_DAMPING = 1e16
MOST_STEPS = 300
SETTLED = 1e-12  # share of the residuals that lies in the Jacobian's span, at a minimum but for rounding
SLOW = 0.95  # what a share must fall by from step to step
MOST_TRIES_NEAR = 4  # of more damping, near a minimum
MINIMUM = 1e-6  # ... from which an end is a minimum (Bates & Watts 1981 ask for 1e-3)
MOST_ROWS, MOST_PASSES = 500, 100  # of the common start


@without_warnings()
def attempts_by_level(
    arrow: Arrow,
    first: Array,
    limits: Limits,
    more_starts: Sequence[Array],
    progress: Progress | None,
    lean: bool,
) -> list[Attempt]:
    """The given start; the common one where the given is 0, or leads nowhere; and others that are asked for.

    `lean` is whether points on the way are let go of.
    """
    starts: list[tuple[str, Array | None]] = [("given", first)]
    if not arrow.is_linear:  # None is the common start, which is looked for when its turn comes
        starts = [*starts, ("guessed", None)] if np.any(first) else [("guessed", None), *starts]
    attempts: list[Attempt] = []
    for where, start in [*(("drawn", start) for start in more_starts), *starts]:
        wanted = where == "drawn" or not any(a.converged for a in attempts if a.where != "drawn")
        if wanted and not (attempts and attempts[-1].stopped == "interrupted"):
            begin = common_start(arrow.program, arrow.columns, first) if start is None else start
            attempts.append(_attempt(arrow, begin, Passes(limits, progress, MOST_TRIES, lean), where))
    return attempts


def _attempt(arrow: Arrow, start: Array, passes: Passes, where: str) -> Attempt:
    try:
        converged = arrow_steps(arrow, start, passes)
        return Attempt(passes, "converged" if converged else "steps", converged, where)
    except Enough as enough:
        return Attempt(passes, enough.stopped, False, where)
    except KeyboardInterrupt:
        return Attempt(passes, "interrupted", False, where)


def arrow_steps(arrow: Arrow, start: Array, passes: Passes) -> bool:
    """Steps from `start` for as long as they lead down; whether the end is a minimum.

    Near a minimum the cost no longer changes; the share of the residuals that a step would take away still does.
    """
    factor = arrow.program.residual_factor
    assert factor is not None
    scale = factor / arrow.rows_count
    at, damping, before, tries = start, 0.0 if arrow.is_linear else DAMPING, math.inf, 0
    for _k in range(MOST_STEPS):
        found = arrow.residuals_and_slopes(at)
        if not all_finite(*found):
            return False
        total = float(found[0] @ found[0])
        passes.add(at, scale * total, 2.0 * scale * arrow.gradient(*found))
        while True:
            step = _step(arrow, found, damping)
            share = math.sqrt(step.gain / total) if total > 0.0 else 0.0
            near = share <= MINIMUM
            if near and share > SLOW * before:  # more damping may help; else it is as near as rounding lets it come
                damping, tries = max(DAMPING, 10.0 * damping), tries + 1
            if share <= SETTLED or tries > MOST_TRIES_NEAR:
                passes.settled = near and _share(arrow, found, total) <= MINIMUM
                return passes.settled
            new = arrow.moved(at, step)
            tried = arrow.residuals(new)
            after = float(tried @ tried) if all_finite(tried) else math.inf
            if after < total or (near and after <= total * (1.0 + MINIMUM)):
                break
            damping = max(DAMPING, 10.0 * damping)
            if damping > MOST_DAMPING or np.array_equal(new, at):
                return _share(arrow, found, total) <= MINIMUM
        if not near:
            kept = (total - after) / step.gain
            damping = 0.01 * damping if kept > 0.75 else 4.0 * damping if kept < 0.25 else damping
            damping = damping if damping >= LEAST_DAMPING else 0.0
        at, before = new, share
    return before <= MINIMUM


def _share(arrow: Arrow, found: tuple[Array, Array, Array], total: float) -> float:
    """The share of the residuals that lies in the span of the Jacobian."""
    return math.sqrt(arrow.decomposed(*found).step().gain / total) if total > 0.0 else 0.0


def _step(arrow: Arrow, found: tuple[Array, Array, Array], damping: float) -> Step:
    """The step from where residuals and slopes are these; damped in units of the lengths of the Jacobian's columns."""
    if damping == 0.0:
        return arrow.decomposed(*found).step()
    _residuals, of_levels, of_shared = found
    root = math.sqrt(damping)
    own = root * np.sqrt(np.array([arrow.sums(column * column) for column in of_levels]))
    return arrow.decomposed(*found, (own, root * arrow.shared_lengths(of_shared))).step()


def common_start(program: Program, columns: Sequence[Array], first: Array) -> Array:
    """Every level where a fit of all levels as if they were one ends, on some of the rows."""
    one = with_entries(program, {p: symbol(p.name, "parameter") for p in program.parameters if p.shape})
    rows = len(columns[0])
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS)).round().astype(int))
    objective = Objective(one, [np.ascontiguousarray(c[chosen]) for c in columns])
    sizes = [math.prod(p.shape) for p in program.parameters]
    means = np.array([part.mean() for part in np.split(first, np.cumsum(sizes)[:-1])])
    found = attempts_of("lm", objective, means, Limits(MOST_PASSES, "steps"), None, (), None)
    best = min(found, key=lambda attempt: attempt.cost)
    return np.repeat(best.end, sizes) if best.passes.points else first
