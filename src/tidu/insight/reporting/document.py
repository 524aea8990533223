"""A report as data: a document of sections, a section of blocks. Renderers (terminal, HTML, Markdown) compute nothing.

What a run, a step or a worksheet has to say is put into these blocks once, in the language in use; the command line,
files, notebooks and the documentation show the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidu.content.methods import Solver
from tidu.engines.mathematics import Notation, equations, update_rule
from tidu.engines.program import Program

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    `code` is set as code; `mathematics` is the same as `text` in MathML, for pages; `target` is the name of a place in
    the document that it leads to.
    """

    text: str
    strong: bool = False
    faint: bool = False
    code: bool = False
    mathematics: str = ""
    target: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    `spare` of the last columns may be left out where there is little room; the columns in `left` hold words and stand
    to the left, the others to the right; those in `prose` have sentences, whose lines
    break; a `tight` table has many columns. A row of one cell is the heading of those
    below it.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    title: str = ""
    spare: int = 0
    left: tuple[int, ...] = (0,)
    prose: tuple[int, ...] = ()
    tight: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with what there is to say of each; those of which there is nothing are left out."""

    lines: tuple[tuple[str, str], ...]

    @property
    def told(self) -> tuple[tuple[str, str], ...]:
        """The lines that say something."""
        return tuple((name, fact) for name, fact in self.lines if fact)


@dataclass(frozen=True)
class Mathematics:
    """The model, its loss, the gradient and the update; `meaning` says what the letters of the update are."""

    title: str
    program: Program
    solver: Solver | None
    meaning: tuple[str, ...]

    def lines(self, notation: Notation) -> list[tuple[str, str, str]]:
        """Left side, sign and right side of each line."""
        rule = update_rule(self.program, notation, self.solver)
        return [(left, "=", right) for left, right in equations(self.program, notation)] + [
            (left, "←", right) for left, right in rule
        ]


@dataclass(frozen=True)
class Remarks:
    """Sentences that a person should see; `bad` where something went wrong."""

    sentences: tuple[str, ...]
    bad: bool = False


@dataclass(frozen=True)
class Prose:
    """A paragraph; a `strong` one stands out."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Items:
    """A list; each item has a sign before it: `!` warns, `✓` is good, `·` is neither."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """A text as it stands. With `numbered`, its lines are numbered, and line 3 is the place `PLACE-3`."""

    text: str
    language: str = ""
    place: str = ""

    @property
    def numbered(self) -> bool:
        """Whether other parts of the document name its lines."""
        return bool(self.place)


@dataclass(frozen=True)
class Picture:
    """A picture, drawn where it is shown; `words` say what is to be seen. `sketch` is the same for a terminal."""

    draw: Callable[[], Figure]
    words: str
    sketch: Callable[[], str] | None = None


Block = Table | Facts | Mathematics | Remarks | Prose | Items | Code | Picture


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; `parts` are sections under it, and `own_page` begins a page where it is printed."""

    title: str
    blocks: tuple[Block, ...]
    parts: tuple[Section, ...] = ()
    own_page: bool = False


@dataclass(frozen=True)
class Document:
    """Sections under a title; `lead` is what stands below it."""

    title: str
    lead: str
    sections: tuple[Section, ...]


def blocks_of(sections: Sequence[Section]) -> list[Block]:
    """Every block, in order."""
    return [block for s in sections for block in (*s.blocks, *blocks_of(s.parts))]
