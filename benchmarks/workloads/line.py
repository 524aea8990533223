"""The lesson `line`: a thousand full-batch steps of a hundred samples."""

from __future__ import annotations

import functools

import peers
from job import Job
from measure import figures_of
from peers import EAGER, JAX, LOOP, by_tidu
from tables import Goal, Table, contest

from workloads import AGAINST, Scale, agreement

GOALS = [Goal(LOOP, JAX, 10), Goal(LOOP, EAGER, 500)]


def table(scale: Scale) -> Table:
    job = Job(rows=100, features=1, batch_size=None, epochs=1000, lr=0.1)
    contenders = peers.everyone(job)
    chosen = peers.contender(
        ("tidu.fit, engine chosen by itself", "tidu.fit，自选引擎"),
        functools.partial(by_tidu.prepared, engine="auto"),
        job,
    )
    contenders.insert(1, chosen)
    return contest(
        ("line: 1000 full-batch steps of 100 samples", "line：100 个样本，全批量 1000 步"),
        [("y = w·x + b, squared error, float64.", "y = w·x + b，平方误差，float64。"), agreement()],
        figures_of(contenders, scale.rounds, scale.patience),
        AGAINST,
        GOALS,
    )
