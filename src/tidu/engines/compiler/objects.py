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
from functools import cache
from pathlib import Path
from typing import Any

from tidu.cache import CACHE_VARIABLE, cache_folder, open_private, private_folder, remove_oldest
from tidu.text import _

MOST_BYTES = 64 << 20
_NAME = "objects"  # of the folder
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
    return private_folder(_NAME)


def note_on_folder() -> str | None:
    """What to tell a person whose machine code is not kept."""
    if object_folder() is not None:
        return None
    return _(
        "machine code is not kept, but made anew in every process: {folder} must be a folder that you, and nobody "
        "else, can write to (chmod 700); or set {variable} to another folder"
    ).format(folder=cache_folder() / _NAME, variable=CACHE_VARIABLE)


def kept_object(key: str) -> Described | None:
    """What was kept by this name, if it is there and whole."""
    folder = object_folder()
    if folder is None:
        return None
    handle = open_private(folder / f"{key}.o")
    if handle is None:
        return None
    try:
        with open(handle, "rb") as file:
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
    import tempfile  # what is on disk is not written

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
        remove_oldest(folder, MOST_BYTES)
