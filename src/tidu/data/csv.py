"""CSV: one table from text in files, compressed or not, with or without a header line.

pyarrow parses; this file settles what pyarrow leaves to the caller: which delimiter, whether the first line is a
header (a first line of numbers alone is data), what the columns are called, and which cell is to blame.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from tidu.data.arrow import float64_of
from tidu.data.labels import labels_of_arrow
from tidu.data.table import MISSING, Column, Label, Table, clipped, names_without_header, number_in, numbers
from tidu.errors import DataError, SettingError
from tidu.text import _

Opener = Callable[[], Any]  # opens the text from its beginning, as bytes
HEAD = 1 << 20  # bytes looked at to settle delimiter and header
BLOCK = 1 << 24  # bytes parsed at a time; a row must fit
TEXT, LABELS = pa.string(), pa.dictionary(pa.int32(), pa.string())  # a label is stored once, however many rows have it
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class CsvOptions:
    """How the text is to be read; the defaults look at the file itself."""

    header: str = "auto"  # or "yes", "no"
    names: tuple[str, ...] | None = None  # what the columns are called, in place of the header or of x, y
    delimiter: str = "auto"  # or one character
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.header not in ("auto", "yes", "no"):
            raise SettingError(_("header must be auto, yes or no, not {value!r}").format(value=self.header))
        one = len(self.delimiter) == 1 and self.delimiter.isascii() and self.delimiter not in '\r\n\0"'
        if self.delimiter != "auto" and not one:
            raise SettingError(
                _("the delimiter must be one ASCII character, no quote and no line break, not {value!r}").format(
                    value=self.delimiter
                )
            )


@dataclass(frozen=True)
class _Head:
    content: bytes
    is_all: bool  # the whole file


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    blank_lines: int  # before the first line
    has_header: bool
    has_rows: bool
    names: tuple[str, ...]
    note: str


def open_bytes(raw: Any) -> Any:
    """A binary stream, unpacked if its first bytes are those of gzip or zstd."""
    head = raw.read(4)
    raw.seek(0)
    codec = "gzip" if head[:2] == GZIP else "zstd" if head == ZSTD else None
    return pa.CompressedInputStream(raw, codec) if codec else raw


def read_csv(
    opener: Opener, origin: str, options: CsvOptions, wanted: Collection[str] | None, label: str | None = None
) -> Table:
    """The columns in `wanted` (all, where None) as float64, that named `label` as codes; a missing cell is NaN.

    Raises
    ------
    DataError
        Empty, not text, no such columns, rows of different lengths, or a cell that is not a number.
    """
    layout = _layout(_head(opener, origin), origin, options)
    counts = Counter(n for n in layout.names if wanted is None or n in wanted)
    doubled = sorted(n for n, count in counts.items() if count > 1)
    if doubled:
        raise DataError(
            _(
                "{origin}: the column name '{name}' stands {count} times in the header; rename, or give --columns"
            ).format(origin=origin, name=doubled[0], count=counts[doubled[0]])
        )
    # pyarrow wants distinct names; the ones given here are only positions.
    positions = {f"{k}": name for k, name in enumerate(layout.names) if wanted is None or name in wanted}
    if not layout.has_rows:  # pyarrow takes a header without a line end for an error
        return Table({name: np.empty(0) for name in positions.values()}, origin)
    kinds = {position: LABELS if name == label else pa.float64() for position, name in positions.items()}
    table = _arrow_table(opener, origin, options, layout, kinds)
    columns: dict[str, Column] = {}
    classes: tuple[Label, ...] = ()
    for position, name in positions.items():
        if name == label:
            read = table or _arrow_table(opener, origin, options, layout, {position: LABELS})
            assert read is not None
            columns[name], classes = labels_of_arrow(read.column(position), name, origin)
        elif table is None:
            columns[name] = _parsed_cell_by_cell(opener, origin, options, layout, position, name)
        else:
            columns[name] = float64_of(table.column(position))
    return Table(columns, origin, (layout.note,) if layout.note else (), classes)


def column_names(opener: Opener, origin: str, options: CsvOptions) -> tuple[str, ...]:
    """What the columns are called, without reading more than the beginning."""
    return _layout(_head(opener, origin), origin, options).names


def _head(opener: Opener, origin: str) -> _Head:
    """The first bytes; more of them where the first line is longer."""
    head, is_all = b"", False
    try:
        with opener() as stream:
            while not is_all and len(head) < BLOCK and (len(head) < HEAD or not re.search(rb"[\r\n]", head.strip())):
                more: bytes = stream.read(HEAD)
                head, is_all = head + more, not more
    except (OSError, pa.ArrowException) as error:
        raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=error)) from None
    if not head.strip():
        raise DataError(_("{origin} is empty; a row for each sample is needed").format(origin=origin))
    return _Head(head, is_all)


def _text(head: _Head, origin: str, encoding: str) -> str:
    try:
        wide = b"\0" in "x".encode(encoding)  # refuses codecs that are not for text
        decoder = codecs.getincrementaldecoder(encoding)("strict")
    except (LookupError, ValueError):  # ValueError: a null byte in the name
        raise SettingError(_("there is no encoding {value!r}").format(value=encoding)) from None
    start = head.content[:4096]
    if start[:4] == b"PAR1" or (b"\0" in start and not wide and not start.startswith((b"\xff\xfe", b"\xfe\xff"))):
        raise DataError(
            _("{origin} is not text; CSV (also .gz, .zst) and Parquet (.parquet) can be read").format(origin=origin)
        )
    try:
        text = decoder.decode(head.content, head.is_all)  # a cut through the last character of the head is no error
    except UnicodeError:
        raise DataError(
            _("{origin} is not {encoding} text; name its encoding, for instance --encoding gb18030").format(
                origin=origin, encoding=encoding
            )
        ) from None
    return text.removeprefix("\ufeff")


def _layout(head: _Head, origin: str, options: CsvOptions) -> _Layout:
    lines = io.StringIO(_text(head, origin, options.encoding), newline="").readlines()
    blank_lines = next((k for k, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[blank_lines:]
    if not lines:
        raise DataError(_("{origin} is empty; a row for each sample is needed").format(origin=origin))
    delimiter = _delimiter(lines[0]) if options.delimiter == "auto" else options.delimiter
    first, lines_of_first = _cells(lines, delimiter)
    has_header = options.header == "yes" or (options.header == "auto" and not _are_numbers(first))
    has_rows = not head.is_all or not has_header or any(line.strip() for line in lines[lines_of_first:])
    names = tuple(cell.strip() for cell in first) if has_header else tuple(names_without_header(len(first)))
    note = ""
    if options.names is not None:
        if len(options.names) != len(first):
            raise DataError(
                _("{origin}: {given} column names were given for {count} columns").format(
                    origin=origin, given=len(options.names), count=len(first)
                )
            )
        names = options.names
    elif not has_header:
        note = _("{origin} has no header line; its columns are called {names}").format(
            origin=origin, names=", ".join(names)
        )
    return _Layout(delimiter, blank_lines, has_header, has_rows, names, note)


def _delimiter(line: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", line)
    counts = {d: unquoted.count(d) for d in (",", "\t", ";", "|")}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else ","


def _cells(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    """The cells of the first record, and how many lines it takes: quoted cells may hold line ends."""
    import csv

    reader = csv.reader(iter(lines), delimiter=delimiter)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return lines[0].rstrip("\r\n").split(delimiter), 1


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether a first line is data: numbers and perhaps missing cells, and not only nan and inf."""
    try:
        for cell in cells:
            if cell.strip() not in MISSING:
                number_in(cell)
    except ValueError:
        return False
    return any(character.isdigit() for cell in cells for character in cell)


