"""Lines of a given width, for English and Chinese: words stay whole, no line begins with 。 or ends with （.

The terminal's own wrapping knows spaces only. Used by help, reports and everything else that prints sentences.
"""

from __future__ import annotations

import itertools
import re
import shlex
import unicodedata
from collections.abc import Sequence

from rich.cells import cell_len

CLOSING = "，。；：！？、）》〉」』】”’…％%·,.;:!?)]}"  # may not begin a line
BLANK = " \t"  # at which a line may end
OPENING = "（《〈「『【“‘([{"  # may not end one
BETWEEN = frozenset("=≈≤≥←+−·×/")  # stands on one line with what is before and behind it ...
FORMULA = 20  # ... unless all of that is wider than this many columns


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns; what is longer by itself, such as a path, stays whole.

    Line breaks of the text are kept. A wide character takes two columns.
    """
    return [line for paragraph in text.split("\n") for line in _lines(paragraph, width)]


def indented(text: str, width: int, first: str = "", rest: str | None = None) -> str:
    """`text` in lines, of which the first begins with `first` and the others with `rest` (blanks as wide as that)."""
    rest = " " * cell_len(first) if rest is None else rest
    lines = wrapped(text, max(width - max(cell_len(first), cell_len(rest)), 8))
    return "\n".join(f"{first if k == 0 else rest}{line}" for k, line in enumerate(lines))


def shell_lines(words: Sequence[str], width: int, indent: str = "  ", quote: bool = True) -> str:
    r"""A command that can be pasted: with a backslash at the end of a line, an option beside its value.

    Words are quoted where they need it, unless they are already.
    """
    pieces: list[str] = []
    for word in words:
        quoted = shlex.quote(word) if quote else word
        is_value = bool(pieces) and pieces[-1].startswith("--") and " " not in pieces[-1] and not word.startswith("--")
        if is_value:
            pieces[-1] += f" {quoted}"
        else:
            pieces.append(quoted)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if cell_len(f"{lines[-1]} {piece}") + 2 > width - cell_len(indent):
            lines.append(f"{indent}{piece}")
        else:
            lines[-1] += f" {piece}"
    return " \\\n".join(lines)


def pasteable(command: str, width: int) -> list[str]:
    """A command line in lines that a shell takes as one."""
    if cell_len(command) <= width:
        return [command]
    words = re.findall(r"""(?:"[^"]*"|'[^']*'|\S)+""", command)
    return shell_lines(words, width, quote=False).split("\n")


def breaks(paragraph: str, width: int) -> list[int]:
    """Where the lines of a paragraph after the first begin; blanks before them belong to no line."""
    found: list[int] = []
    start = place = 0
    for unit in _units(paragraph):
        end = place + len(unit)
        if place > start and cell_len(paragraph[start:end].rstrip()) > width:
            start = place + len(unit) - len(unit.lstrip())
            found.append(start)
        place = end
    return found


def _lines(paragraph: str, width: int) -> list[str]:
    edges = [0, *breaks(paragraph, width), len(paragraph)]
    return [paragraph[a:b].rstrip() for a, b in itertools.pairwise(edges)]


def _units(paragraph: str) -> list[str]:
    """What stays together: a word, or one wide character, with what may not be parted from it, and blanks before."""
    pieces = re.findall(r"[ \t]+|[^ \t]", paragraph)
    units: list[str] = []
    for k, piece in enumerate(pieces):
        before = pieces[k - 1][-1] if k else " "
        joined = bool(piece.strip(BLANK)) and before not in BLANK
        if units and ((joined and _stay_together(before, piece)) or not units[-1].strip(BLANK)):
            units[-1] += piece
        else:
            units.append(piece)
    return _formulas(units)


def _formulas(units: list[str]) -> list[str]:
    """The units, with short formulas such as `w = 1.5` as one."""
    joined: list[str] = []
    behind_sign = False
    for unit in units:
        sign = unit.strip() in BETWEEN
        if joined and (sign or behind_sign) and cell_len(f"{joined[-1]}{unit}".strip()) <= FORMULA:
            joined[-1] += unit
        else:
            joined.append(unit)
        behind_sign = sign
    return joined


def _stay_together(before: str, after: str) -> bool:
    return after in CLOSING or before in OPENING or not (_is_wide(before) or _is_wide(after))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
