"""`optimizer="auto"`: which method suits a model, a loss and the size of the data, and the sentence that says why."""

from __future__ import annotations

import math

from tidu.content.methods import AUTO, SOLVERS
from tidu.engines.curvature import jacobian_of
from tidu.engines.program import Program, numbers_in
from tidu.language.simplify import ZERO
from tidu.text import _, mark
from tidu.training.problem import Problem
from tidu.training.solving.arrow import fits_arrow, in_vectors
from tidu.training.solving.corners import MOST_ROWS_OF_PROGRAMMES, separates
from tidu.training.solving.objective import LONG_PASS, MOST_FACTORISED, Objective

BY_LEVEL = mark(
    "optimizer auto chose lm: least squares with {p} parameters, of which a row depends on those of its own level and "
    "the shared ones"
)
MOST_OF_NETWORK = 100_000_000  # rows × numbers of a pass that takes some tenths of a second
MOST_DECOMPOSED = 1e9  # rows × numbers², for lm decomposes a Jacobian at every step


def chosen_method(problem: Problem) -> tuple[str, str]:
    """The optimizer for `auto`, and why."""
    settings, program, rows = problem.settings, problem.program, problem.rows
    assert settings.optimizer == AUTO
    p = numbers_in(program)
    if settings.sigma_x is not None:
        return "lm", _("optimizer auto chose lm: x has errors too, and the curve nearest in x and y is sought")
    if settings.batch_size is not None or settings.lr is not None:
        return "adam", _("optimizer auto chose adam: a batch size or a learning rate asks for descent step by step")
    if problem.is_judged:
        return "adam", _("optimizer auto chose adam: early stopping asks for descent epoch by epoch")
    if settings.clip_norm is not None or settings.clip_value is not None:
        return "adam", _("optimizer auto chose adam: clipping is for descent")
    if program.of_arrays:
        return _for_network(problem, p)
    if settings.loss_object.name in SOLVERS["lp"].losses and p <= MOST_FACTORISED and rows <= MOST_ROWS_OF_PROGRAMMES:
        return _for_corners(problem)
    if jacobian_of(program.slope, [program.score])[0] is ZERO:
        return "adam", _("optimizer auto chose adam: the loss {loss} is straight with corners, and has no curvature "
                         "that a solver could use").format(loss=settings.loss)  # fmt: skip
    if settings.l1 and not settings.bounds and p <= MOST_FACTORISED:
        return "newton", _(
            "optimizer auto chose newton: a smooth cost with an L1 penalty, whose corners at 0 are met exactly"
        )
    if settings.l1:
        return "lbfgs", _(
            "optimizer auto chose lbfgs: a smooth cost with an L1 penalty, whose corners at 0 are met exactly"
        )
    if program.penalty is not ZERO and _is_by_level(problem, in_vectors(program)):
        return "lm", _(BY_LEVEL).format(p=p)
    if program.residual_factor is None or program.penalty is not ZERO:
        return "lbfgs", _("optimizer auto chose lbfgs: a smooth cost that is not plain least squares")
    if p > MOST_FACTORISED:
        return "lbfgs", _("optimizer auto chose lbfgs: least squares, with too many parameters to factorise their "
                          "Jacobian ({p})").format(p=p)  # fmt: skip
    return "lm", _("optimizer auto chose lm: least squares with {p} parameters").format(p=p)


def _is_by_level(problem: Problem, program: Program) -> bool:
    """Whether lm can solve a program level by level."""
    return fits_arrow(program, problem.columns) and not problem.settings.bounds and not problem.settings.where


def _for_network(problem: Problem, p: int) -> tuple[str, str]:
    """The optimizer for a model with vectors or matrices, which learns p numbers."""
    settings, program, rows = problem.settings, problem.program, problem.rows
    if settings.l1:
        return "adam", _("optimizer auto chose adam: the corners of a network's L1 penalty are for descent")
    if program.masks:
        return "adam", _("optimizer auto chose adam: dropout draws another cost at every step")
    if not settings.loss_object.of_classes and jacobian_of(program.slope, [program.score])[0] is ZERO:
        return "adam", _("optimizer auto chose adam: the loss {loss} is straight with corners, and has no curvature "
                         "that a solver could use").format(loss=settings.loss)  # fmt: skip
    if _is_by_level(problem, program):
        return "lm", _(BY_LEVEL).format(p=p)
    p = sum(1 if q.name in program.by_level else math.prod(q.shape) for q in program.parameters)  # that a row reads
    if rows * p > MOST_OF_NETWORK:
        return "adam", _("optimizer auto chose adam: {rows} rows and {p} numbers to learn, so a pass over all rows is "
                         "much work for one step; give a batch size, such as 64").format(rows=rows, p=p)  # fmt: skip
    plain = program.residual_factor is not None and program.penalty is ZERO
    advice = ""
    if rows * p > LONG_PASS:
        advice = _(
            "; each pass over {rows} rows takes a while, and mini-batches (--batch-size 64) come near a good fit sooner"
        ).format(rows=rows)
    if plain and p <= MOST_FACTORISED and rows * p**2 <= MOST_DECOMPOSED:
        return "lm", _("optimizer auto chose lm: least squares with {p} numbers to learn").format(p=p) + advice
    return "lbfgs", _("optimizer auto chose lbfgs: a smooth cost, and {p} numbers to learn").format(p=p) + advice


def _for_corners(problem: Problem) -> tuple[str, str]:
    """The optimizer for a loss that is straight with corners, on few enough data."""
    settings, loss = problem.settings, problem.settings.loss
    objective = Objective(problem.program, problem.columns)
    if settings.l2 and not (objective.is_linear and not problem.program.by_level):
        return "adam", _("optimizer auto chose adam: the loss {loss} with an L2 penalty is solved for models that are "
                         "linear in their parameters, with no value for each level").format(loss=loss)  # fmt: skip
    if settings.loss_object.name == "perceptron" and not (objective.is_linear and separates(objective)):
        return "adam", _(
            "optimizer auto chose adam: no straight boundary separates the classes, and the perceptron's "
            "cost is then lowest where every score is 0; --loss hinge has a better minimum"
        )
    if settings.l2:
        return "lp", _("optimizer auto chose lp: the loss {loss} is straight with corners, and with an L2 penalty a "
                       "quadratic programme finds its lowest one").format(loss=loss)  # fmt: skip
    return "lp", _("optimizer auto chose lp: the loss {loss} is straight with corners, and a linear programme "
                   "finds its lowest one").format(loss=loss)  # fmt: skip
