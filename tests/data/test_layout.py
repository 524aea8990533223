"""How a text is laid out: blanks, comments, headers, units, encodings; read, or refused with what reads it."""

import pytest

from tidu.data.csv_options import CsvOptions
from tidu.data.source import source_of
from tidu.errors import DataError

XY = {"x": [1.0, 3.0], "y": [2.5, 4.0]}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "d.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def columns(path, **options):
    table = source_of(path, CsvOptions(**options)).table()
    return {name: column.tolist() for name, column in table.items()}


@pytest.mark.parametrize(
    "text",
    [
        "x y\n1 2.5\n3 4\n",
        "  x    y\n  1  2.5\n  3  4.0",
        "x \t y\r\n1 \t2.5\r\n3\t \t4\r\n",
        "x\t\ty\n1\t\t2.5\n3\t4\n",
        "1 2.5\n3 4\n",
        "# a table\n# x y\n1 2.5\n3 4\n",
        "# x y\n1.0e+00 2.5e+00\n3.0e+00 4.0e+00\n",  # as numpy.savetxt writes it
        "#x,y\n1,2.5\n3,4\n",
        "# x, y\n1,2.5\n3,4\n",
        "# made by hand\nx,y\n1,2.5\n# a pause\n3,4\n",
        "# made by hand\r\nx,y\r\n# (all)\r\n1,2.5 # first\r\n3,4",
        "#\n\n# x y\n\n 1 2.5 # first\n# a pause\n 3 4",
        "sep=;\nx;y\n1;2.5\n3;4\n",
        "SEP=,\nx,y\n1,2.5\n3,4\n",
        '"x" "y"\n1 "2.5"\n3 4\n',
        "x;y\n1;2.5\n3;4\n",
    ],
)
def test_the_same_table_in_other_layouts(file, text):
    assert columns(file(text)) == XY


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("x;y\n1;2,5\n3;4\n", {"decimal": ","}),
        ("1;2,5\n3;4,0\n", {"decimal": ","}),
        ("1,0 2,5\n3,0 4,0\n", {"decimal": ","}),
        ("x\ty\n1\t2,5\n3\t4\n", {"decimal": ","}),
        ("% x y\n1 2.5\n3 4\n", {"comment": "%"}),
        ("x,y\n1,2.5\n# 7,8\n3,4\n", {"comment": "#"}),
        ("x,y\n1,2.5 // the first\n//\n3,4\n", {"comment": "//"}),
        ("The table\n\nx,y\n1,2.5\n3,4\n", {"skip": 1}),
        ("x  y\n1   2.5\n3   4\n", {"delimiter": " "}),
        ("x  y\n1   2.5\n3   4\n", {"delimiter": "blanks"}),
    ],
)
def test_the_same_table_by_options(file, text, options):
    assert columns(file(text), **options) == XY


def test_a_delimiter_is_found_by_what_it_makes_of_the_rows(file):
    assert columns(file("body height\n170\n180\n")) == {"body height": [170, 180]}
    assert columns(file("1,5;2,5\n3,5;4,5\n"), decimal=",") == {"x": [1.5, 3.5], "y": [2.5, 4.5]}
    assert source_of(file("date time,x\n2020-01-01 10:00,5\n")).names == ("date time", "x")
    assert source_of(file("name of it,x\nann b,5\nbob,6\n")).names == ("name of it", "x")
    assert source_of(file("x\ty\tz\n1\t\t2\n3\t\t4\n")).names == ("x", "y", "z")


@pytest.mark.parametrize("units", ["[m],[kg]", "(m),(kg)", "m,kg", "[m],"])
def test_a_row_of_units_is_left_out_and_that_is_said(file, units):
    table = source_of(file(f"x,y\n{units}\n1,2.5\n3,4\n")).table()
    assert {n: c.tolist() for n, c in table.items()} == XY
    assert "was taken for units and left out" in table.notes[0]


@pytest.mark.parametrize("row", ["oops,2", ",", "NA,NA", "-,-", "1,kg"])
def test_what_is_no_row_of_units(file, row):
    source = source_of(file(f"x,y\n{row}\n1,2.5\n3,4\n"), CsvOptions(na=("-",)))
    try:
        assert source.table().rows == 3
    except DataError as error:
        assert "row 1 of column" in str(error)  # noqa: PT017


def test_names_of_rows_and_delimiters_at_the_end(file):
    assert columns(file('"x" "y"\n"1" 1 2.5\n"2" 3 4\n')) == {"": [1, 2], **XY}
    table = source_of(file("x,y\n1,2.5,\n3,4,\n")).table(["x", "y"])
    assert {n: c.tolist() for n, c in table.items()} == XY


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x,y\n1,234,5\n", "row 1 has 3 cell(s), not 2: '1,234,5'; a cell that contains the delimiter must"),
        ("Weather\nx,y\n1,2\n", "leave it out with --skip 1"),
        ("x,y\n1,2\n# pause\n3,4\n", "give --comment '#'"),
        ("x,y\n1,2\n# 5,6\n3,4\n", "give --comment '#'"),
        ("x,y\n1,2\n% pause\n3,4\n", "give --comment '%'"),
        ("#\n#\n", ""),
        ("x,y\n1,2\n".encode("utf-16")[:7], "utf-16"),
        ("身高,y\n1,2\n".encode("gbk"), "--encoding gb18030"),
        (b"x,n\n" + b"1,a\n" * 400_000 + b"2,\xe9\n", "is not utf-8 text; name its encoding"),
        (b"x,n\n" + b"1,a\n" * 400_000 + b"2\xe9,b\n", "is not utf-8 text; name its encoding"),
    ],
)
def test_what_is_refused_says_how_to_read_it(file, text, reason):
    with pytest.raises(DataError) as caught:
        source_of(file(text)).table()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_wide_encodings_are_known_by_their_beginning(file, encoding):
    assert columns(file("x,y\n1,2.5\n3,4\n".encode(encoding))) == XY
    assert columns(file("# 体重\nx y\n1 2.5\n3 4\n".encode(encoding)), delimiter=" ") == XY
    if encoding != "utf-8-sig":
        assert source_of(file("身高,y\n1,2.5\n".encode("utf-16"))).names == ("身高", "y")


def test_blanks_that_group_thousands_stand_between_no_cells(file):
    assert columns(file("x;y\n1 234;2.5\n5;6\n"), thousands=" ") == {"x": [1234, 5], "y": [2.5, 6]}
    assert columns(file("x\n1 234\n5 678\n"), thousands=" ") == {"x": [1234, 5678]}


@pytest.mark.parametrize("titles", [1, 2, 5])
def test_titles_above_a_header_are_told(file, titles):
    text = "A title\n" * titles + "x,y\n1,2.5\n3,4\n"
    with pytest.raises(DataError, match=f"leave it out with --skip {titles}"):
        source_of(file(text)).table()
    assert columns(file(text), skip=titles) == XY


def test_a_cell_larger_than_a_block_is_read(file):
    table = source_of(file(f"x,y,z\n1,2.5,{'a' * 20_000_000}\n3,4,b\n")).table(["x", "y"])
    assert {n: c.tolist() for n, c in table.items()} == XY


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_decimal_commas_between_other_delimiters_are_no_title(file, between):
    rows = (("x", "y"), ("1,5", "2,5"), ("2,5", "4,5"), ("3,5", "6,5"))
    table = source_of(file("\n".join(map(between.join, rows))), CsvOptions(decimal=",")).table()
    assert table["x"].tolist() == [1.5, 2.5, 3.5]
