"""What loops over tiles call: each function against NumPy's, and its compiled form to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidu.engines.compiler import drawn_masks
from tidu.engines.compiler.calls import compiled as machine_code
from tidu.runtime import tiles
from tidu.runtime.arrays import dropout_mask
from tidu.runtime.permutation import seed_state
from tidu.runtime.tiles import WIDTH

random = np.random.default_rng(8)


def tile(units=None, dtype="float64"):
    return random.normal(size=(units, WIDTH) if units else WIDTH).astype(dtype)


SIZES = [(8, 2, 16), (5, 3, 7), (1, 1, 1), (32, 16, 64), (9, 17, 33), (4, 8, 8)]  # rows, terms, samples


def arguments_of(name, rows, terms, m, dtype):
    """Arguments, the place of the one that is written, and what NumPy has there; samples are in `dtype`."""
    W, v = random.normal(size=(rows, terms)), random.normal(size=terms)
    x, z, row = tile(terms, dtype), tile(rows, dtype), tile(dtype=dtype)
    of_one, of_rows, of_terms = (tile(n, dtype) for n in (None, rows, terms))  # what is written on
    source, order = random.normal(size=(50, terms)).astype(dtype), random.permutation(50)[: min(m, 50)]
    places = random.integers(0, terms, size=WIDTH).astype(dtype)
    with np.errstate(all="ignore"):
        return {
            "matmul": ([W, x, m, of_rows], 3, W @ x[:, :m]),
            "matmul_transposed": ([W, z, m, of_terms], 3, W.T @ z[:, :m]),
            "dot": ([v, x, m, of_one], 3, v @ x[:, :m]),
            "add_outer": ([z, x, m, W.copy()], 3, W + z[:, :m] @ x[:, :m].T),
            "add_scaled": ([row, x, m, v.copy()], 3, v + x[:, :m] @ row[:m]),
            "add_samples": ([x, m, v.copy()], 2, v + x[:, :m].sum(axis=1)),
            "add_placed": ([row, places, m, v.copy()], 3, v + np.bincount(places[:m].astype(int), row[:m], terms)),
            "added": ([row, m, 0.5], None, 0.5 + row[:m].sum()),
            "sum_units": ([x, m, of_one], 2, x[:, :m].sum(axis=0)),
            "largest_unit": ([x, m, of_one], 2, x[:, :m].max(axis=0)),
            "logsumexp": ([900 * x, m, of_one], 2, np.logaddexp.reduce(900 * x[:, :m], axis=0)),
            "softmax": ([x, m, of_terms], 2, np.exp(x[:, :m]) / np.exp(x[:, :m]).sum(axis=0)),
            "sum_of_squares": ([W], None, (W * W).sum()),
            "entries": ([v, places, m, of_one], 3, v[places[:m].astype(int)]),
            "farthest": ([W, W + 1.0], None, 1.0),
            "copy": ([W, np.zeros_like(W)], 1, W),
            "add": ([v, v.copy()], 1, v + v),
            "clear": ([W.copy()], 0, np.zeros_like(W)),
            "take": ([source, order, of_terms], 2, source[order].T),
        }[name]


KERNELS = sorted(n for n, f in vars(tiles).items() if getattr(f, "__module__", "") == tiles.__name__ and callable(f))
OTHERS = {"each_chunk", "each_sample", "each_unit", "each_number", "sum_numbers", "squared", "take_mask"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [n for n in KERNELS if n not in OTHERS])
def test_kernels(name, dtype):
    function = getattr(tiles, name)
    names = ", ".join("abcd"[: function.__code__.co_argcount])
    text = f"from tidu.runtime.tiles import {name}\ndef f({names}):\n    return {name}({names})\n"
    compiled = machine_code(text, "f")
    for rows, terms, m in SIZES:
        given, written, expected = arguments_of(name, rows, terms, m, dtype)
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in given]
        results = function(*given), compiled(*copies)
        if written is not None:
            shape = tuple(slice(n) for n in expected.shape)  # what lies behind the samples is anybody's
            results = given[written][shape], copies[written][shape]
        assert np.array_equal(*results), (rows, terms, m)
        near = 1e-13 if dtype == "float64" else 1e-5  # NumPy's own sums of float32 are the less exact ones
        assert np.allclose(results[0], expected, rtol=near, atol=near)


def test_rows_of_one_number_and_of_ranges():
    source = random.normal(size=80)
    text = "from tidu.runtime.tiles import take\n"
    text += "def f(source, first, out):\n    take(source, range(first, first + 9), out)\n"
    take = machine_code(text, "f")
    out, compiled = tile(), tile()
    tiles.take(source, range(5, 14), out)
    take(source, 5, compiled)
    assert np.array_equal(out[:9], source[5:14])
    assert np.array_equal(compiled[:9], source[5:14])


SEEDS = st.integers(0, 2**130) | st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**64, 2**127])
STEPS = st.integers(0, 2**40) | st.sampled_from([0, 2**32 - 1, 2**32])
TAKE_MASK = """from tidu.runtime.tiles import take_mask
def f(seed, step, first, rate, count, out):
    take_mask(seed, step, 3, first, rate, count, out)
"""
take_mask = machine_code(TAKE_MASK, "f")


@settings(deadline=None, max_examples=60)
@given(
    SEEDS, STEPS, st.integers(0, 70), st.sampled_from([None, 1, 2, 7, 8, 33]), st.integers(1, 64),
    st.floats(1e-9, 0.999), st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def test_masks_are_those_of_whole_batches(seed, step, tiles_before, units, count, rate, dtype):
    first = 64 * tiles_before
    shape = (first + count, units) if units else (first + count,)
    whole = dropout_mask(seed, step, 3, shape, rate, dtype)[first:]
    words = np.array([seed >> k & 0xFFFFFFFF for k in range(0, max(seed.bit_length(), 1), 32)])
    plain, machine = tile(units, dtype), tile(units, dtype)
    tiles.take_mask(seed, step, 3, first, rate, count, plain)
    take_mask(words, step, first, rate, count, machine)
    np.testing.assert_array_equal(plain[..., :count], np.moveaxis(whole, 0, -1))
    np.testing.assert_array_equal(machine[..., :count], plain[..., :count])


def test_the_numbers_of_128_bits_are_those_of_the_generator():
    words = drawn_masks.whole_numbers(12)
    drawn_masks.seeded([5, 7], 9, 2, words)
    first, second = seed_state((5 + (7 << 32), 4, 9, 2))
    assert drawn_masks.wide(words[0] | words[1] << 32, words[2] | words[3] << 32) == first
    assert drawn_masks.wide(words[4] | words[5] << 32, words[6] | words[7] << 32) == second
    generator = np.random.PCG64((12, 4, 9, 2))
    state = generator.state["state"]
    far = drawn_masks.ahead(state["state"], state["inc"], 1001)
    assert far == generator.advance(1001).state["state"]["state"]
