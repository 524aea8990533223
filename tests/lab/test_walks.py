"""The walks: words in both languages that fit their stops, and right answers worked out here by other means."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tidu.errors import SettingError
from tidu.lab.session import Session
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import WALKS, Choice, Number, Task, number_in
from tidu.lessons import digits, linreg
from tidu.lessons.lesson import LESSON_MODULES
from tidu.lessons.line import data as line_data
from tidu.training.fit import fit

VIEWS = ("data", "landscape", "loss", "mathematics", "loop", "graph", "network", "rows")
STOPS = [(name, k) for name in WALKS for k in range(len(WALKS[name].stops))]


def line_xy() -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array(c) for c in line_data().values())  # type: ignore[return-value]


def steps_of_line(rate: float, steps: int) -> np.ndarray:
    """Descent on the line with NumPy, a row (w, b) for each step, the start first."""
    x, y = line_xy()
    at, way = np.zeros(2), [np.zeros(2)]
    for _k in range(steps):
        residual = at[0] * x + at[1] - y
        at = at - rate * 2 * np.array([np.mean(residual * x), np.mean(residual)])
        way.append(at)
    return np.array(way)


def hessian_of_line() -> np.ndarray:
    x, _y = line_xy()
    return 2 * np.array([[np.mean(x * x), np.mean(x)], [np.mean(x), 1.0]])


def slope_of_line_ratio() -> float:
    x, y = line_xy()
    return float(np.mean(x * y) / np.mean(y))


def best_line() -> np.ndarray:
    x, y = line_xy()
    return np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y, rcond=None)[0]


def whitened_steps() -> int:
    """Rescaled descent halves the distance at every step, whatever the data."""
    best = best_line()[1]
    return next(k for k in range(100) if abs(best) * 0.5**k < 0.01 * abs(best))


def perceptron_changes(y: list[int]) -> tuple[int, np.ndarray, int]:
    """The rule by hand: how many changes, the weights, and on how many passes all corners were right."""
    corners, w, changes, right = [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1)], np.zeros(3), 0, 0
    for k in range(40):
        corner = np.array(corners[k % 4], float)
        if y[k % 4] * (w @ corner) <= 0:
            w, changes = w + y[k % 4] * corner, changes + 1
        right += all(t * (w @ np.array(c)) > 0 for c, t in zip(corners, y, strict=True))
    return changes, w, right


def saddle_end() -> float:
    """Single samples of the saddle: |y| at the end, in the order that NumPy draws."""
    pushes, x, y = np.tile([0.1, -0.1], 8), 1.0, 0.0
    for epoch in range(60):
        for c in pushes[np.random.default_rng([3, epoch]).permutation(16)]:
            x, y = x - 0.05 * 2 * x, y - 0.05 * (y**3 - 2 * y + c)
    return abs(y)


def linreg_first_batch() -> float:
    """The mean residual of the first batch at w1 = w2 = b = 0."""
    rows = np.random.default_rng([0, 0]).permutation(1000)[:10]
    return -float(np.mean(np.array(linreg.data()["y"])[rows]))


def linreg_distance() -> float:
    d = {k: np.array(v) for k, v in linreg.data().items()}
    at = np.zeros(3)
    for epoch in range(3):
        order = np.random.default_rng([0, epoch]).permutation(1000)
        for k in range(0, 1000, 10):
            rows = order[k : k + 10]
            design = np.column_stack([d["x1"][rows], d["x2"][rows], np.ones(10)])
            at = at - 0.03 * design.T @ (design @ at - d["y"][rows]) / 10
    return abs(at[2] - 4.2)


def hardest_digit() -> int:
    run = fit(digits.NETWORK, digits.data(), loss="softmax", optimizer="adam", lr=0.005, batch_size=32, epochs=2)
    truth = digits.data()["digit"].astype(int)
    said = np.array([int(v) for v in run.predict(digits.data())])
    return int(np.argmax([np.mean(said[truth == k] != k) for k in range(10)]))


def parabola_furthest() -> str:
    x = np.arange(100) * 0.01
    at = np.array([1.0, 0.0, 1.0])
    for k in range(20_000):
        v = x[k % 100]
        terms = np.array([v * v, v, 1.0])
        at = at - 0.001 * 2 * (at @ terms - (4 * v * v + 5 * v + 6)) * terms
    return ("w1", "w2", "w3")[int(np.argmax(np.abs(at - [4, 5, 6])))]


# What is right, by other means than the engine's: by hand, by NumPy, by the definition.
RIGHT = {
    ("meter", 0): lambda: (0.1 - 100) * 1,
    ("meter", 1): lambda: 0.1 + 0.2 * 99.9,
    ("meter", 2): lambda: 1 - 0.2,
    ("one-weight", 0): lambda: (1 * 2 + 2 * 4 + 3 * 6) / (1 + 4 + 9),
    ("one-weight", 1): lambda: np.mean([2 * (1 - 2) * 1, 2 * (2 - 4) * 2, 2 * (3 - 6) * 3]),
    ("one-weight", 2): lambda: 1 - 0.01 * 2 * (1 - 4),
    ("one-weight", 3): lambda: "turns",  # Σ over an epoch is 0 where w comes back, and no slope is: lesson 2's page
    ("minimum", 0): lambda: 6 * 1.0,
    ("minimum", 1): lambda: 1 - 0.1 * 6,
    ("minimum", 2): lambda: "saddle",  # the Hessian at (0, 0) is diag(2, −2)
    ("minimum", 3): saddle_end,
    ("line", 0): slope_of_line_ratio,
    ("line", 1): lambda: "w" if abs(steps_of_line(1e-4, 1000)[-1][1]) < 0.8 * best_line()[1] else "both",
    ("line", 2): lambda: math.ceil(100 / 30),
    ("learning-rate", 0): lambda: np.mean(2 * np.array([1.0, 2, 3]) ** 2),
    ("learning-rate", 1): lambda: 2 / np.mean(2 * np.array([1.0, 2, 3]) ** 2),
    ("learning-rate", 3): lambda: 1 - 0.225 * np.mean(2 * np.array([1.0, 2, 3]) ** 2),
    ("conditioning", 0): lambda: "wb"[int(np.argmax(np.abs(np.linalg.eigh(hessian_of_line())[1][:, 0])))],
    ("conditioning", 1): lambda: 2 / np.linalg.eigvalsh(hessian_of_line())[-1],
    ("conditioning", 2): lambda: 0.5,
    ("conditioning", 3): whitened_steps,
    ("parabola", 0): lambda: 0.5**2,
    ("parabola", 1): lambda: 1000 * 100,
    ("parabola", 2): parabola_furthest,
    ("linreg", 0): lambda: 1000 / 10,
    ("linreg", 1): linreg_first_batch,
    ("linreg", 2): linreg_distance,
    ("backward", 0): lambda: 1 * 2 + 0.5 - 5,
    ("backward", 1): lambda: (1 * 2 + 0.5 - 5) * 2,
    ("backward", 2): lambda: np.mean([-0.5 * 1, -2.5 * 2, -0.5 * 3]),
    ("backward", 3): lambda: ((1 + 0.5) * 2 + (0.5 + 0.25) - 5) ** 2 / 2,
    ("perceptron", 0): lambda: "yes",  # Rosenblatt's rule: y·score ≤ 0 is a mistake
    ("perceptron", 1): lambda: perceptron_changes([-1, 1, 1, 1])[0],
    ("perceptron", 2): lambda: perceptron_changes([-1, 1, 1, 1])[1].sum(),
    ("perceptron", 3): lambda: "once" if perceptron_changes([-1, 1, 1, -1])[2] else "never",
    ("xor", 0): lambda: math.log(2),
    ("xor", 1): lambda: 4 * 2 + 4 + 4 + 1,
    ("xor", 2): lambda: 4,
    ("digits", 0): lambda: 64 * 64 + 64 + 64 * 10 + 10,
    ("digits", 1): lambda: math.ceil(1797 / 32),
    ("digits", 2): hardest_digit,
    ("digits", 3): lambda: "fewer",  # what was learned is known better than what was not: lesson 12's page
}
# What a person would do in the lab, as settings and a step; and what is not enough.
DONE = {
    ("meter", 3): (None, {"lr": "1"}, 1),
    ("line", 3): (None, {"lr": "0.0005"}, 5),
    ("learning-rate", 2): (None, {"lr": "0.107"}, 1),
    ("parabola", 3): (None, {"optimizer": "adam", "lr": "0.01"}, 10_000),
    ("linreg", 3): (None, {"lr": "2.5"}, 20),
    ("xor", 3): ("y = mlp(..., hidden=[4], activation='identity')", {}, 500),
}


def asked(session: Session, **fields: object) -> dict:
    return session.answer(dict(fields)).plain


def session_in(lang: str) -> Session:
    session = Session()
    assert len(asked(session, do="hello", lang=lang)["walks"]) == len(LESSON_MODULES)
    return session


def said(pieces: list[dict[str, str]]) -> str:
    return "".join(p.get("text") or p.get("code") or p.get("strong") or "" for p in pieces)


def bare(words: str) -> str:
    """Without the signs of the page's markup."""
    return re.sub(r"[$`*]", "", words)


