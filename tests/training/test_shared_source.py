"""What the workers of a cluster are told of sources, without workers: `tests/cluster` has these."""

from __future__ import annotations

import os
import pickle

import pytest

from tidu.cluster.chunks import Chunk
from tidu.data.csv_options import CsvOptions
from tidu.data.files import named_files
from tidu.data.parted_columns import Selection
from tidu.errors import DataError
from tidu.training.shared_source import FindingsOf


def test_a_machine_without_the_file_says_so(tmp_path, monkeypatch):
    """The files are known by names that hold elsewhere; whoever lacks them cannot begin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("x,y\n1,2\n3,4\n5,\n")
    files = named_files("d.csv", CsvOptions())
    (part,) = files.source().parts()
    job = pickle.dumps(FindingsOf(Selection(files, ("x", "y"), None, (), "a key"), {0: part}))
    monkeypatch.chdir("/")
    found = pickle.loads(job).opened().sums(Chunk(0, 0, 0), None, [])
    assert (found.rows, found.seen, found.bad, found.first_bad[:2]) == (2, 3, 1, (2, "y"))
    os.unlink(tmp_path / "d.csv")
    with pytest.raises(DataError, match="there is no file"):
        pickle.loads(job).opened()
