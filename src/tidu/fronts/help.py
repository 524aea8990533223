"""Commands and options as click has them, with examples, headings of help, and names that people know from elsewhere.

What `--help` shows of them is in `help_pages`. Used by every command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from tidu.content.declarations import OUTPUT
from tidu.fronts.foreign_names import understood

PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg")


class Option(click.Option):
    """An option under a heading of help. `bare` is its value where none is written, as in `--plot --json`.

    `words` are the values that it then takes, if they are few.
    """

    def __init__(self, *args: Any, group: str = OUTPUT, bare: str = "", words: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.group, self.bare, self.words = group, bare, words

    def takes(self, word: str) -> bool:
        """Whether a word after it is its value; asked where the value may be left out."""
        if isinstance(self.type, click.Choice):
            return word in self.type.choices
        if self.words:
            return word in self.words
        is_name = not word.startswith("-") and "=" not in word  # and no option, no formula
        return is_name and (Path(word).suffix.lower() in PICTURES or not Path(word).exists())


class Command(click.Command):
    """A command with examples; it understands names of options that people know from elsewhere."""

    def __init__(
        self, *args: Any, examples: Iterable[tuple[str, str]] = (), closing: Callable[[], str] = str, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.examples = tuple(examples)
        self.closing = closing

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the names of options as they are called here."""
        return super().parse_args(ctx, self._with_values(understood(self, ctx, args)))

    def _with_values(self, arguments: list[str]) -> list[str]:
        """The arguments, with a value after each option that may be written without."""
        bare = {name: o for o in self.params if isinstance(o, Option) and o.bare for name in o.opts}
        found: list[str] = []
        for argument, following in zip(arguments, [*arguments, "-"][1:], strict=True):
            found.append(argument)
            if argument in bare and not bare[argument].takes(following):
                found.append(bare[argument].bare)
        return found

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the page instead of what click would write."""
        from tidu.fronts.help_pages import page_of, rendered  # a fit needs no terminal's colours

        formatter.write(rendered(page_of(self, ctx)))


class Group(click.Group):
    """The commands."""

    command_class = Command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the page instead of what click would write."""
        from tidu.fronts.help_pages import page_of, rendered  # a fit needs no terminal's colours

        formatter.write(rendered(page_of(self, ctx)))
