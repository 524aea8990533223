"""An explained step or a derivation in blocks: every number with its formula and its reason, every line with its rule.

`explain` has computed all of it; the entries become rows of tables. Reports, worksheets and the pages of the five
programs have a step as a section; `tidu explain --as html` has a step, or a derivation, as a document of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidu.insight.derivation import Derivation
from tidu.insight.explanation import Entry, Explanation, sections_of
from tidu.insight.reporting.document import Block, Cell, Code, Document, Items, Prose, Remarks, Section, Table
from tidu.insight.reporting.run_facts import rows_in_words
from tidu.insight.why_not import WhyNot
from tidu.language.mathml import math, mathml, mathml_name
from tidu.language.printer import unicode, unicode_name
from tidu.text import _

MOST_ROWS = 12  # of a batch that are named
LINE = "line"  # what the lines of the loop are called
PREDICTION = "<mover><mi>y</mi><mo>^</mo></mover>"


def explanation_document(found: Explanation, shown: tuple[Entry, ...]) -> Document:
    """A step by itself: its equations, the entries that are shown, and the loop that the numbers are of."""
    equations = [_equation(q.symbol.written("unicode"), q.unicode, q.symbol.written("mathml"), q.mathml)
                 for q in found.equations]  # fmt: skip
    parts = [Section(_("The model"), (Table(("", ""), tuple(equations), left=(0, 1)),))] if equations else []
    loop = Section(_("The loop"), (Code(found.source.rstrip("\n"), "python", place=LINE),))
    return Document(found.formula, "", (*parts, section_of(found, LINE, shown), loop))


def derivation_document(found: Derivation) -> Document:
    """A derivative rule by rule, and the lines of the loop that compute it."""
    left = f"∂ℓ/∂{unicode_name(found.name)}"
    left_marks = f"<mfrac><mrow><mo>∂</mo><mi>ℓ</mi></mrow><mrow><mo>∂</mo>{mathml_name(found.name)}</mrow></mfrac>"
    both = zip(found.shown(), found.shown("mathml"), strict=True)
    rows = [
        (str(k), equation_cell(["" if k > 1 else left, text], ["" if k > 1 else left_marks, marks]), Cell(rule))
        for k, ((text, rule), (marks, _rule)) in enumerate(both, 1)
    ]
    sections = [Section(_("The derivation"), (Table(("", "", _("rule")), tuple(rows), left=(1, 2), prose=(2,)),))]
    if found.prediction is not None:
        row = _equation("ŷ", unicode(found.prediction), PREDICTION, mathml(found.prediction))
        sections.insert(0, Section(_("The model"), (Table(("", ""), (row,), left=(0, 1)),)))
    if found.loop:
        lines = "\n".join(f"{x.code}  # {_('line')} {x.number}" for x in found.loop)
        sections.append(Section(_("The loop"), (Code(lines, "python"),)))
    return Document(left, "", tuple(sections))


def why_not_document(found: WhyNot) -> Document:
    """Why a training diverged: what is said of it, the numbers that led to the first that is not finite, the loop."""
    step = found.explanation
    said = Section(_("Why did it diverge?"), (Items(tuple(("·", sentence) for sentence in found.sentences)),))
    loop = Section(_("The loop"), (Code(step.source.rstrip("\n"), "python", place=LINE),))
    return Document(step.formula, "", (said, section_of(step, LINE, step.behind(found.entry.id)), loop))


def _equation(symbol: str, formula: str, symbol_marks: str, marks: str) -> tuple[Cell | str, ...]:
    """A symbol, and what it is equal to."""
    return Cell(symbol, mathematics=math(symbol_marks)), equation_cell(["", formula], ["", marks])


def section_of(found: Explanation, place: str = "", shown: tuple[Entry, ...] | None = None) -> Section:
    """An explained step.

    `place` is what the lines of the loop are called in the document, where they stand in it; `shown` are the entries
    to be told, by default all.
    """
    blocks: list[Block] = [Prose(heading_of(found)), *(Prose(words) for words in found.layers)]
    rows: list[tuple[Cell | str, ...]] = []
    for part in sections_of(found, found.entries if shown is None else shown):
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
    named = [*map(str, found.batch[:MOST_ROWS]), *(["…"] if len(found.batch) > MOST_ROWS else [])]
    return _("step {step}, epoch {epoch}: {count} in the batch: {batch}").format(
        step=found.step, epoch=found.epoch, count=rows_in_words(len(found.batch)), batch=_(", ").join(named)
    )


def row_of(e: Entry, place: str = "") -> tuple[Cell | str, ...]:
    """The line of the loop, the equation with the numbers put in, and why."""
    line = Cell(str(e.line) if e.line else "", faint=True, target=f"{place}-{e.line}" if place and e.line else "")
    return line, equation_cell(e.equation("unicode"), e.equation("mathml")), Cell(e.rule, faint=True)


def equation_cell(sides: Sequence[str], marks: Sequence[str]) -> Cell:
    """Sides of an equation as a cell."""
    return Cell(" = ".join(sides).strip(), mathematics=math("<mo>=</mo>".join(marks)))


def _table(rows: Sequence[tuple[Cell | str, ...]]) -> Table:
    return Table((_("line"), _("number"), _("why")), tuple(rows), left=(1, 2), prose=(2,))
