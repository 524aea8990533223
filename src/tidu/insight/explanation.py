"""One step of a run as data that a person can follow: entries, nodes and equations, each with an identity.

An entry is a value of the loop; what went into it are other entries, back to data and parameters. A node is a part of a
formula; its identity stands in the formula's markup, in the entries, and here with its rule, its line and its value in
each chosen row. Renderers (terminal, Markdown, LaTeX, HTML, JSON) compute nothing. Made by `explain`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from tidu.errors import SettingError, closest
from tidu.insight.ledger import Ledger
from tidu.insight.written import Symbol, number, shown
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import FIRST_LISTED, MOST_LISTED
from tidu.text import _, language, mark
from tidu.training.as_json import json_safe, numbers_as_lists
from tidu.training.questions import answered

BLOCKS = {
    "given": mark("where the step begins"),
    "step": mark("before the samples"),
    "forward": mark("forward pass: from the parameters to the prediction"),
    "loss": mark("loss: how wrong the prediction is"),
    "backward": mark("backward pass: the chain rule, from the loss to the parameters"),
    "accumulate": mark("accumulated: what this sample adds to the sums"),
    "mean": mark("mean over the batch"),
    "penalty": mark("penalty: what it adds to the gradient"),
    "clip": mark("clipping: the gradient is bounded"),
    "rate": mark("the learning rate of this step"),
    "update": mark("update: from the mean gradient to the new parameters"),
}
_DOUBLED = re.compile(r"\(\(([-−][\w.−-]+)\)\)")  # a negative number, bracketed, as the argument of a function
_RUN = re.compile(r"(?<=\[)[^<]+(?=\])|\d[\d.]*")  # all that stands in an array, or the digits of a number
_DIGITS = "\ue000"  # what stands for one
_HELD = re.compile("0\ue000(\\d+),(\\d+)\ue001")
LONGEST_FORM = 5000  # characters of a formula with places for numbers, that is printed once for many steps
_POWERED = re.compile(r"(∂\w+/∂[\wŷ]+)([²³⁴-⁹])")  # a derivative to a power needs brackets


@dataclass(frozen=True)
class Part:
    """What stands in a formula under a name: its node, what people and the loop call it, its value, and its entry."""

    node: Expr
    symbol: Symbol
    value: Any
    source: str

    def of_unit(self, unit: tuple[int, ...]) -> Part:
        """The same of one unit, where it has units."""
        return replace(self, value=_of_unit(self.value, unit))


@functools.lru_cache(maxsize=2048)
def _formula(expression: Expr, parts: tuple[tuple[Expr, Symbol], ...], notation: str, _language: str) -> str:
    """A formula in which parts have names, in a language: the same at every step of a training that is shown."""
    whole = shown(expression, {node: symbol.written(notation) for node, symbol in parts}, notation)
    return _POWERED.sub(r"(\1)\2", whole) if notation == "unicode" else whole


@functools.lru_cache(maxsize=4096)
def _form(
    expression: Expr, nodes: tuple[Expr, ...], looks: tuple[str, ...], notation: str, _language: str
) -> str:  # fmt: skip
    """A formula, in a language, with numbers that look so: the digits of each stand as its part's and their place."""
    held = {}
    for k, (node, look) in enumerate(zip(nodes, looks, strict=True)):
        first, *others = look.split(_DIGITS)
        held[node] = first + "".join(f"0\ue000{k},{place}\ue001{text}" for place, text in enumerate(others))
    return shown(expression, held, notation)


@functools.lru_cache(maxsize=256)
def _elided(expression: Expr, nodes: tuple[Expr, ...]) -> frozenset[Expr]:
    """Of the symbols among `nodes`, those that dots stand for in a formula: the middle of a long list."""
    middle: set[Expr] = set()
    seen: set[Expr] = set()
    for node in evaluation_order([expression], known=frozenset(nodes)):
        is_long = "{args}" in node.op.unicode and len(node.args) > MOST_LISTED
        middle.update(node.args[FIRST_LISTED:-1] if is_long else ())
        seen.update((*node.args[:FIRST_LISTED], node.args[-1]) if is_long else node.args)
    return frozenset(node for node in middle.intersection(nodes) - seen if node.is_symbol)


def _put_in(expression: Expr, parts: tuple[tuple[Expr, str], ...], notation: str) -> str:
    """A formula with these numbers in place of nodes. How it is printed depends on signs and dots, not on digits.

    Of an array it depends on nothing but that it is one.
    """
    looks = tuple(_RUN.sub(_DIGITS, text) for _node, text in parts)
    form = _form(expression, tuple(node for node, _text in parts), looks, notation, language())
    if len(form) > LONGEST_FORM:  # what is cut for its length is cut by its own
        return shown(expression, dict(parts), notation)
    runs = [_RUN.findall(text) for _node, text in parts]
    return _HELD.sub(lambda held: runs[int(held[1])][int(held[2])], form)


