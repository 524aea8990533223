"""The table of array operations against torch: values, first and second derivatives. An op without one fails."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

import tidu
from oracles import ARRAY_OPS, ARRAY_ORACLES
from tidu.errors import NoDerivative
from tidu.language.operand import applied

CASES = [(name, *case) for name, op in ARRAY_OPS.items() for case in op.cases]
AT_PLACES = ("entry", "placed")  # which whole numbers name; these have no gradient
SMOOTH = [case for case in CASES if ARRAY_OPS[case[0]].grad is not None and case[0] not in AT_PLACES]
OF_BITS = ("bitwise_and", "bitwise_or", "invert")  # of whole numbers, which have no gradient
DIGITS = 1e-13  # both sum a few dozen terms of size 1, in another order


def arrays(name, shapes):
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if name in OF_BITS:
        return [random.integers(-9, 9, size=shape) for shape in shapes]
    arrays = [random.normal(size=shape) for shape in shapes]
    if name in AT_PLACES:
        arrays[1] = random.integers(0, 3, size=shapes[1]).astype(float)
    return [abs(a) for a in arrays] if name == "root" else arrays


def test_every_op_has_an_oracle_and_cases():
    assert set(ARRAY_ORACLES) == set(ARRAY_OPS)
    assert all(op.cases for op in ARRAY_OPS.values())


@pytest.mark.parametrize(("name", "shapes", "attrs"), CASES)
def test_value(name, shapes, attrs):
    given = arrays(name, shapes)
    ours = applied(ARRAY_OPS[name], tuple(given), attrs)
    theirs = ARRAY_ORACLES[name](*map(torch.tensor, given), *attrs).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=DIGITS)
    assert np.shape(ours) == theirs.shape


@pytest.mark.parametrize(("name", "shapes", "attrs"), SMOOTH)
def test_first_and_second_derivatives(name, shapes, attrs):
    given = arrays(name, shapes)
    weights = np.random.default_rng(0)

    ours = [tidu.Tensor(a) for a in given]
    theirs = [torch.tensor(a, requires_grad=True) for a in given]
    our_out = applied(ARRAY_OPS[name], tuple(ours), attrs)
    their_out = ARRAY_ORACLES[name](*theirs, *attrs)
    # A weighted sum of squares, so that no element's derivative is that of another and the second is not 0.
    w = weights.normal(size=our_out.shape)
    ((our_out * w) ** 2).sum().backward()
    firsts = torch.autograd.grad(((their_out * torch.tensor(w)) ** 2).sum(), theirs, create_graph=True)
    for mine, first in zip(ours, firsts, strict=True):
        np.testing.assert_allclose(mine.grad, first.detach().numpy(), rtol=DIGITS, atol=DIGITS)

    def scalar(*args):
        return ((applied(ARRAY_OPS[name], args, attrs) * w) ** 2).sum()

    for k, first in enumerate(firsts):
        v = weights.normal(size=first.shape)
        along = torch.autograd.grad((first * torch.tensor(v)).sum(), theirs[k], retain_graph=True)[0]
        f = lambda x, k=k: scalar(*given[:k], x, *given[k + 1 :])  # noqa: E731
        np.testing.assert_allclose(tidu.hvp(f)(given[k], v), along.numpy(), rtol=DIGITS, atol=10 * DIGITS)


@pytest.mark.parametrize(("name", "shapes", "attrs"), [case for case in CASES if case[0] in AT_PLACES])
def test_derivatives_of_numbers_at_places(name, shapes, attrs):
    x, k = arrays(name, shapes)
    ours, theirs = tidu.Tensor(x), torch.tensor(x, requires_grad=True)
    (applied(ARRAY_OPS[name], (ours, k), attrs) ** 2).sum().backward()
    (ARRAY_ORACLES[name](theirs, torch.tensor(k), *attrs) ** 2).sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=DIGITS)


@pytest.mark.parametrize(("name", "shapes", "attrs"), SMOOTH)
def test_float32_stays(name, shapes, attrs):
    given = [tidu.Tensor(a.astype(np.float32)) for a in arrays(name, shapes)]
    kind = np.float64 if name == "cast" else np.float32
    out = applied(ARRAY_OPS[name], tuple(given), attrs)
    assert out.dtype == kind
    out.backward()
    assert all(np.asarray(t.grad).dtype == np.float32 for t in given)


@pytest.mark.parametrize("name", [name for name, op in ARRAY_OPS.items() if op.grad is None and name not in OF_BITS])
def test_what_jumps_has_no_derivative(name):
    shapes, attrs = ARRAY_OPS[name].cases[0]
    given = [tidu.Tensor(a) for a in arrays(name, shapes)]
    with pytest.raises(NoDerivative, match=f"'{name}' has no derivative"):
        (applied(ARRAY_OPS[name], tuple(given), attrs) * given[0]).sum().backward()


def test_the_first_of_several_largest_gets_the_slope():
    x = tidu.Tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]])
    x.max(axis=1).backward()
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0, 1, 0], [0, 0, 0]]


def test_softmax_and_logsumexp_do_not_overflow():
    x = np.array([1000.0, 1000.0, -1000.0])
    assert tidu.softmax(x).tolist() == [0.5, 0.5, 0.0]
    assert tidu.logsumexp(x) == pytest.approx(1000 + np.log(2), rel=1e-15)
    with np.errstate(divide="ignore"):
        assert tidu.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    assert tidu.log_softmax(x).tolist() == pytest.approx([-np.log(2), -np.log(2), -2000 - np.log(2)], rel=1e-15)
