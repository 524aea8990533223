"""What object code depends on besides its text: the processor, and LLVM, which need not be imported to know."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import sys
from functools import cache
from pathlib import Path

_OF_PROCESSOR = (b"vendor_id", b"cpu family", b"model", b"stepping", b"flags")  # lines of /proc/cpuinfo
_FIRST = 1 << 14  # bytes of it, in which the first core stands


@cache
def processor() -> str:
    """The processor with what it can do, and LLVM's version."""
    known = _by_files()
    if known is not None:
        return known
    from tidu.engines.compiler.processor import described  # it imports LLVM

    return described()


def _by_files() -> str | None:
    """The same as the system's files tell it; None where there are no such files."""
    package = importlib.util.find_spec("llvmlite")
    if sys.platform != "linux" or platform.machine() != "x86_64" or package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    try:
        with open("/proc/cpuinfo", "rb") as file:
            core = file.read(_FIRST).partition(b"\n\n")[0]
        version = (folder / "_version.py").read_bytes()
        library = (folder / "binding" / "libllvmlite.so").stat()
    except OSError:
        return None
    lines = [line for line in core.split(b"\n") if line.split(b"\t")[0] in _OF_PROCESSOR]
    if len(lines) != len(_OF_PROCESSOR):
        return None
    digest = hashlib.sha256(b"\n".join([*lines, version]))
    return f"x86_64, {digest.hexdigest()}, {library.st_size}, {library.st_mtime_ns}"
