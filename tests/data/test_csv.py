"""CSV: what the first line is, what a cell is worth, and which cell is to blame; and that no bytes break it."""

import gzip
import math
import struct
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tidu
from tidu.data import csv, encoding
from tidu.data.csv_options import CsvOptions
from tidu.data.source import source_of
from tidu.errors import ColumnNotFound, DataError, MissingValues, SettingError

LINE = "y = w*x + b"


@pytest.fixture
def file(tmp_path):
    """Write one file; give its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def columns(path, wanted=None, **options):
    """What is read, as lists; the notes are left out."""
    table = source_of(path, CsvOptions(**options)).table(wanted)
    return {name: column.tolist() for name, column in table.items()}


def refusal(path, formula=LINE, **options):
    with pytest.raises(tidu.TiduError) as caught:
        tidu.fit(formula, path, epochs=1, **options)
    assert "\n" not in str(caught.value)
    return type(caught.value), str(caught.value)


XY = {"x": [1.0, 3.0], "y": [2.5, 4.0]}


# -- the shape of the text ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,2.5\n3,4\n",
        "x,y\n1,2.5\n3,4",  # no line end at the end
        "x,y\r\n1,2.5\r\n3,4\r\n",
        "x,y\r1,2.5\r3,4\r",
        "\ufeffx,y\n1,2.5\n3,4\n",  # a byte order mark
        "\ufeff1,2.5\n3,4\n",
        "1,2.5\n3,4\n",
        "1,2.5\n3,4",
        "x\ty\n1\t2.5\n3\t4\n",
        "x;y\n1;2.5\n3;4\n",
        "x|y\n1|2.5\n3|4\n",
        '"x","y"\n"1","2.5"\n"3","4"\n',
        "x , y\n 1 , 2.5 \n 3 ,4\n",
        "x,y\n+1,2.5e0\n3,4.\n",
        "x,y\n\u00a01,２.5\n3,4\n",  # a no-break space, a full-width digit
        "\n\nx,y\n1,2.5\n\n3,4\n\n",
        "  \nx,y\n1,2.5\n   \n3,4\n",
        "\r\n\r\n1,2.5\r\n3,4\r\n",
    ],
)
def test_the_same_table_however_it_is_written(file, text):
    assert columns(file(text)) == XY


def test_a_first_line_of_numbers_is_data_and_the_table_says_so(file):
    table = source_of(file("1,2,3\n4,5,6\n")).table()
    assert {n: c.tolist() for n, c in table.items()} == {"x1": [1, 4], "x2": [2, 5], "y": [3, 6]}
    assert table.notes == ("data.csv has no header line; its columns are called x1, x2, y",)
    assert source_of(file("x,y\n1,2\n")).table().notes == ()


@pytest.mark.parametrize("first", ["inf,4", "nan,4", "1e400,4", "-1,.5", ",4", "1,NA"])
def test_numbers_that_are_not_finite_make_no_header(file, first):
    assert source_of(file(f"{first}\n2,4\n")).table().rows == 2


@pytest.mark.parametrize("first", ["x,4", "nan,inf", "2020_01,2020_02"])
def test_anything_else_does(file, first):
    assert source_of(file(f"{first}\n2,4\n")).names == tuple(first.split(","))


def test_header_can_be_forced_either_way(file):
    assert columns(file("1,2\n3,4\n"), header="yes") == {"1": [3], "2": [4]}
    assert columns(file("nan,inf\n3,4\n"), header="no", names=("x", "y"))["y"] == [math.inf, 4]
    assert "row 1 of column 'x' is 'x'" in refusal(file("x,y\n1,2\n"), csv=CsvOptions(header="no"))[1]


def test_given_names_replace_the_header_or_the_lack_of_one(file):
    assert columns(file("1,2\n3,4\n"), names=("a", "b")) == {"a": [1, 3], "b": [2, 4]}
    assert columns(file("x,x\n3,4\n"), names=("a", "b")) == {"a": [3], "b": [4]}
    assert source_of(file("1,2\n"), CsvOptions(names=("a", "b"))).table().notes == ()
    assert "3 column names were given for 2 columns" in refusal(file("1,2\n"), csv=CsvOptions(names=("a", "b", "c")))[1]


def test_a_quoted_header_may_hold_delimiters_and_line_ends(file):
    path = file('"a;b;c","height\n(cm)",y\n1,2,3\n')
    assert columns(path) == {"a;b;c": [1], "height\n(cm)": [2], "y": [3]}


def test_line_separators_that_are_none_in_csv(file):
    text = "x\u2028a,y\x0bb,z\n1,2,u\u2028v\n"
    assert columns(file(text), ["x\u2028a", "y\x0bb"]) == {"x\u2028a": [1], "y\x0bb": [2]}


def test_quoted_text_may_span_lines_wherever_blocks_are_cut(file, monkeypatch):
    monkeypatch.setattr(csv, "BLOCK", 64)
    rows = "".join(f'{k},"several\nlines, of ""text""",{k}.5\n' for k in range(200))
    assert columns(file("x,remark,y\n" + rows), ["x", "y"]) == {
        "x": list(range(200)),
        "y": [k + 0.5 for k in range(200)],
    }


