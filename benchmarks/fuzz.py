"""Damaged and random input for formulas, CSV, model files and stores: no traceback, no hang, no flood of memory.

    python benchmarks/fuzz.py --seconds 600 --seed 1

Inputs are good ones with parts cut out, doubled, exchanged or flipped. Each must be read, or be refused with an error
of tidu's, within five seconds; a process that tries a few hundred of them must stay under a gigabyte.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

import tidu
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing.store import Store

LIMIT = 5  # seconds for one input
MOST_MEMORY = 1 << 30  # bytes that a process may hold
IN_A_PROCESS = 200  # inputs
LINE = "y = w*x + b"
FORMULAS = (
    LINE, "y = a*exp(-k*x) + c", "y = poly(x, 3)", "y = linear(x, z)", "y = a / (1 + exp(-(x - m)/s))",
    "y = mlp(x, z, hidden=[4, 3], activation='tanh')", "y = where(x > 0, w*x, v*x) + b", "y = C(x) + w*z",
    "y = w*x**2 + log(1 + u**2*z**2)", "y = max(w*x, b, 0.5) - abs(z)", "log(y + 10) = w*x + b",
    "y = sin(2*pi*f*x + p)",
)  # fmt: skip
TOKENS = (
    "(", ")", "*", "**", "/", "+", "-", "=", ",", "[", "]", "x", "y", "z", "w", "exp", "mlp", "hidden=", "0", "1e308",
    "1e-320", "9" * 30, " ", "'", '"', "`", "<", "and", "not", "if", "lambda", "：", "（", "²", "梯度", "\x00", "\n",
    "∞", "nan", "inf", "C(", "days(", ".", "..", "%", "!", "@", "#", "\\", "\U0001f600", "linear(", "poly(x, ",
    "dropout(",
)  # fmt: skip
CSV = (
    b"x,y,z\n1,2,3\n2,3.5,1\n3,6,0\n",
    b"\xef\xbb\xbfx;y;z\n1,5;2;3\n2,5;3,5;1\n",
    b"# a comment\nx\ty\tz\n1e3\t-2\t.5\n4\t5\t6\n",
    'x,y,z\n"1","2,0",梯度\n3,4,5\n'.encode(),
    "x,y,z\n1,2,3\n".encode("utf-16"),
)
PIECES = (b",", b"\n", b"\r", b'"', b"\x00", b"\xff", b"1e999", b"nan", b"-", b"9" * 400, b"\xef\xbb\xbf", b";",
          b"\t", b"'", b"\xff\xfe", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"#", b"%", b"2024-01-31")  # fmt: skip
COLUMNS = (
    ("runs", "facts"), ("runs", "tags"), ("history", "cells"), ("history", "rows"), ("checkpoints", "state"),
    ("checkpoints", "step"), ("judged", "losses"),
)  # fmt: skip


def mutated(random: np.random.Generator, content: bytes, pieces: tuple[bytes, ...]) -> bytes:
    """A good input with some parts cut out, doubled, exchanged or flipped."""
    found = bytearray(content)
    for _time in range(int(random.integers(1, 6))):
        at = int(random.integers(len(found) + 1))
        to = min(len(found), at + int(random.geometric(0.15)))
        what = int(random.integers(5))
        if what == 0:
            del found[at:to]
        elif what == 1:
            found[at:at] = found[at:to] * int(random.integers(1, 4))
        elif what == 2 and at < len(found):
            found[at] ^= 1 << int(random.integers(8))
        elif what == 3:
            found[at:at] = pieces[int(random.integers(len(pieces)))]
        else:
            found[at:to] = random.integers(0, 256, to - at, dtype=np.uint8).tobytes()
    return bytes(found)


def formula(random: np.random.Generator, _folder: Path) -> bytes:
    """A formula."""
    if random.random() < 0.3:
        words = [TOKENS[k] for k in random.integers(0, len(TOKENS), int(random.integers(1, 30)))]
        return ("y = " + "".join(words)).encode()
    good = FORMULAS[int(random.integers(len(FORMULAS)))].encode()
    return mutated(random, good, tuple(token.encode() for token in TOKENS))


def fit_formula(content: bytes, _folder: Path) -> None:
    """Fit it for two epochs."""
    x = np.array([0.5, 1.0, 2.0, 3.0])
    tidu.fit(content.decode(errors="replace"), {"x": x, "y": 2 * x + 1, "z": x[::-1] - 1}, epochs=2, engine="python")


def csv(random: np.random.Generator, _folder: Path) -> bytes:
    """The bytes of a CSV."""
    return mutated(random, CSV[int(random.integers(len(CSV)))], PIECES)


def fit_csv(content: bytes, folder: Path) -> None:
    """Fit a line to it."""
    (folder / "d.csv").write_bytes(content)
    tidu.fit(LINE, folder / "d.csv", epochs=1, engine="python")


def model_file(random: np.random.Generator, folder: Path) -> bytes:
    """The bytes of a model file."""
    return mutated(random, (folder / "good.tidu").read_bytes(), PIECES)


def load_model(content: bytes, folder: Path) -> None:
    """Load it, and predict."""
    (folder / "m.tidu").write_bytes(content)
    run = tidu.load(folder / "m.tidu")
    run.predict({"x": [1.0, 2.0]})


def store_file(random: np.random.Generator, folder: Path) -> bytes:
    """The bytes of a store; half of the time, those of a whole database with other content in it."""
    content = (folder / "good.sqlite").read_bytes()
    if random.random() < 0.5:
        return mutated(random, content, PIECES)
    path = folder / "changed.sqlite"
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as connection:
        table, column = COLUMNS[int(random.integers(len(COLUMNS)))]
        (old,) = connection.execute(f"SELECT {column} FROM {table}").fetchone()
        text = old if isinstance(old, bytes) else str(old).encode()
        new = mutated(random, text, PIECES)
        value = new if isinstance(old, bytes) else new.decode(errors="replace")
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
        if column == "state" and random.random() < 0.5:  # whoever writes a file can give it the right hash
            connection.execute("UPDATE checkpoints SET digest = ?", (hashlib.sha256(new).hexdigest(),))
        connection.commit()
    return path.read_bytes()


def read_store(content: bytes, folder: Path) -> None:
    """List it, read its run, and take that up."""
    for file in folder.glob("s.sqlite*"):
        file.unlink(missing_ok=True)  # a store that was closed may still be folding its log
    path = folder / "s.sqlite"
    path.write_bytes(content)
    tidu.runs(path)
    with Store(path) as store:
        run_in(store, 1)
        resumed_from(store, 1, epochs=1)


Maker, Reader = Callable[[np.random.Generator, Path], bytes], Callable[[bytes, Path], None]
KINDS: dict[str, tuple[Maker, Reader]] = {
    "formula": (formula, fit_formula), "csv": (csv, fit_csv), "model": (model_file, load_model),
    "store": (store_file, read_store),
}  # fmt: skip


def _too_long(_number: int, _frame: object) -> None:
    raise TimeoutError(f"more than {LIMIT} s")


def some(kind: str, seed: int, first: int, folder: Path, answers: multiprocessing.SimpleQueue) -> None:  # type: ignore[type-arg]
    """Try a few hundred inputs; tells of each that it began, and of what is wrong."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    signal.signal(signal.SIGALRM, _too_long)
    make, read = KINDS[kind]
    for number in range(first, first + IN_A_PROCESS):
        content = make(np.random.default_rng([seed, number]), folder)
        answers.put((number, content, ""))
        signal.alarm(LIMIT)
        try:
            read(content, folder)
        except tidu.TiduError as error:
            if not str(error).strip():
                answers.put((number, content, "an error without words"))
        except BaseException:
            answers.put((number, content, traceback.format_exc(limit=-3)))
        finally:
            signal.alarm(0)
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > MOST_MEMORY:
        answers.put((first, b"", "more than a gigabyte"))


