"""The notebooks of the lessons: valid, with every picture in them, and every cell runs."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_notebook

from tidu.lessons.lesson import LESSONS
from tidu.text import use_language

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def notebooks():
    spec = importlib.util.spec_from_file_location("docs_notebooks", DOCS / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_lesson(notebooks, name, lang):
    use_language(lang)
    return notebooks.notebook(LESSONS[name])


def run(notebook, folder, monkeypatch, lang):
    """Execute it in a kernel of its own, whose `tidu` is the one that is tested."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TIDU_LANG", lang)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_notebook_is_valid_and_holds_its_pictures(notebooks, lang):
    made = of_lesson(notebooks, "line", lang)
    nbformat.validate(made)
    words = "\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    shown = re.findall(r"!\[([^\]]+)\]\(attachment:([a-z_]+\.png)\)", words)
    held = [name for cell in made.cells for name in cell.get("attachments", {})]
    assert sorted(name for _words, name in shown) == sorted(held) != []
    assert all(alternative.strip() for alternative, _name in shown)
    assert ".png`" not in words
    assert made == of_lesson(notebooks, "line", lang)  # the same file each time


@pytest.mark.slow
def test_a_notebook_runs(notebooks, tmp_path, monkeypatch):
    made = of_lesson(notebooks, "meter", "zh")
    run(made, tmp_path, monkeypatch, "zh")
    printed = "".join(o.get("text", "") for cell in made.cells for o in cell.get("outputs", []))
    assert "参数" in printed
    assert (tmp_path / "tidu-lesson-meter" / "meter.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_notebook_runs(notebooks, lang, tmp_path, monkeypatch):
    cells = [cell for name in LESSONS for cell in of_lesson(notebooks, name, lang).cells]
    for number, cell in enumerate(cells):
        cell.id = str(number)
    everything = new_notebook(cells=cells)  # one kernel for all, which saves a minute
    run(everything, tmp_path, monkeypatch, lang)
    printed = "".join(o.get("text", "") for cell in everything.cells for o in cell.get("outputs", []))
    assert not re.search("^(Error|错误|Traceback)", printed, re.M)
    assert {f"tidu-lesson-{name}" for name in LESSONS} <= {p.name for p in tmp_path.iterdir()}
