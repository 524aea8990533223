"""The suite in two parts: what a quick run takes, what it leaves out, and that nothing is lost between them."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.sampled(3)
@pytest.mark.parametrize("k", range(8))
def test_cases(k): pass

@pytest.mark.slow
def test_slow(): pass

def test_quick(): pass
"""


def collected(folder, *options):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider", *options]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {line.partition("::")[2] for line in ran.stdout.splitlines() if "::" in line}


@pytest.mark.slow
def test_the_parts_are_the_whole(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_some.py").write_text(TESTS)
    (tmp_path / "tests" / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nmarkers =\n    slow\n    sampled\n")
    whole = {"test_slow", "test_quick", *(f"test_cases[{k}]" for k in range(8))}
    quick, slow = collected(tmp_path), collected(tmp_path, "--only-slow")
    assert quick == {"test_quick", "test_cases[0]", "test_cases[2]", "test_cases[5]"}
    assert slow == whole - quick
    assert collected(tmp_path, "--exhaustive") == whole
    assert collected(tmp_path, "tests/test_some.py") == whole  # who names a file means all of it
