"""NumPy's own functions and arrays beside tensors: the gradient is kept, or a sentence says why not."""

from __future__ import annotations

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import torch

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
    np.argmin: lambda x: np.argmin(x, axis=0),
    np.any: lambda x: np.any(x > 0.5, axis=0),
    np.all: lambda x: np.all(x > 0.1),
    np.atleast_1d: lambda x: np.atleast_1d(x[0, 0]),
    np.atleast_2d: lambda x: np.atleast_2d(x[0]),
    np.atleast_3d: np.atleast_3d,
    np.vstack: lambda x: np.vstack([x, A[0]]),
    np.hstack: lambda x: np.hstack([x[0], A[1]]),
    np.dstack: lambda x: np.dstack([x, A]),
    np.column_stack: lambda x: np.column_stack([x[0], A]),
    np.append: lambda x: np.append(x, A, axis=1),
    np.array_split: lambda x: np.array_split(x.ravel(), 3)[1],
    np.split: lambda x: np.split(x, [1], axis=1)[1],
    np.vsplit: lambda x: np.vsplit(x, 2)[0],
    np.hsplit: lambda x: np.hsplit(x, 2)[1],
    np.dsplit: lambda x: np.dsplit(np.atleast_3d(x), 1)[0],
    np.repeat: lambda x: np.repeat(x, [1, 3], axis=1),
    np.tile: lambda x: np.tile(x, (2, 1, 3)),
    np.roll: lambda x: np.roll(x, (1, -1), axis=(0, 1)),
    np.flip: lambda x: np.flip(x, 1),
    np.flipud: np.flipud,
    np.fliplr: np.fliplr,
    np.rot90: lambda x: np.rot90(x, 3),
    np.moveaxis: lambda x: np.moveaxis(np.atleast_3d(x), (0, 2), (1, 0)),
    np.rollaxis: lambda x: np.rollaxis(np.atleast_3d(x), 2, 1),
    np.sort: lambda x: np.sort(x, axis=0),
    np.argsort: lambda x: np.argsort(x, axis=None),
    np.diagonal: lambda x: np.diagonal(x, offset=-1),
    np.diag: lambda x: np.diag(np.diag(x), k=1),
    np.trace: lambda x: np.trace(x, offset=1),
    np.tril: lambda x: np.tril(x, k=-1),
    np.triu: lambda x: np.triu(x, k=1),
    np.einsum: lambda x: np.einsum("ij,kj,...->i...k", x, A, A),
    np.tensordot: lambda x: np.tensordot(x, A, axes=([0], [1])),
    np.inner: lambda x: np.inner(x, A),
    np.vdot: lambda x: np.vdot(x, A),
    np.kron: lambda x: np.kron(x, A[0]),
    np.prod: lambda x: np.prod(x, axis=1),
    np.cumsum: lambda x: np.cumsum(x, axis=1),
    np.diff: lambda x: np.diff(x, axis=0),
    np.fix: lambda x: np.fix(x * 7.3),
    np.sinc: np.sinc,
    np.real: np.real,
    np.nan_to_num: lambda x: np.nan_to_num(x, nan=2.0),
    np.select: lambda x: np.select([x > 0.5, x > 0.1], [x**2, 3 * x], 7.0),
    np.cumprod: lambda x: np.cumprod(x, axis=1),
    np.ptp: lambda x: np.ptp(x, axis=0),
    np.average: lambda x: np.average(x, axis=1, weights=[3.0, 1.0]),
    np.nansum: lambda x: np.nansum(x, axis=1),
    np.nanmean: lambda x: np.nanmean(x, axis=1),
    np.median: lambda x: np.median(x, axis=1),
    np.partition: lambda x: np.partition(x, 1, axis=0),
    np.cross: lambda x: np.cross(np.append(x, A, axis=1)[:, :3], [[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]]),
    np.take: lambda x: np.take(x, [[0, -1], [1, 1]], axis=1),
    np.pad: lambda x: np.pad(x, ((1, 0), (2, 1)), mode="constant", constant_values=1.5),
    np.meshgrid: lambda x: np.meshgrid(x[0], A[1], [1.0, 2.0, 3.0])[0],
    np.linalg.inv: np.linalg.inv,
    np.linalg.solve: lambda x: np.linalg.solve(x, A[0]),
    np.linalg.det: np.linalg.det,
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


