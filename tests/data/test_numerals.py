"""Numbers as people write them: decimal commas, groups of thousands, percent, words for no value, true and false."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.data.numerals import Numerals, booleans_in, looks_like_a_number, remedy
from tidu.data.source import source_of
from tidu.errors import DataError, SettingError

GERMAN, ENGLISH, FRENCH, SWISS = Numerals(",", "."), Numerals(".", ","), Numerals(",", " "), Numerals(".", "'")


@pytest.mark.parametrize(
    ("numerals", "text", "value"),
    [
        (GERMAN, "1.234,5", 1234.5),
        (GERMAN, "-1.234.567", -1234567),
        (GERMAN, "0,5", 0.5),
        (GERMAN, ",5e-3", 0.0005),
        (ENGLISH, "1,234.5", 1234.5),
        (ENGLISH, "12,34,567", 1234567),  # lakhs
        (ENGLISH, "1234.5", 1234.5),
        (FRENCH, "1 234 567,25", 1234567.25),
        (FRENCH, "1\u202f234,5", 1234.5),
        (FRENCH, "1\u00a0234", 1234),
        (SWISS, "1’234.5", 1234.5),
        (Numerals(), "45%", 0.45),
        (Numerals(), "0.1 %", 0.001),
        (Numerals(), "−5", -5),
        (Numerals(), " +.5 ", 0.5),
        (GERMAN, "4,5%", 0.045),
        (Numerals(na=("-", "-999")), "-999", math.nan),
        (Numerals(na=("-",)), " - ", math.nan),
        (Numerals(), "<NA>", math.nan),
    ],
)
def test_what_a_text_says(numerals, text, value):
    assert numerals.number(text) == value or (math.isnan(value) and math.isnan(numerals.number(text)))


@pytest.mark.parametrize(
    ("numerals", "text"),
    [
        (Numerals(), "1,5"),
        (Numerals(), "0x1F"),
        (Numerals(), "1_000"),
        (Numerals(), "1e3%"),
        (Numerals(), "%"),
        (GERMAN, "1.5"),  # a point that groups nothing
        (GERMAN, "1.2345,6"),
        (ENGLISH, "1,23"),
        (ENGLISH, ",123"),
        (ENGLISH, "1,,234"),
        (ENGLISH, "1.5,000"),
        (FRENCH, "1 2"),
        (Numerals(","), "1,234,5"),
        (Numerals(), "5 kg"),
    ],
)
def test_what_is_no_number(numerals, text):
    with pytest.raises(ValueError, match=r"."):
        numerals.number(text)


@given(st.integers(-(10**15), 10**15), st.integers(0, 999))
def test_grouped_digits_are_the_number_that_python_groups(whole, thousandth):
    plain = float(f"{whole}.{thousandth:03d}")
    assert ENGLISH.number(f"{whole:,}.{thousandth:03d}") == plain
    assert GERMAN.number(f"{whole:,}".replace(",", ".") + f",{thousandth:03d}") == plain
    assert FRENCH.number(f"{whole:,}".replace(",", " ") + f",{thousandth:03d}") == plain


@given(st.decimals(-1000, 1000, allow_nan=False, places=4))
def test_percent_is_the_nearest_hundredth(value):
    assert Numerals().number(f"{value}%") == float(value / 100)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"decimal": ";"}, "must be '.' or ','"),
        ({"thousands": "ab"}, "must be one character"),
        ({"thousands": "1"}, "must be one character"),
        ({"thousands": "."}, "are both '.'"),
        ({"decimal": ",", "thousands": ","}, "are both ','"),
        ({"decimal": ",", "delimiter": ","}, "cannot stand both"),
        ({"comment": "a"}, "what begins a comment"),
        ({"skip": -1}, "skip must be a number of lines"),
    ],
)
def test_signs_that_contradict_each_other(options, reason):
    with pytest.raises(SettingError, match=reason):
        CsvOptions(**options)


# -- what a cell is refused with ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("1,5", "--decimal ','"),
        ("1,234", "--thousands ',', if it is a decimal sign, give --decimal ','"),
        ("1,234.5", "--thousands ','"),
        ("1,234,567", "--thousands ','"),
        ("1.234,5", "--thousands '.' and --decimal ','"),
        ("1.234.567", "--thousands '.' and --decimal ','"),
        ("1 234", "--thousands ' '"),
        ("1'234.5", "--thousands '''"),
        ("0x1F", "base 16"),
        ("5 kg", "leave the unit"),
        ("$5", "leave the unit or the currency"),
        ("-", "--na '-'"),
        ("missing", "--na 'missing'"),
        ("# 5", "--comment '#'"),
        ("2024-01-31", "days(x)"),
        ("2024/1/31 12:00", "days(x)"),
        ("True", "nothing else"),
        ("about 7", ""),
    ],
)
def test_each_cell_is_refused_with_what_reads_it(cell, advice):
    said = remedy(cell, "x", Numerals())
    assert advice in said
    assert bool(advice) == bool(said)


def test_data_in_memory_has_no_options_of_reading():
    with pytest.raises(DataError) as caught:
        tidu.fit("y = w*x", {"x": ["1,5", "2"], "y": [1, 2]})
    assert "--decimal" not in str(caught.value)


@pytest.mark.parametrize("cell", ["1,5", "45%", "1.234,5", "0x1F", "5 kg", "€5", "2024-01-31", "True", "1 234"])
def test_where_a_number_was_meant_no_loss_of_labels_is_advised(tmp_path, cell):
    (tmp_path / "d.csv").write_text(f'x;y\n1;{cell}\n2;{cell}\n3;"oops"\n')
    with pytest.raises(DataError) as caught:
        tidu.fit("y = w*x", tmp_path / "d.csv")
    assert "losses that take labels" not in str(caught.value)
    assert looks_like_a_number(cell)


@pytest.mark.parametrize("word", ["setosa", "bj", "北京", "yes", "M", "-", "kg"])
def test_words_are_no_numbers(word):
    assert not looks_like_a_number(word)


# -- true and false -------------------------------------------------------------------------------
def test_true_and_false_in_a_file_are_what_they_are_in_a_frame(tmp_path):
    (tmp_path / "d.csv").write_text("x,y\nTrue,1\nFALSE,2\n,3\ntrue,4\n")
    assert source_of(tmp_path / "d.csv").table(["x"])["x"].tolist()[:2] == [1, 0]
    assert math.isnan(source_of(tmp_path / "d.csv").table(["x"])["x"][2])
    assert booleans_in(["True", None, "false"])[::2] == [1, 0]
    assert booleans_in(["True", "1"]) is None
    assert booleans_in(["", None]) is None
