"""What this process may use of the machine: cores, threads on them, and memory."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool_of(threads: int) -> ThreadPoolExecutor:
    """So many threads of ours, at least one, that wait for work."""
    from concurrent.futures import ThreadPoolExecutor  # which most fits do without

    return ThreadPoolExecutor(max(1, threads), thread_name_prefix="tidu")


def available_memory() -> int | None:
    """Bytes that this process could take now, by the system and its control group; None where nobody says."""
    found = []
    with contextlib.suppress(OSError, TypeError, ValueError):
        kilobytes = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text())
        found += [int(kilobytes[1]) << 10] if kilobytes else []
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    with contextlib.suppress(OSError, ValueError):
        if not found:
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))
    return max(0, min(found)) if found else None
