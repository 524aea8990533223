"""What the figures were taken on, and how they are taken."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def machine() -> str:
    """One line about this machine."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line), ""
        )
    return f"{model or platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def median_seconds(work: Callable[[], object], runs: int = 7, warm: bool = True) -> float:
    """The median time of one call."""
    if warm:
        work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def print_table(headings: list[str], rows: list[list[str]]) -> None:
    """Columns of text, the first to the left, the others to the right."""
    widths = [max(len(r[k]) for r in [headings, *rows]) for k in range(len(headings))]
    for row in (headings, ["-" * w for w in widths], *rows):
        print("  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))))
