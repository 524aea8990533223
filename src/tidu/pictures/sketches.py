"""Pictures in a terminal: planes, tables of counts and maps as text, with braille dots and blocks. No matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tidu.pictures.numbers import Array
from tidu.pictures.planes import Plane
from tidu.text import columns_of

WIDTH, HEIGHT = 64, 15  # of a sketch, in characters, without its labels
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character, by row and column
EIGHTHS = " ▁▂▃▄▅▆▇█"
SHADES = " ░▒▓█"


def plane_sketch(plane: Plane, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A plane as lines of text: curves as braille dots, bars as blocks, the ends of both axes as numbers."""
    (left, right), (low, high) = _ranges(plane)
    rows = _bars(plane, left, right, high, width, height) if plane.bars is not None else None
    if rows is None:
        rows = _braille(_canvas(plane, left, right, low, high, width, height))
    if plane.log_y:
        low, high = 10.0**low, 10.0**high
    if plane.log_x:
        left, right = 10.0**left, 10.0**right
    top, bottom = _tick(high), _tick(low)
    margin = max(len(top), len(bottom))
    ticks = [top, *[""] * (height - 2), bottom]
    lines = [f"{tick:>{margin}} ┤{row}".rstrip() for tick, row in zip(ticks, rows, strict=True)]
    first, last = _tick(left), _tick(right)
    between = width - len(first) - len(last)
    x_label = plane.x_label if columns_of(plane.x_label) + 2 <= between else ""
    free = between - columns_of(x_label)
    lines.append(" " * margin + " └" + "─" * width)
    lines.append(" " * (margin + 2) + first + " " * (free // 2) + x_label + " " * (free - free // 2) + last)
    heading = [part for part in (plane.title, plane.y_label) if part]
    names = [c.name for c in plane.curves if c.name]
    return "\n".join(["  ".join(heading), *lines, *(["  " + " · ".join(names)] if len(names) > 1 else [])])


def _ranges(plane: Plane) -> tuple[tuple[float, float], tuple[float, float]]:
    """From where to where the axes go; of a logarithmic one, the logarithms."""
    if plane.limits is not None:
        left, right, low, high = plane.limits
        return (left, right), (low, high)
    x = [_places(plane, c.x) for c in plane.curves] + ([plane.bars.edges] if plane.bars is not None else [])
    y = [_heights(plane, c.y) for c in plane.curves]
    if plane.bars is not None:
        y.append(np.append(plane.bars.heights, 0.0))
    return _range(x), _range(y)


def _range(parts: Sequence[Array]) -> tuple[float, float]:
    every = np.concatenate([np.ravel(p) for p in parts]) if parts else np.empty(0)
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _heights(plane: Plane, y: Array) -> Array:
    return _logarithms(y) if plane.log_y else y


def _places(plane: Plane, x: Array) -> Array:
    return _logarithms(x) if plane.log_x else x


def _logarithms(values: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.log10(np.where(values > 0, values, np.nan)))


def _canvas(
    plane: Plane, left: float, right: float, low: float, high: float, width: int, height: int
) -> npt.NDArray[np.bool_]:
    """Which dots are set: an array of shape (4 · height, 2 · width)."""
    canvas = np.zeros((4 * height, 2 * width), dtype=bool)
    for curve in plane.curves:
        x = (_places(plane, curve.x) - left) / (right - left) * (canvas.shape[1] - 1)
        y = (high - _heights(plane, curve.y)) / (high - low) * (canvas.shape[0] - 1)
        if curve.style != "dots" and len(x) > 1:
            x, y = _joined(x, y)
        good = np.isfinite(x) & np.isfinite(y)
        i, j = np.round(y[good]).astype(int), np.round(x[good]).astype(int)
        inside = (i >= 0) & (i < canvas.shape[0]) & (j >= 0) & (j < canvas.shape[1])
        canvas[i[inside], j[inside]] = True
    return canvas


def _joined(x: Array, y: Array) -> tuple[Array, Array]:
    """Points close together along the lines between points."""
    parts_x, parts_y = [], []
    for k in range(len(x) - 1):
        span = max(abs(x[k + 1] - x[k]), abs(y[k + 1] - y[k]))
        count = int(min(span, 1000)) + 2 if math.isfinite(span) else 2
        parts_x.append(np.linspace(x[k], x[k + 1], count))
        parts_y.append(np.linspace(y[k], y[k + 1], count))
    return np.concatenate(parts_x), np.concatenate(parts_y)


def _braille(canvas: npt.NDArray[np.bool_]) -> list[str]:
    """Eight dots a character."""
    height, width = canvas.shape[0] // 4, canvas.shape[1] // 2
    code = np.full((height, width), 0x2800)
    for i, pair in enumerate(DOTS):
        for j, bit in enumerate(pair):
            code += bit * canvas[i::4, j::2]
    return ["".join(map(chr, row)).replace("\u2800", " ") for row in code.tolist()]


def _bars(plane: Plane, left: float, right: float, high: float, width: int, height: int) -> list[str]:
    """Bars in eighths of a character."""
    assert plane.bars is not None
    centres = left + (np.arange(width) + 0.5) / width * (right - left)
    place = np.clip(np.searchsorted(plane.bars.edges, centres, side="right") - 1, 0, len(plane.bars.heights) - 1)
    eighths = np.round(plane.bars.heights[place] / max(high, 1e-300) * height * 8).astype(int)
    return [
        "".join(EIGHTHS[int(min(max(e - 8 * (height - 1 - k), 0), 8))] for e in eighths.tolist()) for k in range(height)
    ]


def table_sketch(corner: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A table of counts, the names down and across."""
    cells = [[corner, *names], *([name, *map(str, row)] for name, row in zip(names, counts, strict=True))]
    widths = [max(columns_of(row[k]) for row in cells) for k in range(len(cells[0]))]
    return "\n".join(
        "  ".join(" " * (w - columns_of(cell)) + cell for cell, w in zip(row, widths, strict=True)) for row in cells
    )


def map_sketch(
    x_label: str, y_label: str, ranges: tuple[float, float, float, float], shade: Array, marks: Sequence[Array],
    signs: str, height: int = HEIGHT,
) -> str:  # fmt: skip
    """A field seen from above: `shade` from 0 to 1 of shape (height, any), the top first, and points over it.

    `marks` are arrays of shape (n, 2), each drawn with its sign of `signs`; `ranges` are those of x and of y.
    """
    left, right, low, high = ranges
    width = shade.shape[1]
    rows = [[SHADES[round(s * (len(SHADES) - 1))] if s == s else " " for s in row] for row in shade.tolist()]
    for points, sign in zip(marks, signs, strict=False):
        for a, b in points.tolist():
            if left <= a <= right and low <= b <= high:
                i = round((high - b) / (high - low) * (height - 1))
                j = round((a - left) / (right - left) * (width - 1))
                rows[i][j] = sign
    top, bottom = _tick(high), _tick(low)
    margin = max(len(top), len(bottom))
    ticks = [top, *[""] * (height - 2), bottom]
    lines = [f"{t:>{margin}} ┤{''.join(row)}".rstrip() for t, row in zip(ticks, rows, strict=True)]
    first, last = _tick(left), _tick(right)
    free = max(2, width - len(first) - len(last) - columns_of(x_label))
    lines.append(" " * margin + " └" + "─" * width)
    lines.append(" " * (margin + 2) + first + " " * (free // 2) + x_label + " " * (free - free // 2) + last)
    return "\n".join([y_label, *lines])


def _tick(value: float) -> str:
    return f"{value + 0.0:.4g}".replace("-", "−").replace("e−", "e-")
