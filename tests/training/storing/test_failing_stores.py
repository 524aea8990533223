"""Stores that fail on the way, and stores of an earlier version: the run goes on, and what was kept stays readable."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

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


@pytest.mark.slow
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
        for table in re.findall(r"CREATE TABLE (\w+)", MIGRATIONS[migration - 1]):
            connection.execute(f"DROP TABLE {table}")
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


# Does what it is told in a folder that nobody may write to, as a user who is not root.
_IN_A_LOCKED_FOLDER = """
import os, sys, numpy, sqlite3, tidu
from tidu.fronts import cli
import tidu.training.storing.recording, tidu.training.resuming, tidu.fronts.report  # before the rights are gone
numpy.random.default_rng(0)
cli.run(["fit", "d.csv", "y = w*x + b", "--epochs", "3", "--no-store", "--json"])
os.environ["TIDU_CACHE"] = sys.argv[1]
os.chmod(".", 0o555)
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
print("-----", flush=True)
sys.exit(cli.run(sys.argv[2:]))
"""


READABLE = all(folder.stat().st_mode & 0o005 == 0o005 for folder in Path(tidu.__file__).parents)
AS_ANOTHER = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and READABLE), reason="changes its user, who must be able to read tidu"
)


def in_a_locked_folder(*arguments):
    """The exit status, what was printed, and what was said, of a command in a folder with a table and a store."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, tempfile.TemporaryDirectory(dir="/tmp") as cache:
        for path in (folder, cache):
            os.chmod(path, 0o777)
        Path(folder, "d.csv").write_text("x,y\n1,2\n2,3.5\n3,6\n")
        tidu.fit(LINE, Path(folder, "d.csv"), epochs=4, store=Path(folder, "kept.sqlite"))
        Store(Path(folder, "kept.sqlite")).connection.close()  # once the other has folded its log into the file
        command = [sys.executable, "-c", _IN_A_LOCKED_FOLDER, cache, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        os.chmod(folder, 0o777)
        return done.returncode, done.stdout.partition("-----\n")[2], done.stderr


@AS_ANOTHER
def test_a_place_that_may_only_be_read(monkeypatch):
    monkeypatch.setenv("TIDU_STORE", "new.sqlite")
    fit = ("fit", "d.csv", LINE, "--epochs", "3", "--json")
    status, out, said = in_a_locked_folder(*fit)
    assert (status, out) == (2, "")
    assert "the store 'new.sqlite' cannot be used: it cannot be opened; name another by TIDU_STORE, or give" in said
    assert "--no-store" in said
    status, out, _said = in_a_locked_folder(*fit, "--no-store")
    assert (status, json.loads(out)["epochs"]) == (0, 3)


@AS_ANOTHER
def test_a_store_in_such_a_place_is_read_and_not_written(monkeypatch):
    monkeypatch.setenv("TIDU_STORE", "kept.sqlite")
    status, out, said = in_a_locked_folder("runs", "list", "--json")
    assert status == 0, said
    assert json.loads(out)[0]["epochs"] == 4
    status, out, said = in_a_locked_folder("runs", "tag", "1", "good")
    assert (status, out) == (2, "")
    assert "the store 'kept.sqlite' cannot be used: " in said
    assert len(said.splitlines()) == 1
