"""Cost against the number of features, the data staying of one size."""

from __future__ import annotations

import cost
from job import Job
from measure import Words
from tables import Table

from workloads import Scale

CELLS = 1_000_000  # rows × features

NOTES: list[Words] = [
    (
        "A linear formula of d features, beyond 32 with one vector of weights, linear(...); full batches, "
        "rows × d = 10⁶; time for each sample, feature and step.",
        "d 个特征的线性公式，超过 32 个特征时用权重向量，即 linear(...)；全批量，行数 × d = 10⁶；"
        "每样本每特征每步的时间。",
    )
]


def table(scale: Scale) -> Table:
    sizes = [1, 3, 10, 30] if scale.quick else [1, 3, 10, 30, 100, 300, 1000]
    jobs = [(d, Job(CELLS // d, d, None, 20, lr=0.5 / (d + 1))) for d in sizes]
    return cost.table(
        ("Cost against the number of features", "耗时与特征数"), NOTES, ("features", "特征数"), jobs, True, scale
    )
