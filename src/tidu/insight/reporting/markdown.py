"""A document as Markdown: for worksheets that are handed on, and for the pages of the documentation."""

from __future__ import annotations

from tidu.engines.mathematics import UNICODE
from tidu.insight.reporting.document import (
    Block,
    Cell,
    Code,
    Document,
    Facts,
    Items,
    Mathematics,
    Prose,
    Remarks,
    Section,
    Table,
)


def markdown(document: Document) -> str:
    """The whole document; pictures are left out, for Markdown holds none."""
    lines = [f"# {_plain(document.title)}", "", *([_plain(document.lead), ""] if document.lead else [])]
    for section in document.sections:
        lines += section_in_markdown(section, 2)
    return "\n".join(lines).rstrip() + "\n"


def section_in_markdown(section: Section, level: int) -> list[str]:
    """The lines of a section, and of those under it."""
    lines = [f"{'#' * level} {_plain(section.title)}", ""]
    for block in section.blocks:
        lines += [*_block(block), ""]
    for part in section.parts:
        lines += section_in_markdown(part, level + 1)
    return lines


def _block(block: Block) -> list[str]:
    match block:
        case Table():
            return _table(block)
        case Facts():
            return [f"- {_plain(name)}: {_plain(fact)}" for name, fact in block.told]
        case Mathematics():
            equations = [f"{left} {sign} {right}" for left, sign, right in block.lines(UNICODE)]
            return ["```text", *equations, "```", "", *map(_plain, block.meaning)]
        case Remarks():
            return [f"> {_plain(sentence)}" for sentence in block.sentences]
        case Prose():
            return [f"**{_plain(block.text)}**" if block.strong else _plain(block.text)]
        case Items():
            return [
                f"- {sign if sign != '·' else ''} {_plain(item)}".replace("-  ", "- ") for sign, item in block.items
            ]
        case Code():
            numbered = (f"{k:4}  {line}" for k, line in enumerate(block.text.split("\n"), 1))
            return [f"```{'text' if block.numbered else block.language}",
                    *(numbered if block.numbered else block.text.split("\n")), "```"]  # fmt: skip
        case _:
            return []


def _table(table: Table) -> list[str]:
    sides = ["---" if k in table.left else "---:" for k in range(len(table.headings))]
    lines = [f"**{_plain(table.title)}**", ""] if table.title else []
    rows = [[_cell(c) for c in row] if len(row) > 1 else _over(row[0], table) for row in table.rows]
    return [*lines, *(f"| {' | '.join(row)} |" for row in [[*map(_plain, table.headings)], sides, *rows])]


def _over(cell: Cell | str, table: Table) -> list[str]:
    """The heading of the rows below it, in the widest column."""
    text = f"**{_cell(cell)}**"
    blank = [""] * (len(table.headings) - 1)
    return [*blank[:1], text, *blank[1:]] if len(table.headings) > 1 else [text]


def _cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return _plain(cell)
    text = cell.text.replace("|", "\\|")
    if (cell.code or cell.mathematics) and text:
        return f"`{text}`"
    text = _plain(cell.text)
    return f"**{text}**" if cell.strong and text else text


def _plain(text: str) -> str:
    """Text in which no sign means anything to Markdown."""
    for sign in ("\\", "`", "*", "_", "|", "<", "[", "#"):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
