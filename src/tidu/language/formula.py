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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tidu.errors import ColumnNotFound, FormulaError, TiduError, closest
from tidu.language.activations import COMPOSED
from tidu.language.expr import OPS, Expr, Shape, apply, constant, raised, symbol, symbols
from tidu.language.formula_text import (
    check_size,
    clipped,
    normal,
    sides,
    syntax_tree,
    with_ascii_signs,
    without_backticks,
)
from tidu.language.model_calls import Layer, ModelCalls, check_outputs
from tidu.language.ops import CONSTANTS, FUNCTIONS
from tidu.language.printer import quoted_name
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
    starts: Mapping[str, str | float] = field(default_factory=dict)  # of parameters that a model function made
    masks: Mapping[Expr, float] = field(default_factory=dict)  # of dropout, with the share that each drops
    layers: tuple[Layer, ...] = ()  # what model functions made, in the order of evaluation


def parse_formula(
    text: str,
    columns: Sequence[str],
    known_parameters: Collection[str] = (),
    models: Mapping[str, Any] | None = None,
    outputs: int | None = 1,
) -> Formula:
    """Read `target = expression` for data that has `columns`.

    `known_parameters` are names that are certainly parameters, because the user gave them a starting value; `models`
    are functions that make parameters (`tidu.content.models.MODELS`). The model gives `outputs` numbers; None is for
    classes that have yet to be counted: as many as the formula says, else 2.

    Raises
    ------
    FormulaError, ColumnNotFound
    """
    if not isinstance(text, str):
        raise FormulaError(_("the formula must be text such as 'y = w*x + b', not {value!r}").format(value=text))
    text = with_ascii_signs(text)
    check_size(text)
    left, right = sides(text)
    column_symbols = {name: symbol(name, "feature") for name in columns}
    target = parse_expression(left, _target_names(left, columns, ()))
    targets = symbols([target], "target")
    if not targets:
        raise FormulaError(
            _("the left side of '{formula}' names no column; the data has {columns}").format(
                formula=clipped(text), columns=", ".join(map(quoted_name, columns)) or _("no columns")
            )
        )
    taken = [name for name in known_parameters if name in column_symbols]
    if taken:
        raise FormulaError(
            _("'{name}' is a column of the data; only a parameter can have a starting value").format(name=taken[0])
        )
    makers = ModelCalls(models or {}, outputs or 2, column_symbols, {t.name for t in targets}, right)
    named = column_symbols | {name: symbol(name, "parameter") for name in known_parameters if not makers.may_make(name)}
    score = parse_expression(right, named, unknown=lambda name: symbol(name, "parameter"), models=makers)
    if outputs is None:
        outputs = score.shape[0] if score.shape else 2
    check_outputs(score, outputs, text)
    if outputs != 1:
        target = parse_expression(left, _target_names(left, columns, (outputs,)))
        targets = symbols([target], "target")
    both = {s.name for s in targets} & {s.name for s in symbols([score], "feature")}
    if both:
        raise FormulaError(
            _("the target {name} stands on both sides of '{formula}'; a model must not be given its own answer").format(
                name=", ".join(map(quoted_name, sorted(both))), formula=clipped(text)
            )
        )
    formula = Formula(
        text.strip(),
        target,
        score,
        makers.in_order(_in_order_of_text(right, symbols([score], "parameter"))),
        tuple(_in_order_of_text(right, symbols([score], "feature"))),
        tuple(targets),
        makers.starts,
        makers.masks,
        tuple(makers.layers),
    )
    _refuse_misspelt_columns(formula, columns, known_parameters)
    return formula


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
    text = with_ascii_signs(text)
    check_size(text)
    source, quoted = without_backticks(text)
    tree = syntax_tree(source, text)
    result = _Reader(text, names, unknown, functions or {}, quoted, models).read(tree)
    if result.op.boolean:
        raise FormulaError(
            _("'{formula}' is a condition, not a number; write where({formula}, 1, 0) to make a number of it").format(
                formula=clipped(text)
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
        models: ModelCalls | None,
    ) -> None:
        self.models = models
        self.text = text
        self.names = names
        self.by_normal_name = {normal(name): value for name, value in names.items()}
        self.unknown = unknown
        self.functions = functions
        self.quoted = quoted

    def read(self, tree: ast.expr) -> Expr:
        if self.models is not None:
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
        if normal(name) in self.by_normal_name:
            return self.by_normal_name[normal(name)]
        if node.id in self.quoted:
            raise ColumnNotFound(
                _("the formula names the column `{name}`; the data has {columns}").format(
                    name=name, columns=", ".join(map(quoted_name, self.names)) or _("no columns")
                )
            )
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
            near = closest(name, [*FUNCTIONS, *COMPOSED, *self.functions, *getattr(self.models, "functions", ())])
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise self.error(_("there is no function '{name}'{hint}; there are: {names}"), name=name, hint=hint,
                             names=", ".join(sorted({*FUNCTIONS, *COMPOSED, *self.functions})))  # fmt: skip
        if node.keywords:
            raise self.error(_("{name}(...) takes no named arguments"), name=name)
        if name in COMPOSED:
            return self.activation(name, node, args)
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
        return self.as_layer(name, apply(op.name, *args))

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
            self.models.layers.append(Layer(name, value.shape))
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
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return self.error(_("'^' is not an operator here; a power is written x**2"))
        if isinstance(node, ast.Call):
            return self.error(_("'{part}' is not a call that a formula can make"), part=self.part(node))
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


# -- names ------------------------------------------------------------------------------------
def _target_names(left: str, columns: Sequence[str], shape: Shape) -> dict[str, Expr]:
    name = normal(left.strip().strip("`"))
    if name.isidentifier() and name not in {normal(c) for c in columns}:
        near = closest(name, columns)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise ColumnNotFound(
            _("the formula names the target '{name}'; the data has {columns}{hint}").format(
                name=name, columns=", ".join(map(quoted_name, columns)) or _("no columns"), hint=hint
            )
        )
    return {c: symbol(c, "target", shape=shape) for c in columns}


def _in_order_of_text(text: str, found: Sequence[Expr]) -> list[Expr]:
    """Symbols by their first place in the text, so that w1 comes before w2 whatever the tree's order."""
    text = normal(text)

    def place(s: Expr) -> int:
        hit = re.search(rf"(?<!\w){re.escape(normal(s.name))}(?!\w)", text)
        return hit.start() if hit else len(text)

    return sorted(found, key=place)


def _column_that_was_meant(name: str, columns: Sequence[str], unused: Sequence[str]) -> str | None:
    """The column that a parameter's name looks like: other capitals, a number too many (x3 beside x1, x2), a slip."""
    same = next((c for c in columns if c.lower() == name.lower()), None)
    stem = name.rstrip("0123456789")
    numbered = [c for c in columns if stem and stem != name and c != stem and c.rstrip("0123456789") == stem]
    return same or next(iter(numbered), None) or (closest(name, unused) if len(name) > 2 else None)


def _refuse_misspelt_columns(formula: Formula, columns: Sequence[str], known_parameters: Collection[str]) -> None:
    guessed = [p.name for p in formula.parameters if p.name not in known_parameters and p.name not in formula.starts]
    used = {s.name for s in (*formula.features, *formula.columns)}
    unused = [c for c in columns if c not in used]
    for name in guessed:
        near = _column_that_was_meant(name, columns, unused)
        if near:
            raise ColumnNotFound(
                _(
                    "the formula names '{name}'; the data has {columns} (did you mean '{near}'? "
                    "If '{name}' is a parameter, give it a starting value: --init {name}=0)"
                ).format(name=name, columns=", ".join(map(quoted_name, columns)), near=near)
            )
    if formula.starts and not formula.features:
        raise ColumnNotFound(
            _("the formula '{formula}' uses no column besides its target; the data has {columns}").format(
                formula=clipped(formula.text), columns=", ".join(map(quoted_name, columns))
            )
        )
    if guessed and not formula.features:
        raise ColumnNotFound(
            _(
                "the formula '{formula}' uses no column besides its target; the data has {columns}. "
                "If {names} is meant as a parameter, give it a starting value: --init {first}=0"
            ).format(
                formula=clipped(formula.text),
                columns=", ".join(map(quoted_name, columns)),
                names=_(" or ").join(guessed),
                first=guessed[0],
            )
        )
