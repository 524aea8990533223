"""A document as HTML: one page that needs no network, or the blocks alone, for a notebook. It computes nothing.

Mathematics is MathML, pictures are SVG in the page itself, and the page asks the browser to fetch nothing. It is made
for a telephone, a screen and paper.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from tidu.engines.mathematics import MATHML
from tidu.errors import MissingDependency
from tidu.insight.reporting.document import (
    Block,
    Cell,
    Code,
    Document,
    Facts,
    Items,
    Mathematics,
    Picture,
    Prose,
    Remarks,
    Section,
    Table,
)
from tidu.insight.reporting.style import STYLE
from tidu.language.mathml import math
from tidu.text import language

LARGEST_DRAWING = 600_000  # bytes of SVG; what has more points is a picture of dots
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # nothing is fetched


def page(document: Document) -> str:
    """The whole page."""
    title = escape(document.title)
    body = "\n".join(_section(s, 2) for s in document.sections)
    lead = f'<p class="lead">{escape(document.lead)}</p>' if document.lead else ""
    return f"""<!doctype html>
<html lang="{"zh-CN" if language() == "zh" else "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{lead}
{body}
</main>
</body>
</html>
"""


def fragment(blocks: Iterable[Block]) -> str:
    """Blocks alone, as notebooks show them."""
    return "\n".join(map(_block, blocks))


def _section(section: Section, level: int) -> str:
    own = ' class="own-page"' if section.own_page else ""
    parts = [f"<section{own}>", f"<h{level}>{escape(section.title)}</h{level}>"]
    parts += [_block(block) for block in section.blocks]
    return "\n".join([*parts, *(_section(part, level + 1) for part in section.parts), "</section>"])


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Facts():
            lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in block.told)
            return f"<dl>{lines}</dl>"
        case Mathematics():
            return _mathematics(block)
        case Remarks():
            kind = "remark bad" if block.bad else "remark"
            return "\n".join(f'<p class="{kind}">{escape(sentence)}</p>' for sentence in block.sentences)
        case Prose():
            return (
                f"<p>{'<strong>' if block.strong else ''}{escape(block.text)}{'</strong>' if block.strong else ''}</p>"
            )
        case Items():
            return f"<ul>{''.join(_item(sign, item) for sign, item in block.items)}</ul>"
        case Code():
            return _code(block)
        case Picture():
            return _picture(block)


def _item(sign: str, item: str) -> str:
    kind = {"!": "bad", "✓": "good"}.get(sign, "plain")
    return f'<li class="{kind}">{escape(item)}</li>'


def _table(table: Table) -> str:
    kind = ' class="steps"' if table.prose else ""
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    head = "".join(f'<th scope="col"{_side(table, k)}>{escape(h)}</th>' for k, h in enumerate(table.headings))
    rows = "\n".join(_row(table, row) for row in table.rows)
    whole = f"{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>"
    return f'<div class="wide"><table{kind}>{whole}</table></div>'


def _row(table: Table, row: tuple[Cell | str, ...]) -> str:
    if len(row) == 1:
        over = f'scope="colgroup" class="left" colspan="{len(table.headings)}"'
        return f'<tr class="group"><th {over}>{_cell(row[0])}</th></tr>'
    return f"<tr>{''.join(f'<td{_side(table, k)}>{_cell(cell)}</td>' for k, cell in enumerate(row))}</tr>"


def _side(table: Table, column: int) -> str:
    return ' class="left prose"' if column in table.prose else ' class="left"' if column in table.left else ""


def _cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return escape(cell)
    text = escape(cell.text)
    if cell.mathematics:
        text = cell.mathematics
    if cell.code and text:
        text = f"<code>{text}</code>"
    if cell.target:
        text = f'<a href="#{escape(cell.target)}">{text}</a>'
    if cell.strong:
        text = f"<strong>{text}</strong>"
    return f'<span class="faint">{text}</span>' if cell.faint else text


def _mathematics(block: Mathematics) -> str:
    rows = "\n".join(
        f'<tr><td>{math(left, block=True)}</td><td>{sign}</td><td class="left">{math(right, block=True)}</td></tr>'
        for left, sign, right in block.lines(MATHML)
    )
    meaning = "".join(f'<p class="faint">{escape(line)}</p>' for line in block.meaning)
    return f'<div class="wide"><table class="mathematics">\n{rows}\n</table></div>\n{meaning}'


def _code(block: Code) -> str:
    if not block.numbered:
        return f"<pre><code>{escape(block.text)}</code></pre>"
    lines = "".join(
        f'<span class="line" id="{escape(block.place)}-{k}"><span class="number">{k}</span>{escape(line)}</span>'
        for k, line in enumerate(block.text.split("\n"), 1)
    )
    return f'<pre class="numbered"><code>{lines}</code></pre>'


def _picture(block: Picture) -> str:
    words = escape(block.words)
    try:
        source = _drawn(block)
    except MissingDependency as missing:
        return f'<p class="remark">{escape(str(missing))}</p>'
    return f'<figure><img alt="{words}" src="{source}"><figcaption>{words}</figcaption></figure>'


def _drawn(block: Picture) -> str:
    """The picture as the address of an image that holds it."""
    from tidu.pictures.figure import written

    figure = block.draw()
    drawing = written(figure, "svg")
    if len(drawing) <= LARGEST_DRAWING:
        return f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"
    return f"data:image/png;base64,{base64.b64encode(written(figure, 'png')).decode()}"
