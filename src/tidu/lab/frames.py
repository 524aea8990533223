"""What goes over the socket: requests as JSON, replies as JSON or, where they hold many numbers, as binary frames.

A binary frame is four bytes (the length of the head, little-endian), the head as JSON padded to a multiple of eight,
and the arrays one after the other, each at a multiple of eight bytes. The head's `arrays` says name, kind, shape and
place.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.errors import SettingError
from tidu.text import _
from tidu.training.as_json import json_safe

_KINDS = {"float64": "<f8", "float32": "<f4", "int32": "<i4"}


@dataclass(frozen=True)
class Reply:
    """Plain values, and arrays of numbers by name: of float64, float32 or int32."""

    plain: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def with_plain(self, **more: Any) -> Reply:
        """The reply with more plain values."""
        return Reply({**self.plain, **more}, self.arrays)

    def __or__(self, other: Reply) -> Reply:
        return Reply(self.plain | other.plain, self.arrays | other.arrays)


def request_of(text: str) -> dict[str, Any]:
    """The request that a frame of text holds.

    Raises
    ------
    SettingError : it is no JSON object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SettingError(_("the message is not a JSON object"))
    return found


def frame_of(reply: Reply) -> str | bytes:
    """The frame that a reply is sent in."""
    plain = json_safe(reply.plain)
    if not reply.arrays:
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)
    places, parts, at = [], [], 0
    for name, array in reply.arrays.items():
        kind = array.dtype.name
        content = np.ascontiguousarray(array, dtype=_KINDS[kind]).tobytes()
        places.append({"name": name, "kind": kind, "shape": list(array.shape), "at": at})
        content += b"\0" * (-len(content) % 8)
        parts.append(content)
        at += len(content)
    head = json.dumps({**plain, "arrays": places}, ensure_ascii=False, allow_nan=False).encode()
    head += b" " * (-(4 + len(head)) % 8)
    return b"".join([struct.pack("<I", len(head)), head, *parts])
