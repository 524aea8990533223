"""Stores that fail on the way, and stores of an earlier version: the run goes on, and what was kept stays readable."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

import tidu
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing.schema import MIGRATIONS
from tidu.training.storing.store import Store

TABLE = {"x": [1.0, 2.0, 3.0], "y": [1.0, 2.5, 3.0]}
LINE = "y = w*x + b"

# A file may grow to so many bytes and no further, which is what a full disk is to a store.
_FULL = """
import resource, signal, sys, tidu
from tidu.training.storing import recording
recording.CADENCE = 0.0
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
data = {"x": [1.0, 2.0, 3.0], "y": [1.0, 2.5, 3.0]}
run = tidu.fit("y = w*x + b", data, epochs=60_000, engine="python", store=sys.argv[1])
print(run.epochs, run.params["w"].hex())
print(*run.notes, sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_a_full_disk_does_not_end_the_run(tmp_path):
    path = tmp_path / "runs.sqlite"
    done = subprocess.run([sys.executable, "-c", _FULL, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole = tidu.fit(LINE, TABLE, epochs=60_000, engine="python")
    assert done.stdout.splitlines()[0] == f"60000 {whole.params['w'].hex()}"
    assert "the run is not kept any further" in done.stdout
    assert "the disk is full" in done.stdout
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store(path) as store:  # with room again, it goes on from the last checkpoint that had some
        (run,) = store.runs()
        again = resumed_from(store, run.id, data=TABLE)
    assert again.params == whole.params
    assert again.history.values.tobytes() == whole.history.values.tobytes()


@pytest.fixture
def first_version(tmp_path):
    """A store as the first version of its tables had it, with one run."""
    path = tmp_path / "runs.sqlite"
    run = tidu.fit(LINE, TABLE, epochs=4, store=path)
    connection = sqlite3.connect(path)
    for migration in range(len(MIGRATIONS), 1, -1):
        assert "CREATE TABLE judged" in MIGRATIONS[migration - 1]
        connection.execute("DROP TABLE judged")
    connection.execute("UPDATE runs SET facts = json_remove(facts, '$.attempt', '$.judged_since')")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return path, run


def test_an_earlier_version_can_be_read_without_being_changed(first_version):
    path, run = first_version
    assert [row["id"] for row in tidu.runs(path)] == [run.id]
    with Store(path, reading=True) as store:
        assert run_in(store, run.id).params == run.params
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (1,)


def test_an_earlier_version_is_migrated_by_whoever_writes(first_version):
    path, run = first_version
    with Store(path) as store:
        more = resumed_from(store, run.id, epochs=3, data=TABLE)
    assert more.params == tidu.fit(LINE, TABLE, epochs=7).params
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_foreign_database_stays_as_it_was(tmp_path):
    path = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (address TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(tidu.TiduError, match="no store of tidu's"):
        tidu.fit(LINE, TABLE, epochs=2, store=path)
    assert path.read_bytes() == before


def test_readers_do_not_wait_for_a_writer(tmp_path):
    path = tmp_path / "runs.sqlite"
    tidu.fit(LINE, TABLE, epochs=2, store=path)
    with Store(path) as store, store.writing() as write:
        write.execute("UPDATE runs SET remark = 'not yet'")
        assert [row["remark"] for row in tidu.runs(path)] == [""]
