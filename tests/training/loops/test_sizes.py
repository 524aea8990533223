"""Sizes drawn at random around every threshold of the loops: each engine against plain Python, in bounded time."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest

import tidu

THRESHOLDS = (8, 32, 64, 4096, 65_536, 131_072)  # lanes, summed, tiles, block, chunk, part
MEGABYTE = 1 << 20  # of data: beyond it, shuffled samples are put in order beforehand
MOST_SAMPLES = 150_000  # that plain Python looks at in a draw
SECONDS = 60  # far more than any draw takes; a loop that does not advance takes more
DRAWS = 2000 if os.environ.get("TIDU_TEST_EVERYTHING") else 100
GROUPS = 20  # of draws, for several processes to share


@contextmanager
def at_most(seconds: int):
    """Fails where the body takes longer, instead of waiting for ever."""

    def out_of_time(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def near(random: np.random.Generator, threshold: int) -> int:
    """A whole number about a threshold, or about a multiple of it."""
    spread = max(2, threshold // 16)
    return max(1, int(random.integers(threshold - spread, threshold + spread + 1)) * int(random.integers(1, 3)))


def drawn(random: np.random.Generator) -> tuple[str, dict[str, np.ndarray], dict[str, object]]:
    """A formula, its data and its settings."""
    columns = int(random.integers(1, 6))
    if random.random() < 0.3:
        rows = near(random, MEGABYTE // (8 * (columns + 1)))
    else:
        rows = near(random, int(random.choice(THRESHOLDS)))
    rows = min(rows, MOST_SAMPLES)
    sizes = [None, 1, near(random, int(random.choice(THRESHOLDS))), int(random.integers(1, 200))]
    batch_size = sizes[random.integers(4)]
    x = random.normal(size=(rows, columns))
    data = {f"x{k}": x[:, k] for k in range(columns)}
    data["y"] = x @ np.linspace(1, 2, columns) + random.normal(0, 0.1, rows)
    formula = "y = " + " + ".join(f"w{k}*x{k}" for k in range(columns)) + " + b"
    per_step = rows if batch_size is None else min(batch_size, rows)
    most = max(1, MOST_SAMPLES // per_step)
    settings = {
        "batch_size": batch_size,
        "shuffle": bool(random.integers(2)),
        "seed": int(random.integers(5)),
        "steps": int(random.integers(1, min(most, 3 * -(-rows // per_step)) + 1)),
        "threads": int(random.integers(1, 4)),
        "lr": 0.01,
        "tol": 1e-3 if random.random() < 0.2 else None,
    }
    return formula, data, settings


@pytest.mark.sampled(2)
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_size_has_the_bits_of_plain_python(group):
    for draw in range(group, DRAWS, GROUPS):
        formula, data, settings = drawn(np.random.default_rng([18, draw]))
        with at_most(SECONDS):
            compiled = tidu.fit(formula, data, engine="compiled", **settings)
            plain = tidu.fit(formula, data, engine="python", **settings)
        told = (draw, len(data["y"]), len(data), settings)
        assert compiled.params == plain.params, told
        assert compiled.steps == plain.steps == min(settings["steps"], plain.steps), told
        assert np.array_equal(compiled.history.values, plain.history.values, equal_nan=True), told


@pytest.mark.parametrize(("rows", "columns"), [(70_000, 2), (66_000, 2), (30_000, 5)])
def test_rows_that_are_fewer_than_a_part_and_no_whole_number_of_batches(rows, columns):
    x = np.random.default_rng(0).normal(size=(rows, columns))
    data = {f"x{k}": x[:, k] for k in range(columns)} | {"y": x.sum(axis=1)}
    formula = "y = " + " + ".join(f"w{k}*x{k}" for k in range(columns)) + " + b"
    with at_most(SECONDS):
        run = tidu.fit(formula, data, batch_size=64, epochs=2, engine="compiled")
    assert run.steps == 2 * -(-rows // 64)
