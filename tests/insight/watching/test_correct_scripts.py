"""Correct scripts of the from-scratch chapters, in three styles, several batch sizes and reductions: no findings."""

import pytest

from tidu.insight.watching.watched import watch_script

# -- the words of each style --------------------------------------------------------------------------
STYLES = {
    "mxnet": """
from tidu import autograd, nd
nd.random.seed(3)
normal = lambda *shape: nd.random.normal(scale=1, shape=shape)
def parameter(*shape, scale=0.3):
    p = nd.random.normal(scale=scale, shape=shape)
    p.attach_grad()
    return p
def update(param, step):
    param[:] = param - step
def clear(params):
    pass
record = autograd.record
exp, log, dot, maximum, sqrt = nd.exp, nd.log, nd.dot, nd.maximum, nd.sqrt
number = lambda x: x.asscalar()
""",
    "torch": """
import contextlib
import tidu.torch_names as torch
torch.manual_seed(3)
normal = lambda *shape: torch.normal(0, 1, shape)
def parameter(*shape, scale=0.3):
    return torch.normal(0, scale, shape, requires_grad=True)
def update(param, step):
    with torch.no_grad():
        param -= step
def clear(params):
    for param in params:
        param.grad.zero_()
record = contextlib.nullcontext
exp, log, dot, sqrt = torch.exp, torch.log, torch.matmul, torch.sqrt
maximum = lambda x, a: torch.clamp(x, min=a)
number = float
""",
    "tidu": """
import contextlib
import numpy as np
import tidu
random = np.random.default_rng(3)
normal = lambda *shape: tidu.tensor(random.normal(0, 1, shape))
def parameter(*shape, scale=0.3):
    p = tidu.tensor(random.normal(0, scale, shape))
    p.attach_grad()
    return p
def update(param, step):
    param[:] = param - step
def clear(params):
    pass
record = contextlib.nullcontext
exp, log, dot, maximum, sqrt = tidu.exp, tidu.log, tidu.matmul, tidu.maximum, tidu.sqrt
number = lambda x: x.item()
""",
}
# -- sums and means, and where the batch is divided by ------------------------------------------------
REDUCTIONS = {
    "mean in the loss": ("losses.mean()", "param.grad"),
    "sum, divided in the update": ("losses.sum()", "param.grad / batch_size"),
    "divided in the loss": ("losses.sum() / batch_size", "param.grad"),
}
DATA = """
X = normal(120, 3)
true = dot(X, parameter(3, 1, scale=2))
try:
    true = true.detach()
except AttributeError:
    pass
"""
LOOP = """
for epoch in range({epochs}):
    for start in range(0, 120, batch_size):
        x, y = X[start : start + batch_size], Y[start : start + batch_size]
        with record():
            losses = loss_of(x, y)
            loss = {loss}
        loss.backward()
        for param in params:
            {step}
        clear(params)
print(number(loss))
"""
SGD = "update(param, lr * {gradient})"
CHAPTERS = {
    "linear": """
Y = true + 0.01 * normal(120, 1)
w, b = parameter(3, 1), parameter(1)
params, lr = [w, b], 0.1
def loss_of(x, y):
    return (dot(x, w) + b - y) ** 2 / 2
""",
    "weight decay": """
Y = true + 0.01 * normal(120, 1)
w, b = parameter(3, 1), parameter(1)
params, lr = [w, b], 0.05
def loss_of(x, y):
    return (dot(x, w) + b - y) ** 2 / 2 + 0.1 * (w ** 2).sum() / 2
""",
    "logistic": """
Y = (true > 0) * 1.0
w, b = parameter(3, 1), parameter(1)
params, lr = [w, b], 0.5
def loss_of(x, y):
    p = 1 / (1 + exp(-(dot(x, w) + b)))
    return -(y * log(p) + (1 - y) * log(1 - p))
""",
    "softmax": """
Y = (true > 0) * 1.0
w, b = parameter(3, 2), parameter(2)
params, lr = [w, b], 0.3
def loss_of(x, y):
    scores = exp(dot(x, w) + b)
    p = scores / scores.sum(axis=1, keepdims=True)
    return -(y * log(p[:, 1:2]) + (1 - y) * log(p[:, 0:1]))
""",
    "mlp": """
Y = true / 3
W1, b1, W2, b2 = parameter(3, 8), parameter(8), parameter(8, 1), parameter(1)
params, lr = [W1, b1, W2, b2], 0.05
def loss_of(x, y):
    hidden = maximum(dot(x, W1) + b1, 0.0)
    return (dot(hidden, W2) + b2 - y) ** 2 / 2
""",
    "dropout": """
Y = true / 3
W1, b1, W2, b2 = parameter(3, 16), parameter(16), parameter(16, 1), parameter(1)
params, lr = [W1, b1, W2, b2], 0.02
def loss_of(x, y):
    hidden = maximum(dot(x, W1) + b1, 0.0)
    kept = (normal(x.shape[0], 16) > -0.8) * 1.0
    return (dot(hidden * kept / 0.79, W2) + b2 - y) ** 2 / 2
""",
}
OPTIMIZERS = {
    "momentum": "velocity[param] = 0.9 * velocity.get(param, 0.0) + {gradient}; update(param, lr * velocity[param])",
    "adagrad": (
        "velocity[param] = velocity.get(param, 0.0) + ({gradient}) ** 2; "
        "update(param, lr * ({gradient}) / sqrt(velocity[param] + 1e-6))"
    ),
    "rmsprop": (
        "velocity[param] = 0.9 * velocity.get(param, 0.0) + 0.1 * ({gradient}) ** 2; "
        "update(param, lr * ({gradient}) / sqrt(velocity[param] + 1e-6))"
    ),
    "decay in the update": "update(param, lr * ({gradient} + 0.01 * param))",
}


