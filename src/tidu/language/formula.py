"""From the text of a formula to an `Expr`: a whitelisted part of Python's own expression grammar.

`y = w1*x**2 + w2*x + w3`: names that are columns are features, the left side is the target, `pi` and `e` are
numbers, every other name is a parameter to be learned. The text is parsed by `ast`, never evaluated; a node that is
not on the list is refused by name. `parse_formula` is called by training; `parse_expression` by minimize and by
learning-rate formulas.
"""

from __future__ import annotations

import ast
import functools
import re
import unicodedata
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tidu.errors import ColumnNotFound, FormulaError, closest
from tidu.language.expr import OPS, Expr, apply, constant, raised, symbol, symbols
from tidu.language.ops import CONSTANTS, FUNCTIONS
from tidu.language.printer import quoted_name
from tidu.text import _

LONGEST = 10_000  # characters
DEEPEST = 100  # nested parentheses

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
_COMPARE = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
Function = Callable[..., Expr]


@dataclass(frozen=True)
class Formula:
    """A model as the user wrote it.

    `score` is the right side, `target` the left; `parameters` and `features` are symbols in the order in which the
    formula names them; `columns` are the columns that the target needs.
    """

    text: str
    target: Expr
    score: Expr
    parameters: tuple[Expr, ...]
    features: tuple[Expr, ...]
    columns: tuple[Expr, ...]


def parse_formula(text: str, columns: Sequence[str], known_parameters: Collection[str] = ()) -> Formula:
    """Read `target = expression` for data that has `columns`.

    `known_parameters` are names that are certainly parameters, because the user gave them a starting value.

    Raises
    ------
    FormulaError, ColumnNotFound
    """
    _check_size(text)
    left, right = _sides(text)
    column_symbols = {name: symbol(name, "feature") for name in columns}
    target = parse_expression(left, _target_names(left, columns))
    targets = symbols([target], "target")
    if not targets:
        raise FormulaError(
            _("the left side of '{formula}' names no column; the data has {columns}").format(
                formula=_clip(text), columns=", ".join(map(quoted_name, columns)) or _("no columns")
            )
        )
    named = column_symbols | {name: symbol(name, "parameter") for name in known_parameters}
    score = parse_expression(right, named, unknown=lambda name: symbol(name, "parameter"))
    both = {s.name for s in targets} & {s.name for s in symbols([score], "feature")}
    if both:
        raise FormulaError(
            _("the target {name} stands on both sides of '{formula}'; a model must not be given its own answer").format(
                name=", ".join(map(quoted_name, sorted(both))), formula=_clip(text)
            )
        )
    formula = Formula(
        text.strip(),
        target,
        score,
        tuple(_in_order_of_text(right, symbols([score], "parameter"))),
        tuple(_in_order_of_text(right, symbols([score], "feature"))),
        tuple(targets),
    )
    _refuse_misspelt_columns(formula, columns, known_parameters)
    return formula


def parse_expression(
    text: str,
    names: Mapping[str, Expr],
    unknown: Callable[[str], Expr] | None = None,
    functions: Mapping[str, Function] | None = None,
) -> Expr:
    """Read one expression. `names` says what names mean, `unknown` makes the others; without it they are errors.

    `functions` adds functions to those of the op table; theirs may take named numbers (`step(every=100)`).
    """
    _check_size(text)
    source, quoted = _without_backticks(text)
    tree = _syntax_tree(source, text)
    result = _Reader(text, names, unknown, functions or {}, quoted).read(tree)
    if result.op.boolean:
        raise FormulaError(
            _("'{formula}' is a condition, not a number; write where({formula}, 1, 0) to make a number of it").format(
                formula=_clip(text)
            )
        )
    return result


