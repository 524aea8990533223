"""The beginning of a text: its encoding, what stands between cells, comments, header, a row of units.

`layout_of` looks at the first megabyte and settles how the whole is read; what is not certain is left to options.
Used by `csv`, which then has pyarrow parse the rows.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tidu.content.kinds import DATA, Choice, Names, Text, Whole, option
from tidu.data.numerals import BOOLEANS, Numerals, is_value
from tidu.data.table import names_without_header
from tidu.errors import DataError, SettingError
from tidu.text import _, mark

Opener = Callable[[], Any]  # opens the text from its beginning, as bytes
HEAD = 1 << 20  # bytes looked at
LONGEST_LINE = 1 << 24  # bytes looked at for the end of a first line
SAMPLED_ROWS, SAMPLED_CELLS = 100, 20_000  # of which a guess is made
BLANKS = "blanks"  # any number of blanks and tabs between cells
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


_OF_TEXT: dict[str, Any] = {"group": DATA, "verbs": ("fit", "sweep", "doctor", "scan", "predict")}


@dataclass(frozen=True)
class CsvOptions:
    """How text is to be read; the defaults look at the file itself."""

    header: str = option(
        "auto", Choice(("auto", "yes", "no")),
        mark("Whether the first line names the columns; auto: unless it is all numbers."), **_OF_TEXT,
    )  # fmt: skip
    names: tuple[str, ...] | None = option(
        None, Names(), mark("Names of the columns, in place of the header."), word="columns", **_OF_TEXT
    )
    delimiter: str = option(
        "auto", Text(mark("SIGN")), mark("What stands between cells; blanks is any number of blanks and tabs."),
        **_OF_TEXT,
    )  # fmt: skip
    encoding: str = option(
        "auto", Text(mark("NAME")),
        mark("Encoding of the text, such as gb18030; auto is UTF-8, or UTF-16 where the file begins as that does."),
        **_OF_TEXT,
    )  # fmt: skip
    decimal: str = option(".", Text(mark("SIGN")), mark("The decimal sign: a point or a comma."), **_OF_TEXT)
    thousands: str = option(
        "", Text(mark("SIGN")), mark("What groups the digits of large numbers, such as the comma of 1,234.5."),
        **_OF_TEXT,
    )  # fmt: skip
    na: tuple[str, ...] = option(
        (),
        Names(mark("WORD,...")),
        mark("Words for a missing value, besides NA, nan, null and their like."),
        **_OF_TEXT,
    )
    comment: str = option(
        "auto", Text(mark("SIGN")),
        mark("Leave out lines that begin with this; auto: with #, if the file begins with one."), **_OF_TEXT,
    )  # fmt: skip
    skip: int = option(0, Whole(0), mark("Leave out so many lines at the top."), **_OF_TEXT)
    sheet: str | None = option(None, Text(mark("NAME")), mark("Sheet of a workbook; the first by default."), **_OF_TEXT)
    numerals: Numerals = field(init=False)

    def __post_init__(self) -> None:
        if self.header not in ("auto", "yes", "no"):
            raise SettingError(_("header must be auto, yes or no, not {value!r}").format(value=self.header))
        one = len(self.delimiter) == 1 and self.delimiter.isascii() and self.delimiter not in '\r\n\0"'
        if self.delimiter not in ("auto", BLANKS) and not one:
            raise SettingError(
                _("the delimiter must be one ASCII character, no quote and no line break, not {value!r}").format(
                    value=self.delimiter
                )
            )
        if isinstance(self.skip, bool) or not isinstance(self.skip, int) or self.skip < 0:
            raise SettingError(_("skip must be a number of lines, not {value!r}").format(value=self.skip))
        if self.comment != "auto" and (re.search(r'[\s\w"]', self.comment) or len(self.comment) > 3):
            raise SettingError(
                _("what begins a comment must be a sign such as '#', '%' or '//', not {value!r}").format(
                    value=self.comment
                )
            )
        object.__setattr__(self, "numerals", Numerals(self.decimal, self.thousands, tuple(self.na)))
        if self.delimiter in (self.decimal, self.thousands):
            raise SettingError(
                _("the sign {value!r} cannot stand both between cells and within numbers").format(value=self.delimiter)
            )


@dataclass(frozen=True)
class Layout:
    """How the rows of a text are read."""

    encoding: str
    delimiter: str  # one character, or BLANKS
    skipped: int  # lines before the header or the first row
    header_rows: int  # rows before the first that is data: a header, and units
    has_rows: bool
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    comment: str = ""  # lines that begin with it are left out
    sample: tuple[tuple[str, ...], ...] = ()  # the first rows

    @property
    def is_plain(self) -> bool:
        """Whether pyarrow can parse the text as it stands."""
        return self.delimiter != BLANKS and not self.comment


@dataclass(frozen=True)
class Head:
    """The first bytes of a text, and whether they are all of it."""

    content: bytes
    is_all: bool


def head_of(opener: Opener, origin: str) -> Head:
    """The first bytes; more of them where the first line is longer."""
    head, is_all = b"", False
    try:
        with opener() as stream:
            while not is_all and len(head) < LONGEST_LINE and not (len(head) >= HEAD and _ends_a_line(head)):
                more: bytes = stream.read(HEAD)
                head, is_all = head + more, not more
    except (OSError, EOFError, pa.ArrowException) as error:
        raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=error)) from None
    if not head.strip():
        raise DataError(_("{origin} is empty; a row for each sample is needed").format(origin=origin))
    return Head(head, is_all)


def _ends_a_line(head: bytes) -> bool:
    return re.search(rb"[\r\n]", head.lstrip()) is not None


# -- encoding -------------------------------------------------------------------------------------
def encoding_of(head: Head, given: str) -> str:
    """The encoding as given; where it is `auto`, that of the mark at the beginning, or UTF-8."""
    if given != "auto":
        return given
    marked = next((name for mark, name in _MARKS.items() if head.content.startswith(mark)), None)
    if marked is not None:
        return marked
    start = head.content[:512]
    for half, name in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):  # ASCII has a null in every pair
        if half.count(0) >= 0.3 * len(half) and start.count(0) <= 1.02 * half.count(0):
            return name
    return "utf-8"


def not_in_encoding(origin: str, encoding: str) -> DataError:
    """The error for bytes that are no text of the encoding."""
    return DataError(
        _(
            "{origin} is not {encoding} text; name its encoding, for instance --encoding gb18030 (Chinese) "
            "or --encoding cp1252 (Western European)"
        ).format(origin=origin, encoding=encoding)
    )


def _text(head: Head, origin: str, encoding: str) -> str:
    try:
        wide = b"\0" in "x".encode(encoding)  # refuses codecs that are not for text
        decoder = codecs.getincrementaldecoder(encoding)("strict")
    except (LookupError, ValueError):  # ValueError: a null byte in the name
        raise SettingError(_("there is no encoding {value!r}").format(value=encoding)) from None
    start = head.content[:4096]
    if b"\0" in start and not wide:
        raise DataError(
            _(
                "{origin} is not text; CSV (also .gz, .zst), Parquet (.parquet) and workbooks (.xlsx) can be read"
            ).format(origin=origin)
        )
    try:
        text = decoder.decode(head.content, head.is_all)  # a cut through the last character of the head is no error
    except UnicodeError:
        raise not_in_encoding(origin, encoding) from None
    return text.removeprefix("\ufeff")


# -- layout ---------------------------------------------------------------------------------------
def layout_of(head: Head, origin: str, options: CsvOptions) -> Layout:
    """How to read the text that begins with `head`.

    Raises
    ------
    DataError
        Empty, not text, or another number of names than columns.
    """
    encoding = encoding_of(head, options.encoding)
    stream = io.StringIO(_text(head, origin, encoding), newline="")
    top, comment, skipped, given_delimiter = _top(stream, options)
    if top is None:
        raise DataError(_("{origin} is empty; a row for each sample is needed").format(origin=origin))
    lines = [top, *_data_lines(stream, comment)]
    if not head.is_all and len(lines) > 2:
        lines.pop()  # the head may end in the middle of it
    delimiter = given_delimiter or options.delimiter
    delimiter = (
        _delimiter(lines, options.numerals) if delimiter == "auto" else BLANKS if delimiter == " " else delimiter
    )
    records = list(_records(lines, delimiter))
    first = records[0]
    comments = skipped.comments
    notes: list[str] = []
    named = _named_in_comment(comments, delimiter, first) if options.header == "auto" else None
    has_header = named is None and (
        options.header == "yes" or (options.header == "auto" and not _are_values(first, options.numerals))
    )
    body = records[1:] if has_header else records
    units = has_header and bool(body) and len(body[0]) == len(first) and _are_units(body)
    if units:
        notes.append(
            _("{origin}: the second row, {row}, was taken for units and left out").format(
                origin=origin, row=", ".join(c.strip() for c in body[0])[:60]
            )
        )
        body = body[1:]
    has_rows = not head.is_all or bool(body)
    width = len(first)
    if has_header:
        names = tuple(cell.strip() for cell in first)
        longer = {len(record) for record in body} == {width + 1}
        if longer and all(not record[-1].strip() for record in body):
            names = (*names, "")
        elif longer and width > 1 and _are_row_names([record[0] for record in body], delimiter):
            names = ("", *names)
            notes.append(
                _("{origin}: the rows have one cell more than the header; the first was taken for the name of the row")
                .format(origin=origin)
            )  # fmt: skip
        width = len(names)
    else:
        names = named or tuple(names_without_header(width))
    if options.names is not None:
        if len(options.names) != width:
            raise DataError(
                _("{origin}: {given} column names were given for {count} columns").format(
                    origin=origin, given=len(options.names), count=width
                )
            )
        names = options.names
    elif not has_header and named is None:
        notes.append(
            _("{origin} has no header line; its columns are called {names}").format(
                origin=origin, names=", ".join(names)
            )
        )
    return Layout(
        encoding,
        delimiter,
        skipped.lines,
        int(has_header) + int(units),
        has_rows,
        names,
        tuple(notes),
        comment,
        tuple(map(tuple, body)),
    )


@dataclass(frozen=True)
class _Skipped:
    lines: int
    comments: tuple[str, ...]


def _top(stream: io.StringIO, options: CsvOptions) -> tuple[str | None, str, _Skipped, str | None]:
    """The first line that is neither blank nor comment; the sign of comments; what was passed; Excel's `sep=`."""
    comments: list[str] = []
    passed = 0
    delimiter = None
    sign = "#" if options.comment == "auto" else options.comment
    for _line in itertools.islice(stream, options.skip):
        passed += 1
    for line in stream:
        stripped = line.strip()
        separator = re.fullmatch(r"sep=(.)", line.strip('\r\n\ufeff "'), re.IGNORECASE)
        if stripped and sign and stripped.startswith(sign):
            comments.append(stripped.removeprefix(sign).strip())
        elif separator and delimiter is None and separator[1].isascii():
            delimiter = separator[1]
        elif stripped:
            active = sign if comments or options.comment != "auto" else ""
            return _without_comment(line, active), active, _Skipped(passed, tuple(comments)), delimiter
        passed += 1
    if options.comment == "auto" and comments:  # nothing but lines that begin with #: they are rows
        stream.seek(0)
        lines = list(itertools.islice(stream, options.skip, None))
        blank = next(k for k, line in enumerate(lines) if line.strip())
        stream.seek(0)
        for _line in itertools.islice(stream, options.skip + blank + 1):
            pass
        return lines[blank], "", _Skipped(options.skip + blank, ()), delimiter
    return None, "", _Skipped(passed, ()), delimiter


