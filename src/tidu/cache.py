"""The cache folder: what may be deleted at any time. Loops, machine code and column stores lie there.

A part of it that is read back as it stands belongs to this user, and nobody else can write to it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Any

CACHE_VARIABLE = "TIDU_CACHE"


def cache_folder() -> Path:
    """$TIDU_CACHE, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("tidu", appauthor=False)


def private_folder(name: str) -> Path | None:
    """A folder of the cache; None where there is none that can be trusted and written to."""
    folder = cache_folder() / name
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_private(os.lstat(folder), stat.S_ISDIR) and os.access(folder, os.W_OK):
            return folder
    return None


def is_private(status: os.stat_result, is_kind: Any) -> bool:
    """Whether it is what it should be, this user's, and nobody else's to write to."""
    if not is_kind(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def open_private(path: Path) -> int | None:
    """A file of such a folder, opened for reading; None if it is not there, or not this user's alone."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    if is_private(os.fstat(handle), stat.S_ISREG):
        return handle
    os.close(handle)
    return None


def remove_oldest(folder: Path, most: float) -> None:
    """Delete the files that were used longest ago, until the others take no more than `most` bytes."""
    files = []
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):  # another process removes files too
            status = entry.stat(follow_symlinks=False)
            files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _time, size, _path in files)
    for _time, size, path in sorted(files):
        if total <= most:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
