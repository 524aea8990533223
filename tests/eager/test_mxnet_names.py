"""The from-scratch chapters in MXNet's words: they learn, and each step's parameters are PyTorch's."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

import tidu
from tidu import autograd, nd
from tidu.lessons import digits

CLOSE = {"rtol": 1e-12, "atol": 1e-12}  # two libraries that add in different orders, in float64


def images():
    columns = digits.data()
    pixels = np.column_stack([columns[f"p{k}"] for k in range(64)]) / 16
    return pixels[:1400], columns["digit"][:1400], pixels[1400:], columns["digit"][1400:]


def data_iter(batch_size, features, labels):
    places = list(range(len(features)))
    random.shuffle(places)
    for start in range(0, len(features), batch_size):
        chosen = nd.array(places[start : start + batch_size])
        yield features.take(chosen), labels.take(chosen)


def sgd(params, lr, batch_size):
    for param in params:
        param[:] = param - lr * param.grad / batch_size


def linreg(X, w, b):
    return nd.dot(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def softmax(X):
    X_exp = (X - X.max(axis=1, keepdims=True)).exp()
    return X_exp / X_exp.sum(axis=1, keepdims=True)


def cross_entropy(y_hat, y):
    return -nd.pick(y_hat, y).log()


def torch_step(params, batch, cost, lr, batch_size):
    """What PyTorch makes of the same parameters and the same batch."""
    there = [torch.tensor(p.asnumpy(), requires_grad=True) for p in params]
    cost(*(torch.tensor(part.asnumpy()) for part in batch), *there).sum().backward()
    return [(p - lr * p.grad / batch_size).detach().numpy() for p in there]


def trained(params, batches, net, loss, there, lr, penalty=None):
    """One pass of SGD, each step of it beside PyTorch's."""
    for param in params:
        param.attach_grad()
    for X, y in batches:
        expected = torch_step(params, (X, y), there, lr, len(X))
        with autograd.record():
            cost = loss(net(X, *params), y)
            if penalty is not None:
                cost = cost + penalty(params)
        cost.backward()
        sgd(params, lr, len(X))
        for param, other in zip(params, expected, strict=True):
            np.testing.assert_allclose(param.asnumpy(), other, **CLOSE)


@pytest.fixture(autouse=True)
def seeds():
    nd.random.seed(3)
    random.seed(3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small work: threads would wait for one another
    yield
    torch.set_num_threads(threads)


def line(number=300):
    features = nd.random.normal(scale=1, shape=(number, 2))
    labels = 2 * features[:, 0] - 3.4 * features[:, 1] + 4.2
    labels += nd.random.normal(scale=0.01, shape=labels.shape)
    return features, labels


def squared_there(X, y, w, b):
    return (X @ w + b - y.reshape(-1, 1)) ** 2 / 2


def test_linear_regression_recovers_the_weights():
    features, labels = line()
    w, b = nd.random.normal(scale=0.01, shape=(2, 1)), nd.zeros(shape=(1,))
    for _epoch in range(6):
        trained([w, b], data_iter(10, features, labels), linreg, squared_loss, squared_there, 0.05)
    np.testing.assert_allclose(w.asnumpy().ravel(), [2, -3.4], atol=0.01)
    assert b.asscalar() == pytest.approx(4.2, abs=0.01)
    assert squared_loss(linreg(features, w, b), labels).mean().asscalar() < 1e-4


def test_weight_decay_shrinks_the_weights():
    features = nd.random.normal(shape=(20, 40))
    labels = nd.dot(features, nd.ones((40, 1)) * 0.01) + 0.05
    lengths = []
    for lam in (0, 3):
        nd.random.seed(1)
        w, b = nd.random.normal(scale=1, shape=(40, 1)), nd.zeros((1,))

        def there(X, y, w, b, lam=lam):
            return squared_there(X, y, w, b) + lam * (w**2).sum() / 2

        for _epoch in range(20):
            batches = data_iter(1, features, labels)
            trained([w, b], batches, linreg, squared_loss, there, 0.003, lambda p, lam=lam: lam * (p[0] ** 2).sum() / 2)
        lengths.append(w.norm().asscalar())
    assert lengths[1] < 0.2 * lengths[0]


def accuracy(net, params, X, y):
    return (net(X, *params).argmax(axis=1) == y).mean().asscalar()


def test_logistic_regression_tells_two_digits_apart():
    X, y, X_test, y_test = images()
    X, y = nd.array(X[y < 2]), nd.array(y[y < 2])
    w, b = nd.zeros((64, 1)), nd.zeros(1)

    def loss(y_hat, y):
        y = y.reshape(y_hat.shape)
        return -(y * nd.log(y_hat) + (1 - y) * nd.log(1 - y_hat))

    def there(X, y, w, b):
        p = torch.sigmoid(X @ w + b)
        y = y.reshape(-1, 1)
        return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))

    def net(X, w, b):
        return nd.sigmoid(linreg(X, w, b))

    for _epoch in range(6):
        trained([w, b], data_iter(16, X, y), net, loss, there, 0.5)
    chosen = y_test < 2
    said = net(nd.array(X_test[chosen]), w, b) > 0.5
    assert (said == nd.array(y_test[chosen]).reshape((-1, 1))).mean().asscalar() > 0.95


