"""Several tables as one, with a column of their names: files, patterns, lists, dicts."""

import json

import numpy as np
import pandas as pd
import pytest

import tidu
from tidu.errors import DataError
from tidu.fronts.cli import run

FORMULA = "y = a[file]*exp(-b*t) + c"
HEIGHTS = {"run1": 1.0, "run2": 2.0, "run3": 3.0}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    t = np.linspace(0.0, 4.0, 12)
    for name, a in HEIGHTS.items():
        pd.DataFrame({"t": t, "y": a * np.exp(-0.7 * t) + 0.3}).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def fitted(data, column="file", **options):
    csv = None if column is None else tidu.CsvOptions(file_column=column)
    return tidu.fit(FORMULA, data, csv=csv, optimizer="auto", **options)


@pytest.mark.parametrize(
    "data",
    [
        "run*.csv",
        ["run1.csv", "run2.csv", "run3.csv"],
        {"run1": "run1.csv", "run2": "run2.csv", "run3": "run3.csv"},
    ],
)
def test_files_have_their_names_as_levels(runs, data):
    params = fitted(data).params
    assert params["b"] == pytest.approx(0.7)
    for name, a in HEIGHTS.items():
        assert params[f"a[{name}]"] == pytest.approx(a)


def test_tables_in_memory(runs):
    frames = {name: pd.read_csv(f"{name}.csv") for name in HEIGHTS}
    assert fitted(frames, None).params["a[run2]"] == pytest.approx(2.0)
    columns = {name: {c: frame[c].tolist() for c in frame} for name, frame in frames.items()}
    assert fitted(columns, None).params["a[run3]"] == pytest.approx(3.0)
    assert fitted(list(frames.values())).params["a[1]"] == pytest.approx(1.0)
    renamed = tidu.fit("y = a[day]*exp(-b*t) + c", frames, csv=tidu.CsvOptions(file_column="day"), optimizer="auto")
    assert renamed.params["a[run1]"] == pytest.approx(1.0)


def test_without_a_name_for_the_column_files_are_one_table(runs):
    assert tidu.fit("y = w*t", ["run1.csv", "run3.csv"], lr=0.01, epochs=1).rows == 24


def test_from_disk_they_are_the_same(runs):
    options = {"lr": 0.01, "epochs": 5, "csv": tidu.CsvOptions(file_column="file")}
    assert (
        tidu.fit(FORMULA, "run*.csv", **options).params == tidu.fit(FORMULA, "run*.csv", stream=True, **options).params
    )


def test_a_prediction_knows_the_files(runs):
    fit = fitted("run*.csv")
    found = fit.predict({"t": [0.0, 0.0], "file": ["run1", "run3"]})
    assert found == pytest.approx([1.3, 3.3])
    with pytest.raises(DataError, match="the level 'run9'"):
        fit.predict({"t": [0.0], "file": ["run9"]})


def test_files_that_would_be_called_alike_have_their_paths(runs):
    for folder in ("one", "two"):
        (runs / folder).mkdir()
        (runs / folder / "run.csv").write_text((runs / "run1.csv").read_text())
    params = fitted(["one/run.csv", "two/run.csv"]).params
    assert params["a[one/run.csv]"] == pytest.approx(params["a[two/run.csv]"])


def test_the_command_takes_several_files(runs, capsys):
    status = run(["fit", "run1.csv", "run2.csv", FORMULA, "--group", "file", "--optimizer", "auto", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert status == 0
    assert list(found["params"]) == ["a[run1]", "a[run2]", "b", "c"]
    assert run(["fit", "run*.csv", FORMULA, "--group", "file", "--optimizer", "auto", "--no-store"]) == 0
    assert "a[run3]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "DATA"),
        (["run1.csv"], "FORMULA"),
        (["run1.csv", "missing.csv", FORMULA, "--group", "file"], "there is no file 'missing.csv'"),
        (["run*.csv", FORMULA, "--group", "t"], "have such a column already"),
        (["run*.csv", "y = w*file", "--group", "file"], "names of files, which are no numbers"),
        (["run1.csv", FORMULA, "--group", "file"], "holds run1 in every row"),
    ],
)
def test_what_is_wrong_is_said(runs, capsys, arguments, words):
    assert run(["fit", *arguments]) == 2
    assert words in capsys.readouterr().err
