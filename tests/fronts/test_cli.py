"""The command line: every command's results, and one sentence with status 2 for each kind of bad input."""

import gzip
import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk
from sklearn.linear_model import LogisticRegression

from tidu.fronts import cli
from tidu.text import use_language

EXAMPLES = Path(__file__).parents[2] / "examples"
PARABOLA = "y = w1*x**2 + w2*x + w3"


@pytest.fixture
def tidu(capsys):
    """Run one command line in this process: its status, standard output and standard error."""

    def run(*arguments):
        status = cli.run([str(a) for a in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def printed(outcome):
    status, out, err = outcome
    assert status == 0, err
    return json.loads(out)


def refused(outcome, *parts):
    status, out, err = outcome
    assert status == 2
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("Error: ")
    assert len(err.strip().splitlines()) == 1, err
    for part in parts:
        assert part in err
    return err


# -- the five programs, as plain commands --------------------------------------------------------
CLOSE = 1e-12  # the figures are given to 12 significant digits


def test_meter(tidu):
    got = printed(
        tidu("fit", EXAMPLES / "meter.csv", "y = w*x", "--loss", "half_squared", "--init", "w=0.1", "--lr", 0.2,
             "--epochs", 61, "--json")
    )  # fmt: skip
    h = got["history"]
    assert h["loss"][:2] == pytest.approx([4990.005, 3193.6032], rel=CLOSE)
    assert [h["params"]["w"][k] for k in (0, 1, 53, 54, 60)] == pytest.approx(
        [20.08, 36.064, 99.99941598394572, 99.99953278715658, 99.99987752295638], rel=CLOSE
    )


def test_one_weight(tidu):
    common = ("y = w*x", "--init", "w=1", "--lr", 0.01, "--epochs", 100, "--json")
    h = printed(tidu("fit", EXAMPLES / "one-weight-gd.csv", *common))["history"]
    assert [h["loss"][k] for k in (0, 1, 99)] == pytest.approx(
        [4.666666666666667, 3.8362074074074086, 1.752432687141379e-08], rel=CLOSE
    )
    assert [h["params"]["w"][k] for k in (0, 1, 99)] == pytest.approx(
        [1.0933333333333333, 1.1779555555555554, 1.9999444396553017], rel=CLOSE
    )
    one_by_one = ("--batch-size", 1, "--no-shuffle", "--record", "step")
    got = printed(tidu("fit", EXAMPLES / "one-weight-sgd.csv", *common, *one_by_one))
    h = got["history"]
    last = [2, 5, 299]
    assert [h["loss"][k] for k in last] == pytest.approx([6.12265536, 2.556652655886172, 0.7811291934451824], rel=CLOSE)
    assert [h["params"]["w"][k] for k in last] == pytest.approx(
        [1.323664, 1.562952679168, 2.241576136991251], rel=CLOSE
    )
    assert 4 * got["params"]["w"] == pytest.approx(8.966304547965004, rel=CLOSE)


def test_shuffle_takes_a_word_and_may_stand_bare(tidu):
    common = (EXAMPLES / "linreg.csv", "y = linear(x1, x2)", "--batch-size", 10, "--epochs", 1, "--json")
    ways = [(), ("--shuffle",), ("--shuffle", "blocks"), ("--no-shuffle",)]
    default, bare, blocks, not_at_all = (printed(tidu("fit", *common, *way))["params"] for way in ways)
    assert default == bare
    assert len({str(p) for p in (default, blocks, not_at_all)}) == 3


def test_parabola(tidu):
    got = printed(
        tidu("fit", EXAMPLES / "parabola.csv", PARABOLA, "--init", "w1=1,w2=0,w3=1", "--lr", 0.001, "--batch-size", 1,
             "--no-shuffle", "--epochs", 1000, "--until-loss", 1e-5, "--json")
    )  # fmt: skip
    assert got["loss"] == pytest.approx(0.0006422866166133029, rel=CLOSE)
    assert list(got["params"].values()) == pytest.approx(
        [4.334302856811493, 4.653193451996958, 6.061894966775589], rel=CLOSE
    )
    assert (got["stopped"], got["epochs"], got["steps"]) == ("epochs", 1000, 100_000)


def test_line_has_no_header(tidu):
    got = printed(tidu("fit", EXAMPLES / "line.csv", "y = w*x + b", "--lr", 0.0001, "--epochs", 1000, "--json"))
    x, y = np.loadtxt(EXAMPLES / "line.csv", delimiter=",").T
    w = b = 0.0
    for _ in range(1000):
        slope = -2 * (y - (w * x + b))
        w, b = w - 0.0001 * np.mean(slope * x), b - 0.0001 * np.mean(slope)
    assert list(got["params"].values()) == pytest.approx([w, b], rel=1e-10)
    assert "no header line" in got["notes"][0]


def test_linreg_finds_the_truth(tidu):
    got = printed(
        tidu("fit", EXAMPLES / "linreg.csv", "y = w1*x1 + w2*x2 + b", "--loss", "half_squared", "--lr", 0.03,
             "--batch-size", 10, "--epochs", 3, "--init", "w1=normal(0,0.01),w2=normal(0,0.01),b=0", "--json")
    )  # fmt: skip
    assert list(got["params"].values()) == pytest.approx([2, -3.4, 4.2], abs=2e-3)


def test_minimum_of_three_variables(tidu):
    got = printed(
        tidu("minimize", "3*x1**2 + 4*x2**2 + 5*x3**2", "--at", "x1=1,x2=1,x3=1", "--lr", 0.1, "--steps", 200, "--json")
    )
    assert list(got["first_gradient"].values()) == [6, 8, 10]
    assert list(got["params"].values()) == pytest.approx([0, 0, 0], abs=1e-50)
    assert got["stopped"] == "steps"


# -- what the output promises --------------------------------------------------------------------
def test_json_has_the_promised_keys(tidu):
    got = printed(tidu("fit", EXAMPLES / "stopping.csv", "dist = a*speed", "--lr", 1e-4, "--epochs", 5, "--json"))
    promised = {"params", "loss", "epochs", "steps", "stopped", "engine", "lr", "seconds"}
    assert promised <= set(got)


def test_early_stopping_from_the_shell(tidu, tmp_path):
    x = np.linspace(-1, 1, 50)
    noise = np.random.default_rng(1).normal(0, 0.5, 50)
    np.savetxt(tmp_path / "d.csv", np.column_stack([x, x + noise]), delimiter=",", header="x,y", comments="")
    fit = ("fit", tmp_path / "d.csv", "y = mlp(x, hidden=[16])", "--lr", 0.3, "--epochs", 3000)
    got = printed(tidu(*fit, "--validation", 0.2, "--patience", 20, "--json"))
    assert got["stopped"] == "patience"
    assert got["rows"] == 40
    assert got["epochs"] == len(got["validation_loss"]) == got["best_epoch"] + 20
    assert min(got["validation_loss"]) == got["validation_loss"][got["best_epoch"] - 1]
    assert any(f"after epoch {got['best_epoch']}," in note for note in got["notes"])
    by_file = printed(tidu(*fit, "--validation", tmp_path / "d.csv", "--patience", 20, "--json"))
    assert by_file["rows"] == 50
    status, words, _err = tidu(*fit, "--validation", 0.2, "--early-stopping-rounds", 20)
    assert status == 0
    assert "lowest validation loss" in words
    assert "patience is at its end" in words
    refused(tidu(*fit, "--validation", 2), "fraction between 0 and 1")
    refused(tidu(*fit, "--validation", "nowhere.csv"), "nowhere.csv")


def test_a_device(tidu):
    how = ("fit", EXAMPLES / "line.csv", "y = w*x + b", "--lr", 0.0001, "--epochs", 9, "--json")
    got, plain = printed(tidu(*how, "--device", "cpu")), printed(tidu(*how))
    assert got["engine"] == "array"
    assert list(got["params"].values()) == pytest.approx(list(plain["params"].values()), rel=1e-12)
    status, out, err = tidu(*how, "--device", "gpu0")
    assert (status, out) == (2, "")
    assert "device must be 'cpu'" in err


def test_divergence_is_status_1_and_keeps_finite_parameters(tidu):
    status, out, _err = tidu("fit", EXAMPLES / "line.csv", "y = w*x + b", "--lr", 1, "--json")
    got = json.loads(out)
    assert status == 1
    assert got["stopped"] == "diverged"
    assert all(math.isfinite(v) for v in got["params"].values())
    status, out, _err = tidu("fit", EXAMPLES / "line.csv", "y = w*x + b", "--lr", 1)
    assert status == 1
    assert "smaller learning rate" in " ".join(out.split())


def test_first_step_that_is_not_finite_gives_null_in_json(tidu, tmp_path):
    path = tmp_path / "zero.csv"
    path.write_text("x,y\n0,1\n")
    status, out, _err = tidu("fit", path, "y = w/x", "--json")
    got = json.loads(out)
    assert status == 1
    assert got["loss"] is None
    assert got["params"] == {"w": 0.0}


def test_report_shows_mathematics_and_code(tidu):
    status, out, _err = tidu("fit", EXAMPLES / "parabola.csv", PARABOLA, "--lr", 0.1, "--epochs", 20, "--show-code")
    assert status == 0
    for part in ("2(ŷ − y)·x²", "ℓ = (ŷ − y)²", "def train(", "# forward", "# backward", "summed(", "# update"):
        assert part in out


@pytest.mark.parametrize(("form", "part"), [("llvm", "fmul <8 x double>"), ("asm", "train:")])
def test_machine_code_is_shown(tidu, form, part):
    path = EXAMPLES / "parabola.csv"
    options = ("--lr", 0.1, "--epochs", 20, "--engine", "compiled")
    status, out, _err = tidu("fit", path, PARABOLA, *options, "--show-code", form)
    assert (status, part in out, "def train(" in out) == (0, True, False)
    assert part in printed(tidu("fit", path, PARABOLA, *options, f"--show-code={form}", "--json"))["source"]
    assert "def train(" in tidu("fit", "--show-code", path, PARABOLA, *options)[1]  # a path is no form
    status, out, err = tidu("fit", path, PARABOLA, *options[:4], "--engine", "python", "--show-code", form)
    assert (status, out) == (2, "")
    assert "--engine compiled" in err


def test_plot_and_model_files_and_predict(tidu, tmp_path):
    model, picture, csv = tmp_path / "m.tidu", tmp_path / "loss.png", tmp_path / "p.csv"
    got = printed(
        tidu("fit", EXAMPLES / "parabola.csv", PARABOLA, "--lr", 0.1, "--epochs", 50, "--out", model, "--plot", picture,
             "--json")
    )  # fmt: skip
    assert picture.read_bytes().startswith(b"\x89PNG")
    w1, w2, w3 = got["params"].values()
    x, _y = np.loadtxt(EXAMPLES / "parabola.csv", delimiter=",", skiprows=1).T
    expected = [w1 * (v * v) + w2 * v + w3 for v in x.tolist()]
    told = printed(tidu("predict", model, EXAMPLES / "parabola.csv", "--json"))
    assert told["predictions"] == expected
    assert told["metrics"]["mse"] == got["metrics"]["mse"]
    status, out, _err = tidu("predict", model, EXAMPLES / "parabola.csv")
    assert status == 0
    assert [float(line) for line in out.split()] == expected
    assert tidu("predict", model, EXAMPLES / "parabola.csv", "--out", csv)[0] == 0
    assert csv.read_text().splitlines()[0] == "x,y,prediction"
    assert [float(line.split(",")[2]) for line in csv.read_text().splitlines()[1:]] == expected


def test_scan(tidu, tmp_path):
    got = printed(
        tidu("scan", EXAMPLES / "one-weight-gd.csv", "y = w*x", "--over", "w=0:4:0.1", "--plot", tmp_path / "j.svg",
             "--json")
    )  # fmt: skip
    assert got["best"]["w"] == pytest.approx(2)
    assert len(got["cost"]) == 41
    assert (tmp_path / "j.svg").read_text().lstrip().startswith("<?xml")
    two = printed(
        tidu("scan", EXAMPLES / "line.csv", "y = w*x + b", "--over", "w=0:2:0.5", "--over", "b=-1:1:1", "--json")
    )
    assert np.shape(two["cost"]) == (5, 3)


def test_penalties_clipping_and_schedules_reach_the_loop(tidu):
    common = ("fit", EXAMPLES / "linreg.csv", "y = w1*x1 + w2*x2 + b", "--epochs", 2, "--json")
    plain = printed(tidu(*common))["params"]
    for extra in (("--l2", 1), ("--l1", 1), ("--clip-norm", 0.1), ("--clip-value", 0.1), ("--lr", "0.01/(1+epoch)")):
        assert printed(tidu(*common, *extra))["params"] != plain


# -- classes --------------------------------------------------------------------------------------
LEAVES = "tree = a*length + b*width + c"


def test_labels_from_the_shell(tidu, tmp_path):
    model, written = tmp_path / "m.tidu", tmp_path / "p.csv"
    options = ("--loss", "logistic", "--lr", 0.1, "--epochs", 3000)
    got = printed(tidu("fit", EXAMPLES / "leaves.csv", LEAVES, *options, "--out", model, "--json"))
    length, width, tree = np.loadtxt(EXAMPLES / "leaves.csv", delimiter=",", skiprows=1, dtype=str).T
    features = np.column_stack([length, width]).astype(float)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(features, tree)
    assert got["classes"] == peer.classes_.tolist() == ["olive", "willow"]
    # Gradient descent is not at the very minimum after 3000 steps, and all but there in what it costs.
    p = peer.predict_proba(features)
    assert got["metrics"]["log_loss"] == pytest.approx(sk.log_loss(tree, p), rel=0.01)
    assert got["metrics"]["auc"] == pytest.approx(sk.roc_auc_score(tree, p[:, 1]), abs=0.01)

    status, out, _err = tidu("predict", model, EXAMPLES / "leaves.csv")
    assert status == 0
    predicted = out.split()
    assert got["metrics"]["confusion"] == sk.confusion_matrix(tree, predicted).tolist()
    assert got["metrics"]["accuracy"] == np.mean(np.array(predicted) == tree)

    told = printed(tidu("predict", model, EXAMPLES / "leaves.csv", "--proba", "--json"))
    assert told["predictions"] == predicted
    assert told["metrics"] == got["metrics"]
    assert np.sum(told["probabilities"], axis=1) == pytest.approx(1)
    _status, out, _err = tidu("predict", model, EXAMPLES / "leaves.csv", "--proba")
    assert out.splitlines()[0] == "P(olive),P(willow)"
    assert [[float(v) for v in line.split(",")] for line in out.splitlines()[1:]] == told["probabilities"]
    assert tidu("predict", model, EXAMPLES / "leaves.csv", "--proba", "--out", written)[0] == 0
    lines = written.read_text().splitlines()
    assert lines[0] == "length,width,tree,prediction,P(olive),P(willow)"
    assert [line.split(",")[2] for line in lines[1:]] == tree.tolist()
    assert [line.split(",")[3] for line in lines[1:]] == predicted


@pytest.mark.parametrize(("lang", "words"), [("en", "true ↓, predicted →"), ("zh", "真实 ↓，预测 →")])
def test_a_confusion_table_for_people(tidu, lang, words):
    use_language(lang)
    status, out, _err = tidu("fit", EXAMPLES / "leaves.csv", LEAVES, "--loss", "hinge", "--test-size", 0.25)
    assert status == 0
    assert out.count(words) == 2
    assert "olive = -1, willow = 1" in out


def test_whole_numbers_are_labels_too(tidu, tmp_path):
    (tmp_path / "d.csv").write_text("x,y\n1,3\n2,3\n3,7\n4,7\n")
    model = tmp_path / "m.tidu"
    assert tidu("fit", tmp_path / "d.csv", "y = w*x + b", "--loss", "logistic", "--lr", 1, "--out", model)[0] == 0
    assert tidu("predict", model, tmp_path / "d.csv")[1].split() == ["3", "3", "7", "7"]


def test_labels_that_cannot_be_learnt_or_judged(tidu, tmp_path):
    def file(name, *rows):
        (tmp_path / name).write_text("\n".join(["x,s", *rows]) + "\n")
        return tmp_path / name

    two, one, hole = file("2", "1,a", "2,b"), file("1", "1,a", "2,a"), file("hole", "1,a", "2,", "3,b")
    three = file("3", "1,a", "2,b", "3,[c]")
    model = tmp_path / "m.tidu"
    common = ("s = w*x + b", "--loss", "logistic", "--epochs", 1)
    refused(tidu("fit", one, *common), "'s'", "one class only, a")
    refused(tidu("fit", three, *common), "has 3: [c], a, b", "softmax")
    refused(tidu("fit", hole, *common), "row 2 of column 's' is missing")
    assert printed(tidu("fit", hole, *common, "--drop-missing", "--json"))["rows"] == 2
    assert tidu("fit", two, *common, "--out", model)[0] == 0
    refused(tidu("predict", model, three), "row 3", "'[c]'", "a, b")
    squares = tmp_path / "q.tidu"
    assert tidu("fit", EXAMPLES / "line.csv", "y = w*x", "--lr", 1e-4, "--epochs", 1, "--out", squares)[0] == 0
    refused(tidu("predict", squares, EXAMPLES / "line.csv", "--proba"), "'squared'", "logistic")


# -- bad input: one sentence each -----------------------------------------------------------------
@pytest.fixture
def folder(tmp_path):
    files = {
        "text.csv": "x,y\n" + "1,2\n" * 999 + "1,abc\n" + "1,2\n",
        "empty.csv": "",
        "double.csv": "x,x,y\n1,2,3\n4,5,6\n",
        "nan.csv": "x,y\n1,2\n2,nan\n",
        "inf.csv": "x,y\n1,2\n2,inf\n",
        "blank.csv": "x,y\n1,2\n,4\n",
        "good.csv": "x,y\n1,2\n2,4\n3,6\n",
        "one.csv": "x,y\n1,2\n",
        "flat.csv": "x,y\n5,1\n5,2\n5,3\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "formula", "parts"),
    [
        ("text.csv", "y = w*x + b", ("row 1000", "'y'", "'abc'")),
        ("good.csv", "y = w*z + b", ("z", "x, y")),
        ("good.csv", "q = w*x + b", ("'q'", "x, y")),
        ("empty.csv", "y = w*x + b", ("empty",)),
        ("", "y = w*x + b", ("folder",)),
        ("nothing.csv", "y = w*x + b", ("no file",)),
        ("good.csv", "y = __import__('os').system('x')", ("__import__",)),
        ("good.csv", "y = " + "x+" * 500_000 + "x", ("1000005", "10000")),
        ("good.csv", "y = w*" + "(" * 10_000 + "x" + ")" * 10_000, ("10000",)),
        ("good.csv", "y = w*" + "-" * 9_000 + "x", ("9001 signs in a row",)),
        ("double.csv", "y = w*x", ("'x'", "2 times")),
        ("nan.csv", "y = w*x", ("row 2", "'y'", "missing")),
        ("inf.csv", "y = w*x", ("row 2", "'y'", "infinite")),
        ("blank.csv", "y = w*x", ("row 2", "'x'", "missing")),
        ("good.csv", "", ("target = expression",)),
        ("good.csv", "y = 3*x", ("no parameter",)),
    ],
)
def test_bad_data_and_formulas(tidu, folder, name, formula, parts):
    refused(tidu("fit", folder / name, formula), *parts)
    refused(tidu("fit", folder / name, formula, "--json"), *parts)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--lr", "-1"), ("learning rate", "-1")),
        (("--lr", "0"), ("learning rate", "0")),
        (("--lr", "fast"), ("fast",)),
        (("--batch-size", "0"), ("batch_size", "0")),
        (("--epochs", "-3"), ("epochs", "-3")),
        (("--epochs", "many"), ("many",)),
        (("--loss", "sqared"), ("sqared", "squared")),
        (("--loss", "huber(delta=-1)"), ("delta", "-1")),
        (("--optimizer", "adma"), ("adma", "adam")),
        (("--optimizer", "adam(beta1=2)"), ("beta1", "2")),
        (("--init", "w"), ("w", "name=value")),
        (("--init", "v=1"), ("v", "w, b")),
        (("--init", "w=nan"), ("nan",)),
        (("--test-size", "1.5"), ("1.5",)),
        (("--loss", "logistic"), ("logistic", "two classes", "'y' has 3: 2, 4, 6", "softmax")),
        (("--plot", "x.txt"), (".png", "x.txt")),
        (("--out", "/no/such/folder/m.tidu"), ("/no/such/folder",)),
        (("--l2", "-1"), ("l2", "-1")),
        (("--columns", "a"), ("1", "2")),
        (("--encoding", "klingon"), ("klingon",)),
        (("--frobnicate",), ("--frobnicate",)),
    ],
)
def test_bad_options(tidu, folder, options, parts):
    refused(tidu("fit", folder / "good.csv", "y = w*x + b", *options), *parts)


