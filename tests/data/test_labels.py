"""Labels: the same codes and classes from every source, and one sentence where labels cannot be learned."""

import gzip
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.data.labels import labels_of, labels_of_codes, with_known_labels, with_labels
from tidu.data.source import source_of
from tidu.data.table import Table, without_missing
from tidu.errors import DataError, MissingValues
from tidu.fronts.cli import run

X = [0.5, 1.5, 2.5, 3.5]
TWO, MANY = (-1.0, 1.0), range(1000)


def settled(data, codes=MANY, options=None):
    table = source_of(data, options).table(("x", "y"), "y")
    return with_labels(without_missing(table, False), "y", codes, "some")


def refusal(data, codes=TWO, error=DataError):
    with pytest.raises(error) as caught:
        settled(data, codes)
    return str(caught.value)


def frames(labels):
    """The same labels as everything that holds columns."""
    text = all(isinstance(v, str) for v in labels)
    columns = {"x": X, "y": labels}
    yield columns
    yield {"x": X, "y": np.array(labels)}
    yield {"x": X, "y": np.array(labels, dtype=object)}
    yield {"x": X, "y": pd.Series(labels)}
    yield {"x": X, "y": pl.Series(labels)}
    yield [list(row) for row in zip(X, labels, strict=True)]
    yield np.array(list(zip(X, labels, strict=True)), dtype=object)
    yield pd.DataFrame(columns)
    yield pl.DataFrame(columns)
    yield pa.table(columns)
    yield pa.table({"x": X, "y": pa.array(labels).dictionary_encode()})
    yield pa.table({"x": X, "y": pa.chunked_array([pa.array(labels[:1]), pa.array(labels[1:])]).dictionary_encode()})
    yield pd.DataFrame({"x": X, "y": pd.Categorical(labels)})
    if text:
        yield pl.DataFrame(columns, schema_overrides={"y": pl.Categorical})
        yield pa.table({"x": X, "y": pa.array(labels, pa.large_string())})


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        (["yes", "no", "no", "yes"], ("no", "yes"), [1, 0, 0, 1]),
        (["setosa", "virginica", "versicolor", "setosa"], ("setosa", "versicolor", "virginica"), [0, 2, 1, 0]),
        ([7, 3, 3, 7], (3.0, 7.0), [1, 0, 0, 1]),
        ([10, 9, -1, 10], (-1.0, 9.0, 10.0), [2, 1, 0, 2]),
        (["10", "9", " 9 ", "10"], (9.0, 10.0), [1, 0, 0, 1]),  # by size, not by the alphabet
        (["10", "9", "x", "10"], ("10", "9", "x"), [0, 1, 2, 0]),
        ([1.0, 0.0, -0.0, 1.0], (0.0, 1.0), [1, 0, 0, 1]),
        ([True, False, False, True], (False, True), [1, 0, 0, 1]),
        (["1e3", "1000", "1000", "1e3"], ("1000", "1e3"), [1, 0, 0, 1]),  # two spellings are two labels
        (["1e0", "2e0", "2e0", "1e0"], (1.0, 2.0), [0, 1, 1, 0]),  # as numpy.savetxt writes 1 and 2
        (["007", "7", "7", "007"], ("007", "7"), [0, 1, 1, 0]),
        (["007", "008", "008", "007"], ("007", "008"), [0, 1, 1, 0]),  # not 7 and 8
        (["+1", "-1", "-1", "+1"], (-1.0, 1.0), [1, 0, 0, 1]),
        (["1", "1.0", "2", "1"], (1.0, 2.0), [0, 0, 1, 0]),
        ([2**53 + 1, 2**53, 2**53, 2**53 + 1], ("9007199254740992", "9007199254740993"), [1, 0, 0, 1]),
        (["是", "否", "否", "是"], ("否", "是"), [1, 0, 0, 1]),
        (["inf", "b", "b", "inf"], ("b", "inf"), [1, 0, 0, 1]),
    ],
)
def test_every_source_gives_the_same_classes(labels, classes, codes, tmp_path):
    for data in frames(labels):
        got = settled(data)
        assert (got.classes, got["y"].tolist()) == (classes, codes), type(data)
        assert [type(label) for label in got.classes] == [type(label) for label in classes]
        assert got["x"].tolist() == X
    pq.write_table(pa.table({"x": X, "y": labels}), tmp_path / "d.parquet")
    text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in zip(X, labels, strict=True))
    (tmp_path / "d.csv").write_text(text)
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("d.csv", "d.csv.gz"):
        got = settled(tmp_path / name)
        assert (got.classes, got["y"].tolist()) == (classes, codes)
    assert settled(tmp_path / "d.parquet")["y"].tolist() == codes


