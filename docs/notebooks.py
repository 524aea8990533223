"""Writes each lesson as a notebook in each language: its words, its pictures, and its commands and programs as cells.

python docs/notebooks.py [FOLDER]
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tidu.lessons.lesson import LESSONS, Lesson
from tidu.text import language, use_language

LANGUAGES = ("en", "zh")
CODE = re.compile(r"^```(sh|python)\n(.*?)^```\n", re.M | re.S)
PICTURE = re.compile(r"(?P<words>[^`;；:：。\n]*)(?P<colon>[:：]) ?`(?P<path>[^`]+\.png)`")


def with_pictures(page: str) -> str:
    """A page of a lesson with its pictures where their names stood; the words before are the alternative text."""

    def picture(place: re.Match[str]) -> str:
        words = place["words"].strip()
        return f"{place['words']}{place['colon']}\n\n![{words}]({place['path']})\n"

    return PICTURE.sub(picture, page)


def notebook(lesson: Lesson) -> Any:
    """A lesson as a notebook in the language in use. It holds its pictures; its first cell writes its data."""
    folder = f"tidu-lesson-{lesson.name}"
    with tempfile.TemporaryDirectory() as place:
        page = with_pictures(lesson.give(place).page.replace(place, folder))
        pictures = {p.name: base64.b64encode(p.read_bytes()).decode("ascii") for p in sorted(Path(place).glob("*.png"))}
    title, _newline, rest = page.partition("\n")
    cells = [new_markdown_cell(title), new_code_cell(first_cell(lesson, folder)), *_cells(rest, folder, pictures)]
    made = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for number, cell in enumerate(made.cells):
        cell.id = f"{lesson.name}-{number}"  # the same file each time
    return made


def first_cell(lesson: Lesson, folder: str) -> str:
    """What the other cells stand on: the language, and the data of the lesson."""
    return (
        f"%env TIDU_LANG={language()}\n"
        "from tidu.lessons.lesson import lesson_named\n\n"
        f'lesson_named("{lesson.name}").give("{folder}", with_pictures=False).files'
    )


def _cells(page: str, folder: str, pictures: dict[str, str]) -> Iterator[Any]:
    parts = CODE.split(page)
    for words, kind, code in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True):
        if words.strip():
            shown = {name: {"image/png": data} for name, data in pictures.items() if f"({folder}/{name})" in words}
            yield new_markdown_cell(words.strip().replace(f"({folder}/", "(attachment:"), attachments=shown)
        if kind == "python" and not code.startswith(("import ", "from ")):  # a part of the loop, to be read
            yield new_markdown_cell(f"```python\n{code}```")
        elif kind == "python":
            yield new_code_cell(code.rstrip("\n"))
        elif kind == "sh":
            yield new_code_cell("\n".join(f"!{line}" for line in code.splitlines()))


def write_all(folder: Path) -> list[Path]:
    """Write every lesson in every language below `folder`; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lang in LANGUAGES:
        use_language(lang)
        for lesson in LESSONS.values():
            path = folder / f"{lesson.number:02}-{lesson.name}.{lang}.ipynb"
            nbformat.write(notebook(lesson), path)
            written.append(path)
    use_language("en")
    return written


if __name__ == "__main__":
    for path in write_all(Path(sys.argv[1] if len(sys.argv) > 1 else "notebooks")):
        print(path)
