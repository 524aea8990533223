"""What `auto` compares: counted, so that the same work is run in the same way whatever was compiled before."""

import numpy as np
import pytest

import tidu
from tidu.engines.durations import plain_seconds_of_rows, seconds_to_compile
from tidu.language.expr import symbol
from tidu.training.engine_choice import seconds_a_step

X = np.linspace(-1.0, 1.0, 100)
LINE = {"x": X, "y": 2 * X + 1}


def engine_of(**options):
    return tidu.fit("y = w*x + b", LINE, lr=0.1, **options).engine


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_short_work_is_plain_and_long_work_is_compiled_whatever_was_compiled_before(batch_size):
    before = engine_of(batch_size=batch_size, epochs=2)
    assert engine_of(batch_size=batch_size, epochs=10_000) == "compiled"
    assert before == engine_of(batch_size=batch_size, epochs=2) == "python"


def test_a_thousand_epochs_of_a_line_are_compiled():
    assert engine_of(epochs=1000) == "compiled"


def test_seconds_grow_with_rows_operations_and_functions():
    x = symbol("x", "feature")
    short, long = [x * x], [x * x + x * 3.0 + (x - 2.0) * (x + 7.0)]
    assert plain_seconds_of_rows(10, short) < plain_seconds_of_rows(20, short) < plain_seconds_of_rows(20, long)
    assert seconds_to_compile(short) < seconds_to_compile(long) < seconds_to_compile(long, functions=2)


def test_whole_batches_in_float32_take_half_the_time():
    x = np.random.default_rng(0).normal(size=(30, 4))
    data = {f"x{k}": column for k, column in enumerate(x.T)} | {"y": x[:, 0]}
    program = tidu.fit("y = mlp(..., hidden=[200, 200])", data, lr=0.01, epochs=1).program
    whole, half = (seconds_a_step(program, 500, "array", dtype) for dtype in ("float64", "float32"))
    assert 0.5 * whole <= half < 0.6 * whole
    assert seconds_a_step(program, 500, "compiled", "float32") == seconds_a_step(program, 500, "compiled")


def test_fast_says_so_where_it_changes_nothing():
    x = np.linspace(-1.0, 1.0, 20)
    run = tidu.fit("y = mlp(x, hidden=[3])", {"x": x, "y": x}, lr=0.01, epochs=2, fast=True)
    assert [note for note in run.notes if note.startswith("fast changes nothing here")]
