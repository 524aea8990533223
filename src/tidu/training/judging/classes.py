"""A formula's table ready for its loss: read, without missing cells, and with labels as the codes of the loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set

from tidu.content.losses import LOSSES, Loss
from tidu.copying import replaced
from tidu.data.categories import Levels, with_derived, words
from tidu.data.labels import label_text, with_known_labels, with_labels
from tidu.data.numerals import looks_like_a_number
from tidu.data.table import Label, Source, Table, clipped, without_missing
from tidu.engines.program import Program
from tidu.errors import DataError
from tidu.language.expr import Expr
from tidu.text import _
from tidu.training.judging.domains import without_undefined


def training_table(
    wanted: Collection[str],
    target: Expr,
    loss: Loss,
    source: Source,
    drop_missing: bool,
    words: Collection[str] = (),
) -> Table:
    """The columns in `wanted`, checked; for a loss of classes with its `classes`, `words` as codes."""
    label = label_column(target, loss)
    names = {name for name in source.names if name in wanted}
    try:
        read = source.table(names, label, words)
    except DataError:
        _refuse_labels(target, loss, source)
        raise
    table = without_missing(read, drop_missing)
    if label is not None:
        return with_labels(table, label, loss.targets.codes, loss.name)
    classes = _classes_of_codes(loss)
    return replaced(table, classes=classes) if classes != table.classes else table


def _refuse_labels(target: Expr, loss: Loss, source: Source) -> None:
    """Say which losses take labels, where the target that a loss of numbers was given is a column of text."""
    if loss.targets.codes or not target.is_symbol:
        return
    table = source.table([target.name], target.name)
    labels = table.classes
    words = [label for label in labels if isinstance(label, str) and not looks_like_a_number(label)]
    if 2 * len(words) > len(labels):  # else it is a column of numbers with a cell that is none, which was named
        raise DataError(
            _(
                "{origin}: the target '{column}' holds text, such as '{label}', and the loss '{loss}' is of numbers; "
                "losses that take labels: {names}"
            ).format(
                origin=table.origin,
                column=target.name,
                label=clipped(label_text(words[0])),
                loss=loss.name,
                names=", ".join(name for name, entry in LOSSES.items() if entry.targets.codes),
            )
        ) from None


def table_to_judge(
    program: Program,
    loss: Loss,
    source: Source,
    names: Set[str],
    classes: tuple[Label, ...],
    drop_missing: bool,
    levels: Levels,
    zeros: Mapping[str, str],
) -> Table:
    """The columns `names`, checked, with those that the program derives of them.

    Labels must be among the `classes`, and categories among the `levels`, that the model was trained on.
    """
    assert program.target is not None
    label = label_column(program.target, loss)
    used = [c.name for c in program.columns]
    read = without_missing(source.table(names, label, words(used, program.derived)), drop_missing)
    derived = with_derived(read, program.derived, levels, zeros, used)
    table = without_undefined([program.score, program.target], derived, drop_missing)
    if label is None or label not in table:
        return replaced(table, classes=classes)
    return with_known_labels(table, label, classes, loss.targets.codes)


def label_column(target: Expr, loss: Loss) -> str | None:
    """The column that holds labels: the target of a loss of classes, where that is a column as it stands."""
    return target.name if loss.targets.codes and target.is_symbol else None


def _classes_of_codes(loss: Loss) -> tuple[Label, ...]:
    """The classes of a target that is computed from columns: the loss's own codes."""
    codes = loss.targets.codes
    if len(codes) > 2:
        raise DataError(
            _("the loss '{loss}' takes a column of labels as its target, not a function of columns").format(
                loss=loss.name
            )
        )
    return tuple(codes)
