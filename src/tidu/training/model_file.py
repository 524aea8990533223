"""Files of models and runs: safetensors with a header of JSON; no pickle. Written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy.typing as npt

from tidu.errors import ModelFileError
from tidu.files import write_whole
from tidu.text import _

FORMAT = 3
T = TypeVar("T")


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


def read(path: str | os.PathLike[str], made_of: Callable[[Content], T]) -> T:
    """What `made_of` makes of the content of a file.

    Raises
    ------
    ModelFileError
        There is no such file, or it is not one of tidu's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="np") as file:
            plain = json.loads((file.metadata() or {})["tidu"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        if plain["format"] != FORMAT:
            newer = plain["format"] > FORMAT
            words = _("a newer version of tidu") if newer else _("an older version of tidu; fit the model again")
            raise ModelFileError(_("'{path}' was saved by {version}").format(path=os.fspath(path), version=words))
        del plain["format"]
        digest = plain.pop("sha256")
        content = Content(plain, arrays)
        if digest != content.digest():
            raise ValueError(_("its content is damaged"))
        return made_of(content)
    except FileNotFoundError:
        raise ModelFileError(_("there is no file '{path}'").format(path=os.fspath(path))) from None
    except ModelFileError:
        raise
    except (SafetensorError, LookupError, AttributeError, OSError, ValueError, TypeError) as error:
        raise ModelFileError(
            _("'{path}' is not a model saved by tidu: {reason}").format(
                path=os.fspath(path), reason=str(error)[:100] or type(error).__name__
            )
        ) from None


def number_or_array(array: npt.NDArray[Any]) -> Any:
    """A float, where an array holds one number."""
    return float(array) if array.ndim == 0 else array
