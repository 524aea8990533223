"""An explanation as text to be put elsewhere: Markdown and HTML by the renderers of documents, and LaTeX.

Called by `tidu explain`; the terminal's own form is in `explaining.py`. What is said stands in the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidu.insight.explanation import Section, sections_of
from tidu.insight.latex_words import latex_document, latex_words
from tidu.insight.reporting import html as pages
from tidu.insight.reporting import markdown as texts
from tidu.insight.reporting.step_sections import (
    derivation_document,
    explanation_document,
    heading_of,
    why_not_document,
)
from tidu.text import _

if TYPE_CHECKING:
    from tidu.insight.derivation import Derivation
    from tidu.insight.explanation import Entry, Explanation
    from tidu.insight.why_not import WhyNot


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
    lines = [rf"\section*{{{latex_words(found.formula)}}}", latex_words(heading_of(found))]
    return latex_document([*lines, *_sections(found, shown), *map(latex_words, closing(found))])


def _sections(found: Explanation, shown: tuple[Entry, ...]) -> list[str]:
    """The equations of a step, section by section."""
    lines = []
    for section in sections_of(found, shown):
        lines += [rf"\subsection*{{{latex_words(section.title)}}}", r"\begin{align*}"]
        rows = []
        for e in section.entries:
            left, *right = e.equation("latex")
            rows.append(" \\\\\n".join([rf"{left} &= {right[0]}", *(f"&= {part}" for part in right[1:])])
                        + rf" && \text{{{latex_words(e.rule)}}}")  # fmt: skip
        lines += [" \\\\\n".join(rows), r"\end{align*}", *map(latex_words, remarks_on(found, section))]
    return lines


def why_not_in_markdown(found: WhyNot) -> str:
    """Why a training diverged, as Markdown."""
    return texts.markdown(why_not_document(found))


def why_not_in_html(found: WhyNot) -> str:
    """Why a training diverged, as one page."""
    return pages.page(why_not_document(found))


def why_not_in_latex(found: WhyNot) -> str:
    """Why a training diverged, as a LaTeX document."""
    step = found.explanation
    items = [rf"\item {latex_words(sentence)}" for sentence in found.sentences]
    lines = [rf"\section*{{{latex_words(step.formula)}}}", r"\begin{itemize}", *items, r"\end{itemize}"]
    return latex_document([*lines, *_sections(step, step.behind(found.entry.id)), *map(latex_words, closing(step))])


def remarks_on(found: Explanation, section: Section) -> Sequence[str]:
    """What is said under a section: beside the mean gradients, the reduction."""
    return found.ledger.sentences if section.ends_mean else ()


def closing(found: Explanation) -> list[str]:
    """The sentences at the end."""
    ends = [] if found.taken else [_("this step is not finite, so it was not taken")]
    return [*found.notes, *ends]
