"""How strongly a cost curves, and what that allows: learning-rate limits, best rates, steps to come.

Exact for models of up to a few dozen parameters (all eigenvalues), by Lanczos on Hessian-vector products for larger
ones (the two ends). The limits are those of a quadratic: exact for models that are linear in their parameters under a
squared loss, and true near a minimum for the others.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.content.optimizers import Optimizer
from tidu.engines.curvature import jacobian_of, residual_of
from tidu.language.calculus import gradient
from tidu.language.expr import evaluation_order
from tidu.language.simplify import ZERO
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.statistics import singular_directions

Array = npt.NDArray[np.float64]
WHOLE = 60  # parameters up to which all eigenvalues are computed
LANCZOS_STEPS = 300
# Optimizers whose step is linear in the gradients, so that curvature sets a limit to the rate.
LINEAR = ("gd", "momentum", "nesterov")


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Hessian of J, rising, with their directions in the columns of `vectors`, of shape (p, k)."""

    values: Array
    vectors: Array
    whole: bool = True  # all p of them, or the two ends

    @property
    def largest(self) -> float:
        """λmax: the strongest curvature upward."""
        return float(self.values[-1])

    @property
    def smallest(self) -> float:
        """λmin: the weakest curvature, or the strongest downward."""
        return float(self.values[0])

    @property
    def condition(self) -> float:
        """λmax/λmin: how many times longer the flattest direction takes; inf where one is flat or bends down."""
        return self.largest / self.smallest if self.smallest > self.noise else math.inf

    @property
    def noise(self) -> float:
        """What a computed eigenvalue of 0 may look like."""
        return 64.0 * np.finfo(np.float64).eps * float(np.max(np.abs(self.values))) * len(self.vectors)

    @property
    def best_rate(self) -> float:
        """2/(λmax + λmin), which brings the slowest direction of gradient descent forward fastest (Polyak 1987)."""
        return 2.0 / (self.largest + max(self.smallest, 0.0))


def spectrum_of(objective: Objective, at: Array) -> Spectrum | None:
    """The curvatures at `at`; None where they are not finite."""
    with np.errstate(all="ignore"):
        if _is_linear_least_squares(objective):
            return _by_singular_values(objective, at)
        if objective.p <= WHOLE:
            hessian = objective.hessian(at)
            return Spectrum(*np.linalg.eigh(hessian)) if all_finite(hessian) else None
        return _by_lanczos(objective, at)


def _is_linear_least_squares(objective: Objective) -> bool:
    program = objective.program
    if program.residual_factor is None or program.penalty is not ZERO or objective.p > WHOLE:
        return False
    slopes = evaluation_order(jacobian_of(residual_of(program), program.parameters))
    return not any(parameter in slopes for parameter in program.parameters)


def _by_singular_values(objective: Objective, at: Array) -> Spectrum | None:
    """Of a Hessian 2c/n·JᵀJ from J itself: the small eigenvalues keep twice the digits that JᵀJ would leave them."""
    factor = objective.program.residual_factor
    assert factor is not None
    _r, jacobian = objective.residuals_and_jacobian(at)
    if not all_finite(jacobian):
        return None
    singular, vt = singular_directions(jacobian)
    values = 2.0 * factor / len(jacobian) * singular**2
    return _Exact(values[::-1].copy(), vt[::-1].T.copy())


class _Exact(Spectrum):
    """Eigenvalues from singular values, whose rounding error is squared too."""

    @property
    def noise(self) -> float:
        return float(len(self.vectors) * 64.0 * np.finfo(np.float64).eps) ** 2 * self.largest


def _by_lanczos(objective: Objective, at: Array) -> Spectrum | None:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    p = objective.p
    first = objective.hessian_product(at, np.ones(p))
    if not all_finite(first):
        return None
    operator = LinearOperator((p, p), matvec=lambda v: objective.hessian_product(at, np.ravel(v)), dtype=np.float64)
    start = np.random.default_rng(0).normal(size=p)
    try:
        values, vectors = eigsh(operator, k=2, which="BE", v0=start, maxiter=LANCZOS_STEPS * p, tol=1e-10)
    except ArpackNoConvergence:
        values, vectors = eigsh(operator, k=1, which="LM", v0=start, maxiter=LANCZOS_STEPS * p, tol=1e-6)
    order = np.argsort(values)
    return Spectrum(values[order], vectors[:, order], whole=False)


# -- what curvature allows ------------------------------------------------------------------------
def rate_limit(optimizer: Optimizer, curvature: float) -> float:
    """The rate at which a direction of this curvature no longer shrinks; inf where there is none.

    Gradient descent 2/λ, heavy ball 2(1 + β)/λ (Polyak 1964), Nesterov (2 + 2β)/((1 + 2β)λ).
    """
    if curvature <= 0.0 or optimizer.name not in LINEAR:
        return math.inf
    beta = optimizer.values.get("momentum", 0.0)
    share = {"gd": 2.0, "momentum": 2.0 * (1.0 + beta), "nesterov": (2.0 + 2.0 * beta) / (1.0 + 2.0 * beta)}
    return share[optimizer.name] / curvature


def shrinkage(optimizer: Optimizer, lr: float, curvature: float) -> float:
    """The factor by which a step shrinks the distance along a direction of this curvature, in the long run."""
    a = lr * curvature
    beta = optimizer.values.get("momentum", 0.0)
    if optimizer.name == "gd":
        return abs(1.0 - a)
    middle, last = ((1.0 + beta - a), beta) if optimizer.name == "momentum" else ((1 + beta) * (1 - a), beta * (1 - a))
    root = cmath.sqrt(middle * middle - 4.0 * last)
    return max(abs((middle + root) / 2.0), abs((middle - root) / 2.0))


def steps_to_shrink(optimizer: Optimizer, lr: float, curvature: float, to: float) -> float:
    """Steps until the distance along such a direction is `to` of what it was; inf where it does not shrink."""
    if optimizer.name == "gd" and 0.0 < lr * curvature < 0.5:  # 1 − a loses digits where a is small
        return math.log(to) / math.log1p(-lr * curvature)
    factor = shrinkage(optimizer, lr, curvature)
    return math.log(to) / math.log(factor) if 0.0 < factor < 1.0 else (1.0 if factor == 0.0 else math.inf)


def batch_curvature(objective: Objective, at: Array, largest: float, batch_size: int | None) -> float:
    """The curvature that steps on batches must reckon with: between λmax of all rows and that of the worst row.

    Source: Gower et al. 2019, "SGD: general analysis and improved rates", prop. 3.8, for sampling without replacement.
    """
    n = objective.rows_count
    if batch_size is None or batch_size >= n:
        return largest
    program = objective.program
    bend = gradient(program.slope, [program.score])[0]
    slopes = jacobian_of(program.score, program.parameters)
    values = objective.values_of([bend, *slopes], at)
    worst = float(np.max(np.abs(values[0]) * np.sum(values[1:] ** 2, axis=0)))
    b = batch_size
    return max(largest, n * (b - 1) / (b * (n - 1)) * largest + (n - b) / (b * (n - 1)) * worst)
