"""Tensors as textbook code uses them: gradients kept, added up and begun anew; changes in place; graphs that go."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
import torch

import tidu
from tidu.errors import NoDerivative, ShapeMismatch, TensorError


def leaf(value):
    return tidu.tensor(value, requires_grad=True)


# -- the gradient ---------------------------------------------------------------------------------
def test_data_has_no_gradient_until_it_is_asked_for():
    x = tidu.tensor([1.0, 2.0])
    assert not x.requires_grad
    assert x.attach_grad() is x
    assert x.grad is None
    assert "grad=not computed" in repr(x)
    (3 * x).backward()  # of an array: of its sum
    assert x.grad.tolist() == [3.0, 3.0]
    x.zero_grad()
    assert x.grad.tolist() == [0.0, 0.0]


def test_not_computed_zero_and_nan_are_told_apart():
    a, b, c = leaf(1.0), leaf(1.0), leaf(0.0)
    (0 * b + c**0.5).backward()
    assert a.grad is None
    assert b.grad == 0.0
    assert c.grad == np.inf


def test_whole_numbers_become_floats_where_a_gradient_is_kept():
    assert tidu.tensor([1, 2]).dtype == np.int64
    assert leaf([1, 2]).dtype == np.float64
    assert tidu.tensor([1, 2]).attach_grad().dtype == np.float64
    assert type(tidu.Tensor(2).data) is float


def test_gradient_given_to_backward():
    x = leaf([1.0, 2.0])
    y = x**2
    y.backward([1.0, 10.0])
    assert x.grad.tolist() == [2.0, 40.0]
    with pytest.raises(ShapeMismatch, match=r"has the shape \(3,\); the tensor has \(2,\)"):
        y.backward([1.0, 1.0, 1.0])


def test_the_same_graph_can_be_walked_twice_and_adds_up():
    x = leaf(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 12.0
    assert y.grad == 2.0


def test_after_an_assignment_the_next_walk_begins_anew():
    w = leaf([1.0, 2.0])
    for _step in range(2):  # textbook code that never sets a gradient to 0
        (w**2).sum().backward()
        w[:] = w - 0.25 * w.grad
    assert w.tolist() == [0.25, 0.5]
    assert w.grad.tolist() == [1.0, 2.0]  # still there to be looked at
    (3 * w).sum().backward()
    (3 * w).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]


def test_gradients_that_were_read_do_not_change_and_are_nobody_elses():
    a, b = leaf([1.0, 1.0]), leaf([1.0, 1.0])
    (a + b).backward()
    before = a.grad
    before *= 5
    assert b.grad.tolist() == [1.0, 1.0]
    kept = b.grad
    (a + b).backward()
    assert kept.tolist() == [1.0, 1.0]


def test_an_inner_array_keeps_its_gradient_when_asked():
    x = leaf([1.0, 2.0])
    y, z = x * 2, x * 3
    y.attach_grad()
    (y * z).sum().backward()
    assert y.grad.tolist() == [3.0, 6.0]
    assert z.grad is None
    assert x.grad.tolist() == [12.0, 24.0]


def test_nothing_to_walk_back_to():
    with pytest.raises(TensorError, match=r"nothing to walk back to.*attach_grad\(\)"):
        tidu.tensor(1.0).backward()
    with pytest.raises(TensorError, match="a condition has no derivative"):
        (leaf(1.0) > 0).backward()


def test_no_derivative_is_an_error_and_never_zero():
    x = leaf([1.0, -2.0])
    for flat in (lambda: (x > 0) * x, lambda: x * x.argmax(), lambda: x.astype(int) * 2.0, lambda: (x == 1) + x):
        with pytest.raises(NoDerivative):
            flat().sum().backward()
    tidu.where(x > 0, x, 5.0).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]


def test_detach_and_no_grad():
    x = leaf(2.0)
    (x * x.detach()).backward()
    assert x.grad == 2.0
    with tidu.no_grad():
        assert not (x * 2).requires_grad
        with tidu.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    y = leaf([1.0, 2.0])
    z = y.detach()
    y[0] = 5.0
    assert z.tolist() == [1.0, 2.0]


def test_no_grad_ends_with_an_error_and_is_one_threads_own():
    x = leaf(1.0)
    with pytest.raises(ZeroDivisionError), tidu.no_grad():
        1 / 0  # noqa: B018
    assert (x * 2).requires_grad
    seen = []
    with tidu.no_grad():
        worker = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        worker.start()
        worker.join()
    assert seen == [True]


# -- changes in place -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.__setitem__(0, 100.0),
        lambda x: x.__setitem__(slice(None), 100.0),
        lambda x: setattr(x, "data", np.full(3, 100.0)),
        lambda x: x.data.fill(100.0),
        lambda x: x.data.__isub__(100.0),
        lambda x: x.data.__setitem__(1, 100.0),
    ],
)
@pytest.mark.parametrize("early", [True, False], ids=["data read before", "data read after"])
@pytest.mark.parametrize(
    "use",
    [lambda x: x * x, lambda x: x.reshape(3, 1) ** 2, lambda x: x[::-1] * x, tidu.sin, tidu.exp],
    ids=["square", "view", "part", "sin", "exp"],
)
def test_a_walk_back_finds_the_values_of_its_time(change, early, use):
    x, same = leaf([1.0, 2.0, 3.0]), leaf([1.0, 2.0, 3.0])
    if early:
        _ = x.data
    y = use(x)
    value = y.numpy()
    change(x)
    y.sum().backward()
    use(same).sum().backward()
    assert x.grad.tolist() == same.grad.tolist()
    assert y.numpy().tolist() == value.tolist()


def test_an_array_of_the_callers_may_change_too():
    w, batch = leaf([1.0, 1.0]), np.array([3.0, 4.0])
    loss = (w * batch).sum()
    batch[:] = 0.0
    loss.backward()
    assert w.grad.tolist() == [3.0, 4.0]


def test_an_index_of_the_callers_may_change_too():
    w, rows = leaf([1.0, 2.0, 3.0]), np.array([0, 0])
    picked = w[rows]
    rows[:] = 2
    picked.sum().backward()
    assert w.grad.tolist() == [2.0, 0.0, 0.0]


def test_scalars_of_numpy_are_numbers():
    x = leaf(-2.0)
    y = np.int64(3) * x ** np.int64(2) + np.float64(1.0) - np.float32(0.5)
    y.backward()
    assert (y.data, x.grad) == (12.5, -12.0)


def test_a_second_derivative_after_a_change_is_an_error():
    scale = leaf(2.0)

    def f(x):
        y = scale * x**2
        scale[...] = 5.0
        return y

    x = leaf(3.0)
    f(x).backward()
    assert x.grad == 12.0  # the values of its time
    scale[...] = 2.0
    with pytest.raises(TensorError, match="changed in place after 'multiply' used it"):
        tidu.grad(f)(3.0)  # a derivative that leads on to scale


def test_data_is_the_memory_itself():
    x = tidu.tensor([1.0, 2.0])
    x.data[0] = 7.0
    x.data += 1.0
    assert x.tolist() == [8.0, 3.0]
    view = x.data
    x[1] = -1.0
    assert view.tolist() == [8.0, -1.0]
    y = leaf(1.0) * np.ones(2)
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 1.0


def test_parts_are_copies_that_change_alone():
    x = tidu.tensor([[1.0, 2.0], [3.0, 4.0]])
    row = x[0]
    row[0] = 100.0
    assert x[0, 0] == 1.0
    x[1, :] = [5.0, 6.0]
    x[x > 5.5] = 0.0
    x[tidu.tensor([0]), 1] = -1.0
    assert x.tolist() == [[1.0, -1.0], [5.0, 0.0]]
    assert row.tolist() == [100.0, 2.0]


def test_assignments_that_would_lose_something():
    w, other = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    with pytest.raises(TensorError, match="this assignment would lose a gradient"):
        w[:] = 0.9 * w + 0.1 * other
    buffer = tidu.tensor([0.0, 0.0])
    with pytest.raises(TensorError, match="this assignment would lose a gradient"):
        buffer[0] = other[0] * 2
    w[:] = 0.5 * w + other.detach()
    with tidu.no_grad():
        w[:] = 0.5 * w + other
    assert w.tolist() == [1.75, 3.5]
    with pytest.raises(TensorError, match="a computed tensor cannot be assigned to"):
        (w * 2)[0] = 1.0
    with pytest.raises(TensorError, match="a computed tensor cannot be assigned to"):
        (w * 2).data = 1.0
    with pytest.raises(TensorError, match=r"whole numbers cannot hold 0.5"):
        tidu.tensor([1, 2])[0] = 0.5
    with pytest.raises(ShapeMismatch, match=r"a value of shape \(3,\) cannot fill a tensor of shape \(2,\)"):
        w[:] = [1.0, 2.0, 3.0]
    with pytest.raises(ShapeMismatch, match=r"a value of shape \(3,\) cannot fill a part of shape \(1,\)"):
        w[:1] = [1.0, 2.0, 3.0]


def test_minus_equals():
    w = leaf(1.0)
    total = w
    total += w * 3  # another tensor, as in `total = total + ...`
    assert w == 1.0
    total.backward()
    with pytest.raises(TensorError, match="is this an update"):
        w -= 0.1 * w.grad
    with tidu.no_grad():
        same = w
        w -= 0.1 * w.grad
    assert same is w
    assert w == 0.6
    (5 * w).backward()
    assert w.grad == 5.0
    velocity = same_velocity = tidu.tensor([1.0, 1.0])
    velocity *= 0.5
    assert same_velocity.tolist() == [0.5, 0.5]


def test_the_number_of_no_axes():
    b = leaf(0.0)
    (b * 4).backward()
    b[:] = b - 0.5 * b.grad
    assert b == -2.0
    b[...] = 7
    b[()] = b + 1
    assert b == 8.0


# -- graphs ---------------------------------------------------------------------------------------
def test_a_chain_of_1e5_nodes_and_its_end():
    """In a process with a small stack, where recursion shows, and no collector, so that cycles do. Free lists stay."""
    code = """
