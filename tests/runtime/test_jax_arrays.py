"""What `jax.numpy` lacks is what it is in NumPy."""

import subprocess
import sys

import pytest

COMPARED = """
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from tidu.runtime import arrays, jax_arrays
x = np.random.default_rng(0).normal(size=(4, 5, 3)) * 5
for name in ("sigmoid", "softplus", "log_cosh", "erf", "erfc"):
    one, other = (getattr(module, name)(x) for module in (jax_arrays, arrays))
    np.testing.assert_allclose(np.asarray(one), other, rtol=1e-12, err_msg=name)
for n in (2, 3, 4, 7):
    np.testing.assert_allclose(jax_arrays.whole_power(x, n), arrays.whole_power(x, n), rtol=1e-12)
for axis in ((1,), (1, 2)):
    np.testing.assert_allclose(jax_arrays.softmax(x, axis), arrays.softmax(x, axis), rtol=1e-12)
    for keep in (False, True):
        one, other = (module.logsumexp(x, axis, keep) for module in (jax_arrays, arrays))
        np.testing.assert_allclose(one, other, rtol=1e-12)
    equal = np.round(x / 5)
    assert (np.asarray(jax_arrays.first_largest(equal, axis)) == arrays.first_largest(equal, axis)).all()
g = np.arange(3.0)
for key in (np.array([0, 2, 0]), slice(1, 4)):
    np.testing.assert_array_equal(jax_arrays.scatter(jax.numpy.asarray(g), key, (5,)), arrays.scatter(g, key, (5,)))
one, other = (module.dropout_mask(3, 4, 1, (6, 2), 0.5) for module in (jax_arrays, arrays))
np.testing.assert_array_equal(one, other)
"""


@pytest.mark.slow
def test_functions_are_those_of_numpy():
    told = subprocess.run([sys.executable, "-c", COMPARED], capture_output=True, text=True)  # float64 is for a process
    assert told.returncode == 0, told.stderr
