"""Graphs as text that other programs draw: Mermaid for Markdown pages, DOT for Graphviz."""

from __future__ import annotations

from tidu.pictures.graphs import Graph, Node, shown

COLOURS = {"data": "#8a8f98", "parameter": "#3a9c55", "value": "#2868b0", "layer": "#8559a5", "loss": "#e07b1a"}


def mermaid(graph: Graph) -> str:
    """A flowchart from left to right."""
    names = {n.name: f"n{k}" for k, n in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    if graph.title:
        lines.insert(0, f"%% {graph.title}")
    for n in graph.nodes:
        words = "<br/>".join(map(_in_mermaid, n.lines(graph.of_gradient)))
        left, right = ("([", "])") if not n.formula else ("[", "]")
        lines.append(f'  {names[n.name]}{left}"{words}"{right}:::{n.kind}')
    for e in graph.edges:
        slope = f'|"×{shown(e.local)}"|' if e.local is not None else ""
        lines.append(f"  {names[e.argument]} -->{slope} {names[e.user]}")
    used = {n.kind for n in graph.nodes}
    lines += [f"  classDef {kind} fill:#fff,stroke:{colour}" for kind, colour in COLOURS.items() if kind in used]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """A digraph from left to right."""
    lines = ["digraph tidu {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    if graph.title:
        lines.append(f"  label={_quoted(graph.title)}; labelloc=t;")
    lines += [f"  {_quoted(n.name)} [label={_label(n, graph)}, color={_quoted(COLOURS[n.kind])}];" for n in graph.nodes]
    for e in graph.edges:
        slope = f" [label={_quoted('×' + shown(e.local))}]" if e.local is not None else ""
        lines.append(f"  {_quoted(e.argument)} -> {_quoted(e.user)}{slope};")
    return "\n".join([*lines, "}"]) + "\n"


def _label(n: Node, graph: Graph) -> str:
    return '"' + "\\n".join(_quoted(line)[1:-1] for line in n.lines(graph.of_gradient)) + '"'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _in_mermaid(text: str) -> str:
    """Signs that Mermaid reads otherwise, as entities; first the one that begins an entity."""
    for sign, entity in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(sign, entity)
    return text
