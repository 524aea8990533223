"""`NetworkObjective`: the cost of a model with vectors or matrices, as a function of all its numbers in one vector.

The numbers come from generated texts on whole batches (`engines/array_sums.py`), block of rows by block of rows, so
that memory stays bounded. A Hessian is never held beyond `MOST_FACTORISED` numbers: products with it are enough for
Lanczos and for conjugate gradients. `objective_of` takes the objective that a program needs.
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
from tidu.data.disk_table import are_on_disk, read_columns
from tidu.engines.array_sums import array_rows_source, array_sums_source, directions_of, hessian_product_of
from tidu.engines.build import module_of
from tidu.engines.curvature import jacobian_of, residual_of
from tidu.engines.program import Program, number_names
from tidu.errors import SettingError
from tidu.language.array_ops import total
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluation_order
from tidu.language.simplify import ZERO
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.engine_choice import Engine
from tidu.training.judging.evaluation import inputs_from
from tidu.training.solving.answers import Answers
from tidu.training.solving.objective import MOST_FACTORISED, Objective

Array = npt.NDArray[np.float64]
BLOCK_CELLS = 4_000_000  # numbers of the widest layer that are computed at once: 32 MB
FEWEST_ROWS = 256  # of a block: fewer make products of matrices slow


def objective_of(
    program: Program,
    columns: Sequence[Any],
    engine: str = "auto",
    threads: int | None = None,
    cluster: Cluster | None = None,
    known: Answers | None = None,
) -> Objective:
    """The cost of a program on columns of shape (rows,), in the order of `program.columns`; close it when done.

    Passes that `known` has are not made again.

    Raises
    ------
    SettingError
        A solver of a network on a cluster.
    """
    if not program.of_arrays:
        return Objective(program, columns, engine, threads, cluster, known)
    if cluster is not None:
        raise SettingError(
            _(
                "a solver of a model with vectors or matrices needs all rows on one machine; leave out the cluster, or "
                "name an optimizer that descends, such as adam"
            )
        )
    return NetworkObjective(program, columns, known)


class NetworkObjective(Objective):
    """The cost of a network, with every unit kept where it has dropout.

    Parameter vectors have shape (p,): all numbers of the first parameter row by row, then those of the second ...
    """

    def __init__(self, program: Program, columns: Sequence[Any], known: Answers | None = None) -> None:
        self.program, self.known = program.without_dropout, known or Answers()
        self.on_disk = are_on_disk(columns)
        self.columns = tuple(columns if self.on_disk else inputs_from(self.program, columns))
        self.rows_count = len(columns[0])
        self.engine = Engine("array", _("whole batches in NumPy: the model has vectors"))
        self._last_triangle = None
        self.sizes = [math.prod(p.shape) for p in self.program.parameters]
        self.p = sum(self.sizes)

    def on_rows(self, chosen: npt.NDArray[Any]) -> NetworkObjective:
        """The same on some of the rows."""
        few = copy.copy(self)  # with what was derived
        parts = []
        for first in range(0, self.rows_count, CHUNK if self.on_disk else self.rows_count):
            inputs = self._inputs(first, CHUNK if self.on_disk else self.rows_count)
            begin, end = np.searchsorted(chosen, [first, first + len(inputs[0])])
            parts.append([c[chosen[begin:end] - first] for c in inputs])
        few.columns = tuple(np.ascontiguousarray(np.concatenate(each)) for each in zip(*parts, strict=True))
        few.on_disk, few.rows_count = False, len(few.columns[0])
        few.known, few._last_triangle = Answers(), None
        return few

    def close(self) -> None:
        """Nothing is held besides memory."""

    @property
    def notes(self) -> list[str]:
        """None: it is this machine that computes."""
        return []

    def _inputs(self, first: int, rows: int) -> tuple[Array, ...]:
        """What the generated texts read, of at most so many rows from `first` on."""
        rows = min(rows, self.rows_count - first)
        if not self.on_disk:
            return tuple(c[first : first + rows] for c in self.columns)
        here = np.empty((len(self.columns), rows))
        read_columns(self.columns, first, here)
        return tuple(inputs_from(self.program, [*here]))

    # -- one vector, and the parameters in their shapes ---------------------------------------------
    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each number: W1[2, 0], b1[2], b2."""
        return number_names(self.program)

    def spread(self, values: Sequence[float]) -> Array:
        """A number for each parameter, repeated for each number in it."""
        return np.repeat(np.array(values, dtype=np.float64), self.sizes)

    def parts(self, at: Array) -> tuple[Any, ...]:
        """A vector as the parameters: floats, and arrays of their shapes."""
        shapes = [p.shape for p in self.program.parameters]
        cut = np.split(at, np.cumsum(self.sizes)[:-1])
        return tuple(v.reshape(s).copy() if s else float(v[0]) for v, s in zip(cut, shapes, strict=True))

    # -- cost and slope ------------------------------------------------------------------------------
    @functools.cached_property
    def loss_source(self) -> str:
        """The text that gives the sums of the loss and of its gradient."""
        return array_sums_source(self.program, (self.program.loss, *self.program.gradient))

    def cost_and_gradient(self, at: Array) -> tuple[float, Array]:
        """J and ∇J of shape (p,)."""
        totals = self._totals(self.loss_source, 1 + self.p, at) / self.rows_count
        return float(totals[0]) + self._penalty(at), totals[1:] + self._penalty_gradient(at)

    def cost(self, at: Array) -> float:
        """J alone, without the way back."""
        total = self._totals(array_sums_source(self.program, (self.program.loss,)), 1, at)
        return float(total[0]) / self.rows_count + self._penalty(at)

    def hessian_product(self, at: Array, direction: Array) -> Array:
        """∇²J · direction, of shape (p,), at the price of about two gradients."""
        totals = self._totals(self._product_source, self.p, at, direction) / self.rows_count
        if self.program.penalty is not ZERO:
            products = hessian_product_of(self._penalty_slopes, self.program.parameters)
            totals = totals + self._of_parameters(products, at, direction)
        return totals

    @functools.cached_property
    def _product_source(self) -> str:
        p = self.program
        products = hessian_product_of(p.gradient, p.parameters)
        return array_sums_source(p, products, directions_of(p.parameters))

    def hessian(self, at: Array) -> Array:
        """∇²J, exact, of shape (p, p), product by product; of at most `MOST_FACTORISED` numbers."""
        self._check_small()
        columns = np.array([self.hessian_product(at, unit) for unit in np.eye(self.p)])
        symmetric: Array = (columns + columns.T) / 2.0
        return symmetric

    def hessian_diagonal(self, at: Array) -> Array:
        """The second derivative of J along each number; of as few."""
        return np.diag(self.hessian(at))

    @functools.cached_property
    def rows_text(self) -> str:
        """The text that gives residuals and their Jacobian."""
        residual = residual_of(self.program)
        return array_rows_source(self.program, (residual, *jacobian_of(residual, self.program.parameters)))

    # -- row by row ------------------------------------------------------------------------------------
    def values_of(self, outputs: Sequence[Expr], at: Array) -> Array:
        """Single numbers of one sample for each sample, of shape (len(outputs), rows)."""
        return np.array([v.reshape(self.rows_count) for v in self.arrays_of(outputs, at)])

    def values_in_chunks(self, outputs: Sequence[Expr], at: Array) -> Iterator[Array]:
        """The same block of rows after block."""
        for first in range(0, self.rows_count, self._block):
            inputs = self._inputs(first, self._block)
            rows = len(inputs[0])
            yield np.array([v.reshape(rows) for v in self._arrays_of(outputs, at, inputs)])

    def mean_of(self, outputs: Sequence[Expr], at: Array) -> Array:
        """The means of single numbers over all rows, of shape (len(outputs),)."""
        means: Array = self.values_of(outputs, at).mean(axis=1)
        return means

    def arrays_of(self, outputs: Sequence[Expr], at: Array) -> list[Array]:
        """Expressions of one sample for each sample, each of shape (rows, *its own)."""
        return self._arrays_of(outputs, at, self._inputs(0, self.rows_count))

    def _arrays_of(self, outputs: Sequence[Expr], at: Array, inputs: tuple[Array, ...]) -> list[Array]:
        if any(o.op.name == "placed" for o in outputs):
            return self._with_placed(outputs, at, inputs)
        found = self._call(array_rows_source(self.program, tuple(outputs)), "each_row", inputs, self.parts(at))
        varying = {*self._varying(outputs)}
        return [
            np.asarray(v, dtype=np.float64) if o in varying else np.broadcast_to(v, (len(inputs[0]), *o.shape))
            for o, v in zip(outputs, found, strict=True)
        ]

    def _with_placed(self, outputs: Sequence[Expr], at: Array, inputs: tuple[Array, ...]) -> list[Array]:
        """The same where some have one number of each sample at the place of its level, and zeros elsewhere."""
        parts = [part for o in outputs for part in (o.args if o.op.name == "placed" else (o,))]
        values = iter(self._arrays_of(parts, at, inputs))
        found = []
        for o in outputs:
            here = next(values)
            if o.op.name == "placed":
                whole = np.zeros((len(here), *o.shape))
                whole[np.arange(len(here)), next(values).astype(np.intp)] = here
                here = whole
            found.append(here)
        return found

    def _varying(self, outputs: Sequence[Expr]) -> list[Expr]:
        """Those that differ from row to row."""
        columns = {*self.program.columns}
        depends: dict[Expr, bool] = {}
        for node in evaluation_order(outputs):
            depends[node] = node in columns or any(depends[a] for a in node.args)
        return [o for o in outputs if depends[o]]

    def sample_gradients(self, at: Array) -> Array:
        """The gradient of the loss of each sample, of shape (rows, p)."""
        return self.rows_of(self.program.gradient, at)

    def _every_row(self, at: Array) -> tuple[Array, Array]:
        return self._residuals_and_slopes(at, self._inputs(0, self.rows_count))

    def _residuals_and_slopes(self, at: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        """The weighted residuals of some rows, of shape (rows,), and their Jacobian, of shape (rows, p)."""
        residual = residual_of(self.program)
        slopes = jacobian_of(residual, self.program.parameters)
        first, *rest = self._arrays_of([residual, *slopes], at, inputs)
        return np.asarray(first), np.concatenate([v.reshape(len(first), -1) for v in rest], axis=1)

    def _triangle(self, at: Array) -> Array:
        """By LAPACK, for p may be some hundreds: like all of a network's numbers it has the bits of the library."""

        def computed() -> Array:
            upper = np.zeros((0, 1 + self.p))
            rows = max(FEWEST_ROWS, min(CHUNK, BLOCK_CELLS // self.p))
            for first in range(0, self.rows_count, rows):
                residuals, jacobian = self._residuals_and_slopes(at, self._inputs(first, rows))
                block = np.concatenate([upper, np.column_stack([residuals, jacobian])])
                if not np.all(np.isfinite(block)):
                    return np.full((1 + self.p, 1 + self.p), math.nan)
                upper = np.asarray(np.linalg.qr(block, mode="r"))
            return upper

        return self.known.given(self.rows_text, at, (1 + self.p, 1 + self.p), self.rows_count * self.p, computed)

    def residuals(self, at: Array) -> Array:
        """The weighted residuals alone; see `Objective.residuals`."""
        if self.is_long:
            return super().residuals(at)
        found: Array = self.values_of([residual_of(self.program)], at)[0]
        return found

    def residual_curvature(self, at: Array) -> Array:
        """Σ r·∂²r over all rows: what the Hessian has besides JᵀJ; 0 beyond `MOST_FACTORISED` numbers."""
        if self.p > MOST_FACTORISED:
            return np.zeros((self.p, self.p))
        factor = self.program.residual_factor
        assert factor is not None
        _r, rows = self.residuals_and_jacobian(at)
        return self.hessian(at) * self.rows_count / (2.0 * factor) - rows.T @ rows

    def quadratic(self, at: Array) -> tuple[float, Array, Array]:
        """J, ∇J and ∇²J; of at most `MOST_FACTORISED` numbers."""
        return *self.cost_and_gradient(at), self.hessian(at)

    @functools.cached_property
    def is_linear(self) -> bool:
        """Whether no slope of the score depends on a parameter: a single layer."""
        score = self.program.score
        whole = total(score, attrs=(tuple(range(len(score.shape))), False)) if score.shape else score
        slopes = {*evaluation_order(gradient(whole, self.program.parameters))}
        return not any(parameter in slopes for parameter in self.program.parameters)

    def rows_of(self, slopes: Sequence[Expr], at: Array) -> Array:
        """Slopes in the shapes of the parameters as one row for each sample, of shape (rows, p)."""
        parts = [v.reshape(self.rows_count, -1) for v in self.arrays_of(slopes, at)]
        return np.concatenate(parts, axis=1)

    # -- the penalty -------------------------------------------------------------------------------------
    def _penalty(self, at: Array) -> float:
        return 0.0 if self.program.penalty is ZERO else float(self._of_parameters([self.program.penalty], at)[0])

    def _penalty_gradient(self, at: Array) -> Array:
        if self.program.penalty is ZERO:
            return np.zeros(self.p)
        return self._of_parameters(self._penalty_slopes, at)

    @functools.cached_property
    def _penalty_slopes(self) -> tuple[Expr, ...]:
        return gradient(self.program.penalty, self.program.parameters)

    def _of_parameters(self, outputs: Sequence[Expr], at: Array, direction: Array | None = None) -> Array:
        """Expressions that read no column, side by side; one that is 0 has its parameter's shape."""
        program = self.program
        directions = () if direction is None else directions_of(program.parameters)
        source = array_rows_source(program, tuple(outputs), directions, of_data=False)
        given = self.parts(at) + (() if direction is None else self.parts(direction))
        found = self._call(source, "each_row", (), given)
        if len(outputs) != len(program.parameters):
            return np.array([float(v) for v in found])
        return np.concatenate(
            [np.broadcast_to(v, p.shape).ravel() for v, p in zip(found, program.parameters, strict=True)]
        )

    # -- running the texts ---------------------------------------------------------------------------------
    def _check_small(self) -> None:
        assert self.p <= MOST_FACTORISED, "products with the Hessian are for more numbers"

    @functools.cached_property
    def _block(self) -> int:
        """Rows that are computed at once."""
        nodes = evaluation_order([self.program.loss, *self.program.gradient])
        widest = max(math.prod(n.shape) for n in nodes if len(n.shape) < 2)
        return max(FEWEST_ROWS, BLOCK_CELLS // widest)

    def _totals(self, source: str, numbers: int, at: Array, direction: Array | None = None) -> Array:
        """The so many numbers that a text of sums gives, over all rows, side by side."""
        place = at if direction is None else np.concatenate([at, direction])
        work = self.rows_count * self.p
        return self.known.given(source, place, (numbers,), work, lambda: self._sum_of(source, at, direction))

    def _sum_of(self, source: str, at: Array, direction: Array | None) -> Array:
        given = self.parts(at) + (() if direction is None else self.parts(direction))
        total: Array | None = None
        for first in range(0, self.rows_count, self._block):
            found = self._call(source, "sums", self._inputs(first, self._block), given)
            whole = np.concatenate([np.ravel(v) for v in found])
            total = whole if total is None else total + whole
        assert total is not None, "a table has a row"
        return total

    @staticmethod
    def _call(source: str, name: str, columns: Sequence[Array], given: tuple[Any, ...]) -> Sequence[Any]:
        with np.errstate(all="ignore"):
            found: Sequence[Any] = getattr(module_of(source, name), name)(columns, given)
        return found
