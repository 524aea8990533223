"""Runs that are kept: what the store holds, and how a run is taken up again, to the bit."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

import tidu
from tidu.errors import SettingError, StoreError
from tidu.training.callbacks import Advanced, Stop
from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.resuming import differences, resumed_from, run_in
from tidu.training.storing import recording
from tidu.training.storing.store import Store
from tidu.training.training import Budget, Execution

random = np.random.default_rng(2)
X = random.normal(size=40)
Y = 3 * X - 1 + random.normal(0, 0.1, 40)
LINE = "y = w*x + b"
GIVEN = {"batch_size": 7, "seed": 4, "optimizer": "adam", "lr": 0.01}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "\n".join(f"{x!r},{y!r}" for x, y in zip(X.tolist(), Y.tolist(), strict=True)))
    return path


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "runs.sqlite") as kept:
        yield kept


def assert_same(one, other):
    assert one.state.to_dict() == other.state.to_dict()
    assert (one.stopped, one.steps, one.epochs, dict(one.params)) == (
        other.stopped, other.steps, other.epochs, dict(other.params))  # fmt: skip
    np.testing.assert_array_equal(one.history.values, other.history.values)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": None, "optimizer": "gd"},
        {"record": "step", "tol": 1e-12},
        {"scale": True, "optimizer": "momentum", "lr": 0.1, "batch_size": None},
        {"lr": "0.1*warmup(9)/(1 + epoch)", "shuffle": False},
        {"engine": "compiled"},
    ],
    ids=str,
)
def test_a_run_resumed_is_one_long_run(settings):
    given = GIVEN | settings
    whole = tidu.fit(LINE, {"x": X, "y": Y}, **given, epochs=9)
    part = tidu.fit(LINE, {"x": X, "y": Y}, **given, epochs=4)
    assert_same(part.resume(epochs=5), whole)
    cut = tidu.fit(LINE, {"x": X, "y": Y}, **given, steps=4)
    assert_same(cut.resume(steps=7), tidu.fit(LINE, {"x": X, "y": Y}, **given, steps=11))


def test_a_network_resumed_is_one_long_run():
    given = {"optimizer": "adam", "batch_size": 8, "engine": "array", "lr": 0.01}
    formula = "y = mlp(x, hidden=[4])"
    whole = tidu.fit(formula, {"x": X, "y": Y}, **given, epochs=6)
    assert_same_arrays(tidu.fit(formula, {"x": X, "y": Y}, **given, epochs=2).resume(epochs=4), whole)


def assert_same_arrays(one, other):
    for name, value in one.params.items():
        np.testing.assert_array_equal(value, other.params[name])
    np.testing.assert_array_equal(one.history.values, other.history.values)


def test_the_store_knows_what_ran(file, store):
    run = tidu.fit(LINE, file, **GIVEN, epochs=5, store=store.path)
    (row,) = tidu.runs(store.path)
    assert (row["id"], row["status"], row["formula"], row["epochs"]) == (run.id, "ended", LINE, 5)
    facts = store.run(run.id).to_dict()
    assert facts["params"] == dict(run.params)
    assert facts["source"] == run.source
    assert facts["data"]["path"] == str(file)
    assert facts["versions"]["tidu"]
    kept = run_in(store, run.id)
    assert_same(kept, run)
    assert kept.predict({"x": X}).tolist() == run.predict({"x": X}).tolist()
    assert kept.metrics == run.metrics


def test_newest_first_and_deleted(file, store):
    first, second = (tidu.fit(LINE, file, epochs=2, store=store.path) for _ in range(2))
    assert [row["id"] for row in tidu.runs(store.path)] == [second.id, first.id]
    store.mark(first.id, tags=["keep"], remark="the first")
    assert (store.run(first.id).tags, store.run(first.id).remark) == (("keep",), "the first")
    store.delete([second.id])
    assert [row["id"] for row in tidu.runs(store.path)] == [first.id]
    with pytest.raises(StoreError, match="there is no run 99"):
        store.run(99)


def test_what_differs_between_two_runs(file, store):
    one = tidu.fit(LINE, file, epochs=2, store=store.path)
    other = tidu.fit(LINE, file, epochs=2, lr=0.02, optimizer="adam", store=store.path)
    found = differences(store.run(one.id), store.run(other.id))
    assert found["settings"]["lr"] == (0.01, 0.02)
    assert found["settings"]["optimizer"] == ("gd", "adam")
    assert "loop" in found
    assert "data" not in found
    assert "versions" not in found


@pytest.mark.parametrize("settings", [{}, {"record": "step"}, {"scale": True, "optimizer": "momentum", "lr": 0.1}])
def test_a_stored_run_goes_on_in_mid_epoch(file, store, settings, monkeypatch):
    monkeypatch.setattr(recording, "CADENCE", 0.0)
    whole = tidu.fit(LINE, file, **GIVEN | settings, epochs=20)

    def enough(event):
        return Stop() if isinstance(event, Advanced) and event.steps > 30 else None

    # In slices of 7 steps, of which 6 make an epoch.
    recorder = recording.Recorder(store, recording.Origin.of(file, None, False, None))
    problem = Problem.read(LINE, file, GIVEN | settings | {"epochs": 20})
    execution = Execution("python", slice=Budget(steps=7))
    cut = recorder.finished(run_of(problem, execution, (recorder, enough)))
    assert (cut.stopped, cut.steps) == ("interrupted", 35)
    run = resumed_from(store, cut.id)
    assert run.id == cut.id
    assert_same(run, whole)
    assert_same(run_in(store, cut.id), whole)
    more = resumed_from(store, cut.id, epochs=3)
    assert_same(more, tidu.fit(LINE, file, **GIVEN | settings, epochs=23))


_RUN = """
import sys, tidu
tidu.fit("y = w*x + b", sys.argv[1], batch_size=7, seed=4, optimizer="adam", lr=0.01, epochs=int(sys.argv[3]),
         engine=sys.argv[4], store=sys.argv[2])
