"""What a rule allows, read off its recorded update: known limits, rules registered here, simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.content.arguments import fraction, nonnegative
from tidu.content.optimizers import OPTIMIZERS, optimizer, optimizer_named
from tidu.language.ops import maximum, sign
from tidu.lessons.line import data
from tidu.training.solving.stability import linear_rule, rate_limit, safe_rate, shrinkage, steps_to_shrink


@pytest.fixture
def registered():
    """Rules that the package does not know; gone after the test."""
    before = dict(OPTIMIZERS)
    yield
    OPTIMIZERS.clear()
    OPTIMIZERS.update(before)


def heavy_ball_of_two(registered=None):
    """A heavy ball with two velocities and decay of the weight, all of it linear."""

    @optimizer(state=("fast", "slow"), quick=fraction(0.5), lasting=fraction(0.9), decay=nonnegative(0.0))
    def two_balls(s, h):
        s.fast = h.quick * s.fast + s.g
        s.slow = h.lasting * s.slow + s.g
        s.w = s.w - h.lr * (0.5 * s.fast + 0.5 * s.slow) - h.lr * h.decay * s.w

    return two_balls


def test_which_rules_are_linear():
    assert [name for name in OPTIMIZERS if linear_rule(optimizer_named(name))] == ["gd", "momentum", "nesterov"]


def test_rules_that_only_look_linear(registered):
    @optimizer()
    def by_sign(s, h):  # its slope is 0 everywhere, which is a constant
        s.w = s.w - h.lr * sign(s.g)

    @optimizer()
    def one_way(s, h):
        s.w = s.w - h.lr * maximum(s.g, 0)

    @optimizer()
    def drifting(s, h):  # affine: it moves without a gradient
        s.w = s.w - h.lr * (s.g + 1)

    @optimizer()
    def slower(s, h):  # linear, by another matrix at each step
        s.w = s.w - h.lr * s.g / s.t

    assert [linear_rule(rule) for rule in (by_sign, one_way, drifting, slower)] == [None] * 4
    assert rate_limit(by_sign, 1.0) == math.inf
    assert math.isnan(shrinkage(by_sign, 0.1, 1.0))
    assert steps_to_shrink(by_sign, 0.1, 1.0, 0.01) == math.inf


@given(beta=st.floats(0.0, 0.999), exponent=st.floats(-9.0, 9.0))
@settings(max_examples=60, deadline=None)
def test_the_limits_of_the_literature(beta, exponent):
    curvature = 10.0**exponent
    known = {
        "gd": 2.0 / curvature,
        f"momentum(momentum={beta!r})": 2.0 * (1.0 + beta) / curvature,  # Polyak 1964
        f"nesterov(momentum={beta!r})": (2.0 + 2.0 * beta) / ((1.0 + 2.0 * beta) * curvature),
    }
    for name, limit in known.items():
        assert rate_limit(optimizer_named(name), curvature) == pytest.approx(limit, rel=1e-12)


@given(lr=st.floats(1e-9, 1.9))
@settings(max_examples=50, deadline=None)
def test_the_speed_of_gradient_descent_keeps_its_digits(lr):
    expected = math.log(0.01) / math.log1p(-lr) if lr < 1.0 else math.log(0.01) / math.log(lr - 1.0) if lr > 1 else 1.0
    assert steps_to_shrink(optimizer_named("gd"), lr, 1.0, 0.01) == pytest.approx(max(1.0, expected), rel=1e-9)


def test_a_new_linear_rule_has_its_limit_speed_and_doctor(registered):
    heavy_ball_of_two()
    for name in ("two_balls", "two_balls(quick=0.2, lasting=0.95)", "two_balls(decay=0.3)"):
        rule = optimizer_named(name)
        limit = rate_limit(rule, 1.0)
        table = {"x": [1.0, 1.0], "y": [0.0, 0.0]}
        for share, grows in ((0.995, False), (1.005, True)):
            run = tidu.fit("y = w*x", table, loss="half_squared", optimizer=name, lr=share * limit, init={"w": 1},
                           steps=4000, engine="python")  # fmt: skip
            sizes = np.abs(run.history["w"])
            assert (run.diverged or sizes[-50:].max() > sizes[:50].max()) == grows
        lr = 0.3 * limit
        run = tidu.fit("y = w*x", table, loss="half_squared", optimizer=name, lr=lr, init={"w": 1}, steps=300)
        sizes = np.abs(run.history["w"])
        assert (sizes[200:240].max() / sizes[100:140].max()) ** 0.01 == pytest.approx(
            shrinkage(rule, lr, 1.0), rel=0.01
        )
    run = tidu.fit("y = w*x + b", data(), optimizer="two_balls", lr=0.0001, epochs=50)
    found = run.diagnose()
    assert found["limit"].numbers["limit"] == pytest.approx(
        rate_limit(optimizer_named("two_balls"), found.spectrum.largest)
    )
    automatic = tidu.fit("y = w*x + b", data(), optimizer="two_balls", lr="auto", epochs=50)
    assert automatic.lr == pytest.approx(safe_rate(linear_rule(optimizer_named("two_balls")), found.spectrum.largest))
    assert automatic.history.loss[-1] < automatic.history.loss[0]
    assert "trials" not in " ".join(automatic.notes)  # from the curvature, not from trying


def test_what_a_rule_adds_up():
    assert linear_rule(optimizer_named("gd")).gain(0.1) == pytest.approx(1.0)
    assert linear_rule(optimizer_named("momentum(momentum=0.8)")).gain(0.1) == pytest.approx(5.0)
    assert linear_rule(optimizer_named("nesterov(momentum=0.8)")).gain(0.1) == pytest.approx(5.0)


@pytest.mark.parametrize("curvature", [1e-3, 1.0, 7.3, 4e5])
@pytest.mark.parametrize("name", ["gd", "momentum", "nesterov"])
def test_where_rate_times_curvature_decides_the_limit_is_inverse_to_the_curvature(name, curvature):
    rule = linear_rule(optimizer_named(name))
    assert rule.of_product
    assert rule.limit(1.0) / curvature == pytest.approx(rule.limit(curvature), rel=1e-12)


def test_a_decay_of_the_weight_beside_the_rate_is_no_matter_of_the_product_alone(registered):
    heavy_ball_of_two()
    assert linear_rule(optimizer_named("two_balls(decay=0.1)")).of_product is False
