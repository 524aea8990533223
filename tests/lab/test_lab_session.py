"""What a tab may ask, and what it is answered: numbers of the engine, and a sentence for what makes no sense."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np
import pytest

from tidu.errors import SettingError
from tidu.fronts.laboratory import _run_opened, is_run
from tidu.lab.examples import EXAMPLES
from tidu.lab.experiment import MOST_COLUMNS
from tidu.lab.frames import Reply, frame_of
from tidu.lab.requests import REQUESTS
from tidu.lab.session import VIEWS, Session
from tidu.lab.views import MOST_CELLS
from tidu.training.fit import fit

WANT = list(VIEWS)


def opened(name: str = "line") -> tuple[Session, dict]:
    session = Session()
    session.answer({"do": "hello", "lang": "en"})
    return session, session.answer({"do": "example", "name": name}).plain


def trained(name: str = "line", **more: object) -> Session:
    session, data = opened(name)
    reply = session.answer({"do": "train", "formula": data["formula"], "settings": {**data["settings"], **more}})
    assert "error" not in reply.plain, reply.plain
    return session


def explained(session: Session) -> dict:
    """What is told of the step where it stands."""
    here = session.here.step
    return session.answer({"do": "go", "step": here, "want": ["explanation"]}).plain["explanation"]


def gone(session: Session, step: int, want: list[str] | None = None) -> Reply:
    """What the page gets once it has asked often enough."""
    while session.answer({"do": "go", "step": step}).plain["step"] < step:
        pass
    return session.answer({"do": "go", "step": step, "want": want or [], "after": 0, "id": 7})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_every_example_trains_and_every_view_answers(example) -> None:
    session = trained(example.name)
    reply = gone(session, 12, WANT)
    assert reply.plain["step"] == 12
    assert reply.plain["id"] == 7
    scalars = [k for k, v in reply.plain["params"].items() if isinstance(v, float)]
    alone = len(scalars) == len(reply.plain["params"]) == 1
    assert [k for k in reply.plain if k.startswith("no_")] == ([] if alone else ["no_profile"])
    assert reply.plain["took"].keys() == VIEWS.keys()
    assert len(reply.arrays["losses"]) == 12
    told = reply.plain["explanation"]
    assert told["step"] == 12
    assert {e["block"] for e in told["entries"]} >= {"loss", "update"} | (set() if example.function else {"forward"})
    answer = session.answer({"do": "contours", "names": scalars[:2]}).plain
    assert ("error" in answer) == (len(scalars) < 2)
    session.close()


def page_of(known: dict, news: dict) -> dict:
    """What the page makes of an explanation that is told by what is new in it."""
    if "entries" in news:
        return news
    entries = [dict(e) for e in known["entries"]]
    for k, change in news.pop("changes"):
        entries[k] |= change
    return {**known, **news, "entries": entries}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_a_step_is_told_by_what_is_new_in_it(example) -> None:
    session, alone = trained(example.name), trained(example.name)
    known = explained(session)
    whole = len(json.dumps(known))
    for step in (1, 2, 3, 9, 4):
        while session.answer({"do": "go", "step": step}).plain["step"] != step:
            pass
        asked = {"do": "go", "step": step, "want": ["explanation"], "known": known["number"]}
        news = session.answer(asked).plain["explanation"]
        assert len(json.dumps(news)) < whole
        known = page_of(known, news)
        gone(alone, step)
        assert {**known, "number": 0} == {**explained(alone), "number": 0}
    session.close()
    alone.close()


def test_a_page_that_missed_what_was_told_is_told_all() -> None:
    session = trained("line")
    first, second = explained(session)["number"], explained(session)["number"]
    for known in (0, first, second + 5, -1):
        asked = {"do": "go", "step": 1, "want": ["explanation"], "known": known}
        assert "entries" in session.answer(asked).plain["explanation"]
    session.close()


def test_its_numbers_are_those_of_fit_and_of_the_trace() -> None:
    session = trained("line", batch_size="10", seed="3")
    reply = gone(session, 30, WANT)
    data = EXAMPLES[1].table()
    run = fit("y = w*x + b", data, lr=0.0001, batch_size=10, seed=3, steps=31, record="step")
    assert reply.plain["params"] == {n: run.history[n][29] for n in ("w", "b")}
    assert reply.arrays["losses"].tolist() == run.history.loss[:30].tolist()
    assert reply.arrays["batch"].tolist() == list(run.batch_of(30))
    after = explained(session)["after"]
    assert after == dict(run.trace(30).after)


def test_contours_are_costs() -> None:
    session = trained("line")
    gone(session, 3)
    arrays = session.answer({"do": "contours", "names": ["w", "b"], "box": [0.0, 2.0, -1.0, 1.0]}).arrays
    table = {k: np.asarray(v) for k, v in EXAMPLES[1].table().items()}
    i, j = 17, 40
    expected = np.mean((arrays["x"][i] * table["x"] + arrays["y"][j] - table["y"]) ** 2)
    assert arrays["heights"][i, j] == pytest.approx(expected, rel=1e-12)


BAD = [
    {}, {"do": 3}, {"do": "nothing"}, {"do": "train"}, {"do": "train", "formula": 3},
    {"do": "train", "formula": "y = w*z", "settings": {}}, {"do": "train", "formula": "y = __import__('os')"},
    {"do": "train", "formula": "y = w*x", "settings": {"lr": "fast"}},
    {"do": "train", "formula": "y = w*x", "settings": {"engine": "python"}},
    {"do": "train", "formula": "y = w*x", "settings": {"optimizer": "lm"}},
    {"do": "train", "formula": "y = w*x", "settings": {"lr": [1]}},
    {"do": "train", "formula": "y = " + "+".join(["x"] * 9000)}, {"do": "go", "step": "3"}, {"do": "go", "step": True},
    {"do": "go", "step": 3, "want": ["everything"]}, {"do": "contours", "names": []},
    {"do": "contours", "names": ["w", "b"], "box": [1, 0, 0, 1]}, {"do": "contours", "names": ["w", "b"], "box": ["a"]},
    {"do": "columns", "columns": {"x": "abc"}}, {"do": "columns", "columns": {"x": [1, 2], "y": [1]}},
    {"do": "text", "name": "t", "text": ""}, {"do": "example", "name": "lines"}, {"do": "take", "to": "cobol"},
    {"do": "go", "step": 5, "row": "3"}, {"do": "contours", "names": [["w"], "b"]},
    {"do": "go", "step": 1, "want": [["fit"]]},
    {"do": "train", "formula": "y = w*x", "settings": {"lr": None, "seed": "-1"}},
]  # fmt: skip


@pytest.mark.parametrize("asked", BAD, ids=lambda a: json.dumps(a)[:60])
def test_what_makes_no_sense_is_answered_by_a_sentence_and_changes_nothing(asked: dict) -> None:
    session = trained("line")
    before = {**gone(session, 5).plain, "id": None}
    reply = session.answer(dict(asked)).plain
    assert len(reply.get("error", "")) > 10, reply
    if asked.get("do") not in ("columns", "text", "example"):
        assert session.answer({"do": "go", "step": 5}).plain == before


def test_before_there_are_data_each_request_says_so() -> None:
    for name in REQUESTS:
        if name in ("hello", "example", "text", "columns", "check", "train", "opened_data"):
            continue
        all_fields = {"go": {"step": 1}, "contours": {"names": []}, "take": {"to": "csv"}}
        fields = all_fields.get(name, {})
        assert "error" in Session().answer({"do": name, **fields}).plain, name


def test_the_script_that_is_taken_away_is_that_of_the_run() -> None:
    session = trained("one-weight")
    gone(session, 10)
    text = session.answer({"do": "take", "to": "python"}).plain["text"]
    compile(text, "script", "exec")
    assert session.answer({"do": "take", "to": "report"}).plain["text"].startswith("<!doctype html>")
    assert session.answer({"do": "take", "to": "csv"}).plain["text"].splitlines()[0] == "x,y"
    graph = session.answer({"do": "go", "step": 10, "want": ["graph"]}).plain["graph"]
    assert {n["name"] for n in graph["nodes"]} >= {"w", "x", "y"}
    command = session.answer({"do": "take", "to": "command"}).plain["text"]
    assert command == "tidu fit data.csv 'y = w*x' --lr 0.01 --init w=1 --steps 10"


def test_a_frame_holds_what_it_was_made_of() -> None:
    arrays = {"a": np.arange(5.0), "b": np.arange(6, dtype=np.int32).reshape(2, 3), "c": np.empty(0)}
    frame = frame_of(Reply({"x": float("nan"), "é": "≤"}, arrays))
    assert isinstance(frame, bytes)
    (length,) = struct.unpack("<I", frame[:4])
    head = json.loads(frame[4 : 4 + length])
    assert (head["x"], head["é"]) == (None, "≤")
    for place in head["arrays"]:
        start = 4 + length + place["at"]
        assert start % 8 == 0
        kind = {"float64": "<f8", "int32": "<i4"}[place["kind"]]
        count = int(np.prod(place["shape"]))
        found = np.frombuffer(frame, kind, count, start).reshape(place["shape"])
        assert np.array_equal(found, arrays[place["name"]])


def test_earlier_runs_are_named_by_what_differs_and_can_be_dropped() -> None:
    session = trained("line")
    gone(session, 5)
    for rate in ("0.0002", "0.0003"):
        session.answer({"do": "train", "formula": "y = w*x + b", "settings": {"lr": rate}, "keep": True})
        reply = gone(session, 5)
    reply = session.answer({"do": "go", "step": 5, "want": ["others"], "others_after": [5, 3]})
    assert reply.plain["others"] == ["lr = 0.0001", "lr = 0.0002"]
    assert [len(reply.arrays[f"losses_{k}"]) for k in range(2)] == [0, 2]
    assert "error" in session.answer({"do": "drop", "which": 2}).plain
    assert session.answer({"do": "drop", "which": 0}).plain["others"] == ["lr = 0.0002"]
    session.answer({"do": "train", "formula": "y = w*x", "settings": {}, "keep": True})
    names = session.answer({"do": "go", "step": 5, "want": ["others"]}).plain["others"]
    assert names == ["y = w*x + b, lr = 0.0002", "y = w*x + b, lr = 0.0003"]
    assert session.answer({"do": "drop"}).plain["others"] == []
    assert reply.plain["step"] == 5
    session.close()


@pytest.mark.parametrize(
    "settings", [{"lr": 0.05, "init": {"w": 1}}, {"optimizer": "adam", "batch_size": 2, "seed": 4}]
)
def test_a_run_of_a_file_or_of_the_store_opens_where_it_stands(tmp_path, monkeypatch, settings) -> None:
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.db"))
    data = tmp_path / "points.csv"
    data.write_text("x,y\n1,2\n2,4.5\n3,5.5\n4,8\n")
    run = fit("y = w*x", str(data), epochs=7, store=True, **settings)
    run.save(tmp_path / "kept.tidu")
    for name in (str(tmp_path / "kept.tidu"), str(run.id)):
        assert is_run(name)
        session = Session(_run_opened(name))
        opened = session.answer({"do": "hello", "lang": "en"}).plain["opened"]
        assert "error" not in session.answer({"do": "opened_data"}).plain
        session.answer({"do": "train", "formula": opened["formula"], "settings": opened["settings"]})
        assert opened["step"] == run.steps
        assert gone(session, opened["step"]).plain["params"] == dict(run.params)
        session.close()


@pytest.mark.parametrize("kept", [{"test_size": 0.25}, {"validation": 0.3}, {"test_size": 0.2, "validation": 0.2}])
def test_a_run_that_kept_rows_back_opens_with_the_rows_that_it_learned_from(tmp_path, monkeypatch, kept) -> None:
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.db"))
    data = tmp_path / "points.csv"
    data.write_text("x,y\n" + "".join(f"{k},{2 * k + k % 3}\n" for k in range(20)))
    run = fit("y = w*x", str(data), lr=1e-3, epochs=4, batch_size=3, seed=2, **kept)
    run.save(tmp_path / "kept.tidu")
    session = Session(_run_opened(str(tmp_path / "kept.tidu")))
    opened = session.answer({"do": "hello", "lang": "en"}).plain["opened"]
    session.answer({"do": "opened_data"})
    made = session.answer({"do": "train", "formula": opened["formula"], "settings": opened["settings"]}).plain
    assert made["data"]["rows"] == run.rows < 20
    assert f"{run.rows} of the 20 rows are learned from" in made["notes"][-1]
    assert gone(session, run.steps).plain["params"] == dict(run.params)
    command = session.answer({"do": "take", "to": "command"}).plain["text"]
    assert all(f"--{name.replace('_', '-')} {share}" in command for name, share in kept.items())
    number = session.answer({"do": "take", "to": "store"}).plain["text"].split()[1]
    again = Session(_run_opened(number)).answer({"do": "hello", "lang": "en"}).plain["opened"]
    assert again["step"] == run.steps
    session.close()


def test_a_run_whose_data_were_in_memory_is_a_sentence(tmp_path) -> None:
    fit("y = w*x", {"x": [1.0, 2.0], "y": [2.0, 4.0]}, lr=1e-2, epochs=2).save(tmp_path / "memory.tidu")
    with pytest.raises(SettingError, match="not in a file"):
        _run_opened(str(tmp_path / "memory.tidu"))


def test_wide_data_are_shown_in_part_and_trained_on_whole() -> None:
    session = Session()
    session.answer({"do": "hello", "lang": "en"})
    names = [f"p{k}" for k in range(300)]
    rows = np.random.default_rng(0).integers(0, 9, (200, 301))
    text = "\n".join([",".join([*names, "y"]), *(",".join(map(str, row)) for row in rows)])
    session.answer({"do": "text", "name": "wide", "text": text})
    made = session.answer({"do": "train", "formula": "y = linear(...)", "settings": {"lr": "1e-5"}})
    assert made.arrays["table"].size <= MOST_CELLS
    table = session.answer({"do": "go", "step": 0, "want": ["rows", "predictions"], "first": 0})
    assert table.plain["table"]["names"] == [*names[:MOST_COLUMNS], "y"]
    assert table.plain["table"]["more"] == 300 - MOST_COLUMNS
    assert table.arrays["cells"][:, -1].tolist() == rows[:100, -1].tolist()
    assert len(table.arrays["predicted"]) == 100
    told = explained(session)
    given = [e["name"] for e in told["entries"] if e["block"] == "given" and e["row"] is not None]
    assert given == [*names[:MOST_COLUMNS], "y"]
    assert told["notes"][-1] == f"and {300 - MOST_COLUMNS} more"
    session.close()


def test_two_tabs_speak_their_own_languages_at_once() -> None:
    """Each request runs in a context of its own, as the server's threads do."""

    def said(lang: str) -> set[str]:
        session = Session()
        session.answer({"do": "hello", "lang": lang})
        return {session.answer({"do": "go", "step": 1}).plain["error"] for _turn in range(200)}

    with ThreadPoolExecutor(2) as threads:
        english, chinese = (threads.submit(copy_context().run, said, lang) for lang in ("en", "zh"))
        assert english.result() == {"choose data and a formula first"}
        assert chinese.result() == {"请先选择数据和公式"}


