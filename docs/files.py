"""Writes the list of files in `architecture.md`: a line for each, the first of its docstring.

python docs/files.py
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- files: python docs/files.py -->\n", "<!-- end of files -->\n"


def page_with_files(page: str, package: Path = ROOT / "src" / "tidu") -> str:
    """The page with its list of files as the docstrings have it."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return before + BEGIN + "\n" + "".join(_sections(package)) + END + after


def _sections(package: Path) -> Iterator[str]:
    """A heading for each folder, with what its `__init__.py` says, and a table of its files."""
    for folder in sorted({file.parent for file in package.rglob("*.py")}):
        rows = [
            f"| `{file.name}` | {_first_line(file)} |\n"
            for file in sorted(folder.glob("*.py"))
            if file.stem != "__init__"
        ]
        title = "tidu" if folder == package else folder.relative_to(package).as_posix()
        yield f"### {title}/\n\n{_first_line(folder / '__init__.py')}\n\n| file | what it is |\n|---|---|\n"
        yield "".join(rows) + "\n"


def _first_line(file: Path) -> str:
    """The first line of a module's docstring, which may be broken in the text; up to the first empty line."""
    words = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(words.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page_with_files(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
