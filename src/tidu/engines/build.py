"""From the text of a loop to a function: a real module, in a real file, that a debugger and a traceback can show.

The file is named by the hash of its content and lies in the user's cache folder. It is registered in `sys.modules`
before it runs, and rewritten if what lies there is not what it should be. Several processes may do this at once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

from tidu.cache import cache_folder

_building = threading.RLock()


@functools.cache
def loop_folder() -> Path:
    """Where generated modules are kept: in the cache folder, else in a temporary one."""
    import tempfile

    folder = cache_folder() / "loops"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="tidu-loops-"))


def module_of(source: str, kind: str = "loop") -> ModuleType:
    """The module whose text is `source`; the same text gives the same module object."""
    name = f"tidu_{kind}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    with _building:  # another thread must not be given a module that has yet to run
        return _module_named(name, source)


def module_text(module: ModuleType) -> str:
    """The text that a module of `module_of` was made of."""
    text: str = vars(module)["__source__"]
    return text


def _module_named(name: str, source: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    path = loop_folder() / f"{name}.py"
    _write_if_different(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    module.__dict__["__source__"] = source
    try:
        # Compiled from the text in hand, not from the file, which another process may be replacing.
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _write_if_different(path: Path, source: str) -> None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == source:
            return
    import tempfile  # few loops are new

    with contextlib.suppress(OSError):  # without the file the loop still runs; only a debugger misses it
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(source)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
