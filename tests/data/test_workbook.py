"""Workbooks: a sheet is read as a text is; what cannot be read is a sentence."""

import io
import sys
import zipfile
from xml.sax.saxutils import escape

import pytest

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.data.source import source_of
from tidu.errors import DataError, MissingDependency

SHEETS = {
    "points": [["x", "y", "city", "when", "ok"], [1, 2.5, "bj", "2024-01-01", True], [3, 4, "sh", "2024-01-02", False]],
    "others": [["x", "y"], [5, 6]],
}
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def cell(value):
    """A cell in the XML of a sheet."""
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return "<c/>" if value is None else f"<c><v>{value!r}</v></c>"


def workbook(sheets):
    """The bytes of a workbook, of no more parts than one needs."""
    names = list(enumerate(sheets, 1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{k}" r:id="r{k}"/>' for k, name in names)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">'
        + "".join(
            f'<Relationship Id="r{k}" Type="{OFFICE}/worksheet" Target="worksheets/s{k}.xml"/>' for k, _n in names
        )
        + "</Relationships>",
    }
    for k, name in names:
        rows = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in sheets[name])
        parts[f"xl/worksheets/s{k}.xml"] = f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


def read(tmp_path, content, **options):
    (tmp_path / "d.xlsx").write_bytes(content)
    return source_of(tmp_path / "d.xlsx", CsvOptions(**options))


def test_the_first_sheet_or_that_which_is_named(tmp_path):
    source = read(tmp_path, workbook(SHEETS))
    assert source.names == ("x", "y", "city", "when", "ok")
    table = source.table(["x", "y", "ok"])
    assert {n: c.tolist() for n, c in table.items()} == {"x": [1, 3], "y": [2.5, 4], "ok": [1, 0]}
    assert read(tmp_path, workbook(SHEETS), sheet="others").table()["y"].tolist() == [6]
    with pytest.raises(
        DataError, match=r"d.xlsx has no sheet 'point' \(did you mean 'points'\?\); it has points, others"
    ):
        read(tmp_path, workbook(SHEETS), sheet="point")


def test_categories_and_dates_of_a_sheet(tmp_path):
    (tmp_path / "d.xlsx").write_bytes(workbook(SHEETS))
    assert tuple(tidu.fit("y = linear(city)", tmp_path / "d.xlsx", epochs=1).params) == ("w_city[sh]", "b")
    assert tidu.fit("y = a*days(when)", tmp_path / "d.xlsx", epochs=1).training_data["days(when)"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ([["x", "y"], ["m", "kg"], [1, 2.5], [3, 4]], {}),
        ([["x", "y"], ["1", "2,5"], ["3", "4"]], {"decimal": ","}),
        ([["x", "y"], [1, "2,5"], [3, 4.0]], {"decimal": ","}),
        ([["A title"], ["x", "y"], [1, 2.5], [3, 4]], {"skip": 1}),
        ([["x", "y", None], [1, 2.5], [None, None], [3, 4]], {}),
    ],
)
def test_a_sheet_is_read_as_text_is(tmp_path, rows, options):
    table = read(tmp_path, workbook({"s": rows}), **options).table()
    assert {n: c.tolist() for n, c in table.items()} == {"x": [1, 3], "y": [2.5, 4]}


def test_a_cell_that_is_no_number_is_named(tmp_path):
    with pytest.raises(DataError, match=r"d.xlsx: row 2 of column 'y' is 'oops', which is not a number"):
        read(tmp_path, workbook({"s": [["x", "y"], [1, 2], [3, "oops"], [4, 5]]})).table()


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"PK\x03\x04 and something", b"\xd0\xcf\x11\xe0" * 300, workbook(SHEETS)[:700], workbook({})],
)
def test_what_is_no_workbook(tmp_path, content):
    with pytest.raises(DataError, match=r"d.xlsx cannot be read as a workbook"):
        read(tmp_path, content)


def test_an_empty_sheet(tmp_path):
    with pytest.raises(DataError, match=r"d.xlsx is empty"):
        _names = read(tmp_path, workbook({"s": []})).names


def test_an_empty_sheet_beside_others_names_them(tmp_path):
    with pytest.raises(DataError, match=r"the sheet 'cover' of d.xlsx is empty; name another by --sheet: data, notes"):
        read(tmp_path, workbook({"cover": [], "data": [["x", "y"], [1, 2]], "notes": []}))


def test_an_archive_that_would_fill_the_memory(tmp_path, monkeypatch):
    from tidu.data import workbook as module

    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(DataError, match="bytes when unpacked; save the sheet as CSV"):
        read(tmp_path, workbook(SHEETS))


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingDependency, match=r"pip install 'tidu\[xlsx\]'"):
        read(tmp_path, workbook(SHEETS))


def test_flipped_bytes_give_a_table_or_a_sentence(tmp_path):
    content = workbook(SHEETS)
    for place in range(0, len(content), 17):
        changed = content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
        try:
            read(tmp_path, changed).table(["x"])
        except DataError as error:
            assert str(error)  # noqa: PT017
