"""Categories and dates in formulas: indicators and elapsed time, from every source, in later data, in model files."""

import datetime
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.data.categories import as_written
from tidu.data.source import source_of
from tidu.data.times import time_in, time_text
from tidu.errors import DataError, MissingValues
from tidu.fronts.cli import run as command

RNG = np.random.default_rng(0)
CITIES = np.array(["sh", "bj", "sz"])[RNG.integers(0, 3, 40)]
X = RNG.normal(size=40)
EFFECT = {"bj": 1.0, "sh": 3.0, "sz": -2.0}
Y = 2 * X + np.array([EFFECT[c] for c in CITIES]) + 0.1 * RNG.normal(size=40)
FRAME = pd.DataFrame({"x": X, "city": CITIES, "y": Y})


def ordinary_least_squares():
    """Treatment coding by hand: an indicator for each level but the first, in alphabetical order."""
    design = np.column_stack([X, CITIES == "sh", CITIES == "sz", np.ones(40)]).astype(float)
    return np.linalg.lstsq(design, Y, rcond=None)[0]


def refusal(formula, data, **options):
    with pytest.raises(tidu.TiduError) as caught:
        tidu.fit(formula, data, epochs=1, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(params=["pandas", "categorical", "polars", "dict", "csv", "parquet", "arrow", "rows"])
def data(request, tmp_path):
    """The same table as everything that holds one."""
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    pq.write_table(pa.Table.from_pandas(FRAME), tmp_path / "d.parquet")
    return {
        "pandas": FRAME,
        "categorical": FRAME.astype({"city": "category"}),
        "polars": pl.DataFrame(FRAME.to_dict("list")),
        "dict": {"x": X, "city": list(CITIES), "y": Y},
        "csv": tmp_path / "d.csv",
        "parquet": tmp_path / "d.parquet",
        "arrow": pa.Table.from_pandas(FRAME),
        "rows": [list(row) for row in zip(X, CITIES.tolist(), Y, strict=True)],
    }[request.param]


# -- categories -----------------------------------------------------------------------------------
@pytest.mark.parametrize("formula", ["y = linear(x, C(city))", "y = linear(x, city)", "y = linear(...)"])
def test_categories_are_indicators_compared_with_the_first(data, formula):
    if isinstance(data, list):
        data = {name: [row[k] for row in data] for k, name in enumerate(("x", "city", "y"))}
    run = tidu.fit(formula, data, optimizer="lm")
    assert tuple(run.params) == ("w_x", "w_city[sh]", "w_city[sz]", "b")
    assert list(run.params.values()) == pytest.approx(ordinary_least_squares(), rel=1e-9)
    assert run.notes[0] == "city has 3 levels, bj, sh, sz; bj is what the others are compared with"
    assert run.predict(data) == pytest.approx(run.predict(FRAME), rel=1e-12)
    assert run.score(data) == run.metrics


def test_categories_in_networks():
    run = tidu.fit("y = mlp(x, city, hidden=[4])", FRAME, optimizer="adam", lr=0.05, epochs=400)
    assert run.params["W1"].shape == (4, 3)
    assert run.metrics["r2"] > 0.95
    layers = tidu.Sequential(tidu.Linear(4), tidu.relu, tidu.Linear(1))
    same = tidu.fit(layers, FRAME, target="y", optimizer="adam", lr=0.05, epochs=1)
    assert same.params["W1"].shape == (4, 3)


def test_a_saved_model_keeps_its_levels(tmp_path):
    run = tidu.fit("y = linear(x, city)", FRAME, optimizer="lm")
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert loaded.predict(FRAME).tolist() == run.predict(FRAME).tolist()
    assert loaded.predict({"x": [0.0], "city": ["sz"]}) == pytest.approx(run.params["b"] + run.params["w_city[sz]"])
    with pytest.raises(DataError) as caught:
        loaded.predict({"x": [1.0, 2.0], "city": ["bj", "gz"]})
    assert str(caught.value) == (
        "data: row 2 of column 'city' has the level 'gz', which the model has not met; it knows bj, sh, sz"
    )


def test_numbers_are_categories_where_c_says_so(tmp_path):
    (tmp_path / "d.csv").write_text("year,y\n2001,1\n2002,3\n2003,9\n2001,1\n2002,3\n2003,9\n")
    run = tidu.fit("y = linear(C(year))", tmp_path / "d.csv", optimizer="lm")
    assert dict(run.params) == pytest.approx({"w_year[2002]": 2, "w_year[2003]": 8, "b": 1})
    assert run.predict({"year": [2003, 2001.0]}) == pytest.approx([9, 1])
    both = tidu.fit("y = linear(year, C(year))", tmp_path / "d.csv", epochs=1)
    assert tuple(both.params) == ("w_year", "w_year[2002]", "w_year[2003]", "b")
    assert both.training_data["year"].tolist()[:3] == [2001, 2002, 2003]
    codes = {"zip": ["007", "7", "007", "7"], "y": [1, 2, 1, 2]}
    assert tuple(tidu.fit("y = linear(C(zip))", codes, epochs=1).params) == ("w_zip[7]", "b")
    truths = pd.DataFrame({"ok": [True, False, True], "y": [3.0, 1, 3]})
    truths.to_csv(tmp_path / "t.csv", index=False)
    for source in (truths, tmp_path / "t.csv"):
        assert dict(tidu.fit("y = linear(C(ok))", source, optimizer="lm").params) == pytest.approx(
            {"w_ok[True]": 2, "b": 1}
        )


@pytest.mark.parametrize(
    "formula",
    [
        "y = a*x + b + c*(city == 'sh')",
        "y = a*x + b + c*(1 - (city != 'sh'))",
        'y = a*x + b + c*("sh" == city)',
        "y = a*x + where(city == 'sh', b + c, b)",
        "y = a*x + (b if city != 'sh' else b + c)",
        "y = a*x + where(city == 'bj' or city == 'sz', b, b + c)",
    ],
)
def test_a_column_compared_with_text(formula):
    run = tidu.fit(formula, FRAME, optimizer="lm")
    design = np.column_stack([X, np.ones(40), CITIES == "sh"]).astype(float)
    expected = dict(zip("abc", np.linalg.lstsq(design, Y, rcond=None)[0], strict=True))
    assert dict(run.params) == pytest.approx(expected, rel=1e-8)
    assert run.predict({"x": [0.0], "city": ["elsewhere"]}).shape == (1,)  # not sh, which is all that it asks


def test_the_compiled_loop_and_plain_python_agree():
    runs = [tidu.fit("y = linear(x, city)", FRAME, lr=0.1, epochs=20, engine=e) for e in ("python", "compiled")]
    assert runs[0].params == runs[1].params


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y = a*x + C(city)", "C(...) is a column for each level, and stands inside linear(...) or mlp(...)"),
        ("y = C(city)", "let it end in linear(...)"),
        ("y = linear(C(town))", "'town' is not a column; the data has city, x, y"),
        ("y = linear(C(city, 2))", "C(...) takes the name of one column"),
        ("y = linear(C(city == 'bj'))", "C(...) takes the name of one column"),
        ("y = a*(city > 'a')", "text is compared with a column as in city == 'bj'"),
        ("y = a*x + b*('bj' == 'sh')", "text is compared with a column as in city == 'bj'"),
        ("y = a*x + b*(city == 'shh')", "'shh', which stands in no row (did you mean 'sh'?); there are: bj, sh, sz"),
        ("y = a*city + b", "if the column holds categories, write C(city) inside linear(...)"),
        ("city = linear(C(city), x)", "appears on both sides"),
    ],
)
def test_what_is_no_category(formula, words):
    assert words in refusal(formula, FRAME)


