"""From statements to text: plain numbers, single precision, eight runs side by side, tiles of samples.

A dialect says how each kind of statement is written, and nothing about which statements there are. That of plain
numbers is the base; others say what they write differently. `array_dialects` has those of NumPy and PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from tidu.engines.statements import (
    Accumulate,
    Assignment,
    BatchMean,
    BatchSum,
    Block,
    Call,
    Line,
    Mean,
    Move,
    Nested,
    Reassignment,
    Record,
    Return,
    Rounded,
    Statement,
    StopUnlessFinite,
    Summed,
    Update,
)
from tidu.language.expr import Expr, code_template
from tidu.language.operation import OPS
from tidu.language.printer import code
from tidu.runtime import ieee, tiles

WIDTH = 100
INDENT = "    "
Scope = Mapping[Expr, str]
Shaped = tuple[str, tuple[int, ...]]  # a name, and the shape of what it names
SUM_IS_FINITE = "  # a sum is finite only if all its parts are"


class Dialect:
    """Plain numbers; and what all dialects write alike."""

    def template(self, node: Expr) -> str:
        """The text of one node, with `{0}`, `{1}` for its arguments."""
        return code_template(node)

    def code(self, node: Expr, scope: Scope) -> str:
        """A node as code, with the names that there are."""
        return code(node, scope)

    # -- the text of a module ---------------------------------------------------------------------
    def module(self, title: str, statements: Sequence[Statement]) -> str:
        """The text of a module: docstring, imports, functions."""
        body = "\n".join(line for line, _statement in self.rendered(statements))
        imports = self.imports(body)
        return "\n".join([f'"""{harmless(title)}"""', "", *imports, *([""] if imports else []), "", body, ""])

    def imports(self, body: str) -> list[str]:
        """The lines that import what the body calls; none of the user's names is one of these."""
        words = words_of(body)
        imports = imports_of_functions(words)
        called = [name for name in ("record", "summed") if name in words]
        imports += [f"from tidu.runtime.summation import {', '.join(called)}"] if called else []
        return ["from numpy import float32", "", *imports] if "float32" in words else imports

    def rendered(
        self, statements: Sequence[Statement], depth: int = 0, scope: Scope | None = None, sampled: bool = False
    ) -> list[tuple[str, Statement]]:
        """The lines, each with the statement that it is of (the first of those of a statement of several lines)."""
        names = dict(scope or {})
        indent = INDENT * depth
        found: list[tuple[str, Statement]] = []
        for statement in statements:
            match statement:
                case Block():
                    if statement.heading:
                        found.append((f"{indent}# {statement.heading}", statement))
                    of_sample = statement.kind in OF_SAMPLE
                    found += self.rendered(statement.statements, depth, statement.scope, of_sample)
                case Nested():
                    found += [(indent + line, statement) for line in statement.head]
                    found += self.rendered(statement.body, depth + 1)
                case _:
                    lines = self.lines(statement, self.in_sample(names) if sampled else names)
                    found += [(indent + line if line else "", statement) for line in lines]
                    if isinstance(statement, Assignment):
                        names[statement.node] = statement.name
        return found

    def in_sample(self, names: dict[Expr, str]) -> dict[Expr, str]:
        """What nodes are called in the blocks of one sample."""
        return names

    # -- the text of a statement --------------------------------------------------------------------
    def lines(self, statement: Statement, names: Scope) -> list[str]:
        """The lines of one statement, with what nodes are called there."""
        match statement:
            case Line(text, nodes):
                return [text.format(*(self.code(n, names) for n in nodes)) if nodes else text]
            case Assignment(node, name, comment):
                return [f"{name} = {self.code(node, names)}" + (f"  # {comment}" if comment else "")]
            case Reassignment(name, node):
                return [f"{name} = {self.code(node, names)}"]
            case Accumulate(total, node):
                return [f"{total} += {self.code(node, names)}"]
            case Move(name, sign, by):
                return [f"{name} {sign}= {self.code(by, names)}"]
            case Mean(name, total, count):
                return [f"{name} = {total} / {count}"]
            case Update(name, new):
                return [f"{name} = {new}"]
            case Call(function, arguments, name):
                return wrapped(f"{name} = {function}(" if name else f"{function}(", arguments, ", ", ")")
            case Return(parts):
                return wrapped("return (", [p if isinstance(p, str) else self.code(p, names) for p in parts], ", ", ")")
            case Summed():
                return self.summed(statement)
            case StopUnlessFinite():
                return self.stop_unless_finite(statement)
            case Record():
                return self.record(statement)
            case BatchSum():
                return self.batch_sum(statement, names)
            case BatchMean():
                return self.batch_mean(statement, names)
            case Rounded(name):
                return self.rounded(name)
            case _:
                raise TypeError(f"{type(self).__name__} has no text for {statement}")

    def summed(self, statement: Summed) -> list[str]:
        """The call that sums over samples."""
        given = ["sample", statement.samples, *map(self.given, statement.arguments)]
        return wrapped(f"{', '.join(statement.totals)} = summed(", given, ", ", ")")

    def given(self, argument: str) -> str:
        """An argument as samples want it."""
        return argument

    def rounded(self, name: str) -> list[str]:
        """A number in the precision of the samples: that of everything else."""
        return []

    def batch_sum(self, statement: BatchSum, names: Scope) -> list[str]:
        """Only whole batches are summed so."""
        raise TypeError(f"{type(self).__name__} has no whole batches")

    def batch_mean(self, statement: BatchMean, names: Scope) -> list[str]:
        """Only whole batches are averaged so."""
        raise TypeError(f"{type(self).__name__} has no whole batches")

    def stop_unless_finite(self, statement: StopUnlessFinite) -> list[str]:
        """Leave the loop before a bad step is taken."""
        numbers = [statement.loss, *(name for name, _shape in statement.numbers)]
        return [*commented(self.unless_finite(numbers), SUM_IS_FINITE), *leave(statement)]

    def unless_finite(self, numbers: Sequence[str]) -> list[str]:
        """The condition that one of these is not."""
        return wrapped("if not isfinite(", in_groups(numbers), " + ", "):")

    def record(self, statement: Record) -> list[str]:
        """Write a row of the history, and count it."""
        squares = [self.square(name, shape) for name, shape in statement.gradients]
        row = [statement.loss, statement.gradient_norm, statement.lr, *statement.numbers]
        return [
            *wrapped(f"{statement.gradient_norm} = {self.root}(", in_groups(squares, most=2000), " + ", ")"),
            *wrapped(f"record({statement.history}, {statement.row}, (", row, ", ", "))"),
            f"{statement.row} += 1",
        ]

    root = "sqrt"

    def square(self, name: str, shape: tuple[int, ...]) -> str:
        """The sum of the squares of what is in it."""
        return f"{name} * {name}"

    # -- the loop around the steps --------------------------------------------------------------------
    def added_to(self, total: str, part: str) -> str:
        """The line that adds to a running sum."""
        return f"{total} += {part}"

    def zero_like(self, total: str) -> str:
        """What a running sum begins with."""
        return "0.0"

    def is_below(self, loss: str, bound: str) -> str:
        """The condition that the loss has come down to the bound."""
        return f"{loss} < {bound}"

    def largest(self, numbers: Sequence[str]) -> str:
        """The largest of several."""
        return f"max({', '.join(numbers)})"

    def moved(self, new: str, old: str, shape: tuple[int, ...]) -> str:
        """How far a parameter has gone."""
        return f"fabs({new} - {old})"

    def remembered(self, before: str, parameter: str, shape: tuple[int, ...]) -> str:
        """The line that keeps where a parameter is as an epoch begins."""
        return f"{before} = {parameter}"