def main() -> int:
    """Try inputs of every kind in turn; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    given = parser.parse_args()
    tried: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    processes = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        folder, began, first = Path(name), time.monotonic(), 0
        data = folder / "good.csv"
        data.write_text("x,y\n1,2\n2,3\n3,5\n4,6\n")
        run = tidu.fit(LINE, data, epochs=5, validation=0.25, store=folder / "good.sqlite", engine="python")
        run.save(folder / "good.tidu")
        while time.monotonic() - began < given.seconds:
            for kind in given.kinds:
                answers = processes.SimpleQueue()
                process = processes.Process(target=some, args=(kind, given.seed, first, folder, answers))
                process.start()
                last, told = b"", []
                while process.is_alive() or not answers.empty():
                    if answers.empty():
                        process.join(0.01)
                        continue
                    number, last, words = answers.get()
                    tried[kind] += not words
                    told += [(number, last, words)] if words else []
                if process.exitcode:
                    told.append((-1, last, f"the process ended with {process.exitcode}"))
                for number, content, words in told:
                    wrong[kind] += 1
                    print(f"{kind} {number}: {content[:300]!r}\n{words}", flush=True)
            first += IN_A_PROCESS
    print(", ".join(f"{kind}: {tried[kind]} inputs, {wrong[kind]} wrong" for kind in given.kinds))
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("TIDU_LANG", "en")
    sys.exit(main())
