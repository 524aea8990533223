"""Help, completion, and names of options from elsewhere."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import click
import pytest
from rich.cells import cell_len

from tidu.content.declarations import GROUPS
from tidu.content.function_list import functions_of_formulas
from tidu.fronts import cli
from tidu.fronts.help_pages import page_of, rendered
from tidu.text import use_language
from tidu.training.options import OPTIONS


def said(capsys, *arguments):
    status = cli.run([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def pages():
    for name, command in cli.app.commands.items():
        inner = {f"{name} {n}": each for n, each in getattr(command, "commands", {}).items()}
        for path, each in (inner or {name: command}).items():
            context = click.Context(each, info_name=f"tidu {path}", help_option_names=["-h", "--help"])
            yield path, each, page_of(each, context)


def test_a_page_is_no_wider_than_the_terminal():
    for width in (60, 80, 200):
        for name, _command, page in pages():
            for line in rendered(page, width).splitlines():
                assert cell_len(line) <= min(width, 100), (name, line)
                assert not line.strip().startswith(tuple("，。；：！？、）”")), (name, line)


def test_every_command_has_examples_whose_options_it_has():
    for name, command, page in pages():
        assert page.examples, name
        options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        for example in page.examples:
            if example.command.startswith("tidu "):
                assert set(re.findall(r"(?<!\S)--[a-z-]+", example.command)) <= options, example


def test_options_stand_under_headings_in_order():
    page = next(page for name, _command, page in pages() if name == "fit")
    titles = [section.title for section in page.sections]
    assert titles == [g for g in GROUPS if g in titles] == list(GROUPS)


def test_fit_names_every_function_of_formulas_and_functions_tells_each(capsys):
    names = [f.name for f in functions_of_formulas()]
    _status, out, _err = said(capsys, "fit", "--help")
    end = " ".join(out[out.index("Functions of formulas") :].split())
    assert all(f"{name}," in end or f"{name}." in end for name in names)
    status, out, _err = said(capsys, "functions", "--json")
    assert status == 0
    assert [f["name"] for f in json.loads(out)["functions"]] == names
    use_language("zh")
    _status, out, _err = said(capsys, "functions")
    use_language("en")
    for entry in functions_of_formulas():
        assert entry.words not in out  # it has a Chinese sentence
        assert entry.name in out


def on_a_terminal(*arguments, **environment):
    """What a command writes where standard output is a terminal."""
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    ours, its = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tidu", *arguments], stdout=its, env={**clean, "TERM": "xterm", **environment}
    ) as process:
        os.close(its)
        written = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(ours, 65536):
                written += piece
    os.close(ours)
    assert process.returncode == 0
    return written


def test_a_terminal_has_colour_unless_it_is_asked_not_to():
    assert b"\x1b[36m" in on_a_terminal("lesson", "--help")
    assert b"\x1b[36m" not in on_a_terminal("lesson", "--help", NO_COLOR="1")
    done = subprocess.run([sys.executable, "-m", "tidu", "lesson", "--help"], capture_output=True, check=True)
    assert b"\x1b" not in done.stdout


# -- names from elsewhere ---------------------------------------------------------------------------
def test_names_of_other_tools_are_understood(capsys, tmp_path):
    (tmp_path / "d.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    plain = said(capsys, "fit", tmp_path / "d.csv", "y = w*x", "--lr", 0.1, "--batch-size", 2, "--epochs", 3, "--json")
    for options in (
        ("--learning-rate", 0.1, "--batch_size", 2, "--n-epochs", 3),
        ("--learning_rate=0.1", "--minibatch-size=2", "--max_epochs=3"),
        ("--eta0", 0.1, "--BATCH-SIZE", 2, "--num-epochs", 3),
    ):
        status, out, err = said(capsys, "fit", tmp_path / "d.csv", "y = w*x", *options, "--json")
        assert status == 0, err
        assert json.loads(out)["params"] == json.loads(plain[1])["params"]


def test_no_name_from_elsewhere_is_one_of_ours_or_of_two_options():
    own = {entry.word for entry in OPTIONS.values()}
    also = [name for entry in OPTIONS.values() for name in entry.also]
    assert not own & set(also) - {"fixed"}
    assert len(also) == len(set(also))


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (("--max-iter", 100), "passes over the data are --epochs, updates are --steps"),
        (("--momentum", 0.9), "--optimizer 'momentum(momentum=0.9)'"),
        (("--beta1", 0.9), "--optimizer 'adam(beta1=0.9)'"),
        (("--delta", 1), "--loss 'huber(delta=1)'"),
        (("--adam",), "--optimizer 'adam("),
        (("--alpha", 0.1), "the learning rate α is --lr"),
        (("--weight_decay", 0.1), "--l1 or --l2"),
        (("--hidden", 8), "mlp(..., hidden=(16,))"),
        (("--gpu",), "--device cuda"),
        (("--optimizer", "sgd"), "--batch-size 1"),
        (("--optimizer", "L-BFGS-B"), "called lbfgs here"),
        (("--frobnicate",), "No such option"),
    ],
)
def test_others_are_answered(capsys, tmp_path, options, answer):
    (tmp_path / "d.csv").write_text("x,y\n1,2\n2,4\n")
    status, out, err = said(capsys, "fit", tmp_path / "d.csv", "y = w*x", *options)
    assert (status, out) == (2, "")
    assert answer in err
    assert len(err.strip().splitlines()) == 1


def test_a_picture_has_a_name_by_default(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    for arguments in (
        ("--plot", "d.csv", "y = w*x"), ("d.csv", "--plot", "y = w*x"), ("d.csv", "y = w*x", "--plot"),
        ("d.csv", "y = w*x", "--plot", "--lr", 0.1),
    ):  # fmt: skip
        status, _out, err = said(capsys, "fit", *arguments)
        assert status == 0, err
        assert (tmp_path / "tidu-fit.png").stat().st_size > 1000
        (tmp_path / "tidu-fit.png").unlink()
    assert said(capsys, "minimize", "3*x**2", "--at", "x=1", "--plot", "way.svg")[0] == 0
    assert (tmp_path / "way.svg").exists()


# -- completion -------------------------------------------------------------------------------------
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    script = subprocess.run([sys.executable, "-m", "tidu", "completion", shell], capture_output=True, check=True).stdout
    assert b"_TIDU_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=script, check=True)
    words = "tidu fit --opt" if shell != "fish" else "--opt"
    environment = {"_TIDU_COMPLETE": f"{shell}_complete", "COMP_WORDS": "tidu fit --opt", "COMP_CWORD": "2"}
    if shell == "fish":
        environment |= {"COMP_WORDS": "tidu fit", "COMP_CWORD": words}
    done = subprocess.run([sys.executable, "-m", "tidu"], env={**os.environ, **environment}, capture_output=True)
    assert b"--optimizer" in done.stdout


def test_completion_proposes_what_an_option_takes():
    environment = {"_TIDU_COMPLETE": "bash_complete", "COMP_WORDS": "tidu fit d.csv y=w*x --loss hu", "COMP_CWORD": "5"}
    done = subprocess.run([sys.executable, "-m", "tidu"], env={**os.environ, **environment}, capture_output=True)
    assert b"huber" in done.stdout


def test_a_shell_that_there_is_not(capsys):
    status, _out, err = said(capsys, "completion", "tcsh")
    assert status == 2
    assert "bash, zsh, fish" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "--bogus"), "错误：没有选项 '--bogus'。是不是想写 '--bounds', '--counts', '--out'？"),
        (("nope",), "错误：没有命令 'nope'。"),
        (("fit",), "错误：缺少参数 '数据'。"),
        (("runs", "list", "--status", "foo"),
         "错误：'--status' 的值不对：'foo' 不在 'running', 'interrupted', 'ended' 之中。"),
    ],
)  # fmt: skip
def test_each_sentence_ends_once(arguments, words):
    command = [sys.executable, "-m", "tidu", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TIDU_LANG": "zh"}, encoding="utf-8", check=False
    )
    path = " ".join(["tidu", *(a for a in arguments if a in ("fit", "runs", "list"))])
    assert (done.returncode, done.stderr) == (2, f"{words}可以看看 '{path} --help'。\n")


def test_a_group_alone_shows_its_commands(capsys):
    assert cli.run(["runs"]) == 0
    assert "resume" in capsys.readouterr().out
