"""How far to trust a fit by likelihood: counts (`poisson`) and classes (`logistic`), from the curvature at the end.

The covariance is the inverse of the observed information, Σ∂²ℓ; estimates are compared with the normal distribution,
and the whole model by its deviance with the constant that fits best (McCullagh & Nelder 1989, ch. 2). AIC and BIC are
those of the full likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program
from tidu.text import _
from tidu.training.solving.estimates import LEVEL, Estimates, inverse_of
from tidu.training.solving.objective import Objective, all_finite
from tidu.training.solving.statistics import confused_groups, has_constant, linear_names, samples_of

Array = npt.NDArray[np.float64]
SCATTERED = 2.0  # Pearson's χ² per degree of freedom from which counts scatter more than Poisson's do
FEW = 5.0  # a mean below which Pearson's χ² of counts says little


@dataclass(frozen=True, kw_only=True)
class Likelihood(Estimates):
    """Of a fit of counts or of two classes at its minimum.

    Attributes
    ----------
    log_likelihood : ln of the probability of the data at the end.
    deviance : twice what it lacks of that of a model with a parameter for each row.
    null_deviance : the same of the constant that fits best.
    has_constant : whether the model can be that constant, so that the two can be compared.
    pearson : Σ (y − μ)²/Var(y), for counts.
    """

    kind: ClassVar[str] = "likelihood"

    log_likelihood: float
    deviance: float
    null_deviance: float
    has_constant: bool
    pearson: float | None = None

    @property
    def is_normal(self) -> bool:
        """As the theory of likelihood has it, for many rows."""
        return True

    @property
    def aic(self) -> float:
        """Akaike 1974: 2k − 2 ln L."""
        return 2.0 * self.rank - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz 1978: k ln n − 2 ln L."""
        return self.rank * math.log(self.rows) - 2.0 * self.log_likelihood

    @property
    def ratio_test(self) -> tuple[float, int, float] | None:
        """How much lower the deviance is than the constant's, the parameters that brought it down, and p (Wilks 1938).

        None where the model cannot be a constant.
        """
        from scipy.special import chdtrc

        more = self.rank - 1
        if not self.has_constant or more < 1:
            return None
        fall = max(self.null_deviance - self.deviance, 0.0)
        return fall, more, float(chdtrc(more, fall))

    def notes(self) -> list[str]:
        """With what is to be said of counts that scatter more than the model allows."""
        sentences = super().notes()
        left = self.degrees_of_freedom
        spread = math.nan if self.pearson is None or left < 1 else self.pearson / left
        if spread > SCATTERED:
            sentences.append(
                _("the counts scatter {times:.3g} times as much as Poisson's do (Pearson's χ² per degree of freedom), "
                  "so the standard errors are too small by a factor of about {factor:.3g}").format(
                    times=spread, factor=math.sqrt(spread))
            )  # fmt: skip
        return sentences

    def facts(self) -> list[tuple[str, str]]:
        """Deviances, the likelihood ratio, criteria."""
        words = _("{deviance} with {count} degrees of freedom; of a constant {null}").format(
            deviance=f"{self.deviance:.6g}", count=self.degrees_of_freedom, null=f"{self.null_deviance:.6g}"
        )
        lines = [(_("deviance"), words)]
        if (test := self.ratio_test) is not None:
            lines.append((_("likelihood ratio"), f"χ²({test[1]}) = {test[0]:.5g}, p = {test[2]:.3g}"))
        return [*lines, ("AIC, BIC", f"{self.aic:.6g}, {self.bic:.6g}")]

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        test = self.ratio_test
        return {
            **super().to_dict(level),
            "log_likelihood": self.log_likelihood,
            "deviance": self.deviance,
            "null_deviance": self.null_deviance,
            **({} if test is None else
               {"likelihood_ratio": {"chi2": test[0], "degrees_of_freedom": test[1], "p": test[2]}}),
            **({} if self.pearson is None else {"pearson_chi_square": self.pearson}),
            "aic": self.aic,
            "bic": self.bic,
        }  # fmt: skip


def likelihood_of(objective: Objective, at: Array, loss: str, counted: bool) -> Likelihood | None:
    """What the curvature at `at` says, taken for the minimum; None where something is not finite there.

    Where rows are `counted`, their weights say how many samples each stands for.
    """
    program, n = objective.program, objective.rows_count
    information = objective.hessian(at) * n
    assert program.target is not None
    outputs = [program.target, program.score, *(() if program.weight is None else (program.weight,))]
    sums = np.zeros(6)
    for part in objective.values_in_chunks(outputs, at):
        y, score, w = part if len(part) == 3 else (*part, np.ones(part.shape[1]))
        sums += _of_counts(y, score, w) if loss == "poisson" else _of_classes(y, score, w)
    if not all_finite(information, sums):
        return None
    here, saturated, constant, weight, of_target, pearson = sums.tolist()
    covariance, rank, unseen = inverse_of(information)
    confused = confused_groups(unseen, objective.names)
    lost = [k for k, name in enumerate(objective.names) if any(name in group for group in confused)]
    covariance[lost, :] = covariance[:, lost] = math.nan
    null = constant + (_null_of_counts if loss == "poisson" else _null_of_classes)(weight, of_target)
    return Likelihood(
        parameters=objective.names,
        values=tuple(at.tolist()),
        covariance=covariance,
        rows=samples_of(objective, at, counted),
        rank=rank,
        confused=confused,
        linear=linear_names(objective),
        log_likelihood=here,
        deviance=2.0 * (saturated - here),
        null_deviance=2.0 * (saturated - null),
        has_constant=has_constant(objective, at),
        pearson=pearson if loss == "poisson" and of_target >= FEW * weight else None,
    )


def _of_counts(y: Array, score: Array, w: Array) -> Array:
    """Of counts with the mean exp(score): ln L; that with a mean for each row; what no mean changes; Σw, Σwy, χ²."""
    from scipy.special import gammaln, xlogy

    besides, mean = -gammaln(y + 1.0), np.exp(score)
    here, saturated = y * score - mean + besides, xlogy(y, y) - y + besides
    return np.array([here @ w, saturated @ w, besides @ w, np.sum(w), y @ w, ((y - mean) ** 2 / mean) @ w])


def _null_of_counts(weight: float, of_target: float) -> float:
    """ln L of counts that all have one mean, without what no model changes."""
    return of_target * math.log(of_target / weight) - of_target if of_target > 0.0 else 0.0


def _of_classes(y: Array, score: Array, w: Array) -> Array:
    """The same of zeros and ones with the log-odds `score`; nothing is besides, and there is no χ²."""
    from scipy.special import xlogy

    here, saturated = y * score - np.logaddexp(0.0, score), xlogy(y, y) + xlogy(1.0 - y, 1.0 - y)
    return np.array([here @ w, saturated @ w, 0.0, np.sum(w), y @ w, 0.0])


def _null_of_classes(weight: float, of_target: float) -> float:
    """ln L of zeros and ones that all have one probability."""
    share = of_target / weight
    if not 0.0 < share < 1.0:
        return 0.0
    return of_target * math.log(share) + (weight - of_target) * math.log1p(-share)


def has_likelihood(program: Program, loss: str) -> bool:
    """Whether a loss is minus the logarithm of a probability, of a model of one score."""
    return loss in ("poisson", "logistic") and not program.of_arrays
