"""The kind of number in which data and starts come changes nothing: whole numbers, float32, frames of every library."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu

KINDS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", ">f8", ">i4"]
WAYS = [
    {"optimizer": "gd", "epochs": 3, "lr": 1e-3, "engine": "python"},
    {"optimizer": "adam", "epochs": 3, "lr": 0.1, "engine": "compiled", "batch_size": 2},
    {"optimizer": "momentum", "epochs": 3, "lr": 1e-3, "engine": "array"},
    {"optimizer": "gd", "epochs": 3, "scale": True},
    {"optimizer": "lm"},
    {"optimizer": "lbfgs"},
    {"optimizer": "newton"},
    {"optimizer": "lp", "loss": "absolute"},
    {"optimizer": "auto"},
]
FORMULA = "y = w*x**2 + b"
STARTS = [1, np.int8(1), np.int64(1), np.uint16(1), np.float32(1.0), np.float16(1.0), "1"]


def fitted(data, **options):
    return list(tidu.fit(FORMULA, data, **options).params.values())


@pytest.mark.slow
@settings(max_examples=60)
@given(
    x=st.lists(st.integers(0, 11), min_size=5, max_size=9, unique=True),
    kind=st.sampled_from(KINDS), of_y=st.sampled_from(KINDS), way=st.sampled_from(WAYS), start=st.sampled_from(STARTS),
)  # fmt: skip
def test_arrays_of_every_kind_give_the_bits_of_float64(x, kind, of_y, way, start):
    y = [3 + (7 * k) % 60 for k in range(len(x))]
    plain = fitted({"x": np.array(x, float), "y": np.array(y, float)}, init={"w": 1.0, "b": 1.0}, **way)
    given_ = fitted({"x": np.array(x, kind), "y": np.array(y, of_y)}, init={"w": start, "b": start}, **way)
    assert given_ == plain


X, Y = [1, 2, 3, 4, 5, 7], [2, 9, 20, 30, 52, 99]
FRAMES = {
    "lists of int": lambda: {"x": X, "y": Y},
    "int and float mixed": lambda: {"x": [1, 2.0, 3, 4, 5.0, 7], "y": Y},
    "rows": lambda: np.column_stack([X, Y]),
    "rows of float32": lambda: np.column_stack([X, Y]).astype("float32"),
    "decimals": lambda: {"x": [Decimal(v) for v in X], "y": [Fraction(v) for v in Y]},
    "pandas int": lambda: pd.DataFrame({"x": X, "y": Y}, dtype="int32"),
    "pandas float32": lambda: pd.DataFrame({"x": X, "y": Y}, dtype="float32"),
    "pandas Int64": lambda: pd.DataFrame({"x": X, "y": Y}).astype("Int64"),
    "pandas object": lambda: pd.DataFrame({"x": X, "y": Y}, dtype=object),
    "polars": lambda: pl.DataFrame({"x": X, "y": Y}, schema={"x": pl.Int8, "y": pl.Float32}),
    "arrow": lambda: pa.table({"x": pa.array(X, pa.uint8()), "y": pa.array(Y, pa.float32())}),
    "arrow decimals": lambda: pa.table({"x": pa.array(X, pa.int16()).cast(pa.decimal128(9, 2)), "y": Y}),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
def test_frames_of_every_library_give_the_bits_of_float64(frame, way):
    data = FRAMES[frame]()
    names = {"csv": tidu.CsvOptions(names=("x", "y"))} if isinstance(data, np.ndarray) else {}
    plain = fitted({"x": np.array(X, float), "y": np.array(Y, float)}, init={"w": 1.0}, **way)
    assert fitted(data, init={"w": 1}, **way, **names) == plain


@pytest.mark.parametrize("optimizer", ["lm", "lbfgs", "newton", "auto"])
def test_whole_starts_are_no_whole_numbers_to_a_solver(optimizer):
    # SciPy's minimisers have stopped at whole starts of whole numbers, for a difference of 1e-8 is 0 there.
    data = {"t": np.arange(8, dtype=np.int32), "y": np.array([100, 61, 37, 22, 14, 8, 5, 3], dtype=np.int64)}
    params = tidu.fit("y = a*exp(-b*t)", data, optimizer=optimizer, init={"a": 90, "b": 1}).params
    assert params["a"] == pytest.approx(100.0, rel=0.01)
    assert params["b"] == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("levels", [[0, 1, 2], [True, False], np.array([3, 1], dtype="int8"), np.float32([0.5, 1.5])])
def test_levels_of_every_kind(levels):
    data = {"g": np.repeat(levels, 4), "x": np.tile(np.arange(4, dtype="uint8"), len(levels))}
    data["y"] = (data["x"] * (1 + np.repeat(np.arange(len(levels)), 4))).astype("int16")
    assert sorted(tidu.fit("y = a[g]*x", data, optimizer="lm").params.values()) == pytest.approx(
        [1.0 + k for k in range(len(levels))]
    )
