"""Data larger than memory: the first pass over a CSV or Parquet file, the second over its column store, and peers.

    python benchmarks/stream.py --rows 10000000 --folder /tmp/stream

Every contender is a process of its own, whose peak memory is what the system says. The file is generated once.
Ratios: the first pass to pyarrow parsing the same columns to float64; the second to reading the column store's bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("x1", "x2", "x3", "y")
FORMULA = "y = w1*x1 + w2*x2 + w3*x3 + b"
AT_ONCE = 1 << 20  # rows generated together

PYARROW = """
import pyarrow as pa, pyarrow.csv as c, pyarrow.parquet as pq
path, rows = sys.argv[1], 0
kinds = c.ConvertOptions(column_types={n: pa.float64() for n in ("x1", "x2", "x3", "y")})
began = time.perf_counter()
near = {"pre_buffer": False, "buffer_size": 1 << 20}  # by default it keeps the whole file in memory
batches = pq.ParquetFile(path, **near).iter_batches() if path.endswith("parquet") else c.open_csv(
    path, c.ReadOptions(block_size=1 << 24), convert_options=kinds)
for batch in batches:
    rows += batch.num_rows
"""
PYARROW_WHOLE = """
import pyarrow as pa, pyarrow.csv as c, pyarrow.parquet as pq
path = sys.argv[1]
kinds = c.ConvertOptions(column_types={n: pa.float64() for n in ("x1", "x2", "x3", "y")})
began = time.perf_counter()
table = pq.read_table(path) if path.endswith("parquet") else c.read_csv(path, convert_options=kinds)
rows = table.num_rows
"""
TIDU = f"""
import tidu
path = sys.argv[1]
tidu.fit("y = w*x", {{"x": [1.0, 2.0], "y": [1.0, 2.0]}}, lr=0.1, epochs=1)  # imports
began = time.perf_counter()
run = tidu.fit("{FORMULA}", path, stream=True, lr=0.1, epochs=int(sys.argv[2]), engine="compiled")
rows = run.rows
seconds_of_descent = run.seconds
"""
READ = """
began = time.perf_counter()
rows, piece = 0, bytearray(1 << 20)
for _ in range(int(sys.argv[2])):
    with open(sys.argv[1], "rb", buffering=0) as file:
        while file.readinto(piece):
            pass
"""
SKLEARN = """
import numpy as np, pyarrow as pa, pyarrow.csv as c, pyarrow.parquet as pq
from sklearn.linear_model import SGDRegressor
path, rows = sys.argv[1], 0
model = SGDRegressor(learning_rate="constant", eta0=1e-4)
began = time.perf_counter()
near = {"pre_buffer": False, "buffer_size": 1 << 20}
batches = pq.ParquetFile(path, **near).iter_batches() if path.endswith("parquet") else c.open_csv(
    path, c.ReadOptions(block_size=1 << 24))
for batch in batches:
    columns = np.column_stack([batch.column(k).to_numpy(zero_copy_only=False) for k in range(4)])
    model.partial_fit(columns[:, :3], columns[:, 3])
    rows += batch.num_rows
"""
VOWPAL_WABBIT = """
import pyarrow.csv as c, vowpalwabbit
path, rows = sys.argv[1], 0
model = vowpalwabbit.Workspace("--quiet --sgd -l 0.0001")
began = time.perf_counter()
for batch in c.open_csv(path):
    for a, b, d, y in zip(*(batch.column(k).to_pylist() for k in range(4))):
        model.learn(f"{y} | a:{a} b:{b} c:{d}")
    rows += batch.num_rows
"""
TOLD = """
print(json.dumps({"seconds": time.perf_counter() - began, "rows": rows,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "descent": globals().get("seconds_of_descent")}))
"""


def measured(text: str, *arguments: object, cache: Path) -> dict[str, float] | None:
    """What a process that runs this text tells of itself; None where a package is missing."""
    words = [sys.executable, "-c", "import json, resource, sys, time\n" + text + TOLD, *map(str, arguments)]
    done = subprocess.run(words, env=os.environ | {"TIDU_CACHE": str(cache)}, capture_output=True, text=True)
    if done.returncode and "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def generated(folder: Path, rows: int, kind: str) -> Path:
    """The file, which is made once."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    path = folder / f"points-{rows}.{kind}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.float64()) for name in COLUMNS])
    writer = (pq.ParquetWriter if kind == "parquet" else pa_csv.CSVWriter)(str(path), schema)
    random = np.random.default_rng(0)
    for first in range(0, rows, AT_ONCE):
        x = random.normal(size=(3, min(AT_ONCE, rows - first)))
        y = x[0] - 2.0 * x[1] + 0.5 * x[2] + random.normal(size=x.shape[1])
        writer.write_table(pa.table(dict(zip(COLUMNS, [*x, y], strict=True))))
    writer.close()
    return path


def line(name: str, found: dict[str, float] | None, size: float, ratio: float | None = None) -> str:
    """A row of the table."""
    if found is None:
        return f"{name:38} not installed"
    said = "" if ratio is None else f"{ratio:8.2f}"
    seconds, memory = found["seconds"], found["memory"] / 1e6
    return f"{name:38} {seconds:8.2f} s {size / seconds / 1e6:9.0f} MB/s {memory:8.0f} MB {said}"


def main() -> None:
    """Print a table for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tidu-stream"))
    parser.add_argument("--kinds", default="csv,parquet")
    parser.add_argument("--passes", type=int, default=20, help="over the store, for its speed")
    parser.add_argument("--whole", action="store_true", help="also pyarrow reading all into memory at once")
    parser.add_argument("--peers", action="store_true", help="also scikit-learn and Vowpal Wabbit")
    given = parser.parse_args()
    cache = given.folder / "cache"
    for kind in given.kinds.split(","):
        path = generated(given.folder, given.rows, kind)
        size = os.path.getsize(path)
        shutil.rmtree(cache, ignore_errors=True)
        measured(READ, path, 1, cache=cache)  # into the page cache, for all
        print(f"\n{path.name}: {size / 1e6:.0f} MB, {given.rows} rows")
        alone = measured(PYARROW, path, cache=cache)
        print(line("pyarrow to float64, block by block", alone, size))
        if given.whole:
            alone = measured(PYARROW_WHOLE, path, cache=cache)
            print(line("pyarrow to float64, all in memory", alone, size))
        first = measured(TIDU, path, 1, cache=cache)
        assert alone is not None
        assert first is not None
        print(line("tidu, first pass with one epoch", first, size, alone["seconds"] / first["seconds"]))
        (store,) = (cache / "columns").iterdir()
        bytes_ = os.path.getsize(store)
        read = measured(READ, store, given.passes, cache=cache)
        many = measured(TIDU, path, given.passes, cache=cache)
        assert read is not None
        assert many is not None
        print(line("the store's bytes, a pass", {**read, "seconds": read["seconds"] / given.passes}, bytes_))
        again = {**many, "seconds": many["descent"] / given.passes}
        print(line("tidu, a later pass", again, bytes_, read["seconds"] / many["descent"]))
        if given.peers:
            print(line("scikit-learn, partial_fit", measured(SKLEARN, path, cache=cache), size))
            if kind == "csv":
                print(line("Vowpal Wabbit", measured(VOWPAL_WABBIT, path, cache=cache), size))


if __name__ == "__main__":
    main()
