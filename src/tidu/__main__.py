"""The entry of the command line: settle the language, then hand over.

The language is settled before the commands are imported, because their help texts are translated as they are defined.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys

gc.set_threshold(100_000)  # most of what imports make stays, and looking through it takes a tenth of a fit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its status: 0, 1 for a bad outcome, 2 for bad input."""
    try:
        from tidu.text import speak_from_the_start, without_language

        fill_closed_streams()
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            signal.signal(number, _end)
        for stream in (sys.stdout, sys.stderr):  # a terminal that has no ŷ shows ?, and the rest
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        rest, language = without_language(sys.argv[1:] if arguments is None else arguments)
        speak_from_the_start(language)
        from tidu.fronts.cli import run

        sys.exit(run(rest))
    except KeyboardInterrupt:  # while modules are still being imported
        sys.exit(130)


def fill_closed_streams() -> None:
    """Put the null device where a standard stream is closed, so that no file that is opened takes its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process


def _end(number: int, _frame: object) -> None:
    """Leave as after an error, so that no half-written file stays behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
