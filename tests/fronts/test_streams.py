"""Commands as processes: closed streams, readers that leave, signals, full disks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tidu.files import write_whole

LINE = Path(__file__).parents[2] / "examples" / "line.csv"
TIDU = f"{sys.executable} -m tidu"
FIT = f"{TIDU} fit {LINE} 'y = w*x + b' --lr 0.0001 --epochs 5"


def shell(command, **environment):
    return subprocess.run(["bash", "-c", command], capture_output=True, env={**os.environ, **environment}, timeout=120)


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
LONG = ("--lr", "1e-9", "--epochs", "100000000")


def after(seconds, number, *arguments):
    """A command that gets a signal: its status, its output, and how long it took to end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tidu", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(seconds)
        process.send_signal(number)
        sent = time.monotonic()
        out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode(), time.monotonic() - sent


def test_an_interrupted_sweep_does_not_say_that_every_run_diverged():
    status, out, err, seconds = after(
        5, signal.SIGINT, "sweep", LINE, "y = w*x + b", "--over", "lr=1e-9,2e-9", "--epochs", 100_000_000
    )
    assert status == 130
    assert "diverged" not in out + err
    assert "interrupted" in out + err
    assert seconds < 10


def test_an_interrupted_doctor_ends():
    status, out, err, seconds = after(5, signal.SIGINT, "doctor", LINE, "y = w*x + b", *LONG)
    assert (status, out) == (130, "")
    assert err.strip() == "Error: interrupted"
    assert seconds < 10


def test_a_process_that_is_told_to_end_ends():
    status, out, err, seconds = after(5, signal.SIGTERM, "fit", LINE, "y = w*x + b", *LONG)
    assert (status, out, err) == (128 + signal.SIGTERM, "", "")
    assert seconds < 10


WRITER = """
import os, signal, sys
from tidu.__main__ import _end
from tidu.files import write_whole
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
    command = f"ulimit -f 4; {FIT} --plot {tmp_path}/p.png"
    done = shell(command)
    assert done.returncode == 2, done.stderr
    assert b"cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert shutil.which("bash")
