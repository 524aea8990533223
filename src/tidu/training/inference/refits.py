"""Many refits of one model side by side: other weights or other targets for each, all from the same start.

Every expression is evaluated for all refits at once, as an array of shape (refits, rows), and all take their damped
Newton step together (least squares: Marquardt 1963, with the Jacobian; other losses with the exact Hessian). Called by
the bootstrap and the jackknife.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tidu.engines.curvature import hessian_of, jacobian_of
from tidu.engines.program import Program
from tidu.language.expr import Expr, symbols
from tidu.training.judging.undefined import values_of_nodes
from tidu.training.solving.convergence import Bounds
from tidu.training.solving.distances import Distances

Array = npt.NDArray[np.float64]
CELLS = 200_000  # refits × rows that are held at once: a few of these arrays fit into the cache
MOST_STEPS = 200
ENOUGH = 1e-12  # of the cost: what a step must still gain
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e10
EASIER, HARDER = 0.2, 8.0  # factors of the damping after a step that is taken, and after one that is not


@dataclass(frozen=True)
class Refitted:
    """The ends of the refits.

    Attributes
    ----------
    parameters : of shape (refits, p).
    covariances : by the curvature at each end, of shape (refits, p, p); of least squares with the variance that is
        estimated there, unless the deviations of the samples are known.
    converged : which refits came to a minimum, of shape (refits,).
    """

    parameters: Array
    covariances: Array
    converged: npt.NDArray[np.bool_]


class Refits:
    """Refits of `program` on columns of shape (rows,), in the order of `program.columns`."""

    def __init__(
        self, program: Program, columns: Sequence[Array], bounds: Bounds | None = None, known_sigma: bool = False
    ) -> None:
        self.program, self.bounds, self.known_sigma = program, bounds, known_sigma
        self.columns = dict(zip(program.columns, columns, strict=True))
        self.rows = len(columns[0])
        self.p = len(program.parameters)
        self.upper = np.triu_indices(self.p)
        self.least_squares = program.residual_factor is not None
        if self.least_squares:
            assert program.target is not None
            self.outputs: list[Expr] = [program.score, *jacobian_of(program.score, program.parameters)]
            self.target = self._of_columns(program.target)
            self.root = np.ones(self.rows) if program.weight is None else np.sqrt(self._of_columns(program.weight))
        else:
            slopes = program.gradient
            self.outputs = [program.loss, *slopes, *hessian_of(slopes, program.parameters)]

    def _of_columns(self, output: Expr) -> Array:
        given = {c: self.columns[c] for c in symbols([output], "feature", "target", "weight")}
        return np.broadcast_to(values_of_nodes([output], given)[output], (self.rows,)).astype(np.float64)

    def fitted(
        self,
        start: Array,
        refits: int,
        weights: Callable[[int, int], Array] | None = None,
        targets: Callable[[int, int], Array] | None = None,
        told: Callable[[int], None] | None = None,
    ) -> Refitted:
        """The ends of so many refits from `start`, of shape (p,).

        Parameters
        ----------
        weights, targets : give those of the refits from one number to another, of shape (count, rows); weights count
            besides those of the samples, targets are of least squares.
        told : called with the number of refits that are done, after each part of them.
        """
        part = max(1, min(refits, CELLS // self.rows))
        ends = []
        for first in range(0, refits, part):
            last = min(first + part, refits)
            w = None if weights is None else weights(first, last)
            y = None if targets is None else targets(first, last)
            with np.errstate(all="ignore"):
                ends.append(self._part(np.tile(start, (last - first, 1)), w, y))
            if told is not None:
                told(last)
        return Refitted(
            np.concatenate([end.parameters for end in ends]),
            np.concatenate([end.covariances for end in ends]),
            np.concatenate([end.converged for end in ends]),
        )

    def at(self, best: Array) -> tuple[Array, Array, Array]:
        """Predictions, weighted residuals ŷ − y and leverages of least squares, each of shape (rows,)."""
        given: dict[Expr, Array | float] = {q: float(v) for q, v in zip(self.program.parameters, best, strict=True)}
        values = values_of_nodes(self.outputs, given | self.columns)
        found = [np.broadcast_to(values[o], (self.rows,)) for o in self.outputs]
        jacobian = np.stack([f * self.root for f in found[1:]], axis=1)
        lengths = np.linalg.norm(jacobian, axis=0)
        q, _r = np.linalg.qr(jacobian / np.where(lengths > 0.0, lengths, 1.0))
        return found[0], (found[0] - self.target) * self.root, np.sum(q**2, axis=1)

    def _part(self, at: Array, weights: Array | None, targets: Array | None) -> Refitted:
        count = len(at)
        damping = np.full(count, FIRST_DAMPING)
        cost, slope, curvature = self._model(at, weights, targets)
        active = np.isfinite(cost)
        converged = np.zeros(count, dtype=bool)
        for _step in range(MOST_STEPS):
            going = np.flatnonzero(active)
            if not len(going):
                break
            step, gain = self._steps(at[going], slope[going], curvature[going], damping[going])
            done = gain <= ENOUGH * np.abs(cost[going])
            converged[going[done]] = True
            active[going[done]] = False
            going, step = going[~done], step[~done]
            if not len(going):
                break
            new = at[going] + step
            if self.bounds is not None:
                new = np.clip(new, *self.bounds)
            some_w = None if weights is None else weights[going]
            some_y = None if targets is None else targets[going]
            new_cost, new_slope, new_curvature = self._model(new, some_w, some_y)
            finite = np.isfinite(new_cost) & np.all(np.isfinite(new_slope), axis=1)
            better = finite & (new_cost <= cost[going] * (1.0 + 1e-15))
            taken, kept = going[better], going[~better]
            at[taken], cost[taken], slope[taken] = new[better], new_cost[better], new_slope[better]
            curvature[taken] = new_curvature[better]
            damping[taken] = np.maximum(damping[taken] * EASIER, LEAST_DAMPING)
            damping[kept] *= HARDER
            active[kept[damping[kept] > MOST_DAMPING]] = False
        return Refitted(at, self._covariances(cost, curvature), converged)

    def _steps(self, at: Array, slope: Array, curvature: Array, damping: Array) -> tuple[Array, Array]:
        """The damped Newton steps, and what the undamped ones would gain; nothing along parameters held by bounds."""
        diagonal = np.maximum(np.abs(np.einsum("bkk->bk", curvature)), 1e-300)
        unit = 1.0 / np.sqrt(diagonal)
        scaled = curvature * unit[:, :, None] * unit[:, None, :]
        g = slope * unit
        if self.bounds is not None:
            held = ((at <= self.bounds[0]) & (slope > 0.0)) | ((at >= self.bounds[1]) & (slope < 0.0))
            scaled = np.where(held[:, :, None] | held[:, None, :], 0.0, scaled)
            g = np.where(held, 0.0, g)
        eye = np.eye(self.p)
        values, vectors = np.linalg.eigh(np.where(np.isfinite(scaled), scaled, eye))
        along = np.einsum("bkj,bk->bj", vectors, np.where(np.isfinite(g), g, 0.0))
        size = np.maximum(np.abs(values), 1e-12 * np.max(np.abs(values), axis=1, keepdims=True) + 1e-300)
        gain = 0.5 * np.sum(along**2 / size, axis=1)
        steps = -np.einsum("bkj,bj->bk", vectors, along / (size + damping[:, None]))
        return steps * unit, gain

    def _model(self, at: Array, weights: Array | None, targets: Array | None) -> tuple[Array, Array, Array]:
        """Cost, slope and curvature of each refit, as sums over the rows: shapes (b,), (b, p), (b, p, p)."""
        count = len(at)
        given: dict[Expr, Array | float] = {q: at[:, k, None] for k, q in enumerate(self.program.parameters)}
        given |= self.columns
        values = values_of_nodes(self.outputs, given)
        found = [np.broadcast_to(values[o], (count, self.rows)) for o in self.outputs]
        if not self.least_squares:
            sums = [np.sum(f if weights is None else f * weights, axis=1) for f in found]
            whole = np.empty((count, self.p, self.p))
            for (i, j), total in zip(zip(*self.upper, strict=True), sums[1 + self.p :], strict=True):
                whole[:, i, j] = whole[:, j, i] = total
            return sums[0], np.stack(sums[1 : 1 + self.p], axis=1), whole
        y = self.target if targets is None else targets
        root = self.root if weights is None else self.root * np.sqrt(weights)
        residual = (found[0] - y) * root
        jacobian = np.stack([f * root for f in found[1:]], axis=2)
        slope = np.einsum("bnk,bn->bk", jacobian, residual)
        return 0.5 * np.sum(residual**2, axis=1), slope, np.matmul(jacobian.transpose(0, 2, 1), jacobian)

    def _covariances(self, cost: Array, curvature: Array) -> Array:
        """The inverse of the curvature; of least squares times the variance about the curve."""
        inverse: Array = np.linalg.pinv(np.where(np.isfinite(curvature), curvature, 0.0), hermitian=True)
        if self.least_squares and not self.known_sigma:
            return inverse * (2.0 * cost / max(self.rows - self.p, 1))[:, None, None]
        return inverse


class RefitsOfDistances(Refits):
    """Refits where x has errors too: of the squared distances of rows to the curve, each with its own nearest point."""

    def __init__(self, distances: Distances, bounds: Bounds | None = None) -> None:
        self.distances, self.program, self.bounds, self.known_sigma = distances, distances.program, bounds, True
        self.rows, self.p = distances.rows, distances.p
        self.least_squares = False  # rows are drawn whole: there is no residual of y alone

    def _model(self, at: Array, weights: Array | None, targets: Array | None) -> tuple[Array, Array, Array]:
        """As of `Refits`; the curvature is that of the distances' slopes, as of least squares."""
        d, curves = self.distances, at.shape[:-1]
        shifts = d.feet(at)
        known = d.known(at, shifts)
        curve, *slopes = d.values([d.score, *d.slopes_w], known, curves)
        w = np.ones(1) if weights is None else weights
        pull = w * (curve - d.y) / d.variance
        slope = np.einsum("kbn,bn->bk", np.stack(slopes), pull)
        jacobian = np.stack(slopes, axis=2) * np.sqrt(w / d.variance_ahead(known, curves))[:, :, None]
        cost = 0.5 * np.sum(w * d.squares(at, shifts), axis=1)
        return cost, slope, np.matmul(jacobian.transpose(0, 2, 1), jacobian)
