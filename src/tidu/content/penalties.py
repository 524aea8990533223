"""What is added to the cost, and what is done to the gradient, before the optimizer sees it."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from tidu.language.array_ops import total
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, as_expr, substitute, symbol
from tidu.language.ops import maximum, minimum, sqrt, where

Group = Sequence[Expr]  # the values of one parameter for its levels: a symbol for each, or one vector


def penalty(parameters: Sequence[Expr], l1: float, l2: float, groups: Sequence[Group] = ()) -> Expr:
    """l1·Σ|w| + ½·l2·Σw² (Tibshirani 1996; Hoerl & Kennard 1970); it is added to the cost, not to each loss.

    The ½ makes the gradient l2·w, which is what other libraries call weight decay. Of a parameter with a value for each
    level, which is one of `groups`, the second sum has the deviations w − w̄ from the mean of its levels: they are drawn
    to each other, not to 0 (partial pooling; Gelman & Hill 2007, ch. 12).
    """
    middle = {w: mean for group, mean in zip(groups, map(mean_of, groups), strict=True) for w in group}
    terms: list[Expr] = []
    if l1:
        terms += [l1 * _sum(abs(w)) for w in parameters]
    if l2:
        terms += [0.5 * l2 * _sum((w - middle[w] if w in middle else w) ** 2) for w in parameters]
    return functools.reduce(lambda a, b: a + b, terms) if terms else as_expr(0.0)


def penalty_slopes(added: Expr, parameters: Sequence[Expr], groups: Sequence[Group] = ()) -> tuple[Expr, ...]:
    """The derivatives of a penalty: of deviations from a mean as if that stood still, for along it they add up to 0."""
    means = {mean_of(group): symbol(f"mean {k}", "feature") for k, group in enumerate(groups)}
    still = gradient(substitute(added, means), parameters)
    moving = {held: mean for mean, held in means.items()}
    return tuple(substitute(slope, moving) for slope in still)


def mean_of(group: Group) -> Expr:
    """The mean of the values of a parameter for its levels."""
    if group[0].shape:
        return _sum(group[0]) / group[0].shape[0]
    return functools.reduce(lambda a, b: a + b, group) / len(group)


def norm(gradient: Sequence[Expr]) -> Expr:
    """Euclidean length of the gradient."""
    return sqrt(functools.reduce(lambda a, b: a + b, [_sum(g**2) for g in gradient]))


def _sum(value: Expr) -> Expr:
    """The sum of all elements."""
    return total(value, attrs=(tuple(range(len(value.shape))), False)) if value.shape else value


def clipped(gradient: Sequence[Expr], clip_norm: float | None, clip_value: float | None) -> tuple[Expr, ...]:
    """The gradient with each part kept within ±clip_value, then scaled down to length clip_norm if it is longer

    (Pascanu, Mikolov & Bengio 2013).
    """
    parts = tuple(gradient)
    if clip_value is not None:
        parts = tuple(minimum(maximum(g, -clip_value), clip_value) for g in parts)
    if clip_norm is not None:
        length = norm(parts)
        parts = tuple(where(length > clip_norm, g * (clip_norm / length), g) for g in parts)
    return parts
