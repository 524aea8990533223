"""From the text of an expression to an `Expr`: the part of Python's expression grammar that formulas may use.

The words have been put into Python's grammar by `grammar.py`; the tree is never evaluated, and a node that is not on
the list is refused by name. Called by `formula.py`, by minimize, by layers and by learning rates.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import cast

from tidu.errors import ColumnNotFound, FormulaError, TiduError, closest
from tidu.language.activations import COMPOSED
from tidu.language.expr import Expr, apply, constant, raised
from tidu.language.formula_text import check_size, clipped
from tidu.language.grammar import Grammatical, syntax_tree
from tidu.language.model_calls import Layer, ModelCalls
from tidu.language.operation import FUNCTIONS, OPS
from tidu.language.ops import CONSTANTS
from tidu.language.other_notations import FUNCTIONS_ELSEWHERE, OF_COLUMNS, OPERATORS_ELSEWHERE
from tidu.language.printer import quoted_name, unicode_name
from tidu.language.words import normal
from tidu.text import _

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
class Read:
    """An expression, and where each of its symbols stands first."""

    value: Expr
    places: Mapping[Expr, int]


def parse_expression(
    text: str,
    names: Mapping[str, Expr],
    unknown: Callable[[str], Expr] | None = None,
    functions: Mapping[str, Function] | None = None,
    models: ModelCalls | None = None,
) -> Expr:
    """Read one expression. `names` says what names mean, `unknown` makes the others; without it they are errors.

    `functions` adds functions to those of the op table; theirs may take named numbers (`step(every=100)`).
    """
    return read(text, grammatical(text, names, functions or {}, models), names, unknown, functions, models).value


def grammatical(
    text: str, names: Collection[str], functions: Collection[str] = (), models: ModelCalls | None = None
) -> Grammatical:
    """The tree of one expression of names and functions that are known; what is too long is refused."""
    check_size(text)
    made = models.functions if models is not None else ()
    return syntax_tree(text, names, {*FUNCTIONS, *COMPOSED, *functions, *made})


def read(
    text: str,
    tree: Grammatical,
    names: Mapping[str, Expr],
    unknown: Callable[[str], Expr] | None = None,
    functions: Mapping[str, Function] | None = None,
    models: ModelCalls | None = None,
) -> Read:
    """What a tree means; `text` is what it was made of."""
    reader = _Reader(text, names, unknown, functions or {}, tree.quoted, models)
    result = reader.read(tree.tree)
    if result.op.boolean:
        raise FormulaError(
            _("'{formula}' is a condition, not a number; write where({formula}, 1, 0) to make a number of it").format(
                formula=clipped(text)
            )
        )
    return Read(result, reader.places)


class _Reader:
    """Turns a syntax tree into an Expr bottom up, with a stack of its own instead of recursion."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Expr],
        unknown: Callable[[str], Expr] | None,
        functions: Mapping[str, Function],
        quoted: Mapping[str, str],
        models: ModelCalls | None,
    ) -> None:
        self.models = models
        self.derived = None if models is None else models.derived
        self.text = text
        self.names = names
        self.by_normal_name = {normal(name): value for name, value in names.items()}
        self.places: dict[Expr, int] = {}  # where each name stands first
        self.unknown = unknown
        self.functions = functions
        self.quoted = quoted

    @functools.cached_property
    def by_shown_name(self) -> Mapping[str, Expr]:
        """Names as mathematics is printed: α for alpha."""
        return {normal(unicode_name(name)): value for name, value in self.names.items()}

    def read(self, tree: ast.expr) -> Expr:
        if self.models is not None and not self.models.words.isdisjoint(self.models.functions):
            self.models.look_at(tree)
        done: dict[ast.expr, Expr] = {}
        stack = [(tree, False)]
        while stack:
            node, expanded = stack.pop()
            operands = self.operands(node)
            if expanded or not operands:
                done[node] = self.value_that_fits(node, [done[o] for o in operands])
            else:
                stack.append((node, True))
                stack.extend((o, False) for o in reversed(operands))
        return done[tree]

    def operands(self, node: ast.expr) -> list[ast.expr]:
        """The parts of a node that are expressions; a node that is not on the list is refused here."""
        if self.derived is not None and self.derived.takes(node):
            return []
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
            if self.models is not None and node.func.id in self.models.functions:
                return self.models.features(node)
            return [*node.args, *(k.value for k in node.keywords)]
        if isinstance(node, (ast.Name, ast.Constant)):
            return []
        raise self.refusal(node)

    def value_that_fits(self, node: ast.expr, args: list[Expr]) -> Expr:
        try:
            return self.value(node, args)
        except TiduError:
            raise
        except ValueError:  # NumPy's, about shapes
            shapes = ", ".join(str(a.shape[0]) if a.shape else "1" for a in args)
            raise self.error(
                _("in '{part}' layers of different sizes meet: {shapes}"), part=self.part(node), shapes=shapes
            ) from None

    def value(self, node: ast.expr, args: list[Expr]) -> Expr:
        if self.derived is not None:
            if self.derived.takes(node):
                return self.derived.value(node, self)
            args = self.derived.as_numbers(node, args, self)
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
        value = self.meaning(node)
        if value.is_symbol:
            self.places[value] = min(node.col_offset, self.places.get(value, node.col_offset))
        return value

    def meaning(self, node: ast.Name) -> Expr:
        name = self.quoted.get(node.id, node.id)
        if name in self.names:
            return self.names[name]
        if normal(name) in self.by_normal_name:
            return self.by_normal_name[normal(name)]
        if node.id in self.quoted:
            raise ColumnNotFound(
                _("the formula names the column `{name}`; the data has {columns}").format(
                    name=clipped(name), columns=", ".join(map(quoted_name, self.names)) or _("no columns")
                )
            )
        if not node.id.isascii() and node.id in self.by_shown_name:
            return self.by_shown_name[node.id]
        if name in CONSTANTS:
            return constant(CONSTANTS[name])
        if name in ("inf", "nan"):
            raise self.error(_("'{name}' is not a number that a model can hold"), name=name)
        if name in FUNCTIONS or name in COMPOSED or name in self.functions:
            raise self.error(_("'{name}' is a function; write {name}(...)"), name=name)
        if self.unknown is None:
            near = closest(name, self.names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise self.error(_("'{name}' is not known here{hint}; known are: {names}"), name=name, hint=hint,
                             names=", ".join(self.names) or _("only numbers"))  # fmt: skip
        return self.unknown(name)

    def called(self, node: ast.Call, args: list[Expr]) -> Expr:
        name = cast(ast.Name, node.func).id
        if self.models is not None and name in self.models.functions:
            self.require_numbers(args, node)
            return self.models.made(node, args, self)
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise self.refusal(node)
        if name in self.functions:
            self.require_numbers(args, node)
            positional, named = args[: len(node.args)], args[len(node.args) :]
            options = {str(k.arg): v for k, v in zip(node.keywords, named, strict=True)}
            if len(options) < len(named):
                raise self.error(_("'{part}' gives a named number twice"), part=self.part(node))
            return self.functions[name](*positional, **options)
        if name not in FUNCTIONS and name not in COMPOSED:
            raise self.no_function(name)
        if node.keywords:
            raise self.error(_("{name}(...) takes no named arguments"), name=name)
        if name in COMPOSED:
            return self.activation(name, node, args)
        op = OPS[FUNCTIONS[name]]
        if op.variadic and len(args) > 2:
            self.require_numbers(args, node)
            return functools.reduce(lambda a, b: apply(op.name, a, b), args)
        if len(args) != op.arity:
            if name in ("log", "ln") and len(args) == 2:
                raise self.error(_("{name}(...) has the base e; for another base write log(x)/log(base), log2(x) or "
                                   "log10(x)"), name=name)  # fmt: skip
            raise self.error(_("{name}(...) takes {arity} argument(s), not {given}"), name=name, arity=op.arity,
                             given=len(args))  # fmt: skip
        if op.name == "where":
            return self.choice(args, node)
        self.require_numbers(args, node)
        return self.as_layer(name, apply(op.name, *args))

    def no_function(self, name: str) -> FormulaError:
        known = {*FUNCTIONS, *COMPOSED, *self.functions, *getattr(self.models, "functions", ())}
        if name in FUNCTIONS_ELSEWHERE:
            return self.error(_("there is no function '{name}'; write {instead}"), name=name,
                              instead=FUNCTIONS_ELSEWHERE[name])  # fmt: skip
        if name in self.names or normal(name) in self.by_normal_name:
            return self.error(_("'{name}' is a name, not a function; for a product write {name}*(...)"), name=name)
        if name.lower() in known:
            return self.error(_("there is no function '{name}'; write {instead}"), name=name,
                              instead=f"{name.lower()}(...)")  # fmt: skip
        if name in OF_COLUMNS:
            return self.error(_("there is no function '{name}': a formula is about one row, and {name} would need "
                                "them all; add a column that has it"), name=name)  # fmt: skip
        near = closest(name, sorted(known))
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        return self.error(_("there is no function '{name}'{hint}; for a product write {name}*(...), and functions "
                            "are: {names}"), name=name, hint=hint,
                          names=", ".join(sorted({*FUNCTIONS, *COMPOSED, *self.functions})))  # fmt: skip

    def activation(self, name: str, node: ast.Call, args: list[Expr]) -> Expr:
        if len(args) != 1:
            raise self.error(_("{name}(...) takes {arity} argument(s), not {given}"), name=name, arity=1,
                             given=len(args))  # fmt: skip
        self.require_numbers(args, node)
        if name == "softmax" and not args[0].shape:
            raise self.error(_("softmax(...) takes several numbers, such as linear(..., units=3), not one"))
        return self.as_layer(name, COMPOSED[name](args[0]))

    def as_layer(self, name: str, value: Expr) -> Expr:
        """`value`, which is a layer of the network where it has several numbers."""
        if self.models is not None and value.shape:
            self.models.layers.append(Layer(name, value.shape, value=value))
        return value

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
        if isinstance(node, ast.Call):
            return self.error(_("'{part}' is not a call that a formula can make"), part=self.part(node))
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS_ELSEWHERE:
            return self.error(_("'{part}' is not allowed in a formula; write {instead}"), part=self.part(node),
                              instead=OPERATORS_ELSEWHERE[type(node.op)])  # fmt: skip
        return self.error(
            _(
                "'{part}' is not allowed in a formula; it may hold numbers, names, + - * / **, "
                "comparisons and functions"
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
        return clipped(written)

    def error(self, message: str, **values: object) -> FormulaError:
        return FormulaError(_("formula '{formula}': ").format(formula=clipped(self.text)) + message.format(**values))
