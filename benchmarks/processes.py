"""Whole processes of Python as contenders: what they print, with a cache folder and a store of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from measure import NotAvailableError

SCRIPTS = Path(__file__).parent / "workloads" / "scripts"


def output_of(cache: Path, arguments: list[str], sources: Path | None = None) -> str:
    """What `python ARGUMENTS` prints; with the package that lies in `sources`, where it is another than this one.

    Raises
    ------
    ImportError, NotAvailableError
        It failed, because a package is not installed, or otherwise.
    """
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = os.environ | {"TIDU_CACHE": str(cache), "TIDU_STORE": str(cache / "runs.sqlite"), "TIDU_LANG": "en"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it doubles the time of imports
    if sources is not None:
        environment["PYTHONPATH"] = str(sources)
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ImportError(last) if "ModuleNotFoundError" in last else NotAvailableError(last)
    return done.stdout
