"""A progress bar on standard error, for a terminal and for work that takes longer than a moment."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from tidu.training.descents.descent import Progress

PATIENCE = 0.5  # seconds before a bar appears


@contextlib.contextmanager
def watched(what: str) -> Iterator[Progress | None]:
    """Yield a progress function for `what`, or None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    began = time.monotonic()
    task = bar.add_task(what, loss="")

    def progress(done: int, total: int, loss: float) -> None:
        if not bar.live.is_started and time.monotonic() - began > PATIENCE:
            bar.start()
        bar.update(task, completed=done, total=total, loss=f"{loss:.6g}")

    try:
        yield progress
    finally:
        bar.stop()