def _data_lines(stream: Iterable[str], comment: str) -> Iterator[str]:
    """The next lines that are neither blank nor comment, as many as are sampled."""
    lines = (line for line in stream if line.strip() and not (comment and line.lstrip().startswith(comment)))
    return (_without_comment(line, comment) for line in itertools.islice(lines, SAMPLED_ROWS))


def _without_comment(line: str, comment: str) -> str:
    return re.sub(comment_at_the_end(comment), "", line) if comment else line


def comment_at_the_end(sign: str) -> str:
    """The pattern of a comment behind the cells of a line."""
    return rf'(?m)[ \t]+{re.escape(sign)}[^\r\n"]*$'


def _delimiter(lines: Sequence[str], numerals: Numerals) -> str:
    """What stands between cells: what gives rows of one length, most of them numbers; else what is most frequent."""
    unquoted = [re.sub(r'"[^"]*"', "q", line.strip("\r\n")) for line in lines[:20] if len(line) < HEAD // 20]
    if not unquoted:
        unquoted = [re.sub(r'"[^"]*"', "q", lines[0])]
    within = (numerals.decimal, numerals.thousands)
    counts = {d: unquoted[0].count(d) for d in (",", "\t", ";", "|") if d not in within}
    candidates = [d for d in counts if counts[d]]
    words = [len(split_at_blanks(line)) for line in unquoted]
    if words[0] > 1 or (len(words) > 1 and words[0] == 1 and words[1] == 2 and not candidates):
        candidates.append(BLANKS)
    if not candidates:
        return next(iter(counts))
    if len(candidates) == 1 and candidates[0] != BLANKS:
        return candidates[0]

    def merit(d: str) -> tuple[bool, float, int]:
        rows = [split_at_blanks(line) if d == BLANKS else line.split(d) for line in unquoted]
        cells = [cell for row in rows[:20] for cell in row[:500]]
        lengths = {len(row) for row in rows}
        one_length = len(lengths) == 1 or len({len(row) for row in rows[1:]} | {len(rows[0]) + 1}) == 1
        values = sum(is_value(cell) for cell in cells if d != "," or "," not in cell)
        return one_length and max(lengths) > 1, round(values / len(cells), 6), counts.get(d, 0)

    merits = {d: merit(d) for d in candidates}
    best = max(candidates, key=lambda d: merits[d])
    if best == BLANKS and not merits[BLANKS][0]:  # words of a text, in rows of any length
        return max(counts, key=lambda d: counts[d]) if any(counts.values()) else next(iter(counts))
    return best


def _records(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of the sampled rows; quoted cells may hold line ends."""
    import csv

    cells = 0
    if delimiter == BLANKS:
        rows: Iterable[list[str]] = (split_at_blanks(line) for line in lines)
    else:
        rows = csv.reader(iter(lines), delimiter=delimiter)
    found = 0
    try:
        for row in rows:
            if not any(cell.strip() for cell in row) and found and len(row) <= 1:
                continue
            found += 1
            yield row
            cells += len(row)
            if cells > SAMPLED_CELLS and found > 2:
                return
    except csv.Error:  # a cell longer than it allows
        if not found:
            yield lines[0].rstrip("\r\n").split(delimiter)
            yield from (line.rstrip("\r\n").split(delimiter) for line in lines[1:2])


def split_at_blanks(line: str) -> list[str]:
    """The words of a line, of which quoted ones may hold blanks."""
    line = line.strip(" \t\r\n")
    if '"' not in line:
        return re.split(r"[ \t]+", line)
    return [quoted or word for quoted, word in re.findall(r'"([^"]*)"|([^ \t]+)', line)]


def _are_values(cells: Sequence[str], numerals: Numerals) -> bool:
    """Whether a first line is data: numbers, dates and perhaps missing cells, and not only nan and inf."""
    missing = numerals.missing
    if not all(cell.strip() in missing or is_value(cell) for cell in cells):
        return False
    return any(character.isdigit() for cell in cells for character in cell) or any(
        cell.strip().lower() in BOOLEANS for cell in cells
    )


def _named_in_comment(comments: Sequence[str], delimiter: str, first: Sequence[str]) -> tuple[str, ...] | None:
    """The names in the last comment line before rows of numbers, where there are as many as columns."""
    if not comments or not any(is_value(cell) for cell in first):
        return None
    for split in (delimiter, BLANKS):
        cells = split_at_blanks(comments[-1]) if split == BLANKS else comments[-1].split(split)
        if len(cells) == len(first) and not all(map(is_value, cells)) and all(c.strip() for c in cells):
            return tuple(cell.strip().strip('"') for cell in cells)
    return None


def _are_row_names(cells: Sequence[str], delimiter: str) -> bool:
    """Whether the cells that no header names are names of rows, as R writes them: words, or 1, 2, 3 ..."""
    if not any(map(is_value, cells)):
        return len(set(cells)) == len(cells)
    # Behind a comma, the first cell may be the thousands of the second.
    return delimiter != "," and list(cells) == [f"{k}" for k in range(1, len(cells) + 1)]


def _are_units(body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row under the header holds units: no numbers, above columns that otherwise do."""
    if len(body) < 2 or len({len(row) for row in body[:3]}) != 1:
        return False
    units, *rows = body
    of_numbers = [k for k in range(len(units)) if all(is_value(row[k]) for row in rows[:20] if len(row) == len(units))]
    words = [units[k].strip() for k in of_numbers]
    if not of_numbers or any(is_value(word) for word in units) or not any(words):
        return False
    bracketed = all(re.fullmatch(r"[\[(].*[\])]|", word) for word in words)
    return bracketed or (len(of_numbers) > 1 and all(words) and len(set(words)) >= 1 and all(map(_is_unit, words)))


def _is_unit(word: str) -> bool:
    """Whether a word may be a unit: short, and none that stands for a missing number."""
    return len(word) <= 12 and word not in Numerals().missing and word not in ("-", "--", ".")