def gone(session: Session, step: int) -> dict:
    while (there := asked(session, do="go", step=step))["step"] < step and not there["why"]:
        pass
    return there


def test_every_lesson_has_a_walk_and_every_question_an_answer_by_other_means() -> None:
    assert list(WALKS) == list(LESSON_MODULES)
    asked_for = {(n, k) for n, k in STOPS if not isinstance(WALKS[n].stops[k].question, Task)}
    assert asked_for == set(RIGHT)
    assert set(STOPS) - asked_for == set(DONE)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", list(WALKS))
def test_its_words_fit_its_stops(name: str, lang: str) -> None:
    page, stops = WALKS[name].page(lang), WALKS[name].stops
    assert len(page.sections) == len(stops)
    for section, stop in zip(page.sections, stops, strict=True):
        question = stop.question
        assert all((section.heading, section.question, section.hint, section.meaning))
        assert set(section.slips) == set(question.slips if isinstance(question, Number) else {})
        assert bool(section.choices) == isinstance(question, Choice)
        assert stop.look in VIEWS
        places = set(re.findall(r"«(\w+)»", repr(section)))
        assert places == set(stop.values)
    if lang == "zh":
        assert not re.search(r"[\u4e00-\u9fff] *\n|[，。：；？！] ", repr(page))


