"""What loops over tiles call: each function against NumPy's, and its compiled form to the bit."""

import numpy as np
import pytest

from tidu.engines.compiler.calls import compiled as machine_code
from tidu.runtime import tiles
from tidu.runtime.tiles import WIDTH

random = np.random.default_rng(8)


def tile(units=None):
    return random.normal(size=(units, WIDTH) if units else WIDTH)


SIZES = [(8, 2, 16), (5, 3, 7), (1, 1, 1), (32, 16, 64), (9, 17, 33), (4, 8, 8)]  # rows, terms, samples


def arguments_of(name, rows, terms, m):
    """Arguments, the place of the one that is written, and what NumPy has there."""
    W, v, x, z, row = random.normal(size=(rows, terms)), random.normal(size=terms), tile(terms), tile(rows), tile()
    source, order = random.normal(size=(50, terms)), random.permutation(50)[: min(m, 50)]
    with np.errstate(all="ignore"):
        return {
            "matmul": ([W, x, m, tile(rows)], 3, W @ x[:, :m]),
            "matmul_transposed": ([W, z, m, tile(terms)], 3, W.T @ z[:, :m]),
            "dot": ([v, x, m, tile()], 3, v @ x[:, :m]),
            "add_outer": ([z, x, m, W.copy()], 3, W + z[:, :m] @ x[:, :m].T),
            "add_scaled": ([row, x, m, v.copy()], 3, v + x[:, :m] @ row[:m]),
            "add_samples": ([x, m, v.copy()], 2, v + x[:, :m].sum(axis=1)),
            "added": ([row, m, 0.5], None, 0.5 + row[:m].sum()),
            "sum_units": ([x, m, tile()], 2, x[:, :m].sum(axis=0)),
            "largest_unit": ([x, m, tile()], 2, x[:, :m].max(axis=0)),
            "logsumexp": ([900 * x, m, tile()], 2, np.logaddexp.reduce(900 * x[:, :m], axis=0)),
            "softmax": ([x, m, tile(terms)], 2, np.exp(x[:, :m]) / np.exp(x[:, :m]).sum(axis=0)),
            "sum_of_squares": ([W], None, (W * W).sum()),
            "farthest": ([W, W + 1.0], None, 1.0),
            "copy": ([W, np.zeros_like(W)], 1, W),
            "clear": ([W.copy()], 0, np.zeros_like(W)),
            "take": ([source, order, tile(terms)], 2, source[order].T),
        }[name]


KERNELS = sorted(n for n, f in vars(tiles).items() if getattr(f, "__module__", "") == tiles.__name__ and callable(f))
OTHERS = {"each_sample", "each_unit", "each_number", "squared"}


@pytest.mark.parametrize("name", [n for n in KERNELS if n not in OTHERS])
def test_kernels(name):
    function = getattr(tiles, name)
    names = ", ".join("abcd"[: function.__code__.co_argcount])
    text = f"from tidu.runtime.tiles import {name}\ndef f({names}):\n    return {name}({names})\n"
    compiled = machine_code(text, "f")
    for rows, terms, m in SIZES:
        given, written, expected = arguments_of(name, rows, terms, m)
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in given]
        results = function(*given), compiled(*copies)
        if written is not None:
            shape = tuple(slice(n) for n in expected.shape)  # what lies behind the samples is anybody's
            results = given[written][shape], copies[written][shape]
        assert np.array_equal(*results), (rows, terms, m)
        assert np.allclose(results[0], expected, rtol=1e-13, atol=1e-13)


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