def test_two_classes_get_the_codes_of_the_loss_and_the_second_is_the_positive_one():
    assert settled({"x": X, "y": ["b", "a", "a", "b"]}, TWO)["y"].tolist() == [1, -1, -1, 1]
    for already in ([-1.0, 1.0, 1.0, -1.0], [0.0, 1.0, 1.0, 0.0]):
        codes = (min(already), 1.0)
        assert settled({"x": X, "y": already}, codes)["y"].tolist() == already


def test_headerless_files_and_files_by_pattern_have_labels_in_common(tmp_path):
    (tmp_path / "a.csv").write_text("0.5,b\n1.5,a\n")
    options = CsvOptions(header="no", names=("x", "y"))
    assert settled(tmp_path / "a.csv", options=options).classes == ("a", "b")
    (tmp_path / "b.csv").write_text("2.5,1\n3.5,a\n")
    got = settled(str(tmp_path / "?.csv"), options=options)
    assert (got.classes, got["y"].tolist()) == (("1", "a", "b"), [2, 1, 0, 1])


def test_a_cell_that_is_no_number_in_a_feature_is_named_beside_labels(tmp_path):
    (tmp_path / "d.csv").write_text("x,y\n 1,b\nbad,a\n")
    with pytest.raises(DataError, match="row 2 of column 'x' is 'bad', which is not a number"):
        settled(tmp_path / "d.csv")
    (tmp_path / "d.csv").write_text("x,y\n 1,b\n 2,a\n")  # the spaces make pyarrow give up, and are forgiven
    assert settled(tmp_path / "d.csv")["y"].tolist() == [1, 0]


@pytest.mark.parametrize("hole", [None, "", "NA", "?", math.nan])
def test_a_missing_label_is_a_missing_value(hole, tmp_path):
    assert "row 3 of column 'y' is missing" in refusal({"x": X, "y": ["a", "b", hole, "a"]}, error=MissingValues)
    assert "row 3 of column 'y' is missing" in refusal({"x": X, "y": ["1", "2", hole, "1"]}, error=MissingValues)
    if not isinstance(hole, float):
        (tmp_path / "d.csv").write_text(f"x,y\n1,a\n2,b\n3,{hole or ''}\n")
        assert "row 3 of column 'y' is missing" in refusal(tmp_path / "d.csv", error=MissingValues)
    masked = np.ma.array(["a", "b", "c", "a"], mask=[0, 0, 1, 0])
    assert "row 3 of column 'y' is missing" in refusal({"x": X, "y": masked}, error=MissingValues)


def test_a_label_of_dropped_rows_only_is_no_class():
    table = source_of({"x": [1.0, 2.0, math.nan, 3.0], "y": ["a", "b", "c", "a"]}).table(None, "y")
    got = with_labels(without_missing(table, True), "y", TWO, "some")
    assert (got.classes, got["y"].tolist()) == (("a", "b"), [-1, 1, -1])


def test_infinite_labels_are_infinite_values():
    assert "is infinite" in refusal({"x": X, "y": [1, 2, math.inf, 1]}, error=MissingValues)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 4, "column 'y' holds one class only, a"),
        ([0, 0, 0, 0], "holds one class only, 0"),
        (["a", "b", "c", "a"], "column 'y' has 3: a, b, c. For more than two take the loss softmax"),
        ([1, 2, 2.5, 1], "labels, text or whole numbers, of at most 1000 classes; row 3 of column 'y' has 2.5"),
    ],
)
def test_labels_that_two_classes_cannot_be(labels, words):
    assert words in refusal({"x": X, "y": labels})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["name{}", "{}"])