@pytest.mark.parametrize("name", list(WALKS))
def test_both_languages_say_the_same_mathematics(name: str) -> None:
    def formulas(lang: str) -> list[list[str]]:
        return [sorted(set(re.findall(r"\$([^$]+)\$|`([^`]+)`", s.question + s.hint + " ".join(s.slips.values()))))
                for s in WALKS[name].page(lang).sections]  # fmt: skip

    assert formulas("en") == formulas("zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("name", "stop"), [key for key in STOPS if key in RIGHT])
def test_the_right_answer_is_right_and_a_wrong_one_is_told_why(name: str, stop: int, lang: str) -> None:
    session, question = session_in(lang), WALKS[name].stops[stop].question
    shown = asked(session, do="stop", walk=name, stop=stop)
    assert (shown["stop"], shown["kind"]) == (stop, question.kind)
    answer = RIGHT[name, stop]()
    section = WALKS[name].page(lang).sections[stop]
    if isinstance(question, Number):
        given = f"{answer:.{question.decimals}f}"
        wrong = [(f"{answer * 3 + 7:.9f}", section.hint), (f"{-answer:.9f}", "")]
        stage = Stage.of(WALKS[name].stops[stop].scene)
        wrong += [(repr(slip(stage)), section.slips[key]) for key, slip in question.slips.items()]
        stage.close()
    else:
        given, others = answer, [c for c in section.choices if c != answer]
        assert given in section.choices
        wrong = [(choice, section.slips.get(choice, section.hint)) for choice in others]
    reply = asked(session, do="judge", walk=name, stop=stop, given=given)
    assert reply["right"], reply
    assert said(reply["meaning"])
    for value, words in wrong:
        reply = asked(session, do="judge", walk=name, stop=stop, given=value)
        assert not reply["right"], value
        assert said(reply["words"])
        if words and "«" not in words:
            assert bare(said(reply["words"])) == bare(words)
    session.close()


@pytest.mark.parametrize(("name", "stop"), list(DONE))
def test_a_task_is_done_in_the_lab_and_not_before(name: str, stop: int) -> None:
    session = session_in("en")
    scene = asked(session, do="scene", walk=name, stop=stop)
    assert not asked(session, do="judge", walk=name, stop=stop, given="").get("right")  # nothing stands there yet
    formula, changed, step = DONE[name, stop]
    asked(session, do="train", formula=scene["formula"], settings=scene["settings"])
    gone(session, scene["step"])
    assert not asked(session, do="judge", walk=name, stop=stop, given="")["right"]
    asked(session, do="train", formula=formula or scene["formula"], settings={**scene["settings"], **changed})
    gone(session, step)
    reply = asked(session, do="judge", walk=name, stop=stop, given="")
    assert reply["right"], reply
    asked(session, do="example", name="moons")  # other data: the task is not judged on them
    reply = asked(session, do="judge", walk=name, stop=stop, given="")
    assert "Show me" in reply["error"]
    session.close()


@pytest.mark.parametrize(("name", "stop"), STOPS)
def test_its_scene_trains_and_has_what_it_points_at(name: str, stop: int) -> None:
    session, there = session_in("en"), WALKS[name].stops[stop]
    scene = asked(session, do="scene", walk=name, stop=stop)
    reply = asked(session, do="train", formula=scene["formula"], settings=scene["settings"])
    assert "error" not in reply
    assert gone(session, scene["step"])["step"] == scene["step"]
    told = asked(session, do="go", step=session.here.step, want=["explanation"])["explanation"]
    assert there.part in {"", *(e["block"] for e in told["entries"])}
    assert there.point in {"", *(e["name"] for e in told["entries"])}
    assert asked(session, do="scene", walk=name, stop=stop).get("there")  # nothing has changed: nothing is opened anew
    asked(session, do="train", formula=scene["formula"], settings={**scene["settings"], "lr": "0.0123"})
    assert "there" not in asked(session, do="scene", walk=name, stop=stop)
    session.close()


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), (" −24 ", -24.0), ("2/14", 2 / 14), ("1e-3", 1e-3), ("－０．５", -0.5), ("+7", 7.0)],
)
def test_numbers_as_people_type_them(text: str, value: float) -> None:
    assert number_in(text) == value


@pytest.mark.parametrize("text", ["", "abc", "1/0", "inf", "nan", "1/2/3", "__import__('os')", "1" * 400])
def test_what_is_no_number_is_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="is not a number"):
        number_in(text)


def test_nearly_right_and_the_wrong_sign_are_told_apart() -> None:
    session = session_in("en")
    ask = {"do": "judge", "walk": "one-weight", "stop": 1}
    assert said(asked(session, **ask, given="-9.3")["words"]) == "Nearly. Give it to 2 decimals."
    assert "sign" in said(asked(session, **ask, given="9.33")["words"])
    assert "sum of the three" in said(asked(session, **ask, given="-28")["words"])
    assert "error" in asked(session, **ask, given="much")
    assert "error" in asked(session, do="judge", walk="one-weight", stop=9, given="1")
    assert "error" in asked(session, do="stop", walk="nowhere", stop=0)
    assert "error" in asked(session, do="judge", walk="xor", stop=3, given="")
    session.close()
