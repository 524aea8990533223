"""Files that are small until they are unpacked are known before anything reads them; others pass."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidu.data.unpacked import is_larger_unpacked

MOST = 1 << 20
BOMB = b"1,2\n" * (MOST // 2)


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def lying(content: bytes) -> bytes:
    """The same archive, which says of each part that it is 10 bytes long."""
    said = bytearray(content)
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        begin = 0
        while (begin := content.find(mark, begin)) >= 0:
            said[begin + at : begin + at + 4] = struct.pack("<I", 10)
            begin += 4
    return bytes(said)


def parquet(rows: int) -> bytes:
    """A column that repeats one number."""
    out = io.BytesIO()
    pq.write_table(pa.table({"x": pa.array([1.0]).take(pa.array([0] * rows)), "y": pa.nulls(rows, pa.float64())}), out)
    return out.getvalue()


BOMBS = {
    "gzip": gzip.compress(BOMB), "zstd": pa.compress(BOMB, "zstd", asbytes=True), "workbook": zipped({"a.xml": BOMB}),
    "many parts": zipped({f"{k}.xml": BOMB[: MOST // 8] for k in range(20)}), "lying": lying(zipped({"a.xml": BOMB})),
    "parquet": parquet(MOST // 4), "gzip in parts": b"".join(gzip.compress(BOMB[: MOST // 4]) for _k in range(9)),
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_known(kind) -> None:
    assert is_larger_unpacked(BOMBS[kind], MOST)
    assert len(BOMBS[kind]) < MOST // 8


FINE = {
    "text": b"x,y\n1,2\n", "empty": b"", "gzip": gzip.compress(b"x,y\n1,2\n"), "workbook": zipped({"a.xml": b"<a/>"}),
    "stored": zipped({"a.xml": b"<a/>"}, zipfile.ZIP_STORED), "parquet": parquet(9), "half": gzip.compress(BOMB)[:300],
    "no archive": b"PK\x03\x04" + os.urandom(99), "no parquet": b"PAR1" + os.urandom(99),
    "no gzip": b"\x1f\x8b" + os.urandom(99),
}  # fmt: skip


@pytest.mark.parametrize("kind", FINE)
def test_what_is_small_or_broken_is_left_to_its_reader(kind) -> None:
    assert not is_larger_unpacked(FINE[kind], MOST)


def test_what_is_exactly_as_large_passes() -> None:
    assert not is_larger_unpacked(gzip.compress(b"1" * MOST), MOST)
    assert is_larger_unpacked(gzip.compress(b"1" * (MOST + 1)), MOST)
