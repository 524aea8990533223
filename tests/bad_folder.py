"""The folder in which bad commands are tried: a table, a model, a store with one run; and ways to spoil these."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

import tidu
from tidu.training.storing.checkpoints import Checkpoint

STORE = "runs.sqlite"


@contextlib.contextmanager
def prepared(spoilt: str | None) -> Iterator[None]:
    """The working folder filled, and then spoilt by one of the functions below."""
    Path("points.csv").write_text("x,y,z\n1,2,-1\n2,3.5,1\n3,6,1\n")
    tidu.fit("y = w*x + b", "points.csv", epochs=3, store=STORE).save("line.tidu")
    held = None if spoilt is None else globals()[spoilt]()
    try:
        yield
    finally:
        if held is not None:
            held.close()


# -- files of any kind ------------------------------------------------------------------------------
def folder() -> None:
    os.mkdir("folder")


def empty() -> None:
    Path("empty").touch()


def other_columns() -> None:
    Path("other.csv").write_text("x1,y\n1,2\n")


def no_data() -> None:
    os.unlink("points.csv")


# -- models -----------------------------------------------------------------------------------------
def half() -> None:
    content = Path("line.tidu").read_bytes()
    Path("half.tidu").write_bytes(content[: len(content) // 2])


def flipped() -> None:
    content = bytearray(Path("line.tidu").read_bytes())
    content[-3] ^= 1
    Path("flipped.tidu").write_bytes(content)


def newer_model() -> None:
    changed("newer.tidu", format=99)


def other_shape() -> None:
    changed("shape.tidu", arrays={"params/w": np.zeros((3, 3))})


def changed(path: str, arrays: dict[str, np.ndarray] | None = None, **plain: object) -> None:
    """The model with other arrays and values."""
    with safe_open("line.tidu", framework="np") as file:
        values = json.loads(file.metadata()["tidu"]) | plain
        found = {name: file.get_tensor(name) for name in file.keys()} | (arrays or {})  # noqa: SIM118
    Path(path).write_bytes(save(found, metadata={"tidu": json.dumps(values)}))


def pickled() -> None:
    Path("model.pkl").write_bytes(pickle.dumps({"w": 1.0}))


def foreign_tensors() -> None:
    Path("foreign.safetensors").write_bytes(save({"weight": np.zeros(3)}))


# -- stores -----------------------------------------------------------------------------------------
def sql(statement: str, values: tuple[object, ...] = (), path: str = STORE) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def text_store() -> None:
    Path("text.sqlite").write_text("this is no database, and long enough to be told from one\n" * 9)


def foreign_store() -> None:
    sql("CREATE TABLE bookmarks (address TEXT)", path="foreign.sqlite")


def newer_store() -> None:
    sql("PRAGMA user_version = 99")


def half_store() -> None:
    sql("PRAGMA wal_checkpoint(TRUNCATE)")  # else all of it may stand in the log besides
    content = Path(STORE).read_bytes()
    Path(STORE).write_bytes(content[:20_000])


def no_json() -> None:
    sql("UPDATE runs SET facts = '{'")


def other_facts() -> None:
    sql("UPDATE runs SET facts = json_set(facts, '$.loss', 'low')")


def other_settings() -> None:
    sql("UPDATE runs SET facts = json_set(facts, '$.settings.speed', 3)")


def other_width() -> None:
    sql("UPDATE history SET cells = zeroblob(8)")


def zeros() -> None:
    sql("UPDATE checkpoints SET state = zeroblob(length(state))")


def foreign_checkpoint() -> None:
    other = tidu.fit("y = a*x**2 + c*x + d", "points.csv", epochs=1)
    point = Checkpoint.of("last", other.state, 1, None)
    sql("UPDATE checkpoints SET state = ?, digest = ?", (point.content, point.digest))


def locked() -> sqlite3.Connection:
    connection = sqlite3.connect(STORE)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def store_is_folder() -> None:
    _away()
    os.mkdir(STORE)


def store_is_text() -> None:
    text_store()
    _away()
    shutil.move("text.sqlite", STORE)


def store_is_foreign() -> None:
    foreign_store()
    _away()
    shutil.move("foreign.sqlite", STORE)


def _away() -> None:
    for file in Path().glob(f"{STORE}*"):
        file.unlink(missing_ok=True)  # the store may be taking its log away itself