def test_where_nothing_is_wrong_the_result_is_sound(tidu, folder):
    big = printed(tidu("fit", folder / "good.csv", "y = w*x", "--batch-size", 500, "--json"))
    assert big["params"]["w"] == pytest.approx(2)
    assert "500" in big["notes"][0]
    one = printed(tidu("fit", folder / "one.csv", "y = w*x", "--lr", 0.1, "--json"))
    assert one["params"]["w"] == pytest.approx(2)
    assert one["metrics"]["r2"] is None
    flat = printed(tidu("fit", folder / "flat.csv", "y = w*x", "--json"))
    assert flat["params"]["w"] == pytest.approx(0.4)
    dropped = printed(tidu("fit", folder / "nan.csv", "y = w*x", "--drop-missing", "--json"))
    assert dropped["rows"] == 1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("predict", "nothing.tidu", "x.csv"), ("no file", "nothing.tidu")),
        (("minimize", "3*x**2", "--at", "y=1"), ("'x'", "y")),
        (("minimize", "3*x**2", "--at", "x=one"), ("x", "one")),
        (("minimize", "3", "--at", "x=1"), ("3",)),
        (("minimize", "3*x**2"), ("--at",)),
        (("lesson", "metre"), ("metre", "meter")),
        (("nonsense",), ("nonsense",)),
    ],
)
def test_other_commands_refuse_in_one_sentence(tidu, arguments, parts):
    refused(tidu(*arguments), *parts)


