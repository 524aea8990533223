"""Commands as processes: closed streams, readers that leave, signals, full disks."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tidu
from tidu.training.solving.methods import METHODS
from tidu.writing import write_whole

LINE = Path(__file__).parents[2] / "examples" / "line.csv"
TIDU = f"{sys.executable} -m tidu"
FIT = f"{TIDU} fit {LINE} 'y = w*x + b' --lr 0.0001 --epochs 5"


def shell(command, **environment):
    return subprocess.run(["bash", "-c", command], capture_output=True, env={**os.environ, **environment}, timeout=120)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_input_or_error_changes_nothing(closed):
    open_, without = shell(f"{FIT} --show-code"), shell(f"{FIT} --show-code {closed}")
    assert without.returncode == 0
    assert without.stdout[:500] == open_.stdout[:500]
    assert without.stderr == b""


def test_a_closed_output_is_a_sentence(tmp_path):
    done = shell(f"{FIT} --out {tmp_path}/m.tidu >&-")
    assert done.returncode == 2
    assert b"standard output is closed" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert shell(f"{FIT} >&- 2>&-").returncode == 2


@pytest.mark.parametrize(
    "command", [f"{FIT} --show-code", f"{FIT} --json", f"{TIDU} functions", f"{TIDU} fit --help", f"{TIDU} lesson"]
)
@pytest.mark.parametrize("reader", ["head -n 1", "true"])
def test_a_reader_that_leaves_is_no_error(command, reader):
    done = shell(f"{command} | {reader}; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_is_full_is_a_sentence():
    done = shell(f"{FIT} --json > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().strip() == "Error: the output cannot be written: No space left on device"


# -- signals ------------------------------------------------------------------------------------------
LONG = ("--epochs", "100000000000")


def when_at_work(number, *arguments):
    """A command that gets a signal once its progress bar shows: its status, its output, what it said."""
    ours, its = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tidu", *map(str, arguments)], stdout=subprocess.PIPE, stderr=its,
        env={**os.environ, "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(its)
        ready = select.select([ours], [], [], 60)[0]
        said = os.read(ours, 65536) if ready else b""
        process.send_signal(number)
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(ours, 65536):
                said += piece
        out = process.communicate(timeout=60)[0]
    os.close(ours)
    assert b"Traceback" not in said
    return process.returncode, out.decode(), said.decode()


@pytest.mark.slow
def test_an_interrupted_sweep_does_not_say_that_every_run_diverged():
    status, out, _said = when_at_work(
        signal.SIGINT, "sweep", LINE, "y = w*x + b", "--over", "lr=log(1e-9,1e-8,16)", "--epochs", 10**9
    )
    assert status == 130
    assert "diverged" not in out
    assert "interrupted" in out


def test_progress_is_told_on_standard_error_with_rate_and_remaining_time():
    _status, out, said = when_at_work(signal.SIGINT, "fit", LINE, "y = w*x + b", "--lr", 1e-9, *LONG)
    assert re.search(r"[\d,]+ steps/s", said)
    assert re.search(r"(\d+|-):(\d\d|--)", said)
    assert "steps/s" not in out
    assert "stopped" in out


@pytest.mark.slow
def test_an_interrupted_doctor_ends():
    status, out, said = when_at_work(signal.SIGINT, "doctor", LINE, "y = w*x + b", "--lr", 1e-9, *LONG)
    assert (status, out) == (130, "")
    assert said.rstrip().endswith("interrupted")


@pytest.mark.parametrize("optimizer", ["lm", "lbfgs", "newton"])
def test_a_solver_that_is_interrupted_before_its_first_point_does_not_say_that_it_diverged(optimizer, monkeypatch):
    monkeypatch.setitem(METHODS, optimizer, _interrupted)
    run = tidu.fit("y = a*exp(b*x)", {"x": [1.0, 2.0, 3.0], "y": [1.0, 3.0, 8.0]}, optimizer=optimizer)
    assert run.stopped == "interrupted"
    assert run.notes == ()


def _interrupted(*_arguments):
    raise KeyboardInterrupt


def test_a_process_that_is_told_to_end_ends():
    status, out, _said = when_at_work(signal.SIGTERM, "fit", LINE, "y = w*x + b", "--lr", 1e-9, *LONG)
    assert (status, out) == (128 + signal.SIGTERM, "")


WRITER = """
import os, signal, sys
from tidu.__main__ import _end
import tidu
from tidu.training.solving.methods import METHODS
from tidu.writing import write_whole
signal.signal(signal.SIGTERM, _end)
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGTERM)
write_whole(sys.argv[1], b"new")
"""


def test_no_half_written_file_stays_behind(tmp_path):
    file = tmp_path / "m.tidu"
    file.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", WRITER, str(file)], check=False)
    assert done.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"old"


# -- files ---------------------------------------------------------------------------------------------
def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    calls = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), rename(a, b)))
    write_whole(tmp_path / "f", b"content")
    assert calls == ["sync", "rename", "sync"]
    assert (tmp_path / "f").read_bytes() == b"content"


def test_a_picture_that_does_not_fit_leaves_no_file(tmp_path):
    """A limit on the size of files is what a full disk is to a process."""
    command = f"ulimit -f 4; {FIT} --no-store --plot {tmp_path}/p.png"
    done = shell(command)
    assert done.returncode == 2, done.stderr
    assert b"cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert shutil.which("bash")


@pytest.mark.parametrize("given", ["-", "/dev/stdin", f"<(cat {LINE})"])
def test_trainings_that_are_compared_share_what_is_read_once(given):
    done = shell(f"cat {LINE} | {TIDU} compare {given} 'y = w*x + b' --lr 0.0001 --epochs 5 --json")
    assert done.stderr == b""
    from_file = shell(f"{TIDU} compare {LINE} 'y = w*x + b' --lr 0.0001 --epochs 5 --json")
    costs = [[entry["cost"] for entry in json.loads(d.stdout)["runs"]] for d in (done, from_file)]
    assert costs[0] == costs[1]
    assert len(costs[0]) == 3
