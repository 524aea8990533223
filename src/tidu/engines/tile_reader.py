"""One step of a loop over tiles, read block by block as numbers: products, functions of a unit and a sample, updates.

As `step_reader` for loops on numbers; called by `trace`.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.array_loop import input_of
from tidu.engines.batch_values import Products, added, sum_of_chunk
from tidu.engines.statements import Assignment, Block, Call, Reassignment, Statement, Update
from tidu.engines.step_reader import Reader, function_named, walked
from tidu.language.expr import Expr
from tidu.runtime.arrays import dropout_mask
from tidu.runtime.summation import CHUNK as SUMMED
from tidu.runtime.tiles import CHUNK, GROUP

Array = npt.NDArray[Any]


class TileReader(Reader):
    """Reads a loop over tiles; `kept` are the nodes that have memory, for the samples that are computed together."""

    samples_at_once = CHUNK
    on_tiles = True

    kept: dict[Expr, Array]

    @functools.cached_property
    def products(self) -> Products:
        """What computes functions of whole vectors."""
        return Products(self.operate.functions)

    @functools.cached_property
    def takes(self) -> list[Call]:
        """The calls that take the samples' columns, and the masks of dropout, into memory."""
        return [s for s in self.in_chunk if isinstance(s, Call) and s.function in ("take", "take_mask")]

    @functools.cached_property
    def in_chunk(self) -> list[Statement]:
        """What is done with the samples of a chunk."""
        calls = (s for s in walked(self.train.body) if isinstance(s, Call) and s.function == "each_chunk")
        return list(walked(function_named(self.loop.statements, next(calls).arguments[0]).body))

    def accumulate(self, block: Block) -> None:
        """All samples, and the sums over them."""
        totals: dict[str, Any] = {}
        groups: list[dict[str, Any]] = []
        nodes: dict[str, tuple[Statement, Expr]] = {}
        for places in self.chunks():
            self.samples(places)
            if places.start % GROUP == 0:
                totals = {}
                groups.append(totals)
            for call in block.statements:
                assert isinstance(call, Call) and call.node is not None  # noqa: PT018
                name = call.name or call.arguments[-1]
                operands = [self.kept[o] for o in call.operands]
                of_chunk = added(call.function, operands, np.zeros(call.node.shape))
                totals[name] = totals[name] + of_chunk if name in totals else of_chunk
                nodes[name] = call, call.node
                for operand in operands:
                    self.look_at(operand, places)
                for row in self.rows:
                    if self.place[row] in places:
                        k = self.place[row] - places.start
                        part = added(call.function, [o[..., k : k + 1] for o in operands], np.zeros(call.node.shape))
                        found = self.traced(call, name, part[()], call.node, "accumulate", row)
                        self.of_rows[row].append(replace(found, added=found.value))
        whole = {name: functools.reduce(operator.add, [group[name] for group in groups]) for name in totals}
        self.finish_sums({n: t if np.ndim(t) else float(t) for n, t in whole.items()}, nodes)

    def samples(self, places: range) -> dict[Expr, str]:
        """The functions and products of some of the batch."""
        chosen = np.asarray(self.batch, dtype=np.int64)[places.start : places.stop]
        self.kept = {}
        for take in self.takes:
            assert take.node is not None
            self.keep(take, take.arguments[-1], self.taken_by(take, places, chosen), take.node, "forward", places)
        for block in self.sample_blocks:
            for call in block.statements:
                assert isinstance(call, Call)
                if call.body:
                    self.each(call.body[0], places)
                else:
                    self.product(call, block.kind, places)
        return {}

    def keep(self, statement: Statement, name: str, value: Array, node: Expr, kind: str, places: range) -> None:
        """A node has its memory."""
        self.kept[node] = value
        self.note_samples(statement, name.partition("[")[0], value, node, self.kind_of(node, kind), places)

    def kind_of(self, node: Expr, kind: str) -> str:
        """The block of a node; a function of one sample may compute the prediction and its loss."""
        return "loss" if kind == "forward" and node.args and node not in self.before_loss else kind

    def product(self, call: Call, kind: str, places: range) -> None:
        """A function of whole vectors."""
        assert call.node is not None
        operands = [self.kept[a] if a in self.kept else np.asarray(self.leaves[a]) for a in call.operands]
        found = self.products(call.function, operands)
        place = call.arguments[-1]
        self.keep(call, place, found[np.newaxis] if place.endswith("[0]") else found, call.node, kind, places)

    def each(self, block: Block, places: range) -> None:
        """A function of one unit and one sample, for all of them."""
        scope = self.begin(block)
        for node, cell in block.scope.items():
            if "[" in cell:
                at = self.kept[node] if node in self.kept else np.asarray(self.leaves[node])[:, np.newaxis]
                self.values[cell] = at
        for statement in block.statements:
            assert isinstance(statement, (Assignment, Reassignment))
            value = self.evaluate(statement.node, scope)
            if isinstance(statement, Reassignment):
                whole = np.broadcast_to(value, (*statement.node.shape, len(places)))
                self.keep(statement, statement.name, whole, statement.node, block.kind, places)
                continue
            self.values[statement.name] = value
            scope[statement.node] = statement.name
            kind = self.kind_of(statement.node, block.kind)
            self.note_samples(statement, statement.name, value, statement.node, kind, places)

    def taken_by(self, take: Call, places: range, chosen: Array) -> Array:
        """What a call takes for these places of the batch, whose rows are `chosen`."""
        assert take.node is not None
        if take.function == "take":
            columns = {c: np.asarray(n)[chosen] for c, n in self.given.items()}
            return np.moveaxis(input_of(take.node, columns), 0, -1).astype(np.float64)
        shape, rate = (len(places), *take.node.shape), self.program.masks[take.node]
        mask = dropout_mask(self.seed, self.state.step, int(take.arguments[2]), shape, rate, first=places.start)
        return np.moveaxis(mask, 0, -1)

    def call(self, statement: Call, scope: dict[Expr, str]) -> None:
        """A chunk of samples; the sum over a gradient; a function of single numbers, for all of a parameter."""
        if statement.function == "each_chunk":
            for block in self.in_chunk:
                if isinstance(block, Block):
                    self.read(block)
        elif statement.function == "sum_numbers":
            self.sum_numbers(statement)
        else:
            self.each_number(statement)

    def sum_numbers(self, statement: Call) -> None:
        """The sum over the numbers of a gradient, or of a parameter."""
        assert statement.node is not None
        ((whole,), (block,)) = statement.operands, statement.body
        numbers = self.leaves[whole] if whole in self.leaves else self.values[statement.arguments[1]]
        self.values[block.scope[whole]] = np.asarray(numbers)
        numbers = np.ravel(self.evaluate(statement.node.args[0], block.scope))
        parts = [float(sum_of_chunk(numbers[k : k + SUMMED])) for k in range(0, len(numbers), SUMMED)]
        total = functools.reduce(operator.add, parts)
        self.note(statement, statement.name, total, statement.node, block.kind)

    def each_number(self, statement: Call) -> None:
        """A function of single numbers, for all of a parameter."""
        assert statement.node is not None
        function, _weights, gradient = statement.arguments[:3]
        for mine, written in zip(statement.body, function_named(self.loop.statements, function).body, strict=True):
            assert isinstance(written, Block)
            for one, other in zip(mine.statements, written.statements, strict=True):
                self.lines.setdefault(id(one), self.lines[id(other)])
        of_gradient, *results = [s for s in statement.body[-1].statements if isinstance(s, Update)]
        self.values[of_gradient.name] = self.values[gradient]
        for node, cell in statement.body[-1].scope.items():
            if "[" in cell and node in self.leaves:
                self.values[cell] = np.asarray(self.leaves[node])
        for block in statement.body:
            self.read_step(block, statement.node.name)
        self.values[gradient] = self.values[of_gradient.new]
        if not statement.name:
            return
        with np.errstate(all="ignore"):
            returned = functools.reduce(operator.add, [self.values[s.new] for s in results])
        self.values[statement.name] = 0.0 if np.isfinite(returned).all() else math.nan