PLAIN = {np.argmax, np.argmin, np.argsort, np.any, np.all}  # answers without a derivative
PLAIN |= {f for f in CALLS if not isinstance(CALLS[f](leaf(A)), tidu.Tensor)}


@pytest.mark.parametrize("function", [f for f in CALLS if f not in PLAIN], ids=lambda f: f.__name__)
def test_derivatives_are_those_of_numpys_values(function):
    call = CALLS[function]
    weights = np.random.default_rng(0).normal(size=np.shape(call(A)))

    def of_numpy(x):
        return np.sum(weights * call(x) ** 2)

    def of_tensors(x):
        return (weights * call(x) ** 2).sum()

    h = 1e-5
    places = [np.eye(4)[k].reshape(2, 2) * h for k in range(4)]
    measured = np.reshape([(of_numpy(A + d) - of_numpy(A - d)) / (2 * h) for d in places], (2, 2))
    gradient = tidu.grad(of_tensors)
    np.testing.assert_allclose(gradient(A), measured, rtol=1e-8, atol=1e-8)  # h², and eps/h
    second = np.reshape([(gradient(A + d) - gradient(A - d)) / (2 * h) for d in places], (2, 2, 2, 2))
    np.testing.assert_allclose(tidu.hessian(of_tensors)(A), second, rtol=1e-7, atol=1e-7)


def test_methods_are_there_from_the_first_tensor_on():
    code = "import tidu; t = tidu.Tensor([[1.0, 2.0]]); print(t.dot([1.0, 1.0]).item(), t.cumsum().sum().item())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["3.0", "4.0"]


def test_products_with_zeros_have_exact_derivatives():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    np.testing.assert_array_equal(tidu.grad(tidu.prod)(x), np.zeros(5))
    second = tidu.hessian(tidu.prod)(x)
    assert second[1, 3] == second[3, 1] == 30.0
    assert np.count_nonzero(second) == 2
    np.testing.assert_array_equal(tidu.grad(tidu.prod)(np.array([2.0, 0.0, 3.0])), [0.0, 6.0, 0.0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: np.clip(x, a_min=0.3, a_max=0.8), lambda x: np.clip(x, 0.3, 0.8)),
        (lambda x: np.sum(a=x, axis=None, dtype=float), np.sum),
        (lambda x: np.mean(x, dtype=np.float64, out=None), np.mean),
        (lambda x: x.sum(dim=1, keepdim=True), lambda x: x.sum(axis=1, keepdims=True)),
        (lambda x: x.max(dim=0), lambda x: x.max(axis=0)),
        (lambda x: x.clip(min=0.5), lambda x: x.clip(0.5, None)),
        (lambda x: x.view(4, 1), lambda x: x.reshape(4, 1)),
        (lambda x: x.view(-1), np.ravel),
        (lambda x: x.permute(1, 0), np.transpose),
        (lambda x: x.unsqueeze(0), lambda x: x[None]),
        (lambda x: x % 0.25, lambda x: x % 0.25),
        (lambda x: 1.0 % x, lambda x: 1.0 % x),
        (lambda x: np.linalg.norm(x, axis=1), lambda x: np.linalg.norm(x, axis=1)),
        (lambda x: np.linalg.norm(x, ord=1, axis=0), lambda x: np.linalg.norm(x, ord=1, axis=0)),
        (lambda x: tidu.concatenate(tensors=[x, x], dim=1), lambda x: np.concatenate([x, x], axis=1)),
        (lambda x: np.linalg.norm(x, "fro"), np.linalg.norm),
        (lambda x: np.dot(np.ones((2, 3, 2)), x), lambda x: np.dot(np.ones((2, 3, 2)), x)),
        (lambda x: np.dot(x, np.ones((3, 2, 4))), lambda x: np.dot(x, np.ones((3, 2, 4)))),
        (lambda x: x.pow(2).matmul(x), lambda x: x**2 @ x),
        (lambda x: x.flip(dim=0), np.flipud),
        (lambda x: np.einsum("ii", x), np.trace),
        (lambda x: np.einsum("iji->j", x.reshape(2, 1, 2)), lambda x: np.einsum("iji->j", x.reshape(2, 1, 2))),
        (lambda x: np.einsum("ij->", x), np.sum),
        (lambda x: np.einsum("...i->...", x), lambda x: np.sum(x, axis=-1)),
        (lambda x: tidu.arctan2(x, 2.0), lambda x: np.arctan2(x, 2.0)),
    ],
)
def test_names_of_numpy_and_torch(ours, theirs):
    out = ours(leaf(A))
    assert out.requires_grad
    np.testing.assert_allclose(out.numpy(), theirs(A), rtol=1e-15)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x: np.sum(x, where=A > 0), "takes no argument 'where'; it takes x, axis, keepdims"),
        (lambda x: x.grad_fn.next, "no attribute 'grad_fn'"),
        (lambda x: x.zero_(), r"write w\[:\] = "),
        (lambda x: x.cuda(), "an option of tidu.fit"),
        (lambda x: x.float(), "astype"),
        (lambda x: np.split(x, 3), "cannot be split into 3 parts"),
        (lambda x: tidu.einsum("ij,k", x), "do not fit operands"),
        (lambda x: tidu.einsum("ij->ii", x), "do not fit operands"),
        (lambda x: np.diag(x[None]), "a vector or a matrix"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(wrong, says):
    with pytest.raises((TensorError, AttributeError), match=says):
        wrong(leaf(A))


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
    "unknown", [np.nextafter, np.add.accumulate, np.percentile, np.unwrap, np.gradient, np.linalg.eigvalsh]
)
def test_what_is_not_known_is_a_sentence(unknown):
    x = leaf(A)
    with pytest.raises(TensorError, match=r"numpy\.\S+ is not known for tensors, and would lose the gradient"):
        unknown(x, x) if unknown is np.nextafter else unknown(x, 1) if unknown is np.percentile else unknown(x)


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


