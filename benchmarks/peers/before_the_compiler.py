"""tidu as it was when it stood on Numba: a checkout of the last such commit, for a process of its own.

There was no release in those days, so the commit is named. It needs numba, which `requirements-dev.lock` has.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from measure import NotAvailableError

COMMIT = "185cf5b"  # the one before "A compiler of our own"
ROOT = Path(__file__).resolve().parents[2]


def sources(folder: Path) -> Path:
    """Its `src`, unpacked in `folder`: what `PYTHONPATH` is to name."""
    asked = ["git", "-C", str(ROOT), "archive", "--format=tar", COMMIT, "src"]
    try:
        packed = subprocess.run(asked, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise NotAvailableError(f"the history has no commit {COMMIT} (a shallow clone?)") from None
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"
