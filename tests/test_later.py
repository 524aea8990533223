"""Values that are computed when somebody asks for them, and runs whose judgement is."""

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np

import tidu
from tidu.copying import replaced
from tidu.later import Later, MayBeLater, as_given


@dataclass(frozen=True)
class Result:
    name: str
    found: MayBeLater[int] = MayBeLater(0)


def counted():
    """A `Later` of 7, and the list that has an entry for each time that it was computed."""
    calls = []
    return Later(lambda: calls.append(1) or 7), calls


def test_it_is_computed_once_and_when_asked_for():
    later, calls = counted()
    result = Result("a", later)
    copied = replaced(result, name="b")
    assert not calls
    assert as_given(copied, "found") is later
    assert (result.found, result.found, copied.found) == (7, 7, 7)
    assert len(calls) == 1


def test_a_plain_value_and_the_default_are_themselves():
    assert Result("a").found == 0
    assert Result("a", 3).found == 3
    assert replace(Result("a", counted()[0]), name="b") == Result("b", 7)


def test_copied_or_pickled_it_is_its_value():
    for copied in (pickle.loads(pickle.dumps(Result("a", Later(int)))), copy.deepcopy(Result("a", counted()[0]))):
        assert copied.found in (0, 7)


def test_what_is_said_of_a_run_is_computed_when_it_is_read_and_follows_from_the_data_of_the_fit():
    x = np.linspace(0.1, 3.0, 20)
    y = 2.0 * x / (0.7 + x) + 0.01 * np.cos(30.0 * x)
    runs = [tidu.fit("y = a*x/(b + x)", {"x": x, "y": y}, optimizer="lm", init={"a": 1, "b": 1}) for _k in range(2)]
    early = runs[0].metrics, runs[0].notes, runs[0].statistics.standard_errors
    later = runs[1]
    assert all(type(as_given(later, name)) is Later for name in ("metrics", "notes", "statistics"))
    assert later.params == runs[0].params
    assert type(as_given(later, "statistics")) is Later
    y[:] = 0.0
    assert (later.metrics, later.notes, later.statistics.standard_errors) == early
    assert pickle.loads(pickle.dumps(later)).notes == early[1]


def test_a_history_of_one_row_is_one_too():
    run = tidu.fit("y = a*x", {"x": [1.0, 2.0], "y": [2.0, 4.0]}, optimizer="newton", init={"a": 2.0})
    assert run.history["a"].tolist() == [2.0] * len(run.history)
    assert run.loss == 0.0
