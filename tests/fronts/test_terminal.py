"""What is printed, at 80 columns, in both languages: nothing cut off, nothing to be mended before it is pasted."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from tidu.fronts import cli
from tidu.fronts.lesson_pages import Page
from tidu.lessons.lesson import LESSONS, joined
from tidu.text import use_language

LINE = Path(__file__).parents[2] / "examples" / "line.csv"
COMMANDS = {
    "fit": ("fit", LINE, "y = w*x + b"),
    "lm": ("fit", LINE, "y = w*x + b", "--optimizer", "lm"),
    "newton": ("fit", LINE, "y = w*x + b", "--optimizer", "newton", "--loss", "log_cosh"),
    "network": ("fit", LINE, "y = mlp(x, hidden=[4])", "--epochs", 3),
    "doctor": ("doctor", LINE, "y = w*x + b", "--lr", 0.0001),
    "sweep": ("sweep", LINE, "y = w*x + b", "--over", "lr=1e-4,1e-5", "--epochs", 5, "--loss", "huber(delta=2)"),
    "scan": ("scan", LINE, "y = w*x", "--over", "w=0:4:0.5"),
    "minimize": ("minimize", "3*x**2", "--at", "x=1"),
    "lessons": ("lesson",),
}


@pytest.fixture(params=["en", "zh"])
def lang(request):
    use_language(request.param)
    yield request.param
    use_language("en")


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_report_fits_80_columns_and_breaks_lines_well(capsys, monkeypatch, lang, name):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([str(a) for a in COMMANDS[name]]) in (0, 1)
    out = capsys.readouterr().out
    assert "…" not in out.replace(" … ", "")
    for line in out.splitlines():
        assert cell_len(line) <= 80, line
        assert not line.strip().startswith(tuple("，。；：！？、）”")), line
        assert not line.rstrip().endswith(tuple("（“")), line
    if lang == "zh":
        assert not re.search(r"[，。；：（）] +[一-鿿]|[一-鿿] +[，。；：（）]", out)


def test_the_command_of_a_sweep_can_be_pasted(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.run([str(a) for a in COMMANDS["sweep"]]) == 0
    command = capsys.readouterr().out.split("\ntidu fit", 1)[1]
    assert command.count("\\\n") >= 1
    shown = subprocess.run(["bash", "-c", f"printf '%s\\n' fit{command}"], capture_output=True, check=True).stdout
    assert shown.decode().splitlines()[:3] == ["fit", str(LINE), "y = w*x + b"]
    assert "huber(delta=2)" in shown.decode().splitlines()


CODE = """Text.

```python
def f(x):
    return "a line that is longer than eighty columns, which a terminal would have cut off at its end"
```

```sh
tidu fit points.csv "y = w*x + b" --lr 0.01 --epochs 1000 --init w=1,b=2 --batch-size 10 --out model.tidu
```
"""


def test_code_of_a_page_can_be_pasted():
    console = Console(width=60)
    with console.capture() as captured:
        console.print(Page(CODE), crop=False)
    shown = captured.get()
    python = shown[shown.index("def f") : shown.index("tidu fit")]
    assert ast.parse(python)
    shell = shown[shown.index("tidu fit") :]
    assert shlex.split(shell.replace("\\\n", ""))[-2:] == ["--out", "model.tidu"]
    assert all(cell_len(line) <= 60 for line in shell.splitlines())


def test_lines_of_chinese_are_joined_without_a_blank():
    console = Console(width=80)
    with console.capture() as captured:
        console.print(Page(joined("梯度下降\n就是往下走。\nw 是权重。")))
    assert captured.get().strip() == "梯度下降就是往下走。w 是权重。"


@pytest.mark.parametrize("name", ["meter", "line"])
def test_a_lesson_breaks_lines_well(capsys, monkeypatch, tmp_path, lang, name):
    assert name in LESSONS
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["lesson", name, "--no-pictures", "--out", str(tmp_path / "l")]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert not line.strip().startswith(tuple("，。；：！？、）”")), line
