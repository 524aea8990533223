"""Frames of pandas, polars and Arrow: nullable, categorical, Boolean and date columns; each read, or a sentence."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tidu
from tidu.errors import DataError, MissingValues

Y = [1.0, 2.0, 3.0]
DATES = pd.date_range("2024-01-01", periods=3)


def x_of(data, formula="y = w*x", **options):
    return tidu.fit(formula, data, epochs=1, **options).training_data["x"].tolist()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"x": pd.Categorical([1, 2, 1]), "y": Y}), [1, 2, 1]),
        (pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 1, 0]), "y": Y}), [0, 1, 0]),
        (pd.DataFrame({"x": pd.Series(["1", "2", "3"], dtype="string"), "y": Y}), [1, 2, 3]),
        (pd.DataFrame({"x": pd.array([1, 2, 3], dtype="Float32"), "y": Y}), [1, 2, 3]),
        (pd.DataFrame({"x": [1, 2, 3], "odd": [1, "a", 2.5], "y": Y}), [1, 2, 3]),  # odd cannot be Arrow's
        (pl.DataFrame({"x": pl.Series([1, 2, 3], dtype=pl.UInt8), "y": Y}), [1, 2, 3]),
        (pl.DataFrame({"x": ["1", "2", "3"], "y": Y}), [1, 2, 3]),
        (pa.table({"x": pa.array([1, 2, 1]).dictionary_encode(), "y": Y}), [1, 2, 1]),
        (pa.table({"x": pa.RunEndEncodedArray.from_arrays([2, 3], [1.0, 5.0]), "y": Y}), [1, 1, 5]),
        ({"x": pd.Series([1, 2, 3], dtype="Int64"), "y": pl.Series(Y)}, [1, 2, 3]),
    ],
)
def test_columns_of_numbers(frame, expected):
    assert x_of(frame) == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64"), "y": Y}), [1, 3]),
        (pd.DataFrame({"x": pd.array([True, None, False], dtype="boolean"), "y": Y}), [1, 0]),
        ({"x": pd.Series([True, None, False], dtype="boolean"), "y": Y}, [1, 0]),
        ({"x": pd.Series([1, None, 3], dtype="Int64"), "y": Y}, [1, 3]),
        (pl.DataFrame({"x": [1, None, 3], "y": Y}), [1, 3]),
        (pl.DataFrame({"x": [True, None, False], "y": Y}), [1, 0]),
        ({"x": pl.Series([True, None, False]), "y": Y}, [1, 0]),
    ],
)
def test_nullable_columns_have_missing_values(frame, expected):
    with pytest.raises(MissingValues, match="row 2 of column 'x' is missing"):
        x_of(frame)
    assert x_of(frame, drop_missing=True) == expected


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": pd.Categorical(["a", "b", "a"]), "y": Y}),
        pl.DataFrame({"x": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])), "y": Y}),
        pl.DataFrame({"x": pl.Series(["a", "b", "a"], dtype=pl.Categorical), "y": Y}),
        {"x": pd.Series(["a", "b", "a"], dtype="category"), "y": Y},
        pa.table({"x": pa.array(["a", "b", "a"], pa.string_view()), "y": Y}),
    ],
)
def test_categorical_columns(frame):
    assert tuple(tidu.fit("y = linear(x)", frame, epochs=1).params) == ("w_x[b]", "b")
    with pytest.raises(DataError, match=r"write C\(x\) inside linear"):
        x_of(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": DATES, "y": Y}),
        pd.DataFrame({"x": DATES.tz_localize("Asia/Shanghai"), "y": Y}),
        pd.DataFrame({"x": [d.date() for d in DATES], "y": Y}),
        pl.DataFrame({"x": DATES.to_pydatetime().tolist(), "y": Y}),
        {"x": pl.Series([datetime.date(2024, 1, k) for k in (1, 2, 3)]), "y": Y},
        {"x": pd.Series(DATES), "y": Y},
    ],
)
def test_columns_of_dates(frame):
    with pytest.raises(DataError, match=r"write days\(x\) or seconds\(x\)"):
        x_of(frame)
    table = tidu.fit("y = a*days(x)", frame, epochs=1).training_data
    assert table["days(x)"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"x": pd.to_timedelta([1, 2, 3], unit="h"), "y": Y}), "column 'x' holds duration"),
        (pd.DataFrame({"x": pd.period_range("2024-01", periods=3, freq="M"), "y": Y}), "not numbers"),
        (pd.DataFrame({"x": [1 + 2j, 2, 3], "y": Y}), "column 'x' is not numbers"),
        (pd.DataFrame({"x": [1, "a", 2.5], "y": Y}), "row 2 of column 'x' is 'a'"),
        (pl.DataFrame({"x": pl.Series([1, 2, 3], dtype=pl.Time), "y": Y}), "column 'x' holds time"),
        (pl.DataFrame({"x": pl.Series([1, 2, 3], dtype=pl.Int128), "y": Y}), "column 'x' is not numbers"),
        (pl.DataFrame({"x": [{"a": 1}] * 3, "y": Y}), "column 'x' holds struct"),
        (pl.LazyFrame({"x": Y, "y": Y}), "not LazyFrame"),
        ({"x": pd.Series([object()] * 3), "y": Y}, "column 'x' is not numbers"),
    ],
)
def test_columns_that_are_no_numbers_are_named(frame, words):
    with pytest.raises(DataError) as caught:
        x_of(frame)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "index",
    [
        [5, 6, 7],
        pd.Index(["p", "q", "r"], name="who"),
        pd.MultiIndex.from_tuples([(1, 2), (1, 3), (2, 4)], names=["a", "b"]),
        DATES,
    ],
)
def test_an_index_is_no_feature(index):
    run = tidu.fit("y = linear(...)", pd.DataFrame({"x": [1, 2, 4], "y": Y}, index=index), epochs=1)
    assert tuple(run.params) == ("w_x", "b")


def test_a_column_without_a_name_is_no_feature(tmp_path):
    pd.DataFrame({"x": [1, 2, 4], "y": Y}).to_csv(tmp_path / "d.csv")  # with the index in front, as pandas does
    assert tuple(tidu.fit("y = linear(...)", tmp_path / "d.csv", epochs=1).params) == ("w_x", "b")


def test_an_object_array_is_read_cell_by_cell():
    cells = np.array([[1, "2024"], [True, 3.5], [None, "NA"]], dtype=object)
    with pytest.raises(MissingValues, match="row 3 of column 'x' is missing"):
        x_of(cells)
    assert x_of(cells, drop_missing=True) == [1, 1]