def test_predict_refuses_a_file_that_is_no_model(tidu, folder):
    refused(tidu("predict", folder / "good.csv", folder / "good.csv"), "not a model")


# -- the process: languages, standard input, help ---------------------------------------------------
def process(*arguments, stdin=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tidu", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )


def test_standard_input_may_be_compressed():
    content = gzip.compress((EXAMPLES / "line.csv").read_bytes())
    done = process("fit", "-", "y = w*x + b", "--lr", "0.0001", "--epochs", 3, "--json", stdin=content)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 100


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--lang", "zh", "fit", "x.csv", "y = w*x"), {}),
        (("fit", "x.csv", "y = w*x", "--lang", "zh"), {}),
        (("fit", "x.csv", "y = w*x"), {"TIDU_LANG": "", "LANGUAGE": "", "LC_ALL": "zh_CN.UTF-8"}),
    ],
)
def test_chinese_from_the_option_or_the_locale(arguments, environment):
    done = process(*arguments, **environment)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == "错误：没有文件 'x.csv'"


def test_language_that_there_is_not():
    done = process("--lang", "fr", "lesson")
    assert done.returncode == 2
    assert b"fr" in done.stderr


@pytest.mark.slow
def test_every_command_has_help_in_both_languages():
    for name in (None, *cli.app.commands):
        for lang, word in (("en", "Usage:"), ("zh", "用法：")):
            done = process(*([name] if name else []), "--help", "--lang", lang)
            assert done.returncode == 0
            assert word in done.stdout.decode()


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m tidu fit {EXAMPLES / 'line.csv'} 'y = w*x + b' --lr 0.0001 --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