def test_a_million_labels_are_no_classes(name):
    labels = [name.format(k) for k in range(10**6)]
    words = refusal({"x": np.zeros(10**6), "y": labels}, MANY)
    assert "there are 1000000 different ones. For a quantity, take a loss such as squared" in words


def test_known_labels():
    def known(labels, classes):
        table = source_of({"x": X[: len(labels)], "y": labels}).table(None, "y")
        return with_known_labels(table, "y", classes, TWO)["y"].tolist()

    assert known(["b", "b"], ("a", "b")) == [1, 1]
    assert known(["1", "2"], (1.0, 2.0)) == known([1, 2], (1.0, 2.0)) == [-1, 1]
    assert known(["1", "1"], ("1", "x")) == [-1, -1]
    with pytest.raises(DataError, match=r"row 2 of column 'y' has the label 'c', .* it knows a, b"):
        known(["a", "c"], ("a", "b"))


@pytest.mark.parametrize(
    "labels",
    [
        [True, False, False, True],
        ["True", "False", "False", "True"],
        ["a", "b", "b", "a"],
        [7, 3, 3, 7],
        [1.0, 0.0, 0.0, 1.0],
        ["007", "7", "7", "007"],
        ["1e3", "1000", "1000", "1e3"],
        [2**60 + 1, 2**60, 2**60, 2**60 + 1],
        ["2024", "2025", "2025", "2024"],
    ],
)
def test_a_frame_and_its_file_train_and_score_alike(labels, tmp_path):
    frame = pd.DataFrame({"x": X, "y": labels})
    frame.to_csv(tmp_path / "d.csv", index=False)
    path = str(tmp_path / "d.csv")
    a, b = (tidu.fit("y = w*x + b", data, loss="logistic", lr=1, epochs=50) for data in (frame, path))
    assert a.params == b.params
    assert a.classes == b.classes
    assert [type(c) for c in a.classes] == [type(c) for c in b.classes]
    for model in (a, b):
        assert repr(model.score(frame)) == repr(model.score(path)) == repr(a.metrics)
        assert model.predict(frame).tolist() == model.predict(path).tolist()
        assert set(model.predict(frame).tolist()) <= set(a.classes)


@pytest.mark.parametrize(("label", "classes"), [("007", (7.0, 8.0)), ("7e0x", (7.0, 8.0)), ("7", ("007", "008"))])
def test_a_label_that_only_looks_alike_is_unknown(label, classes):
    table = source_of({"x": X[:1], "y": [label]}).table(None, "y")
    with pytest.raises(DataError, match=f"has the label '{label}', which the model has not met"):
        with_known_labels(table, "y", classes, TWO)


def test_the_command_line_prints_labels_as_they_stood(tmp_path, capsys):
    (tmp_path / "d.csv").write_text("x,y\n0,True\n1,False\n2,False\n")
    tidu.fit("y = w*x + b", tmp_path / "d.csv", loss="logistic", lr=1, epochs=200).save(tmp_path / "m.tidu")
    assert run(["predict", str(tmp_path / "m.tidu"), str(tmp_path / "d.csv")]) == 0
    assert capsys.readouterr().out.split() == ["True", "False", "False"]


def test_a_table_without_labels_is_as_it_was():
    assert labels_of([3.5, 3.5], "y", "data")[1] == (3.5,)
    assert source_of(Table({"x": np.array(X)})).table(None, "y").classes == ()


@given(st.lists(st.sampled_from(["a", "b", "ccc", "", "0", "-1", "  a"]), max_size=30))
def test_codes_and_back(labels):
    codes, classes = labels_of(np.array(labels, dtype=object), "y", "data")
    assert list(classes) == sorted(classes)
    for label, code in zip(labels, codes.tolist(), strict=True):
        if label == "":
            assert math.isnan(code)
        elif isinstance(classes[0], str):
            assert classes[int(code)] == label.strip()
        else:
            assert classes[int(code)] == float(label)
    assert labels_of_codes(np.array([1.0, -1.0]), ("n", "p"), TWO) == ["p", "n"]
