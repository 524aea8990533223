"""The beginning of a text: its encoding, what stands between cells, comments, header, a row of units.

`layout_of` looks at the first megabyte and settles how the whole is read; what is not certain is left to options.
Used by `csv`, which then has pyarrow parse the rows.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tidu.data.csv_options import BLANKS, CsvOptions
from tidu.data.encoding import HEAD, Head, encoding_of, text_of
from tidu.data.numerals import BOOLEANS, Numerals, is_value
from tidu.data.table import clipped, names_without_header
from tidu.errors import DataError
from tidu.text import _

MOST_TITLES = 5  # lines above a header
FULL_WIDTH_COMMA = "\uff0c"
SAMPLED_ROWS, SAMPLED_CELLS = 100, 20_000  # of which a guess is made


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


# -- layout ---------------------------------------------------------------------------------------
def layout_of(head: Head, origin: str, options: CsvOptions) -> Layout:
    """How to read the text that begins with `head`.

    Raises
    ------
    DataError
        Empty, not text, or another number of names than columns.
    """
    encoding = encoding_of(head, options.encoding)
    stream = io.StringIO(text_of(head, origin, encoding), newline="")
    top, comment, skipped, given_delimiter = _top(stream, options)
    if top is None:
        raise DataError(_("{origin} is empty; a row for each sample is needed").format(origin=origin))
    lines = [top, *_data_lines(stream, comment)]
    if not head.is_all and len(lines) > 2:
        lines.pop()  # the head may end in the middle of it
    delimiter = given_delimiter or options.delimiter
    if delimiter == "auto":
        _refuse_titles(lines, options, origin)
        delimiter = _delimiter(lines, options.numerals)
    elif delimiter == " ":
        delimiter = BLANKS
    first, *body = records = list(_records(lines, delimiter))
    if len(first) == 1 and FULL_WIDTH_COMMA in first[0] and all(FULL_WIDTH_COMMA in "".join(row) for row in body):
        raise DataError(
            _("{origin}: a full-width comma stands between its cells, as in '{line}'; write the plain comma ',' "
              "instead").format(origin=origin, line=clipped(first[0]))
        )  # fmt: skip
    named = _named_in_comment(skipped.comments, delimiter, first) if options.header == "auto" else None
    has_header = named is None and (
        options.header == "yes" or (options.header == "auto" and not _are_values(first, options.numerals))
    )
    body = body if has_header else records
    notes: list[str] = []
    units = has_header and bool(body) and len(body[0]) == len(first) and _are_units(body)
    if units:
        notes.append(
            _("{origin}: the second row, {row}, was taken for units and left out").format(
                origin=origin, row=", ".join(c.strip() for c in body[0])[:60]
            )
        )
        body = body[1:]
    names, more = _names(first if has_header else None, named, body, delimiter, origin, options.names)
    has_rows = not head.is_all or bool(body)
    header_rows = int(has_header) + int(units)
    sample = tuple(map(tuple, body))
    return Layout(
        encoding, delimiter, skipped.lines, header_rows, has_rows, names, (*notes, *more), comment, sample
    )  # fmt: skip


def _names(
    header: Sequence[str] | None,
    named: tuple[str, ...] | None,
    body: Sequence[Sequence[str]],
    delimiter: str,
    origin: str,
    given: tuple[str, ...] | None,
) -> tuple[tuple[str, ...], list[str]]:
    """What the columns are called: as given, by the header, as `named` in a comment, or x, y; and what to say of it."""
    notes = []
    if header is not None:
        names = tuple(cell.strip() for cell in header)
        longer = {len(record) for record in body} == {len(names) + 1}
        if longer and all(not record[-1].strip() for record in body):  # a delimiter at the end of each row
            names = (*names, "")
        elif longer and len(names) > 1 and _are_row_names([record[0] for record in body], delimiter):
            names = ("", *names)
            notes.append(
                _("{origin}: the rows have one cell more than the header; the first was taken for the name of the row")
                .format(origin=origin)
            )  # fmt: skip
    else:
        names = named or tuple(names_without_header(len(body[0])))
    if given is not None:
        if len(given) != len(names):
            raise DataError(
                _("{origin}: {given} column names were given for {count} columns").format(
                    origin=origin, given=len(given), count=len(names)
                )
            )
        return given, notes
    if header is None and named is None:
        notes.append(
            _("{origin} has no header line; its columns are called {names}").format(
                origin=origin, names=", ".join(names)
            )
        )
    return names, notes


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


def _refuse_titles(lines: Sequence[str], options: CsvOptions, origin: str) -> None:
    """Refuse a text whose first lines are single cells above rows of several.

    Where another delimiter is as often in the first line as in all others, commas below it are within numbers.
    """
    within = (options.decimal, options.thousands)
    if any(lines[0].count(d) and len({line.count(d) for line in lines[:20]}) == 1 for d in ("\t", ";", "|")):
        return
    for delimiter in (d for d in (",", "\t", ";", "|") if d not in within):
        counts = [line.count(delimiter) for line in lines[:20]]
        titles = next((k for k, count in enumerate(counts) if count), 0)
        if 0 < titles <= MOST_TITLES and len(set(counts[titles:])) == 1 and len(counts) > titles + 1:
            raise DataError(
                _("{origin}: the first line, '{line}', is one cell, and the rows below have {count}; if it is a title, "
                  "leave it out with --skip {titles}").format(
                    origin=origin, line=clipped(lines[0]), count=counts[titles] + 1, titles=titles
                )
            )  # fmt: skip


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
    may_be = words[0] > 1 or (len(words) > 1 and words[0] == 1 and words[1] == 2 and not candidates)
    if may_be and numerals.thousands != " ":
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
