"""A function that was minimised is a run like any other: kept, reported, explained, resumed; it predicts nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidu
from tidu.errors import SettingError, StoreError
from tidu.fronts.laboratory import _run_opened
from tidu.insight.picturing.kinds import KINDS
from tidu.insight.reporting.repeating import python_of
from tidu.lab.session import Session
from tidu.training.fit import run_of
from tidu.training.functions import function_program, is_function
from tidu.training.origin import Origin
from tidu.training.problem import Problem
from tidu.training.resuming import resumed_from
from tidu.training.run import Run, load
from tidu.training.settings import Settings
from tidu.training.storing.recording import Recorder
from tidu.training.storing.store import Store

FUNCTION = "x**2 + 3*(y - 1)**2"
START = {"x": 1.0, "y": -2.0}
COLUMNS = np.array([1.0, -2.0, 0.5])


def problem(function: str = FUNCTION, start: dict = START, **settings: object) -> Problem:
    given = {"init": start, "lr": 0.1, "steps": 12, **settings}
    return Problem.of_model(Settings(function, **given), ())


def of_columns(**settings: object) -> Problem:
    given = {"init": {"x": 1.0}, "lr": 0.1, "steps": 12, **settings}
    chosen = Settings("(x - c)**2", **given)
    program = function_program(chosen)
    return Problem.of_function(program, chosen.starting_values(program), chosen, [COLUMNS])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("y = w*x", False), ("3*x**2", True), ("where(x <= 1, x, 2)", True), ("x == 1", True), ("y=1", False),
     ("softplus(x) + `a=b`", True), ("y = mlp(x, hidden=[4])", False), ("step(x, every=3)", True)],
)  # fmt: skip
def test_a_formula_has_a_left_side(text: str, expected: bool) -> None:
    assert is_function(text) == expected


@given(st.floats(-3, 3), st.floats(0.01, 0.3), st.integers(1, 30))
def test_it_has_the_numbers_of_minimize(at: float, lr: float, steps: int) -> None:
    run = run_of(problem("x**4 - x", {"x": at}, lr=lr, steps=steps))
    found = tidu.minimize("x**4 - x", {"x": at}, lr=lr, steps=steps)
    assert (dict(run.params), run.stopped) == (dict(found.params), found.stopped)


def kept(made: Problem) -> Run:
    with Store(None) as store:
        recorder = Recorder(store, Origin())
        return recorder.finished(run_of(made, callbacks=recorder))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.sqlite"))
    monkeypatch.chdir(tmp_path)


def test_a_run_of_a_function_is_kept_and_opens_in_the_lab(store) -> None:
    run = kept(problem())
    assert tidu.runs()[0]["formula"] == FUNCTION
    session = Session(_run_opened(str(run.id)))
    opened = session.answer({"do": "hello", "lang": "en"}).plain["opened"]
    assert (opened["data"], opened["formula"], opened["step"]) == (True, FUNCTION, 12)
    assert session.answer({"do": "opened_data"}).plain["function"] is True
    session.answer({"do": "train", "formula": opened["formula"], "settings": opened["settings"]})
    while session.answer({"do": "go", "step": opened["step"]}).plain["step"] < opened["step"]:
        pass
    reply = session.answer({"do": "go", "step": opened["step"], "want": ["explanation"]}).plain
    assert reply["params"] == dict(run.params)
    names = {e["name"] for e in reply["explanation"]["entries"]}
    assert {"x", "y"} <= names
    assert "one_row" not in names
    session.close()


def test_it_is_taken_up_again_to_the_same_bits(store) -> None:
    run = kept(problem(steps=5))
    with Store(None) as kept_runs:
        longer = resumed_from(kept_runs, run.id, steps=7)
    assert dict(longer.params) == dict(run_of(problem()).params)


def test_a_function_of_columns_is_taken_up_with_its_columns(store) -> None:
    run = kept(of_columns(steps=5))
    assert run.params["x"] == pytest.approx(COLUMNS.mean() + (1 - COLUMNS.mean()) * 0.8**5)
    with Store(None) as kept_runs:
        with pytest.raises(StoreError, match="not in a file"):
            resumed_from(kept_runs, run.id, steps=7)
        longer = resumed_from(kept_runs, run.id, steps=7, data={"c": COLUMNS})
    assert dict(longer.params) == dict(run_of(of_columns()).params)
    with pytest.raises(SettingError, match="not in a file"):
        _run_opened(str(run.id))


@pytest.mark.parametrize("made", [problem, of_columns])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_its_report_says_what_is_so(made, lang, tmp_path) -> None:
    tidu.text.use_language(lang)
    try:
        run = run_of(made())
        run.report(tmp_path / "report.html")
    finally:
        tidu.text.use_language("en")
    text = (tmp_path / "report.html").read_text()
    assert text.count("one_row") == (run.source.count("one_row") if made is problem else 0)  # in the loop alone
    asked = {"en": f"Where is {run.settings.formula} smallest?", "zh": f"{run.settings.formula} 在哪里取最小值？"}
    assert asked[lang] in text.replace("&#x27;", "'")
    assert ("tidu minimize" in text) == (made is problem)
    assert repr(run.params["x"])[:8] in text


def test_the_python_of_its_report_does_it_again() -> None:
    run = run_of(problem(optimizer="momentum", lr=0.05))
    scope: dict = {}
    exec(python_of(run), scope)
    assert dict(scope["found"].params) == dict(run.params)


def test_every_picture_of_it_is_drawn_or_refused_in_a_sentence() -> None:
    pytest.importorskip("matplotlib")
    for run in (run_of(problem()), run_of(of_columns()), run_of(problem("x**2", {"x": 1.0}))):
        for name, kind in KINDS.items():
            if kind.why_not(run) is None:
                assert run.sketch(kind=name)
                run.plot(kind=name)
            else:
                with pytest.raises(SettingError):
                    run.plot(kind=name)


@pytest.mark.parametrize("made", [problem, of_columns])
def test_its_file_holds_it(made, tmp_path) -> None:
    run = run_of(made())
    run.save(tmp_path / "run.tidu")
    again = load(tmp_path / "run.tidu")
    assert dict(again.params) == dict(run.params)
    assert again.history.values.tolist() == run.history.values.tolist()
    whole = again if made is problem else again.with_data({"c": COLUMNS})
    assert whole.trace(3).after == run.trace(3).after


def test_it_predicts_nothing() -> None:
    run = run_of(problem())
    for asked in (lambda: run.predict({"x": [1.0]}), lambda: run.score({"x": [1.0]}), run.summary):
        with pytest.raises(SettingError, match="predicts nothing"):
            asked()


def test_the_command_line_knows_it(store, capsys) -> None:
    from tidu.fronts.cli import run as main

    run = kept(problem())

    def said(*words: str) -> str:
        status = main(list(words))
        out = capsys.readouterr()
        assert status == 0, out.err
        return out.out

    assert json.loads(said("runs", "show", str(run.id), "--json"))["formula"] == FUNCTION
    assert FUNCTION in said("runs", "show", str(run.id))
    assert json.loads(said("runs", "list", "--json"))[0]["formula"] == FUNCTION
    said("report", str(run.id), "--out", "found.html")
    assert "∂" in said("explain", str(run.id), "--step", "2")
    said("runs", "resume", str(run.id), "--steps", "3")
    said("runs", "export", str(run.id), "--out", "found.tidu")
    assert main(["predict", "found.tidu", "found.tidu"]) == 2