import gc, sys, threading, weakref
gc.disable()
import tidu

def work():
    x = tidu.Tensor(1.0)
    before = sys.getallocatedblocks()
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    y.backward()
    print(round(x.grad, 6), sys.getallocatedblocks() - before > 100_000)
    middle = weakref.ref(y.made[1][0].made[1][0])
    del y
    print(middle(), sys.getallocatedblocks() - before < 20_000)
    z = tidu.tensor([1.0, 2.0]).attach_grad()
    y = z
    for _ in range(100_000):
        y = y + 1.0
    tidu.tanh(y).sum().backward()
    print(z.grad is not None)

threading.stack_size(512 * 1024)
t = threading.Thread(target=work)
t.start()
t.join()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.718268", "True", "None", "True", "True"]


def test_a_dropped_graph_is_freed_at_once():
    x = leaf(np.ones(3))
    y = tidu.exp(x) * x
    seen = [weakref.ref(t) for t in (y, y.made[1][0])]
    loss = y.sum()
    loss.backward()
    gc.disable()
    try:
        del y, loss
        assert [ref() for ref in seen] == [None, None]
    finally:
        gc.enable()


def test_diamonds_are_walked_once():
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2**60 paths
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad == 1.0


# -- numbers, kinds, looks ------------------------------------------------------------------------
def test_numbers_are_ieee_754():
    x = leaf(0.0)
    y = 1 / x
    assert y.data == np.inf
    y.backward()
    assert x.grad == -np.inf
    z = leaf(1e200)
    (z**2 * z).backward()
    assert z.grad == np.inf
    w = leaf(-8.0)
    assert np.isnan((w ** (1 / 3)).data)


