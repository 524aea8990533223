"""How large a file is once it is unpacked, counted up to a limit and held nowhere: a few bytes can become gigabytes.

Takes a file's content, as somebody else sent it; called by the lab before a source is made of it.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from tidu.data.arrow_library import pa
from tidu.data.csv import open_bytes
from tidu.data.files import PARQUET, ZIP

AT_ONCE = 1 << 20  # bytes
CELL = 8  # bytes, of a number in a table
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a part of an archive: how long its name is, and what stands behind


def is_larger_unpacked(content: bytes, most: int) -> bool:
    """Whether a file has more than `most` bytes when it is unpacked; what cannot be unpacked is told by its reader."""
    try:
        if content[:4] == PARQUET:
            return _of_parquet(content) > most
        if content[:4] == ZIP:
            return _of_archive(content, most) > most
        return _of_stream(content, most) > most
    except (zipfile.BadZipFile, zlib.error, struct.error, pa.ArrowException, OSError, ValueError, NotImplementedError):
        return False


def _of_stream(content: bytes, most: int) -> int:
    size = 0
    with open_bytes(io.BytesIO(content)) as stream:
        while size <= most and (part := stream.read(AT_ONCE)):
            size += len(part)
    return size


def _of_parquet(content: bytes) -> int:
    """By its rows: a column that repeats one number has hardly a byte in the file."""
    import pyarrow.parquet as pa_parquet  # it is slow to import, and most tables are CSV

    found: Any = pa_parquet.ParquetFile(pa.BufferReader(content)).metadata
    packed = sum(found.row_group(k).total_byte_size for k in range(found.num_row_groups))
    return int(max(found.num_rows * found.num_columns * CELL, packed))


def _of_archive(content: bytes, most: int) -> int:
    """Of all parts together. What the archive says of their sizes need not be true, so they are unpacked."""
    size = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            if part.compress_type != zipfile.ZIP_DEFLATED:
                size += part.compress_size
                continue
            begin = part.header_offset + _LOCAL_HEADER.size
            begin += sum(_LOCAL_HEADER.unpack_from(content, part.header_offset))
            unpacking, rest = zlib.decompressobj(-zlib.MAX_WBITS), content[begin : begin + part.compress_size]
            while rest and not unpacking.eof and size <= most:
                size += len(unpacking.decompress(rest, AT_ONCE))
                rest = unpacking.unconsumed_tail
            if size > most:
                break
    return size