def test_softmax_regression_reads_digits():
    X, y, X_test, y_test = map(nd.array, images())
    W, b = nd.random.normal(scale=0.01, shape=(64, 10)), nd.zeros(10)

    def net(X, W, b):
        return softmax(nd.dot(X.reshape((-1, 64)), W) + b)

    def there(X, y, W, b):
        return torch.nn.functional.cross_entropy(X @ W + b, y.long(), reduction="none")

    for _epoch in range(10):
        trained([W, b], data_iter(32, X, y), net, cross_entropy, there, 0.5)
    assert accuracy(net, (W, b), X_test, y_test) > 0.87


def test_a_multilayer_perceptron_reads_digits_better():
    X, y, X_test, y_test = map(nd.array, images())
    sizes = (64, 48, 10)
    params = [nd.random.normal(scale=0.1, shape=(64, 48)), nd.zeros(48),
              nd.random.normal(scale=0.1, shape=(48, 10)), nd.zeros(10)]  # fmt: skip

    def net(X, W1, b1, W2, b2):
        hidden = nd.maximum(nd.dot(X.reshape((-1, sizes[0])), W1) + b1, 0)
        return nd.dot(hidden, W2) + b2

    def loss(y_hat, y):
        return -(nd.log_softmax(y_hat) * nd.one_hot(y, 10)).sum(axis=1)

    def there(X, y, W1, b1, W2, b2):
        out = torch.relu(X @ W1 + b1) @ W2 + b2
        return torch.nn.functional.cross_entropy(out, y.long(), reduction="none")

    for _epoch in range(20):
        trained(params, data_iter(32, X, y), net, loss, there, 0.5)
    assert accuracy(net, params, X_test, y_test) > 0.91


def dropout(X, drop_prob):
    assert 0 <= drop_prob <= 1
    if drop_prob == 1:
        return X.zeros_like()
    mask = nd.random.uniform(0, 1, X.shape) < 1 - drop_prob
    return mask * X / (1 - drop_prob)


def test_dropout_drops_in_training_alone():
    X = nd.ones((100, 100))

    def layer(X):
        return dropout(X, 0.4) if autograd.is_training() else X

    assert layer(X).mean().asscalar() == 1
    X.attach_grad()
    with autograd.record():
        out = layer(X)
        with autograd.pause():
            assert not autograd.is_training()
            assert not autograd.is_recording()
    out.backward()
    kept = out.asnumpy() > 0
    assert 0.55 < kept.mean() < 0.65
    np.testing.assert_allclose(X.grad.asnumpy(), kept / 0.6)
    with autograd.record(train_mode=False):
        assert layer(X).mean().asscalar() == 1
    with autograd.record(), autograd.predict_mode():
        assert autograd.is_recording()
        assert not autograd.is_training()
    with autograd.train_mode():
        assert autograd.is_training()
        assert not autograd.is_recording()


def momentum(params, states, hyper):
    for p, v in zip(params, states, strict=True):
        v[:] = hyper["momentum"] * v + hyper["lr"] * p.grad
        p[:] -= v


def adagrad(params, states, hyper):
    for p, s in zip(params, states, strict=True):
        s[:] += p.grad.square()
        p[:] -= hyper["lr"] * p.grad / (s.sqrt() + 1e-10)


def rmsprop(params, states, hyper):
    for p, s in zip(params, states, strict=True):
        s[:] = 0.9 * s + (1 - 0.9) * p.grad.square()
        p[:] -= hyper["lr"] * p.grad / (s.sqrt() + 1e-8)


def adam(params, states, hyper):
    for p, (v, s) in zip(params, states, strict=True):
        v[:] = 0.9 * v + (1 - 0.9) * p.grad
        s[:] = 0.999 * s + (1 - 0.999) * p.grad.square()
        v_hat, s_hat = v / (1 - 0.9 ** hyper["t"]), s / (1 - 0.999 ** hyper["t"])
        p[:] -= hyper["lr"] * v_hat / (s_hat.sqrt() + 1e-8)
    hyper["t"] += 1


