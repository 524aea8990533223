"""`Formula`: a model as the user wrote it, and `parse_formula`, which reads it for data with certain columns.

`y = w1*x**2 + w2*x + w3`: names that are columns are features, the left side is the target, `pi` and `e` are
numbers, every other name is a parameter to be learned. Called by training; `reader.py` reads each side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from tidu.errors import ColumnNotFound, FormulaError, closest
from tidu.language.derived_columns import DERIVING, Derived, DerivedColumns
from tidu.language.euler import NAME, role_of_e
from tidu.language.expr import Expr, evaluation_order, symbol, symbols
from tidu.language.formula_text import check_size, clipped, sides
from tidu.language.level_parameters import Combination, Level, LevelParameters
from tidu.language.model_calls import FormCall, Layer, ModelCalls, check_outputs
from tidu.language.operation import FUNCTIONS, Shape
from tidu.language.printer import quoted_name, unicode
from tidu.language.reader import grammatical, parse_expression, read
from tidu.language.words import look, normal
from tidu.text import _

MOST_OPERATIONS = 20_000  # of one sample; a formula without model functions has at most as many as characters


@dataclass(frozen=True)
class Formula:
    """A model as the user wrote it.

    `score` is the right side, `target` the left; `parameters` and `features` are symbols in the order in which the
    formula names them; `columns` are the columns that the target needs.
    """

    text: str
    target: Expr
    score: Expr
    parameters: tuple[Expr, ...]
    features: tuple[Expr, ...]
    columns: tuple[Expr, ...]
    starts: Mapping[str, str | float] = field(default_factory=dict)  # of parameters that a model function made
    masks: Mapping[Expr, float] = field(default_factory=dict)  # of dropout, with the rate at which each drops
    layers: tuple[Layer, ...] = ()  # what model functions made, in the order of evaluation
    notes: tuple[str, ...] = ()  # what a person should know about how it was read
    derived: Mapping[str, Derived] = field(default_factory=dict)  # features that are made of columns, by name
    categories: tuple[str, ...] = ()  # columns of which the model knows the levels
    forms: tuple[FormCall, ...] = ()  # forms of curves that it calls by name
    by_level: Mapping[str, LevelParameters] = field(default_factory=dict)  # by what the text calls them

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # without what was derived of it


def parse_formula(
    text: str,
    columns: Sequence[str],
    known_parameters: Collection[str] = (),
    models: Mapping[str, Any] | None = None,
    outputs: int | None = 1,
    levels: Mapping[str, Sequence[Level | Combination]] | None = None,
    aside: Collection[str] = (),
) -> Formula:
    """Read `target = expression` for data that has `columns`.

    `known_parameters` are names that are certainly parameters, because the user gave them a starting value; `models`
    are functions that make parameters (`tidu.content.models.MODELS`). The model gives `outputs` numbers; None is for
    classes that have yet to be counted: as many as the formula says, else 2. `levels` are those of columns of text;
    `aside` are columns that `...` leaves out, as it does the target.

    Raises
    ------
    FormulaError, ColumnNotFound
    """
    if not isinstance(text, str):
        raise FormulaError(_("the formula must be text such as 'y = w*x + b', not {value!r}").format(value=text))
    check_size(text)
    left, right = sides(text)
    column_symbols = {name: symbol(name, "feature") for name in columns}
    called = re.fullmatch(r"(\w+)\s*\([\w\s,]*\)", left)
    if called is not None and called[1] not in FUNCTIONS:
        raise FormulaError(
            _("the left side of '{formula}' is the target, a column; write 'y = ...', not 'y(x) = ...'").format(
                formula=clipped(text)
            )
        )
    target = parse_expression(left, _target_names(left, columns, ()))
    targets = symbols([target], "target")
    if not targets:
        raise FormulaError(
            _("the left side of '{formula}' names no column; the data has {columns}").format(
                formula=clipped(text), columns=", ".join(map(quoted_name, columns)) or _("no columns")
            )
        )
    taken = [name for name in known_parameters if name in column_symbols]
    if taken:
        raise FormulaError(
            _("'{name}' is a column of the data; only a parameter can have a starting value").format(name=taken[0])
        )
    known_parameters = {name.partition("[")[0] for name in known_parameters}  # a[sh] is among the values of a
    derived = DerivedColumns(columns, levels or {})
    tree = grammatical(right, {*column_symbols, *known_parameters}, {*(models or ()), *DERIVING})
    apart = {*(t.name for t in targets), *aside}
    makers = ModelCalls(models or {}, outputs or 2, column_symbols, apart, tree.names, derived)
    named = column_symbols | {name: symbol(name, "parameter") for name in known_parameters if not makers.may_make(name)}
    notes = []
    role = None if NAME in named else role_of_e(tree.tree, column_symbols)
    if role == "parameter":
        named[NAME] = symbol(NAME, "parameter")
        notes.append(_("e is a parameter of this formula; Euler's number is written exp(1)"))
    elif role == "unclear":
        notes.append(
            _(
                "e is Euler's number in this formula, 2.718; if you mean a parameter, give it a starting value: "
                "--init e=1"
            )
        )
    found = read(right, tree, named, lambda name: symbol(name, "parameter"), models=makers)
    score = found.value
    notes += [
        _("{name}({feature}) is {mathematics}").format(
            name=call.name, feature=unicode(call.feature), mathematics=unicode(call.value)
        )
        for call in makers.forms
    ]
    check_operations(score, right)

    def in_order(symbols: Sequence[Expr]) -> list[Expr]:
        """By their first place in the text, so that w1 comes before w2 whatever the tree's order."""
        return sorted(symbols, key=lambda s: found.places.get(s, len(right)))

    if outputs is None:
        outputs = score.shape[0] if score.shape else 2
    check_outputs(score, outputs, text)
    if outputs != 1:
        target = parse_expression(left, _target_names(left, columns, (outputs,)))
        targets = symbols([target], "target")
    used = {s.name for s in symbols([score], "feature")}
    both = {s.name for s in targets} & (
        used | {c for name in used & derived.made.keys() for c in derived.made[name].columns}
    )
    if both:
        raise FormulaError(
            _(
                "the target {name} appears on both sides of '{formula}'; a model must not be given its own answer"
            ).format(name=", ".join(map(quoted_name, sorted(both))), formula=clipped(text))
        )
    formula = Formula(
        text.strip(),
        target,
        score,
        makers.in_order(in_order(symbols([score], "parameter"))),
        tuple(in_order(symbols([score], "feature"))),
        tuple(targets),
        makers.starts,
        makers.masks,
        tuple(makers.layers),
        tuple(notes),
        {name: entry for name, entry in derived.made.items() if name in used},
        tuple(derived.categories),
        tuple(makers.forms),
        derived.by_level,
    )
    of_levels = {p for group in derived.by_level.values() for p in group.parameters}
    twice = [p.name for p in formula.parameters if p.name in derived.by_level and p not in of_levels]
    if twice:
        raise FormulaError(
            _(
                "in '{formula}', '{name}' stands with a value for each level and without; call one by another name"
            ).format(formula=clipped(text), name=twice[0])
        )
    _refuse_lookalikes(formula, columns)
    _refuse_misspelt_columns(formula, columns, known_parameters)
    return formula


