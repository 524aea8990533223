"""A long text in pieces of whole rows, which several threads can parse in little memory; and pipes, read once."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any

from tidu.data.arrow_library import pa
from tidu.data.encoding import LONGEST_LINE, not_in_encoding
from tidu.data.layout import Layout
from tidu.errors import DataError
from tidu.text import _

PIECE = 1 << 23  # bytes: long enough to parse at full speed, and few enough for a dozen of them to be little memory
LONGEST_CELL = 1 << 26  # bytes; a quoted cell with line ends that is longer is none, but a stray quote


def pieces_of(stream: Any, layout: Layout, origin: str) -> Iterator[bytes]:
    """The text of a stream in UTF-8, cut at ends of rows; the first piece has what stands above the rows.

    Raises
    ------
    DataError
        It cannot be read, or is no text of its encoding.
    """
    rest = b""
    quoted = not layout.comment  # where a quote in a comment does not count, an end of a line is one of a row
    try:
        for text in _in_utf8(stream, layout.encoding):
            whole = rest + text
            cut = end_of_rows(whole, quoted and len(whole) < LONGEST_CELL)
            if cut:
                yield whole[:cut]
            rest = whole[cut:]
        if rest:
            yield rest
    except UnicodeError:
        raise not_in_encoding(origin, layout.encoding) from None
    except (OSError, EOFError, pa.ArrowException) as error:
        raise DataError(_("{origin} cannot be read: {reason}").format(origin=origin, reason=error)) from None


def _in_utf8(stream: Any, encoding: str) -> Iterator[bytes]:
    if codecs.lookup(encoding).name == "utf-8":
        while text := stream.read(PIECE):
            yield text
        return
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    while text := stream.read(PIECE):
        yield decoder.decode(text).encode()
    yield decoder.decode(b"", True).encode()


def end_of_rows(text: bytes, quoted: bool) -> int:
    """Behind the last end of a line that is not in quotes; 0 where there is none."""
    line_end = b"\n" if b"\n" in text else b"\r"
    if line_end == b"\r" and text.endswith(b"\r"):  # the other half of a line end may follow
        text = text[:-1]
    cut = text.rfind(line_end) + 1
    quotes = text.count(b'"') if quoted else 0
    while cut and (quotes - text.count(b'"', cut)) % 2:
        cut = text.rfind(line_end, 0, cut - 1) + 1
    return cut


def last_row_end(text: bytes, within: bool | None) -> int:
    """The same by where the text ends: `within` quotes or not; None where quotes do not count."""
    cut = text.rfind(b"\n") + 1
    while cut and within is not None and (text.count(b'"', cut) % 2 == 1) != within:
        cut = text.rfind(b"\n", 0, cut - 1) + 1
    return cut


class ReadOnce:
    """A pipe: its beginning can be looked at again and again, all of it be read once."""

    def __init__(self, pipe: Any, origin: str) -> None:
        self.pipe, self.origin = pipe, origin
        self.head, self.spent = b"", False

    def opened(self) -> _FromTheBeginning:
        """The pipe from its beginning.

        Raises
        ------
        DataError
            It has been read already.
        """
        if self.spent:
            raise DataError(
                _("{origin} can be read once, and has been; put the data into a file").format(origin=self.origin)
            )
        return _FromTheBeginning(self)


class _FromTheBeginning(io.RawIOBase):
    """A reader of a pipe that keeps what it reads for the next, as long as that is little."""

    def __init__(self, once: ReadOnce) -> None:
        self.once, self.place = once, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        """Back to the beginning, as long as that is there."""
        assert (offset, whence) == (0, 0)
        self.place = 0
        return 0

    def readinto(self, memory: Any) -> int:
        content = self.read(len(memory))
        memory[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        once = self.once
        wanted = size if size >= 0 else 1 << 62
        known = once.head[self.place : self.place + wanted]
        more = once.pipe.read(wanted - len(known) if size >= 0 else -1) if len(known) < wanted else b""
        if self.place + len(known) + len(more) <= 2 * LONGEST_LINE and not once.spent and more:
            once.head += more
        elif more:
            once.spent = True
        self.place += len(known) + len(more)
        return known + more
