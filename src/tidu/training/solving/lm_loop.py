"""`lm` as one loop, from a start to the last digit of a minimum: a text that is generated for the formula.

It is for plain nonlinear least squares of few parameters, which is what most people fit. What it cannot tell to be a
minimum beyond doubt is left to the methods and tests that all fits share. Called by `attempts.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.build import module_of
from tidu.engines.curvature import KEPT, least_squares_source
from tidu.language.simplify import ZERO
from tidu.runtime.least_squares import TRIANGLE, first_inverse, first_pass, rows_of_room
from tidu.text import _
from tidu.training.engine_choice import Engine
from tidu.training.solving.objective import MOST_SECOND_DERIVATIVES, Objective
from tidu.training.solving.passes import MOST_TRIES, Passes

Array = npt.NDArray[np.float64]
MOST_PASSES = 500
WELL = 1e6  # condition up to which an inverse has the digits that are shown of it
OFTEN = 3  # fits of one formula in one process, from which on machine code is made of its loop: there will be more


@dataclass(frozen=True)
class Ended:
    """How a loop ended."""

    minimum: bool
    interrupted: bool
    condition: float  # a bound on that of the Jacobian with columns of length 1


def has_loop(objective: Objective) -> bool:
    """Whether its fit is plain nonlinear least squares, small enough for all of it to be held."""
    program, p = objective.program, objective.p
    return (
        type(objective) is Objective
        and program.residual_factor is not None
        and objective.penalty is ZERO
        and not program.of_arrays
        and not objective.is_long
        and p <= objective.rows_count
        and p * (p + 1) // 2 <= MOST_SECOND_DERIVATIVES
        and not objective.is_linear
    )


def loop_steps(objective: Objective, start: Array, passes: Passes) -> Ended:
    """Add the passes to a minimum; none where no minimum was found.

    Raises
    ------
    Enough
        A limit of the user's was reached on the way.
    """
    factor = objective.program.residual_factor
    assert factor is not None
    p, rows = objective.p, objective.rows_count
    most = MOST_PASSES if passes.tries == MOST_TRIES else passes.tries
    source = least_squares_source(objective.program)
    engine, fit = _ways_to_run(source, objective)
    columns = len(objective.columns)
    sizes = (columns + p + 1, rows), (rows_of_room(p, most), 2 * p + 2)
    given: Any
    room: Any
    if engine.name == "compiled":
        given, room = map(np.empty, sizes)
        given[:columns] = objective.columns
        room[0, :p] = start
    else:
        given, room = ([[0.0] * width for _k in range(height)] for height, width in sizes)
        given[:columns] = (column.tolist() for column in objective.columns)
        room[0][:p] = start.tolist()
    interrupted = found = False
    try:
        found = fit(given, room)
    except KeyboardInterrupt:
        interrupted = True
    if found or interrupted:
        first, count = first_pass(p), int(room[1][0])
        told = np.array(room[first : first + count]).reshape(count, 2 * p + 2)
        scale = factor / rows
        passes.ran = source, engine
        passes.add_all(told[:, :p], scale * told[:, p], 2.0 * scale * told[:, p + 1 : 2 * p + 1])
        passes.settled = found
        if found:
            upper, begin = np.array(room[TRIANGLE : TRIANGLE + p + 1])[:, : p + 1], first_inverse(p)
            inverse = np.array(room[begin : begin + p])[:, :p] if room[1][2] < WELL else None
            objective.remember(told[-1, :p], upper, inverse)
    return Ended(found, interrupted, float(room[1][2]))


_uses: dict[str, int] = {}


def _ways_to_run(source: str, objective: Objective) -> tuple[Engine, Callable[..., bool]]:
    """What runs the loop: what the objective has, and machine code of a formula that is fitted again and again."""
    engine = objective.engine
    if engine.name != "compiled" and objective.may_choose:
        count = _uses.pop(source, 0) + 1
        _uses[source] = count  # as the last
        while len(_uses) > KEPT:
            _uses.pop(next(iter(_uses)), None)
        if count >= OFTEN:
            engine = Engine("compiled", _("the loop compiled: this formula is fitted again and again"))
    if engine.name != "compiled":
        return engine, module_of(source).fit
    return engine, _machine_code(source)


@lru_cache(maxsize=KEPT)
def _machine_code(source: str) -> Callable[..., bool]:
    from tidu.engines.compiler.calls import compiled

    return compiled(source, "fit")
