"""The bootstrap: how estimates scatter over data drawn anew, from the rows or from the residuals of the fit.

Efron & Tibshirani 1993: percentiles (ch. 13), BCa, whose acceleration is the jackknife's (ch. 14), and the studentized
interval (ch. 12). Residuals are drawn divided by √(1 − leverage), so that they scatter as errors do (Davison & Hinkley
1997, sec. 6.2). Each draw has a stream of random numbers of its own, so that how they are shared out changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.language.calculus import gradient
from tidu.language.expr import Expr
from tidu.language.quantities import Quantity
from tidu.text import _
from tidu.training.inference.refits import Refits, Refitted
from tidu.training.judging.undefined import values_of_nodes
from tidu.training.solving.estimates import LEVEL

Array = npt.NDArray[np.float64]
STREAM = 7  # of random numbers, besides the seed
MOST_LEFT_OUT = 400  # rows or groups of rows that the jackknife leaves out one after another
FEW_ROWS = 10  # from which as many can be drawn in enough ways (see benchmarks/intervals.py)
ENOUGH = 0.9  # share of the refits that must have come to a minimum
RESIDUALS, CASES = "residuals", "cases"
KINDS = ("percentile", "bca", "studentized")


@dataclass(frozen=True)
class Bootstrap:
    """Estimates over data drawn anew, of parameters and of what follows from them.

    Attributes
    ----------
    names : of the parameters, then of derived quantities: q in all.
    best, errors : the estimates of the fit and their standard errors, of shape (q,).
    values, each_error : those of each draw, of shape (draws, q).
    left_out : estimates without some of the rows each, of shape (groups, q).
    resample : `residuals` or `cases`.
    rows : of the data.
    failed : how many refits came to no minimum, and are not among the values.
    """

    names: tuple[str, ...]
    best: Array
    errors: Array
    values: Array
    each_error: Array
    left_out: Array
    resample: str
    rows: int
    failed: int = 0

    @property
    def kind(self) -> str:
        """Which ends are taken where nobody says: studentized for residuals, BCa for cases."""
        return "studentized" if self.resample == RESIDUALS else "bca"

    def standard_errors(self) -> dict[str, float]:
        """The standard deviation of the draws, by name."""
        return dict(zip(self.names, np.std(self.values, axis=0, ddof=1).tolist(), strict=True))

    def ends(self, level: float = LEVEL, kind: str | None = None) -> dict[str, tuple[float, float]]:
        """The ends of an interval of each, by name; `kind` is `percentile`, `bca` or `studentized`."""
        kind = kind or self.kind
        if kind not in KINDS:
            raise SettingError(
                _("ends of a bootstrap are {kinds}, not '{value}'").format(kinds=", ".join(KINDS), value=kind)
            )
        ends = {"percentile": self._percentile, "bca": self._bca, "studentized": self._studentized}[kind]
        found = [ends(k, 0.5 - level / 2.0) for k in range(len(self.names))]
        return dict(zip(self.names, found, strict=True))

    def _percentile(self, k: int, tail: float) -> tuple[float, float]:
        low, high = np.quantile(self.values[:, k], [tail, 1.0 - tail])
        return float(low), float(high)

    def _bca(self, k: int, tail: float) -> tuple[float, float]:
        from scipy.special import ndtr, ndtri

        values, best = self.values[:, k], self.best[k]
        below = (np.sum(values < best) + 0.5 * np.sum(values == best)) / len(values)
        shift = ndtri(np.clip(below, 0.5 / len(values), 1.0 - 0.5 / len(values)))
        pull = np.mean(self.left_out[:, k]) - self.left_out[:, k]
        size = np.sum(pull**2) ** 1.5
        bend = np.sum(pull**3) / (6.0 * size) if size > 0.0 else 0.0
        z = shift + ndtri(np.array([tail, 1.0 - tail]))
        low, high = np.quantile(values, ndtr(shift + z / (1.0 - bend * z)))
        return float(low), float(high)

    def _studentized(self, k: int, tail: float) -> tuple[float, float]:
        with np.errstate(all="ignore"):
            ratios = (self.values[:, k] - self.best[k]) / self.each_error[:, k]
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios) < ENOUGH * len(self.values):  # so often a refit says nothing of how sure it is
            return math.nan, math.nan
        low, high = np.quantile(ratios, [tail, 1.0 - tail])
        return float(self.best[k] - high * self.errors[k]), float(self.best[k] - low * self.errors[k])

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "resample": self.resample, "draws": len(self.values), "failed": self.failed, "kind": self.kind,
            "standard_errors": self.standard_errors(),
            **{kind: {n: list(e) for n, e in self.ends(level, kind).items()} for kind in KINDS},
        }  # fmt: skip


def bootstrap_of(
    refits: Refits,
    best: Array,
    quantities: Mapping[str, Quantity],
    draws: int,
    seed: int,
    resample: str | None = None,
    told: Callable[[int], None] | None = None,
) -> Bootstrap:
    """So many refits of data drawn anew, from the minimum `best` of shape (p,).

    Parameters
    ----------
    resample : `cases` draws rows, `residuals` gives each row's prediction the residual of another; by default the
        residuals of least squares, and else the cases.
    told : called with the number of refits that are done.

    Raises
    ------
    SettingError
        Residuals of a loss that is no least squares; too few of the refits come to a minimum.
    """
    if resample == RESIDUALS and not refits.least_squares:
        raise SettingError(_("only least squares has residuals to draw from; use --resample cases"))
    resample = resample or (RESIDUALS if refits.least_squares else CASES)
    rows = refits.rows
    if resample == RESIDUALS:
        targets = _targets(refits, best, seed)
        drawn = refits.fitted(best, draws, targets=targets, told=told)
    else:
        drawn = refits.fitted(best, draws, weights=lambda a, b: _counts(a, b, rows, seed), told=told)
    good = drawn.converged
    if np.sum(good) < ENOUGH * draws:
        raise SettingError(
            _("of {draws} refits to data drawn anew only {good} came to a minimum: the data are too few for the "
              "formula, or its start is needed; use --intervals profile").format(draws=draws, good=int(np.sum(good)))
        )  # fmt: skip
    groups = min(rows, MOST_LEFT_OUT)
    left_out = refits.fitted(best, groups, weights=lambda a, b: _without_one(a, b, rows, groups))
    itself = refits.fitted(best, 1)
    parameters = refits.program.parameters
    values, each_error = _with_quantities(drawn, parameters, quantities)
    at_best, errors = _with_quantities(itself, parameters, quantities)
    jackknife = _with_quantities(left_out, parameters, quantities)[0][left_out.converged]
    names = (*(p.name for p in parameters), *quantities)
    return Bootstrap(
        names, at_best[0], errors[0], values[good], each_error[good],
        jackknife if len(jackknife) else at_best, resample, rows, int(np.sum(~good)),
    )  # fmt: skip


def _counts(first: int, last: int, rows: int, seed: int) -> Array:
    """How often each row is among as many that are drawn, for each draw, of shape (last − first, rows)."""
    drawn = (np.random.default_rng([seed, STREAM, k]).integers(0, rows, rows) for k in range(first, last))
    return np.array([np.bincount(chosen, minlength=rows) for chosen in drawn], dtype=np.float64)


def _without_one(first: int, last: int, rows: int, groups: int) -> Array:
    """Weights that leave out every row whose number, modulo `groups`, is that of the draw."""
    kept: Array = (np.arange(rows) % groups != np.arange(first, last)[:, None]).astype(np.float64)
    return kept


def _targets(refits: Refits, best: Array, seed: int) -> Callable[[int, int], Array]:
    """Targets drawn anew: each prediction with the residual of a row that is drawn, in the unit of its own weight."""
    predicted, residuals, leverages = refits.at(best)
    scattered = residuals / np.sqrt(np.maximum(1.0 - leverages, 1e-6))
    scattered = scattered - np.mean(scattered)

    def drawn(first: int, last: int) -> Array:
        places = [np.random.default_rng([seed, STREAM, k]).integers(0, refits.rows, refits.rows)
                  for k in range(first, last)]  # fmt: skip
        targets: Array = predicted - scattered[np.array(places)] / refits.root
        return targets

    return drawn


def _with_quantities(
    refitted: Refitted, parameters: Sequence[Expr], quantities: Mapping[str, Quantity]
) -> tuple[Array, Array]:
    """Parameters and derived quantities of each refit, and their standard errors: two of shape (refits, q)."""
    at, covariances = refitted.parameters, refitted.covariances
    values = [at]
    errors = [np.sqrt(np.maximum(np.einsum("bkk->bk", covariances), 0.0))]
    given: dict[Expr, Array | float] = {p: at[:, k] for k, p in enumerate(parameters)}
    for quantity in quantities.values():
        slopes = gradient(quantity.value, parameters)
        found = values_of_nodes([quantity.value, *slopes], given)
        g = np.stack([np.broadcast_to(found[s], (len(at),)) for s in slopes], axis=1)
        variance = np.einsum("bk,bkj,bj->b", g, covariances, g)
        values.append(np.broadcast_to(found[quantity.value], (len(at),))[:, None])
        errors.append(np.sqrt(np.maximum(variance, 0.0))[:, None])
    return np.concatenate(values, axis=1), np.concatenate(errors, axis=1)


def notes_on_bootstrap(bootstrap: Bootstrap) -> list[str]:
    """What a person should know of the draws."""
    notes = []
    if bootstrap.rows < FEW_ROWS:
        notes.append(
            _("{rows} rows are few to draw from: intervals by the bootstrap are then too short; prefer --intervals "
              "profile")
            .format(rows=bootstrap.rows)
        )  # fmt: skip
    unknown = [name for name, (low, high) in bootstrap.ends().items() if math.isnan(low + high)]
    if unknown:
        notes.append(
            _("the bootstrap has no ends for {names}: most refits to data drawn anew do not determine them; prefer "
              "--intervals profile").format(names=", ".join(unknown))
        )  # fmt: skip
    if not bootstrap.failed:
        return notes
    return [
        *notes,
        _("of {draws} refits to data drawn anew {failed} came to no minimum, and are left out").format(
            draws=len(bootstrap.values) + bootstrap.failed, failed=bootstrap.failed
        ),
    ]
