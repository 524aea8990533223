"""What `--help` shows: how a command is called, examples, and its options under headings.

A page is data, which the terminal and the reference in the docs render alike. Importing this imports rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click
from rich.cells import cell_len
from rich.text import Text

from tidu.content.declarations import GROUPS, OUTPUT
from tidu.fronts.terminal import WIDEST, Console
from tidu.fronts.wrapping import indented, pasteable, wrapped
from tidu.text import _

MARGIN = 26  # columns for names, of which a few may be longer
WIDEST_MARGIN = 32  # ... where all of them have room in it


@dataclass(frozen=True)
class Example:
    """A command line, and what it is for."""

    words: str
    command: str


@dataclass(frozen=True)
class Section:
    """A heading, and names with what they mean."""

    title: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """All that is said of a command."""

    usage: str
    words: tuple[str, ...]
    examples: tuple[Example, ...]
    sections: tuple[Section, ...]
    closing: str = ""


def page_of(command: click.Command, ctx: click.Context) -> Page:
    """The page of a command, in the language in use."""
    pieces = " ".join(command.collect_usage_pieces(ctx))
    options = [p for p in command.get_params(ctx) if isinstance(p, click.Option)]
    groups = {title: [o for o in options if getattr(o, "group", OUTPUT) == title] for title in GROUPS}
    sections = [
        Section(_(title), tuple((names_of(o), o.help or "") for o in members))
        for title, members in groups.items()
        if members
    ]
    if isinstance(command, click.Group):
        entries = tuple((name, each.get_short_help_str(200)) for name, each in command.commands.items())
        sections = [Section(_("Commands"), entries), Section(_("Options"), sections[0].entries)]
    return Page(
        f"{ctx.command_path} {pieces}",
        tuple(paragraph.replace("\n", " ") for paragraph in (command.help or "").split("\n\n")),
        tuple(Example(*each) for each in getattr(command, "examples", ())),
        tuple(sections),
        getattr(command, "closing", str)(),
    )


def names_of(option: click.Option) -> str:
    """The names of an option and what stands for its value: `--lr RATE`."""
    names = "/".join(sorted(option.opts, key=len) + option.secondary_opts) if option.secondary_opts else ""
    names = names or ", ".join(sorted(option.opts, key=len))
    if option.is_flag or not option.metavar:
        return names
    return f"{names} [{option.metavar}]" if getattr(option, "bare", "") else f"{names} {option.metavar}"


def rendered(page: Page, width: int | None = None) -> str:
    """The page for a terminal, coloured where standard output is one that has colours."""
    console = Console(highlight=False)
    width = min(width or console.width, WIDEST)
    lines: list[Text] = []
    if page.usage:
        lines += [Text(_("Usage: {usage}").format(usage=page.usage), style="bold"), Text()]
    for paragraph in page.words:
        lines += [Text(line) for line in wrapped(paragraph, width)] + [Text()]
    if page.examples:
        lines.append(Text(_("Examples"), style="bold"))
        for example in page.examples:
            lines.append(Text(indented(example.words, width, "  "), style="dim"))
            lines += [Text(f"    {piece}", style="cyan") for piece in pasteable(example.command, width - 4)]
        lines.append(Text())
    for section in page.sections:
        lines.append(Text(section.title, style="bold"))
        longest = max(cell_len(names) for names, _meaning in section.entries) + 4
        margin = longest if longest <= WIDEST_MARGIN else MARGIN
        for names, words in section.entries:
            lines += _entry(names, words, width, margin)
        lines.append(Text())
    if page.closing:
        lines += [Text(line) for line in wrapped(page.closing, width)] + [Text()]
    with console.capture() as captured:
        for line in lines[:-1]:
            console.print(line, soft_wrap=True)
    return captured.get()


def _entry(names: str, words: str, width: int, margin: int) -> Sequence[Text]:
    """Names on the left and words on the right; below each other where the names are long."""
    left = f"  {names}"
    right = wrapped(words, width - margin)
    if cell_len(left) > margin - 2:
        return [Text(left, style="cyan"), *(Text(" " * margin + line) for line in right)]
    blank = " " * (margin - cell_len(left))
    first = Text.assemble((left, "cyan"), blank, right[0] if right else "")
    return [first, *(Text(" " * margin + line) for line in right[1:])]
