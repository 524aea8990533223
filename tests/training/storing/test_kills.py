"""Some runs killed at random moments and taken up again have the bits of runs left alone; 200 in `benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "kills.py"


@pytest.mark.slow
def test_runs_that_are_killed_have_the_same_bits():
    """Descents, solvers in memory and from disk, and one on a cluster."""
    command = [sys.executable, SCRIPT, "--runs", "8", "--every", "8", "--seconds", "0.2", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 runs, 4 of them of solvers" in done.stdout
    assert "; 0 differ" in done.stdout
    assert ", 0 on clusters" not in done.stdout
