"""A sweep of a thousand learning rates on `line`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from job import Array, Job
from measure import Answer, Contender, Words, figures_of
from peers import by_numba
from peers.by_jax import cost_of
from tables import Goal, Table, contest

from workloads import Scale, agreement

OURS: Words = ("tidu.sweep", "tidu.sweep")
FITS: Words = ("tidu.fit for each", "逐个 tidu.fit")
CALLS: Words = ("JAX, a call of the compiled run for each", "JAX，逐个调用编译好的训练")
VMAP: Words = ("JAX, vmap", "JAX，vmap")
GOALS = [Goal(OURS, CALLS, 15), Goal(OURS, VMAP, 1)]


def table(scale: Scale) -> Table:
    job = Job(rows=100, features=1, batch_size=None, epochs=1000, lr=0.0)
    rates = np.linspace(0.001, 0.2, scale.of(1000, 50))

    def right() -> Array:
        return np.concatenate([by_numba.prepared(replace(job, lr=float(r)))().parameters for r in rates])

    contenders = [
        Contender(OURS, lambda: _by_tidu(job, rates), right),
        Contender(FITS, lambda: _by_fits(job, rates), right),
        Contender(("Numba, by hand, for each", "Numba 手写，逐个"), lambda: lambda: Answer(right()), right),
        Contender(CALLS, lambda: _by_jax(job, rates, False), right),
        Contender(VMAP, lambda: _by_jax(job, rates, True), right),
    ]
    return contest(
        (
            f"A sweep of {len(rates):,} learning rates on line, 1000 steps each",
            f"在 line 上扫描 {len(rates):,} 个学习率，各 1000 步",
        ),
        [agreement()],
        figures_of(contenders, scale.rounds, scale.seconds),
        [(OURS, ("÷ tidu.sweep", "÷ tidu.sweep")), (FITS, ("÷ tidu.fit", "÷ tidu.fit"))],
        GOALS,
    )


def _by_tidu(job: Job, rates: Array) -> Callable[[], Answer]:
    import tidu

    data: Any = job.columns

    def call() -> Answer:
        swept = tidu.sweep(
            job.formula(), data, {"lr": rates.tolist()}, loss=job.loss, epochs=job.epochs, engine="compiled"
        )
        return Answer(np.column_stack([swept.params[name] for name in job.parameter_names()]).ravel())

    return call


def _by_fits(job: Job, rates: Array) -> Callable[[], Answer]:
    import tidu

    data = job.columns

    def call() -> Answer:
        runs = (
            tidu.fit(job.formula(), data, loss=job.loss, lr=float(r), epochs=job.epochs, engine="compiled")
            for r in rates
        )
        return Answer(np.array([run.params[name] for run in runs for name in job.parameter_names()]))

    return call


def _by_jax(job: Job, rates: Array, together: bool) -> Callable[[], Answer]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    X, y = (jnp.asarray(a) for a in job.data)
    slope = jax.grad(cost_of(job))

    def trained(lr, X, y):
        return jax.lax.scan(lambda p, _: (p - lr * slope(p, X, y), None), jnp.zeros(2), None, length=job.epochs)[0]

    if together:
        all_of_them = jax.jit(jax.vmap(trained, in_axes=(0, None, None)))
        return lambda: Answer(np.asarray(all_of_them(rates, X, y)).ravel())
    one = jax.jit(trained)
    return lambda: Answer(np.concatenate([np.asarray(one(r, X, y)) for r in rates]))
