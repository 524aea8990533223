"""Numbers that a loss, an optimizer or a schedule can be given, each with a default and the range that makes sense.

Also the text form that the command line uses for a chosen thing with its options: `huber(delta=2)`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tidu.errors import SettingError, closest
from tidu.syntax_tree import expression_tree
from tidu.text import _, mark


@dataclass(frozen=True)
class Option:
    """A number with its default and its range; `low_open` and `high_open` leave the ends out."""

    default: float
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = True

    @property
    def is_positive(self) -> bool:
        """Whether every allowed value is above 0."""
        return self.low > 0 or (self.low == 0 and self.low_open)

    def checked(self, owner: str, name: str, value: object) -> float:
        """`value` as a float, if it is a number in the range."""
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:  # an int beyond float64
                number = value = math.inf
            above = number > self.low if self.low_open else number >= self.low
            below = number < self.high if self.high_open else number <= self.high
            if above and below and math.isfinite(number):
                return number
        raise SettingError(
            _("{owner}: {name} must be {range}, not {value}").format(
                owner=owner, name=name, range=self.range_in_words(), value=value
            )
        )

    def range_in_words(self) -> str:
        """The range, as a sentence needs it."""
        if self.high == math.inf:
            words = _("above {low:g}") if self.low_open else _("at least {low:g}")
            return words.format(low=self.low)
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return _("in {interval}").format(interval=f"{left}{self.low:g}, {self.high:g}{right}")


def positive(default: float) -> Option:
    """A number above 0."""
    return Option(default, 0.0, low_open=True)


def nonnegative(default: float) -> Option:
    """A number of at least 0."""
    return Option(default, 0.0)


def fraction(default: float, low_open: bool = False, high_open: bool = True) -> Option:
    """A number between 0 and 1; by default 0 is allowed and 1 is not."""
    return Option(default, 0.0, 1.0, low_open, high_open)


class Declared(Protocol):
    """Anything in a registry: it has a name and options."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def options(self) -> Mapping[str, Option]:
        """Its options by name."""
        ...


Thing = TypeVar("Thing", bound=Declared)


def chosen(kind: str, registry: Mapping[str, Thing], text: str) -> tuple[Thing, dict[str, float]]:
    """The thing that `text` names and its options with defaults filled in: `huber(delta=2)`, `adam`."""
    name, given = _named_call(kind, text)
    if name not in registry:
        near = closest(name, registry)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no {kind} '{name}'{hint}; there are: {names}").format(
                kind=_(kind), name=name, hint=hint, names=", ".join(registry)
            )
        )
    thing = registry[name]
    return thing, checked_options(thing, given)


def checked_options(thing: Declared, given: Mapping[str, object]) -> dict[str, float]:
    """All options of `thing`: those in `given`, checked, and the defaults of the others."""
    for name in given:
        if name not in thing.options:
            raise SettingError(
                _("{owner} has no option '{name}'; it has: {names}").format(
                    owner=thing.name, name=name, names=", ".join(thing.options) or _("none")
                )
            )
    return {
        name: option.checked(thing.name, name, given.get(name, option.default))
        for name, option in thing.options.items()
    }


def written(name: str, options: Mapping[str, float]) -> str:
    """The text form: the inverse of `chosen`."""
    inside = ", ".join(f"{key}={value:g}" if value == float(f"{value:g}") else f"{key}={value!r}"
                       for key, value in options.items())  # fmt: skip
    return f"{name}({inside})" if inside else name


def _named_call(kind: str, text: str) -> tuple[str, dict[str, Any]]:
    with contextlib.suppress(TypeError, SyntaxError, ValueError, RecursionError, MemoryError):
        name, given = _call_read(text)
        return name, dict(given)
    raise SettingError(
        _("'{text}' is not a {kind}; write a name, or a name with options such as {example}").format(
            text=str(text)[:60], kind=_(kind), example=_EXAMPLES[kind]
        )
    )


@functools.lru_cache(maxsize=64)
def _call_read(text: str) -> tuple[str, dict[str, Any]]:
    """The name and the options that stand in a text; the last ones are kept, for one fit asks several times."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    tree = expression_tree(text.strip())
    if isinstance(tree, ast.Name):
        return tree.id, {}
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.args:
        given = {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
        if len(given) == len(tree.keywords):
            return tree.func.id, given
    raise ValueError("neither a name nor a call")


_EXAMPLES = {mark("loss"): "huber(delta=2)", mark("optimizer"): "momentum(momentum=0.8)"}
