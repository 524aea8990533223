"""How far to trust a least-squares fit: standard errors, intervals, correlations, criteria, and what data cannot tell.

All of it comes from the Jacobian at the end, through the singular values of J with columns of length 1; JᵀJ is never
formed, let alone inverted. Bates & Watts 1988, ch. 2; Golub & Van Loan 2013, ch. 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tidu.text import _
from tidu.training.solving.estimates import LEVEL, Estimates
from tidu.training.solving.guesses import linear_parameters
from tidu.training.solving.objective import Objective, all_finite

Array = npt.NDArray[np.float64]
LOOSE = 1e6  # inflation of a standard error from which it is worth a word
SPANNED = 1e-9  # of the squares of a constant: what the slopes may leave of it
TAKES_PART = 0.02  # of the largest part of a direction that the data do not see


@dataclass(frozen=True, kw_only=True)
class Statistics(Estimates):
    """Of a least-squares fit at its minimum.

    Attributes
    ----------
    residual_sum_of_squares : Σ of the weighted squared residuals (χ² where sigmas were given).
    known_sigma : whether the deviations of the samples were given, so that nothing had to be estimated from them.
    log_weights : Σ ln(weight), which the likelihood has too.
    constant_sum_of_squares : the same sum where a constant stands for the curve; None unless a model that is linear in
        its parameters has the constant in it.
    """

    kind: ClassVar[str] = "least squares"

    residual_sum_of_squares: float
    known_sigma: bool = False
    log_weights: float = 0.0
    constant_sum_of_squares: float | None = None

    @property
    def is_normal(self) -> bool:
        """Of known sigmas."""
        return self.known_sigma

    @property
    def reduced_chi_square(self) -> float:
        """The residual sum of squares per degree of freedom; near 1 where the sigmas given are true."""
        return self.residual_sum_of_squares / self.degrees_of_freedom if self.degrees_of_freedom > 0 else math.nan

    @property
    def residual_standard_deviation(self) -> float:
        """The root of that: the scatter about the curve, in the unit of the target."""
        return math.sqrt(self.reduced_chi_square)

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

    @property
    def f_test(self) -> tuple[float, int, int, float] | None:
        """F of the curve against a constant, its degrees of freedom, and how likely more is where none is better.

        None where the constant is not among what the model can be, or sigmas are known.
        """
        from scipy.special import fdtrc

        more, left = self.rank - 1, self.degrees_of_freedom
        if self.constant_sum_of_squares is None or self.known_sigma or more < 1 or left < 1:
            return None
        with np.errstate(all="ignore"):
            f = float(np.float64(self.constant_sum_of_squares - self.residual_sum_of_squares) / more)
            f = float(np.float64(f) / self.reduced_chi_square)
        return f, more, left, float(fdtrc(more, left, f)) if math.isfinite(f) and f >= 0.0 else 0.0

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        f = self.f_test
        return {
            **super().to_dict(level),
            "residual_sum_of_squares": self.residual_sum_of_squares,
            "residual_standard_deviation": self.residual_standard_deviation,
            "reduced_chi_square": self.reduced_chi_square,
            **({} if f is None else {"f_test": {"f": f[0], "degrees_of_freedom": [f[1], f[2]], "p": f[3]}}),
            "aic": self.aic,
            "bic": self.bic,
        }

    def facts(self) -> list[tuple[str, str]]:
        """The scatter, and how likely it is that a constant would do."""
        scatter = _("{deviation} with {count} degrees of freedom").format(
            deviation=f"{self.residual_standard_deviation:.10g}", count=self.degrees_of_freedom
        )
        lines = [(_("residual standard deviation"), scatter)]
        if self.known_sigma:
            lines.append(("χ²/ν", f"{self.reduced_chi_square:.10g}"))
        if (f := self.f_test) is not None:
            lines.append((_("F test"), f"F({f[1]}, {f[2]}) = {f[0]:.5g}, p = {f[3]:.3g}"))
        return [*lines, ("AIC, BIC", f"{self.aic:.6g}, {self.bic:.6g}")]


def statistics_of(
    objective: Objective, at: Array, known_sigma: bool, log_weights: float = 0.0, counted: bool = False
) -> Statistics | None:
    """The statistics at `at`, taken for the minimum; None where residuals or slopes are not finite there.

    `log_weights` is Σ ln(weight) of the rows; where they are `counted`, weights say how many samples each stands for.
    """
    residuals, jacobian = objective.judged_at(at)
    if not all_finite(residuals, jacobian):
        return None
    names = objective.names
    n, p = objective.rows_count, objective.p
    samples = samples_of(objective, at, counted)
    total = math.fsum((residuals * residuals).tolist())
    confused: tuple[tuple[str, ...], ...] = ()
    rank, root = p, objective.inverse_at(at)
    if root is None:
        lengths = np.linalg.norm(jacobian, axis=0)
        # A column that is nothing beside its own parameter's size changes no prediction.
        units = np.where(lengths > 0.0, lengths, 1.0)
        singular, vt = singular_directions(jacobian / units)
        seen = singular > max(n, p) * 4.0 * np.finfo(np.float64).eps * max(float(singular[0]), 1e-300)
        rank = int(np.sum(seen))
        root = (vt[seen] / singular[seen, None] / units).T
        confused = confused_groups(vt[~seen], names)
    variance = 1.0 if known_sigma else (total / (samples - rank) if samples > rank else math.nan)
    covariance = variance * (root @ root.T)  # the rows of the root, squared and summed, are the variances
    if confused:
        lost = [k for k, name in enumerate(names) if any(name in group for group in confused)]
        covariance[lost, :] = math.nan
        covariance[:, lost] = math.nan
    return Statistics(
        parameters=names,
        values=tuple(at.tolist()),
        covariance=covariance,
        rows=samples,
        rank=rank,
        confused=confused,
        linear=linear_names(objective),
        residual_sum_of_squares=total,
        known_sigma=known_sigma,
        log_weights=log_weights,
        constant_sum_of_squares=_constant_sum(objective, at),
    )


def linear_names(objective: Objective) -> tuple[str, ...]:
    """The parameters that enter linearly while the others stand still: 0 takes a term out."""
    if objective.program.of_arrays:
        return objective.names if objective.is_linear else ()
    return tuple(objective.names[k] for k in linear_parameters(objective))


def samples_of(objective: Objective, at: Array, counted: bool) -> int:
    """How many samples there are: rows, or what the rows that are `counted` stand for."""
    weight = objective.program.weight
    if not counted or weight is None:
        return objective.rows_count
    return round(float(objective.mean_of([weight], at)[0]) * objective.rows_count)


def _constant_sum(objective: Objective, at: Array) -> float | None:
    """Σ of the weighted squares around the weighted mean, if a linear model can be that constant."""
    program = objective.program
    if program.of_arrays or not objective.is_linear or not has_constant(objective, at):
        return None
    assert program.target is not None
    outputs = [program.target] if program.weight is None else [program.target, program.weight]
    parts = [(part[0], part[1] if len(part) > 1 else np.ones_like(part[0]))
             for part in objective.values_in_chunks(outputs, at)]  # fmt: skip
    mean = sum(float(w @ y) for y, w in parts) / sum(float(np.sum(w)) for _y, w in parts)
    return sum(float(w @ (y - mean) ** 2) for y, w in parts)


def has_constant(objective: Objective, at: Array) -> bool:
    """Whether a constant is among what the model can be near a point: a sum of multiples of its slopes."""
    program = objective.program
    products = np.zeros((objective.p + 1, objective.p + 1))
    for part in objective.slopes_in_chunks(at, *(() if program.weight is None else (program.weight,))):
        rows = np.vstack([part[: objective.p], np.ones(part.shape[1])])
        products += (rows if program.weight is None else rows * part[-1]) @ rows.T
    if not np.all(np.isfinite(products)):
        return False
    lengths = np.sqrt(np.maximum(np.diag(products), 0.0))
    lengths[lengths == 0.0] = 1.0
    scaled = products / np.outer(lengths, lengths)
    found = np.linalg.lstsq(scaled[:-1, :-1], scaled[:-1, -1], rcond=1e-12)[0]
    return bool(1.0 - found @ scaled[:-1, -1] <= SPANNED)


def loosely_determined(statistics: Statistics, objective: Objective, at: Array) -> tuple[str, ...]:
    """The parameters whose standard error is `LOOSE` times what it would be if the others were known, or more."""
    _r, jacobian = objective.judged_at(at)
    scatter = 1.0 if statistics.known_sigma else statistics.residual_standard_deviation
    errors = np.sqrt(np.diag(statistics.covariance))
    with np.errstate(all="ignore"):
        loose = errors * np.linalg.norm(jacobian, axis=0) / scatter > LOOSE
    return tuple(name for name, is_loose in zip(statistics.parameters, loose, strict=True) if is_loose)


def singular_directions(matrix: Array) -> tuple[Array, Array]:
    """All p singular values of a matrix of shape (n, p), falling, and their directions as rows, whatever n is."""
    n, p = matrix.shape
    _u, singular, vt = np.linalg.svd(matrix if n <= p + 1 else np.linalg.qr(matrix, mode="r"), full_matrices=True)
    if len(singular) < p:
        singular = np.concatenate([singular, np.zeros(p - len(singular))])
    return singular, vt


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
