"""How a run may end before its time: a signal, an error in a callback, another writer; each is taken up to the bit."""

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
from tidu.training.callbacks import Advanced
from tidu.training.resuming import resumed_from
from tidu.training.storing import opening, recording
from tidu.training.storing.store import Store

random = np.random.default_rng(4)
X = random.uniform(-1, 1, 40)
Y = 3 * X - 1 + random.normal(0, 0.1, 40)
LINE = "y = w*x + b"
PLATEAU = {"patience": 2, "factor": 0.9, "min_improvement": 0.01}
OPTIONS = {"batch_size": 7, "seed": 4, "optimizer": "adam", "lr": 0.01}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "points.csv"
    np.savetxt(path, np.column_stack([X, Y]), delimiter=",", header="x,y", comments="", fmt="%.17g")
    return path


def assert_same(one, other):
    assert dict(one.params) == dict(other.params)
    assert one.history.values.tobytes() == other.history.values.tobytes()
    assert one.last_state == other.last_state


@pytest.mark.slow
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_command_that_gets_a_signal(file, number):
    path = file.with_name("runs.sqlite")
    options = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "tidu", "fit", str(file), LINE, *options, "--epochs", "100000000", "--plateau",
               ",".join(f"{name}={value}" for name, value in PLATEAU.items())]  # fmt: skip
    with subprocess.Popen(
        command, env={**os.environ, "TIDU_STORE": str(path)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not step_in(path):
                time.sleep(0.05)
            process.send_signal(getattr(signal, number))
            status = process.wait(60)
        finally:
            process.kill()
    assert status == (130 if number == "SIGINT" else 128 + getattr(signal, number))
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store(path) as kept:
        (row,) = kept.runs()
        # Ctrl-C in the moment in which rows are being noted leaves the run as it was last kept.
        assert row.status in (("interrupted", "running") if number == "SIGINT" else ("running",))
        steps = kept.checkpoint(row.id).step + 50
        again = resumed_from(kept, row.id, steps=50)
    assert_same(again, tidu.fit(LINE, file, **OPTIONS, plateau=PLATEAU, steps=steps))


def step_in(path):
    """The step of the last checkpoint of the one run of a store; 0 before there is one."""
    if not path.exists():
        return 0
    try:
        with Store(path, reading=True) as kept:
            return next((kept.checkpoint(run.id).step for run in kept.runs()), 0)
    except tidu.TiduError:  # it is just being made
        return 0


@pytest.mark.parametrize("options", [{}, {"plateau": PLATEAU, "validation": 0.25}, {"engine": "compiled"}])
def test_an_error_in_a_callback(file, options, monkeypatch):
    monkeypatch.setattr(recording, "CADENCE", 0.0)

    def bad(event):
        if isinstance(event, Advanced) and event.state.epoch >= 3:
            raise ValueError("too late in the day")

    bad.each_epoch = True
    whole = tidu.fit(LINE, file, **OPTIONS, **options, epochs=40)
    cut = tidu.fit(LINE, file, **OPTIONS, **options, epochs=40, callbacks=bad, store=file.with_name("runs.sqlite"))
    assert (type(cut.error), cut.stopped) == (ValueError, "interrupted")
    assert cut.epochs < 40
    with Store(file.with_name("runs.sqlite")) as kept:
        assert_same(resumed_from(kept, cut.id), whole)
    assert_same(cut.resume(), whole)


def test_ctrl_c_in_python(file):
    def pressed(event):
        if isinstance(event, Advanced) and event.steps > 100:
            raise KeyboardInterrupt

    pressed.each_epoch = True
    whole = tidu.fit(LINE, file, **OPTIONS, epochs=40)
    cut = tidu.fit(LINE, file, **OPTIONS, epochs=40, callbacks=pressed, store=file.with_name("runs.sqlite"))
    assert cut.stopped == "interrupted"
    with Store(file.with_name("runs.sqlite")) as kept:
        assert_same(resumed_from(kept, cut.id), whole)


def test_a_second_writer_is_told_and_the_run_goes_on(file, monkeypatch):
    monkeypatch.setattr(opening, "PATIENCE", 0.1)
    path = file.with_name("runs.sqlite")
    Store(path).connection.close()
    first = sqlite3.connect(path)
    first.execute("BEGIN IMMEDIATE")
    run = tidu.fit(LINE, file, **OPTIONS, epochs=4, store=path)
    first.close()
    assert run.id is None
    assert run.params == tidu.fit(LINE, file, **OPTIONS, epochs=4).params
    assert "the run is not kept any further" in run.notes[-1]
    assert "another process has been writing to it for 0.1 s" in run.notes[-1]
