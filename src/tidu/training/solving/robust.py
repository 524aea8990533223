"""How far to trust a fit whose loss is no likelihood: robust losses by the sandwich, quantiles by the density at them.

A smooth loss: C = n/(n − p) · A⁻¹BA⁻¹, with the curvature A = Σ∂²ℓ and the scatter B = Σ∂ℓ∂ℓᵀ of the slopes, which is
right whatever the distribution of the errors (Huber 1967, White 1980). A quantile: C = τ(1 − τ) · H⁻¹(Σxxᵀ)H⁻¹ with
H = Σf·xxᵀ, where the density f of each row follows from two fits, a bandwidth above τ and below (Hendricks & Koenker
1992, sec. 3; the bandwidth of Hall & Sheather 1988): what quantreg calls nid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import jacobian_of
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.problem import Limits, Problem
from tidu.training.solving.corners import MOST_ROWS_OF_PROGRAMMES
from tidu.training.solving.estimates import LEVEL, Estimates, inverse_of
from tidu.training.solving.objective import MOST_FACTORISED, Objective, all_finite
from tidu.training.solving.passes import MOST_TRIES
from tidu.training.solving.solvers import solve
from tidu.training.solving.statistics import confused_groups, linear_names

Array = npt.NDArray[np.float64]
SANDWICH, DENSITY = "sandwich", "nid"
LEVEL_OF_BANDWIDTH = 0.95  # of the intervals for which Hall & Sheather's bandwidth is the best
TINY = float(np.finfo(np.float64).eps) ** (2.0 / 3.0)  # a distance between two fits that is none


@dataclass(frozen=True, kw_only=True)
class Robust(Estimates):
    """Of a fit of a loss that is neither least squares nor a likelihood.

    Attributes
    ----------
    method : `sandwich`, or `nid` for quantiles.
    bandwidth : of a quantile, how far above and below it the two fits were.
    """

    kind: ClassVar[str] = "robust"

    method: str
    bandwidth: float | None = None

    def facts(self) -> list[tuple[str, str]]:
        """By which method the errors are."""
        if self.method == SANDWICH:
            words = _("by the sandwich of curvature and scatter (Huber 1967, White 1980)")
        else:
            words = _("by the density at the quantile, from fits {bandwidth:.3g} above and below (nid: Hendricks & "
                      "Koenker 1992)").format(bandwidth=self.bandwidth)  # fmt: skip
        return [(_("standard errors"), words)]

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        bandwidth = {} if self.bandwidth is None else {"bandwidth": self.bandwidth}
        return {**super().to_dict(level), "errors_of": self.method, **bandwidth}


def robust_of(problem: Problem, objective: Objective, at: Array) -> Robust | None:
    """What is known of a minimum of the problem at `at`; None where nothing is, as of hinges and of networks."""
    loss = problem.settings.loss_object
    if objective.program.of_arrays or objective.p > MOST_FACTORISED or objective.rows_count <= objective.p:
        return None
    if loss.name in ("absolute", "quantile"):
        few = objective.rows_count <= MOST_ROWS_OF_PROGRAMMES  # of each of two further linear programmes
        return _of_quantile(problem, objective, at, loss.values.get("tau", 0.5)) if few else None
    if loss.targets.codes or problem.program.penalty is not ZERO or loss.name in ("hinge", "perceptron"):
        return None
    return _sandwich(objective, at)


def _sandwich(objective: Objective, at: Array) -> Robust | None:
    n, p = objective.rows_count, objective.p
    scatter, curvature = np.zeros((p, p)), objective.hessian(at) * n
    for slopes in objective.values_in_chunks(objective.program.gradient, at):
        scatter += slopes @ slopes.T
    if not all_finite(scatter, curvature):
        return None
    inverse, rank, unseen = inverse_of(curvature)
    covariance = n / (n - p) * (inverse @ scatter @ inverse)
    return _estimates(objective, at, covariance, rank, unseen, SANDWICH)


def _of_quantile(problem: Problem, objective: Objective, at: Array, tau: float) -> Robust | None:
    program, n = objective.program, objective.rows_count
    bandwidth = hall_sheather(n, tau)
    while tau - bandwidth <= 0.0 or tau + bandwidth >= 1.0:
        bandwidth *= 0.5
    scores = []
    for other in (tau + bandwidth, tau - bandwidth):
        aside = problem.changed(loss=f"quantile(tau={other!r})").program
        found = solve("lp", Objective(aside, problem.columns), objective.parts(at), Limits(MOST_TRIES))
        if found.descent.stopped != "converged":
            return None
        scores.append(objective.values_of([program.score], objective.flat(found.descent.state.parameters))[0])
    x = objective.values_of(jacobian_of(program.score, program.parameters), at).T
    density = np.maximum(0.0, 2.0 * bandwidth / (scores[0] - scores[1] - TINY))
    density[scores[0] - scores[1] <= TINY] = 0.0
    w = np.ones(n) if program.weight is None else objective.values_of([program.weight], at)[0]
    if not all_finite(x, density):
        return None
    inverse, rank, unseen = inverse_of((x * (w * density)[:, None]).T @ x)
    covariance = tau * (1.0 - tau) * (inverse @ ((x * (w * w)[:, None]).T @ x) @ inverse)
    return _estimates(objective, at, covariance, rank, unseen, DENSITY, bandwidth)


def hall_sheather(rows: int, tau: float) -> float:
    """The bandwidth, as a share of probability, that makes intervals of quantiles true (Hall & Sheather 1988)."""
    from scipy.special import ndtri

    z = float(ndtri(tau))
    height = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    reach = float(ndtri(0.5 + LEVEL_OF_BANDWIDTH / 2.0))
    return float(rows ** (-1.0 / 3.0) * reach ** (2.0 / 3.0) * (1.5 * height**2 / (2.0 * z * z + 1.0)) ** (1.0 / 3.0))


def _estimates(
    objective: Objective,
    at: Array,
    covariance: Array,
    rank: int,
    unseen: Array,
    method: str,
    width: float | None = None,
) -> Robust:
    confused = confused_groups(unseen, objective.names)
    lost = [k for k, name in enumerate(objective.names) if any(name in group for group in confused)]
    covariance[lost, :] = covariance[:, lost] = math.nan
    return Robust(
        parameters=objective.names,
        values=tuple(at.tolist()),
        covariance=covariance,
        rows=objective.rows_count,
        rank=rank,
        confused=confused,
        linear=linear_names(objective),
        method=method,
        bandwidth=width,
    )
