"""A fit by a solver, from settings to statistics, with the sentences that a person should read about it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.content.methods import SOLVERS
from tidu.data.disk_table import are_on_disk
from tidu.engines.program import Program
from tidu.errors import SettingError
from tidu.language.quantities import Inequality
from tidu.language.simplify import ZERO
from tidu.later import Later
from tidu.text import _
from tidu.training.callbacks import Listeners, Solving
from tidu.training.constraints import FOR_DESCENT, bound_arrays, weights_of
from tidu.training.descent import Descent
from tidu.training.judging.undefined import undefined_at
from tidu.training.problem import Limits, Problem
from tidu.training.solving.answers import Answers
from tidu.training.solving.arrow import Arrow, fits_arrow
from tidu.training.solving.corners import MOST_ROWS_OF_PROGRAMMES
from tidu.training.solving.errors_in_x import with_errors_in_x
from tidu.training.solving.estimates import Estimates
from tidu.training.solving.infinity import flat_further_out
from tidu.training.solving.level_objective import level_objective_of
from tidu.training.solving.level_statistics import level_statistics_of
from tidu.training.solving.likelihood import has_likelihood, likelihood_of
from tidu.training.solving.network import objective_of
from tidu.training.solving.objective import MOST_JACOBIAN, Objective
from tidu.training.solving.robust import robust_of
from tidu.training.solving.solvers import SAME, Solved, solve
from tidu.training.solving.statistics import Statistics, loosely_determined, statistics_of
from tidu.training.training import Execution

Array = npt.NDArray[np.float64]
MOST_PASSES = 15_000


@dataclass(frozen=True)
class Solution:
    """What a solver found, and how far to trust it, which of short data is computed when somebody asks."""

    descent: Descent
    statistics: Later[Estimates | None]
    notes: Later[list[str]]


def solution_of(problem: Problem, execution: Execution, listeners: Listeners, known: Answers | None = None) -> Solution:
    """Run the solver of a problem; statistics where it is plain least squares that has come to its end.

    Passes that are `known` are not made again.
    """
    settings, program = problem.settings, problem.program
    if program.masks:
        raise SettingError(
            _("a solver needs one cost, and dropout draws another at every step; leave dropout out, or use --optimizer "
              "adam")
        )  # fmt: skip
    if settings.l1 and program.of_arrays:
        raise SettingError(_(FOR_DESCENT).format(option="l1", optimizer=settings.optimizer))
    holds_rows = SOLVERS[settings.optimizer].holds_rows
    if holds_rows and are_on_disk(problem.columns) and problem.rows > MOST_ROWS_OF_PROGRAMMES:
        raise SettingError(
            _(
                "a linear programme has a line for each of the {rows} rows, and these are read block by block; use "
                "--optimizer adam, or leave out --stream and the cluster"
            ).format(rows=problem.rows)
        )
    given = (program, problem.columns, execution.engine, execution.threads, execution.cluster, known)
    free = settings.optimizer == "lm" and not (settings.bounds or settings.where or settings.sigma_x)
    objective = (level_objective_of(*given) if free else None) or objective_of(*given)
    with contextlib.closing(objective):
        listeners.tell(Solving(problem, objective.engine.name))
        solution = _solution_on(objective, problem, listeners)
        if objective.is_long or execution.cluster is not None:
            solution.notes()  # while there is somebody to compute them, and the data are what they were
        return solution


def _solution_on(objective: Objective, problem: Problem, listeners: Listeners) -> Solution:
    settings, program = problem.settings, problem.program
    conditions = conditions_on(problem)
    bounds = bound_arrays(settings.bounds, program.parameters)
    epochs, steps = settings.epochs, settings.steps
    given = [(n, word) for n, word in ((epochs, "epochs"), (steps, "steps")) if n is not None]
    most, bound = min(given) if given else (MOST_PASSES, "steps")
    if settings.sigma_x is not None and (settings.optimizer != "lm" or program.penalty is not ZERO):
        raise SettingError(_("errors in x are for optimizer lm, without penalties"))
    solved = solve(
        settings.optimizer,
        objective,
        problem.start,
        Limits(most, bound, settings.until_loss, settings.tol),
        bounds=bounds,
        more_starts=settings.further_starts(program),
        progress=listeners.progress if listeners.callbacks else None,
        conditions=conditions,
    )
    if settings.sigma_x is not None:
        descent, of_distances, pressing = with_errors_in_x(
            problem, solved.descent, bounds, conditions, listeners.progress if listeners.callbacks else None
        )
        if of_distances is None:
            notes = _notes(solved, problem, bounds, user_bound=bool(given))
        else:
            notes = [*of_distances.notes(), *_notes_on_edges(problem, descent, bounds, pressing)]
        words = _("the loss is the mean squared distance to the curve in x and y, in units of their errors")
        return Solution(descent, Later(lambda: of_distances), Later(lambda: [*notes, words, *objective.notes]))
    statistics = Later(lambda: _statistics_of(objective, problem, solved))
    free = bounds is None and not conditions

    def all_notes() -> list[str]:
        first = _notes(solved, problem, bounds, user_bound=bool(given))
        return [*first, *_notes_on(statistics(), objective, problem, solved, free), *objective.notes]

    return Solution(solved.descent, statistics, Later(all_notes))


def _statistics_of(objective: Objective, problem: Problem, solved: Solved) -> Estimates | None:
    """What is known of the estimates, where a fit without a penalty has come to its end."""
    settings, program = problem.settings, problem.program
    if solved.descent.stopped != "converged" or program.penalty is not ZERO:
        return None
    least_squares, by_level = program.residual_factor is not None, fits_arrow(program, problem.columns)
    if program.of_arrays:  # the numbers of hidden units are no quantities with errors: units can change places
        least_squares = least_squares and not by_level and objective.p <= MOST_JACOBIAN and objective.is_linear
    at = objective.flat(solved.descent.state.parameters)
    counted, known = settings.counts is not None, settings.sigma is not None
    log_weights = 0.0 if counted else _log_weights_of(problem)
    with np.errstate(all="ignore"):
        if least_squares:
            statistics = statistics_of(objective, at, known, log_weights, counted)
            if statistics is None or solved.exact is None:
                return statistics
            return statistics.with_exact(solved.exact.inverse, solved.exact.residual_sum_of_squares)
        if by_level:
            return level_statistics_of(Arrow(program, problem.columns), at, known, log_weights, counted)
        if program.residual_factor is None and not solved.at_infinity:
            return _other_statistics(problem, objective, at)
    return None


def _notes_on(
    statistics: Estimates | None, objective: Objective, problem: Problem, solved: Solved, free: bool
) -> list[str]:
    """What a person should know about the estimates; `free` are parameters without bounds and conditions."""
    if not isinstance(statistics, Statistics):
        return [] if statistics is None else statistics.notes()
    notes, by_level = [], fits_arrow(problem.program, problem.columns)
    at = objective.flat(solved.descent.state.parameters)
    if solved.exact is not None:
        notes.append(_note_on_exact(problem.program, problem.columns))
    elif not by_level and (loose := loosely_determined(statistics, objective, at)):
        notes.append(
            _(
                "the data hardly determine {names}: their standard errors are a million times what they would be if "
                "the other parameters were known; subtract a constant from the columns, fix a parameter (--fix), or "
                "write the formula with fewer"
            ).format(names=", ".join(loose))
        )
    notes += statistics.notes()
    told = {name for group in statistics.confused for name in group}
    level = [n for n in flat_further_out(objective, at) if n not in told] if free and not by_level else []
    notes += [
        _("'{name}' fits as well where it is ten times as large: the data say only that it is far from 0, and its "
          "value and standard error mean nothing; fix it (--fix {name}=VALUE), or give it a bound (--bounds)")
        .format(name=name)
        for name in level
    ]  # fmt: skip
    return notes


def _other_statistics(problem: Problem, objective: Objective, at: Array) -> Estimates | None:
    """What is known of the minimum of a loss that is not squared."""
    loss = problem.settings.loss_object.name
    if has_likelihood(problem.program, loss):
        return likelihood_of(objective, at, loss, problem.settings.counts is not None)
    return robust_of(problem, objective, at)


def conditions_on(problem: Problem) -> tuple[Inequality, ...]:
    """The inequalities that `where` asks of what is learned.

    Raises
    ------
    SettingError
        They cannot be kept to: of a network, or with an L1 penalty.
    """
    settings, formula = problem.settings, problem.formula
    found = () if formula is None or not settings.where else settings.learned_conditions(formula, problem.names)
    if found and (problem.program.of_arrays or settings.l1 or not settings.uses_solver):
        raise SettingError(
            _("the condition '{text}' is kept to by lm, lbfgs and newton, in formulas whose parameters are numbers and "
              "without --l1").format(text=found[0].text)
        )  # fmt: skip
    return found


def _note_on_exact(program: Program, columns: Sequence[Array]) -> str:
    """That it was computed without rounding, and which column makes that needful."""
    far = {c.name: float(np.mean(x) / max(np.ptp(x), 1e-300)) for c, x in zip(program.columns, columns, strict=True)
           if c.role == "feature"}  # fmt: skip
    words = _("the terms of the formula agree so closely on these data that float64 cannot tell them apart; the fit "
              "was computed in exact arithmetic")  # fmt: skip
    name = max(far, key=lambda n: abs(far[n]), default=None)
    if name is None or abs(far[name]) < 1.0:
        return words
    middle = float(np.mean(columns[[c.name for c in program.columns].index(name)]))
    return words + _("; subtract a constant from {name}, such as {middle:.6g}, and parameters and predictions keep "
                     "their digits").format(name=name, middle=middle)  # fmt: skip


def _notes(solved: Solved, problem: Problem, bounds: tuple[Array, Array] | None, user_bound: bool) -> list[str]:
    """How it ended, where that needs saying."""
    descent, program, method = solved.descent, problem.program, problem.settings.optimizer
    if descent.stopped == "diverged" or (descent.stopped == "steps" and not user_bound):
        undefined = undefined_at(program, problem.columns, descent.state.parameters)
        if undefined is not None:
            sentence = _("there is no step to make: {where}; {remedy}")
            return [sentence.format(where=undefined, remedy=undefined.remedy)]
    if descent.stopped == "diverged":
        return [
            _("at the starting values the cost or its slope is infinite or undefined, so there is no step to make; "
              "give other starting values (--init)")
        ]  # fmt: skip
    notes = []
    if solved.left_saddle:
        notes.append(
            _("every slope is 0 at the given start, which is not a minimum; the solver left it along a direction in"
              " which the cost falls")
        )  # fmt: skip
    if solved.started_from == "linear":
        notes.append(
            _("the lowest cost was reached from a start whose linear parameters were solved for first; the given "
              "start leads to a higher one")
        )  # fmt: skip
    if solved.started_from == "guessed":
        notes.append(
            _("the lowest cost was reached from a start guessed from the data and the form of the formula; give "
              "starting values (--init) to begin elsewhere")
        )  # fmt: skip
    if solved.started_from == "near":
        notes.append(
            _("the lowest cost was reached from a start near the given one, which itself leads nowhere; "
              "{count} starts were tried").format(count=solved.starts)
        )  # fmt: skip
    if solved.started_from == "drawn":
        same = sum(cost <= min(solved.costs) + SAME * abs(min(solved.costs)) for cost in solved.costs)
        notes.append(
            _("of {count} starts {same} reached the lowest cost, the given one did not").format(
                count=solved.starts, same=same
            )
        )
    if solved.separated:
        notes.append(
            _("the model tells the classes apart without a mistake, so the cost falls for ever as the parameters grow, "
              "and there is no minimum; a penalty (--l2 0.01) or bounds (--bounds) give it one")
        )  # fmt: skip
    elif solved.at_infinity:
        notes.append(
            _(
                "{names} grew without end while the cost hardly changed: only an infinite value would satisfy the "
                "data; use a simpler formula, bounds (--bounds) or a penalty (--l2)"
            ).format(names=", ".join(solved.at_infinity))
        )
    elif descent.stopped == "steps" and not user_bound and program.of_arrays:
        notes.append(
            _("{optimizer} ended after {passes} passes where the cost hardly falls any more, short of a minimum; that "
              "is usual in networks. A penalty (--l2 0.001) gives them one").format(
                optimizer=method, passes=descent.state.step)
        )  # fmt: skip
    elif descent.stopped == "steps" and not user_bound:
        notes.append(
            _("{optimizer} gave up after {passes} passes without settling; other starting values (--init) or bounds "
              "(--bounds) may help").format(optimizer=method, passes=descent.state.step)
        )  # fmt: skip
    at_zero = (
        []
        if program.of_arrays
        else [n for n, v in zip(program.parameter_names, descent.state.parameters, strict=True) if v == 0.0]
    )
    if problem.settings.l1 and at_zero and descent.stopped == "converged":
        notes.append(_("the L1 penalty leaves at 0: {names}").format(names=", ".join(at_zero)))
    return [*notes, *_notes_on_edges(problem, descent, bounds, solved.pressing)]


def _notes_on_edges(
    problem: Problem, descent: Descent, bounds: tuple[Array, Array] | None, pressing: Sequence[str]
) -> list[str]:
    """Which conditions and bounds an end lies on."""
    program, notes = problem.program, []
    if pressing:
        notes.append(
            _("the minimum lies on the edge of {conditions}: standard errors hold for a minimum inside").format(
                conditions=", ".join(f"'{text}'" for text in pressing)
            )
        )
    if bounds is not None and not program.of_arrays:
        for k, (name, value) in enumerate(zip(program.parameter_names, descent.state.parameters, strict=True)):
            reach = 1e-8 * max(1.0, abs(value))
            if min(value - bounds[0][k], bounds[1][k] - value) <= reach:
                notes.append(
                    _("'{name}' ended at its bound, {value:g}: standard errors hold for a minimum inside the bounds")
                    .format(name=name, value=value)
                )  # fmt: skip
    return notes


def _log_weights_of(problem: Problem) -> float:
    """Σ ln(weight) of the rows, chunk after chunk; 0 where all count alike."""
    if problem.program.weight is None:
        return 0.0
    assert problem.table is not None
    weights = (weights_of(problem.settings, block) for _first, block in problem.table.blocks())
    return sum((float(np.sum(np.log(each))) for each in weights if each is not None), 0.0)