def test_a_first_line_longer_than_the_head(file, monkeypatch):
    monkeypatch.setattr(encoding, "HEAD", 16)
    names = [f"column{k}" for k in range(50)]
    text = ",".join(names) + "\n" + ",".join(map(str, range(50))) + "\n"
    assert columns(file(text)) == {name: [float(k)] for k, name in enumerate(names)}


@pytest.mark.parametrize("size", [1_000, 3_000_000])
def test_very_long_lines(file, size):
    long = "a" * size
    assert columns(file(f"x,y,z\n1,2.5,{long}\n3,4,b\n"), ["x", "y"]) == XY
    assert columns(file(f"x,y\n1,2.5{'0' * size}\n3,4\n")) == XY


def test_very_many_columns(file):
    names = [f"column{k}" for k in range(50_000)]
    text = ",".join(names) + "\n" + ",".join(map(str, range(50_000))) + "\n"
    began = time.perf_counter()
    assert columns(file(text), ["column7", "column49999"]) == {"column7": [7], "column49999": [49999]}
    assert len(columns(file(text))) == 50_000
    assert time.perf_counter() - began < 20  # it takes 1; a comparison of each name with each took minutes


@pytest.mark.parametrize("tail", range(1, 12))
def test_short_files_are_read_to_their_last_character(file, tail):
    name = "y" * tail
    assert source_of(file(f"x,{name}\n1,2")).names == ("x", name)
    assert source_of(file(f"1,2,{'3' * tail}")).names == ("x1", "x2", "y")


# -- compression ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz", "data.txt"])
def test_compressed_files_are_known_by_their_first_bytes(file, name):
    text = b"x,y\n1,2.5\n3,4\n"
    assert columns(file(gzip.compress(text), name)) == XY
    assert columns(file(pa.compress(text, codec="zstd", asbytes=True), name)) == XY


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"x,y\n" + b"1,2\n" * 1000)[:-10],
        b"\x1f\x8b\x08\x00garbage",
        b"\x28\xb5\x2f\xfdgarbage",
        pa.compress(b"x,y\n" + b"1,2\n" * 1000, codec="zstd", asbytes=True)[:-4],
    ],
    ids=["gzip cut short", "no gzip", "no zstd", "zstd cut short"],
)
def test_damaged_compression_is_an_error(file, content):
    kind, message = refusal(file(content))
    assert kind is DataError
    assert message.startswith("data.csv cannot be read")


def test_compressed_text_in_another_encoding(file):
    path = file(gzip.compress("身高,体重\n1,2\n".encode("gb18030")))
    assert columns(path, encoding="gb18030") == {"身高": [1], "体重": [2]}


# -- encodings ------------------------------------------------------------------------------------
def test_chinese_headers_in_gb18030_need_the_encoding(file):
    path = file("身高,体重,姓名\n1,2,张\n3,4,李\n".encode("gb18030"))
    kind, message = refusal(path, "体重 = w*身高")
    assert kind is DataError
    assert message == (
        "data.csv is not utf-8 text; name its encoding, for instance --encoding gb18030 (Chinese) "
        "or --encoding cp1252 (Western European)"
    )
    run = tidu.fit("体重 = w*身高", path, csv=CsvOptions(encoding="gb18030"), epochs=1)
    assert list(run.training_data["身高"]) == [1, 3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "latin-1", "big5", "UTF-8"])
def test_other_encodings(file, encoding):
    assert columns(file("x,y\n1,2.5\n3,4\n".encode(encoding)), encoding=encoding) == XY


