"""Graphs of computations as data: nodes with value and gradient, edges from what goes in to what comes out.

A `Graph` is made from a traced step or from a walk back. It has places (`layered_layout`), a figure (`graph_figures`)
and two texts that other programs draw: Mermaid for Markdown pages, DOT for Graphviz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tidu.pictures.layered_layout import Box, Layout, layout_of
from tidu.text import columns_of

Kind = Literal["data", "parameter", "value", "layer", "loss"]
OUTLINES = {
    "data": "#8a8f98",
    "parameter": "#3a9c55",
    "value": "#2868b0",
    "layer": "#8559a5",
    "loss": "#e07b1a",
}  # of boxes
SHOWN = 4  # numbers of a vector that are written out
LINE = 0.205  # inches from one line of a box to the next
CHARACTER = 0.088  # inches, of the font in boxes
PAD = 0.24  # inches, left and right of the text together


@dataclass(frozen=True)
class Node:
    """One value of a computation.

    Attributes
    ----------
    name : as the loop calls it, or after the operation that made it.
    formula : how it was computed from the names of its arguments; empty for a leaf.
    value : a number, or an array.
    gradient : the derivative of the last node by it, of the same shape; None for data.
    of_batch : of a parameter, the mean of the gradient over the batch, with which the step is made.
    parameters : of a layer, the parameters that it learns, by name, each with its gradient.
    line : the line of the loop that computes it, from 1; 0 where it has none of its own.
    """

    name: str
    kind: Kind
    formula: str
    value: Any
    gradient: Any = None
    of_batch: Any = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0

    def lines(self, of_gradient: str) -> tuple[str, ...]:
        """What stands in its box, line by line; the gradient, if there is one, is the last."""
        computed = [] if self.kind == "layer" else [f"= {self.formula}"] if self.formula else []
        shape = f"  ({'×'.join(map(str, np.shape(self.value)))})" if np.ndim(self.value) else ""
        learned = [", ".join(self.parameters)] if self.parameters else []
        value = f"= {shown(self.value)}"
        last = [] if self.gradient is None else [of_gradient.format(name=self.name, gradient=shown(self.gradient))]
        return (self.name + shape, *learned, *computed, value, *last)


@dataclass(frozen=True)
class Edge:
    """From an argument to what uses it, by name; `local` is the slope between them, None where it is no number."""

    argument: str
    user: str
    local: Any = None


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of evaluation, each name once; the last is what the gradients are of.

    `title` says which step and row it is, `note` what the gradients are, `of_gradient` how one is written.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    title: str = ""
    note: str = ""
    of_gradient: str = "∂ℓ/∂{name} = {gradient}"

    def node(self, name: str) -> Node:
        """The node of this name."""
        return next(n for n in self.nodes if n.name == name)

    @cached_property
    def layout(self) -> Layout:
        """Where boxes and edges are, in inches, from left to right."""
        boxes = []
        for n in self.nodes:
            lines = n.lines(self.of_gradient)
            boxes.append(Box(n.name, PAD + CHARACTER * max(map(columns_of, lines)), 0.16 + LINE * len(lines)))
        return layout_of(boxes, [(e.argument, e.user) for e in self.edges])

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart from left to right, which Markdown pages draw."""
        names = {n.name: f"n{k}" for k, n in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        if self.title:
            lines.insert(0, f"%% {self.title}")
        for n in self.nodes:
            words = "<br/>".join(map(_in_mermaid, n.lines(self.of_gradient)))
            left, right = ("([", "])") if not n.formula else ("[", "]")
            lines.append(f'  {names[n.name]}{left}"{words}"{right}:::{n.kind}')
        for e in self.edges:
            slope = f'|"×{shown(e.local)}"|' if e.local is not None else ""
            lines.append(f"  {names[e.argument]} -->{slope} {names[e.user]}")
        used = {n.kind for n in self.nodes}
        lines += [f"  classDef {kind} fill:#fff,stroke:{colour}" for kind, colour in OUTLINES.items() if kind in used]
        return "\n".join(lines) + "\n"

    def dot(self) -> str:
        """The graph in DOT, the language of Graphviz, from left to right."""
        lines = ["digraph tidu {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
        if self.title:
            lines.append(f"  label={_quoted(self.title)}; labelloc=t;")
        lines += [
            f"  {_quoted(n.name)} [label={_label(n, self.of_gradient)}, color={_quoted(OUTLINES[n.kind])}];"
            for n in self.nodes
        ]
        for e in self.edges:
            slope = f" [label={_quoted('×' + shown(e.local))}]" if e.local is not None else ""
            lines.append(f"  {_quoted(e.argument)} -> {_quoted(e.user)}{slope};")
        return "\n".join([*lines, "}"]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, places included: what a page draws, and `--json` prints."""
        layout = self.layout
        nodes = []
        for n in self.nodes:
            box = layout.boxes[n.name]
            nodes.append(
                {
                    "name": n.name, "kind": n.kind, "formula": n.formula, "value": _plain(n.value),
                    "gradient": _plain(n.gradient), "batch_gradient": _plain(n.of_batch),
                    "parameters": {name: _plain(g) for name, g in n.parameters.items()}, "line": n.line,
                    "x": box.x, "y": box.y, "width": box.width, "height": box.height,
                }
            )  # fmt: skip
        edges = [
            {"from": e.argument, "to": e.user, "slope": _plain(e.local), "points": [list(p) for p in points]}
            for e, points in zip(self.edges, layout.edges, strict=True)
        ]
        return {"title": self.title, "note": self.note, "width": layout.width, "height": layout.height,
                "nodes": nodes, "edges": edges}  # fmt: skip


def shown(value: Any, digits: int = 5) -> str:
    """A number in short; of a vector its first numbers, of a matrix the root mean square."""
    array = np.asarray(value, dtype=np.float64) + 0.0  # no -0
    if array.ndim == 0:
        words = f"{array.item():.{digits}g}"
    elif array.ndim == 1 and array.size <= SHOWN:
        words = "[" + ", ".join(f"{x:.3g}" for x in array) + "]"
    else:
        words = f"rms {np.sqrt(np.mean(array**2)):.3g}"
    return words.replace("-", "−").replace("e−", "e-")


def _plain(value: Any) -> Any:
    return None if value is None else np.asarray(value, dtype=np.float64).tolist()


def _label(n: Node, of_gradient: str) -> str:
    return '"' + "\\n".join(_quoted(line)[1:-1] for line in n.lines(of_gradient)) + '"'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _in_mermaid(text: str) -> str:
    """Signs that Mermaid reads otherwise, as entities; first the one that begins an entity."""
    for sign, entity in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text
