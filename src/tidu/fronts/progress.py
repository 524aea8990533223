"""A progress bar on standard error, with rate and remaining time: for a terminal, and for work longer than a moment."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from tidu.text import _
from tidu.training.callbacks import Advanced, Callback

PATIENCE = 0.5  # seconds before a bar appears


@contextlib.contextmanager
def watched(what: str) -> Iterator[Sequence[Callback]]:
    """Yield the callbacks that draw a bar for `what`; none where nobody looks."""
    if not sys.stderr.isatty():
        yield ()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    began = time.monotonic()
    task = bar.add_task(what, loss="", rate="")

    def progress(event: object) -> None:
        if not isinstance(event, Advanced):
            return
        seconds = time.monotonic() - began
        rate = _("{rate:,.0f} steps/s").format(rate=event.steps / seconds) if seconds > 0.0 else ""
        loss = _("loss {loss:.6g}").format(loss=event.loss)
        bar.update(task, completed=event.steps, total=event.steps_in_all, loss=loss, rate=rate)
        if not bar.live.is_started and seconds > PATIENCE:  # its first picture tells all of this
            with _undisturbed():
                bar.start()

    try:
        yield (progress,)
    finally:
        with _undisturbed():
            bar.stop()


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], object]]:
    """Yield what is told how much of `what` is done, of how much, and draws a bar of it where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what)
    with _undisturbed():
        bar.start()
    try:
        yield lambda done, of: bar.update(task, completed=done, total=of)
    finally:
        with _undisturbed():
            bar.stop()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Put signals off until a bar stands, or is gone; interrupted in between, rich is left in pieces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda which, _frame: came.append(which))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])
