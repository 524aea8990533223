"""The report of a run: question, data, model, loop, curves, contours, steps, diagnosis, and how to repeat it.

`report_of` gives a document; `run.report`, `tidu report` and `tidu fit --report` write it as one HTML file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from tidu.content.methods import SOLVERS
from tidu.data.table import Table as Data
from tidu.errors import SettingError
from tidu.insight.reporting.diagnosis_blocks import diagnosis_blocks
from tidu.insight.reporting.document import Block, Cell, Code, Document, Prose, Section, Table
from tidu.insight.reporting.html import page
from tidu.insight.reporting.repeating import command_of, python_of
from tidu.insight.reporting.run_facts import blocks_of_result, mathematics, number
from tidu.insight.reporting.run_pictures import pictures
from tidu.insight.reporting.step_sections import LINE, section_of
from tidu.language.printer import unicode_name
from tidu.text import _
from tidu.training.functions import reads_no_column
from tidu.training.origin import Origin
from tidu.training.run import Run
from tidu.writing import write_whole

SUFFIXES = (".html", ".htm")
FIRST_ROWS = 5  # of the data that are shown
CHEAP = 200_000  # samples that a training took, up to which what the doctor advises is tried too


def write_report(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the report of a run as one HTML file that needs no network.

    Raises
    ------
    SettingError
        The name of the file ends in something else.
    """
    check_report_path(path)
    write_whole(path, page(report_of(run)).encode())


def check_report_path(path: str | os.PathLike[str]) -> None:
    """Raise now what `write_report` would raise after the work is done."""
    if not os.fspath(path).lower().endswith(SUFFIXES):
        raise SettingError(
            _("a report is an HTML file, whose name ends in .html, not '{path}'").format(path=os.fspath(path))
        )


def report_of(run: Run) -> Document:
    """The report of a run; of one without its data it has no pictures of them, no steps, no diagnosis, and says so."""
    s = run.settings
    solver = SOLVERS.get(s.optimizer)
    sections = [
        Section(_("The question"), tuple(Prose(words) for words in _question(run))),
        _data(run),
        Section(_("The model"), (mathematics(run.program, s.formula, solver),)),
        Section(_("The result"), tuple(blocks_of_result(run))),
        _section(_("Curves"), pictures(run, "overview", "parameters", "residuals")),
        None if run.program.of_arrays else _section(_("The cost around the path"), pictures(run, "contours")),
        _section(_("The classes"), pictures(run, "boundary", "confusion")),
        _loop(run),
        _steps(run),
        _diagnosis(run),
        _repeating(run),
    ]  # fmt: skip
    lead = _("A report of tidu: every number below is of the run itself.")
    return Document(s.formula.strip(), lead, tuple(section for section in sections if section is not None))


def _section(title: str, blocks: Sequence[Block]) -> Section | None:
    return Section(title, tuple(blocks)) if blocks else None


def _question(run: Run) -> list[str]:
    s, program = run.settings, run.program
    if program.target is None:
        return _question_of_function(run)
    features = list(dict.fromkeys(c.name for c in program.columns if c.role == "feature"))
    target = "f" if program.target is None else str(program.target)
    names = ", ".join(unicode_name(name) for name in run.params)
    if features:
        asked = _("How does {target} follow from {features}?").format(target=target, features=", ".join(features))
    else:
        asked = _("Which constant describes {target}?").format(target=target)
    what = _(
        "The model is {formula}. Its parameters, {names}, are chosen so that the mean loss ({loss}) over the data is "
        "as small as possible."
    ).format(formula=s.formula.strip(), names=names, loss=s.loss)
    return [asked, what]


def _question_of_function(run: Run) -> list[str]:
    start = _(", ").join(f"{unicode_name(name)} = {number(float(value))}" for name, value in run.start.items())
    told = [
        _("Where is {function} smallest?").format(function=run.settings.formula.strip()),
        _("The descent begins at {start} and goes against the gradient.").format(start=start),
    ]
    if not reads_no_column(run.program):
        names = _(", ").join(c.name for c in run.program.columns)
        told.append(
            _("What is made small is the mean of the function over the rows of {columns}.").format(columns=names)
        )
    return told


