"""One printer, its notations: formula text, loop code, Unicode and LaTeX, with the parentheses that each needs.

MathML is in `mathml.py`. `text` and `unicode` are what the formula parser reads back to the same node; `code` is what
loops run; `latex` is for people. `names` gives a node a name in place of its inside: with `{ŷ node: "ŷ"}` the
derivative of a squared loss reads `2(ŷ − y)·x`.
"""

from __future__ import annotations

import ast
import functools
import keyword
import math
import re
from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence

from tidu.language.expr import ROLES, SHOWN, Expr, code_template, constant, evaluation_order, symbols
from tidu.language.level_parameters import parameter_and_level, shown_by_level
from tidu.language.operation import ADD, AND, ATOM, CHOICE, COMPARE, MULTIPLY, NEGATE, NOT, OR, POWER
from tidu.language.words import SUBSCRIPTS, SUPERSCRIPTS
from tidu.syntax_tree import expression_tree

Names = Mapping[Expr, str]
Printed = tuple[str, int]  # the text, and how tightly it binds
NodePrinter = Callable[[Expr, "list[Printed]"], Printed]
LONGEST = 20_000  # characters; a derivative can print longer than its graph by any factor
MOST_LISTED, FIRST_LISTED = (
    6,
    3,
)  # parts of a list that are written out; of a longer one, the first of them and the last
LINES = 5  # times `LONGEST`: the characters of all the lines that are shown together
_HOLE = re.compile(r"\{([0-9])\}")
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_SUBSCRIPT = str.maketrans("0123456789", SUBSCRIPTS)
_SUPERSCRIPT = str.maketrans("0123456789-", SUPERSCRIPTS + "⁻")

_SHORT = {0.5: "½", math.pi: "π"}  # numbers that mathematics has a sign for
_GREEK_WORDS = {letter: word for word, letter in GREEK.items() if word != "lam"} | {"π": "pi"}
_GREEK_IN_TEXT = str.maketrans({letter: f"$\\{word}$" for letter, word in _GREEK_WORDS.items()})
_LATEX = str.maketrans({**{c: f"\\{c}" for c in "_%&#${} "}, "\\": r"\backslash ", "^": r"\wedge "})


def text(expr: Expr, names: Names | None = None) -> str:
    """`expr` in the grammar of formulas: `w1*x**2 + b`."""
    by_level = shown_by_level([expr], lambda name, columns: f"{name}[{', '.join(map(quoted_name, columns))}]")
    return _printed(expr, {**by_level, **(names or {})}, _text_node)


def code(expr: Expr, names: Names) -> str:
    """`expr` as Python code of a loop; `names` must name every symbol."""
    return _printed(expr, names, _code_node, math.inf)


def printed_by(node_printer: NodePrinter) -> Callable[[Expr, Names], str]:
    """A notation of one's own, as a function like `code`; it is never cut."""
    return lambda expr, names: _printed(expr, names, node_printer, math.inf)


def lines_printed_by(
    exprs: Sequence[Expr], names: Names, node_printer: NodePrinter, longest: int = LONGEST, cut: str = "…"
) -> list[str]:
    """Each of `exprs` in a notation; what they share is printed once.

    A part of more than `longest` characters is `cut`, and behind five times as many, so is each line.
    """
    done: dict[Expr, Printed] = {}
    lines: list[str] = []
    length = 0
    for expr in exprs:
        shown = cut if length > LINES * longest else _printed(expr, names, node_printer, longest, done, cut)
        lines.append(shown)
        length += len(shown)
    return lines


def python_code(template: str, parts: list[Printed]) -> Printed:
    """A Python template filled in, with the parentheses that it needs."""
    return _python(template, parts)


def unicode(expr: Expr, names: Names | None = None) -> str:
    """`expr` as one line of mathematics, which the formula parser reads back to the same node: `w₁·x² + b`."""
    return _printed(expr, told_apart([expr], names or {}), _unicode_node)


def latex(expr: Expr, names: Names | None = None) -> str:
    """`expr` as LaTeX, without dollar signs."""
    return latex_lines([expr], names or {})[0]


