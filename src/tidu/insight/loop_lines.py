"""Which lines of a loop compute an expression: those of its own statement, and of the names that it reads.

Read by `derivation` and `explain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidu.engines.statements import Accumulate, Assignment, Block, Call, Reassignment, Return, Statement
from tidu.engines.step_reader import walked
from tidu.engines.writer import LoopText
from tidu.language.expr import Expr, evaluation_order


@dataclass(frozen=True)
class LoopLine:
    """A line of a loop's text, counted from 1."""

    number: int
    code: str


def lines_of(loop: LoopText) -> list[tuple[LoopLine, Statement]]:
    """The lines of the module behind its imports, each with its statement; one of several lines is told whole."""
    body = loop.dialect.rendered(loop.statements)
    text = loop.text.split("\n")
    first = len(text) - len(body)
    return [
        (LoopLine(first + k, statement_at(text, first + k)), statement) for k, (_line, statement) in enumerate(body)
    ]


def statement_at(text: Sequence[str], number: int) -> str:
    """The statement that begins in a line, counted from 1: further lines follow while a parenthesis is open."""
    if not 0 < number <= len(text):
        return ""
    whole = text[number - 1].strip()
    while whole.count("(") > whole.count(")") and number < len(text):
        number += 1
        whole += (" " if not whole.endswith("(") else "") + text[number - 1].strip()
    return whole


def named_in(loop: LoopText) -> dict[Expr, str]:
    """The nodes of one sample that the loop gives a name; a cell of an array has that of the array."""
    named: dict[Expr, str] = {}
    for block in walked(loop.statements):
        if isinstance(block, Call) and block.function == "take" and block.node is not None:
            named[block.node] = block.arguments[-1]
        if isinstance(block, Block) and block.kind in ("step", "forward", "loss", "backward"):
            for statement in block.statements:
                match statement:
                    case Assignment(node, name):
                        named.setdefault(node, name)
                    case Reassignment(name, node):
                        named[node] = name.partition("[")[0]
                    case Call(node=Expr() as node, arguments=arguments):
                        named[node] = arguments[-1].partition("[")[0]
    return named


def lines_for(loop: LoopText, wanted: Expr) -> tuple[LoopLine, ...]:
    """The lines that compute a node, in the order in which they run; the last is its own. Empty where it has none."""
    lines = lines_of(loop)
    made: dict[Expr, LoopLine] = {}
    own: LoopLine | None = None
    for line, statement in lines:
        for node in _computed(statement):
            if node is wanted and not isinstance(statement, Assignment):
                own = own or line
            else:
                made.setdefault(node, line)
    own = own or made.get(wanted)
    if own is None:
        return ()
    once = {n for block in walked(loop.statements) if isinstance(block, Block) and block.kind == "step"
            for statement in block.statements for n in _computed(statement)}  # fmt: skip
    needed = [(n not in once, made[n].number, made[n]) for n in evaluation_order([wanted]) if n in made]
    read = dict.fromkeys(line for _later, _number, line in sorted(needed, key=lambda found: found[:2]) if line != own)
    return (*read, own)


def _computed(statement: Statement) -> Iterator[Expr]:
    match statement:
        case Assignment(node, _name) | Reassignment(_name, node) | Accumulate(_name, node):
            yield node
        case Call(node=Expr() as node):
            yield node
        case Return(parts):
            yield from (part for part in parts if isinstance(part, Expr))
