"""`Problem`: what is to be trained: settings, program and data, read and checked once. Everything else takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tidu.copying import replaced
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import DiskTable, are_on_disk
from tidu.data.labels import label_text
from tidu.data.source import source_of
from tidu.data.streaming import is_too_large, streamed_source
from tidu.data.table import Label, Source, Table, train_test_split
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, SettingError
from tidu.language.expr import Expr, substitute, symbol
from tidu.language.formula import Formula
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.basis import SUFFIX, Basis
from tidu.training.breakpoints import breakpoints_of, found_breakpoints, with_places
from tidu.training.constraints import FOR_DESCENT, check_weights
from tidu.training.form_starts import starts_from_data
from tidu.training.functions import function_program, is_function, own_row
from tidu.training.judging.classes import table_to_judge
from tidu.training.judging.targets import check_target, target_values
from tidu.training.orders import BLOCKS
from tidu.training.origin import Origin, fingerprint
from tidu.training.reading import formula_of, read_for_training
from tidu.training.settings import Settings
from tidu.training.state import TrainingState

if TYPE_CHECKING:
    from tidu.cluster.connecting import Cluster
    from tidu.eager.layers import Layer

Array = npt.NDArray[np.float64]

# The settings that a program knows nothing of, and those that are exchanged in it; any other makes a new one.
_BESIDE_THE_PROGRAM = frozenset(
    {"batch_size", "epochs", "steps", "until_loss", "tol", "init", "shuffle", "seed", "record", "dtype", "fast",
     "bounds", "starts", "scale", "patience", "min_improvement", "report",
     "intervals", "draws", "resample"}
)  # fmt: skip

_OF_STARTS = frozenset({"init", "seed", "fix", "where"})
_OF_UPDATES = frozenset({"lr", "optimizer", "plateau"})

VALIDATION_STREAM = (1, 1)  # of random numbers, so that the split for the test stays what it is without validation


@dataclass(frozen=True)
class Limits:
    """When to stop: after `steps` steps at the latest; `bound` says which word the user gave that bound in."""

    steps: int
    bound: str = "epochs"
    until_loss: float | None = None
    tol: float | None = None


@dataclass(frozen=True)
class Problem:
    """What is to be trained.

    Attributes
    ----------
    settings : every decision of the user.
    program : what a sample and a step compute, as expressions in the user's parameters.
    start : the first value of each parameter, floats or arrays.
    formula : the model as it was read; None for a plain function.
    names : what the columns of the data are called, those that the formula does not use too.
    table, test : the rows to learn from and those kept back for the end; None without data (a saved model, a
        plain function).
    classes : the labels that a loss of classes tells apart.
    notes : sentences about the data and the settings.
    validation : the rows that every epoch is judged by; None where nobody asks for it.
    breaking : parameters that stand only in conditions, whose places the rows decide.
    break_ends : the ends of the 95% interval of each that was found, by name.
    rescaling, rescaled_program : the parameters of a descent under `scale=True`, once known, and the program in them.
    choice : why the optimizer is the one that it is, where `auto` chose it.
    """

    settings: Settings
    program: Program
    start: tuple[Any, ...]
    formula: Formula | None = None
    names: tuple[str, ...] = ()
    table: Table | None = None
    test: Table | None = None
    classes: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    validation: Table | None = None
    breaking: tuple[Expr, ...] = ()
    break_ends: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rescaling: Basis | None = None
    rescaled_program: Program | None = None
    choice: str = ""

    # -- making one --------------------------------------------------------------------------------
    @classmethod
    def read(
        cls,
        formula: str | Layer,
        data: object,
        settings: Mapping[str, Any] | None = None,
        *,
        target: str | None = None,
        features: Sequence[str] | None = None,
        test_size: float | None = None,
        validation: object = None,
        drop_missing: bool = False,
        stream: bool | None = None,
        csv: CsvOptions | None = None,
        check: Callable[[Settings], None] = lambda settings: None,
        cluster: Cluster | None = None,
    ) -> Self:
        """The problem of a formula, data and settings by name, all as `tidu.fit` takes them.

        `check` may refuse settings before the data are read, which the workers of a `cluster` do where they can.

        Raises
        ------
        FormulaError, DataError, SettingError, NoDerivative
            Each with one sentence that says what to do.
        """
        given = dict(settings or {})
        streamed = cluster is not None or (is_too_large(data) if stream is None else stream)

        def source_from(rows: object) -> Source:
            return streamed_source(rows, csv, drop_missing) if streamed else source_of(rows, csv)

        if cluster is None:
            source = source_from(data)
        else:
            from tidu.training.shared_source import shared_source  # few trainings have workers

            ordered = given.get("batch_size") is None or given.get("shuffle", True) is False
            source = shared_source(data, csv, drop_missing, ordered, cluster)
        if streamed and given.get("shuffle", True) is True:
            given["shuffle"] = BLOCKS
        chosen = Settings.of(formula_of(formula, target, features, source.names), given)
        check(chosen)
        if validation is not None and chosen.uses_solver:
            raise SettingError(_(FOR_DESCENT).format(option="validation", optimizer=chosen.optimizer))
        problem = cls.of_source(chosen, source, drop_missing)
        if validation is None or isinstance(validation, Real):
            return problem.split(test_size, validation)
        return problem.split(test_size).validated_by(source_from(validation), drop_missing)

    @classmethod
    def of_source(cls, chosen: Settings, source: Source, drop_missing: bool = False) -> Self:
        """The problem of settings and a source of data: all its rows, without starting values until they are split."""
        asked = chosen
        chosen, model, program, table = read_for_training(chosen, source, drop_missing)
        if _is_short(table):
            table = table.apart()
        return cls(
            chosen, program, (), model, source.names, table, classes=table.classes, notes=table.notes,
            breaking=tuple(breakpoints_of(model, asked)),
        )  # fmt: skip

    def split(self, test_size: float | None, validation: Any = None) -> Self:
        """With parts of the rows kept back, by the seed; the rest checked, and starting values drawn.

        `test_size` is a fraction of all rows, `validation` one of those that are left.
        """
        assert self.table is not None
        problem, table, test, judging = self, self.table, None, None
        if test_size is not None:
            table, test = train_test_split(table, test_size, self.settings.seed)
        if validation is not None:
            table, judging = train_test_split(table, validation, self.settings.seed, VALIDATION_STREAM)
        check_target(self.program, table, self.settings)
        check_weights(self.settings, table)
        if table is not self.table:
            problem = replaced(self, table=table, test=test, validation=judging)
        problem = problem._with_breakpoints()
        start = tuple(problem.first_values(self.settings))
        return replaced(problem, start=start, notes=(*problem.notes, *_notes_on(problem)))

    def _with_breakpoints(self) -> Self:
        """The problem with the parameters that stand only in conditions where the rows say."""
        if not self.breaking:
            return self
        assert self.formula is not None
        assert self.table is not None
        found = found_breakpoints(self.settings, self.formula, self.breaking, self.names, self.table)
        chosen = with_places(self.settings, {b.name: b.value for b in found})
        program = chosen.program_of(self.formula, self.names)
        ends, notes = {b.name: (b.low, b.high) for b in found}, (*self.notes, *(b.note for b in found))
        return replaced(self, settings=chosen, program=program, notes=notes, break_ends=ends)

    def validated_by(self, source: Source, drop_missing: bool = False) -> Self:
        """With rows from elsewhere to judge every epoch by.

        Raises
        ------
        DataError, ColumnNotFound
        """
        s = self.settings
        assert self.formula is not None
        wanted = s.columns_of(self.formula)
        for name in wanted:
            if name not in source.names:
                raise ColumnNotFound(
                    _("the validation data lack the column '{name}'; they have {columns}").format(
                        name=name, columns=", ".join(source.names)
                    )
                )
        table = table_to_judge(
            self.program, s.loss_object, source, {*wanted}, self.classes, drop_missing, s.levels, s.zeros
        )
        if table.rows == 0:
            raise DataError(_("{origin} has no rows to score").format(origin=table.origin))
        check_target(self.program, table, s)
        check_weights(s, table)
        return replaced(self, validation=table)

    @classmethod
    def of_model(cls, settings: Settings, names: Sequence[str], classes: tuple[Label, ...] = ()) -> Self:
        """The problem of a saved model: without data; of a function that needs none, with its one row."""
        if is_function(settings.formula):
            program = function_program(settings)
            return cls.of_function(program, settings.starting_values(program), settings, own_row(program))
        model = settings.model(names)
        program = settings.program_of(model, names)
        return cls(settings, program, tuple(settings.starting_values(program)), model, tuple(names), classes=classes)

    @classmethod
    def of_function(
        cls, program: Program, start: Sequence[float], settings: Settings, columns: Sequence[Array] = ()
    ) -> Self:
        """The problem of a program that is no formula's, on columns of shape (rows,) in its order."""
        names = tuple(c.name for c in program.columns)
        table = Table(dict(zip(names, columns, strict=True))) if columns else None
        return cls(settings, program, tuple(start), names=names, table=table)

    def changed(self, **settings: Any) -> Self:
        """The problem with some settings changed; what they leave as it is is not derived again.

        Starting values follow `init` and `seed`, where these are among them.
        """
        settings = {name: value for name, value in settings.items() if not _same(getattr(self.settings, name), value)}
        chosen = settings.get("optimizer") if settings.keys() == {"optimizer"} else None
        new = replace(self.settings, **settings) if chosen is None else self.settings.by(chosen)
        program, rescaled = self.program, self.rescaled_program
        if not settings.keys() <= _BESIDE_THE_PROGRAM | _OF_UPDATES:
            assert self.formula is not None
            assert self.rescaling is None
            program = new.program_of(self.formula, self.names)
        elif settings.keys() & _OF_UPDATES:
            program = program.with_update(new.stepping_optimizer, new.rate)
            rescaled = rescaled and rescaled.with_update(new.stepping_optimizer, new.rate)
        choice = "" if "optimizer" in settings else self.choice
        changed = replaced(self, settings=new, program=program, rescaled_program=rescaled, choice=choice)
        if settings.keys() & _OF_STARTS:
            return changed.starting_from(changed.first_values(new))
        return changed

    def first_values(self, settings: Settings) -> list[Any]:
        """Where parameters start under these settings, a number or an array for each."""
        return settings.starting_values(self.program, starts_from_data(self.formula, self.program, self.table))

    def starting_from(self, start: Sequence[Any]) -> Self:
        """The problem with other starting values, a number or an array for each parameter."""
        return replaced(self, start=tuple(start))

    def rescaled(self, basis: Basis) -> Self:
        """The problem whose descent runs in the parameters of `basis`."""
        names = tuple(symbol(p.name + SUFFIX, "parameter") for p in self.program.parameters)
        score = substitute(self.program.score, basis.exchange(self.program.parameters, names))
        program = self.settings.program_like(self.program, score, names)
        return replaced(self, rescaling=basis, rescaled_program=program)

    def read_again(self, origin: Origin, known: str | None, data: object = None) -> Self:
        """The same problem with the rows that it learned from, which it no longer holds.

        Parameters
        ----------
        origin : where they were; `data` are taken in their place.
        known : the fingerprint of the rows; None where it is not known.

        Raises
        ------
        DataError
            They were in memory and are not given, or are others now; or as `read`.
        """
        if data is None and origin.path is None:
            raise DataError(
                _("the data of this run were not in a file; give them: tidu explain RUN DATA, or with_data(data)")
            )
        if self.settings.plateau and origin.validation == "memory":
            raise DataError(
                _("the learning rate of this run followed the loss of validation data that were not in a file, so its "
                  "steps cannot be computed again")
            )  # fmt: skip
        rows, settings = origin.path if data is None else data, self.settings.to_dict()
        found = self._of_rows(source_of(rows, origin.csv)) if is_function(self.settings.formula) else self.read(
            settings.pop("formula"), rows, settings, test_size=origin.test_size,
            validation=None if origin.validation == "memory" else origin.validation,
            drop_missing=origin.drop_missing, stream=origin.stream, csv=origin.csv,
        )  # fmt: skip
        assert found.table is not None
        if known is not None and fingerprint(found.table, known) != known:
            raise DataError(
                _("the data are not those that this run learned from: a cell or the rows have changed; give those data")
            )
        found = replaced(found.starting_from(self.start), break_ends=self.break_ends)
        return found if self.rescaling is None else found.rescaled(self.rescaling)

    def _of_rows(self, source: Source) -> Self:
        """The problem of a function, over the rows of the columns that it names."""
        table = source.table(self.names)
        return self.of_function(self.program, self.start, self.settings, [table[name] for name in self.names])

    def without_data(self) -> Self:
        """The same problem, no longer holding on to its data."""
        return replaced(self, table=None, test=None, validation=None)

    # -- what it says ------------------------------------------------------------------------------
    @cached_property
    def columns(self) -> tuple[Array, ...]:
        """The training data as the program reads it: arrays of shape (rows,), in the order of `program.columns`."""
        return () if self.table is None else tuple(self.table[c.name] for c in self.program.columns)

    @property
    def rows(self) -> int:
        """Samples to learn from; 0 for a plain function."""
        return 0 if self.table is None else self.table.rows

    @property
    def keeps_its_rows(self) -> bool:
        """Whether the rows are its own, so that they stay what they are, and few enough to look at them once more."""
        return self.table is None or _is_short(self.table)

    @property
    def is_judged(self) -> bool:
        """Whether every epoch is judged, so that the best can be kept, for early stopping or for the rate."""
        return self.settings.patience is not None or bool(self.settings.plateau) or self.validation is not None

    @property
    def limits(self) -> Limits:
        """When a descent ends."""
        s = self.settings
        epochs, steps = s.limit
        rows = max(self.rows, 1)
        per_epoch = 1 if s.batch_size is None else -(-rows // min(s.batch_size, rows))
        bounds = [(epochs * per_epoch, "epochs")] if epochs is not None else []
        bounds += [(steps, "steps")] if steps is not None else []
        most, word = min(bounds)
        return Limits(most, word, s.until_loss, s.tol)

    # -- in the parameters of the descent ----------------------------------------------------------
    @property
    def descended(self) -> Program:
        """The program that the loop runs: in rescaled parameters, where there are such."""
        return self.rescaled_program or self.program

    @property
    def descent_start(self) -> tuple[Any, ...]:
        """Where the descent starts, in its own parameters."""
        return self.start if self.rescaling is None else (0.0,) * len(self.start)

    def parameters_at(self, state: TrainingState) -> tuple[Any, ...]:
        """The user's parameters where a descent stands."""
        return state.parameters if self.rescaling is None else self.rescaling.parameters(state)


def _is_short(table: Table) -> bool:
    return table.rows <= CHUNK and not isinstance(table, DiskTable)


def _same(a: object, b: object) -> bool:
    """Whether a setting stays as it is; an expression is compared as the node that it is."""
    return a is b or (type(a) is type(b) and not isinstance(a, Expr) and bool(a == b))


# -- what there is to say before the first step ----------------------------------------------------
def _notes_on(problem: Problem) -> list[str]:
    notes = [*problem.program.notes, *_notes_on_classes(problem), *_notes_on_score(problem)]
    size = problem.settings.batch_size
    if problem.settings.fast and problem.program.of_arrays:
        notes.append(
            _("fast changes nothing here: the loops of a model with vectors add in the one order that they have")
        )
    if are_on_disk(problem.columns) and problem.settings.shuffle and size is not None and size < problem.rows:
        notes.append(_("shuffled by blocks; in memory, --shuffle blocks has the same bits"))
    if size is not None and size > problem.rows:
        notes.append(
            _("the batch size {size} is larger than the data: each step uses all {rows} rows").format(
                size=size, rows=problem.rows
            )
        )
    return notes


def _notes_on_classes(problem: Problem) -> list[str]:
    """The classes that the split left without a row to learn from."""
    table, target = problem.table, problem.program.target
    assert table is not None
    assert target is not None
    codes = problem.settings.loss_object.targets.codes
    missing = {*codes[: len(table.classes)]}
    if not missing:
        return []
    for found in table.each_block(partial(_codes_in, target)):
        missing.difference_update(found)
        if not missing:  # the first rows mostly have all
            break
    unmet = [label_text(label) for label, code in zip(table.classes, codes, strict=False) if code in missing]
    if not unmet:
        return []
    return [
        _("no row of class {labels} is among the {rows} rows for training: it cannot be learned").format(
            labels=", ".join(unmet), rows=table.rows
        )
    ]


def _codes_in(target: Expr, _first: int, block: Table) -> list[float]:
    return np.unique(target_values(target, block)).tolist()  # type: ignore[no-any-return]


def _notes_on_score(problem: Problem) -> list[str]:
    """What stands twice: the link of the loss, as the last layer."""
    last = problem.program.score.op.name
    loss = problem.settings.loss_object.name
    if {"softmax": "softmax", "logistic": "sigmoid"}.get(loss) != last:
        return []
    return [
        _(
            "the model ends in {last}, which the loss '{loss}' itself applies to the scores: leave the last {last} out"
        ).format(last=last, loss=problem.settings.loss)
    ]