def unicode_lines(exprs: Sequence[Expr], names: Names) -> list[str]:
    """Each of `exprs` in Unicode; what they share is printed once, and behind a length nothing."""
    return lines_printed_by(exprs, told_apart(exprs, names), _unicode_node)


def latex_lines(exprs: Sequence[Expr], names: Names) -> list[str]:
    """Each of `exprs` in LaTeX, likewise."""
    by_level = shown_by_level(exprs, lambda name, columns: latex_name(f"{name}[{', '.join(columns)}]"))
    return lines_printed_by(exprs, {**by_level, **names}, _latex_node)


def _printed(
    output: Expr,
    names: Names,
    node_printer: NodePrinter,
    longest: float = LONGEST,
    done: dict[Expr, Printed] | None = None,
    cut: str = "…",
) -> str:
    done = {} if done is None else done

    def printed(node: Expr) -> Printed:
        return done[node] if node in done else (names[node], ATOM)

    for node in evaluation_order([output], known=ChainMap(done, names)):  # type: ignore[arg-type]
        text, binding = node_printer(node, [printed(a) for a in node.args])
        done[node] = (text, binding) if len(text) <= longest else (cut, ATOM)
    return printed(output)[0]


def told_apart(outputs: Sequence[Expr], names: Names) -> Names:
    """`names`, and those of symbols that would look alike in mathematics, such as alpha and α, as they stand."""
    return {**_told_apart(tuple(outputs)), **names}


@functools.lru_cache(maxsize=1024)
def _told_apart(outputs: tuple[Expr, ...]) -> Names:
    found = symbols(outputs, *ROLES)
    shown = [unicode_name(s.name) for s in found]
    looks = Counter(shown)
    told = (
        {}
        if len(looks) == len(found)
        else {s: quoted_name(s.name) for s, look in zip(found, shown, strict=True) if looks[look] > 1}
    )
    if "π" in looks:
        told[constant(math.pi)] = plain_number(math.pi)
    by_level = shown_by_level(
        outputs, lambda name, columns: f"{unicode_name(name)}[{', '.join(map(unicode_name, columns))}]"
    )
    return {**by_level, **told}


def _bracketed(part: Printed, least: int) -> str:
    return part[0] if part[1] >= least else f"({part[0]})"


def _filled(template: str, parts: list[str]) -> str:
    return _HOLE.sub(lambda hole: parts[int(hole.group(1))], template)