# -- sweep ------------------------------------------------------------------------------------------
SWEEP = ("sweep", EXAMPLES / "line.csv", "y = w*x + b", "--over", "lr=log(1e-6,1e-2,5)", "--epochs", 20)


def test_sweep(tidu, tmp_path):
    got = printed(tidu(*SWEEP, "--json", "--out", tmp_path / "s.csv", "--plot", tmp_path / "s.png"))
    assert len(got["runs"]) == 5
    assert got["diverged"] == [r["stopped"] for r in got["runs"]].count("diverged")
    assert got["best"]["loss"] == min(r["loss"] for r in got["runs"] if r["stopped"] != "diverged")
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert rows[0] == "lr,w,b,loss,stopped,epochs,steps"
    assert [float(r.split(",")[1]) for r in rows[1:]] == [r["params"]["w"] for r in got["runs"]]
    assert (tmp_path / "s.png").stat().st_size > 1000


def test_the_command_that_a_sweep_gives_has_its_best_run(tidu):
    options = ("--over", "batch_size=10,20", "--over", "init.w=0,1", "--l2", 0.1, "--seed", 3, "--header", "no")
    got = printed(tidu(*SWEEP, *options, "--json"))
    status, out, _err = tidu(*SWEEP, *options)
    assert status == 0
    command = out[out.index("\ntidu fit") :].replace("\\\n", "").strip().splitlines()[0]
    again = printed(tidu(*shlex.split(command)[1:], "--json"))
    assert again["params"] == got["best"]["params"]
    assert again["loss"] == got["best"]["loss"]


