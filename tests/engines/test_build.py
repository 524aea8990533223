"""From text to module: the file is what runs, and no state of the cache folder can stop or change it."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import pytest

from tidu.cache import CACHE_VARIABLE
from tidu.engines.build import loop_folder, module_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache folder of the test's own, and no module in memory from before."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    loop_folder.cache_clear()
    yield tmp_path / "cache" / "loops"
    loop_folder.cache_clear()


_count = iter(range(10**9))


def fresh_source() -> str:
    """A module's text that no test has used."""
    return f"# {os.getpid()} {next(_count)}\n\n\ndef answer():\n    return 42\n"


def forget(module) -> None:
    del sys.modules[module.__name__]


def test_the_file_is_what_runs(folder):
    source = fresh_source()
    module = module_of(source)
    assert module.answer() == 42
    path = Path(module.__file__)
    assert path.parent == folder
    assert path.read_text(encoding="utf-8") == source
    assert sys.modules[module.__name__] is module
    assert [p.name for p in folder.iterdir()] == [path.name]  # no temporary file is left


def test_the_same_text_is_the_same_module_and_another_kind_is_another(folder):
    source = fresh_source()
    assert module_of(source) is module_of(source)
    assert module_of(source, "cost") is not module_of(source)
    assert module_of(source + " ") is not module_of(source)


@pytest.mark.parametrize(
    "damage",
    [b"", b"def answer():\n    return 43\n", b"def answ", b"\x00\x01\xff", "\ufeff# 编码".encode("utf-16")],
    ids=["empty", "changed", "cut", "binary", "encoding"],
)
def test_a_damaged_file_is_rewritten(folder, damage):
    source = fresh_source()
    first = module_of(source)
    path = Path(first.__file__)
    path.write_bytes(damage)
    forget(first)
    second = module_of(source)
    assert second is not first
    assert second.answer() == 42
    assert path.read_text(encoding="utf-8") == source


def test_a_good_file_is_left_alone(folder):
    source = fresh_source()
    first = module_of(source)
    path = Path(first.__file__)
    os.utime(path, (1, 1))
    forget(first)
    module_of(source)
    assert path.stat().st_mtime == 1


def test_something_else_in_the_files_place_is_survived_and_leaves_no_litter(folder):
    source = fresh_source()
    first = module_of(source)
    path = Path(first.__file__)
    path.unlink()
    (path / "not a file").mkdir(parents=True)
    forget(first)
    assert module_of(source).answer() == 42
    assert [p.name for p in folder.iterdir()] == [path.name]


def test_a_folder_that_vanishes_or_cannot_be_written_is_done_without(folder, monkeypatch):
    assert loop_folder() == folder
    folder.rmdir()
    assert module_of(fresh_source()).answer() == 42

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "read-only")

    folder.mkdir()
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    assert module_of(fresh_source()).answer() == 42
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("obstacle", ["a file stands there", "read-only"])
def test_without_a_usable_folder_a_temporary_one_serves(tmp_path, monkeypatch, obstacle):
    parent = tmp_path / "parent"
    if obstacle == "read-only":

        def refuse(**_kwargs):
            raise PermissionError(13, "read-only")

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    else:
        parent.write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(parent))
    loop_folder.cache_clear()
    try:
        module = module_of(fresh_source())
        assert module.answer() == 42
        assert Path(module.__file__).exists()
        assert parent not in Path(module.__file__).parents
    finally:
        loop_folder.cache_clear()


def test_text_that_does_not_run_is_not_kept(folder):
    source = fresh_source() + "raise ValueError('no')\n"
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            module_of(source)
    assert set(sys.modules) == before


def test_a_traceback_shows_the_line(folder):
    source = fresh_source() + "\n\ndef fail(number):\n    return 1 / (number - 1)  # the line\n"
    try:
        module_of(source).fail(1)
    except ZeroDivisionError:
        linecache.checkcache()
        assert "return 1 / (number - 1)  # the line" in traceback.format_exc()


def test_many_threads_get_one_whole_module(folder):
    source = "import time\n\ntime.sleep(0.05)\n\n\n" + fresh_source()
    barrier = threading.Barrier(8)
    found = []

    def ask():
        barrier.wait()
        module = module_of(source)
        found.append((module, module.answer()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(found[0][0], 42)] * 8


SCRIPT = """
import sys
from pathlib import Path
from tidu.engines.build import module_of
for k in range(40):
    source = f"# {k} {sys.argv[1]}\\n" + "#" * 50_000 + "\\ndef answer():\\n    return 42\\n"
    module = module_of(source)
    assert module.answer() == 42
    assert Path(module.__file__).read_text() == source
"""


def test_several_processes_at_once(folder):
    environment = os.environ | {CACHE_VARIABLE: str(folder.parent)}
    command = [sys.executable, "-c", SCRIPT, str(time.time())]
    running = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(4)
    ]
    for process in running:
        _out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert len(list(folder.glob("*.py"))) == 40
    assert list(folder.glob("*.tmp")) == []


def test_the_users_cache_folder_is_the_default(monkeypatch, tmp_path):
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name, appauthor: tmp_path / name)
    loop_folder.cache_clear()
    try:
        assert loop_folder() == tmp_path / "tidu" / "loops"
    finally:
        loop_folder.cache_clear()
