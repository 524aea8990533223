"""One step of a loop, read block by block as numbers: `TracedValue`, `Trace`, and the reader of loops on numbers.

A column of samples is computed at a time (`batch_values`), to the bits of the loop. Called by `trace`; `tile_reader`
reads loops over tiles.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.schedules import EPOCH, REDUCTION, STEP
from tidu.engines.batch_values import Operations, running, sum_of_chunk
from tidu.engines.program import Program
from tidu.engines.statements import (
    Accumulate,
    Assignment,
    Block,
    Call,
    Mean,
    Nested,
    Reassignment,
    Statement,
    StopUnlessFinite,
    Summed,
    Update,
)
from tidu.engines.writer import LoopText
from tidu.language.expr import Expr, evaluation_order
from tidu.runtime.summation import CHUNK

Array = npt.NDArray[Any]
GROUP = 1000  # names in one sum, as the loop adds them up to see whether they are finite


@dataclass(frozen=True)
class StepState:
    """What a step begins with: parameters and the optimizer's state in the order of the program, step and epoch.

    `reduction` is the factor that plateaus of the loss have left of the learning rate.
    """

    parameters: tuple[Any, ...]  # floats, or arrays
    optimizer: tuple[Any, ...]
    step: int = 0
    epoch: int = 0
    reduction: float = 1.0


@dataclass(frozen=True)
class TracedValue:
    """One name with its value, as one statement leaves it."""

    name: str  # as in the text
    value: Any  # a float; of vectors and matrices an array
    node: Expr | None  # what was computed; none for a mean
    statement: Statement
    block: str  # step, forward, loss, backward, accumulate, mean, penalty, clip, rate, update
    row: int | None  # the row of the data; none for what is of the whole step
    line: int  # in `Trace.source`, counted from 1
    added: Any = None  # what a row adds to the sum that has this name; None elsewhere
    parameter: str = ""  # whose numbers a function of single numbers goes through


@dataclass(frozen=True)
class Trace:
    """A step with every value of the step and of the chosen rows, in the order in which they are computed."""

    source: str
    step: int
    epoch: int
    count: int  # samples in the batch
    rows: tuple[int, ...]
    before: Mapping[str, Any]
    values: tuple[TracedValue, ...]
    loss: float  # the mean over the batch
    taken: bool  # whether all was finite; if not, the loop ends here, and `after` is `before`
    after: Mapping[str, Any]  # parameters by name
    state_after: Mapping[str, Any]  # the optimizer's state by name, such as m_w
    state_before: tuple[Any, ...] = ()
    bad_row: int | None = None  # the first of the batch that adds a number that is not finite
    reduction: float = 1.0  # what plateaus of the loss have left of the learning rate

    def of_row(self, row: int) -> tuple[TracedValue, ...]:
        """What was computed of one of the chosen rows."""
        return tuple(v for v in self.values if v.row == row)

    def of_block(self, block: str) -> tuple[TracedValue, ...]:
        """What was computed in the blocks of one kind."""
        return tuple(v for v in self.values if v.block == block)


def walked(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Statements and what is nested in them, in the order of the text; blocks whole."""
    for statement in statements:
        yield statement
        if isinstance(statement, Nested):
            yield from walked(statement.body)


def function_named(statements: Sequence[Statement], name: str) -> Nested:
    """A function of a module."""
    return next(s for s in statements if isinstance(s, Nested) and s.head[0].startswith(f"def {name}("))


