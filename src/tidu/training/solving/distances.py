"""How far rows are from a curve in x and y at once: an objective of the parameters alone.

For given parameters the shift δ of a row's x to the nearest point of the curve is its own small problem. The slope of
the row's distance needs no derivative of δ (the envelope theorem), and its curvature only that which follows from the
row's own second derivatives (the implicit function theorem). So whatever takes an `Objective` takes this one too.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.data.table import Table
from tidu.engines.curvature import jacobian_of
from tidu.engines.node_values import values_of_nodes
from tidu.engines.program import Program
from tidu.errors import DataError
from tidu.language.expr import Expr, symbols
from tidu.text import _
from tidu.training.settings import Settings
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]
FEET = 100  # steps to the nearest point of a curve, at most
HALVINGS = 30
NEAR = 1e-14  # of a standard deviation of x: a step to the nearest point that is none


class Distances(Objective):
    """The mean square of the distances of rows from the curve of `program`, in units of their errors.

    Parameter vectors have shape (p,); `feet` and what it needs take shape (k, p) too, for k curves at once.
    """

    def __init__(self, program: Program, table: Table, settings: Settings) -> None:
        super().__init__(program, [table[c.name] for c in program.columns], "python")
        assert program.target is not None
        assert settings.sigma is not None
        self.parameters = program.parameters
        self.sigmas = deviations_of(settings, program, table)
        self.given = {c: np.asarray(table[c.name], dtype=np.float64) for c in program.columns if c.role != "weight"}
        self.rows = table.rows
        self.y = self.values([program.target], self.given, ())[0]
        self.variance = np.asarray(table[settings.sigma], dtype=np.float64) ** 2
        self.score = program.score
        self.moved = list(self.sigmas)
        self.slopes_x = jacobian_of(program.score, self.moved)
        self.slopes_w = jacobian_of(program.score, program.parameters)
        self.shifts = np.zeros((len(self.moved), self.rows))

    def values(self, outputs: Sequence[Expr], known: Mapping[Expr, Any], curves: tuple[int, ...]) -> Array:
        """Expressions of one row for each row, of shape (outputs, *curves, rows)."""
        found, shape = values_of_nodes(outputs, known), (*curves, self.rows)
        return np.stack([np.broadcast_to(np.asarray(found[o], dtype=np.float64), shape) for o in outputs])

    def known(self, at: Array, shifts: Array) -> dict[Expr, Any]:
        """What every symbol is at these parameters and shifts."""
        moved = {c: self.given[c] + shift for c, shift in zip(self.moved, shifts, strict=True)}
        numbers = at.tolist() if at.ndim == 1 else at.T[..., None]
        return {**self.given, **moved, **dict(zip(self.parameters, numbers, strict=True))}

    def squares(self, at: Array, shifts: Array) -> Array:
        """The squared distance of each row to the points of the curve at these shifts; infinite where it has none."""
        (curve,) = self.values([self.score], self.known(at, shifts), at.shape[:-1])
        total = (self.y - curve) ** 2 / self.variance
        for shift, sigma in zip(shifts, self.sigmas.values(), strict=True):
            total = total + np.divide(shift**2, sigma**2, out=np.zeros(total.shape), where=sigma > 0)
        return np.asarray(np.where(np.isfinite(total), total, np.inf))

    def feet(self, at: Array) -> Array:
        """The shifts δ to the nearest points of the curve, of shape (features, rows), or (features, k, rows)."""
        curves = at.shape[:-1]
        variances = np.stack([s**2 for s in self.sigmas.values()]).reshape(-1, *(1 for _k in curves), self.rows)
        shifts = np.zeros((len(self.moved), *curves, self.rows)) if curves else self.shifts.copy()
        squares = self.squares(at, shifts)
        for _k in range(FEET):
            curve, *slopes = self.values([self.score, *self.slopes_x], self.known(at, shifts), curves)
            slope = np.stack(slopes)
            ahead = self.y - curve + np.sum(slope * shifts, axis=0)
            wanted = variances * slope * ahead / (self.variance + np.sum(variances * slope**2, axis=0))
            step = np.where(np.isfinite(wanted), wanted - shifts, 0.0)
            for _h in range(HALVINGS):
                there = self.squares(at, shifts + step)
                worse = there > squares
                if not worse.any():
                    break
                step = np.where(worse, step / 2.0, step)
            better = there < squares
            if not better.any():
                break
            moved = np.max(np.abs(step) / np.maximum(np.sqrt(variances), 1e-300), axis=0, initial=0.0)
            shifts, squares = np.where(better, shifts + step, shifts), np.where(better, there, squares)
            if float(np.max(moved)) < NEAR:
                break
        if not curves:
            self.shifts = shifts  # where the next search begins
        return shifts

    # -- what least squares asks ---------------------------------------------------------------------
    def residuals(self, at: Array) -> Array:
        """The signed distance of each row, of shape (rows,)."""
        shifts = self.feet(at)
        (curve,) = self.values([self.score], self.known(at, shifts), ())
        return np.asarray(np.copysign(np.sqrt(self.squares(at, shifts)), curve - self.y))

    def jacobian(self, at: Array) -> Array:
        """The slopes of the distances along the parameters, of shape (rows, p)."""
        known = self.known(at, self.feet(at))
        slopes = self.values(self.slopes_w, known, ())
        return np.asarray((slopes / np.sqrt(self.variance_ahead(known, ()))).T)

    def variance_ahead(self, known: Mapping[Expr, Any], curves: tuple[int, ...]) -> Array:
        """The variance of y − f that the errors of y and of x make together, of shape (*curves, rows)."""
        slopes = self.values(self.slopes_x, known, curves)
        return np.asarray(self.variance + sum(s**2 * g**2 for s, g in zip(self.sigmas.values(), slopes, strict=True)))

    def residuals_and_jacobian(self, at: Array) -> tuple[Array, Array]:
        """The signed distances, of shape (rows,), and their slopes, of shape (rows, p)."""
        return self.residuals(at), self.jacobian(at)

    # -- what every solver asks ------------------------------------------------------------------------
    @property
    def squares_factor(self) -> float | None:
        """The cost is the mean of the squared distances."""
        return 1.0

    @functools.cached_property
    def is_linear(self) -> bool:
        """Never: the nearest point moves with the curve."""
        return False

    def cost_and_gradient(self, at: Array) -> tuple[float, Array]:
        """J and ∇J of shape (p,)."""
        shifts = self.feet(at)
        curve, *slopes = self.values([self.score, *self.slopes_w], self.known(at, shifts), ())
        pull = (curve - self.y) / self.variance
        return float(np.mean(self.squares(at, shifts))), 2.0 / self.rows * (np.stack(slopes) @ pull)

    def quadratic(self, at: Array) -> tuple[float, Array, Array]:
        """J, ∇J and ∇²J, exact: each row's curvature is what its own shift leaves of it (Schur's complement)."""
        cost, slope = self.cost_and_gradient(at)
        p, units = len(self.parameters), np.stack([np.ones(self.rows), *self.sigmas.values()])
        place = [0] * p + list(range(1, len(self.moved) + 1))  # by which unit each slope is multiplied
        with np.errstate(all="ignore"):
            outputs = [self.score, *self.slopes_w, *self.slopes_x, *self._seconds]
            found = self.values(outputs, self.known(at, self.shifts), ())
            q = len(place)
            first = found[1 : 1 + q] * units[place]
            second = found[1 + q :].reshape(q, q, self.rows) * units[place][:, None] * units[place][None, :]
            whole = (first[:, None] * first[None, :] - (self.y - found[0]) * second) / self.variance
            rows = np.moveaxis(whole, 2, 0)
            across, along = rows[:, :p, p:], rows[:, p:, p:] + np.eye(q - p)
            if not (np.all(np.isfinite(rows)) and np.all(np.linalg.det(along) > 0.0)):
                return cost, slope, np.full((p, p), np.nan)
            left = rows[:, :p, :p] - across @ np.linalg.solve(along, np.swapaxes(across, 1, 2))
        return cost, slope, 2.0 / self.rows * np.sum(left, axis=0)

    @functools.cached_property
    def _seconds(self) -> list[Expr]:
        """The second derivatives of the curve, along parameters and moved features, row by row."""
        both = (*self.parameters, *self.moved)
        return [h for slope in (*self.slopes_w, *self.slopes_x) for h in jacobian_of(slope, both)]


def deviations_of(settings: Settings, program: Program, table: Table) -> dict[Expr, Array]:
    """The standard deviation of each feature that has errors, by row.

    Raises
    ------
    SettingError, DataError
        A name is no feature, or a deviation is negative.
    """
    features = {c.name: c for c in program.columns if c.role == "feature" and c in symbols([program.score], "feature")}
    found = {}
    for name, column in settings.errors_in_x(list(features)).items():
        values = np.asarray(table[column], dtype=np.float64)
        bad = np.flatnonzero(~(values >= 0.0))
        if bad.size:
            raise DataError(
                _("a standard deviation is 0 or more; '{name}' has {value:g} in row {row}").format(
                    name=column, value=values[bad[0]], row=int(bad[0]) + 1
                )
            )
        found[features[name]] = values
    return found
