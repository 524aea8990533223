"""The text of a formula before it is read: its size, and its two sides."""

from __future__ import annotations

import re

from tidu.errors import FormulaError
from tidu.language.words import as_ascii
from tidu.text import _

LONGEST = 10_000  # characters
DEEPEST = 100  # nested brackets


def clipped(text: str) -> str:
    """A formula short enough to stand in a sentence."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in " ".join(text.split()))
    return text if len(text) <= 60 else text[:57] + "..."


def check_size(text: str) -> None:
    """Refuse what is too long or nests too many brackets."""
    if len(text) > LONGEST:
        raise FormulaError(
            _("the formula has {length} characters; the limit is {limit}").format(length=len(text), limit=LONGEST)
        )
    depth = deepest = 0
    for character in as_ascii(text):
        depth += (character in "([") - (character in ")]")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise FormulaError(
            _("the formula '{formula}' nests {depth} parentheses; the limit is {limit}").format(
                formula=clipped(text), depth=deepest, limit=DEEPEST
            )
        )


def sides(text: str) -> tuple[str, str]:
    """What stands left and right of the one `=` outside all brackets."""
    places = equal_signs(text)
    left, right = (text[: places[0]].strip(), text[places[0] + 1 :].strip()) if len(places) == 1 else ("", "")
    if not places and "~" in _without_quotes(text):
        raise FormulaError(
            _(
                "the formula '{formula}' has ~ where = must stand; a model is written 'y = w*x + b', or "
                "'y = linear(x)' to leave the parameters to tidu"
            ).format(formula=clipped(text))
        )
    if not left or not right:
        raise FormulaError(
            _("the formula '{formula}' must read 'target = expression', as in 'y = w*x + b'").format(
                formula=clipped(text)
            )
        )
    return left, right


def equal_signs(text: str) -> list[int]:
    """Where `=` stands outside all brackets and is no part of a comparison."""
    hidden = _without_quotes(text)
    depth, places = 0, []
    for i, character in enumerate(hidden):
        depth += (character in "([") - (character in ")]")
        alone = hidden[i - 1 : i] not in ("<", ">", "=", "!", ":") and hidden[i + 1 : i + 2] != "="
        if character == "=" and depth == 0 and alone:
            places.append(i)
    return places


def _without_quotes(text: str) -> str:
    """The text in ASCII signs, with q for each character of quotes and of comments."""
    return re.sub(r"`[^`]*`|'[^'\n]*'|\"[^\"\n]*\"|#.*", lambda m: "q" * len(m[0]), as_ascii(text))
