"""What an optimizer's rule does along one direction of constant curvature: whether it shrinks, and how fast.

Under gradient = curvature × parameter, a rule that is linear multiplies (parameter, state) by one matrix at every step.
The matrix is the Jacobian of the update as it is recorded, so a new optimizer needs no entry here. Read by the choice
of `lr="auto"`, by the doctor and by what is said about a divergence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tidu.content.optimizers import Optimizer
from tidu.errors import NoDerivative
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluate, evaluation_order, symbol

Array = npt.NDArray[np.float64]
GRID = tuple(1.5**k for k in range(-46, 47))  # rate × curvature, from 1e-8 to 1e8: where a limit is looked for
HALVINGS = 60  # of the interval that holds it, down to the last bit
ON_THE_CIRCLE = 1e-13  # rounding of an eigenvalue of length 1, which is neither growth nor decay
COMFORTABLE = 0.8  # share of its limit up to which a linear rule takes the rate 1/λ


@dataclass(frozen=True)
class LinearRule:
    """An update that is linear in (parameter, state) and gradient, with constant coefficients.

    `change` is the Jacobian of (new − old), of shape (1 + states, 1 + states + 1): by the parameter, by each state and
    by the gradient. That of the difference is taken, and not of the new values, because rounding would hide a small
    rate beside the 1 that it is subtracted from.
    """

    change: tuple[tuple[Expr, ...], ...]
    lr: Expr
    values: dict[Expr, float]

    def step_matrix(self, lr: float, curvature: float) -> Array:
        """M − I for this rate and curvature, where a step takes (parameter, state) to M·(parameter, state)."""
        change = self._numbers(lr)
        matrix = change[:, :-1].copy()
        matrix[:, 0] += curvature * change[:, -1]
        return matrix

    def log_shrinkage(self, lr: float, curvature: float) -> float:
        """The logarithm of the factor by which a step shrinks the distance in the long run; −inf for a factor of 0.

        It is that of M's spectral radius (Polyak 1987, sec. 2.1).
        """
        matrix = self.step_matrix(lr, curvature)
        if not np.all(np.isfinite(matrix)):
            return math.inf
        root = matrix[0] if len(matrix) == 1 else np.linalg.eigvals(matrix)
        with np.errstate(all="ignore"):  # |1 + δ|² − 1 keeps the digits of a small δ
            return float(np.max(0.5 * np.log1p(np.maximum(2.0 * root.real + np.abs(root) ** 2, -1.0))))

    def limit(self, curvature: float) -> float:
        """The rate at which a direction of this curvature no longer shrinks; inf where there is none, 0 for all rates.

        Between the last rate of a grid that shrinks it and the first that does not, by bisection.
        """
        if curvature <= 0.0:
            return math.inf
        low = 0.0
        for share in GRID:
            high = share / curvature
            if self.log_shrinkage(high, curvature) > ON_THE_CIRCLE:
                break
            low = high
        else:
            return math.inf
        if low == 0.0:
            return 0.0
        for _k in range(HALVINGS):
            middle = 0.5 * (low + high)
            if self.log_shrinkage(middle, curvature) > 0.0:
                high = middle
            else:
                low = middle
        return high

    @cached_property
    def of_product(self) -> bool:
        """Whether rate × curvature alone decides, so that `limit(λ)` is `limit(1)/λ`, but for rounding.

        It is so where each entry has a power of the rate as a factor, and states that are measured in suitable powers
        of it turn the step into one of the product. Doubling the rate is exact, and shows the powers.
        """
        at_one = self._numbers(1.0)
        if not np.all(at_one[:, -1]):
            return False
        with np.errstate(all="ignore"):
            powers = np.log2(np.abs(self._numbers(2.0)[:, -1] / at_one[:, -1]))
            units = powers - powers[0]
            wanted = np.column_stack([units[:, None] - units, powers])
            same = [np.array_equal(self._numbers(2.0**k), at_one * 2.0 ** (k * wanted)) for k in (1, 2, 3)]
        return bool(powers[0] == 1.0 and all(same))

    def gain(self, lr: float) -> float:
        """How far a constant gradient of 1 carries the parameter in a step, in the long run, in units of the rate.

        Gradient descent has 1; momentum adds up 1/(1 − β) steps.
        """
        change = self._numbers(lr)
        states = np.linalg.lstsq(change[1:, 1:-1], -change[1:, -1], rcond=None)[0]
        return float(-(change[0, -1] + change[0, 1:-1] @ states) / lr)

    def _numbers(self, lr: float) -> Array:
        values = {**self.values, self.lr: lr}
        return np.array([[evaluate(entry, values) for entry in row] for row in self.change])


def linear_rule(optimizer: Optimizer) -> LinearRule | None:
    """The rule as a matrix; None where the update is not linear, or not the same at every step.

    Linear is a rule whose Jacobian depends on nothing that changes, and which is its Jacobian times what it was given
    (a sign or a step has a slope of 0 everywhere, and is no constant).
    """
    w, g, t, lr = symbol("w", "parameter"), symbol("g", "gradient"), symbol("t", "time"), symbol("lr", "hyper", True)
    new, state = optimizer.recorded(w, g, t, lr)
    before = [w, *(symbol(f"{name}_w", "state") for name in optimizer.state)]
    inputs = [*before, g]
    try:
        change = tuple(gradient(a - b, inputs) for a, b in zip([new, *state.values()], before, strict=True))
    except NoDerivative:
        return None
    changing = {*inputs, t}
    if any(node in changing for node in evaluation_order([entry for row in change for entry in row])):
        return None
    values = {
        made: optimizer.values.get(name, optimizer.options[name].default)
        for name, made in optimizer.hyper_symbols().items()
    }
    rule = LinearRule(change, lr, values)
    return rule if _is_its_jacobian(rule, [new, *state.values()], inputs, t) else None


def _is_its_jacobian(rule: LinearRule, after: list[Expr], inputs: list[Expr], t: Expr) -> bool:
    """Whether the update equals its Jacobian times (parameter, state, gradient), at points drawn at random."""
    generator = np.random.default_rng(0)
    for _k in range(4):
        point, lr = generator.normal(size=len(inputs)), float(generator.uniform(0.1, 1.0))
        numbers = {**rule.values, rule.lr: lr, t: 1.0, **dict(zip(inputs, point.tolist(), strict=True))}
        found = np.array([evaluate(output, numbers) for output in after])
        if not np.allclose(found - point[:-1], rule._numbers(lr) @ point, rtol=1e-9, atol=1e-12):
            return False
    return True


# -- in words of an optimizer ---------------------------------------------------------------------
def rate_limit(optimizer: Optimizer, curvature: float) -> float:
    """The rate at which a direction of this curvature no longer shrinks; inf where there is none.

    Gradient descent has 2/λ, heavy ball 2(1 + β)/λ (Polyak 1964), Nesterov (2 + 2β)/((1 + 2β)λ).
    """
    rule = linear_rule(optimizer)
    return math.inf if rule is None else rule.limit(curvature)


def shrinkage(optimizer: Optimizer, lr: float, curvature: float) -> float:
    """The factor by which a step shrinks the distance along a direction of this curvature; nan if not linear."""
    rule = linear_rule(optimizer)
    return math.nan if rule is None else math.exp(rule.log_shrinkage(lr, curvature))


def steps_to_shrink(optimizer: Optimizer, lr: float, curvature: float, to: float) -> float:
    """Steps until the distance along such a direction is `to` of what it was; inf where it does not shrink."""
    rule = linear_rule(optimizer)
    if rule is None:
        return math.inf
    shrunk = rule.log_shrinkage(lr, curvature)
    return max(1.0, math.log(to) / shrunk) if shrunk < 0.0 else math.inf


def safe_rate(rule: LinearRule, curvature: float) -> float:
    """1/λ where that is well under the rule's limit, else half the limit."""
    limit = rule.limit(curvature)
    return 1.0 / curvature if 1.0 / curvature <= COMFORTABLE * limit else 0.5 * limit
