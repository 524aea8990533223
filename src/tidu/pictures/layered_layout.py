"""Where the boxes of a graph stand: in layers from left to right, few crossings, edges around boxes.

The way of Sugiyama, Tagawa & Toda (1981): a layer for each node, a point in each layer that an edge passes, an order in
each layer by the mean place of the neighbours, then heights that pull each box towards them. Called by `graphs`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SWEEPS = 12  # over the layers, back and forth: more changes nothing on graphs of this size
ACROSS, DOWN = 0.68, 0.22  # inches between layers, and between boxes of one layer
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box with its size, and once it is laid out its centre; inches, y upward."""

    name: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Boxes by name, and for each edge the points that it passes, from the right of one box to the left of another."""

    boxes: Mapping[str, Box]
    edges: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layout_of(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> Layout:
    """The layout of a graph without cycles.

    Parameters
    ----------
    boxes : in an order in which arguments come before their users.
    edges : pairs (argument, user) of names.
    """
    layer = _layers([b.name for b in boxes], edges)
    size = {b.name: (b.width, b.height) for b in boxes}
    chains: list[list[str]] = []  # of each edge: its two ends, and between them a point in each layer that it passes
    links: list[tuple[str, str]] = []
    for k, (a, b) in enumerate(edges):
        passed = [f"\0{k}:{at}" for at in range(layer[a] + 1, layer[b])]
        for at, name in enumerate(passed, layer[a] + 1):
            layer[name], size[name] = at, (0.0, 0.0)
        chains.append([a, *passed, b])
        links += itertools.pairwise(chains[-1])
    columns = _ordered(layer, links)
    y = _heights(columns, links, {name: height for name, (_w, height) in size.items()})
    x, edge_of = 0.0, {}
    for column in columns:
        wide = max((size[name][0] for name in column), default=0.0)
        for name in column:
            edge_of[name] = (x, x + wide)
        x += wide + ACROSS
    placed = {b.name: Box(b.name, b.width, b.height, sum(edge_of[b.name]) / 2, y[b.name]) for b in boxes}
    lines = []
    for chain in chains:
        first, last = placed[chain[0]], placed[chain[-1]]
        points = [(first.x + first.width / 2, first.y)]
        for name in chain[1:-1]:
            points += [(edge_of[name][0], y[name]), (edge_of[name][1], y[name])]
        lines.append((*points, (last.x - last.width / 2, last.y)))
    top = max((b.y + b.height / 2 for b in placed.values()), default=0.0)
    return Layout(placed, tuple(lines), x - ACROSS, top)


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """A layer for each node: after all its arguments; leaves directly before their first user."""
    arguments: dict[str, list[str]] = {name: [] for name in names}
    users: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        arguments[b].append(a)
        users[a].append(b)
    layer: dict[str, int] = {}
    for name in names:
        layer[name] = max((layer[a] + 1 for a in arguments[name]), default=0)
    for name in names:
        if not arguments[name] and users[name]:
            layer[name] = min(layer[user] for user in users[name]) - 1
    return layer


def _ordered(layer: Mapping[str, int], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The nodes of each layer in an order with few crossings."""
    columns: list[list[str]] = [[] for _k in range(max(layer.values(), default=-1) + 1)]
    for name, at in layer.items():
        columns[at].append(name)
    left: dict[str, list[str]] = {name: [] for name in layer}
    right: dict[str, list[str]] = {name: [] for name in layer}
    for a, b in links:
        left[b].append(a)
        right[a].append(b)
    best, fewest = [list(c) for c in columns], _crossings(columns, links)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        neighbours = left if forward else right
        for at in range(len(columns)) if forward else range(len(columns) - 1, -1, -1):
            next_to = at - 1 if forward else at + 1
            place = {name: k for k, name in enumerate(columns[next_to])} if 0 <= next_to < len(columns) else {}
            middle: dict[str, float] = {}
            for k, name in enumerate(columns[at]):
                found = [place[n] for n in neighbours[name] if n in place]
                middle[name] = sum(found) / len(found) if found else k
            columns[at].sort(key=middle.__getitem__)
        crossings = _crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
    return best


def _crossings(columns: Sequence[Sequence[str]], links: Sequence[tuple[str, str]]) -> int:
    """How many pairs of links between neighbouring layers cross."""
    place = {name: (at, k) for at, column in enumerate(columns) for k, name in enumerate(column)}
    count = 0
    for at in range(len(columns) - 1):
        ends = [(place[a][1], place[b][1]) for a, b in links if place[a][0] == at]
        count += sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(ends) for c, d in ends[:k])
    return count


def _heights(
    columns: Sequence[Sequence[str]], links: Sequence[tuple[str, str]], height: Mapping[str, float]
) -> dict[str, float]:
    """A centre for each node: near its neighbours', in the order of its layer, no two boxes over one another."""
    y: dict[str, float] = {}
    for column in columns:
        at = 0.0
        for name in column:
            y[name] = at - height[name] / 2
            at -= height[name] + DOWN
        shift = at / 2
        for name in column:
            y[name] -= shift
    beside: dict[str, list[str]] = {name: [] for name in y}
    for a, b in links:
        beside[a].append(b)
        beside[b].append(a)
    for sweep in range(2 * SWEEPS + 1):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wished = [float(np.mean([y[n] for n in beside[name]])) if beside[name] else y[name] for name in column]
            y |= zip(column, _apart(wished, [height[n] for n in column]), strict=True)
    low = min((y[n] - height[n] / 2 for n in y), default=0.0)
    return {name: place - low for name, place in y.items()}


def _apart(wished: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The places nearest to those wished for, from the top down, at which boxes of these heights do not touch.

    Boxes that would touch move as one block, whose place is the mean of what its boxes wish.
    """
    offsets = [0.0]
    for above, below in itertools.pairwise(heights):
        offsets.append(offsets[-1] + above / 2 + DOWN + below / 2)
    blocks: list[tuple[float, int]] = []  # the sum of wishes for the first place, and of how many boxes
    for wish, offset in zip(wished, offsets, strict=True):
        total, count = wish + offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] < total / count:  # the block above would lie below this one
            before, many = blocks.pop()
            total, count = total + before, count + many
        blocks.append((total, count))
    firsts = [total / count for total, count in blocks for _k in range(count)]
    return [first - offset for first, offset in zip(firsts, offsets, strict=True)]
