"""The solvers: methods that choose their own steps; optimizers, in contrast, follow a learning rate.

An entry says what a solver is called, what it needs and what one of its steps is; how it runs is
`training/solving/solvers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidu.content.arguments import Declared, Option, chosen
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import SettingError
from tidu.text import _, mark

AUTO = "auto"


@dataclass(frozen=True)
class Solver:
    """A solver by name. `step` is its step as people write it, in Unicode and in LaTeX; `meaning` what stands in it."""

    name: str
    words: str
    step: tuple[str, str]
    meaning: str
    takes_bounds: bool = True
    only_least_squares: bool = False
    losses: tuple[str, ...] = ()  # the only ones that it takes, if it does not take all
    holds_rows: bool = False  # whether it holds something for each row of the data
    options: Mapping[str, Option] = field(default_factory=dict)


_ALL = (
    Solver(
        "lm",
        mark("least squares by a trust region around each point (Levenberg 1944, Marquardt 1963)"),
        (mark("argmin ‖∇r·d + r‖² within a trust region"),
         r"\arg\min_{d \in \text{trust region}} \lVert \nabla r\, d + r \rVert^2"),
        mark("w is the vector of all parameters, r that of the residuals ŷ − y, ∇r the Jacobian of r"),
        only_least_squares=True,
    ),
    Solver(
        "lbfgs",
        mark("a quasi-Newton method with limited memory (Liu & Nocedal 1989)"),
        (mark("−α·B⁻¹·∇J, with α by line search"), r"-\alpha B^{-1} \nabla J"),
        mark("w is the vector of all parameters, B the curvature of J as the last gradients show it"),
    ),
    Solver(
        "newton",
        mark("Newton's method with the exact Hessian, within a trust region (Moré & Sorensen 1983)"),
        (mark("argmin ∇J·d + ½·d·∇²J·d within a trust region"),
         r"\arg\min_{d \in \text{trust region}} \nabla J^{T} d + \tfrac{1}{2} d^{T} \nabla^2 J d"),
        mark("w is the vector of all parameters, ∇²J the Hessian of J"),
        takes_bounds=False,
    ),
    Solver(
        "lp",
        mark("a linear programme at each step (a quadratic one with --l2), for losses that are straight with corners "
             "(Koenker & Bassett 1978)"),
        (mark("argmin Σℓ(ŷ + ∇ŷ·d, y) within a box"),
         r"\arg\min_{d \in \text{box}} \sum \ell(\hat y + \nabla \hat y \cdot d, y)"),
        mark("w is the vector of all parameters, ∇ŷ the gradient of ŷ by them"),
        losses=("absolute", "quantile", "hinge", "perceptron"),
        holds_rows=True,
    ),
)  # fmt: skip
SOLVERS: dict[str, Solver] = {solver.name: solver for solver in _ALL}


def is_solver(text: str) -> bool:
    """Whether `text` names a solver, and not an optimizer that follows a learning rate."""
    return text.strip() in SOLVERS


_ELSEWHERE = {  # what other tools call a method, and what it is here
    "sgd": mark("sgd is gradient descent on one sample at a time: write optimizer gd and batch size 1 "
                "(--batch-size 1), or a mini-batch, such as 32"),
    **dict.fromkeys(("levenberg-marquardt", "leastsq", "trf", "dogbox"), mark("this solver is called lm here")),
    **dict.fromkeys(("bfgs", "l-bfgs", "l-bfgs-b"), mark("this solver is called lbfgs here")),
}  # fmt: skip


def check_method(text: str) -> None:
    """Raise SettingError unless `text` names an optimizer (with options that it has), a solver, or `auto`."""
    name = text.split("(")[0].strip().lower()
    if name in _ELSEWHERE:
        raise SettingError(_("there is no optimizer '{name}': {answer}").format(name=name, answer=_(_ELSEWHERE[name])))
    if text.strip() != AUTO:
        known: dict[str, Declared] = {**OPTIMIZERS, **SOLVERS}
        chosen("optimizer", known, text)
