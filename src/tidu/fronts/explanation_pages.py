"""Explanations and derivations as pages: Markdown, LaTeX, HTML with MathML. What they say stands in the data.

Called by `tidu explain`; the terminal's own form is in `explaining.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from tidu.insight.derivation import harmless_latex
from tidu.insight.explanation import Section, sections_of
from tidu.language.mathml import math
from tidu.text import _, language

if TYPE_CHECKING:
    from tidu.insight.derivation import Derivation
    from tidu.insight.explanation import Entry, Explanation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; width: 100% }
td { vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #eee }
td:first-child { color: #888; text-align: right; width: 2.5rem }
code, pre { font: 13px/1.5 ui-monospace, monospace; color: #555 }
.rule { color: #666; font-size: .9rem }
math { font-size: 1.05rem }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } h2, td { border-color: #333 }
  code, pre, .rule { color: #aaa } }
"""
LATEX_HEAD = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"


def heading_of(found: Explanation) -> str:
    """Which step it is, and which rows fed it."""
    batch = ", ".join(map(str, found.batch[:12])) + (", …" if len(found.batch) > 12 else "")
    return _("step {step}, epoch {epoch}: {count} rows in the batch: {batch}").format(
        step=found.step, epoch=found.epoch, count=len(found.batch), batch=batch
    )


def remarks_on(found: Explanation, section: Section) -> Sequence[str]:
    """What is said under a section: beside the mean gradients, the reduction; before the update, its rule."""
    if section.ends_mean:
        return found.ledger.sentences
    return ()


def closing(found: Explanation) -> list[str]:
    """The sentences at the end."""
    ends = [] if found.taken else [_("this step is not finite, so it was not taken")]
    return [*found.notes, *ends]


# -- Markdown --------------------------------------------------------------------------------------------------
def markdown(found: Explanation, shown: tuple[Entry, ...]) -> str:
    """The explanation as Markdown."""
    lines = [f"## {found.formula}", "", heading_of(found), "", *(f"- {words}" for words in found.layers)]
    for section in sections_of(found, shown):
        lines += ["", f"### {section.title}", "", f"| {_('line')} | {_('number')} | {_('why')} |", "|---:|---|---|"]
        lines += [
            f"| {e.line or ''} | `{' = '.join(e.equation('unicode')).replace('|', chr(92) + '|')}` | {e.rule} |"
            for e in section.entries
        ]
        lines += ["", *(f"- {words}" for words in remarks_on(found, section))]
    return "\n".join([*lines, "", *closing(found)])


def derivation_in_markdown(found: Derivation) -> str:
    """The derivation as Markdown: a line a rule, then the lines of the loop."""
    lines = [f"`ŷ = {_plain(found)}`", ""] if found.prediction is not None else []
    lines += [f"{k}. `∂ℓ/∂{found.name} = {shown}`: {rule}" for k, (shown, rule) in enumerate(found.shown(), 1)]
    return "\n".join([*lines, "", "```python", *(f"{x.code}  # {_('line')} {x.number}" for x in found.loop), "```"])


def _plain(found: Derivation) -> str:
    from tidu.language.printer import unicode

    assert found.prediction is not None
    return unicode(found.prediction)


# -- LaTeX -----------------------------------------------------------------------------------------------------
def latex(found: Explanation, shown: tuple[Entry, ...]) -> str:
    """The explanation as a LaTeX document."""
    lines = [rf"\section*{{{harmless_latex(found.formula)}}}", harmless_latex(heading_of(found))]
    for section in sections_of(found, shown):
        lines += [rf"\subsection*{{{harmless_latex(section.title)}}}", r"\begin{align*}"]
        rows = []
        for e in section.entries:
            left, *right = e.equation("latex")
            rows.append(" \\\\\n".join([rf"{left} &= {right[0]}", *(f"&= {part}" for part in right[1:])])
                        + rf" && \text{{{harmless_latex(e.rule)}}}")  # fmt: skip
        lines += [" \\\\\n".join(rows), r"\end{align*}", *map(harmless_latex, remarks_on(found, section))]
    return LATEX_HEAD + "\n".join([*lines, *map(harmless_latex, closing(found))]) + "\n\\end{document}\n"


# -- HTML ------------------------------------------------------------------------------------------------------
def html(found: Explanation, shown: tuple[Entry, ...]) -> str:
    """The explanation as one page without a network; each part of a formula says which node it is."""
    parts = [f"<h1>{escape(found.formula)}</h1><p>{escape(heading_of(found))}</p>"]
    parts += [f"<p>{math(q.symbol.written('mathml') + '<mo>=</mo>' + q.mathml)}</p>" for q in found.equations]
    parts += [f"<p>{escape(words)}</p>" for words in found.layers]
    for section in sections_of(found, shown):
        rows = "".join(_row(e) for e in section.entries)
        said = "".join(f"<p class='rule'>{escape(words)}</p>" for words in remarks_on(found, section))
        parts.append(f"<h2>{escape(section.title)}</h2><table>{rows}</table>{said}")
    parts += [f"<p>{escape(words)}</p>" for words in closing(found)]
    parts.append(f"<h2>{escape(_('the loop'))}</h2><pre>{escape(_numbered(found.source))}</pre>")
    return page(found.formula, "".join(parts))


def _row(e: Entry) -> str:
    left, *parts = e.equation("mathml")  # each a piece of its own, so that a long line is broken between them
    pieces = " ".join([math(left), *(math(f"<mo>=</mo>{part}") for part in parts)])
    code = f"<br><code>{escape(e.code)}</code>" if e.code else ""
    node = f" data-node='{e.node}'" if e.node else ""
    return (f"<tr id='{escape(e.id)}'{node}><td>{e.line or ''}</td><td>{pieces}{code}<br>"
            f"<span class='rule'>{escape(e.rule)}</span></td></tr>")  # fmt: skip


def _numbered(source: str) -> str:
    return "\n".join(f"{k:4}  {line}" for k, line in enumerate(source.rstrip().split("\n"), 1))


def derivation_in_html(found: Derivation) -> str:
    """The derivation as one page."""
    from tidu.language.mathml import mathml, mathml_name

    left = f"<mfrac><mrow><mo>∂</mo><mi>ℓ</mi></mrow><mrow><mo>∂</mo>{mathml_name(found.name)}</mrow></mfrac>"
    head = ""
    if found.prediction is not None:
        head = f"<p>{math('<mover><mi>y</mi><mo>^</mo></mover><mo>=</mo>' + mathml(found.prediction))}</p>"
    rows = "".join(
        f"<tr><td>{k}</td><td>{math((left if k == 1 else '') + '<mo>=</mo>' + shown)}<br>"
        f"<span class='rule'>{escape(rule)}</span></td></tr>"
        for k, (shown, rule) in enumerate(found.shown("mathml"), 1)
    )
    loop = "".join(f"{x.number:4}  {escape(x.code)}\n" for x in found.loop)
    return page(f"∂ℓ/∂{found.name}", f"{head}<table>{rows}</table><pre>{loop}</pre>")


def page(title: str, body: str) -> str:
    """A page of its own."""
    return (f"<!doctype html>\n<html lang='{language()}'><head><meta charset='utf-8'><title>{escape(title)}</title>"
            f"<style>{STYLE}</style></head><body>{body}</body></html>")  # fmt: skip
