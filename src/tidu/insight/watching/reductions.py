"""How a walk sums up its samples: a sum or a mean, of how many, and where the batch was divided by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.eager.graph import adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.insight.watching.watcher import Leaf, Walk
from tidu.text import _

RATE_NAMES = ("lr", "learning_rate", "alpha", "eta", "rate", "step_size")
NEAR = 1e-9


@dataclass(frozen=True)
class Reduction:
    """What the gradients of a walk are of.

    Attributes
    ----------
    count : how many numbers, one for each sample or element, were added up; 1 where it is a single one.
    weight : what each of them counts in the result: 1 in a sum, 1/count in a mean.
    """

    count: int
    weight: float

    @property
    def kind(self) -> str:
        """`single`, `sum`, `mean` or `weighted`."""
        if self.count == 1:
            return "single"
        if abs(self.weight - 1) < NEAR:
            return "sum"
        return "mean" if abs(self.weight * self.count - 1) < NEAR else "weighted"

    @property
    def words(self) -> str:
        """In words."""
        return {
            "single": _("of one number"),
            "sum": _("sum over {n}"),
            "mean": _("mean over {n}"),
            "weighted": _("sum over {n}, times {weight:.4g}"),
        }[self.kind].format(n=self.count, weight=self.weight)


def reduction_of(walk: Walk) -> Reduction:
    """The losses of the samples nearest to where the walk began, and what each of them counts."""
    order = backward_order(walk.output)
    if np.size(walk.output.value) > 1:
        return Reduction(int(np.size(walk.output.value)), 1.0)
    on_data = _on_data(order)
    for node in order:
        n = int(np.size(node.value))
        if n > 1 and node in on_data:
            size: Any = np.ones_like(walk.output.value) if type(walk.output.value) is not float else 1.0
            found = adjoints(walk.output, size, order, stops=[node], every=True).get(node)
            weights = np.unique(np.round(np.abs(np.ravel(found)), 15)) if found is not None else np.empty(0)
            same = len(weights) and np.ptp(weights) <= NEAR * weights.max()
            return Reduction(n, float(weights[-1])) if same and weights[-1] > 0 else Reduction(1, 1.0)
        if node.made is not None and len([p for p in node.made[1] if p is not None]) == 0:
            break
    return Reduction(1, 1.0)


def _on_data(order: list[Tensor]) -> set[Tensor]:
    """The nodes that samples lead to: somewhere below them an array came in that has no gradient."""
    found: set[Tensor] = set()
    for node in reversed(order):
        if node.made is None:
            continue
        _op, parents, inputs, _attrs = node.made
        pairs = zip(parents, inputs, strict=True)
        if any(p in found if p is not None else np.ndim(value) > 0 and np.size(value) > 1 for p, value in pairs):
            found.add(node)
    return found


def division_in_update(leaf: Leaf, count: int) -> tuple[str, float] | None:
    """The rate that the update divided by the batch, as a variable of the script; None where it divided by nothing.

    The first update moved the parameter by so many gradients; that is a rate of the script, or one divided by `count`.
    """
    if not leaf.rates or count == 1 or leaf.rates[0][1] < 0.9999:
        return None
    moved = leaf.rates[0][0]
    seen = sorted(leaf.update_values.items(), key=lambda pair: pair[0] not in RATE_NAMES)
    if any(abs(value - moved) <= NEAR * abs(moved) for _name, value in seen):
        return None
    return next(((name, v) for name, v in seen if abs(v / count - moved) <= NEAR * abs(moved) and v > 0), None)
