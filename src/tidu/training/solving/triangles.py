"""R of the QR factorisation of many rows, which come piece by piece: p numbers a row, p² in the end.

The reflections are written with NumPy's own sums, whose order is fixed, not with LAPACK's, which follow the number of
threads: a triangle has the same bits wherever it is computed. Tall and narrow as these matrices are, that is also
faster. Read by `row_chunks.py`, by whose order the triangles of chunks are put together, and by `rescaling.py`.

Source: Golub & Van Loan 2013, ch. 5.1 (Householder reflections) and 5.2 (block QR); Demmel et al. 2012 ("TSQR").
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
PIECE = 4096  # rows that are factorised at once: with a dozen columns they stay in a core's cache


def triangle_of(pieces: Iterable[Array]) -> Array:
    """R, of shape (p, p), of rows that come in pieces of shape (p, rows): each below the R of those before.

    RᵀR is JᵀJ. Where something is not finite, R is not either.
    """
    upper: Array | None = None
    for columns in pieces:
        upper = _triangle(np.array(columns) if upper is None else np.concatenate([upper.T, columns], axis=1))
    assert upper is not None, "there is a piece"
    return upper


def in_pieces(columns: Array) -> Iterable[Array]:
    """Columns of shape (p, rows) as pieces that `triangle_of` is quick with."""
    return (columns[:, first : first + PIECE] for first in range(0, columns.shape[1], PIECE))


def _triangle(columns: Array) -> Array:
    """R of the matrix with these columns, of shape (p, rows), which are overwritten."""
    p, rows = columns.shape
    upper = np.zeros((p, p))
    with np.errstate(all="ignore"):
        for k in range(min(p, rows)):
            column, others = columns[k, k:], columns[k + 1 :, k:]
            largest = float(np.max(np.abs(column)))
            if largest != 0.0:  # else there is nothing to reflect
                mirror = column / largest  # so that no square overflows
                length = math.sqrt(float(np.add.reduce(mirror * mirror)))
                first = float(mirror[0])
                end = -length if first >= 0.0 else length
                upper[k, k] = end * largest
                mirror[0] = first - end
                along = np.add.reduce(others * mirror, axis=1) / (length * (length + abs(first)))
                others -= along[:, None] * mirror
            upper[k, k + 1 :] = others[:, 0]
    return upper
