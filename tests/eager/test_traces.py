"""What a function does with its argument while its derivative is taken: exact, or an error, never another number."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import tidu
from tidu.errors import TensorError

TAKEN_OUT = {
    "math.sin": lambda x: math.sin(x) * x,
    "float": lambda x: float(x) ** 2,
    "item": lambda x: x * x.item(),
    "data": lambda x: x * x.data,
    "numpy": lambda x: x * float(x.numpy()),
    "tolist": lambda x: x * x.tolist(),
    "of what was computed": lambda x: x * float(tidu.exp(x) + 1),
    "tensor": lambda x: tidu.tensor(x) ** 2,
    "Tensor": lambda x: tidu.Tensor(x) ** 2,
    "np.asarray": lambda x: np.asarray(x) * 2.0,
    "deepcopy": lambda x: copy.deepcopy(x) ** 2,
}
TRANSFORMS = {
    "grad": tidu.grad,
    "value_and_grad": tidu.value_and_grad,
    "jacobian": tidu.jacobian,
    "hessian": tidu.hessian,
    "of the second order": lambda f: tidu.grad(tidu.grad(f)),
    "hvp": lambda f: lambda x: tidu.hvp(f)(x, 1.0),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("way", TAKEN_OUT)
def test_a_value_taken_out_is_an_error(way, transform):
    with pytest.raises(TensorError, match=r"detach|gradient"):
        TRANSFORMS[transform](TAKEN_OUT[way])(0.5)


def assigned(a):
    a[1] = 3.0
    return (a * a).sum()


def assigned_data(a):
    a.data = np.zeros(3)
    return (a * a).sum()


@pytest.mark.parametrize("transform", [tidu.grad, tidu.jacobian, tidu.hessian, lambda f: lambda x: tidu.hvp(f)(x, x)])
@pytest.mark.parametrize("f", [assigned, assigned_data])
def test_an_argument_assigned_to_is_an_error(f, transform):
    with pytest.raises(TensorError, match=r"assigned to the argument|\.data takes"):
        transform(f)(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(TensorError, match="assigned"):
        tidu.grad(f)(tidu.Tensor([1.0, 2.0, 3.0]))


def test_in_place_operators_are_exact():
    def f(x):
        x *= 3.0
        x += x
        return (x * x).sum()

    np.testing.assert_array_equal(tidu.grad(f)(np.array([1.0, 2.0])), [72.0, 144.0])


def test_what_may_be_read():
    def f(x):
        y = x * x if x > 0 else -x  # conditions are constant between their jumps
        str(y), f"{x}", f"{x:.3f}", repr(x)
        assert x.shape == ()
        steps = int(x * 3)
        constant = float(x.detach()) + x.detach().item()
        with tidu.no_grad():
            constant += float(x)
        w = tidu.Tensor(2.0)
        return y * constant + w.item() * x + steps

    assert tidu.grad(f)(2.0) == 2 * 2.0 * 6.0 + 2.0


def test_outside_of_a_derivative_values_are_read_as_ever():
    x = tidu.Tensor(2.0)
    y = x * x
    assert float(y) == y.item() == y.data == 4.0
    with pytest.raises(TensorError):
        tidu.grad(lambda t: math.sin(t))(1.0)
    assert float(y) == 4.0  # also after an error


def test_values_of_another_derivatives_variables_stay_in_too():
    def outer(x):
        return tidu.grad(lambda y: y * float(x))(1.0)

    with pytest.raises(TensorError, match="float"):
        tidu.grad(outer)(2.0)
    assert tidu.grad(lambda y: y * tidu.Tensor(2.0).item())(1.0) == 2.0


def test_named_arguments_and_the_jacobian_of_nothing():
    assert tidu.grad(lambda x, *, k: k * x**2)(3.0, k=2.0) == 12.0
    assert tidu.value_and_grad(lambda x, k=1.0: k * x)(3.0, k=2.0) == (6.0, 2.0)
    np.testing.assert_array_equal(
        tidu.hessian(lambda x, p=1: (x**p).sum())(np.array([1.0, 2.0]), p=3), np.diag([6.0, 12])
    )
    assert tidu.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert tidu.jacobian(lambda x: x * 1.0)(np.ones((0, 2))).shape == (0, 2, 0, 2)
