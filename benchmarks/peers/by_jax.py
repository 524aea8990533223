"""JAX: all steps in one `lax.scan`, jitted, the data on the device as arguments. Equal batches only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from job import Job
from measure import Answer, NotAvailableError


def cost_of(job: Job) -> Callable[..., Any]:
    """The cost of a batch as a function of the parameters, for `jax.grad`."""
    import jax
    import jax.numpy as jnp

    def cost(p, x, t):
        score = x @ p[:-1] + p[-1]
        if job.loss == "logistic":
            return jnp.mean(jax.nn.softplus(score) - t * score)
        return 0.5 * job.factor * jnp.mean((score - t) ** 2)

    return cost


def prepared(job: Job) -> Callable[[], Answer]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    size = job.batch_size or job.rows
    if job.rows % size:
        raise NotAvailableError("batches must be equal for scan")
    X, y = (jnp.asarray(a) for a in job.data)
    slope = jax.grad(cost_of(job))

    @jax.jit
    def trained(start, X, y, orders):
        def step(p, batch):
            return p - job.lr * slope(p, *batch), None

        def epoch(p, order):
            x, t = (X, y) if order is None else (X[order], y[order])
            if size == job.rows:
                return step(p, (x, t))
            batches = x.reshape(-1, size, job.features), t.reshape(-1, size)
            return jax.lax.scan(step, p, batches)[0], None

        return jax.lax.scan(epoch, start, orders, length=job.epochs)[0]

    start = jnp.zeros(job.features + 1)

    def call() -> Answer:
        return Answer(np.asarray(trained(start, X, y, job.order)))  # asarray waits until it is done

    return call
