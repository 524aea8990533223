"""How far to trust a least-squares fit: standard errors, intervals, correlations, criteria, and what data cannot tell.

All of it comes from the Jacobian at the end, through the singular values of J with columns of length 1; JᵀJ is never
formed, let alone inverted. Bates & Watts 1988, ch. 2; Golub & Van Loan 2013, ch. 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.text import _
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
LEVEL = 0.95  # of confidence, unless another is asked for
LOOSE = 1e6  # inflation of a standard error from which it is worth a word
TAKES_PART = 0.02  # of the largest part of a direction that the data do not see


@dataclass(frozen=True)
class Statistics:
    """Of a least-squares fit at its minimum.

    Attributes
    ----------
    standard_errors : of each parameter; nan where the data cannot tell it from others.
    covariance : their covariances, of shape (p, p), in the order of `parameters`.
    residual_sum_of_squares : Σ of the weighted squared residuals (χ² where sigmas were given).
    degrees_of_freedom : rows − parameters that the data determine.
    known_sigma : whether the deviations of the samples were given, so that nothing had to be estimated from them.
    aic, bic : of the normal distribution, with the estimated variance counted as a parameter.
    confused : groups of parameters that cannot be told apart, or that have no effect.
    """

    parameters: tuple[str, ...]
    values: tuple[float, ...]
    covariance: Array
    residual_sum_of_squares: float
    rows: int
    rank: int
    known_sigma: bool = False
    log_weights: float = 0.0  # Σ ln(weight), which the likelihood has too
    confused: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def degrees_of_freedom(self) -> int:
        """Rows less the parameters that they determine."""
        return self.rows - self.rank

    @property
    def reduced_chi_square(self) -> float:
        """The residual sum of squares per degree of freedom; near 1 where the sigmas given are true."""
        return self.residual_sum_of_squares / self.degrees_of_freedom if self.degrees_of_freedom > 0 else math.nan

    @property
    def residual_standard_deviation(self) -> float:
        """The root of that: the scatter about the curve, in the unit of the target."""
        return math.sqrt(self.reduced_chi_square)

    @property
    def standard_errors(self) -> dict[str, float]:
        """By parameter."""
        return dict(zip(self.parameters, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def correlation(self) -> Array:
        """Of the estimates, of shape (p, p)."""
        deviations = np.sqrt(np.diag(self.covariance))
        with np.errstate(all="ignore"):
            return self.covariance / np.outer(deviations, deviations)  # type: ignore[no-any-return]

    def quantile(self, level: float = LEVEL) -> float:
        """How many standard errors an interval reaches to each side: Student's t, or normal for known sigmas."""
        from scipy.special import ndtri, stdtrit

        share = 0.5 + level / 2.0
        if self.known_sigma:
            return float(ndtri(share))
        return float(stdtrit(self.degrees_of_freedom, share)) if self.degrees_of_freedom > 0 else math.nan

    def joint_quantile(self, together: int, level: float = LEVEL) -> float:
        """How far a region of several parameters reaches: √(m·F), or √χ² for known sigmas; of one, `quantile`."""
        from scipy.special import chdtri, fdtri

        if together == 1:
            return self.quantile(level)
        if self.known_sigma:
            return math.sqrt(float(chdtri(together, 1.0 - level)))
        freedom = self.degrees_of_freedom
        return math.sqrt(together * float(fdtri(together, freedom, level))) if freedom > 0 else math.nan

    def confidence_intervals(self, level: float = LEVEL) -> dict[str, tuple[float, float]]:
        """By parameter: value ± quantile · standard error."""
        reach = self.quantile(level)
        errors = self.standard_errors.values()
        return {
            name: (value - reach * error, value + reach * error)
            for name, value, error in zip(self.parameters, self.values, errors, strict=True)
        }

    @property
    def log_likelihood(self) -> float:
        """Of the normal distribution at its maximum."""
        n, total = self.rows, self.residual_sum_of_squares
        if self.known_sigma:
            return -0.5 * (total + n * math.log(2.0 * math.pi) - self.log_weights)
        if total <= 0.0:
            return math.inf
        return -0.5 * (n * (math.log(2.0 * math.pi * total / n) + 1.0) - self.log_weights)

    @property
    def aic(self) -> float:
        """Akaike 1974: 2k − 2 ln L."""
        return 2.0 * self._counted - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz 1978: k ln n − 2 ln L."""
        return self._counted * math.log(self.rows) - 2.0 * self.log_likelihood

    @property
    def _counted(self) -> int:
        return self.rank + (0 if self.known_sigma else 1)

    def prediction_deviation(self, slopes: Array, new_sample: bool = True) -> Array:
        """The standard deviation of each prediction from its slopes, of shape (rows, p); of a new sample, or the mean.

        Nan where a parameter that the data do not determine takes part.
        """
        with np.errstate(all="ignore"):
            cells = slopes @ self.covariance * slopes
        variance = np.sum(cells, axis=1)
        if new_sample:
            variance = variance + (1.0 if self.known_sigma else self.reduced_chi_square)
        return np.sqrt(variance)  # type: ignore[no-any-return]

    def with_exact(self, inverse: Array, residual_sum_of_squares: float) -> Statistics:
        """The same from (JᵀJ)⁻¹ and Σr² that were computed without rounding: every parameter is determined."""
        p, rows = len(self.parameters), self.rows
        total = max(residual_sum_of_squares, 0.0)
        variance = 1.0 if self.known_sigma else (total / (rows - p) if rows > p else math.nan)
        return replace(self, covariance=variance * inverse, residual_sum_of_squares=total, rank=p, confused=())

    def notes(self) -> list[str]:
        """What a person should know: parameters that the data cannot tell apart, too few rows."""
        sentences = []
        if self.rows < len(self.parameters):
            sentences.append(
                _(
                    "there are more parameters ({parameters}) than rows ({rows}): many values fit equally well; "
                    "fix some parameters (--fix) or bring more data"
                ).format(parameters=len(self.parameters), rows=self.rows)
            )
        elif self.degrees_of_freedom == 0:
            sentences.append(
                _("there are as many parameters as rows: the curve goes through every point, and nothing is left "
                  "to judge it by")
            )  # fmt: skip
        for group in self.confused:
            if len(group) == 1:
                sentences.append(
                    _(
                        "'{name}' has no effect on the predictions at the end point, so the data say nothing about "
                        "it; fix it (--fix {name}=VALUE), leave it out, or start elsewhere (--init)"
                    ).format(name=group[0])
                )
            else:
                sentences.append(
                    _(
                        "{names} cannot be told apart: they can change together and leave every prediction as it is; "
                        "fix one of them (--fix {name}=VALUE) or write the formula with fewer"
                    ).format(names=", ".join(group), name=group[-1])
                )
        return sentences

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        correlation = self.correlation
        names = self.parameters
        return {
            "standard_errors": self.standard_errors,
            "confidence_level": level,
            "confidence_intervals": {n: list(ends) for n, ends in self.confidence_intervals(level).items()},
            "correlations": {
                a: {b: float(correlation[i, j]) for j, b in enumerate(names)} for i, a in enumerate(names)
            },
            "residual_sum_of_squares": self.residual_sum_of_squares,
            "residual_standard_deviation": self.residual_standard_deviation,
            "degrees_of_freedom": self.degrees_of_freedom,
            "rank": self.rank,
            "reduced_chi_square": self.reduced_chi_square,
            "aic": self.aic,
            "bic": self.bic,
            "not_identified": [list(group) for group in self.confused],
        }

    def plain(self) -> dict[str, Any]:
        """What a file holds, and `Statistics.of_plain` takes."""
        return {
            "parameters": list(self.parameters),
            "values": list(self.values),
            "covariance": self.covariance.tolist(),
            "residual_sum_of_squares": self.residual_sum_of_squares,
            "rows": self.rows,
            "rank": self.rank,
            "known_sigma": self.known_sigma,
            "log_weights": self.log_weights,
            "confused": [list(group) for group in self.confused],
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Statistics:
        """The inverse of `plain`."""
        return cls(
            **{
                **plain,
                "parameters": tuple(plain["parameters"]),
                "values": tuple(plain["values"]),
                "covariance": np.array(plain["covariance"], dtype=np.float64),
                "confused": tuple(tuple(group) for group in plain["confused"]),
            }
        )


def statistics_of(objective: Objective, at: Array, known_sigma: bool, log_weights: float = 0.0) -> Statistics | None:
    """The statistics at `at`, taken for the minimum; None where residuals or slopes are not finite there.

    `log_weights` is Σ ln(weight) of the rows.
    """
    residuals, jacobian = objective.residuals_and_jacobian(at)
    if not (np.all(np.isfinite(residuals)) and np.all(np.isfinite(jacobian))):
        return None
    names = objective.names
    n, p = objective.rows_count, objective.p
    lengths = np.linalg.norm(jacobian, axis=0)
    # A column that is nothing beside its own parameter's size changes no prediction.
    units = np.where(lengths > 0.0, lengths, 1.0)
    singular, vt = singular_directions(jacobian / units)
    seen = singular > max(n, p) * 4.0 * np.finfo(np.float64).eps * max(float(singular[0]), 1e-300)
    rank = int(np.sum(seen))
    total = math.fsum((residuals * residuals).tolist())
    variance = 1.0 if known_sigma else (total / (n - rank) if n > rank else math.nan)
    half = vt[seen] / singular[seen, None] / units  # its rows, squared and summed, are the variances
    covariance = variance * (half.T @ half)
    confused = confused_groups(vt[~seen], names)
    lost = [k for k, name in enumerate(names) if any(name in group for group in confused)]
    covariance[lost, :] = math.nan
    covariance[:, lost] = math.nan
    return Statistics(
        names,
        tuple(at.tolist()),
        covariance,
        total,
        n,
        rank,
        known_sigma,
        log_weights,
        confused,
    )


def loosely_determined(statistics: Statistics, objective: Objective, at: Array) -> tuple[str, ...]:
    """The parameters whose standard error is `LOOSE` times what it would be if the others were known, or more."""
    _r, jacobian = objective.residuals_and_jacobian(at)
    scatter = 1.0 if statistics.known_sigma else statistics.residual_standard_deviation
    errors = np.sqrt(np.diag(statistics.covariance))
    with np.errstate(all="ignore"):
        loose = errors * np.linalg.norm(jacobian, axis=0) / scatter > LOOSE
    return tuple(name for name, is_loose in zip(statistics.parameters, loose, strict=True) if is_loose)


def singular_directions(matrix: Array) -> tuple[Array, Array]:
    """All p singular values of a matrix of shape (n, p), falling, and their directions as rows, whatever n is."""
    _n, p = matrix.shape
    _u, singular, vt = np.linalg.svd(np.linalg.qr(matrix, mode="r"), full_matrices=True)
    return np.concatenate([singular, np.zeros(p - len(singular))]), vt


def confused_groups(unseen: Array, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The names that take part in directions (rows of `unseen`) that change nothing, in groups that share one."""
    if not len(unseen):
        return ()
    projector = unseen.T @ unseen  # does not depend on which basis of these directions was found
    largest = np.sqrt(np.diag(projector))
    moved = [k for k in range(len(names)) if largest[k] > TAKES_PART]
    groups: list[set[int]] = []
    for k in moved:
        linked = {j for j in moved if j == k or abs(projector[k, j]) > TAKES_PART * largest[k] * largest[j]}
        touching = [g for g in groups if g & linked]
        groups = [g for g in groups if not g & linked] + [linked.union(*touching)]
    return tuple(tuple(names[k] for k in sorted(g)) for g in sorted(groups, key=min))
