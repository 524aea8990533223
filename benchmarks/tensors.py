"""Eager tensors beside torch's: small work, where the price of an operation is all there is. Same work, same result.

Each pair is timed in turn, several times, so that both meet the same machine; the ratio is what counts.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from machine import machine, print_table

import tidu

torch.set_num_threads(1)
random = np.random.default_rng(0)
ROUNDS, SECONDS = 15, 0.02


def per_call(work: Callable[[], Any], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began) / calls


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Medians of both, and the median of the ratios of neighbours."""
    calls = [max(1, int(SECONDS / max(per_call(work, 3), 1e-7))) for work in (ours, theirs)]
    pairs = [(per_call(ours, calls[0]), per_call(theirs, calls[1])) for _ in range(ROUNDS)]
    mine, other = (statistics.median(p[k] for p in pairs) for k in (0, 1))
    return mine, other, statistics.median(a / b for a, b in pairs)


def leaves(value: Any) -> tuple[tidu.Tensor, torch.Tensor]:
    return tidu.Tensor(value), torch.tensor(value, dtype=torch.float64, requires_grad=True)


def small_operations() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    work = {}
    for name, value in (("a number", 0.7), ("3 numbers", random.random(3)), ("16 × 16", random.random((16, 16)))):
        (a, ta), (b, tb) = leaves(value), leaves(value)
        work[f"a * b, {name}"] = lambda a=a, b=b: a * b, lambda a=ta, b=tb: a * b
        work[f"tanh(a), {name}"] = lambda a=a: tidu.tanh(a), lambda a=ta: torch.tanh(a)
        work[f"(a * b).sum(), backward, {name}"] = (
            lambda a=a, b=b: (a * b).sum().backward(),
            lambda a=ta, b=tb: (a * b).sum().backward(),
        )
        work[f"8 operations, backward, {name}"] = (
            lambda a=a, b=b: (((a * b + a) * b - a) / b).tanh().sum().backward(),
            lambda a=ta, b=tb: (((a * b + a) * b - a) / b).tanh().sum().backward(),
        )
    return work


def regression() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One step of linear regression from scratch, batch of 10."""
    X, y = random.normal(size=(10, 2)), random.normal(size=10)
    (w, tw), (b, tb) = leaves([0.1, 0.2]), leaves([0.0])
    ours_X, ours_y, their_X, their_y = tidu.tensor(X), tidu.tensor(y), torch.tensor(X), torch.tensor(y)

    def ours() -> None:
        ((ours_X @ w + b - ours_y) ** 2 / 2).backward()
        for p in (w, b):
            p[:] = p - 0.003 * p.grad

    def theirs() -> None:
        ((their_X @ tw + tb - their_y) ** 2 / 2).sum().backward()
        with torch.no_grad():
            for p in (tw, tb):
                p -= 0.003 * p.grad
                p.grad.zero_()

    for _ in range(2000):
        ours()
        theirs()
    assert np.allclose(w.numpy(), tw.detach().numpy(), rtol=1e-12)
    return ours, theirs


def network() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One forward and backward of a 16-32-32-1 network, batch of 32."""
    x = random.normal(size=(32, 16))
    sizes = (16, 32, 32, 1)
    pairs = [leaves(random.normal(size=(n, m)) / 4) for n, m in itertools.pairwise(sizes)]
    ours_x, their_x = tidu.tensor(x), torch.tensor(x)

    def run(x: Any, weights: list[Any], tanh: Any) -> None:
        for w in weights[:-1]:
            x = tanh(x @ w)
        ((x @ weights[-1]) ** 2).mean().backward()

    return (lambda: run(ours_x, [p[0] for p in pairs], tidu.tanh)), (
        lambda: run(their_x, [p[1] for p in pairs], torch.tanh)
    )


def chain() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A chain of 10⁴ operations on a number, built, walked back and dropped."""
    a, ta = leaves(1.0)

    def run(x: Any) -> None:
        y = x
        for _ in range(10_000):
            y = y * 1.00001
        y.backward()

    return (lambda: run(a)), (lambda: run(ta))


def main() -> None:
    work = small_operations()
    work["linear regression, one step"] = regression()
    work["network 16-32-32-1, batch 32"] = network()
    work["chain of 10⁴ products"] = chain()
    rows = []
    for name, (ours, theirs) in work.items():
        mine, other, ratio = compare(ours, theirs)
        rows.append([name, f"{mine * 1e6:.2f} µs", f"{other * 1e6:.2f} µs", f"{ratio:.2f}"])
    print(machine())
    print_table(["float64, one thread", "tidu", "torch eager", "tidu / torch"], rows)


if __name__ == "__main__":
    main()
