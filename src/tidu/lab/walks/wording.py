"""The words of a walk: a page in each language, a section for each stop, read into what the page of the lab shows.

A section is `## heading`, paragraphs, and lines that begin with a sign: `?` the question, `!` where to look after a
wrong answer, `- name: an answer to choose`, `~ name: what to say of this wrong answer`, `=` what the right one means.
Text between `$` is mathematics, read by the parser of formulas and typeset; ∂J/∂w is written dJ/dw.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidu.language.expr import symbol
from tidu.language.mathml import math, mathml, mathml_name
from tidu.language.reader import parse_expression
from tidu.lessons.lesson import PLACE, joined
from tidu.text import language

PAGES = Path(__file__).parent / "pages"
PIECES = re.compile(r"\$(?P<math>[^$]+)\$|`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")
SIGN = re.compile(r"\s+(=|←|≈)\s+")
DERIVATIVE = re.compile(r"\bd(\w+)/d(\w+)")
NAMED = re.compile(r"([\w-]+):\s+(.*)", re.DOTALL)
SIGNS = {"y_hat": "<mi>ŷ</mi>", "loss": "<mi>ℓ</mi>", "inf": "<mi>∞</mi>"}  # what mathematics calls them


@dataclass
class Section:
    """The words of one stop."""

    heading: str
    paragraphs: list[str] = field(default_factory=list)
    question: str = ""
    hint: str = ""
    meaning: str = ""
    choices: dict[str, str] = field(default_factory=dict)
    slips: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """The words of a walk."""

    title: str
    sections: tuple[Section, ...]


@functools.cache
def _read(name: str, lang: str) -> Page:
    text = (PAGES / f"{name}.{lang}.md").read_text(encoding="utf-8")
    title, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return Page(title.removeprefix("# ").strip(), tuple(map(_section, sections)))


def page_of(name: str, lang: str | None = None) -> Page:
    """The page of a walk, in the language in use unless another is named."""
    return _read(name, lang or language())


def _section(text: str) -> Section:
    heading, _line, body = text.partition("\n")
    section = Section(heading.strip())
    for block in re.split(r"\n\s*\n|\n(?=[?!=~-] )", body.strip()):
        sign, words = block[:2], joined(block).replace("\n", " ").strip()
        if sign == "? ":
            section.question = words[2:]
        elif sign == "! ":
            section.hint = words[2:]
        elif sign == "= ":
            section.meaning = words[2:]
        elif sign in ("- ", "~ "):
            found = NAMED.fullmatch(words[2:])
            assert found, f"'{words}' names nothing"
            (section.choices if sign == "- " else section.slips)[found[1]] = found[2]
        elif words:
            section.paragraphs.append(words)
    return section


def pieces_of(text: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """A paragraph as pieces, in order: `text`, `code`, `strong`, or `math` as MathML; its places filled."""
    text = PLACE.sub(lambda place: values[place.group(1)], text)
    found: list[dict[str, Any]] = []
    end = 0
    for piece in PIECES.finditer(text):
        if piece.start() > end:
            found.append({"text": text[end : piece.start()]})
        kind = str(piece.lastgroup)
        inside = piece.group(kind)
        found.append({"math": _set(inside), "text": inside} if kind == "math" else {kind: inside})
        end = piece.end()
    if end < len(text):
        found.append({"text": text[end:]})
    return found


@functools.lru_cache(maxsize=1000)
def _set(text: str) -> str:
    """An equation, or a chain of them, as MathML."""
    parts = SIGN.split(text.strip())
    return math("".join(f"<mo>{part}</mo>" if k % 2 else _side(part) for k, part in enumerate(parts)))


def _side(text: str) -> str:
    names = {symbol(name, "parameter"): sign for name, sign in SIGNS.items()}

    def slope(found: re.Match[str]) -> str:
        above, below = (f"<mrow><mo>∂</mo>{SIGNS.get(name) or mathml_name(name)}</mrow>" for name in found.groups())
        name = f"slope_{found[1]}_{found[2]}"
        names[symbol(name, "parameter")] = f"<mfrac>{above}{below}</mfrac>"
        return name

    expression = parse_expression(DERIVATIVE.sub(slope, text), {}, lambda name: symbol(name, "parameter"))
    return mathml(expression, names)
