"""The rules of calculus, by operation: which one gives the derivative of a node, in one sentence.

A rule has a name, by which a chain of several is told, and a statement. Read by `derivation` and `explain`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidu.language.calculus import gradient
from tidu.language.expr import Expr, symbol, with_args
from tidu.language.printer import unicode
from tidu.text import _, mark


@dataclass(frozen=True)
class Rule:
    """A rule of calculus: what it is called, and what it says."""

    name: str
    statement: str

    def __str__(self) -> str:
        return _("{name}: {statement}").format(name=self.name, statement=self.statement)


SUM, FACTOR, CHAIN = mark("sum rule"), mark("constant factor rule"), mark("chain rule")
LINEAR, CASES, PARTS = mark("linear map"), mark("case by case"), mark("part by part")
RULES = {
    "add": (SUM, mark("the derivative of a sum is the sum of the derivatives")),
    "subtract": (SUM, mark("the derivative of a difference is the difference of the derivatives")),
    "negative": (FACTOR, mark("the minus sign stays")),
    "multiply": (mark("product rule"), mark("(u·v)′ = u′·v + u·v′")),
    "divide": (mark("quotient rule"), mark("(u/v)′ = u′/v − u·v′/v²")),
    "integer_power": (mark("power rule"), mark("(uⁿ)′ = n·uⁿ⁻¹·u′, with the chain rule")),
    "power": (mark("power rule"), mark("(uⁿ)′ = n·uⁿ⁻¹·u′, with the chain rule")),
    "where": (CASES, mark("the derivative is that of the case that holds")),
    "maximum": (CASES, mark("the derivative is that of the larger one")),
    "minimum": (CASES, mark("the derivative is that of the smaller one")),
    "max": (CASES, mark("the derivative is that of the largest one")),
    "min": (CASES, mark("the derivative is that of the smallest one")),
    "sum": (SUM, mark("each summand has the derivative of the sum")),
    "matmul": (LINEAR, mark("(W·x)′ = W·x′; backward, ∂ℓ/∂x = Wᵀ·∂ℓ/∂(W·x) and ∂ℓ/∂W = ∂ℓ/∂(W·x)⊗x")),
    "outer": (LINEAR, mark("u⊗v is a product of single numbers: the product rule for each")),
    "einsum": (LINEAR, mark("a sum of products: the sum rule, and the product rule for each")),
    "cumsum": (SUM, mark("each summand has the sum of the derivatives of what follows it")),
    "logsumexp": (CHAIN, mark("(ln Σ eᵘ)′ = Σ softmax(u)·u′")),
    "softmax": (CHAIN, mark("with s = softmax(u): s′ = s·(u′ − Σ s·u′)")),
    "root": (CHAIN, mark("(√u)′ = u′/(2·√u)")),
}
MOVED = (PARTS, mark("numbers that only change their place take their derivatives with them"))
EXPONENT = mark("exponential rule"), mark("(cᵛ)′ = cᵛ·ln(c)·v′, with the chain rule")
CONDITION = mark("condition"), mark("it is true or false, and has no derivative")
STAYS = mark("a factor without {name} stays")
OF_SEVERAL = mark("each argument's derivative of {function}, times the derivative of that argument")


def rule_of(node: Expr, exponent: bool = False) -> Rule:
    """The rule for the operation of a node; `exponent` says that a power varies in its exponent."""
    if node.op.name == "power" and exponent:
        name, statement = EXPONENT
    elif node.op.name in RULES:
        name, statement = RULES[node.op.name]
    elif node.op.boolean:
        name, statement = CONDITION
    elif not node.op.elementwise:
        name, statement = MOVED
    else:
        return Rule(_(CHAIN), _of_function(node))
    return Rule(_(name), _(statement))


def _of_function(node: Expr) -> str:
    """What the derivative of a function of single numbers is, from its entry in the table."""
    if len(node.args) != 1:
        return _(OF_SEVERAL).format(function=node.op.formula_name or node.op.name)
    u = symbol("u", "feature")
    alone = with_args(node, (u,))
    (slope,) = gradient(alone, [u])
    return f"({unicode(alone)})′ = {unicode(slope * symbol('u′', 'feature'), {symbol('u′', 'feature'): 'u′'})}"


def factor_rule(name: str) -> Rule:
    """A factor that does not contain what is differentiated by."""
    return Rule(_(FACTOR), _(STAYS).format(name=name))
