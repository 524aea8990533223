"""What a formula may call: every function with its names, what it is and its mathematics, read off the tables.

Used by `tidu functions`, the end of `tidu fit --help`, and the guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidu.content.models import MODELS
from tidu.content.schedules import SCHEDULES, STEP
from tidu.language.activations import COMPOSED
from tidu.language.derived_columns import DERIVING
from tidu.language.expr import apply, symbol
from tidu.language.model_calls import ModelCalls
from tidu.language.operation import OPS, Op
from tidu.language.printer import unicode
from tidu.language.reader import parse_expression
from tidu.language.simplify import simplify
from tidu.text import _

X = symbol("x", "feature")


@dataclass(frozen=True)
class FormulaFunction:
    """A function of formulas. `words` is English, as the table has it; the catalogue has the Chinese.

    `mathematics` is what it computes, or the function itself where mathematics knows it by that name.
    """

    name: str
    words: str
    mathematics: str
    aliases: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    makes_parameters: bool = False

    @property
    def meaning(self) -> str:
        """What it is, in the language in use."""
        return _(self.words)


def functions_of_formulas() -> list[FormulaFunction]:
    """All of them: operations of the table, functions that are made of several, of columns, and model functions."""
    simple = [FormulaFunction(op.formula_name, op.doc, _of(op), op.aliases) for op in OPS.values() if op.formula_name]
    layer = symbol("x", "feature", shape=(2,))
    composed = [FormulaFunction(name, _first_line(f), unicode(f(layer))) for name, f in COMPOSED.items()]
    deriving = [FormulaFunction(name, words, f"{name}(column)") for name, words in DERIVING.items()]
    models = [
        FormulaFunction(m.name, _first_line(m.build), _of_model(m.name), (), m.options, m.makes_parameters)
        for m in MODELS.values()
    ]
    return simple + composed + deriving + models


def functions_of_rates() -> list[FormulaFunction]:
    """The schedules, which a learning rate may call: each with its factor at the step t, with its default options."""
    return [
        FormulaFunction(
            name,
            _first_line(entry.factor),
            unicode(simplify(entry(), {}), {STEP: "t"}),
            options={key: option.default for key, option in entry.options.items()},
        )
        for name, entry in SCHEDULES.items()
    ]


def _of(op: Op) -> str:
    arguments = [X] if op.arity == 1 else [symbol(letter, "parameter") for letter in "ab"]
    return unicode(apply("where", X > 0, *arguments) if op.arity == 3 else apply(op.name, *arguments))


def _of_model(name: str) -> str:
    """What a model function makes of one feature."""
    calls = ModelCalls(MODELS, 1, {"x": X}, set(), {"x", name})
    return unicode(parse_expression(f"{name}(x)", {"x": X}, models=calls))


def _first_line(thing: object) -> str:
    return " ".join((thing.__doc__ or "").split())
