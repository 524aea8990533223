"""What people write in other notations (LaTeX, R, MATLAB, C, spreadsheets), and what a formula has in its place.

Tables only: `grammar.py` says their sentences where such a sign stands, `reader.py` where such a function is called.
"""

from __future__ import annotations

import ast

from tidu.text import mark

# Functions of which there is none by that name.
FUNCTIONS_ELSEWHERE = {
    "lg": "log10(x)", "tg": "tan(x)", "ctg": "1/tan(x)", "cot": "1/tan(x)", "sec": "1/cos(x)", "csc": "1/sin(x)",
    "arctg": "atan(x)", "sh": "sinh(x)", "ch": "cosh(x)", "th": "tanh(x)", "pow": "a**b", "power": "a**b",
    "square": "x**2", "sqr": "x**2", "expit": "sigmoid(x)", "logistic": "sigmoid(x)", "sgn": "sign(x)",
    "heaviside": "where(x > 0, 1, 0)", "I": "x**2", "IF": "where(x > 0, a, b)", "iif": "where(x > 0, a, b)",
    "ifelse": "where(x > 0, a, b)", "round": "floor(x + 0.5)", "int": "floor(x)", "trunc": "sign(x)*floor(abs(x))",
    "log_2": "log2(x)", "log_10": "log10(x)", "rad": "radians(x)", "deg": "degrees(x)",
}  # fmt: skip
# Functions of a whole column; a formula is about one row.
OF_COLUMNS = frozenset(("sum", "mean", "avg", "average", "median", "std", "var", "count", "cumsum", "diff", "shift"))
# Operators of Python that are none of a formula.
OPERATORS_ELSEWHERE: dict[type[ast.operator], str] = {
    ast.Mod: "mod(a, b)", ast.FloorDiv: "floor(a/b)", ast.MatMult: "a*b", ast.BitAnd: "a > 0 and b > 0",
    ast.BitOr: "a > 0 or b > 0", ast.BitXor: "a^b", ast.LShift: "a*2^b", ast.RShift: "a/2^b",
}  # fmt: skip
# Two signs that stand side by side, or a sign that is none, and what to write.
PAIRS = {"&&": "and", "||": "or", "<>": "!=", "^^": "^", "***": "**", "=<": "<=", "=>": ">=", ".*": "*", "./": "/"}
PAIRS |= {".^": "^"}
# Words between two operands.
BETWEEN = {"mod": "mod(a, b)", "MOD": "mod(a, b)", "div": "floor(a/b)", "AND": "a and b", "OR": "a or b"}
PERCENT = mark("'%' is no percent sign; write 0.05 for 5%, mod(a, b) for a remainder")
# Characters that a formula has no use for, and the sentence about each.
SIGNS = {
    "{": mark("curly brackets mean nothing in a formula; write round ones: (…)"),
    "}": mark("curly brackets mean nothing in a formula; write round ones: (…)"),
    "$": mark("a formula stands without $ around it; delete them"),
    "∞": mark("infinity is not a number that a model can hold"),
    "°": mark("angles are in radians; write radians(30) for 30°, sin(radians(x)) for a column in degrees"),
    "!": mark("there is no factorial; write the number itself"),
    "±": mark("'±' is two signs in one; write + or −, for a parameter finds its sign itself"),
    "‖": mark("write |x|, or abs(x), for an absolute value"),
    ";": mark("a formula is one expression; what follows the ';' belongs into another, or to an option"),
    "∑": mark("a formula says what one row gives; write its terms out, or let linear(...) or poly(...) make them"),
    "∏": mark("a formula says what one row gives; write its factors out"),
    "∂": mark("a formula has no derivatives in it; tidu takes those itself"),
    "∫": mark("a formula has no integrals in it"),
    "'": mark("'{word}' is no name; a column that is called so is written in backticks: `{word}`"),
}  # fmt: skip
SIGNS |= dict.fromkeys("′″’", SIGNS["'"])
# Commands of LaTeX: what a formula has for each; for a letter or a function, its name.
LATEX = {
    "frac": "(a)/(b)", "dfrac": "(a)/(b)", "sqrt": "sqrt(x)", "cdot": "*", "times": "*", "div": "/", "left": "(",
    "right": ")", "leq": "<=", "le": "<=", "geq": ">=", "ge": ">=", "neq": "!=", "lvert": "|", "rvert": "|",
    "mathrm": "x", "text": "x", "operatorname": "f(x)",
}  # fmt: skip
