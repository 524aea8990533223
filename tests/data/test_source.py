"""Sources: files by name, pattern or pipe; Parquet, frames, arrays and dicts; each to the same columns of float64."""

import datetime
import io
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.data.source import source_of
from tidu.data.table import Table
from tidu.errors import DataError, MissingValues

LINE = "y = w*x + b"
X, Y = [1.5, -2.0, 0.1], [2.0, 4.0, 6.0]
ARROW = pa.table({"x": X, "y": Y, "name": ["a", "b", "c"]})


def columns(data, wanted=("x", "y"), **options):
    table = source_of(data, CsvOptions(**options)).table(wanted)
    assert all(c.dtype == np.float64 and c.flags.c_contiguous for c in table.values())
    return {name: column.tolist() for name, column in table.items()}


def refusal(data, formula=LINE, **options):
    with pytest.raises(tidu.TiduError) as caught:
        tidu.fit(formula, data, epochs=1, **options)
    return type(caught.value), str(caught.value)


class OnlyTheProtocol:
    """A frame of a library that nobody has heard of."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


# -- objects --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "data",
    [
        {"x": X, "y": Y, "name": ["a", "b", "c"], "when": [None], "more": object()},
        {"x": np.array(X), "y": tuple(Y)},
        {"x": pd.Series(X), "y": pl.Series(Y)},
        {"x": ["1.5", "-2", ".1"], "y": Y},
        np.column_stack([X, Y]),
        np.asfortranarray(np.column_stack([X, Y])),
        [list(row) for row in zip(X, Y, strict=True)],
        pd.DataFrame({"x": X, "y": Y, "name": list("abc")}),
        pd.DataFrame({"x": X, "y": Y}, index=[7, 8, 9]),
        pd.DataFrame({"x": ["1.5", "-2", "0.1"], "y": Y}),
        pl.DataFrame({"x": X, "y": Y, "name": list("abc")}),
        pl.DataFrame({"x": ["1.5", "-2", "0.1"], "y": Y}),
        ARROW,
        ARROW.to_batches()[0],
        ARROW.to_reader(),
        pa.concat_tables([ARROW.slice(0, 1), ARROW.slice(1)]),
        OnlyTheProtocol(ARROW),
        Table({"x": np.array(X), "y": np.array(Y)}),
    ],
    ids=lambda data: type(data).__name__,
)
def test_the_same_columns_from_any_object(data):
    assert columns(data) == {"x": X, "y": Y}


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, -2, 3], pa.int8(), [1, -2, 3]),
        ([2**53 + 1, 2, 3], pa.int64(), [2**53, 2, 3]),
        ([2**64 - 1, 2, 3], pa.uint64(), [2**64, 2, 3]),
        ([True, False, True], pa.bool_(), [1, 0, 1]),
        (np.array([0.1, 2, 3], np.float16), pa.float16(), [float(np.float16(0.1)), 2, 3]),
        (np.array([0.1, 2, 3], np.float32), pa.float32(), [float(np.float32(0.1)), 2, 3]),
        ([Decimal("0.30"), Decimal("123456.79"), Decimal("-0.07")], pa.decimal128(20, 2), [0.3, 123456.79, -0.07]),
        ([Decimal("0.30"), Decimal("1.1"), Decimal("-7")], pa.decimal256(60, 2), [0.3, 1.1, -7]),
        (["1.5", " 2", "1e3"], pa.string(), [1.5, 2, 1000]),
        (["1.5", "2", "1e3"], pa.large_string(), [1.5, 2, 1000]),
        (["1.5", "2", "1e3"], pa.string_view(), [1.5, 2, 1000]),
    ],
)
def test_every_type_of_number_is_the_nearest_float64(tmp_path, values, kind, expected):
    table = pa.table({"x": pa.array(values, kind), "y": Y})
    assert columns(table)["x"] == expected
    if kind not in (pa.string_view(),):  # Parquet files have no such type of their own
        pq.write_table(table, tmp_path / "d.parquet")
        assert columns(tmp_path / "d.parquet")["x"] == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20)))
def test_a_decimal_is_the_float_nearest_to_it(values):
    table = pa.table({"x": pa.array(values, pa.decimal128(38, 9))})
    assert columns(table, ["x"])["x"] == [float(v) for v in values]


@pytest.mark.parametrize(
    "frame",
    [
        pa.table({"x": [1, None], "y": [1.0, 2.0]}),
        pa.table({"x": [True, None], "y": [1.0, 2.0]}),
        pa.table({"x": ["1", None], "y": [1.0, 2.0]}),
        pa.table({"x": ["1", "NA"], "y": [1.0, 2.0]}),
        pa.table({"x": [Decimal("1.1"), None], "y": [1.0, 2.0]}),
        pd.DataFrame({"x": [1, np.nan], "y": [1.0, 2.0]}),
        pd.DataFrame({"x": pd.array([1, None], dtype="Int64"), "y": [1.0, 2.0]}),
        pl.DataFrame({"x": [1, None], "y": [1.0, 2.0]}),
    ],
)
def test_nulls_are_missing_cells(frame):
    kind, message = refusal(frame)
    assert kind is MissingValues
    assert "row 2 of column 'x' is missing" in message
    assert tidu.fit(LINE, frame, drop_missing=True, epochs=1).rows == 1


def test_a_column_of_nulls_alone_is_all_missing():
    assert "(2 such row(s) in all)" in refusal(pa.table({"x": pa.nulls(2), "y": [1.0, 2.0]}))[1]


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ([[1], [2]], "holds list<"),
        ([{"a": 1}, {"a": 2}], "holds struct<"),
        ([datetime.date(2020, 1, 1)] * 2, "write days(x) or seconds(x)"),
        ([datetime.datetime(2020, 1, 1)] * 2, "write days(x) or seconds(x)"),
        ([b"1", b"2"], "holds binary"),
        (pa.array(["1", "two"]).dictionary_encode(), "row 2 of column 'x' is 'two', which is not a number"),
        (["1", "two"], "row 2 of column 'x' is 'two', which is not a number"),
    ],
)
def test_a_column_that_is_no_number_matters_only_if_it_is_used(tmp_path, column, word):
    table = pa.table({"x": column, "z": [1.0, 2.0], "y": [1.0, 2.0]})
    kind, message = refusal(table)
    assert kind is DataError
    assert word in message
    assert tidu.fit("y = w*z", table, epochs=1).rows == 2
    pq.write_table(table, tmp_path / "d.parquet")
    assert word in refusal(tmp_path / "d.parquet")[1]
    assert tidu.fit("y = w*z", tmp_path / "d.parquet", epochs=1).rows == 2


def test_two_columns_of_one_name_matter_only_if_they_are_used():
    table = pa.table([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], names=["x", "x", "y"])
    assert "there are two columns 'x'" in refusal(table)[1]
    more = table.append_column("z", pa.array([4.0]))
    assert tidu.fit("y = w*z", more, epochs=1).rows == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "not NoneType"),
        (3.0, "not float"),
        (object(), "not object"),
        (iter([1, 2]), "not list_iterator"),
        (b"x,y\n1,2", "not an array of numbers"),
        (np.arange(3.0), "two dimensions"),
        ({}, "no columns"),
        ({"x": [1], 1: [2]}, "must be text, not 1"),
        ({"x": [1, 2], "y": [1]}, "differ in length: x: 2, y: 1"),
        ({"x": [], "y": []}, "data has no rows"),
        (np.empty((0, 2)), "data has no rows"),
        (pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.float64())}), "has no rows"),
        (pd.Series([1.0, 2.0]), "not Series"),
        (pd.DataFrame([[1, 2, 3]], columns=["x", "x", "y"]), "two columns 'x'"),
    ],
)
def test_objects_that_hold_no_table(data, reason):
    kind, message = refusal(data)
    assert issubclass(kind, DataError)
    assert reason in message


def test_names_for_an_array():
    assert columns(np.array([[1, 2, 3]]), None) == {"x1": [1], "x2": [2], "y": [3]}
    assert columns([[1, 2]], None, names=("a", "b")) == {"a": [1], "b": [2]}


def test_only_the_wanted_columns_are_converted():
    assert list(source_of(ARROW).table(["x"])) == ["x"]
    assert list(source_of({"x": X, "y": Y}).table(["y"])) == ["y"]
    assert source_of(ARROW).names == ("x", "y", "name")


# -- files ----------------------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_parquet_is_known_by_its_first_bytes(folder):
    pq.write_table(ARROW, folder / "data.csv")
    assert columns("data.csv") == {"x": X, "y": Y}
    assert source_of("data.csv").names == ("x", "y", "name")


def test_damaged_parquet(folder):
    pq.write_table(ARROW, folder / "d.parquet")
    content = (folder / "d.parquet").read_bytes()
    (folder / "d.parquet").write_bytes(content[:-30])
    kind, message = refusal("d.parquet")
    assert kind is DataError
    assert message.startswith("d.parquet cannot be read")
    for place in range(4, len(content), 29):
        (folder / "d.parquet").write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            tidu.fit(LINE, "d.parquet", epochs=1)
        except tidu.TiduError as error:
            assert "d.parquet" in str(error) or "column" in str(error)  # noqa: PT017  # a flip may also do no harm


def test_a_pattern_reads_all_its_files_in_the_order_of_their_names(folder):
    (folder / "b.csv").write_text("x,y\n3,4\n")
    (folder / "a.csv").write_text("x,y\n1,2\n")
    pq.write_table(pa.table({"x": [5], "y": [6.0]}), folder / "c.csv")
    assert columns("*.csv") == {"x": [1, 3, 5], "y": [2, 4, 6]}
    assert columns(f"{folder}/**/[ab].csv") == {"x": [1, 3], "y": [2, 4]}


def test_files_without_headers_say_so_once(folder):
    for name in "ab":
        (folder / f"{name}.csv").write_text("1,2\n")
    run = tidu.fit(LINE, "*.csv", epochs=1)
    assert run.rows == 2
    assert run.notes == ("a.csv has no header line; its columns are called x, y",)


def test_files_of_a_pattern_that_differ_in_columns(folder):
    (folder / "a.csv").write_text("x,y\n1,2\n")
    (folder / "b.csv").write_text("x,z\n1,2\n")
    kind, message = refusal("*.csv")
    assert kind is DataError
    assert message == "the files of '*.csv' differ in their columns: x, y and x, z"


def test_a_bad_cell_names_its_own_file(folder):
    (folder / "a.csv").write_text("x,y\n1,2\n")
    (folder / "b.csv").write_text("x,y\n1,oops\n")
    assert refusal("*.csv")[1].startswith("b.csv: row 1 of column 'y' is 'oops'")


def test_a_file_whose_name_looks_like_a_pattern(folder):
    (folder / "a[1].csv").write_text("x,y\n1,2\n")
    assert columns("a[1].csv") == {"x": [1], "y": [2]}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.csv", "there is no file 'nothing.csv'"),
        ("*.nothing", "no file matches '*.nothing'"),
        ("sub", "'sub' is a folder; name a file, or a pattern such as 'sub/*.csv'"),
        ("", "'.' is a folder"),
        ("a\0b", "cannot be read: embedded null byte"),
        ("a" * 5000, "cannot be read: File name too long"),
    ],
)
def test_files_that_cannot_be_opened(folder, name, message):
    (folder / "sub").mkdir()
    kind, said = refusal(name)
    assert kind is DataError
    assert message in said


def test_a_path_object_is_a_file_too(folder):
    (folder / "a.csv").write_text("x,y\n1,2\n")
    assert columns(folder / "a.csv") == {"x": [1], "y": [2]}


@pytest.mark.parametrize("content", [b"x,y\n1,2\n", b"1,2\n", pa.compress(b"x,y\n1,2\n", "gzip", asbytes=True)])
def test_standard_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert columns("-") == {"x": [1], "y": [2]}


def test_standard_input_is_called_that_in_messages(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x,y\n1,two\n")))
    assert refusal("-")[1].startswith("standard input: the target 'y' holds text, such as 'two'")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert refusal("-")[1].startswith("standard input is empty")