def check_operations(score: Expr, text: str) -> None:
    """Refuse a model that model functions have made larger than any text could write out."""
    count = sum(bool(node.args) for node in evaluation_order([score]))
    if count > MOST_OPERATIONS:
        raise FormulaError(
            _(
                "the formula '{formula}' is a model of {count} operations for each sample; the limit is {most}: "
                "let linear(...) or mlp(...) take many features at once, in place of many calls"
            ).format(formula=clipped(text), count=count, most=MOST_OPERATIONS)
        )


# -- names ------------------------------------------------------------------------------------
def _target_names(left: str, columns: Sequence[str], shape: Shape) -> dict[str, Expr]:
    name = normal(left.strip().strip("`"))
    if name.isidentifier() and name not in {normal(c) for c in columns}:
        near = closest(name, columns)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise ColumnNotFound(
            _("the formula names the target '{name}'; the data has {columns}{hint}").format(
                name=name, columns=", ".join(map(quoted_name, columns)) or _("no columns"), hint=hint
            )
        )
    return {c: symbol(c, "target", shape=shape) for c in columns}


def _names_in_text(formula: Formula) -> list[str]:
    """The parameters as the text calls them: `a`, of which there is one for each level, once."""
    called = {p: group.name for group in formula.by_level.values() for p in group.parameters}
    return list(dict.fromkeys(called.get(p, p.name) for p in formula.parameters))


