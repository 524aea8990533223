"""A server of S3 in this process: CSV and Parquet are read from it in memory, streamed, and by workers of a cluster.

It needs what the development set leaves out: `pip install s3fs "moto[s3]" flask flask-cors`.
"""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

import tidu
from tidu.data import csv
from tidu.errors import DataError

pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ROWS = 150_000  # three chunks
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=ROWS).round(6)
TABLE = {"x": X, "y": (2.0 * X - 1.0 + 0.1 * RANDOM.normal(size=ROWS)).round(6), "c": [*"abc"] * (ROWS // 3)}
FORMULA = "y = linear(x, c)"
OPTIONS = {"lr": 0.1, "steps": 8, "engine": "compiled"}


def text(rows):
    lines = (f'{x!r},{y!r},"{c}"\n' for x, y, c in zip(*(list(column) for column in rows.values()), strict=True))
    return ("x,y,c\n" + "".join(lines)).encode()


@pytest.fixture(scope="module")
def bucket():
    """An address of a bucket, with the table in several files."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import s3fs

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        system = s3fs.S3FileSystem()
        system.mkdir("tidu-bucket")
        plain = {name: np.asarray(column).tolist() for name, column in TABLE.items()}
        system.pipe("tidu-bucket/whole.csv", text(plain))
        for k, rows in enumerate((slice(0, 70_000), slice(70_000, None))):
            system.pipe(f"tidu-bucket/part-{k}.csv", text({n: c[rows] for n, c in plain.items()}))
        content = io.BytesIO()
        pq.write_table(pa.table(plain), content, row_group_size=40_000)
        system.pipe("tidu-bucket/whole.parquet", content.getvalue())
        yield "s3://tidu-bucket"
    server.stop()


@pytest.fixture(scope="module")
def known():
    return tidu.fit(FORMULA, TABLE, **OPTIONS)


@pytest.mark.parametrize("name", ["whole.csv", "part-*.csv", "whole.parquet"])
@pytest.mark.parametrize("stream", [False, True])
def test_read_by_this_machine(bucket, known, name, stream):
    run = tidu.fit(FORMULA, f"{bucket}/{name}", stream=stream, **OPTIONS)
    assert repr(run.state) == repr(known.state)
    assert run.metrics["mse"] == pytest.approx(known.metrics["mse"])


@pytest.mark.cluster
def test_read_by_workers(bucket, known, monkeypatch):
    pytest.importorskip("distributed")
    from tidu.cluster.connecting import Cluster

    monkeypatch.setattr(csv, "PIECE", 1 << 19)
    with Cluster("local:2") as cluster:
        for name in ("whole.csv", "part-*.csv", "whole.parquet"):
            run = tidu.fit(FORMULA, f"{bucket}/{name}", client=cluster.client, **OPTIONS)
            assert any("where it lies" in note for note in run.notes)
            assert repr(run.state) == repr(known.state)


def test_the_command_line(bucket, known, capsys):
    from tidu.__main__ import main

    words = ["fit", f"{bucket}/whole.csv", FORMULA, "--lr", "0.1", "--steps", "8", "--stream", "--json"]
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(words))
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["params"] == known.params


def test_what_is_not_there(bucket):
    with pytest.raises(DataError, match=r"there is no file 's3://tidu-bucket/nothing\.csv'"):
        tidu.fit(FORMULA, f"{bucket}/nothing.csv", stream=True)
    with pytest.raises(DataError, match="no file matches"):
        tidu.fit(FORMULA, f"{bucket}/*.txt")
    with pytest.raises(DataError, match="s3://no-such-bucket"):
        tidu.fit(FORMULA, "s3://no-such-bucket/a.csv")
