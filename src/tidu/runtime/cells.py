"""The columns of a CSV file for exported programs, with the standard library alone."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence

Cells = Mapping[str, Sequence[str]]


def read_table(path: str, names: Sequence[str]) -> Cells:
    """The cells of each column; a file without a header has the columns `names`, in this order."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        text = file.read()
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = [line for line in csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True) if line]
    if not lines:
        sys.exit(f"{path} is empty")
    if not any(is_number(cell) for cell in lines[0]):
        names, lines = [cell.strip() for cell in lines[0]], lines[1:]
    for number, line in enumerate(lines, 1):
        if len(line) != len(names):
            sys.exit(f"{path}: row {number} has {len(line)} cells instead of {len(names)} ({', '.join(names)})")
    return {name: [line[k].strip() for line in lines] for k, name in enumerate(names)}


def is_number(cell: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def column(table: Cells, name: str) -> Sequence[str]:
    """The cells of a column."""
    if name not in table:
        sys.exit(f"there is no column {name!r}; the file has {', '.join(table)}")
    return table[name]


def numbers(table: Cells, name: str) -> list[float]:
    """A column of numbers."""
    cells = column(table, name)
    for row, cell in enumerate(cells, 1):
        if not is_number(cell):
            sys.exit(f"column {name!r}: row {row} holds {cell!r}, which is no number")
    return [float(cell) for cell in cells]


def coded(table: Cells, name: str, codes: Mapping[str, float]) -> list[float]:
    """The number that stands for each label of a column."""
    same = {float(label): code for label, code in codes.items() if is_number(label)}
    found = []
    for row, cell in enumerate(column(table, name), 1):
        code = codes.get(cell, same.get(float(cell)) if is_number(cell) else None)
        if code is None:
            sys.exit(f"column {name!r}: row {row} holds {cell!r}; the labels are {', '.join(codes)}")
        found.append(code)
    return found


def coded_together(table: Cells, names: Sequence[str], codes: Mapping[str, float]) -> list[float]:
    """The number that stands for each combination of labels of several columns: `bj, 2020`."""
    found = []
    for row, cells in enumerate(zip(*(column(table, name) for name in names), strict=True), 1):
        label = ", ".join(cells)
        code = codes.get(label, codes.get(", ".join(map(_as_label, cells))))
        if code is None:
            sys.exit(f"columns {', '.join(names)}: row {row} holds {label!r}; the labels are {'; '.join(codes)}")
        found.append(code)
    return found


def _as_label(cell: str) -> str:
    """A number as a label is written: `2020` for `2020.0`."""
    if not is_number(cell):
        return cell
    return str(int(float(cell))) if float(cell).is_integer() else repr(float(cell))


def indicator(table: Cells, name: str, level: str) -> list[float]:
    """1 where a column holds this level, else 0."""
    return [float(cell == level or (is_number(cell) and is_number(level) and float(cell) == float(level)))
            for cell in column(table, name)]  # fmt: skip
