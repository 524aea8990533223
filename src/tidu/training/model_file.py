"""Files of models and runs: safetensors with a header of JSON; no pickle. Written whole or not at all.

What a file says of itself is checked (`file_schema.py`) before its arrays are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy.typing as npt

from tidu.errors import ModelFileError
from tidu.text import _
from tidu.writing import write_whole

FORMAT = 5
SMALL = 1 << 24  # bytes; a file system may keep a smaller file in less
T = TypeVar("T")
Arrays = Mapping[str, npt.NDArray[Any]]
Prepared = Callable[[dict[str, Any], Mapping[str, tuple[str, tuple[int, ...]]]], Callable[[Arrays], T]]


@dataclass(frozen=True)
class Content:
    """What stands in a file: plain values for JSON, and arrays by name."""

    plain: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]

    def digest(self) -> str:
        """A hash of everything: a flipped bit must not become another model."""
        digest = hashlib.sha256(json.dumps(self.plain, allow_nan=True).encode())
        for name in sorted(self.arrays):
            array = self.arrays[name]
            digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        return digest.hexdigest()


def write(path: str | os.PathLike[str], content: Content) -> None:
    """Write a file with this content; an old file is replaced whole or not."""
    from safetensors.numpy import save as to_bytes

    plain = json.dumps({**content.plain, "format": FORMAT, "sha256": content.digest()}, allow_nan=True)
    write_whole(path, to_bytes(dict(content.arrays), metadata={"tidu": plain}))


def read(path: str | os.PathLike[str], prepared: Prepared[T]) -> T:
    """What a file holds. `prepared` checks all but the numbers, and gives the function that makes the rest of them.

    Raises
    ------
    ModelFileError
        There is no such file, or it is not one of tidu's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        _check_size(path)
        with safe_open(os.fspath(path), framework="np") as file:
            plain = json.loads((file.metadata() or {}).get("tidu", ""))
            if plain["format"] != FORMAT:
                newer = _("'{path}' was saved by a newer version of tidu; update tidu")
                older = _("'{path}' was saved by an older version of tidu; fit the model again")
                sentence = newer if plain["format"] > FORMAT else older
                raise ModelFileError(sentence.format(path=os.fspath(path)))
            del plain["format"]
            digest = plain.pop("sha256")
            names = list(file.keys())
            slices = {name: file.get_slice(name) for name in names}
            made_of = prepared(plain, {n: (s.get_dtype(), tuple(s.get_shape())) for n, s in slices.items()})
            arrays = {name: file.get_tensor(name) for name in names}
        if digest != Content(plain, arrays).digest():
            raise ValueError(_("its content is damaged"))
        return made_of(arrays)
    except FileNotFoundError:
        raise ModelFileError(_("there is no file '{path}'").format(path=os.fspath(path))) from None
    except ModelFileError:
        raise
    except RecursionError:
        raise ModelFileError(
            _("'{path}' is not a model saved by tidu: {reason}").format(
                path=os.fspath(path), reason=_("its values are nested too deeply")
            )
        ) from None
    except (SafetensorError, json.JSONDecodeError):
        raise ModelFileError(
            _("'{path}' is not a model saved by tidu: {reason}").format(
                path=os.fspath(path), reason=_("its form is another")
            )
        ) from None
    except (LookupError, AttributeError, OSError, ValueError, TypeError, ArithmeticError) as error:
        raise ModelFileError(
            _("'{path}' is not a model saved by tidu: {reason}").format(
                path=os.fspath(path), reason=str(error)[:100] or type(error).__name__
            )
        ) from None


def _check_size(path: str | os.PathLike[str]) -> None:
    """Refuse a file that would fill the memory: one with holes, or one larger than all of it."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise ValueError(_("it is a folder"))
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(_("a model is read from a plain file, not from a pipe or a device"))
    on_disk = getattr(found, "st_blocks", found.st_size) * 512
    if found.st_size > SMALL and on_disk < found.st_size // 2:
        raise ValueError(_("the file has holes: {size} bytes, of which {disk} are on the disk").format(
            size=found.st_size, disk=on_disk
        ))  # fmt: skip
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not told by this system
        return
    if found.st_size > memory:
        raise ValueError(_("its {size} bytes are more than the memory of this machine").format(size=found.st_size))


def number_or_array(array: npt.NDArray[Any]) -> Any:
    """A float, where an array holds one number."""
    return float(array) if array.ndim == 0 else array
