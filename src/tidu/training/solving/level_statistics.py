"""`LevelStatistics`: how far to trust a fit with a value for each of many levels, from the blocks of its Jacobian.

Standard errors of every parameter, covariances of those that all levels share, and how each level's own follow from
these; a matrix of all of them is never held. Called by `solution.py`.
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
    """As `Statistics`, with `covariance` of the `shared` parameters alone, and `errors` of all, in their order.

    Of each level there is R⁻¹ of its own block of the Jacobian, in `inverses`, and R⁻¹·S in `shares`, where S are the
    shares of the shared columns in it: in the order of arrays of shapes (q, q, levels) and (q, s, levels). Statistics
    of an earlier version lack them.
    """

    kind: ClassVar[str] = "least squares by level"

    errors: tuple[float, ...]
    shared: tuple[str, ...]
    inverses: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def correlated(self) -> tuple[str, ...]:
        """The shared parameters."""
        return self.shared

    @property
    def standard_errors(self) -> dict[str, float]:
        """By parameter."""
        return dict(zip(self.parameters, self.errors, strict=True))

    def deviation_by_level(
        self, number: npt.NDArray[Any], of_levels: Array, of_shared: Array, new_sample: bool = True
    ) -> Array:
        """The standard deviation of predictions, as `prediction_deviation`.

        `number` is the level of each row, of shape (rows,); slopes are those along the parameters of its level, of
        shape (q, rows), and along the shared ones, (s, rows).

        Raises
        ------
        SettingError
            They are of an earlier version.
        """
        q, s = len(of_levels), len(of_shared)
        levels = (len(self.parameters) - s) // q
        if len(self.inverses) != q * q * levels or len(self.shares) != q * s * levels:
            raise SettingError(
                _("this model was saved by an earlier version, without what intervals of its predictions need; fit it "
                  "again")
            )  # fmt: skip
        inverses = np.array(self.inverses).reshape(q, q, levels)[:, :, number]
        shares = np.array(self.shares).reshape(q, s, levels)[:, :, number]
        own = np.einsum("jr,jkr->kr", of_levels, inverses)
        left = of_shared - np.einsum("jr,jsr->sr", of_levels, shares)
        unit = 1.0 if self.known_sigma else self.reduced_chi_square
        variance = unit * np.sum(own**2, axis=0) + np.einsum("sr,st,tr->r", left, self.covariance, left)
        return np.sqrt(variance + (unit if new_sample else 0.0))  # type: ignore[no-any-return]

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
        own = {name: tuple(plain[name]) for name in ("errors", "shared", "inverses", "shares") if name in plain}
        return super().of_plain({**plain, **own})


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
    of_all = np.full((arrow.q, arrow.q + arrow.s, arrow.levels), math.nan)  # nan of levels without rows
    of_all[:, :, arrow.present] = np.concatenate([inverse, carried], axis=1)
    names = number_names(arrow.program)
    vectors = [p.name for p in arrow.program.parameters if p.shape]
    for k in lost:
        moved = np.abs(carried[:, k]) > NOTHING
        variances[moved] = math.nan
        covariance[k, :] = covariance[:, k] = math.nan
        by = [f"{name}[...]" for name, moves in zip(vectors, moved, strict=True) if moves.any()]
        confused.append((*by, names[int(arrow.at_shared[k])]))
    variances[pivots == 0.0] = math.nan
    of_all[:, :, arrow.present[np.any(pivots == 0.0, axis=0)]] = math.nan
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
        inverses=tuple(of_all[:, : arrow.q].ravel().tolist()),
        shares=tuple(of_all[:, arrow.q :].ravel().tolist()),
    )
