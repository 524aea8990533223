"""What `lr="auto"` and `scale=True` decide before a descent, and after it why it diverged.

Curvature is imported where it is asked for: most descents have a rate, and need none.
"""

from __future__ import annotations

import math
from dataclasses import replace

from tidu.content.methods import AUTO
from tidu.content.optimizers import optimizer_named
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.callbacks import DEFAULT, GIVEN, Attempt, Listeners
from tidu.training.descent import Descent, Standing, descend
from tidu.training.judging.undefined import Undefined, undefined_at
from tidu.training.problem import Problem
from tidu.training.training import Execution

MOST_RETRIES = 12  # of a rate that `auto` chose
SMALLER = 0.25  # by how much it is taken back each time


def descent_of(
    problem: Problem, execution: Execution, listeners: Listeners, standing: Standing | None = None
) -> tuple[Problem, Descent, list[str]]:
    """The problem with the rate and the rescaling that were used, how the descent ended, and what there is to say."""
    notes: list[str] = []
    s = problem.settings
    if problem.program.of_arrays and s.scale:
        raise SettingError(
            _(
                "scale=True is for models of single numbers; bring the columns of a network to one size in the formula "
                "((x - 20)/5 for x), and let --lr auto choose the rate"
            )
        )
    if s.scale and problem.rescaling is None:
        problem = _rescaled(problem)
        notes.append(_("descended in rescaled parameters; learning rate and tol are in their units"))
    default = s.rate_is_default and not problem.program.of_arrays
    attempt = Attempt(AUTO if s.lr == AUTO else DEFAULT if default else GIVEN)
    if standing is not None:
        attempt = standing.attempt
    if attempt.rate == DEFAULT:
        descent = descend(problem, execution, listeners, standing, attempt)
        if not (descent.stopped == "diverged" or _ends_higher(descent)) or _cannot_begin(problem, descent):
            return problem, descent, notes
        standing, attempt = None, Attempt(AUTO)
        if s.l1 or s.l2:  # which hold for the parameters as they are
            sentence = _("with the default learning rate, {lr:g}, the descent went up; it was begun anew with one that "
                         "suits these data. Set it by --lr")  # fmt: skip
        else:
            problem = _rescaled(problem.changed(scale=True))
            sentence = _("with the default learning rate, {lr:g}, the descent went up; it was begun anew in parameters "
                         "in which the cost curves alike in every direction, as by --scale. To descend in the "
                         "formula's own, set --lr, or --lr auto")  # fmt: skip
        notes.append(sentence.format(lr=s.lr))
    if attempt.rate == AUTO and standing is None:
        from tidu.training.rates import automatic_rate

        lr, why = automatic_rate(problem)
        problem = problem.changed(lr=lr)
        notes.append(why)
    while True:
        descent = descend(problem, execution, listeners, standing, attempt)
        if (
            attempt.rate != AUTO
            or attempt.retries == MOST_RETRIES
            or not _went_up(problem, descent)
            or _cannot_begin(problem, descent)
        ):
            break
        standing, attempt = None, replace(attempt, retries=attempt.retries + 1)
        assert isinstance(problem.settings.lr, float)
        problem = problem.changed(lr=problem.settings.lr * SMALLER)
    if attempt.retries:
        notes.append(
            _("the curvature grows on the way: with that rate the descent went up, so {lr:.6g} was used").format(
                lr=problem.settings.lr
            )
        )
    return problem, descent, notes


def _rescaled(problem: Problem) -> Problem:
    """The problem in parameters in which the cost curves alike in every direction."""
    from tidu.training.rescaling import basis_of

    return problem.rescaled(basis_of(problem))


def _ends_higher(descent: Descent) -> bool:
    """Whether the loss of the last epoch is above that of the first.

    A first loss of 0 says nothing: that of a perceptron is 0 before it tells anything apart.
    """
    losses = descent.history.loss
    return descent.stopped != "interrupted" and len(losses) > 1 and losses[0] != 0.0 and not losses[-1] <= losses[0]


def _went_up(problem: Problem, descent: Descent) -> bool:
    """Whether the cost over all rows is above that at the start by more than rounding."""
    if descent.stopped in ("diverged", "interrupted"):
        return descent.stopped == "diverged"
    from tidu.training.solving.network import objective_of

    objective = objective_of(problem.descended, problem.columns)
    before = objective.cost(objective.flat(problem.descent_start))
    return not objective.cost(objective.flat(descent.state.parameters)) <= before + 1e-9 * abs(before)


def undefined_in(problem: Problem, descent: Descent) -> Undefined | None:
    """Where the loss or its slope is no finite number at the last point of a descent that diverged."""
    if descent.stopped != "diverged":
        return None
    return undefined_at(problem.program, problem.columns, problem.parameters_at(descent.state))


def _cannot_begin(problem: Problem, descent: Descent) -> bool:
    """Whether the start itself is where it is not finite, so that no rate makes a difference."""
    return descent.state.step == 0 and undefined_in(problem, descent) is not None


def reasons_of_divergence(problem: Problem) -> list[str]:
    """The limit that the rate is above, if it is; and what removes it."""
    from tidu.training.solving.network import objective_of
    from tidu.training.solving.spectrum import WHOLE, on_enough_rows, spectrum_of
    from tidu.training.solving.stability import rate_limit

    s, program = problem.settings, problem.program
    optimizer = optimizer_named(s.optimizer)
    if not isinstance(s.lr, float) or s.scale or (len(program.parameters) > WHOLE and not program.of_arrays):
        return []
    objective = on_enough_rows(objective_of(program, problem.columns))
    spectrum = spectrum_of(objective, objective.flat(problem.start))
    limit = math.inf if spectrum is None else rate_limit(optimizer, spectrum.largest)
    if spectrum is None or s.lr <= limit:
        return []
    if program.of_arrays:
        return [
            _(
                "the learning rate {lr:g} is above the limit of {optimizer} at the start, {limit:.3g} (from the "
                "largest curvature, {largest:.3g}); use --lr auto, or --optimizer adam"
            ).format(lr=s.lr, optimizer=optimizer.name, limit=limit, largest=spectrum.largest)
        ]
    return [
        _(
            "the learning rate {lr:g} is above the limit of {optimizer} here, {limit:.3g} (from the largest curvature, "
            "{largest:.3g}). Below it the flattest direction takes about {condition:.2g} times as many steps as the "
            "steepest: use --scale, or --optimizer lm"
        ).format(
            lr=s.lr,
            optimizer=optimizer.name,
            limit=limit,
            largest=spectrum.largest,
            condition=spectrum.condition,
        )
    ]
