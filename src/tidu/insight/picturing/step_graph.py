"""The computational graph of one step of a run, for one row: every value and gradient that the loop computed.

Values are those of the trace of the step, and what has no name there is computed by the loop's own functions. Models
with vectors, and long ones, collapse to layers. Called by `kinds`; the result is plain data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tidu.content.summary import Summary
from tidu.engines.node_values import values_of_nodes
from tidu.engines.step_reader import Trace
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, as_expr, evaluation_order
from tidu.language.model_calls import Layer
from tidu.language.printer import unicode, unicode_name
from tidu.language.simplify import ONE
from tidu.pictures.graphs import Edge, Graph, Kind, Node
from tidu.text import _, counted, mark
from tidu.training.run import Run

MOST_NODES = 40  # of a graph that is drawn operation by operation
Numbers = dict[Expr, Any]


def step_graph(run: Run, step: int = 0, row: int | None = None) -> Graph:
    """The graph of the loss of one row, at one step.

    Parameters
    ----------
    step : counted from 0.
    row : a row of the step's batch, counted from 0; by default its first.

    Raises
    ------
    SettingError, DataError
        As `Run.trace` does.
    """
    chosen = int(run.batch_of(step)[0] if row is None else row)
    trace = run.trace(step, [chosen])
    program = run.program if run.problem.rescaling is None else run.problem.descended
    loss = program.loss
    order = [n for n in evaluation_order([loss]) if not n.is_constant]
    layers: dict[Expr, Layer] = {}
    if run.problem.formula is not None and (program.of_arrays or len(order) > MOST_NODES):
        layers = {x.value: x for x in Summary.of(run.problem.formula).layers if x.value is not None}
    known = _known(run, trace, chosen)
    kept = _kept(loss, set(layers)) if layers else order
    names = _names(kept, loss, trace, chosen, layers)
    slopes = dict(zip(kept, gradient(loss, kept), strict=True))
    learned = {p for x in layers.values() for p in x.parameters}
    slopes |= dict(zip(learned, gradient(loss, list(learned)), strict=True)) if learned else {}
    values = values_of_nodes([*kept, *slopes.values()], known)
    of_batch = _of_batch(trace, program.parameters)
    lines = {v.node: v.line for v in trace.values if v.row == chosen and v.node is not None}
    nodes = []
    for n in kept:
        layer = layers.get(n)
        on_data = not _depends(n)
        kind: Kind = (
            "loss" if n is loss else "layer" if layer is not None else "parameter" if _is_parameter(n)
            else "data" if on_data else "value"
        )  # fmt: skip
        parameters = {} if layer is None else {unicode_name(p.name): values[slopes[p]] for p in layer.parameters}
        nodes.append(
            Node(
                names[n], kind, "" if n.is_symbol else unicode(n, {a: names.get(a, "…") for a in _parts(n, names)}),
                values[n], None if on_data else np.broadcast_to(values[slopes[n]], n.shape)[()], of_batch.get(n),
                parameters, lines.get(n, 0),
            )
        )  # fmt: skip
    edges = list(_edges(kept, set(layers), learned, values, names))
    return Graph(tuple(nodes), tuple(edges), *_words(run, trace, chosen))


def _words(run: Run, trace: Trace, row: int) -> tuple[str, str]:
    """The title, and what the gradients are."""
    title = _("{formula}: step {step}, row {row}").format(
        formula=run.settings.formula.strip(), step=trace.step, row=row
    )
    rows = counted(trace.count, mark("{n} row"), mark("{n} rows"))
    note = _("below each value the gradient of this row's loss; the step is made with the mean over its {rows}")
    if trace.count == 1:
        note = _("below each value the gradient of this row's loss, with which the step is made")
    return title, note.format(rows=rows)


def _is_parameter(n: Expr) -> bool:
    return n.is_symbol and n.role == "parameter"


def _depends(n: Expr) -> bool:
    """Whether a parameter is in it."""
    return any(_is_parameter(m) for m in evaluation_order([n]))


def _known(run: Run, trace: Trace, row: int) -> Numbers:
    """What the trace says of nodes, for this row; parameters and cells before it."""
    table = run.training_data
    assert table is not None
    program = run.problem.descended
    known: Numbers = {p: trace.before[p.name] for p in program.parameters}
    known |= {c: float(table[c.name][row]) for c in program.columns}
    for v in trace.values:
        if v.row == row and v.node is not None and v.block in ("forward", "loss", "backward"):
            known[v.node] = v.value
    return known


def _kept(loss: Expr, layers: set[Expr]) -> list[Expr]:
    """Data, layers, and what follows the last layer, in the order of evaluation."""
    kept: set[Expr] = set()
    stack = [(loss, False)]
    while stack:
        node, inside = stack.pop()
        if node.is_constant or (inside and _is_parameter(node)):
            continue
        stop = node in layers
        if not inside or stop or (node.is_symbol and not _is_parameter(node)):
            kept.add(node)
        stack += [(a, inside or stop) for a in node.args]
    return [n for n in evaluation_order([loss]) if n in kept]


def _parts(n: Expr, names: Mapping[Expr, str]) -> list[Expr]:
    """The nodes below that have a name of their own."""
    return [m for m in evaluation_order([n]) if m is not n and m in names]


def _names(kept: list[Expr], loss: Expr, trace: Trace, row: int, layers: Mapping[Expr, Layer]) -> dict[Expr, str]:
    """A name for each node: the user's, the loop's, or that of its operation with a number."""
    of_trace = {v.node: v.name for v in trace.values if v.row == row and v.node is not None and v.block != "accumulate"}
    used = {n.name for n in kept if n.is_symbol}
    names: dict[Expr, str] = {}
    count: Counter[str] = Counter()
    for n in kept:
        if n.is_symbol:
            names[n] = unicode_name(n.name)
            continue
        wish = "ℓ" if n is loss else "ŷ" if of_trace.get(n) == "y_hat" and n not in layers else of_trace.get(n, "")
        if n in layers:
            wish = layers[n].name
        elif not wish or wish in used:
            wish = n.op.noun
            count[wish] += 1
            wish = f"{wish}_{count[wish]}"
        while wish in used:
            stem = wish.rsplit("_", 1)[0] if n in layers else wish
            count[stem] += 1
            wish = f"{stem}_{count[stem] + (n in layers)}"
        used.add(wish)
        names[n] = wish
    return names


def _of_batch(trace: Trace, parameters: tuple[Expr, ...]) -> dict[Expr, Any]:
    """The mean gradient of each parameter, as the trace has it."""
    found: dict[Expr, Any] = {}
    for p in parameters:
        for v in trace.values:
            if v.row is None and v.block == "mean" and (v.parameter == p.name or v.name == f"grad_{p.name}"):
                found[p] = v.value
    return found


def _edges(
    kept: list[Expr], layers: set[Expr], learned: set[Expr], values: Numbers, names: Mapping[Expr, str]
) -> Iterable[Edge]:
    """Edges between nodes that are kept; with the local slope where both are numbers and one operation is between."""
    for n in kept:
        if n.is_symbol:
            continue
        reached: dict[Expr, None] = {}
        stack = list(reversed(n.args))
        while stack:
            a = stack.pop()
            if a in names and not (n in layers and a in learned):
                reached[a] = None
            elif not a.is_constant:
                stack += reversed(a.args)
        for a in reached:
            direct = n not in layers and a in n.args and _depends(a)
            yield Edge(names[a], names[n], _local(n, a, values) if direct and not (n.shape or a.shape) else None)


def _local(n: Expr, argument: Expr, values: Numbers) -> float | None:
    """∂n/∂argument, of this one operation."""
    if n.op.grad is None:
        return None
    parts = n.op.grad(ONE, n, *n.args, *n.attrs)
    total = 0.0
    for a, part in zip(n.args, parts, strict=True):
        if a is argument and part is not None:
            e = as_expr(part() if callable(part) else part)
            total += float(values_of_nodes([e], values)[e])
    return total
