"""The text of one generated function: its lines, its names, its imports, and lines that are not too long.

Used by every writer of generated sources: `loop`, `array`, `curvature`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tidu.engines.program import Program
from tidu.engines.statements import Names, repeated_columns
from tidu.language.expr import Expr
from tidu.runtime import ieee

WIDTH = 100


class Writer:
    """Collects the lines of one function, and the names that it uses."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = Names()
        self.lines: list[str] = []
        self.columns = [self.names.name(c, c.name) for c in program.columns]
        self.parameters = [self.names.name(p, p.name) for p in program.parameters]
        self.cells: dict[Expr, str] = {}

    def add(self, depth: int, *lines: str) -> None:
        """Lines at a depth of indentation."""
        self.lines += ["    " * depth + line if line else "" for line in lines]

    def own(self, wish: str) -> str:
        """A name of the loop itself, which evades the user's."""
        return self.names.fresh(wish)

    def sample(self, depth: int, i: str, outputs: Sequence[Expr]) -> None:
        """The cells that one sample reads more than once get a name; the others are read in place."""
        repeated = repeated_columns(outputs, self.program.columns)
        for column, array in zip(self.program.columns, self.columns, strict=True):
            self.names.of[column] = f"{array}[{i}]"
        for column, array in zip(self.program.columns, self.columns, strict=True):
            if column in repeated:
                cell = self.own(f"{array}_{i}")
                self.add(depth, f"{cell} = {array}[{i}]")
                self.names.of[column] = cell

    def source(self, title: str) -> str:
        """The text of the module: docstring, imports, functions."""
        body = "\n".join(self.lines)
        words = set(re.findall(r"\w+", body))  # none of the user's is called as these functions are
        used = [name for name in vars(ieee) if not name.startswith("_") and name in words]
        imports = imported("tidu.runtime.ieee", used)
        called = [name for name in ("record", "summed") if name in words]
        imports += [f"from tidu.runtime.summation import {', '.join(called)}"] if called else []
        imports = ["from numpy import float32", "", *imports] if "float32" in words else imports
        return "\n".join([f'"""{harmless(title)}"""', "", *imports, *([""] if imports else []), "", body, ""])


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
