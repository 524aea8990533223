"""Data at an address: what fsspec opens is read like a file of this machine, streamed and kept until it changes."""

from __future__ import annotations

import gzip
import io
import json
import sys

import fsspec
import numpy as np
import pytest

import tidu
from tidu.data import remote
from tidu.errors import DataError, MissingDependency
from tidu.training.resuming import resumed_from
from tidu.training.storing.store import Store

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=300)
ROWS = {"x": X, "y": 2.0 * X - 1.0 + 0.1 * RANDOM.normal(size=300)}
OPTIONS = {"optimizer": "lm"}


def text(rows):
    return "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in zip(rows["x"].tolist(), rows["y"].tolist(), strict=True))


@pytest.fixture
def memory():
    """An object store that is in memory."""
    system = fsspec.filesystem("memory")
    system.pipe("/shop/a.csv", text({n: c[:100] for n, c in ROWS.items()}).encode())
    system.pipe("/shop/b.csv", text({n: c[100:] for n, c in ROWS.items()}).encode())
    system.pipe("/whole.csv.gz", gzip.compress(text(ROWS).encode()))
    yield system
    system.rm("/shop", recursive=True)
    for path in system.glob("/whole*"):
        system.rm(path)


@pytest.fixture
def known():
    return tidu.fit("y = w*x + b", ROWS, **OPTIONS).params


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("address", ["memory://shop/*.csv", "memory://whole.csv.gz"])
def test_text_by_pattern_and_packed(memory, known, address, stream):
    assert tidu.fit("y = w*x + b", address, stream=stream, **OPTIONS).params == known


@pytest.mark.parametrize("stream", [False, True])
def test_parquet_and_a_column_of_file_names(memory, known, stream):
    import pyarrow as pa
    import pyarrow.parquet as pa_parquet

    content = io.BytesIO()
    pa_parquet.write_table(pa.table(ROWS), content)
    memory.pipe("/whole.parquet", content.getvalue())
    assert tidu.fit("y = w*x + b", "memory://whole.parquet", stream=stream, **OPTIONS).params == known
    csv = tidu.CsvOptions(file_column="part")
    run = tidu.fit("y = linear(x, part)", "memory://shop/*.csv", csv=csv, stream=stream, **OPTIONS)
    named = ROWS | {"part": np.where(np.arange(300) < 100, "a", "b")}
    assert run.params == tidu.fit("y = linear(x, part)", named, **OPTIONS).params


def test_a_store_is_used_again_until_the_object_changes(memory, known, monkeypatch):
    def fitted():
        return tidu.fit("y = w*x + b", "memory://whole.csv.gz", stream=True, **OPTIONS).params

    assert fitted() == known
    with monkeypatch.context() as patch:
        patch.setattr("tidu.data.streaming.StreamedSource._written", None)  # nothing may be parsed again
        assert fitted() == known
    memory.pipe("/whole.csv.gz", gzip.compress(text({"x": X, "y": 3.0 * X}).encode()))
    assert fitted()["w"] == pytest.approx(3.0)


def test_a_run_knows_its_address(memory, tmp_path):
    tidu.fit("y = w*x + b", "memory://shop/*.csv", lr=0.1, epochs=20, store=tmp_path / "s.db")
    with Store(tmp_path / "s.db") as store:
        again = resumed_from(store, store.runs()[0].id, epochs=20)
    assert again.params == tidu.fit("y = w*x + b", ROWS, lr=0.1, epochs=40).params


def test_files_of_this_machine_on_the_command_line(tmp_path, known, capsys):
    from tidu.__main__ import main

    (tmp_path / "d.csv").write_text(text(ROWS))
    address = f"file://{tmp_path}/d.csv"
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["fit", address, "y = w*x + b", "--optimizer", "lm", "--json"]))
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["params"] == known


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("memory://shop", "is a folder"),
        ("memory://nothing.csv", "there is no file 'memory://nothing.csv'"),
        ("memory://shop/*.txt", "no file matches"),
        ("nonsense://bucket/a.csv", "cannot be read: .*nonsense"),
        ("s3://bucket/a.csv", "cannot be read: .*s3fs"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_read_is_told(memory, address, words, stream, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(DataError, match=words):
        tidu.fit("y = w*x + b", address, stream=stream)


def test_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingDependency, match="pip install"):
        remote.remote_files("s3://bucket/a.csv")
