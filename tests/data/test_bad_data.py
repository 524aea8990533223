"""Bad files, frames, arrays and objects: what can be wrong with each, and its sentence in both languages."""

import os
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bad_input import LINE, case, check_sentences

import tidu
from tidu.text import use_language


# -- how inputs are made: in the folder of the test, which is the working folder; each gives what is fitted --------
def no_file():
    return "d.csv"


def folder():
    os.mkdir("d.csv")
    return "d.csv"


def nothing_that_matches():
    return "*.csv"


def files_that_differ():
    with open("a.csv", "w") as a, open("b.csv", "w") as b:
        a.write("x,y\n1,2\n")
        b.write("x,z\n1,2\n")
    return "?.csv"


def endless_device():
    return "/dev/zero"


def damaged_parquet():
    pq.write_table(pa.table({"x": [1.0], "y": [2.0]}), "d.csv")
    with open("d.csv", "r+b") as file:
        file.truncate(60)
    return "d.csv"


def parquet_of_lists():
    pq.write_table(pa.table({"x": [[1.0]], "y": [2.0]}), "d.csv")
    return "d.csv"


def parquet_of_dates():
    pq.write_table(pa.table({"x": pd.to_datetime(["2024-01-31"]), "y": [2.0]}), "d.csv")
    return "d.csv"


def no_workbook():
    with open("d.xlsx", "wb") as file:
        file.write(b"PK\x03\x04 and nothing more")
    return "d.xlsx"


