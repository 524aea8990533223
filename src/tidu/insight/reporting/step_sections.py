"""A step of a run as a section of a document: what fed it, every number with its formula and its reason, the reduction.

`explain` has computed all of it; the entries become rows of tables. Reports, worksheets and the pages of the five
programs have such sections.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidu.insight.explanation import Entry, Explanation, sections_of
from tidu.insight.reporting.document import Block, Cell, Prose, Remarks, Section, Table
from tidu.language.mathml import math
from tidu.text import _

MOST_ROWS = 12  # of a batch that are named


def section_of(found: Explanation, place: str = "") -> Section:
    """An explained step; `place` is what the lines of the loop are called in the document, where they stand in it."""
    blocks: list[Block] = [Prose(heading_of(found)), *(Prose(words) for words in found.layers)]
    rows: list[tuple[Cell | str, ...]] = []
    for part in sections_of(found, found.entries):
        rows.append((part.title,))
        rows += [row_of(e, place) for e in part.entries]
        if part.ends_mean:
            blocks.append(_table(rows))
            blocks += [Prose(sentence) for sentence in found.ledger.sentences]
            rows = []
    if rows:
        blocks.append(_table(rows))
    if not found.taken:
        blocks.append(Remarks((_("this step is not finite, so it was not taken"),), bad=True))
    blocks += [Prose(note) for note in found.notes]
    return Section(_("Step {step}").format(step=found.step), tuple(blocks))


def heading_of(found: Explanation) -> str:
    """Where the step stands, and which rows fed it."""
    batch = ", ".join(map(str, found.batch[:MOST_ROWS])) + (", …" if len(found.batch) > MOST_ROWS else "")
    return _("step {step}, epoch {epoch}: {count} rows in the batch: {batch}").format(
        step=found.step, epoch=found.epoch, count=len(found.batch), batch=batch
    )


def row_of(e: Entry, place: str = "") -> tuple[Cell | str, ...]:
    """The line of the loop, the equation with the numbers put in, and why."""
    line = Cell(str(e.line) if e.line else "", faint=True, target=f"{place}-{e.line}" if place and e.line else "")
    return line, equation_cell(e.equation("unicode"), e.equation("mathml")), Cell(e.rule, faint=True)


def equation_cell(unicode: Sequence[str], mathml: Sequence[str]) -> Cell:
    """Sides of an equation as a cell."""
    return Cell(" = ".join(unicode), mathematics=math("<mo>=</mo>".join(mathml)))


def _table(rows: Sequence[tuple[Cell | str, ...]]) -> Table:
    return Table((_("line"), _("number"), _("why")), tuple(rows), left=(1, 2), prose=(2,))