def test_columns_that_no_category_can_be():
    assert "holds bj in every row" in refusal("y = linear(x, city)", FRAME[FRAME.city == "bj"])
    many = {"x": np.arange(1200.0), "who": [f"p{k}" for k in range(1200)], "y": np.arange(1200.0)}
    assert "1200 different values, too many for categories" in refusal("y = linear(x, who)", many)
    clash = FRAME.assign(**{"city[sh]": 1.0})
    assert "the data have a column 'city[sh]'" in refusal("y = linear(x, C(city))", clash)


def test_missing_categories_are_missing_values():
    holes = FRAME.assign(city=[None, "", *CITIES[2:]])
    with pytest.raises(MissingValues, match="row 1 of column 'city' is missing"):
        tidu.fit("y = linear(x, city)", holes)
    assert tidu.fit("y = linear(x, city)", holes, drop_missing=True, epochs=1).rows == 38


def test_a_level_of_dropped_rows_only_is_no_level():
    odd = pd.concat([FRAME, pd.DataFrame({"x": [math.nan], "city": ["gz"], "y": [1.0]})])
    run = tidu.fit("y = linear(x, city)", odd, drop_missing=True, epochs=1)
    assert "w_city[gz]" not in run.params


def test_predictions_are_written_beside_the_words_that_stood_there(tmp_path, capsys):
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    tidu.fit("y = linear(x, city)", FRAME, optimizer="lm").save(tmp_path / "m.tidu")
    out = tmp_path / "out.csv"
    assert command(["predict", str(tmp_path / "m.tidu"), str(tmp_path / "d.csv"), "--out", str(out)]) == 0
    assert pd.read_csv(out).columns.tolist() == ["x", "city", "y", "prediction"]
    assert pd.read_csv(out).city.tolist() == CITIES.tolist()
    capsys.readouterr()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", "北京", "x y", "1", "a[b]", "O'Hara"]), min_size=4, max_size=20))
