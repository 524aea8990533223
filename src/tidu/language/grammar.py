"""The order of a formula's words: what can stand where, said in a sentence with its place, and written out as Python.

`x²` becomes `x**2`, `√x` becomes `sqrt(x)`, `|x|` becomes `abs(x)`, `2(a + b)` becomes `2*(a + b)`. What can be read in
two ways is refused with both written out. `syntax_tree` gives Python's own tree, which `reader.py` reads.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from tidu.errors import FormulaError
from tidu.language.formula_text import clipped
from tidu.language.other_notations import BETWEEN, LATEX, PAIRS, PERCENT, SIGNS
from tidu.language.words import Word, normal, words_of
from tidu.syntax_tree import expression_tree
from tidu.text import _

LONGEST_NUMBER = 400  # characters of a whole number; 310 digits are beyond float64
_CHAINED = ("sign", "binary", "power", "prefix", "root")
_CLOSING = {"(": ")", "[": "]", "floor(": "⌋", "|": "|"}


@dataclass(frozen=True)
class Grammatical:
    """A formula in Python's grammar: its tree, which identifiers stand for which columns in backticks, and its names.

    `names` are all that stand in it, those of functions and columns too but of no options, in normal form.
    """

    tree: ast.expr
    quoted: dict[str, str]
    names: frozenset[str]


def syntax_tree(text: str, names: Collection[str] = (), functions: Collection[str] = ()) -> Grammatical:
    """Python's tree of one expression, as people write it.

    `names` are known, and columns among them that are no identifiers are recognised where their backticks are missing;
    a function that stands without its brackets is told from a name by `functions`.

    Raises
    ------
    FormulaError
        The words do not follow one another as those of a formula; the sentence says where, and what to write.
    """
    return _Sentence(text, names, functions).tree()


class _Sentence:
    """The words of one expression, read from left to right; `wanted` is whether an operand must come next."""

    def __init__(self, text: str, names: Collection[str], functions: Collection[str]) -> None:
        self.text, self.names, self.functions = text, names, functions
        self.words = words_of(text)
        self.opened: list[tuple[Word, bool]] = []  # brackets and roots not yet closed; whether a call's
        self.python: list[str] = []
        self.places: list[int] = []  # of the word that each piece of Python comes from
        self.quoted: dict[str, str] = {}
        self.wanted = True
        self.rooted = False  # whether the operand that has just ended is a root without brackets
        self.stem = "_quoted_column_"
        while any(self.stem in w.python for w in self.words if w.kind == "name"):
            self.stem = f"_{self.stem}"

    def tree(self) -> Grammatical:
        self.find_columns_without_backticks()
        for k in range(len(self.words)):
            (self.operand if self.wanted else self.behind_operand)(k)
        if self.wanted:
            if not self.words:
                self.fail(0, _("nothing is written"))
            last = self.words[-1]
            self.refuse_percent(len(self.words))
            self.fail(last.place, _("it ends behind '{word}'; a number, a name or a bracket must follow"),
                      word=last.written)  # fmt: skip
        if self.opened:
            word = self.opened[-1][0]
            self.fail(word.place, _("the bracket '{word}' is not closed"), word=word.written)
        options = {k for k, w in enumerate(self.words) if self.kind(k + 1) == "equals"}  # hidden=[8]
        names = {w.python for k, w in enumerate(self.words) if w.kind == "name" and k not in options}
        names |= {normal(column) for column in self.quoted.values()}
        return Grammatical(self.parsed(), self.quoted, frozenset(names))

    # -- where an operand must stand -----------------------------------------------------------
    def operand(self, k: int) -> None:
        word, after = self.words[k], self.kind(k + 1)
        if word.kind in ("number", "atom"):
            self.write(word, self.checked_number(word) if word.kind == "number" else word.python)
            self.ended()
        elif word.kind == "quoted":
            stand_in = f"{self.stem}{len(self.quoted)}_"
            self.quoted[stand_in] = word.python[1:-1]
            self.write(word, stand_in)
            self.ended()
        elif word.kind == "name":
            self.write(word, word.python)
            self.wanted = False
            if after != "open" or self.words[k + 1].python != "(":
                self.ended()
        elif word.kind == "root" and after == "open" and self.words[k + 1].python == "(":
            self.write(word, "sqrt")
            self.wanted = False
        elif word.kind == "root":
            self.write(word, "sqrt(")
            self.opened.append((word, False))
        elif word.kind == "open":
            self.open(word, False)
        elif word.kind == "bar" and not (self.joined(k) == "||" and self.python[-1] == "|"):
            self.write(word, "abs(")
            self.opened.append((word, False))
        elif word.kind == "sign" and self.opened and self.opened[-1][0].kind == "root":
            self.fail(word.place, _("a sign under the root needs brackets; write √({sign}…)"), sign=word.written)
        elif word.kind in ("sign", "prefix"):
            self.write(word, word.python)
        elif word.kind == "close" and (self.words[k - 1].kind == "comma" or self.is_empty_call(k)):
            self.close(word)
        else:
            self.fail_at_operand(k)

    def fail_at_operand(self, k: int) -> NoReturn:
        word = self.words[k]
        self.refuse_what_means_nothing(k)
        self.refuse_percent(k)
        if self.joined(k) in PAIRS:
            self.fail(word.place, _("'{sign}' is not an operator of a formula; write {instead}"), sign=self.joined(k),
                      instead=PAIRS[self.joined(k)])  # fmt: skip
        if word.python == "if":
            self.fail(word.place, _("a choice is written where(x > 0, a, b)"))
        if word.kind == "superscript":
            self.fail(word.place, _("before the exponent '{word}' a number or a name is missing"), word=word.written)
        if k == 0:
            self.fail(word.place, _("it begins with '{word}'; a number, a name or a bracket must come first"),
                      word=word.written)  # fmt: skip
        self.fail(word.place, _("between '{before}' and '{word}' a number or a name is missing"),
                  before=self.words[k - 1].written, word=word.written)  # fmt: skip

    # -- behind an operand ---------------------------------------------------------------------
    def behind_operand(self, k: int) -> None:
        word, before = self.words[k], self.words[k - 1]
        if word.kind == "open":
            self.open_behind_operand(k)
        elif word.kind == "bar" and self.opened and self.opened[-1][0].kind == "bar":
            self.close(word)
        elif word.kind in ("close", "comma"):
            self.close(word) if word.kind == "close" else self.comma(word)
        elif word.kind == "equals":
            self.equals(k)
        elif word.kind in ("superscript", "power") and self.rooted:
            self.fail(word.place, _("the exponent may be of the root or under it; write (√…)^2 or √(…^2)"))
        elif word.kind in ("superscript", "power") and before.kind == "superscript":
            self.fail(word.place, _("two exponents follow one another; write (x^2)^3 or x^(2^3)"))
        elif word.kind in ("power", "bar") and self.is_function(k - 1):
            self.fail_behind_function(k)
        elif word.kind == "superscript":
            self.write(word, word.python)
        elif word.kind in ("sign", "binary", "power", "bar") or (
            word.python == "not" and self.python_of(k + 1) == "in"
        ):
            self.write(word, word.python)
            self.wanted = word.python != "not"
        elif word.kind == "dot":
            self.fail_at_dot(k)
        else:
            self.refuse_what_means_nothing(k)
            self.fail_at_product(k)

    def fail_behind_function(self, k: int) -> NoReturn:
        """A function's power, as in sin^2(x), or its bars, as in ln|x|."""
        word, name = self.words[k], self.words[k - 1].written
        if word.kind == "bar":
            self.fail(word.place, _("the function {name} lacks its brackets; write {name}({word})"), name=name,
                      word="|…|")  # fmt: skip
        if self.python_of(k + 1) == "-":
            self.fail(word.place, _("'{name}^-1' can be read in two ways; write 1/{name}(…), or the name of the "
                                    "inverse function"), name=name)  # fmt: skip
        self.fail(word.place, _("the power of a function goes after its brackets; write {name}(…){exponent}"),
                  name=name, exponent=f"{word.written}{self.python_of(k + 1)}")  # fmt: skip

    def open_behind_operand(self, k: int) -> None:
        word, before = self.words[k], self.words[k - 1]
        if before.kind in ("name", "root") and word.python == "(":
            self.open(word, True)
        elif word.python == "[" and before.kind in ("name", "close"):
            self.open(word, True)  # refused, or understood, by who reads the tree
        elif before.kind == "number" and word.python == "(" and not (k > 1 and self.binds(k - 2)):
            self.write(word, "*")
            self.open(word, False)
        else:
            self.fail_at_product(k)

    def binds(self, k: int) -> bool:
        """Whether the word before a number makes 2(a + b) behind it ambiguous, as in x/2(a + b)."""
        while k > 0 and self.words[k].kind == "sign" and self.words[k - 1].kind in ("sign", "binary", "power"):
            k -= 1
        return self.words[k].python in ("/", "//", "%", "@", "**", "sqrt")

    def comma(self, word: Word) -> None:
        if not self.opened or self.opened[-1][0].kind in ("bar", "root"):
            self.fail(word.place, _("a comma stands outside a function's brackets; a decimal is written 0.5"))
        self.write(word, ",")
        self.wanted = True

    def equals(self, k: int) -> None:
        option = self.opened and self.opened[-1][1] and k > 1 and self.words[k - 1].kind == "name"
        if not option or self.words[k - 2].kind not in ("open", "comma"):
            self.fail(self.words[k].place, _("'=' is written once, after the target; a comparison is written =="))
        self.write(self.words[k], "=")
        self.wanted = True

    # -- what stands side by side --------------------------------------------------------------
    def fail_at_product(self, k: int) -> NoReturn:
        before, word = self.words[k - 1], self.words[k]
        if word.kind == "name" and word.python in BETWEEN and word.python not in self.names and self.kind(k + 1):
            self.fail(word.place, _("'{word}' is not an operator; write {instead}"), word=word.written,
                      instead=BETWEEN[word.python])  # fmt: skip
        if before.kind == "name" and before.python in self.functions:
            self.fail(before.place, _("the function {name} lacks its brackets; write {name}({word})"),
                      name=before.python, word=self.shown(k))  # fmt: skip
        if before.kind == "superscript" and k > 1 and self.words[k - 2].python in self.functions:
            self.fail(word.place, _("the power of a function goes after its brackets; write {name}(…){exponent}"),
                      name=self.words[k - 2].written, exponent=before.written)  # fmt: skip
        if before.kind == "number" and word.kind == "open" and k > 1 and self.binds(k - 2):
            self.fail(word.place, _("'{sign}{number}(' can be read in two ways; write {sign}({number}*(…)) or "
                                    "{sign}{number}*(…)"),
                      sign=self.words[k - 2].written, number=before.written)  # fmt: skip
        if before.kind == "number" and word.kind == "number":
            self.fail(word.place, _("the numbers '{before}' and '{word}' stand side by side; an operator is missing"),
                      before=before.written, word=word.written)  # fmt: skip
        left = "(…)" if before.kind in ("close", "bar") else before.written
        self.fail(word.place, _("between '{before}' and '{word}' an operator is missing; for a product write "
                                "{left}*{right}"),
                  before=before.written, word=word.written, left=left, right=self.shown(k))  # fmt: skip

    def fail_at_dot(self, k: int) -> NoReturn:
        word = self.words[k]
        name = self.python_of(k + 1)
        pair = f".{self.words[k + 1].written}" if k + 1 < len(self.words) else ""
        if pair in PAIRS:
            self.fail(word.place, _("'{sign}' is not an operator of a formula; write {instead}"), sign=pair,
                      instead=PAIRS[pair])  # fmt: skip
        if name in self.functions or name in ("pi", "e"):
            self.fail(word.place, _("functions stand alone in a formula; write {name} instead of {whole}"),
                      name=f"{name}(…)" if name in self.functions else name,
                      whole=self.text[self.words[k - 1].place : self.words[k + 1].end])  # fmt: skip
        end = self.words[k + 1].end if k + 1 < len(self.words) else word.end
        self.fail(word.place, _("'{part}' is not allowed in a formula; only a decimal point is a point"),
                  part=self.text[self.words[k - 1].place : end])  # fmt: skip

    def refuse_percent(self, k: int) -> None:
        """Refuse a `%` behind which no operand stands."""
        if k > 0 and self.words[k - 1].python == "%":
            self.fail(self.words[k - 1].place, _(PERCENT))

    def refuse_command(self, word: Word) -> NoReturn:
        """Refuse LaTeX, and say what a formula has in its place."""
        match = re.match(r"\\([A-Za-z]+)", self.text[word.place :])
        if match is None:
            self.fail(word.place, _("a formula has no '\\'; it may hold numbers, names, + - * / ^, brackets and "
                                    "functions"))  # fmt: skip
        name = match[1]
        instead = LATEX.get(name, f"{name}(…)" if name in self.functions else name)
        self.fail(word.place, _("'{command}' is LaTeX; write {instead}"), command=match[0], instead=instead)

    def refuse_what_means_nothing(self, k: int) -> None:
        word = self.words[k]
        if word.kind == "keyword":
            self.fail(word.place, _("'{word}' is a word of Python, and not allowed in a formula; as the name of a "
                                    "column it is written `{word}`"), word=word.written)  # fmt: skip
        if word.kind == "tilde":
            self.fail(word.place, _("'{word}' is not an operator here; a model is written 'y = w*x + b', or "
                                    "'y = linear(x)' to leave its parameters to tidu"), word=word.written)  # fmt: skip
        character = word.written[0]
        prime = character in "'′″’" and k > 0 and self.words[k - 1].kind == "name" and (
            word.kind == "unknown" or re.match(r"'\s*[-+*/^)]", word.written)
        )  # fmt: skip
        if prime and self.words[k - 1].end == word.place:
            self.fail(word.place, _(SIGNS[character]), word=f"{self.words[k - 1].written}{character}")
        if word.kind != "unknown":
            return
        if character == "\\":
            self.refuse_command(word)
        if character in SIGNS and character != "'":
            self.fail(word.place, _(SIGNS[character]), word=word.written)
        if word.written in ("'", '"', "`", "｀"):
            self.fail(word.place, _("the {word} is not closed"),
                      word=_("backtick") if word.written in "`｀" else _("quotation mark"))  # fmt: skip
        if word.written[0].isidentifier():
            self.fail(word.place, _("'{word}' has small letters that a name cannot have; a power is written x^n, and a "
                                    "column that is called so `{word}`"), word=word.written)  # fmt: skip
        name = unicodedata.name(character, "").lower()
        told = f"U+{ord(character):04X}" + (f" ({name})" if name else "")
        self.fail(word.place, _("the character {character} means nothing in a formula; delete it, or write a column "
                                "that has it in backticks"),
                  character=told if not character.isprintable() else f"'{character}'")  # fmt: skip

    def find_columns_without_backticks(self) -> None:
        """Refuse a column's name such as `net-price` or `net price` that stands bare, where its parts are no names."""
        begins = [word.place for word in self.words]
        for name in self.names:
            if name.isidentifier() or not name.strip():
                continue
            place = self.text.find(name)
            while place >= 0:
                inside = self.words[bisect_left(begins, place) : bisect_left(begins, place + len(name))]
                whole = bool(inside) and inside[0].place == place and inside[-1].end == place + len(name)
                parts = [w.python for w in inside if w.kind == "name"]
                strange = any(w.kind in ("unknown", "keyword", "superscript") for w in inside) or any(
                    a.kind in ("number", "name") and b.kind in ("number", "name") for a, b in pairwise(inside)
                )
                if whole and (strange or any(p not in self.names and p not in self.functions for p in parts)):
                    self.fail(place, _("the column {name} is written in backticks: `{name}`"), name=name)
                place = self.text.find(name, place + 1)

    # -- pieces --------------------------------------------------------------------------------
    def kind(self, k: int) -> str:
        return self.words[k].kind if k < len(self.words) else ""

    def python_of(self, k: int) -> str:
        return self.words[k].python if k < len(self.words) else ""

    def shown(self, k: int) -> str:
        """A word in a suggestion; what follows a bracket is left out."""
        word = self.words[k]
        if self.is_function(k):
            after = self.kind(k + 1)
            argument = self.words[k + 1].written if after in ("name", "number", "quoted") else "…"
            return f"{word.written}({argument})" if argument != "…" or after == "open" else word.written
        return "(…)" if word.kind in ("open", "bar") else "√(…)" if word.kind == "root" else word.written

    def joined(self, k: int) -> str:
        """The two words up to this, where nothing stands between them."""
        before, word = self.words[k - 1], self.words[k]
        return f"{before.written}{word.written}" if k > 0 and before.end == word.place else ""

    def is_function(self, k: int) -> bool:
        """Whether a word is a function, and no name of the data."""
        word = self.words[k]
        return word.kind == "name" and word.python in self.functions and word.python not in self.names

    def checked_number(self, word: Word) -> str:
        try:
            value = float(word.python) if len(word.python) <= LONGEST_NUMBER or "." in word.python else float("inf")
        except ValueError:
            value = 1.0  # 0x10, which is no float's text
        if value == float("inf"):
            self.fail(word.place, _("the number {number} is larger than a float64 can hold"),
                      number=word.written)  # fmt: skip
        if value == 0.0 and any(c in "123456789" for c in word.python.lower().partition("e")[0]):
            self.fail(word.place, _("the number {number} is smaller than a float64 can hold"),
                      number=word.written)  # fmt: skip
        return word.python

    def is_empty_call(self, k: int) -> bool:
        return bool(self.opened) and self.words[k - 1].kind == "open" and (
            self.opened[-1][1] or self.words[k - 1].python == "["
        )  # fmt: skip

    def write(self, word: Word, python: str) -> None:
        self.python.append(python)
        self.places.append(word.place)

    def open(self, word: Word, call: bool) -> None:
        self.write(word, word.python)
        self.opened.append((word, call))
        self.wanted = True

    def close(self, word: Word) -> None:
        opening = self.opened.pop()[0] if self.opened else None
        if opening is None:
            self.fail(word.place, _("the bracket '{word}' closes nothing"), word=word.written)
        if _CLOSING[opening.python] != ("⌋" if word.written == "⌋" else word.python):
            self.fail(word.place, _("the bracket '{opening}' is closed by '{word}'"),
                      opening=opening.written, word=word.written)  # fmt: skip
        self.write(word, "]" if word.python == "]" else ")")
        self.ended()

    def ended(self) -> None:
        """An operand is complete, and with it each root before it."""
        self.wanted = False
        self.rooted = False
        while self.opened and self.opened[-1][0].kind == "root":
            self.rooted = True
            word, _call = self.opened.pop()
            self.write(word, ")")

    def parsed(self) -> ast.expr:
        source = " ".join(self.python)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's remarks on '1 is 1'; refused by who reads the tree
                return expression_tree(source)
        except SyntaxError as error:
            starts = [0]
            for piece in self.python:
                starts.append(starts[-1] + len(piece) + 1)
            place = self.places[min(bisect_right(starts, (error.offset or 1) - 1), len(self.places)) - 1]
            self.fail(place, _("this cannot be read; a choice is written where(x > 0, a, b), a comparison x == 1"))
        except (RecursionError, MemoryError):
            raise FormulaError(
                _(
                    "the formula '{formula}' has {count} signs in a row, more than can be read: put groups of up to "
                    "1000 in brackets, or let linear(...) or poly(...) make the terms"
                ).format(formula=clipped(self.text), count=sum(w.kind in _CHAINED for w in self.words))
            ) from None

    def fail(self, place: int, message: str, **parts: str) -> NoReturn:
        values = {name: clipped(part) for name, part in parts.items()}
        where = _("formula '{formula}', character {place}: ").format(formula=clipped(self.text), place=place + 1)
        raise FormulaError(where + message.format(**values)) from None
