"""One step of a loop on whole batches, read block by block: each statement runs as its text in the loop says.

As `step_reader` for loops on numbers; called by `trace`. A row of a batch is a row of its arrays; what it adds to a
mean is told with it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.array_dialects import Arrays, number_and_vector
from tidu.engines.array_loop import input_of, inputs_of
from tidu.engines.build import module_of
from tidu.engines.program import Program
from tidu.engines.statements import (
    Assignment,
    BatchMean,
    BatchSum,
    Block,
    Line,
    Mean,
    Move,
    Reassignment,
    Statement,
    StopUnlessFinite,
    Update,
)
from tidu.engines.step_reader import Reader, StepState, TracedValue, walked
from tidu.engines.writer import LoopText
from tidu.language.expr import Expr
from tidu.syntax_tree import module_tree

Array = npt.NDArray[Any]


class ArrayReader(Reader):
    """Reads a loop on whole batches in NumPy, in the precision `dtype`; `values` is what each name stands for."""

    def __init__(
        self, program: Program, loop: LoopText, state: StepState, columns: Sequence[Array], batch: Sequence[int],
        rows: Sequence[int], seed: int = 0, dtype: str = "float64",
    ) -> None:  # fmt: skip
        self.dtype = dtype
        numbers = (tuple(map(self.narrow, state.parameters)), tuple(map(self.narrow, state.optimizer)))
        super().__init__(program, loop, replace(state, parameters=numbers[0], optimizer=numbers[1]), columns, batch,
                         rows, seed)  # fmt: skip
        assert isinstance(loop.dialect, Arrays)
        self.dialect = loop.dialect
        self.moved: list[tuple[Update, str, Mapping[Expr, str], str]] = []
        self.module = vars(module_of(loop.text))
        self.take()

    def narrow(self, value: Any) -> Any:
        """A number in the precision of the loop; a copy, which may be changed in place."""
        return np.array(value, dtype=self.dtype)[()]

    def take(self) -> None:
        """The samples of the batch, as the loop takes them; each input is a value of each row."""
        blocks = [s for s in walked(self.train.body) if isinstance(s, Block)]
        names = blocks[0].scope
        lines = {s.text.partition(" = ")[0]: s for s in walked(self.train.body) if isinstance(s, Line)}
        chosen = self.batch
        at: Any = slice(chosen.start, chosen.stop) if isinstance(chosen, range) else np.asarray(chosen, dtype=np.int64)
        for node in inputs_of(self.program):
            whole = input_of(node, {c: np.asarray(numbers) for c, numbers in self.given.items()})
            kept = np.ascontiguousarray(whole, dtype=self.dtype if whole.dtype.kind == "f" else None)
            self.values[names[node]] = kept[at]
            self.note_rows(lines[names[node]], names[node], node, "forward")

    # -- blocks ---------------------------------------------------------------------------------------
    def read(self, block: Block) -> None:
        """One block of `train`."""
        scope = self.begin(block)
        if block.kind == "mean":
            self.add_up(block, scope)
        for statement in block.statements:
            match statement:
                case Line():
                    self.draw(statement)
                case StopUnlessFinite():
                    self.stop_unless_finite(statement)
                case Update(name):
                    self.update(statement, name, scope, block.kind)
                case Move(name):
                    self.values[name] = np.copy(self.values[name])[()]
                    self.run(statement, scope)
                    self.update(statement, name, scope, block.kind)
                case Assignment(node, name) if block.kind in ("forward", "backward"):
                    self.run(statement, scope)
                    scope[node] = name
                    kind = "loss" if block.kind == "forward" and node not in self.before_loss else block.kind
                    self.note_rows(statement, name, node, kind)
                case Assignment(node, name) | Reassignment(name=name, node=node):
                    self.run(statement, scope)
                    self.note(statement, name, self.values[name], node, block.kind)
                    if isinstance(statement, Assignment):
                        scope[node] = name
                case BatchSum(name, node):
                    self.run(statement, scope)
                    self.note(statement, name, self.values[name], node, "accumulate")
                    self.loss_sum = name
                case Mean(name, _total, count) | BatchMean(name, _total, count):
                    self.values[count] = self.count
                    self.run(statement, scope)
                    self.note(statement, name, self.values[name], None, block.kind)
                    if isinstance(statement, Mean):
                        self.loss = self.values[name]

    def run(self, statement: Statement, scope: Mapping[Expr, str]) -> None:
        """A statement, as its text says."""
        with np.errstate(all="ignore"):
            # The text is that of the loop, which is written of the op table, never by a user.
            exec("\n".join(self.dialect.lines(statement, scope)), self.module, self.values)

    def computed(self, node: Expr, scope: Mapping[Expr, str]) -> Any:
        """The value of a node for the whole batch."""
        with np.errstate(all="ignore"):
            return eval(self.dialect.code(node, scope), self.module, self.values)

    def draw(self, statement: Line) -> None:
        """The mask of a dropout: the names that its line reads are the loop's own."""
        (line,) = module_tree(statement.text).body
        assert isinstance(line, ast.Assign)
        assert isinstance(line.value, ast.Call)
        seed, step, _number, shape = line.value.args[:4]
        assert isinstance(seed, ast.Name)
        assert isinstance(step, ast.Name)
        assert isinstance(shape, ast.Tuple)
        assert isinstance(shape.elts[0], ast.Name)
        self.values |= {seed.id: self.seed, step.id: self.state.step, shape.elts[0].id: self.count}
        self.run(statement, {})
        name = ast.unparse(line.targets[0])
        mask = next(m for m in self.program.masks if m.name == name.rstrip("_"))
        self.note_rows(statement, name, mask, "forward")

    def update(self, statement: Update | Move, name: str, scope: Mapping[Expr, str], kind: str) -> None:
        """A parameter, or a part of the optimizer's state, has its new value; one that is moved, already before."""
        p = self.program
        news = dict(zip(p.parameters, p.new_parameters, strict=True)) | {s: new for s, new, _start in p.new_state}
        of = next(node for node, called in scope.items() if called == name and node in news)
        if isinstance(statement, Move):  # it is not known yet whether the step is taken
            self.note(statement, name, self.values[name], news[of], kind)
            taken = Update(name, name)
            self.lines[id(taken)] = self.lines[id(statement)]
            self.moved.append((taken, name, scope, kind))
        elif self.taken:
            self.note(statement, name, self.values[statement.new], of, kind)
            self.new[of] = self.values[name]

    def stop_unless_finite(self, statement: StopUnlessFinite) -> None:
        """See whether the step is taken."""
        numbers = [self.values[statement.loss], *(self.values[name] for name, _shape in statement.numbers)]
        self.taken = all(bool(np.isfinite(number).all()) for number in numbers)
        for moved in self.moved:
            self.update(*moved)

    # -- rows -------------------------------------------------------------------------------------------
    def add_up(self, block: Block, scope: Mapping[Expr, str]) -> None:
        """What each chosen row adds to the loss and to the gradients; then all that the rows have, row after row."""
        for statement in block.statements:
            if not isinstance(statement, (BatchSum, BatchMean)):
                continue
            node = statement.node
            factors = node.args if node.op.name in ("outer", "placed") else number_and_vector(node) or (node,)
            found = [(f in self.dialect.batched.varies, self.computed(f, scope)) for f in factors]
            for varies, values in found:
                if varies:
                    self.look_at(np.moveaxis(values, 0, -1), range(self.count))
            for row in self.rows:
                parts = [values[self.place[row]] if varies else values for varies, values in found]
                with np.errstate(all="ignore"):
                    part = parts[0] if len(parts) == 1 else node.op.on_arrays(*map(np.asarray, parts), *node.attrs)
                told = self.traced(statement, statement.name, part, node, "accumulate", row)
                self.of_rows[row].append(replace(told, added=told.value))
        self.in_order += [value for row in self.rows for value in self.of_rows[row]]

    def note_rows(self, statement: Statement, name: str, node: Expr, kind: str) -> None:
        """What the chosen rows have of a value."""
        value = self.values[name]
        varies = node in self.dialect.batched.varies and np.ndim(value) > 0
        for row in self.rows:
            of_row = value[self.place[row]] if varies else value
            self.of_rows[row].append(self.traced(statement, name, of_row, node, kind, row))

    def traced(
        self, statement: Statement, name: str, value: Any, node: Expr | None, block: str, row: int | None,
        parameter: str = "",
    ) -> TracedValue:  # fmt: skip
        """A value as it is shown, which nothing changes any more."""
        return super().traced(statement, name, np.copy(value)[()], node, block, row, parameter)
