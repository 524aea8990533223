"""Runs that died at a chosen moment, taken up from the store: early stopping, rates that change, places of death."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from tidu.errors import SettingError, StoreError
from tidu.training.callbacks import Advanced, Answered, Began, Ended, EpochEnded, Stop
from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.resuming import resumed_from, run_in
from tidu.training.storing import recording
from tidu.training.storing.store import Part, Store

random = np.random.default_rng(8)
X = random.uniform(-1, 1, 24)
Y = np.sin(3 * X) + random.normal(0, 0.5, 24)
LINE, POLYNOMIAL = "y = w*x + b", "y = poly(x, 6)"
EARLY = {"lr": 0.1, "epochs": 400, "optimizer": "adam", "batch_size": 5}


class Death(BaseException):
    """What no callback's guard catches."""


@pytest.fixture(autouse=True)
def every_write(monkeypatch):
    monkeypatch.setattr(recording, "CADENCE", 0.0)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "runs.sqlite") as kept:
        yield kept


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "points.csv"
    np.savetxt(path, np.column_stack([X, Y]), delimiter=",", header="x,y", comments="", fmt="%.17g")
    return path


def dies(store, file, formula, settings, at, **reading):
    """A run that dies in the callback after the recorder, once `at` says so of an event; its number in the store."""

    def death(event):
        if at(event):
            raise Death

    death.each_epoch = True
    problem = Problem.read(formula, file, settings, **reading)
    origin = recording.Origin.of(file, None, False, None, reading.get("validation"))
    recorder = recording.Recorder(store, origin)
    with pytest.raises(Death):
        run_of(problem, callbacks=(recorder, death))
    return recorder.run


def assert_same(one, other):
    assert {n: np.asarray(v).tobytes() for n, v in one.params.items()} == {
        n: np.asarray(v).tobytes() for n, v in other.params.items()
    }
    assert one.history.values.tobytes() == other.history.values.tobytes()
    assert (one.stopped, one.epochs, one.steps, one.best_epoch) == (
        other.stopped, other.epochs, other.steps, other.best_epoch)  # fmt: skip
    assert one.lr == other.lr
    if one.judged is not None or other.judged is not None:
        assert one.judged.losses.tobytes() == other.judged.losses.tobytes()


