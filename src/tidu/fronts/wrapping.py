"""Lines of a given width, for English and Chinese: words stay whole, no line begins with 。 or ends with （.

The terminal's own wrapping knows spaces only. Used by help, reports and everything else that prints sentences.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Sequence

from rich.cells import cell_len

CLOSING = "，。；：！？、）》〉」』】”’…％%·,.;:!?)]}"  # may not begin a line
OPENING = "（《〈「『【“‘([{"  # may not end one


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


def _lines(paragraph: str, width: int) -> list[str]:
    lines, line = [], ""
    for unit in _units(paragraph):
        if line and cell_len((line + unit).rstrip()) > width:
            lines.append(line.rstrip())
            line = unit.lstrip()
        else:
            line += unit
    return [*lines, line.rstrip()]


def _units(paragraph: str) -> list[str]:
    """What stays together: a word, or one wide character, with what may not be parted from it, and blanks before."""
    pieces = re.findall(r"\s+|[^\s]", paragraph)
    units: list[str] = []
    for k, piece in enumerate(pieces):
        before = pieces[k - 1][-1] if k else " "
        joined = not piece.isspace() and not before.isspace()
        if units and ((joined and _stay_together(before, piece)) or units[-1].isspace()):
            units[-1] += piece
        else:
            units.append(piece)
    return units


def _stay_together(before: str, after: str) -> bool:
    return after in CLOSING or before in OPENING or not (_is_wide(before) or _is_wide(after))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
