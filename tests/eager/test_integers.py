"""Whole numbers in tensors: to functions of reals they are real, and their bits are theirs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import tidu
from tidu.errors import TensorError
from tidu.language.operation import OPS

KINDS = ["uint8", "int8", "int64", "bool", "uint64"]


@pytest.mark.parametrize("kind", KINDS)
def test_functions_of_reals_compute_in_float64(kind):
    x = np.array([1, 0, 1]).astype(kind)
    t = tidu.tensor(x)
    real = x.astype(float)
    for name, op in OPS.items():
        if op.elementwise and op.arity == 1 and op.of_reals:
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(op.function(t).value, op.function(real), err_msg=name)
    np.testing.assert_array_equal(tidu.softmax(t).value, tidu.softmax(real))
    np.testing.assert_array_equal(tidu.logsumexp(t).value, tidu.logsumexp(real))
    assert tidu.norm(t).item() == np.sqrt(2.0)
    assert tidu.std(t).item() == np.std(real)


def test_bytes_do_not_overflow():
    x = tidu.tensor(np.uint8([0, 5, 200]))
    assert x.min().item() == 0
    assert x.max().item() == 200
    assert tidu.norm(x).item() == np.sqrt(40025.0)
    np.testing.assert_array_equal(tidu.sigmoid(x).value, scipy.special.expit([0.0, 5.0, 200.0]))
    assert tidu.mean(x).item() == 205 / 3
    assert tidu.tensor(np.int8([-128, 3])).min().item() == -128


def test_signs_of_bits_are_those_of_python():
    a, b = tidu.tensor([6, 3]), tidu.tensor([3, 5])
    np.testing.assert_array_equal((a & b).value, [2, 1])
    np.testing.assert_array_equal((a | 8).value, [14, 11])
    np.testing.assert_array_equal((~a).value, [-7, -4])
    np.testing.assert_array_equal((np.array([1, 2]) & a).value, [0, 2])
    yes = tidu.tensor([True, False])
    assert (yes & ~yes).value.dtype == bool
    np.testing.assert_array_equal(((a > 4) | (b > 4)).value, [True, True])
    with pytest.raises(TensorError, match="not for numbers with a fraction"):
        tidu.tensor([1.5]) & 1


def test_large_whole_numbers():
    assert tidu.tensor(2**70).item() == 2.0**70
    assert (tidu.Tensor(2.0) * 2**70).item() == 2.0**71
    with pytest.raises(TensorError, match="neither int64 nor float64"):
        tidu.tensor(2**70 + 1)
    with pytest.raises(TensorError, match="neither int64 nor float64"):
        tidu.tensor(10**400)
