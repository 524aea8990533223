"""What a formula may call: every function with its names and what it is, read off the tables.

Used by `tidu functions`, the end of `tidu fit --help` and the reference in the docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidu.content.models import MODELS
from tidu.language.activations import COMPOSED
from tidu.language.operation import OPS


@dataclass(frozen=True)
class FormulaFunction:
    """A function of formulas. `words` is English, as the table has it; the catalogue has the Chinese."""

    name: str
    words: str
    aliases: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    makes_parameters: bool = False


def functions_of_formulas() -> list[FormulaFunction]:
    """All of them: operations of the table, functions that are made of several, model functions."""
    simple = [FormulaFunction(op.formula_name, op.doc, op.aliases) for op in OPS.values() if op.formula_name]
    composed = [FormulaFunction(name, _first_line(function)) for name, function in COMPOSED.items()]
    models = [
        FormulaFunction(m.name, _first_line(m.build), options=m.options, makes_parameters=m.makes_parameters)
        for m in MODELS.values()
    ]
    return simple + composed + models


def _first_line(thing: object) -> str:
    return " ".join((thing.__doc__ or "").split())
