"""Writes the reference of the command line, read off the commands themselves.

python docs/command_line.py [en|zh] prints it. Help is translated as the commands are imported: a process has one
language.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WORDS = {
    "en": ("Command line", "Every command with its examples and options, as `--help` shows them."),
    "zh": ("命令行", "全部命令及其例子和选项，与 `--help` 所示相同。"),
}


def reference_in(lang: str) -> str:
    """The page in a language, from a process of its own."""
    environment = {**os.environ, "TIDU_LANG": lang, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(Path(__file__)), lang]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode()


def reference(lang: str) -> str:
    """The page in the language that this process speaks."""
    import click

    from tidu.fronts.cli import app
    from tidu.fronts.help_pages import Page, page_of

    def pages(command: click.Command, context: click.Context) -> Iterator[Page]:
        yield page_of(command, context)
        if isinstance(command, click.Group):
            for name, each in command.commands.items():
                inner = click.Context(each, parent=context, info_name=name, help_option_names=["-h", "--help"])
                yield from pages(each, inner)

    title, words = WORDS[lang]
    root = click.Context(app, info_name="tidu", help_option_names=["-h", "--help"])
    return "\n".join([f"# {title}\n", f"{words}\n", *(_section(page) for page in pages(app, root))])


def _section(page: object) -> str:
    name = page.usage.split(" [")[0]
    lines = [f"## {name}\n", f"    {page.usage}\n", *(f"{paragraph}\n" for paragraph in page.words)]
    for example in page.examples:
        lines += [f"{example.words}\n", f"```sh\n{example.command}\n```\n"]
    for section in page.sections:
        lines.append(f"### {section.title} ({name})\n")
        lines += [f"- `{names}`: {_plain(words)}" for names, words in section.entries]
        lines.append("")
    if page.closing:
        lines.append(f"{_plain(page.closing)}\n")
    return "\n".join(lines)


def _plain(words: str) -> str:
    """A sentence of help in which Markdown finds no markup of its own."""
    return "".join(f"\\{c}" if c in "*_<>|$" else c for c in words)


if __name__ == "__main__":
    lang = sys.argv[1] if len(sys.argv) > 1 else "en"
    sys.stdout.write(reference(lang))
