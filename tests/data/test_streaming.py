"""Data as a table on disk: the same numbers, labels, notes and errors as a table in memory; written once."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidu.cache import CACHE_VARIABLE
from tidu.data import column_file, pieces, streaming
from tidu.data.disk_table import DiskTable
from tidu.data.source import source_of
from tidu.data.streaming import is_too_large, streamed_source
from tidu.data.table import without_missing
from tidu.errors import DataError, SettingError
from tidu.runtime.summation import CHUNK


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(pieces, "PIECE", 64)  # bytes: many pieces of a short text
    return tmp_path / "cache" / "columns"


def outcome_of(function):
    """What it gives, or the error that it raises."""
    try:
        return function()
    except DataError as error:
        return error


def assert_same(data, wanted=None, label=None, words=(), drop=False):
    """The streamed table is that in memory; or both are refused in the same words."""
    memory = outcome_of(lambda: without_missing(source_of(data).table(wanted, label, words), drop))
    if isinstance(memory, DataError):
        found = outcome_of(lambda: streamed_source(data, None, drop).table(wanted, label, words))
        assert (type(found), str(found)) == (type(memory), str(memory))
        return None
    disk = streamed_source(data, None, drop).table(wanted, label, words)
    assert isinstance(disk, DiskTable)
    assert (list(disk), disk.rows, disk.classes, dict(disk.levels)) == (
        list(memory), memory.rows, memory.classes, dict(memory.levels),
    )  # fmt: skip
    assert disk.notes[:-1] == memory.notes
    assert "read block by block" in disk.notes[-1]
    for name in memory:
        np.testing.assert_array_equal(np.asarray(disk[name]), memory[name])
    return disk


@pytest.mark.parametrize("rows", [1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_some_of_the_rows_have_a_file_of_their_own(rows, share, cache):
    random = np.random.default_rng(rows)
    data = {"x": random.normal(size=rows), "c": np.array([*"abc"])[random.integers(3, size=rows)], "y": np.arange(rows)}
    memory = source_of(data).table(None, None, ("c",))
    disk = streamed_source(data, None, False).table(None, None, ("c",))
    disk = disk.looked_up("twice", "c", np.array([0.5, 2.0, 7.0])[: len(memory.levels["c"])]).part(["twice", "c", "y"])
    chosen = random.uniform(size=rows) < share
    for which in (chosen, np.flatnonzero(chosen)):
        part = disk.taken(which)
        assert isinstance(part, DiskTable)
        assert (part.rows, part.levels, part.notes) == (int(chosen.sum()), disk.levels, disk.notes)
        for name in disk:
            np.testing.assert_array_equal(np.asarray(part[name]), np.asarray(disk[name])[chosen])
        if share == 0.3:
            again = part.taken(np.arange(part.rows) % 2 == 0)
            np.testing.assert_array_equal(np.asarray(again["y"]), np.flatnonzero(chosen)[::2])
    assert not [*cache.glob("*.tmp")]


ROWS = "".join(f"{k},{k / 7!r},{'abc'[k % 3]}\n" for k in range(200))
TEXTS = {
    "plain": "x,y,c\n" + ROWS,
    "no header": ROWS,
    "missing": "x,y,c\n1,,a\n" + ROWS + ",2,b\n3,4,\n",
    "all missing": "x,y,c\n1,,a\n,2,b\n",
    "not a number": "x,y,c\n" + ROWS + "7,oops,b\n" + ROWS,
    "ragged": "x,y,c\n" + ROWS + "7,8\n" + ROWS,
    "spaces": "x,y,c\n" + ROWS + " 8 , 9 ,b\n",
    "percent": "x,y,c\n" + ROWS + "8,12%,b\n",
    "quotes": 'x,y,c\n"1",2,"a\nb"\n' + ROWS + '3,"4","say ""a"""\n',
    "comments": "# made today\nx,y,c\n" + ROWS + "# the end\n",
    "blanks": "x y c\n" + ROWS.replace(",", "  "),
    "windows": "x,y,c\r\n" + ROWS.replace("\n", "\r\n"),
    "blank lines": "x,y,c\n" + ROWS + "\n\n" + ROWS,
    "one row": "x,y,c\n1,2,a\n",
    "no rows": "x,y,c\n",
    "doubled": "x,x,c\n1,2,a\n",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("drop", [False, True])
