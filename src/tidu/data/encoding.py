"""The first bytes of a text, and the encoding that they show: UTF-8, or UTF-16 and UTF-32 by their marks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidu.data.arrow_library import pa
from tidu.errors import DataError, SettingError
from tidu.text import _, mark

Opener = Callable[[], Any]  # opens the text from its beginning, as bytes
HEAD = 1 << 20  # bytes looked at
LONGEST_LINE = 1 << 24  # bytes looked at for the end of a first line
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


# How texts begin that are no tables.
_NO_TABLES = {
    rb"\s*<(!doctype|html|\?xml|svg)": mark("a web page or XML"),
    rb"\s*(\[\s*[\[{]|\{\s*[\"}])": mark("JSON"),
    rb"%PDF-": mark("a PDF"),
}


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
    kind = next((kind for begin, kind in _NO_TABLES.items() if re.match(begin, head, re.IGNORECASE)), None)
    if kind is not None:
        raise DataError(
            _("{origin} is {kind}, not a table; CSV (also .gz, .zst), Parquet (.parquet) and workbooks (.xlsx) can be "
              "read").format(origin=origin, kind=_(kind))
        )  # fmt: skip
    return Head(head, is_all)


def _ends_a_line(head: bytes) -> bool:
    return re.search(rb"[\r\n]", head.lstrip()) is not None


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


def text_of(head: Head, origin: str, encoding: str) -> str:
    """The text that begins with `head`.

    Raises
    ------
    DataError, SettingError
        It is no text of the encoding; there is no such encoding.
    """
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
