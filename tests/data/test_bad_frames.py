"""Bad frames of pandas, polars and Arrow: what can be wrong with each, and its sentence in both languages."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from bad_input import LINE, case, check_sentences

WORDS = {"missing": "缺失值", "infinite": "无穷值"}


def hole(origin, row, column, what, count):
    """The sentence of a cell that is missing or infinite, in both languages."""
    return (
        f"{origin}: row {row} of column '{column}' is {what} ({count} such row(s) in all); mend the data, or drop such "
        "rows with --drop-missing (drop_missing=True)",
        f"{origin}：列 '{column}' 的第 {row} 行是{WORDS[what]}（这样的行共 {count} 行）；请修补数据，"
        "或用 --drop-missing（drop_missing=True）去掉这些行",
    )


CASES = [
    case(
        "pandas", "two columns of one name",
        lambda: pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "x", "y"]),
        {}, LINE, "DataError",
        "DataFrame: there are two columns 'x'",
        "DataFrame：有两列都叫 'x'",
    ),
    case(
        "pandas", "two columns of one name that the formula does not read",
        lambda: pd.DataFrame([[1.0, 2.0, 3.0, 4.0]], columns=["x", "z", "z", "y"]),
        {}, LINE, "DataError",
        "DataFrame: there are two columns 'z'",
        "DataFrame：有两列都叫 'z'",
    ),
    case(
        "pandas", "a MultiIndex of columns",
        lambda: pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        {}, LINE, "DataError",
        "DataFrame: its columns have names of 2 levels; make one of each, as by df.columns = "
        "['_'.join(map(str, name)) for name in df.columns]",
        "DataFrame：列名有 2 层；请把每个合成一个名字，例如 "
        "df.columns = ['_'.join(map(str, name)) for name in df.columns]",
    ),
    case(
        "pandas", "columns that are numbers",
        lambda: pd.DataFrame(np.ones((2, 2))),
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has `0`, `1`",
        "公式的目标是 'y'；数据里有 `0`, `1`",
    ),
    case(
        "pandas", "columns of numbers and texts",
        lambda: pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", 7, "y"]),
        {}, LINE, "DataError",
        "column names must be text, not 7",
        "列名必须是文字，而不是 7",
    ),
    case(
        "pandas", "no rows",
        lambda: pd.DataFrame({"x": [], "y": []}),
        {}, LINE, "DataError",
        "DataFrame has no rows; a row for each sample is needed",
        "DataFrame 没有数据行；每个样本要占一行",
    ),
    case(
        "pandas", "no rows and no kinds",
        lambda: pd.DataFrame(columns=["x", "y"]),
        {}, LINE, "DataError",
        "DataFrame has no rows; a row for each sample is needed",
        "DataFrame 没有数据行；每个样本要占一行",
    ),
    case(
        "pandas", "no columns",
        lambda: pd.DataFrame(index=[0, 1]),
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has no columns",
        "公式的目标是 'y'；数据里有 0 列",
    ),
    case(
        "pandas", "nothing",
        lambda: pd.DataFrame(),
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has no columns",
        "公式的目标是 'y'；数据里有 0 列",
    ),
    case(
        "pandas", "a series",
        lambda: pd.Series([1.0, 2.0], name="x"),
        {}, LINE, "DataError",
        "data must be a file name, a dict of columns, a frame or a two-dimensional array, not Series",
        "数据必须是文件名、由列组成的字典、数据框或二维数组，而不是 Series",
    ),
    case(
        "pandas", "infinity",
        lambda: pd.DataFrame({"x": [1.0, np.inf, 2.0], "y": [1.0, 2.0, 3.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "infinite", 1),
    ),
    case(
        "pandas", "minus infinity in the target",
        lambda: pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, -np.inf]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "y", "infinite", 1),
    ),
    case(
        "pandas", "not a number",
        lambda: pd.DataFrame({"x": [1.0, np.nan], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "a nullable column of floats with NA",
        lambda: pd.DataFrame({"x": pd.array([1.0, pd.NA], dtype="Float64"), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "a nullable column of conditions with NA",
        lambda: pd.DataFrame({"x": pd.array([True, pd.NA], dtype="boolean"), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "a nullable column of texts with NA",
        lambda: pd.DataFrame({"x": pd.array(["1", pd.NA], dtype="string"), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "only NA",
        lambda: pd.DataFrame({"x": pd.array([pd.NA, pd.NA], dtype="Int64"), "y": [1.0, 2.0]}),
        {"drop_missing": True}, LINE, "DataError",
        "DataFrame: every one of the 2 rows has a missing or infinite value",
        "DataFrame：全部 2 行都有缺失值或无穷值",
    ),
    case(
        "pandas", "objects with None",
        lambda: pd.DataFrame({"x": pd.Series([1, None], dtype=object), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "objects with NA",
        lambda: pd.DataFrame({"x": pd.Series([1, pd.NA], dtype=object), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "objects of numbers and lists",
        lambda: pd.DataFrame({"x": [1, [2, 3]], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: float() argument must be a string or a real number, not 'list'",
        "data：列 'x' 不是数：float() argument must be a string or a real number, not 'list'",
    ),
    case(
        "pandas", "objects of numbers and dates",
        lambda: pd.DataFrame({"x": [1, datetime.date(2024, 1, 31)], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "data：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "pandas", "objects of numbers and bytes",
        lambda: pd.DataFrame({"x": [1, b"2"], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: it holds bytes",
        "data：列 'x' 不是数：里面是字节",
    ),
    case(
        "pandas", "objects of nothing known",
        lambda: pd.DataFrame({"x": [Ellipsis, Ellipsis], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: float() argument must be a string or a real number, not 'ellipsis'",
        "data：列 'x' 不是数：float() argument must be a string or a real number, not 'ellipsis'",
    ),
    case(
        "pandas", "objects of complex numbers",
        lambda: pd.DataFrame({"x": pd.Series([1 + 2j, 3], dtype=object), "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: float() argument must be a string or a real number, not 'complex'",
        "data：列 'x' 不是数：float() argument must be a string or a real number, not 'complex'",
    ),
    case(
        "pandas", "complex numbers",
        lambda: pd.DataFrame({"x": [1 + 2j, 3 + 0j], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: it holds complex numbers",
        "data：列 'x' 不是数：里面是复数",
    ),
    case(
        "pandas", "a target of complex numbers",
        lambda: pd.DataFrame({"x": [1.0, 2.0], "y": [1 + 2j, 3]}),
        {}, LINE, "DataError",
        "data: column 'y' is not numbers: it holds complex numbers",
        "data：列 'y' 不是数：里面是复数",
    ),
    case(
        "pandas", "whole numbers beyond float64",
        lambda: pd.DataFrame({"x": [1, 10**400], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "data: column 'x' is not numbers: int too large to convert to float",
        "data：列 'x' 不是数：int too large to convert to float",
    ),
    case(
        "pandas", "dates without a time zone",
        lambda: pd.DataFrame({"x": pd.to_datetime(["2024-01-31"]), "y": [1.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "DataFrame：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "pandas", "dates of two time zones",
        lambda: pd.DataFrame({"x": [pd.Timestamp("2024-01-31", tz="UTC"),
            pd.Timestamp("2024-01-31", tz="Asia/Shanghai")], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "DataFrame：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "pandas", "dates with and without a time zone",
        lambda: pd.DataFrame({"x": [pd.Timestamp("2024-01-31", tz="UTC"),
            pd.Timestamp("2024-01-31")], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "DataFrame：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "pandas", "a date that is missing",
        lambda: pd.DataFrame({"x": pd.to_datetime(["2024-01-31", None]), "y": [1.0, 2.0]}),
        {}, "y = a*days(x)", "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "pandas", "days of numbers",
        lambda: pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]}),
        {}, "y = a*days(x)", "DataError",
        "DataFrame: column 'x' has '1', which is not a date; dates are written as 2024-01-31 or 2024-01-31 12:00",
        "DataFrame：列 'x' 里的 '1' 不是日期；日期写作 2024-01-31 或 2024-01-31 12:00",
    ),
    case(
        "pandas", "periods",
        lambda: pd.DataFrame({"x": pd.period_range("2024-01", periods=2, freq="M"), "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds extension<pandas.period<ArrowPeriodType>>, not numbers",
        "DataFrame：列 'x' 里是 extension<pandas.period<ArrowPeriodType>>，不是数",
    ),
    case(
        "pandas", "intervals",
        lambda: pd.DataFrame({"x": pd.interval_range(0, 2), "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds extension<pandas.interval<ArrowIntervalType>>, not numbers",
        "DataFrame：列 'x' 里是 extension<pandas.interval<ArrowIntervalType>>，不是数",
    ),
    case(
        "pandas", "a category that is missing",
        lambda: pd.DataFrame({"x": pd.Categorical(["a", None]), "y": [1.0, 2.0]}),
        {}, "y = linear(x)", "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "polars", "no rows",
        lambda: pl.DataFrame({"x": [], "y": []}),
        {}, LINE, "DataError",
        "DataFrame has no rows; a row for each sample is needed",
        "DataFrame 没有数据行；每个样本要占一行",
    ),
    case(
        "polars", "no columns",
        pl.DataFrame,
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has no columns",
        "公式的目标是 'y'；数据里有 0 列",
    ),
    case(
        "polars", "infinity",
        lambda: pl.DataFrame({"x": [1.0, float("inf")], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "infinite", 1),
    ),
    case(
        "polars", "not a number",
        lambda: pl.DataFrame({"x": [1.0, float("nan")], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "polars", "a hole",
        lambda: pl.DataFrame({"x": [1, None], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 2, "x", "missing", 1),
    ),
    case(
        "polars", "a column of nothing",
        lambda: pl.DataFrame({"x": [None, None], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("DataFrame", 1, "x", "missing", 2),
    ),
    case(
        "polars", "objects",
        lambda: pl.DataFrame({"x": pl.Series([1 + 2j, object()], dtype=pl.Object), "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds fixed_size_binary[8], not numbers",
        "DataFrame：列 'x' 里是 fixed_size_binary[8]，不是数",
    ),
    case(
        "polars", "lists",
        lambda: pl.DataFrame({"x": [[1.0], [2.0]], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds large_list<item: double>, not numbers",
        "DataFrame：列 'x' 里是 large_list<item: double>，不是数",
    ),
    case(
        "polars", "texts",
        lambda: pl.DataFrame({"x": ["1", "two"], "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "DataFrame: row 2 of column 'x' is 'two', which is not a number (the first row of data is row 1)",
        "DataFrame：列 'x' 的第 2 行是 'two'，不是数（数据的第一行是第 1 行）",
    ),
    case(
        "polars", "times of day",
        lambda: pl.DataFrame({"x": [datetime.time(12, 30)], "y": [1.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds time64[ns], not numbers",
        "DataFrame：列 'x' 里是 time64[ns]，不是数",
    ),
    case(
        "polars", "durations",
        lambda: pl.DataFrame({"x": [datetime.timedelta(hours=1)], "y": [1.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds duration[us], not numbers",
        "DataFrame：列 'x' 里是 duration[us]，不是数",
    ),
    case(
        "polars", "dates with a time zone",
        lambda: pl.DataFrame({"x": pl.Series([datetime.datetime(2024, 1, 31)]).dt.replace_time_zone("Asia/Shanghai"),
            "y": [1.0]}),
        {}, LINE, "DataError",
        "DataFrame: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "DataFrame：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "polars", "a series",
        lambda: pl.Series("x", [1.0]),
        {}, LINE, "DataError",
        "data must be a file name, a dict of columns, a frame or a two-dimensional array, not Series",
        "数据必须是文件名、由列组成的字典、数据框或二维数组，而不是 Series",
    ),
    case(
        "Arrow", "no rows",
        lambda: pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.float64())}),
        {}, LINE, "DataError",
        "Table has no rows; a row for each sample is needed",
        "Table 没有数据行；每个样本要占一行",
    ),
    case(
        "Arrow", "no columns",
        lambda: pa.table({}),
        {}, LINE, "ColumnNotFound",
        "the formula names the target 'y'; the data has no columns",
        "公式的目标是 'y'；数据里有 0 列",
    ),
    case(
        "Arrow", "infinity",
        lambda: pa.table({"x": [1.0, float("inf")], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("Table", 2, "x", "infinite", 1),
    ),
    case(
        "Arrow", "a null",
        lambda: pa.table({"x": [1.0, None], "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("Table", 2, "x", "missing", 1),
    ),
    case(
        "Arrow", "a column of nulls",
        lambda: pa.table({"x": pa.nulls(2), "y": [1.0, 2.0]}),
        {}, LINE, "MissingValues",
        *hole("Table", 1, "x", "missing", 2),
    ),
    case(
        "Arrow", "a union",
        lambda: pa.table({"x":
            pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
            "y": [1.0, 2.0]}),
        {}, LINE, "DataError",
        "Table: column 'x' holds sparse_union<0: int64=0, 1: string=1>, not numbers",
        "Table：列 'x' 里是 sparse_union<0: int64=0, 1: string=1>，不是数",
    ),
    case(
        "Arrow", "dates with a time zone",
        lambda: pa.table({"x": pa.array([0], pa.timestamp("s", tz="Asia/Shanghai")), "y": [1.0]}),
        {}, LINE, "DataError",
        "Table: column 'x' holds dates or times; write days(x) or seconds(x) in the formula",
        "Table：列 'x' 是日期或时间；请在公式里写 days(x) 或 seconds(x)",
    ),
    case(
        "Arrow", "a map",
        lambda: pa.table({"x": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "y": [1.0]}),
        {}, LINE, "DataError",
        "Table: column 'x' holds map<string, int64>, not numbers",
        "Table：列 'x' 里是 map<string, int64>，不是数",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "formula", "kind", "english", "chinese"), CASES)
def test_each_has_its_sentence(make, options, formula, kind, english, chinese, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_sentences(make, options, formula, kind, english, chinese)
