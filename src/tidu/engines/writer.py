"""What every writer of a loop needs: the user's names, statements collected in blocks, and the lines that import.

Used by `scalar_loop`, `array_loop`, `tile_loop`, `curvature`; what they collect is rendered by a dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from tidu.engines.dialects import Dialect, unpacked
from tidu.engines.program import Program
from tidu.engines.statements import Assignment, Block, Line, Names, Nested, Statement, repeated_columns
from tidu.language.expr import Expr, code_template


@dataclass(frozen=True)
class LoopText:
    """A loop as statements, with the dialect that gives them their text."""

    title: str
    statements: tuple[Statement, ...]
    dialect: Dialect

    @cached_property
    def text(self) -> str:
        """The text of the module."""
        return self.dialect.module(self.title, self.statements)

    @cached_property
    def line_of(self) -> dict[int, int]:
        """The line of each statement in the text, by its identity; of those that are written twice, the first."""
        body = self.dialect.rendered(self.statements)
        first = len(self.text.split("\n")) - len(body)
        lines: dict[int, int] = {}
        for k, (_line, statement) in enumerate(body):
            lines.setdefault(id(statement), first + k)
        return lines


class Writer:
    """Collects the statements of one module, and the names that it uses."""

    def __init__(self, program: Program, template: Callable[[Expr], str] = code_template) -> None:
        self.program = program
        self.names = Names(template)
        self._open: list[list[Statement]] = [[]]  # of the module, and of what is open in it
        self.columns: list[str] = []
        self.parameters: list[str] = []

    def with_users_names(self) -> Writer:
        """The same, with columns and parameters under the user's names."""
        self.columns = [self.names.name(c, c.name) for c in self.program.columns]
        self.parameters = [self.names.name(p, p.name) for p in self.program.parameters]
        return self

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All that has been written."""
        assert len(self._open) == 1, "a block is open"
        return tuple(self._open[0])

    def add(self, *statements: Statement | str) -> None:
        """Statements; text is a line of the loop's own."""
        self._open[-1] += [Line(s) if isinstance(s, str) else s for s in statements]

    @contextmanager
    def nested(self, *head: str) -> Iterator[None]:
        """What is written meanwhile is inside of a function, a loop or a condition."""
        self._open.append([])
        yield
        body = tuple(self._open.pop())
        self.add(Nested(head, body))

    @contextmanager
    def block(self, kind: str, heading: str = "", scope: dict[Expr, str] | None = None) -> Iterator[None]:
        """What is written meanwhile is a block; nodes are called in it what they are called now."""
        scope = dict(self.names.of if scope is None else scope)
        self._open.append([])
        yield
        statements = tuple(self._open.pop())
        if statements or heading:
            self.add(Block(kind, statements, scope, heading))

    def own(self, wish: str) -> str:
        """A name of the loop itself, which evades the user's."""
        return self.names.fresh(wish)

    def unpack(self, names: Sequence[str], whole: str) -> None:
        """Names for the parts of a whole."""
        self.add(*unpacked(names, whole))

    def take_apart(self, columns: str, parameters: str) -> None:
        """The user's names for each of the columns and of the parameters, of which both are arrays."""
        self.add(*(f"{name} = {columns}[{k}]" for k, name in enumerate(self.columns)))
        self.add(*(f"{name} = {parameters}[{k}]" for k, name in enumerate(self.parameters)))

    def read_in_place(self, i: str) -> None:
        """A column is from here on its cell of sample `i`."""
        for column, array in zip(self.program.columns, self.columns, strict=True):
            self.names.of[column] = f"{array}[{i}]"

    def cells(self, i: str, outputs: Sequence[Expr]) -> list[Assignment]:
        """The cells that one sample reads more than once get a name; the others are read in place."""
        repeated = repeated_columns(outputs, self.program.columns)
        found = []
        for column, array in zip(self.program.columns, self.columns, strict=True):
            if column in repeated:
                self.names.of[column] = self.own(f"{array}_{i}")
                found.append(Assignment(column, self.names.of[column]))
        return found

    def source(self, title: str, dialect: Dialect) -> str:
        """The text of the module in this dialect: docstring, imports, functions."""
        return dialect.module(title, self.statements)


def labels_of(program: Program) -> dict[Expr, str]:
    """What the landmarks of one sample are called in the loop."""
    labels = {program.loss: "loss"}
    if program.target is not None:
        labels[program.slope] = "dloss_dy_hat"
        if program.target.args:
            labels[program.target] = "target"
        for residual in (program.score - program.target, program.target - program.score):
            labels[residual] = "residual"
        labels[program.score] = "y_hat"
    return {node: name for node, name in labels.items() if not node.is_constant}
