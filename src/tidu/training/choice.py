"""`optimizer="auto"`: which method suits a model, a loss and the size of the data, and the sentence that says why."""

from __future__ import annotations

from tidu.content.methods import AUTO, SOLVERS
from tidu.language.calculus import gradient
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.problem import Problem
from tidu.training.solving.objective import MOST_CELLS, MOST_FACTORISED

MOST_ROWS_OF_PROGRAMMES = 50_000  # rows of a linear programme that takes seconds


def chosen_method(problem: Problem) -> tuple[str, str]:
    """The optimizer for `auto`, and why."""
    settings, program, rows = problem.settings, problem.program, problem.rows
    assert settings.optimizer == AUTO
    p = len(program.parameters)
    if program.of_arrays:
        return "adam", _("optimizer auto chose adam: the model has vectors or matrices")
    if settings.batch_size is not None or settings.lr is not None:
        return "adam", _("optimizer auto chose adam: a batch size or a learning rate asks for descent step by step")
    if settings.patience is not None or problem.validation is not None:
        return "adam", _("optimizer auto chose adam: early stopping asks for descent epoch by epoch")
    if settings.clip_norm is not None or settings.clip_value is not None or settings.l1:
        return "adam", _("optimizer auto chose adam: clipping and the corners of an L1 penalty are for descent")
    straight = settings.loss_object.name in SOLVERS["lp"].losses and program.penalty is ZERO
    if straight and p <= MOST_FACTORISED and rows <= MOST_ROWS_OF_PROGRAMMES:
        return "lp", _("optimizer auto chose lp: the loss {loss} is straight with corners, and a linear programme "
                           "finds its lowest one").format(loss=settings.loss)  # fmt: skip
    if gradient(program.slope, [program.score])[0] is ZERO:
        return "adam", _("optimizer auto chose adam: the loss {loss} is straight with corners, and has no curvature "
                         "that a solver could use").format(loss=settings.loss)  # fmt: skip
    if program.residual_factor is None or program.penalty is not ZERO:
        return "lbfgs", _("optimizer auto chose lbfgs: a smooth cost that is not plain least squares")
    if p > MOST_FACTORISED or rows * p > MOST_CELLS:
        return "lbfgs", _(
            "optimizer auto chose lbfgs: least squares, with too much data to hold the Jacobian ({rows} × {p})"
        ).format(rows=rows, p=p)
    return "lm", _("optimizer auto chose lm: least squares with {p} parameters").format(p=p)