def test_float32_stays_float32():
    x = tidu.tensor(np.ones(3, dtype=np.float32), requires_grad=True)
    w = leaf(2.0)
    y = (2.5 * x * w + 1).mean()
    assert y.dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32
    assert type(w.grad) is float
    assert tidu.tensor([1.0], dtype="float32").dtype == np.float32
    mixed = x * leaf(np.ones(3))
    mixed.backward()
    assert mixed.dtype == np.float64
    assert x.grad.dtype == np.float32


def test_bad_values():
    for bad in ("text", None, [["a"]], {1: 2}, 1j, np.array([None])):
        with pytest.raises(TensorError, match="a tensor holds real numbers"):
            tidu.tensor(bad)
        with pytest.raises(TensorError, match="a tensor holds real numbers"):
            leaf(1.0) * bad
    with pytest.raises(ShapeMismatch, match="different lengths"):
        tidu.tensor([[1.0], [1.0, 2.0]])
    with pytest.raises(TensorError, match="put them together with stack"):
        tidu.tensor([leaf(1.0), leaf(2.0)])
    assert tidu.tensor([tidu.tensor(1.0), tidu.tensor(2.0)]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda a, b: a + b, r"'add' cannot combine the shapes \(2, 3\) · \(2,\)"),
        (lambda a, b: a @ b, r"'matmul' cannot combine the shapes \(2, 3\) · \(2,\)"),
        (lambda a, b: tidu.concatenate([a, b]), r"'concatenate' cannot combine"),
        (lambda a, b: a.reshape(4, -1), r"6 elements of the shape \(2, 3\) do not fill the shape \(4, -1\)"),
        (lambda a, b: a.sum(axis=2), r"there is no axis 2 in the shape \(2, 3\)"),
        (lambda a, b: a.transpose(0, 0), r"is not an order of the axes of the shape \(2, 3\)"),
        (lambda a, b: tidu.reshape(a, (5, 5)), r"do not fill the shape \(5, 5\)"),
        (lambda a, b: a @ 2.0, "multiplies with"),
        (lambda a, b: tidu.stack([]), "the sequence is empty"),
        (lambda a, b: a[5], r"no such part of a tensor of shape \(2, 3\)"),
        (lambda a, b: float(a), r"only a tensor with one element is a number; this one has the shape \(2, 3\)"),
    ],
)
def test_shapes_that_do_not_fit(wrong, says):
    with pytest.raises(TensorError, match=says):
        wrong(leaf(np.ones((2, 3))), leaf([1.0, 2.0]))