def test_formulas_of_two_tabs_have_the_words_of_their_languages() -> None:
    """What is kept of a formula for the next step is kept for a language: the same expressions stand in both tabs."""

    def told(lang: str) -> str:
        session = Session()
        session.answer({"do": "hello", "lang": lang})
        session.answer({"do": "columns", "columns": {"x": [0.0, 1.0, 2.0], "y": [1.0, 2.0, 4.0]}})
        session.answer({"do": "train", "formula": "y = where(x > 1, w*x, b)", "settings": {"lr": "0.1"}})
        return " ".join(e["markup"] for e in explained(session)["entries"])

    with ThreadPoolExecutor(2) as threads:
        for _turn in range(2):
            words = {lang: threads.submit(copy_context().run, told, lang).result() for lang in ("en", "zh")}
            assert "otherwise" in words["en"]
            assert "否则" not in words["en"]
            assert "否则" in words["zh"]
            assert "otherwise" not in words["zh"]


@pytest.mark.parametrize("rate", ["0.1", "0.5"])
def test_the_doctor_looks_at_functions_too(rate) -> None:
    session = trained("function", lr=rate)
    gone(session, 40)
    found = session.answer({"do": "why"}).plain["diagnosis"]
    assert "the limit of gd, 0.333333" in " ".join(f["words"] for f in found["findings"])
    assert found["advice"] == "--optimizer gd --lr 0.166667"  # half the limit, which ends at the minimum in one step
    session.close()


