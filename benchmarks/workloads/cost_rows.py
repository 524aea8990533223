"""Cost against the number of rows, as far as memory goes."""

from __future__ import annotations

import cost
from job import Job
from machine import free_bytes
from measure import Words
from tables import Table

from workloads import Scale

BYTES_A_ROW = 170  # at most at one time: x and y by rows, by columns, in JAX's copy, and as lists for the metrics
WORK = 20_000_000  # samples gone through in one call, where the rows are fewer

NOTES: list[Words] = [
    (
        "y = w·x + b, full batches, time for each sample and step. The data are drawn in chunks, then held in memory "
        "by every contender; the rows go as far as memory does.",
        "y = w·x + b，全批量，每样本每步的时间。数据分块生成，之后各家都整个放在内存中；行数以内存为限。",
    )
]


def table(scale: Scale) -> Table:
    sizes = [10**k for k in range(3, 6 if scale.quick else 9)]
    fitting = [n for n in sizes if n * BYTES_A_ROW < free_bytes()]
    notes = list(NOTES)
    if len(fitting) < len(sizes):
        notes.append(
            (
                f"{sizes[len(fitting)]:,} rows were not tried: {free_bytes() / 2**30:.0f} GiB of memory are free.",
                f"未测 {sizes[len(fitting)]:,} 行：可用内存为 {free_bytes() / 2**30:.0f} GiB。",
            )
        )
    jobs = [(n, Job(n, 1, None, max(1, min(2000, WORK // n)), lr=0.1)) for n in fitting]
    return cost.table(("Cost against the number of rows", "耗时与行数"), notes, ("rows", "行数"), jobs, False, scale)
