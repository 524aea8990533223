"""A derivative worked out as one does on paper: from ∂ℓ/∂w to the line that the loop runs, a rule of calculus a line.

Of a model of single numbers, a part whose derivative is still to be found stands in a line as `∂(part)/∂w`, and the
next line exchanges it by the rule of its outermost operation. Of a network, `∂ℓ/∂(part)` stands for what has yet to
come back from the loss, as in the backward pass. The last lines are the loop's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tidu.engines.program import Program
from tidu.engines.scalar_loop import Batch, LoopShape
from tidu.engines.trace import loop_text_of
from tidu.errors import SettingError, closest
from tidu.insight.latex_words import latex_words
from tidu.insight.loop_lines import LoopLine, lines_for, named_in
from tidu.insight.rules import factor_rule, rule_of
from tidu.language.array_ops import fitted
from tidu.language.calculus import adjoints, gradient
from tidu.language.expr import Expr, as_expr, evaluation_order, substitute, symbol, with_args
from tidu.language.mathml import mathml, mathml_name
from tidu.language.printer import latex, latex_name, text, unicode, unicode_name
from tidu.language.simplify import MINUS_ONE, ONE, ZERO, simplify
from tidu.text import _, mark

CONSTANT = mark("it does not contain {name}, so its derivative is 0")
ITSELF = mark("the derivative of {name} by itself is 1")
STATED = mark("the loss of one sample, whose derivative by {name} is wanted")
FROM_LOSS = mark("the derivative of the loss by itself is 1")
SEVERAL = mark("chain rule: the value is used {count} times, and the parts are added; each by its rule: {rules}")
SIGN_IN_FRONT = mark("collected: the minus sign comes to the front")
ONES_LEFT_OUT = mark("collected: a factor 1 and a summand 0 are left out")
IN_ONE_ROW = mark("collected: the factors in one row, the number in front, for (a·b)·c = a·(b·c) and a·b = b·a")
REGROUPED = mark("collected: the same sums, products and cases, grouped as the backward pass has them")
AT_REST = mark("in rows in which a column that is a factor is 0, what it multiplies stays 0, and the slope is 0 too")
AS_THE_LOOP = mark("this is what line {line} of the loop computes, with its names for the parts")
MOST_LINES = 400  # of a formula that nobody would follow on paper


@dataclass(frozen=True)
class Line:
    """One line: an expression in which `pending` parts have yet to be differentiated, and the rule that gave it.

    `backward` says that what is pending is the derivative of the loss by a part, not that of a part by the parameter;
    `names` are what the loop calls some of its nodes.
    """

    expression: Expr
    pending: Mapping[Expr, Expr]  # a symbol, and the part that it stands for
    rule: str
    backward: bool = False
    names: Mapping[Expr, str] = field(default_factory=dict)

    def shown(self, name: str, notation: str = "unicode", names: Mapping[Expr, str] | None = None) -> str:
        """The line for people: `text`, `unicode`, `latex` or `mathml`; `names` are what some nodes are called, as ŷ."""
        show, names = _SHOWN[notation], names or {}
        of: dict[Expr, str] = {**names, **{node: _code(called, notation) for node, called in self.names.items()}}
        for s, part in self.pending.items():
            shown = show(part, {node: called for node, called in names.items() if node is not part})
            of[s] = self._derivative(shown, name, notation, bool(part.args))
        return show(self.expression, of)

    def _derivative(self, part: str, name: str, notation: str, composed: bool) -> str:
        """What is pending: the derivative of a part, or that of the loss by a part."""
        bracketed, whole, inner = _DERIVATIVES[notation]
        inside = bracketed.format(part) if composed else part
        by = _NAMES.get(notation, str)(name)
        return whole.format(inside) if self.backward else inner.format(inside, by)


_NAMES: dict[str, Callable[[str], str]] = {"latex": latex_name, "mathml": mathml_name, "unicode": unicode_name}
_SHOWN = {"text": text, "unicode": unicode, "latex": latex, "mathml": mathml}
_LINE = ("({})", "∂ℓ/∂{}", "∂{}/∂{}")
_DERIVATIVES = {  # a part in brackets, the derivative of the loss by it, its own by the parameter
    "text": _LINE,
    "unicode": _LINE,
    "latex": (r"\left({}\right)", r"\frac{{\partial \ell}}{{\partial {}}}", r"\frac{{\partial}}{{\partial {1}}} {0}"),
    "mathml": (
        "<mrow><mo>(</mo>{}<mo>)</mo></mrow>",
        "<mfrac><mrow><mo>∂</mo><mi>ℓ</mi></mrow><mrow><mo>∂</mo>{}</mrow></mfrac>",
        "<mrow><mfrac><mo>∂</mo><mrow><mo>∂</mo>{1}</mrow></mfrac>{0}</mrow>",
    ),
}
Y_HAT = {"unicode": "ŷ", "latex": r"\hat{y}", "mathml": "<mover><mi>y</mi><mo>^</mo></mover>"}


def _code(name: str, notation: str) -> str:
    """A name of the loop."""
    if notation == "latex":
        return rf"\text{{\ttfamily {latex_words(name)}}}"
    return f"<mtext><code>{name}</code></mtext>" if notation == "mathml" else name


@dataclass(frozen=True)
class Derivation:
    """From ∂ℓ/∂w to what the loop runs; `name` is the parameter, `loop` the lines of the loop that compute it."""

    name: str
    loss: Expr
    score: Expr | None
    lines: tuple[Line, ...]
    loop: tuple[LoopLine, ...]

    @property
    def prediction(self) -> Expr | None:
        """What the lines call ŷ; None where that would be no shorter."""
        return self.score if self.score is not None and self.score.args else None

    def shown(self, notation: str = "unicode") -> list[tuple[str, str]]:
        """The lines, each with its rule, for people: in `unicode`, `latex` or `mathml`."""
        names = {} if self.prediction is None else {self.prediction: Y_HAT[notation]}
        return [(line.shown(self.name, notation, names), line.rule) for line in self.lines]

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON; nothing is abbreviated."""
        return {
            "parameter": self.name,
            "lines": [
                {notation: line.shown(self.name, notation) for notation in ("text", "latex", "mathml")}
                | {"rule": line.rule}
                for line in self.lines
            ],
            "loop": [{"line": line.number, "code": line.code} for line in self.loop],
        }

    def to_latex(self) -> str:
        """The lines as a LaTeX `aligned` block, without dollar signs, the rule of each behind it."""
        left = rf"\frac{{\partial \ell}}{{\partial {latex_name(self.name)}}}"
        rows = [rf"&= {shown} && \text{{{latex_words(rule)}}}" for shown, rule in self.shown("latex")]
        given = "" if self.prediction is None else rf"\hat{{y}} &= {latex(self.prediction)} \\" + "\n"
        return "\\begin{aligned}\n" + given + left + " " + " \\\\\n".join(rows) + "\n\\end{aligned}"


