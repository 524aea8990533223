"""Every loss against torch: value, derivative by the score, link, and the targets that it accepts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
import torch.nn.functional as F

from oracles import OF_ONE_SCORE
from tidu.content.losses import LOSSES, loss, loss_named
from tidu.errors import DataError
from tidu.language.calculus import gradient
from tidu.language.expr import evaluate, symbol

Y_HAT, Y = symbol("score", "parameter"), symbol("y", "target")

# The loss of tensors of scores and targets, unreduced.
TORCH = {
    "squared": lambda s, y: F.mse_loss(s, y, reduction="none"),
    "half_squared": lambda s, y: 0.5 * F.mse_loss(s, y, reduction="none"),
    "absolute": lambda s, y: F.l1_loss(s, y, reduction="none"),
    "huber": lambda s, y, delta: F.huber_loss(s, y, reduction="none", delta=delta),
    "cauchy": lambda s, y, scale: 0.5 * scale**2 * torch.log1p(((s - y) / scale) ** 2),
    "log_cosh": lambda s, y: torch.logaddexp(s - y, y - s) - math.log(2.0),
    "quantile": lambda s, y, tau: torch.where(y >= s, tau * (y - s), (1 - tau) * (s - y)),
    "logistic": lambda s, y: F.binary_cross_entropy_with_logits(s, y, reduction="none"),
    "hinge": lambda s, y: F.margin_ranking_loss(s, torch.zeros_like(s), y, margin=1.0, reduction="none"),
    "perceptron": lambda s, y: F.margin_ranking_loss(s, torch.zeros_like(s), y, margin=0.0, reduction="none"),
    "poisson": lambda s, y: F.poisson_nll_loss(s, y, log_input=True, full=False, reduction="none"),
}
TARGETS = {"0 or 1": (0.0, 1.0), "-1 or 1": (-1.0, 1.0), "0 or more": (0.0, 1.0, 2.5, 17.0)}
OF_CLASSES = {"softmax"}  # held to torch in tests/engines/test_array.py
LINKS = {"logistic": scipy.special.expit, "hinge": np.sign, "perceptron": np.sign, "poisson": np.exp}
VARIANTS = [*OF_ONE_SCORE, "huber(delta=0.3)", "huber(delta=5)", "cauchy(scale=0.3)", "quantile(tau=0.9)",
            "quantile(tau=0.05)"]  # fmt: skip


def samples(text: str) -> list[tuple[float, float]]:
    chosen = loss_named(text)
    random = np.random.default_rng(1)
    scores = random.normal(0.0, 3.0, 60)
    targets = (
        random.choice(TARGETS[chosen.targets.words], 60) if chosen.targets.words in TARGETS else random.normal(size=60)
    )
    return list(zip(scores.tolist(), targets.tolist(), strict=True))


def test_every_loss_has_an_oracle_and_every_oracle_a_loss():
    assert {*TORCH, *OF_CLASSES} == set(LOSSES)


@pytest.mark.parametrize("text", VARIANTS)
def test_value_and_slopes_against_torch(text):
    chosen = loss_named(text)
    expression = chosen(Y_HAT, Y)
    (slope,) = gradient(expression, [Y_HAT])
    (curvature,) = gradient(slope, [Y_HAT])
    for score, target in samples(text):
        s = torch.tensor(score, dtype=torch.float64, requires_grad=True)
        value = TORCH[chosen.name](s, torch.tensor(target, dtype=torch.float64), **chosen.values)
        (torch_slope,) = torch.autograd.grad(value, s)
        at = {Y_HAT: score, Y: target}
        # Different forms of the same function: a few roundings of numbers of about 1 to 100.
        assert evaluate(expression, at) == pytest.approx(value.item(), rel=1e-13, abs=1e-15)
        assert evaluate(slope, at) == pytest.approx(torch_slope.item(), rel=1e-13, abs=1e-15)
        above, below = (evaluate(slope, {Y_HAT: score + h, Y: target}) for h in (1e-6, -1e-6))
        # A central difference over 2e-6 is off by about eps/1e-6 and the third derivative's 1e-12.
        assert evaluate(curvature, at) == pytest.approx((above - below) / 2e-6, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("delta", [0.3, 1.0, 5.0])
def test_huber_against_scipy(delta):
    expression = loss_named(f"huber(delta={delta})")(Y_HAT, Y)
    for score, target in samples("huber"):
        expected = scipy.special.huber(delta, score - target)
        assert evaluate(expression, {Y_HAT: score, Y: target}) == pytest.approx(expected, rel=1e-14, abs=0.0)


@pytest.mark.parametrize("scale", [0.3, 1.0, 5.0])
def test_cauchy_is_that_of_scipy_s_least_squares(scale):
    expression = loss_named(f"cauchy(scale={scale})")(Y_HAT, Y)
    for score, target in samples("cauchy"):
        expected = scipy.optimize.least_squares(
            lambda _x, r=score - target: np.array([r]), [0.0], loss="cauchy", f_scale=scale
        ).cost
        assert evaluate(expression, {Y_HAT: score, Y: target}) == pytest.approx(expected, rel=1e-14, abs=0.0)


@pytest.mark.parametrize("name", OF_ONE_SCORE)
def test_the_link_turns_a_score_into_a_prediction(name):
    prediction = LOSSES[name].link(Y_HAT)
    expected = LINKS.get(name, lambda s: s)
    for score in (-40.0, -1.5, 0.0, 0.3, 30.0):
        assert evaluate(prediction, {Y_HAT: score}) == pytest.approx(float(expected(score)), rel=1e-14, abs=0.0)


@pytest.mark.parametrize("name", ["logistic", "log_cosh", "hinge", "perceptron", "huber", "absolute", "quantile"])
def test_far_out_scores_neither_overflow_nor_lose_their_slope(name):
    chosen = loss_named(name)
    (slope,) = gradient(chosen(Y_HAT, Y), [Y_HAT])
    for score in (1e4, -1e4, 1e150, -1e150):
        wrong = -1.0 if score > 0 else 1.0
        target = wrong if name in ("hinge", "perceptron") else 0.0 if score > 0 else 1.0
        at = {Y_HAT: score, Y: target}
        assert 0.0 < evaluate(chosen(Y_HAT, Y), at) <= 2.0 * abs(score)
        pull = {"quantile": 0.5}.get(name, 1.0)
        assert evaluate(slope, at) == math.copysign(pull, score)


@pytest.mark.parametrize(
    ("text", "score", "target", "slope"),
    [
        ("absolute", 2.0, 2.0, 0.0),  # flat at the tip
        ("hinge", 1.0, 1.0, 0.0),  # flat at the corner
        ("perceptron", 0.0, 1.0, -1.0),  # a score of 0 is a mistake, for either class
        ("perceptron", 0.0, -1.0, 1.0),
        ("perceptron", 1e-300, 1.0, 0.0),
        ("huber(delta=2)", 3.0, 1.0, 2.0),
        ("quantile(tau=0.9)", 2.0, 2.0, -0.9),  # the slope of what lies below
        ("logistic", 0.0, 1.0, -0.5),
        ("poisson", 0.0, 3.0, -2.0),
        ("squared", 5.0, 2.0, 6.0),
        ("half_squared", 5.0, 2.0, 3.0),
    ],
)
def test_slopes_by_hand(text, score, target, slope):
    (by_score,) = gradient(loss_named(text)(Y_HAT, Y), [Y_HAT])
    assert evaluate(by_score, {Y_HAT: score, Y: target}) == slope


@pytest.mark.parametrize(
    ("name", "good", "bad", "words"),
    [
        ("squared", [1e300, -5, 0], math.nan, "targets that are any number; row 4 has nan"),
        ("absolute", [1, 2, 3], math.inf, "targets that are any number; row 4 has inf"),
        ("logistic", [0, 1, 1], 0.5, "the loss 'logistic' takes targets that are 0 or 1; row 4 has 0.5"),
        ("logistic", [0, 1, 1], -1.0, "0 or 1; row 4 has -1"),
        ("logistic", [0, 1, 1], math.nan, "0 or 1; row 4 has nan"),
        ("hinge", [-1, 1, 1], 0.0, "the loss 'hinge' takes targets that are -1 or 1; row 4 has 0"),
        ("poisson", [0, 1, 2.5], -0.5, "the loss 'poisson' takes targets that are 0 or more; row 4 has -0.5"),
        ("poisson", [0, 1, 2.5], math.nan, "0 or more; row 4 has nan"),
    ],
)
def test_targets_are_checked_and_the_first_bad_row_is_named(name, good, bad, words):
    chosen = loss_named(name)
    chosen.check(np.array(good, dtype=np.float64))
    with pytest.raises(DataError, match=words):
        chosen.check(np.array([*good, bad, bad], dtype=np.float64))


def test_the_best_constant_of_each_loss_is_the_statistic_that_its_docstring_names():
    values = np.array([1.0, 2.0, 3.0, 4.0, 20.0])

    def slope_at(text, constant):
        (slope,) = gradient(loss_named(text)(Y_HAT, Y), [Y_HAT])
        return sum(evaluate(slope, {Y_HAT: constant, Y: v}) for v in values.tolist())

    assert slope_at("squared", values.mean()) == pytest.approx(0.0, abs=1e-12)
    assert slope_at("absolute", np.median(values)) == 0.0
    assert slope_at("quantile(tau=0.7)", 3.5) < 0.0 < slope_at("quantile(tau=0.7)", 4.5)  # the 0.7-quantile is 4


def test_a_loss_of_ones_own():
    try:

        @loss()
        def fourth_power(y_hat, y):
            """A made-up loss."""
            return (y_hat - y) ** 4

        assert loss_named("fourth_power")(Y_HAT, Y) is (Y_HAT - Y) ** 4
    finally:
        del LOSSES["fourth_power"]


def test_names_of_other_libraries():
    assert loss_named("cross_entropy") == loss_named("softmax")
    assert loss_named(" mse ") == loss_named("squared")
    assert loss_named("mae") == loss_named("absolute")
