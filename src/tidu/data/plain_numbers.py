"""Rows of plain decimal numbers, read in NumPy: a small file is done before pyarrow, which reads any, is imported.

Eight digits are one machine word, so a cell is a few multiplications. A cell is a whole number over a power of ten; the
quotient in 80 bits, rounded once more, is the nearest float64 unless it lies in the middle of two. Such cells, and
those written otherwise (1e-5, nan), are left to `float`, so every number is the nearest one. Called by `csv`.

Source: eight digits in a word, Lemire 2021, "Number parsing at a gigabyte per second", section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
_Words = npt.NDArray[np.uint64]
_Places = npt.NDArray[np.int64]

MOST_BYTES = 1 << 25  # of a text; a longer one is worth the import of a parser with threads
ROWS = 1 << 13  # of a column at a time: what lies between two operations stays in the cache
MOST_OTHERWISE = 8  # a column of which one cell in so many is written otherwise is left to pyarrow
_MOST_DIGITS = 19  # of a whole number in 64 bits
_PADDING = 24  # bytes before the text, so that three words end at its first cell
_ZEROS = np.uint64(0x3030303030303030)
_PAIRS = np.uint64(0x000000FF000000FF)
_HUNDREDS, _UNITS = np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)
_OVER_NINE, _HIGH_BITS = np.uint64(0x7676767676767676), np.uint64(0x8080808080808080)
_POWERS = np.array([10**k for k in range(_MOST_DIGITS + 1)], dtype=np.uint64)
HAS_80_BITS = np.finfo(np.longdouble).nmant == 63 and np.little_endian


def plain_columns(text: bytes, delimiter: str, width: int, wanted: Sequence[int]) -> list[Column] | None:
    """The columns with the numbers `wanted` of rows of `width` cells; None for a text that is not so plain.

    It has to be rows of numbers and nothing else, without quotes, blank rows and missing cells.
    """
    if not HAS_80_BITS or b'"' in text:
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    text = b"0" * _PADDING + text.rstrip(b"\n") + b"\n"
    codes = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((codes == ord(delimiter)) | (codes == ord("\n")))
    of_rows = codes[ends] == ord("\n")
    rows = len(ends) // width
    if len(ends) != rows * width or not of_rows[width - 1 :: width].all() or np.count_nonzero(of_rows) != rows:
        return None
    starts = np.concatenate(([_PADDING], ends[:-1] + 1))
    cells = _Cells(text, starts, ends, _points(codes, starts, ends))
    columns = [cells.column(slice(k, None, width)) for k in wanted]
    return None if any(column is None for column in columns) else [c for c in columns if c is not None]


def _points(codes: npt.NDArray[np.uint8], starts: _Places, ends: _Places) -> _Places:
    """Where the decimal point of each cell is; its end, where there is none. Of several, any."""
    points = np.flatnonzero(codes == ord("."))
    if len(points) == len(ends) and (points >= starts).all() and (points < ends).all():
        return points
    found = ends.copy()
    found[np.searchsorted(ends, points)] = points
    return found


class _Cells:
    """The cells of a text, by where they begin and end, and where their decimal points are."""

    def __init__(self, text: bytes, starts: _Places, ends: _Places, points: _Places) -> None:
        self.text, self.starts, self.ends, self.points = text, starts, ends, points
        self.codes = np.frombuffer(text, dtype=np.uint8)
        # The word that begins at each byte.
        self.words: _Words = np.ndarray((len(text) - 7,), np.dtype("<u8"), text, strides=(1,))

    def column(self, cells: slice) -> Column | None:
        """The numbers of some cells; None where too many are written otherwise, or one is none."""
        starts, ends, points = self.starts[cells], self.ends[cells], self.points[cells]
        found = np.empty(len(ends))
        most = len(ends) // MOST_OTHERWISE + 1
        for first in range(0, len(ends), ROWS):
            part = slice(first, first + ROWS)
            otherwise = self._read(starts[part], ends[part], points[part], found[part])
            most -= len(otherwise)
            if most < 0:
                return None
            for k in (otherwise + first).tolist():
                number = self._number(int(starts[k]), int(ends[k]))
                if number is None:
                    return None
                found[k] = number
        return found

    def _read(self, starts: _Places, ends: _Places, points: _Places, found: Column) -> npt.NDArray[np.intp]:
        """Write the numbers of cells to `found`; gives the places of those that are left."""
        negative = self.codes[starts] == ord("-")
        before = points - starts - negative  # digits
        behind = np.maximum(ends - points - 1, 0)
        whole, good = self._digits(points, before, 2)
        rest, also_good = self._digits(ends, behind, 3)
        digits = np.where(whole == 0, 0, before) + behind
        good &= also_good & (before + behind > 0) & (digits <= _MOST_DIGITS)
        powers = _POWERS[np.minimum(behind, _MOST_DIGITS)]
        quotient = (whole * powers + rest).astype(np.longdouble) / powers.astype(np.longdouble)
        mantissa = quotient.view(np.uint64)[::2]
        good &= (mantissa & np.uint64(0x7FF)) != 0x400  # not in the middle of two
        found[:] = quotient
        np.negative(found, out=found, where=negative)
        return np.flatnonzero(~good)

    def _digits(self, ends: _Places, counts: _Places, most: int) -> tuple[_Words, npt.NDArray[np.bool_]]:
        """The whole numbers of `counts` digits, of at most `most` words, that end before `ends`; whether they are."""
        total = np.zeros(len(ends), dtype=np.uint64)
        good = counts <= 8 * most
        for k in reversed(range(min(most, -(-int(counts.max(initial=0)) // 8)))):
            here = np.clip(counts - 8 * k, 0, 8).astype(np.uint64)
            word = self.words[np.maximum(ends - 8 * (k + 1), 0)] ^ _ZEROS
            word &= ~np.uint64(0) << (np.uint64(64) - np.uint64(8) * here)  # the last digits are in the high bytes
            good &= (((word + _OVER_NINE) | word) & _HIGH_BITS) == 0
            word = word * np.uint64(10) + (word >> np.uint64(8))
            word = ((word & _PAIRS) * _HUNDREDS + ((word >> np.uint64(16)) & _PAIRS) * _UNITS) >> np.uint64(32)
            total = total * np.uint64(10**8) + word
        return total, good

    def _number(self, start: int, end: int) -> float | None:
        """The number of a cell that is written in some other way."""
        cell = self.text[start:end]
        try:
            return None if b"_" in cell else float(cell)
        except ValueError:
            return None
