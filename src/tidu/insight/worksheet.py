"""Worksheets: a step of a training with blanks to be filled in by hand, and the key on a page of its own.

Blank are results of sub-steps. Each follows from numbers that are told, and from blanks above it; where a number is to
be found, nothing else on the sheet tells it. The same seed gives the same worksheet. Called by `Run.worksheet` and
`tidu worksheet`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidu.errors import SettingError
from tidu.insight.explanation import Entry, Explanation, sections_of
from tidu.insight.reporting.document import Block, Cell, Document, Mathematics, Prose, Section, Table, blocks_of
from tidu.insight.reporting.html import fragment, page
from tidu.insight.reporting.markdown import markdown
from tidu.insight.reporting.run_facts import mathematics
from tidu.insight.reporting.step_sections import equation_cell, heading_of
from tidu.insight.written import number, shown
from tidu.language.mathml import math
from tidu.text import _, counted, mark
from tidu.training.run import Run
from tidu.writing import write_whole

SHARES = {"easy": 0.4, "medium": 0.7, "hard": 1.0}  # of the results that are left blank
FORMS = {".md": "markdown", ".html": "html", ".htm": "html"}
GAP = "________"
GAP_IN_MATHML = '<mspace width="5.5em" class="blank"/>'


@dataclass(frozen=True)
class Blank:
    """A number to be found: its place among the blanks from 1, and its entry."""

    place: int
    entry: Entry

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        e = self.entry
        return {"blank": self.place, "name": e.name, "row": e.row, "line": e.line, "formula": e.formula(),
                "numbers": e.numbers(), "value": float(e.value)}  # fmt: skip


@dataclass(frozen=True)
class Worksheet:
    """A step with blanks.

    Attributes
    ----------
    found : the step, explained.
    blanks : what is to be found, in the order in which it is computed.
    document : what is handed out, its key on a page of its own.
    """

    found: Explanation
    blanks: tuple[Blank, ...]
    document: Document

    def text(self, form: str) -> str:
        """It and its key in `markdown` or as an `html` page, whose key begins a page of its own when printed."""
        return page(self.document) if form == "html" else markdown(self.document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it, as Markdown or HTML by what the name ends in.

        Raises
        ------
        SettingError
            The name ends in something else.
        """
        write_whole(path, self.text(form_of(path)).encode())

    def _repr_html_(self) -> str:
        return fragment(blocks_of(self.document.sections))


def form_of(path: str | os.PathLike[str]) -> str:
    """The form of a worksheet by the name of its file."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMS:
        raise SettingError(
            _("a worksheet is Markdown or HTML; its file name ends in {formats}, not '{path}'").format(
                formats=", ".join(FORMS), path=os.fspath(path)
            )
        )
    return FORMS[suffix]


def worksheet(
    run: Run, step: int = 0, rows: Sequence[int] | None = None, difficulty: str = "medium", seed: int = 0
) -> Worksheet:
    """A step of a run as a worksheet; see `Run.worksheet` for what may be asked.

    Raises
    ------
    SettingError, DataError
        There is no such difficulty; nothing in the step can be left blank; or as `Run.explain` does.
    """
    if difficulty not in SHARES:
        raise SettingError(
            _("difficulty is one of {names}, not '{value}'").format(names=", ".join(SHARES), value=difficulty)
        )
    found: Explanation = run.explain(step, rows)
    able = [e for e in found.entries if _is_a_result(e)]
    if not able:
        raise SettingError(_("no number of this step can be left blank; choose a model of single numbers"))
    count = max(1, round(SHARES[difficulty] * len(able)))
    chosen = {e.id for e in random.Random(seed).sample(able, count)}
    blanks = tuple(Blank(k, e) for k, e in enumerate((e for e in able if e.id in chosen), 1))
    return Worksheet(found, blanks, _document(run, found, blanks))


def _is_a_result(e: Entry) -> bool:
    """Whether it is one number, computed by more than taking another's value."""
    computed = e.expression is not None and (len(e.parts) != 1 or e.expression is not e.parts[0].node)
    return computed and not e.shape and e.block != "given"


def _document(run: Run, found: Explanation, blanks: tuple[Blank, ...]) -> Document:
    places = {b.entry.id: b.place for b in blanks}
    words = _(
        "Fill in the blanks, from top to bottom. {count} are to be found; ten digits are more than enough."
    ).format(count=counted(len(blanks), mark("{n} number"), mark("{n} numbers")))
    formulas: Mathematics = mathematics(run.program, run.settings.formula)
    task: list[Block] = [Prose(heading_of(found)), Prose(words), formulas]
    task.append(_table(found, places))
    title = _("Worksheet: step {step} of {formula}").format(step=found.step, formula=found.formula)
    key = Section(_("Key"), (_key(blanks), *(Prose(s) for s in found.ledger.sentences)), own_page=True)
    return Document(title, _("Name: ____________________   Date: ____________"), (
        Section(_("Step {step}").format(step=found.step), tuple(task)), key,
    ))  # fmt: skip


def _table(found: Explanation, places: dict[str, int]) -> Table:
    rows: list[tuple[Cell | str, ...]] = []
    hidden: set[str] = set()  # entries whose value is not told: blanks, and what only passes one on
    for section in sections_of(found, found.entries):
        rows.append((section.title,))
        for e in section.entries:
            # A sum over many rows is told: nobody adds up what does not stand on the sheet.
            passes_on = e.expression is not None and not _is_a_result(e) and bool(hidden & {*e.sources})
            if e.id in places or passes_on:
                hidden.add(e.id)
            if not (passes_on and e.symbol.written("unicode") == e.formula("unicode")):
                rows.append(_row(e, places.get(e.id), hidden))
    return Table((_("blank"), _("number"), _("why")), tuple(rows), left=(1, 2), prose=(2,))


def _row(e: Entry, place: int | None, hidden: set[str]) -> tuple[Cell | str, ...]:
    why = Cell(e.rule, faint=True)
    sides, marks = _sides(e, hidden, "unicode"), _sides(e, hidden, "mathml")
    if e.id in hidden:
        cell = equation_cell([*sides, GAP], [*marks, GAP_IN_MATHML])
    else:
        told = e.result("unicode") not in sides
        cell = equation_cell([*sides, *([e.result("unicode")] if told else [])],
                             [*marks, *([e.result("mathml")] if told else [])])  # fmt: skip
    return Cell("" if place is None else f"({place})", strong=True), cell, why


def _sides(e: Entry, hidden: set[str], notation: str) -> list[str]:
    """Symbol, formula, and the formula with the numbers that are told put in."""
    sides = [e.symbol.written(notation), e.formula(notation)]
    if e.expression is not None and _is_a_result(e):
        known = {p.node: p.symbol.written(notation) if p.source in hidden else number(p.value, notation, inside=True)
                 for p in e.parts}  # fmt: skip
        sides.append(shown(e.expression, known, notation))
    return _once(sides)


def _once(sides: Sequence[str]) -> list[str]:
    """What would stand there twice is left out."""
    return [part for k, part in enumerate(sides) if part and part not in sides[:k]]


def _key(blanks: tuple[Blank, ...]) -> Table:
    rows = tuple(
        (
            Cell(f"({b.place})", strong=True),
            Cell(b.entry.symbol.written("unicode"), mathematics=math(b.entry.symbol.written("mathml"))),
            Cell(b.entry.result("unicode"), strong=True),
            replace(equation_cell([b.entry.numbers("unicode")], [b.entry.numbers("mathml")]), faint=True),
        )
        for b in blanks
    )
    return Table((_("blank"), _("name"), _("result"), _("numbers put in")), rows, left=(1, 3))