def test_a_sweep_of_which_nothing_is_left_has_status_1(tidu):
    status, out, _err = tidu("sweep", EXAMPLES / "line.csv", "y = w*x + b", "--over", "lr=1,2")
    assert status == 1
    assert "diverged" in out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--over", "lr"), "name=values"),
        (("--over", "lr=1", "--over", "lr=2"), "twice"),
        (("--over", "lr=1,2", "--lr", 0.1), "both varied and fixed"),
        (("--over", "lr=log(0,1,3)"), "log(low, high, count)"),
        (("--over", "speed=1"), "speed"),
    ],
)
def test_a_sweep_refuses_in_one_sentence(tidu, arguments, part):
    refused(tidu("sweep", EXAMPLES / "line.csv", "y = w*x + b", *arguments), part)


# -- networks ------------------------------------------------------------------------------------
NETWORK = "cls = linear(dropout(gelu(linear(a, b, units=12)), 0.1), units=2)"


@pytest.fixture
def signs(tmp_path):
    x = np.random.default_rng(1).normal(size=(80, 3))
    words = np.where(x[:, 0] * x[:, 1] > 0, "yes", "no")
    rows = [",".join([*map(str, row), word]) for row, word in zip(x.tolist(), words, strict=True)]
    (tmp_path / "signs.csv").write_text("\n".join(["a,b,c,cls", *rows]))
    return tmp_path / "signs.csv"


