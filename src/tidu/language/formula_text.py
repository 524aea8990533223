"""A formula before it is an expression: its size, its two sides, its quoted columns, its syntax tree.

Signs as Chinese keyboards type them (＝ ＋ － × （ ）) are read as their ASCII counterparts.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings

from tidu.errors import FormulaError
from tidu.text import _

LONGEST = 10_000  # characters
DEEPEST = 100  # nested brackets
_SIGNS = str.maketrans("＝＋－−＊×／÷（），．＜＞｀\u3000", "=+--**//(),.<>` ")


def with_ascii_signs(text: str) -> str:
    """`text` with full-width operators, brackets and spaces as ASCII, outside backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.translate(_SIGNS) for part in parts)


def clipped(text: str) -> str:
    """A formula short enough to stand in a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def normal(name: str) -> str:
    """A name as Python's own parser sees it (Unicode normal form NFKC)."""
    return unicodedata.normalize("NFKC", name)


def check_size(text: str) -> None:
    """Refuse what is too long or nests too many brackets."""
    if len(text) > LONGEST:
        raise FormulaError(
            _("the formula has {length} characters; the limit is {limit}").format(length=len(text), limit=LONGEST)
        )
    depth = deepest = 0
    for character in text:
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
    hidden = re.sub(r"`[^`]*`", lambda m: "`" + "q" * (len(m[0]) - 2) + "`", text)
    depth, places = 0, []
    for i, character in enumerate(hidden):
        depth += (character in "([") - (character in ")]")
        alone = hidden[i - 1 : i] not in ("<", ">", "=", "!", ":") and hidden[i + 1 : i + 2] != "="
        if character == "=" and depth == 0 and alone:
            places.append(i)
    left, right = (text[: places[0]].strip(), text[places[0] + 1 :].strip()) if len(places) == 1 else ("", "")
    if not left or not right:
        raise FormulaError(
            _("the formula '{formula}' must read 'target = expression', as in 'y = w*x + b'").format(
                formula=clipped(text)
            )
        )
    return left, right


def without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Columns in backticks exchanged for identifiers that nothing else can be."""
    quoted: dict[str, str] = {}
    stem = "_quoted_column_"
    while stem in normal(text):
        stem = f"_{stem}"

    def stand_in(found: re.Match[str]) -> str:
        identifier = f"{stem}{len(quoted)}_"
        quoted[identifier] = found.group(1)
        return f" {identifier} "  # apart from what stands beside it

    source = re.sub(r"`([^`]+)`", stand_in, text)
    if "`" in source:
        raise FormulaError(_("formula '{formula}': a backtick is not closed").format(formula=clipped(text)))
    return source, quoted


def syntax_tree(source: str, text: str) -> ast.expr:
    """Python's tree of one expression; `text` is what the user wrote, for the message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on '1(x)' and the like; such text is refused below
            return ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        said = str(error.msg).split(". Perhaps")[0]
        where = _(" near character {column}").format(column=error.offset) if error.offset else ""
        raise FormulaError(
            _("the formula '{formula}' cannot be read{where}: {reason}").format(
                formula=clipped(text), where=where, reason=said
            )
        ) from None
    except (RecursionError, MemoryError):
        raise FormulaError(_("the formula '{formula}' is nested too deeply").format(formula=clipped(text))) from None
    except ValueError as error:  # null bytes, lone surrogates
        raise FormulaError(
            _("the formula '{formula}' cannot be read: {reason}").format(formula=clipped(repr(text)), reason=error)
        ) from None