def test_a_list_of_tensors_keeps_their_gradients():
    a, b = leaf(1.0), leaf(2.0)
    (tidu.sum([a, b * b]) + tidu.mean([[a, 3.0], [b, 4.0]]) + tidu.dot([a, b], [5.0, 6.0])).backward()
    assert (a.grad, b.grad) == (1 + 0.25 + 5, 4 + 0.25 + 6)


def test_requires_grad_can_be_set():
    x = tidu.tensor([1, 2])
    x.requires_grad = True
    assert x.dtype == np.float64
    (x * 2).backward()
    assert x.grad.tolist() == [2.0, 2.0]
    x.requires_grad = False
    assert not (x * 2).requires_grad
    with pytest.raises(TensorError, match="a computed tensor cannot"):
        (leaf(1.0) * 2).requires_grad = False


def test_a_detached_tensor_does_not_follow_memory_that_was_given_out():
    x = tidu.tensor([1.0, 2.0])
    memory = x.data
    y = x.detach()
    memory[0] = 100.0
    assert y.tolist() == [1.0, 2.0]


def test_conversions():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 2), 2, 4, 2)
    assert [row.tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    assert x.T.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert float(leaf(2.5)) == 2.5
    assert int(leaf(2.5)) == 2
    assert bool(leaf(1.0) > 0.5)
    assert [10, 20, 30][tidu.tensor([1, 2]).argmax()] == 20
    assert f"{leaf(2.5):.3f}" == "2.500"
    assert 3.0 in x
    assert leaf(1.0) != 2.0
    assert (leaf(1.0) == None) is False  # noqa: E711
    assert {x: 1}[x] == 1
    with pytest.raises(TypeError, match="no length"):
        len(leaf(1.0))
    with pytest.raises(TypeError, match="whole number"):
        [1, 2][leaf(1.0)]


def test_looks():
    x = leaf(2.0)
    assert repr(x) == "tensor(2.0, grad=not computed)"
    y = x * 3
    assert repr(y) == "tensor(6.0, made by multiply)"
    y.backward()
    assert repr(x) == "tensor(2.0, grad=3.0)"
    assert repr(tidu.tensor(np.ones(2, dtype=np.float32))) == "tensor([1., 1.], dtype=float32)"
    assert repr(tidu.tensor([1, 2])) == "tensor([1, 2])"


def test_pickles_and_copies():
    x = leaf([1.0, 2.0])
    (x * 2).backward()
    for other in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert other.tolist() == [1.0, 2.0]
        assert other.grad.tolist() == [2.0, 2.0]
        assert other.requires_grad
    with pytest.raises(TensorError, match="use detach"):
        pickle.dumps(x * 2)


def test_functions_agree_with_numpy_and_torch():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(3, 4)), random.normal(size=(4,))
    for ours, theirs in (
        (lambda x, y: tidu.var(x, axis=1, ddof=1) + tidu.std(y), lambda x, y: x.var(dim=1) + y.std(correction=0)),
        (lambda x, y: tidu.dot(x, y), lambda x, y: x @ y),
        (lambda x, y: tidu.outer(y, x[0]), lambda x, y: torch.outer(y, x[0])),
        (lambda x, y: tidu.log_softmax(x), lambda x, y: torch.log_softmax(x, dim=1)),
        (lambda x, y: x.mean(axis=0) * y.min(), lambda x, y: x.mean(dim=0) * y.min()),
        (lambda x, y: x.clip(-0.5, 0.5) * y.norm(), lambda x, y: x.clip(-0.5, 0.5) * y.norm()),
        (lambda x, y: x.swapaxes(0, 1).squeeze() / 2 ** y[0], lambda x, y: x.swapaxes(0, 1) / 2 ** y[0]),
        (lambda x, y: tidu.expand_dims(y, 0) @ x.T, lambda x, y: y[None] @ x.T),
        (lambda x, y: (x.flatten() ** 2).logsumexp() + y, lambda x, y: torch.logsumexp(x.flatten() ** 2, 0) + y),
        (lambda x, y: tidu.where(x > y, x, y).softmax(axis=0), lambda x, y: torch.where(x > y, x, y).softmax(dim=0)),
    ):
        x, y = leaf(a), leaf(b)
        tx, ty = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
        out, their_out = ours(x, y), theirs(tx, ty)
        weights = random.normal(size=out.shape)
        (out * weights).sum().backward()
        (their_out * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(out.numpy(), their_out.detach().numpy(), rtol=1e-13)
        np.testing.assert_allclose(x.grad, tx.grad.numpy(), rtol=1e-12, atol=1e-13)
        if ty.grad is not None:
            np.testing.assert_allclose(y.grad, ty.grad.numpy(), rtol=1e-12, atol=1e-13)
