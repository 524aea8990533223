"""Nonlinear least squares in the language of loops: steps of Levenberg and Marquardt, then of Newton.

`least_squares` is called by the text that `engines/least_squares_loop.py` writes for a formula. Plain Python gives it
lists of lists, machine code arrays.

Sources: Moré 1978 (the trust region and its damping); Björck 1996, ch. 9 (Newton's method on the triangle of the
Jacobian); Boyd & Vandenberghe 2004, sec. 9.5 (what a step would still gain).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from tidu.runtime.ieee import divide, isfinite, sqrt
from tidu.runtime.small_matrices import (
    Matrix,
    Vector,
    bend,
    close,
    inverted,
    length,
    length_of_column,
    product,
    reflect,
    rooted,
    scale,
    slope_of_length,
    solve,
    squares_along,
    substitute,
)

FIRST_RADIUS = 100.0  # of the trust region, in lengths of the scaled start
WORTH, POOR, GOOD = 1e-4, 0.25, 0.75  # shares of the predicted decrease: a step is taken, the region shrinks, it grows
NEAR = 1e-6  # share of the squares: what an undamped step may still gain where Newton's method takes over
FINE = 1e-15  # ... where steps of Levenberg and Marquardt have nothing left to gain
GAIN = 1e-9  # ... and what a Newton step may still gain at a minimum
GRID_STEPS = 4.0  # last places of the parameters that no solver can be asked to resolve
LAST_PLACE = 2.0**-52
TOO_LONG = 0.1  # of the radius, by which a step may miss it
TURNS_OF_DAMPING = 10
NEWTON_STEPS = 12  # at most; two or three are usual
NO_WORSE = 1e-9  # of the squares: what a step that brings Qᵀr down may cost
DONE = 1e-26  # of the squares: a Qᵀr whose square is no more has nothing left but rounding
TRIES_A_PASS = 4
TRIANGLE = 6  # the first row of the room that holds R


def least_squares(
    slopes: Callable[..., None],
    curvature: Callable[..., None],
    given: Matrix,
    room: Matrix,
) -> bool:
    """From a start to a minimum of the sum of squares; whether it is one beyond doubt.

    Parameters
    ----------
    slopes : `slopes(columns, at, table)` writes the p columns of the Jacobian, and below them the residuals.
    curvature : `curvature(columns, at, bends)` writes the upper triangle of Σ r·∂²r.
    given : the columns of the data, and p + 1 rows more, for slopes and residuals.
    room : `rows_of_room(p, passes)` rows of 2p + 2 places. Row 0 holds the start, and in the end the minimum. Row 1
        gets the number of passes; what a Newton step would still gain, as a share of the squares; and a bound on the
        condition of the Jacobian with columns of length 1. From row `TRIANGLE` on stands R, of p + 1 rows, of the
        factorisation of (J r) at the minimum, and from row `first_inverse(p)` on the inverse of its first p rows. From
        row `first_pass(p)` on, each pass gets a row: the point, its sum of squares, and Jᵀr. The rows between are for
        what is computed on the way.
    """
    p = len(room[0]) // 2 - 1
    columns, table = given[0 : len(given) - p - 1], given[len(given) - p - 1 : len(given)]
    rows, history = len(table[0]), room[first_pass(p) : len(room)]
    at, numbers, units, step, along, trial = room[0], room[1], room[2], room[3], room[4], room[5]
    upper, scaled, lower = room[TRIANGLE : 6 + p], room[6 + p : 6 + 2 * p], room[6 + 2 * p : 6 + 3 * p]
    inverse, half, pile = room[first_inverse(p) : 6 + 4 * p], room[6 + 4 * p : 6 + 5 * p], room[6 + 5 * p : 7 + 6 * p]
    most = len(history) - 2 * NEWTON_STEPS
    tries = TRIES_A_PASS * most
    squares = squares_at(slopes, columns, at, table, p)
    passes, fine, found, taken = 0, False, False, True
    radius, damping = 0.0, 0.0
    numbers[0], numbers[1], numbers[2] = 0.0, inf, inf
    while isfinite(squares) and passes < most and tries > 0 and not found:
        if taken:
            reflect(table, p, rows, upper)
            note(history[passes], at, squares, upper, p)
            passes += 1
            numbers[0] = float(passes)
            for j in range(p):
                size = length_of_column(upper, j)
                if passes == 1:
                    units[j] = size if size > 0.0 else 1.0
                elif size > units[j]:
                    units[j] = size
                trial[j] = units[j] * at[j]
            scale(upper, p, units, scaled)
            if passes == 1:
                radius = FIRST_RADIUS * length(trial, p)
                if not radius > 0.0:
                    radius = FIRST_RADIUS
        damping = damped(scaled, p, radius, damping, step, pile, lower, along)
        size = length(step, p)
        if not isfinite(size):
            break
        if passes == 1 and taken:
            radius = min(radius, size)
        for j in range(p):
            trial[j] = at[j] + step[j] / units[j]
        straight = divide(squares_along(scaled, p, step), squares)
        held = divide(damping * size * size, squares)
        predicted = straight + 2.0 * held
        new = squares_at(slopes, columns, trial, table, p)
        tries -= 1
        gained = -1.0
        if new < 100.0 * squares:
            gained = 1.0 - new / squares
        share = 0.0
        if predicted > 0.0:
            share = gained / predicted
        if share <= POOR:
            shrink = 0.5
            if gained < 0.0:
                shrink = 0.5 * divide(straight + held, straight + held - 0.5 * gained)
            if gained == -1.0 or not shrink >= 0.1:
                shrink = 0.1
            radius = shrink * min(radius, 10.0 * size)
            damping = damping / shrink
        elif damping == 0.0 or share >= GOOD:
            radius = 2.0 * size
            damping = 0.5 * damping
        near = damping == 0.0 and predicted <= NEAR and not fine
        ends = size == 0.0 or radius <= FINE * FINE or (predicted <= FINE and abs(gained) <= FINE)
        taken = share >= WORTH and new < squares
        if taken:
            for j in range(p):
                at[j] = trial[j]
            squares = new
        if near or ends:
            if taken:
                reflect(table, p, rows, upper)
                note(history[passes], at, squares, upper, p)
                passes += 1
            more = newton(
                slopes, curvature, columns, at, p, squares, table, upper, scaled, lower, inverse, half, pile, step,
                trial, history, passes, numbers,
            )  # fmt: skip
            found = more > 0
            if found:
                passes = more
            elif fine or ends:
                break
            else:  # it was not as near as it looked
                fine, taken = True, True
                passes -= 1
                squares = squares_at(slopes, columns, at, table, p)
    if found:
        squares = squares_at(slopes, columns, at, table, p)
        reflect(table, p, rows, upper)
        inverted(upper, p, inverse)
        close(table[p], p, rows, room[TRIANGLE : TRIANGLE + p + 1], inverse)
    numbers[0] = float(passes)
    return found


def first_inverse(p: int) -> int:
    """The first row of the room that holds the inverse."""
    return TRIANGLE + 3 * p


def first_pass(p: int) -> int:
    """The row of the room from which on passes are told."""
    return 6 * p + 7


def rows_of_room(p: int, passes: int) -> int:
    """How many rows there must be for so many passes, and Newton steps after these."""
    return first_pass(p) + passes + 2 * NEWTON_STEPS


def newton(
    slopes: Callable[..., None],
    curvature: Callable[..., None],
    columns: Matrix,
    at: Vector,
    p: int,
    squares: float,
    table: Matrix,
    upper: Matrix,
    scaled: Matrix,
    bends: Matrix,
    inverse: Matrix,
    half: Matrix,
    matrix: Matrix,
    step: Vector,
    trial: Vector,
    history: Matrix,
    passes: int,
    numbers: Vector,
) -> int:
    """Newton steps from `at`, for as long as they bring Qᵀr down; how many passes there are then, 0 without a minimum.

    It is one where a step gains next to nothing, or residuals are what the last places of the parameters make.
    `upper` is R at `at`, and the last row of the history tells of it. `numbers` are as in `least_squares`; where no
    minimum is found, `at` is where it was.
    """
    rows, units = len(table[0]), matrix[p]
    first, least, last, minimum = passes, inf, squares, False
    numbers[1], numbers[2] = inf, inf
    for turn in range(NEWTON_STEPS + 1):
        for j in range(p):
            units[j] = length_of_column(upper, j)
        scale(upper, p, units, scaled)
        condition = inverted(scaled, p, inverse)
        if not isfinite(condition):
            break
        curvature(columns, at, bends)
        bend(bends, units, inverse, p, half, matrix)
        if not rooted(matrix, p):
            break
        size = 0.0
        for j in range(p):
            step[j] = scaled[j][p]
            size += step[j] * step[j]
        if not size < least or last > squares + NO_WORSE * squares:
            break
        substitute(matrix, p, step)
        gain, reach = 0.0, 0.0
        for j in range(p):
            gain += scaled[j][p] * step[j]
            reach += units[j] * at[j] * units[j] * at[j]
        reach = reach * GRID_STEPS * LAST_PLACE * GRID_STEPS * LAST_PLACE
        if turn > 0:
            note(history[passes], at, last, upper, p)
            passes += 1
        least = size
        numbers[1], numbers[2] = divide(gain, last), condition
        minimum = gain <= GAIN * last or last <= reach
        moved = False
        for j in range(p):
            by = 0.0
            for k in range(j, p):
                by += inverse[j][k] * step[k]
            trial[j] = at[j] - by / units[j]
            moved = moved or trial[j] != at[j]
        if not moved or turn == NEWTON_STEPS or size <= DONE * last:
            break
        last = squares_at(slopes, columns, trial, table, p)
        if not isfinite(last):
            break
        for j in range(p):
            at[j] = trial[j]
        reflect(table, p, rows, upper)
    if not minimum:
        passes = first
    for j in range(p):
        at[j] = history[passes - 1][j]
    return passes if minimum else 0


# -- one point --------------------------------------------------------------------------------------
def squares_at(slopes: Callable[..., None], columns: Matrix, at: Vector, table: Matrix, p: int) -> float:
    """Fill the table; the sum of the squared residuals."""
    slopes(columns, at, table)
    return product(table[p], table[p], 0, len(table[p]))


def note(row: Vector, at: Vector, squares: float, upper: Matrix, p: int) -> None:
    """Write a row of the history."""
    row[p] = squares
    for j in range(p):
        row[j] = at[j]
        slope = 0.0
        for k in range(j + 1):
            slope += upper[k][j] * upper[k][p]
        row[p + 1 + j] = slope


def damped(
    scaled: Matrix, p: int, radius: float, before: float, step: Vector, pile: Matrix, lower: Matrix, along: Vector
) -> float:
    """Write the step of least squares that is no longer than the radius; its damping. `before` is the last one's."""
    least, excess, full = 0.0, 0.0, solve(scaled, p, step)
    if full:
        size = length(step, p)
        excess = size - radius
        if excess <= TOO_LONG * radius:
            return 0.0
        fall = slope_of_length(scaled, p, step, size, along)
        if isfinite(fall):
            least = divide(divide(excess, radius), fall)
    most = 0.0
    for j in range(p):
        slope = 0.0
        for k in range(j + 1):
            slope += scaled[k][j] * scaled[k][p]
        most += slope * slope
    most = divide(sqrt(most), radius)
    damping = min(max(before, least), most)
    if damping == 0.0:
        damping = 1e-3 * most
    for turn in range(TURNS_OF_DAMPING):
        root = sqrt(damping)
        for j in range(p + 1):
            for k in range(2 * p):
                pile[j][k] = 0.0
            for k in range(min(j + 1, p)):
                pile[j][k] = scaled[k][j]
            if j < p:
                pile[j][p + j] = root
        reflect(pile, p, 2 * p, lower)
        if not solve(lower, p, step):
            return damping
        size = length(step, p)
        previous, excess = excess, size - radius
        if abs(excess) <= TOO_LONG * radius or turn == TURNS_OF_DAMPING - 1:
            return damping
        if least == 0.0 and excess <= previous and previous < 0.0:
            return damping
        more = divide(divide(excess, radius), slope_of_length(lower, p, step, size, along))
        if not isfinite(more):
            return damping
        if excess > 0.0:
            least = max(least, damping)
        else:
            most = min(most, damping)
        damping = max(least, damping + more)
    return damping
