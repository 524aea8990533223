"""Reads printed mathematics as a person does, and gives its value: an independent check of where brackets stand.

Factors side by side belong together more tightly than `·` and `/`, so `a/(b + c)x` is a over (b + c)x. Unicode and
LaTeX are two sets of tokens for one grammar.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from oracles import ORACLES

SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "≤": operator.le,
    ">": operator.gt,
    "≥": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "≠": operator.ne,
}
FUNCTIONS = {
    "ln cosh": "log_cosh", "ln": "log", "log₂": "log2", "log₁₀": "log10", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "σ": "sigmoid", "min": "minimum",
    "max": "maximum", "√": "sqrt",
    **{name: name for name in ("where", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc", "sign",
                               "relu", "softplus", "sqrt", "expm1", "log1p", "log_cosh", "exp2", "logaddexp",
                               "atan2", "hypot", "degrees", "radians", "ceil", "mod", "fmod")},
}  # fmt: skip
# LaTeX that has one Unicode form; the longer first.
PLAIN = [
    (r"\\left\\lvert", "⟨"), (r"\\right\\rvert", "⟩"), (r"\\left\\lfloor", "⌊"), (r"\\right\\rfloor", "⌋"),
    (r"\\left\(", "("), (r"\\right\)", ")"), (r"\\operatorname\{(\w+)\}", r"\1"), (r"\\cdot", "·"),
    (r"\\ln\\cosh", "ln cosh"), (r"\\log_2", "log₂"), (r"\\log_\{10\}", "log₁₀"), (r"\\land", "∧"), (r"\\lor", "∨"),
    (r"\\lnot", "¬"), (r"\\le(?!\w)", "≤"), (r"\\ge(?!\w)", "≥"), (r"\\ne(?!\w)", "≠"), (r"\\mathrm\{([^}]*)\}", r"\1"),
    (r"\\(ln|sin|cos|tan|sinh|cosh|tanh|arcsin|arccos|arctan|min|max|sigma)(?=\()", r"\1"), (r"sigma\(", "σ("),
    (r"(\w)_\{(\d+)\}", r"\1_\2"), (r"-", "−"),
]  # fmt: skip


def unicode_value(shown: str, names: Mapping[str, float]) -> Any:
    """What a person would compute from one line of Unicode mathematics."""
    return _Reader(shown, names).whole()


def latex_value(shown: str, names: Mapping[str, float]) -> Any:
    """What a person would compute from LaTeX mathematics, with w_1 for w_{1} in `names`."""
    for pattern, plain in PLAIN:
        shown = re.sub(pattern, plain, shown)
    return _Reader(shown, names).whole()


class _Reader:
    def __init__(self, shown: str, names: Mapping[str, float]) -> None:
        self.names = {**names, "e": math.e}
        words = sorted([*FUNCTIONS, *self.names], key=len, reverse=True)
        token = re.compile(
            r"\s*(\d+(?:\.\d+)?(?:e[−+]?\d+)?|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+|\\frac|\\sqrt|\\begin\{cases\}|\\end\{cases\}"
            r"|\\text\{if \}|\\text\{otherwise\}|\\\\|==|" + "|".join(map(re.escape, words)) + r"|\S)"
        )
        self.tokens = [*token.findall(shown), "end"]
        self.k = 0

    @property
    def next(self) -> str:
        return self.tokens[self.k]

    def take(self, *expected: str) -> str:
        token = self.next
        assert not expected or token in expected, f"{token} in {self.tokens}"
        self.k += 1
        return token

    def whole(self) -> Any:
        value = self.disjunction()
        self.take("end")
        return value

    def disjunction(self) -> Any:
        value = self.conjunction()
        while self.next == "∨":
            self.take()
            right = self.conjunction()
            value = value or right
        return value

    def conjunction(self) -> Any:
        value = self.comparison()
        while self.next == "∧":
            self.take()
            right = self.comparison()
            value = value and right
        return value

    def comparison(self) -> Any:
        if self.next == "¬":
            self.take()
            return not self.comparison()
        value = self.sum()
        while self.next in COMPARE:
            value = COMPARE[self.take()](value, self.sum())
        return value

    def sum(self) -> Any:
        value = self.term()
        while self.next in "+−":
            value = value + self.term() if self.take() == "+" else value - self.term()
        return value

    def term(self) -> Any:
        if self.next == "−":
            self.take()
            return -self.term()
        value = self.side_by_side()
        while self.next in "·/":
            value = value * self.side_by_side() if self.take() == "·" else value / self.side_by_side()
        return value

    def side_by_side(self) -> Any:
        value = self.power()
        groups = ("(", "√", "⌊", "⟨", "\\frac", "\\sqrt", "\\begin{cases}")
        while self.next != "end" and (self.next in groups or self.next in self.names or self.next[0].isalnum()):
            value = value * self.power()
        return value

    def power(self) -> Any:
        base = self.atom()
        while self.next == "^" or self.next[0] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
            token = self.take()
            base = base ** (self.atom() if token == "^" else float(token.translate(SUPERSCRIPT)))
        return base

    def between(self, opening: str, closing: str) -> Any:
        self.take(opening)
        value = self.disjunction()
        self.take(closing)
        return value

    def atom(self) -> Any:
        token = self.next
        if token in "({":
            return self.between(token, {"(": ")", "{": "}"}[token])
        if token in "|⟨":
            return abs(self.between(token, {"|": "|", "⟨": "⟩"}[token]))
        if token == "⌊":
            return math.floor(self.between("⌊", "⌋"))
        self.take()
        if token == "½":
            return 0.5
        if token == "\\frac":
            return self.between("{", "}") / self.between("{", "}")
        if token == "\\sqrt":
            return math.sqrt(self.between("{", "}"))
        if token == "\\begin{cases}":
            return self.cases()
        if token[0].isdigit():
            return float(token.replace("−", "-"))
        if token in self.names and self.next != "(":
            return self.names[token]
        if token in FUNCTIONS:
            self.take("(")
            arguments = [self.disjunction()]
            while self.next == ",":
                self.take()
                arguments.append(self.disjunction())
            self.take(")")
            return ORACLES[FUNCTIONS[token]].value(*arguments)
        return self.names[token]

    def cases(self) -> Any:
        first = self.disjunction()
        self.take("&")
        self.take("\\text{if }")
        condition = self.disjunction()
        self.take("\\\\")
        second = self.disjunction()
        self.take("&")
        self.take("\\text{otherwise}")
        self.take("\\end{cases}")
        return first if condition else second
