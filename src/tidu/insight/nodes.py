"""The nodes of a program's formulas, each with an identity, its rule, its line, and its value in chosen rows.

The identity of a node is n and its place in the order of evaluation of loss and derivatives. Called by `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidu.engines.node_values import values_of_nodes
from tidu.engines.program import Program
from tidu.engines.step_reader import Trace
from tidu.insight.explanation import Node
from tidu.insight.reasons import Reasons
from tidu.insight.rules import rule_of
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import unicode
from tidu.text import _
from tidu.training.run import Run

MOST = 4000  # nodes; of a larger program, pages are shown by layer


class Identities:
    """What nodes are called."""

    def __init__(self, program: Program) -> None:
        order = evaluation_order([program.loss, *program.gradient])
        self.nodes: Mapping[Expr, str] = {node: f"n{k}" for k, node in enumerate(order)}

    def of(self, node: Expr | None) -> str | None:
        """The identity of a node of the program; None of others."""
        return None if node is None else self.nodes.get(node)


def names_in(trace: Trace) -> dict[Expr, str]:
    """What the loop calls each node that has a name there."""
    return {v.node: v.name.partition("[")[0] for v in trace.values
            if v.node is not None and v.block not in ("accumulate", "update")}  # fmt: skip


def nodes_of(run: Run, trace: Trace, reasons: Reasons, identities: Identities, rows: Sequence[int]) -> tuple[Node, ...]:
    """Every node; none for a program of more than `MOST`."""
    program = run.problem.descended
    if len(identities.nodes) > MOST:
        return ()
    told: list[int | None] = [*rows] or [None]
    of_rows = {row: _values(run, trace, program, row, list(identities.nodes)) for row in told}
    lines = _lines(trace, program)
    names = names_in(trace)
    found = []
    for node, identity in identities.nodes.items():
        values: dict[int | None, Any] = {row: known[node] for row, known in of_rows.items() if node in known}
        shared = len(values) > 1 and all(np.array_equal(v, next(iter(values.values()))) for v in values.values())
        if shared and (node.is_constant or (node.is_symbol and node.role == "parameter")):
            values = {None: next(iter(values.values()))}
        found.append(
            Node(
                identity, unicode(node), node.name if node.is_symbol else names.get(node, ""),
                lines.get(node, 0), _rule(node, reasons, names),
                tuple(identities.nodes[a] for a in node.args if a in identities.nodes), values,
            )
        )  # fmt: skip
    return tuple(found)


def _rule(node: Expr, reasons: Reasons, named: Mapping[Expr, str]) -> str:
    if node.is_constant:
        return _("a number of the formula")
    if node.is_symbol:
        return _("a parameter") if node.role == "parameter" else _("a column of the data")
    if node in reasons.forward:
        return reasons.of_forward(node) if node in named else str(rule_of(node))
    if node in reasons.derivatives:
        return reasons.of_derivative(node, None, named)
    return _("a part of a derivative")


def _lines(trace: Trace, program: Program) -> dict[Expr, int]:
    """The line that computes each node: its own, or that of the value whose formula it is a part of."""
    of_samples = [v for v in trace.values if v.node is not None and v.block in
                  ("step", "forward", "loss", "backward", "accumulate")]  # fmt: skip
    own = {v.node: v.line for v in reversed(of_samples) if v.node is not None}
    lines = dict(own)
    for v in of_samples:
        assert v.node is not None
        for inner in evaluation_order([v.node], known=own.keys() - {v.node}):
            lines.setdefault(inner, v.line)
    return lines


def _values(run: Run, trace: Trace, program: Program, row: int | None, order: list[Expr]) -> dict[Expr, Any]:
    """The value of each node in one row: those of the trace, and what is written out between them."""
    known: dict[Expr, Any] = {p: trace.before[p.name] for p in program.parameters}
    table = run.training_data
    if table is not None and row is not None:
        known |= {c: float(table[c.name][row]) for c in program.columns}
    for v in trace.values:
        if v.node is not None and v.row in (row, None) and v.block in ("step", "forward", "loss", "backward"):
            known[v.node] = v.value
    return values_of_nodes(order, known)
