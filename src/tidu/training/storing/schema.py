"""The tables of a store, of every version: a new store goes through all of them, an older one through the last."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tidu.errors import StoreError
from tidu.text import _

VARIABLE = "TIDU_STORE"

# Each makes of a store of the version before one of its own; a new store goes through all of them.
MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        began REAL NOT NULL,
        updated REAL NOT NULL,
        status TEXT NOT NULL,
        facts TEXT NOT NULL,
        tags TEXT NOT NULL DEFAULT '[]',
        remark TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE history (
        run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        first INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        cells BLOB NOT NULL,
        PRIMARY KEY (run, first)
    );
    CREATE TABLE checkpoints (
        run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        step INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        digest TEXT NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (run, kind)
    );
    """,
    """
    CREATE TABLE judged (
        run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        first INTEGER NOT NULL,
        losses BLOB NOT NULL,
        PRIMARY KEY (run, first)
    );
    """,
    """
    CREATE TABLE answers (
        run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
        question BLOB NOT NULL,
        digest BLOB NOT NULL,
        numbers BLOB NOT NULL,
        PRIMARY KEY (run, question)
    ) WITHOUT ROWID;
    """,
)

TABLES = {"runs", "history", "checkpoints"}  # of a store of any version


def check_version(connection: sqlite3.Connection, path: Path, reading: bool) -> None:
    """Refuse what is no store, or one of a later version; a store of an earlier one can be read as it is.

    Raises
    ------
    StoreError
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    is_new = not tables and not version and not reading
    if not is_new and (version < 1 or not tables >= TABLES):
        sentence = _("'{path}' is a database, but no store of tidu's; name another by {variable}, or give --no-store")
        raise StoreError(sentence.format(path=path, variable=VARIABLE))
    if version > len(MIGRATIONS):
        sentence = _("the store '{path}' was made by a newer version of tidu; update tidu, or name another by "
                     "{variable}, or give --no-store")  # fmt: skip
        raise StoreError(sentence.format(path=path, variable=VARIABLE))


def migrate(connection: sqlite3.Connection) -> None:
    """Make a store of this version of one that is older, or new; all of it, or nothing."""
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in MIGRATIONS[_version(connection) :]:  # another process may have done it meanwhile
            for statement in filter(str.strip, migration.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
