"""A run as an HTML table, which notebooks show in the place of its repr."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tidu.text import _

if TYPE_CHECKING:
    from tidu.training.run import Run


def html_of(run: Run) -> str:
    """The parameters with their standard errors, and the facts of the fit."""
    statistics = run.statistics
    headings = [_("parameter"), _("start"), _("end")]
    if statistics is not None:
        headings += [_("standard error"), _("95% interval")]
        errors, intervals = statistics.standard_errors, statistics.confidence_intervals()
    rows = []
    for name, value in run.params.items():
        cells = [name, _number(run.start[name]), _number(value)]
        if statistics is not None:
            known = name in intervals  # a vector has no one error
            low, high = intervals.get(name, (0.0, 0.0))
            cells += [_number(errors[name]), f"{_number(low)} … {_number(high)}"] if known else ["", ""]
        rows.append(cells)
    rows += [[name, _("fixed"), _number(value)] for name, value in run.settings.fix.items()]
    facts = [(_("loss"), _number(run.loss)), (_("optimizer"), run.settings.optimizer_in_full)]
    if run.metrics:
        facts.append(("R²", _number(run.metrics["r2"])))
    if statistics is not None:
        facts.append((_("residual standard deviation"), _number(statistics.residual_standard_deviation)))
        facts.append((_("degrees of freedom"), str(statistics.degrees_of_freedom)))
    lines = [f"<p><code>{escape(run.settings.formula)}</code></p>", "<table>"]
    lines.append("<tr>" + "".join(f"<th>{escape(h)}</th>" for h in headings) + "</tr>")
    lines += ["<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>" for cells in rows]
    lines.append("</table>")
    lines.append("<p>" + "; ".join(f"{escape(name)}: {escape(fact)}" for name, fact in facts) + "</p>")
    lines += [f"<p>! {escape(note)}</p>" for note in run.notes]
    return "\n".join(lines)


def _number(value: float) -> str:
    if np.ndim(value):
        return " × ".join(map(str, np.shape(value)))
    return f"{value:.8g}" if math.isfinite(value) else _("not computed")
