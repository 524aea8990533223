"""How the cost of one sample depends on the size of the work: a table and lines of a picture."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

import peers
from job import Job
from measure import Words, figures_of
from peers import CALL, HAND, JAX, LOOP, by_jax
from tables import NONE, Table, duration, same
from workloads import Scale, count

from tidu.errors import TiduError

FIRST_CALLS: Words = (
    "The first calls are those of one process: that of the first row also loads the compiler, and a loop that was "
    "compiled for an earlier row is not compiled again.",
    "各行的首次调用在同一进程内：第一行还包含编译器自身的加载，前面已编译过的循环不再编译。",
)
MOST_STEPS = 2_000_000  # of JAX: it needs about a microsecond for each
LONGEST_COMPILATION = 60.0  # seconds, beyond which the next larger size is not tried


def table(
    title: Words, notes: list[Words], axis: Words, jobs: Sequence[tuple[int, Job]], per_feature: bool, scale: Scale
) -> Table:
    """Each job's time, divided by the samples that it goes through, and if `per_feature` by its features too."""
    rows: list[list[Words]] = []
    lines: dict[Words, tuple[list[float], list[float]]] = {name: ([], []) for name in (LOOP, CALL, HAND, JAX)}
    notes = [*notes, FIRST_CALLS]
    for size, job in jobs:
        contenders = [
            *peers.ours(job)[:1],
            peers.hand(job),
            peers.contender(JAX, by_jax.prepared, job, MOST_STEPS),
        ]
        try:
            figures = {f.name: f for f in figures_of(contenders, min(scale.rounds, 5), scale.seconds / len(jobs))}
        except TiduError as error:  # a size that tidu refuses ends the table, with its words
            reason = str(error).splitlines()[0][:160]
            notes.append(
                (
                    f"No further than this: at {size:,}, tidu says: {reason}",
                    f"到此为止：{size:,} 时 tidu 报告：{reason}",
                )
            )
            break
        samples = job.rows * job.epochs * (job.features if per_feature else 1)
        cells = []
        for name, (xs, ys) in lines.items():
            found = figures.get(name)
            median = found.median if found else None
            if median is not None:
                xs.append(float(size))
                ys.append(median / samples)
            cells.append(
                found.problem if found and found.problem else same(duration(median / samples) if median else "")
            )
        first, usual = figures[CALL].first, figures[CALL].median
        rows.append([same(count(size)), *cells, same(duration(first)), same(_peak_memory())])
        compiling = first - usual if first is not None and usual is not None else 0.0
        if compiling > LONGEST_COMPILATION and size != jobs[-1][0]:
            notes.append(
                (
                    f"Larger sizes were not tried: compiling took {compiling:.0f} s.",
                    f"更大的未测：编译用了 {compiling:.0f} 秒。",
                )
            )
            break
    headings: list[Words] = [axis, LOOP, CALL, HAND, JAX]
    headings += [("tidu.fit, first call", "tidu.fit 首次调用"), ("memory, at most so far", "迄今最大内存")]
    drawn = [(name, xs, ys) for name, (xs, ys) in lines.items() if xs]
    return Table(title, notes, headings, rows, axis=axis if drawn else NONE, lines=drawn)


def _peak_memory() -> str:
    """The most memory that this process has held."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return f"{kibibytes / 2**20:.2f} GiB"