def test_what_is_advised_is_what_the_lab_can_do() -> None:
    session = trained("line", lr="0.01")
    while not session.answer({"do": "go", "step": 500}).plain["why"]:
        pass
    found = session.answer({"do": "why"}).plain["diagnosis"]
    assert "a solver" in " ".join(t["advice"] for t in found["trials"])
    settings = {k: v if isinstance(v, bool) else "" if v is None else str(v) for k, v in found["options"].items()}
    reply = session.answer({"do": "train", "formula": "y = w*x + b", "settings": settings})
    assert "error" not in reply.plain
    session.close()


def large_network() -> Session:
    """A network whose curvature takes a second or more."""
    session = Session()
    session.answer({"do": "hello", "lang": "en"})
    names = [f"p{k}" for k in range(200)]
    rows = np.random.default_rng(0).normal(size=(800, 201)).round(3)
    text = "\n".join([",".join([*names, "y"]), *(",".join(map(str, row)) for row in rows.tolist())])
    session.answer({"do": "text", "name": "wide", "text": text})
    made = session.answer({"do": "train", "formula": "y = mlp(..., hidden=[100])", "settings": {"lr": "1e-3"}})
    assert "error" not in made.plain
    return session


def test_the_doctor_stops_once_nobody_waits_for_it() -> None:
    session = trained("moons")
    gone(session, 30)
    session.experiment.ended = True
    assert session.answer({"do": "why"}).plain["error"] == "nobody waits for this any more"
    session.close()