def _data(run: Run) -> Section | None:
    if reads_no_column(run.program):
        return None
    origin = run.origin or Origin()
    table = run.training_data
    where = _("from {path}").format(path=os.path.basename(origin.path)) if origin.path else ""
    rows = _("{rows} rows to learn from").format(rows=run.rows)
    kept = [("test", run.problem.test), ("validation", run.problem.validation)]
    held = [_("{count} kept back ({part})").format(count=t.rows, part=_(part)) for part, t in kept if t is not None]
    about = Prose(", ".join(filter(None, [rows, *held, where])) + _("."))
    if table is None:
        missing = _("The run does not hold its data; name them, and the report has their pictures and steps too.")
        return Section(_("The data"), (about, Prose(missing)))
    return Section(_("The data"), (about, _columns(run, table), _first_rows(table)))


def _columns(run: Run, table: Data) -> Table:
    roles = {"feature": _("feature"), "target": _("target"), "weight": _("weight")}
    rows: list[tuple[Cell | str, ...]] = []
    for column in run.program.columns:
        values = table[column.name]
        numbers = [values.min(), values.mean(), values.max(), values.std()]
        rows.append((Cell(column.name, code=True), roles.get(column.role, column.role),
                     *(f"{float(v):.6g}" for v in numbers)))  # fmt: skip
    headings = _("column"), _("role"), _("smallest"), _("mean"), _("largest"), _("standard deviation")
    return Table(headings, tuple(rows), left=(0, 1))


def _first_rows(table: Data) -> Table:
    names = list(table)[:8]
    shown = [(str(k), *(number(float(table[name][k])) for name in names)) for k in range(min(FIRST_ROWS, table.rows))]
    return Table((_("row"), *names), tuple(shown), _("The first rows"))


def _loop(run: Run) -> Section | None:
    if not run.source:
        return None
    words = _("This is the text that ran, line by line. The steps below name the line of each number.")
    return Section(_("The loop"), (Prose(words), Code(run.source.rstrip("\n"), "python", place=LINE)))


def steps_shown(run: Run) -> list[int]:
    """The first step, one in the middle and the last; of a run that diverged, the one that was not taken."""
    last = run.steps - (not run.diverged)
    return sorted({0, last // 2, last}) if last >= 0 else []


def _steps(run: Run) -> Section | None:
    if run.training_data is None or run.settings.uses_solver or not steps_shown(run):
        return None
    try:
        found = [run.explain(step) for step in steps_shown(run)]
    except SettingError as cannot:  # which loops have no trace, a trace says
        return Section(_("Steps"), (Prose(str(cannot)),))
    blocks: list[Block] = [Prose(_("Some steps of the training, number by number. Rows and steps are counted from 0."))]
    place, source = LINE, found[0].source
    if source != run.source:
        place = f"{LINE}-of-tiles"
        blocks.append(Prose(_("They are told along the loop over tiles of samples, which computes the same steps:")))
        blocks.append(Code(source.rstrip("\n"), "python", place=place))
    return Section(_("Steps"), tuple(blocks), tuple(section_of(each, place) for each in found))


def _repeating(run: Run) -> Section | None:
    if run.program.target is None and not reads_no_column(run.program):  # no command minimises over columns
        return None
    return Section(_("How to repeat it"), (
        Prose(_("On the command line:")), Code(command_of(run), "sh"),
        Prose(_("In Python:")), Code(python_of(run), "python"),
    ))  # fmt: skip


def _diagnosis(run: Run) -> Section | None:
    if run.training_data is None:
        return None
    cheap = run.epochs * run.rows <= CHEAP
    try:
        found = run.diagnose(trials=cheap)
    except SettingError as cannot:  # the doctor says which models it examines
        return Section(_("Diagnosis"), (Prose(str(cannot)),))
    return _section(_("Diagnosis"), diagnosis_blocks(found))
