"""CSV: one table from text in files, compressed or not, with or without a header line.

pyarrow parses the rows, as `layout` has settled, and `plain_numbers` those of a short text that holds nothing else.
This file rewrites what pyarrow cannot read (blanks between cells, comments), names the cell that is to blame, and reads
the numbers that are written in other ways.
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import io
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.data.arrow import float64_of, type_of_labels
from tidu.data.arrow_library import is_imported, pa, pa_csv
from tidu.data.csv_options import BLANKS, CsvOptions
from tidu.data.encoding import HEAD, Opener, head_of, not_in_encoding
from tidu.data.labels import labels_of_arrow
from tidu.data.layout import Layout, comment_at_the_end, layout_of, split_at_blanks
from tidu.data.numerals import DEFAULT, kind_of
from tidu.data.pieces import LONGEST_CELL, PIECE, last_row_end, pieces_of
from tidu.data.plain_numbers import MOST_BYTES, plain_columns
from tidu.data.table import Column, Label, Part, Source, Table, clipped, numbers
from tidu.errors import DataError
from tidu.machine import cores
from tidu.text import _

if TYPE_CHECKING:
    from concurrent.futures import Future

BLOCK = 1 << 24  # bytes parsed at a time; a row must fit
LARGEST_BLOCK = 1 << 30
LOOK_BACK = 1 << 16  # bytes before a part in which its first row probably begins
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def open_bytes(raw: Any) -> Any:
    """A binary stream, unpacked if its first bytes are those of gzip or zstd."""
    head = raw.read(4)
    raw.seek(0)
    codec = "gzip" if head[:2] == GZIP else "zstd" if head == ZSTD else None
    return pa.CompressedInputStream(raw, codec) if codec else raw


class CsvText(Source):
    """A text of rows: what its columns are called, and their numbers."""

    def __init__(self, opener: Opener, origin: str, options: CsvOptions) -> None:
        self._opener, self.origin, self._options = opener, origin, options
        self._threads, self._newlines = True, True
        self._first_row = 0  # of this text, where it is a piece of a longer one

    @functools.cached_property
    def _layout(self) -> Layout:
        return layout_of(head_of(self._opener, self.origin), self.origin, self._options)

    def _piece(self, piece: bytes, number: int, first_row: int) -> CsvText:
        """A piece of this text, in UTF-8; that with the number 0 is its beginning."""
        part = CsvText(lambda: pa.BufferReader(piece), self.origin, self._options)
        layout = replace(self._layout, encoding="utf-8")
        part._layout = layout if number == 0 else replace(layout, skipped=0, header_rows=0)
        part._threads, part._newlines, part._first_row = False, b'"' in piece, first_row
        return part

    def batches(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Iterator[Table]:
        """The same as `table`, rows after rows; several threads parse them."""
        from concurrent.futures import ThreadPoolExecutor  # which a table in one piece does not need

        layout, rows = self._layout, 0
        if not layout.has_rows:
            yield self.table(wanted, label, words)
            return
        waiting: deque[tuple[Future[Table], bytes, int]] = deque()

        def first_waiting() -> Table:
            future, piece, number = waiting.popleft()
            try:
                return future.result()
            except DataError:  # which row it is in is known only now
                return self._piece(piece, number, rows).table(wanted, label, words)

        threads = cores()
        with ThreadPoolExecutor(threads) as pool, self._opener() as stream:
            for number, piece in enumerate(pieces_of(stream, layout, self.origin)):
                part = self._piece(piece, number, 0)
                waiting.append((pool.submit(part.table, wanted, label, words), piece, number))
                if len(waiting) > 2 * threads:
                    table = first_waiting()
                    rows += table.rows
                    yield table
            while waiting:
                table = first_waiting()
                rows += table.rows
                yield table

    def parts(self) -> list[Part] | None:
        """Ranges of bytes, where the text is UTF-8 in a plain file with line ends of today.

        Raises
        ------
        DataError
        """
        layout = self._layout
        if not layout.has_rows or codecs.lookup(layout.encoding).name != "utf-8":
            return None
        with self._reading() as stream:
            if not stream.seekable() or b"\n" not in stream.read(HEAD):
                return None
            size = stream.seek(0, io.SEEK_END)
        return [Part(begin, min(begin + PIECE, size), begin + PIECE >= size) for begin in range(0, size, PIECE)]

    def part(self, part: Part) -> tuple[Source, bool]:
        """The rows that end in a range of bytes: those of a piece of `batches`; and whether it has an odd quote."""
        counts, back = not self._layout.comment, min(part.begin, LOOK_BACK)
        with self._reading() as stream:
            while True:
                stream.seek(part.begin - back)
                text = stream.read(part.end - part.begin + back)
                begin = last_row_end(text[:back], part.quoted if counts else None)
                if begin or back == part.begin:
                    break
                if back > LONGEST_CELL:
                    raise DataError(_("{origin}: a row is too long to be read in parts").format(origin=self.origin))
                back = min(part.begin, 16 * back)
        odd = counts and text.count(b'"', back) % 2 == 1
        end = len(text) if part.last else last_row_end(text, part.quoted != odd if counts else None)
        rows = self._piece(text[begin:end], part.begin - back + begin, 0)
        if end <= begin:
            rows._layout = replace(rows._layout, has_rows=False)
        return rows, odd

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Any]:
        """The bytes, whose errors are told in words."""
        try:
            with self._opener() as stream:
                yield stream
        except (OSError, EOFError, pa.ArrowException) as error:
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=self.origin, reason=error)) from None

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called, without reading more than the beginning."""
        return self._layout.names

    def kinds(self) -> dict[str, str]:
        """The columns whose first rows hold text or dates."""
        rows = [row for row in self._layout.sample if len(row) == len(self.names)]
        kinds = {n: kind_of((row[k] for row in rows), self._options.numerals) for k, n in enumerate(self.names)}
        return {name: kind for name, kind in kinds.items() if kind != "number"}

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        """The columns in `wanted` (all, where None) as float64, `label` and `words` as codes; a missing cell is NaN.

        Raises
        ------
        DataError
            Empty, not text, no such columns, rows of different lengths, or a cell that is not a number.
        """
        layout, origin = self._layout, self.origin
        self._refuse_doubled(wanted)
        # pyarrow wants distinct names; the ones given here are only positions.
        positions = {f"{k}": name for k, name in enumerate(layout.names) if wanted is None or name in wanted}
        if not layout.has_rows:  # pyarrow takes a header without a line end for an error
            empty = {name: np.empty(0) for name in positions.values()}
            return Table(empty, origin, levels={name: () for name in words if name in empty})
        coded = {label, *words}
        plain = None if coded.intersection(positions.values()) else self._plainly([int(p) for p in positions])
        if plain is not None:
            return Table(dict(zip(positions.values(), plain, strict=True)), origin, layout.notes)
        kinds = {position: type_of_labels() if name in coded else pa.float64() for position, name in positions.items()}
        read = self._parsed(kinds) or self._parsed(
            {p: pa.string() if k == pa.float64() else k for p, k in kinds.items()}
        )
        assert read is not None
        columns: dict[str, Column] = {}
        classes: tuple[Label, ...] = ()
        levels: dict[str, tuple[Label, ...]] = {}
        notes = list(layout.notes)
        for position, name in positions.items():
            column = read.column(position)
            if name == label:
                columns[name], classes = labels_of_arrow(column, name, origin)
            elif name in coded:
                columns[name], levels[name] = labels_of_arrow(column, name, origin)
            elif column.type == pa.string():
                columns[name], more = self._numbers_of_text(column, name)
                notes += more
            else:
                columns[name] = float64_of(column)
        return Table(columns, origin, tuple(notes), classes, levels)

    def _refuse_doubled(self, wanted: Collection[str] | None) -> None:
        counts = Counter(n for n in self.names if wanted is None or n in wanted)
        doubled = sorted(n for n, count in counts.items() if count > 1)
        if doubled:
            raise DataError(
                _(
                    "{origin}: the column name '{name}' appears {count} times in the header; rename the columns, or"
                    " give --columns"
                ).format(origin=self.origin, name=doubled[0], count=counts[doubled[0]])
            )

    def _numbers_of_text(self, column: pa.ChunkedArray, name: str) -> tuple[Column, list[str]]:
        """A column in which some cell is no plain number; spaces around numbers are forgiven."""
        numerals = self._options.numerals
        if numerals.decimal == ".":
            import pyarrow.compute as pa_compute  # a twentieth of a second, which few columns need

            try:
                return float64_of(pa_compute.utf8_trim_whitespace(column).cast(pa.float64())), []
            except pa.ArrowInvalid:
                pass
        cells = column.to_pylist()
        values = numbers(cells, name, self.origin, numerals, self._first_row)
        percent = next((cell for cell in cells if cell and cell.rstrip().endswith("%")), None)
        if percent is None:
            return values, []
        note = _("{origin}: column '{column}' is in percent; {cell} is read as {value:g}")
        return values, [
            note.format(origin=self.origin, column=name, cell=percent.strip(), value=numerals.number(percent))
        ]

    def _plainly(self, wanted: Sequence[int]) -> list[Column] | None:
        """The columns with these numbers without pyarrow, of a short text of plain numbers; None of any other."""
        layout = self._layout
        usual = layout.is_plain and layout.encoding == "utf-8" and self._options.numerals == DEFAULT
        if is_imported() or not usual:
            return None
        try:
            with self._opener() as stream:
                # What is not on this machine, or comes only once, is read once.
                text = stream.read(MOST_BYTES + 1) if isinstance(stream, (io.BufferedReader, io.BytesIO)) else b""
        except (OSError, EOFError):  # which pyarrow's way tells of
            return None
        begin = 0
        for _line in range(layout.skipped + layout.header_rows):
            begin = text.find(b"\n", begin) + 1
            if not begin:
                return None
        if not text or len(text) > MOST_BYTES:
            return None
        return plain_columns(text[begin:], layout.delimiter, len(layout.names), wanted)

    # -- pyarrow ----------------------------------------------------------------------------------
    @functools.cached_property
    def _rewritten(self) -> bytes:
        """The rows as pyarrow reads them, in UTF-8, for a text that it cannot."""
        try:
            with self._opener() as stream:
                text = stream.read().decode(self._layout.encoding)
        except UnicodeError:
            raise not_in_encoding(self.origin, self._layout.encoding) from None
        except (OSError, EOFError, pa.ArrowException) as error:
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=self.origin, reason=error)) from None
        return rewritten(text, self._layout).encode()

    def _parsed(
        self, kinds: Mapping[str, pa.DataType], threads: bool | None = None, block: int | None = None
    ) -> pa.Table | None:
        """The columns at the positions that `kinds` names, or None if a cell is no number; blank rows are left out."""
        layout, origin = self._layout, self.origin
        threads = self._threads if threads is None else threads
        skipped = layout.skipped if layout.is_plain else 0
        blank: list[Any] = []
        ragged: list[Any] = []

        def on_invalid(row: Any) -> str:
            (ragged if row.text.strip() else blank).append(row)
            return "error" if row.text.strip() else "skip"

        read = pa_csv.ReadOptions(
            column_names=[f"{k}" for k in range(len(layout.names))],
            skip_rows=skipped,
            skip_rows_after_names=layout.header_rows,
            encoding=layout.encoding if layout.is_plain else "utf-8",
            block_size=block or BLOCK,
            use_threads=threads,
        )
        parse = pa_csv.ParseOptions(
            delimiter="\t" if layout.delimiter == BLANKS else layout.delimiter,
            newlines_in_values=self._newlines,
            invalid_row_handler=on_invalid,
        )
        numerals = self._options.numerals
        convert = pa_csv.ConvertOptions(
            include_columns=list(kinds),
            column_types=dict(kinds),
            null_values=list(numerals.missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            decimal_point=numerals.decimal,
        )
        try:
            with self._opener() if layout.is_plain else io.BytesIO(self._rewritten) as stream:
                return pa_csv.read_csv(stream, read, parse, convert)
        except pa.ArrowInvalid as error:
            if ragged and threads:  # only one thread knows which row it is at
                return self._parsed(kinds, False, block)
            if ragged:
                before = skipped + layout.header_rows + len(blank)
                raise self._ragged(ragged[0], ragged[0].number - before + self._first_row) from None
            reason = str(error).strip().splitlines()[0]
            if "straddling" in reason and block is None:
                return self._parsed(kinds, threads, LARGEST_BLOCK)
            if "UTF8" in reason:
                raise not_in_encoding(origin, layout.encoding) from None
            if "conversion error" in reason and pa.float64() in kinds.values():
                return None
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=reason[:200])) from None
        except UnicodeError:
            raise not_in_encoding(origin, layout.encoding) from None
        except (OSError, EOFError, pa.ArrowException) as error:
            raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=error)) from None

    def _ragged(self, row: Any, number: int) -> DataError:
        """The error for a row that has another number of cells than the first."""
        advice = ""
        if row.text.lstrip().startswith(("#", "%", "//")):
            sign = "//" if row.text.lstrip().startswith("//") else row.text.lstrip()[0]
            advice = _("; if the line is a comment, give --comment '{sign}'").format(sign=sign)
        elif row.actual_columns > row.expected_columns:
            advice = _("; a cell that contains the delimiter must be in quotes")
        return DataError(
            _("{origin}: row {row} has {found} cell(s), not {expected}: '{text}'{advice}").format(
                origin=self.origin, row=number, found=row.actual_columns, expected=row.expected_columns,
                text=clipped(row.text), advice=advice,
            )
        )  # fmt: skip


def rewritten(text: str, layout: Layout) -> str:
    """The text from its header or first row on, without comments, and with a tab for the blanks between cells."""
    text = text.removeprefix("\ufeff")
    for _line in range(layout.skipped):
        text = re.split(r"\r\n|\r|\n", text, maxsplit=1)[-1]
    if layout.comment:
        sign = re.escape(layout.comment)
        text = re.sub(rf"(?m)^[ \t]*{sign}[^\r\n]*(\r\n|\r|\n|\Z)", "", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = re.sub(comment_at_the_end(layout.comment), "", text)
    if layout.delimiter != BLANKS:
        return text
    if '"' in text:
        rows = (split_at_blanks(line) for line in text.splitlines())
        return "".join("\t".join(f'"{c}"' if c else c for c in row) + "\n" for row in rows)
    return re.sub(r"[ \t]+", "\t", re.sub(r"(?m)^[ \t]+|[ \t]+(?=[\r\n]|\Z)", "", text))
