"""Labels: a column of classes, text or whole numbers, to codes of float64 and back.

Reading gives a column of codes 0, 1, 2, ... (a missing label is NaN) beside the labels that they stand for, in order:
numbers by size, text by the alphabet. Once rows with missing cells are gone, `with_labels` settles which classes there
are and gives them the codes that a loss computes with; `with_known_labels` does so for data that a trained model meets.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.losses import MOST_CLASSES
from tidu.data.arrow import STRINGS, float64_of, numbers_of, spelt_out, type_of_labels
from tidu.data.arrow_library import pa
from tidu.data.numerals import BOOLEANS, MISSING, number_in
from tidu.data.table import Column, Label, Table, clipped, is_masked, numbers
from tidu.errors import DataError
from tidu.text import _

SHOWN = 8  # labels named in a message
EXACT = 2**53 - 1  # up to here, float64 tells whole numbers apart

Coded = tuple[Column, tuple[Label, ...]]  # codes of shape (rows,), and what they stand for


def label_text(label: Label | tuple[Label, ...]) -> str:
    """A label as people write it: `setosa`, `3`, `True`; labels of several columns at once with commas between."""
    if isinstance(label, tuple):
        return ", ".join(map(label_text, label))
    if isinstance(label, (str, bool)):
        return str(label)
    return f"{label:.17g}" if float(label).is_integer() else repr(float(label))


# -- reading --------------------------------------------------------------------------------------
def labels_of(values: object, name: str, origin: str) -> Coded:
    """Codes and labels of a list or an array: of text if a cell is text, of true and false, else of numbers."""
    masked = is_masked(values) and values.dtype.kind not in "fiub"
    array = np.ma.filled(values.astype(object), None) if masked else np.asarray(values)  # type: ignore[attr-defined]
    if array.dtype.kind == "M" and array.ndim == 1:
        return _of_words([None if text == "NaT" else text for text in np.datetime_as_string(array).tolist()])
    if array.dtype.kind == "b":
        return _of_truths(numbers(values, name, origin))
    if array.dtype.kind in "iu" and array.ndim == 1 and _are_long(array):
        return _of_words([None if cell is np.ma.masked else str(cell) for cell in _cells(values, array)])
    if array.dtype.kind not in "OSU" or array.ndim != 1:
        return _of_numbers(numbers(values, name, origin))
    cells = array.tolist()
    if not any(isinstance(cell, str) and cell.strip() not in MISSING for cell in cells):
        given = [cell for cell in cells if not _is_missing(cell)]
        if any(isinstance(cell, datetime.date) for cell in given):
            return _of_words([None if _is_missing(cell) else _word(cell) for cell in cells])
        if given and all(isinstance(cell, (bool, np.bool_)) for cell in given):
            return _of_truths(numbers(values, name, origin))
        if not any(isinstance(cell, int) and abs(cell) > EXACT for cell in given):
            return _of_numbers(numbers(values, name, origin))
    return _of_words([None if _is_missing(cell) else _word(cell) for cell in cells])


def labels_of_arrow(column: pa.ChunkedArray, name: str, origin: str) -> Coded:
    """Codes and labels of an Arrow column: text, Booleans or numbers, as they are or as a dictionary."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(kind):
        column, kind = column.cast(pa.string()), pa.string()
    if str(kind) not in STRINGS:
        plain = spelt_out(column)
        kind = plain.type
        if pa.types.is_boolean(kind):
            return _of_truths(numbers_of(plain, name, origin))
        if pa.types.is_integer(kind) and kind.bit_width == 64 and _has_long(plain):
            return _of_text(plain.cast(pa.string()).dictionary_encode())
        return _of_numbers(numbers_of(plain, name, origin))
    if column.type != type_of_labels():  # of which each word stands there once already
        column = spelt_out(column).cast(pa.string()).dictionary_encode()
    return _of_text(column)


def joined_labels(parts: Sequence[Coded]) -> Coded:
    """The codes of several columns, one after another, with labels in common."""
    as_text = any(isinstance(label, str) for _codes, labels in parts for label in labels)
    named = [(codes, tuple(map(label_text, labels)) if as_text else labels) for codes, labels in parts]
    together = _in_order({label for _codes, labels in named for label in labels})
    place = {label: float(k) for k, label in enumerate(together)}
    columns = [_exchanged(codes, np.array([place[label] for label in labels])) for codes, labels in named]
    return np.concatenate(columns), together