OF_SAMPLE = ("forward", "loss", "backward", "accumulate", "return")  # kinds of blocks that compute one sample


def leave(statement: StopUnlessFinite) -> list[str]:
    """The lines that leave the loop with the reason."""
    return [f"{INDENT}{statement.stopped} = {statement.diverged}", f"{INDENT}break"]


class SinglePrecision(Dialect):
    """Samples in float32; sums and the state of the optimizer in float64.

    `narrowed` is what a sample calls its constants, and the parameters where it is not a function that is given them.
    """

    def __init__(self, columns: Collection[str], narrowed: Scope) -> None:
        self.columns, self.narrowed = columns, narrowed

    def in_sample(self, names: dict[Expr, str]) -> dict[Expr, str]:
        """What nodes are called in the blocks of one sample."""
        return {**names, **self.narrowed}

    def given(self, argument: str) -> str:
        """An argument as samples want it."""
        return argument if argument in self.columns else f"float32({argument})"

    def rounded(self, name: str) -> list[str]:
        """A number in the precision of the samples."""
        return [f"{name} = float(float32({name}))"]


class EightRuns(Dialect):
    """Eight runs side by side: only losses are recorded, and what was checked says which of the runs diverged."""

    def stop_unless_finite(self, statement: StopUnlessFinite) -> list[str]:
        """Leave the loop before one of the runs takes a bad step."""
        numbers = [statement.loss, *(name for name, _shape in statement.numbers)]
        return [
            *wrapped(f"{statement.checked} = (", in_groups(numbers), " + ", ")"),
            f"if not isfinite({statement.checked}):{SUM_IS_FINITE}",
            *leave(statement),
        ]

    def record(self, statement: Record) -> list[str]:
        """Write down the losses."""
        return [f"{statement.history}[{statement.row}] = {statement.loss}", f"{statement.row} += 1"]


