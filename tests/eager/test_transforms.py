"""Derivatives of functions: against JAX, by hand, nested, and told apart from wrong ones."""

from __future__ import annotations

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.errors import NoDerivative, TensorError

POINT = np.array([0.3, -0.7, 1.2])
NUMBERS = st.floats(-2.0, 2.0)


def ours(x):
    return (tidu.sin(x[0] * x[1]) + tidu.exp(-(x[2] ** 2)) * x[0]) / (1 + x.dot(x))


def theirs(x):
    return (jnp.sin(x[0] * x[1]) + jnp.exp(-(x[2] ** 2)) * x[0]) / (1 + x.dot(x))


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


THEIRS = jax.jit(lambda x: (theirs(x), jax.grad(theirs)(x), jax.hessian(theirs)(x)))


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS))
@settings(deadline=None, max_examples=100)
def test_gradient_hessian_and_product_agree_with_jax(x):
    x = np.array(x)
    close = {"rtol": 1e-12, "atol": 1e-13}
    value, gradient = tidu.value_and_grad(ours)(x)
    their_value, their_gradient, second = map(np.asarray, THEIRS(x))
    assert type(value) is float
    assert value == pytest.approx(their_value.item(), rel=1e-13, abs=1e-14)
    np.testing.assert_allclose(gradient, their_gradient, **close)
    np.testing.assert_allclose(tidu.hessian(ours)(x), second, **close)
    np.testing.assert_allclose(tidu.hvp(ours)(x, POINT), second @ POINT, **close)
    np.testing.assert_allclose(tidu.jacobian(tidu.grad(ours))(x), second, **close)


def test_jacobian_of_a_matrix_function():
    a = np.arange(6.0).reshape(2, 3) / 5
    found = tidu.jacobian(lambda x: tidu.tanh(x @ x.T))(a)
    expected = jax.jacobian(lambda x: jnp.tanh(x @ x.T))(a)
    assert found.shape == (2, 2, 2, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_several_arguments():
    f = lambda x, y: x**2 * y  # noqa: E731
    assert tidu.grad(f)(3.0, 5.0) == 30.0
    assert tidu.grad(f, argnums=1)(3.0, 5.0) == 9.0
    assert tidu.grad(f, argnums=(0, 1))(3.0, 5.0) == (30.0, 9.0)
    assert tidu.grad(f, argnums=-1)(3.0, 5.0) == 9.0
    with pytest.raises(TensorError, match="there is no argument"):
        tidu.grad(f, argnums=2)(3.0, 5.0)


def test_derivatives_of_any_order():
    f = tidu.sin
    for order in range(1, 6):
        f = tidu.grad(f)
        assert f(0.4) == pytest.approx(np.sin(0.4 + order * np.pi / 2), rel=1e-14)


def test_an_inner_variable_is_not_the_outer_one():
    assert tidu.grad(lambda x: x * tidu.grad(lambda y: x + y)(2.0))(1.0) == 1.0
    assert tidu.grad(lambda x: tidu.grad(lambda y: x * y)(x))(3.0) == 1.0  # and not 2
    assert tidu.grad(lambda x: tidu.grad(lambda y: y * y * x)(x))(3.0) == 12.0


def test_a_gradient_in_a_loss():
    """A penalty on the slope at the data, whose own gradient goes to the parameters."""
    w = tidu.tensor([0.5, -1.0], requires_grad=True)
    x = tidu.tensor([1.0, 2.0], requires_grad=True)
    slope = tidu.grad(lambda z: tidu.tanh(w.dot(z)))(x)
    (slope**2).sum().backward()

    def penalty(v):
        return jnp.sum(jax.grad(lambda z: jnp.tanh(v.dot(z)))(jnp.array([1.0, 2.0])) ** 2)

    np.testing.assert_allclose(w.grad, jax.grad(penalty)(jnp.array([0.5, -1.0])), rtol=1e-13)


def test_what_comes_in_says_what_goes_out():
    f = lambda x: (x**2).sum()  # noqa: E731
    assert type(tidu.grad(f)(1.0)) is float
    assert type(tidu.grad(f)(np.ones(2))) is np.ndarray
    assert type(tidu.grad(f)([1.0, 2.0])) is np.ndarray
    out = tidu.grad(f)(tidu.tensor([1.0, 2.0]))
    assert isinstance(out, tidu.Tensor)
    assert not out.requires_grad


def test_leaves_of_others_are_left_alone():
    w = tidu.tensor(2.0, requires_grad=True)
    assert float(tidu.grad(lambda x: w * x)(3.0)) == 2.0
    assert w.grad is None
    with tidu.no_grad():
        assert tidu.grad(lambda x: x**3)(2.0) == 12.0


def test_a_function_that_does_not_depend_on_its_argument_is_flat():
    assert tidu.grad(lambda x: 3.0)(1.0) == 0.0
    assert tidu.grad(lambda x: tidu.tensor(3.0))(np.ones(2)).tolist() == [0.0, 0.0]
    assert tidu.hessian(lambda x: x.sum())(np.ones(2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_errors():
    with pytest.raises(TensorError, match=r"the function gave an array of shape \(3,\)"):
        tidu.grad(lambda x: x * 2)(POINT)
    with pytest.raises(TensorError, match=r"the direction has the shape \(2,\)"):
        tidu.hvp(ours)(POINT, [1.0, 2.0])
    with pytest.raises(NoDerivative):
        tidu.grad(lambda x: x * (x > 0))(1.0)


def test_check_gradient_passes_what_is_right_and_fails_what_is_wrong():
    right = tidu.check_gradient(ours, POINT)
    assert right
    assert right.worst < 1e-9
    assert "the gradient is right" in repr(right)
    # The derivative of detach is 0 by the rules, and not by differences.
    wrong = tidu.check_gradient(lambda x: x[0] ** 2 + x[1].detach() * 3.0, [1.0, 2.0])
    assert not wrong
    assert wrong.where == (1,)
    assert wrong.worst == pytest.approx(1.0, rel=1e-6)
    assert "WRONG" in repr(wrong)
    assert tidu.check_gradient(lambda x: x**3, 2)
    w = tidu.tensor(2.0, requires_grad=True)
    assert tidu.check_gradient(lambda x: w * x**3, 2)
    assert not tidu.check_gradient(lambda x: tidu.log(x), -1.0)  # nan on one side


@pytest.mark.parametrize("module", ["tensor", "graph", "transforms"])
def test_examples_of_docstrings(module):
    tested = doctest.testmod(importlib.import_module(f"tidu.eager.{module}"))
    assert tested.attempted > 0
    assert tested.failed == 0
