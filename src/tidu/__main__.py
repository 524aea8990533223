"""The entry of the command line: settle the language, then hand over.

The language is settled before the commands are imported, because their help texts are translated as they are defined.
"""

from __future__ import annotations

import io
import sys


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its status: 0, 1 for a bad outcome, 2 for bad input."""
    try:
        from tidu.text import speak_from_the_start, without_language

        for stream in (sys.stdout, sys.stderr):  # a terminal that has no ŷ shows ?, and the rest
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        rest, language = without_language(sys.argv[1:] if arguments is None else arguments)
        speak_from_the_start(language)
        from tidu.fronts.cli import run

        sys.exit(run(rest))
    except KeyboardInterrupt:  # while modules are still being imported
        sys.exit(130)


if __name__ == "__main__":
    main()