def derivation_of(program: Program, name: str, shape: LoopShape | None = None) -> Derivation:
    """How ∂ℓ/∂`name` follows from the loss, rule by rule; `shape` is that of the loop whose lines end it.

    Raises
    ------
    SettingError
        There is no such parameter, or the formula is too long to follow.
    """
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
    final = program.gradient[program.parameters.index(wanted)]
    worked_out = _backward if program.of_arrays else _forward
    lines: list[Line] = []
    for line in worked_out(program, wanted):
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise SettingError(
                _("the derivation by {name} has more than {count} lines; derive a part of the formula").format(
                    name=name, count=MOST_LINES
                )
            )
    lines += _collected(lines[-1].expression, evaluation_order([program.loss]))
    if lines[-1].expression is not final:
        asked = {n for n in evaluation_order([final]) if n.op.name == "equal"}
        at_rest = asked and not asked & set(evaluation_order([lines[-1].expression]))
        lines.append(Line(final, {}, _(AT_REST if at_rest else REGROUPED)))
    loop = loop_text_of(program, shape or LoopShape(Batch.SOME))
    found = () if loop is None else lines_for(loop, final)
    if found:
        assert loop is not None
        called = named_in(loop)
        if not found[-1].code.startswith(("grad", "added", "add_")):  # the line that gives it its name
            called.pop(final, None)
        names = {n: called[n] for n in evaluation_order([final]) if n in called}
        lines.append(Line(final, {}, _(AS_THE_LOOP).format(line=found[-1].number), names=names))
    score = None if program.target is None else program.score
    return Derivation(name, program.loss, score, tuple(_without_repetitions(lines)), found)


def _without_repetitions(lines: list[Line]) -> Iterator[Line]:
    """The lines that differ in print from those before: −(1) and −1 are two expressions, and look alike."""
    before = ""
    for line in lines:
        now = unicode(line.expression, {s: f"<{unicode(part)}>" for s, part in line.pending.items()} | {**line.names})
        if now != before or line.names:
            yield line
        before = now


# -- a model of single numbers: from the outside in ------------------------------------------------------------
def _forward(program: Program, wanted: Expr) -> Iterator[Line]:
    """A part after another is exchanged for its derivative, the leftmost first."""
    memo = {node: node for node in evaluation_order([program.loss])}  # which stay as the user wrote them
    first = _pending(program.loss)
    line = Line(first, {first: program.loss}, _(STATED).format(name=wanted.name))
    yield line
    while line.pending:
        waiting = next(s for s in evaluation_order([line.expression]) if s in line.pending)
        part = line.pending[waiting]
        new, rule = _differentiated(part, wanted, memo)
        expression = substitute(line.expression, {waiting: new})
        known = {**line.pending, **{_pending(a): a for a in part.args}}
        left = [s for s in evaluation_order([expression]) if s in known and s is not waiting]
        line = Line(expression, {s: known[s] for s in left}, rule)
        yield line


