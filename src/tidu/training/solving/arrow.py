"""`Arrow`: least squares of a model whose parameters have a value for each of many levels, `a[city]`.

A row depends on the parameters of its own level and on those that all share, so the Jacobian has the shape of an arrow:
a block for each level, and a few full columns. Each block is taken out of the shared columns, and of the residuals, by
orthogonalisation within its own rows; what is left is a small problem of the shared parameters alone (Golub & Pereyra
1973; Björck 1996, ch. 6.3). Nothing of the size levels × levels is ever formed. An L2 penalty is rows more: of levels
that it draws together each deviates from a mean, which is one more number that all share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tidu.data.disk_table import are_on_disk
from tidu.engines.array_sums import array_rows_source
from tidu.engines.build import module_of
from tidu.engines.curvature import residual_of, rows_source
from tidu.engines.durations import plain_seconds_of_rows, seconds_to_compile
from tidu.engines.program import Program, number_names
from tidu.language.array_ops import entry
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluation_order, substitute, symbol
from tidu.language.simplify import ZERO
from tidu.text import _
from tidu.training.engine_choice import Engine, engine_for_seconds
from tidu.training.solving.objective import FUNCTIONS, PASSES
from tidu.training.solving.row_chunks import RowChunks

Array = npt.NDArray[np.float64]
FEWEST = 5  # levels, written out, of which the arrow is quicker than the Jacobian
NOTHING = 1e-12  # of a column's length: what is left of one that depends on those before it


def fits_arrow(program: Program, columns: Sequence[Any]) -> bool:
    """Whether these are least squares in memory, and every vector is of the levels of one and the same column."""
    vectors = [p for p in program.parameters if p.shape]
    if not vectors or are_on_disk(columns):
        return False
    plain = program.residual_factor is not None and not program.regularisation.l1 and not program.masks
    if not (plain and all(p.name in program.by_level for p in vectors)) or program.score.shape:
        return False
    return len({program.by_level[p.name].column for p in vectors}) == 1


def in_vectors(program: Program) -> Program:
    """The program with the levels of one column in vectors, those that are written out and worth it; else itself."""
    fewest = FEWEST if program.penalty is ZERO else 1
    groups = [g for g in program.by_level.values() if len(g.levels) >= fewest and not g.parameters[0].shape]
    column = max(groups, key=lambda g: len(g.levels)).column if groups else None
    groups = [g for g in groups if g.column == column]
    learned = {*program.parameters}
    if not groups or not all(p in learned for g in groups for p in g.parameters):
        return program
    number = groups[0].number
    vectors = {g.name: symbol(g.name, "parameter", shape=(len(g.levels),)) for g in groups}
    entries = {g.chosen(): entry(vectors[g.name], number) for g in groups}
    called = {p: vectors[g.name] for g in groups for p in g.parameters}
    parameters = tuple(dict.fromkeys(called.get(p, p) for p in program.parameters))
    score, loss = substitute(program.score, entries), substitute(program.loss, entries)
    penalised = program.regularisation.penalise
    if penalised is not None:
        if any(0 < sum(p.name in penalised for p in g.parameters) < len(g.parameters) for g in groups):
            return program
        penalised = tuple(dict.fromkeys(called[p].name if p in called else p.name for p in program.parameters
                                        if p.name in penalised))  # fmt: skip
    regularisation = replace(program.regularisation, penalise=penalised)
    found = replace(program, parameters=parameters, score=score, loss=loss, regularisation=regularisation)
    left = {*evaluation_order([loss])} & called.keys()  # a level that stands elsewhere too
    return program if left or number_names(found) != program.parameter_names else found


def with_entries(program: Program, of: Mapping[Expr, Expr], columns: Sequence[Expr] = ()) -> Program:
    """The program with a symbol in place of the entry of each vector; what is no column is a parameter."""
    entries = {n: of[n.args[0]] for n in evaluation_order([program.loss]) if n.op.name == "entry"}
    parameters = tuple(of.get(p, p) for p in program.parameters)
    learned = tuple(p for p in parameters if p not in columns)
    score, loss = substitute(program.score, entries), substitute(program.loss, entries)
    slope, *partials = gradient(loss, [score, *learned])
    return replace(
        program, parameters=learned, columns=(*program.columns, *columns), score=score, prediction=score, loss=loss,
        slope=slope, gradient=tuple(partials), by_level={}, penalty=ZERO,
    )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """The step of a linear least-squares problem: of the levels' parameters, shape (q, levels), and of the shared."""

    of_levels: Array
    of_shared: Array
    gain: float  # what it would take away from Σr² if the model were linear


