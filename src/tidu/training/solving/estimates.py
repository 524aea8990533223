"""`Estimates`: what every fit that ends at a minimum can say of its parameters, from the covariance of their estimates.

`statistics.py` has it of least squares, `likelihood.py` of counts and classes, `robust.py` of losses that are neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from tidu.text import _

Array = npt.NDArray[np.float64]
LEVEL = 0.95  # of confidence, unless another is asked for


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Of a fit at its minimum.

    Attributes
    ----------
    covariance : of the estimates, of shape (p, p), in the order of `parameters`; nan where the data cannot tell.
    rows : samples; where `--counts` says how many a row stands for, all of these.
    rank : parameters that the data determine.
    confused : groups of parameters that cannot be told apart, or that have no effect.
    linear : parameters of which 0 takes a term out of the formula, so that a test against 0 has a meaning.
    """

    kind: ClassVar[str] = ""

    parameters: tuple[str, ...]
    values: tuple[float, ...]
    covariance: Array
    rows: int
    rank: int
    confused: tuple[tuple[str, ...], ...] = field(default=())
    linear: tuple[str, ...] = ()

    @property
    def degrees_of_freedom(self) -> int:
        """Rows less the parameters that they determine."""
        return self.rows - self.rank

    @property
    def is_normal(self) -> bool:
        """Whether estimates are compared with the normal distribution, and not with Student's t."""
        return False

    @property
    def standard_errors(self) -> dict[str, float]:
        """By parameter; nan where the data cannot tell it from others."""
        return dict(zip(self.parameters, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def correlated(self) -> tuple[str, ...]:
        """The parameters that `covariance` and `correlation` are of, in their order."""
        return self.parameters

    @property
    def correlation(self) -> Array:
        """Of the estimates, of shape (p, p)."""
        deviations = np.sqrt(np.diag(self.covariance))
        with np.errstate(all="ignore"):
            return self.covariance / np.outer(deviations, deviations)  # type: ignore[no-any-return]

    def quantile(self, level: float = LEVEL) -> float:
        """How many standard errors an interval reaches to each side: Student's t, or normal."""
        from scipy.special import ndtri, stdtrit

        share = 0.5 + level / 2.0
        if self.is_normal:
            return float(ndtri(share))
        return float(stdtrit(self.degrees_of_freedom, share)) if self.degrees_of_freedom > 0 else math.nan

    def joint_quantile(self, together: int, level: float = LEVEL) -> float:
        """How far a region of several parameters reaches: √(m·F), or √χ² of the normal; of one, `quantile`."""
        from scipy.special import chdtri, fdtri

        if together == 1:
            return self.quantile(level)
        if self.is_normal:
            return math.sqrt(float(chdtri(together, 1.0 - level)))
        freedom = self.degrees_of_freedom
        return math.sqrt(together * float(fdtri(together, freedom, level))) if freedom > 0 else math.nan

    def confidence_intervals(self, level: float = LEVEL) -> dict[str, tuple[float, float]]:
        """By parameter: value ± quantile · standard error (Wald 1943)."""
        reach = self.quantile(level)
        errors = self.standard_errors.values()
        return {
            name: (value - reach * error, value + reach * error)
            for name, value, error in zip(self.parameters, self.values, errors, strict=True)
        }

    def tests(self) -> dict[str, tuple[float, float]]:
        """Of each parameter that enters linearly, value / standard error, and how likely more is where it is 0."""
        from scipy.special import ndtr, stdtr

        found = {}
        for name, value, error in zip(self.parameters, self.values, self.standard_errors.values(), strict=True):
            if name not in self.linear or not error > 0.0:
                continue
            ratio = value / error
            if self.is_normal:
                found[name] = ratio, float(2.0 * ndtr(-abs(ratio)))
            elif self.degrees_of_freedom > 0:
                found[name] = ratio, float(2.0 * stdtr(self.degrees_of_freedom, -abs(ratio)))
        return found

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

    def facts(self) -> list[tuple[str, str]]:
        """Names with what there is to say of each, besides the parameters."""
        return []

    def to_dict(self, level: float = LEVEL) -> dict[str, Any]:
        """Plain values, for JSON."""
        correlation, names, tests = self.correlation, self.correlated, self.tests()
        return {
            "errors_of": self.kind,
            "standard_errors": self.standard_errors,
            "confidence_level": level,
            "confidence_intervals": {n: list(ends) for n, ends in self.confidence_intervals(level).items()},
            ("z_values" if self.is_normal else "t_values"): {name: ratio for name, (ratio, _p) in tests.items()},
            "p_values": {name: p for name, (_ratio, p) in tests.items()},
            "correlations": {
                a: {b: float(correlation[i, j]) for j, b in enumerate(names)} for i, a in enumerate(names)
            },
            "degrees_of_freedom": self.degrees_of_freedom,
            "rank": self.rank,
            "not_identified": [list(group) for group in self.confused],
        }

    def plain(self) -> dict[str, Any]:
        """What a file holds, and `of_plain` takes."""
        found: dict[str, Any] = {"kind": self.kind}
        for f in fields(self):
            value = getattr(self, f.name)
            found[f.name] = value.tolist() if isinstance(value, np.ndarray) else _as_lists(value)
        return found

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `plain`."""
        given = {name: value for name, value in plain.items() if name != "kind"}
        return cls(
            **{
                **given,
                "parameters": tuple(given["parameters"]),
                "values": tuple(given["values"]),
                "covariance": np.array(given["covariance"], dtype=np.float64),
                "confused": tuple(tuple(group) for group in given["confused"]),
                "linear": tuple(given.get("linear", ())),
            }
        )


def _as_lists(value: Any) -> Any:
    return [_as_lists(v) for v in value] if isinstance(value, tuple) else value


Inverse = Callable[[Array], tuple[Array, int, Array]]


def inverse_of(matrix: Array) -> tuple[Array, int, Array]:
    """The inverse of a symmetric, positive matrix, how many directions it knows, and those that it does not.

    In units in which its diagonal is 1; directions are rows, of shape (p − rank, p).
    """
    diagonal = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    units = np.where(diagonal > 0.0, diagonal, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(units, units))
    known = values > len(matrix) * 4.0 * np.finfo(np.float64).eps * max(float(values[-1]), 1e-300)
    half = vectors[:, known] / np.sqrt(values[known]) / units[:, None]
    return half @ half.T, int(np.sum(known)), vectors[:, ~known].T