CASES = [
    case(
        "a file", "no file",
        no_file,
        {}, LINE, "DataError",
        "there is no file 'd.csv'",
        "没有文件 'd.csv'",
    ),
    case(
        "a file", "folder",
        folder,
        {}, LINE, "DataError",
        "'d.csv' is a folder; name a file, or a pattern such as 'd.csv/*.csv'",
        "'d.csv' 是文件夹；请给出文件名，或 'd.csv/*.csv' 这样的通配符",
    ),
    case(
        "a file", "endless device",
        endless_device,
        {}, LINE, "DataError",
        "'/dev/zero' is a device, not a file or a pipe",
        "'/dev/zero' 是设备，不是文件或管道",
    ),
    case(
        "a pattern", "nothing that matches",
        nothing_that_matches,
        {}, LINE, "DataError",
        "no file matches '*.csv'",
        "没有文件与 '*.csv' 匹配",
    ),
    case(
        "a pattern", "files that differ",
        files_that_differ,
        {}, LINE, "DataError",
        "the files of '?.csv' differ in their columns: x, y and x, z",
        "'?.csv' 的各个文件列名不一致：x, y 与 x, z",
    ),
    case(
        "Parquet", "damaged parquet",
        damaged_parquet,
        {}, LINE, "DataError",
        "d.csv cannot be read: Parquet magic bytes not found in footer. Either the file is corrupted or this "
        "is not a parquet file.",
        "无法读取 d.csv：Parquet magic bytes not found in footer. Either the file is corrupted or this "
        "is not a parquet file.",
    ),
    case(
        "Parquet", "parquet of lists",
        parquet_of_lists,
        {}, LINE, "DataError",
        "d.csv: column 'x' holds list<element: double>, not numbers",
        "d.csv：列 'x' 里是 list<element: double>，不是数",
    ),
    case(
        "Parquet", "parquet of dates",
        parquet_of_dates,
        {}, LINE, "DataError",
        "d.csv: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "d.csv：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "a workbook", "no workbook",
        no_workbook,
        {}, LINE, "DataError",
        "d.xlsx cannot be read as a workbook: Cannot detect file format",
        "d.xlsx 不能作为工作簿读取：Cannot detect file format",
    ),
    case(
        "a dict", "nothing in it",
        dict,
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has no columns",
        "公式的目标是 'y'；数据里有 0 列",
    ),
    case(
        "a dict", "columns of different lengths",
        lambda: {"x": [1, 2], "y": [1]},
        {}, LINE, "DataError",
        "data: the columns differ in length: x: 2, y: 1",
        "data：各列长度不同：x: 2, y: 1",
    ),
    case(
        "a dict", "a name that is a number",
        lambda: {"x": [1], 1: [2]},
        {}, LINE, "DataError",
        "column names must be text, not 1",
        "列名必须是文字，而不是 1",
    ),
    case(
        "a dict", "no rows",
        lambda: {"x": [], "y": []},
        {}, LINE, "DataError",
        "data has no rows; a row for each sample is needed",
        "data 没有数据行；每个样本要占一行",
    ),
    case(
        "a dict", "a column of two dimensions",
        lambda: {"x": [[1], [2]], "y": [1, 2]},
        {}, LINE, "DataError",
        "data: column 'x' must have one dimension, not 2",
        "data：列 'x' 必须是一维的，而不是 2 维",
    ),
    case(
        "a dict", "a column of one number",
        lambda: {"x": 5, "y": [1]},
        {}, LINE, "DataError",
        "data: column 'x' must have one dimension, not 0",
        "data：列 'x' 必须是一维的，而不是 0 维",
    ),
    case(
        "a dict", "words",
        lambda: {"x": ["ann", "bob"], "y": [1, 2]},
        {}, LINE, "DataError",
        "data: row 1 of column 'x' is 'ann', which is not a number (the first row of data is row 1); if the "
        "column holds categories, write C(x) inside linear(...)",
        "data：列 'x' 的第 1 行是 'ann'，不是数（数据的第一行是第 1 "
        "行）；如果这一列是分类，请在 linear(...) 里写 C(x)",
    ),
    case(
        "a dict", "a decimal comma",
        lambda: {"x": ["1,5", "2"], "y": [1, 2]},
        {}, LINE, "DataError",
        "data: row 1 of column 'x' is '1,5', which is not a number (the first row of data is row 1)",
        "data：列 'x' 的第 1 行是 '1,5'，不是数（数据的第一行是第 1 行）",
    ),
    case(
        "a dict", "a missing value",
        lambda: {"x": [1, None], "y": [1, 2]},
        {}, LINE, "MissingValues",
        "data: row 2 of column 'x' is missing (1 such row(s) in all); mend the data, or drop such rows with "
        "--drop-missing (drop_missing=True)",
        "data：列 'x' 的第 2 行是缺失值（这样的行共 1 行）；请修补数据，或用 "
        "--drop-missing（drop_missing=True）去掉这些行",
    ),
    case(
        "a dict", "dates",
        lambda: {"x": np.array(["2024-01-31"], "datetime64[D]"), "y": [1]},
        {}, LINE, "DataError",
        "data: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "data：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "an array", "one dimension",
        lambda: np.arange(3.0),
        {}, LINE, "DataError",
        "data: an array must have two dimensions (rows, columns), not 1",
        "data：数组必须是二维的（行、列），而不是 1 维",
    ),
    case(
        "an array", "three dimensions",
        lambda: np.zeros((2, 2, 2)),
        {}, LINE, "DataError",
        "data: an array must have two dimensions (rows, columns), not 3",
        "data：数组必须是二维的（行、列），而不是 3 维",
    ),
    case(
        "an array", "no rows",
        lambda: np.empty((0, 2)),
        {}, LINE, "DataError",
        "data has no rows; a row for each sample is needed",
        "data 没有数据行；每个样本要占一行",
    ),
    case(
        "an array", "complex numbers",
        lambda: np.zeros((2, 2), complex),
        {}, LINE, "DataError",
        "data: not an array of numbers: it holds complex numbers",
        "data：不是数的数组：里面是复数",
    ),
    case(
        "a list", "rows of different lengths",
        lambda: [[1, 2], [3]],
        {}, LINE, "DataError",
        "data: row 2 has 1 number(s), and the first has 2",
        "data：第 2 行有 1 个数，而第一行有 2 个",
    ),
    case(
        "pandas", "a mixed column",
        lambda: pd.DataFrame({"x": [1, "a", 2.5], "y": [1, 2, 3]}),
        {}, LINE, "DataError",
        "data: row 2 of column 'x' is 'a', which is not a number (the first row of data is row 1)",
        "data：列 'x' 的第 2 行是 'a'，不是数（数据的第一行是第 1 行）",
    ),
    case(
        "pandas", "a nullable column with a hole",
        lambda: pd.DataFrame({"x": pd.array([1, None], dtype="Int64"), "y": [1, 2]}),
        {}, LINE, "MissingValues",
        "DataFrame: row 2 of column 'x' is missing (1 such row(s) in all); mend the data, or drop such rows "
        "with --drop-missing (drop_missing=True)",
        "DataFrame：列 'x' 的第 2 行是缺失值（这样的行共 1 行）；请修补数据，或用 "
        "--drop-missing（drop_missing=True）去掉这些行",
    ),
    case(
        "pandas", "categories as numbers",
        lambda: pd.DataFrame({"x": pd.Categorical(["a", "b"]), "y": [1, 2]}),
        {}, LINE, "DataError",
        "DataFrame: row 1 of column 'x' is 'a', which is not a number (the first row of data is row 1); if "
        "the column holds categories, write C(x) inside linear(...)",
        "DataFrame：列 'x' 的第 1 行是 'a'，不是数（数据的第一行是第 1 "
        "行）；如果这一列是分类，请在 linear(...) 里写 C(x)",
    ),
    case(
        "pandas", "time zones",
        lambda: pd.DataFrame({"x": pd.to_datetime(["2024-01-31"], utc=True), "y": [1]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "DataFrame：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "pandas", "durations",
        lambda: pd.DataFrame({"x": pd.to_timedelta([1], unit="h"), "y": [1]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds duration[us], not numbers",
        "DataFrame：列 'x' 里是 duration[us]，不是数",
    ),
    case(
        "polars", "a column of structs",
        lambda: pl.DataFrame({"x": [{"a": 1}], "y": [1]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds struct<a: int64>, not numbers",
        "DataFrame：列 'x' 里是 struct<a: int64>，不是数",
    ),
    case(
        "polars", "a lazy frame",
        lambda: pl.LazyFrame({"x": [1], "y": [1]}),
        {}, LINE, "DataError",
        "data must be a file name, a dict of columns, a frame or a two-dimensional array, not LazyFrame",
        "数据必须是文件名、由列组成的字典、数据框或二维数组，而不是 LazyFrame",
    ),
    case(
        "Arrow", "a name twice",
        lambda: pa.table([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], names=["x", "x", "y"]),
        {}, LINE, "DataError",
        "Table: there are two columns 'x'",
        "Table：有两列都叫 'x'",
    ),
    case(
        "Arrow", "bytes",
        lambda: pa.table({"x": [b"1"], "y": [1.0]}),
        {}, LINE, "DataError",
        "Table: column 'x' holds binary, not numbers",
        "Table：列 'x' 里是 binary，不是数",
    ),
    case(
        "something else", "nothing",
        lambda: None,
        {}, LINE, "DataError",
        "data must be a file name, a dict of columns, a frame or a two-dimensional array, not NoneType",
        "数据必须是文件名、由列组成的字典、数据框或二维数组，而不是 NoneType",
    ),
    case(
        "something else", "a number",
        lambda: 3.0,
        {}, LINE, "DataError",
        "data must be a file name, a dict of columns, a frame or a two-dimensional array, not float",
        "数据必须是文件名、由列组成的字典、数据框或二维数组，而不是 float",
    ),
    case(
        "something else", "bytes",
        lambda: b"x,y",
        {}, LINE, "DataError",
        "data: not an array of numbers: could not convert string to float: np.bytes_(b'x,y')",
        "data：不是数的数组：could not convert string to float: np.bytes_(b'x,y')",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "formula", "kind", "english", "chinese"), CASES)
def test_each_has_its_sentence_in_both_languages(make, options, formula, kind, english, chinese, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_sentences(make, options, formula, kind, english, chinese)


@pytest.mark.parametrize(("language", "said"), [("en", "standard input is closed"), ("zh", "标准输入已关闭")])
def test_a_closed_standard_input(monkeypatch, language, said):
    monkeypatch.setattr(sys, "stdin", None)
    use_language(language)
    try:
        with pytest.raises(tidu.TiduError, match=said):
            tidu.fit(LINE, "-")
    finally:
        use_language("en")
