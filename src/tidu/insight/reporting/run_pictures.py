"""The pictures of a report: the kinds of pictures that there are of a run, each under its words."""

from __future__ import annotations

import re

from tidu.insight.picturing.kinds import KINDS
from tidu.insight.reporting.document import Picture
from tidu.language.printer import unicode_name
from tidu.text import _
from tidu.training.run import Run

OF_STEPS = ("parameters", "contours")  # what a solver has none of
MOST_PARAMETERS = 8  # that one picture can tell apart


def pictures(run: Run, *kinds: str) -> list[Picture]:
    """Those of `kinds` that there are of the run."""
    return [_picture(run, name) for name in kinds if KINDS[name].why_not(run) is None and _says_something(run, name)]


def _says_something(run: Run, name: str) -> bool:
    history = run.history
    if not len(history):
        return False
    if name in ("overview", "confusion"):
        return True
    if run.training_data is None or (name in OF_STEPS and run.settings.uses_solver):
        return False
    few = 0 < len(history.parameters) <= MOST_PARAMETERS and not run.program.of_arrays
    return name != "parameters" or (few and len(history) > 1)


def _picture(run: Run, name: str) -> Picture:
    words = _(KINDS[name].words)
    if KINDS[name].frames is not None:
        words = re.split("[;；]", words)[0]  # what follows is about files that move
    if name == "contours":
        shown, held = list(run.params)[:2], list(run.params)[2:]
        words = _("{what}: {names}").format(what=words, names=", ".join(map(unicode_name, shown)))
        if held:
            values = ", ".join(f"{unicode_name(n)} = {run.params[n]:.4g}" for n in held)
            words = _("{what}; a slice at {values}").format(what=words, values=values)
    return Picture(lambda: run.plot(kind=name), words)
