"""Schedules against those of torch, composition, and what is refused."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

from tidu.content import schedules
from tidu.content.schedules import EPOCH, SCHEDULES, STEP, rate
from tidu.errors import FormulaError, SettingError
from tidu.language.expr import evaluate, symbol
from tidu.language.printer import text


def factors(expression, steps: int) -> list[float]:
    return [evaluate(expression, {STEP: float(t), EPOCH: 0.0}) for t in range(steps)]


def of_torch(make, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        scheduler.step()
    return rates


lr = torch.optim.lr_scheduler
# Arguments of the schedule, the same from another library, and the tolerance that its arithmetic needs.
ORACLES = {
    "constant": [({}, lambda n: of_torch(lambda o: lr.ConstantLR(o, factor=1.0), n), 0.0)],
    "step": [
        ({"every": 7, "factor": 0.3}, lambda n: of_torch(lambda o: lr.StepLR(o, 7, 0.3), n), 1e-13),
        ({}, lambda n: of_torch(lambda o: lr.StepLR(o, 100, 0.5), n), 1e-13),
    ],
    "exponential": [
        ({"decay": 0.9}, lambda n: of_torch(lambda o: lr.ExponentialLR(o, 0.9), n), 1e-13),
        ({}, lambda n: of_torch(lambda o: lr.ExponentialLR(o, 0.999), n), 1e-13),
    ],
    "cosine": [
        # torch multiplies from step to step, and so gathers rounding errors.
        ({"steps": 230}, lambda n: of_torch(lambda o: lr.CosineAnnealingLR(o, n), n), 1e-9),
        ({"steps": 230, "floor": 0.2}, lambda n: of_torch(lambda o: lr.CosineAnnealingLR(o, n, 0.2), n), 1e-12),
    ],
    "inverse_time": [
        ({"decay": 0.5}, lambda n: of_torch(lambda o: lr.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)), n), 1e-15),
        ({}, lambda n: [1 / (1 + t / 100) for t in range(n)], 1e-15),
    ],
    "warmup": [
        ({"steps": 20}, lambda n: of_torch(lambda o: lr.LinearLR(o, 1 / 20, 1.0, total_iters=19), n), 1e-13),
        ({"steps": 1}, lambda n: [1.0] * n, 0.0),
    ],
}  # fmt: skip
CASES = [(name, *case) for name, cases in ORACLES.items() for case in cases]


def test_every_schedule_has_an_oracle():
    assert set(ORACLES) == set(SCHEDULES)


@pytest.mark.parametrize(("name", "options", "oracle", "tolerance"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_against_torch(name, options, oracle, tolerance):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = oracle(230)
    assert len(expected) >= 200
    ours = factors(SCHEDULES[name](**options), len(expected))
    assert ours == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_factor_begins_at_or_below_one_and_stays_finite_and_nonnegative(name):
    values = [evaluate(SCHEDULES[name](), {STEP: t}) for t in (0.0, 1.0, 5.0, 1e3, 1e9)]
    assert all(0.0 <= v <= 1.0 for v in values)


def test_cosine_stays_at_its_floor():
    assert factors(schedules.cosine(10, floor=0.25), 14)[10:] == [0.25] * 4
    assert factors(schedules.cosine(10), 11)[5] == pytest.approx(0.5, rel=1e-15, abs=0.0)


def test_factors_multiply_in_python_and_as_text():
    composed = rate(0.1 * schedules.warmup(100) * schedules.cosine(1000, floor=0.1))
    assert rate("0.1 * warmup(100) * cosine(1000, floor=0.1)") is composed
    assert rate("0.1 * warmup(steps=100) * cosine(floor=0.1, steps=1000)") is composed
    for t in (0, 1, 50, 99, 100, 500, 1000, 5000):
        expected = 0.1 * min((t + 1) / 100, 1) * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(t / 1000, 1))))
        assert evaluate(composed, {STEP: float(t)}) == pytest.approx(expected, rel=1e-14, abs=0.0)


def test_a_rate_written_out():
    written = rate("0.1 / (1 + 0.01*epoch) if t < 10 else 0.05*0.5**floor(t/20)")
    assert evaluate(written, {STEP: 3.0, EPOCH: 5.0}) == 0.1 / (1 + 0.01 * 5)
    assert evaluate(written, {STEP: 45.0, EPOCH: 5.0}) == 0.05 * 0.25


@pytest.mark.parametrize(
    "lr", [0.1, "0.1", "1/10", "0.2*0.5", "0.1*constant()", np.float64(0.1), 0.1 * schedules.constant()]
)
def test_a_rate_that_does_not_change_is_a_number(lr):
    assert rate(lr).is_constant
    assert rate(lr).value == pytest.approx(0.1)


@pytest.mark.parametrize(
    "lr", ["0.1*warmup(10)", "0.1*step(7, 0.3)*exponential(0.99)", "1/(t + 1)", "0.1/(1 + epoch)**0.5", "-t*-0.1 + 1"]
)
def test_the_text_of_a_rate_gives_the_same_rate(lr):
    once = rate(lr)
    assert rate(text(once)) is once


@pytest.mark.parametrize(
    ("lr", "words"),
    [
        (0.0, "the learning rate must be a number above 0, not 0"),
        (-0.1, "above 0, not -0.1"),
        (math.nan, "above 0, not nan"),
        (math.inf, "above 0, not inf"),
        ("0", "above 0, not 0"),
        ("1 - 2", "above 0, not -1"),
        ("auto", "give a number here"),
        (symbol("w", "parameter") * 0.1, "may depend on t and epoch only, not on w"),
        (symbol("x", "feature"), "may depend on t and epoch only, not on x"),
        ("0.1*warmup(0)", "warmup: steps must be above 0, not 0"),
        ("0.1*warmup(-5)", "warmup: steps must be above 0, not -5"),
        ("0.1*step(factor=1.5)", r"step: factor must be in \(0, 1\], not 1.5"),
        ("0.1*step(every=t)", "step: every must be above 0, not t"),
        ("0.1*cosine(100, floor=1)", r"cosine: floor must be in \[0, 1\), not 1"),
        ("0.1*step(1, 0.5, 3)", r"step takes at most 2 option\(s\): every, factor"),
        ("0.1*step(10, every=20)", "step: every is given twice"),
        ("0.1*step(pace=10)", "step has no option 'pace'; it has: every, factor"),
        ("0.1*constant(1)", r"constant takes at most 0 option\(s\)"),
        ([0.1], r"the learning rate must be a number .*, not \[0.1\]"),
        (None, "the learning rate must be a number .*, not None"),
    ],
)
def test_bad_rates(lr, words):
    with pytest.raises(SettingError, match=words):
        rate(lr)


@pytest.mark.parametrize(
    ("lr", "words"),
    [
        ("", "nothing is written"),
        ("0.1*", "it ends behind"),
        ("0.1*warmup", r"'warmup' is a function; write warmup\(...\)"),
        ("0.1*warmpu(10)", r"there is no function 'warmpu' \(did you mean 'warmup'\?\)"),
        ("0.1*w", "'w' is not known here; known are: t, epoch"),
        ("t > 3", "'t > 3' is a condition, not a number"),
        ("0.1*step(every=1, every=2)", "gives a named number twice"),
    ],
)
def test_rates_that_cannot_be_read(lr, words):
    with pytest.raises(FormulaError, match=words):
        rate(lr)


def test_options_as_numpy_numbers():
    assert schedules.step(np.int64(10), factor=np.float32(0.5)) is schedules.step(10, 0.5)


def test_a_whole_number_beyond_float64_is_no_rate():
    with pytest.raises(SettingError, match="learning rate must be"):
        rate(10**400)
