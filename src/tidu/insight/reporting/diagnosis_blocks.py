"""What the doctor found, as blocks of a report: findings, what was tried, the advice."""

from __future__ import annotations

from tidu.insight.doctor import Diagnosis
from tidu.insight.reporting.document import Block, Items, Prose
from tidu.text import _

SERIOUS = ("divergence", "symmetry", "dead", "saturated", "constant", "collinear", "sizes")
BAD, GOOD, PLAIN = "!", "✓", "·"  # signs before an item


def diagnosis_blocks(found: Diagnosis) -> list[Block]:
    """A sentence for each finding and each trial; the advice, if one helped."""
    findings = []
    for finding in found.findings:
        bad = finding.kind in SERIOUS or finding.numbers.get("share", 0.0) >= 1.0
        findings.append((BAD if bad else PLAIN, finding.words))
    blocks: list[Block] = [Items(tuple(findings))] if findings else []
    if found.trials:
        tried = tuple((GOOD if trial is found.best else PLAIN, trial.words) for trial in found.trials)
        blocks += [Prose(_("What was tried:"), strong=True), Items(tried)]
    if found.advice is not None:
        of_function = found.run.program.target is None  # which 'tidu fit' has no command for
        words = _("the advice: {options}") if of_function else _("Advice: tidu fit with {options}")
        blocks.append(Prose(words.format(options=found.advice), strong=True))
    return blocks