@pytest.mark.parametrize("encoding", ["klingon", "", "hex", "rot13", "utf\0"])
def test_encodings_that_there_are_not(file, encoding):
    assert refusal(file("x,y\n1,2\n"), csv=CsvOptions(encoding=encoding)) == (
        SettingError,
        f"there is no encoding {encoding!r}",
    )


def test_a_character_cut_by_the_end_of_the_head_is_no_error(file, monkeypatch):
    text = "x,y,姓名\n" + "1,2,张\n" * 20
    for head in range(12, 40):
        monkeypatch.setattr(encoding, "HEAD", head)
        assert len(columns(file(text), ["x"])["x"]) == 20


# -- options --------------------------------------------------------------------------------------
@pytest.mark.parametrize("delimiter", ["", "ab", "，", "\n", "\r", '"', "\0"])
def test_a_delimiter_is_one_plain_character(delimiter):
    with pytest.raises(SettingError, match="one ASCII character"):
        CsvOptions(delimiter=delimiter)


def test_a_given_delimiter_wins_over_a_more_frequent_one(file):
    assert columns(file("x:y;z;v\n1:2\n"), header="yes", delimiter=":") == {"x": [1], "y;z;v": [2]}
    assert columns(file("x y\n1 2.5\n3 4\n"), delimiter=" ") == XY


def test_header_is_one_of_three():
    with pytest.raises(SettingError, match="auto, yes or no, not 'maybe'"):
        CsvOptions(header="maybe")


# -- cells ----------------------------------------------------------------------------------------
def test_text_in_row_1000_is_named_with_row_column_and_cell(file):
    rows = [f"{k},{k}" for k in range(1, 1501)]
    rows[999] = "1000,about 7"
    assert refusal(file("x,y\n" + "\n".join(rows))) == (
        DataError,
        "data.csv: row 1000 of column 'y' is 'about 7', which is not a number (the first row of data is row 1)",
    )


@pytest.mark.parametrize("cell", ["abc", "1_0", "0x10", "1;5", '"1,5"', "yes", "2020-01-01", "1 2"])
def test_text_that_is_no_number(file, cell):
    kind, message = refusal(file(f"x,y\n{cell},2\n"))
    assert kind is DataError
    assert "row 1 of column 'x' is '{}', which is not a number".format(cell.strip('"')) in message


def test_text_in_a_column_that_no_formula_uses(file):
    run = tidu.fit(LINE, file("name,x,y,remark\nann,1,2,\nbob,2,4,none\n"), epochs=1)
    assert list(run.training_data) == ["x", "y"]


@pytest.mark.parametrize("cell", ["", "NA", "nan", "null", "?", '""', " ", "NaN", "-nan", " NA "])
def test_a_missing_cell_is_named_and_can_be_dropped(file, cell):
    path = file(f"x,y\n1,2\n3,{cell}\n5,6\n")
    kind, message = refusal(path)
    assert kind is MissingValues
    assert message.startswith("data.csv: row 2 of column 'y' is missing (1 such row(s) in all)")
    run = tidu.fit(LINE, path, drop_missing=True, epochs=1)
    assert run.rows == 2
    assert run.notes == ("1 of 3 rows were dropped for a missing or infinite value",)


@pytest.mark.parametrize("cell", ["inf", "-inf", "Infinity", "1e400", "-1e999", "1" + "0" * 400])
def test_what_a_float64_cannot_hold_is_infinite(file, cell):
    kind, message = refusal(file(f"x,y\n1,2\n{cell},2\n"))
    assert kind is MissingValues
    assert "row 2 of column 'x' is infinite" in message


def test_rows_of_different_lengths_are_named(file):
    assert refusal(file("x,y\n1,2\n\n3\n5,6\n"))[1] == "data.csv: row 2 has 1 cell(s), not 2: '3'"
    assert refusal(file("\nx,y\n1,2\n \n1,2,3\n"))[1] == (
        "data.csv: row 2 has 3 cell(s), not 2: '1,2,3'; a cell that contains the delimiter must be in quotes"
    )
    assert refusal(file("1,2\n1\n"))[1] == "data.csv: row 2 has 1 cell(s), not 2: '1'"


