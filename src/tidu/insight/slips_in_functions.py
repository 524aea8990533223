"""Slips inside a loss that is a Python function: found in the graph of tensors that it leaves, at each of its products.

Where a parameter is multiplied by something, that may have been forgotten, or be taken from the neighbouring row.
Called by `audited`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.eager.graph import adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.eager.walk import shown
from tidu.language.array_ops import fitted
from tidu.text import _

Array = npt.NDArray[np.float64]
SHOWN = 4  # numbers of a factor that are told


@dataclass(frozen=True)
class Inside:
    """A slip inside: `kind` and `said` as in `Slip`; `value` is the gradient under it, at one point."""

    kind: str
    said: str
    value: float


@dataclass(frozen=True)
class Recorded:
    """A loss at one point, with the graph of tensors that it was computed by."""

    numbers: Tensor
    output: Tensor
    order: tuple[Tensor, ...]
    slopes: Mapping[Tensor, Any]

    @classmethod
    def of(cls, function: Callable[[Any], Any], at: Array) -> Recorded | None:
        """The loss of numbers of shape (parameters,); None where it leaves no graph."""
        numbers = Tensor(at, requires_grad=True)
        output = function(numbers)
        if not isinstance(output, Tensor) or not output.requires_grad or np.ndim(output.value):
            return None
        order = tuple(backward_order(output))
        return cls(numbers, output, order, adjoints(output, 1.0, list(order), every=True))

    def rows(self) -> int | None:
        """The number that a sum or a mean goes over; None where there is none, or are several."""
        counts = {
            int(np.prod([np.shape(made[2][0])[axis] for axis in made[3][0]]))
            for made in (t.made for t in self.order) if made is not None and made[0].reduces
        }  # fmt: skip
        return counts.pop() if len(counts) == 1 else None

    def has_half(self) -> bool:
        """Whether something is multiplied by ½, or divided by 2."""
        halves = {"multiply": 0.5, "divide": 2.0}
        return any(
            parent is None and np.ndim(value) == 0 and float(value) == halves[made[0].name]
            for made in (t.made for t in self.order) if made is not None and made[0].name in halves
            for parent, value in zip(made[1], made[2], strict=True)
        )  # fmt: skip

    def slips(self, k: int) -> Iterator[tuple[str, Inside]]:
        """For parameter number k, each slip with a key that it has at other points too."""
        whole = float(np.asarray(self.slopes[self.numbers])[k])
        for place, node in enumerate(self.order):
            if node.made is None or node.made[0].name != "multiply" or node not in self.slopes:
                continue
            _op, parents, inputs, _attrs = node.made
            for j, parent in enumerate(parents):
                factor = np.asarray(inputs[1 - j], dtype=np.float64)
                if parent is None or parents[1 - j] is parent:
                    continue
                for key, kind, said, other in _instead_of(factor):
                    slope = np.asarray(self.slopes[node]) * (other - factor)
                    change = self._at_numbers(parent, fitted(slope, np.shape(parent.value)), k)
                    if change is not None:
                        yield f"{place} {j} {key}", Inside(kind, said, whole + change)

    def _at_numbers(self, node: Tensor, slope: Any, k: int) -> float | None:
        """What a change of the slope of a node changes of the gradient; None where the parameter is not in it."""
        seed = float(slope) if type(node.value) is float else np.asarray(slope, dtype=np.float64)
        found = adjoints(node, seed, backward_order(node), every=True).get(self.numbers)
        change = None if found is None else float(np.asarray(found)[k])
        return change if change else None


def _instead_of(factor: Array) -> Iterator[tuple[str, str, str, Any]]:
    """What may stand in the place of a factor by mistake."""
    yield "one", "forgotten factor", _("the factor {factor} is forgotten").format(factor=_in_short(factor)), 1.0
    if factor.ndim and len(factor) > 1:
        for by in (1, -1):
            said = _("the index is off by one: the factor {factor} is taken from the neighbouring row")
            yield f"rolled {by}", "wrong index", said.format(factor=_in_short(factor)), np.roll(factor, by, axis=0)


def _in_short(factor: Array) -> str:
    if factor.ndim == 0 or factor.size <= SHOWN:
        return shown(factor)
    return shown(factor.ravel()[:SHOWN])[:-1] + ", …]"