class _Reader:
    """Turns a syntax tree into an Expr bottom up, with a stack of its own instead of recursion."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Expr],
        unknown: Callable[[str], Expr] | None,
        functions: Mapping[str, Function],
        quoted: Mapping[str, str],
    ) -> None:
        self.text = text
        self.names = names
        self.by_normal_name = {_normal(name): value for name, value in names.items()}
        self.unknown = unknown
        self.functions = functions
        self.quoted = quoted

    def read(self, tree: ast.expr) -> Expr:
        done: dict[ast.expr, Expr] = {}
        stack = [(tree, False)]
        while stack:
            node, expanded = stack.pop()
            operands = self.operands(node)
            if expanded or not operands:
                done[node] = self.value(node, [done[o] for o in operands])
            else:
                stack.append((node, True))
                stack.extend((o, False) for o in reversed(operands))
        return done[tree]

    def operands(self, node: ast.expr) -> list[ast.expr]:
        """The parts of a node that are expressions; a node that is not on the list is refused here."""
        if isinstance(node, ast.BinOp) and (type(node.op) in _BINARY or isinstance(node.op, ast.Pow)):
            return [node.left, node.right]
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Invert):
            return [node.operand]
        if isinstance(node, ast.Compare) and all(type(o) in _COMPARE for o in node.ops):
            return [node.left, *node.comparators]
        if isinstance(node, ast.BoolOp):
            return node.values
        if isinstance(node, ast.IfExp):
            return [node.test, node.body, node.orelse]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return [*node.args, *(k.value for k in node.keywords)]
        if isinstance(node, (ast.Name, ast.Constant)):
            return []
        raise self.refusal(node)

    def value(self, node: ast.expr, args: list[Expr]) -> Expr:
        if isinstance(node, ast.Constant):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.named(node)
        if isinstance(node, ast.Call):
            return self.called(node, args)
        if isinstance(node, ast.Compare):
            self.require_numbers(args, node)
            pairs = [apply(_COMPARE[type(o)], a, b) for o, a, b in zip(node.ops, args[:-1], args[1:], strict=True)]
            return functools.reduce(lambda a, b: a & b, pairs)
        if isinstance(node, ast.BoolOp):
            self.require_conditions(args, node)
            name = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
            return functools.reduce(lambda a, b: apply(name, a, b), args)
        if isinstance(node, ast.IfExp):
            return self.choice(args, node)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not):
                self.require_conditions(args, node)
                return ~args[0]
            self.require_numbers(args, node)
            return -args[0] if isinstance(node.op, ast.USub) else args[0]
        assert isinstance(node, ast.BinOp)
        self.require_numbers(args, node)
        return raised(*args) if isinstance(node.op, ast.Pow) else apply(_BINARY[type(node.op)], *args)

    def number(self, node: ast.Constant) -> Expr:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            try:
                value = float(node.value)
            except OverflowError:
                value = float("inf")
            if abs(value) < float("inf"):
                return constant(value)
            raise self.error(_("the number {number} is larger than a float64 can hold"), number=self.part(node))
        raise self.refusal(node)

    def named(self, node: ast.Name) -> Expr:
        name = self.quoted.get(node.id, node.id)
        if name in self.names:
            return self.names[name]
        if _normal(name) in self.by_normal_name:
            return self.by_normal_name[_normal(name)]
        if node.id in self.quoted:
            raise ColumnNotFound(
                _("the formula names the column `{name}`; the data has {columns}").format(
                    name=name, columns=", ".join(map(quoted_name, self.names)) or _("no columns")
                )
            )
        if name in CONSTANTS:
            return constant(CONSTANTS[name])
        if name in FUNCTIONS or name in self.functions:
            raise self.error(_("'{name}' is a function; write {name}(...)"), name=name)
        if self.unknown is None:
            near = closest(name, self.names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise self.error(_("'{name}' is not known here{hint}; known are: {names}"), name=name, hint=hint,
                             names=", ".join(self.names) or _("only numbers"))  # fmt: skip
        return self.unknown(name)

    def called(self, node: ast.Call, args: list[Expr]) -> Expr:
        name = cast(ast.Name, node.func).id
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise self.refusal(node)
        if name in self.functions:
            self.require_numbers(args, node)
            positional, named = args[: len(node.args)], args[len(node.args) :]
            options = {str(k.arg): v for k, v in zip(node.keywords, named, strict=True)}
            if len(options) < len(named):
                raise self.error(_("'{part}' gives a named number twice"), part=self.part(node))
            return self.functions[name](*positional, **options)
        if name not in FUNCTIONS:
            near = closest(name, [*FUNCTIONS, *self.functions])
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise self.error(_("there is no function '{name}'{hint}; there are: {names}"), name=name, hint=hint,
                             names=", ".join(sorted({*FUNCTIONS, *self.functions})))  # fmt: skip
        if node.keywords:
            raise self.error(_("{name}(...) takes no named arguments"), name=name)
        op = OPS[FUNCTIONS[name]]
        if op.name in ("minimum", "maximum") and len(args) > 2:
            self.require_numbers(args, node)
            return functools.reduce(lambda a, b: apply(op.name, a, b), args)
        if len(args) != op.arity:
            raise self.error(_("{name}(...) takes {arity} argument(s), not {given}"), name=name, arity=op.arity,
                             given=len(args))  # fmt: skip
        if op.name == "where":
            return self.choice(args, node)
        self.require_numbers(args, node)
        return apply(op.name, *args)

    def choice(self, args: list[Expr], node: ast.expr) -> Expr:
        self.require_conditions(args[:1], node)
        self.require_numbers(args[1:], node)
        return apply("where", *args)

    def require_numbers(self, args: list[Expr], node: ast.expr) -> None:
        if any(a.op.boolean for a in args):
            raise self.error(
                _("in '{part}' a condition stands where a number must; write where(condition, a, b)"),
                part=self.part(node),
            )

    def require_conditions(self, args: list[Expr], node: ast.expr) -> None:
        if not all(a.op.boolean for a in args):
            raise self.error(
                _("in '{part}' a number stands where a condition such as x > 0 must"), part=self.part(node)
            )

    def refusal(self, node: ast.expr) -> FormulaError:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return self.error(_("'^' is not an operator here; a power is written x**2"))
        if isinstance(node, ast.Call):
            return self.error(_("'{part}' is not a call that a formula can make"), part=self.part(node))
        return self.error(
            _(
                "'{part}' is not allowed in a formula; it may hold numbers, names, + - * / **, comparisons and functions"
            ),
            part=self.part(node),
        )

    def part(self, node: ast.expr) -> str:
        try:
            written = ast.unparse(node)
        except (RecursionError, ValueError):  # ValueError: an int of more than 4300 digits
            written = self.text
        for stand_in, name in self.quoted.items():
            written = written.replace(stand_in, f"`{name}`")
        return _clip(written)

    def error(self, message: str, **values: object) -> FormulaError:
        return FormulaError(_("formula '{formula}': ").format(formula=_clip(self.text)) + message.format(**values))


# -- text before it is a tree -------------------------------------------------------------------
def _clip(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _normal(name: str) -> str:
    """A name as Python's own parser sees it (Unicode normal form NFKC)."""
    return unicodedata.normalize("NFKC", name)


