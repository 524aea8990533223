"""Runs the examples of the pages in their order, and writes what each prints where the page shows it.

python docs/shown_outputs.py [PAGE ...]

A page that says `EXAMPLES_ARE_RUN` is a session in a folder that has `examples`. Blocks of `sh` must succeed; a
`console` block has commands, each with what appears below it; a `text` block straight after a `python` block is what
that prints.
A line `...` stands for lines that are left out. `<!-- not run: why -->` before a block leaves that block alone, and
`<!-- files: python docs/NAME.py -->` has that script write files into the folder first.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidu.text import use_language

DOCS = Path(__file__).parent
EXAMPLES_ARE_RUN = "<!-- examples: python docs/shown_outputs.py -->"
FILES = re.compile(r"^<!-- files: python docs/(\w+\.py) -->$", re.M)
BLOCK = re.compile(
    r"(?P<left_alone><!-- not run: .*? -->\n)?^```(?P<kind>sh|console|python)\n(?P<body>.*?)^```\n"
    r"(?:\n?```text\n(?P<shown>.*?)^```\n)?",
    re.M | re.S,
)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n", re.M)  # with its lines that go on after a backslash
LEFT_OUT = "..."
DURATION = re.compile(r"\d+(?:\.\d+)?(?=[ \u202f]?(?:(?:s|ms|µs)\b|秒|毫秒|微秒))")
SECONDS = re.compile(r"(?:^.*(?: seconds|秒)\n)(?:.* \S*\d\n)+", re.M)  # a table whose last column they are


@dataclass
class Session:
    """What the examples of one page share: a folder with `examples`, a language, and the names of its Python."""

    folder: Path
    lang: str
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def shell(self, command: str, must_succeed: bool) -> str:
        """What appears in a terminal."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        environment = {**os.environ, "PATH": path, "TIDU_LANG": self.lang, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        environment["TIDU_STORE"] = str(self.folder / "runs.sqlite")
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.folder, env=environment, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if must_succeed and ran.returncode:
            raise RuntimeError(f"{command}\nends with status {ran.returncode}:\n{ran.stdout}")
        return ran.stdout

    def python(self, code: str) -> str:
        """What a block prints."""
        printed = io.StringIO()
        use_language(self.lang)
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(code, "<example>", "exec"), self.names)
        use_language("en")
        return printed.getvalue()


def pages() -> list[Path]:
    """The pages whose examples are run."""
    return [p for p in sorted(DOCS.rglob("*.md")) if EXAMPLES_ARE_RUN in p.read_text(encoding="utf-8").splitlines()]


def language_of(page: Path) -> str:
    return "zh" if page.name.endswith(".zh.md") else "en"


def page_as_run(page: Path, folder: Path) -> str:
    """The page with what its examples print, run in `folder`."""
    shutil.copytree(DOCS.parent / "examples", folder / "examples")
    session = Session(folder, language_of(page))
    text = page.read_text(encoding="utf-8")
    for script in FILES.findall(text):
        subprocess.run([sys.executable, DOCS / script], cwd=folder, check=True)
    return BLOCK.sub(lambda block: _block_as_run(block, session), text)


def _block_as_run(block: re.Match[str], session: Session) -> str:
    if block["left_alone"]:
        return block[0]
    body, shown = block["body"], block["shown"]
    if block["kind"] == "sh":
        session.shell(body, must_succeed=True)
        return block[0]
    if block["kind"] == "python":
        printed = session.python(body)
        if shown is None:
            return block[0]
        return block[0][: block.start("shown") - block.start()] + shortened(printed, shown) + "```\n"
    return "```console\n" + "".join(_commands_as_run(body, session)) + "```\n" + block[0][len(body) + 15 :]


def _commands_as_run(body: str, session: Session) -> Iterator[str]:
    _nothing, *parts = COMMAND.split(body)
    for command, shown in zip(parts[::2], parts[1::2], strict=True):
        yield f"$ {command}\n" + shortened(session.shell(command, must_succeed=False), shown)


def shortened(printed: str, shown: str) -> str:
    """What is printed, without the lines for which `...` stands in what is shown.

    What follows `...` begins at the next line with the same first word, if there is one; else it is the end. It is as
    many lines as before, up to another `...`, or else all that is left.
    """
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    first, *others = [part.splitlines() for part in re.split(rf"^{re.escape(LEFT_OUT)}\n", shown, flags=re.M)]
    if not others:
        return "".join(f"{line}\n" for line in lines)
    kept, at = lines[: len(first)], len(first)
    for part in others:
        word = part[0].split()[:1] if part else None
        begins = (k for k in range(at, len(lines)) if word and lines[k].split()[:1] == word)
        at = next(begins, max(at, len(lines) - len(part)))
        end = len(lines) if part and part is others[-1] else at + len(part)
        kept += [LEFT_OUT, *lines[at:end]]
        at = end
    return "".join(f"{line}\n" for line in kept)


def without_durations(page: str) -> str:
    """A page without the times that its examples took."""
    page = SECONDS.sub(lambda table: re.sub(r" +\S+$", "", table[0], flags=re.M), page)
    return DURATION.sub("", page)


def code_of(page: str) -> list[str]:
    """The commands and programs of a page, without comments and outputs: the same in every language."""
    return [
        "\n".join(COMMAND.findall(block["body"])) if block["kind"] == "console" else re.sub(r" *#.*", "", block["body"])
        for block in BLOCK.finditer(page)
    ]


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or pages():
        with tempfile.TemporaryDirectory() as folder:
            written = page_as_run(page.resolve(), Path(folder))
        if without_durations(written) != without_durations(page.read_text(encoding="utf-8")):
            page.write_text(written, encoding="utf-8")
            print(page)