def _arrow_table(
    opener: Opener,
    origin: str,
    options: CsvOptions,
    layout: _Layout,
    kinds: Mapping[str, pa.DataType],
    threads: bool = True,
) -> pa.Table | None:
    """The columns at the positions that `kinds` names, or None if a cell is no number; blank rows are left out."""
    blank: list[Any] = []
    ragged: list[Any] = []

    def on_invalid(row: Any) -> str:
        (ragged if row.text.strip() else blank).append(row)
        return "error" if row.text.strip() else "skip"

    read = pa_csv.ReadOptions(
        column_names=[f"{k}" for k in range(len(layout.names))],
        skip_rows=layout.blank_lines,
        skip_rows_after_names=int(layout.has_header),
        encoding=options.encoding,
        block_size=BLOCK,
        use_threads=threads,
    )
    parse = pa_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=on_invalid)
    convert = pa_csv.ConvertOptions(
        include_columns=list(kinds),
        column_types=dict(kinds),
        null_values=MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    try:
        with opener() as stream:
            return pa_csv.read_csv(stream, read, parse, convert)
    except pa.ArrowInvalid as error:
        if ragged and threads:  # only one thread knows which row it is at
            return _arrow_table(opener, origin, options, layout, kinds, threads=False)
        if ragged:
            row = ragged[0].number - layout.blank_lines - layout.has_header - len(blank)
            raise DataError(
                _("{origin}: row {row} has {found} cell(s), not {expected}: '{text}'").format(
                    origin=origin, row=row, found=ragged[0].actual_columns, expected=ragged[0].expected_columns,
                    text=clipped(ragged[0].text),
                )
            ) from None  # fmt: skip
        reason = str(error).strip().splitlines()[0]
        if "conversion error" in reason and pa.float64() in kinds.values():
            return None
        raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=reason[:200])) from None
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=error)) from None


def _parsed_cell_by_cell(
    opener: Opener, origin: str, options: CsvOptions, layout: _Layout, position: str, name: str
) -> Column:
    """A column that pyarrow could not convert: spaces around numbers are forgiven, the first other cell is named."""
    table = _arrow_table(opener, origin, options, layout, {position: TEXT})
    assert table is not None
    return numbers(table.column(position).to_pylist(), name, origin)