"""


@pytest.mark.sampled(1)
@pytest.mark.parametrize("engine", ["python", "compiled"])
def test_a_run_that_is_killed_goes_on_to_the_bit(file, store, engine, monkeypatch):
    epochs = {"python": 30_000, "compiled": 600_000}[engine]
    command = [sys.executable, "-c", _RUN, str(file), str(store.path), str(epochs), engine]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and process.poll() is None:
            rows = store.runs()
            if rows and store.checkpoint(rows[0].id).step > 0:
                break
            time.sleep(0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert sqlite3.connect(store.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (row,) = store.runs()
    if row.status != "running":
        pytest.skip("it was done before it could be killed")
    point = store.checkpoint(row.id)
    bound = point.step + 50  # a little further than it came
    run = resumed_from(store, row.id, steps=50)
    whole = tidu.fit(LINE, file, **GIVEN, steps=bound, engine=engine)
    assert_same(run, whole)


def test_changed_data_are_told(file, store):
    run = tidu.fit(LINE, file, **GIVEN, epochs=3, store=store.path)
    file.write_text(file.read_text().replace("x,y\n", "x,y\n1.5,3.5\n"))
    more = resumed_from(store, run.id, epochs=1)
    assert any("the data are not those" in note for note in more.notes)


def test_sentences(file, store, tmp_path):
    ended = tidu.fit(LINE, {"x": X, "y": Y}, epochs=2, store=store.path)
    with pytest.raises(StoreError, match="were not in a file; give them anew"):
        resumed_from(store, ended.id, epochs=1)
    assert resumed_from(store, ended.id, epochs=1, data={"x": X, "y": Y}).epochs == 3
    with pytest.raises(SettingError, match="the run has ended"):
        ended.resume()
    with pytest.raises(SettingError, match="nothing to resume"):
        tidu.fit(LINE, {"x": X, "y": Y}, optimizer="lm").resume(epochs=3)
    with pytest.raises(StoreError, match="there is no store"):
        tidu.runs(tmp_path / "nothing.sqlite")
    (tmp_path / "text").write_text("this is no database, and long enough to be told from one" * 9)
    with pytest.raises(StoreError, match="cannot be used"):
        tidu.fit(LINE, {"x": X, "y": Y}, store=tmp_path / "text")


def test_a_damaged_checkpoint_is_noticed(file, store):
    run = tidu.fit(LINE, file, epochs=2, store=store.path)
    with store.writing() as write:
        write.execute("UPDATE checkpoints SET state = zeroblob(length(state)) WHERE run = ?", (run.id,))
    with pytest.raises(StoreError, match="is damaged"):
        resumed_from(store, run.id, epochs=1)


def test_a_store_that_fails_on_the_way_does_not_end_the_run(file, store, monkeypatch):
    monkeypatch.setattr(recording, "CADENCE", 0.0)

    def full(*_arguments):
        raise StoreError("database or disk is full")

    monkeypatch.setattr(Store, "advance", full)
    run = tidu.fit(LINE, file, **GIVEN, epochs=5, store=store.path)
    assert run.stopped == "epochs"
    assert run.params == tidu.fit(LINE, file, **GIVEN, epochs=5).params
    assert "is not kept any further" in run.notes[-1]


def test_solvers_are_kept_too(file, store):
    run = tidu.fit(LINE, file, optimizer="lm", store=store.path)
    kept = run_in(store, run.id)
    assert dict(kept.params) == dict(run.params)
    assert kept.statistics.standard_errors == run.statistics.standard_errors
    with pytest.raises(SettingError, match="has come to its end"):
        resumed_from(store, run.id, epochs=3)


@pytest.mark.slow
def test_several_processes_write_at_once(file, store):
    command = [sys.executable, "-c", _RUN, str(file), str(store.path), "3", "python"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [p.wait() for p in processes] == [0, 0, 0]
    assert [row.status for row in store.runs()] == ["ended"] * 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "runs.sqlite")


def test_a_store_in_the_place_of_one_that_was_deleted(file, tmp_path):
    for epochs in range(1, 8):  # the one before may still be on its way to its end
        path = tmp_path / "again.sqlite"
        run = tidu.fit(LINE, file, **GIVEN, epochs=epochs, store=path)
        assert [row["epochs"] for row in tidu.runs(path)] == [epochs]
        with Store(path) as store:
            assert run_in(store, run.id).params == run.params
        for left in tmp_path.glob("again.sqlite*"):
            left.unlink(missing_ok=True)
