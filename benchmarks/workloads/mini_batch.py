"""Mini-batches of 32, in the order of the data."""

from __future__ import annotations

import peers
from job import Job
from measure import figures_of
from tables import Table, contest

from workloads import AGAINST, Scale, agreement, count


def table(scale: Scale) -> Table:
    job = Job(scale.of(1_000_000, 64_000), 10, 32, scale.of(5, 1), lr=0.05, loss="half_squared")
    size = f"{count(job.rows)} × {job.features}"
    return contest(
        (f"Mini-batches of 32: {size}, {job.epochs} epoch(s)", f"批量 32 的小批量：{size}，{job.epochs} 轮"),
        [agreement()],
        figures_of(peers.everyone(job), scale.rounds, scale.seconds),
        AGAINST,
        [],
    )