def test_any_words_are_levels(words):
    if len(set(words)) < 2:
        return
    data = {"w": words, "y": np.arange(len(words), dtype=float)}
    run = tidu.fit("y = linear(C(w))", data, optimizer="lm")
    means = {w: np.mean([y for v, y in zip(words, data["y"], strict=True) if v == w]) for w in words}
    assert run.predict(data) == pytest.approx([means[w] for w in words], abs=1e-8)
    assert as_written(run.training_data, run.program.derived)["w"] == words or {*words} <= {"1"}


# -- dates ----------------------------------------------------------------------------------------
DAYS = [0, 1, 3, 10, 400]
DATES = [datetime.date(2024, 1, 1) + datetime.timedelta(days=k) for k in DAYS]


@pytest.mark.parametrize(
    "dates",
    [
        DATES,
        [datetime.datetime.combine(d, datetime.time()) for d in DATES],
        np.array(DATES, dtype="datetime64[D]"),
        pd.to_datetime(DATES),
        [str(d) for d in DATES],
        [f"{d.year}/{d.month}/{d.day}" for d in DATES],
        [f"{d.year}年{d.month}月{d.day}日" for d in DATES],
        [f"{d:%Y%m%d}" for d in DATES],
        [f"{d}T00:00:00Z" for d in DATES],
    ],
    ids=["date", "datetime", "datetime64", "pandas", "iso", "slashes", "chinese", "digits", "utc"],
)
def test_days_and_seconds_count_from_the_first_date(dates, tmp_path):
    y = [2.0 * k + 1 for k in DAYS]
    frame = pd.DataFrame({"date": dates, "y": y})
    frame.to_csv(tmp_path / "d.csv", index=False)
    for data in ({"date": dates, "y": y}, frame, tmp_path / "d.csv", pa.Table.from_pandas(frame)):
        run = tidu.fit("y = a*days(date) + b", data, optimizer="lm")
        assert dict(run.params) == pytest.approx({"a": 2, "b": 1})
        assert run.notes[0].startswith("days(date) counts from 2024-01-01")
        assert run.predict(data) == pytest.approx(y)
    run = tidu.fit("y = a*seconds(date) + b", frame, optimizer="lm")
    assert run.params["a"] == pytest.approx(2 / 86400)


