"""Penalties by hand and against torch, clipping against torch's two functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tidu
from tidu.content.penalties import clipped, norm, penalty
from tidu.language.calculus import gradient
from tidu.language.expr import constant, evaluate, symbol

W = [symbol(f"w{k}", "parameter") for k in range(3)]
G = [symbol(f"w{k}", "gradient") for k in range(3)]
VALUES = [0.5, -2.0, 3.0]
AT = dict(zip(W, VALUES, strict=True))


def test_value_and_slope_by_hand():
    cost = penalty(W, l1=0.1, l2=0.3)
    assert evaluate(cost, AT) == pytest.approx(0.1 * 5.5 + 0.5 * 0.3 * (0.25 + 4 + 9), rel=1e-15, abs=0.0)
    expected = [0.1 * math.copysign(1, w) + 0.3 * w for w in VALUES]
    assert [evaluate(g, AT) for g in gradient(cost, W)] == pytest.approx(expected, rel=1e-15, abs=0.0)


def test_the_slope_of_l1_is_0_at_0():
    (slope,) = gradient(penalty(W[:1], l1=2.0, l2=0.0), W[:1])
    assert evaluate(slope, {W[0]: 0.0}) == 0.0


def test_what_is_not_asked_for_costs_nothing():
    assert penalty(W, 0.0, 0.0) is constant(0.0)
    assert penalty([], 1.0, 1.0) is constant(0.0)
    assert gradient(penalty(W[:1], 0.0, 1.0), W)[1:] == (constant(0.0),) * 2


def torch_gradient(values) -> torch.Tensor:
    parameter = torch.zeros(len(values), dtype=torch.float64, requires_grad=True)
    parameter.grad = torch.tensor(values, dtype=torch.float64)
    return parameter


RANDOM = [*np.random.default_rng(3).normal(0, 5, (40, 3)).tolist(), [0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]


@pytest.mark.parametrize("bound", [0.1, 5.0, 12.0])
def test_clip_by_value_against_torch(bound):
    parts = clipped(G, clip_norm=None, clip_value=bound)
    for values in RANDOM:
        parameter = torch_gradient(values)
        torch.nn.utils.clip_grad_value_([parameter], bound)
        at = dict(zip(G, values, strict=True))
        assert [evaluate(p, at) for p in parts] == parameter.grad.tolist()


@pytest.mark.parametrize("bound", [0.1, 5.0, 12.0])
def test_clip_by_norm_against_torch(bound):
    parts = clipped(G, clip_norm=bound, clip_value=None)
    for values in RANDOM:
        parameter = torch_gradient(values)
        length = torch.nn.utils.clip_grad_norm_([parameter], bound).item()
        at = dict(zip(G, values, strict=True))
        ours = [evaluate(p, at) for p in parts]
        assert evaluate(norm(G), at) == pytest.approx(length, rel=1e-15, abs=0.0)
        if length > bound + 1e-6:
            # torch divides by length + 1e-6.
            expected = [g * (length + 1e-6) / length for g in parameter.grad.tolist()]
            assert ours == pytest.approx(expected, rel=1e-14, abs=0.0)
            assert math.hypot(*ours) == pytest.approx(bound, rel=1e-15, abs=0.0)
        else:
            assert ours == values


def test_values_are_clipped_before_the_norm():
    parts = clipped(G[:2], clip_norm=1.0, clip_value=3.0)
    at = {G[0]: 100.0, G[1]: -4.0}
    assert [evaluate(p, at) for p in parts] == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)], rel=1e-15, abs=0.0)


DATA = {"x": np.linspace(-1, 2, 20), "y": np.sin(np.linspace(0, 3, 20)) * 3}


def torch_fit(steps: int, l2: float = 0.0, l1: float = 0.0, clip_norm=None, clip_value=None) -> list[float]:
    w, b = (torch.tensor(2.0, dtype=torch.float64, requires_grad=True) for _ in range(2))
    x, y = (torch.tensor(DATA[k], dtype=torch.float64) for k in "xy")
    for _ in range(steps):
        w.grad = b.grad = None
        cost = ((w * x + b - y) ** 2).mean() + l1 * (w.abs() + b.abs()) + 0.5 * l2 * (w**2 + b**2)
        cost.backward()
        if clip_value:
            torch.nn.utils.clip_grad_value_([w, b], clip_value)
        if clip_norm:
            length = torch.nn.utils.clip_grad_norm_([w, b], clip_norm)
            if length > clip_norm:
                for p in (w, b):
                    p.grad *= (length + 1e-6) / length
        with torch.no_grad():
            for p in (w, b):
                p -= 0.05 * p.grad
    return [w.item(), b.item()]


@pytest.mark.parametrize(
    "options",
    [
        {"l2": 0.7},
        {"l1": 0.3},
        {"l1": 0.1, "l2": 0.2},
        {"clip_norm": 0.8},
        {"clip_value": 0.5},
        {"clip_value": 1.5, "clip_norm": 1.7},
        {"l1": 0.1, "l2": 2.0, "clip_norm": 1.7},
    ],
    ids=str,
)
def test_a_training_with_penalty_or_clipping_against_torch(options):
    run = tidu.fit("y = w*x + b", DATA, lr=0.05, epochs=60, init={"w": 2, "b": 2}, **options)
    # 60 steps of a contraction: the two orders of summation differ by a few roundings.
    assert list(run.params.values()) == pytest.approx(torch_fit(60, **options), rel=1e-12, abs=0.0)
    plain = tidu.fit("y = w*x + b", DATA, lr=0.05, epochs=60, init={"w": 2, "b": 2})
    assert run.params != plain.params


def test_penalty_and_clipping_together_clip_the_penalised_gradient():
    # b is far from its best value, so that the gradient without the penalty is small and with it is not.
    run = tidu.fit("y = w*x", {"x": [0.0], "y": [0.0]}, lr=1.0, epochs=1, init={"w": 10}, l2=3.0, clip_norm=0.25)
    assert run.params["w"] == 9.75


def test_only_the_parameters_that_are_named_are_penalised():
    run = tidu.fit(
        "y = w*x + b", {"x": [0.0], "y": [1.0]}, lr=0.1, epochs=1, init={"w": 1, "b": 1}, l2=2.0, penalise=["w"]
    )
    assert run.params == {"w": 0.8, "b": 1.0}