def _pending(part: Expr) -> Expr:
    """The symbol that stands for the derivative of a part, or for that of the loss by it."""
    return symbol(f"derivative of {text(part)}", "hyper", shape=part.shape)


def _differentiated(node: Expr, wanted: Expr, kept: Mapping[Expr, Expr]) -> tuple[Expr, str]:
    """The derivative of a node in those of its arguments, by one rule."""
    if node is wanted:
        return as_expr(1.0), _(ITSELF).format(name=wanted.name)
    if wanted not in evaluation_order([node]):
        return ZERO, _(CONSTANT).format(name=wanted.name)
    # The node on its arguments as variables of their own; what does not contain the parameter stays as it is.
    inner = {a: symbol(f"argument {k}", "feature") for k, a in enumerate(dict.fromkeys(node.args))
             if wanted in evaluation_order([a])}  # fmt: skip
    alone = with_args(node, tuple(inner.get(a, a) for a in node.args))
    slopes = gradient(alone, list(inner.values()))
    back = {variable: argument for argument, variable in inner.items()}
    total = ZERO
    for argument, slope in zip(inner, slopes, strict=True):
        total = simplify(total + substitute(slope, back) * _pending(argument), dict(kept))
    if len(inner) < len(set(node.args)) and node.op.name == "multiply":
        return total, str(factor_rule(wanted.name))
    return total, str(rule_of(node, exponent=node.op.name == "power" and node.args[-1] in inner))


def _collected(expression: Expr, kept: list[Expr]) -> Iterator[Line]:
    """Products and signs brought into order, one operation a line, the innermost first; `kept` stays as it is."""
    settled = {node: node for node in kept}
    changed = True
    while changed:
        changed = False
        for node in evaluation_order([expression], known=settled):
            new = simplify(node, dict(settled))
            settled[new] = new
            if new is not node:
                expression = substitute(expression, {node: new})
                yield Line(expression, {}, _(_tidying(node, new)))
                changed = True
                break


def _tidying(old: Expr, new: Expr) -> str:
    """Which rule of arithmetic brought a node into order."""
    if any(a in (ONE, MINUS_ONE, ZERO) for a in old.args):
        return ONES_LEFT_OUT
    return SIGN_IN_FRONT if any(a.op.name == "negative" for a in old.args) else IN_ONE_ROW


# -- a network: from the inside out, as the backward pass ------------------------------------------------------
def _backward(program: Program, wanted: Expr) -> Iterator[Line]:
    """What comes back from the loss, from the parameter outwards: each ∂ℓ/∂(part) in those of what the part is used in.

    What is pending is exchanged in the order in which it was met, so that a line has one rule.
    """
    found = adjoints(program.loss, [program.score, *program.parameters])
    memo = {node: node for node in evaluation_order([program.loss])}
    first = _pending(wanted)
    line = Line(first, {first: wanted}, _(STATED).format(name=wanted.name), backward=True)
    yield line
    while line.pending:
        waiting = _innermost(line.pending, program.loss)
        part = line.pending[waiting]
        users = found[part].parts
        if not users:
            new, rule, more = ONE, _(FROM_LOSS), {}
        else:
            parts = [_part_of(user, part, memo) for user, _value in users]
            new = parts[0]
            for other in parts[1:]:
                new = simplify(new + other, memo)
            more = {_pending(user): user for user, _value in users}
            rules = list(dict.fromkeys(rule_of(user) for user, _value in users))
            rule = str(rules[0])
            if len(users) > 1:
                rule = _(SEVERAL).format(count=len(users), rules=_(", ").join(r.name for r in rules))
        expression = substitute(line.expression, {waiting: new})
        known = {**line.pending, **more}
        left = [s for s in evaluation_order([expression]) if s in known and s is not waiting]
        line = Line(expression, {s: known[s] for s in left}, rule, backward=True)
        yield line


def _innermost(pending: Mapping[Expr, Expr], loss: Expr) -> Expr:
    """That part which is evaluated first: what it is used in may be pending too."""
    place = {node: k for k, node in enumerate(evaluation_order([loss]))}
    return min(pending, key=lambda s: place[pending[s]])


def _part_of(user: Expr, part: Expr, memo: dict[Expr, Expr]) -> Expr:
    """What one use of a part adds to its derivative, in that of the user."""
    assert user.op.grad is not None
    total = ZERO
    for argument, told in zip(user.args, user.op.grad(_pending(user), user, *user.args, *user.attrs), strict=False):
        if argument is part and told is not None:
            contribution = as_expr(told() if callable(told) else told)
            total = simplify(total + fitted(contribution, part.shape), memo)
    return total