def test_a_saved_model_counts_from_the_same_day(tmp_path):
    tidu.fit("y = a*days(date) + b", {"date": DATES, "y": DAYS}, optimizer="lm").save(tmp_path / "m.tidu")
    assert tidu.load(tmp_path / "m.tidu").predict({"date": ["2023-12-31", "2024-01-02"]}) == pytest.approx([-1, 1])


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["2024-01-01", "2024-13-01"], "'2024-13-01', which is not a date; dates are written as 2024-01-31"),
        (["2024-01-01", "01/02/2024"], "'01/02/2024', which is not a date"),
        ([1.5, 2.5], "'1.5', which is not a date"),
        (["2024-01-01 10:00", "2024-01-01 10:00+08:00"], "some times of column 'date' name a time zone"),
    ],
)
def test_what_is_no_date(dates, words):
    assert words in refusal("y = a*days(date) + b", {"date": dates, "y": [1.0, 2.0]})


def test_zones_of_training_and_later_data_must_agree():
    run = tidu.fit("y = a*days(date)", {"date": ["2024-01-01 00:00Z", "2024-01-02 00:00Z"], "y": [1, 2]}, epochs=1)
    with pytest.raises(DataError, match="must all name a time zone, or none"):
        run.predict({"date": ["2024-01-01"]})


def test_a_date_where_a_number_must_stand_says_what_to_write(tmp_path):
    (tmp_path / "d.csv").write_text("date,y\n2024-01-01,1\n2024-01-02,2\n")
    assert "write days(date) or seconds(date)" in refusal("y = a*date + b", tmp_path / "d.csv")
    assert "write days(date) or seconds(date)" in refusal("y = linear(...)", tmp_path / "d.csv")
    assert "write days(date) or seconds(date)" in refusal("y = linear(...)", {"date": DATES, "y": DAYS})


@given(st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)))
def test_a_moment_is_read_as_it_is_written(moment):
    assert time_in(moment.isoformat()) == time_in(moment.isoformat(" ")) == time_in(time_text(moment)) == moment


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_zone_is_taken_into_account(moment, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    assert time_in(moment.replace(tzinfo=zone).isoformat()) == moment.replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "text"),
        (["1", "2"], None),
        (["1,5", "-"], None),
        (["2024-01-01", ""], "date"),
        (["", None], None),
        ([True, False], None),
        (DATES, "date"),
    ],
)
def test_what_a_column_holds_is_seen_at_its_beginning(values, kind):
    assert source_of({"c": values, "n": [1] * len(values)}).kinds() == ({} if kind is None else {"c": kind})


def test_brackets_in_names_are_printed_as_they_are(tmp_path, capsys):
    FRAME.rename(columns={"x": "speed [km/h]"}).to_csv(tmp_path / "d.csv", index=False)
    assert command(["fit", str(tmp_path / "d.csv"), "y = linear(`speed [km/h]`, city)", "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    for name in ("w_city[sh]", "w_city[sz]", "w_speed [km/h]"):
        assert name in printed


@pytest.mark.parametrize(
    "formula", ["y = linear(x, city)", "y = linear(days(when), city)", "y = mlp(C(year), city, hidden=[2])"]
)
def test_the_training_data_are_data_too(formula):
    more = FRAME.assign(when=[str(d) for d in DATES] * 8, year=[2001, 2002] * 20)
    run = tidu.fit(formula, more, epochs=2, lr=1e-4)
    assert run.predict(run.training_data).tolist() == run.predict(more).tolist()
    assert run.score(run.training_data) == run.metrics
