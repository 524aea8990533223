"""A solver that is cut off anywhere and taken up with the passes that it had made comes to the same bits."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.runtime.summation import CHUNK
from tidu.training.callbacks import Answered, Solving
from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.solving.answers import MOST_BYTES, WORTH, Answers

RANDOM = np.random.default_rng(14)
ROWS = CHUNK + 9
X, Z = RANDOM.normal(size=(2, ROWS))
Y = np.sin(X) - 0.5 * Z + 0.1 * RANDOM.normal(size=ROWS)
DATA = {"x": X, "z": Z, "y": Y, "kind": (Y + RANDOM.normal(size=ROWS) > 0).astype(float)}

CASES = {
    "lm": ("y = a*tanh(b*x) + g*z", {"optimizer": "lm"}),
    "lm within bounds": ("y = a*tanh(b*x) + g*z", {"optimizer": "lm", "bounds": {"b": (0.2, 0.6)}}),
    "newton": ("y = a*tanh(b*x) + g*z", {"optimizer": "newton", "l2": 0.01}),
    "lbfgs, from several starts": ("y = a*tanh(b*x) + g*z", {"optimizer": "lbfgs", "starts": 3}),
    "auto": ("y = linear(x, z)", {"optimizer": "auto"}),
    "classes": ("kind = linear(x, z)", {"optimizer": "auto", "loss": "logistic"}),
    "corners": ("y = linear(x, z)", {"optimizer": "newton", "l1": 0.1}),
    "a condition": ("y = a*x + g*z", {"optimizer": "lm", "where": "a + g < 0.1"}),
    "profiles": ("y = a*tanh(b*x) + g*z", {"optimizer": "lm", "intervals": "profile"}),
    "a network": ("y = mlp(x, z, hidden=[3])", {"optimizer": "lbfgs", "steps": 12}),
    "a network's squares": ("y = mlp(x, z, hidden=[2])", {"optimizer": "lm", "steps": 4}),
    "a network's curvature": ("y = mlp(x, hidden=[2])", {"optimizer": "newton", "steps": 4}),
}


class Keeper:
    """What is told to whoever keeps answers."""

    keeps_answers = True

    def __init__(self):
        self.told, self.solving = [], []

    def __call__(self, event):
        if isinstance(event, Solving):
            self.solving.append(event)
        if isinstance(event, Answered):
            self.told.append((event.question, event.numbers))


@functools.cache
def alone(name, stream):
    formula, options = CASES[name]
    keeper = Keeper()
    problem = Problem.read(formula, DATA, options, stream=stream)
    return problem, run_of(problem, callbacks=keeper), keeper


def bits(run):
    return (
        repr(run.state), run.history.values.tobytes(), repr(run.statistics), run.stopped, run.source, run.engine,
        run.notes, repr(run.metrics), repr(run.confidence),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("lm", "auto") else pytest.mark.slow) for n in CASES]
)
def test_every_pass_that_was_made_is_known(name):
    """Taken up at its very end, it makes none anew, and has the bits of the run left alone."""
    problem, run, keeper = alone(name, False)
    assert [each.engine for each in keeper.solving] == [run.engine]
    assert keeper.told
    again = Keeper()
    assert bits(run_of(problem, callbacks=again, known=dict(keeper.told))) == bits(run)
    assert again.told == []


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.sampled_from([*CASES]), st.booleans(), st.floats(0.0, 1.0))
def test_cut_off_anywhere(name, stream, share):
    problem, run, keeper = alone(name, stream)
    known = dict(keeper.told[: int(share * len(keeper.told))])
    again = Keeper()
    assert bits(run_of(problem, callbacks=again, known=known)) == bits(run)
    assert dict(again.told).keys() == dict(keeper.told).keys() - known.keys()


def test_disk_and_memory_ask_the_same():
    """What one of them was told serves the other."""
    (_one, run, kept), (streamed, _other, more) = alone("lm", False), alone("lm", True)
    assert [question for question, _numbers in kept.told] == [question for question, _numbers in more.told]
    again = Keeper()
    assert repr(run_of(streamed, callbacks=again, known=dict(kept.told)).state) == repr(run.state)
    assert again.told == []


def test_what_is_quick_is_not_kept():
    told = []
    answers = Answers(keep=lambda *answer: told.append(answer))
    at = np.ones(2)
    for work, kept in ((WORTH - 1, 0), (WORTH, 1)):
        answers.given("text", at, (2,), work, lambda: np.zeros(2))
        assert len(told) == kept


def test_an_answer_is_to_one_question_alone():
    """Another text, point or shape is another question, and whoever has an answer may write into it."""
    told = []
    answers = Answers(keep=lambda *answer: told.append(answer))
    at = np.array([1.0, 2.0])
    first = answers.given("text", at, (2,), WORTH, lambda: np.array([3.0, 4.0]))
    first[:] = 0.0
    known = Answers(dict(told))

    def asked(text, at, shape, else_):
        return known.given(text, at, shape, WORTH, lambda: np.full(shape, else_)).ravel().tolist()

    assert asked("text", at, (2,), 9.0) == [3.0, 4.0]
    assert asked("other", at, (2,), 9.0) == [9.0, 9.0]
    assert asked("text", np.nextafter(at, 3.0), (2,), 9.0) == [9.0, 9.0]
    assert asked("text", at, (1, 2), 9.0) == [9.0, 9.0]
    damaged = Answers({told[0][0]: np.zeros(3)})
    assert damaged.given("text", at, (2,), WORTH, lambda: np.ones(2)).tolist() == [1.0, 1.0]


def test_there_is_a_bound():
    answers = Answers(keep=lambda question, numbers: kept.append(numbers.nbytes))
    kept: list[int] = []
    answers.bytes = MOST_BYTES - 16
    for k in range(3):
        answers.given("text", np.array([float(k)]), (1,), WORTH, lambda: np.zeros(1))
    assert kept == [8, 8]