OF_TILES = {name for name, f in vars(tiles).items() if getattr(f, "__module__", "") == tiles.__name__} | {
    "TILE",
    "WIDTH",
    "CHUNK",
}


def of_vectors() -> set[str]:
    """The functions of numbers that loops over tiles have in a form for eight numbers at a time."""
    return {o.vector.__name__ for o in OPS.values() if o.vector is not None}


class Tiles(Dialect):
    """Tiles of samples: what has a shape is an array that is written in place."""

    def imports(self, body: str) -> list[str]:
        """The lines that import what the body calls."""
        words = words_of(body)
        vectors = of_vectors()
        imports = ["import numpy as np", "", *imported("tidu.runtime.elementary", vectors & words)]
        imports += [*imports_of_functions(words - vectors), "from tidu.runtime.summation import record"]
        return [*imports, *imported("tidu.runtime.tiles", OF_TILES & words)]

    def rounded(self, name: str) -> list[str]:
        """A number in the precision of the samples."""
        return [f"{name} = float(np.float32({name}))"]

    def square(self, name: str, shape: tuple[int, ...]) -> str:
        """The sum of the squares of what is in it."""
        return f"sum_of_squares({name})" if shape else super().square(name, shape)

    def moved(self, new: str, old: str, shape: tuple[int, ...]) -> str:
        """How far a parameter has gone."""
        return f"farthest({new}, {old})" if shape else super().moved(new, old, shape)

    def remembered(self, before: str, parameter: str, shape: tuple[int, ...]) -> str:
        """The line that keeps where a parameter is as an epoch begins."""
        return f"copy({parameter}, {before})" if shape else super().remembered(before, parameter, shape)


# -- text --------------------------------------------------------------------------------------------
def words_of(body: str) -> set[str]:
    """The identifiers in a text."""
    return set(re.findall(r"\w+", body))


def modules_of_functions() -> dict[str, str]:
    """The functions of numbers that loops may call, and the module that each is imported from."""
    values = (o.value for o in OPS.values() if o.value is not None)
    ours = {name: ieee.__name__ for name in vars(ieee) if not name.startswith("_")}
    return {value.__name__: value.__module__ for value in values} | ours


def imports_of_functions(words: Collection[str]) -> list[str]:
    """The lines that import those functions of numbers that are among these words of a text."""
    used: dict[str, list[str]] = {}
    for name, module in modules_of_functions().items():
        if name in words:
            used.setdefault(module, []).append(name)
    return [line for module in sorted(used) for line in imported(module, used[module])]


def commented(lines: Sequence[str], comment: str) -> list[str]:
    """The lines with a comment behind the last."""
    return [*lines[:-1], lines[-1] + comment]


def harmless(title: str) -> str:
    """A docstring's inside, whatever the columns are called: nothing in it ends the string or cannot be written."""
    escaped = (c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in title)
    return "".join(escaped).replace('"', '\\"')


def imported(module: str, names: Collection[str]) -> list[str]:
    """The line that imports names; several lines if they are many, none for no names."""
    line = f"from {module} import {', '.join(sorted(names))}"
    if len(line) > WIDTH:
        return wrapped(f"from {module} import (", sorted(names), ", ", ")")
    return [line] if names else []


def in_tuple(names: Sequence[str]) -> str:
    """Names as a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def unpacked(names: Sequence[str], whole: str) -> list[str]:
    """The line that gives names to the parts of a whole; none for no names."""
    return [f"{in_tuple(names) if len(names) == 1 else ', '.join(names)} = {whole}"] if names else []


def wrapped(head: str, parts: Sequence[str], joiner: str, tail: str) -> list[str]:
    """`head part joiner part ... tail`, on one line if it fits, else as many parts to a line as do."""
    line = head + joiner.join(parts) + tail
    if len(line) <= WIDTH:
        return [line]
    rows = [""]
    for k, part in enumerate(parts):
        piece = part + (joiner.rstrip() if k < len(parts) - 1 else "")
        if rows[-1] and len(rows[-1]) + len(piece) + 1 > WIDTH - 4:
            rows.append("")
        rows[-1] += f" {piece}" if rows[-1] else piece
    return [head, *(f"    {row}" for row in rows), tail.lstrip()]


def in_groups(terms: Sequence[str], most: int = 1000) -> list[str]:
    """The terms of a sum; of a very long one, sums in parentheses, for Python's compiler nests every + in the next."""
    if len(terms) <= most:
        return list(terms)
    return [f"({' + '.join(terms[i : i + most])})" for i in range(0, len(terms), most)]
