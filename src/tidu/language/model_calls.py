"""Calls of model functions in a formula: `linear(...)`, `mlp(x1, x2, hidden=[8, 8])`, which make parameters.

What the functions are stands in `tidu.content.models`; here their calls are read: the features, with `...` for all
columns that the formula does not name otherwise, the options, and names for the parameters, each used once. They nest:
`linear(relu(linear(..., units=8)))` is a network, and each call is told where in it it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from tidu.errors import FormulaError, closest
from tidu.language.derived_columns import DerivedColumns
from tidu.language.expr import Expr, symbol
from tidu.language.formula_text import clipped
from tidu.language.operation import Shape
from tidu.language.printer import unicode_name
from tidu.language.words import normal
from tidu.text import _


class _Errors(Protocol):
    def error(self, message: str, **values: object) -> FormulaError: ...
    def part(self, node: ast.expr) -> str: ...


@dataclass(frozen=True)
class Layer:
    """A row of a summary: what was called, the shape of its value for one sample, the parameters it made; its value."""

    name: str
    shape: Shape
    parameters: tuple[Expr, ...] = ()
    value: Expr | None = None  # what it gives, as an expression


@dataclass(frozen=True)
class FormCall:
    """A form of curves that was called by name: of what, and the parameters that it made, in its order."""

    name: str
    value: Expr
    feature: Expr
    parameters: tuple[Expr, ...]


@dataclass(frozen=True)
class Call:
    """One call of a model function: where it stands, and what it may ask for.

    `outputs` is how many numbers the whole model gives, `next` the function that takes the call's value (dropout
    aside), if one does, and `deep` whether a model function does, directly or not: the call is then a hidden layer.
    """

    maker: ModelCalls
    outputs: int
    next: str | None = None
    deep: bool = False

    def parameter(self, wish: str, shape: Shape = (), start: str | float = 0.0) -> Expr:
        """A new parameter, called as wished or with a number behind."""
        return self.maker.parameter(wish, shape, start)

    def numbered(self, *stems: str) -> list[str]:
        """Names for the parameters of a layer, W1 and b1: the first number that none of them has yet."""
        k = self.maker.numbers.get(stems, 1)
        while any(f"{stem}{k}" in self.maker.used for stem in stems):
            k += 1
        self.maker.numbers[stems] = k  # names that are used stay so
        return [f"{stem}{k}" for stem in stems]

    def mask(self, rate: float, shape: Shape) -> Expr:
        """What dropout multiplies by: in training 0 at a fraction `rate` of the places, 1 / (1 - rate) elsewhere."""
        made = symbol(self.maker.taken_name(self.numbered("keep_")[0]), "mask", shape=shape)
        self.maker.masks[made] = rate
        return made

    def layer(self, name: str, value: Expr, *parameters: Expr) -> Expr:
        """`value`, which is then a row of the summary."""
        self.maker.layers.append(Layer(name, value.shape, parameters, value))
        return value

    def form(self, name: str, value: Expr, feature: Expr, *parameters: Expr) -> Expr:
        """`value`, which is a form of curves."""
        self.maker.forms.append(FormCall(name, value, feature, parameters))
        return self.layer(name, value, *parameters)


class ModelCalls:
    """The model functions of one formula, and the parameters that they have made."""

    def __init__(
        self,
        functions: Mapping[str, Any],
        outputs: int,
        columns: Mapping[str, Expr],
        targets: set[str],
        words: Collection[str],
        derived: DerivedColumns | None = None,
    ) -> None:
        self.derived = derived
        self.functions, self.outputs, self.columns, self.targets = functions, outputs, columns, targets
        shown = {normal(unicode_name(name)): normal(name) for name in columns}
        self.words = {*words, *(shown[w] for w in words if w in shown)}  # names that stand in the formula
        self.parameters: list[Expr] = []
        self.starts: dict[str, str | float] = {}
        self.masks: dict[Expr, float] = {}
        self.layers: list[Layer] = []
        self.forms: list[FormCall] = []
        self.used = {*columns, *self.words}  # names that a new parameter cannot have
        self.numbers: dict[tuple[str, ...], int] = {}  # for names with these stems, the first that may be free
        self.around: dict[ast.AST, tuple[str | None, bool]] = {}

    def may_make(self, name: str) -> bool:
        """Whether a name that the user gave a starting value may be that of a parameter made here."""
        return not self.words.isdisjoint(self.functions) and normal(name) not in self.words

    def look_at(self, tree: ast.expr) -> None:
        """Find out, for each call, which function takes its value, and whether a layer does further out."""
        stack: list[tuple[ast.AST, str | None, bool]] = [(tree, None, False)]
        while stack:
            node, taker, deep = stack.pop()
            self.around[node] = (taker, deep)
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            entry = self.functions.get(name or "")
            if entry is None or entry.makes_parameters:
                taker, deep = name, deep or entry is not None
            stack.extend((child, taker, deep) for child in ast.iter_child_nodes(node))

    def features(self, node: ast.Call) -> list[ast.expr]:
        """The arguments that are features; without any, or with `...`, those are added when the call is made."""
        entry = self.functions[cast(ast.Name, node.func).id]
        given = node.args[:-1] if entry.positional and len(node.args) > 1 and not _is_dots(node.args[-1]) else node.args
        return [a for a in given if not _is_dots(a)]

    def made(self, node: ast.Call, given: Sequence[Expr], errors: _Errors) -> Expr:
        """The expression of a call, whose features are `given`."""
        name = cast(ast.Name, node.func).id
        entry = self.functions[name]
        options = dict(entry.options)
        spelt = self.features(node)
        literals = [(entry.positional, a) for a in node.args if not _is_dots(a) and a not in spelt]
        for key, value in [*literals, *((k.arg, k.value) for k in node.keywords)]:
            if key not in options:
                near = closest(str(key), options)
                hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
                raise errors.error(
                    _("{name}(...) has no option '{option}'{hint}; it has: {options}"),
                    name=name, option=key, hint=hint, options=", ".join(options) or _("none"),
                )  # fmt: skip
            try:
                options[key] = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                raise errors.error(
                    _("the option {option} of {name}(...) must be written out, not '{part}'"),
                    option=key, name=name, part=errors.part(value),
                ) from None  # fmt: skip
        features = list(given)
        if any(_is_dots(a) for a in node.args) or not node.args:
            free = [n for n in self.columns if n and n not in self.targets and normal(n) not in self.words]
            features += [self.columns[n] for n in free]
        if not features:
            raise errors.error(_("{name}(...) finds no feature: every column is named elsewhere"), name=name)
        if self.derived is not None:
            features = self.derived.spread(features)
        call = Call(self, self.outputs, *self.around.get(node, (None, False)))
        return entry.build(features, call, **options)  # type: ignore[no-any-return]

    def taken_name(self, wish: str) -> str:
        """`wish`, or that with a number behind, which nothing else is called from now on."""
        name, k = wish, 1
        while name in self.used:
            k += 1
            name = f"{wish}_{k}"
        self.used.add(name)
        return name

    def parameter(self, wish: str, shape: Shape = (), start: str | float = 0.0) -> Expr:
        """A new parameter, called as wished or with a number behind."""
        made = symbol(self.taken_name(wish), "parameter", shape=shape)
        self.parameters.append(made)
        self.starts[made.name] = start
        return made

    def in_order(self, parameters: Sequence[Expr]) -> tuple[Expr, ...]:
        """The user's parameters in the order of the text, then those that were made, in theirs."""
        mine, wanted = set(self.parameters), set(parameters)
        return (*(p for p in parameters if p not in mine), *(p for p in self.parameters if p in wanted))


def check_outputs(score: Expr, outputs: int, text: str) -> None:
    """Refuse a model that gives another number of numbers than the loss compares with the target."""
    if score.shape == (() if outputs == 1 else (outputs,)):
        return
    if outputs == 1:
        raise FormulaError(
            _("the formula '{formula}' ends in a layer of {count} where the target is one number; let it end in "
              "linear(...), whose value is one").format(count=score.shape[0], formula=clipped(text))
        )  # fmt: skip
    if score.shape:
        raise FormulaError(
            _("the formula '{formula}' gives {count} scores; there are {outputs} classes: leave the units of the last "
              "layer out, or make them {outputs}").format(outputs=outputs, count=score.shape[0], formula=clipped(text))
        )  # fmt: skip
    raise FormulaError(
        _("a model of {outputs} classes needs a score for each: write linear(...) or mlp(...), not '{formula}'").format(
            outputs=outputs, formula=clipped(text)
        )
    )


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis
