"""From what a page sends (data, a formula, options as texts) to the problem that an experiment trains.

A formula with data is read as `tidu fit` reads it. A function is what `tidu minimize` takes: it may name columns, and
the cost is then its mean over the rows; without columns it stands on one row that it does not look at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidu.content.kinds import Flag
from tidu.content.methods import AUTO
from tidu.data.source import source_of
from tidu.data.table import Source, Table
from tidu.errors import FormulaError, SettingError, closest
from tidu.language.expr import evaluation_order
from tidu.text import _
from tidu.training.functions import NO_COLUMN, function_program, function_read, own_row
from tidu.training.options import options_of
from tidu.training.origin import Origin
from tidu.training.problem import Problem
from tidu.training.rates import automatic_rate
from tidu.training.rescaling import basis_of
from tidu.training.settings import Settings

STEPS = 10**9  # where every experiment ends at the latest
LONGEST_FORMULA = 2000  # characters; as mathematics it may be printed at a length that grows with their square
MOST_OPERATIONS = 4000  # of loss and gradient: such a program is written, compiled and printed in a few seconds
MOST_TABLES = 4  # of one source, that are kept in memory
NOWHERE = Origin()  # where data that are in memory cannot be read again
OF_THE_PAGE = options_of("lab")
OF_A_FUNCTION = ("lr", "optimizer", "batch_size", "init", "seed", "shuffle", "tol")


class Remembered(Source):
    """A source whose tables are read once: a person tries many settings on the same data."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tables: dict[object, Table] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """As the source says."""
        return self.source.names

    def kinds(self) -> Mapping[str, str]:
        """As the source says."""
        return self.source.kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        """The source's table, read when it is first asked for; the last few are kept."""
        key = (None if wanted is None else frozenset(wanted), label, frozenset(words))
        if key not in self.tables:
            if len(self.tables) >= MOST_TABLES:
                self.tables.pop(next(iter(self.tables)))
            self.tables[key] = self.source.table(wanted, label, words)
        return self.tables[key]


@dataclass(frozen=True)
class Data:
    """What is trained on: its name for people, where its columns come from, and where those can be read again.

    What `origin` says of rows that are kept back is kept to: they are not trained on. With `function`, what stands in
    the place of a formula is a function to be minimised.
    """

    name: str
    source: Source
    origin: Origin = NOWHERE
    function: bool = False

    @classmethod
    def of(cls, name: str, table: Mapping[str, Any], function: bool = False) -> Data:
        """Columns in memory; none of them for a function without data."""
        return cls(name, source_of(table or {NO_COLUMN: [0.0]}), NOWHERE, function)


def problem_of(data: Data, formula: str, given: Mapping[str, Any]) -> Problem:
    """The problem, with what `scale` and `lr="auto"` decide before a descent; `given` are options as texts."""
    if len(formula) > LONGEST_FORMULA:
        raise SettingError(
            _("the formula has {length} characters; the limit is {limit}").format(
                length=len(formula), limit=LONGEST_FORMULA
            )
        )
    read = settings_of(given)
    if data.function:
        problem = _problem_of_function(data, formula, read)
    else:
        drop = bool(read.pop("drop_missing", False))
        problem = Problem.of_source(Settings(formula, **read), data.source, drop)
    operations = len(evaluation_order([problem.program.loss, *problem.program.gradient]))
    if operations > MOST_OPERATIONS:
        raise SettingError(
            _("loss and gradient have {count} operations; the lab shows at most {limit}: give it to 'tidu fit'").format(
                count=operations, limit=MOST_OPERATIONS
            )
        )
    return _begun(problem if data.function else _without_those_kept_back(problem, data.origin))


def _without_those_kept_back(problem: Problem, origin: Origin) -> Problem:
    """The rows that are learned from, with a note where others are kept back, as by the run that is looked at."""
    judging = origin.validation if isinstance(origin.validation, float) else None
    split = problem.split(origin.test_size, judging)
    rows = split.rows
    if rows == problem.rows:
        return split
    note = _("{rows} of the {all} rows are learned from; the others are kept back, as the run did").format(
        rows=rows, all=problem.rows
    )
    return replace(split, test=None, validation=None, notes=(*split.notes, note))


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as texts, read as the command line reads them."""
    read: dict[str, Any] = {"steps": STEPS, "record": "step"}
    for name, text in given.items():
        if name not in OF_THE_PAGE:
            near = closest(str(name), OF_THE_PAGE)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(_("there is no option '{name}'{hint}").format(name=name, hint=hint))
        if text is None or text == "":
            continue
        kind = OF_THE_PAGE[name].kind
        if isinstance(kind, Flag):
            read[name] = kind.checked(name, text)
        else:
            read[name] = kind.read(name, str(text))
    return read


def _problem_of_function(data: Data, function: str, read: dict[str, Any]) -> Problem:
    """A function over its start, and over the columns that it names."""
    for name in read:
        if name not in {*OF_A_FUNCTION, "steps", "record"}:
            raise SettingError(
                _("a function is minimized as it stands, and has no {option}; leave it out").format(option=name)
            )
    table, settings = data.source.table(), Settings(function, **read)
    _value, variables, columns = function_read(settings)
    missing = [c.name for c in columns if c.name not in table]
    if not variables or missing:
        raise FormulaError(
            _("say where to start: in 'start', give each variable a number, such as {example}").format(
                example=",".join(f"{name}=1" for name in missing or ["x"])
            )
        )
    program = function_program(settings)
    values = [table[c.name] for c in columns] or own_row(program)
    return Problem.of_function(program, settings.starting_values(program), settings, values)


def _begun(problem: Problem) -> Problem:
    if problem.settings.uses_solver or problem.settings.optimizer == AUTO:
        raise SettingError(
            _(
                "the lab shows the steps of an optimizer, and {optimizer} is a solver, which has none; "
                "choose gd, adam or another"
            ).format(optimizer=problem.settings.optimizer)
        )
    if problem.settings.scale:
        problem = problem.rescaled(basis_of(problem))
    if problem.settings.lr == AUTO:
        chosen, why = automatic_rate(problem)
        problem = replace(problem.changed(lr=chosen), notes=(*problem.notes, why))
    return problem
