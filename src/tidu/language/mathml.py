"""Presentation MathML: what a browser sets as a book does, each node of the expression a part that a page can light up.

One more notation of `printer.py`. What an operation looks like is read off its entry in the table: `mathml`, or where
that is empty, its `unicode`. Pages, reports and worksheets call it; they put the markup into a `math` element.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from html import escape

from tidu.language.expr import Expr
from tidu.language.level_parameters import parameter_and_level, shown_by_level
from tidu.language.operation import ATOM, COMPARE, MULTIPLY, NEGATE, POWER
from tidu.language.printer import (
    FIRST_LISTED,
    GREEK,
    MOST_LISTED,
    Names,
    NodePrinter,
    Printed,
    lines_printed_by,
    plain_number,
    short_number,
    stem_and_digits,
    told_apart,
)
from tidu.text import _

Identity = Callable[[Expr], "str | None"]  # what a page calls a node; None where nobody asks for it
LONGEST = 200_000  # characters, markup included: ten for each character that is seen
_IDENTITY = "data-node"
_TIMES, _DOT = "<mo>\N{INVISIBLE TIMES}</mo>", "<mo>·</mo>"
_PIECE = re.compile(r"\{(?:\d|args)\}|[^\W\d]\w*|\d+|\S")
_HOLE = re.compile(r"\{(\d|args)\}")
_MINUS_FIRST = re.compile(r"(?:<mrow[^>]*>)*<mo[^>]*>−")
_TOKEN = re.compile(r"<(m[ino])[^>]*>([^<]*)</m[ino]>")


def mathml(expr: Expr, names: Names | None = None, identity: Identity | None = None) -> str:
    """`expr` as presentation MathML, without the `math` element around it.

    Parameters
    ----------
    expr : any expression
    names : markup for nodes that are shown by a name in place of their inside; `mathml_name` writes it.
    identity : what a page calls a node. The element of each node, `names` included, then has it as `data-node`; the
        nearest such element around a token is the node that the token belongs to.
    """
    return mathml_lines([expr], names or {}, identity)[0]


def mathml_lines(exprs: Sequence[Expr], names: Names, identity: Identity | None = None) -> list[str]:
    """Each of `exprs` in MathML; what they share is printed once, and behind a length nothing."""
    return lines_printed_by(exprs, _named(exprs, names, identity), _node_printer(identity), LONGEST, "<mi>…</mi>")


def mathml_name(name: str) -> str:
    """A symbol in MathML: w1 is w with a subscript, alpha is α, a longer word is upright."""
    if (of_level := parameter_and_level(name)) is not None:
        return f"<msub>{mathml_name(of_level[0])}{mathml_name(of_level[1])}</msub>"
    stem, digits = stem_and_digits(name)
    letter = f"<mi>{escape(GREEK.get(stem, stem))}</mi>"
    return f"<msub>{letter}<mn>{digits}</mn></msub>" if digits else letter


def math(content: str, block: bool = False) -> str:
    """A `math` element around markup, in the line or as a `block` of its own."""
    return f'<math display="{"block" if block else "inline"}"><mrow>{content}</mrow></math>'


def mathml_number(value: float) -> str:
    """A number in MathML: 2, ½, π, −0.5, 1 × 10⁻⁷."""
    sign = "<mo>−</mo>" if str(value)[0] == "-" else ""
    shown = short_number(abs(value))
    mantissa, _e, exponent = plain_number(abs(value)).partition("e")
    if exponent:
        number = f"<mn>{mantissa}</mn><mo>×</mo><msup><mn>10</mn>{mathml_number(float(exponent))}</msup>"
        return f"<mrow>{sign}{number}</mrow>"
    number = f"<mi>{shown}</mi>" if shown == "π" else f"<mn>{shown}</mn>"
    return f"<mrow>{sign}{number}</mrow>" if sign else number


def _named(exprs: Sequence[Expr], names: Names, identity: Identity | None) -> Names:
    return {node: _identified(f"<mrow>{markup}</mrow>" if identity and identity(node) else markup, node, identity)
            for node, markup in {**_told_apart(tuple(exprs)), **names}.items()}  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _told_apart(exprs: tuple[Expr, ...]) -> Names:
    """Markup of what would look alike, and of choices by level."""
    alike = {node: f"<mi>{escape(name)}</mi>" for node, name in told_apart(exprs, {}).items()}
    return alike | shown_by_level(exprs, lambda name, columns: mathml_name(f"{name}[{', '.join(columns)}]"))


def _identified(markup: str, node: Expr, identity: Identity | None) -> str:
    """`markup`, which is one element, with what the page calls `node`."""
    called = identity(node) if identity is not None else None
    if called is None:
        return markup
    return re.sub(r"^<(\w+)", rf'<\1 {_IDENTITY}="{escape(called)}"', markup, count=1)


def _node_printer(identity: Identity | None) -> NodePrinter:
    def node_printer(node: Expr, parts: list[Printed]) -> Printed:
        markup, binding = _node(node, parts)
        return (markup if markup in [p[0] for p in parts] else _identified(markup, node, identity)), binding

    return node_printer


def _node(node: Expr, parts: list[Printed]) -> Printed:
    if node.is_constant:
        exponent = "e" in plain_number(node.value)
        binding = NEGATE if str(node.value)[0] == "-" else MULTIPLY if exponent else ATOM
        return mathml_number(node.value), binding
    if node.is_symbol:
        return mathml_name(node.name), ATOM
    name = node.op.name
    if name == "multiply":
        left, right = _bracketed(parts[0], MULTIPLY), _right(parts[1], MULTIPLY)
        return f"<mrow>{left}{_sign_between(left, right)}{right}</mrow>", MULTIPLY
    if name in ("integer_power", "power"):
        base = parts[0][0] if parts[0][1] == ATOM and "<msup" not in parts[0][0] else _in_brackets(parts[0][0])
        return f"<msup>{base}{mathml_number(float(node.attrs[0])) if node.attrs else parts[1][0]}</msup>", POWER
    return _filled(node, parts)


def _filled(node: Expr, parts: list[Printed]) -> Printed:
    op = node.op
    if op.unicode == "{0}" and not op.mathml:  # what only changes a shape
        return parts[0]
    template = op.mathml or (_read_off(op.unicode) if op.unicode else _read_off(f"{op.name}({{args}})"))
    free = op.binding == ATOM or not template.startswith("<mrow>")
    if free:
        shown = [p[0] for p in parts]
    elif len(parts) == 1:
        shown = [_right(parts[0], MULTIPLY if op.binding == NEGATE else op.binding)]
    else:
        tighter = op.right + (op.binding <= COMPARE)
        first = _bracketed(parts[0], op.binding + (op.binding == COMPARE))
        shown = [first, *(_right(p, op.binding + tighter) for p in parts[1:])]
    few = shown if len(shown) <= MOST_LISTED else [*shown[:FIRST_LISTED], "<mi>…</mi>", shown[-1]]
    holes = {"args": "<mo>,</mo>".join(few)} | {str(k): part for k, part in enumerate(shown)}
    template = re.sub(r"<mtext>(.*?)</mtext>", lambda words: f"<mtext>{escape(_(words[1]))}</mtext>", template)
    return _HOLE.sub(lambda hole: holes[hole[1]], template), op.binding


@functools.cache
def _read_off(template: str) -> str:
    """A template for one line of mathematics as markup: words are names, signs are operators."""
    pieces = []
    for piece in _PIECE.findall(template):
        if piece[0] == "{" and len(piece) > 1:
            pieces.append(piece)
        elif piece[0].isalnum():
            pieces.append(f"<mi>{piece}</mi>")
        else:
            pieces.append(f"<mo>{escape({'==': '=', '-': '−'}.get(piece, piece))}</mo>")
    return f"<mrow>{''.join(pieces).replace('<mo>=</mo><mo>=</mo>', '<mo>=</mo>')}</mrow>"


def _in_brackets(markup: str) -> str:
    return f"<mrow><mo>(</mo>{markup}<mo>)</mo></mrow>"


def _bracketed(part: Printed, least: int) -> str:
    return part[0] if part[1] >= least else _in_brackets(part[0])


def _right(part: Printed, least: int) -> str:
    """An operand that something precedes: one that begins with a minus sign is bracketed too."""
    return _in_brackets(part[0]) if part[1] < least or _MINUS_FIRST.match(part[0]) else part[0]


def _sign_between(left: str, right: str) -> str:
    """What stands between two factors: nothing that is seen, or a dot where they could be read as one word."""
    before = (_TOKEN.findall(left[-400:]) or _TOKEN.findall(left))[-1:]
    after = _TOKEN.findall(right[:400])[:2]
    one_word = any(kind == "mi" and len(word) > 1 for kind, word in [*before, *after[:1]])
    a_number = after[:1] != [] and after[0][0] == "mn"
    negative = [word for _kind, word in after] == ["(", "−"]
    a_bar = after[:1] == [("mo", "|")]  # which might close one that was opened
    return _DOT if one_word or a_number or negative or a_bar else _TIMES