class Arrow:
    """The residuals of a program on columns of shape (rows,), and their Jacobian by blocks.

    `at` is a vector as `NetworkObjective` has it. There are q vectors of parameters, each with a number for each of the
    levels, and s numbers that all share: the other parameters, then the means of the levels that a penalty draws
    together. The rows of a penalty stand behind those of the data, of which there are `rows_count`; `rows` is all.
    """

    def __init__(self, program: Program, columns: Sequence[Array]) -> None:
        self.program = program
        vectors = [p for p in program.parameters if p.shape]
        self.levels, self.q = vectors[0].shape[0], len(vectors)
        self.local = {p: symbol(p.name, "feature") for p in vectors}
        number = next(n.args[1] for n in evaluation_order([program.score]) if n.op.name == "entry")
        columns = [np.asarray(c, dtype=np.float64) for c in columns]
        self.columns = columns
        numbers = columns[list(program.columns).index(number)].astype(np.intp)
        self.order = np.argsort(numbers, kind="stable")  # rows of one level stand together
        self.number = numbers[self.order]
        one_row = with_entries(program, self.local, tuple(self.local.values()))
        self.residual = residual_of(one_row)
        self.slopes = gradient(self.residual, [*self.local.values(), *one_row.parameters])
        sizes = [math.prod(p.shape) for p in program.parameters]
        ends = np.cumsum(sizes)
        self.at_levels = np.array([np.arange(e - n, e) for p, n, e in zip(program.parameters, sizes, ends, strict=True)
                                   if p.shape])  # fmt: skip
        self.at_shared = np.array([e - 1 for p, e in zip(program.parameters, ends, strict=True) if not p.shape],
                                  dtype=np.intp)  # fmt: skip
        self.size = int(ends[-1])
        self.one_row, self.rows_count = one_row, len(numbers)
        self._penalty = _PenaltyRows.of(program, self)
        every = np.concatenate([self.number, self._penalty.number])
        self._together = np.argsort(every, kind="stable")
        self.present, self.first, self.place = np.unique(every[self._together], return_index=True, return_inverse=True)
        self.s = len(one_row.parameters) + len(self._penalty.drawn)
        outputs = [self.residual, *self.slopes]
        seconds = PASSES * plain_seconds_of_rows(self.rows_count, outputs)
        engine = engine_for_seconds("auto", seconds, seconds_to_compile(outputs, FUNCTIONS))
        in_numpy = Engine("array", _("whole batches in NumPy: quicker than compiling the loop"))
        self.engine = engine if engine.name == "compiled" else in_numpy
        self._rows = RowChunks([c[self.order] for c in columns], machine_code=True)

    @property
    def is_linear(self) -> bool:
        """Whether no slope of the residuals depends on a parameter."""
        read = {*evaluation_order(self.slopes)}
        return not any(p in read for p in (*self.local.values(), *self.one_row.parameters))

    def values(self, outputs: Sequence[Expr], at: Array) -> Array:
        """Expressions of one row for each row of the data, of shape (len(outputs), rows), the rows of a level together.

        In them the parameters of the row's own level are `local`, those that all share as in the program.
        """
        columns = (*self._rows.columns, *(at[places][self.number] for places in self.at_levels))
        shared = at[self.at_shared].tolist()
        source = self._text(outputs)
        if self.engine.name == "compiled":
            return self._rows.values(source, len(outputs), shared, columns)
        with np.errstate(all="ignore"):
            found = module_of(source, "each_row").each_row(columns, tuple(shared))
        return np.array([np.broadcast_to(values, self.rows_count) for values in found], dtype=np.float64)

    def _text(self, outputs: Sequence[Expr]) -> str:
        return (
            rows_source(self.one_row, outputs)
            if self.engine.name == "compiled"
            else array_rows_source(self.one_row, tuple(outputs))
        )

    def in_order(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What has an entry for each row of the data, the rows of a level together, in the order of the data."""
        found = np.empty_like(rows)
        found[..., self.order] = rows
        return found

    def residuals(self, at: Array) -> Array:
        """Of shape (rows,), the rows of a level together."""
        found = self.values([self.residual], at)[0]
        return self._with_penalty(found, self._penalty.residuals(at))

    def residuals_and_slopes(self, at: Array) -> tuple[Array, Array, Array]:
        """Residuals, and their slopes along what has levels, (q, rows), and what is shared, (s, rows)."""
        found = self.values([self.residual, *self.slopes], at)
        found = np.concatenate([found, np.zeros((1 + self.q + self.s - len(found), self.rows_count))])
        penalty = np.concatenate([self._penalty.residuals(at)[np.newaxis], self._penalty.slopes])
        found = self._with_penalty(found, penalty)
        return found[0], found[1 : 1 + self.q], found[1 + self.q :]

    def _with_penalty(self, of_data: Array, of_penalty: Array) -> Array:
        """Rows of the data and of the penalty, those of a level together."""
        if not len(self._penalty.number):
            return of_data
        found: Array = np.concatenate([of_data, of_penalty], axis=-1)[..., self._together]
        return found

    def shared_lengths(self, of_shared: Array) -> Array:
        """How long the shared columns are, in which a step is damped; 0 for means, which follow from their levels."""
        lengths: Array = np.linalg.norm(of_shared, axis=1)
        lengths[len(self.at_shared) :] = 0.0
        return lengths

    def moved(self, at: Array, step: Step) -> Array:
        """Where a step leads."""
        new = at.copy()
        for places, by in zip(self.at_levels, step.of_levels, strict=True):
            new[places[self.present]] += by
        new[self.at_shared] += step.of_shared[: len(self.at_shared)]
        return new

    @property
    def rows_text(self) -> str:
        """The text that gives residuals and slopes of a row, with the parameters of its level as columns."""
        return self._text([self.residual, *self.slopes])

    def samples(self) -> int:
        """How many samples the rows stand for, where their weights count them."""
        weight = self.program.weight
        return self.rows_count if weight is None else round(float(np.sum(self.values([weight], np.zeros(self.size)))))

    def sums(self, values: Array) -> Array:
        """The sum over the rows of each level that has any, of shape (present,)."""
        found: Array = np.add.reduceat(values, self.first)
        return found

    def gradient(self, residuals: Array, of_levels: Array, of_shared: Array) -> Array:
        """Jᵀr, in the order of `at`."""
        found = np.zeros(self.size)
        for places, slopes in zip(self.at_levels, of_levels, strict=True):
            found[places[self.present]] = self.sums(slopes * residuals)
        found[self.at_shared] = (of_shared @ residuals)[: len(self.at_shared)]
        return found

    def decomposed(
        self, residuals: Array, of_levels: Array, of_shared: Array, damping: tuple[Array, Array] | None = None
    ) -> Blocks:
        """The blocks of the levels taken out of the shared columns and of the residuals.

        `damping` is what stands on the diagonal below the Jacobian, of shapes (q, present) and (s,).
        """
        q, count = self.q, len(self.present)
        columns = [*map(np.array, of_levels), *map(np.array, of_shared), residuals.copy()]
        below = np.zeros((len(columns), count, q))  # the rows of the damping, of each level
        if damping is not None:
            below[np.arange(q), :, np.arange(q)] = damping[0]
        factor = np.zeros((q, len(columns), count))
        for j in range(q):
            length = np.sqrt(self.sums(columns[j] ** 2) + np.sum(below[j] ** 2, axis=1))
            whole = np.sqrt(length**2 + np.sum(factor[:j, j] ** 2, axis=0))
            seen = length > NOTHING * whole
            inverse = np.where(seen, 1.0 / np.where(seen, length, 1.0), 0.0)
            factor[j, j] = np.where(seen, length, 0.0)
            direction, direction_below = columns[j] * inverse[self.place], below[j] * inverse[:, np.newaxis]
            for k in range(j + 1, len(columns)):
                along = self.sums(direction * columns[k]) + np.sum(direction_below * below[k], axis=1)
                columns[k] -= direction * along[self.place]
                below[k] -= direction_below * along[:, np.newaxis]
                factor[j, k] = along
        rest = np.array(columns[q:])
        if damping is not None:
            diagonal = np.column_stack([np.diag(damping[1]), np.zeros(self.s)]).T
            rest = np.concatenate([rest, below[q:].reshape(1 + self.s, -1), diagonal], axis=1)
        return Blocks(factor, rest, np.linalg.norm(of_shared, axis=1))


@dataclass(frozen=True)
class _PenaltyRows:
    """The L2 penalty as residuals, √κ·(a − ā) of levels and √κ·w of others: ½·l2·Σ… is c/n·κ·Σ…, κ = l2·n/(2c).

    `drawn` are the vectors that are drawn together, by their numbers among the q, `shrunk` the places in `at` of shared
    parameters that are drawn to 0; `number` is the level of each row, `slopes` of shape (q + s, rows).
    """

    root: float
    drawn: tuple[int, ...]
    at_levels: npt.NDArray[np.intp]
    shrunk: npt.NDArray[np.intp]
    number: npt.NDArray[np.intp]
    slopes: Array

    @classmethod
    def of(cls, program: Program, arrow: Arrow) -> Self:
        """Those of a program; none where it has no penalty."""
        regularisation = program.regularisation
        factor = program.residual_factor
        assert factor is not None
        root = math.sqrt(regularisation.l2 * arrow.rows_count / (2.0 * factor))
        held = [root > 0.0 and regularisation.holds_for(p) for p in program.parameters]
        is_vector = [bool(p.shape) for p in program.parameters]
        drawn = [k for k, keeps in enumerate(h for h, v in zip(held, is_vector, strict=True) if v) if keeps]
        shrunk = [k for k, keeps in enumerate(h for h, v in zip(held, is_vector, strict=True) if not v) if keeps]
        levels = arrow.levels
        slopes = np.zeros((arrow.q + len(arrow.at_shared) + len(drawn), len(drawn) * levels + len(shrunk)))
        for k, vector in enumerate(drawn):
            here = slice(k * levels, (k + 1) * levels)
            slopes[vector, here], slopes[arrow.q + len(arrow.at_shared) + k, here] = root, -root
        for k, shared in enumerate(shrunk):
            slopes[arrow.q + shared, len(drawn) * levels + k] = root
        number = np.concatenate([np.tile(np.arange(levels), len(drawn)), np.zeros(len(shrunk))]).astype(np.intp)
        at_levels = arrow.at_levels[np.array(drawn, dtype=np.intp)]
        return cls(root, tuple(drawn), at_levels, arrow.at_shared[np.array(shrunk, dtype=np.intp)], number, slopes)

    def residuals(self, at: Array) -> Array:
        """Of shape (rows,)."""
        levels = at[self.at_levels]
        return self.root * np.concatenate([(levels - levels.mean(axis=1, keepdims=True)).ravel(), at[self.shrunk]])


@dataclass(frozen=True)
class Blocks:
    """A Jacobian beside its residuals, with the blocks of the levels taken out.

    `factor` is the triangle of each level, of shape (q, q + s + 1, present), whose last columns are the shares of the
    shared parameters and of the residuals; `rest` what these are without, of shape (s + 1, rows); `lengths` how long
    the shared columns were, of shape (s,).
    """

    factor: Array
    rest: Array
    lengths: Array

    @property
    def q(self) -> int:
        """How many parameters each level has."""
        return len(self.factor)

    def shared(self) -> tuple[npt.NDArray[np.intp], Array, Array]:
        """The shared columns of which the levels leave something, by number; their lengths, and R of [columns, r]."""
        left = np.linalg.norm(self.rest[:-1], axis=1)
        seen = np.flatnonzero(left > NOTHING * self.lengths)
        scaled = (self.rest[seen] / left[seen, np.newaxis]).T
        triangle: Any = np.linalg.qr(np.column_stack([scaled, self.rest[-1]]), mode="r")
        return seen, left[seen], triangle

    def step(self) -> Step:
        """The least-squares step; what nothing determines stays."""
        s = len(self.rest) - 1
        moved, along = np.zeros(s), np.zeros(0)
        seen, lengths, triangle = self.shared()
        if len(seen):
            along = triangle[: len(seen), -1]
            moved[seen] = np.linalg.lstsq(triangle[: len(seen), :-1], -along, rcond=NOTHING)[0] / lengths
        of_levels = -self.factor[:, -1]
        for k in range(s):
            of_levels = of_levels - moved[k] * self.factor[:, self.q + k]
        return Step(self._solved(of_levels), moved, float(np.sum(self.factor[:, -1] ** 2) + along @ along))

    def _solved(self, right: Array) -> Array:
        """The triangles of the levels, solved for right sides of shape (q, ...); 0 where one is singular."""
        found = np.zeros_like(right)
        for j in reversed(range(self.q)):
            above = np.array(right[j])
            for k in range(j + 1, self.q):
                above -= self.factor[j, k] * found[k]
            pivot = self.factor[j, j]
            found[j] = np.where(pivot > 0.0, above / np.where(pivot > 0.0, pivot, 1.0), 0.0)
        return found

    def inverse_of_levels(self) -> Array:
        """The inverse of the triangle of each level, of shape (q, q, present)."""
        units = np.eye(self.q)[:, :, np.newaxis] + np.zeros(self.factor.shape[-1])
        return np.stack([self._solved(units[:, k]) for k in range(self.q)], axis=1)
