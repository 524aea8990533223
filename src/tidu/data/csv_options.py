"""`CsvOptions`: how a person says that text is to be read; light to import, for the command line declares it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tidu.content.declarations import DATA, option
from tidu.content.kinds import Choice, Names, Text, Whole
from tidu.data.numerals import Numerals
from tidu.errors import SettingError
from tidu.text import _, mark

BLANKS = "blanks"  # any number of blanks and tabs between cells
_OF_TEXT: dict[str, Any] = {
    "group": DATA,
    "verbs": ("fit", "sweep", "doctor", "explain", "lab", "scan", "predict", "suggest"),
}


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
        "auto", Text(mark("SIGN")), mark("The character between cells; blanks means any number of spaces and tabs."),
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
        mark("Words for a missing value, besides NA, nan, null and the like."),
        **_OF_TEXT,
    )
    comment: str = option(
        "auto", Text(mark("SIGN")),
        mark("Skip lines that begin with this; auto: with #, if the file begins with one."), **_OF_TEXT,
    )  # fmt: skip
    skip: int = option(0, Whole(0), mark("Skip this many lines at the top."), **_OF_TEXT)
    sheet: str | None = option(None, Text(mark("NAME")), mark("Sheet of a workbook; the first by default."), **_OF_TEXT)
    file_column: str | None = option(
        None, Text(mark("COLUMN")),
        mark("Of several files: a column of this name says which file a row is from, by its name without the ending. "
             "A parameter a[COLUMN] then has a value for each file."),
        word="group", **_OF_TEXT,
    )  # fmt: skip
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