def test_a_network_is_reported_layer_by_layer(tidu, signs, tmp_path):
    status, out, _err = tidu("fit", signs, NETWORK, "--loss", "softmax", "--epochs", 3, "--out", tmp_path / "m.tidu")
    assert status == 0
    cells = [line.split() for line in out.splitlines()]
    assert ["layer", "output", "parameters", "numbers", "root", "mean", "square"] in cells
    assert [c[:6] for c in cells if c[:1] == ["linear"]] == [
        ["linear", "12", "W1", "12", "×", "2,"], ["linear", "2", "W2", "2", "×", "12,"],
    ]  # fmt: skip
    assert ["gelu", "12"] in cells
    assert ["dropout", "12"] in cells
    assert ["all", "62"] in cells
    assert "keep is 0 where dropout drops" in out
    status, out, _err = tidu("predict", tmp_path / "m.tidu", signs)
    assert status == 0
    assert set(out.split()) <= {"yes", "no"}


def test_a_network_in_json(tidu, signs):
    got = printed(tidu("fit", signs, NETWORK, "--loss", "softmax", "--epochs", 3, "--json"))
    assert got["parameter_count"] == 12 * 3 + 2 * 13
    assert [(x["layer"], x["output"], x["count"]) for x in got["layers"]] == [
        ("linear", [12], 36), ("gelu", [12], 0), ("dropout", [12], 0), ("linear", [2], 26),
    ]  # fmt: skip
    assert got["layers"][0]["parameters"] == {"W1": [12, 2], "b1": [12]}


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("cls = mlp(..., hidden=[0])", "hidden must be layer sizes"),
        ("cls = mlp(..., dropout=1)", "at least 0 and below 1"),
        ("cls = mlp(..., init='hee')", "did you mean 'he'"),
        ("cls = linear(..., units=1.5)", "units must be a whole number"),
        ("cls = linear(a, b, inputs=3)", "for 3 inputs and is given 2"),
        ("cls = linear(a, units=4)", "gives 4 scores; there are 2 classes"),
    ],
)
def test_a_network_that_cannot_be(tidu, signs, formula, says):
    refused(tidu("fit", signs, formula, "--loss", "softmax"), says)