OPTIMIZERS = {
    "momentum": (momentum, 1, {"lr": 0.02, "momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "adagrad": (adagrad, 1, {"lr": 0.5}, lambda p: torch.optim.Adagrad(p, lr=0.5)),
    "rmsprop": (rmsprop, 1, {"lr": 0.1}, lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9)),
    "adam": (adam, 2, {"lr": 0.1, "t": 1}, lambda p: torch.optim.Adam(p, lr=0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_by_hand_steps_as_that_of_pytorch(name):
    step, count, hyper, made = OPTIMIZERS[name]
    features, labels = line()
    params = [nd.random.normal(scale=0.01, shape=(2, 1)), nd.zeros(1)]
    there = [torch.tensor(p.asnumpy(), requires_grad=True) for p in params]
    optimizer = made(there)
    states = [nd.zeros(p.shape) if count == 1 else (nd.zeros(p.shape), nd.zeros(p.shape)) for p in params]
    hyper = dict(hyper)
    for param in params:
        param.attach_grad()
    for _epoch in range(5):
        for X, y in data_iter(20, features, labels):
            with autograd.record():
                cost = squared_loss(linreg(X, *params), y).mean()
            cost.backward()
            step(params, states, hyper)
            optimizer.zero_grad()
            squared_there(torch.tensor(X.asnumpy()), torch.tensor(y.asnumpy()), *there).mean().backward()
            optimizer.step()
            for param, other in zip(params, there, strict=True):
                np.testing.assert_allclose(param.asnumpy(), other.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(params[0].asnumpy().ravel(), [2, -3.4], atol=0.1)


# -- MXNet's rules ------------------------------------------------------------------------------
def walk(x):
    with autograd.record():
        y = 2 * x * x
    y.backward()
    return x.grad.asnumpy().tolist()


def test_each_backward_writes_anew_or_adds_or_keeps_nothing():
    x = nd.array([1, 2, 3])
    x.attach_grad()
    assert x.grad.asnumpy().tolist() == [0, 0, 0]
    gradient = x.grad
    assert walk(x) == walk(x) == [4, 8, 12]
    assert gradient is x.grad
    x.attach_grad("add")
    assert walk(x) == [4, 8, 12]
    assert walk(x) == [8, 16, 24]
    x.grad[:] = 0
    assert walk(x) == [4, 8, 12]
    x.attach_grad(grad_req="null")
    assert x.grad is None
    with autograd.record(), pytest.raises(tidu.TiduError, match="nothing to walk back to"):
        (x * x).backward()
    with pytest.raises(tidu.TiduError, match="'write', 'add', 'null'"):
        x.attach_grad("sum")


def test_a_head_gradient_weighs_the_entries():
    x = nd.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = x**2
    y.backward(nd.array([10, 0.1]), retain_graph=True)
    np.testing.assert_allclose(x.grad.asnumpy(), [20, 0.4])
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), [2, 4])


def test_nothing_is_recorded_outside_record():
    x = nd.array([1.0])
    x.attach_grad()
    with pytest.raises(tidu.TiduError, match="nothing to walk back to"):
        (x * x).backward()
    before = x
    x -= 0.5 * x
    assert x is before
    assert x.asscalar() == 0.5
    y = tidu.tensor(2.0, requires_grad=True)  # tidu's own tensors always are
    (y * y).backward()
    assert y.grad == 4


def test_attach_grad_cuts_off_what_came_before():
    x = nd.array([3.0])
    x.attach_grad()
    with autograd.record():
        u = x * x
        u.attach_grad()
        z = u * x
    z.backward()
    assert (u.grad.asscalar(), x.grad.asscalar()) == (3, 9)
    with autograd.record():
        z = (x * x).detach() * x
    z.backward()
    assert x.grad.asscalar() == 9


def test_control_flow_of_values():
    def f(a):
        b = a * 2
        while b.norm().asscalar() < 1000:
            b = b * 2
        return b if b.sum().asscalar() > 0 else 100 * b

    a = nd.random.normal(shape=1)
    a.attach_grad()
    with autograd.record():
        c = f(a)
    c.backward()
    np.testing.assert_allclose(a.grad.asnumpy(), (c / a).asnumpy(), rtol=1e-14)


def test_a_condition_is_a_plain_value():
    x = nd.array([-1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = (x > 0) * x
    y.backward()
    assert x.grad.asnumpy().tolist() == [0, 1]


def test_creation_indexing_and_shapes():
    x = nd.arange(12).reshape((3, 4))
    assert x.shape == (3, 4)
    assert x.size == 12
    assert x.dtype == np.float64
    assert x.reshape((0, 2, -1)).shape == (3, 2, 2)
    assert x.reshape(-1).shape == (12,)
    x[1, 2], x[0:1, :] = 9, 12
    assert x[1].asnumpy().tolist() == [4, 5, 9, 7]
    assert x[0].sum().asscalar() == 48
    assert nd.concat(x, x, dim=0).shape == (6, 4)
    assert nd.concat(x, x).shape == (3, 8)
    assert [part.shape for part in nd.split(x, 2)] == [(3, 2), (3, 2)]
    assert nd.stack(x, x).shape == (2, 3, 4)
    assert nd.stack(x, x, axis=1).shape == (3, 2, 4)
    assert (x == x).sum().asscalar() == 12
    assert (x == x).dtype == np.float64
    assert nd.ones((2, 3, 4)).flatten().shape == (2, 12)
    assert x[nd.array([0, 2])].shape == (2, 4)
    assert x.take(nd.array([1]), axis=1).shape == (3, 1)
    assert nd.one_hot(nd.array([0, 2]), 3).asnumpy().tolist() == [[1, 0, 0], [0, 0, 1]]
    y_hat = nd.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert nd.pick(y_hat, nd.array([0, 2])).asnumpy().tolist() == [0.1, 0.5]
    assert nd.pick(y_hat, nd.array([0, 1, 1]), axis=0, keepdims=True).asnumpy().tolist() == [[0.1, 0.2, 0.5]]
    assert nd.dot(y_hat, y_hat, transpose_b=True).shape == (2, 2)
    assert nd.argsort(y_hat, axis=1, is_ascend=False).asnumpy().tolist() == [[2, 1, 0], [2, 0, 1]]
    assert nd.max(y_hat, axis=1).asnumpy().tolist() == [0.6, 0.5]
    assert nd.where(y_hat > 0.4, y_hat, nd.zeros_like(y_hat)).sum().asscalar() == pytest.approx(1.1)
    assert (nd.eye(2) + nd.full((2, 2), 3) * nd.ones_like(nd.empty((2, 2)))).sum().asscalar() == 14
    assert nd.square(nd.linspace(0, 1, 3)).asnumpy().tolist() == [0, 0.25, 1]
    assert nd.array([1, 2], dtype="int32").dtype == np.int32


def test_random_numbers_follow_from_the_seed():
    def drawn():
        nd.random.seed(5)
        parts = (nd.random.normal(1, 2, (2, 3)), nd.random.uniform(-1, 1, shape=4), nd.random.randint(0, 9, shape=50),
                 nd.random.randn(2, 2), nd.shuffle(nd.arange(10)))  # fmt: skip
        return [part.asnumpy() for part in parts]

    first, second = drawn(), drawn()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert [a.shape for a in first] == [(2, 3), (4,), (50,), (2, 2), (10,)]
    assert first[2].dtype == np.int32
    assert first[2].min() >= 0
    assert first[2].max() == 8
    assert sorted(first[4]) == list(range(10))
    sample = nd.random.normal(3, 0.5, shape=20000).asnumpy()
    assert sample.mean() == pytest.approx(3, abs=0.02)
    assert sample.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda: nd.concatt, "nd has no 'concatt'; did you mean 'concat'"),
        (lambda: nd.arry, "did you mean 'array'"),
        (lambda: nd.Convolution, "nd has no 'Convolution'; it has NDArray, "),
        (lambda: nd.random.norml, "did you mean 'normal'"),
        (lambda: autograd.recrd, "did you mean 'record'"),
        (lambda: nd.ones(1).asnumpi, "did you mean 'asnumpy'"),
        (lambda: nd.ones(1).to("gpu"), "device is an option"),
        (lambda: nd.pick(nd.ones((2, 3)), nd.array([0, 3])), "3.0 is not one of the classes 0 to 2"),
        (lambda: nd.one_hot(nd.array([-1]), 3), "-1.0 is not one of the classes 0 to 2"),
    ],
)
def test_what_is_lacking_says_so(ask, answer):
    with pytest.raises(tidu.TiduError, match=answer):
        ask()


def test_a_wrong_name_is_an_import_error_too():
    with pytest.raises(ImportError):
        from tidu.nd import concatt  # noqa: F401


def test_the_names_come_without_the_heavy_libraries():
    code = "import sys; from tidu import nd, autograd; print(sorted({'scipy', 'pyarrow', 'llvmlite'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
