"""Columns that are read part by part: the rows, labels and missing cells of a table in memory, wherever it is cut."""

from __future__ import annotations

import csv as csv_module
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_streaming import TEXTS

from tidu.data import csv
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import table_of
from tidu.data.files import named_files
from tidu.data.parted_columns import PartedColumns, Selection, found_in, kept_parts
from tidu.data.source import source_of
from tidu.data.table import Table, without_missing
from tidu.errors import DataError

KEYS = iter(range(1_000_000))


def parted(path, names, words=(), options=None):
    """The columns of a file in parts, as somebody else has them; what a part shows; how many parts there are."""
    files = named_files(str(path), options or CsvOptions())
    selection = Selection(files, tuple(names), None, tuple(words), f"key {next(KEYS)}")
    kept = kept_parts(selection)
    parts = kept.source.parts()
    assert parts is not None
    parts, findings = found_in(parts, lambda left: [kept.findings(part) for part in left])
    errors = [found.error for found in findings if found.error]
    if errors:
        raise DataError(errors[0])
    found = pickle.loads(pickle.dumps(PartedColumns(selection, parts, findings)))
    return table_of(found, {}, Table({}, "", (), (), found.levels)), findings, parts


def assert_same(path, names, words=(), options=None):
    memory = source_of(str(path), options).table({*names}, None, words)
    whole = without_missing(memory, True)
    disk, findings, parts = parted(path, names, words, options)
    assert sum(found.seen for found in findings) == memory.rows
    assert disk.rows == whole.rows
    assert dict(disk.levels) == dict(whole.levels)
    for name in names:
        np.testing.assert_array_equal(np.asarray(disk[name]), whole[name])
        np.testing.assert_array_equal(disk[name][1 : whole.rows - 1], whole[name][1 : whole.rows - 1])
    return parts


@pytest.mark.parametrize("name", [n for n in TEXTS if n not in ("not a number", "ragged", "no rows", "doubled")])
@pytest.mark.parametrize("size", [7, 64, 1000])
def test_text_as_in_memory(tmp_path, name, size, monkeypatch):
    (tmp_path / "t.csv").write_text(TEXTS[name], newline="")
    if name == "all missing" or (name == "comments" and size < 64):  # a part of nothing but a comment
        return
    names = source_of(str(tmp_path / "t.csv")).names
    monkeypatch.setattr(csv, "PIECE", size)
    monkeypatch.setattr(csv, "LOOK_BACK", 3)
    parts = assert_same(tmp_path / "t.csv", names, [names[-1]])
    assert len(parts) == -(-len(TEXTS[name].encode()) // size)


@pytest.mark.parametrize("name", ["not a number", "ragged"])
def test_what_a_part_cannot_read_is_found(tmp_path, name, monkeypatch):
    (tmp_path / "t.csv").write_text(TEXTS[name])
    monkeypatch.setattr(csv, "PIECE", 64)
    with pytest.raises(DataError):
        parted(tmp_path / "t.csv", ["x", "y", "c"], ["c"])


CELLS = st.text(st.sampled_from('ab,"\n1 '), max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), CELLS), min_size=1, max_size=30), st.integers(1, 60), st.integers(1, 9))
def test_quotes_and_line_ends_anywhere(tmp_path_factory, rows, size, back):
    path = tmp_path_factory.mktemp("parts") / "t.csv"
    with path.open("w", newline="") as file:
        csv_module.writer(file, lineterminator="\n").writerows([("x", "word"), *((x, f"w{word}") for x, word in rows)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "PIECE", size)
        patch.setattr(csv, "LOOK_BACK", back)
        assert_same(path, ["x", "word"], ["word"], CsvOptions(header="yes", delimiter=","))


def test_groups_of_rows_and_several_files(tmp_path):
    rows = {"x": np.arange(100.0), "y": np.arange(100.0) ** 2, "c": [*"abcd"] * 25}
    for k, size in enumerate((7, 100)):
        pq.write_table(pa.table(rows), tmp_path / f"{k}.parquet", row_group_size=size)
    parts = assert_same(tmp_path / "*.parquet", ["x", "y", "c"], ["c"])
    assert [(part.file, part.last) for part in parts] == [(0, k == 14) for k in range(15)] + [(1, True)]
    options = CsvOptions(file_column="which")
    assert_same(tmp_path / "*.parquet", ["x", "which"], ["which"], options)


def test_what_is_not_cut(tmp_path):
    import gzip

    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(TEXTS["plain"].encode()))
    (tmp_path / "wide.csv").write_bytes(TEXTS["plain"].encode("utf-16"))
    (tmp_path / "old.csv").write_bytes(TEXTS["plain"].replace("\n", "\r").encode())
    for name in ("packed.csv.gz", "wide.csv", "old.csv"):
        assert named_files(str(tmp_path / name), CsvOptions()).source().parts() is None


def test_a_file_that_changes_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "PIECE", 64)
    (tmp_path / "t.csv").write_text(TEXTS["plain"])
    table, _findings, _parts = parted(tmp_path / "t.csv", ["x", "y"])
    (tmp_path / "t.csv").write_text(TEXTS["plain"].replace("7", "8"))
    elsewhere = pickle.loads(pickle.dumps(table["x"].file))
    elsewhere.kept = type(elsewhere.kept)(elsewhere.selection)  # a process that has parsed nothing yet
    with pytest.raises(DataError, match="has changed"):
        elsewhere.read([0, 1], 0, np.empty((2, elsewhere.rows)))
