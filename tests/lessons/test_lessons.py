"""Lessons: the programs' numbers to 12 digits, both languages complete, and the commands of each page run."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tidu.fronts import cli
from tidu.lessons import digits
from tidu.lessons.lesson import LESSONS, PAGES, PLACE
from tidu.text import LANGUAGES, use_language

EXAMPLES = Path(__file__).parents[2] / "examples"
CLOSE = 1e-12  # the programs' figures are given to 12 significant digits


def told(capsys, name):
    assert cli.run(["lesson", name, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_meter(capsys):
    steps = told(capsys, "meter")["steps"]
    assert [s["step"] for s in steps] == list(range(61))
    assert [steps[k]["error"] for k in (0, 1)] == pytest.approx([4990.005, 3193.6032], rel=CLOSE)
    assert [steps[k]["w"] for k in (0, 1, 53, 54, 60)] == pytest.approx(
        [20.08, 36.064, 99.99941598394572, 99.99953278715658, 99.99987752295638], rel=CLOSE
    )
    assert told(capsys, "meter")["first_shown_as_100"] == 54


def test_one_weight(capsys):
    got = told(capsys, "one-weight")
    assert got["grid"]["best"]["w"] == pytest.approx(2)
    gd = [got["gd"]["epochs"][k] for k in (0, 1, 99)]
    assert [e["cost"] for e in gd] == pytest.approx(
        [4.666666666666667, 3.8362074074074086, 1.752432687141379e-08], rel=CLOSE
    )
    assert [e["w"] for e in gd] == pytest.approx(
        [1.0933333333333333, 1.1779555555555554, 1.9999444396553017], rel=CLOSE
    )
    assert got["gd"]["prediction_before"] == 4
    sgd = [got["sgd"]["epochs"][k] for k in (0, 1, 99)]
    assert [e["loss"] for e in sgd] == pytest.approx([6.12265536, 2.556652655886172, 0.7811291934451824], rel=CLOSE)
    assert [e["w"] for e in sgd] == pytest.approx([1.323664, 1.562952679168, 2.241576136991251], rel=CLOSE)
    assert sgd[0]["gradients"] == pytest.approx([-6, -11.52, -14.8464], rel=CLOSE)
    assert got["sgd"]["prediction_after"] == pytest.approx(8.966304547965004, rel=CLOSE)


def test_minimum_and_its_saddle(capsys):
    got = told(capsys, "minimum")
    assert got["one"]["first_gradient"] == {"x": 6}
    assert list(got["three"]["first_gradient"].values()) == [6, 8, 10]
    assert list(got["three"]["params"].values()) == pytest.approx([0, 0, 0], abs=1e-50)
    saddle = got["saddle"]
    assert saddle["gd"]["y"] == 0.0  # it never leaves the ridge
    assert abs(saddle["gd"]["value"]) < 1e-9
    for noisy in ("sgd", "mini_batch"):
        assert abs(saddle[noisy]["y"]) == pytest.approx(2**0.5, abs=0.05)
        assert abs(abs(saddle[noisy]["y"]) - 2**0.5) > 1e-5  # near the minimum, and not at it
        assert saddle[noisy]["value"] == pytest.approx(-1, abs=0.01)


def test_line(capsys):
    got = told(capsys, "line")
    assert got["error_at_start"] > 1000
    assert got["curvatures"]["ratio"] > 1000
    assert abs(got["params"]["w"] - got["best"]["w"]) < 0.3
    assert abs(got["params"]["b"] - got["best"]["b"]) > 5
    assert got["w_settled_after"] < 20


def test_learning_rate(capsys):
    got = told(capsys, "learning-rate")
    assert got["limit"] == pytest.approx(3 / 14)  # 2/λ, with λ = 2·(1 + 4 + 9)/3
    for share, rate in got["rates"].items():
        distance = [abs(w - 2) for w in rate["w"]]
        # Exactly at 1/λ rounding is all that is left.
        assert distance[0] == pytest.approx(abs(1 - float(share)), abs=1e-15)
        assert distance[9] == pytest.approx(abs(1 - float(share)) ** 10, rel=1e-9, abs=1e-15)


def test_conditioning(capsys):
    got = told(capsys, "conditioning")
    assert got["curvatures"] == pytest.approx(told(capsys, "line")["curvatures"], rel=1e-8)
    assert abs(got["before"]["b"] - got["best"]["b"]) > 5
    assert got["after"]["b"] == pytest.approx(got["best"]["b"], rel=1e-4)
    assert got["steps_needed"] > got["steps_with_best_rate"] > 10_000


def test_parabola(capsys):
    got = told(capsys, "parabola")
    assert got["last_epoch"] == 999
    assert got["loss"] == pytest.approx(0.0006422866166133029, rel=CLOSE)
    assert list(got["params"].values()) == pytest.approx(
        [4.334302856811493, 4.653193451996958, 6.061894966775589], rel=CLOSE
    )
    assert got["epochs_needed"] > 1000


def test_linreg(capsys):
    got = told(capsys, "linreg")
    assert max(map(abs, got["errors"].values())) < 2e-3
    assert list(got["sweep"]) == ["0.01", "0.02", "0.03", "0.04"]
    starts = [tuple(s["init"].values()) for s in got["sweep"].values()]
    assert len(set(starts)) == 4  # drawn anew for each rate


def test_backward(capsys):
    got = told(capsys, "backward")
    # By hand: ŷ − y = 1·2 + 0.5 − 5, ∂ℓ/∂w = (ŷ − y)·x, ∂ℓ/∂b = ŷ − y
    assert got["values"]["residual"] == -2.5
    assert got["gradient"] == {"w": -5.0, "b": -2.5}
    assert got["moments"] == {"at_first": None, "once": -5.0, "again": -10.0, "zeroed": 0.0}
    assert got["nudged"] == pytest.approx(-5.0, abs=0.0021)  # half the nudge times the curvature x² = 4
    assert got["two_uses"]["a"] == 4 + 1
    assert got["batch"] == {"each": [-0.5, -5.0, -1.5], "sum": -7.0}
    assert [(s["from"], s["to"]) for s in got["steps"]][:2] == [("loss", "square"), ("square", "residual")]
    assert all(s["contribution"] == s["slope"] * s["local"] for s in got["steps"])
    assert got["update"]["loss"] < got["loss"]


def test_perceptron(capsys):
    got = told(capsys, "perceptron")
    weights = []
    w1 = w2 = b = 0.0
    for _epoch in range(got["or"]["epochs"]):  # the rule, by hand
        for x1, x2, y in ((0, 0, -1), (0, 1, 1), (1, 0, 1), (1, 1, 1)):
            if y * (w1 * x1 + w2 * x2 + b) <= 0:
                w1, w2, b = w1 + y * x1, w2 + y * x2, b + y
            weights.append([w1, w2, b])
    assert [[v["w1"], v["w2"], v["b"]] for v in got["or"]["visits"]] == weights
    assert (got["or"]["epochs"], got["or"]["mistakes"], got["or"]["stopped"]) == (6, 9, "converged")
    assert [v["mistake"] for v in got["or"]["visits"][-4:]] == [False] * 4
    # The widest margin of the four samples (x1, x2, 1) is that of (2, 2, -1): 1/3, by hand; R² = 3.
    assert got["or"]["bound"] == pytest.approx(27)
    mistakes = [g["mistakes"] for g in got["gaps"]]
    assert mistakes == sorted(mistakes)
    assert all(0 < g["mistakes"] < g["bound"] and g["mistakes_each_epoch"][-1] == 0 for g in got["gaps"])
    assert got["xor"]["mistakes"] == 4 * got["xor"]["epochs"]
    assert set(got["xor"]["params"].values()) == {0}


def test_both_pages_of_a_lesson_tell_the_same_numbers():
    for name, lesson in LESSONS.items():
        places = [sorted(set(PLACE.findall(lesson.page(lang)))) for lang in LANGUAGES]
        assert places[0] == places[1], name
        code = [re.findall(r"^```.*?^```", lesson.page(lang), flags=re.S | re.M) for lang in LANGUAGES]
        uncommented = [[re.sub(r"  #.*", "", block) for block in blocks] for blocks in code]
        assert uncommented[0] == uncommented[1], name


def test_there_is_no_page_without_a_lesson():
    assert {p.name for p in PAGES.iterdir()} == {f"{n}.{lang}.md" for n in LESSONS for lang in LANGUAGES}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", list(LESSONS))
def test_commands_and_python_of_a_page_run(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = LESSONS[name].give(f"tidu-lesson-{name}").page
    for script in re.findall(r"^```sh\n(.*?)^```", page, flags=re.S | re.M):
        for command in script.strip().splitlines():
            words = __import__("shlex").split(command)
            assert words[0] == "tidu"
            assert cli.run(words[1:]) == 0, command
    whole = [s for s in re.findall(r"^```python\n(.*?)^```", page, flags=re.S | re.M) if "import tidu" in s]
    assert whole
    for script in whole:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", list(LESSONS))
def test_a_page_is_printed_whole_and_its_files_are_written(name, lang, tmp_path, capsys):
    use_language(lang)
    try:
        assert cli.run(["lesson", name, "--out", str(tmp_path / "here")]) == 0
    finally:
        use_language("en")
    out = capsys.readouterr().out
    assert "«" not in out
    assert ("The same with tidu" if lang == "en" else "用 tidu 做同样的事") in out
    pictures = list((tmp_path / "here").glob("*.png"))
    assert len(pictures) == len(LESSONS[name].material().pictures)


def test_the_example_files_are_the_lessons_data():
    same = {
        "meter.csv": ("meter", "meter.csv"),
        "one-weight-gd.csv": ("one-weight", "gd.csv"),
        "one-weight-sgd.csv": ("one-weight", "sgd.csv"),
        "line.csv": ("line", "line.csv"),
        "parabola.csv": ("parabola", "parabola.csv"),
        "linreg.csv": ("linreg", "linreg.csv"),
    }
    for file, (lesson, data) in same.items():
        assert (EXAMPLES / file).read_text() == LESSONS[lesson].material().data[data]


def test_linear_regression_from_scratch_recovers_the_truth():
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "from_scratch.py")], capture_output=True, text=True, check=True
    )
    *epochs, last = done.stdout.strip().splitlines()
    losses = [float(line.split()[-1]) for line in epochs]
    assert len(losses) == 3
    assert losses[0] > 100 * losses[2]
    assert losses[2] < 6e-5  # the noise alone is ½·0.01²
    off = [abs(float(number)) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", last)]
    assert len(off) == 3
    assert max(off) < 2e-3


def test_xor_is_beyond_one_layer_and_within_two(capsys):
    got = told(capsys, "xor")
    assert got["one_layer"]["loss"] == pytest.approx(math.log(2), rel=1e-9)
    assert got["one_layer"]["right"] < 4
    assert got["two_layers"]["right"] == 4
    assert got["two_layers"]["loss"] < 0.01


def test_digits_are_read(capsys):
    got = told(capsys, "digits")
    assert got["two_layers"]["accuracy"] >= 0.97
    assert sum(map(sum, got["confusion"])) == got["test_images"] == 359
    assert got["wrong"] == got["test_images"] - sum(got["confusion"][k][k] for k in range(10))
    assert got["two_layers"]["accuracy"] == pytest.approx(1 - got["wrong"] / got["test_images"])
    # What the page says of the two models is true on average, if not on each split.
    one, two = ([split[name] for split in got["splits"]] for name in ("one_layer", "two_layers"))
    assert got["splits"][0]["two_layers"] == got["two_layers"]["accuracy"]
    assert 1 < (sum(two) - sum(one)) / len(one) * got["test_images"] < 10


def test_the_images_of_digits_are_those_of_scikit_learn():
    data, truth = digits.data(), load_digits()
    assert list(data) == [*(f"p{k}" for k in range(64)), "digit"]
    np.testing.assert_array_equal(np.column_stack([data[f"p{k}"] for k in range(64)]), truth.data)
    np.testing.assert_array_equal(data["digit"], truth.target)
    assert digits.IMAGES.stat().st_size < 100_000


def test_digits_need_nothing_that_the_package_does_not_bring():
    script = (
        "import sys; sys.modules['sklearn'] = sys.modules['pandas'] = None\n"
        "from tidu.lessons import digits; assert len(digits.data()['digit']) == 1797"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_lessons_have_numbers_and_a_next_one(capsys):
    names = list(LESSONS)
    for k, name in enumerate(names):
        lesson, last = LESSONS[name], k == len(names) - 1
        assert (lesson.number, lesson.next) == (k + 1, None if last else names[k + 1])
        assert all(lesson.page(lang).count("«next»") == (not last) for lang in LANGUAGES), name
    assert cli.run(["lesson", "1", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["lesson"], first["number"], first["next"]) == ("meter", 1, "one-weight")
    page = LESSONS["meter"].give(None).page
    assert page.startswith("# 1. One metre")
    assert page.rstrip().endswith("Lesson 2: `tidu lesson one-weight`")
    for number in ("0", "13", "²"):
        assert cli.run(["lesson", number]) == 2
        assert "there is no lesson" in capsys.readouterr().err


def test_line_is_cured_as_the_page_says(capsys):
    """Centred and scaled in the formula, the descent is at the least-squares line within 100 steps."""
    centred = "y = w*((x - 50)/15) + b"
    assert cli.run(["fit", str(EXAMPLES / "line.csv"), centred, "--lr", "0.1", "--epochs", "100", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    best = told(capsys, "line")["best"]
    assert got["params"]["w"] / 15 == pytest.approx(best["w"], rel=1e-6)
    assert got["params"]["b"] - 50 * got["params"]["w"] / 15 == pytest.approx(best["b"], rel=1e-6)