def _refuse_lookalikes(formula: Formula, columns: Sequence[str]) -> None:
    """Refuse a parameter whose name a person cannot tell from another name: a Cyrillic х beside x."""
    others = {name: look(name) for name in (*columns, *_names_in_text(formula))}
    seen: dict[str, str] = {}
    for name, looks in others.items():
        near = seen.setdefault(looks, name)
        if near != name and name not in columns:
            letter = next((c for c, d in zip(name, look(name), strict=True) if c != d), None)
            strange, plain = (near, name) if letter is None else (name, near)
            letter = letter or next(c for c, d in zip(near, look(near), strict=True) if c != d)
            raise FormulaError(
                _("formula '{formula}': the name '{name}' looks like '{near}', yet its letter '{letter}' is another "
                  "({which}); write both alike").format(
                    formula=clipped(formula.text), name=strange, near=plain, letter=letter,
                    which=unicodedata.name(letter, "?").lower(),
                )
            )  # fmt: skip


def _column_that_was_meant(name: str, columns: Sequence[str], unused: Sequence[str]) -> str | None:
    """The column that a parameter's name looks like: other capitals, a number too many (x3 beside x1, x2), a slip."""
    same = next((c for c in columns if c.lower() == name.lower()), None)
    stem = name.rstrip("0123456789")
    numbered = [c for c in columns if stem and stem != name and c != stem and c.rstrip("0123456789") == stem]
    return same or next(iter(numbered), None) or (closest(name, unused) if len(name) > 2 else None)


def _refuse_misspelt_columns(formula: Formula, columns: Sequence[str], known_parameters: Collection[str]) -> None:
    guessed = [n for n in _names_in_text(formula) if n not in known_parameters and n not in formula.starts]
    used = {s.name for s in (*formula.features, *formula.columns)}
    used |= {column for entry in formula.derived.values() for column in entry.columns}
    unused = [c for c in columns if c not in used]
    for name in guessed:
        near = _column_that_was_meant(name, columns, unused)
        if near:
            raise ColumnNotFound(
                _(
                    "the formula names '{name}'; the data has {columns} (did you mean '{near}'? "
                    "If '{name}' is a parameter, give it a starting value: --init {name}=0)"
                ).format(name=name, columns=", ".join(map(quoted_name, columns)), near=near)
            )
    if formula.starts and not formula.features:
        raise ColumnNotFound(
            _("the formula '{formula}' uses no column besides its target; the data has {columns}").format(
                formula=clipped(formula.text), columns=", ".join(map(quoted_name, columns))
            )
        )
    if guessed and not formula.features:
        raise ColumnNotFound(
            _(
                "the formula '{formula}' uses no column besides its target; the data has {columns}. "
                "If {names} is meant as a parameter, give it a starting value: --init {first}=0"
            ).format(
                formula=clipped(formula.text),
                columns=", ".join(map(quoted_name, columns)),
                names=_(" or ").join(guessed),
                first=guessed[0],
            )
        )
