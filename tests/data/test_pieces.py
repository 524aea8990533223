"""Long texts in pieces of whole rows, and pipes whose beginning can be looked at."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidu.data import pieces
from tidu.data.csv_options import CsvOptions
from tidu.data.encoding import head_of
from tidu.data.layout import layout_of
from tidu.data.pieces import ReadOnce, pieces_of
from tidu.errors import DataError

CELLS = st.text(st.sampled_from('ab,"\n1 '), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30), st.integers(1, 40))
def test_pieces_are_whole_rows(rows, size):
    """Quotes, and line ends in quotes, at any place of a piece."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([("x", "y"), *rows])
    text = buffer.getvalue().encode()
    layout = layout_of(head_of(lambda: io.BytesIO(text), "t"), "t", CsvOptions(header="yes", delimiter=","))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", size)
        found = list(pieces_of(io.BytesIO(text), layout, "t"))
    assert b"".join(found) == text
    read = [row for piece in found for row in csv.reader(io.StringIO(piece.decode()))]
    assert read == list(csv.reader(io.StringIO(text.decode())))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "gb18030", "utf-8"])
def test_other_encodings_become_utf8(encoding):
    text = "".join(f"{k},城{k}\n" for k in range(100))
    layout = layout_of(head_of(lambda: io.BytesIO(text.encode(encoding)), "t"), "t", CsvOptions(encoding=encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", 7)
        assert b"".join(pieces_of(io.BytesIO(text.encode(encoding)), layout, "t")).decode() == text


def test_a_pipe_is_looked_at_often_and_read_once(monkeypatch):
    monkeypatch.setattr(pieces, "LONGEST_LINE", 10)
    once = ReadOnce(io.BytesIO(bytes(range(100))), "the pipe")
    assert once.opened().read(8) == bytes(range(8))
    assert once.opened().read(15) == bytes(range(15))
    assert once.opened().read() == bytes(range(100))
    with pytest.raises(DataError, match="the pipe can be read once"):
        once.opened()