# -- Python's grammar: formula text and loop code -----------------------------------------------
def plain_number(value: float) -> str:
    """A number as people write it: 2 for 2.0, else the shortest digits that give the same float."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 and str(value) != "-0.0" else repr(value)


def quoted_name(name: str) -> str:
    """A column name as formulas write it: as it stands if it is an identifier, else in backticks."""
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"


def _of_arrays(node: Expr, parts: list[Printed], template: str) -> Printed:
    """An operation on whole arrays, for people: what only changes a shape is not shown."""
    if template == "{0}":
        return parts[0]
    if "{args}" in template:
        shown = [p[0] for p in parts]
        shown = shown if len(shown) <= MOST_LISTED else [*shown[:FIRST_LISTED], "…", shown[-1]]
        return template.replace("{args}", ", ".join(shown)), ATOM
    if not template:
        return f"{node.op.name}({', '.join(p[0] for p in parts)})", ATOM
    if node.op.binding == ATOM:
        return _filled(template, [p[0] for p in parts]), ATOM
    return _filled(template, [_bracketed(p, node.op.binding + k) for k, p in enumerate(parts)]), node.op.binding


def _text_node(node: Expr, parts: list[Printed]) -> Printed:
    if not node.op.elementwise:
        return _of_arrays(node, parts, node.op.text)
    if node.is_constant:
        return plain_number(node.value), ATOM if str(node.value)[0] != "-" else NEGATE
    if node.is_symbol:
        return quoted_name(node.name), ATOM
    template = node.op.text.replace("{a}", f"({node.attrs[0]})" if node.attrs and int(node.attrs[0]) < 0 else
                                    str(node.attrs[0])) if node.attrs else node.op.text  # fmt: skip
    return _python(template, parts)


def _code_node(node: Expr, parts: list[Printed]) -> Printed:
    if node.is_constant:
        return repr(node.value), ATOM if str(node.value)[0] != "-" else NEGATE
    if node.is_symbol:
        raise KeyError(f"the loop has no name for {node.name!r}")
    return _python(code_template(node), parts)


def _python(template: str, parts: list[Printed]) -> Printed:
    binding, least = python_grammar(template)
    return _filled(template, [_bracketed(p, least.get(i, CHOICE)) for i, p in enumerate(parts)]), binding


_BINARY = {ast.Add: ADD, ast.Sub: ADD, ast.Mult: MULTIPLY, ast.MatMult: MULTIPLY, ast.Div: MULTIPLY, ast.Pow: POWER}
Grammar = tuple[int, Mapping[int, int]]


@functools.cache
def python_grammar(template: str) -> Grammar:
    """How tightly a Python template binds, and how tightly what fills each of its holes must bind."""
    tree = expression_tree(_HOLE.sub(r"_\1", template))
    least: dict[int, int] = {}
    stack = [(tree, CHOICE)]
    while stack:
        node, need = stack.pop()
        if isinstance(node, ast.Name) and node.id.startswith("_"):
            least[int(node.id[1:])] = max(need, least.get(int(node.id[1:]), CHOICE))
        else:
            stack.extend(_operands(node))
    return _binding(tree), least


def _binding(node: ast.expr) -> int:
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)]
    if isinstance(node, ast.UnaryOp):
        return NOT if isinstance(node.op, ast.Not) else NEGATE
    if isinstance(node, ast.BoolOp):
        return AND if isinstance(node.op, ast.And) else OR
    return {ast.Compare: COMPARE, ast.IfExp: CHOICE}.get(type(node), ATOM)


def _operands(node: ast.expr) -> list[tuple[ast.expr, int]]:
    """The operands of a node, each with the least binding that needs no parentheses there."""
    own = _binding(node)
    if isinstance(node, ast.BinOp):
        if own == POWER:
            return [(node.left, ATOM), (node.right, NEGATE)]
        return [(node.left, own), (node.right, own + 1)]
    if isinstance(node, ast.UnaryOp):
        return [(node.operand, own)]
    if isinstance(node, ast.BoolOp):
        return [(node.values[0], own), *((v, own + 1) for v in node.values[1:])]
    if isinstance(node, ast.Compare):
        return [(node.left, own + 1), *((c, own + 1) for c in node.comparators)]
    if isinstance(node, ast.IfExp):
        return [(node.body, own + 1), (node.test, own + 1), (node.orelse, own)]
    if isinstance(node, ast.Call):
        return [(node.func, ATOM), *((a, CHOICE) for a in node.args)]
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return [(node.value, ATOM)]
    return [(e, CHOICE) for e in getattr(node, "elts", [])]


# -- mathematics ------------------------------------------------------------------------------
def short_number(value: float) -> str:
    """A number in mathematics: 2, 0.01, ½, π."""
    sign = "−" if str(value)[0] == "-" else ""
    return sign + (_SHORT.get(abs(value)) or plain_number(abs(value)).replace("-", "−"))


@functools.lru_cache(maxsize=4096)
def unicode_name(name: str) -> str:
    """A symbol in Unicode, as the formula parser reads it too: w1 is w₁, alpha is α, `two words` has its backticks."""
    if (of_level := parameter_and_level(name)) is not None:
        return f"{unicode_name(of_level[0])}[{of_level[1]}]"
    stem, digits = stem_and_digits(name)
    greek = GREEK.get(stem, stem)
    if f"{stem}{digits}" != name or not greek.isidentifier() or keyword.iskeyword(greek):
        return quoted_name(name)
    return greek + digits.translate(_SUBSCRIPT)


def latex_name(name: str) -> str:
    r"""A symbol in LaTeX: w1 is w_{1}, alpha is \alpha, a longer word is upright, a[sh] is a_{\mathrm{sh}}.

    Other letters are words: 身高 is \text{身高}.
    """
    if (of_level := parameter_and_level(name)) is not None:
        return f"{{{latex_name(of_level[0])}}}_{{{latex_name(of_level[1])}}}"
    stem, digits = stem_and_digits(name)
    if GREEK.get(stem, stem) in _GREEK_WORDS:
        stem = f"\\{_GREEK_WORDS[GREEK.get(stem, stem)]}"
    elif not stem.isascii():
        stem = r"\text{" + stem.translate(_LATEX | _GREEK_IN_TEXT) + "}"  # mathematics has no font for other letters
    elif len(stem) > 1:
        stem = r"\mathrm{" + stem.translate(_LATEX) + "}"
    else:
        stem = stem.translate(_LATEX)
    return f"{stem}_{{{digits}}}" if digits else stem


@functools.lru_cache(maxsize=4096)
def stem_and_digits(name: str) -> tuple[str, str]:
    """A name such as w12 or w_12 as its word and the digits behind it; no digits where it has none."""
    found = re.fullmatch(r"(.*?[^\W\d_])_?(\d+)", name)
    return (found.group(1), found.group(2)) if found else (name, "")


def _unicode_node(node: Expr, parts: list[Printed]) -> Printed:
    if not node.op.elementwise:
        return _of_arrays(node, parts, node.op.text)
    if node.is_constant:
        return short_number(node.value), ATOM if str(node.value)[0] != "-" else NEGATE
    if node.is_symbol:
        return unicode_name(node.name), ATOM
    name = node.op.name
    if name == "multiply":
        left, right = _bracketed(parts[0], MULTIPLY), _right(parts[1], MULTIPLY + 1)
        close = node.args[0].is_constant and right[0] == "("  # 2(a + b)
        return left + right if close else f"{left}·{right}", MULTIPLY
    if name == "integer_power":
        return _bracketed(parts[0], ATOM) + str(node.attrs[0]).translate(_SUPERSCRIPT), POWER
    if node.op.binding == ATOM:
        return _filled(node.op.unicode, [p[0] for p in parts]), ATOM
    if name == "power":
        return _filled(node.op.unicode, [_bracketed(p, ATOM) for p in parts]), POWER
    binding, least = python_grammar(node.op.text)
    shown = [_bracketed(p, least[i]) if i == 0 and len(parts) > 1 else _right(p, least[i]) for i, p in enumerate(parts)]
    return _filled(node.op.unicode, shown), binding


def _latex_node(node: Expr, parts: list[Printed]) -> Printed:
    if not node.op.elementwise:
        return _of_arrays(node, parts, node.op.latex)
    if node.is_constant:
        mantissa, _, exponent = plain_number(node.value).partition("e")
        scale = rf" \times 10^{{{int(exponent)}}}" if exponent else ""
        return mantissa + scale, NEGATE if str(node.value)[0] == "-" else MULTIPLY if scale else ATOM
    if node.is_symbol:
        return latex_name(node.name), ATOM
    name = node.op.name
    if name == "multiply":
        a, b = _bracketed(parts[0], MULTIPLY), _right(parts[1], MULTIPLY)
        return (rf"{a} \cdot {b}" if b[0].isdigit() or b.startswith("(-") else f"{a} {b}"), MULTIPLY
    if name in ("integer_power", "power"):
        base = parts[0][0] if parts[0][1] == ATOM and "^" not in parts[0][0] else rf"\left({parts[0][0]}\right)"
        exponent = str(node.attrs[0]) if node.attrs else parts[1][0]
        return f"{base}^{{{exponent}}}", POWER
    return _notation(node, node.op.latex, parts, free=r"\\left\(|\{\{|\\left\||lfloor|lvert|cases|\\left\(e")


def _notation(node: Expr, template: str, parts: list[Printed], free: str) -> Printed:
    """A template of mathematics filled in: holes inside brackets are free, operands of an infix are not."""
    binding = node.op.binding
    if binding == ATOM or re.search(free, template):
        return _filled(template, [p[0] for p in parts]), binding
    if node.op.name == "negative":
        return template.replace("{0}", _right(parts[0], MULTIPLY)), NEGATE
    tighter = node.op.right + (binding <= COMPARE)
    filled = [_bracketed(parts[0], binding + (binding == COMPARE)), *(_right(p, binding + tighter) for p in parts[1:])]
    return _filled(template, filled), binding


def _right(part: Printed, least: int) -> str:
    """An operand that something precedes: one that begins with a minus sign is bracketed too."""
    return f"({part[0]})" if part[1] < least or part[0][0] in "-−" else part[0]


SHOWN["text"] = text