def scripts():
    reductions = list(REDUCTIONS.items())
    for s, style in enumerate(STYLES):
        for k, chapter in enumerate(CHAPTERS):
            reduction, (loss, gradient) = reductions[(s + k) % 3]
            batch = (10, 120, 40, 7)[(s + 2 * k) % 4]
            yield pytest.param(
                style, chapter, SGD, loss, gradient, batch, id=f"{style}, {chapter}, {reduction}, {batch}"
            )
        for k, (name, step) in enumerate(OPTIMIZERS.items()):
            reduction, (loss, gradient) = reductions[(s + k) % 3]
            batch = (20, 60, 120)[(s + k) % 3]
            yield pytest.param(
                style, "linear", step, loss, gradient, batch, id=f"{style}, {name}, {reduction}, {batch}"
            )


SCRIPTS = list(scripts())


def test_there_are_thirty():
    assert len(SCRIPTS) == 30


def written(folder, style, chapter, step, loss, gradient, batch):
    lines = [STYLES[style], f"batch_size = {batch}", "velocity = {}", DATA, CHAPTERS[chapter]]
    lines.append(LOOP.format(epochs=6, loss=loss, step=step.format(gradient=gradient)))
    path = folder / "script.py"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(("style", "chapter", "step", "loss", "gradient", "batch"), SCRIPTS)
def test_a_correct_script_has_no_findings(style, chapter, step, loss, gradient, batch, tmp_path, capsys):
    path = written(tmp_path, style, chapter, step, loss, gradient, batch)
    seen = watch_script(str(path))
    assert seen.ended.error is None, seen.ended
    assert [f.to_dict() for f in seen.faults] == []
    (training,) = seen.trainings
    assert len(training.losses) == 6 * -(-120 // batch)
    third = len(training.losses) // 3
    assert sum(training.losses[-third:]) < sum(training.losses[:third])
    assert all(leaf.updates == len(training.losses) for leaf in training.leaves)
    if chapter == "linear" and step == SGD:
        told = seen.to_dict()["trainings"][0]
        mean = "mean" in loss or "/" in loss
        assert told["reduction"] == {"kind": "mean" if mean else "sum", "count": batch}
        divided = told["parameters"]["w"]["divided_in_update"]
        assert divided == (None if mean else {"rate": "lr", "value": 0.1})
