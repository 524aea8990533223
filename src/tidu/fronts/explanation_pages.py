"""An explanation as text to be put elsewhere: Markdown and HTML by the renderers of documents, and LaTeX.

Called by `tidu explain`; the terminal's own form is in `explaining.py`. What is said stands in the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidu.insight.derivation import harmless_latex
from tidu.insight.explanation import Section, sections_of
from tidu.insight.reporting import html as pages
from tidu.insight.reporting import markdown as texts
from tidu.insight.reporting.step_sections import derivation_document, explanation_document, heading_of
from tidu.text import _

if TYPE_CHECKING:
    from tidu.insight.derivation import Derivation
    from tidu.insight.explanation import Entry, Explanation

LATEX_HEAD = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"


def markdown(found: Explanation, shown: tuple[Entry, ...]) -> str:
    """The explanation as Markdown."""
    return texts.markdown(explanation_document(found, shown))


def html(found: Explanation, shown: tuple[Entry, ...]) -> str:
    """The explanation as one page without a network; each part of a formula says which node it is."""
    return pages.page(explanation_document(found, shown))


def derivation_in_markdown(found: Derivation) -> str:
    """The derivation as Markdown."""
    return texts.markdown(derivation_document(found))


def derivation_in_html(found: Derivation) -> str:
    """The derivation as one page."""
    return pages.page(derivation_document(found))


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


def remarks_on(found: Explanation, section: Section) -> Sequence[str]:
    """What is said under a section: beside the mean gradients, the reduction."""
    return found.ledger.sentences if section.ends_mean else ()


def closing(found: Explanation) -> list[str]:
    """The sentences at the end."""
    ends = [] if found.taken else [_("this step is not finite, so it was not taken")]
    return [*found.notes, *ends]
