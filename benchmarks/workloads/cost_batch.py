"""Cost against the batch size."""

from __future__ import annotations

import cost
from job import Job
from measure import Words
from tables import Table

from workloads import Scale

NOTES: list[Words] = [
    ("Ten features, the order of the data; time for each sample.", "10 个特征，按数据顺序；每样本的时间。")
]


def table(scale: Scale) -> Table:
    rows = scale.of(1_000_000, 100_000)
    sizes = [m for m in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000) if m <= rows]
    jobs = [(m, Job(rows, 10, None if m == rows else m, 2, lr=0.01)) for m in sizes]
    return cost.table(
        ("Cost against the batch size", "耗时与批量大小"), NOTES, ("batch size", "批量大小"), jobs, False, scale
    )