def _word(cell: object) -> str:
    whole = isinstance(cell, (int, np.integer))
    return (
        label_text(float(cell))
        if isinstance(cell, (float, np.floating))
        else f"{cell:d}"
        if (whole and not isinstance(cell, bool))
        else str(cell)
    )


def _is_missing(cell: object) -> bool:
    return cell is None or str(cell) in ("nan", "NaT", "<NA>")


def _are_long(array: npt.NDArray[Any]) -> bool:
    """Whether whole numbers are too long for float64 to tell them apart."""
    return array.size > 0 and (int(array.max()) > EXACT or int(array.min()) < -EXACT)


def _has_long(column: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pa_compute  # a twentieth of a second, which few columns need

    ends = pa_compute.min_max(column).as_py()
    return ends["max"] is not None and (ends["max"] > EXACT or ends["min"] < -EXACT)


def _cells(values: object, array: npt.NDArray[Any]) -> list[Any]:
    return list(values) if is_masked(values) else array.tolist()


def _of_words(words: list[str | None]) -> Coded:
    return _of_text(pa.chunked_array([pa.array(words, pa.string()).dictionary_encode()]))


def _of_truths(values: Column) -> Coded:
    codes, labels = _of_numbers(values)
    return codes, tuple(label == 1.0 for label in labels)


def _of_numbers(values: Column) -> Coded:
    finite = np.isfinite(values)
    if values.size and finite.all():
        low, high = float(values.min()) + 0.0, float(values.max()) + 0.0
        second = values == high
        if low < high and (second | (values == low)).all():  # most columns of labels, at a tenth of the time
            return second.astype(np.float64), (low, high)
    # Hashing, not sorting: few labels in many rows. Adding 0 makes one of 0 and -0.
    encoded = pa.array(values + 0.0, mask=~finite).dictionary_encode()
    found = [float(v) for v in encoded.dictionary.to_pylist()]
    labels = tuple(sorted(found))
    place = {label: float(k) for k, label in enumerate(labels)}
    codes = _exchanged(_indices(pa.chunked_array([encoded])), np.array([place[v] for v in found]))
    return np.where(finite, codes, values), labels  # so that an infinite cell is found to be infinite


def _of_text(column: pa.ChunkedArray) -> Coded:
    """Of a dictionary of text; spaces around a label are not part of it."""
    column = column.unify_dictionaries()
    raw = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
    words = [None if word is None or word.strip() in MISSING else word.strip() for word in raw]
    labels = _in_order({word for word in words if word is not None})
    place: dict[Label | None, float] = {label: float(k) for k, label in enumerate(labels)}
    lookup = np.array([place.get(word, math.nan) for word in words])
    return _exchanged(_indices(column), lookup), labels


def _indices(column: pa.ChunkedArray) -> Column:
    chunks = [chunk.indices.cast(pa.float64()) for chunk in column.chunks]
    return float64_of(pa.chunked_array(chunks, pa.float64()))


def _exchanged(codes: Column, lookup: Column) -> Column:
    """`lookup` at each code; a code that is not finite stays."""
    finite = np.isfinite(codes)
    exchanged = codes.copy()
    exchanged[finite] = lookup[codes[finite].astype(np.intp)]
    return exchanged


def _in_order(labels: set[Label] | set[str]) -> tuple[Label, ...]:
    return tuple(sorted(labels))  # all text, or all numbers


# -- classes --------------------------------------------------------------------------------------
def with_labels(table: Table, target: str, codes: Sequence[float], loss: str) -> Table:
    """The table with its classes settled, and in the column `target` the code of each row's class.

    The k-th class gets `codes[k]`; there must be as many classes as codes where these are two, and at least two.
    Labels of text that are all numbers are numbers.

    Raises
    ------
    DataError
        One class only, too many, or numbers that are not whole.
    """
    if table.rows == 0:
        return table
    labels = as_numbers(table.classes)
    used = np.flatnonzero(table.counts(target, len(labels)))
    classes = _in_order({labels[k] for k in used.tolist()})
    if len(classes) == 1:
        raise DataError(
            _(
                "{origin}: column '{column}' holds one class only, {label}; the loss '{loss}' learns to tell classes "
                "apart and needs rows of another"
            ).format(origin=table.origin, column=target, label=clipped(label_text(classes[0])), loss=loss)
        )
    broken = {label for label in classes if not isinstance(label, (str, bool)) and not float(label).is_integer()}
    if broken or len(classes) > MOST_CLASSES:
        at = [k for k, label in enumerate(labels) if label in broken] if broken else [int(table[target][0])]
        row = int(np.flatnonzero(np.isin(table[target], at))[0])
        raise DataError(
            _(
                "the loss '{loss}' takes targets that are labels, text or whole numbers, of at most {most} classes; "
                "row {row} of column '{column}' has {label}, and there are {count} different ones. For a quantity, "
                "take a loss such as squared"
            ).format(
                loss=loss, most=MOST_CLASSES, row=row + 1, column=target, count=len(classes),
                label=clipped(label_text(labels[int(table[target][row])])),
            )
        )  # fmt: skip
    if len(classes) > len(codes):
        raise DataError(
            _(
                "the loss '{loss}' tells two classes apart; column '{column}' has {count}: {labels}. "
                "For more than two take the loss softmax; for a quantity, one such as squared"
            ).format(loss=loss, column=target, count=len(classes), labels=listed(classes))
        )
    return _coded(table, target, labels, classes, codes)


def with_known_labels(table: Table, target: str, classes: Sequence[Label], codes: Sequence[float]) -> Table:
    """The same for classes that were settled before.

    Raises
    ------
    DataError
        The table has a label that is none of `classes`.
    """
    labels = tuple(among(label, classes) for label in table.classes)
    unknown = [k for k, label in enumerate(labels) if label not in classes]
    rows = np.flatnonzero(np.isin(table[target], unknown)) if unknown else np.empty(0)
    if rows.size:
        label = label_text(labels[int(table[target][rows[0]])])
        raise DataError(
            _(
                "{origin}: row {row} of column '{column}' has the label '{label}', which the model has not met; "
                "it knows {labels}"
            ).format(
                origin=table.origin, row=int(rows[0]) + 1, column=target, label=clipped(label), labels=listed(classes)
            )
        )
    return _coded(table, target, labels, tuple(classes), codes)


def class_numbers(values: Column, codes: Sequence[float]) -> npt.NDArray[np.intp]:
    """Which class each code stands for, counted from 0."""
    return np.searchsorted(np.array(codes), values)


def labels_of_codes(values: Column, classes: Sequence[Label], codes: Sequence[float]) -> list[Label]:
    """The label of each row, from its code."""
    return [classes[k] for k in class_numbers(values, codes).tolist()]


def _coded(
    table: Table, target: str, labels: Sequence[Label], classes: tuple[Label, ...], codes: Sequence[float]
) -> Table:
    place = dict(zip(classes, codes, strict=False))
    lookup = np.array([place.get(label, math.nan) for label in labels])
    return replace(table.looked_up(target, target, lookup), classes=tuple(classes))


def as_numbers(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Labels of text as numbers, if all of them are: a file does not say which is meant. True and false are those.

    They stay text where numbers would lose or merge some: `007` beside `7`, `1e3` beside `1000`, whole numbers that
    float64 cannot tell apart.
    """
    texts = [label for label in labels if isinstance(label, str)]
    if texts and len(texts) == len(labels) and all(text.lower() in BOOLEANS for text in texts):
        return tuple(text.lower() == "true" for text in texts)
    values = [_number_of(label) for label in labels]
    if any(value is None for value in values):
        return tuple(labels)
    spellings = Counter(values)
    if any(spellings[_number_of(text)] > 1 for text in texts if "e" in text.lower()):
        return tuple(labels)
    return tuple(value for value in values if value is not None)


def _number_of(label: Label) -> float | None:
    """The number that a label is; None for text that is none, or that would not come back as it was."""
    if not isinstance(label, str):
        return label
    try:
        value = number_in(label)
    except ValueError:
        return None
    is_code = re.match(r"[+-]?0\d", label) is not None
    is_long = re.fullmatch(r"[+-]?\d+", label) is not None and abs(value) > EXACT
    return None if is_code or is_long or not math.isfinite(value) else value


def among(label: Label, classes: Sequence[Label]) -> Label:
    """The one of `classes` that a label in other data stands for; the label itself, where it is none of them."""
    if isinstance(classes[0], str):
        return label if isinstance(label, str) else label_text(label)
    if isinstance(label, str) and isinstance(classes[0], bool) and label.lower() in BOOLEANS:
        return label.lower() == "true"
    value = _number_of(label)
    return label if value is None or value not in classes else classes[list(classes).index(value)]


def listed(labels: Sequence[Label | tuple[Label, ...]]) -> str:
    """The first labels, for a message."""
    words = [clipped(label_text(label)) for label in labels[:SHOWN]]
    return ", ".join([*words, "..."] if len(labels) > SHOWN else words)
