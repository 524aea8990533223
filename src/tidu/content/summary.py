"""The summary of a model: its layers in the order of evaluation, what each gives, and how many numbers it learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidu.language.expr import Expr
from tidu.language.formula import Formula
from tidu.language.model_calls import Layer
from tidu.language.operation import Shape
from tidu.text import _, columns_of

SHOWN = 3  # parameters of a layer that are named


@dataclass(frozen=True)
class Summary:
    """The layers of a model; printed, it is a table.

    Examples
    --------
    >>> import tidu
    >>> print(tidu.Sequential(tidu.Linear(4, 8), tidu.relu, tidu.Linear(1)).summary())
    layer   output  parameters       numbers
    linear  8       W1 8 × 4, b1 8        40
    relu    8                              0
    linear  1       W2 8, b2               9
    all                                   49
    """

    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, formula: Formula) -> Summary:
        """The layers of a formula; its parameters that are in none of them come last."""
        learned = set(formula.parameters)
        layers = [replace(x, parameters=tuple(p for p in x.parameters if p in learned)) for x in formula.layers]
        inside = {p for x in layers for p in x.parameters}
        rest = tuple(p for p in formula.parameters if p not in inside)
        return cls((*layers, *([Layer(_("formula"), formula.score.shape, rest)] if rest else [])))

    @property
    def total(self) -> int:
        """How many numbers the model learns."""
        return sum(numbers_in(x) for x in self.layers)

    def to_list(self) -> list[dict[str, Any]]:
        """Each layer as plain values."""
        return [
            {
                "layer": x.name,
                "output": list(x.shape),
                "parameters": {p.name: list(p.shape) for p in x.parameters},
                "count": numbers_in(x),
            }
            for x in self.layers
        ]

    def __str__(self) -> str:
        rows = [[_("layer"), _("output"), _("parameters"), _("numbers")]]
        rows += [[x.name, shape_in_words(x.shape), parameters_in_words(x), f"{numbers_in(x):,}"] for x in self.layers]
        rows.append([_("all"), "", "", f"{self.total:,}"])
        widths = [max(columns_of(row[k]) for row in rows) for k in range(4)]
        lines = [
            [cell + " " * (w - columns_of(cell)) for cell, w in zip(row[:3], widths, strict=False)] for row in rows
        ]
        numbers = [" " * (widths[3] - columns_of(row[3])) + row[3] for row in rows]
        return "\n".join("  ".join([*line, number]) for line, number in zip(lines, numbers, strict=True))

    __repr__ = __str__


def numbers_in(layer: Layer) -> int:
    """How many numbers a layer learns."""
    return sum(math.prod(p.shape) for p in layer.parameters)


def shape_in_words(shape: Shape) -> str:
    """8 × 4; 1 for a number."""
    return " × ".join(map(str, shape)) or "1"


def parameters_in_words(layer: Layer) -> str:
    """W1 8 × 4, b1 8; of many, the first and the last."""
    named: Sequence[Expr] = layer.parameters
    words = [f"{p.name} {shape_in_words(p.shape)}" if p.shape else p.name for p in named]
    return ", ".join(words if len(words) <= SHOWN else [words[0], "…", words[-1]])
