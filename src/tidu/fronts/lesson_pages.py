"""Lessons in a terminal: the list of them, and a page whose prose is wrapped and whose code can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console as AnyConsole
from rich.console import ConsoleOptions, RenderableType
from rich.markdown import CodeBlock, Markdown, MarkdownElement, Paragraph, TableElement
from rich.style import Style
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from tidu.fronts.help_pages import Page as HelpPage
from tidu.fronts.help_pages import Section, rendered
from tidu.fronts.report import closing
from tidu.fronts.terminal import WIDEST, Console
from tidu.fronts.wrapping import shell_lines, wrapped
from tidu.text import _

if TYPE_CHECKING:
    from tidu.lessons.lesson import Given, Lesson


LONGEST_WHOLE = 32  # characters of code within a sentence that stay on one line


def report_lessons(lessons: Mapping[str, Lesson]) -> None:
    """The table of contents."""
    entries = tuple((f"{entry.number:2}. tidu lesson {name}", entry.title()) for name, entry in lessons.items())
    print(rendered(HelpPage("", (), (), (Section(_("Lessons"), entries),))), end="")  # noqa: T201


def report_lesson(given: Given) -> None:
    """One lesson, as a page."""
    console = Console(width=min(Console().width, WIDEST))
    console.print(Page(given.page, code_theme="friendly"), crop=False)  # what is longer than a line can be pasted whole
    closing(console, None, given.files)


class Prose(Paragraph):
    """A paragraph in lines that suit Chinese too."""

    def __rich_console__(self, console: AnyConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Its lines, each with the styles of its words."""
        plain, end, cuts = _with_whole_commands(self.text, console.get_style("markdown.code")), 0, []
        for line in wrapped(plain, options.max_width):
            begin = plain.index(line, end)
            end = begin + len(line)
            cuts.append((begin, end))
        yield Text("\n").join(self.text[begin:end] for begin, end in cuts)


def _with_whole_commands(text: Text, code_style: Style) -> str:
    """The text, in which no line breaks within a short piece of code, such as `tidu lesson xor`."""
    plain = text.plain
    for span in text.spans:
        if span.style == code_style and span.end - span.start <= LONGEST_WHOLE:
            code = plain[span.start : span.end].replace(" ", "\N{NO-BREAK SPACE}")
            plain = f"{plain[: span.start]}{code}{plain[span.end :]}"
    return plain


class Code(CodeBlock):
    """Code as it stands, without a margin; a command that is too long goes on after a backslash."""

    def __rich_console__(self, console: AnyConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The lines in the colours of their language."""
        code = str(self.text).rstrip()
        if self.lexer_name == "sh":
            commands = (shlex.split(line, posix=False) for line in code.splitlines())  # with their quotes
            code = "\n".join(shell_lines(words, options.max_width, quote=False) for words in commands)
        text = Syntax("", self.lexer_name, theme=self.theme).highlight(code)
        text.rstrip()
        text.no_wrap, text.overflow = True, "ignore"
        yield text


class Cells(TableElement):
    """A table whose Chinese cells go on in the next line; a cell without a blank would be cut off."""

    def __rich_console__(self, console: AnyConsole, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The table, with all that is in it."""
        for part in super().__rich_console__(console, options):
            if isinstance(part, Table):
                for column in part.columns:
                    column.overflow = "fold"
                yield part


class Page(Markdown):
    """A page of Markdown with these paragraphs and this code; mathematics keeps its margin."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements, "paragraph_open": Prose, "fence": Code, "table_open": Cells,
    }  # fmt: skip
