"""The graph of a script's first walk back: every tensor with its value and gradient, under the script's own names."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from tidu.eager.graph import adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.insight.watching.watcher import Training, Walk
from tidu.language.operation import Op
from tidu.pictures.graphs import Edge, Graph, Kind, Node
from tidu.text import _

MOST_NODES = 60  # of a graph that a person looks at


def walked_graph(training: Training) -> Graph | None:
    """The graph of the training's first walk; None where it is too large to be looked at."""
    if not training.walks:
        return None
    walk = training.walks[0]
    order = backward_order(walk.output)
    if len(order) > MOST_NODES:
        return None
    names = _names(training, walk, order)
    seed: Any = 1.0 if type(walk.output.value) is float else np.ones_like(walk.output.value)
    slopes = adjoints(walk.output, seed, order, every=True)
    nodes: list[Node] = []
    edges: list[Edge] = []
    inputs = 0
    for t in reversed(order):
        if t.made is None:
            nodes.append(Node(names[t], "parameter", "", walk.values.get(t, t.value), slopes.get(t)))
            continue
        op, parents, values, attrs = t.made
        arguments = []
        for parent, value in zip(parents, values, strict=True):
            if parent is not None:
                arguments.append(names[parent])
            elif np.ndim(value) == 0:
                arguments.append(f"{np.asarray(value).item():.4g}")
            else:
                inputs += 1
                name = _("data {k}").format(k=inputs)
                nodes.append(Node(name, "data", "", np.asarray(value, dtype=np.float64)))
                edges.append(Edge(name, names[t]))
                arguments.append(name)
        kind: Kind = "loss" if t is walk.output else "value"
        nodes.append(Node(names[t], kind, formula_of(op, arguments, attrs), t.value, slopes.get(t)))
        edges += [Edge(names[p], names[t]) for p in dict.fromkeys(parents) if p is not None]
    return Graph(
        tuple(nodes), tuple(edges), _("{name}: the first backward()").format(name=training.name),
        _("below each value the gradient of {name}").format(name=training.name)
        if np.size(walk.output.value) == 1
        else _("below each value the gradient of the sum of {name}").format(name=training.name),
        f"∂{training.name}/∂{{name}} = {{gradient}}",
    )  # fmt: skip


def formula_of(op: Op, arguments: list[str], attrs: tuple[Any, ...]) -> str:
    """An operation with the names of its arguments."""
    if op.name == "integer_power" and 0 <= attrs[0] <= 9:
        return arguments[0] + "⁰¹²³⁴⁵⁶⁷⁸⁹"[attrs[0]]
    if op.elementwise:
        return op.unicode.replace("{a}", str(attrs[0]) if attrs else "").format(*arguments)
    return f"{op.name}({', '.join(arguments)})"


def _names(training: Training, walk: Walk, order: list[Tensor]) -> dict[Tensor, str]:
    names = {leaf.tensor: leaf.name for leaf in training.leaves}
    names[walk.output] = training.name
    used = set(names.values())
    count: Counter[str] = Counter()
    for t in reversed(order):
        if t in names:
            continue
        noun = t.made[0].noun if t.made is not None and t.made[0].noun else t.made[0].name if t.made else "w"
        name = ""
        while not name or name in used:
            count[noun] += 1
            name = f"{noun}_{count[noun]}"
        used.add(name)
        names[t] = name
    return names