class Reader:
    """Reads the loop of a program of single numbers; `values` is what each name stands for."""

    samples_at_once = CHUNK
    on_tiles = False

    def __init__(
        self,
        program: Program,
        loop: LoopText,
        state: StepState,
        columns: Sequence[Array],
        batch: Sequence[int],
        rows: Sequence[int],
        seed: int = 0,
    ) -> None:
        self.program, self.loop, self.state, self.batch, self.seed = program, loop, state, batch, seed
        self.given = dict(zip(program.columns, columns, strict=True))
        chosen = set(rows)
        self.place = {row: k for k, row in enumerate(batch) if row in chosen}
        self.rows = list(self.place)  # in the order of the batch
        self.count = max(len(batch), 1)
        self.operate = Operations(self.on_tiles)
        self.values: dict[str, Any] = {}
        hyper = program.optimizer.hyper_symbols().items()
        self.leaves: dict[Expr, Any] = {s: program.optimizer.values[name] for name, s in hyper}
        self.leaves |= {STEP: state.step, EPOCH: state.epoch, REDUCTION: state.reduction}
        self.leaves |= dict(zip(program.parameters, state.parameters, strict=True))
        symbols = [s for s, _new, _start in program.new_state]
        self.leaves |= dict(zip(symbols, state.optimizer, strict=False))  # the loop's state may go on
        if program.rate.is_constant:
            self.leaves[program.lr] = program.rate.value
        self.new = dict(self.leaves)
        self.taken = True
        self.of_rows: dict[int, list[TracedValue]] = {row: [] for row in self.rows}
        self.in_order: list[TracedValue] = []
        self.source = loop.text
        self.lines = dict(loop.line_of)
        self.before_loss = set(evaluation_order([program.score]))
        self.train = function_named(loop.statements, "train")
        self.loss, self.loss_sum = math.nan, ""
        self.sample_blocks: list[Block] = []
        self.bad_place: int | None = None  # in the batch

    def trace(self) -> Trace:
        """The step, read."""
        for statement in walked(self.train.body):
            if isinstance(statement, Block):
                self.read(statement)
            elif isinstance(statement, Call):
                self.call(statement, {})
        p = self.program
        names = [s.name for s, _new, _start in p.new_state]
        now = self.new if self.taken else self.leaves
        return Trace(
            self.source,
            self.state.step,
            self.state.epoch,
            len(self.batch),
            tuple(self.rows),
            {q.name: self.leaves[q] for q in p.parameters},
            tuple(self.in_order),
            self.loss,
            self.taken,
            {q.name: now[q] for q in p.parameters},
            {name: now[s] for name, (s, _new, _start) in zip(names, p.new_state, strict=True)},
            tuple(self.state.optimizer),
            None if self.bad_place is None else int(self.batch[self.bad_place]),
            self.state.reduction,
        )

    # -- blocks ---------------------------------------------------------------------------------------
    def read(self, block: Block) -> None:
        """One block of `train`."""
        if block.kind == "forward":
            self.sample_blocks = [block]
        elif block.kind in ("loss", "backward"):
            self.sample_blocks.append(block)
        elif block.kind == "accumulate":
            self.accumulate(block)
        else:
            self.read_step(block)

    def read_step(self, block: Block, parameter: str = "") -> None:
        """A block of what is done once a step."""
        scope = self.begin(block)
        for statement in block.statements:
            match statement:
                case Assignment(node, name) | Reassignment(name=name, node=node):
                    self.note(statement, name, self.evaluate(node, scope), node, block.kind, parameter=parameter)
                    if isinstance(statement, Assignment):
                        scope[node] = name
                case Mean(name, total, _count):
                    mean = self.values[total] / self.count
                    self.note(statement, name, mean, None, block.kind, parameter=parameter)
                    if total == self.loss_sum:
                        self.loss = mean
                case StopUnlessFinite():
                    self.stop_unless_finite(statement)
                case Update(name, new) if self.taken:
                    of = next((n for n, called in scope.items() if called == name and n in self.new), None)
                    self.note(statement, name, self.values[new], of, block.kind, parameter=parameter)
                    if of is not None:
                        self.new[of] = self.values[new]
                case Call():
                    self.call(statement, scope)

    def begin(self, block: Block) -> dict[Expr, str]:
        """What nodes are called in a block, all of whose names have values."""
        for node, name in block.scope.items():
            if node in self.leaves and name not in self.values:
                self.values[name] = self.leaves[node]
        return dict(block.scope)

    def evaluate(self, node: Expr, scope: Mapping[Expr, str]) -> Any:
        """The value of a node, from those of what has a name."""
        known: dict[Expr, Any] = {}

        def value(of: Expr) -> Any:
            return known[of] if of in known else self.values[scope[of]]

        for n in evaluation_order([node], known=scope):
            known[n] = n.value if n.is_constant else self.operate(n, [value(a) for a in n.args])
        return value(node)

    def note(
        self, statement: Statement, name: str, value: Any, node: Expr | None, block: str, row: int | None = None,
        parameter: str = "",
    ) -> None:  # fmt: skip
        """A name takes a value; it is written down."""
        self.values[name] = value
        self.in_order.append(self.traced(statement, name, value, node, block, row, parameter))

    def traced(
        self, statement: Statement, name: str, value: Any, node: Expr | None, block: str, row: int | None,
        parameter: str = "",
    ) -> TracedValue:  # fmt: skip
        """A value as it is shown."""
        shown = value if np.ndim(value) else bool(value) if isinstance(value, (bool, np.bool_)) else float(value)
        line = self.lines[id(statement)]
        return TracedValue(name, shown, node, statement, block, row, line, parameter=parameter)

    def stop_unless_finite(self, statement: StopUnlessFinite) -> None:
        """See whether the step is taken."""
        numbers = [self.values[statement.loss], *(self.values[name] for name, _shape in statement.numbers)]
        groups = [numbers[k : k + GROUP] for k in range(0, len(numbers), GROUP)] if len(numbers) > GROUP else [numbers]
        sums = [functools.reduce(operator.add, group) for group in groups]
        self.taken = math.isfinite(functools.reduce(operator.add, sums))

    def call(self, statement: Call, scope: dict[Expr, str]) -> None:
        """Only loops over tiles call functions."""
        raise TypeError(statement.function)

    # -- samples ----------------------------------------------------------------------------------------
    def chunks(self) -> Iterator[range]:
        """Places in the batch that are computed together."""
        for first in range(0, self.count, self.samples_at_once):
            yield range(first, min(first + self.samples_at_once, self.count))

    def accumulate(self, block: Block) -> None:
        """All samples, and the sums over them."""
        totals: dict[str, Any] = {}
        nodes: dict[str, tuple[Statement, Expr]] = {}
        for places in self.chunks():
            if isinstance(block.statements[0], Summed):
                self.sum_chunk(block.statements[0], places, totals, nodes)
            else:
                self.add_samples(block, places, totals, nodes)
        self.finish_sums(totals, nodes)

    def finish_sums(self, totals: Mapping[str, Any], nodes: Mapping[str, tuple[Statement, Expr]]) -> None:
        """What the chosen rows have, row after row; then the sums."""
        self.in_order += [v for row in self.rows for v in self.of_rows[row]]
        for name, (statement, node) in nodes.items():
            self.note(statement, name, totals[name], node, "accumulate")
            if node is self.program.loss:
                self.loss_sum, self.loss = name, totals[name]

    def sum_chunk(
        self, statement: Summed, places: range, totals: dict[str, Any], nodes: dict[str, tuple[Statement, Expr]]
    ) -> None:
        """The sums over one chunk, added to those before."""
        inside = function_named(self.loop.statements, "sample").body
        blocks = [b for b in inside if isinstance(b, Block)]
        self.sample_blocks, (returned,) = blocks[:-1], blocks[-1].statements
        scope = self.samples(places)
        parts = [self.spread(self.evaluate(n, scope), len(places)) for n in statement.nodes]
        sums = sum_of_chunk(np.array(parts)).tolist()
        for name, node, part, new in zip(statement.totals, statement.nodes, parts, sums, strict=True):
            totals[name] = totals[name] + new if name in totals else new
            self.look_at(part, places)
            nodes[name] = statement, node
            self.note_samples(returned, name, part, node, "accumulate", places, part)

    def add_samples(
        self, block: Block, places: range, totals: dict[str, Any], nodes: dict[str, tuple[Statement, Expr]]
    ) -> None:
        """A small batch, added sample after sample; or the only sample."""
        scope = self.samples(places)
        for statement in block.statements:
            assert isinstance(statement, (Accumulate, Reassignment))
            value = self.evaluate(statement.node, scope)
            part = self.spread(value, len(places))
            name = statement.name if isinstance(statement, Reassignment) else statement.total
            after = part if isinstance(statement, Reassignment) else running(part, totals.get(name, 0.0))
            totals[name] = float(after[-1])
            nodes[name] = statement, statement.node
            self.look_at(part, places)
            if self.batch:
                self.note_samples(statement, name, after, statement.node, "accumulate", places, part)

    def samples(self, places: range) -> dict[Expr, str]:
        """The blocks of one sample, for some of the batch; what nodes are called after them."""
        chosen = np.asarray(self.batch, dtype=np.int64)[places.start : places.stop]
        scope: dict[Expr, str] = {}
        for block in self.sample_blocks:
            scope = self.begin(block)
            if block.kind == "forward":
                for column, numbers in self.given.items():
                    self.values[scope[column]] = np.asarray(numbers, dtype=np.float64)[chosen]
            for statement in block.statements:
                assert isinstance(statement, Assignment)
                value = self.evaluate(statement.node, scope)
                self.values[statement.name] = value
                scope[statement.node] = statement.name
                self.note_samples(statement, statement.name, value, statement.node, block.kind, places)
        return scope

    def look_at(self, added: Array, places: range) -> None:
        """Which of the samples, the last axis, is the first that adds what is not finite."""
        fine = np.isfinite(added).reshape(-1, len(places)).all(axis=0)
        if self.batch and not fine.all():
            place = places.start + int(np.argmin(fine))
            self.bad_place = place if self.bad_place is None else min(place, self.bad_place)

    @staticmethod
    def spread(value: Any, count: int) -> Array:
        """A number for each sample, of one that is the same for all."""
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))

    def note_samples(
        self, statement: Statement, name: str, value: Any, node: Expr | None, block: str, places: range,
        added: Any = None,
    ) -> None:  # fmt: skip
        """What the chosen rows have of a value; where there are no samples, it is the step's."""
        if not self.batch:
            self.in_order.append(self.traced(statement, name, value, node, block, None))
        for row in self.rows:
            if self.place[row] in places:
                k = self.place[row] - places.start
                found = self.traced(statement, name, self.at(value, k), node, block, row)
                part = None if added is None else self.at(added, k)
                self.of_rows[row].append(replace(found, added=part))

    @staticmethod
    def at(value: Any, k: int) -> Any:
        """What sample k has of a value."""
        if not np.ndim(value):
            return value
        return np.array(value[..., min(k, value.shape[-1] - 1)])[()]
