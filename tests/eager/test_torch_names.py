"""The from-scratch chapters in PyTorch's words run alike on tidu and on PyTorch: the same steps, to 1e-12."""

import functools
import operator
import random
import subprocess
import sys

import numpy as np
import pytest
import torch as pytorch

import tidu
import tidu.torch_names as tidus
from tidu.lessons import digits
from tidu.torch_names import nn
from tidu.torch_names.nn import functional as F
from tidu.torch_names.utils import data

CLOSE = {"rtol": 1e-12, "atol": 1e-12}  # two libraries that add in different orders, in float64


@pytest.fixture(autouse=True)
def double_precision():
    threads = pytorch.get_num_threads()
    pytorch.set_num_threads(1)  # small work: threads would wait for one another
    pytorch.set_default_dtype(pytorch.float64)
    tidus.manual_seed(0)
    yield
    pytorch.set_default_dtype(pytorch.float32)
    pytorch.set_num_threads(threads)


def alike(chapter, *arguments):
    """What a chapter records on tidu, after a comparison with what it records on PyTorch."""
    random.seed(2)
    ours = chapter(tidus, *arguments)
    random.seed(2)
    theirs = chapter(pytorch, *arguments)
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)
    return ours


def now(params):
    return np.concatenate([np.array(p.detach().numpy()).ravel() for p in params])


def data_iter(torch, batch_size, features, labels):
    places = list(range(len(features)))
    random.shuffle(places)
    for start in range(0, len(features), batch_size):
        chosen = torch.tensor(places[start : start + batch_size])
        yield features[chosen], labels[chosen]


