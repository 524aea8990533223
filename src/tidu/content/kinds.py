"""The kinds of values that options take: how each is checked, read from a command line, and written there again.

An option is of one of these kinds, as its declaration says (`declarations.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidu.content.arguments import Declared, checked_options
from tidu.content.starts import finite
from tidu.errors import SettingError
from tidu.language.expr import Expr
from tidu.text import _, mark

Pair = tuple[float | None, float | None]


class Kind:
    """A kind of values. `metavar` stands for a value in help; a flag has none."""

    metavar: str = ""
    names: Iterable[str] = ()  # values to propose
    repeated: bool = False  # whether the option may stand several times on a command line, for several values

    def checked(self, name: str, value: Any) -> Any:
        """`value` of the option `name` as a plain Python value; SettingError if it cannot work."""
        return value

    def read(self, option: str, text: str) -> Any:
        """The value that `text` stands for after `option` on a command line."""
        return text

    def written(self, value: Any) -> str:
        """The text that `read` makes `value` of."""
        return repr(value) if isinstance(value, float) else str(value)

    def texts(self, value: Any) -> list[str]:
        """The text of each time that the option stands on a command line."""
        return [self.written(value)]


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number, not below `least` and not above `most`: what a machine counts in an age."""

    least: int = 0
    metavar: str = mark("N")
    most: int = 10**15

    def checked(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < self.least:
            raise SettingError(
                _("{name} must be a whole number of at least {least}, not {value}").format(
                    name=name, least=self.least, value=value
                )
            )
        if value > self.most:
            sentence = _("{name} must be at most {most}, not {value}")
            raise SettingError(sentence.format(name=name, most=self.most, value=value))
        return int(value)

    def read(self, option: str, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            sentence = _("{option} takes a whole number, not '{text}'")
            raise SettingError(sentence.format(option=option, text=text)) from None


@dataclass(frozen=True)
class Number(Kind):
    """A finite number, not below `at_least`, and above `above`."""

    at_least: float = -math.inf
    above: float = -math.inf
    metavar: str = mark("NUMBER")

    def checked(self, name: str, value: Any) -> float:
        number = None if isinstance(value, bool) else finite(value)
        if number is None:
            raise SettingError(_("{name} must be a finite number, not {value}").format(name=name, value=value))
        if number < self.at_least or number <= self.above:
            low = max(self.at_least, self.above)
            words = _("above {low:g}") if self.above >= self.at_least else _("at least {low:g}")
            raise SettingError(
                _("{name} must be {range}, not {value}").format(name=name, range=words.format(low=low), value=value)
            )
        return number

    def read(self, option: str, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise SettingError(_("{option} takes a number, not '{text}'").format(option=option, text=text)) from None


@dataclass(frozen=True)
class Flag(Kind):
    """True or False: `--name`, or `--no-name` where True is the default."""

    def checked(self, name: str, value: Any) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise SettingError(_("{name} must be True or False, not {value!r}").format(name=name, value=value))
        return bool(value)


@dataclass(frozen=True)
class FlagOr(Flag):
    """True, False, or one of a few words that say how: `--name`, `--no-name`, `--name WORD`."""

    names: tuple[str, ...]

    @property
    def metavar(self) -> str:  # type: ignore[override]  # it follows from the names
        """The words."""
        return "|".join(self.names)

    def checked(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value in self.names:
            return value
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        raise SettingError(
            _("{name} must be True, False or {words}, not {value!r}").format(
                name=name, words=", ".join(map(repr, self.names)), value=value
            )
        )

    def read(self, option: str, text: str) -> Any:
        return {"true": True, "false": False}.get(text.lower(), text)


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    names: tuple[str, ...]

    @property
    def metavar(self) -> str:  # type: ignore[override]  # it follows from the names
        """The words."""
        return "|".join(self.names)

    def checked(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise SettingError(
                _("{name} must be {names} or {last}, not {value!r}").format(
                    name=name, names=", ".join(self.names[:-1]), last=self.names[-1], value=value
                )
            )
        return value


@dataclass(frozen=True)
class Text(Kind):
    """A text; `check` raises SettingError where it means nothing."""

    metavar: str = mark("TEXT")
    check: Callable[[str], object] | None = None
    names: Iterable[str] = ()

    def checked(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise SettingError(_("{name} must be a text, not {value!r}").format(name=name, value=value))
        if self.check is None:
            return value
        self.check(value)
        return value.strip()


@dataclass(frozen=True)
class Device(Kind):
    """What a device of PyTorch can be called; whether there is one, only PyTorch can say."""

    metavar: str = mark("DEVICE")

    def checked(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"cpu|cuda(:\d{1,3})?|mps", value):
            raise SettingError(
                _("{name} must be 'cpu', 'cuda', a GPU by its number as in 'cuda:1', or 'mps', not {value!r}").format(
                    name=name, value=value
                )
            )
        return value


@dataclass(frozen=True)
class Formula(Kind):
    """A number, or a formula: text, or the expression that it stands for."""

    metavar: str = mark("FORMULA")

    def checked(self, name: str, value: Any) -> Any:
        return repr(value) if isinstance(value, Expr) else value


@dataclass(frozen=True)
class FractionOrData(Kind):
    """A fraction of the rows, or data; on a command line, their file."""

    metavar: str = mark("FRACTION|FILE")

    def read(self, option: str, text: str) -> float | str:
        try:
            return float(text)
        except ValueError:
            return text


def _apart(text: str) -> list[str]:
    """A text in pieces, at commas that stand in no brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth <= 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


@dataclass(frozen=True)
class Names(Kind):
    """Several names; commas between."""

    metavar: str = mark("NAME,...")

    def checked(self, name: str, value: Any) -> tuple[str, ...]:
        names = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(n, str) for n in names):
            raise SettingError(_("{name} must be names, not {value!r}").format(name=name, value=value))
        return names

    def read(self, option: str, text: str) -> tuple[str, ...]:
        return tuple(n.strip() for n in _apart(text) if n.strip())

    def written(self, value: Any) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class Statements(Kind):
    """Texts such as `c = 1 - a - b`, each after an option of its own; in Python also a dict, `{"c": "1 - a - b"}`."""

    metavar: str = mark("'NAME = EXPRESSION'")
    repeated: bool = True

    def checked(self, name: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, Mapping):
            value = [f"{left} = {right}" for left, right in value.items()]
        texts = (value,) if isinstance(value, str) else value
        if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
            raise SettingError(
                _("{name} must be texts such as 'c = 1 - a - b', not {value!r}").format(name=name, value=value)
            )
        return tuple(text.strip() for text in texts)

    def read(self, option: str, text: str) -> tuple[str, ...]:
        return (text,)

    def texts(self, value: Any) -> list[str]:
        return list(value)


@dataclass(frozen=True)
class Assignments(Kind):
    """Texts or numbers by name: `a=1,b=normal(0,1)`; commas inside brackets do not separate."""

    metavar: str = mark("NAME=VALUE,...")

    def checked(self, name: str, value: Any) -> dict[str, Any]:
        if value is not None and not isinstance(value, Mapping):
            raise SettingError(
                _("{name} must be a dict of values by name, not {value!r}").format(name=name, value=value)
            )
        return {n: self.one(name, n, v) for n, v in (value or {}).items()}

    def one(self, name: str, key: str, value: Any) -> Any:
        """One of the values, checked."""
        return value.item() if isinstance(value, np.number) else value

    def read(self, option: str, text: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for piece in _apart(text):
            name, equals, value = piece.partition("=")
            if piece.strip():
                if not equals or not name.strip() or not value.strip():
                    raise SettingError(
                        _("{option} takes name=value pairs with commas between, as in w=0,b=1; not '{text}'").format(
                            option=option, text=piece.strip()
                        )
                    )
                found[name.strip()] = self.read_one(option, name.strip(), value.strip())
        return found

    def read_one(self, option: str, key: str, text: str) -> Any:
        """One of the values."""
        return text

    def written(self, value: Any) -> str:
        return ",".join(f"{n}={self.written_one(v)}" for n, v in value.items())

    def written_one(self, value: Any) -> str:
        """One of the values as text."""
        return super().written(value)


@dataclass(frozen=True)
class Numbers(Assignments):
    """Numbers by name."""

    def one(self, name: str, key: str, value: Any) -> float:
        return Number().checked(f"{name} {key}", value)

    def read_one(self, option: str, key: str, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise SettingError(
                _("{option}: the value of {name} must be a number, not '{value}'").format(
                    option=option, name=key, value=text
                )
            ) from None


@dataclass(frozen=True)
class OptionsOf(Numbers):
    """Numbers by name: some options of a declared thing, whose defaults are those of the others; none is none."""

    thing: Declared = field(kw_only=True)

    def checked(self, name: str, value: Any) -> dict[str, float]:
        given = super().checked(name, value)
        return checked_options(self.thing, given) if given else {}


@dataclass(frozen=True)
class Bounds(Assignments):
    """A least and a greatest value by name, either of which may be left out: `a=0:10,b=:5`."""

    metavar: str = mark("NAME=LOW:HIGH,...")

    def one(self, name: str, key: str, value: Any) -> Pair:
        try:
            low, high = (None if v is None or abs(float(v)) == math.inf else float(v) for v in value)
        except (TypeError, ValueError):
            low = high = math.nan
        if (low is not None and math.isnan(low)) or (high is not None and math.isnan(high)):
            raise SettingError(
                _("bounds: '{name}' needs a pair (low, high), either None, not {value}").format(name=key, value=value)
            )
        if low is not None and high is not None and not low < high:
            raise SettingError(
                _("bounds: the lower bound of '{name}', {low:g}, is not below the upper, {high:g}").format(
                    name=key, low=low, high=high
                )
            )
        return low, high

    def read_one(self, option: str, key: str, text: str) -> Pair:
        low, colon, high = text.partition(":")
        try:
            if not colon:
                raise ValueError
            return (float(low) if low.strip() else None, float(high) if high.strip() else None)
        except ValueError:
            raise SettingError(
                _("{option}: {name} needs LOW:HIGH, of which either may be left out, as in 0:10 or 0:; not '{value}'")
                .format(option=option, name=key, value=text)
            ) from None  # fmt: skip

    def written_one(self, value: Any) -> str:
        return ":".join("" if end is None else repr(end) for end in value)
