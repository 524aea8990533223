"""A formula cut into words: numbers, names, signs, as people and printers write them.

`w·x²` is `w`, `·`, `x`, `²`. Signs of mathematics (× ÷ − ² √ ½ ≤ ∧), of Chinese keyboards (＝ ＋ （ ） ，) and of
typesetting (– ∗) are read as what they mean. What the words mean together is settled in `grammar.py`.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass

# Signs that mean one of ASCII's: for each character one, so that places stay. A times sign is never half of a `**`.
_ALIKE = {
    "+": "＋﹢", "-": "−－–—‐‑﹣", "*": "＊∗﹡", "/": "／∕", "×": "·⋅∙•・‧·✕✖⨯⨉\u2062", "^": "＾ˆ",
    "=": "＝", "<": "＜", ">": "＞", "≤": "⩽≦", "≥": "⩾≧", "!": "！", "(": "（", ")": "）", "[": "［", "]": "］",
    ",": "，", ".": "．", "|": "｜", "`": "｀", "~": "～∼", **{str(k): chr(ord("０") + k) for k in range(10)},
}  # fmt: skip
_AS_ASCII = str.maketrans({sign: plain for plain, signs in _ALIKE.items() for sign in signs})
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_AS_DIGITS = str.maketrans(SUPERSCRIPTS + "⁺⁻", "0123456789+-")
_SIGNS = {  # as written: its kind, and what it is in Python
    **{sign: ("binary", sign) for sign in ("/", "%", "//", "@", "<<", ">>", "&", "<", "<=", ">", ">=", "==", "!=")},
    "*": ("binary", "*"), "×": ("binary", "*"), "÷": ("binary", "/"),
    "≤": ("binary", "<="), "≥": ("binary", ">="), "≠": ("binary", "!="),
    "∧": ("binary", "and"), "∨": ("binary", "or"), "¬": ("prefix", "not"), "+": ("sign", "+"), "-": ("sign", "-"),
    "**": ("power", "**"), "^": ("power", "**"), "√": ("root", "sqrt"), "|": ("bar", "|"), ",": ("comma", ","),
    "=": ("equals", "="), ".": ("dot", "."), "~": ("tilde", "~"), "(": ("open", "("), "[": ("open", "["),
    "⌊": ("open", "floor("), ")": ("close", ")"), "]": ("close", "]"), "⌋": ("close", ")"),
}  # fmt: skip
_WORDS = {
    **dict.fromkeys(("and", "or", "in", "is", "if", "else"), "binary"),
    "not": "prefix",
    **dict.fromkeys(("True", "False", "None"), "atom"),
}
# Letters that a person cannot tell from Latin ones: Cyrillic, then Greek.
_LOOKS = str.maketrans(
    "асеһіјорԛѕухԝАВСЕНІЈКМОРЅТХУ" + "οΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "acehijopqsyxwABCEHIJKMOPSTXY" + "oABEZHIKMNOPTYX"
)
_PATTERN = re.compile(
    r"(?P<space>[\s\u2061]+)|(?P<comment>#.*)|(?P<quoted>`[^`]+`)|(?P<atom>\.\.\.|…|'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+"
    r"|(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    rf"|(?P<superscript>[⁺⁻]?[{SUPERSCRIPTS}]+)"
    r"|(?P<operator>\*\*|//|<<|>>|<=|>=|==|!=|[-+*×/÷^%@&<>≤≥≠∧∨¬√|,=.~()\[\]⌊⌋])"
)


@dataclass(frozen=True)
class Word:
    """A word of a formula: what kind it is, as it is written, what it is in Python, and where it begins.

    The kinds: number, name, quoted, atom (text, `...`, True), sign (+ -), binary, power, superscript, prefix, root,
    open, close, bar, comma, equals, dot, tilde; unknown for what means nothing.
    """

    kind: str
    written: str
    python: str
    place: int

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.place + len(self.written)


def normal(name: str) -> str:
    """A name as Python's own parser sees it (Unicode normal form NFKC)."""
    return unicodedata.normalize("NFKC", name)


def look(name: str) -> str:
    """A name with Latin letters in the place of those of other alphabets that look the same."""
    return name.translate(_LOOKS)


def as_ascii(text: str) -> str:
    """`text` with each sign that means one of ASCII's exchanged for that, outside backticks."""
    parts = re.split(r"([`｀][^`｀]*[`｀])", text)
    return "".join(f"`{p[1:-1]}`" if k % 2 else p.translate(_AS_ASCII) for k, p in enumerate(parts))


def words_of(text: str) -> list[Word]:
    """The words of `text`; spaces and a comment behind `#` are left out."""
    plain = as_ascii(text)
    found: list[Word] = []
    place = 0
    while place < len(plain):
        match = _PATTERN.match(plain, place)
        end = match.end() if match else _end_of_name(plain, place)
        if match is None or match.lastgroup not in ("space", "comment"):
            kind = match.lastgroup if match else None
            found.append(_word(kind, plain[place:end] if kind in ("quoted", "atom") else text[place:end],
                               plain[place:end], place))  # fmt: skip
        place = end
    return found


def _end_of_name(text: str, place: int) -> int:
    """Where the name ends that begins here; behind the one character if none does."""
    end = place + 1
    if text[place].isidentifier():
        while end < len(text) and (text[end] in SUBSCRIPTS or f"a{text[end]}".isidentifier()):
            end += 1
    return end


def _word(kind: str | None, written: str, plain: str, place: int) -> Word:
    if kind == "operator":
        kind, python = _SIGNS[plain]
        return Word(kind, written, python, place)
    if kind == "superscript" and len(plain) <= 9:
        exponent = int(plain.translate(_AS_DIGITS))
        return Word(kind, written, f"**({exponent})" if exponent < 0 else f"**{exponent}", place)
    if kind == "number":
        return Word(kind, written, re.sub(r"^0+(?=[0-9])", "", plain), place)
    if kind == "atom":
        return Word(kind, written, "..." if plain in ("...", "…") else repr(plain[1:-1]), place)
    if kind == "quoted":
        return Word(kind, written, plain, place)
    if unicodedata.decomposition(plain[0]).startswith("<fraction>"):
        return Word("number", written, repr(unicodedata.numeric(plain[0])), place)
    name = normal(plain)  # as Python reads names, which makes digits of subscripts
    if not plain[0].isidentifier() or not name.isidentifier() or any(map(_is_small, plain)):
        return Word("unknown", written, "", place)
    if keyword.iskeyword(name):
        return Word(_WORDS.get(name, "keyword"), written, name, place)
    return Word("name", written, name, place)


def _is_small(character: str) -> bool:
    """Whether a letter is raised or lowered, as ⁿ and ᵢ, which as a name would be read as n and i."""
    return character not in SUBSCRIPTS and unicodedata.decomposition(character).startswith(("<super>", "<sub>"))
