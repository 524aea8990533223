"""`Telling`: the explanation of a step as a tab needs it: whole at first, then what is new in each entry.

From one step to the next the formulas stay, and numbers change in them; so the markup of an entry is a form, which is
sent once, and the numbers that stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidu.errors import SettingError
from tidu.insight.explanation import Entry
from tidu.lab.experiment import MOST_COLUMNS, Experiment, Moment
from tidu.lab.views import as_element
from tidu.text import _

_NUMBER = re.compile(r"(?<=<mn>)[^<]*(?=</mn>)")


def explanation(experiment: Experiment, moment: Moment, row: int | None) -> dict[str, Any]:
    """Every value of the update that begins here, with the row whose own values are told.

    Raises
    ------
    SettingError : the training ends here.
    """
    if moment.why and moment.why != "diverged":
        raise SettingError(_("the training ends here; there is no further update"))
    trace, told = experiment.told(moment, row)
    features = [c for c in experiment.problem.program.columns if c.role == "feature"]
    more = len(features) - MOST_COLUMNS
    notes = [*told.notes, _("and {count} more").format(count=more)] if more > 0 else told.notes
    return {
        "step": trace.step, "rows": list(told.rows),
        "entries": _plain(told.entries),
        "names": experiment.explainer.names(trace), "after": {k: v for k, v in trace.after.items() if np.ndim(v) == 0},
        "taken": trace.taken, "reduction": told.ledger.sentences, "notes": list(notes),
    }  # fmt: skip


def _plain(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries as the page shows them: markup for the eye, a line of text for the ear, and the places of their sources.

    The `mn` elements of `markup` are empty; what stands in them are the `numbers`.
    """
    places = {e.id: k for k, e in enumerate(entries)}
    return [_entry(e, places) for e in entries]


def _entry(entry: Entry, places: Mapping[str, int]) -> dict[str, Any]:
    markup = as_element("<mo>=</mo>".join(entry.equation("mathml")))
    return {
        "node": entry.node or entry.name, "block": entry.block, "name": entry.name, "row": entry.row,
        "line": entry.line, "rule": entry.rule, "sources": [places[s] for s in entry.sources if s in places],
        "markup": _NUMBER.sub("", markup), "numbers": _NUMBER.findall(markup), "text": " = ".join(entry.equation()),
    }  # fmt: skip


class Telling:
    """What a tab was told last, so that the next step is told by what differs."""

    def __init__(self) -> None:
        self.number = 0  # of what was told last; a page that has another is told all
        self.last: dict[str, Any] = {}

    def told(self, explanation: dict[str, Any], known: int) -> dict[str, Any]:
        """An explanation with its `number`: whole, or what is new in it where the page has the one before."""
        before, self.last, self.number = self.last, explanation, self.number + 1
        if known != self.number - 1 or not before or len(before["entries"]) != len(explanation["entries"]):
            return {**explanation, "number": self.number}
        changes = [_changes(a, b) for a, b in zip(before["entries"], explanation["entries"], strict=True)]
        new = {name: value for name, value in explanation.items() if name != "entries" and before.get(name) != value}
        return {**new, "number": self.number, "changes": [[k, c] for k, c in enumerate(changes) if c]}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if before[name] != value}
