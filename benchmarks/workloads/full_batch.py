"""One full-batch step on much data, whose floor is one read of that data. Ten steps are taken, the time divided."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import peers
from job import Job
from measure import Answer, Contender, Words, figures_of
from peers import JAX, LOOP
from tables import Goal, Table, contest

from workloads import AGAINST, Scale, agreement, count

STEPS = 10
READ: Words = ("one read of the data", "读一遍数据")
GOALS = [Goal(LOOP, READ, 1 / 1.5), Goal(LOOP, JAX, 3)]


def table(scale: Scale) -> Table:
    job = Job(scale.of(1_000_000, 100_000), 10, None, STEPS, lr=0.1)
    contenders = [*peers.everyone(job), Contender(READ, lambda: _read(job))]
    per_step = [replace(c, scale=c.scale / STEPS) for c in contenders]
    figures = figures_of(per_step, scale.rounds, scale.seconds)
    size = f"{count(job.rows)} × {job.features}"
    return contest(
        (f"One full-batch step: {size}", f"全批量一步：{size}"),
        [
            (
                f"A tenth of {STEPS} steps. One read of the data: X.sum() in parts, a thread for each core.",
                f"{STEPS} 步时间的十分之一。读一遍数据：X.sum() 分段，每核一个线程。",
            ),
            agreement(),
        ],
        figures,
        AGAINST,
        GOALS,
    )


def _read(job: Job) -> Callable[[], Answer]:
    X, _ = job.data
    parts = np.array_split(X, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    pool = ThreadPoolExecutor(len(parts))

    def call() -> Answer:
        for _ in range(STEPS):
            list(pool.map(np.sum, parts))
        return Answer(np.empty(0))

    return call
