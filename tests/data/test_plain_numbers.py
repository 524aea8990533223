"""Plain decimal numbers: each is the nearest float64, as Python's own `float` says, and all else is left alone."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tidu
from tidu.data import plain_numbers
from tidu.data.plain_numbers import MOST_OTHERWISE, ROWS, plain_columns
from tidu.data.source import source_of

pytestmark = pytest.mark.skipif(not plain_numbers.HAS_80_BITS, reason="numbers of 80 bits are those of x86")
digits = st.text("0123456789", max_size=21)
decimals = st.builds(
    lambda sign, whole, rest, point: f"{sign}{whole}{'.' if point or rest else ''}{rest}" if whole or rest else "0",
    st.sampled_from(["", "-"]), digits, digits, st.booleans(),
)  # fmt: skip
floats = st.floats(allow_nan=False, allow_infinity=False).map(repr)


def same(found, cells):
    expected = np.array([float(cell) for cell in cells])
    assert_array_equal(found, expected)
    assert_array_equal(np.signbit(found), np.signbit(expected))


@given(st.lists(st.tuples(decimals, decimals), min_size=1, max_size=40))
@settings(deadline=None, max_examples=300)
def test_decimals_of_any_length(rows):
    monkey = pytest.MonkeyPatch()
    monkey.setattr(plain_numbers, "MOST_OTHERWISE", 1)  # however many are written otherwise
    text = "".join(f"{a};{b}\n" for a, b in rows).encode()
    found = plain_columns(text, ";", 2, [0, 1])
    monkey.undo()
    same(found[0], [a for a, _b in rows])
    same(found[1], [b for _a, b in rows])


@given(st.lists(floats, min_size=1, max_size=40))
@settings(deadline=None)
def test_what_python_writes(cells):
    monkey = pytest.MonkeyPatch()
    monkey.setattr(plain_numbers, "MOST_OTHERWISE", 1)
    (found,) = plain_columns("\n".join(cells).encode(), ",", 1, [0])
    monkey.undo()
    same(found, cells)


def test_numbers_in_the_middle_of_two():
    random = np.random.default_rng(3)
    cells = []
    for x in (1.0 + random.random(200)).tolist():  # 53 digits after the point in base 2, so 54 in the middle
        middle = (Fraction(x) + Fraction(np.nextafter(x, 2.0))) / 2
        cells += [f"{float(middle):.18f}"[:20], str(middle.numerator * 10**18 // middle.denominator / 10**18)]
        exact = middle * 10**18
        cells.append(f"1.{(exact.numerator // exact.denominator) - 10**18:018d}")
    cells += [f"{k + 0.5:.1f}" for k in range(50)] + ["9007199254740993", "9007199254740993.0", "4503599627370496.5"]
    (found,) = plain_columns("\n".join(cells).encode(), ",", 1, [0])
    same(found, cells)


@pytest.mark.parametrize("rows", [1, 7, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5])
def test_many_rows(rows):
    values = np.random.default_rng(rows).normal(size=(rows, 3)) * [1.0, 1e6, 1e2]
    text = "".join(",".join(map(repr, row)) + "\r\n" for row in values.tolist()).encode()
    found = plain_columns(text, ",", 3, [2, 0])
    assert_array_equal(found[0], values[:, 2])
    assert_array_equal(found[1], values[:, 0])


@pytest.mark.parametrize(
    "text",
    ["1,2\n3", "1,2\n3,4,5\n6\n", "1,2\n\n3,4\n", "1,\n3,4\n", "1,x\n3,4\n", '1,"2"\n3,4\n', "1,2_0\n3,4\n", "1,2\r3,4",
     "1,2.3.4\n5,6\n", "1,-\n2,3\n", "1,.\n2,3\n", "1,0x10\n2,3\n"],
)  # fmt: skip
def test_what_is_not_plain_is_left(text):
    assert plain_columns(text.encode(), ",", 2, [0, 1]) is None


def test_of_numbers_written_otherwise_few_are_read_here():
    cells = ["1.5"] * 10 * MOST_OTHERWISE
    cells[3], cells[9] = "1e-7", "nan"
    (found,) = plain_columns("\n".join(cells).encode(), ",", 1, [0])
    same(found[:9], cells[:9])
    assert plain_columns("\n".join(["1e-7"] * 10).encode(), ",", 1, [0]) is None


SCRIPT = """
import sys
from tidu.data.source import source_of
table = source_of(sys.argv[1]).table()
print({name: column.tobytes().hex() for name, column in table.items()}, table.notes, "pyarrow" in sys.modules)
"""


@pytest.mark.parametrize(
    ("text", "without"),
    [("a,b\n1.25,2\n-3,4.1\n", True), ("1 2\n3 4\n", False), ("1,2\n3,4\n", True), ("a\tb\n\n1\t2\n", False),
     ("a,b\n1,NA\n2,3\n", False), ("x\n5\n", True), ("a,b\n1,2\n\n\n", True), ("a,b\n1,-999\n", True)],
)  # fmt: skip
def test_a_file_is_read_alike_with_and_without_pyarrow(tmp_path, text, without):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True)
    import pyarrow  # noqa: F401  # so that it parses here

    table = source_of(str(path)).table()
    same_here = {name: column.tobytes().hex() for name, column in table.items()}
    assert done.stdout.strip() == f"{same_here} {table.notes} {not without}"


def test_a_word_for_no_value_is_no_number(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,-999\n2,3\n3,4\n")
    script = f"import tidu; print(tidu.fit('b = w*a', {str(path)!r}, csv=tidu.CsvOptions(na=('-999',)), "
    script += "drop_missing=True, epochs=1).rows)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
    assert tidu.fit("b = w*a", str(path), epochs=1).rows == 3
