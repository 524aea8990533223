"""`LevelStatistics`: how far to trust a fit with a value for each of many levels, from the blocks of its Jacobian.

Standard errors of every parameter, and covariances of those that all levels share; a matrix of all of them is never
held. Called by `solution.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from tidu.engines.program import number_names
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.solving.arrow import NOTHING, Arrow
from tidu.training.solving.statistics import Statistics

Array = npt.NDArray[np.float64]
NAMED = 8  # parameters in a sentence


@dataclass(frozen=True, kw_only=True)
class LevelStatistics(Statistics):
    """As `Statistics`, with `covariance` of the `shared` parameters alone, and `errors` of all, in their order."""

    kind: ClassVar[str] = "least squares by level"

    errors: tuple[float, ...]
    shared: tuple[str, ...]

    @property
    def correlated(self) -> tuple[str, ...]:
        """The shared parameters."""
        return self.shared

    @property
    def standard_errors(self) -> dict[str, float]:
        """By parameter."""
        return dict(zip(self.parameters, self.errors, strict=True))

    def prediction_deviation(self, slopes: Array, new_sample: bool = True) -> Array:
        """Not of these: the covariances of the levels are not held.

        Raises
        ------
        SettingError
        """
        raise SettingError(
            _("there are too many levels for intervals of predictions, which need the covariances of all parameters")
        )

    def notes(self) -> list[str]:
        """Those of `Statistics`, and the levels that no row, or too few, determine."""
        told = {name for group in self.confused for name in group}
        lost = [n for n, e in zip(self.parameters, self.errors, strict=True) if math.isnan(e) and n not in told]
        if not lost or self.confused or self.degrees_of_freedom <= 0:
            return super().notes()
        names = ", ".join([*lost[:NAMED], *(["..."] if len(lost) > NAMED else [])])
        return [
            *super().notes(),
            _("the rows of their level do not determine {names}: they stay where they began, without a standard error")
            .format(names=names),
        ]  # fmt: skip

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `plain`."""
        return super().of_plain({**plain, "errors": tuple(plain["errors"]), "shared": tuple(plain["shared"])})


def level_statistics_of(
    arrow: Arrow, at: Array, known_sigma: bool, log_weights: float = 0.0, counted: bool = False
) -> LevelStatistics | None:
    """The statistics at `at`, taken for the minimum; arguments and None as in `statistics_of`."""
    found = arrow.residuals_and_slopes(at)
    if not all(np.all(np.isfinite(part)) for part in found):
        return None
    residuals = found[0]
    blocks = arrow.decomposed(*found)
    seen, lengths, triangle = blocks.shared()
    size = len(seen)
    _u, singular, vt = np.linalg.svd(triangle[:size, :size])
    sure = singular > NOTHING * max(float(singular.max(initial=0.0)), 1e-300)
    pivots = blocks.factor[np.arange(arrow.q), np.arange(arrow.q)]
    rank = int(np.sum(pivots > 0.0) + np.sum(sure))
    total = math.fsum((residuals * residuals).tolist())
    samples = arrow.samples() if counted else len(residuals)
    free = samples - rank
    variance = 1.0 if known_sigma else (total / free if free > 0 else math.nan)
    half = np.zeros((int(sure.sum()), arrow.s))  # its rows, squared and summed, are the variances
    half[:, seen] = vt[sure] / singular[sure, np.newaxis] / lengths
    # A level's own part, and what it has from the shared: R⁻¹ and R⁻¹·(shares of the shared)·half.
    inverse = blocks.inverse_of_levels()
    carried = np.einsum("jkg,ksg->jsg", inverse, blocks.factor[:, arrow.q : -1])
    from_shared = np.einsum("jsg,hs->jhg", carried, half)
    variances = variance * (np.sum(inverse**2, axis=1) + np.sum(from_shared**2, axis=1))
    covariance = variance * (half.T @ half)
    lost = np.array([k for k in range(arrow.s) if k not in seen], dtype=np.intp)
    confused: list[tuple[str, ...]] = []
    names = number_names(arrow.program)
    vectors = [p.name for p in arrow.program.parameters if p.shape]
    for k in lost:
        moved = np.abs(carried[:, k]) > NOTHING
        variances[moved] = math.nan
        covariance[k, :] = covariance[:, k] = math.nan
        by = [f"{name}[...]" for name, moves in zip(vectors, moved, strict=True) if moves.any()]
        confused.append((*by, names[int(arrow.at_shared[k])]))
    variances[pivots == 0.0] = math.nan
    errors = np.full(len(at), math.nan)
    for places, own in zip(arrow.at_levels, variances, strict=True):
        errors[places[arrow.present]] = np.sqrt(own)
    errors[arrow.at_shared] = np.sqrt(np.diag(covariance))
    return LevelStatistics(
        parameters=names,
        values=tuple(at.tolist()),
        covariance=covariance,
        rows=samples,
        rank=rank,
        confused=tuple(confused),
        linear=names if arrow.is_linear else (),
        residual_sum_of_squares=total,
        known_sigma=known_sigma,
        log_weights=log_weights,
        errors=tuple(errors.tolist()),
        shared=tuple(names[int(k)] for k in arrow.at_shared),
    )
