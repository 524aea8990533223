"""The wheel that would be published: its size, its version, and what lies in it."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import tidu

ROOT = Path(__file__).parents[1]
# Bytes. It was 1,338,140: Python 1,029,205, lessons and walks 63,838, the lab's page 52,548, the Chinese catalogue
# 48,816, digits 42,809, metadata 29,914, and 71,010 for the names and headers of 543 files. A wheel deflates each file
# by itself; the best that deflate can do (zopfli) is 3% less. 1,000,000 needs a second package.
LARGEST = 1_360_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_it_is_small(wheel):
    assert wheel.stat().st_size < LARGEST


@pytest.mark.slow
def test_its_version_is_the_packages_own(wheel):
    with zipfile.ZipFile(wheel) as content:
        (metadata,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(content.read(metadata).decode())
    assert told["Version"] == tidu.__version__
    assert told["Requires-Python"] == ">=3.11"


@pytest.mark.slow
def test_it_has_what_the_package_reads(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    package = ROOT / "src" / "tidu"
    needed = {p.relative_to(ROOT / "src").as_posix() for p in package.rglob("*")
              if p.is_file() and p.suffix not in (".pyc", ".po")}  # fmt: skip
    assert needed <= names
    assert {"tidu/locale/zh/sentences.bz2", "tidu/locale/zh/LC_MESSAGES/tidu.mo"} <= names
