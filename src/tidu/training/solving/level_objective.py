"""`LevelObjective`: the cost of a model with a parameter for each of some levels, written out, computed level by level.

A row reads the parameters of its own level alone. So the generated texts are those of one level's model, with its
parameters as columns (`arrow.py`), however many levels there are; what is asked of all parameters is put together from
them in NumPy. Made for `lm` by `solution_of`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.cluster.connecting import Cluster
from tidu.engines.curvature import jacobian_of, linear_in
from tidu.engines.program import Program
from tidu.language.expr import Expr
from tidu.language.simplify import ZERO
from tidu.training.solving.answers import Answers
from tidu.training.solving.arrow import Arrow, fits_arrow, in_vectors
from tidu.training.solving.objective import Objective

Array = npt.NDArray[np.float64]


def level_objective_of(
    program: Program,
    columns: Sequence[Any],
    engine: str = "auto",
    threads: int | None = None,
    cluster: Cluster | None = None,
    known: Answers | None = None,
) -> LevelObjective | None:
    """The objective of a program of least squares with enough levels of one column; None of another."""
    grouped = in_vectors(program)
    if grouped is program or program.penalty is not ZERO or not fits_arrow(grouped, columns):
        return None
    return LevelObjective(Arrow(grouped, columns), program, columns, engine, threads, cluster, known)


class LevelObjective(Objective):
    """As `Objective`; `arrow` has the same rows by levels."""

    def __init__(self, arrow: Arrow, program: Program, columns: Sequence[Any], *given: Any) -> None:
        super().__init__(program, columns, *given)
        self.arrow = arrow

    def residuals_and_jacobian(self, at: Array) -> tuple[Array, Array]:
        """p + 1 rows that stand for all rows, as `Objective` has them of long data: the triangles of the arrow."""
        if self._last_triangle is None or self._last_triangle[0] != at.tobytes():
            self._last_triangle = at.tobytes(), self._triangle(at)
        upper = self._last_triangle[1]
        return upper[:, -1], upper[:, :-1]

    def _triangle(self, at: Array) -> Array:
        """R of (J r), of shape (p + 1, p + 1): a few rows for each level, then those of what all share."""
        arrow = self.arrow
        blocks = arrow.decomposed(*arrow.residuals_and_slopes(at))
        upper = np.zeros((self.p + 1, self.p + 1))
        rows = np.arange(arrow.q * len(arrow.present)).reshape(arrow.q, -1)
        for j, of_block in enumerate(rows):
            for k in range(j, arrow.q):
                upper[of_block, arrow.at_levels[k, arrow.present]] = blocks.factor[j, k]
            upper[of_block[:, np.newaxis], arrow.at_shared] = blocks.factor[j, arrow.q : -1].T
            upper[of_block, -1] = blocks.factor[j, -1]
        seen, lengths, triangle = blocks.shared()
        below = np.arange(rows.size, rows.size + len(triangle))
        upper[below[:, np.newaxis], arrow.at_shared[seen]] = triangle[:, :-1] * lengths
        upper[below, -1] = triangle[:, -1]
        return upper

    def residuals(self, at: Array) -> Array:
        """The weighted residuals alone, as `residuals_and_jacobian` has them."""
        return self.residuals_and_jacobian(at)[0]

    def cost_and_gradient(self, at: Array) -> tuple[float, Array]:
        """J and ∇J of shape (p,)."""
        found = self.arrow.residuals_and_slopes(at)
        return self._scale * float(found[0] @ found[0]), 2.0 * self._scale * self.arrow.gradient(*found)

    def cost(self, at: Array) -> float:
        """J alone."""
        residuals = self.arrow.residuals(at)
        return self._scale * float(residuals @ residuals)

    def costs_apart(self, at: Array, others: Array) -> Array:
        """Of all levels at once, for each has rows of its own."""
        arrow = self.arrow
        squares = arrow.sums(arrow.residuals(at) ** 2)
        found = np.full(self.p, self._scale * float(squares.sum()))
        for places in arrow.at_levels:
            moved = at.copy()
            moved[places] = others[places]
            apart = arrow.sums(arrow.residuals(moved) ** 2)
            for k, place in enumerate(places[arrow.present].tolist()):
                found[place] = self._scale * float(squares[:k].sum() + apart[k] + squares[k + 1 :].sum())
        for place in arrow.at_shared.tolist():
            found[place] = self.cost(np.where(np.arange(self.p) == place, others, at))
        return found

    def slopes_in_chunks(self, at: Array, *more: Expr) -> Iterator[Array]:
        """The slopes of the score along all parameters, then more of each row; in one part."""
        arrow = self.arrow
        slopes = jacobian_of(arrow.one_row.score, [*arrow.local.values(), *arrow.one_row.parameters])
        found = arrow.values([*slopes, *more], at)
        q, size = arrow.q, len(slopes)
        yield np.concatenate([self._along_all(found[:q], found[q:size]), arrow.in_order(found[size:])])

    @functools.cached_property
    def is_linear(self) -> bool:
        """Whether no slope of the score depends on a parameter."""
        return self.arrow.is_linear

    @functools.cached_property
    def linear(self) -> list[int]:
        """The places of parameters no slope of which depends on another of them; of a level as of every other."""
        arrow = self.arrow
        of_levels, of_shared = iter(arrow.at_levels), iter(arrow.at_shared[:, np.newaxis])
        places = [next(of_levels if p.shape else of_shared) for p in arrow.program.parameters]
        read = [arrow.local.get(p, p) for p in arrow.program.parameters]
        return sorted(k for one in linear_in(arrow.one_row.score, tuple(read)) for k in places[one].tolist())

    @property
    def _scale(self) -> float:
        factor = self.program.residual_factor
        assert factor is not None
        return factor / self.rows_count

    def _along_all(self, of_levels: Array, of_shared: Array) -> Array:
        """Slopes of rows by level as slopes along every parameter, of shape (p, rows), in the order of the data."""
        whole = np.zeros((self.p, self.rows_count))
        for places, slopes in zip(self.arrow.at_levels, of_levels, strict=True):
            whole[places[self.arrow.number], self.arrow.order] = slopes
        whole[self.arrow.at_shared[:, np.newaxis], self.arrow.order] = of_shared
        return whole
