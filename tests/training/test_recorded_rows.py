"""Rows of a history in memory or in a file: the same numbers, and memory that does not grow with the steps."""

import subprocess
import sys
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.training import recorded_rows
from tidu.training.recorded_rows import RecordedRows
from tidu.training.resuming import run_in
from tidu.training.storing.store import Store

RANDOM = np.random.default_rng(6)
DATA = {"x": RANDOM.uniform(-1, 1, 40), "y": RANDOM.uniform(-1, 1, 40)}


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(recorded_rows, "MOST_BYTES", 3000)
    monkeypatch.setattr(recorded_rows, "CHUNK", 17)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=20), st.integers(1, 7), st.integers(0, 2000))
def test_they_are_the_rows_that_were_added(lengths, width, most):
    whole = RANDOM.normal(size=(sum(lengths), width))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded_rows, "MOST_BYTES", most)
        patch.setattr(recorded_rows, "CHUNK", 7)
        rows, first = RecordedRows(width), 0
        for length in lengths:
            rows.add(whole[first : first + length])
            first += length
        found = rows.values()
    assert found.tobytes() == whole.tobytes()
    assert found.shape == whole.shape
    assert isinstance(found, np.memmap) == (rows.file is not None)
    assert rows.file is not None or whole.nbytes <= most


@pytest.mark.parametrize(
    "options",
    [
        {"record": "step", "batch_size": 7, "epochs": 30},
        {"record": "epoch", "steps": 185, "epochs": None, "batch_size": 1},
        {"record": "epoch", "epochs": 120, "patience": 500},
        {"record": "step", "epochs": 100, "scale": True},
    ],
)
def test_a_long_history_is_the_same_from_a_file(options, tmp_path, monkeypatch):
    short = tidu.fit("y = w*x + b", DATA, lr=0.1, **options)
    monkeypatch.setattr(recorded_rows, "MOST_BYTES", 3000)
    long = tidu.fit("y = w*x + b", DATA, lr=0.1, store=tmp_path / "runs.sqlite", **options)
    assert isinstance(long.history.values, np.memmap) == (short.history.values.nbytes > 3000)
    for name in ("values", "epoch", "step"):
        assert getattr(long.history, name).tobytes() == getattr(short.history, name).tobytes()
    assert long.history.to_dict() == short.history.to_dict()
    with Store(tmp_path / "runs.sqlite") as store:
        assert run_in(store, long.id).history.values.tobytes() == short.history.values.tobytes()
    long.save(tmp_path / "run.tidu")
    assert tidu.load(tmp_path / "run.tidu").history.values.tobytes() == short.history.values.tobytes()


@pytest.mark.usefixtures("little_memory")
def test_it_is_resumed_like_any_other():
    options = {"lr": 0.1, "record": "step", "batch_size": 7}
    whole = tidu.fit("y = w*x + b", DATA, steps=300, **options)
    part = tidu.fit("y = w*x + b", DATA, steps=200, **options)
    assert isinstance(part.recorded, np.memmap)
    assert part.resume(steps=100).history.values.tobytes() == whole.history.values.tobytes()


@pytest.mark.usefixtures("little_memory")
def test_where_no_file_can_be_written_they_stay_in_memory(monkeypatch):
    def full(**_where):
        raise OSError(28, "No space left on device")

    expected = tidu.fit("y = w*x + b", DATA, lr=0.1, epochs=300).history
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    found = tidu.fit("y = w*x + b", DATA, lr=0.1, epochs=300).history
    assert not isinstance(found.values, np.memmap)
    assert found.to_dict() == expected.to_dict()


GROWING = """
import sys
import numpy as np, tidu
np.savetxt("d.csv", np.random.default_rng(0).uniform(-1, 1, (20, 2)), delimiter=",", header="x,y", comments="")
def memory():
    return int(next(line for line in open("/proc/self/status") if line.startswith("RssAnon")).split()[1]) / 1024
before = most = 0.0
def watch(event):
    global before, most
    before = before or memory()
    most = max(most, memory())
run = tidu.fit("y = w*x + b", "d.csv", lr=1e-3, batch_size=1, steps=6_000_000, record="step", engine="compiled",
               shuffle=False, callbacks=watch)
assert len(run.history) == 6_000_000 and run.history.values.nbytes == 336_000_000
print(max(most, memory()) - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_steps(tmp_path):
    done = subprocess.run([sys.executable, "-c", GROWING], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 250  # MB, the rows of some slices; all are 336, and would be there twice
