"""The mathematics of a program, for people: model, loss, cost, each partial derivative and the update.

Three notations, Unicode for the terminal, LaTeX for papers and MathML for pages, from the same expressions that run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidu.content.methods import Solver
from tidu.content.schedules import STEP
from tidu.engines.program import Program
from tidu.language.expr import Expr, evaluation_order, symbol
from tidu.language.mathml import mathml, mathml_lines, mathml_name
from tidu.language.printer import latex, latex_lines, latex_name, unicode, unicode_lines, unicode_name
from tidu.language.simplify import ZERO
from tidu.text import _, mark

Lines = list[tuple[str, str]]  # the left side and the right side of each equation


@dataclass(frozen=True)
class Notation:
    """How signs and words are written; `show` writes an expression, `show_lines` several, `name` a symbol."""

    show: Callable[..., str]
    show_lines: Callable[..., list[str]]
    name: Callable[[str], str]
    y_hat: str
    loss: str
    cost: str
    mean: str
    partial: str
    plus: str
    said: Callable[[str], str]  # words among the signs


UNICODE = Notation(
    unicode, unicode_lines, unicode_name, "ŷ", "ℓ", "J", mark("mean of ℓ over the batch"), "∂ℓ/∂{0}", " + ", _
)
LATEX = Notation(
    latex,
    latex_lines,
    latex_name,
    r"\hat{y}",
    r"\ell",
    "J",
    r"\frac{1}{|B|}\sum_{i \in B} \ell_i",
    r"\frac{\partial \ell}{\partial {0}}",
    " + ",
    lambda words: rf"\text{{{words}}}",
)

MATHML = Notation(
    mathml,
    mathml_lines,
    mathml_name,
    "<mover><mi>y</mi><mo stretchy='false'>^</mo></mover>",
    "<mi>ℓ</mi>",
    "<mi>J</mi>",
    "<mfrac><mn>1</mn><mrow><mo>|</mo><mi>B</mi><mo>|</mo></mrow></mfrac>"
    "<munder><mo>∑</mo><mrow><mi>i</mi><mo>∈</mo><mi>B</mi></mrow></munder><msub><mi>ℓ</mi><mi>i</mi></msub>",
    "<mfrac><mrow><mo>∂</mo><mi>ℓ</mi></mrow><mrow><mo>∂</mo>{0}</mrow></mfrac>",
    "<mo>+</mo>",
    lambda words: f"<mtext>{_(words)}</mtext>",
)


def equations(program: Program, notation: Notation) -> Lines:
    """Left and right sides: the model, ℓ, J, ∂ℓ/∂ each parameter, and how each parameter changes."""
    n = notation
    lines: Lines = []
    names: dict[Expr, str] = {}
    if program.target is not None:
        names = {program.score: n.y_hat}
        if program.target.args:
            names[program.target] = n.name("y")
            lines.append((n.name("y"), n.show(program.target)))
        else:
            names[program.target] = n.name(program.target.name)
        lines.append((n.y_hat, n.show(program.score)))
        if program.prediction is not program.score:
            lines.append((n.said(mark("prediction")), n.show(program.prediction, names)))
        lines.append((n.loss, n.show(program.loss, names)))
        means = {mean: n.name(name) for mean, name in program.means.items()}
        added = "" if program.penalty is ZERO else f"{n.plus}{n.show(program.penalty, means)}"
        lines.append((n.cost, _(n.mean) + added))
        lines += [(name, n.show(mean)) for mean, name in means.items()]
        symbol_of_loss = n.partial
    else:
        lines.append((n.name("f"), n.show(program.loss)))
        symbol_of_loss = n.partial.replace("ℓ", "f").replace(r"\ell", "f")
    partials = n.show_lines(program.gradient, names)
    return [
        *lines,
        *((_filled(symbol_of_loss, n.name(p.name)), d) for p, d in zip(program.parameters, partials, strict=True)),
    ]


def update_rule(program: Program, notation: Notation, solver: Solver | None = None) -> Lines:
    """How a weight w changes, given its mean gradient g = ∂J/∂w; or, by a solver, how all of them do."""
    n = notation
    if solver is not None:
        step = solver.step[1] if n is LATEX else n.said(solver.step[0])
        return [(n.name("d"), step), (n.name("w"), f"{n.name('w')}{n.plus}{n.name('d')}")]
    w, g, t = symbol("w", "parameter"), symbol("g", "gradient"), symbol("k", "time")
    new, state = program.optimizer.recorded(w, g, STEP + 1, program.lr)
    names = {STEP + 1: n.name(t.name), program.lr: n.name("alpha")}
    names |= {symbol(f"{name}_w", "state"): n.name(name) for name in state}
    waiting = [(name, symbol(f"{name}_w", "state"), value) for name, value in state.items()] + [("w", w, new)]
    lines: Lines = []
    while waiting:
        name, _old, value = _next(waiting, names)
        waiting = [other for other in waiting if other[0] != name]
        lines.append((n.name(name), n.show(value, names)))
        names[value] = n.name(name)
    return lines


def _next(waiting: list[tuple[str, Expr, Expr]], names: dict[Expr, str]) -> tuple[str, Expr, Expr]:
    """The first that can be overwritten: no other one waits to read what it was before."""
    for candidate in waiting:
        _name, old, value = candidate
        known = {*names, value} - {old}
        others = [v for _n, _o, v in waiting if v is not value]
        if old not in evaluation_order(others, known=known):
            return candidate
    return waiting[0]


def _filled(template: str, name: str) -> str:
    return template.replace("{0}", name)


def latex_of(program: Program, solver: Solver | None = None) -> str:
    """The whole program as one `aligned` block, without dollar signs; `solver` is what made its steps, if one did."""
    body = [f"{left} &= {right}" for left, right in equations(program, LATEX)]
    body += [rf"{left} &\leftarrow {right}" for left, right in update_rule(program, LATEX, solver)]
    return "\\begin{aligned}\n" + " \\\\\n".join(body) + "\n\\end{aligned}"
