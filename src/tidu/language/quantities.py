"""Quantities and conditions: what a person says of parameters besides the formula.

`half_life = log(2)/b` names a quantity; `c = 1 - a - b` says what a parameter is; `a + b < 1` keeps to one side.
`conditions_of` and `quantities_of` read them for a formula, `with_equalities` puts equalities into it. Called by the
settings of a training.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tidu.errors import FormulaError, closest
from tidu.language.expr import Expr, constant, substitute, symbol, symbols
from tidu.language.formula import Formula
from tidu.language.formula_text import clipped
from tidu.language.reader import parse_expression
from tidu.language.words import as_ascii
from tidu.text import _

_SIGN = re.compile(r"<=|>=|==|!=|≤|≥|<|>|=")
_LESS, _GREATER = ("<", "<=", "≤"), (">", ">=", "≥")


@dataclass(frozen=True)
class Statement:
    """A text of parts with signs between: `c = 1 - a`, `0 < a < 1`."""

    text: str
    parts: tuple[str, ...]
    signs: tuple[str, ...]

    @property
    def is_equality(self) -> bool:
        """Whether it gives a name to an expression."""
        return self.signs == ("=",)


@dataclass(frozen=True)
class Inequality:
    """A condition on parameters: `value` is at most 0 where it holds."""

    text: str
    value: Expr


@dataclass(frozen=True)
class Quantity:
    """An expression of parameters with its name; `text` is how the user wrote it."""

    name: str
    text: str
    value: Expr


@dataclass(frozen=True)
class Conditions:
    """What holds of parameters: some are given by others, `new` ones among them; the rest may be bounded together."""

    equalities: Mapping[str, Quantity] = field(default_factory=dict)
    inequalities: tuple[Inequality, ...] = ()
    new: tuple[str, ...] = ()


def statement_of(text: str) -> Statement:
    """The parts of a text, and the signs between them.

    Raises
    ------
    FormulaError
        There is no sign in it, or another one than `=`, `<`, `<=`, `>`, `>=`, or nothing on one side.
    """
    hidden = re.sub(r"`[^`]*`", lambda m: "q" * len(m[0]), as_ascii(text))
    places, depth = [], 0
    for match in re.finditer(rf"[(\[]|[)\]]|{_SIGN.pattern}", hidden):
        if match[0] in "([":
            depth += 1
        elif match[0] in ")]":
            depth -= 1
        elif depth == 0:
            places.append(match)
    ends = [0, *(m.end() for m in places)], [*(m.start() for m in places), len(text)]
    parts = tuple(text[a:b].strip() for a, b in zip(*ends, strict=True))
    signs = tuple(m[0] for m in places)
    one_way = signs == ("=",) or (signs and (set(signs) <= {*_LESS} or set(signs) <= {*_GREATER}))
    if not one_way or not all(parts):
        raise FormulaError(
            _("'{text}' must read 'name = expression', as in 'half_life = log(2)/b', or be a condition such as "
              "'a + b < 1'").format(text=clipped(text))
        )  # fmt: skip
    return Statement(text.strip(), parts, signs)


def names_given(texts: Sequence[str]) -> list[str]:
    """The names that equalities among the texts give."""
    return [s.parts[0].strip("`") for s in map(statement_of, texts) if s.is_equality]


def conditions_of(texts: Sequence[str], formula: Formula, columns: Collection[str]) -> Conditions:
    """What `--where` says of the parameters of a formula.

    A name that an equality brings in, and that is neither a column nor known, is a parameter to be learned.

    Raises
    ------
    FormulaError
    """
    if not texts:
        return Conditions()
    statements = [statement_of(text) for text in texts]
    known = {p.name: p for p in formula.parameters}
    given: dict[str, str] = {}
    for s in statements:
        if s.is_equality:
            name = _name_of(s, columns)
            if name in given:
                raise FormulaError(_("'{name}' is given twice; leave one of the two out").format(name=name))
            given[name] = s.parts[1]
    symbols_known = {**known, **{name: known.get(name, symbol(name, "parameter")) for name in given}}
    made: dict[str, Expr] = {}

    def made_for(text: str) -> Callable[[str], Expr]:
        def make(name: str) -> Expr:
            _refuse_column(name, text, columns)
            if not name.isidentifier():
                raise _unknown(name, text, symbols_known)
            return made.setdefault(name, symbol(name, "parameter"))

        return make

    values = {
        name: _of_numbers(parse_expression(right, symbols_known, made_for(f"{name} = {right}")), f"{name} = {right}")
        for name, right in given.items()
    }
    named = {p.name for value in values.values() for p in symbols([value], "parameter")}
    values = _resolved(values)
    used = {p.name for value in values.values() for p in symbols([value], "parameter")}
    for name in given:
        _of_numbers(symbols_known[name], f"{name} = {given[name]}")
        if name not in known and name not in named:
            near = closest(name, known)
            raise FormulaError(
                _("where gives '{name}', which is not a parameter of the formula{hint}; there are: {names}").format(
                    name=name, names=", ".join(known),
                    hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
                )
            )  # fmt: skip
    everything = {**symbols_known, **made}
    replaced = {symbols_known[name]: value for name, value in values.items()}
    inequalities = []
    for s in statements:
        if s.is_equality:
            continue
        sides = [_of_numbers(_read(part, everything, s.text, columns), s.text) for part in s.parts]
        for (a, b), sign in zip(itertools.pairwise(sides), s.signs, strict=True):
            value = substitute(a - b if sign in _LESS else b - a, replaced)
            if not symbols([value], "parameter"):
                raise FormulaError(_("the condition '{text}' is of no parameter").format(text=clipped(s.text)))
            inequalities.append(Inequality(s.text, value))
    equalities = {name: Quantity(name, given[name], value) for name, value in values.items()}
    return Conditions(equalities, tuple(inequalities), tuple(name for name in made if name in used))


def with_equalities(formula: Formula, conditions: Conditions) -> Formula:
    """The formula without the parameters that others give; those that come in stand in their places."""
    given = conditions.equalities
    if not given:
        return formula
    replaced = {p: given[p.name].value for p in formula.parameters if p.name in given}
    stay = [p for p in formula.parameters if p not in replaced]
    parameters: list[Expr] = []
    for p in formula.parameters:
        brought = symbols([replaced[p]], "parameter") if p in replaced else [p]
        parameters += [q for q in brought if q not in parameters and (q is p or q not in stay)]
    notes = formula.notes
    if conditions.new:
        words = _("where brings in {names}, to be learned as the parameters of the formula are")
        notes = (*notes, words.format(names=", ".join(conditions.new)))
    return replace(formula, score=substitute(formula.score, replaced), parameters=tuple(parameters), notes=notes)


def quantities_of(
    texts: Sequence[str], conditions: Conditions, formula: Formula, columns: Collection[str], fixed: Mapping[str, float]
) -> dict[str, Quantity]:
    """The parameters that others give, and the quantities that `texts` name, as expressions of what is learned.

    A quantity may name those before it.

    Raises
    ------
    FormulaError
    """
    found = dict(conditions.equalities)
    names = {p.name: p for p in formula.parameters} | {name: symbol(name, "parameter") for name in conditions.new}
    names |= {name: quantity.value for name, quantity in found.items()}
    for text in texts:
        s = statement_of(text)
        if not s.is_equality:
            raise FormulaError(
                _("'{text}' is a condition; a quantity to report reads 'name = expression'").format(text=clipped(text))
            )
        name = _name_of(s)
        if name in names:
            raise FormulaError(
                _("'{name}' in '{text}' is a parameter or a quantity already; give this one another name").format(
                    name=name, text=clipped(text)
                )
            )
        value = _of_numbers(_read(s.parts[1], names, s.text, columns), s.text)
        found[name], names[name] = Quantity(name, s.parts[1], value), value
    numbers = {symbol(name, "parameter"): constant(value) for name, value in fixed.items()}
    return {name: replace(q, value=substitute(q.value, numbers)) for name, q in found.items()} if numbers else found


def _name_of(statement: Statement, columns: Collection[str] = ()) -> str:
    name = statement.parts[0].strip("`")
    if not name.isidentifier():
        raise FormulaError(
            _("left of = in '{text}' stands '{name}', which is not a name; solve it for one parameter").format(
                text=clipped(statement.text), name=clipped(name)
            )
        )
    _refuse_column(name, statement.text, columns)
    return name


def _read(part: str, names: Mapping[str, Expr], text: str, columns: Collection[str]) -> Expr:
    def unknown(name: str) -> Expr:
        _refuse_column(name, text, columns)
        raise _unknown(name, text, names)

    return parse_expression(part, names, unknown)


def _refuse_column(name: str, text: str, columns: Collection[str]) -> None:
    if name in columns:
        raise FormulaError(
            _("'{text}' names the column '{name}', and is of parameters alone; put a number in its place").format(
                text=clipped(text), name=name
            )
        )


def _unknown(name: str, text: str, names: Collection[str]) -> FormulaError:
    near = closest(name, names)
    return FormulaError(
        _("'{text}' names '{name}', which is not a parameter of the formula{hint}; there are: {names}").format(
            text=clipped(text), name=clipped(name), names=", ".join(names),
            hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
        )
    )  # fmt: skip


def _of_numbers(value: Expr, text: str) -> Expr:
    arrays = [p.name for p in symbols([value], "parameter") if p.shape]
    if arrays:
        raise FormulaError(
            _("'{text}' names '{name}', which holds several numbers; only parameters that are one number can stand "
              "there").format(text=clipped(text), name=arrays[0])
        )  # fmt: skip
    return value


def _resolved(values: Mapping[str, Expr]) -> dict[str, Expr]:
    """The values with every name that is given itself replaced by what it is."""
    found = dict(values)
    for name in values:
        for _round in range(len(values)):
            inside = [p for p in symbols([found[name]], "parameter") if p.name in values]
            if not inside:
                break
            found[name] = substitute(found[name], {p: found[p.name] for p in inside})
        if any(p.name in values for p in symbols([found[name]], "parameter")):
            raise FormulaError(_("where gives '{name}' by itself, round about").format(name=name))
    return found
