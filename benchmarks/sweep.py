"""A sweep beside its peers: 1000 learning rates on `line`, 1000 full-batch steps of 100 samples each."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from machine import machine, median_seconds, print_table

import tidu

jax.config.update("jax_enable_x64", True)
random = np.random.RandomState(0)
X = random.uniform(0.0, 1.0, 100)
Y = 3.0 * X + 1.0 + random.normal(0.0, 0.1, 100)
STEPS, RATES = 1000, np.geomspace(1e-4, 0.5, 1000)


def by_tidu(threads: int | None = None) -> np.ndarray:
    result = tidu.sweep(
        "y = w*x + b", {"x": X, "y": Y}, {"lr": RATES}, epochs=STEPS, engine="compiled", threads=threads
    )
    return np.stack([result.params["w"], result.params["b"]], axis=1)


def descent(lr):
    def cost(p):
        return jnp.mean((p[0] * X + p[1] - Y) ** 2)

    return jax.lax.scan(lambda p, _: (p - lr * jax.grad(cost)(p), None), jnp.zeros(2), None, length=STEPS)[0]


one_by_one, all_at_once = jax.jit(descent), jax.jit(jax.vmap(descent))
PEERS = {
    "tidu.sweep (with curves, checks)": by_tidu,
    "... one thread": lambda: by_tidu(threads=1),
    "JAX, jit: 1000 calls": lambda: np.stack([np.asarray(one_by_one(lr)) for lr in RATES]),
    "JAX, jit of vmap": lambda: np.asarray(all_at_once(RATES)),
}


def main() -> None:
    results = [work() for work in PEERS.values()]
    worst = max(float(np.abs(r - results[0]).max()) for r in results)
    seconds = {name: median_seconds(work) for name, work in PEERS.items()}
    print(machine())
    print(f"{len(RATES)} learning rates, {STEPS} steps of {len(X)} samples, float64; results within {worst:.1e}")
    ours = next(iter(seconds.values()))
    print_table(
        ["", "median", "time / tidu's"], [[n, f"{s * 1e3:.1f} ms", f"{s / ours:.3g}"] for n, s in seconds.items()]
    )


if __name__ == "__main__":
    main()
