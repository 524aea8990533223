"""What one takes away from the lab: the run as a file, as a script, as the command that does the same, in the store.

Each is of the run that `tidu fit` makes of the same data, formula and settings, to the step where the lab stands.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidu.data.table import Table
from tidu.errors import SettingError
from tidu.lab.experiment import Experiment, Moment
from tidu.text import _
from tidu.training.callbacks import Stop
from tidu.training.fit import run_of
from tidu.training.options import OPTIONS
from tidu.training.origin import Origin
from tidu.training.problem import Problem
from tidu.training.run import Run
from tidu.training.storing.recording import Recorder
from tidu.training.storing.store import Store

SCRIPTS = ("python", "numpy", "torch", "jax")
MOST_ROWS = 100_000  # of data that are written out as text


def problem_until(experiment: Experiment, moment: Moment) -> Problem:
    """The problem with the step where the lab stands as its bound."""
    if moment.step == 0:
        raise SettingError(_("there is no run yet; take a step first"))
    return experiment.problem.changed(steps=moment.step, record="epoch")


def run_until(experiment: Experiment, moment: Moment) -> Run:
    """The whole run to the step where the lab stands, with its history."""
    return run_of(problem_until(experiment, moment), callbacks=lambda _event: Stop() if experiment.ended else None)


def script(experiment: Experiment, moment: Moment, to: str) -> str:
    """The training as a program that needs no tidu."""
    if to not in SCRIPTS:
        raise SettingError(_("the lab writes {names}, not '{to}'").format(names=", ".join(SCRIPTS), to=to))
    text: str = run_until(experiment, moment).export(to)
    return text


def report(experiment: Experiment, moment: Moment) -> str:
    """The report of the run, one HTML page."""
    from tidu.insight.reporting.html import page  # slow to import, and not what a lab begins with
    from tidu.insight.reporting.run_report import report_of

    return page(report_of(run_until(experiment, moment)))


def command(origin: Origin, formula: str, given: Mapping[str, Any], moment: Moment) -> str:
    """The command line that does the same; `given` are options as texts."""
    words = ["tidu", "fit", origin.path or "data.csv", formula]
    kept = {name: getattr(origin, name) for name in ("test_size", "validation")}
    for name, value in {**given, **kept}.items():
        option = f"--{OPTIONS[name].word}"
        if isinstance(value, bool):
            words += [option if value else f"--no-{OPTIONS[name].word}"]
        elif value not in (None, ""):
            words += [option, str(value)]
    words += ["--steps", str(max(1, moment.step))]
    return " ".join(map(shlex.quote, words))


def command_of_function(experiment: Experiment, moment: Moment) -> str:
    """The command line that minimises a function without data."""
    from tidu.insight.reporting.repeating import command_of

    return command_of(experiment.run(moment, 1))


def as_csv(table: Table) -> str:
    """The columns that are trained on as CSV, every digit of them."""
    if table.rows > MOST_ROWS:
        raise SettingError(
            _("the data have {rows} rows; the lab writes at most {most}").format(rows=table.rows, most=MOST_ROWS)
        )
    lines = [
        ",".join(table),
        *(",".join(map(repr, row)) for row in zip(*(c.tolist() for c in table.values()), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def kept(experiment: Experiment, moment: Moment, origin: Origin, given: Mapping[str, Any]) -> int:
    """The number in the store of the run to this step, which is trained and kept there; `given` are options."""
    problem = problem_until(experiment, moment)
    path = str(Path(origin.path).absolute()) if origin.path else None
    origin = replace(origin, path=path, drop_missing=bool(given.get("drop_missing")))
    with Store(None) as store:
        recorder = Recorder(store, origin)
        run = recorder.finished(run_of(replace(problem, notes=()), callbacks=recorder))
    assert run.id is not None
    return run.id