def test_a_column_name_twice_matters_only_if_it_is_used(file):
    assert refusal(file("x,x,y\n1,2,3\n")) == (
        DataError,
        "data.csv: the column name 'x' appears 2 times in the header; rename the columns, or give --columns",
    )
    assert tidu.fit(LINE, file("x,z,z,y\n1,2,3,4\n"), epochs=1).rows == 1
    given = CsvOptions(names=("x", "y", "y"))
    assert "'y' appears 2 times" in refusal(file("1,2,3\n"), csv=given)[1]


# -- files with little in them --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "data.csv is empty"),
        ("\n \n\r\n", "data.csv is empty"),
        ("\ufeff", "data.csv is empty"),
        ("x,y\n", "data.csv has no rows"),
        ("x,y", "data.csv has no rows"),
        ("x,y\n\n  \n", "data.csv has no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "data.csv is not text"),
        (bytes(range(256)) * 20, "data.csv is not text"),
        (b"x,y\n1,2\n\xff\xfe,3\n", "data.csv is not utf-8 text"),
    ],
)
def test_files_that_hold_no_table(file, content, reason):
    kind, message = refusal(file(content))
    assert kind is DataError
    assert message.startswith(reason)


def test_one_row_and_constant_columns_are_a_table(file):
    assert tidu.fit(LINE, file("x,y\n1,2\n"), epochs=2).rows == 1
    run = tidu.fit(LINE, file("x,y\n1,2\n1,2\n1,2\n"), epochs=200, lr=0.1)
    assert run.params["w"] + run.params["b"] == pytest.approx(2)
    assert math.isnan(run.metrics["r2"])


def test_a_formula_that_names_no_column_of_the_file(file):
    kind, message = refusal(file("height,weight\n1,2\n"), "weight = w*hight + b")
    assert kind is ColumnNotFound
    assert "did you mean 'height'" in message


# -- every bit of every number --------------------------------------------------------------------
DECIMALS = st.builds(
    lambda sign, digits, point, exponent: sign + digits[:point] + "." + digits[point:] + exponent,
    st.sampled_from(["", "-", "+"]),
    st.text("0123456789", min_size=1, max_size=17),
    st.integers(0, 17),
    st.one_of(st.just(""), st.integers(-330, 330).map(lambda e: f"e{e}")),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(DECIMALS, min_size=1, max_size=200))
@example(["9007199254740993", "2.2250738585072011e-308", "4.9e-324", "1.7976931348623157e308", "-0.", "0.1"])
def test_a_number_is_the_float_nearest_to_its_text(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "decimals.csv"
    path.write_text("x\n" + "\n".join(numbers) + "\n")
    found = source_of(path).table()["x"]
    assert [struct.pack("d", v) for v in found] == [struct.pack("d", float(text)) for text in numbers]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=100))
def test_what_repr_writes_comes_back_to_the_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "floats.csv"
    # With spaces, so that the slower of the two ways to read a column is taken.
    path.write_text("x,y\n" + "".join(f"{v!r}, {v!r} \n" for v in numbers))
    table = source_of(path).table()
    expected = np.array(numbers).view(np.int64).tolist()
    assert table["x"].view(np.int64).tolist() == expected
    assert table["y"].view(np.int64).tolist() == expected


# -- no bytes break it ----------------------------------------------------------------------------
PIECES = st.sampled_from(
    ["x", "y", "1", "2.5", "-3e4", "nan", "inf", "1e999", "9" * 400, ",", ",", ",", "\n", "\n", "\r\n", "\r", ";",
     "\t", "|", '"', '""', " ", "\ufeff", "NA", "_", "x,y\n", "1,2\n", "é", "\u2028", "\0", "\x0b", "+", "'", "１",
     "1_0", "0x1", "# ", "# x y\n", "1 2\n", "  ", "1,5", "1.234,5", "45%", "True", "2024-01-31", "-", "(m)", "sep=;\n",
     "\x00x\x00,", "−5", "1 234", "ann", "bob"]
)  # fmt: skip
LIKE_CSV = st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode())


