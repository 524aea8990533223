"""Files that are there whole or not at all: models, tables, pictures. Used by everything that writes one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tidu.errors import DataError
from tidu.text import _


def write_whole(path: str | os.PathLike[str], content: bytes | Iterable[bytes]) -> None:
    """Write a file so that whoever looks finds the old content or the new, never a part, after a power cut too.

    The content may come in pieces.
    A link is followed; what is no plain file (a device, a pipe) is written through.

    Raises
    ------
    DataError : it cannot be written; what was there is there still.
    """
    target, pieces = Path(path), [content] if isinstance(content, bytes) else content
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                file.writelines(pieces)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(_("'{path}' cannot be written: {reason}").format(path=target, reason=reason)) from None


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk too, where the system syncs folders at all."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
