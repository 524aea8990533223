"""The pages of the docs say what is there."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tidu
from tidu.content.losses import LOSSES
from tidu.content.models import MODELS
from tidu.content.optimizers import OPTIMIZERS
from tidu.content.schedules import SCHEDULES
from tidu.fronts.cli import app
from tidu.language.activations import COMPOSED
from tidu.language.derived_columns import DERIVING
from tidu.language.operation import FUNCTIONS
from tidu.lessons.lesson import LESSON_MODULES

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def test_the_list_of_files_is_that_of_the_docstrings():
    spec = importlib.util.spec_from_file_location("docs_files", ROOT / "docs" / "files.py")
    files = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(files)
    page = ARCHITECTURE.read_text(encoding="utf-8")
    assert files.page_with_files(page) == page, "run: python docs/files.py"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_guides_list_every_function_as_the_tables_have_it(language):
    spec = importlib.util.spec_from_file_location("docs_functions", ROOT / "docs" / "function_tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    page = tables.GUIDES[language].read_text(encoding="utf-8")
    assert tables.page_with_functions(page, language) == page, "run: python docs/function_tables.py"
    named = {*FUNCTIONS, *COMPOSED, *MODELS, *SCHEDULES, *DERIVING}
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []


def test_the_files_that_the_architecture_names_exist():
    named = set(re.findall(r"`([\w/]+\.py)`", ARCHITECTURE.read_text(encoding="utf-8")))
    there = [
        f"/{p.relative_to(ROOT).as_posix()}" for part in ("src", "tests", "docs") for p in (ROOT / part).rglob("*.py")
    ]
    assert [name for name in sorted(named) if not any(p.endswith(f"/{name}") for p in there)] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_readme_shows_what_its_command_prints(language, tmp_path):
    page = (ROOT / ("README.md" if language == "en" else "README.zh.md")).read_text(encoding="utf-8")
    command, _newline, shown = re.search(r"```console\n\$ tidu (.*?)```", page, re.DOTALL)[1].partition("\n")
    fit, data, formula, *options = shlex.split(command)
    printed = subprocess.run(
        [sys.executable, "-m", "tidu", fit, ROOT / data, formula, *options],
        capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, check=True,
    ).stdout  # fmt: skip
    assert without_times(shown) == without_times(printed)
    loop = tidu.fit(formula, ROOT / data, lr=0.05, epochs=500).source
    assert re.search(r"```python\n(def sample.*?)```", page, re.DOTALL)[1] in loop


def module_of_docs(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for its names
    spec.loader.exec_module(module)
    return module


shown_outputs = module_of_docs("shown_outputs")
PAGES = {str(page.relative_to(ROOT / "docs")): page for page in shown_outputs.pages()}
QUICK = ("index.md",)  # the first page


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PAGES])
def test_a_page_shows_what_its_examples_print(name, tmp_path):
    page = PAGES[name].read_text(encoding="utf-8")
    run = shown_outputs.page_as_run(PAGES[name], tmp_path)
    assert shown_outputs.without_durations(run) == shown_outputs.without_durations(page), (
        f"run: python docs/shown_outputs.py docs/{name}"
    )


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("", "a 1\nb 2\nc 3\nb 4\nd 5\n"),
        ("...\n", "...\n"),
        ("x\n...\n", "a 1\n...\n"),
        ("...\nb\n", "...\nb 2\nc 3\nb 4\nd 5\n"),
        ("x\n...\nc\n...\n", "a 1\n...\nc 3\n...\n"),
        ("x\n...\nc\n...\nd\n", "a 1\n...\nc 3\n...\nd 5\n"),
        ("x\nx\nx\n...\nb\n", "a 1\nb 2\nc 3\n...\nb 4\nd 5\n"),
        ("...\nnowhere\n", "...\nd 5\n"),
    ],
)
def test_three_dots_stand_for_lines_that_are_left_out(shown, kept):
    assert shown_outputs.shortened("a 1\nb 2 \nc 3\nb 4\nd 5\n\n", shown) == kept


def test_both_languages_have_the_same_examples():
    english = [name for name in PAGES if not name.endswith(".zh.md")]
    assert {f"{name.removesuffix('.md')}.zh.md" for name in english} == PAGES.keys() - set(english)
    for name in english:
        pages = (name, f"{name.removesuffix('.md')}.zh.md")
        one, other = (shown_outputs.code_of(PAGES[p].read_text(encoding="utf-8")) for p in pages)
        assert one == [code for code in other if "export TIDU_LANG" not in code]


def test_every_picture_has_alternative_text():
    for page in (ROOT / "docs").rglob("*.md"):
        assert not re.findall(r"!\[\s*\]\(", page.read_text(encoding="utf-8")), page


@pytest.mark.parametrize("name", ["right.md", "right.zh.md"])
def test_the_tests_that_a_page_names_are_there(name):
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / name).read_text(encoding="utf-8"))
    ours = [path for path in named if not path.startswith(("linear_model/", "neural_network/"))]
    assert len(ours) > 30
    assert [p for p in ours if not (ROOT / "tests" / p).exists() and not (ROOT / p).exists()] == []


def without_times(text):
    """The lines without the time that a run took, and without blanks at their ends."""
    return "\n".join(line.rstrip() for line in re.sub(r"\d\.\d\d (s:|秒)", r"\1", text).strip().splitlines())


def test_pages_count_losses_optimizers_and_lessons_right():
    counts = len(LOSSES), len(OPTIMIZERS), len(LESSON_MODULES)
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    numbers = {10: ("ten", "十"), 11: ("eleven", "十一"), 12: ("twelve", "十二"), 13: ("thirteen", "十三")}
    for count, (things, named) in zip(
        counts, [("losses", "种损失"), ("optimizers", "种优化器"), ("lessons", "堂课")], strict=True
    ):
        assert f"{numbers[count][0]} {things}" in english
        assert re.search(f"(?<!十){numbers[count][1]}{named}", chinese)


def commands(command, name="tidu"):
    yield name, command
    for inner, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{name} {inner}")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_reference_has_every_command_and_option_in_words(lang):
    spec = importlib.util.spec_from_file_location("docs_command_line", ROOT / "docs" / "command_line.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    sections = dict(part.split("\n", 1) for part in page.reference_in(lang).split("\n## ")[1:])
    assert sections.keys() == {name for name, _command in commands(app)}
    for name, command in commands(app):
        told = re.findall(r"^- `(.*?)`: (.*)$", sections[name], flags=re.M)
        assert all(words for _names, words in told), name
        names = " ".join(names for names, _words in told)
        for option in command.params:
            if isinstance(option, click.Option):
                assert max(option.opts, key=len) in names, (name, option.name)
                assert lang == "en" or not any(words == option.help for _names, words in told), (name, option.name)