def test_axis_none_puts_all_numbers_in_one_row():
    x = leaf(A)
    y = np.concatenate([x, x**2], axis=None)
    assert y.numpy().tolist() == np.concatenate([A, A**2], axis=None).tolist()
    np.sum(y * np.arange(8.0)).backward()
    assert x.grad == pytest.approx(np.arange(4.0).reshape(2, 2) + 2 * A * np.arange(4.0, 8.0).reshape(2, 2))


@pytest.mark.parametrize("axis", ["a", 0.5, (0.5,)])
@pytest.mark.parametrize("function", [np.diff, np.stack, np.split, np.sum])
def test_an_axis_that_is_no_number_is_a_sentence(function, axis):
    x = leaf(A)
    with pytest.raises(TensorError, match="an axis is a whole number, not "):
        function([x, x], axis=axis) if function is np.stack else function(x, *[2] * (function is np.split), axis=axis)


# -- compositions -------------------------------------------------------------------------------------------
OF_TWO = (np.logaddexp2, np.fmax, np.fmin, np.copysign, np.heaviside)
SPECIAL = [0.0, -0.0, 1.0, -1.5, 3.25, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("function", OF_TWO, ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_functions_of_two_are_numpys_at_special_points_too(function):
    a, b = (np.ravel(m) for m in np.meshgrid(SPECIAL, SPECIAL))
    found = function(tidu.tensor(a), b).numpy()
    np.testing.assert_allclose(found, function(a, b), rtol=1e-15)
    plain = np.isfinite(a) & np.isfinite(b) & (a != b)
    if function is np.copysign:
        np.testing.assert_array_equal(np.signbit(found), np.signbit(function(a, b)))
        plain &= (a != 0) & (b != 0)
    if function is np.heaviside:
        plain &= a != 0
    torchs = {np.logaddexp2: torch.logaddexp2, np.copysign: torch.copysign, np.heaviside: torch.heaviside,
              np.fmax: torch.fmax, np.fmin: torch.fmin}  # fmt: skip
    if function is not np.heaviside:  # of which torch has no slope; it is 0
        x = torch.tensor(a[plain], requires_grad=True)
        torchs[function](x, torch.tensor(b[plain])).sum().backward()
        np.testing.assert_allclose(tidu.grad(lambda x: function(x, b[plain]).sum())(a[plain]), x.grad, rtol=1e-14)
    else:
        assert not tidu.grad(lambda x: function(x, b[plain]).sum())(a[plain]).any()


def test_truncation_is_towards_0():
    np.testing.assert_array_equal(np.trunc(tidu.tensor([-1.7, 1.7, -0.2])).numpy(), np.trunc([-1.7, 1.7, -0.2]))


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.01, 0.0499, 0.0501, 0.5, 1.0, -2.5])
def test_sinc_has_its_derivatives_at_0_too(x):
    mpmath.mp.dps = 40
    slope = lambda t: tidu.sinc(t)  # noqa: E731
    for order in range(4):
        expected = float(mpmath.diff(lambda t: mpmath.sincpi(t), mpmath.mpf(x), order))
        assert slope(x) == pytest.approx(expected, rel=1e-12, abs=1e-11)
        slope = tidu.grad(slope)


