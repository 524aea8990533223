"""NumPy's own functions and arrays beside tensors: the gradient is kept, or a sentence says why not."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from tidu.eager.numpy_names import _FUNCTIONS, _UFUNCS
from tidu.errors import TensorError
from tidu.language.operation import NUMPY_NAMES

A = np.array([[0.3, 0.7], [0.2, 0.9]])


def leaf(value):
    return tidu.tensor(value, requires_grad=True)


@pytest.mark.parametrize(
    "name", sorted(n for n in {*NUMPY_NAMES, *_UFUNCS} if isinstance(getattr(np, n, None), np.ufunc))
)
def test_ufuncs(name):
    ufunc = getattr(np, name)
    given = (A + 1 if name in ("arccosh", "acosh") else A, A.T)[: ufunc.nin]
    if name in ("bitwise_and", "bitwise_or", "invert"):
        given = tuple(a > 0.5 for a in given)
    out = ufunc(*map(tidu.tensor, given))
    # NumPy's functions are those of the table, but for logaddexp; 1e-15 is 5 of the last digits.
    np.testing.assert_allclose(np.asarray(out), ufunc(*given), rtol=1e-15)


CALLS = {
    np.sum: lambda x: np.sum(x, axis=0),
    np.mean: lambda x: np.mean(x, axis=1, keepdims=True),
    np.var: np.var,
    np.std: lambda x: np.std(x, axis=0, ddof=1),
    np.max: lambda x: np.max(x, axis=0),
    np.amax: lambda x: np.amax(x, axis=0),
    np.min: lambda x: np.min(x),
    np.amin: lambda x: np.amin(x),
    np.argmax: lambda x: np.argmax(x, axis=1),
    np.dot: lambda x: np.dot(x, A),
    np.outer: lambda x: np.outer(x[0], x[1]),
    np.reshape: lambda x: np.reshape(x, (4,)),
    np.ravel: np.ravel,
    np.expand_dims: lambda x: np.expand_dims(x, 1),
    np.squeeze: lambda x: np.squeeze(x[:, :1]),
    np.transpose: np.transpose,
    np.swapaxes: lambda x: np.swapaxes(x, 0, 1),
    np.broadcast_to: lambda x: np.broadcast_to(x, (3, 2, 2)),
    np.concatenate: lambda x: np.concatenate([x, A], axis=1),
    np.stack: lambda x: np.stack([x, A], axis=-1),
    np.clip: lambda x: np.clip(x, 0.25, 0.8),
    np.where: lambda x: np.where(A > 0.5, x, 0.0),
    np.linalg.norm: np.linalg.norm,
    np.copy: np.copy,
    np.shape: np.shape,
    np.ndim: np.ndim,
    np.size: np.size,
    np.allclose: lambda x: np.allclose(x, A),
    np.isclose: lambda x: np.isclose(x, A),
    np.array_equal: lambda x: np.array_equal(x, A),
    np.zeros_like: np.zeros_like,
    np.ones_like: np.ones_like,
    np.full_like: lambda x: np.full_like(x, 3.0),
    np.empty_like: lambda x: np.empty_like(x).shape,
    np.array_str: lambda x: len(np.array_str(x)),
    np.array_repr: lambda x: len(np.array_repr(x)),
    np.array2string: lambda x: len(np.array2string(x)),
}


def test_every_function_is_tested():
    assert set(CALLS) == set(_FUNCTIONS)


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_functions(function):
    out = CALLS[function](leaf(A))
    np.testing.assert_allclose(out.numpy() if isinstance(out, tidu.Tensor) else out, CALLS[function](A), rtol=1e-15)


def test_the_gradient_goes_through():
    x = leaf(A)
    np.sum(np.exp(A @ x) * np.square(x) + np.maximum(x, A.T)).backward()
    y = leaf(A)
    (tidu.exp(tidu.matmul(A, y)) * y**2 + tidu.maximum(y, A.T)).sum().backward()
    assert x.grad.tolist() == y.grad.tolist()


@pytest.mark.parametrize("mixed", [lambda x: A * x, lambda x: np.float64(2.0) - x, lambda x: A @ x, lambda x: x < A])
def test_an_array_on_the_left(mixed):
    out = mixed(leaf(A))
    assert isinstance(out, tidu.Tensor)
    np.testing.assert_allclose(out.numpy(), mixed(A))


@pytest.mark.parametrize(
    "unknown", [np.hypot, np.add.accumulate, np.cumsum, np.median, lambda x, *_: np.sort(x), np.linalg.inv]
)
def test_what_is_not_known_is_a_sentence(unknown):
    x = leaf(A)
    with pytest.raises(TensorError, match=r"numpy\.\S+ is not known for tensors, and would lose the gradient"):
        unknown(x, x) if unknown is np.hypot else unknown(x)


def test_writing_into_an_array_is_refused():
    total = np.zeros((2, 2))
    with pytest.raises(TensorError, match="'add' cannot write into an array"):
        total += leaf(A)


def test_as_an_array():
    w = leaf([1.0, 2.0])
    for implicit in (np.asarray, lambda t: np.mean([t, t]), lambda t: np.array([t[0], t[1]])):
        with pytest.raises(TensorError, match="does not become an array by itself"):
            implicit(w)
    with tidu.no_grad():
        assert np.mean([w, w]) == 1.5
    assert w.numpy().tolist() == [1.0, 2.0]
    x = tidu.tensor(A)
    array = np.asarray(x)
    array[0, 0] = 100.0
    assert x[0, 0] == 0.3
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
