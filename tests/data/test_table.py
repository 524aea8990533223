"""Tables: what becomes of missing cells, how rows are split, and what counts as a column of numbers."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tidu.data.numerals import number_in
from tidu.data.table import (
    Table,
    from_mapping,
    from_matrix,
    names_without_header,
    numbers,
    train_test_split,
    without_missing,
)
from tidu.errors import DataError, MissingValues, SettingError

NAN, INF = float("nan"), float("inf")


def table(**columns):
    return from_mapping(columns, "data")


# -- the table itself -----------------------------------------------------------------------------
def test_a_table_is_a_mapping_of_columns():
    t = table(x=[1, 2, 3], y=[4, 5, 6])
    assert (list(t), len(t), t.rows) == (["x", "y"], 2, 3)
    assert t["x"].dtype == np.float64
    assert t["x"].flags.c_contiguous
    assert Table({}).rows == 0


def test_taken_rows_keep_origin_and_notes():
    t = table(x=[1, 2, 3]).with_note("a note").taken(np.array([2, 0]))
    assert t["x"].tolist() == [3, 1]
    assert (t.origin, t.notes) == ("data", ("a note",))


# -- missing cells --------------------------------------------------------------------------------
def test_a_whole_table_passes_through_untouched():
    t = table(x=[1, 2], y=[3, 4])
    assert without_missing(t, drop=False) is t


@pytest.mark.parametrize(
    ("x", "y", "where", "word", "count"),
    [
        ([1, NAN, 3], [1, 2, 3], "row 2 of column 'x'", "missing", 1),
        ([1, 2, 3], [1, 2, INF], "row 3 of column 'y'", "infinite", 1),
        ([1, 2, NAN], [1, -INF, NAN], "row 2 of column 'y'", "infinite", 2),
    ],
)
def test_a_bad_cell_is_named(x, y, where, word, count):
    with pytest.raises(MissingValues) as caught:
        without_missing(table(x=x, y=y), drop=False)
    message = str(caught.value)
    assert f"{where} is {word} ({count} such row(s) in all)" in message
    assert "drop_missing=True" in message


def test_dropping_takes_out_the_bad_rows_and_says_so():
    kept = without_missing(table(x=[1, NAN, 3, 4], y=[1, 2, INF, 5]), drop=True)
    assert (kept["x"].tolist(), kept["y"].tolist()) == ([1, 4], [1, 5])
    assert kept.notes == ("2 of 4 rows were dropped for a missing or infinite value",)


def test_dropping_every_row_is_an_error():
    with pytest.raises(DataError, match="every one of the 2 rows"):
        without_missing(table(x=[NAN, 1], y=[1, NAN]), drop=True)


# -- training and test rows -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rows", "test_size", "expected"), [(10, 0.2, 2), (10, 0.25, 2), (100, 0.333, 33), (3, 0.01, 1), (2, 0.5, 1)]
)
def test_the_sizes_of_a_split(rows, test_size, expected):
    train, test = train_test_split(table(x=np.arange(rows)), test_size, seed=0)
    assert (train.rows, test.rows) == (rows - expected, expected)


def test_a_split_shares_out_every_row_once_in_the_order_of_the_data():
    whole = table(x=np.arange(50), y=np.arange(50) * 10)
    train, test = train_test_split(whole, 0.3, seed=5)
    for part in (train, test):
        assert np.all(np.diff(part["x"]) > 0)
        assert np.array_equal(part["y"], part["x"] * 10)
    assert sorted([*train["x"], *test["x"]]) == list(range(50))


def test_a_split_follows_the_seed_and_only_the_seed():
    whole = table(x=np.arange(50))
    first, again, other = (train_test_split(whole, 0.3, seed)[1]["x"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    # A stream of its own: not the permutation that orders the mini-batches.
    assert first != sorted(np.random.default_rng(1).permutation(50)[:15].tolist())


@pytest.mark.parametrize("rows", [2, 7, 1000, 70_001])
@pytest.mark.parametrize("stream", [(1,), (1, 1)])
def test_which_rows_are_kept_back_is_defined(rows, stream):
    """The first of NumPy's permutation of the numbers of the rows, whatever memory it is drawn in."""
    count = max(1, round(0.3 * rows))
    drawn = np.random.default_rng([4, *stream]).permutation(rows)
    train, test = train_test_split(table(x=np.arange(rows)), 0.3, 4, stream)
    np.testing.assert_array_equal(test["x"], np.sort(drawn[:count]))
    np.testing.assert_array_equal(train["x"], np.sort(drawn[count:]))


