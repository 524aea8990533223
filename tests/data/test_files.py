"""What is no plain file: pipes, standard input, devices; each is read once, or refused in a sentence."""

import io
import os
import subprocess
import sys
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidu.data.source import source_of
from tidu.errors import DataError

TEXT = b"x,y\n1,2.5\n3,4\n"
XY = {"x": [1.0, 3.0], "y": [2.5, 4.0]}


def columns(path):
    source = source_of(path)
    assert source.names == ("x", "y")  # asked first, as a fit does
    return {name: column.tolist() for name, column in source.table().items()}


def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.table(XY), sink)
    return sink.getvalue()


@pytest.mark.parametrize("content", [TEXT, pa.compress(TEXT, "gzip", asbytes=True), parquet()])
def test_a_named_pipe_is_read_once(tmp_path, content):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    assert columns(tmp_path / "pipe") == XY
    writer.join()


def tidu(command, **options):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False, **options)


FIT = f'"{sys.executable}" -m tidu fit'


def test_what_a_shell_offers_as_a_file(tmp_path):
    (tmp_path / "d.csv").write_bytes(TEXT)
    for command in (
        f"{FIT} <(cat d.csv) 'y = w*x' --epochs 1 --json",
        f"cat d.csv | {FIT} /dev/stdin 'y = w*x' --epochs 1 --json",
        f"{FIT} /dev/stdin 'y = w*x' --epochs 1 --json < d.csv",
        f"cat d.csv | {FIT} - 'y = w*x' --epochs 1 --json",
    ):
        done = tidu(command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert '"rows": 2' in done.stdout


def test_a_closed_standard_input_is_a_sentence(tmp_path):
    done = tidu(f"{FIT} - 'y = w*x' <&-", cwd=tmp_path)
    assert done.returncode == 2
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_input_that_the_program_has_closed(monkeypatch):
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdin", closed)
    with pytest.raises(DataError, match="standard input is closed"):
        source_of("-")


def test_devices():
    with pytest.raises(DataError, match="is a device, not a file or a pipe"):
        source_of("/dev/zero")
    with pytest.raises(DataError, match="is empty"):
        _names = source_of("/dev/null").names