MOMENTS = {
    "at the start": lambda event: isinstance(event, Began),
    "in mid-run": lambda event: isinstance(event, Advanced) and event.state.epoch == 3,
    "after an epoch": lambda event: isinstance(event, EpochEnded) and event.epoch == 30,
    "at the end": lambda event: isinstance(event, Ended),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("patience", [4, 40, None])
@pytest.mark.parametrize("validation", [0.25, None])
def test_early_stopping_goes_on(store, file, moment, patience, validation):
    if patience is None and validation is None:
        pytest.skip("nothing stops it early")
    settings = EARLY | {"patience": patience}
    whole = tidu.fit(POLYNOMIAL, file, **settings, validation=validation)
    if moment == "after an epoch" and whole.epochs <= 31:
        pytest.skip("it has ended by then")
    number = dies(store, file, POLYNOMIAL, settings, MOMENTS[moment], validation=validation)
    again = resumed_from(store, number)
    assert_same(again, whole)
    assert_same(run_in(store, number), whole)


def test_it_dies_again_and_again(store, file):
    settings = EARLY | {"patience": 40}
    number = dies(store, file, POLYNOMIAL, settings, MOMENTS["in mid-run"], validation=0.25)
    for epoch in (4, 5, 12):

        def death(event, epoch=epoch):
            if isinstance(event, Advanced) and event.state.epoch == epoch:
                raise Death

        with pytest.raises(Death):
            resumed_from(store, number, callbacks=death)
    assert_same(resumed_from(store, number), tidu.fit(POLYNOMIAL, file, **settings, validation=0.25))


def test_patience_counts_anew_where_it_was_to_go_on(store, file):
    short = tidu.fit(POLYNOMIAL, file, **EARLY | {"patience": 4}, validation=0.25, store=store.path)
    assert short.stopped == "patience"
    whole = short.resume(epochs=50)

    def death(event):
        if isinstance(event, Advanced) and event.state.epoch == short.epochs + 2:
            raise Death

    with pytest.raises(Death):
        resumed_from(store, short.id, epochs=50, callbacks=death)
    assert store.run(short.id).status == "running"
    assert_same(resumed_from(store, short.id), whole)


def test_a_longer_run_that_dies_keeps_its_bound(store, file):
    short = tidu.fit(LINE, file, epochs=5, store=store.path)

    def death(event):
        if isinstance(event, Advanced) and event.state.epoch > 20:
            raise Death

    death.each_epoch = True
    with pytest.raises(Death):
        resumed_from(store, short.id, epochs=30, callbacks=death)
    assert_same(resumed_from(store, short.id), tidu.fit(LINE, file, epochs=35))


GROWING = np.linspace(0, 4, 30)
BEGUN_ANEW = {  # the data's columns, the formula, the settings, and the rates of the attempts
    "default": (X, Y, "y = a*(30*x) + b", {"epochs": 60}, [("default", 0), ("auto", 0)]),
    "auto": (
        GROWING, 2 * np.exp(0.9 * GROWING), "y = a*exp(b*x)", {"lr": "auto", "init": {"a": 0.1}, "epochs": 300},
        [("auto", 0), ("auto", 1), ("auto", 2)],
    ),
    "once": (X, Y, LINE, {"epochs": 60, "lr": "auto", "batch_size": 5}, [("auto", 0)]),
}  # fmt: skip


@pytest.mark.sampled(6)
@pytest.mark.parametrize("moment", ["at the start", "in mid-run", "at the end"])
@pytest.mark.parametrize(("name", "attempt"), [(n, k) for n, case in BEGUN_ANEW.items() for k in range(len(case[-1]))])
def test_a_rate_that_changes_on_the_way(store, tmp_path, name, attempt, moment):
    x, y, formula, settings, attempts = BEGUN_ANEW[name]
    file, seen = tmp_path / "points.csv", []
    np.savetxt(file, np.column_stack([x, y]), delimiter=",", header="x,y", comments="", fmt="%.17g")

    def at(event):
        if isinstance(event, Began):
            seen.append((event.attempt.rate, event.attempt.retries))
        return len(seen) == attempt + 1 and MOMENTS[moment](event)

    whole = tidu.fit(formula, file, **settings)
    number = dies(store, file, formula, settings, at)
    assert seen == attempts[: attempt + 1]
    assert_same(resumed_from(store, number), whole)


def test_changed_validation_data_are_told(store, file, tmp_path):
    judge = tmp_path / "judge.csv"
    judge.write_text("x,y\n0,0\n0.5,1\n")
    run = tidu.fit(LINE, file, epochs=3, validation=judge, store=store.path)
    judge.write_text("x,y\n0,0\n0.5,2\n")
    more = resumed_from(store, run.id, epochs=1)
    assert any("the validation data are not those" in note for note in more.notes)


def test_other_rows_in_mid_epoch_are_refused(store, file):
    def enough(event):
        return Stop() if isinstance(event, Advanced) and event.state.start else None

    execution = tidu.training.training.Execution("python", slice=tidu.training.training.Budget(steps=3))
    recorder = recording.Recorder(store, recording.Origin.of(file, None, False, None))
    problem = Problem.read(LINE, file, {"batch_size": 5, "epochs": 9})
    cut = recorder.finished(run_of(problem, execution, (recorder, enough)))
    assert cut.state.start == 15
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:9]))
    with pytest.raises(StoreError, match="middle of an epoch of 24 rows, and the data have 8"):
        resumed_from(store, cut.id)


# -- solvers ---------------------------------------------------------------------------------------
SOLVED = {
    "lm": ("y = a*tanh(b*x) + c*z", {"optimizer": "lm"}),
    "newton": ("y = a*tanh(b*x) + c*z", {"optimizer": "newton"}),
    "lbfgs": ("y = a*tanh(b*x) + c*z", {"optimizer": "lbfgs", "l2": 0.01}),
    "auto": ("y = linear(x, z)", {"optimizer": "auto"}),
    "auto, of classes": ("kind = linear(x, z)", {"optimizer": "auto", "loss": "logistic"}),
}


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory):
    """A file of more rows than a chunk has."""
    path = tmp_path_factory.mktemp("data") / "many.csv"
    x, z = random.normal(size=(2, 70_000))
    y = np.sin(x) - 0.5 * z + random.normal(0, 0.1, len(x))
    np.savetxt(path, np.column_stack([x, z, y, y > 0.3]), delimiter=",", header="x,z,y,kind", comments="", fmt="%.9g")
    return path


def solver_dies(store, file, formula, settings, at, **reading):
    """The number of a solver's run that dies once so many passes were kept."""

    class Counter:
        keeps_answers, seen = True, 0

        def __call__(self, event):
            self.seen += isinstance(event, Answered)
            if isinstance(event, Answered) and self.seen == at:
                raise Death

    problem = Problem.read(formula, file, settings, **reading)
    recorder = recording.Recorder(store, recording.Origin.of(file, None, False, None, None, reading.get("stream")))
    with pytest.raises(Death):
        run_of(problem, callbacks=(recorder, Counter()))
    return recorder.run


def assert_same_report(one, other):
    assert_same(one, other)
    assert repr(one.statistics) == repr(other.statistics)
    assert (one.notes, one.source, one.engine) == (other.notes, other.source, other.engine)
    assert repr(one.metrics) == repr(other.metrics)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", SOLVED)
