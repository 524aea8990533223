"""`Objective`: a program on a table as a function of its parameters, with every derivative that anybody asks for.

For models of single numbers; `network.py` has the same for vectors and matrices, and `objective_of`, which chooses.
The numbers come from generated loops (`engines/curvature.py`), run as plain Python where the work is short and
compiled where it is not; chunk by chunk, so that it does not matter where the rows are (`row_chunks.py`). Everything
is a mean over all rows, with the penalty added, unless it says sum.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.connecting import Cluster
from tidu.engines.curvature import (
    direction_of,
    hessian_of,
    hessian_product_of,
    is_linear_in,
    jacobian_of,
    linear_in,
    residual_curvature_of,
    residual_of,
    rows_source,
    sums_source,
    target_of,
)
from tidu.engines.durations import plain_seconds_of_rows, seconds_to_compile
from tidu.engines.program import Program
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate_all, symbols
from tidu.language.simplify import ZERO
from tidu.runtime.summation import CHUNK
from tidu.training.engine_choice import Engine, engine_for_seconds
from tidu.training.solving.answers import Answers
from tidu.training.solving.row_chunks import ChunkSums, RowChunks

Array = npt.NDArray[np.float64]
PASSES = 100  # over the data, about as many as a solver makes: what `auto` weighs the compiler against
FUNCTIONS = 3  # that a solver asks for: residuals, gradient, second derivatives
MOST_FACTORISED = 200  # parameters for which a Hessian is factorised
LONG_PASS = 2_000_000  # rows × numbers of a network, from which a pass is felt, for a solver makes hundreds
MOST_JACOBIAN = 500  # numbers of a network for which a Jacobian is decomposed at every step
MOST_SECOND_DERIVATIVES = 130  # written out one by one; beyond these, the Hessian comes column by column


class Objective:
    """The cost of `program` on columns of shape (rows,), given in the order of `program.columns`.

    Parameter vectors are arrays of shape (p,), in the order of `program.parameters`. `threads` share the chunks of long
    data, or the workers of `cluster` do; passes that `known` has are not made again.
    """

    def __init__(
        self,
        program: Program,
        columns: Sequence[Any],
        engine: str = "auto",
        threads: int | None = None,
        cluster: Cluster | None = None,
        known: Answers | None = None,
    ) -> None:
        self.program, self.rows_count = program, len(columns[0])
        self.penalty = program.penalty
        outputs = [program.loss, *program.gradient]
        seconds = PASSES * plain_seconds_of_rows(self.rows_count, outputs)
        self.may_choose = engine == "auto"
        self.engine: Engine = engine_for_seconds(engine, seconds, seconds_to_compile(outputs, FUNCTIONS))
        self._rows = RowChunks(columns, self.engine.name == "compiled")
        self._chunks = ChunkSums(self._rows, threads, cluster, known)
        self.columns = tuple(columns)
        self.p = len(program.parameters)
        self._last_triangle: tuple[bytes, Array] | None = None

    def close(self) -> None:
        """Let go of the workers of a cluster."""
        self._chunks.close()

    @property
    def notes(self) -> list[str]:
        """Who computed, where a cluster was to."""
        return self._chunks.notes

    @property
    def is_long(self) -> bool:
        """Whether there is more than a chunk of rows: of these no Jacobian is held."""
        return self.rows_count > CHUNK

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each of the p numbers."""
        return self.program.parameter_names

    def spread(self, values: Sequence[float]) -> Array:
        """A number for each parameter as one for each of the p numbers."""
        return np.array(values, dtype=np.float64)

    @staticmethod
    def flat(values: Sequence[Any]) -> Array:
        """The values of the parameters as one vector, of shape (p,)."""
        if all(type(v) is float for v in values):
            return np.array(values)
        return np.concatenate([np.ravel(v) for v in values]).astype(np.float64)

    def parts(self, at: Array) -> tuple[Any, ...]:
        """A vector as the values of the parameters, in their shapes."""
        return tuple(at.tolist())

    def on_rows(self, chosen: npt.NDArray[Any]) -> Objective:
        """The same on some of the rows, by their numbers, which rise."""
        parts = []
        for chunk in self._rows.chunks:
            begin, end = np.searchsorted(chosen, [chunk.first, chunk.first + chunk.count])
            if end > begin:
                here = chosen[begin:end] - chunk.first
                parts.append(np.array([np.asarray(c)[here] for c in self._rows.read(chunk)]))
        return Objective(self.program, [*np.concatenate(parts, axis=1)], "python")

    def on_some_rows(self, most: int) -> Objective:
        """The same on at most so many rows, evenly among all."""
        return self.on_rows(
            np.unique(np.linspace(0, self.rows_count - 1, min(most, self.rows_count)).round().astype(int))
        )

    def with_penalty(self, penalty: Expr) -> Objective:
        """The same loss with another penalty, a function of the parameters."""
        new = copy.copy(self)
        new.penalty = penalty
        for derived in ("_penalty_slopes", "_penalty_bends"):
            vars(new).pop(derived, None)
        return new

    # -- cost and slope --------------------------------------------------------------------------
    @functools.cached_property
    def loss_source(self) -> str:
        """The text that gives the loss and its gradient."""
        return sums_source(self.program, [self.program.loss, *self.program.gradient])

    def cost_and_gradient(self, at: Array) -> tuple[float, Array]:
        """J and ∇J of shape (p,)."""
        totals = self._sums(self.loss_source, at, 1 + self.p) / self.rows_count
        return float(totals[0]) + self._penalty(at), totals[1:] + self.penalty_gradient(at)

    def cost(self, at: Array) -> float:
        """J alone."""
        return self.cost_and_gradient(at)[0]

    def costs_apart(self, at: Array, others: Array) -> Array:
        """J where one parameter alone has its value of `others`: for each of them, of shape (p,)."""
        return np.array([self.cost(np.where(np.arange(self.p) == k, others, at)) for k in range(self.p)])

    def mean_of(self, outputs: Sequence[Expr], at: Array) -> Array:
        """The mean over all rows of expressions of one sample, of shape (len(outputs),)."""
        return self._sums(sums_source(self.program, outputs), at, len(outputs)) / self.rows_count

    def values_of(self, outputs: Sequence[Expr], at: Array) -> Array:
        """Expressions of one sample for each sample, of shape (len(outputs), rows)."""
        return self._values(rows_source(self.program, outputs), at, len(outputs))

    def values_in_chunks(self, outputs: Sequence[Expr], at: Array) -> Iterator[Array]:
        """The same chunk after chunk."""
        return self._chunks.values(rows_source(self.program, outputs), len(outputs), at)

    def slopes_in_chunks(self, at: Array, *more: Expr) -> Iterator[Array]:
        """The slopes of the score along all parameters, then more of each sample, likewise."""
        return self.values_in_chunks([*jacobian_of(self.program.score, self.program.parameters), *more], at)

    def sample_gradients(self, at: Array) -> Array:
        """∂ℓ/∂ each parameter of each sample, of shape (rows, p)."""
        return self.values_of(self.program.gradient, at).T

    # -- least squares ---------------------------------------------------------------------------
    @property
    def squares_factor(self) -> float | None:
        """The c of a cost that is c times the mean of squared residuals; None of any other."""
        return self.program.residual_factor

    @functools.cached_property
    def rows_text(self) -> str:
        """The text that gives residuals and their Jacobian."""
        residual = residual_of(self.program)
        return rows_source(self.program, [residual, *jacobian_of(residual, self.program.parameters)])

    def residuals_and_jacobian(self, at: Array) -> tuple[Array, Array]:
        """The weighted residuals r = ŷ − y, of shape (rows,), and their Jacobian J, of shape (rows, p).

        Of more than one chunk p + 1 rows in their place, with the same rᵀr, Jᵀr and JᵀJ: R of the QR factorisation of
        (r J). Whatever least squares asks (a step, a condition, standard errors), these answer like all the rows.
        """
        if not self.is_long:
            return self._every_row(at)
        if self._last_triangle is None or self._last_triangle[0] != at.tobytes():
            self._last_triangle = at.tobytes(), self._triangle(at)
        upper = self._last_triangle[1]
        return upper[:, 0], upper[:, 1:]

    @functools.cached_property
    def _remembered(self) -> dict[bytes, tuple[Array, Array | None]]:
        return {}

    def remember(self, at: Array, upper: Array, inverse: Array | None) -> None:
        """What was computed at a point: R of the QR factorisation of (J r), of shape (p + 1, p + 1).

        `inverse` is that of J's part of it, unless it has lost digits.
        """
        self._remembered[at.tobytes()] = upper, inverse

    def judged_at(self, at: Array) -> tuple[Array, Array]:
        """As `residuals_and_jacobian`, with few rows in the place of all where a factorisation is remembered."""
        upper, _inverse = self._remembered.get(at.tobytes(), (None, None))
        return self.residuals_and_jacobian(at) if upper is None else (upper[:, -1], upper[:, :-1])

    def inverse_at(self, at: Array) -> Array | None:
        """The inverse of R of the Jacobian's QR factorisation, where a good one is remembered."""
        return self._remembered.get(at.tobytes(), (None, None))[1]

    def _every_row(self, at: Array) -> tuple[Array, Array]:
        outputs = self._values(self.rows_text, at, 1 + self.p)
        return outputs[0], outputs[1:].T

    def _triangle(self, at: Array) -> Array:
        return self._chunks.triangle(self.rows_text, 1 + self.p, at)

    def residuals(self, at: Array) -> Array:
        """The weighted residuals alone, of shape (rows,); of more than one chunk as `residuals_and_jacobian`."""
        if self.is_long:
            return self.residuals_and_jacobian(at)[0]
        residuals: Array = self._values(self._residuals_source, at, 1)[0]
        return residuals

    @functools.cached_property
    def _residuals_source(self) -> str:
        return rows_source(self.program, [residual_of(self.program)])

    @functools.cached_property
    def squares_around_a_constant(self) -> float:
        """Σ of the squared deviations of the target from its mean, in the unit of the residuals."""
        target = target_of(self.program)
        for column, values in zip(self.program.columns, self.columns, strict=True):
            if column is target and not (self.is_long or self._rows.on_disk):
                deviations = values - np.add.reduce(values) / self.rows_count
                return float(deviations @ deviations)
        anywhere = np.zeros(self.p)  # for it has no parameters
        mean = sum(part[0].sum() for part in self.values_in_chunks([target], anywhere)) / self.rows_count
        return sum(float((part[0] - mean) @ (part[0] - mean)) for part in self.values_in_chunks([target], anywhere))

    def residual_curvature(self, at: Array) -> Array:
        """Σ r·∂²r over all rows, of shape (p, p); 0 beyond the parameters for which it is written out."""
        if self.p * (self.p + 1) // 2 > MOST_SECOND_DERIVATIVES:
            return np.zeros((self.p, self.p))
        return _symmetric(self._sums(self._curvature_source, at, self.p * (self.p + 1) // 2), self.p)

    @functools.cached_property
    def _curvature_source(self) -> str:
        return sums_source(self.program, residual_curvature_of(self.program))

    def quadratic(self, at: Array) -> tuple[float, Array, Array]:
        """J, ∇J and ∇²J; of least squares from the Jacobian, which keeps more digits.

        Beyond `MOST_FACTORISED` parameters the diagonal stands for the Hessian.
        """
        factor = self.program.residual_factor
        few = self.p * (self.p + 1) // 2 <= MOST_SECOND_DERIVATIVES
        written = self.is_linear or (few and self.penalty is ZERO)
        if factor is None or self.p > MOST_FACTORISED or not written:
            cost, slope = self.cost_and_gradient(at)
            return cost, slope, self.hessian(at) if self.p <= MOST_FACTORISED else np.diag(self.hessian_diagonal(at))
        residuals, jacobian = self.residuals_and_jacobian(at)
        bend = 0.0 if self.is_linear else self.residual_curvature(at)
        scale = factor / self.rows_count
        with np.errstate(all="ignore"):
            cost = scale * float(residuals @ residuals)
            slope, whole = 2.0 * scale * (jacobian.T @ residuals), 2.0 * scale * (jacobian.T @ jacobian + bend)
        if self.penalty is ZERO:
            return cost, slope, whole
        return cost + self._penalty(at), slope + self.penalty_gradient(at), whole + self._penalty_hessian(at)

    @functools.cached_property
    def is_linear(self) -> bool:
        """Whether no slope of the score depends on a parameter."""
        return is_linear_in(self.program.score, self.program.parameters)

    @functools.cached_property
    def linear(self) -> list[int]:
        """The places of a set of parameters no slope of which depends on another of the set."""
        return [*linear_in(self.program.score, self.program.parameters)]

    # -- curvature -------------------------------------------------------------------------------
    def hessian(self, at: Array) -> Array:
        """∇²J, exact, of shape (p, p)."""
        if self.p * (self.p + 1) // 2 > MOST_SECOND_DERIVATIVES:
            columns = np.array([self.hessian_product(at, unit) for unit in np.eye(self.p)])
            symmetric: Array = (columns + columns.T) / 2.0
            return symmetric
        totals = self._sums(self._hessian_source, at, self.p * (self.p + 1) // 2)
        return _symmetric(totals / self.rows_count, self.p) + self._penalty_hessian(at)

    @functools.cached_property
    def _hessian_source(self) -> str:
        return sums_source(self.program, hessian_of(self.program.gradient, self.program.parameters))

    def hessian_diagonal(self, at: Array) -> Array:
        """The second derivative of J along each parameter, of shape (p,)."""
        return self.mean_of(self._second_derivatives, at) + np.diag(self._penalty_hessian(at))

    @functools.cached_property
    def _second_derivatives(self) -> tuple[Expr, ...]:
        pairs = zip(self.program.gradient, self.program.parameters, strict=True)
        return tuple(gradient(slope, [parameter])[0] for slope, parameter in pairs)

    def hessian_product(self, at: Array, direction: Array) -> Array:
        """∇²J · direction, of shape (p,), at the price of a few gradients."""
        both = np.concatenate([at, direction])
        return self._sums(self._product_source, both, self.p) / self.rows_count + self._penalty_hessian(at) @ direction

    @functools.cached_property
    def _product_source(self) -> str:
        p = self.program
        return sums_source(p, hessian_product_of(p.gradient, p.parameters), direction_of(p.parameters))

    # -- the penalty: a function of the parameters alone ---------------------------------------------
    def _penalty(self, at: Array) -> float:
        return 0.0 if self.penalty is ZERO else self._values_at([self.penalty], at)[0]

    @functools.cached_property
    def _penalty_slopes(self) -> tuple[Expr, ...]:
        return gradient(self.penalty, self.program.parameters)

    def penalty_gradient(self, at: Array) -> Array:
        """The slope of the penalty, of shape (p,)."""
        return np.array(self._values_at(self._penalty_slopes, at))

    @functools.cached_property
    def _penalty_bends(self) -> dict[tuple[int, int], Expr]:
        """The second derivatives by the numbers of two parameters: 0 but for these, and those of levels of one."""
        numbers = {p: k for k, p in enumerate(self.program.parameters)}
        return {
            (k, numbers[p]): bend
            for k, slope in enumerate(self._penalty_slopes)
            for inside in [symbols([slope], "parameter")]
            for p, bend in zip(inside, gradient(slope, inside), strict=True)
        }

    def _penalty_hessian(self, at: Array) -> Array:
        whole = np.zeros((self.p, self.p))
        bends = self._penalty_bends
        if bends:
            whole[tuple(np.array([*bends]).T)] = self._values_at([*bends.values()], at)
        return whole

    def _values_at(self, outputs: Sequence[Expr], at: Array) -> list[float]:
        return evaluate_all(outputs, dict(zip(self.program.parameters, at.tolist(), strict=True)))

    # -- running the texts -------------------------------------------------------------------------
    def _sums(self, source: str, at: Array, outputs: int) -> Array:
        return self._chunks.sums(source, outputs, at)

    def _values(self, source: str, at: Array, outputs: int) -> Array:
        parts = [*self._chunks.values(source, outputs, at)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _symmetric(triangle: Array, p: int) -> Array:
    """The matrix whose upper triangle is given row by row."""
    matrix = np.empty((p, p))
    matrix[np.triu_indices(p)] = triangle
    return np.triu(matrix) + np.triu(matrix, 1).T if p else matrix


def all_finite(*values: float | Array) -> bool:
    """Whether everything is a finite number."""
    return all(math.isfinite(v) if isinstance(v, float) else bool(np.isfinite(v).all()) for v in values)