def test_labels_under_a_loss_of_numbers(tidu, signs):
    refused(tidu("fit", signs, "cls = w*a + b"), "holds text", "logistic, hinge, perceptron, softmax")


def test_tags_are_added_and_taken_away(tidu, tmp_path, monkeypatch):
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.sqlite"))
    for lr in (0.1, 0.2):
        printed(tidu("fit", EXAMPLES / "meter.csv", "y = w*x", "--lr", lr, "--epochs", 3, "--json"))
    assert printed(tidu("runs", "tag", 2, "paper", "good", "--remark", "fig. 2", "--json"))["tags"] == ["paper", "good"]
    assert printed(tidu("runs", "tag", 2, "new", "--remove", "good", "--json"))["tags"] == ["paper", "new"]
    refused(tidu("runs", "tag", 2), "say what the run is to have")
    assert [run["id"] for run in printed(tidu("runs", "list", "--tag", "paper", "--json"))] == [2]
    assert printed(tidu("runs", "show", 2, "--json"))["remark"] == "fig. 2"
    assert "paper" in tidu("runs", "list")[1]
    assert "no such runs" in tidu("runs", "list", "--tag", "good")[1]
    status, out, _err = tidu("runs", "compare", 1, 2)
    assert status == 0
    assert [line.split() for line in out.splitlines() if " lr " in line] == [["settings", "lr", "0.1", "0.2"]]
    refused(tidu("runs", "show", "9" * 30), "there is no run")
