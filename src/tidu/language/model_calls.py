"""Calls of model functions in a formula: `linear(...)`, `mlp(x1, x2, hidden=[8, 8])`, which make parameters.

What the functions are stands in `tidu.content.models`; here their calls are read: the features, with `...` for all
columns that the formula does not name otherwise, the options, and names for the parameters, each used once.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from tidu.errors import FormulaError, closest
from tidu.language.expr import Expr, Shape, symbol
from tidu.language.formula_text import normal, syntax_tree, without_backticks
from tidu.text import _


class _Errors(Protocol):
    def error(self, message: str, **values: object) -> FormulaError: ...
    def part(self, node: ast.expr) -> str: ...


class ModelCalls:
    """The model functions of one formula, and the parameters that they have made."""

    def __init__(
        self, functions: Mapping[str, Any], outputs: int, columns: Mapping[str, Expr], targets: set[str], text: str
    ) -> None:
        self.functions, self.outputs, self.columns, self.targets = functions, outputs, columns, targets
        source, quoted = without_backticks(text)
        try:
            names = {node.id for node in ast.walk(syntax_tree(source, text)) if isinstance(node, ast.Name)}
        except FormulaError:  # told when the formula itself is read
            names = set()
        self.words = {normal(quoted.get(name, name)) for name in names}  # that stand in the formula
        self.parameters: list[Expr] = []
        self.starts: dict[str, str | float] = {}
        self.taken: set[str] = set()

    def may_make(self, name: str) -> bool:
        """Whether a name that the user gave a starting value may be that of a parameter made here."""
        return not self.words.isdisjoint(self.functions) and normal(name) not in self.words

    def features(self, node: ast.Call) -> list[ast.expr]:
        """The arguments that are features; without any, or with `...`, those are added when the call is made."""
        entry = self.functions[cast(ast.Name, node.func).id]
        given = [a for a in node.args if not _is_dots(a)]
        return given[:1] if entry.positional and len(given) == 2 and len(node.args) == 2 else given

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
            free = [n for n in self.columns if n not in self.targets and normal(n) not in self.words]
            features += [self.columns[n] for n in free]
        if not features:
            raise errors.error(_("{name}(...) finds no feature: every column is named elsewhere"), name=name)
        return entry.build(features, self.parameter, self.outputs, **options)  # type: ignore[no-any-return]

    def parameter(self, wish: str, shape: Shape = (), start: str | float = 0.0) -> Expr:
        """A new parameter, called as wished or with a number behind."""
        name, k = wish, 1
        used = self.taken | set(self.columns) | self.words
        while name in used:
            k += 1
            name = f"{wish}_{k}"
        self.taken.add(name)
        made = symbol(name, "parameter", shape=shape)
        self.parameters.append(made)
        self.starts[name] = start
        return made

    def in_order(self, parameters: Sequence[Expr]) -> tuple[Expr, ...]:
        """The user's parameters in the order of the text, then those that were made, in theirs."""
        mine = set(self.parameters)
        return (*(p for p in parameters if p not in mine), *(p for p in self.parameters if p in set(parameters)))


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis
