"""Writes the tables of functions in the guides, as the package has them.

python docs/function_tables.py
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tidu.content.function_list import FormulaFunction, functions_of_formulas, functions_of_rates
from tidu.text import language, use_language

DOCS = Path(__file__).parent
GUIDES = {"en": DOCS / "guide.md", "zh": DOCS / "guide.zh.md"}
BEGIN, END = "<!-- functions: python docs/function_tables.py -->\n", "<!-- end of functions -->\n"
HEADINGS = {
    "en": (("function", "what it is", "mathematics"), ("schedule", "what it is", "factor at step t")),
    "zh": (("函数", "含义", "数学式"), ("调度", "含义", "第 t 步的因子")),
}


def page_with_functions(page: str, lang: str) -> str:
    """A guide with its tables of functions as they are."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return before + BEGIN + "\n" + tables_of_functions(lang) + "\n" + END + after


def tables_of_functions(lang: str) -> str:
    """The functions of formulas, and the schedules of learning rates, as two tables."""
    spoken = language()
    use_language(lang)
    tables = zip(HEADINGS[lang], (functions_of_formulas(), functions_of_rates()), strict=True)
    written = "\n".join("".join(_table(headings, functions)) for headings, functions in tables)
    use_language(spoken)
    return written


def _table(headings: Iterable[str], functions: Iterable[FormulaFunction]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |\n|---|---|---|\n"
    for f in functions:
        names = ", ".join(f"`{name}`" for name in (f.name, *f.aliases))
        options = f" ({', '.join(f'`{key}={value!r}`' for key, value in f.options.items())})" if f.options else ""
        meaning = f.meaning.replace("*", "\\*")
        mathematics = f.mathematics.replace("|", "\\|").replace("*", "\\*")
        yield f"| {names} | {meaning}{options} | {mathematics} |\n"


if __name__ == "__main__":
    for lang, guide in GUIDES.items():
        guide.write_text(page_with_functions(guide.read_text(encoding="utf-8"), lang), encoding="utf-8")
