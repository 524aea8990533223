"""The training loop beside its peers: the same steps from the same start, results compared, medians and ratios."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch
from machine import machine, median_seconds, print_table

import tidu

jax.config.update("jax_enable_x64", True)
random = np.random.RandomState(0)
X = random.uniform(0.0, 1.0, 100)
Y = 3.0 * X + 1.0 + random.normal(0.0, 0.1, 100)
STEPS, LR = 1000, 0.1
Result = tuple[float, float]


def by_tidu() -> Result:
    run = tidu.fit("y = w*x + b", {"x": X, "y": Y}, lr=LR, epochs=STEPS)
    return run.params["w"], run.params["b"]


def by_hand() -> Result:
    x, y = X.tolist(), Y.tolist()
    n = len(x)
    w = b = 0.0
    for _ in range(STEPS):
        grad_w = grad_b = 0.0
        for i in range(n):
            slope = 2.0 * (w * x[i] + b - y[i])
            grad_w += slope * x[i]
            grad_b += slope
        w -= LR * grad_w / n
        b -= LR * grad_b / n
    return w, b


def by_numpy() -> Result:
    w = b = 0.0
    for _ in range(STEPS):
        slope = 2.0 * (w * X + b - Y)
        w, b = w - LR * (slope * X).mean(), b - LR * slope.mean()
    return float(w), float(b)


def by_torch() -> Result:
    x, y = torch.tensor(X), torch.tensor(Y)
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=LR)
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((w * x + b - y) ** 2).mean().backward()
        optimizer.step()
    return w.item(), b.item()


@jax.jit
def scanned(start):
    def cost(p):
        return jnp.mean((p[0] * X + p[1] - Y) ** 2)

    return jax.lax.scan(lambda p, _: (p - LR * jax.grad(cost)(p), None), start, None, length=STEPS)[0]


def by_jax() -> Result:
    w, b = np.asarray(scanned(jnp.zeros(2)))
    return float(w), float(b)


PEERS: dict[str, Callable[[], Result]] = {
    "tidu (with history, checks, report)": by_tidu,
    "plain Python, by hand": by_hand,
    "NumPy, by hand": by_numpy,
    "torch eager": by_torch,
    "JAX, jit and scan": by_jax,
}


def main() -> None:
    results = {name: np.array(work()) for name, work in PEERS.items()}
    worst = max(float(np.abs(r - results["plain Python, by hand"]).max()) for r in results.values())
    seconds = {name: median_seconds(work) for name, work in PEERS.items()}
    print(machine())
    print(f"line: {STEPS} full-batch steps of {len(X)} samples, float64; results agree within {worst:.1e}")
    ours = seconds["tidu (with history, checks, report)"]
    print_table(
        ["", "median", "time / tidu's"], [[n, f"{s * 1e3:.2f} ms", f"{s / ours:.3g}"] for n, s in seconds.items()]
    )


if __name__ == "__main__":
    main()