def test_text_as_in_memory(tmp_path, name, drop):
    (tmp_path / "t.csv").write_text(TEXTS[name], newline="")
    names = source_of(str(tmp_path / "t.csv")).names
    assert_same(str(tmp_path / "t.csv"), {*names[:2]}, drop=drop)
    assert_same(str(tmp_path / "t.csv"), {*names}, names[2], drop=drop)
    assert_same(str(tmp_path / "t.csv"), {*names}, None, {names[2]}, drop=drop)


def test_parquet_globs_packed_files_and_frames(tmp_path):
    table = pa.table({"x": list(range(500)), "y": [None, *np.arange(499.0)], "c": [*"abcde"] * 100})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=90)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tidu.data.files.PARQUET_BATCH", 64)
        assert_same(str(tmp_path / "t.parquet"), label="c")
        assert_same(str(tmp_path / "t.parquet"), {"x", "c"}, None, {"c"})
    assert_same(table, {"x", "y"}, drop=True)
    for k in range(3):
        (tmp_path / f"part{k}.csv").write_text("x,c\n" + "".join(f"{k}{j},{'zyx'[k]}\n" for j in range(50)))
    assert_same(str(tmp_path / "part*.csv"), label="c")
    with pa.CompressedOutputStream(str(tmp_path / "t.csv.gz"), "gzip") as file:
        file.write(TEXTS["plain"].encode())
    assert_same(str(tmp_path / "t.csv.gz"), {"x", "y"})


def test_it_is_written_once_and_used_again(tmp_path, cache, monkeypatch):
    file = tmp_path / "t.csv"
    file.write_text(TEXTS["plain"])
    assert_same(str(file), {"x", "y"})
    (store,) = cache.iterdir()
    monkeypatch.setattr(column_file, "ColumnWriter", None)
    assert_same(str(file), {"x", "y"})
    monkeypatch.undo()
    monkeypatch.setenv(CACHE_VARIABLE, str(cache.parent))
    assert_same(str(file), {"x"})  # other columns: another store
    assert len([*cache.iterdir()]) == 2
    file.write_text(TEXTS["plain"].replace("5", "6"))
    assert_same(str(file), {"x", "y"})  # other data
    assert len([*cache.iterdir()]) == 3
    assert store.exists()


@pytest.mark.parametrize("trouble", ["a bit", "shorter", "empty", "open to others"])
def test_what_is_damaged_is_made_again(tmp_path, cache, trouble):
    (tmp_path / "t.csv").write_text(TEXTS["plain"])
    assert_same(str(tmp_path / "t.csv"), {"x", "y"})
    (store,) = cache.iterdir()
    content = bytearray(store.read_bytes())
    content[5000] ^= 4
    if trouble == "open to others":
        store.chmod(0o622)
    else:
        store.write_bytes({"a bit": content, "shorter": content[:-1], "empty": b""}[trouble])
    assert_same(str(tmp_path / "t.csv"), {"x", "y"})
    assert store.stat().st_mode & 0o777 == 0o600


def test_the_oldest_go_when_all_take_too_much(tmp_path, cache, monkeypatch):
    monkeypatch.setenv(streaming.BOUND_VARIABLE, "20000")
    for k in range(4):
        (tmp_path / f"t{k}.csv").write_text(TEXTS["plain"])
        assert_same(str(tmp_path / f"t{k}.csv"), {"x", "y"})
        for file in cache.iterdir():
            os.utime(file, (k, k))
    assert sum(f.stat().st_size for f in cache.iterdir()) <= 20000
    monkeypatch.setenv(streaming.BOUND_VARIABLE, "much")
    (tmp_path / "t9.csv").write_text(TEXTS["plain"])
    with pytest.raises(SettingError, match="TIDU_CACHE_BYTES must be a number of bytes, not 'much'"):
        streamed_source(str(tmp_path / "t9.csv"), None, False).table({"x"})


def test_data_in_memory_leave_nothing(cache):
    table = assert_same({"x": [1.0, 2.0], "c": ["b", "a"]}, label="c")
    assert list(cache.iterdir()) == []
    assert "serves this run alone" in table.notes[-1]


def test_too_large_is_more_than_half_of_the_free_memory(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(TEXTS["plain"])
    size = (tmp_path / "t.csv").stat().st_size
    for free, answer in ((2 * size, False), (2 * size - 2, True), (None, False)):
        monkeypatch.setattr(streaming, "available_memory", lambda free=free: free)
        assert is_too_large(str(tmp_path / "t.csv")) is answer
        assert not is_too_large("-")
        assert not is_too_large(str(tmp_path / "absent.csv"))