@dataclass(frozen=True)
class Entry:
    """One value: `symbol` = formula, with numbers put in, is `value`; at `line` of the loop, whose text is `code`.

    Attributes
    ----------
    id : by which other entries name it.
    node : the identity of the node that it is the value of; empty for what is no node, such as a mean.
    name : what the loop calls it; `symbol` is what people do.
    expression : the formula, in which each of `parts` is shown by its name, or its number.
    words : what is said in place of a formula, where there is none.
    row : the row of the data, or None for what is of the whole step. Of a sum, the value of a row is what it adds.
    line, code : the line of the loop; 0 and empty for what is given to it.
    rule : in a sentence, what made it: the rule of calculus, or what the step does here.
    layer : of a network, the number of the layer, from 0; None elsewhere.
    """

    id: str
    node: str
    block: str
    name: str
    symbol: Symbol
    expression: Expr | None
    parts: tuple[Part, ...]
    words: str
    value: Any
    row: int | None
    line: int
    code: str
    rule: str
    layer: int | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The entries that went in."""
        return tuple(dict.fromkeys(part.source for part in self.parts if part.source))

    @property
    def shape(self) -> tuple[int, ...]:
        """That of its value."""
        return np.shape(self.value)

    def formula(self, notation: str = "text") -> str:
        """What it is computed as: names for its parts."""
        if self.expression is None:
            return f"<mtext>{escape(self.words)}</mtext>" if self.words and notation == "mathml" else self.words
        parts = tuple((p.node, p.symbol) for p in self._shown_parts(notation))
        return _formula(self.expression, parts, notation, language())

    def numbers(self, notation: str = "text") -> str:
        """The formula with the numbers put in; empty where there is none."""
        if self.expression is None:
            return ""
        numbers = tuple((p.node, number(p.value, notation, inside=True)) for p in self._shown_parts(notation))
        return _DOUBLED.sub(r"(\1)", _put_in(self.expression, numbers, notation))

    def _shown_parts(self, notation: str) -> tuple[Part, ...]:
        """Its parts without those that dots stand for: of hundreds of columns, a handful is printed."""
        if len(self.parts) <= MOST_LISTED or notation == "text" or self.expression is None:
            return self.parts
        elided = _elided(self.expression, tuple(p.node for p in self.parts))
        return tuple(p for p in self.parts if p.node not in elided)

    def result(self, notation: str = "text") -> str:
        """Its value in ten digits."""
        return number(self.value, notation, digits=10)

    def equation(self, notation: str = "unicode") -> list[str]:
        """Symbol, formula, numbers put in, result; what would stand there twice is left out."""
        told = [self.symbol.written(notation), self.formula(notation)]
        if len(self.parts) != 1 or self.expression is not self.parts[0].node:
            told.append(self.numbers(notation))
        told.append(self.result(notation))
        return [part for k, part in enumerate(told) if part and part not in told[:k]]

    def of_unit(self, unit: tuple[int, ...]) -> Entry:
        """The same of one unit of a layer: of arrays, the number at this place; a row of a matrix, where one is short.

        Sums over what comes in keep all of it.
        """
        if not self.shape:
            return self
        operation = "" if self.expression is None else self.expression.op.name
        places = [unit] * len(self.parts)
        if operation == "matmul" and len(self.parts) == 2:
            places = [unit[:1], ()]
        elif operation == "outer" and len(self.parts) == 2:
            places = [unit[:1], unit[1:]]
        parts = tuple(p.of_unit(place) for p, place in zip(self.parts, places, strict=True))
        mark_of_unit = f"[{', '.join(map(str, unit[: len(self.shape)]))}]"
        return replace(self, value=_of_unit(self.value, unit), parts=parts, symbol=self.symbol.marked(mark_of_unit))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        notations = {
            notation: {"symbol": self.symbol.written(notation), "formula": self.formula(notation),
                       "numbers": self.numbers(notation)}
            for notation in ("latex", "mathml")
        }  # fmt: skip
        value = self.value.tolist() if isinstance(self.value, np.ndarray) else float(self.value)
        return {
            "id": self.id, "node": self.node, "block": self.block, "name": self.name,
            "symbol": self.symbol.written("unicode"), "formula": self.formula(), "numbers": self.numbers(),
            "value": json_safe(value), "row": self.row, "line": self.line, "code": self.code, "rule": self.rule,
            "uses": list(dict.fromkeys(p.symbol.name for p in self.parts)), "sources": list(self.sources),
            "layer": self.layer, **notations,
        }  # fmt: skip


def _of_unit(value: Any, unit: tuple[int, ...]) -> Any:
    rank = np.ndim(value)
    if not rank:
        return value
    place = tuple(min(k, n - 1) for k, n in zip(unit, np.shape(value), strict=False))
    return np.asarray(value)[place][()]


@dataclass(frozen=True)
class Node:
    """A part of a formula. `name` is what the loop calls it, empty where it is written out; `line` computes it.

    `rule` is the rule of calculus for its operation, or of its derivation; `values` are those of the chosen rows, or
    under None what all rows share; `arguments` are the identities of what it is computed from.
    """

    id: str
    text: str
    name: str
    line: int
    rule: str
    arguments: tuple[str, ...]
    values: Mapping[int | None, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {"" if row is None else str(row): json_safe(numbers_as_lists({"": v})[""])
                  for row, v in self.values.items()}  # fmt: skip
        return {
            "id": self.id, "text": self.text, "name": self.name, "line": self.line, "rule": self.rule,
            "arguments": list(self.arguments), "values": values,
        }  # fmt: skip


@dataclass(frozen=True)
class Equation:
    """`symbol` = a formula of the program: the prediction, the loss, each derivative.

    In `mathml` each part has the identity of its node, as `data-node`.
    """

    symbol: Symbol
    node: str
    unicode: str
    latex: str
    mathml: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"symbol": self.symbol.written("unicode"), "node": self.node, "text": self.unicode,
                "latex": self.latex, "mathml": self.mathml}  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """A step of a run. `rows` are those whose own values are told; `batch` is which rows fed the step, in its order.

    `layers` are the layers of a network, in words; `notes` are sentences that a reader must know besides.
    """

    formula: str
    step: int
    epoch: int
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    before: dict[str, Any]
    after: dict[str, Any]
    loss: float
    taken: bool
    entries: tuple[Entry, ...]
    nodes: tuple[Node, ...]
    equations: tuple[Equation, ...]
    update: tuple[str, ...]  # the optimizer's rule, an assignment a line
    layers: tuple[str, ...]
    ledger: Ledger
    source: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, identity: str) -> Entry:
        """The entry of an identity."""
        return next(e for e in self.entries if e.id == identity)

    def of_row(self, row: int | None) -> tuple[Entry, ...]:
        """The values of one row, or those of the whole step."""
        return tuple(e for e in self.entries if e.row == row)

    def at_line(self, line: int) -> tuple[Entry, ...]:
        """What a line of the loop computed."""
        return tuple(e for e in self.entries if e.line == line)

    def at_node(self, node: str) -> tuple[Entry, ...]:
        """The entries that are values of a node, by its identity."""
        return tuple(e for e in self.entries if e.node == node)

    def origin_of(self, name: str, row: int | None = None) -> tuple[Entry, ...]:
        """The entry of a name, and before it all that went into it, back to data and parameters.

        Of several values under one name it is the last, or with `row` the last of this row.

        Raises
        ------
        SettingError
            The step has no such name.
        """
        called = [e for e in self.entries if name in (e.name, e.symbol.written("unicode"))]
        if not called:
            names = list(dict.fromkeys(e.name for e in self.entries))
            near = closest(name, names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(
                _("this step computes no '{name}'{hint}; it computes {names}").format(
                    name=name, hint=hint, names=", ".join(names)
                )
            )
        of_row = [e for e in called if e.row == row] if row is not None else []
        return self.behind((of_row or called)[-1].id)

    def behind(self, *identities: str) -> tuple[Entry, ...]:
        """Entries, and before them all that went into them, in the order in which they are computed."""
        by_id = {e.id: e for e in self.entries}
        found, waiting = set(), list(identities)
        while waiting:
            identity = waiting.pop()
            if identity not in found:
                found.add(identity)
                waiting += by_id[identity].sources
        return tuple(e for e in self.entries if e.id in found)

    def _repr_html_(self) -> str:
        page: str = answered("notebook", self)
        return page

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        return {
            "formula": self.formula, "step": self.step, "epoch": self.epoch, "batch": list(self.batch),
            "rows": list(self.rows), "before": numbers_as_lists(self.before),
            "after": numbers_as_lists(self.after), "loss": self.loss, "taken": self.taken,
            "entries": [e.to_dict() for e in self.entries], "nodes": [n.to_dict() for n in self.nodes],
            "equations": [q.to_dict() for q in self.equations], "update": list(self.update),
            "layers": list(self.layers), "reduction": self.ledger.sentences, "ledger": self.ledger.to_dict(),
            "source": self.source, "notes": list(self.notes),
        }  # fmt: skip


@dataclass(frozen=True)
class Section:
    """Entries of one kind, under a title; `ends_mean` says that the mean gradients end here."""

    title: str
    entries: tuple[Entry, ...]
    ends_mean: bool = False


def sections_of(found: Explanation, shown: tuple[Entry, ...]) -> tuple[Section, ...]:
    """Entries under the headings of their blocks, row by row, and of a network layer by layer."""
    groups: list[tuple[tuple[str, int | None, int | None], list[Entry]]] = []
    for e in shown:
        layer = e.layer if e.block not in ("given", "loss") else None
        key = (e.block, e.row, layer)
        if not groups or groups[-1][0] != key:
            groups.append((key, []))
        groups[-1][1].append(e)
    last_mean = max((k for k, (key, _entries) in enumerate(groups) if key[0] == "mean"), default=-1)
    return tuple(
        Section(_title(*key, found), tuple(entries), k == last_mean) for k, (key, entries) in enumerate(groups)
    )


def _title(block: str, row: int | None, layer: int | None, found: Explanation) -> str:
    title = _("sums over the batch") if block == "accumulate" and row is None and found.batch else _(BLOCKS[block])
    if layer is not None and found.layers:
        title = _("layer {k}, {what}").format(k=layer + 1, what=title)
    return title if row is None else _("row {row}, {what}").format(row=row, what=title)
