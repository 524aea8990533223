"""Object code kept on disk: by the hash of everything that it depends on, in a folder that only its user can write to.

A file is a line that says what it is, the hash of the rest, a description in JSON, and the code. What is damaged, or
belongs to somebody else, or could be written to by others, is not read; then the code is made again. Several
processes may do this at once. The oldest files go once all take more than `MOST_BYTES`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tidu.engines.build import LOOP_FOLDER_VARIABLE, cache_folder
from tidu.text import _

MOST_BYTES = 64 << 20
_FIRST_LINE = b"tidu object code 1\n"
_DIGEST = hashlib.sha256().digest_size

Described = tuple[dict[str, Any], bytes]  # the description, and the code


@cache
def code_version() -> bytes:
    """The hash of the compiler's own text and of what loops call: code that was made by another is of no use."""
    here = Path(__file__).parent
    table = here.parent.parent / "language" / "ops.py"  # which says how machine code has them
    files = [*sorted(here.glob("*.py")), *sorted((here.parent.parent / "runtime").glob("*.py")), table]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()


def key_of(*parts: str) -> str:
    """The name of code that follows from these."""
    digest = hashlib.sha256(code_version())
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


@cache
def object_folder() -> Path | None:
    """The folder; None where there is none that can be trusted, and code is made anew in every process."""
    folder = _folder()
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _trusted(os.lstat(folder), stat.S_ISDIR) and os.access(folder, os.W_OK):
            return folder
    return None


def _folder() -> Path:
    return cache_folder() / "objects"


def note_on_folder() -> str | None:
    """What to tell a person whose machine code is not kept."""
    if object_folder() is not None:
        return None
    return _(
        "machine code is not kept, but made anew in every process: {folder} must be a folder that you, and nobody "
        "else, can write to (chmod 700); or set {variable} to another folder"
    ).format(folder=_folder(), variable=LOOP_FOLDER_VARIABLE)


def _trusted(status: os.stat_result, is_kind: Any) -> bool:
    """Whether it is what it should be, this user's, and nobody else's to write to."""
    if not is_kind(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def kept_object(key: str) -> Described | None:
    """What was kept by this name, if it is there and whole."""
    folder = object_folder()
    if folder is None:
        return None
    try:
        with open(os.open(folder / f"{key}.o", os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            if not _trusted(os.fstat(file.fileno()), stat.S_ISREG):
                return None
            whole = file.read()
    except OSError:
        return None
    body = whole[len(_FIRST_LINE) + _DIGEST :]
    if whole[: len(_FIRST_LINE) + _DIGEST] != _FIRST_LINE + hashlib.sha256(key.encode() + body).digest():
        return None
    with contextlib.suppress(OSError):
        os.utime(folder / f"{key}.o")  # used: the oldest files go first
    description, _newline, code = body.partition(b"\n")
    return json.loads(description), code


def keep_object(key: str, description: dict[str, Any], code: bytes) -> None:
    """Keep code by a name, if there is a folder for it."""
    folder = object_folder()
    if folder is None:
        return
    body = json.dumps(description).encode() + b"\n" + code
    with contextlib.suppress(OSError):  # a full disk costs time, nothing else
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_FIRST_LINE + hashlib.sha256(key.encode() + body).digest() + body)
            os.replace(temporary, folder / f"{key}.o")
        except BaseException:
            os.unlink(temporary)
            raise
        _remove_oldest(folder)


def _remove_oldest(folder: Path) -> None:
    files = []
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):  # another process removes files too
            status = entry.stat(follow_symlinks=False)
            files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _time, size, _path in files)
    for _time, size, path in sorted(files):
        if total <= MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