@pytest.mark.parametrize("left", ["ended", "pressed"])
def test_the_curvature_of_a_large_network_stops_once_nobody_waits_for_it(left) -> None:
    session, curvature = large_network(), {"do": "go", "step": 0, "want": ["batch", "curvature"]}
    products = []
    objective = session.experiment.objective
    of_network = objective.hessian_product

    def counted(at, direction):
        products.append(1)
        if len(products) == 3:
            session.pressed = left == "pressed"
            session.experiment.ended = left == "ended"
        return of_network(at, direction)

    objective.hessian_product = counted
    reply = session.answer(dict(curvature)).plain
    assert len(products) == 3
    assert "curvature" not in reply
    assert reply["took"].keys() == {"batch"}  # so the page knows that it has to ask again
    session.pressed = session.experiment.ended = False
    assert session.answer(curvature).plain["curvature"]["largest"] > 0.0
    session.close()


@pytest.mark.parametrize("name", ["line", "function", "saddle"])
def test_whatever_can_be_taken_away_is_there(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.db"))
    session, data = opened(name)
    made = session.answer({"do": "train", "formula": data["formula"], "settings": data["settings"]}).plain
    gone(session, 8)
    assert {"report", "store"} <= {*made["takes"]}
    for to in made["takes"]:
        assert session.answer({"do": "take", "to": to}).plain.get("text"), to
    for to in {"python", "csv", "command"}.difference(made["takes"]):
        assert "there is no" in session.answer({"do": "take", "to": to}).plain["error"]
    session.close()


def test_a_script_of_a_function_does_what_the_lab_did(tmp_path) -> None:
    session = trained("saddle")
    reply = gone(session, 20)
    for to, name in (("python", "train.py"), ("csv", "data.csv")):
        (tmp_path / name).write_text(session.answer({"do": "take", "to": to}).plain["text"])
    ran = subprocess.run(
        [sys.executable, "train.py", "data.csv"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:2] == [f"{n} = {v!r}" for n, v in reply.plain["params"].items()]
    session.close()


def test_the_way_is_that_of_the_users_parameters_where_the_descent_has_others() -> None:
    session = trained("line", scale=True, lr="0.5")
    reply = gone(session, 4, ["losses"])
    assert reply.plain["recorded"] == ["w", "b"]
    assert reply.arrays["path"][-1].tolist() == list(reply.plain["params"].values())
    session.close()