def test_a_solver_goes_on(store, many_rows, name, stream):
    formula, settings = SOLVED[name]
    number = solver_dies(store, many_rows, formula, settings, 3, stream=stream)
    assert store.run(number).status == "running"
    assert store.answers(number)
    again = resumed_from(store, number)
    assert_same_report(again, tidu.fit(formula, many_rows, **settings, stream=stream))
    kept = run_in(store, number)
    assert_same(kept, again)
    assert repr(kept.statistics) == repr(again.statistics)
    assert store.answers(number) == {}
    assert store.run(number).status == "ended"


def test_a_solver_makes_no_pass_twice(store, many_rows):
    number = solver_dies(store, many_rows, *SOLVED["lm"], 4)
    known = store.answers(number)
    asked = []

    class Counter:
        keeps_answers = True

        def __call__(self, event):
            if isinstance(event, Answered):
                asked.append(event.question)

    resumed_from(store, number, callbacks=Counter())
    assert asked
    assert not known.keys() & {*asked}


def test_an_interrupted_solver_goes_on(store, many_rows):
    formula, settings = SOLVED["lm"]

    def interrupt(event):
        if isinstance(event, Advanced) and event.steps == 3:
            raise KeyboardInterrupt

    cut = tidu.fit(formula, many_rows, **settings, store=store.path, callbacks=interrupt)
    assert cut.stopped == "interrupted"
    assert store.run(cut.id).status == "interrupted"
    whole = tidu.fit(formula, many_rows, **settings)
    assert_same_report(resumed_from(store, cut.id), whole)
    assert_same_report(cut.resume(), whole)


def test_a_solver_with_a_bound_goes_further(store, file):
    few = tidu.fit("y = a*exp(b*x)", file, optimizer="lm", steps=2, store=store.path)
    assert few.stopped == "steps"
    more = resumed_from(store, few.id, steps=3)
    assert_same(more, tidu.fit("y = a*exp(b*x)", file, optimizer="lm", steps=few.steps + 3))
    assert_same(more, few.resume(steps=3))


def test_other_data_are_answered_anew(store, many_rows, tmp_path):
    number = solver_dies(store, many_rows, *SOLVED["lm"], 4)
    other = tmp_path / "other.csv"
    lines = many_rows.read_text().splitlines()
    other.write_text("\n".join(lines[:-1]) + "\n")
    again = resumed_from(store, number, data=other)
    assert dict(again.params) == dict(tidu.fit(SOLVED["lm"][0], other, optimizer="lm").params)
    assert any("not those that the run began with" in note for note in again.notes)


def test_a_damaged_answer_is_computed_again(store, many_rows):
    number = solver_dies(store, many_rows, *SOLVED["lm"], 4)
    with store.writing() as write:
        write.execute("UPDATE answers SET numbers = zeroblob(length(numbers)) WHERE run = ?", (number,))
    assert store.answers(number) == {}
    assert_same(resumed_from(store, number), tidu.fit(SOLVED["lm"][0], many_rows, optimizer="lm"))


def test_what_a_solver_cannot_go_on_to(store, file, many_rows):
    ended = tidu.fit("y = a*exp(b*x)", file, optimizer="lm", store=store.path)
    for resume in (lambda: resumed_from(store, ended.id, steps=3), lambda: ended.resume(epochs=3)):
        with pytest.raises(SettingError, match="has come to its end"):
            resume()
    number = solver_dies(store, many_rows, *SOLVED["lm"], 3)
    with pytest.raises(SettingError, match="was cut off on its way"):
        resumed_from(store, number, steps=3)


def test_a_run_that_is_refused_is_not_kept(store, file):
    with pytest.raises(SettingError):
        tidu.fit("y = a*x + b", file, optimizer="newton", where=["a < 0", "a > 1"], store=store.path)
    assert store.runs() == []


# -- long histories --------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [0, 1, 2_999, 3_000, 3_001, 5_000])
def test_rows_of_the_same_bits_are_kept_once(store, rows):
    """A descent at its end repeats its row; whatever the cut, what comes back is what was written."""
    number = store.begin({}).result()
    once = np.array([[1.0, -0.0, np.nan]])
    other = random.normal(size=(3_000, 3))
    store.advance(number, Part(0, [other]))
    store.advance(number, Part(3_000, [np.repeat(once, 2_000, axis=0)]))
    with store.writing() as write:
        sizes = [size for (size,) in write.execute("SELECT length(cells) FROM history ORDER BY first")]
    assert sizes == [other.nbytes, once.nbytes]
    whole = np.concatenate([other, np.repeat(once, 2_000, axis=0)])
    assert store.history(number, 3).tobytes() == whole.tobytes()
    store.take_up(number, {}, rows, 0, 3)
    assert store.history(number, 3).tobytes() == whole[:rows].tobytes()
