"""Sentences in LaTeX: what its fonts for words have no letter for is set as mathematics; and whole documents of them.

Called by whatever writes an explanation or a derivation as LaTeX.
"""

from __future__ import annotations

import re

from tidu.language.printer import GREEK
from tidu.language.words import SUBSCRIPTS, SUPERSCRIPTS

_SPECIAL = {c: f"\\{c}" for c in "_%&#${}"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
_LETTERS = {letter: f"\\{name}" for name, letter in GREEK.items() if name != "lam"} | {
    "π": r"\pi", "Σ": r"\sum", "Π": r"\prod", "ŷ": r"\hat{y}", "ℓ": r"\ell", "∂": r"\partial", "∇": r"\nabla",
}  # fmt: skip
_SIGNS = {
    "−": "-", "·": r"\cdot", "×": r"\times", "⊗": r"\otimes", "←": r"\leftarrow", "→": r"\to", "≤": r"\le", "≥": r"\ge",
    "≠": r"\ne", "≈": r"\approx", "∞": r"\infty", "√": r"\surd", "½": r"\tfrac{1}{2}", "′": "'", "∧": r"\land",
    "∨": r"\lor", "¬": r"\lnot", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "∈": r"\in",
    "…": r"\dots",
}  # fmt: skip
_RAISED = dict(zip(SUPERSCRIPTS + "⁻⁺ⁿᵀ", "0123456789-+nT", strict=True))
_LOWERED = dict(zip(SUBSCRIPTS + "₋₊ᵢⱼₖₙ", "0123456789-+ijkn", strict=True))
_MATHEMATICS = re.compile(f"([{''.join(_RAISED)}]+)|([{''.join(_LOWERED)}]+)|([{''.join(_LETTERS)}{''.join(_SIGNS)}])")
_CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")


def latex_words(words: str) -> str:
    r"""Words as LaTeX has them outside of mathematics, and inside its `\text`."""
    pieces, end = [], 0
    for found in _MATHEMATICS.finditer(words):
        pieces.append(_plain(words[end : found.start()]))
        raised, lowered, sign = found.groups()
        if raised:
            pieces.append(f"$^{{{''.join(map(_RAISED.__getitem__, raised))}}}$")
        elif lowered:
            pieces.append(f"$_{{{''.join(map(_LOWERED.__getitem__, lowered))}}}$")
        else:
            pieces.append(f"${_LETTERS.get(sign) or _SIGNS[sign]}$")
        end = found.end()
    return "".join([*pieces, _plain(words[end:])])


def _plain(words: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in words)


def latex_document(lines: list[str]) -> str:
    """A document of these lines; where there is Chinese in it, of the class that has its fonts."""
    body = "\n".join(lines)
    kind = "ctexart" if _CHINESE.search(body) else "article"
    return f"\\documentclass{{{kind}}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