def _check_size(text: str) -> None:
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
                formula=_clip(text), depth=deepest, limit=DEEPEST
            )
        )


def _sides(text: str) -> tuple[str, str]:
    parts = re.split(r"(?<![<>=!])=(?!=)", re.sub(r"`[^`]*`", lambda m: "`" + "q" * (len(m[0]) - 2) + "`", text))
    if len(parts) != 2 or not parts[0].strip() or not parts[1].strip():
        raise FormulaError(
            _("the formula '{formula}' must read 'target = expression', as in 'y = w*x + b'").format(
                formula=_clip(text)
            )
        )
    return text[: len(parts[0])].strip(), text[len(parts[0]) + 1 :].strip()


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Columns in backticks exchanged for identifiers that nothing else can be."""
    quoted: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        identifier = f"_quoted_column_{len(quoted)}_"
        quoted[identifier] = found.group(1)
        return f" {identifier} "  # apart from what stands beside it

    source = re.sub(r"`([^`]+)`", stand_in, text)
    if "`" in source:
        raise FormulaError(_("formula '{formula}': a backtick is not closed").format(formula=_clip(text)))
    return source, quoted


def _syntax_tree(source: str, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on '1(x)' and the like; such text is refused below
            return ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        said = str(error.msg).split(". Perhaps")[0]
        where = _(" near character {column}").format(column=error.offset) if error.offset else ""
        raise FormulaError(
            _("the formula '{formula}' cannot be read{where}: {reason}").format(
                formula=_clip(text), where=where, reason=said
            )
        ) from None
    except (RecursionError, MemoryError):
        raise FormulaError(_("the formula '{formula}' is nested too deeply").format(formula=_clip(text))) from None
    except ValueError as error:  # null bytes, lone surrogates
        raise FormulaError(
            _("the formula '{formula}' cannot be read: {reason}").format(formula=_clip(repr(text)), reason=error)
        ) from None


# -- names ------------------------------------------------------------------------------------
def _target_names(left: str, columns: Sequence[str]) -> dict[str, Expr]:
    name = _normal(left.strip().strip("`"))
    if name.isidentifier() and name not in {_normal(c) for c in columns}:
        near = closest(name, columns)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise ColumnNotFound(
            _("the formula names the target '{name}'; the data has {columns}{hint}").format(
                name=name, columns=", ".join(map(quoted_name, columns)) or _("no columns"), hint=hint
            )
        )
    return {c: symbol(c, "target") for c in columns}


def _in_order_of_text(text: str, found: Sequence[Expr]) -> list[Expr]:
    """Symbols by their first place in the text, so that w1 comes before w2 whatever the tree's order."""
    normal = _normal(text)

    def place(s: Expr) -> int:
        hit = re.search(rf"(?<!\w){re.escape(_normal(s.name))}(?!\w)", normal)
        return hit.start() if hit else len(normal)

    return sorted(found, key=place)


def _refuse_misspelt_columns(formula: Formula, columns: Sequence[str], known_parameters: Collection[str]) -> None:
    guessed = [p.name for p in formula.parameters if p.name not in known_parameters]
    used = {s.name for s in (*formula.features, *formula.columns)}
    unused = [c for c in columns if c not in used]
    for name in guessed:
        near = closest(name, unused) if len(name) > 2 else None
        if near:
            raise ColumnNotFound(
                _(
                    "the formula names '{name}'; the data has {columns} (did you mean '{near}'? "
                    "If '{name}' is a parameter, give it a starting value: --init {name}=0)"
                ).format(name=name, columns=", ".join(map(quoted_name, columns)), near=near)
            )
    if guessed and not formula.features:
        raise ColumnNotFound(
            _(
                "the formula '{formula}' uses no column besides its target; the data has {columns}. "
                "If {names} is meant as a parameter, give it a starting value: --init {first}=0"
            ).format(
                formula=_clip(formula.text),
                columns=", ".join(map(quoted_name, columns)),
                names=_(" or ").join(guessed),
                first=guessed[0],
            )
        )
