"""Columns on disk: what was written is read, from any row on, and what is damaged is not opened."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidu.data import column_file
from tidu.data.column_file import ColumnFile, ColumnWriter
from tidu.errors import DataError
from tidu.runtime.summation import CHUNK

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be
SIZES = st.one_of(st.integers(0, 70), st.integers(-1, 1).map(lambda k: CHUNK + k), st.just(2 * CHUNK + 1))


def written(folder, columns, path=None, pieces=1):
    writer = ColumnWriter(folder, [f"c{k}" for k in range(len(columns))])
    for piece in np.array_split(np.arange(len(columns[0])), pieces):
        writer.append([c[piece] for c in columns])
    return writer.finished({"origin": "test"}, path)


@BUSY
@given(SIZES, st.integers(1, 3), st.integers(1, 4), st.data())
def test_what_was_written_is_read(tmp_path_factory, rows, count, pieces, data):
    columns = np.random.default_rng(rows).normal(size=(count, rows))
    file = written(tmp_path_factory.mktemp("columns"), columns, pieces=pieces)
    first = data.draw(st.integers(0, rows))
    size = data.draw(st.integers(0, rows - first))
    chosen = data.draw(st.permutations(range(count)))[: data.draw(st.integers(1, count))]
    into = np.empty((len(chosen), size))
    file.read(chosen, first, into)
    np.testing.assert_array_equal(into, columns[list(chosen), first : first + size])


def opened(path):
    return ColumnFile.opened(os.open(path, os.O_RDONLY), 2)


def test_a_whole_file_is_opened_with_what_it_describes(tmp_path):
    columns = np.random.default_rng(0).normal(size=(2, CHUNK + 5))
    written(tmp_path, columns, tmp_path / "a.columns")
    assert [p.name for p in tmp_path.iterdir()] == ["a.columns"]
    file = opened(tmp_path / "a.columns")
    assert (file.names, file.rows, file.described["origin"]) == (("c0", "c1"), CHUNK + 5, "test")


@BUSY
@given(st.data())
def test_damage_anywhere_is_found(tmp_path_factory, data):
    """One bit flipped, or a piece of the end missing: the file is not opened, whatever it was."""
    folder = tmp_path_factory.mktemp("columns")
    written(folder, np.ones((2, 300)), folder / "a")
    content = bytearray((folder / "a").read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(column_file.BEGIN, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    (folder / "a").write_bytes(content)
    assert opened(folder / "a") is None


def test_one_that_another_process_has_is_known_by_its_digest_and_checked_as_it_is_read(tmp_path):
    columns = np.random.default_rng(0).normal(size=(2, 2 * CHUNK + 5))
    file = written(tmp_path, columns, tmp_path / "a")
    other = written(tmp_path, columns + 1.0, tmp_path / "b")
    into = np.empty((2, 2 * CHUNK + 5))
    ColumnFile.shared(tmp_path / "a", file.digest).read([0, 1], 0, into)
    np.testing.assert_array_equal(into, columns)
    for path, words in ((tmp_path / "b", "is another"), (tmp_path / "c", "No such file")):
        with pytest.raises(DataError, match=words):
            ColumnFile.shared(path, file.digest)
    content = bytearray((tmp_path / "b").read_bytes())
    content[column_file.BEGIN + 2 * CHUNK * 8 + 3] ^= 1  # in the second block
    (tmp_path / "b").write_bytes(content)
    damaged = ColumnFile.shared(tmp_path / "b", other.digest)
    damaged.read([0], 0, np.empty((1, CHUNK)))
    with pytest.raises(DataError, match="it is damaged"):
        damaged.read([1], CHUNK - 1, np.empty((1, 2)))


def test_a_copy_is_the_same_file(tmp_path):
    file = written(tmp_path, np.ones((2, 300)))
    file.copy_to(tmp_path / "copy")
    assert opened(tmp_path / "copy").digest == file.digest
    with pytest.raises(DataError, match="cannot be written"):
        file.copy_to(tmp_path / "nowhere" / "copy")


def test_one_that_becomes_shorter_while_it_is_read_is_an_error(tmp_path):
    file = written(tmp_path, np.ones((1, 300)), tmp_path / "a")
    os.truncate(tmp_path / "a", column_file.BEGIN + 800)
    with pytest.raises(DataError, match="has become shorter"):
        file.read([0], 0, np.empty((1, 300)))


def test_one_that_is_given_up_leaves_nothing(tmp_path):
    writer = ColumnWriter(tmp_path, ["a"])
    writer.append([np.ones(5)])
    writer.given_up()
    assert list(tmp_path.iterdir()) == []
