"""Arrow columns to float64 arrays: what CSV, Parquet and frames arrive as.

The values are read from Arrow's own buffers: pyarrow's conversion to NumPy imports pandas where that is installed, half
a second that a fit of a small file has no use for.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tidu.data.arrow_library import pa
from tidu.data.table import Column, holds_times, numbers
from tidu.errors import DataError
from tidu.text import _

STRINGS = ("string", "large_string", "string_view")  # Arrow's types of text


def type_of_labels() -> pa.DataType:
    """A dictionary of text: a label is stored once, however many rows have it."""
    return pa.dictionary(pa.int32(), pa.string())


def float64_of(column: pa.ChunkedArray) -> Column:
    """A column of Arrow's float64 as an array of shape (rows,); null is NaN."""
    values = np.empty(len(column))
    start = 0
    for chunk in column.chunks:
        part = values[start : start + len(chunk)]
        start += len(chunk)
        validity, data = chunk.buffers()
        if len(chunk) == 0:
            continue
        if data is None:  # nothing but nulls
            part[:] = np.nan
            continue
        part[:] = np.frombuffer(data, np.float64, len(chunk), 8 * chunk.offset)
        if chunk.null_count:
            valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
            part[valid[chunk.offset : chunk.offset + len(chunk)] == 0] = np.nan
    return values


def numbers_of(column: pa.ChunkedArray, name: str, origin: str) -> Column:
    """A column of any kind that holds numbers, as an array of shape (rows,)."""
    column = spelt_out(column)
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        raise DataError(holds_times(name, origin))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return float64_of(column.cast(pa.float64(), safe=False))
    if pa.types.is_boolean(kind):
        return float64_of(column.cast(pa.int8()).cast(pa.float64()))
    if pa.types.is_decimal(kind) or str(kind) in STRINGS:
        # Not by pyarrow's cast: that of a decimal is not the nearest float64.
        return numbers(column.to_pylist(), name, origin)
    raise DataError(
        _("{origin}: column '{column}' holds {kind}, not numbers").format(origin=origin, column=name, kind=kind)
    )


def spelt_out(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of each row's own value, of one that names each value once, or once for several rows."""
    if pa.types.is_run_end_encoded(column.type):
        import pyarrow.compute as pa_compute  # a twentieth of a second, which few columns need

        return pa.chunked_array([pa_compute.run_end_decode(chunk) for chunk in column.chunks], column.type.value_type)
    if not pa.types.is_dictionary(column.type):
        return column
    kind = pa.string() if str(column.type.value_type) in STRINGS else column.type.value_type
    chunks = [chunk.dictionary.cast(kind).take(chunk.indices) for chunk in column.chunks]
    return pa.chunked_array(chunks, kind)


def arrow_columns(table: pa.Table, origin: str, wanted: Collection[str] | None) -> dict[str, pa.ChunkedArray]:
    """The columns in `wanted` (all, where None), each name once."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        if wanted is not None and name not in wanted:
            continue
        if table.column_names.count(name) > 1:
            raise DataError(_("{origin}: there are two columns '{name}'").format(origin=origin, name=name))
        columns[name] = table.column(name)
    return columns