def sgd(torch, params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


def line(torch, count=300):
    draw = np.random.default_rng(1)
    X = torch.tensor(draw.normal(size=(count, 2)))
    y = torch.matmul(X, torch.tensor([2, -3.4])) + 4.2
    y += torch.tensor(draw.normal(0, 0.01, y.shape))
    return X, y.reshape((-1, 1))


def linreg(torch, X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def linear_regression(torch):
    X, y = line(torch)
    w, b = torch.full((2, 1), 0.01, requires_grad=True), torch.zeros(1, requires_grad=True)
    steps = []
    for _epoch in range(5):
        for A, t in data_iter(torch, 10, X, y):
            squared_loss(linreg(torch, A, w, b), t).sum().backward()
            sgd(torch, [w, b], 0.05, 10)
            steps.append(now([w, b]))
        with torch.no_grad():
            steps.append([float(squared_loss(linreg(torch, X, w, b), y).mean())])
    return steps


def linear_regression_by_data(torch):
    """In the words of the earlier translation."""
    X, y = line(torch)
    w, b = torch.zeros(2, 1), torch.zeros(1)
    w.requires_grad_(requires_grad=True)
    b.requires_grad_()
    steps = []
    for _epoch in range(5):
        places = list(range(len(X)))
        random.shuffle(places)
        for start in range(0, len(X), 10):
            j = torch.LongTensor(places[start : start + 10])
            A, t = X.index_select(0, j), y.index_select(0, j)
            cost = ((torch.mm(A, w) + b - t.view((t.size(0), 1))) ** 2 / 2).sum()
            cost.backward()
            for param in (w, b):
                param.data -= 0.05 * param.grad / 10
                param.grad.data.zero_()
            steps.append([*now([w, b]), cost.item()])
    return steps


@pytest.mark.parametrize("chapter", [linear_regression, linear_regression_by_data])
def test_linear_regression_recovers_the_weights(chapter):
    steps = alike(chapter)
    weights = next(step for step in reversed(steps) if len(step) >= 3)[:3]
    np.testing.assert_allclose(weights, [2, -3.4, 4.2], atol=0.01)


def weight_decay(torch, lam):
    draw = np.random.default_rng(4)
    X = torch.tensor(draw.normal(size=(20, 40)))
    y = torch.matmul(X, torch.ones((40, 1)) * 0.01) + 0.05
    w, b = torch.tensor(draw.normal(size=(40, 1)), requires_grad=True), torch.zeros(1, requires_grad=True)
    steps = []
    for _epoch in range(20):
        for A, t in data_iter(torch, 5, X, y):
            cost = squared_loss(linreg(torch, A, w, b), t) + lam * torch.sum(w.pow(2)) / 2
            cost.sum().backward()
            sgd(torch, [w, b], 0.01, 5)
            steps.append(now([w, b]))
    return [*steps, [torch.norm(w).item()]]


def test_weight_decay_shrinks_the_weights():
    assert alike(weight_decay, 3)[-1][0] < 0.2 * alike(weight_decay, 0)[-1][0]


def images(torch):
    columns = digits.data()
    X = torch.tensor(np.column_stack([columns[f"p{k}"] for k in range(64)]) / 16)
    y = torch.tensor(columns["digit"].astype(np.int64))
    return X[:1400], y[:1400], X[1400:], y[1400:]


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum()) / len(y)


def softmax(torch, X):
    X_exp = torch.exp(X - X.max(dim=1, keepdim=True)[0])
    return X_exp / X_exp.sum(1, keepdim=True)


def softmax_regression(torch, gathered):
    X, y, X_test, y_test = images(torch)
    W, b = torch.zeros((64, 10), requires_grad=True), torch.zeros(10, requires_grad=True)

    def net(X):
        return softmax(torch, torch.matmul(X.reshape((-1, W.shape[0])), W) + b)

    def cross_entropy(y_hat, y):
        if gathered:
            return -torch.log(y_hat.gather(1, y.view(-1, 1)))
        return -torch.log(y_hat[range(len(y_hat)), y])

    steps = []
    for _epoch in range(5):
        for A, t in data_iter(torch, 64, X, y):
            cross_entropy(net(A), t).sum().backward()
            sgd(torch, [W, b], 0.5, 64)
            steps.append(now([W, b]))
    return [*steps, [accuracy(net(X_test), y_test)]]


@pytest.mark.parametrize("gathered", [False, True])
def test_softmax_regression_reads_digits(gathered):
    assert alike(softmax_regression, gathered)[-1][0] > 0.85


def logistic_regression(torch):
    X, y, X_test, y_test = images(torch)
    X, y = X[y < 2], y[y < 2].type(torch.float64).reshape(-1, 1)
    w, b = torch.zeros((64, 1), requires_grad=True), torch.zeros(1, requires_grad=True)
    steps = []
    for _epoch in range(3):
        for A, t in data_iter(torch, 16, X, y):
            p = torch.sigmoid(torch.mm(A, w) + b)
            (-(t * torch.log(p) + (1 - t) * torch.log(1 - p))).mean().backward()
            sgd(torch, [w, b], 0.3, 1)
            steps.append(now([w, b]))
    said = (torch.mm(X_test[y_test < 2], w) + b > 0).reshape(-1).type(y_test.dtype)
    return [*steps, [(said == y_test[y_test < 2]).double().mean().item()]]


def test_logistic_regression_tells_two_digits_apart():
    assert alike(logistic_regression)[-1][0] > 0.95


def perceptron(torch, drop):
    X, y, X_test, y_test = images(torch)
    draw = np.random.default_rng(0)
    start = [draw.normal(0, 0.1, (64, 48)), np.zeros(48), draw.normal(0, 0.1, (48, 10)), np.zeros(10)]
    params = [torch.nn.Parameter(torch.tensor(values), requires_grad=True) for values in start]
    W1, b1, W2, b2 = params
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    updater = torch.optim.SGD(params, lr=0.3, momentum=0.5, weight_decay=1e-4)

    def net(X, training):
        H = torch.max(X @ W1 + b1, torch.zeros_like(b1))
        if training and drop:
            mask = (torch.tensor(draw.random(H.shape)) > drop).double()
            H = mask * H / (1.0 - drop)
        return H @ W2 + b2

    steps = []
    for _epoch in range(6):
        for A, t in data_iter(torch, 64, X, y):
            updater.zero_grad()
            loss(net(A, True), t).mean().backward()
            updater.step()
            steps.append(now(params))
    return [*steps, [accuracy(net(X_test, False), y_test)]]


@pytest.mark.parametrize("drop", [0, 0.2])
def test_a_multilayer_perceptron_reads_digits(drop):
    assert alike(perceptron, drop)[-1][0] > 0.88


def network(torch):
    """A network as an object, with dropout only in training."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin1 = torch.nn.Linear(64, 32)
            self.rest = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(32, 10, bias=True))
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, X):
            H = self.lin1(X.reshape((-1, 64)))
            return self.rest(self.drop(H))

    net, draw = Net(), np.random.default_rng(0)
    assert isinstance(net, torch.nn.Module)
    bounds = [float(p.data.max()) for p in net.parameters()]
    assert all(0 < a <= b for a, b in zip(bounds, [1 / 8, 1 / 8, 32**-0.5, 32**-0.5], strict=True))
    for p in net.parameters():
        p.data.copy_(torch.tensor(draw.normal(0, 0.1, p.shape)))
    X, y, X_test, y_test = images(torch)
    net.train()
    assert (net(X) == net(X)).double().mean().item() < 1
    net.eval()  # from here on the same in both
    updater = torch.optim.SGD(net.parameters(), lr=0.3)
    assert isinstance(updater, torch.optim.Optimizer)
    steps = []
    for _epoch in range(4):
        for A, t in data_iter(torch, 64, X, y):
            net.zero_grad()
            torch.nn.functional.cross_entropy(net(A), t).backward()
            updater.step()
            steps.append(now(net.parameters()))
    return [*steps, [accuracy(net(X_test), y_test)]]


def test_a_network_as_an_object():
    assert alike(network)[-1][0] > 0.85
    with pytest.raises(tidu.TiduError, match="Module has no forward"):
        nn.Module()(1)


def by_hand(torch, name):
    """Momentum, AdaGrad, RMSProp and Adam as the chapters write them."""
    X, y = line(torch)
    params = [torch.zeros((2, 1), requires_grad=True), torch.zeros(1, requires_grad=True)]
    first, second = ([torch.zeros_like(p) for p in params] for _ in range(2))
    steps, t = [], 1
    for A, labels in data_iter(torch, 10, X, y):
        squared_loss(linreg(torch, A, *params), labels).mean().backward()
        for p, v, s in zip(params, first, second, strict=True):
            with torch.no_grad():
                if name == "momentum":
                    v[:] = 0.9 * v + p.grad
                    p[:] -= 0.02 * v
                elif name == "adagrad":
                    s[:] += torch.square(p.grad)
                    p[:] -= 0.5 * p.grad / torch.sqrt(s + 1e-6)
                elif name == "rmsprop":
                    s[:] = 0.9 * s + 0.1 * torch.square(p.grad)
                    p[:] -= 0.1 * p.grad / torch.sqrt(s + 1e-6)
                else:
                    v[:] = 0.9 * v + 0.1 * p.grad
                    s[:] = 0.999 * s + 0.001 * torch.square(p.grad)
                    p[:] -= 0.1 * (v / (1 - 0.9**t)) / (torch.sqrt(s / (1 - 0.999**t)) + 1e-6)
            p.grad.data.zero_()
        t += 1
        steps.append(now(params))
    return steps


@pytest.mark.parametrize("name", ["momentum", "adagrad", "rmsprop", "adam"])
def test_an_optimizer_by_hand_takes_the_same_steps(name):
    assert not np.array_equal(alike(by_hand, name)[-1], [0, 0, 0])


# -- names with rules of their own ------------------------------------------------------------------
def both(compute):
    for a, b in zip(compute(tidus), compute(pytorch), strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **CLOSE)


def test_what_numpy_says_otherwise():
    values = np.random.default_rng(3).normal(size=(4, 6))

    def compute(torch):
        x = torch.tensor(values)
        yield from (torch.var(x), x.var(1), x.std(dim=0, keepdim=True), torch.std(x, 1, unbiased=False))
        yield from (x.max(), *x.max(1), *torch.max(x, dim=0, keepdim=True), *x.min(1), torch.max(x, -x), x.min())
        yield from (x.transpose(0, 1), torch.transpose(x, 0, 1), x.t(), x.T, x.repeat(2, 3), *x.split(4, dim=1))
        yield from (
            *torch.split(x, [1, 3]),
            *x.sort(0),
            *torch.sort(x, 1, descending=True),
            x.argsort(),
            x.argmax(1, keepdim=True),
            x.argmin(axis=0),
        )
        yield from (x.sum(1, keepdim=True), x.mean(axis=0), torch.cat((x, x), dim=1), torch.stack([x, x], dim=2))
        yield from (torch.softmax(x, dim=0), x.exp().log(), torch.abs(x), x.norm(), x[:, 1:3].pow(2), x.square())
        yield from (torch.arange(3), torch.arange(1, 2, 0.25), torch.eye(2, 3), torch.linspace(0, 1, 5), torch.zeros(2))
        yield from (torch.ones(2, 3), torch.ones((2, 3)), torch.ones_like(x), torch.dot(x[0], x[1]), torch.mv(x, x[0]))
        yield from (x.unsqueeze(0), x.view(-1, 3), x.long(), x.clone(), x.gather(0, torch.tensor([[1, 0], [2, 3]])))

        yield from (x.clamp(-1, 0.5), torch.clamp(x, min=0.2), torch.mul(x, 2), x.add(x, alpha=3), x.sub(1), x.div(x))
        yield from (
            torch.eq(x, x),
            torch.unsqueeze(x, 1),
            torch.flatten(x),
            torch.zeros(size=(2, 1)),
            torch.ones(size=()),
        )

    both(compute)
    x = tidus.tensor(values)
    assert tidus.allclose(x, x + 1e-9)
    assert not tidus.allclose(x, x + 1)
    assert tidus.randn(size=(), requires_grad=True).shape == ()
    assert (x.size(), x.size(1), x.numel(), x.dim(), x.is_leaf) == ((4, 6), 6, 24, 2, True)


def test_a_condition_is_a_plain_value():
    def compute(torch):
        x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        ((x > 0) * x + (x < 2.5).double() * x**2 + x.argmax() * x + x.long() * x).sum().backward()
        yield x.grad

    both(compute)


def test_losses_and_activations():
    draw = np.random.default_rng(5)
    scores, targets = draw.normal(size=(6, 4)), draw.integers(0, 4, 6)

    def compute(torch):
        F = torch.nn.functional
        for reduction in ("mean", "sum", "none"):
            x, y = torch.tensor(scores, requires_grad=True), torch.tensor(targets)
            other = torch.tensor(scores[::-1].copy())
            losses = (F.cross_entropy(x, y, reduction=reduction), F.mse_loss(x, other, reduction=reduction),
                      F.nll_loss(F.log_softmax(x, dim=1), y, reduction=reduction),
                      F.l1_loss(x, other, reduction=reduction),
                      F.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(other), reduction=reduction),
                      F.binary_cross_entropy_with_logits(x, torch.sigmoid(other), reduction=reduction),
                      torch.nn.MSELoss(reduction=reduction)(x, other))  # fmt: skip
            for loss in losses:
                loss.sum().backward()
                yield from (loss, x.grad)
            yield from (
                F.relu(x),
                F.sigmoid(x),
                F.softmax(x, dim=1),
                F.linear(x, other, torch.ones(6)),
                F.one_hot(y, 5),
            )

    both(compute)


def test_dropout_keeps_the_mean_in_training():
    x = tidus.ones(200, 200, requires_grad=True)
    out = F.dropout(x, 0.3)
    out.sum().backward()
    kept = out.detach().numpy() > 0
    assert kept.mean() == pytest.approx(0.7, abs=0.01)
    np.testing.assert_allclose(x.grad.numpy(), kept / 0.7)
    assert F.dropout(x, 0.3, training=False) is x
    assert F.dropout(x, 1.0).sum().item() == 0


def test_gradients_add_and_stay_the_same_object():
    x = tidus.tensor([1.0, 2.0], requires_grad=True)
    assert x.grad is None
    (x**2).sum().backward()
    gradient = x.grad
    (x**2).sum().backward()
    assert x.grad.tolist() == [4, 8]
    with tidus.no_grad():
        x[:] = x - 1
    (x**2).sum().backward()
    assert gradient is x.grad
    assert gradient.tolist() == [4, 10]
    x.grad.zero_()
    assert gradient.tolist() == [0, 0]
    x.data[0] = 7
    x.data.mul_(2)
    assert x.tolist() == [14, 2]
    x.grad = None
    (x**2).backward(tidus.ones(2))
    assert x.grad.tolist() == [28, 4]


def test_the_loader_gives_every_sample_once():
    X, y = tidus.arange(10).reshape(5, 2), tidus.arange(5)
    loader = data.DataLoader(data.TensorDataset(X, y), batch_size=2, shuffle=True)
    first, second = ([t.tolist() for _A, t in loader] for _ in range(2))
    assert len(loader) == 3 == len(first)
    assert sorted(functools.reduce(operator.iadd, first, [])) == list(range(5))
    assert first != second
    assert all((A[:, 0] == 2 * t).all() for A, t in loader)
    assert [len(t) for _A, t in data.DataLoader(data.TensorDataset(X, y), 2, drop_last=True)] == [2, 2]

    class Pairs(data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, k):
            return X[k], 1.0 * k

    batch = next(iter(data.DataLoader(Pairs(), 3)))
    assert batch[0].shape == (3, 2)
    assert batch[1].tolist() == [0, 1, 2]


def test_random_numbers_follow_from_the_seed():
    def drawn():
        tidus.manual_seed(9)
        parts = (tidus.normal(0, 1, (3, 2)), tidus.randn(2, 2), tidus.rand(4), tidus.randint(0, 5, (40,)),
                 tidus.randperm(6), tidus.zeros(3).normal_(0, 0.1), tidus.zeros(3).uniform_(-1, 1))  # fmt: skip
        return [part.tolist() for part in parts]

    first = drawn()
    assert first == drawn()
    assert sorted(first[4]) == list(range(6))
    assert set(first[3]) == set(range(5))


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda: tidus.matmull, "torch_names has no 'matmull'; did you mean 'matmul'"),
        (lambda: tidus.svd_lowrank, "torch_names has no 'svd_lowrank'; it has LongTensor"),
        (lambda: nn.Conv2d, "torch_names.nn has no 'Conv2d'; it has BCELoss"),
        (lambda: nn.CrossEntropyLos, "did you mean 'CrossEntropyLoss'"),
        (lambda: F.cros_entropy, "did you mean 'cross_entropy'"),
        (lambda: tidus.optim.Adam, "torch_names.optim has no 'Adam'; it has Optimizer, SGD"),
        (lambda: data.DataLoder, "did you mean 'DataLoader'"),
        (lambda: tidus.ones(1).zero, "did you mean 'zero_'"),
        (lambda: tidus.ones(1).to("cuda"), "device is an option"),
        (lambda: tidus.set_default_dtype(tidus.float32), "new tensors are float64"),
        (lambda: tidus.ones(2, requires_grad=True).backward(), r"one number, and this tensor has the shape \(2,\)"),
        (lambda: tidus.ones(2, requires_grad=True).zero_(), "only inside `with no_grad"),
        (lambda: tidus.ones(3).split([1, 1]), "add up to 2"),
        (lambda: F.cross_entropy(tidus.ones(2, 3), tidus.tensor([0, 3])), "3 is not one of the classes 0 to 2"),
        (lambda: F.mse_loss(tidus.ones(2, 1), tidus.ones(2)), r"one shape, not \(2, 1\) and \(2,\)"),
        (lambda: F.mse_loss(tidus.ones(2), tidus.ones(2), reduction="avg"), "'mean', 'sum', 'none'"),
        (lambda: F.dropout(tidus.ones(2), 1.5), "p=1.5"),
        (lambda: data.TensorDataset(tidus.ones(2), tidus.ones(3)), "these have 2, 3"),
        (lambda: data.DataLoader(data.TensorDataset(tidus.ones(2)), 0), "batch_size=0 is not possible"),
    ],
)
def test_what_is_lacking_says_so(ask, answer):
    with pytest.raises(tidu.TiduError, match=answer):
        ask()


def test_the_names_come_without_the_heavy_libraries():
    code = (
        "import sys; import tidu.torch_names as torch; import tidu.torch_names.nn.functional as F; "
        "print(sorted({'scipy', 'pyarrow', 'llvmlite', 'torch'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
