"""A derivative worked out as one does on paper: from ∂ℓ/∂w to the line that the loop runs, a rule of calculus a line.

A part whose derivative is still to be found stands in a line as a symbol, `∂(part)/∂w`; the next line exchanges it by
the rule of its outermost operation. The last line is the partial derivative of the program itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidu.engines.program import Program
from tidu.errors import SettingError, closest
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, as_expr, evaluation_order, substitute, symbol, with_args
from tidu.language.printer import latex, text, unicode
from tidu.language.simplify import ZERO, simplify
from tidu.text import _, mark

RULES = {
    "add": mark("sum rule: the derivative of a sum is the sum of the derivatives"),
    "subtract": mark("sum rule: the derivative of a difference is the difference of the derivatives"),
    "negative": mark("constant factor rule: the minus sign stays"),
    "multiply": mark("product rule: (u·v)′ = u′·v + u·v′"),
    "divide": mark("quotient rule: (u/v)′ = u′/v − u·v′/v²"),
    "integer_power": mark("power rule and chain rule: (uⁿ)′ = n·uⁿ⁻¹·u′"),
    "power": mark("power rule and chain rule: (uⁿ)′ = n·uⁿ⁻¹·u′"),
}
EXPONENT = mark("exponential rule and chain rule: (cᵛ)′ = cᵛ·ln(c)·v′")
CONSTANT = mark("it does not contain {name}, so its derivative is 0")
FACTOR = mark("constant factor rule: a factor without {name} stays")
ITSELF = mark("the derivative of {name} by itself is 1")
CHAIN = mark("chain rule: the derivative of {function} at its argument, times the derivative of the argument")
SIMPLIFIED = mark("collected: this is what the loop computes")
STATED = mark("the loss of one sample, whose derivative by {name} is wanted")
MOST_LINES = 400  # of a formula that nobody would follow on paper


@dataclass(frozen=True)
class Line:
    """One line: an expression in which `pending` parts have yet to be differentiated, and the rule that gave it."""

    expression: Expr
    pending: Mapping[Expr, Expr]  # a symbol, and the part whose derivative it stands for
    rule: str

    def shown(self, name: str, notation: str = "unicode") -> str:
        """The line for people: `text`, `unicode` or `latex`."""
        show = {"text": text, "unicode": unicode, "latex": latex}[notation]
        if notation == "latex":
            names = {
                s: rf"\frac{{\partial}}{{\partial {name}}}\left({show(part)}\right)" for s, part in self.pending.items()
            }
        else:
            names = {s: f"∂({show(part)})/∂{name}" for s, part in self.pending.items()}
        return show(self.expression, names)


@dataclass(frozen=True)
class Derivation:
    """From ∂ℓ/∂w to what the loop runs; `name` is the parameter."""

    name: str
    loss: Expr
    lines: tuple[Line, ...]

    def to_list(self) -> list[dict[str, str]]:
        """Plain values, for JSON."""
        return [
            {"text": line.shown(self.name, "text"), "latex": line.shown(self.name, "latex"), "rule": line.rule}
            for line in self.lines
        ]

    def to_latex(self) -> str:
        """The lines as a LaTeX `aligned` block, without dollar signs."""
        left = rf"\frac{{\partial \ell}}{{\partial {self.name}}}"
        rows = [rf"&= {line.shown(self.name, 'latex')}" for line in self.lines]
        return "\\begin{aligned}\n" + left + " " + " \\\\\n".join(rows) + "\n\\end{aligned}"


def derivation_of(program: Program, name: str) -> Derivation:
    """How ∂ℓ/∂`name` follows from the loss, rule by rule.

    Raises
    ------
    SettingError
        There is no such parameter, or the model has vectors, or the formula is too long to follow.
    """
    if program.of_arrays:
        raise SettingError(_("a derivation is written out for models of single numbers, not for networks"))
    parameters = {p.name: p for p in program.parameters}
    if name not in parameters:
        near = closest(name, parameters)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no parameter '{name}'{hint}; the formula has {names}").format(
                name=name, hint=hint, names=", ".join(parameters)
            )
        )
    wanted = parameters[name]
    first = _pending(program.loss)
    lines = [Line(first, {first: program.loss}, _(STATED).format(name=name))]
    waiting = [first]
    while waiting:
        part = lines[-1].pending[waiting[0]]
        new, rule = _differentiated(part, wanted)
        pending = {s: p for s, p in lines[-1].pending.items() if s is not waiting[0]}
        found = {s: p for s, p in _parts(part).items() if s in evaluation_order([new])}
        pending |= found
        expression = substitute(lines[-1].expression, {waiting[0]: new})
        waiting = [s for s in evaluation_order([expression]) if s in pending]
        lines.append(Line(expression, {s: pending[s] for s in waiting}, rule))
        if len(lines) > MOST_LINES:
            raise SettingError(
                _("the derivation by {name} has more than {count} lines; derive a part of the formula").format(
                    name=name, count=MOST_LINES
                )
            )
    final = program.gradient[program.parameters.index(wanted)]
    if lines[-1].expression is not final:
        lines.append(Line(final, {}, _(SIMPLIFIED)))
    return Derivation(name, program.loss, tuple(lines))


def _pending(part: Expr) -> Expr:
    """The symbol that stands for the derivative of a part."""
    return symbol(f"derivative of {text(part)}", "hyper")


def _parts(node: Expr) -> dict[Expr, Expr]:
    return {_pending(a): a for a in node.args}


def _differentiated(node: Expr, wanted: Expr) -> tuple[Expr, str]:
    """The derivative of a node in those of its arguments, by one rule."""
    if node is wanted:
        return as_expr(1.0), _(ITSELF).format(name=wanted.name)
    if wanted not in evaluation_order([node]):
        return ZERO, _(CONSTANT).format(name=wanted.name)
    # The node on its arguments as variables of their own; what does not contain the parameter stays as it is.
    inner = {a: symbol(f"argument {k}", "feature") for k, a in enumerate(dict.fromkeys(node.args))
             if wanted in evaluation_order([a])}  # fmt: skip
    alone = _on_other_arguments(node, inner)
    slopes = gradient(alone, list(inner.values()))
    back = {variable: argument for argument, variable in inner.items()}
    total = ZERO
    for argument, slope in zip(inner, slopes, strict=True):
        term = substitute(slope, back)
        total = simplify(total + term * _pending(argument), {})
    if len(inner) < len(set(node.args)) and node.op.name == "multiply":
        return total, _(FACTOR).format(name=wanted.name)
    if node.op.name == "power" and node.args[-1] in inner:
        return total, _(EXPONENT)
    rule = RULES.get(node.op.name)
    if rule is not None:
        return total, _(rule)
    return total, _(CHAIN).format(function=node.op.formula_name or node.op.name)


def _on_other_arguments(node: Expr, exchange: Mapping[Expr, Expr]) -> Expr:
    """A node on other arguments, where these are exchanged."""
    return with_args(node, tuple(exchange.get(a, a) for a in node.args))
