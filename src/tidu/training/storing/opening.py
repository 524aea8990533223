"""How the file of a store is opened: where it lies, for reading or for writing, and why that may not be, in words."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from tidu.text import _
from tidu.training.storing.schema import VARIABLE

PROJECT_FOLDER = ".tidu"  # where it exists in the current folder, runs are kept there
PAGE = 16_384  # bytes; a history is long, and written in half the time that it takes in pages of the usual size
LOG_PAGES = 4096  # of the log, before it is folded into the file while a run goes on
PATIENCE = 10.0  # seconds for another writer


def default_path() -> Path:
    """Where runs are kept: $TIDU_STORE, else the project's folder `.tidu` where there is one, else the user's data."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    if Path(PROJECT_FOLDER).is_dir():
        return Path(PROJECT_FOLDER) / "runs.sqlite"
    from platformdirs import user_data_path

    return user_data_path("tidu", appauthor=False) / "runs.sqlite"


def connected(path: Path) -> sqlite3.Connection:
    """A connection that reads and writes; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)


def prepare(writer: sqlite3.Connection) -> None:
    """Settle how a connection writes: into a log, which outlives a kill, and is whole after a power failure."""
    writer.execute(f"PRAGMA page_size={PAGE}")  # of a store that is new
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    writer.execute("PRAGMA synchronous=NORMAL")
    writer.execute("PRAGMA foreign_keys=ON")


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads.

    SQLite says in a file beside the store who reads it. Where it may not, and no log is there, nobody writes either.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        found = sqlite3.connect(address, uri=True, timeout=PATIENCE, check_same_thread=False)
        found.execute("PRAGMA user_version")
    except sqlite3.OperationalError as error:
        refused = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
        if not refused or path.with_name(f"{path.name}-wal").exists():
            raise
        found = sqlite3.connect(f"{address}&immutable=1", uri=True, check_same_thread=False)
    return found


def reason(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    """Why SQLite or the system refused, in words."""
    if isinstance(error, UnicodeDecodeError):
        return _("the file is damaged")
    if isinstance(error, OSError):
        return str(error.strerror or error)
    known = {
        sqlite3.SQLITE_BUSY: _("another process has been writing to it for {seconds:g} s").format(seconds=PATIENCE),
        sqlite3.SQLITE_FULL: _("the disk is full"),
        sqlite3.SQLITE_READONLY: _("it may only be read"),
        sqlite3.SQLITE_CANTOPEN: _("it cannot be opened"),
        sqlite3.SQLITE_CORRUPT: _("the file is damaged"),
        sqlite3.SQLITE_NOTADB: _("the file is no database"),
        sqlite3.SQLITE_IOERR: _("the disk is full, or fails"),
        sqlite3.SQLITE_TOOBIG: _("a part of the history is too large"),
    }
    return known.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
