"""Files at an address, such as `s3://bucket/points-*.parquet`: object stores and whatever else fsspec can open.

They are read like files on disk, from their beginning; what is streamed is copied column by column into the store on
this machine, while it arrives. Called by `files.py` and `streaming.py`.
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from typing import Any

from tidu.errors import DataError, MissingDependency
from tidu.text import _

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# By which the information of a file, in one system or another, says that it is no longer what it was.
_SIGNS = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created", "generation",
          "md5Hash", "Content-MD5")  # fmt: skip


def is_address(path: str) -> bool:
    """Whether a path is an address (`scheme://...`) rather than a file of this machine."""
    return _ADDRESS.match(path) is not None


@dataclass(frozen=True)
class RemoteFile:
    """A file of a system that fsspec knows; `path` is its name there."""

    system: Any
    path: str
    address: str  # as the user gave it, in sentences

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.rstrip("/").rpartition("/")[2]

    def opened(self) -> Any:
        """Its bytes, from the beginning.

        Raises
        ------
        DataError
        """
        try:
            return self.system.open(self.path, "rb")
        except FileNotFoundError:
            raise DataError(_("there is no file '{path}'").format(path=self.address)) from None
        except Exception as error:  # each system has its own
            raise _unreadable(self.address, error) from None

    def information(self) -> dict[str, Any]:
        """What the system says of it: its size, and by what one knows that it is still the same; empty if nothing."""
        try:
            return dict(self.system.info(self.path))
        except Exception:  # whoever opens it says what is wrong
            return {}

    @property
    def size(self) -> int:
        """Bytes; 0 where nobody says."""
        return int(self.information().get("size") or 0)

    @property
    def state(self) -> str | None:
        """What changes when it changes; None where nothing does."""
        known = self.information()
        signs = {sign: str(known[sign]) for sign in _SIGNS if known.get(sign) is not None}
        return f"{self.system.protocol} {self.path} {known.get('size')} {signs}" if signs else None


def remote_files(address: str) -> list[RemoteFile]:
    """The files that an address or a pattern stands for, in the order of their names.

    Raises
    ------
    DataError, MissingDependency
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingDependency(
            _("data at an address ({address}) need fsspec; install it with: pip install 'tidu[cluster]'").format(
                address=address
            )
        ) from None
    try:
        system, path = url_to_fs(address)
        paths = sorted(system.glob(path)) if glob.has_magic(path) else [path]
        folder = len(paths) == 1 and paths[0] == path and system.isdir(path)
    except Exception as error:  # each system has its own
        raise _unreadable(address, error) from None
    if folder:
        raise DataError(
            _("'{path}' is a folder; name a file, or a pattern such as '{path}/*.csv'").format(path=address.rstrip("/"))
        )
    if not paths:
        raise DataError(_("no file matches '{pattern}'").format(pattern=address))
    return [RemoteFile(system, each, address if each == path else system.unstrip_protocol(each)) for each in paths]


def _unreadable(address: str, error: Exception) -> DataError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(_("'{path}' cannot be read: {reason}").format(path=address, reason=reason))
