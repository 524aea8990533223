"""Each lesson ends with a question; its command answers it, with the number that plain arithmetic gives."""

from __future__ import annotations

import json
import math
import re
import shlex

import numpy as np
import pytest

from tidu.fronts import cli
from tidu.lessons import line, linreg
from tidu.lessons.lesson import LESSONS

LINE = {name: np.array(column) for name, column in line.data().items()}
Y_LINREG = np.array(linreg.data()["y"])


def slope_of_b_after(steps):
    w = b = 0.0
    for _ in range(steps):
        r = w * LINE["x"] + b - LINE["y"]
        w, b = w - 1e-4 * np.mean(2 * r * LINE["x"]), b - 1e-4 * np.mean(2 * r)
    return float(np.mean(2 * (w * LINE["x"] + b - LINE["y"])))


ANSWERS = {
    "meter": 20.08 - 100,
    "one-weight": -14.8464,
    "minimum": 8.0,
    "line": float(np.mean(-2 * LINE["y"])),
    "learning-rate": 1 + 0.22 * 2 * np.mean([1, 4, 9]) * 1,
    "conditioning": slope_of_b_after(999),
    "parabola": 2 * (0.01**2 + 1.01 - 6.0504) * 0.01,
    "linreg": float(np.mean(-Y_LINREG[:10])),
    "backward": (1 * 2 + 0 - 5) * 2,
    "perceptron": 1.0,
    "xor": math.log(2),
    "digits": math.log(10),
}


def question_of(page):
    return re.search(
        r"## (?:A question for you|想一想)\n\n(.+?)\n\n```sh\n(tidu explain .+?)\n```\n\n[^\n]+", page, re.S
    )


@pytest.mark.parametrize("name", LESSONS)
def test_the_question_is_answered(name, tmp_path, capsys):
    pages = [LESSONS[name].page(lang) for lang in ("en", "zh")]
    questions = [question_of(page) for page in pages]
    assert all(
        q is not None and page.rstrip().endswith(q[0].rstrip()[-40:]) for q, page in zip(questions, pages, strict=True)
    )
    assert questions[0][2] == questions[1][2]
    LESSONS[name].give(str(tmp_path), with_pictures=False)
    command = shlex.split(questions[0][2].replace("«folder»", str(tmp_path)))
    assert cli.run([*command[1:], "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["entries"][-1]
    assert entry["name"] == command[command.index("--of") + 1]
    assert entry["value"] == pytest.approx(ANSWERS[name], rel=1e-9)
