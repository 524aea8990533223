"""Workbooks (.xlsx, .xls, .ods): a sheet as the text of a table, which is then read as any text is.

Read by python-calamine, which comes with the extra `xlsx`; it is imported when a workbook is met, and not before.
"""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from dataclasses import replace
from typing import Any

from tidu.data.csv import CsvText
from tidu.data.csv_options import CsvOptions
from tidu.errors import DataError, MissingDependency, closest
from tidu.text import _

LARGEST = 1 << 32  # bytes, unpacked


def workbook_text(content: bytes, origin: str, options: CsvOptions) -> CsvText:
    """The sheet that `options` name, or the first, of a workbook in memory.

    Raises
    ------
    MissingDependency
        python-calamine is not installed.
    DataError
        It is no workbook, or has no such sheet.
    """
    try:
        import python_calamine
    except ImportError:
        raise MissingDependency(
            _("{origin} is a workbook; reading it needs: pip install 'tidu[xlsx]'").format(origin=origin)
        ) from None
    _check_size(content, origin)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = book.sheet_names
        name = names[0] if options.sheet is None else options.sheet
        if name not in names:
            near = closest(name, names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise DataError(
                _("{origin} has no sheet '{name}'{hint}; it has {names}").format(
                    origin=origin, name=name, hint=hint, names=", ".join(names)
                )
            )
        rows = book.get_sheet_by_name(name).to_python()
    except (python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            _("{origin} cannot be read as a workbook: {reason}").format(
                origin=origin, reason=" ".join(str(error).split()) or type(error).__name__
            )
        ) from None
    text = _as_text(rows, options.decimal).encode()
    if not text and len(names) > 1:
        raise DataError(
            _("the sheet '{name}' of {origin} is empty; name another by --sheet: {names}").format(
                name=name, origin=origin, names=", ".join(n for n in names if n != name)
            )
        )
    return CsvText(lambda: io.BytesIO(text), origin, replace(options, delimiter="\t", encoding="utf-8"))


def _check_size(content: bytes, origin: str) -> None:
    """Refuse an archive whose parts would fill the memory."""
    if not content.startswith(b"PK\x03\x04"):  # no zip archive
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return  # told by whoever reads it
    if size > LARGEST:
        raise DataError(
            _("{origin} would be {size} bytes when unpacked; save the sheet as CSV").format(origin=origin, size=size)
        )


def _as_text(rows: list[list[Any]], decimal: str) -> str:
    """The rows with a tab between cells, without those that are empty and without empty columns at the right."""
    width = max((k for row in rows for k, cell in enumerate(row, 1) if cell != ""), default=0)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerows([_cell(cell, decimal) for cell in row[:width]] for row in rows if any(cell != "" for cell in row))
    return text.getvalue()


def _cell(cell: Any, decimal: str) -> str:
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < 2**53
        return str(int(cell)) if whole else repr(cell).replace(".", decimal)
    if isinstance(cell, datetime.timedelta):
        return repr(cell.total_seconds()).replace(".", decimal)
    return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else str(cell)
