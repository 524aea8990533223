"""Local rewriting that makes derived expressions look as a textbook has them: no `1 *`, no doubled minus.

Used on what calculus derives, never on what the user wrote: nodes that stand in the memo at the start are kept, so
that the backward pass shares them with the forward pass. Numbers move to the front of a product, products associate
to the left, a minus sign moves to the number or to the front. The entries of the op table name their rule here.

Each rewriting looks at up to `LONGEST_PRODUCT` factors. The partials of a product of n factors are n products of n - 1:
written out, n² factors; kept as a product of what stands before and what stands behind, one multiplication each.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from tidu.language.expr import Expr, apply, constant, evaluation_order, operate, raised, with_args
from tidu.language.operation import Attr

ZERO, ONE, MINUS_ONE = constant(0.0), constant(1.0), constant(-1.0)
LONGEST_PRODUCT = 32  # factors; what a person still reads as one product


def simplify(output: Expr, memo: dict[Expr, Expr]) -> Expr:
    """`output` rewritten bottom up. `memo` holds what each known node becomes, and grows."""
    for node in evaluation_order([output], known=memo):
        new = _rewritten(node, tuple(memo[a] for a in node.args)) if node.args else node
        memo[node] = memo[new] = new
    return memo[output]


def _rewritten(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """One node on arguments that are simplified already."""
    if not node.op.elementwise:
        return with_args(node, args)
    if all(a.is_constant for a in args) and not node.op.boolean:
        value = operate(with_args(node, args), [a.value for a in args])
        if math.isfinite(value):
            return constant(value)
    rule = node.op.simplified
    return rule(*args, *node.attrs) if rule else with_args(node, args)


def added(a: Expr, b: Expr) -> Expr:
    """a + b."""
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    b, minus = _unsigned(b)
    if minus:
        return subtracted(a, b)
    number, rest = _leading_number(b)
    if number is not None and number < 0.0:  # a - 2b rather than a + -2b
        return subtracted(a, constant(-number) if rest is None else multiplied(constant(-number), rest))
    if b.op.name == "divide" and b.args[0].is_constant and b.args[0].value < 0.0:  # a - 2/b rather than a + -2/b
        return subtracted(a, constant(-b.args[0].value) / b.args[1])
    a, minus = _unsigned(a)
    if minus:
        return subtracted(b, a)
    if a.op.name == b.op.name == "where" and a.args[0] is b.args[0]:
        return chosen(a.args[0], added(a.args[1], b.args[1]), added(a.args[2], b.args[2]))
    return a + b


def subtracted(a: Expr, b: Expr) -> Expr:
    """a - b."""
    if b is ZERO:
        return a
    if a is ZERO:
        return negated(b)
    b, minus = _unsigned(b)
    return added(a, b) if minus else a - b


def _unsigned(a: Expr) -> tuple[Expr, bool]:
    """`a` without the minus signs before it, and whether they leave one."""
    minus = False
    while a.op.name == "negative":
        a, minus = a.args[0], not minus
    return a, minus


def negated(a: Expr) -> Expr:
    """-a."""
    if a.op.name == "negative":
        return a.args[0]
    if a.is_constant:
        return constant(-a.value)
    if a.op.name == "subtract":
        return subtracted(a.args[1], a.args[0])
    return -a


def multiplied(a: Expr, b: Expr) -> Expr:
    """a b."""
    a, b = _unspread(a, b), _unspread(b, a)
    if a is ZERO or b is ZERO:
        return ZERO
    if a is ONE:
        return b
    if b is ONE:
        return a
    if a is MINUS_ONE or b is MINUS_ONE:
        return negated(b if a is MINUS_ONE else a)
    (a, minus_a), (b, minus_b) = _unsigned(a), _unsigned(b)
    if minus_a or minus_b:
        product = multiplied(a, b)
        return product if minus_a and minus_b else negated(product)
    if _is_choice_with_zero(a):
        condition, yes, no = a.args
        return chosen(condition, multiplied(yes, b), multiplied(no, b))
    if _is_choice_with_zero(b):
        condition, yes, no = b.args
        return chosen(condition, multiplied(a, yes), multiplied(a, no))
    n, b_rest = _leading_number(b)
    if n is not None:  # the numbers of both sides become one, in front
        m, a_rest = _leading_number(a)
        front = constant((1.0 if m is None else m) * n)
        rest = b_rest if a_rest is None else a_rest if b_rest is None else multiplied(a_rest, b_rest)
        return front if rest is None else multiplied(front, rest)
    chain: list[tuple[Callable[[Expr, Expr], Expr], Expr]] = []
    first = b
    while len(chain) <= LONGEST_PRODUCT and (
        first.op.name == "multiply" or (first.op.name == "divide" and not a.is_constant)
    ):
        chain.append((multiplied if first.op.name == "multiply" else divided, first.args[1]))
        first = first.args[0]
    if len(chain) > LONGEST_PRODUCT:
        return a * b
    if chain:
        b = first
        product = multiplied(a, b)
        for combine, factor in reversed(chain):
            product = combine(product, factor)
        return product
    if a is b:
        return a**2
    if a.op.name == "multiply" and a.args[1] is b:
        return multiplied(a.args[0], b**2)
    return a * b


def _is_choice_with_zero(a: Expr) -> bool:
    """Whether it is `where` with a 0, into which a factor moves; not one within many others, as of the max of many."""
    node, depth = a, 0
    while node.op.name == "where" and ZERO in node.args[1:] and depth <= LONGEST_PRODUCT:
        node, depth = node.args[2] if node.args[1] is ZERO else node.args[1], depth + 1
    return 0 < depth <= LONGEST_PRODUCT


def _unspread(a: Expr, beside: Expr) -> Expr:
    """`a` before it was repeated to the shape of what it meets, which repeats it anyway."""
    return a.args[0] if a.op.name == "broadcast_to" and a.shape == beside.shape else a


def _leading_number(a: Expr) -> tuple[float | None, Expr | None]:
    """The number in front of a product and what is left of it; a number alone leaves None."""
    if a.is_constant:
        return a.value, None
    factors: list[Expr] = []
    first = a
    while first.op.name == "multiply" and len(factors) < LONGEST_PRODUCT:
        factors.append(first.args[1])
        first = first.args[0]
    if not first.is_constant:
        return None, a
    return first.value, functools.reduce(lambda rest, factor: rest * factor, reversed(factors))


def divided(a: Expr, b: Expr) -> Expr:
    """a / b."""
    if a is ZERO:
        return ZERO
    if b is ONE:
        return a
    (a, minus_a), (b, minus_b) = _unsigned(a), _unsigned(b)
    if minus_a or minus_b:
        quotient = divided(a, b)
        return quotient if minus_a and minus_b else negated(quotient)
    if _is_choice_with_zero(a):  # else 0 / 0 in the branch that is not taken
        condition, yes, no = a.args
        return chosen(condition, divided(yes, b), divided(no, b))
    return a / b


def raised_to(a: Expr, n: Attr) -> Expr:
    """a**n."""
    if n == 0:
        return ONE
    if n == 1:
        return a
    return raised(a, int(n))


def chosen(condition: Expr, a: Expr, b: Expr) -> Expr:
    """a where the condition holds, b elsewhere."""
    if a is b:
        return a
    return apply("where", condition, a, b)
