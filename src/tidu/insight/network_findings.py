"""What the doctor finds in a network besides curvature: units that are dead, saturated or alike, columns far from 1.

Called by `doctor.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.starts import INITIALISERS
from tidu.engines.program import Program
from tidu.insight.findings import Finding
from tidu.language.expr import Expr, evaluation_order
from tidu.text import _
from tidu.training.solving.network import NetworkObjective

Array = npt.NDArray[np.float64]
ENDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}  # between which an activation lies
NEAR = 0.01  # of that range: a unit this near to an end hardly has a slope
MOSTLY = 0.5  # share of a layer's values near an end from which it is told
APART = 30.0  # how far from 1 the size of a column may be, either way
SHOWN = 5  # columns that are named


def findings_in_network(objective: NetworkObjective, start: Sequence[Any], end: Array) -> list[Finding]:
    """Findings by layer, from where the network started and where it ended."""
    return [*_alike(objective.program, start), *_by_layer(objective, end)]


def starts_apart(program: Program, start: Sequence[Any]) -> dict[str, str]:
    """A draw for the weights of each layer whose units start alike, as `init` takes it."""
    return {
        w.name: f"normal(0, {INITIALISERS['xavier'](w.shape[1], w.shape[0]):.3g})"
        for w in _weights_of_equal_units(program, start)
    }


def findings_on_sizes(columns: Mapping[str, Array]) -> list[Finding]:
    """Columns whose size is far from 1, for which the weights of a first layer are not made."""
    sizes = {name: float(np.sqrt(np.mean(c * c))) for name, c in columns.items() if np.any(c)}
    far = [name for name, size in sizes.items() if not 1.0 / APART <= size <= APART]
    if not far:
        return []
    worst = max(far, key=lambda name: abs(np.log(sizes[name])))
    shown = ", ".join(far[:SHOWN]) + (", …" if len(far) > SHOWN else "")
    words = _(
        "sizes: {names} are far from 1 ({worst} has {size:.3g}), and a network learns fastest from columns of about "
        "size 1; write ({worst} - {middle:.3g})/{deviation:.3g} in the place of {worst}"
    )
    numbers = {
        "worst": worst, "size": sizes[worst], "middle": float(columns[worst].mean()),
        "deviation": float(columns[worst].std()) or sizes[worst],
    }  # fmt: skip
    return [Finding("sizes", words.format(names=shown, **numbers), {"columns": far, **numbers})]


# -- layers --------------------------------------------------------------------------------------------
def _weights_of_equal_units(program: Program, start: Sequence[Any]) -> Iterator[Expr]:
    """The weights into each hidden layer whose units start with equal weights in and out: they stay equal for ever."""
    given = list(zip(program.parameters, map(np.asarray, start), strict=True))
    for k, (w, value) in enumerate(given):
        if len(w.shape) != 2 or w.shape[0] < 2 or np.any(np.ptp(value, axis=0)):
            continue
        reads = [v for p, v in given[k + 1 :] if p.shape and p.shape[-1] == w.shape[0] and _goes_on(program, w, p)]
        if reads and not np.any(np.ptp(reads[0], axis=-1)):
            yield w


def _goes_on(program: Program, w: Expr, reader: Expr) -> bool:
    """Whether what the weights `w` give is multiplied by the weights `reader`."""
    depends: set[Expr] = {w}
    for node in evaluation_order([program.score]):
        if any(a in depends for a in node.args):
            if node.op.name == "matmul" and node.args[0] is reader and node.args[1] in depends:
                return True
            depends.add(node)
    return False


def _alike(program: Program, start: Sequence[Any]) -> list[Finding]:
    found = []
    for w in _weights_of_equal_units(program, start):
        draw = starts_apart(program, start)[w.name]
        words = _(
            "symmetry: all {units} units of {name} start alike, so they get the same gradient and stay alike, as one "
            'unit; draw their weights (--init {name}="{draw}")'
        )
        numbers = {"parameter": w.name, "units": w.shape[0], "draw": draw}
        found.append(Finding("symmetry", words.format(name=w.name, units=w.shape[0], draw=draw), numbers))
    return found


def _by_layer(objective: NetworkObjective, at: Array) -> list[Finding]:
    """Dead and saturated units, layer by layer."""
    order = evaluation_order([objective.program.score])
    gates = {a for n in order if n.op.name == "multiply" for a in n.args if a.args and a.args[0] in n.args}
    wanted = ("relu", *ENDS)
    nodes = [n for n in order if n.op.name in wanted and n.shape and n not in gates]
    found = []
    for node, values in zip(nodes, objective.arrays_of(nodes, at) if nodes else [], strict=True):
        name = _weights_before(node)
        if node.op.name == "relu":
            dead = int(np.sum(np.max(values, axis=0) <= 0.0))
            if dead:
                words = _(
                    "dead: {dead} of the {units} relu units after {name} are 0 in every row, so nothing reaches them "
                    "any more; a smaller learning rate, columns of about size 1, or activation='leaky_relu' keep them"
                )
                numbers = {"parameter": name, "dead": dead, "units": node.shape[0]}
                found.append(Finding("dead", words.format(name=name, dead=dead, units=node.shape[0]), numbers))
            continue
        low, high = ENDS[node.op.name]
        share = float(np.mean(np.minimum(values - low, high - values) < NEAR * (high - low)))
        if share > MOSTLY:
            words = _(
                "saturated: {share:.0%} of the {activation} values after {name} are at an end, where the slope is "
                "almost 0; smaller starting weights, or columns of about size 1, bring them back"
            )
            told = {"parameter": name, "share_saturated": share, "activation": node.op.name}
            found.append(Finding("saturated", words.format(name=name, share=share, activation=node.op.name), told))
    return found


def _weights_before(node: Expr) -> str:
    """The weights whose product an activation takes."""
    return next((n.name for n in reversed(evaluation_order([node])) if n.is_symbol and len(n.shape) == 2), node.op.name)
