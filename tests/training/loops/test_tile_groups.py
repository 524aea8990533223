"""Steps of a network beyond 65,536 samples: sums of groups in one order, for Python, machine code, threads, disk."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from tidu.runtime import tiles
from tidu.runtime.summation import CHUNK
from tidu.runtime.tiles import GROUP, each_chunk

RANDOM = np.random.default_rng(2)


def test_a_group_is_a_chunk_of_numbers():
    assert GROUP == CHUNK


@pytest.mark.parametrize("count", [1, 63, 64, 255, 256, 257, 1023, 1024, 1025, 2048, 2500])
def test_groups_are_added_in_their_order(count, monkeypatch):
    """With groups of four chunks: chunks of a group one after another, then the sums of groups."""
    monkeypatch.setattr(tiles, "GROUP", 4 * tiles.CHUNK)
    values = RANDOM.normal(size=count) * 10.0 ** RANDOM.integers(-8, 9, size=count)

    def chunk(first, last, sums):
        for value in values[first:last].tolist():
            sums[0] += value

    sums, group, whole = np.zeros(1), np.full(1, np.nan), np.full(1, np.nan)
    each_chunk(chunk, 0, count, sums, group, whole)
    expected = None
    for begin in range(0, count, tiles.GROUP):
        of_group = None
        for start in range(begin, min(begin + tiles.GROUP, count), tiles.CHUNK):
            of_chunk = 0.0
            for value in values[start : min(start + tiles.CHUNK, begin + tiles.GROUP)].tolist():
                of_chunk += value
            of_group = of_chunk if of_group is None else of_group + of_chunk
        expected = of_group if expected is None else expected + of_group
    assert sums[0] == expected


@pytest.mark.slow
@pytest.mark.parametrize("rows", [GROUP - 1, GROUP, GROUP + 1, 2 * GROUP + 300])
@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"optimizer": "adam", "clip_norm": 0.1}])
def test_threads_and_disk_have_the_bits_of_one_thread(rows, options):
    x = RANDOM.normal(size=rows)
    table = {"x": x, "z": RANDOM.normal(size=rows), "y": np.sin(x)}
    options = {"lr": 0.1, "steps": 3, "engine": "compiled", "record": "step", **options}
    one = tidu.fit("y = mlp(x, z, hidden=[3])", table, threads=1, **options)
    for more in ({"threads": 2}, {"threads": 3, "stream": True}, {"threads": 1, "stream": True}):
        other = tidu.fit("y = mlp(x, z, hidden=[3])", table, **more, **options)
        assert repr(other.state) == repr(one.state)
        assert other.history.values.tobytes() == one.history.values.tobytes()
    if options.get("dtype") == "float32":  # whose trace is of whole batches
        return
    after = one.trace(step=2).after
    for name, value in one.params.items():
        np.testing.assert_array_equal(after[name], value)


@pytest.mark.slow
def test_plain_python_has_the_bits_of_machine_code():
    rows = GROUP + 300
    x = RANDOM.normal(size=rows)
    table = {"x": x, "y": np.sin(x)}
    options = {"lr": 0.1, "steps": 1}
    plain = tidu.fit("y = mlp(x, hidden=[1])", table, engine="python", **options)
    machine = tidu.fit("y = mlp(x, hidden=[1])", table, engine="compiled", **options)
    assert repr(plain.state) == repr(machine.state)
    streamed = tidu.fit("y = mlp(x, hidden=[1])", table, engine="python", stream=True, **options)
    assert repr(streamed.state) == repr(machine.state)