@settings(deadline=None, max_examples=400)
@given(
    st.builds(
        bytes.__add__,
        st.sampled_from([b"", b"x,y\n", b"x,y\n1,2\n", b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe"]),
        st.one_of(st.binary(max_size=60), LIKE_CSV),
    )
)
@example(b"x,y\n1,2\n" + b"\x00")
@example(b'x,"y\n1,2\n')
@example(b"\xef\xbb\xbf")
def test_any_bytes_give_a_fit_or_one_sentence(tmp_path_factory, content):
    fit_or_sentence(tmp_path_factory.getbasetemp() / "fuzz.csv", content, LINE, CsvOptions())


OPTIONS = st.fixed_dictionaries(
    {
        "header": st.sampled_from(["auto", "auto", "yes", "no"]),
        "delimiter": st.sampled_from(["auto", "auto", "blanks", " ", ";", "\t", "|"]),
        "decimal": st.sampled_from([".", ","]),
        "thousands": st.sampled_from(["", "'"]),
        "encoding": st.sampled_from(["auto", "auto", "utf-8", "gb18030", "utf-16", "latin-1"]),
        "comment": st.sampled_from(["auto", "#", "%", "//", ""]),
        "skip": st.integers(0, 3),
        "na": st.sampled_from([(), ("-",), ("x", "1")]),
    }
)
FORMULAS = st.sampled_from(
    [LINE, "y = linear(...)", "y = linear(C(x))", "y = a*days(x)", "y = a + b*(x == 'ann')", "log(y) = a*log(x)"]
)


@settings(deadline=None, max_examples=200)
@given(LIKE_CSV, FORMULAS, OPTIONS, st.sampled_from(["squared", "squared", "logistic", "softmax"]))
def test_any_text_read_in_any_way_gives_a_fit_or_one_sentence(tmp_path_factory, content, formula, options, loss):
    fit_or_sentence(tmp_path_factory.getbasetemp() / "fuzz.csv", content, formula, CsvOptions(**options), loss)


def fit_or_sentence(path, content, formula, options, loss="squared"):
    """Fit what the bytes are; a traceback or more than five seconds fail."""
    path.write_bytes(content)
    began = time.perf_counter()
    try:
        run = tidu.fit(formula, path, csv=options, loss=loss, epochs=2)
    except tidu.TiduError as error:
        assert str(error)  # noqa: PT017  # either way is right
    else:
        assert run.rows > 0
    assert time.perf_counter() - began < 5


# -- numbers as people write them -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        (["1:30", "2:45"], "it is a time: write it as one number"),
        (["01:30:00", "02:45:10.5"], "it is a time"),
        (["1:30 PM", "2:45 am"], "it is a time"),
        (["1/2", "3/4"], "it is a fraction"),
        (["01/02/2024", "31/02/2024"], "whether the day or the month comes first"),
        (["1.2.2024", "2.2.2024"], "whether the day or the month comes first"),
        (["1d3", "2D-3"], "an exponent of ten is written 1e3"),
        (["1.5×10^3", "2x10^3"], "an exponent of ten is written 1e3"),
        (["2×10⁻³", "1"], "an exponent of ten is written 1e3"),
        (["1.5±0.1", "2 +/- 0.2"], "--sigma"),
        (["~1", "2"], "leave the sign out"),
        (["1.5*", "2"], "leave the sign out"),
    ],
)
def test_a_number_in_another_writing_is_told_with_how_to_write_it(file, cells, advice):
    kind, message = refusal(file("x,y\n" + "".join(f"{cell},2\n" for cell in cells)))
    assert kind is DataError
    assert f"row 1 of column 'x' is '{cells[0]}', which is not a number" in message
    assert advice in message
    assert "C(x)" not in message


@pytest.mark.parametrize("limit", ["<0.1", "> 10", "≤5"])
def test_a_limit_is_told_with_the_options_that_leave_it_out(file, limit):
    path = file(f"x,y\n{limit},1\n1,2\n2,4\n3,6\n")
    _kind, message = refusal(path)
    assert f"--na '{limit}' --drop-missing" in message
    run = tidu.fit(LINE, path, csv=CsvOptions(na=(limit,)), drop_missing=True, epochs=1)
    assert run.rows == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [("<!DOCTYPE html><html>", "a web page"), ("  <html>\n", "a web page"), ('[{"x": 1, "y": 2}]', "JSON"),
     ('{"x": [1], "y": [2]}', "JSON"), ("[[1, 2]]", "JSON"), ("%PDF-1.4", "a PDF")],
)  # fmt: skip
def test_a_text_that_is_no_table_is_named(file, text, kind):
    error, message = refusal(file(text))
    assert error is DataError
    assert f"is {kind}" in message
    assert "can be read" in message
