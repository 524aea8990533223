"""Code written for the classic scalar teaching engine runs after one changed import, with the numbers of torch."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tidu import Tensor as Value

DOCS = Path(__file__).parents[2] / "docs"


class Neuron:
    """One unit, in the style of the hundred-line engines: scalar values, Python lists."""

    def __init__(self, inputs, bend=True):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(inputs)]
        self.b = Value(0)
        self.bend = bend

    def __call__(self, x):
        total = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return total.tanh() if self.bend else total

    def parameters(self):
        return [*self.w, self.b]


class Network:
    def __init__(self, *sizes):
        pairs = list(itertools.pairwise(sizes))
        self.layers = [[Neuron(n, bend=k < len(pairs) - 1) for _ in range(m)] for k, (n, m) in enumerate(pairs)]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def test_a_small_network_learns_to_separate_points():
    random.seed(5)
    points = [([2.0, 3.0], 1), ([-1.0, -1.5], 1), ([3.0, -1.0], -1), ([-2.0, 1.0], -1), ([1.0, 1.0], 1)]
    net = Network(2, 6, 1)
    for _step in range(120):
        scores = [net(list(map(Value, x))) for x, _y in points]
        losses = [(1 + -y * score).relu() for (_x, y), score in zip(points, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        loss = data_loss + 1e-4 * sum(p * p for p in net.parameters())
        for p in net.parameters():
            p.grad = 0
        loss.backward()
        for p in net.parameters():
            p.data -= 0.2 * p.grad
    assert all((score.data > 0) == (y > 0) for (_x, y), score in zip(points, scores, strict=True))
    assert type(loss.data) is float
    assert data_loss.data < 0.01


def computed(variable):
    a, b = variable(-3.0), variable(1.5)
    c = a - 2 * b
    d = a * b + b**3 - 1
    c = c + c / 4 + 1
    d = d - (b - a)
    e = (c * d).relu() + (3 - d).relu()
    f = e**2 / 7.0 + 5.0 / (b + 3) - (a / 10).exp() * (-b).tanh()
    f += 2**b + (e + 1) ** -0.5
    return a, b, c, f


def test_every_operator_of_the_engine_agrees_with_torch():
    a, b, c, f = computed(Value)
    f.backward()
    ta, tb, tc, tf = computed(lambda v: torch.tensor(v, dtype=torch.float64, requires_grad=True))
    tc.retain_grad()
    tf.backward()
    assert f.data == pytest.approx(tf.item(), rel=1e-14)
    for ours, theirs in ((a, ta), (b, tb), (c, tc)):  # inner nodes show their gradient too
        assert ours.grad == pytest.approx(theirs.grad.item(), rel=1e-13)
        assert type(ours.grad) is float
        assert f"{ours.grad:.4f}" == f"{theirs.grad.item():.4f}"


def test_backward_adds_up_until_the_gradient_is_set_to_0():
    a = Value(2.0)
    for count in (1, 2, 3):
        (a * 3).backward()
        assert a.grad == 3.0 * count
    a.data -= 0.5  # as in the classic engine, this alone does not begin anew
    (a * 3).backward()
    assert a.grad == 12.0
    a.grad = 0
    (a * a).backward()
    assert a.grad == 3.0


def test_the_program_of_the_guides_runs():
    blocks = []
    for name in ("guide.md", "guide.zh.md"):
        code = re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), flags=re.S | re.M)
        blocks += [block for block in code if "data_iter" in block]
    assert len(blocks) == 2
    assert blocks[0] == blocks[1]
    done = subprocess.run([sys.executable, "-c", blocks[0]], capture_output=True, text=True, check=True)
    losses = [float(line.split()[1]) for line in done.stdout.splitlines()]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 6e-5  # the noise alone is ½·0.01²
