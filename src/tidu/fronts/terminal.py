"""The terminal that commands print to: rich's, with our own line breaks, and a reader that may leave at any time."""

from __future__ import annotations

from typing import Any, NoReturn

import rich.console
from rich.text import Text

from tidu.fronts.wrapping import indented

WIDEST = 100  # columns of sentences that are easy to read


class Console(rich.console.Console):
    """Standard output; where its reader has gone, BrokenPipeError, which `cli.run` expects.

    Square brackets are what they are: a column may be called `speed [km/h]`, and a parameter `w_city[sh]`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)

    def on_broken_pipe(self) -> NoReturn:
        """Leave, as any other writer does (rich ends the process with status 1)."""
        raise BrokenPipeError

    def say(self, sentence: str, first: str = "", style: str = "", of_first: str = "dim") -> None:
        """Print a sentence in lines that suit English and Chinese, the first of which begins with `first`."""
        text = indented(sentence, min(self.width, WIDEST), first).replace("\N{NO-BREAK SPACE}", " ")
        head, body = text[: len(first)], text[len(first) :]
        self.print(Text.assemble((head, of_first), (body, style)), soft_wrap=True)
