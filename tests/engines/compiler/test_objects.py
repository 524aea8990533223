"""Object code on disk: found again, and never read when it is damaged, foreign or open to others."""

import gc
import multiprocessing
import os
import platform
import stat
import subprocess
import sys

import pytest

import tidu
from tidu.engines.compiler import calls, objects, processor
from tidu.engines.compiler.calls import compiled

TEXT = "def f(a):\n    return a * 2.5 + 1.0\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of this test alone, and no memory of what was made before."""
    monkeypatch.setenv("TIDU_CACHE", str(tmp_path))
    for cached in (objects.object_folder, processor._linker):  # a linker knows each name once
        cached.cache_clear()
    monkeypatch.setattr(calls, "_made", {})
    yield tmp_path / "objects"
    objects.object_folder.cache_clear()


def again(monkeypatch):
    """As a new process would begin."""
    monkeypatch.setattr(calls, "_made", {})
    processor._linker.cache_clear()
    objects.object_folder.cache_clear()


def not_made(monkeypatch):
    """Fails where something is compiled."""

    def refuse(text):
        raise AssertionError("it is on disk")

    monkeypatch.setattr(processor, "object_code", refuse)


def test_what_was_made_is_found(folder, monkeypatch):
    assert compiled(TEXT, "f")(2.0) == 6.0
    (file,) = folder.glob("*.o")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert file.read_bytes().startswith(b"tidu object code")
    again(monkeypatch)
    not_made(monkeypatch)
    assert compiled(TEXT, "f")(2.0) == 6.0
    for other in ({"source": TEXT.replace("2.5", "3.5")}, {"source": TEXT, "fast": True}):
        with pytest.raises(AssertionError, match="on disk"):
            compiled(**other, name="f")(2.0)
    with pytest.raises(AssertionError, match="on disk"):
        compiled(TEXT, "f")(2)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another", "noise"])
def test_a_damaged_file_is_made_anew(folder, monkeypatch, damage):
    compiled(TEXT, "f")(2.0)
    (file,) = folder.glob("*.o")
    whole = file.read_bytes()
    if damage == "another":  # a good file under a wrong name
        again(monkeypatch)
        compiled(TEXT.replace("2.5", "9.5"), "f")(2.0)
        (other,) = set(folder.glob("*.o")) - {file}
        file.write_bytes(other.read_bytes())
    else:
        place = len(whole) // 2
        flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        file.write_bytes({"cut": whole[:-9], "flipped": flipped, "empty": b"", "noise": os.urandom(500)}[damage])
    again(monkeypatch)
    assert compiled(TEXT, "f")(2.0) == 6.0
    assert file.read_bytes()[:60] == whole[:60]
    again(monkeypatch)
    not_made(monkeypatch)
    assert compiled(TEXT, "f")(2.0) == 6.0


def test_a_file_that_others_may_write_is_not_read(folder, monkeypatch):
    compiled(TEXT, "f")(2.0)
    (file,) = folder.glob("*.o")
    for mode in (0o602, 0o620):
        file.chmod(mode)
        again(monkeypatch)
        assert objects.kept_object(file.stem) is None
        assert compiled(TEXT, "f")(2.0) == 6.0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600  # it was made anew


def test_a_link_is_not_followed(folder, monkeypatch, tmp_path):
    compiled(TEXT, "f")(2.0)
    (file,) = folder.glob("*.o")
    file.rename(tmp_path / "elsewhere.o")
    file.symlink_to(tmp_path / "elsewhere.o")
    again(monkeypatch)
    assert objects.kept_object(file.stem) is None
    assert compiled(TEXT, "f")(2.0) == 6.0


@pytest.mark.parametrize("trouble", ["open", "foreign", "file"])
def test_a_folder_that_cannot_be_trusted_is_not_used(folder, monkeypatch, trouble):
    if trouble == "file":
        folder.write_text("in the way")
    else:
        folder.mkdir(mode=0o700)
    if trouble == "open":
        folder.chmod(0o777)
    if trouble == "foreign":
        monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert objects.object_folder() is None
    assert compiled(TEXT, "f")(2.0) == 6.0
    run = tidu.fit("y = w*x", {"x": [1.0, 2.0], "y": [2.0, 4.0]}, lr=0.1, epochs=3, engine="compiled")
    assert [note for note in run.notes if str(folder) in note]
    assert trouble == "file" or not list(folder.iterdir())


def test_the_oldest_go_when_there_are_too_many(folder, monkeypatch):
    monkeypatch.setattr(objects, "MOST_BYTES", 4000)
    for k in range(6):
        objects.keep_object(f"key{k}", {}, bytes(1000))
        os.utime(folder / f"key{k}.o", (k, k))
    left = sorted(f.stem for f in folder.glob("*.o"))
    assert left[-1] == "key5"
    assert sum(f.stat().st_size for f in folder.iterdir()) <= 4000
    assert left == [f"key{k}" for k in range(6 - len(left), 6)]


def _call(k):
    return compiled(TEXT.replace("1.0", "7.0"), "f")(float(k))


@pytest.mark.slow
def test_several_processes_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDU_CACHE", str(tmp_path))
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_call, range(9), chunksize=1) == [2.5 * k + 7.0 for k in range(9)]
    files = list((tmp_path / "objects").iterdir())
    assert [f.suffix for f in files] == [".o"]


def test_what_is_on_disk_needs_no_compiler(tmp_path):
    code = (
        "import sys; from tidu.engines.compiler.calls import compiled; "
        f"print(compiled({TEXT!r}, 'f')(2.0), 'tidu.engines.compiler.flow' in sys.modules, "
        "'llvmlite.binding' in sys.modules, 'numba' in sys.modules)"
    )
    environment = {**os.environ, "TIDU_CACHE": str(tmp_path)}
    shown = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    needs_llvm = str(sys.platform != "linux" or platform.machine() != "x86_64")
    assert [line.split() for line in shown] == [["6.0", "True", "True", "False"], ["6.0", "False", needs_llvm, "False"]]


def test_code_stays_in_memory_for_as_long_as_it_can_be_called(folder):
    early = compiled(TEXT, "f")
    early(2.0)
    processor._linker.cache_clear()  # another links from now on
    gc.collect()
    assert compiled(TEXT.replace("2.5", "3.5"), "f")(2.0) == 8.0
    assert early(2.0) == 6.0
