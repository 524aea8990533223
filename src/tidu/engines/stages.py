"""In which order a program's nodes are computed on a tile: products of matrices, and between them groups of the rest.

A stage begins with the products whose arguments are there; then comes what is computed number by number, in groups of
one shape: first what has one number a sample, then what has one for each unit. A node that only a later stage reads is
computed there, so that fewer numbers are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tidu.language.expr import Expr, evaluation_order
from tidu.language.operation import Use


class NotOnTiles(Exception):
    """Something in the program has no counterpart in `runtime.tiles`."""


@dataclass(frozen=True)
class Product:
    """A call of `runtime.tiles`: `function(*arguments, count, node)`."""

    node: Expr
    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True)
class Group:
    """Nodes of one shape, computed number by number; `stored` are those that something else reads."""

    units: int | None  # None for one number a sample
    nodes: tuple[Expr, ...]
    stored: tuple[Expr, ...]


def units_of(node: Expr) -> int | None:
    """How many numbers a node has for each sample; None for a single one."""
    if len(node.shape) > 1:
        raise NotOnTiles(node.op.name)
    return node.shape[0] if node.shape else None


def staged(
    outputs: Sequence[Expr], read_later: Collection[Expr], known: Iterable[Expr], varies: Collection[Expr]
) -> list[Product | Group]:
    """The steps that compute `outputs` from what is `known`, in order.

    `read_later` are nodes that somebody will read when all steps are done; `varies` are those that differ from sample
    to sample.
    """
    known = set(known)
    nodes = [n for n in evaluation_order(outputs, known=known) if n in varies and n not in known]
    nodes = [n for n in nodes if not n.op.boolean]  # these are computed where they are read
    own = set(nodes)
    needs = {n: [a for a in _numbers_read_by(n) if a in own] for n in nodes}
    products = {n: _product(n, varies) for n in nodes if not n.op.code}
    later = set(outputs) | set(read_later)
    stage: dict[Expr, int] = {}
    readers: dict[Expr, list[Expr]] = {n: [] for n in nodes}
    for node in nodes:
        stage[node] = max((stage[a] for a in needs[node]), default=0) + (node in products)
        for arg in needs[node]:
            readers[arg].append(node)
    for node in reversed(nodes):
        if node not in products and node not in later:
            stage[node] = min(stage[r] - (r in products) for r in readers[node])
    groups: dict[tuple[int, int], list[Expr]] = {}
    for node in nodes:
        if node not in products:
            units = units_of(node)
            groups.setdefault((stage[node], -1 if units is None else units), []).append(node)
    place = {node: key for key, members in groups.items() for node in members}
    steps: list[Product | Group] = []
    for number in range(max(stage.values(), default=-1) + 1):
        steps += [product for node, product in products.items() if stage[node] == number]
        for key in sorted(k for k in groups if k[0] == number):
            stored = [n for n in groups[key] if n in later or any(place.get(r) != key for r in readers[n])]
            steps.append(Group(None if key[1] < 0 else key[1], tuple(groups[key]), tuple(stored)))
    return steps


def _numbers_read_by(node: Expr) -> list[Expr]:
    """The arguments of a node; those of truth values in their place."""
    return [n for a in node.args for n in (_numbers_read_by(a) if a.op.boolean else [a])]


def _product(node: Expr, varies: Collection[Expr]) -> Product:
    """The call that computes a node over whole vectors."""
    op, args = node.op, node.args
    use = Use(op.array, tuple(a.shape for a in args), tuple(a in varies for a in args), node.shape, node.attrs)
    found = op.on_tiles(use) if op.on_tiles else None
    if found is None:
        raise NotOnTiles(op.name)
    function, order = found
    return Product(node, function, tuple(args[k] for k in order))
