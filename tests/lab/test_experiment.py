"""An experiment stands at a step as `tidu.fit` does, whichever way it came there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.lab.experiment import MOST_ROWS, Experiment, Track
from tidu.training.fit import fit
from tidu.training.problem import Problem

RNG = np.random.default_rng(1)
TABLE = {"x": RNG.uniform(0, 3, 40), "y": RNG.normal(size=40)}


def made(formula: str = "y = w*x + b", **options: object) -> Experiment:
    return Experiment(Problem.read(formula, TABLE, {"lr": 0.05, "steps": 10**9, "record": "step", **options}))


@pytest.mark.parametrize("options", [{}, {"batch_size": 1}, {"batch_size": 7}, {"optimizer": "adam", "batch_size": 40}])
def test_it_has_the_bits_of_fit(options: dict[str, object]) -> None:
    experiment = made(**options)
    run = fit("y = w*x + b", TABLE, lr=0.05, steps=123, **options)
    assert experiment.toward(123).parameters == run.params


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=12), st.sampled_from([None, 1, 7, 39]))
def test_any_way_there_and_back_comes_to_the_same_bits(steps: list[int], batch_size: int | None) -> None:
    walked = made(batch_size=batch_size)
    for step in steps:
        assert walked.toward(step).step == step
    assert walked.toward(steps[-1]).state == made(batch_size=batch_size).toward(steps[-1]).state


def test_back_and_forth_over_a_hundred_steps_ends_on_the_same_bits() -> None:
    experiment = made("y = mlp(x, hidden=[4])", optimizer="adam", lr=0.05)
    there = [experiment.toward(k).state.to_dict() for k in range(101)]
    back = [experiment.toward(k).state.to_dict() for k in range(100, -1, -1)][::-1]
    assert there == back


def test_a_long_way_keeps_states_from_which_one_goes_back() -> None:
    experiment = made()
    experiment.toward(100_000)
    assert len(experiment.kept) > 40
    assert experiment.toward(99_999).state == made().toward(99_999).state


def test_it_ends_where_the_training_diverges() -> None:
    experiment = made(lr=10.0)
    moment = experiment.toward(10_000)
    assert moment.why == "diverged"
    assert moment.step == fit("y = w*x + b", TABLE, lr=10.0).steps
    assert experiment.toward(20_000).step == moment.step
    assert experiment.toward(0).why == ""


def test_a_budget_of_seconds_comes_as_far_as_it_reaches_and_always_further() -> None:
    experiment = made(batch_size=1)
    before = 0
    for _turn in range(5):
        moment = experiment.toward(10**8, 0.01)
        assert moment.step > before
        before = moment.step


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=12))
def test_a_track_is_thinned_and_keeps_the_order(parts: list[int]) -> None:
    track, first = Track(1), 0
    for count in parts:
        track.add(first, np.arange(first, first + count, dtype=float)[:, None])
        track.add(first, np.arange(first, first + count, dtype=float)[:, None])  # what is known is not new
        first += count
    assert len(track.steps) <= MOST_ROWS
    assert np.all(np.diff(track.steps) == track.stride)
    assert np.array_equal(track.values[:, 0] + 1, track.steps)
    steps, _values = track.between(0, first, 100)
    assert len(steps) <= 100
