"""The peers: one file each, and each does any `Job` that it can. What a job needs and it has not, it says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from job import Array, Job
from measure import Answer, Contender, Words

from peers import by_hand, by_jax, by_numba, by_numpy, by_sklearn, by_tidu, by_torch, by_vw

Peer = Callable[[Job], Callable[[], Answer]]
LOOP: Words = ("tidu, the loop alone", "tidu，只计循环")
CALL: Words = ("tidu.fit", "tidu.fit")
PYTHON: Words = ("plain Python, by hand", "纯 Python，手写")
HAND: Words = ("Numba, by hand", "Numba，手写")
NUMPY: Words = ("NumPy, by hand", "NumPy，手写")
JAX: Words = ("JAX, jit and scan", "JAX，jit 与 scan")
SKLEARN: Words = ("scikit-learn", "scikit-learn")
EAGER: Words = ("torch eager", "torch 即时执行")


@functools.lru_cache(maxsize=8)
def right(job: Job) -> Array:
    """The result that all are held to: of the hand-written loop, which NumPy and the others confirm."""
    return by_numba.prepared(job)().parameters


def contender(
    name: Words, peer: Peer, job: Job, most_steps: int | None = None, tolerance: float = 1e-9, loop: Words | None = None
) -> Contender:
    """A peer at a job; at the beginning of it, if all of it is more than `most_steps`, the time scaled up."""
    part = job if most_steps is None else job.of_at_most(most_steps)
    whole = job.steps * (job.batch_size or job.rows)
    done = part.steps * (part.batch_size or part.rows)
    return Contender(name, lambda: peer(part), lambda: right(part), tolerance, whole / done, loop)


def ours(job: Job) -> list[Contender]:
    """Tidu at a job, in the ways in which it can do it."""
    rows = [contender(CALL, by_tidu.prepared, job, loop=LOOP)]
    if by_tidu.can_be_told("fast"):
        rows.append(
            contender(
                ("tidu.fit, fast=True", "tidu.fit，fast=True"),
                functools.partial(by_tidu.prepared, fast=True),
                job,
                loop=("tidu, fast, the loop alone", "tidu，fast，只计循环"),
            )
        )
    return rows


def hand(job: Job) -> Contender:
    """The hand-written loop, which the others' results are compared with, so that it has been called before."""
    return replace(contender(HAND, by_numba.prepared, job), called_before=True)


def everyone(job: Job) -> list[Contender]:
    """All who can do the job. The bounds on steps keep a slow peer within seconds."""
    everyone = [
        *ours(job),
        contender(PYTHON, by_hand.prepared, job, by_hand.steps_within_seconds(job)),
        contender(NUMPY, by_numpy.prepared, job, 200_000),
        hand(job),
        contender(EAGER, by_torch.prepared, job, 5_000),
        contender(("torch.compile", "torch.compile"), functools.partial(by_torch.prepared, compiled=True), job, 5_000),
        contender(JAX, by_jax.prepared, job),
    ]
    if by_sklearn.can_do(job):
        # It draws another order of its own; then only the fitted values are near.
        tolerance = 0.1 if job.shuffle else 1e-9
        everyone.append(contender(SKLEARN, by_sklearn.prepared, job, tolerance=tolerance))
    if by_vw.can_do(job):
        everyone.append(  # float32, from its cache file
            contender(("Vowpal Wabbit", "Vowpal Wabbit"), by_vw.prepared, job, 1_000_000, tolerance=1e-3)
        )
    return everyone
