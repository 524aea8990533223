"""`tidu watch`: the script is run as Python runs it, its results are its own, and what was seen is told after it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tidu.eager import tensor as tensors
from tidu.eager.observation import observed
from tidu.eager.tensor import Tensor
from tidu.fronts.cli import run
from tidu.text import use_language

BOOK = """\
from tidu import autograd, nd; nd.random.seed(0)
features = nd.random.normal(scale=1, shape=(1000, 2))
labels = nd.dot(features, nd.array([2, -3.4])) + 4.2
w, b = nd.random.normal(scale=0.01, shape=(2, 1)), nd.zeros(shape=(1,))
for param in (w, b):
    param.attach_grad()
lr, batch_size = 0.03, 10
for epoch in range(3):
    for start in range(0, 1000, batch_size):
        X, y = features[start : start + batch_size], labels[start : start + batch_size]
        with autograd.record():
            loss = (nd.dot(X, w) + b - y.reshape((-1, 1))) ** 2 / 2
        loss.backward()
        for param in (w, b):
            param[:] = param - lr * param.grad / batch_size
print(w.asnumpy().tolist(), b.asnumpy().tolist())
"""
OWN = """\
import sys, os
print(__name__, os.path.basename(__file__), sys.argv[1:], os.path.basename(sys.path[0]))
import beside
print(beside.NAME, sys.modules["__main__"].__file__ == __file__)
"""


@pytest.fixture
def script(tmp_path):
    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def python(path, *arguments):
    return subprocess.run([sys.executable, path, *arguments], capture_output=True, text=True, encoding="utf-8")


def watch(*arguments):
    command = [sys.executable, "-W", "error", "-m", "tidu", "watch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_what_the_script_prints_has_the_same_bits(script, capsys):
    path = script(BOOK)
    plain = python(path).stdout
    assert run(["watch", path]) == 0
    told = capsys.readouterr().out
    assert told.startswith(plain)
    for words in ("none of the usual mistakes was found", "sum over 10",
                  "divided by 10 in the update: lr = 0.03 (line 15)",
                  "300 calls of backward(), line 13", "the first backward()"):  # fmt: skip
        assert words in told


def test_it_runs_as_python_runs_it(script, tmp_path):
    script("NAME = 'beside'", "beside.py")
    path = script(OWN)
    plain = python(path, "a", "--lr", "0.1", "-v")
    for arguments in ((path, "a", "--lr", "0.1", "-v"), (path, "--", "a", "--lr", "0.1", "-v")):
        ran = watch(*arguments)
        assert ran.stdout.startswith(plain.stdout), ran.stderr
        assert ran.returncode == 0


def test_after_two_dashes_all_arguments_are_the_scripts(script, capsys):
    path = script("import sys\nprint(sys.argv[1:])")
    assert run(["watch", path, "--", "--report", "--json", "x"]) == 0
    assert capsys.readouterr().out.startswith("['--report', '--json', 'x']\n")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import sys\nsys.exit(7)", 7),
        ("import sys\nsys.exit()", 0),
        ("raise SystemExit('stop')", 1),
        ("def f():\n    return 1 / 0\n\nf()", 1),
        ("x = = 1", 1),
        ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e", 1),
    ],
)
def test_exit_status_and_traceback_are_the_scripts_own(script, text, status):
    path = script(text)
    plain, ran = python(path), watch(path)
    assert (ran.returncode, plain.returncode) == (status, status)
    assert ran.stderr == plain.stderr


def test_a_traceback_has_no_frames_of_whoever_watches(script):
    ran = watch(script("import tidu\nw = tidu.Tensor([1.0])\nw[:] = [1.0, 2.0]\n"))
    assert ran.returncode == 1
    assert "observation.py" not in ran.stderr
    assert "watching" not in ran.stderr
    assert ran.stderr.startswith("Traceback (most recent call last):\n  File ")
    assert "cannot fill a tensor" in ran.stderr


def test_json_is_one_object_and_nothing_else(script, capsys):
    path = script(BOOK)
    assert run(["watch", path, "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == python(path).stdout
    assert told["findings"] == []
    (training,) = told["trainings"]
    assert training["reduction"] == {"kind": "sum", "count": 10}
    assert len(training["losses"]) == 300
    assert training["parameters"]["w"]["divided_in_update"] == {"rate": "lr", "value": 0.03}
    assert len(training["parameters"]["b"]["path"]) == 301
    assert [n["name"] for n in told["graph"]["nodes"]][-1] == "loss"


def test_a_finding_has_its_line_and_a_cure(script, capsys):
    path = script(BOOK.replace("y.reshape((-1, 1))", "y"))
    assert run(["watch", path, "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["kind"], finding["line"]) == ("broadcast", 12)
    assert "reshape" in finding["cure"]


def test_the_report_is_one_page(script, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page = tmp_path / "out.html"
    assert run(["watch", script(BOOK), "--report", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") == 3
    assert "none of the usual mistakes" in text
    assert 'id="line-12"' in text


def test_variables_are_recorded_and_audited(script, capsys):
    turn = "    loss = (w * x - y) ** 2\n    dw = 2 * (w * x - y)\n    w -= 0.1 * dw\n"
    path = script("x, y, w = 2.0, 3.0, 0.0\nfor k in range(9):\n" + turn)
    assert run(["watch", path, "--record", "w,loss", "--loss", "loss", "--grad", "w=dw"]) == 0
    told = capsys.readouterr().out
    assert "! w: " in told
    assert "9 turns of the loop in line 2" in told


def test_a_plain_script_without_names_gets_a_suggestion(script, capsys):
    assert run(["watch", script("w = 1\nfor k in range(3):\n    w = w - 0.1 * w\n")]) == 0
    assert "tidu watch script.py --record w" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such.py"], "cannot be read"),
        (["script.py", "--record", "v"], "no loop of the script changes 'v'"),
        (["script.py", "--loss", "loss"], "--loss and --grad belong together"),
        (["script.py", "--grad", "w"], "is not NAME=NAME"),
        (["script.py", "--report", "out.pdf"], "name ends in .html"),
    ],
)
def test_bad_input_is_one_sentence(arguments, words, script, monkeypatch, capsys):
    path = script("w = 1\nfor k in range(3):\n    w = w - 1\n")
    monkeypatch.chdir(Path(path).parent)
    assert run(["watch", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


@pytest.mark.sampled(2)
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("change", [("y.reshape((-1, 1))", "y"), ("lr * param.grad / batch_size", "0.21 * param.grad")])
def test_no_line_is_wider_than_the_terminal(lang, change, script, monkeypatch, capsys):
    from tidu.text import columns_of

    monkeypatch.setenv("COLUMNS", "80")
    use_language(lang)
    silent = "import numpy; numpy.seterr(all='ignore'); "
    assert run(["watch", script(silent + BOOK.replace(*change))]) == 0
    assert max(map(columns_of, capsys.readouterr().out.splitlines())) <= 80


def test_nothing_of_it_is_left_when_nobody_watches():
    """Outside of `observed`, tensors have the very functions that they are written with."""
    places = [(tensors, "record"), (Tensor, "backward"), (Tensor, "__setitem__"), (Tensor, "grad"), (Tensor, "data")]
    before = [vars(owner)[name] for owner, name in places]
    with observed(None):
        assert all(vars(owner)[name] is not b for (owner, name), b in zip(places, before, strict=True))
    assert [vars(owner)[name] for owner, name in places] == before