@pytest.mark.parametrize("size", [0, 1, -0.1, 1.5, NAN, "0.2", True])
def test_a_test_part_must_be_a_fraction(size):
    with pytest.raises(SettingError, match="a fraction between 0 and 1"):
        train_test_split(table(x=[1, 2, 3]), size, 0)


@pytest.mark.parametrize(("rows", "size"), [(1, 0.5), (3, 0.9)])
def test_too_few_rows_to_split(rows, size):
    with pytest.raises(DataError, match="too few"):
        train_test_split(table(x=np.arange(rows)), size, 0)


# -- names ----------------------------------------------------------------------------------------
def test_names_where_the_data_has_none():
    assert [names_without_header(k) for k in (1, 2, 3, 4)] == [
        ["y"],
        ["x", "y"],
        ["x1", "x2", "y"],
        ["x1", "x2", "x3", "y"],
    ]


# -- numbers --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1, 2]),
        ((1.5, -0.0), [1.5, -0.0]),
        (range(3), [0, 1, 2]),
        ([True, False], [1, 0]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (np.array([0.1, 2], dtype=np.float32), [float(np.float32(0.1)), 2]),
        (np.array([2**53 + 1, 1]), [2**53, 1]),
        (["1.5", " 2 ", "1e3", "１２"], [1.5, 2, 1000, 12]),
        ([Decimal("0.1"), Fraction(1, 3)], [0.1, 1 / 3]),
        ([None, 1, "NA", "", "nan", "2"], [NAN, 1, NAN, NAN, NAN, 2]),
        (np.ma.masked_array([1, 2, 3], [False, True, False]), [1, NAN, 3]),
        (np.arange(6)[::2], [0, 2, 4]),
        ([], []),
    ],
)
def test_what_counts_as_numbers(values, expected):
    found = numbers(values, "x", "data")
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.array(expected, dtype=float))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["1", "two"], "row 2 of column 'x' is 'two', which is not a number"),
        (["2020_01"], "row 1 of column 'x' is '2020_01'"),  # Python's float reads 202001
        (["a" * 50], f"'{'a' * 37}...'"),
        ([[1], [2]], "must have one dimension, not 2"),
        (1.0, "must have one dimension, not 0"),
        (None, "must have one dimension, not 0"),
        ({1.0, 2.0}, "not numbers"),  # a set has no order
        ({0: 1.0, 1: 2.0}, "not numbers"),
        ([1j], "not numbers"),
        ([10**400], "not numbers: int too large"),
        ([[1], [2, 3]], "not numbers"),
        (np.array(["2020-01-01"], dtype="datetime64[ns]"), "holds dates or times"),
        (np.array([5], dtype="timedelta64[s]"), "holds dates or times"),
    ],
)
def test_what_does_not(values, reason):
    with pytest.raises(DataError) as caught:
        numbers(values, "x", "data")
    assert reason in str(caught.value)
    assert "column 'x'" in str(caught.value)


@pytest.mark.parametrize("text", ["1_000", "_1", "1 2", "0x10", "", "one", "1,5", "--1"])
def test_text_that_is_no_number(text):
    with pytest.raises(ValueError, match="could not convert"):
        number_in(text)


# -- mappings and matrices ------------------------------------------------------------------------
def test_columns_of_different_lengths():
    with pytest.raises(DataError, match="differ in length: x: 3, y: 2"):
        table(x=[1, 2, 3], y=[1, 2])


def test_a_column_name_must_be_text():
    with pytest.raises(DataError, match="must be text, not 1"):
        from_mapping({1: [1.0]}, "data")


def test_a_matrix_gets_the_names_of_a_file_without_header():
    t = from_matrix([[1, 2, 3], [4, 5, 6]], None, "data")
    assert {name: column.tolist() for name, column in t.items()} == {"x1": [1, 4], "x2": [2, 5], "y": [3, 6]}
    assert all(column.flags.c_contiguous for column in t.values())
    assert list(from_matrix(np.eye(2), ["a", "b"], "data")) == ["a", "b"]
    masked = from_matrix(np.ma.masked_array([[1.0, 2.0]], [[True, False]]), None, "data")
    assert np.isnan(masked["x"][0])


@pytest.mark.parametrize(
    ("values", "names", "reason"),
    [
        ([1, 2], None, "two dimensions"),
        (np.zeros((2, 2, 2)), None, "two dimensions"),
        ([[1, 2], [3]], None, r"row 2 has 1 number\(s\), and the first has 2"),
        ([["a", "b"]], None, "not an array of numbers"),
        ([[10**400, 1]], None, "not an array of numbers"),
        ([[1, 2]], ["x", "y", "z"], "3 names for 2 columns"),
    ],
)
def test_what_is_no_matrix(values, names, reason):
    with pytest.raises(DataError, match=reason):
        from_matrix(values, names, "data")
