"""The data of a training: read once, with what only the data can tell settled: classes, levels, first dates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard

from tidu.content.models import MODELS
from tidu.data.categories import check_literals, first_times, levels_of, notes_on, with_derived, words
from tidu.data.table import Source, Table
from tidu.engines.program import Program
from tidu.errors import ColumnNotFound, DataError, SettingError, closest
from tidu.language.formula import Formula
from tidu.text import _, language
from tidu.training.breakpoints import breakpoints_of, with_places
from tidu.training.judging.classes import training_table
from tidu.training.judging.domains import without_undefined
from tidu.training.settings import Settings

if TYPE_CHECKING:
    from tidu.eager.layers import Layer


@lru_cache(maxsize=64)
def _calls_models(formula: str) -> bool:
    """Whether a text may call a model function."""
    written = formula.replace(" ", "")
    return any(f"{name}(" in written for name in MODELS)


def read_for_training(
    settings: Settings, source: Source, drop_missing: bool
) -> tuple[Settings, Formula, Program, Table]:
    """The settings with what the data tell, the model and the program that they then are, and their table.

    Raises
    ------
    FormulaError, DataError, SettingError, NoDerivative
    """
    kept = settings.kept.get(_key_of(settings, source))
    if kept is not None:
        model, program, wanted = kept
        table = _some_rows(training_table(wanted, model.target, settings.loss_object, source, drop_missing))
        return settings, model, program, without_undefined([model.score, model.target], table, drop_missing)
    given, names, loss = settings, source.names, settings.loss_object
    if _calls_models(settings.formula):
        text = [name for name, kind in source.kinds().items() if kind == "text"]
        settings = settings.with_found(levels=dict.fromkeys(text, ()))
    model = settings.model(names)
    # How many scores and indicators a model has is known once the labels and the levels are.
    breaking = breakpoints_of(model, settings)
    program = None if loss.of_classes or model.derived or breaking else settings.program_of(model, names)
    coded = words([c.name for c in model.features], model.derived)
    wanted = settings.columns_of(model)
    table = _some_rows(training_table(wanted, model.target, loss, source, drop_missing, coded))
    outputs = (len(table.classes) or None) if loss.of_classes else None
    levels, zeros = levels_of(table, model.categories, model.derived), first_times(table, model.derived)
    check_literals(table, model.derived, levels)
    found: dict[str, Any] = {"outputs": outputs, "levels": levels, "zeros": zeros}
    if any(getattr(settings, name) != value for name, value in found.items()):
        settings = settings.with_found(**found)
    if model.derived or (loss.of_classes and outputs != (model.score.shape[0] if model.score.shape else 2)):
        model = settings.model(names)
    settings = settings.with_each_level(model)
    if breaking:  # anywhere, until it is settled which rows are learned from
        settings = with_places(settings, dict.fromkeys((p.name for p in breaking), 0.0))
    if program is not None and settings is given and not model.by_level:
        settings.kept[_key_of(settings, source)] = model, program, wanted
    program = program or settings.program_of(model, names)
    table = with_derived(table, model.derived, levels, zeros, [c.name for c in program.columns])
    for note in notes_on(levels, model.derived, zeros):
        table = table.with_note(note)
    return settings, model, program, without_undefined([model.score, model.target], table, drop_missing)


def formula_of(model: str | Layer, target: str | None, features: Sequence[str] | None, columns: Sequence[str]) -> str:
    """The text of a model, which is a text already or layers."""
    if isinstance(model, str) or not _is_layer(model):
        if target is not None or features is not None:
            raise SettingError(
                _("target and features are for layers; a formula names them itself: 'y = mlp(x1, x2, hidden=[8])'")
            )
        return model  # type: ignore[return-value]  # what is no text either is refused by `Settings`
    if target is None:
        raise SettingError(_("layers need to know what to predict; give the name of the column: target='y'"))
    wanted = [features] if isinstance(features, str) else list(features or ())
    for name in [target, *wanted]:
        if name not in columns:
            near = closest(str(name), columns)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise ColumnNotFound(
                _("there is no column '{name}'{hint}; the data has {columns}").format(
                    name=name, hint=hint, columns=", ".join(columns)
                )
            )
    return model.formula(target, wanted)


def _is_layer(model: object) -> TypeGuard[Layer]:
    from tidu.eager.layers import Layer  # a formula needs no tensors

    return isinstance(model, Layer)


def _key_of(settings: Settings, source: Source) -> tuple[Any, ...]:
    """What model and program follow from, besides the settings with which they are kept."""
    return source.names, *settings.init, language()


def _some_rows(table: Table) -> Table:
    """The table, which has rows."""
    if table.rows == 0:
        raise DataError(_("{origin} has no rows; a row for each sample is needed").format(origin=table.origin))
    return table