@pytest.mark.parametrize("zeros", [(), (1,), (0, 3)])
def test_running_products_have_exact_slopes_where_elements_are_0(zeros):
    x = np.random.default_rng(0).normal(size=7)
    x[list(zeros)] = 0.0
    leaf = torch.tensor(x, requires_grad=True)
    weights = np.arange(1.0, 8.0)
    (torch.cumprod(leaf, 0) * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(tidu.grad(lambda x: (weights * np.cumprod(x)).sum())(x), leaf.grad, rtol=1e-13)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_padding_is_numpys(mode):
    x = np.arange(6.0).reshape(2, 3)
    for width in (1, (1, 0), ((0, 1), (1, 1))):
        np.testing.assert_array_equal(np.pad(tidu.tensor(x), width, mode=mode).numpy(), np.pad(x, width, mode=mode))


def test_nan_has_no_slope_where_it_was_exchanged():
    x = np.array([1.0, math.nan, math.inf, -math.inf, 2.0])
    np.testing.assert_array_equal(np.nan_to_num(tidu.tensor(x)).numpy(), np.nan_to_num(x))
    assert tidu.grad(lambda x: np.nansum(2 * x))(np.array([1.0, math.nan, 3.0])).tolist() == [2.0, 0.0, 2.0]
    assert tidu.grad(lambda x: np.nan_to_num(x).sum())(x).tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: np.tile(x, -1), "counts from 0 up, not -1"),
        (lambda x: np.tile(x, 1.5), "counts from 0 up, not 1.5"),
        (lambda x: np.repeat(x, -1), "a count from 0 up"),
        (lambda x: np.repeat(x, [1, 2]), "each of 3 elements"),
        (lambda x: np.take(x, [3]), "no place 3 among 3"),
        (lambda x: np.take(x, [0.5]), "whole numbers"),
        (lambda x: np.pad(x, -1), "number of elements"),
        (lambda x: np.pad(x, 1, mode="mean"), "modes constant"),
        (lambda x: np.cross(x, [1.0, 2.0]), "three numbers"),
        (lambda x: np.select([x > 1], [x, x]), "as many conditions"),
        (lambda x: np.average(x, weights=[1.0, 2.0]), "weights of the shape"),
        (lambda x: tidu.concatenate([]), "the sequence is empty"),
        (lambda x: np.linalg.inv(x), "a square matrix is needed"),
        (lambda x: np.linalg.solve(np.eye(2), x), "right sides as long as it"),
        (lambda x: np.linalg.inv(x * np.ones((3, 1))), "the matrix is singular"),
        (lambda x: np.meshgrid(x, x, indexing="no"), "'xy' or 'ij'"),
    ],
)
def test_what_does_not_fit_is_told(call, sentence):
    with pytest.raises(tidu.TiduError, match=sentence):
        call(tidu.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_inverses_and_determinants_have_torchs_slopes(size):
    a = np.random.default_rng(size).normal(size=(size, size)) + 2 * np.eye(size)
    b = np.arange(1.0, size + 1)
    for ours, theirs in (
        (lambda m: np.linalg.inv(m)[0].sum(), lambda m: torch.linalg.inv(m)[0].sum()),
        (lambda m: (np.linalg.solve(m, b) ** 2).sum(), lambda m: (torch.linalg.solve(m, torch.tensor(b)) ** 2).sum()),
        (lambda m: np.linalg.det(m) ** 2, lambda m: torch.linalg.det(m) ** 2),
    ):
        matrix = torch.tensor(a, requires_grad=True)
        theirs(matrix).backward()
        np.testing.assert_allclose(tidu.grad(ours)(a), matrix.grad, rtol=1e-11, atol=1e-12)


def test_the_determinant_of_a_singular_matrix_has_its_slope():
    cofactors = [[4.0, -2.0], [-2.0, 1.0]]
    np.testing.assert_allclose(tidu.grad(np.linalg.det)(np.array([[1.0, 2.0], [2.0, 4.0]])), cofactors)
    with pytest.raises(tidu.TiduError, match="the matrix is singular"):
        tidu.grad(np.linalg.det)(np.zeros((4, 4)))
